// Draws what was opened, as text nodes and nothing else: the sheet, which an excerpt is, and the whole text.
import { Kind, element } from "./desk.js";

// No honest sheet or text holds more; whoever captured a scan process could seal anything, and nothing is to keep her from going on.
const MOST_BODY = 64 * 1024;
const MOST_TEXT = 512 * 1024;
const MOST_LINES = 500;
const MOST_MARKS = 16;

export const TEXT_DAMAGED =
  "What matched is shown, but the whole text cannot be: what is sealed of it is damaged or missing. Nothing was lost by trying: please ask the technician to restore the vault from the backup.";

// Characters that draw over others, or that nobody sees, are shown by their numbers. As `visible` in src/case/sheet.rs.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e0fff}]+/gu;
function shown(text) {
  const out = document.createDocumentFragment();
  let last = 0;
  const all = String(text);
  const whole = all.slice(0, MOST_BODY).replace(/\r\n?/g, "\n").replace(/[\ud800-\udbff]$/, "");
  for (const match of whole.matchAll(UNSEEN)) {
    out.append(whole.slice(last, match.index), element("span", numbers(match[0]), "unseen"));
    last = match.index + match[0].length;
  }
  out.append(whole.slice(last), all.length > MOST_BODY ? "…" : "");
  return out;
}

function numbers(marks) {
  const all = Array.from(marks, (mark) => "U+" + mark.codePointAt(0).toString(16).toUpperCase().padStart(4, "0"));
  const told = all.slice(0, MOST_MARKS).join(" ");
  return all.length > MOST_MARKS ? `${told} and ${(all.length - MOST_MARKS).toLocaleString("en-GB")} more` : told;
}

// Writing that runs from right to left takes nothing along of what stands beside it.
export function apart(text) {
  const made = element("bdi");
  made.append(shown(text));
  return made;
}

// The first of a list, and how many more there are.
function each(list, into, draw) {
  if (!Array.isArray(list)) throw new TypeError("no list");
  for (const [at, one] of list.slice(0, MOST_LINES).entries()) into.append(draw(one, at));
  if (list.length > MOST_LINES) into.append(element("p", `${(list.length - MOST_LINES).toLocaleString("en-GB")} more, which are not shown.`, "help"));
}

function passage(found) {
  const block = element("div");
  const why = element("p");
  why.append(element("strong", apart(found.title)), " (rule ", apart(found.rule), ")");
  block.append(why);
  if (found.matched !== "") {
    const words = element("bdi");
    words.append("…", shown(found.before), element("mark", shown(found.matched)), shown(found.after), "…");
    block.append(element("blockquote", words));
  }
  if (found.distance !== null) {
    const picture = element("p");
    picture.append("A picture, ", apart(found.distance), " of 256 bits from the list's entry. It is never shown.");
    block.append(picture);
  }
  return block;
}

function facts(list, name, value) {
  if (value === "") return;
  list.append(element("dt", name));
  list.append(element("dd", apart(value)));
}

function attachment(file) {
  const line = element("p");
  const digest = element("span", apart(file.sha256), "mono");
  line.append("Attached: ", apart(file.name ?? "(name not shown)"), ", ", apart(file.media_type), ", ", apart(file.size), " octets, SHA-256 ", digest);
  return line;
}

function bodyText(body, at, room) {
  const block = element("div");
  if (body.location.field === "hidden-text") block.append(element("p", "Text that its reader does not see:"));
  const text = element("pre");
  // It scrolls by itself, and so has to be within reach of the keyboard.
  text.tabIndex = 0;
  text.setAttribute("role", "region");
  text.setAttribute("aria-label", at === 0 ? "Text of the message" : `Text of the message, part ${at + 1}`);
  const whole = String(body.text);
  text.append(shown(whole.slice(0, room)));
  block.append(text);
  if (body.shortened || whole.length > Math.min(room, MOST_BODY)) block.append(element("p", "The text goes on; what is kept of it ends here.", "help"));
  return block;
}

function excerpt(sheet) {
  const out = document.createDocumentFragment();
  each(sheet.passages, out, passage);
  if (sheet.envelope) {
    const list = element("dl");
    facts(list, "From", sheet.envelope.from.join(", "));
    facts(list, "To", sheet.envelope.to.join(", "));
    facts(list, "Cc", sheet.envelope.cc.join(", "));
    facts(list, "Date", sheet.envelope.date);
    facts(list, "Subject", sheet.envelope.subject);
    out.append(list);
  }
  each(sheet.attachments, out, attachment);
  return out;
}

function wholeText(bodies) {
  const out = document.createDocumentFragment();
  let room = MOST_TEXT;
  each(bodies, out, (body, at) => {
    const block = bodyText(body, at, room);
    room = Math.max(0, room - Math.min(String(body.text).length, MOST_BODY));
    return block;
  });
  return out;
}

const parsed = (octets) => JSON.parse(new TextDecoder().decode(octets));

// All of a sheet, or nothing of what is no sheet; answers with it.
export function drawSheet(octets, heading, into) {
  into.replaceChildren();
  let sheet;
  let drawn;
  try {
    sheet = parsed(octets);
    drawn = excerpt(sheet);
  } catch {
    throw new Kind("What was sealed is not a sheet that this desk can show. Nothing is lost: the sealed message is still there. Please tell the technician.");
  }
  const title = element("h3", heading);
  title.tabIndex = -1;
  into.append(title, drawn);
  title.focus();
  return sheet;
}

// The whole text beside its sheet. Of a case from before the text was sealed by itself, it is in the sheet.
export function drawText(octets, sheet, into) {
  try {
    into.append(wholeText((octets ? parsed(octets) : sheet).bodies));
  } catch {
    throw new Kind(TEXT_DAMAGED);
  }
}
