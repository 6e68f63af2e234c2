// What goes wrong is told in one kind sentence that says what to do next, and nothing is lost by it: afterwards all goes on as before.
import assert from "node:assert/strict";
import { PASSWORD, done, enter, fresh, said, told, visitor } from "./visitor.mjs";

const { origin, invitation, key, codename, canary } = told;
const lead = await visitor();
const secret = await enter(lead, "Robin Finch", invitation, false);
await lead.goto(`${origin}/keys`);
const passphrase = await lead.textContent("#suggestion");
await lead.fill("#new-passphrase", passphrase);
await lead.setInputFiles("#key-file", key);
await lead.fill("#key-code", await fresh(secret));
await lead.click("#take-key");
await lead.waitForSelector("#recovery:not([hidden])");

const page = `${origin}/case/${codename}`;
const excerpt = async () => {
  await lead.click("#show-excerpt");
  return said(lead, "sealed-status");
};
const opens = async () => {
  assert.equal(await excerpt(), "");
  assert.match(await lead.textContent("#sealed-content"), new RegExp(canary));
};

// A wrong passphrase.
await lead.evaluate(() => sessionStorage.clear());
await lead.goto(page);
await lead.fill("#passphrase", `${passphrase}x`);
assert.match(await excerpt(), /^That passphrase does not open your key\. Please try once more as you wrote it down.*from your recovery sheet.*Nothing is lost\.$/);
await lead.fill("#passphrase", passphrase);
await opens();

// What arrives is damaged, is sealed to others, or is of an audience that her key is no member of.
const flipped = (text) => {
  const octets = Buffer.from(text, "base64");
  octets[octets.length - 1] ^= 1;
  return octets.toString("base64");
};
for (const [change, sentence] of [
  [(given) => ({ ...given, sheet: flipped(given.sheet) }), /^The sealed file is damaged\. Nothing was lost by trying: ask the technician to restore the vault from the backup\.$/],
  [(given) => ({ ...given, sheet: given.rings[0] }), /^This was sealed to others than you\. Please ask one of them, or the headteacher\.$/],
  [(given) => ({ ...given, rings: [] }), /^Your key is not a member yet\. Somebody who can open these cases has to admit it; the page Keys says how\.$/],
]) {
  await lead.route("**/sheet", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: change(await response.json()) });
  });
  assert.match(await excerpt(), sentence);
  await lead.unroute("**/sheet");
  await opens();
}

// A second factor that is lost, or mistyped: at a deed of weight, and at the door.
await lead.goto(`${origin}/passkeys`);
await lead.click("#sign-out button");
await lead.waitForURL(`${origin}/sign-in`);
const signIn = async (digits) => {
  await lead.fill("#name", "Robin Finch");
  await lead.fill("#password", PASSWORD);
  await lead.fill("#code", digits);
  await lead.click("main button:not([type])");
};
await signIn("000000");
assert.match(await lead.textContent("main"), /If you have lost any of the three, ask the technician for a new invitation: nothing is lost by it\./);
await signIn(await fresh(secret));
await lead.waitForSelector("#sign-out");
await lead.goto(page);
await lead.fill("#passphrase", passphrase);
await opens();

// An invitation that was used, or is too old.
await lead.goto(invitation);
assert.match(await lead.textContent("main"), /was used already, or is older than three days\. Please ask the technician for a new one; nothing is lost\./);
await lead.goto(page);
await opens();
await done();
