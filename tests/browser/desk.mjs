// Works at the desk as people do: from an invitation to a message that is back in its mailbox.
import assert from "node:assert/strict";
import { done, enter, fresh, look, said, told, visitor } from "./visitor.mjs";

const { origin, invitations, key, held, flagged, about, tick, canary } = told;

// The lead: from her invitation to her recovery sheet.
const lead = await visitor();
const secret = await enter(lead, "Robin Finch", invitations.lead, true);
await look(lead, "queue");
assert.match(await lead.textContent("main"), new RegExp(held));
assert.doesNotMatch(await lead.textContent("main"), new RegExp(canary), "nothing of a message before it is opened");
await lead.goto(`${origin}/keys`);
await look(lead, "keys");
await lead.fill("#new-passphrase", "too short");
await lead.click("#make-key");
assert.match(await said(lead, "key-status"), /six words|24 characters/);
await lead.fill("#new-passphrase", await lead.textContent("#suggestion"));
await lead.setInputFiles("#key-file", key);
await lead.fill("#key-code", await fresh(secret));
await lead.click("#take-key");
await lead.waitForSelector("#recovery:not([hidden])");
assert.match(await lead.textContent("#recovery-private"), /^AGE-SECRET-KEY-1/);
await look(lead, "recovery-sheet");

// A case, read at its three depths.
await lead.goto(`${origin}/case/${held}`);
await look(lead, "case");
assert.doesNotMatch(await lead.textContent("main"), /A made-up word of the test/, "the school's own words of a rule");
const handed = [];
lead.on("response", async (response) => { if (response.url().endsWith("/sheet") && response.ok()) handed.push(Object.keys(await response.json())); });
await lead.click("#show-excerpt");
await lead.waitForSelector("#sealed-content h3");
assert.equal(await lead.locator("#sealed-content pre").count(), 0);
assert.match(await lead.textContent("#sealed-content"), /A made-up word of the test/);
assert.match(await lead.textContent("#sealed-content mark"), /zanderfang/i);
assert.match(await lead.textContent("#sealed-content dl"), new RegExp(canary));
await look(lead, "case-excerpt");
await lead.click("#show-full");
assert.match(await said(lead, "sealed-status"), /30 characters/);
await lead.fill("#reason", "A tutor has asked me to look into this today");
await lead.click("#show-full");
await lead.waitForSelector("#sealed-content pre");
assert.deepEqual(handed, [["rings", "sheet"], ["rings", "sheet", "text"]], "each depth has its own, and no more");
const text = await lead.textContent("#sealed-content");
assert.match(text, /<script>document\.title='pwned'<\/script>/, "markup is text");
assert.match(text, /U\+202E/, "what turns the writing round is shown");
assert.equal(await lead.locator("#sealed-content :is(img, a, script, iframe, svg, style, form, object, video)").count(), 0);
assert.doesNotMatch(await lead.title(), /pwned/);
await look(lead, "case-opened");

// What was opened in this tab has its names in their places on the list.
await lead.goto(`${origin}/queue`);
assert.match(await lead.locator(".cases li", { hasText: held }).locator(".names").textContent(), new RegExp(canary));
assert.equal(await lead.locator(".names").count(), 1);
await look(lead, "queue-names");

