//! The one file that knows `mail-parser`: messages, parts, transfer encodings and charsets.

use std::borrow::Cow;
use std::sync::LazyLock;

use mail_parser::{
    Charset, DecodeProblems, Encoding, HeaderForm, HeaderName, Mailbox, Message, MessageParser, MessagePart, MessageRef, PartFlags,
    PartKind,
};
use sha2::{Digest, Sha256};

use super::{Contents, Declared, Flow, Leaf, encoded_files};
use crate::case::Envelope;
use crate::finding::{Defect, Incomplete, MOST_IDS, Reason};
use crate::mail::{Address, Private};
use crate::scan::budget::{self, Budget};

/// Fields that nobody here asks for in their parsed form: trace, threads and mailing lists.
const UNREAD: [HeaderName<'static>; 15] = [
    HeaderName::Received,
    HeaderName::ReturnPath,
    HeaderName::MessageId,
    HeaderName::References,
    HeaderName::InReplyTo,
    HeaderName::ReplyTo,
    HeaderName::Sender,
    HeaderName::Keywords,
    HeaderName::ListArchive,
    HeaderName::ListHelp,
    HeaderName::ListId,
    HeaderName::ListOwner,
    HeaderName::ListPost,
    HeaderName::ListSubscribe,
    HeaderName::ListUnsubscribe,
];

static PARSER: LazyLock<MessageParser> = LazyLock::new(|| {
    let parser = MessageParser::new().max_depth(budget::MAIL_DEPTH).max_parts(budget::PARTS as usize);
    UNREAD.into_iter().fold(parser, |parser, name| parser.header(name, HeaderForm::Raw))
});

/// A parsed message. Bodies are decoded by [`Mail::contents`].
pub struct Mail<'x>(Message<'x>);

impl<'x> Mail<'x> {
    /// `None` where there is neither a header field nor an empty line: the octets are no message.
    pub fn parse(octets: &'x [u8]) -> Option<Self> {
        PARSER.parse(octets).map(Self)
    }

    /// SHA-256 over the originator's address in lower case, the Date field as written and the decoded subject.
    pub fn origin(&self) -> [u8; 32] {
        let from = self.0.all_from().next().and_then(|list| list.first()?.address()).unwrap_or_default();
        let mut hash = Sha256::new();
        hash.update(from.to_lowercase());
        hash.update([0]);
        hash.update(self.date());
        hash.update([0]);
        hash.update(self.0.subject().unwrap_or_default());
        hash.finalize().into()
    }

    /// SHA-256 of the message ids that say of which conversation it is a part: its own, that of what it answers, and of those that it
    /// refers to the first, which all of a long conversation share, and the last (RFC 5322, 3.6.4).
    pub fn thread(&self) -> Vec<[u8; 32]> {
        let ids = |name| message_ids(self.0.headers().get(name).map_or(&[], |header| header.raw_value()));
        let own = ids(HeaderName::MessageId).take(1).chain(ids(HeaderName::InReplyTo).take(1));
        let named = own.chain(ids(HeaderName::References).take(1)).chain(ids(HeaderName::References).rev());
        let mut thread = Vec::new();
        for id in named.take(MOST_IDS) {
            if !thread.contains(&id) {
                thread.push(id);
            }
        }
        thread
    }

    /// The first mailbox in From.
    pub fn sender(&self) -> Option<Private<Address>> {
        self.0.all_from().flat_map(|list| list.mailboxes()).find_map(|mailbox| address(&mailbox))
    }

    /// Everybody in To, Cc and Bcc, members of groups among them.
    pub fn recipients(&self) -> impl Iterator<Item = Private<Address>> {
        let lists = self.0.all_to().chain(self.0.all_cc()).chain(self.0.all_bcc());
        lists.flat_map(|list| list.mailboxes()).filter_map(|mailbox| address(&mailbox))
    }

    /// As it is shown to a person.
    pub fn envelope(&self) -> Envelope {
        Envelope {
            from: self.0.all_from().flat_map(|list| list.mailboxes()).map(|mailbox| shown(&mailbox)).collect(),
            to: self.0.all_to().flat_map(|list| list.mailboxes()).map(|mailbox| shown(&mailbox)).collect(),
            cc: self.0.all_cc().flat_map(|list| list.mailboxes()).map(|mailbox| shown(&mailbox)).collect(),
            subject: self.0.subject().unwrap_or_default().to_owned(),
            date: String::from_utf8_lossy(self.date()).into_owned(),
        }
    }

