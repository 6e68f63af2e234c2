// Opens what is sealed, in the browser of whoever has the key: the server never sees the key or what it opens.
// Built into ../pages/desk.js by build.sh; the page works without it, but for opening.
import { Decrypter, Encrypter, armor, generateX25519Identity, identityToRecipient } from "age-encryption";
import { admitPart } from "./admit.js";
import { evidencePart } from "./evidence.js";
import { namesOnList, remember } from "./names.js";
import { openByPasskey, passkeyInstead, passkeysPage } from "./passkeys.js";
import { sessionEnded, stir, store, stored, watchOver } from "./session.js";
import { TEXT_DAMAGED, drawSheet, drawText } from "./sheet.js";
import { undoPage } from "./undo.js";

// The cost of a guess at the passphrase: 2^18, about a second and 256 MiB.
export const SCRYPT_LOG2 = 18;
const KEPT = "mailwarden-identity";
const KEPT_MS = 15 * 60 * 1000;

export const byId = (id) => document.getElementById(id);
export const element = (name, text, className) => {
  const made = document.createElement(name);
  if (text !== undefined) made.append(text);
  if (className) made.className = className;
  return made;
};

export const octets = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
export const base64 = (bytes) => btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

// What goes wrong, in one kind sentence with what to do next.
export class Kind extends Error {
  constructor(told, status) {
    super(told);
    this.status = status;
  }
}

// The answer of the desk, where it is not a refusal.
export async function ask(path, fields) {
  let response;
  try {
    response = await fetch(path, { method: "POST", body: new URLSearchParams(fields), redirect: "manual", credentials: "same-origin" });
  } catch {
    throw new Kind("The desk did not answer. Nothing is lost: please try once more in a moment.");
  }
  // What a script asks for is answered or refused; elsewhere than to the sign-in page it is never sent.
  if (response.type === "opaqueredirect") {
    sessionEnded();
    throw new Kind("Your session has ended.");
  }
  stir();
  if (response.ok) return response;
  // The sentence of the page that says no, taken as text: nothing here makes markup of it.
  const found = /<main[^]*?<p>([^<]*)<\/p>/.exec(await response.text());
  throw new Kind(found ? found[1] : "The desk refused. Load the page again, and try once more.", response.status);
}

export async function send(path, fields) {
  const text = await (await ask(path, fields)).text();
  return text === "" ? {} : JSON.parse(text);
}

export function keep(identity) {
  store(KEPT, { identity, at: Date.now() });
}
export function kept() {
  const found = stored(KEPT);
  if (!found || Date.now() - found.at > KEPT_MS) {
    sessionStorage.removeItem(KEPT);
    return null;
  }
  return found.identity;
}

export async function unwrap(wrapped, passphrase) {
  const opener = new Decrypter();
  opener.addPassphrase(passphrase.trim());
  let text;
  try {
    text = await opener.decrypt(armor.decode(wrapped), "text");
  } catch {
    throw new Kind("That passphrase does not open your key. Please check it against your recovery sheet, capital letters too. Nothing is lost.");
  }
  const identity = text.split("\n").find((line) => line.startsWith("AGE-SECRET-KEY-1"));
  if (!identity) throw new Kind("What is stored as your key is damaged. Use the key on your recovery sheet: make your key anew from it under Keys.");
  return identity;
}

// Her own key, out of this tab or with her passphrase.
export async function identity(wrapped, field) {
  const known = kept();
  if (known) return keep(known), known;
  if (!wrapped) throw new Kind("You have no key yet. Make it first: the page Keys leads you through it.");
  if (field.value === "") {
    field.focus();
    throw new Kind("Please type your passphrase.");
  }
  const opened = await unwrap(wrapped, field.value);
  field.value = "";
  keep(opened);
  return opened;
}

