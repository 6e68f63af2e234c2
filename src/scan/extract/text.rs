//! Plain text in any charset, and what hides in it: armoured messages, and files as uuencode and yEnc write them.

use std::borrow::Cow;

use memchr::memmem;

use super::members::{self, Member};
use super::{Item, Reader, flowed};
use crate::finding::{Defect, Reason};
use crate::scan::budget;
use crate::scan::parse::{Encoded, charset_text, encoded_files};

pub fn read(reader: &mut Reader<'_>, item: &Item<'_>) {
    if memmem::find(&item.octets, b"-----BEGIN PGP MESSAGE-----").is_some() {
        reader.extracts.incomplete(&item.part, Reason::EncryptedMessage);
    }
    let files = encoded_files(&item.octets);
    let words = between(&item.octets, &files);
    let (text, damaged) = charset_text(&words, item.declared.charset);
    if damaged {
        reader.extracts.defects.push(Defect::DamagedEncoding);
    }
    reader.extracts.text(item.location(item.text_field()), flowed::joined(&text, item.declared.flow));
    if !files.is_empty() && item.depth >= budget::CONTAINER_DEPTH {
        return reader.extracts.incomplete(&item.part, Reason::Budget);
    }
    let members = files.into_iter().map(|file| {
        let name = Some(charset_text(file.name, None).0.into_owned()).filter(|name| !name.is_empty());
        Member::file(name, file.octets, file.is_damaged.then_some(Reason::Damaged))
    });
    members::held(reader, item, members);
}

/// The text without the files in it.
fn between<'t>(text: &'t [u8], files: &[Encoded<'_>]) -> Cow<'t, [u8]> {
    if files.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut words = Vec::new();
    let mut from = 0;
    for file in files {
        words.extend_from_slice(&text[from..file.span.start]);
        from = file.span.end;
    }
    words.extend_from_slice(&text[from..]);
    Cow::Owned(words)
}
