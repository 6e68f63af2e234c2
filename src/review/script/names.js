// Names and subjects of what was opened in this tab, in their places on the list: for as long as the key is kept, and nowhere else.
import { element, kept } from "./desk.js";
import { store, stored } from "./session.js";
import { apart } from "./sheet.js";

const NAMES = "mailwarden-names";
const all = () => stored(NAMES) ?? {};

// In characters: a line of a list, not a letter.
const MOST = 300;
const cut = (text) => String(text).slice(0, MOST);

export function remember(codename, envelope) {
  if (!envelope) return;
  const names = { ...all(), [codename]: { from: cut(envelope.from.join(", ")), to: cut(envelope.to.join(", ")), subject: cut(envelope.subject) } };
  store(NAMES, names);
}

export function namesOnList() {
  if (kept() === null) return sessionStorage.removeItem(NAMES);
  const names = all();
  for (const link of document.querySelectorAll(".cases a")) {
    const codename = link.pathname.replace("/case/", "");
    if (!Object.hasOwn(names, codename)) continue;
    const { from, to, subject } = names[codename];
    const line = element("span", undefined, "names");
    line.append(apart(from), " to ", apart(to), ": ", apart(subject));
    link.closest("li").append(line);
  }
}