// The keys of her audiences, out of their rings.
async function audienceKeys(own, rings) {
  const keys = [];
  for (const ring of rings) {
    const opener = new Decrypter();
    opener.addIdentity(own);
    try {
      const text = await opener.decrypt(octets(ring), "text");
      keys.push(text.split("\n").find((line) => line.startsWith("AGE-SECRET-KEY-1")));
    } catch {
      // Another audience's.
    }
  }
  if (keys.length === 0) throw new Kind("Your key is not a member yet. Somebody who can open these cases has to admit it; the page Keys says how.");
  return keys;
}

function opener(keys) {
  const made = new Decrypter();
  for (const key of keys) made.addIdentity(key);
  return made;
}

async function open(keys, sealed) {
  try {
    return await opener(keys).decrypt(sealed);
  } catch (error) {
    if (/no identity matched/.test(error.message)) {
      throw new Kind("This was sealed to others than you. Please ask one of them, or the headteacher.");
    }
    throw new Kind("The sealed file is damaged. Nothing was lost by trying: ask the technician to restore the vault from the backup.");
  }
}

// Runs a deed of a button: one at a time, and what goes wrong is said where she looks.
export function on(button, status, busy, deed) {
  button?.addEventListener("click", async (event) => {
    event.preventDefault();
    button.disabled = true;
    status.className = "help";
    status.textContent = busy;
    // The sentence is to be seen before the passphrase is weighed, which takes a second.
    await new Promise((seen) => setTimeout(seen, 30));
    try {
      status.textContent = (await deed()) ?? "";
    } catch (error) {
      status.className = "problem";
      status.textContent = error instanceof Kind ? error.message : "That did not work, and nothing was changed. Please load the page again and try once more.";
    }
    button.disabled = false;
  });
}

// The keys of sealed messages, of each its own, out of their headers.
export async function fileKeys(own, path, fields) {
  const given = await send(path, fields);
  const keys = await audienceKeys(own, given.rings);
  const found = [];
  for (const { object, header } of given.objects) {
    try {
      found.push({ object, key: await opener(keys).decryptHeader(headerOf(octets(header))) });
    } catch (error) {
      if (error instanceof Kind) throw error;
      throw new Kind("One copy was sealed to others than you. Nothing was changed. Please ask one of them, or the headteacher.");
    }
  }
  return found;
}

// Hands over the keys of what is held, of a case or of many, with why and a fresh second factor: for the service to put it back.
export async function putBack(path, form, own) {
  const fields = new URLSearchParams(new FormData(form));
  for (const { object, key } of await fileKeys(own, `${path}/headers`, { form: fields.get("form") })) fields.append("key", `${object}:${hex(key)}`);
  return send(`${path}/release`, fields);
}

function headerOf(file) {
  // The line that ends an age header begins with three dashes.
  for (let at = 0; at + 5 < file.length; at++) {
    if (file[at] === 10 && file[at + 1] === 45 && file[at + 2] === 45 && file[at + 3] === 45 && file[at + 4] === 32) {
      return file.slice(0, file.indexOf(10, at + 1) + 1);
    }
  }
  throw new Kind("The sealed file is damaged. Nothing was lost by trying: ask the technician to restore the vault from the backup.");
}

function casePage(section) {
  const { codename, form } = section.dataset;
  const status = byId("sealed-status");
  const into = byId("sealed-content");
  const passphrase = byId("passphrase");
  const wrapped = byId("wrapped").textContent.trim();
  byId("passphrase-part").hidden = kept() !== null;
  section.hidden = false;
  const show = (depth, reason) => async () => {
    const own = await identity(wrapped, passphrase);
    byId("passphrase-part").hidden = true;
    const given = await send(`/case/${codename}/sheet`, { form, depth, reason: reason() });
    const keys = await audienceKeys(own, given.rings);
    const whole = depth === "full";
    const sheet = drawSheet(await open(keys, octets(given.sheet)), whole ? "The message, as text" : "What matched", into);
    remember(codename, sheet.envelope);
    if (whole) drawText(given.text && (await opener(keys).decrypt(octets(given.text)).catch(() => { throw new Kind(TEXT_DAMAGED); })), sheet, into);
  };
  on(byId("show-excerpt"), status, "Opening…", show("excerpt", () => ""));
  on(byId("show-full"), status, "Opening…", show("full", () => byId("reason").value));
  const release = byId("release-form");
  if (release) release.hidden = false;
  on(byId("release"), byId("release-status"), "Preparing…", async () => {
    if (!release.reportValidity()) return "";
    const own = await identity(wrapped, passphrase.value === "" ? byId("release-passphrase") : passphrase);
    await putBack(`/case/${codename}`, release, own);
    location.reload();
    return "Released. The service puts it back within a minute.";
  });
}

