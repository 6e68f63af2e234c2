// A visitor of the desk in a real browser, and what is wrong on any page of hers. What the test tells comes as JSON in DESK.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename } from "node:path";
import { chromium } from "playwright-core";

export const told = JSON.parse(process.env.DESK);
const { origin, pictures } = told;
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 900 };
export const PASSWORD = "correct horse battery";

export const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
// Every mistake that any page made.
export const wrong = [];
// What this script is to look at: the route of each state. A test of the desk holds the table against its routes.
const table = readFileSync(new URL("pages.tsv", import.meta.url), "utf8").split("\n").map((line) => line.split("\t"));
const states = new Map(table.filter(([, , script]) => script === basename(process.argv[1])).map(([route, state]) => [state, route]));
const checked = new Set();
// What turns the writing round, hides or moves a cursor. As in src/review/script/sheet.js.
export const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e0fff}]/u;
// Nothing that is written into a page runs or loads, and nothing of another origin does.
const POLICY = ["base-uri 'none'", "connect-src 'self'", "default-src 'none'", "form-action 'self'", "frame-ancestors 'none'", "img-src 'self'", "require-trusted-types-for 'script'", "script-src 'self'", "style-src 'self'", "trusted-types 'none'"];

export async function visitor(options = {}) {
  const context = await browser.newContext({ ignoreHTTPSErrors: true, viewport: DESKTOP, ...options });
  const page = await context.newPage();
  // A passphrase is slow to weigh, on a machine that does much else all the more.
  page.setDefaultTimeout(180_000);
  // Of every page that the visitor opens, whatever opens it.
  context.on("request", (request) => { if (!request.url().replace(/^blob:/, "").startsWith(`${origin}/`)) wrong.push(`left the origin: ${request.url()}`); });
  context.on("response", (response) => {
    const policy = (response.headers()["content-security-policy"] ?? "").split(/; */).sort();
    if (response.url().startsWith(`${origin}/`) && policy.join() !== POLICY.join()) wrong.push(`${response.status()} ${response.url()} has another policy: ${policy}`);
  });
  page.on("console", (message) => { if (/Content.Security.Policy|Trusted/i.test(message.text())) wrong.push(`${message.text()} at ${JSON.stringify(message.location())} on ${page.url()}`); });
  page.on("dialog", (dialog) => { wrong.push(`a dialog: ${dialog.message()}`); dialog.dismiss(); });
  for (const event of ["frameattached", "popup", "websocket", "worker"]) page.on(event, () => wrong.push(`${event} on ${page.url()}`));
  page.on("pageerror", (error) => wrong.push(`a script failed: ${error.message}`));
  return page;
}

// One for each page: what a session has set up, such as a device with passkeys, ends with any that is detached.
const sessions = new WeakMap();
export async function devtools(page) {
  if (!sessions.has(page)) sessions.set(page, await page.context().newCDPSession(page));
  return sessions.get(page);
}

// What stands on a page beside text and the desk's own marks: nothing, whatever somebody has written.
async function foreign(page) {
  return page.evaluate((unseen) => {
    const loads = ["action", "background", "data", "formaction", "href", "ping", "poster", "src", "srcset", "xlink:href"];
    const ours = (name, value) => !loads.includes(name) || URL.parse(value, location.href)?.href.replace(/^blob:/, "").startsWith(`${location.origin}/`);
    const strange = [];
    for (const one of document.querySelectorAll("*")) {
      const source = one.getAttribute("src");
      const allowed = { IMG: source === "/assets/mark.svg", SCRIPT: source === "/assets/desk.js", META: !one.httpEquiv };
      const named = one.matches("applet, audio, base, embed, foreignObject, frame, frameset, iframe, math, object, portal, style, template, video");
      if (named || allowed[one.tagName] === false) strange.push(one.outerHTML.slice(0, 100));
      for (const { name, value } of one.attributes) {
        if (name.startsWith("on") || name === "style" || name === "srcdoc" || !ours(name, value)) strange.push(`${one.tagName} ${name}="${value}"`);
      }
    }
    const hidden = document.documentElement.textContent.match(new RegExp(unseen, "u"));
    if (hidden) strange.push(`an unseen mark: ${escape(hidden[0])}`);
    return strange;
  }, UNSEEN.source);
}

