// What was opened is gone when she signs out, when her session ends, and when nobody has touched the page for a quarter of an hour.
import assert from "node:assert/strict";
import { done, enter, fresh, look, said, told, visitor } from "./visitor.mjs";

const { origin, invitation, key, codename, canary } = told;
const lead = await visitor();
const secret = await enter(lead, "Robin Finch", invitation, false);
await lead.goto(`${origin}/keys`);
await lead.fill("#new-passphrase", await lead.textContent("#suggestion"));
const passphrase = await lead.textContent("#suggestion");
await lead.setInputFiles("#key-file", key);
await lead.fill("#key-code", await fresh(secret));
await lead.click("#take-key");
await lead.waitForSelector("#recovery:not([hidden])");

const kept = (page) => page.evaluate(() => sessionStorage.length);
const content = (page) => page.evaluate(() => document.documentElement.outerHTML);
async function open(page) {
  await page.goto(`${origin}/case/${codename}`);
  if (await page.locator("#passphrase").isVisible()) await page.fill("#passphrase", passphrase);
  await page.click("#show-excerpt");
  assert.equal(await said(page, "sealed-status"), "");
  assert.match(await content(page), new RegExp(canary));
  assert.ok((await kept(page)) >= 2, "the key and the names");
}
async function gone(page, why) {
  await page.waitForFunction(() => /sign in again/i.test(document.querySelector("main h1").textContent));
  const left = await content(page);
  assert.match(left, why);
  assert.doesNotMatch(left, new RegExp(`${canary}|AGE-SECRET-KEY`));
  assert.equal(await kept(page), 0);
}

// What a browser may write to its disk is neither a key nor a name, and another session does not open it.
await open(lead);
const disk = await lead.evaluate(() => Object.entries(sessionStorage));
assert.ok(disk.some(([name]) => name === "mailwarden-identity"));
for (const [name, value] of disk) {
  const octets = Buffer.from(value, "base64").toString("latin1");
  assert.doesNotMatch(value + octets, new RegExp(`AGE-SECRET-KEY|identity|${canary}`), name);
}
const known = await lead.evaluate(() => document.querySelector("#sign-out").dataset.seal);
assert.match(known, /^[0-9a-f]{64}$/);
await lead.goto(`${origin}/case/${codename}`);
assert.ok(await lead.locator("#passphrase").isHidden(), "her own session opens it");
await lead.evaluate((flipped) => (document.querySelector("#sign-out").dataset.seal = flipped), known.replace(/./, (digit) => (digit === "0" ? "1" : "0")));
await lead.click("#show-excerpt");
assert.match(await said(lead, "sealed-status"), /Please type your passphrase/);
assert.ok(await lead.evaluate(() => !("mailwarden-identity" in sessionStorage)), "what another session left is gone");

// Nobody is there: just before a quarter of an hour all is as it was, and then nothing is.
await lead.clock.install();
await open(lead);
await lead.clock.fastForward("14:30");
assert.match(await content(lead), new RegExp(canary));
await lead.clock.fastForward("00:45");
await gone(lead, /Nobody has used this page/);
await look(lead, "left-alone");

// Somebody is there now and then.
await open(lead);
for (let times = 0; times < 3; times++) {
  await lead.clock.fastForward("10:00");
  await lead.keyboard.press("Shift");
}
assert.match(await content(lead), new RegExp(canary));

// A laptop that sleeps: no timer fires, and the first sign of life comes too late.
for (const sign of ["visibilitychange", "focus", "pointerdown", "keydown"]) {
  await open(lead);
  const stopped = await lead.evaluate(() => Date.now());
  await lead.clock.pauseAt(stopped + 60_000);
  await lead.clock.setSystemTime(stopped + 16 * 60_000);
  await lead.evaluate((sign) => (sign === "focus" ? window : document).dispatchEvent(new Event(sign)), sign);
  await gone(lead, /Nobody has used this page/);
  await lead.clock.resume();
}

// What the browser would set aside for the way back holds nothing, and is asked for anew.
await open(lead);
await lead.evaluate(() => window.dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true })));
assert.doesNotMatch(await content(lead), new RegExp(canary));
await lead.evaluate(() => window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true })));
await lead.waitForSelector("#show-excerpt");
assert.doesNotMatch(await content(lead), new RegExp(canary));

// The desk says that the session is over.
await open(lead);
const cookies = await lead.context().cookies();
await lead.context().clearCookies({ name: "__Host-mw" });
await lead.click("#show-excerpt");
await gone(lead, /Your session has ended/);
await lead.context().addCookies(cookies);

// And a page of hers that asks her to sign in.
await open(lead);
await lead.context().clearCookies({ name: "__Host-mw" });
await lead.goto(`${origin}/queue`);
await lead.waitForURL(/sign-in/);
assert.equal(await kept(lead), 0);
await lead.context().addCookies(cookies);

// She signs out: here and in her other tab, and no way leads back.
await open(lead);
const other = await lead.context().newPage();
await open(other);
await lead.click("#sign-out button");
await lead.waitForURL(`${origin}/sign-in`);
assert.equal(await kept(lead), 0);
await gone(other, /Your session has ended/);
await lead.goBack();
await lead.waitForURL(/sign-in/);
assert.doesNotMatch(await content(lead), new RegExp(canary));
assert.ok((await lead.context().cookies()).some((cookie) => cookie.name.startsWith("__Host-mw-device-")), "the device is known still");

await done();