// With the keyboard alone: a letter leads somewhere, and only Enter does anything.
const focused = (page) => page.evaluate(() => document.activeElement.value || document.activeElement.id || document.activeElement.textContent);
const status = async (page, pattern) => page.waitForFunction((source) => new RegExp(source).test(document.querySelector("dl:not(.keys)")?.textContent ?? ""), pattern.source);
await lead.goto(`${origin}/queue`);
await lead.keyboard.press("j");
assert.match(await focused(lead), /Now|Today|Next day/);
await lead.keyboard.press("?");
assert.ok(await lead.locator("#shortcuts dl").isVisible());
await look(lead, "queue-keys");
await lead.keyboard.press("/");
await lead.keyboard.type(flagged);
await lead.keyboard.press("Enter");
await lead.waitForURL(/search=/);
const found = lead.url();
await lead.keyboard.press("j");
await lead.keyboard.press("a");
await lead.waitForURL(`${origin}/case/${flagged}#a`);
assert.equal(await focused(lead), "acknowledge");
assert.match(await lead.textContent("dl:not(.keys)"), /new/, "the letter alone has done nothing");
await lead.keyboard.press("Enter");
await status(lead, /acknowledged, Robin Finch/);
await lead.keyboard.press("u");
await lead.waitForURL(found);
await lead.goto(`${origin}/queue`);
const first = await lead.locator(".cases a").first().getAttribute("href");
await lead.keyboard.press("j");
await lead.keyboard.press("Enter");
await lead.waitForURL(origin + first);
await lead.keyboard.press("j");
await lead.waitForURL((url) => url.href !== origin + first);
await lead.keyboard.press("k");
await lead.waitForURL(origin + first);
await lead.goto(`${origin}/case/${held}`);
await lead.keyboard.press("n");
assert.match(await lead.textContent("#chosen"), /not for this case/, "what is held is not decided away");
await lead.goto(`${origin}/case/${flagged}`);
await lead.keyboard.press("f");
assert.match(await lead.textContent("#chosen"), /The rule was wrong: write why/);
await lead.keyboard.type("cfnju");
await lead.keyboard.press("Escape");
await lead.keyboard.press("c");
assert.equal(await focused(lead), "cfnju", "letters in a field are words");
await look(lead, "case-keys");
await lead.keyboard.type(" and her tutor knows");
await lead.keyboard.press("Control+Enter");
await status(lead, /in hand, Robin Finch; decided: a concern/);
await look(lead, "case-decided");
await lead.click("#shortcuts summary");
await lead.uncheck("#shortcuts-on");
await lead.reload();
await lead.keyboard.press("u");
await lead.keyboard.press("c");
assert.equal(await lead.textContent("#chosen"), "", "letters that are switched off do nothing");
await lead.click("#shortcuts summary");
await lead.check("#shortcuts-on");

// Put off for half an hour, and back.
await lead.selectOption("#until", "half-hour");
await lead.click("button[value=snooze]");
await status(lead, /Put off/);
await look(lead, "case-put-off");
await lead.goto(`${origin}/queue?view=mine`);
assert.doesNotMatch(await lead.textContent("main"), new RegExp(flagged));
await lead.goto(`${origin}/queue?view=snoozed`);
assert.match(await lead.textContent("main"), new RegExp(flagged));
await look(lead, "queue-put-off");
await lead.click(".cases a");
await lead.click("button[value=wake]");
await lead.waitForFunction(() => !/Put off/.test(document.querySelector("dl:not(.keys)")?.textContent ?? ""));
assert.equal(await lead.locator("button[value=wake]").count(), 0);

// A list of her own, and cases that are ticked on it.
await lead.goto(`${origin}/queue?view=new&category=${tick.category}`);
await lead.click(".keep summary");
await lead.fill("#list-name", "Mornings");
await lead.click(".keep button");
await lead.click("nav[aria-label='Your own lists'] a");
await lead.waitForURL(`${origin}/queue?view=new&category=${tick.category}`);
assert.match(await lead.textContent("main"), new RegExp(tick.codename));
await look(lead, "queue-kept");
await lead.check(`#tick-${tick.codename}`);
await look(lead, "queue-ticked");
await lead.click("button[aria-describedby=tick-help]");
await lead.waitForFunction((codename) => !document.querySelector("main").textContent.includes(codename), tick.codename);
await lead.goto(`${origin}/case/${tick.codename}`);
await status(lead, /acknowledged, Robin Finch/);
assert.match(await lead.textContent("#why + ul"), /^Somebody is told to go back to another country/, "what is shipped names nobody");
await look(lead, "case-sentence");

// Without script: the facts and the decision.
const plain = await visitor({ javaScriptEnabled: false, storageState: await lead.context().storageState() });
await plain.goto(`${origin}/case/${flagged}`);
assert.match(await plain.textContent("main"), /Why it matched/);
await plain.fill("#words", "A set book in English, seen with the teacher");
await plain.click("button[value=no-concern]");
assert.match(await plain.textContent("dl:not(.keys)"), /closed, Robin Finch; decided: no concern/);

// A deputy who is a party to a case, and makes a key of her own.
const deputy = await visitor();
const deputySecret = await enter(deputy, "Kim Linnet", invitations.deputy, false);
assert.doesNotMatch(await deputy.textContent("main"), new RegExp(about));
assert.match(await deputy.textContent("main"), new RegExp(held));
assert.equal((await deputy.goto(`${origin}/case/${about}`)).status(), 404);
assert.match(await lead.textContent("body"), /Robin Finch/);
await look(deputy, "case-not-hers");
await deputy.goto(`${origin}/nowhere`);
await look(deputy, "nowhere");
await deputy.goto(`${origin}/keys`);
await deputy.fill("#new-passphrase", await deputy.textContent("#suggestion"));
await deputy.click("#make-key");
assert.match(await said(deputy, "key-status"), /type the six digits/);
await deputy.fill("#key-code", await fresh(deputySecret));
await deputy.click("#make-key");
await deputy.waitForSelector("#recovery:not([hidden])");
await deputy.goto(`${origin}/case/${held}`);
await deputy.click("#show-excerpt");
assert.match(await said(deputy, "sealed-status"), /not a member yet/);
await deputy.goto(`${origin}/keys`);
const fingerprint = await deputy.textContent("p > strong.mono");
await lead.goto(`${origin}/keys`);
assert.match(await lead.textContent(".confirm"), new RegExp(fingerprint));
await look(lead, "keys-confirm");
await lead.fill(".confirm input[name=code]", await fresh(secret));
await lead.click(".confirm button");
assert.match(await lead.textContent("main"), /Keys to admit/);

