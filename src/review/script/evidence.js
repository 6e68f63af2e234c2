// Seals what is held for an officer of the police: the key of each message is wrapped for her behind a header of its own, and the
// message itself is opened nowhere. The server puts the package together, and this keeps it as a file.
import { Encrypter, armor, generateX25519Identity, identityToRecipient } from "age-encryption";
import { encodeHeader, encodeHeaderNoMAC } from "./node_modules/age-encryption/dist/format.js";
import { X25519Recipient } from "./node_modules/age-encryption/dist/recipients.js";
import { Kind, SCRYPT_LOG2, ask, base64, byId, element, fileKeys, hex, identity, on, suggestion } from "./desk.js";

export function evidencePart(form) {
  form.hidden = false;
  on(byId("make-package"), byId("evidence-status"), "Making the package…", async () => {
    if (!form.reportValidity()) return "";
    const fields = new URLSearchParams(new FormData(form));
    const passphrase = "anew" in form.dataset ? await sealAnew(fields, form.dataset.codename) : "";
    const response = await ask(form.getAttribute("action"), fields);
    const octets = await response.arrayBuffer();
    const digest = hex(new Uint8Array(await crypto.subtle.digest("SHA-256", octets)));
    const name = `${form.dataset.codename}.tar`;
    save(name, octets);
    tell({ File: name, "SHA-256": digest, Passphrase: passphrase });
    form.reset();
    return passphrase === ""
      ? "It is made. Read the SHA-256 and the desk's key to the officer by telephone."
      : "It is made. Tell the officer the passphrase by telephone, with the SHA-256 and the desk's key; it is shown once.";
  });
}

// Adds to the fields what the officer needs; answers with the passphrase of a key that was made for her.
async function sealAnew(fields, codename) {
  const field = byId("passphrase").value === "" ? byId("evidence-passphrase") : byId("passphrase");
  const own = await identity(byId("wrapped").textContent.trim(), field);
  let passphrase = "";
  if (fields.get("to").trim() === "") {
    const made = await generateX25519Identity();
    passphrase = suggestion();
    const wrapper = new Encrypter();
    wrapper.setPassphrase(passphrase);
    wrapper.setScryptWorkFactor(SCRYPT_LOG2);
    fields.set("to", await identityToRecipient(made));
    fields.set("key", armor.encode(await wrapper.encrypt(made + "\n")));
  }
  const officer = recipient(fields.get("to").trim());
  const keys = await fileKeys(own, `/case/${codename}/evidence/keys`, { form: fields.get("form"), words: fields.get("words") });
  for (const { object, key } of keys) fields.append("header", `${object}:${base64(await header(key, officer))}`);
  return passphrase;
}

function recipient(text) {
  try {
    return new X25519Recipient(text);
  } catch {
    throw new Kind("That is no public key of age: one begins with age1. Nothing was changed. Please ask the officer for it once more, or leave the field empty for a passphrase.");
  }
}

// The header of an age file with this key, for one recipient. Source: the age format, C2SP age.md, "Header".
async function header(key, recipient) {
  const stanzas = await recipient.wrapFileKey(key);
  const text = encodeHeaderNoMAC(stanzas);
  const secret = await crypto.subtle.importKey("raw", key, "HKDF", false, ["deriveKey"]);
  const derived = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: new TextEncoder().encode("header") };
  const mac = await crypto.subtle.deriveKey(derived, secret, { name: "HMAC", hash: "SHA-256", length: 256 }, false, ["sign"]);
  return encodeHeader(stanzas, new Uint8Array(await crypto.subtle.sign("HMAC", mac, text)));
}

function save(name, octets) {
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([octets], { type: "application/x-tar" }));
  link.download = name;
  link.click();
  // The browser has taken it over by then.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function tell(facts) {
  const list = byId("package");
  list.replaceChildren();
  for (const [name, value] of Object.entries(facts)) {
    if (value !== "") list.append(element("dt", name), element("dd", value, "mono"));
  }
  list.hidden = false;
}
