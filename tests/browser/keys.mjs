// Keys as people make, confirm, admit and lose them, and passkeys, with authenticators that Chromium plays.
import assert from "node:assert/strict";
import { PASSWORD, devtools, done, enter, fresh, look, said, told, visitor } from "./visitor.mjs";

const { origin, invitations, key, codename } = told;

// A device with passkeys, whose owner always touches it and is always recognised.
async function device(page, hasPrf) {
  const session = await devtools(page);
  await session.send("WebAuthn.enable", { enableUI: false });
  const options = { protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasResidentKey: true, hasUserVerification: true, hasPrf, isUserVerified: true, automaticPresenceSimulation: true };
  await session.send("WebAuthn.addVirtualAuthenticator", { options });
}

async function makeKey(page, secret, button, file) {
  await page.goto(`${origin}/keys`);
  const passphrase = await page.textContent("#suggestion");
  await page.fill("#new-passphrase", passphrase);
  if (file) await page.setInputFiles("#key-file", file);
  await page.fill("#key-code", await fresh(secret));
  await page.click(button);
  await page.waitForSelector("#recovery:not([hidden])");
  return passphrase;
}

const fingerprint = async (page) => {
  await page.goto(`${origin}/keys`);
  return page.textContent("p > strong.mono");
};

async function opens(page) {
  await page.goto(`${origin}/case/${codename}`);
  await page.click("#show-excerpt");
  await page.waitForSelector("#sealed-content mark");
  assert.match(await page.textContent("#sealed-content mark"), /quillwort/i);
}

async function member(page) {
  for (let tries = 0; ; tries++) {
    await page.goto(`${origin}/keys`);
    if (/It is a member of/.test(await page.textContent("main"))) return;
    assert.ok(tries < 60, "the service has not taken it over within a minute");
    await new Promise((passed) => setTimeout(passed, 1_000));
  }
}

async function addPasskey(page, secret, name, passphrase) {
  await page.goto(`${origin}/passkeys`);
  await page.fill("#passkey-name", name);
  await page.fill("#add-code", await fresh(secret));
  if (passphrase) await page.fill("#passphrase", passphrase);
  await page.click("#add-passkey button:not([type])");
  await page.waitForFunction(() => document.querySelector(".passkey") || document.getElementById("passkey-status").className === "problem");
  assert.equal(await page.locator(".passkey").count(), 1, await page.textContent("#passkey-status"));
  return page.textContent(".passkey");
}

// The first sign-in leads to the key, and says what losing every one of them means before it is made.
const lead = await visitor();
const leadSecret = await enter(lead, "Robin Finch", invitations.lead, false);
await lead.goto(`${origin}/`);
assert.equal(lead.url(), `${origin}/keys`);
assert.match(await lead.textContent("#key"), /can never be opened again, by anybody/);
await look(lead, "keys-first");
const passphrase = await makeKey(lead, leadSecret, "#take-key", key);
await member(lead);
await opens(lead);

// A passkey that opens her key too, and then takes the place of the six digits.
await device(lead, true);
await lead.goto(`${origin}/passkeys`);
await look(lead, "passkeys-none");
await lead.evaluate(() => sessionStorage.clear());
assert.match(await addPasskey(lead, leadSecret, "Robin's telephone", passphrase), /it opens your key too/);
await look(lead, "passkeys");
await lead.fill("#passkey-name", "The same again");
await lead.fill("#add-code", "000000");
await lead.click("#add-passkey button:not([type])");
assert.match(await said(lead, "passkey-status"), /has a passkey of yours already/);
await lead.evaluate(() => sessionStorage.clear());
await lead.goto(`${origin}/case/${codename}`);
await look(lead, "case-passkey");
await lead.click("#open-by-passkey");
await lead.waitForFunction(() => document.getElementById("passphrase-part").hidden);
await opens(lead);
await lead.click("#sign-out button");
await lead.waitForURL(`${origin}/sign-in`);
await look(lead, "sign-in-passkey");
await lead.fill("#name", "Robin Finch");
await lead.fill("#password", PASSWORD);
await lead.click("text=Use a passkey instead");
await lead.waitForFunction(() => /takes the place/.test(document.querySelector("main form [role=status]").textContent));
await lead.click("main form button:not([type])");
await lead.waitForSelector("#sign-out");