// Five letters for sixteen bits, so that they can be said and typed (Wilkerson, "Proquints", 2009).
export function suggestion() {
  const consonants = "bdfghjklmnprstvz";
  const vowels = "aiou";
  return Array.from(crypto.getRandomValues(new Uint16Array(6)), (bits) =>
    consonants[bits >> 12] + vowels[(bits >> 10) & 3] + consonants[(bits >> 6) & 15] + vowels[(bits >> 4) & 3] + consonants[bits & 15],
  ).join("-");
}

// For people to compare by voice. As `Recipient::fingerprint` in src/vault/key.rs.
async function fingerprint(recipient) {
  const digest = new DataView(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(recipient)));
  return [0, 2, 4, 6, 8].map((at) => String(digest.getUint16(at)).padStart(5, "0")).join(" ");
}

function keysPage(section) {
  const { form, name } = section.dataset;
  const status = byId("key-status");
  const proposed = suggestion();
  byId("suggestion").textContent = proposed;
  section.hidden = false;
  const store = async (made) => {
    const typed = byId("new-passphrase").value.trim();
    if (typed !== proposed && [...typed].length < 24) {
      throw new Kind("Type the six words that the page proposes, or words of your own with 24 characters or more.");
    }
    const factor = Object.fromEntries(new FormData(section));
    if (!factor.code && !factor.passkey) throw new Kind("Please type the six digits that your app shows now.");
    const wrapper = new Encrypter();
    wrapper.setPassphrase(typed);
    wrapper.setScryptWorkFactor(SCRYPT_LOG2);
    const recipient = await identityToRecipient(made);
    const wrapped = armor.encode(await wrapper.encrypt(made + "\n"));
    // What cannot be opened again is not stored.
    if ((await unwrap(wrapped, typed)) !== made) throw new Kind("Your browser made a key that it cannot open again. Nothing was stored; use another browser.");
    await send("/keys", { ...factor, form, recipient, wrapped });
    keep(made);
    byId("recovery-name").textContent = name;
    byId("recovery-public").textContent = recipient;
    byId("recovery-fingerprint").textContent = await fingerprint(recipient);
    byId("recovery-private").textContent = made;
    byId("recovery").hidden = false;
    byId("recovery-heading").focus();
    section.hidden = true;
    byId("new-passphrase").value = "";
    return "";
  };
  on(byId("make-key"), status, "Making your key; this takes a few seconds…", async () => store(await generateX25519Identity()));
  on(byId("take-key"), status, "Reading your key file; this takes a few seconds…", async () => {
    const file = byId("key-file").files[0];
    if (!file) throw new Kind("Please choose the key file first.");
    const line = (await file.text()).split(/\r?\n/).find((text) => text.startsWith("AGE-SECRET-KEY-1"));
    if (!line) throw new Kind("That is not a key file: no line of it begins with AGE-SECRET-KEY-1. Please choose another file.");
    return store(line.trim());
  });
  byId("print")?.addEventListener("click", () => window.print());
}

