//! `winmail.dat`: a message of Outlook's, and its attachments, as one file.
//!
//! Source: [MS-OXTNEF].

use super::{Voice, attach, kind, property, say, say_rtf, text, voice};
use crate::finding::Reason;
use crate::scan::extract::members::Members;

const SIGNATURE: usize = 4;
const KEY: usize = 2;
/// Of an embedded object, the identifier of its interface.
const INTERFACE: usize = 16;
/// Values of one property, and the properties of one list, above which nothing of ours was written.
const MOST: usize = 4_096;

/// Attributes (2.1.3.2).
mod attribute {
    pub const SUBJECT: u16 = 0x8004;
    pub const BODY: u16 = 0x800c;
    pub const DATA: u16 = 0x800f;
    pub const TITLE: u16 = 0x8010;
    pub const ATTACHMENT: u16 = 0x9005;
    pub const RENDERING: u16 = 0x9002;
    pub const PROPERTIES: u16 = 0x9003;
    pub const CODEPAGE: u16 = 0x9007;
}

/// Reads forward through octets; nothing where they end.
struct Cut<'a>(&'a [u8]);

impl<'a> Cut<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn length(&mut self) -> Option<usize> {
        Some(self.u32()? as usize)
    }

    /// As many octets as are announced, and what fills them up to a multiple of four.
    fn padded(&mut self, length: usize) -> Option<&'a [u8]> {
        let value = self.take(length)?;
        self.take(length.wrapping_neg() % 4)?;
        Some(value)
    }
}

/// One value of a property.
struct Value<'a> {
    id: u16,
    kind: u16,
    octets: &'a [u8],
}

/// An attachment as it is pieced together.
#[derive(Default)]
struct Attachment<'a> {
    name: Option<(u8, String)>,
    data: Option<&'a [u8]>,
}

struct Walk<'a, 'x, 'r, 'f, 'i> {
    members: &'x mut Members<'r, 'f, 'i>,
    codepage: Option<u32>,
    attachment: Option<Attachment<'a>>,
}

pub fn read(octets: &[u8], members: &mut Members<'_, '_, '_>) {
    let mut walk = Walk { members, codepage: None, attachment: None };
    let is_whole = octets.get(SIGNATURE + KEY..).and_then(|octets| walk.attributes(octets));
    walk.close();
    if is_whole.is_none() {
        members.lacks(Reason::Damaged);
    }
}

impl<'a> Walk<'a, '_, '_, '_, '_> {
    /// `None` where the octets break off, or are no attributes.
    fn attributes(&mut self, octets: &'a [u8]) -> Option<()> {
        let mut cut = Cut(octets);
        // Some writers fill up the end.
        while cut.0.iter().any(|octet| *octet != 0) {
            let level = cut.take(1)?[0];
            let (name, _type) = (cut.u16()?, cut.u16()?);
            if !matches!(level, 1 | 2) {
                return None;
            }
            let length = cut.length()?;
            let Some(data) = cut.take(length) else {
                // Of what breaks off as much is read as there is.
                let _ = self.attribute(name, cut.0);
                return None;
            };
            cut.take(2)?;
            self.attribute(name, data)?;
        }
        Some(())
    }

    fn attribute(&mut self, name: u16, data: &'a [u8]) -> Option<()> {
        match name {
            attribute::CODEPAGE => self.codepage = Cut(data).u32(),
            attribute::SUBJECT | attribute::BODY => say(kind::STRING8, data, self.codepage, self.members),
            attribute::RENDERING => {
                self.close();
                self.attachment = Some(Attachment::default());
            }
            attribute::TITLE => self.name(1, text(kind::STRING8, data, self.codepage)),
            attribute::DATA => self.attachment.get_or_insert_default().data = Some(data),
            attribute::PROPERTIES | attribute::ATTACHMENT => return self.properties(data),
            _ => {}
        }
        Some(())
    }

    fn properties(&mut self, data: &'a [u8]) -> Option<()> {
        let mut cut = Cut(data);
        let count = cut.length()?;
        for _ in 0..count.min(MOST) {
            let property = Value { kind: cut.u16()?, id: cut.u16()?, octets: &[] };
            if property.id >= 0x8000 {
                skip_name(&mut cut)?;
            }
            let is_multiple = property.kind & 0x1000 != 0;
            let kind = property.kind & 0x0fff;
            let is_long = matches!(kind, kind::STRING8 | kind::UNICODE | kind::OBJECT | kind::BINARY);
            let count = if is_multiple || is_long { cut.length()?.min(MOST) } else { 1 };
            for _ in 0..count {
                let length = if is_long { cut.length()? } else { width(kind)? };
                self.value(&Value { kind, octets: cut.padded(length)?, ..property });
            }
        }
        Some(())
    }

    fn value(&mut self, value: &Value<'a>) {
        match voice(value.id) {
            Voice::Said => say(value.kind, value.octets, self.codepage, self.members),
            Voice::SaidInRtf => say_rtf(value.octets, self.members),
            Voice::Names(rank) => self.name(rank, text(value.kind, value.octets, self.codepage)),
            Voice::Attached => {
                let data = if value.kind == kind::OBJECT { value.octets.get(INTERFACE..).unwrap_or_default() } else { value.octets };
                self.attachment.get_or_insert_default().data = Some(data);
            }
            Voice::None if matches!(value.id, property::INTERNET_CODEPAGE | property::MESSAGE_CODEPAGE) => {
                self.codepage = self.codepage.or_else(|| Cut(value.octets).u32());
            }
            Voice::None => {}
        }
    }

    fn name(&mut self, rank: u8, name: String) {
        // Outside of an attachment it is the name of a person.
        if let Some(attachment) = &mut self.attachment
            && attachment.name.as_ref().is_none_or(|(known, _)| *known <= rank)
        {
            attachment.name = Some((rank, name));
        }
    }

    /// The attachment so far is whole.
    fn close(&mut self) {
        if let Some(Attachment { name, data: Some(data) }) = self.attachment.take() {
            attach(name.map(|(_, name)| name), data, self.members);
        }
    }
}

/// Of one value, in octets (2.1.3.4).
fn width(kind: u16) -> Option<usize> {
    match kind {
        0x0000 | 0x0001 => Some(0),
        0x0002 | 0x000b => Some(2),
        kind::INTEGER32 | 0x0004 | 0x000a => Some(4),
        0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => Some(8),
        0x0048 => Some(16),
        _ => None,
    }
}

/// Properties that programs make up have a name in front of their value.
fn skip_name(cut: &mut Cut<'_>) -> Option<()> {
    cut.take(16)?;
    if cut.u32()? == 0 {
        cut.take(4)?;
    } else {
        let length = cut.length()?;
        cut.padded(length)?;
    }
    Some(())
}