// The deputy makes a key; the head confirms it, without script; the lead's browser seals to it.
const deputy = await visitor();
const deputySecret = await enter(deputy, "Kim Linnet", invitations.deputy, false);
await makeKey(deputy, deputySecret, "#make-key");
const onPaper = await deputy.textContent("#recovery-fingerprint");
assert.match(onPaper, /^(\d{5} ){4}\d{5}$/);
assert.equal(await fingerprint(deputy), onPaper);
const head = await visitor();
const headSecret = await enter(head, "Sam Wren", invitations.head, false);
const plain = await visitor({ javaScriptEnabled: false, storageState: await head.context().storageState() });
await plain.goto(`${origin}/keys`);
assert.match(await plain.textContent(".confirm"), new RegExp(onPaper));
await plain.fill(".confirm input[name=code]", "000000");
await plain.click(".confirm button");
assert.match(await plain.textContent("main"), /not the one of now.*go back, and type them/);
await plain.goto(`${origin}/keys`);
await plain.fill(".confirm input[name=code]", await fresh(headSecret));
await plain.click(".confirm button");
assert.match(await plain.textContent("main"), /Kim Linnet, deputy safeguarding lead, [\d ]+: for somebody who opens dsl to admit/);

const plainLead = await visitor({ javaScriptEnabled: false, storageState: await lead.context().storageState() });
await plainLead.goto(`${origin}/keys`);
assert.match(await plainLead.textContent("main"), /needs JavaScript for it\. Without it, at the server/);
assert.ok(!(await plainLead.isVisible(".admit button")), "nothing that could not work");
await lead.goto(`${origin}/keys`);
await look(lead, "keys-admit");
const answered = (pattern) =>
  lead.waitForFunction((source) => new RegExp(source).test(document.querySelector(".admit > [role=status]").textContent), pattern.source);
await lead.click(".admit button:not([type])");
await answered(/Please type your passphrase/);
await lead.click("#open-by-passkey");
await lead.waitForFunction(() => document.getElementById("passphrase-part").hidden);
await lead.fill(".admit input[name=code]", "000000");
await lead.click(".admit button:not([type])");
await answered(/not the one of now/);
await lead.click(".admit button[type=button]");
await lead.waitForFunction(() => /takes the place/.test(document.querySelector(".admit .scripted [role=status]").textContent));
await lead.click(".admit button:not([type])");
await member(deputy);
await look(deputy, "keys-member");
await opens(deputy);
await lead.goto(`${origin}/keys`);
assert.equal(await lead.locator(".admit, .confirm").count(), 0);
assert.match(await lead.textContent("main"), new RegExp(`Kim Linnet, ${onPaper}`));

// The lead loses hers. Nothing is lost: whom she let in lets her in again.
await lead.evaluate(() => sessionStorage.clear());
await makeKey(lead, leadSecret, "#make-key");
await lead.goto(`${origin}/passkeys`);
assert.doesNotMatch(await lead.textContent(".passkey"), /opens your key/, "a passkey opens no key that is no more");
await lead.goto(`${origin}/case/${codename}`);
await lead.click("#show-excerpt");
assert.match(await said(lead, "sealed-status"), /not a member yet/);
await head.goto(`${origin}/keys`);
await head.fill(".confirm input[name=code]", await fresh(headSecret));
await head.click(".confirm button");
await head.waitForFunction(() => !document.querySelector(".confirm"));
await deputy.goto(`${origin}/keys`);
await deputy.fill(".admit input[name=code]", await fresh(deputySecret));
await deputy.click(".admit button:not([type])");
await member(lead);
await opens(lead);

// A device without the extension: its passkey is a second factor, and opens nothing.
await device(deputy, false);
assert.doesNotMatch(await addPasskey(deputy, deputySecret, "A small key"), /opens your key/);

await head.goto(`${origin}/journal`);
const journal = await head.textContent("main");
for (const line of ["let the key of Kim Linnet open what is sealed to dsl", "let the key of Robin Finch open", "added a passkey that opens her key too", "confirmed the key of Kim Linnet"]) {
  assert.ok(journal.includes(line), line);
}
await done();