document.addEventListener("DOMContentLoaded", () => {
  const sealed = byId("sealed");
  if (sealed) casePage(sealed);
  const evidence = byId("evidence");
  if (evidence) evidencePart(evidence);
  const undo = byId("undo");
  if (undo) undoPage(undo);
  namesOnList();
  const key = byId("key");
  if (key) keysPage(key);
  const admit = byId("admit");
  if (admit) admitPart(admit);
  const passkeys = byId("add-passkey");
  if (passkeys) passkeysPage(passkeys);
  const signIn = document.querySelector("form[action='/sign-in']");
  for (const field of document.querySelectorAll("main input[name=code]")) {
    if (!field.form.action.includes("/invitation/")) passkeyInstead(field, field.form === signIn);
  }
  openByPasskey();
  watchOver(byId("sign-out"));
  shortcuts();
});

// What single letters mean, wherever nobody is typing. None of them decides: each leads to what she then presses herself.
const DEEDS = { a: "acknowledge", c: "concern", f: "false-match", n: "no-concern" };
const LIST = "mailwarden-list";
const LETTERS_OFF = "mailwarden-letters-off";

function shortcuts() {
  const help = byId("shortcuts");
  if (!help) return;
  const links = [...document.querySelectorAll(".cases a")];
  if (byId("search")) store(LIST, { at: location.pathname + location.search, cases: links.map((link) => link.pathname) });
  const list = stored(LIST) ?? { at: "/queue", cases: [] };
  const back = document.querySelector(".back a");
  if (back) back.href = list.at;

  const letters = byId("shortcuts-on");
  byId("shortcuts-switch").hidden = false;
  letters.checked = localStorage.getItem(LETTERS_OFF) === null;
  letters.addEventListener("change", () => (letters.checked ? localStorage.removeItem(LETTERS_OFF) : localStorage.setItem(LETTERS_OFF, "yes")));

  const decide = byId("words") && choosing();
  // A letter that was typed on the list has led here.
  const wanted = DEEDS[location.hash.slice(1)];
  if (decide && wanted) decide(wanted);

  const step = (by) => {
    const at = links.length > 0 ? links.indexOf(document.activeElement) : list.cases.indexOf(location.pathname);
    const to = at < 0 ? 0 : at + by;
    if (links.length > 0) links[Math.max(0, Math.min(to, links.length - 1))].focus();
    else if (list.cases[to] && list.cases[to] !== location.pathname) location.assign(list.cases[to]);
  };
  document.addEventListener("keydown", (event) => {
    if (!letters.checked || event.ctrlKey || event.altKey || event.metaKey) return;
    if (/^(TEXTAREA|SELECT)$/.test(event.target.tagName) || (event.target.tagName === "INPUT" && event.target.type !== "checkbox")) return;
    const { key } = event;
    const here = links.indexOf(document.activeElement);
    if (key === "j") step(1);
    else if (key === "k") step(-1);
    else if (key === "u") back?.click();
    else if (key === "/") byId("search")?.focus();
    else if (key === "?") help.open = !help.open;
    else if (Object.hasOwn(DEEDS, key) && decide) decide(DEEDS[key]);
    else if (Object.hasOwn(DEEDS, key) && here >= 0) location.assign(`${links[here].pathname}#${key}`);
    else return;
    event.preventDefault();
  });
}

// Leads to the button of a deed, or to the words for it, which Ctrl and Enter then send.
function choosing() {
  const words = byId("words");
  const told = byId("chosen");
  let button = null;
  words.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      button = null;
      told.textContent = "";
      words.blur();
    } else if (event.key === "Enter" && event.ctrlKey && button) {
      event.preventDefault();
      words.form.requestSubmit(button);
    }
  });
  return (deed) => {
    button = document.querySelector(`button[name=deed][value=${deed}]`);
    if (!button) told.textContent = "That is not for this case, as it stands now.";
    else if (deed === "acknowledge") button.focus();
    else {
      told.textContent = `${button.textContent}: write why, then press Ctrl and Enter. Esc leaves it.`;
      words.focus();
    }
    words.closest("section").scrollIntoView();
  };
}
