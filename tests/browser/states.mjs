// Brings about what no ordinary day at the desk does, and looks at it: nothing there, far too much, and what is refused.
import assert from "node:assert/strict";
import { renameSync } from "node:fs";
import { PASSWORD, done, enter, fresh, look, told, visitor } from "./visitor.mjs";

const { origin, invitations, expired, cases, casebook } = told;
const PROBLEM = "main .narrow h1";

async function shows(page, path, pattern, state) {
  await page.goto(`${origin}${path}`);
  assert.match(await page.textContent("main"), pattern);
  await look(page, state);
}

// What a page of the desk would never send, sent from one: the form as it is changed here.
async function sends(page, path, change, pattern, state) {
  await page.goto(`${origin}${path}`);
  await page.evaluate(change);
  await page.click("button[value=note]");
  await page.waitForSelector(PROBLEM);
  assert.match(await page.textContent("main"), pattern);
  await look(page, state);
}

// Before anybody is let in.
const stranger = await visitor();
await stranger.goto(expired);
assert.match(await stranger.textContent("main"), /older than three days/);
await look(stranger, "invitation-expired");
await stranger.goto(`${origin}/sign-in`);
// The sixth comes too early, is not weighed, and is told no other thing.
for (let times = 0; times < 6; times++) {
  await stranger.fill("#name", "Robin Finch");
  await stranger.fill("#password", "not the password");
  await stranger.fill("#code", "000000");
  await stranger.click("main button");
  await stranger.waitForSelector("[role=alert]");
}
assert.match(await stranger.textContent("[role=alert]"), /After a few misses each try takes longer/);
await look(stranger, "sign-in-too-often");

// Nothing there.
const chair = await visitor();
await enter(chair, "Alex Crane", invitations.chair, false);
await shows(chair, "/queue", /No case of this list waits for anybody/, "queue-empty");
await shows(chair, "/trends", /No case was opened in these weeks/, "trends-none");
await shows(chair, "/openings", /Nobody has opened anything in this week/, "openings-none");
await shows(chair, "/rule/grooming.test/0303030303030303", /holds no message that is yours to put back/, "undo-none");
await shows(chair, "/journal", /Line 1 is not as it was written: it was changed/, "journal-broken");
const technician = await visitor();
await enter(technician, "Jay Martin", invitations.technician, false);
await look(technician, "queue-not-hers");
await shows(technician, "/health", /The service does not run/, "health-stopped");
const newcomer = await visitor();
await enter(newcomer, "Jo Dunnock", invitations.newcomer, false);
await shows(newcomer, "/queue", /Your account is being prepared/, "queue-being-prepared");
await shows(newcomer, "/passkeys", /You have none yet/, "passkeys-of-a-newcomer");

// Far too much.
const lead = await visitor();
const secret = await enter(lead, "Robin Finch", invitations.lead, false);
await shows(lead, "/queue?view=open", /Overdue/, "queue-full");
assert.equal(await lead.locator(".cases li").count(), 50);
await lead.click("a[rel=next]");
await look(lead, "queue-full-later");
await shows(lead, "/queue?view=overdue&category=bullying", /bullying or harassment/, "queue-filtered");
await shows(lead, "/queue?view=open&search=nobody", /Try another list or fewer conditions/, "queue-nothing-found");
await shows(lead, "/trends", /picture on a list of known indecent images/, "trends-full");
await shows(lead, "/keys", /Make your key before you need it/, "keys-none");

// One case after another.
await shows(lead, `/case/${cases.withheld}`, /Do not look, copy or forward/, "case-withheld");
assert.equal(await lead.locator("#sealed").count(), 0, "what is withheld has no depth");
await shows(lead, `/case/${cases.stuck}`, /Not put back/, "case-not-back");
await lead.goto(`${origin}/case/${cases.grave}`);
await lead.fill("#words", "The police have it, and nobody else");
await lead.click("button[value=close]");
await lead.waitForSelector("#destroy");
await look(lead, "case-closed");
await lead.fill("#destroy-words", "The police and the local authority, on Monday");
await lead.check("#confirmed");
await lead.fill("#destroy-code", await fresh(secret));
await lead.click("button[value=ask-destroy]");
await lead.waitForSelector("button[value=keep]");
assert.match(await lead.textContent("[aria-labelledby=destroy]"), /You have asked for it/);
await look(lead, "case-destroy-asked");
const deputy = await visitor();
await enter(deputy, "Kim Linnet", invitations.deputy, false);
await shows(deputy, `/case/${cases.grave}`, /Robin Finch has asked for it/, "case-destroy-agree");
await shows(deputy, "/queue?view=asked", new RegExp(cases.grave), "queue-to-be-destroyed");
const officer = await visitor();
await enter(officer, "Pat Plover", invitations.officer, false);
await shows(officer, `/case/${cases.officers}`, /Your role reads; others decide/, "case-for-a-reader");

// The cases of a colleague, to be taken over together.
await lead.goto(`${origin}/queue?view=new&category=bullying`);
for (const tick of (await lead.locator(".cases input[type=checkbox]").all()).slice(0, 3)) await tick.check();
await lead.click("button[aria-describedby=tick-help]");
await lead.waitForURL(/queue/);
await deputy.goto(`${origin}/queue?view=open`);
await deputy.selectOption("#owner", { label: "Robin Finch" });
await deputy.click("form.filter[method=get] button");
await deputy.waitForURL(/owner=/);
assert.match(await deputy.textContent("main"), /I take the ticked ones over from Robin Finch/);
await look(deputy, "queue-of-a-colleague");

// What is refused.
const path = `/case/${cases.stuck}`;
await sends(lead, path, () => { document.querySelector("#words").value = "too short"; }, /ten characters or more/, "form-unfit");
await sends(lead, path, () => { for (const field of document.querySelectorAll("[name=form]")) field.value = "of yesterday"; }, /could not be read/, "form-foreign");
await sends(lead, path, () => {
  const words = document.querySelector("#words");
  words.removeAttribute("maxlength");
  words.value = "x".repeat(100_000);
}, /longer than the desk takes/, "form-too-long");
renameSync(casebook, `${casebook}.away`);
await shows(lead, "/queue", /The desk cannot answer now/, "queue-cannot-answer");
renameSync(`${casebook}.away`, casebook);
// More than a person asks for in a minute, whenever the minute began.
await lead.goto(`${origin}/queue`);
await lead.evaluate(async () => {
  while ((await fetch("/", { redirect: "manual" })).status !== 429);
});
await shows(lead, "/queue", /Please wait a moment/, "queue-too-often");

await done();
