//! Outlook's own formats: what they say and what they carry, whichever way it is wrapped.

mod lzfu;
mod msg;
mod tnef;

use super::members::{Member, Members};
use super::{Item, Reader};
use crate::finding::Reason;
use crate::scan::parse::charset_text;

/// How a message of Outlook's is wrapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapping {
    /// As it is saved, `.msg`.
    CompoundFile,
    /// As it is sent, `winmail.dat`.
    Tnef,
}

pub fn read(reader: &mut Reader<'_>, item: &Item<'_>, wrapping: Wrapping) {
    let octets: &[u8] = &item.octets;
    let mut members = Members::of(reader, item);
    match wrapping {
        Wrapping::CompoundFile => msg::read(octets, &mut members),
        Wrapping::Tnef => tnef::read(octets, &mut members),
    }
    members.finish();
}

/// Each message has a stream of this name, and each attachment in it ([MS-OXMSG] 2.4).
pub const PROPERTIES: &str = "__properties_version1.0";

/// Numbers of properties ([MS-OXPROPS]).
mod property {
    pub const SUBJECT: u16 = 0x0037;
    pub const BODY: u16 = 0x1000;
    pub const RTF: u16 = 0x1009;
    pub const HTML: u16 = 0x1013;
    pub const DISPLAY_NAME: u16 = 0x3001;
    pub const ATTACH_DATA: u16 = 0x3701;
    pub const ATTACH_FILENAME: u16 = 0x3704;
    pub const ATTACH_LONG_FILENAME: u16 = 0x3707;
    pub const ATTACH_LONG_PATHNAME: u16 = 0x370d;
    pub const INTERNET_CODEPAGE: u16 = 0x3fde;
    pub const MESSAGE_CODEPAGE: u16 = 0x3ffd;
}

/// Types of values ([MS-OXCDATA] 2.11.1).
mod kind {
    pub const INTEGER32: u16 = 0x0003;
    pub const OBJECT: u16 = 0x000d;
    pub const STRING8: u16 = 0x001e;
    pub const UNICODE: u16 = 0x001f;
    pub const BINARY: u16 = 0x0102;
}

/// Where a value of a message leads.
enum Voice {
    /// It is said: the subject, the text, the page.
    Said,
    /// The same, packed.
    SaidInRtf,
    /// It is the name of what is attached, the better the higher.
    Names(u8),
    Attached,
    None,
}

fn voice(id: u16) -> Voice {
    match id {
        property::ATTACH_LONG_PATHNAME | property::SUBJECT | property::BODY | property::HTML => Voice::Said,
        property::RTF => Voice::SaidInRtf,
        property::ATTACH_LONG_FILENAME => Voice::Names(3),
        property::ATTACH_FILENAME => Voice::Names(2),
        property::DISPLAY_NAME => Voice::Names(1),
        property::ATTACH_DATA => Voice::Attached,
        _ => Voice::None,
    }
}

/// The text behind a value: UTF-16, or octets in the code page of the message, NUL at the end left out.
fn text(kind: u16, octets: &[u8], codepage: Option<u32>) -> String {
    let label = codepage.filter(|page| *page != 0 && kind != kind::UNICODE).map(|page| match page {
        65001 => "utf-8".to_owned(),
        20127 => "us-ascii".to_owned(),
        28591..=28605 => format!("iso-8859-{}", page - 28590),
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        949 => "euc-kr".to_owned(),
        950 => "big5".to_owned(),
        page => format!("windows-{page}"),
    });
    let label = if kind == kind::UNICODE { Some("utf-16le") } else { label.as_deref() };
    charset_text(octets, label).0.trim_end_matches('\0').to_owned()
}

/// What a message says, as a part of the container that it is.
fn say(kind: u16, octets: &[u8], codepage: Option<u32>, members: &mut Members<'_, '_, '_>) {
    let text = text(kind, octets, codepage);
    if !text.trim().is_empty() && members.open().is_some() {
        members.add(Member::said(text.into_bytes(), None));
    }
}

/// The text of a message as Outlook formats it.
fn say_rtf(octets: &[u8], members: &mut Members<'_, '_, '_>) {
    let Some(allowance) = members.open() else { return };
    let unpacked = lzfu::unpack(octets, allowance);
    members.add(Member::said(unpacked.octets, unpacked.failure));
}

fn attach(name: Option<String>, octets: &[u8], members: &mut Members<'_, '_, '_>) {
    let Some(allowance) = members.open() else { return };
    if octets.len() as u64 > allowance.most {
        return members.add(Member::file(name, Vec::new(), Some(Reason::Budget)));
    }
    members.add(Member::file(name, octets.to_vec(), None));
}
