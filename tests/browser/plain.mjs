// Works at the desk in a browser that runs no script, from the invitation on.
import assert from "node:assert/strict";
import { PASSWORD, done, enter, fresh, told, visitor } from "./visitor.mjs";

const { origin, invitation, held, flagged, canary } = told;

const lead = await visitor({ javaScriptEnabled: false });
const asked = [];
lead.on("request", (request) => asked.push(request.resourceType()));
const main = () => lead.textContent("main");
const secret = await enter(lead, "Robin Finch", invitation, false);
await lead.click("#sign-out button");
await lead.waitForURL(`${origin}/sign-in`);
const cookies = (await lead.context().cookies()).map((cookie) => cookie.name);
assert.ok(cookies.length === 1 && cookies[0].startsWith("__Host-mw-device-"), `the session is gone: ${cookies}`);

// By herself, to the case that she was told of, and not with a wrong code.
await lead.goto(`${origin}/case/${flagged}`);
assert.equal(lead.url(), `${origin}/sign-in?case=${flagged}`);
for (const digits of ["000000", await fresh(secret)]) {
  await lead.fill("#name", "Robin Finch");
  await lead.fill("#password", PASSWORD);
  await lead.fill("#code", digits);
  await lead.click("main button");
  if (digits === "000000") assert.match(await lead.textContent("[role=alert]"), /That did not work/);
}
await lead.waitForURL(`${origin}/case/${flagged}`);
const session = (await lead.context().cookies()).find((cookie) => cookie.name === "__Host-mw");
assert.ok(session.httpOnly && session.secure && session.sameSite === "Strict");

// The facts, and what the browser cannot do is told, with the way that is left.
for (const fact of [/Why it matched/, /bullying\.test/, /Refer at once/, /this browser needs JavaScript/]) assert.match(await main(), fact);
assert.ok(!(await lead.isVisible("#show-excerpt")), "no button that could not work");
await lead.goto(`${origin}/case/${held}`);
assert.match(await main(), new RegExp(`mailwarden release ${held}`));
assert.ok(!(await lead.isVisible("#release")));
await lead.fill("#words", "Her tutor knows");
await lead.click("button[value=concern]");
assert.match(await lead.textContent("dl:not(.keys)"), /in hand, Robin Finch; decided: a concern/);

// The list: chosen from, and kept.
await lead.goto(`${origin}/queue?view=open`);
await lead.selectOption("#category", "bullying");
await lead.click("form.filter[method=get] button");
await lead.waitForURL(/category=bullying/);
assert.deepEqual(await lead.locator(".cases .codename").allTextContents(), [flagged]);
await lead.click(".keep summary");
await lead.fill("#list-name", "Mornings");
await lead.click(".keep button");
await lead.goto(`${origin}/queue`);
assert.match(await main(), new RegExp(held));
await lead.click("nav[aria-label='Your own lists'] a");
await lead.waitForURL(/category=bullying/);
assert.deepEqual(await lead.locator(".cases .codename").allTextContents(), [flagged]);
await lead.click(".cases a");
await lead.fill("#words", "A set book in English, seen with the teacher");
await lead.click("button[value=no-concern]");
assert.match(await lead.textContent("dl:not(.keys)"), /closed, Robin Finch; decided: no concern/);
assert.match(await lead.textContent(".history"), /A set book in English/);
assert.doesNotMatch(await lead.content(), new RegExp(canary));

await lead.click("#sign-out button");
await lead.waitForURL(`${origin}/sign-in`);
// Whoever has kept the cookie has kept nothing.
await lead.context().addCookies([session]);
await lead.goto(`${origin}/case/${held}`);
assert.equal(lead.url(), `${origin}/sign-in?case=${held}`);

assert.ok(!asked.includes("script") && !asked.includes("fetch"), "no script was as much as asked for");
await done();
