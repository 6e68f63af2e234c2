// Makes packages for the police, as the lead does at the desk, and puts back at once what a rule has held wrongly.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { done, enter, fresh, look, said, told, visitor } from "./visitor.mjs";

const { origin, invitation, key, cases, officer, folder } = told;

const lead = await visitor();
const secret = await enter(lead, "Robin Finch", invitation, false);
await lead.goto(`${origin}/keys`);
await lead.fill("#new-passphrase", await lead.textContent("#suggestion"));
await lead.setInputFiles("#key-file", key);
await lead.fill("#key-code", await fresh(secret));
await lead.click("#take-key");
await lead.waitForSelector("#recovery:not([hidden])");

async function fill(codename, to, digits) {
  await lead.goto(`${origin}/case/${codename}`);
  await lead.fill("#evidence-words", "PC Example, crime number 42/7");
  await lead.fill("#evidence-to", to);
  await lead.fill("#evidence-code", digits);
}

// What the page says when the package is made.
async function make(codename, to) {
  await fill(codename, to, await fresh(secret));
  const [download] = await Promise.all([lead.waitForEvent("download"), lead.click("#make-package")]);
  assert.equal(download.suggestedFilename(), `${codename}.tar`);
  await download.saveAs(`${folder}/${codename}.tar`);
  await lead.waitForSelector("#package:not([hidden])");
  return lead.evaluate(() => Object.fromEntries([...document.querySelectorAll("#package dt")].map((name) => [name.textContent, name.nextElementSibling.textContent])));
}

await fill(cases[0], "age1nonsense", "000000");
await look(lead, "case-police");
await lead.click("#make-package");
assert.match(await said(lead, "evidence-status"), /no public key of age: one begins with age1/);
await fill(cases[0], officer, "000000");
await lead.click("#make-package");
assert.match(await said(lead, "evidence-status"), /not the one of now/);
const forKey = await make(cases[0], officer);
assert.equal(forKey.Passphrase, undefined);
await look(lead, "case-police-made");
const forPassphrase = await make(cases[1], "");
assert.match(forPassphrase.Passphrase, /^([a-z]{5}-){5}[a-z]{5}$/);
await lead.reload();
assert.match(await lead.textContent(".history"), /Robin Finch made a package for the police/);
writeFileSync(`${folder}/told.json`, JSON.stringify([forKey, forPassphrase]));

await lead.click("#why + ul a");
await lead.waitForURL(/\/rule\/violence\.test\//);
await look(lead, "undo");
assert.equal(await lead.locator("#held li").count(), cases.length);
await lead.fill("#undo-words", "The word is the name of a bird in the set book");
await lead.fill("#undo-code", "000000");
await lead.click("#put-back");
await lead.waitForFunction(() => document.getElementById("undo-status").className === "problem");
assert.match(await lead.textContent("#undo-status"), /not the one of now/);
await lead.fill("#undo-code", await fresh(secret));
await lead.click("#put-back");
await lead.waitForFunction(() => /All are released/.test(document.getElementById("undo-status").textContent));
assert.equal(await lead.locator("#held .outcome", { hasText: "released" }).count(), cases.length);
await look(lead, "undo-done");

await done();
