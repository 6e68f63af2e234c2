// Puts back what one version of a rule holds, all at once.
import { Kind, byId, identity, on, putBack } from "./desk.js";

export function undoPage(form) {
  form.hidden = false;
  on(byId("put-back"), byId("undo-status"), "Preparing…", async () => {
    if (!form.reportValidity()) return "";
    const own = await identity(byId("wrapped").textContent.trim(), byId("undo-passphrase"));
    const { released } = await putBack(location.pathname, form, own);
    const lines = [...document.querySelectorAll("#held li")];
    const left = lines.filter((line) => !released.includes(line.dataset.codename));
    for (const line of lines) line.querySelector(".outcome").textContent = left.includes(line) ? "somebody has decided meanwhile" : "released";
    if (left.length > 0) throw new Kind(`${left.length} of ${lines.length} were not released; each line says why. The others are on their way back. Nothing is lost.`);
    return "All are released. The service puts them back within a minute or two.";
  });
}
