//! Shortcuts: files that hold nothing but where something else lies (`.url`; `.lnk`, MS-SHLLINK).

use std::borrow::Cow;

use super::compound::{long, short, utf16};
use super::{Item, Reader, text};
use crate::finding::{Field, Reason};
use crate::scan::parse::charset_text;

/// The first octets of a shortcut of Windows.
pub const LINK: &[u8] = b"\x4c\0\0\0\x01\x14\x02\0";
/// Those of a shortcut to an address.
pub const ADDRESS: &[u8] = b"[InternetShortcut]";

const HEADER: usize = 76;
/// Bits of the flags at octet 20 (MS-SHLLINK, 2.1.1).
const HAS_LIST: u32 = 1;
const HAS_INFO: u32 = 1 << 1;
/// Name, relative path, working directory, arguments and icon: each there where its bit is.
const STRINGS: std::ops::Range<u32> = 2..7;
const IS_UNICODE: u32 = 1 << 7;

pub fn read(reader: &mut Reader<'_>, item: &Item<'_>) {
    if item.octets.starts_with(ADDRESS) {
        text::read(reader, item);
        return reader
            .extracts
            .text(item.location(Field::Link), Cow::Owned(addresses(&charset_text(&item.octets, item.declared.charset).0)));
    }
    let (target, is_whole) = target(&item.octets);
    if !is_whole {
        reader.extracts.incomplete(&item.part, Reason::Damaged);
    }
    reader.extracts.text(item.location(Field::Link), Cow::Owned(target));
}

fn addresses(text: &str) -> String {
    let values = text.lines().filter_map(|line| line.split_once('=')).filter(|(key, _)| key.trim().eq_ignore_ascii_case("URL"));
    values.map(|(_, address)| address.trim()).collect::<Vec<_>>().join("\n")
}

/// Where the shortcut leads and with what, a line each; and whether it could be read to its end.
fn target(octets: &[u8]) -> (String, bool) {
    let mut lines = String::new();
    let mut at = HEADER;
    let flags = long(octets, 20).unwrap_or(0);
    let whole = (|| {
        if flags & HAS_LIST != 0 {
            let list = octets.get(at + 2..)?.get(..usize::from(short(octets, at)?))?;
            lines.push_str(&address_in(list));
            at += 2 + list.len();
        }
        if flags & HAS_INFO != 0 {
            let info = octets.get(at..)?.get(..long(octets, at)? as usize)?;
            let path = info.get(long(info, 16)? as usize..).unwrap_or_default();
            let path = &path[..memchr::memchr(0, path).unwrap_or(path.len())];
            lines.push_str(&narrow(path));
            lines.push('\n');
            at += info.len();
        }
        let is_unicode = flags & IS_UNICODE != 0;
        for _ in STRINGS.filter(|bit| flags & 1 << bit != 0) {
            let length = usize::from(short(octets, at)?) * if is_unicode { 2 } else { 1 };
            let string = octets.get(at + 2..)?.get(..length)?;
            lines.push_str(&if is_unicode { utf16(string) } else { narrow(string) });
            lines.push('\n');
            at += 2 + length;
        }
        Some(())
    })();
    (lines, whole.is_some())
}

fn narrow(octets: &[u8]) -> String {
    charset_text(octets, Some("windows-1252")).0.into_owned()
}

/// An address among the identifiers of the target.
fn address_in(list: &[u8]) -> String {
    let wide: Vec<u8> = b"http".iter().flat_map(|octet| [*octet, 0]).collect();
    let found = memchr::memmem::find(list, &wide).map(|at| utf16(&list[at..]));
    let found = found.or_else(|| memchr::memmem::find(list, b"http").map(|at| narrow(&list[at..])));
    found.map_or(String::new(), |found| format!("{}\n", found.split('\0').next().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shortcut_tells_where_it_leads() {
        let mut link = LINK.to_vec();
        link.resize(HEADER, 0);
        link[20] = 0b1010_0000;
        link.extend_from_slice(&[4, 0]);
        link.extend("-o w".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(target(&link), ("-o w\n".to_owned(), true));
        assert!(!target(&link[..link.len() - 1]).1);
        assert_eq!(addresses("[InternetShortcut]\r\nurl=https://wren.example/\r\nIconIndex=0"), "https://wren.example/");
    }
}
