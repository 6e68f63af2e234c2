//! Office files that are zip inside (ECMA-376, OASIS OpenDocument): their parts are gathered as they are unpacked, then
//! read in the order of the document, each with its place in it.

mod markup;
mod opendocument;
mod presentation;
mod relations;
mod wordprocessing;
mod workbook;

use std::borrow::Cow;
use std::collections::BTreeMap;

use self::relations::Relations;
use super::sniff::{Family, SVG};
use super::{Item, Reader, Words};
use crate::finding::{Defect, Field, Layer, Place, Reason, Unit};

/// The parts of one file that are markup, by their names.
#[derive(Default)]
pub struct Package {
    parts: BTreeMap<String, Vec<u8>>,
    has_program: bool,
    /// Two parts have one name. Which of them a program shows is its own affair.
    is_ambiguous: bool,
}

/// What is told of a package besides its files.
#[derive(Default)]
pub struct Found {
    words: Words,
    /// What its reader does not see.
    hidden: String,
    /// One a line.
    links: String,
    is_damaged: bool,
    is_over_budget: bool,
}

impl Found {
    /// Where a text begins anew, and whether there is room for it.
    fn begin(&mut self, place: Place) -> bool {
        self.words.begin(place);
        self.is_over_budget |= self.words.is_full();
        !self.words.is_full()
    }

    fn link(&mut self, target: &str) {
        self.links.extend(target.trim().split('\0'));
        self.links.push('\n');
    }
}

impl Package {
    /// Of a zip of this type, if it is an office file.
    pub fn of(media_type: &str) -> Option<Self> {
        media_type.starts_with("application/vnd.").then(Self::default)
    }

    /// Keeps a member that is markup; any other is handed back, to be read as a file.
    pub fn keep<'m>(&mut self, mut member: Item<'m>) -> Option<Item<'m>> {
        let name = member.name.take().unwrap_or_default();
        // A drawing is a file like other pictures, and a page of its own is one too: pictures may stand in them.
        if is_markup(&member.octets) && member.sniffed.media_type != SVG && !is_page(&name) {
            self.is_ambiguous |= self.parts.insert(name.into_owned(), member.octets.into_owned()).is_some();
            return None;
        }
        self.has_program |= name.ends_with("vbaProject.bin");
        disregard_furniture(&name, &mut member);
        Some(member)
    }

    /// Reads what was kept.
    pub fn read(self, reader: &mut Reader<'_>, item: &Item<'_>) {
        let mut found = Found::default();
        let mut defects = Vec::new();
        if self.has_program || self.parts.keys().any(|name| name.starts_with("Basic/")) {
            defects.push(Defect::Program);
        }
        if self.is_encrypted() {
            reader.extracts.incomplete(&item.part, Reason::EncryptedDocument);
        }
        let relations = Relations::of(&self.parts, &mut found);
        let mut parts = self.parts;
        wordprocessing::read(&mut parts, &mut found);
        presentation::read(&mut parts, &relations, &mut found);
        workbook::read(&mut parts, &relations, &mut found);
        opendocument::read(&mut parts, &mut found);
        for (name, octets) in parts {
            let layer = if name.starts_with("docProps/") || name == "meta.xml" { Layer::Properties } else { Layer::Main };
            if !found.begin(Place::of(Unit::Document, 0).in_layer(layer)) {
                break;
            }
            markup::flow(&octets, &mut found);
        }
        reader.extracts.defects.append(&mut defects);
        reader.extracts.words(item.location(Field::AttachmentText), found.words);
        reader.extracts.text(item.location(Field::HiddenText), Cow::Owned(found.hidden));
        reader.extracts.text(item.location(Field::Link), Cow::Owned(found.links));
        for (is_so, reason) in [(found.is_damaged || self.is_ambiguous, Reason::Damaged), (found.is_over_budget, Reason::Budget)] {
            if is_so {
                reader.extracts.incomplete(&item.part, reason);
            }
        }
    }

    /// The formats of OASIS name the key of each member in their manifest (version 1.2, part 3, 3.8).
    fn is_encrypted(&self) -> bool {
        let manifest = self.parts.get("META-INF/manifest.xml");
        manifest.is_some_and(|manifest| memchr::memmem::find(manifest, b":encryption-data").is_some())
    }
}

/// XML by its first octets.
fn is_markup(octets: &[u8]) -> bool {
    let octets = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets);
    octets.trim_ascii_start().starts_with(b"<") || octets.starts_with(b"\xff\xfe<\0") || octets.starts_with(b"\xfe\xff\0<")
}

/// What a document takes in as HTML (`altChunk`, ECMA-376, part 1, 17.17.2).
fn is_page(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, ending)| ["htm", "html", "xhtml", "mht"].iter().any(|page| ending.eq_ignore_ascii_case(page)))
}

/// Printer settings, fonts and the declaration `mimetype` are kept by programs and read by nobody. Whatever else is
/// opaque stays unread.
fn disregard_furniture(name: &str, member: &mut Item<'_>) {
    let is_opaque = member.sniffed.media_type == "application/octet-stream";
    if name == "mimetype" || is_opaque && (name.contains("printerSettings") || name.contains("/fonts/")) {
        member.sniffed.family = Family::Nothing;
    }
}
