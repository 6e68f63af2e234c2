// Opens what would like to be more than text. Nothing of it may run, load, draw or hide, and nothing may keep her from going on.
import assert from "node:assert/strict";
import { UNSEEN, done, enter, fresh, look, said, told, visitor, wrong } from "./visitor.mjs";

const { origin, invitations, names, key, arrived, whole, apart, noText, unseen, many, broken, markup, marks } = told;
const ELEMENTS = ["BDI", "BLOCKQUOTE", "DD", "DIV", "DL", "DT", "H3", "MARK", "P", "PRE", "SPAN", "STRONG"];
const ATTRIBUTES = ["aria-label", "class", "role", "tabindex"];

const lead = await visitor();
const asked = [];
lead.on("request", (request) => asked.push(`${request.method()} ${new URL(request.url()).pathname}`));
let downloads = 0;
lead.on("download", () => { if (downloads-- <= 0) wrong.push("a download"); });
const secret = await enter(lead, names.lead, invitations.lead, false);
await lead.goto(`${origin}/keys`);
await lead.fill("#new-passphrase", await lead.textContent("#suggestion"));
await lead.setInputFiles("#key-file", key);
await lead.fill("#key-code", await fresh(secret));
await lead.click("#take-key");
await lead.waitForSelector("#recovery:not([hidden])");

// Opens a case at its full depth; the answer is what is wrong with it, in the words of the page.
async function open(codename) {
  await lead.goto(`${origin}/case/${codename}`);
  await lead.fill("#reason", "A tutor has asked me to look into this today");
  asked.length = 0;
  await lead.click("#show-full");
  return said(lead, "sealed-status");
}

// What was opened is text, and everything else is as it was.
async function harmless(codename) {
  const found = await lead.evaluate(() => {
    const all = [...document.querySelectorAll("#sealed-content *")];
    return {
      elements: [...new Set(all.map((element) => element.tagName))],
      attributes: [...new Set(all.flatMap((element) => element.getAttributeNames()))],
      count: all.length,
      text: document.querySelector("#sealed-content").textContent,
      title: document.title,
      scripts: document.scripts.length,
      frames: window.length,
      polluted: ({}).pwned !== undefined || window.pwned !== undefined,
      visible: document.querySelector("h1").checkVisibility(),
      loaded: performance.getEntriesByType("resource").map((entry) => entry.name).filter((name) => !name.startsWith(location.origin)),
    };
  });
  const strange = [...found.elements.filter((name) => !ELEMENTS.includes(name)), ...found.attributes.filter((name) => !ATTRIBUTES.includes(name))];
  assert.deepEqual(strange, [], `${codename}: elements or attributes that are no text`);
  assert.ok(found.count < 5_000, `${codename}: ${found.count} elements`);
  assert.doesNotMatch(found.text, UNSEEN, `${codename}: a mark that turns or hides the writing`);
  assert.equal(found.title, `${codename} - mailwarden`);
  assert.deepEqual([found.scripts, found.frames, found.polluted, found.visible, found.loaded], [1, 0, false, true, []]);
  assert.deepEqual(asked, [`POST /case/${codename}/sheet`], "it has asked for nothing but the sheet");
  assert.equal(lead.url(), `${origin}/case/${codename}`);
  assert.deepEqual(wrong, []);
  return found;
}

// A real message, from its mailbox to her screen.
assert.equal(await open(arrived), "");
const real = await harmless(arrived);
assert.match(real.text, /<script>document\.title='pwned'<\/script>/, "markup is text");
assert.match(real.text, /<img src=x onerror=alert\(4\)>U\+202Egnp\.exe/, "so is the name of a file");
assert.match(real.text, /The text goes on; what is kept of it ends here/);
await look(lead, "canary-message");

// What a captured scan process could seal: every field hostile, and a line of ten megabytes.
// The text is one with the sheet, as it was of older cases, or has a seal of its own.
for (const codename of [apart, whole]) {
  assert.equal(await open(codename), "");
  const forged = await harmless(codename);
  assert.ok(forged.text.split(markup).length > 12, "all of it is shown as it is written");
  assert.ok(forged.text.length < 200_000, `${forged.text.length} characters`);
  assert.match(forged.text, /The text goes on; what is kept of it ends here/);
}
// Letters from right to left stay in their place: what stands behind a name stands to the right of it.
const gap = await lead.evaluate(() => {
  const name = [...document.querySelectorAll("#sealed-content bdi")].find((bdi) => bdi.textContent === "\u05d0\u05d1\u05d2");
  const after = document.createRange();
  after.selectNodeContents(name.nextSibling);
  return after.getClientRects()[0].left - name.getBoundingClientRect().right;
});
assert.ok(gap > -1, `${gap} pixels`);
await look(lead, "canary-sheet");

