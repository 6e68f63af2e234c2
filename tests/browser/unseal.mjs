// How long the lead waits for a large message: for `cargo bench`, which reads the last line.
import { readFileSync } from "node:fs";
import { browser, enter, fresh, told, visitor, wrong } from "./visitor.mjs";

const { origin, invitation, key, codename, octets, age } = told;
const ROUNDS = 5;

const lead = await visitor();
const secret = await enter(lead, "Robin Finch", invitation, false);
await lead.goto(`${origin}/keys`);
await lead.fill("#new-passphrase", await lead.textContent("#suggestion"));
await lead.setInputFiles("#key-file", key);
await lead.fill("#key-code", await fresh(secret));
await lead.click("#take-key");
await lead.waitForSelector("#recovery:not([hidden])");

// In the page, from its own clock: the way of a click through the driver is not the desk's.
const took = { unseal: [], text: [], package: [] };
const until = (button, sign) => lead.evaluate(([button, sign]) => new Promise((done, failed) => {
  const began = performance.now();
  const seen = new MutationObserver(() => {
    const problem = document.querySelector(".problem");
    if (problem) failed(new Error(problem.textContent));
    if (!document.querySelector(sign)) return;
    seen.disconnect();
    requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - began)));
  });
  seen.observe(document.body, { subtree: true, childList: true, attributes: true });
  document.querySelector(button).click();
}), [button, sign]);

for (let round = 0; round < ROUNDS; round++) {
  await lead.goto(`${origin}/case/${codename}`);
  await lead.fill("#reason", "A tutor has asked me to look into this today");
  took.text.push(await until("#show-full", "#sealed-content pre"));
}
for (let round = 0; round < 2; round++) {
  await lead.goto(`${origin}/case/${codename}`);
  await lead.fill("#evidence-words", "PC Example, crime number 42/7");
  await lead.fill("#evidence-to", "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj");
  await lead.fill("#evidence-code", await fresh(secret));
  took.package.push(await until("#make-package", "#package:not([hidden])"));
}

// The cryptography alone, by the same package, on a page of the desk where any script may run for once.
const bare = await (await browser.newContext({ bypassCSP: true, ignoreHTTPSErrors: true })).newPage();
await bare.goto(`${origin}/sign-in`);
await bare.addScriptTag({ content: readFileSync(age, "utf8") });
took.unseal = await bare.evaluate(async ([octets, rounds]) => {
  const identity = await age.generateX25519Identity();
  const encrypter = new age.Encrypter();
  encrypter.addRecipient(await age.identityToRecipient(identity));
  const sealed = await encrypter.encrypt(new Uint8Array(octets));
  const times = [];
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    const opener = new age.Decrypter();
    opener.addIdentity(identity);
    if ((await opener.decrypt(sealed)).length !== octets) throw new Error("not all of it");
    times.push(performance.now() - began);
  }
  return times;
}, [octets, ROUNDS]);
await browser.close();
if (wrong.length > 0) throw new Error(wrong.join("\n"));
console.log(JSON.stringify(took));