    /// Walks through all parts and undoes their transfer encodings, as far as the budget goes.
    pub fn contents(&self, budget: &mut Budget) -> Contents<'_> {
        let mut walk = Walk { budget, contents: Contents::default() };
        walk.message(self.0.root(), "");
        walk.contents
    }

    fn date(&self) -> &[u8] {
        self.0.headers().get(HeaderName::Date).map_or(&[], |header| header.raw_value().trim_ascii())
    }
}

fn address(mailbox: &Mailbox<'_>) -> Option<Private<Address>> {
    mailbox.address()?.parse().ok().map(Private::new)
}

/// What stands in angle brackets, without the white space by which a long one was folded.
fn message_ids(field: &[u8]) -> impl DoubleEndedIterator<Item = [u8; 32]> {
    let brackets = field.split(|octet| *octet == b'<').filter_map(|piece| Some(&piece[..piece.iter().position(|octet| *octet == b'>')?]));
    brackets.filter(|id| !id.is_empty()).map(|id| {
        let mut hash = Sha256::new();
        id.split(u8::is_ascii_whitespace).for_each(|piece| hash.update(piece));
        hash.finalize().into()
    })
}

fn shown(mailbox: &Mailbox<'_>) -> String {
    match (mailbox.name(), mailbox.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_owned(),
    }
}

struct Walk<'b, 'm> {
    budget: &'b mut Budget,
    contents: Contents<'m>,
}

impl<'m> Walk<'_, 'm> {
    /// A message, inside the part `path`. Its depth is bounded by the parser's.
    fn message(&mut self, message: MessageRef<'m>, path: &str) {
        let subjects = message.headers().all(HeaderName::Subject).filter_map(|header| header.value().as_text());
        self.contents.subjects.extend(subjects.map(|subject| (path.to_owned(), subject)));
        let root = message.root_part();
        if root.is_multipart() { self.part(root, path.to_owned()) } else { self.part(root, below(path, 1)) }
    }

    fn part(&mut self, part: MessagePart<'m>, path: String) {
        self.flags(part, &path);
        match part.kind() {
            PartKind::Multipart => {
                self.stray_text(part, &path);
                if part.content_type().is_some_and(|kind| kind.subtype().is_some_and(|name| name.eq_ignore_ascii_case("alternative"))) {
                    self.contents.alternatives.push((1..=part.children().count()).map(|number| below(&path, number)).collect());
                }
                for (index, child) in part.children().enumerate() {
                    self.part(child, below(&path, index + 1));
                }
            }
            PartKind::Message(message) => self.message(message, &path),
            PartKind::Text | PartKind::Html | PartKind::Binary | PartKind::InlineBinary => self.leaf(part, path),
        }
    }

    fn leaf(&mut self, part: MessagePart<'m>, path: String) {
        // Undoing a transfer encoding never adds octets.
        if !self.budget.take(part.raw_body().len()) {
            self.contents.incomplete.push(Incomplete { part: path, reason: Reason::Budget });
            return;
        }
        let declared = part.content_type().map_or(Declared::default(), |content_type| Declared {
            kind: content_type.ctype(),
            subtype: content_type.subtype().unwrap_or_default(),
            charset: content_type.attribute("charset"),
            flow: match content_type.attribute("format") {
                Some(format) if format.eq_ignore_ascii_case("flowed") => {
                    let without_space = content_type.attribute("delsp").is_some_and(|value| value.eq_ignore_ascii_case("yes"));
                    if without_space { Flow::FlowedWithoutSpace } else { Flow::Flowed }
                }
                _ => Flow::Fixed,
            },
        });
        let name = part.attachment_name().filter(|name| !name.is_empty());
        let attached = part.content_disposition().is_some_and(|disposition| disposition.is_attachment());
        let is_body = part.is_text() && name.is_none() && !attached;
        let (octets, problems) = part.decoded_checked();
        if !problems.is_empty() {
            self.contents.defects.push(Defect::DamagedEncoding);
        }
        if problems.contains(DecodeProblems::MALFORMED_TRANSFER_ENCODING) && part.is_text() {
            // Where the encoding is a lie, some readers show what is written.
            self.contents.stray.push((path.clone(), charset_text(part.raw_body(), declared.charset).0.into_owned()));
        }
        if problems.contains(DecodeProblems::UNKNOWN_TRANSFER_ENCODING) && is_encoding_of_its_own(part) && encoded_files(&octets).is_empty()
        {
            self.contents.incomplete.push(Incomplete { part: path.clone(), reason: Reason::Unsupported });
        }
        self.contents.leaves.push(Leaf { part: path, octets, name, declared, is_body });
    }

    fn flags(&mut self, part: MessagePart<'m>, path: &str) {
        let flags = part.flags();
        if flags.is_empty() {
            return;
        }
        if flags.intersects(PartFlags::NESTING_LIMIT | PartFlags::LIMIT_REACHED) {
            self.contents.incomplete.push(Incomplete { part: path.to_owned(), reason: Reason::Budget });
        }
        if flags.intersects(PartFlags::UNTERMINATED | PartFlags::MISSING_DELIMITER) {
            self.contents.defects.push(Defect::Unterminated);
        }
        if flags.contains(PartFlags::FALLBACK_DELIMITER) {
            self.contents.defects.push(Defect::StrayText);
        }
        if flags.contains(PartFlags::NO_BLANK_LINE) {
            // What was taken for a header may be all that there is to read.
            self.contents.stray.push((path.to_owned(), charset_text(part.raw_headers(), None).0.into_owned()));
        }
    }

    /// What stands before, between and behind the children of a multipart.
    fn stray_text(&mut self, part: MessagePart<'m>, path: &str) {
        let body = part.raw_body();
        let start = part.offset_body() as usize;
        let boundary = part.boundary().unwrap_or_default();
        let mut at = 0;
        let ends = part.children().map(|child| ((child.offset_header() as usize), (child.offset_end() as usize)));
        for (from, to) in ends.chain([(start + body.len(), start + body.len())]) {
            let gap = body.get(at..from.saturating_sub(start)).unwrap_or_default();
            at = to.saturating_sub(start);
            let text = without_delimiters(gap, boundary);
            if !text.chars().any(char::is_alphanumeric) {
                continue;
            }
            // The usual preamble says that the message is in MIME format: read like any other, but not odd.
            if !text.contains("MIME") {
                self.contents.defects.push(Defect::StrayText);
            }
            self.contents.stray.push((path.to_owned(), text));
        }
    }
}

