// Puts back what one version of a rule holds, case by case: what is wrong with one keeps none of the others.
import { Kind, byId, identity, on, putBack } from "./desk.js";

// The desk lets nobody ask more often than a person does; then this waits.
const PAUSE_MS = 15_000;

export function undoPage(section) {
  const status = byId("undo-status");
  section.hidden = false;
  on(byId("put-back"), status, "Preparing…", async () => {
    const own = await identity(byId("wrapped").textContent.trim(), byId("undo-passphrase"));
    const words = byId("undo-words").value.trim();
    const lines = [...document.querySelectorAll("#held li")].filter((line) => !line.dataset.done);
    let failed = 0;
    for (const [at, line] of lines.entries()) {
      status.textContent = `${at + 1} of ${lines.length}…`;
      const told = await one(line.dataset.codename, section.dataset.form, words, own);
      line.querySelector(".outcome").textContent = told === "" ? "released" : told;
      if (told === "") line.dataset.done = "yes";
      else failed += 1;
    }
    if (failed > 0) throw new Kind(`${failed} of ${lines.length} were not released; each line says why. The others are on their way back. Nothing is lost.`);
    return "All are released. The service puts them back within a minute or two.";
  });
}

// Why it was not released; empty where it was.
async function one(codename, form, words, own) {
  for (;;) {
    try {
      await putBack(codename, form, words, own);
      return "";
    } catch (error) {
      if (!(error instanceof Kind)) throw error;
      if (error.status !== 429) return error.message;
      await new Promise((passed) => setTimeout(passed, PAUSE_MS));
    }
  }
}