// Nothing that keeps somebody from using the page, at the width of a desk, of a phone, and at twice the size.
export async function look(page, name) {
  const route = new RegExp(`^${states.get(name)?.replaceAll(/\{\*\w+\}/g, ".+").replaceAll(/\{\w+\}/g, "[^/]+")}$`);
  assert.match(new URL(page.url()).pathname, route, `${name} is no state of this page in pages.tsv`);
  for (const strange of await foreign(page)) wrong.push(`${name}: ${strange}`);
  for (const [width, viewport] of [["desktop", DESKTOP], ["phone", PHONE], ["zoom", { width: 640, height: 450 }]]) {
    await page.setViewportSize(viewport);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
    if (over > 0) wrong.push(`${name} at ${width}: ${over} pixels too wide`);
    // A field of one line alone scrolls what is written into it.
    const sideways = await page.evaluate(() => [...document.querySelectorAll("main, main :not(input)")].filter((one) => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).overflowX !== "visible").map((one) => one.outerHTML.slice(0, 80)));
    if (sideways.length > 0) wrong.push(`${name} at ${width}: scrolled sideways: ${sideways}`);
    // The axe script runs in a world of its own: the policy of the page allows it no more than any other stranger.
    const session = await devtools(page);
    const { frameTree } = await session.send("Page.getFrameTree");
    const { executionContextId } = await session.send("Page.createIsolatedWorld", { frameId: frameTree.frame.id, worldName: "axe" });
    const run = (expression) => session.send("Runtime.evaluate", { expression, contextId: executionContextId, awaitPromise: true, returnByValue: true });
    await run(axe);
    const { result, exceptionDetails } = await run("axe.run({ resultTypes: ['violations'] }).then((found) => ({ violations: found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(', ')}`), passes: found.passes.length }))");
    assert.ok(!exceptionDetails && result.value.passes > 3, `axe did not run on ${name}: ${JSON.stringify(exceptionDetails)}`);
    for (const violation of result.value.violations) wrong.push(`${name} at ${width}: ${violation}`);
    if (pictures && width !== "zoom") await page.screenshot({ path: `${pictures}/${name}-${width}.png`, fullPage: true });
  }
  checked.add(name);
  await page.setViewportSize(DESKTOP);
}

// Nothing was wrong, and every state that this script has in the table was looked at.
export async function done() {
  assert.deepEqual(wrong, []);
  assert.deepEqual([...states.keys()].filter((state) => !checked.has(state)), [], "not looked at");
  console.log(`${checked.size} states, no violation`);
  await browser.close();
}

const now = () => Math.floor(Date.now() / 30_000);
// The last half minute of each app whose digits were shown to the desk.
const shown = new Map();

// Digits that the desk has not seen: it takes those of the half minute that comes next, and none twice.
export async function fresh(secret) {
  const last = shown.get(secret) ?? 0;
  while (now() < last) await new Promise((passed) => setTimeout(passed, 500));
  shown.set(secret, Math.max(now(), last + 1));
  return code(secret, shown.get(secret));
}

function code(base32, at) {
  const bits = [...base32.replaceAll(" ", "")].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const secret = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(at));
  const digest = createHmac("sha1", secret).update(step).digest();
  return String((digest.readUInt32BE(digest[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

// Signs in with an invitation; answers with the secret of her app.
export async function enter(page, name, link, lookAtIt) {
  await page.goto(link);
  if (lookAtIt) await look(page, "invitation");
  assert.equal(await page.locator("svg, .mono").count(), 0, "a link that is fetched shows no secret");
  await page.click("main button");
  const secret = await page.locator(".code + p .mono").textContent();
  if (lookAtIt) await look(page, "invitation-opened");
  const take = async (digits) => {
    await page.fill("#password", PASSWORD);
    await page.fill("#again", PASSWORD);
    await page.fill("#code", digits);
    await page.click("main button");
  };
  if (lookAtIt) {
    // What the app does not show; afterwards it goes on with what it has.
    await take("12");
    await page.waitForSelector(".problem");
    assert.equal(await page.locator("svg, .mono").count(), 0, "a secret is shown once");
    await look(page, "invitation-again");
  }
  await take(code(secret, now()));
  await page.waitForURL(`${origin}/sign-in`);
  if (lookAtIt) await look(page, "sign-in");
  await page.fill("#name", name);
  await page.fill("#password", PASSWORD);
  await page.fill("#code", await fresh(secret));
  await page.click("main button");
  await page.waitForSelector("#sign-out");
  // Whoever has no key yet is led to the page of keys first.
  await page.goto(`${origin}/queue`);
  return secret;
}

// What a deed of the script has come to.
export const said = async (page, id) => {
  await page.waitForFunction((id) => document.getElementById(id).className === "problem" || document.getElementById(id).textContent === "", id);
  return page.textContent(`#${id}`);
};