fn below(path: &str, number: usize) -> String {
    if path.is_empty() { number.to_string() } else { format!("{path}.{number}") }
}

/// `x-uuencode`, `x-gzip64` and the like: no slip of the pen such as `8-bit`, but another encoding.
fn is_encoding_of_its_own(part: MessagePart<'_>) -> bool {
    let encoding = part.content_transfer_encoding().unwrap_or_default().to_ascii_lowercase();
    ["x-", "uu", "yenc", "binhex", "base85"].iter().any(|start| encoding.starts_with(start))
}

fn without_delimiters(gap: &[u8], boundary: &str) -> String {
    let mut text = String::new();
    for line in gap.split(|&octet| octet == b'\n') {
        let delimiter = line.strip_prefix(b"--").and_then(|rest| rest.strip_prefix(boundary.as_bytes()));
        let words = delimiter.map_or(line, |rest| rest.strip_prefix(b"--").unwrap_or(rest)).trim_ascii();
        if !words.is_empty() {
            text.push_str(&charset_text(words, None).0);
            text.push('\n');
        }
    }
    text
}

/// The text behind octets in a charset, and whether they were damaged. Without a label a byte order mark
/// decides, without either it is UTF-8, and so it is where ASCII is promised and not kept. What is not UTF-8
/// is read as windows-1252, octet by octet, so that one bad octet does not hide the words around it.
pub fn charset_text<'t>(octets: &'t [u8], label: Option<&str>) -> (Cow<'t, str>, bool) {
    let marked = || matches!(octets, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]).then_some("utf-16");
    let label = label.filter(|label| !label.eq_ignore_ascii_case("us-ascii") && !label.eq_ignore_ascii_case("ascii"));
    match label.or_else(marked).map(|label| Charset::from_label(label.as_bytes())) {
        Some(Some(charset)) if charset != Charset::default() => charset.decode_checked(octets),
        Some(None) => (mostly_utf8(octets).0, true),
        _ => mostly_utf8(octets),
    }
}

fn mostly_utf8(octets: &[u8]) -> (Cow<'_, str>, bool) {
    if let Ok(text) = std::str::from_utf8(octets) {
        return (Cow::Borrowed(text), false);
    }
    let western = Charset::from_label(b"windows-1252").unwrap_or_default();
    let mut text = String::with_capacity(octets.len() + octets.len() / 8);
    for chunk in octets.utf8_chunks() {
        text.push_str(chunk.valid());
        text.push_str(&western.decode(chunk.invalid()));
    }
    (Cow::Owned(text), true)
}

/// Undoes base64; octets outside of its alphabet are skipped.
pub fn base64(octets: &[u8]) -> Cow<'_, [u8]> {
    Encoding::Base64.decode(octets)
}

/// Undoes quoted-printable; what is no escape stays.
pub fn quoted_printable(octets: &[u8]) -> Cow<'_, [u8]> {
    Encoding::QuotedPrintable.decode(octets)
}
