// What is opened does not outlive the session: not at sign-out, in this tab or another, not when the desk says that the session is
// over, and not when nobody has touched the page for a quarter of an hour.
import { byId, element } from "./desk.js";

// As `IDLE` in src/review/session.rs.
const IDLE_MS = 15 * 60 * 1000;
const LOOK_MS = 10 * 1000;
let last = Date.now();
let over = false;

// A tab's own storage: it survives the way from page to page, no other tab reads it, and it ends with the tab. A worker or a variable
// does not live from one page to the next, and every other place is shared by all tabs and outlives them.
export function store(name, value) {
  if (!over) sessionStorage.setItem(name, JSON.stringify(value));
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