// The key again after a while: the passphrase opens it, and a wrong one is told kindly.
await lead.goto(`${origin}/case/${held}`);
await lead.evaluate(() => sessionStorage.clear());
await lead.reload();
await lead.fill("#passphrase", "not the passphrase");
await lead.click("#show-excerpt");
await lead.waitForFunction(() => document.getElementById("sealed-status").className === "problem");
assert.match(await lead.textContent("#sealed-status"), /does not open your key/);

// Other pages.
const head = await visitor();
await enter(head, "Sam Wren", invitations.head, false);
await lead.goto(`${origin}/trends`);
await look(lead, "trends");
assert.equal(await lead.locator("svg.chart[role=img]").count(), 5);
assert.match(await lead.locator("svg.chart desc").first().textContent(), /The most: \d+ cases, \d+ of them urgent, at/);
assert.match(await lead.textContent("main"), /bullying or harassment\s*1\s*0\s*0/);
assert.match(await lead.textContent("main"), /violence\.test\s*1\s*0\s*1|violence\.test\s*1\s*1\s*0/);
await head.goto(`${origin}/openings`);
await look(head, "openings");
assert.match(await head.textContent("main"), /Robin Finch\s*the whole text/);
assert.doesNotMatch(await head.textContent("main"), new RegExp(`${canary}|tutor`));
await head.goto(`${origin}/journal`);
await look(head, "journal");
assert.match(await head.textContent(".whole"), /Every line is as it was written/);
assert.match(await head.textContent("main"), /was handed what is sealed: full/);
await head.goto(`${origin}/health`);
await look(head, "health");

// Last: the message goes back. The passphrase is the one that the page has proposed; a fresh tab takes the key file anew.
await lead.goto(`${origin}/keys`);
await lead.fill("#new-passphrase", await lead.textContent("#suggestion"));
await lead.setInputFiles("#key-file", key);
await lead.fill("#key-code", await fresh(secret));
await lead.click("#take-key");
await lead.waitForSelector("#recovery:not([hidden])");
await lead.goto(`${origin}/case/${held}`);
await lead.fill("#release-words", "A lesson on biology, with the teacher");
await lead.fill("#release-code", "000000");
await lead.click("#release");
await lead.waitForFunction(() => document.getElementById("release-status").className === "problem");
assert.match(await lead.textContent("#release-status"), /not the one of now/, "a session alone lets nothing out");
await look(lead, "case-release");
await lead.fill("#release-code", await fresh(secret));
await lead.click("#release");
await lead.waitForFunction(() => /released the message/.test(document.querySelector(".history")?.textContent ?? ""));
for (let tries = 0; !/put back/.test(await lead.textContent("#who + p + ul")) ; tries++) {
  assert.ok(tries < 60, "the service has not put it back within a minute");
  await new Promise((passed) => setTimeout(passed, 1_000));
  await lead.reload();
}
await look(lead, "case-released");

// What is sealed of a case that is closed goes for good, after the confirmation and a fresh code; its facts stay.
await lead.goto(`${origin}/case/${flagged}`);
await look(lead, "case-destroy");
await lead.fill("#destroy-words", "The police and the local authority, on Monday");
await lead.check("#confirmed");
await lead.fill("#destroy-code", await fresh(secret));
await lead.click("button[value=destroy]");
await lead.waitForFunction(() => /had what is sealed destroyed/.test(document.querySelector(".history")?.textContent ?? ""));
for (let tries = 0; !/what was sealed is gone/.test(await lead.textContent("dl:not(.keys)")); tries++) {
  assert.ok(tries < 60, "the service has not destroyed it within a minute");
  await new Promise((passed) => setTimeout(passed, 1_000));
  await lead.reload();
}
assert.equal(await lead.locator("#sealed, #destroy").count(), 0);
assert.match(await lead.textContent("main"), /Why it matched/);
await look(lead, "case-destroyed");
await done();
