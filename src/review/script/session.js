// What is opened does not outlive the session: not at sign-out, in this tab or another, not when the desk says that the session is
// over, and not when nobody has touched the page for a quarter of an hour.
import { xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { randomBytes } from "@noble/ciphers/utils.js";
import { base64, byId, element, octets } from "./desk.js";

// As `IDLE` in src/review/session.rs.
const IDLE_MS = 15 * 60 * 1000;
const LOOK_MS = 10 * 1000;
let last = Date.now();
let over = false;

// A tab's own storage: it survives the way from page to page, no other tab reads it, and it ends with the tab. A worker or a variable
// does not live from one page to the next, and every other place is shared by all tabs and outlives them.
// But a browser may write it to its disk. So it is sealed under a secret that the desk has made for this session, tells its pages alone, and
// forgets with it: what is left of it on the disk opens nothing.
const NONCE = 24;
const text = { in: new TextEncoder(), out: new TextDecoder() };

function sealer(name, nonce) {
  const secret = Uint8Array.from(byId("sign-out").dataset.seal.match(/../g), (pair) => parseInt(pair, 16));
  return xchacha20poly1305(secret, nonce, text.in.encode(name));
}

export function store(name, value) {
  if (over) return;
  const nonce = randomBytes(NONCE);
  const sealed = sealer(name, nonce).encrypt(text.in.encode(JSON.stringify(value)));
  sessionStorage.setItem(name, base64([...nonce, ...sealed]));
}

// What this session has stored; null where it has not, and what another has left is gone.
export function stored(name) {
  const found = sessionStorage.getItem(name);
  if (found === null) return null;
  try {
    const packed = octets(found);
    return JSON.parse(text.out.decode(sealer(name, packed.subarray(0, NONCE)).decrypt(packed.subarray(NONCE))));
  } catch {
    sessionStorage.removeItem(name);
    return null;
  }
}

// Everything that was opened, and the key that opened it, is gone from this tab.
export function forget(told) {
  over = true;
  sessionStorage.clear();
  const heading = element("h1", "Please sign in again");
  heading.tabIndex = -1;
  const link = element("a", "Sign in");
  link.href = location.pathname + location.search;
  const onward = element("p");
  onward.append(link);
  byId("main").replaceChildren(heading, element("p", told), onward);
  heading.focus();
}

export function sessionEnded() {
  forget("Your session has ended, and what was opened here is gone from this page. Nothing that was sent before is lost.");
}

// By the clock, not by a timer alone: a laptop that sleeps fires none.
function look() {
  if (!over && Date.now() - last >= IDLE_MS) {
    forget("Nobody has used this page for a quarter of an hour, and what was opened here is gone from it. Nothing that was sent before is lost.");
  }
}

// Somebody is there; too late when it is.
export function stir() {
  look();
  last = Date.now();
}

export function watchOver(signOut) {
  // The sign-in page: whoever used this tab before has left.
  if (document.querySelector("form[action='/sign-in']")) return sessionStorage.clear();
  if (!signOut) return;
  const tabs = new BroadcastChannel("mailwarden-session");
  tabs.addEventListener("message", sessionEnded);
  signOut.addEventListener("submit", () => {
    tabs.postMessage("signed out");
    sessionEnded();
  });
  for (const input of ["keydown", "pointerdown", "pointermove", "wheel", "touchstart", "input"]) {
    document.addEventListener(input, stir, { capture: true, passive: true });
  }
  setInterval(look, LOOK_MS);
  document.addEventListener("visibilitychange", look);
  window.addEventListener("focus", look);
  // A page that a browser sets aside for the way back holds nothing, and is asked for anew.
  window.addEventListener("pagehide", (event) => event.persisted && byId("main").replaceChildren());
  window.addEventListener("pageshow", (event) => event.persisted && location.reload());
}
