//! XML of office files: a walk along its tags, and the words of parts that need no more than that.

use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use super::Found;
use crate::scan::parse::charset_text;

/// What stands next; names are without their prefix.
pub enum Piece<'p> {
    /// Another one like it, [`Piece::End`], follows even where the element is empty.
    Start(&'p str, &'p Attributes<'p>),
    End(&'p str),
    Text(&'p str),
}

pub struct Attributes<'a>(&'a BytesStart<'a>);

impl Attributes<'_> {
    /// By its name without prefix.
    pub fn get(&self, name: &str) -> Option<String> {
        let mut all = self.0.attributes();
        all.with_checks(false);
        let found = all.flatten().find(|attribute| attribute.key.local_name().as_ref() == name)?;
        Some(found.normalized_value(XmlVersion::Implicit1_0).map_or_else(|_| found.value.to_string(), std::borrow::Cow::into_owned))
    }

    /// `r:id`, beside which there may be an `id` of another kind.
    pub fn relation(&self) -> Option<String> {
        let mut all = self.0.attributes();
        all.with_checks(false);
        let is_relation = |key: &str| key.split_once(':').is_some_and(|(_, name)| name == "id");
        all.flatten().find(|attribute| is_relation(attribute.key.as_ref())).map(|attribute| attribute.value.to_string())
    }

    pub fn number(&self, name: &str) -> Option<usize> {
        self.get(name)?.parse().ok()
    }

    /// Of a property that can be switched off: `<w:vanish w:val="0"/>`.
    pub fn is_on(&self) -> bool {
        !matches!(self.get("val").as_deref(), Some("0" | "false" | "off"))
    }
}

/// Calls `each` with what stands in a part; false where its markup breaks off.
pub fn walk(octets: &[u8], mut each: impl FnMut(Piece<'_>)) -> bool {
    let (markup, _) = charset_text(octets, None);
    let mut reader = Reader::from_str(markup.trim_start_matches('\u{feff}'));
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut depth = 0_usize;
    let mut is_whole = false;
    loop {
        match reader.read_event() {
            Ok(Event::Start(tag)) => {
                depth += 1;
                each(Piece::Start(tag.local_name().as_ref(), &Attributes(&tag)));
            }
            Ok(Event::Empty(tag)) => {
                is_whole |= depth == 0;
                each(Piece::Start(tag.local_name().as_ref(), &Attributes(&tag)));
                each(Piece::End(tag.local_name().as_ref()));
            }
            Ok(Event::End(tag)) => {
                depth = depth.saturating_sub(1);
                is_whole |= depth == 0;
                each(Piece::End(tag.local_name().as_ref()));
            }
            Ok(Event::Text(text)) => each(Piece::Text(&text.xml10_content())),
            Ok(Event::CData(text)) => each(Piece::Text(&text.xml10_content())),
            Ok(Event::GeneralRef(reference)) => match reference.resolve_char_ref() {
                Ok(Some(character)) => each(Piece::Text(character.encode_utf8(&mut [0; 4]))),
                _ => each(Piece::Text(resolve_predefined_entity(&reference).unwrap_or(" "))),
            },
            Ok(Event::Eof) => return is_whole && depth == 0,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

/// Adds the words of a part whose parts have no places of their own.
pub fn flow(octets: &[u8], found: &mut Found) {
    let whole = walk(octets, |piece| match piece {
        Piece::Text(text) if found.words.is_full() => found.is_over_budget |= !text.is_empty(),
        Piece::Text(text) => found.words.push(text),
        Piece::Start("cNvPr", attributes) => alternatives(attributes, found),
        Piece::Start(name, _) | Piece::End(name) => part(name, found),
    });
    found.is_damaged |= !whole;
    found.words.part('\n');
}

/// What stands in for a picture where it is not seen.
pub fn alternatives(attributes: &Attributes<'_>, found: &mut Found) {
    for name in ["descr", "title"] {
        found.words.line(&attributes.get(name).unwrap_or_default());
    }
}

/// Writes the space that a reader sees between two pieces of text, none between the runs of one word.
pub fn part(element: &str, found: &mut Found) {
    match element {
        "p" | "h" | "br" | "cr" | "line-break" | "row" | "table-row" | "tr" | "si" | "comment" | "cm" | "annotation" | "pt"
        // Properties of the file: each is a value of its own.
        | "title" | "subject" | "creator" | "description" | "keywords" | "lastModifiedBy" | "category" | "keyword"
        | "initial-creator" | "user-defined" | "lpstr" | "lpwstr" | "generator" | "Application" | "Company" | "Manager" => found.words.part('\n'),
        "tab" | "s" | "c" | "tc" | "table-cell" | "v" | "f" | "author" => found.words.part(' '),
        _ => {}
    }
}
