//! The Office formats of 1997 to 2003: documents, workbooks and presentations in compound files, and what is embedded in them.

mod blip;
mod excel;
mod powerpoint;
mod word;

use std::borrow::Cow;

use super::compound::Compound;
use super::members::{self, Member};
use super::ole::{self, Native};
use super::{Item, Reader, Words};
use crate::finding::{Defect, Field, Reason};

/// What a reader of one of the formats found.
#[derive(Default)]
pub struct Found {
    pub words: Words,
    pub hidden: String,
    /// One a line.
    pub links: String,
    pub files: Vec<Native>,
    pub trouble: Vec<Reason>,
}

impl Found {
    fn lacks(&mut self, reason: Reason) {
        if !self.trouble.contains(&reason) {
            self.trouble.push(reason);
        }
    }

    fn link(&mut self, target: &str) {
        self.links.extend(target.trim().split('\0'));
        self.links.push('\n');
    }
}

pub fn read(reader: &mut Reader<'_>, item: &Item<'_>) {
    let Some(compound) = Compound::open(&item.octets) else { return reader.extracts.incomplete(&item.part, Reason::Damaged) };
    if compound.find("", "EncryptedPackage").is_some() {
        return reader.extracts.incomplete(&item.part, Reason::EncryptedDocument);
    }
    let Some(most) = reader.budget.open() else { return reader.extracts.incomplete(&item.part, Reason::Budget) };
    let mut found = Found::default();
    let mut room = Room { left: most };
    let has_program = ["Macros", "_VBA_PROJECT_CUR", "VBA"].iter().any(|name| compound.has_storage(name));
    if !streams(&compound, &mut room, &mut found) && !is_program_alone(&compound) {
        found.lacks(Reason::Unsupported);
    }
    if compound.is_cut_short() {
        found.lacks(Reason::Budget);
    }
    reader.budget.pay(usize::try_from(most - room.left).unwrap_or(usize::MAX));

    reader.extracts.words(item.location(Field::AttachmentText), found.words);
    reader.extracts.text(item.location(Field::HiddenText), Cow::Owned(found.hidden));
    reader.extracts.text(item.location(Field::Link), Cow::Owned(found.links));
    if has_program {
        reader.extracts.defects.push(Defect::Program);
    }
    members::held(reader, item, found.files.into_iter().map(|file| Member::file(file.name, file.octets, None)));
    for reason in found.trouble {
        reader.extracts.incomplete(&item.part, reason);
    }
}

/// What may still be taken out of a file, in octets: streams may lie upon one another.
pub struct Room {
    left: u64,
}

impl Room {
    /// A stream, and a note where it is not whole.
    fn read(&mut self, compound: &Compound<'_>, storage: &str, name: &str, found: &mut Found) -> Option<Vec<u8>> {
        let read = compound.read(compound.find(storage, name)?);
        if !read.is_whole {
            found.lacks(Reason::Damaged);
        }
        if read.octets.len() > self.left() {
            found.lacks(Reason::Budget);
            return None;
        }
        self.take(read.octets.len());
        Some(read.octets)
    }

    /// Octets that may still be taken.
    fn left(&self) -> usize {
        usize::try_from(self.left).unwrap_or(usize::MAX)
    }

    fn take(&mut self, octets: usize) {
        self.left = self.left.saturating_sub(octets as u64);
    }
}

/// Reads what is known of the streams, in embedded objects too; false where nothing of the file is.
fn streams(compound: &Compound<'_>, room: &mut Room, found: &mut Found) -> bool {
    let mut known = false;
    for stream in compound.streams() {
        let storage = stream.storage.as_str();
        // Some writers have the names in capitals.
        match stream.name.to_ascii_lowercase().as_str() {
            "worddocument" => word::read(compound, storage, room, found),
            "workbook" | "book" => excel::read(compound, storage, &stream.name, room, found),
            "powerpoint document" => powerpoint::read(compound, storage, room, found),
            "pictures" => {
                if let Some(octets) = room.read(compound, storage, &stream.name, found) {
                    blip::listed(&octets, room, found);
                }
            }
            "\u{1}ole10native" => {
                if let Some(octets) = room.read(compound, storage, &stream.name, found) {
                    found.files.push(ole::native_stream(&octets));
                }
            }
            "package" | "contents" | "embeddedodf" if !storage.is_empty() => {
                if let Some(octets) = room.read(compound, storage, &stream.name, found) {
                    found.files.push(Native { name: None, octets });
                }
            }
            "data" => {
                if let Some(octets) = room.read(compound, storage, &stream.name, found) {
                    blip::scattered(&octets, room, found);
                }
                continue;
            }
            _ => continue,
        }
        known = true;
    }
    known
}

/// The program that a document of a newer format keeps in a file of its own: no document is beside it (MS-OVBA, 2.2.1).
fn is_program_alone(compound: &Compound<'_>) -> bool {
    let is_own = |name: &str| ["PROJECT", "PROJECTlk", "PROJECTwm"].iter().any(|own| own.eq_ignore_ascii_case(name));
    compound.find("VBA/", "dir").is_some() && compound.streams().iter().all(|stream| !stream.storage.is_empty() || is_own(&stream.name))
}

/// `HYPERLINK "https://…"`, as fields of Word and of RTF have it.
pub fn link_target(instruction: &str) -> Option<&str> {
    let rest = instruction.split_once("HYPERLINK")?.1.trim_start().trim_start_matches("\\l").trim_start();
    let target = match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next(),
        None => rest.split_whitespace().next(),
    };
    target.filter(|target| !target.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_targets_are_read_with_and_without_quotes() {
        assert_eq!(link_target(" HYPERLINK \\l \"top\" "), Some("top"));
        assert_eq!(link_target("HYPERLINK https://a.example \\o"), Some("https://a.example"));
        assert_eq!(link_target("PAGE"), None);
    }
}
