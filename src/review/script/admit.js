// Admits a colleague: opens the key of the audience with her own, and seals it to the key that was confirmed. The server is
// handed what that colleague alone opens.
import { Decrypter, Encrypter, identityToRecipient } from "age-encryption";
import { Kind, base64, byId, identity, kept, octets, on, send } from "./desk.js";

const MEMBER = "# member: ";
const SECRET = "AGE-SECRET-KEY-1";

// What is in the first ring that her key opens.
async function opened(own, rings) {
  for (const ring of rings) {
    const opener = new Decrypter();
    opener.addIdentity(own);
    try {
      return await opener.decrypt(octets(ring), "text");
    } catch {
      // It is sealed to others.
    }
  }
  throw new Kind("Your own key is not a member yet: it cannot admit anybody. Please ask a colleague whose key opens these cases.");
}

// The same for one more, or for the new key of somebody who is there already.
function withOneMore(text, name, recipient) {
  const lines = text.split("\n").filter((line) => line !== "");
  const [head, others, secret] = [
    lines.filter((line) => line.startsWith("#") && !line.startsWith(MEMBER)),
    lines.filter((line) => line.startsWith(MEMBER) && !line.startsWith(`${MEMBER}${name}=`)),
    lines.filter((line) => line.startsWith(SECRET)),
  ];
  return { ring: [...head, ...others, `${MEMBER}${name}=${recipient}`, ...secret, ""].join("\n"), secret: secret[0] };
}

export function admitPart(part) {
  const { form, rings, ring: known, audienceKey } = part.dataset;
  const wrapped = byId("wrapped");
  if (!wrapped) return;
  byId("passphrase-part").hidden = kept() !== null;
  for (const colleague of part.querySelectorAll("form.admit")) {
    const fields = colleague.querySelector(".scripted");
    if (!fields) continue;
    fields.hidden = false;
    const { account, name, recipient } = colleague.dataset;
    on(fields.querySelector("button:not([type])"), colleague.querySelector("[role=status]"), "Admitting…", async () => {
      const own = await identity(wrapped.textContent.trim(), byId("passphrase"));
      const { ring, secret } = withOneMore(await opened(own, rings.split(" ")), name, recipient);
      if ((await identityToRecipient(secret)) !== audienceKey) {
        throw new Kind("The key of the audience is not the one that cases are sealed to. Nothing was changed. Please tell the technician.");
      }
      const sealing = new Encrypter();
      sealing.addRecipient(recipient);
      const sealed = base64(await sealing.encrypt(ring));
      const shown = Object.fromEntries(new FormData(colleague));
      await send("/keys/admit", { ...shown, form, account, recipient, ring: known, wrapped: sealed });
      location.reload();
      return "Admitted.";
    });
  }
}
