// Passkeys: in the place of the six digits, and, where the browser can derive a secret from one (the PRF extension), in the place
// of the passphrase. What opens her key is a passphrase of 256 bits that the authenticator makes anew each time.
import { Encrypter, armor } from "age-encryption";
import { Kind, byId, element, identity, keep, kept, on, send, unwrap } from "./desk.js";

// Nobody can guess at 256 bits: there is no need for the work that a passphrase of people's needs.
const SCRYPT_LOG2 = 10;
const PATIENCE_MS = 120_000;
const SECRET_FOR = new TextEncoder().encode("mailwarden: open my key");
// That there is one for this browser: of the passkey itself nothing is kept.
const HERE = "mailwarden-passkey";

const packed = (octets) => btoa(Array.from(new Uint8Array(octets), (octet) => String.fromCharCode(octet)).join("")).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
const unpacked = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
const hex = (octets) => Array.from(new Uint8Array(octets), (octet) => octet.toString(16).padStart(2, "0")).join("");
const named = (credentials) => credentials.map((id) => ({ type: "public-key", id: unpacked(id) }));
const able = () => typeof PublicKeyCredential === "function";

// What the browser says where nothing comes of it names no reason that helps anybody.
function refused(error) {
  if (error.name === "InvalidStateError") return new Kind("This device has a passkey of yours already.");
  if (error.name === "SecurityError") return new Kind("This browser does not trust the certificate of the desk, and so has no passkeys here. Please tell the technician.");
  return new Kind("No passkey was used. Try again, or use the six digits of your app: nothing is lost.");
}

async function challenge() {
  return unpacked((await send("/passkeys/challenge", {})).challenge);
}

// Asks for a passkey: any of this browser's, or one of these. With a secret where one is wanted.
async function shown(credentials, withSecret) {
  let found;
  try {
    found = await navigator.credentials.get({
      publicKey: {
        challenge: await challenge(),
        allowCredentials: named(credentials),
        userVerification: "required",
        timeout: PATIENCE_MS,
        extensions: withSecret ? { prf: { eval: { first: SECRET_FOR } } } : {},
      },
    });
  } catch (error) {
    throw error instanceof Kind ? error : refused(error);
  }
  const { authenticatorData, clientDataJSON, signature } = found.response;
  localStorage.setItem(HERE, "yes");
  return {
    answer: [found.rawId, authenticatorData, clientDataJSON, signature].map(packed).join("."),
    credential: packed(found.rawId),
    secret: found.getClientExtensionResults().prf?.results?.first,
  };
}

// Beside each field for the six digits: a passkey in its place.
export function passkeyInstead(field, always) {
  if (!able() || (!always && localStorage.getItem(HERE) === null)) return;
  const answer = element("input");
  answer.type = "hidden";
  answer.name = "passkey";
  const button = element("button", "Use a passkey instead", "quiet");
  button.type = "button";
  const told = element("p", "", "help");
  told.setAttribute("role", "status");
  // Signing in goes on with the digits for most.
  (always ? field.form.lastElementChild : field).after(answer, button, told);
  // An answer counts once: whoever types digits after it was refused means the digits.
  field.addEventListener("input", () => (answer.value = ""));
  on(button, told, "Waiting for your passkey…", async () => {
    answer.value = (await shown([], false)).answer;
    field.required = false;
    field.value = "";
    return "Your passkey takes the place of the six digits. Go on as you would with them.";
  });
}

// Her key, opened by her passkey in the place of her passphrase.
export function openByPasskey() {
  const part = byId("passphrase-part");
  const wrapped = new Map(Array.from(document.querySelectorAll(".by-passkey"), (one) => [one.dataset.credential, one.textContent.trim()]));
  if (!part || !able() || wrapped.size === 0) return;
  const button = element("button", "Open my key with a passkey", "quiet");
  button.type = "button";
  button.id = "open-by-passkey";
  const told = element("p", "", "help");
  told.setAttribute("role", "status");
  part.append(button, told);
  on(button, told, "Waiting for your passkey…", async () => {
    const { credential, secret } = await shown([...wrapped.keys()], true);
    if (!secret) throw new Kind("This browser cannot open your key with that passkey. Please type your passphrase.");
    try {
      keep(await unwrap(wrapped.get(credential), hex(secret)));
    } catch {
      throw new Kind("That passkey does not open your key. Please type your passphrase; nothing is lost.");
    }
    part.hidden = true;
    return "";
  });
}

// Her key, so that this passkey opens it too; nothing where the browser or the device cannot.
async function wrappedFor(credential, own) {
  const { secret } = await shown([credential], true);
  if (!secret) return null;
  const wrapper = new Encrypter();
  wrapper.setPassphrase(hex(secret));
  wrapper.setScryptWorkFactor(SCRYPT_LOG2);
  const wrapped = armor.encode(await wrapper.encrypt(own + "\n"));
  return (await unwrap(wrapped, hex(secret))) === own ? wrapped : null;
}

export function passkeysPage(page) {
  if (!able()) {
    byId("no-passkeys").hidden = false;
    return;
  }
  page.hidden = false;
  const { form, name, handle } = page.dataset;
  const passphrase = byId("passphrase");
  const known = Array.from(document.querySelectorAll(".passkey"), (one) => one.dataset.credential);
  on(page.querySelector("button:not([type])"), byId("passkey-status"), "Waiting for your device…", async () => {
    const called = byId("passkey-name").value.trim();
    if (called === "") throw new Kind("Please name the device first.");
    const shownNow = Object.fromEntries(new FormData(page));
    if (!shownNow.code && !shownNow.passkey) throw new Kind("Please type the six digits that your app shows now.");
    const own = passphrase && (passphrase.value !== "" || kept()) ? await identity(byId("wrapped").textContent.trim(), passphrase) : null;
    let made;
    try {
      made = await navigator.credentials.create({
        publicKey: {
          challenge: await challenge(),
          rp: { name: "mailwarden" },
          user: { id: unpacked(handle), name, displayName: name },
          // Ed25519, P-256, RSA.
          pubKeyCredParams: [-8, -7, -257].map((alg) => ({ type: "public-key", alg })),
          authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "required" },
          excludeCredentials: named(known),
          timeout: PATIENCE_MS,
          extensions: { prf: {} },
        },
      });
    } catch (error) {
      throw error instanceof Kind ? error : refused(error);
    }
    const { response, rawId } = made;
    const opens = own !== null && made.getClientExtensionResults().prf?.enabled === true;
    const wrapped = opens ? await wrappedFor(packed(rawId), own) : null;
    const told = [rawId, response.getAuthenticatorData(), response.clientDataJSON, response.getPublicKey()].map(packed).join(".");
    await send("/passkeys", { ...shownNow, form, name: called, made: told, ...(wrapped ? { wrapped } : {}) });
    localStorage.setItem(HERE, "yes");
    location.reload();
    return "Added.";
  });
}
