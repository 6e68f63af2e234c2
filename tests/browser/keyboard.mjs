// Works at the desk without a mouse: from signing in to signing out, and wherever she is, she sees it.
import assert from "node:assert/strict";
import { PASSWORD, done, enter, fresh, look, told, visitor } from "./visitor.mjs";

const { origin, invitations, key, held, flagged } = told;
// Steps from one end of a page to the other.
const MOST_STEPS = 120;

// What lies behind her: an invitation, and a key with a passphrase.
const before = await visitor();
const secret = await enter(before, "Robin Finch", invitations.lead, false);
await before.goto(`${origin}/keys`);
const passphrase = await before.textContent("#suggestion");
await before.fill("#new-passphrase", passphrase);
await before.setInputFiles("#key-file", key);
await before.fill("#key-code", await fresh(secret));
await before.click("#take-key");
await before.waitForSelector("#recovery:not([hidden])");
await before.context().close();
const colleague = await visitor();
await enter(colleague, "Kim Linnet", invitations.deputy, false);
await colleague.context().close();

const page = await visitor();
const { keyboard } = page;
let pointed = 0;
await page.exposeFunction("pointed", () => pointed++);
await page.addInitScript(() => {
  for (const event of ["pointerdown", "mousedown", "touchstart"]) window.addEventListener(event, () => window.pointed(), true);
});

// Whoever has no pointer has to see what Enter would press: a ring of two pixels or more that stands out against what is behind it
// (WCAG 2.2, 2.4.7 and 1.4.11), on the screen.
async function seen() {
  const found = await page.evaluate(() => {
    const focused = document.activeElement;
    if (focused === document.body) return { name: "nothing" };
    const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
    const light = (colour) => {
      const [red, green, blue] = numbers(colour).map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    let behind = focused.parentElement;
    while (behind.parentElement && numbers(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
    const [style, box] = [getComputedStyle(focused), focused.getBoundingClientRect()];
    const [one, other] = [light(style.outlineColor), light(getComputedStyle(behind).backgroundColor)].sort((a, b) => b - a);
    return {
      name: `${focused.tagName} ${focused.id || focused.textContent.trim().slice(0, 40)}`,
      ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
      contrast: (one + 0.05) / (other + 0.05),
      onScreen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth,
    };
  });
  if (found.name === "nothing") return;
  assert.ok(found.ring && found.contrast >= 3 && found.onScreen, `the focus is not to be seen: ${JSON.stringify(found)} on ${page.url()}`);
}

const isAt = (selector) => page.evaluate((selector) => document.activeElement.matches(selector), selector);

async function reach(selector, by = "Tab") {
  for (let steps = 0; steps < MOST_STEPS; steps++) {
    await keyboard.press(by);
    await seen();
    if (await isAt(selector)) return;
  }
  assert.fail(`${selector} on ${page.url()} is out of reach of the keyboard`);
}

async function write(selector, words, by) {
  await reach(selector, by);
  await keyboard.type(words);
}

async function press(selector, by) {
  await reach(selector, by);
  await keyboard.press("Enter");
}

const shows = (selector, pattern) =>
  page.waitForFunction(([selector, source]) => new RegExp(source).test(document.querySelector(selector)?.textContent ?? ""), [selector, pattern.source]);

// She types the address, and from here on nothing is done for her.
await page.goto(`${origin}/sign-in`);
await write("#name", "Robin Finch");
await write("#password", PASSWORD);
await write("#code", await fresh(secret));
await keyboard.press("Enter");
await page.waitForURL(`${origin}/queue`);

// The list.
const first = await page.locator(".cases a").first().getAttribute("href");
const second = await page.locator(".cases a").nth(1).getAttribute("href");
for (const [letter, path] of [["j", first], ["j", second], ["k", first]]) {
  await keyboard.press(letter);
  await seen();
  assert.ok(await isAt(`.cases a[href="${path}"]`), `${letter} leads to ${path}`);
}
if (first !== `/case/${held}`) await keyboard.press("j");
await keyboard.press("Enter");
await page.waitForURL(`${origin}/case/${held}`);
await keyboard.press("?");
assert.ok(await page.locator("#shortcuts dl").isVisible());
await look(page, "keyboard-help");
await keyboard.press("?");
assert.ok(!(await page.locator("#shortcuts dl").isVisible()));

// The skip link is the first stop, and leads past everything that is the same on every page.
await keyboard.press("Tab");
await seen();
assert.ok(await isAt("a.skip"), "the first stop skips to the content");

// What matched, and then the whole text.
await write("#passphrase", passphrase);
await press("#show-excerpt");
await page.waitForSelector("#sealed-content mark");
assert.ok(await isAt("#sealed-content h3"), "she is led to what was opened");
await seen();
await write("#reason", "A tutor has asked me to look into this today", "Shift+Tab");
await press("#show-full");
await page.waitForSelector("#sealed-content pre");
await reach("#sealed-content pre");
await look(page, "keyboard-opened");

// A note, and the case is a colleague's.
await write("#words", "Her tutor knows, and will telephone");
await press("button[value=note]");
await shows(".history", /Her tutor knows, and will telephone/);
await reach("#to");
await keyboard.type("Kim");
assert.equal(await page.evaluate(() => document.activeElement.selectedOptions[0].textContent), "Kim Linnet");
await press("button[value=assign]");
await shows("dl:not(.keys)", /Kim Linnet/);

// The message goes back: with the key that this tab has, and a fresh code.
await write("#release-words", "A lesson on biology, with the teacher");
await write("#release-code", await fresh(secret));
await press("#release");
await shows(".history", /released the message/);

// The other case, found by its name, decided and destroyed.
await keyboard.press("u");
await page.waitForURL(`${origin}/queue`);
await keyboard.press("/");
await seen();
await keyboard.type(flagged);
await keyboard.press("Enter");
await page.waitForURL(/search=/);
await keyboard.press("j");
await keyboard.press("Enter");
await page.waitForURL(`${origin}/case/${flagged}`);
await keyboard.press("n");
await seen();
assert.ok(await isAt("#words"));
await keyboard.type("A set book in English, seen with the teacher");
await keyboard.press("Control+Enter");
await shows("dl:not(.keys)", /closed, Robin Finch; decided: no concern/);
await write("#destroy-words", "The police and the local authority, on Monday");
await reach("#confirmed");
await keyboard.press("Space");
await write("#destroy-code", await fresh(secret));
await press("button[value=destroy]");
await shows(".history", /had what is sealed destroyed/);

await press("#sign-out button");
await page.waitForURL(`${origin}/sign-in`);
assert.equal(await page.evaluate(() => sessionStorage.length), 0, "the key has left the tab");

assert.equal(pointed, 0, "something was pointed at");
await done();