// So many marks and so many files that a page of them would never be done.
for (const codename of [unseen, many]) {
  assert.equal(await open(codename), "");
  const { text } = await harmless(codename);
  assert.ok(text.length < 500_000, `${codename}: ${text.length} characters`);
}
assert.match(await lead.textContent("#sealed-content"), /49,500 more/);

// What is no sheet is said to be none, and the desk goes on.
for (const codename of broken) {
  assert.match(await open(codename), /not a sheet that this desk can show/, codename);
  assert.equal((await harmless(codename)).text, "");
}
for (const codename of noText) {
  assert.match(await open(codename), /What matched is shown, but the whole text cannot be: what is sealed of it is damaged/, codename);
  const { text, elements } = await harmless(codename);
  assert.ok(text.includes(markup) && !elements.includes("PRE"), "what matched is shown");
}
assert.equal(await open(arrived), "");
// On paper too.
await lead.emulateMedia({ media: "print" });
await lead.pdf();
await harmless(arrived);
await lead.emulateMedia({ media: "screen" });

// And without opening anything: names of folders and parts stand among the facts.
await lead.goto(`${origin}/case/${whole}`);
assert.doesNotMatch(await lead.textContent("main"), UNSEEN);
assert.deepEqual([await lead.title(), await lead.locator("main :is(img, iframe, svg, style, base, meta)").count()], [`${whole} - mailwarden`, 0]);
await look(lead, "canary-facts");

// The names and subjects of what was opened stand on the list, and in a list of her own with a name like theirs.
const short = "<img src=x onerror=alert(5)>";
await lead.goto(`${origin}/queue`);
assert.ok((await lead.locator(".names").count()) >= 3);
assert.ok((await lead.locator(".cases li", { hasText: whole }).locator(".names").textContent()).includes(markup.slice(0, 60)), "markup is text");
await look(lead, "canary-queue");
await lead.click(".keep summary");
await lead.fill("#list-name", short);
await lead.click(".keep button");
await lead.click(".keep summary");
assert.match(await lead.textContent("nav[aria-label='Your own lists']"), /<img src=x onerror=alert\(5\)>/);
await look(lead, "canary-lists");

// What people write is text as well: in the history, and to the police.
await lead.goto(`${origin}/case/${whole}`);
await lead.fill("#words", `${markup}${marks}`);
await lead.click("button[value=note]");
await lead.waitForSelector(".history blockquote");
assert.ok((await lead.textContent(".history blockquote")).includes(markup.slice(0, 60)));
await look(lead, "canary-history");
await lead.goto(`${origin}/case/${arrived}`);
await lead.fill("#evidence-words", `${markup.slice(0, 200)}\u202e${short}`);
await lead.fill("#evidence-code", await fresh(secret));
downloads = 1;
await Promise.all([lead.waitForEvent("download"), lead.click("#make-package")]);
await lead.waitForSelector("#package:not([hidden])");
await look(lead, "canary-police");

// What a rule holds, and those who watch: by the names of people, and of what they looked at.
await lead.click("#why + ul a");
await lead.waitForURL(/\/rule\//);
await look(lead, "canary-undo");
await lead.goto(`${origin}/trends`);
await look(lead, "canary-trends");
await lead.goto(`${origin}/keys`);
await look(lead, "canary-keys");
const head = await visitor();
await enter(head, names.head, invitations.head, false);
for (const page of ["journal", "openings", "health"]) {
  await head.goto(`${origin}/${page}`);
  if (page !== "health") assert.ok((await head.textContent("main")).includes(names.lead.slice(0, 32)), `${page}: markup is text`);
  await look(head, `canary-${page}`);
}
assert.doesNotMatch(`${await lead.title()}${await head.title()}`, /pwned/);

await done();
