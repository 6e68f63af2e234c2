//! The words of office files (ECMA-376, OASIS OpenDocument): text runs join, paragraphs and cells part.

use std::borrow::Cow;

use quick_xml::Reader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};

use super::Item;
use super::sniff::Family;
use crate::scan::parse::charset_text;

/// A member that is XML by its first octets.
pub fn is_markup(member: &Item<'_>) -> bool {
    let octets = member.octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&member.octets);
    octets.starts_with(b"<") || octets.starts_with(b"\xff\xfe<\0") || octets.starts_with(b"\xfe\xff\0<")
}

/// Printer settings, fonts and the declaration `mimetype` are kept by programs and read by nobody; names
/// inside an office file are its program's, not the sender's. Whatever else is opaque stays unread.
pub fn disregard_furniture(member: &mut Item<'_>) {
    let name = member.name.take().unwrap_or_default();
    let is_opaque = member.sniffed.media_type == "application/octet-stream";
    if name == "mimetype" || is_opaque && (name.contains("printerSettings") || name.contains("/fonts/")) {
        member.sniffed.family = Family::Nothing;
    }
}

/// Adds the words of one member to `words`; false where its markup breaks off.
pub fn text_of(member: &Item<'_>, words: &mut String) -> bool {
    let (markup, _) = charset_text(&member.octets, None);
    let mut reader = Reader::from_str(&markup);
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut sheet = SharedCells::default();
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                sheet.open(&tag);
                part_words(tag.local_name().as_ref(), words);
            }
            Ok(Event::Empty(tag)) => part_words(tag.local_name().as_ref(), words),
            Ok(Event::End(tag)) => {
                sheet.close(tag.local_name().as_ref());
                part_words(tag.local_name().as_ref(), words);
            }
            Ok(Event::Text(text)) if !sheet.is_index() => words.push_str(&text.xml10_content()),
            Ok(Event::CData(text)) => words.push_str(&text.xml10_content()),
            Ok(Event::GeneralRef(reference)) => match reference.resolve_char_ref() {
                Ok(Some(character)) => words.push(character),
                _ => words.push_str(resolve_predefined_entity(&reference).unwrap_or(" ")),
            },
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
    words.push('\n');
    true
}

/// Writes the space that a reader sees between two pieces of text, none between the runs of one word.
fn part_words(element: &str, words: &mut String) {
    let space = match element {
        "p" | "h" | "br" | "cr" | "line-break" | "row" | "table-row" | "tr" | "si"
        // Properties of the file: each is a value of its own.
        | "title" | "subject" | "creator" | "description" | "keywords" | "lastModifiedBy" | "category" => '\n',
        "tab" | "s" | "c" | "tc" | "table-cell" | "v" => ' ',
        _ => return,
    };
    if !words.is_empty() && !words.ends_with(['\n', ' ']) {
        words.push(space);
    }
}

/// A cell of type `s` holds no words but an index into the strings that all sheets share (ECMA-376, 18.3.1.4).
#[derive(Default)]
struct SharedCells {
    shared: bool,
    value: bool,
}

impl SharedCells {
    fn open(&mut self, tag: &BytesStart<'_>) {
        match tag.local_name().as_ref() {
            "c" => {
                let kind = tag.try_get_attribute("t").ok().flatten();
                self.shared = kind.is_some_and(|kind| matches!(&kind.value, Cow::Borrowed("s")));
            }
            "v" => self.value = true,
            _ => {}
        }
    }

    fn close(&mut self, element: &str) {
        if element == "v" {
            self.value = false;
        }
    }

    fn is_index(&self) -> bool {
        self.shared && self.value
    }
}
