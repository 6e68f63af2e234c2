//! Pictures in the drawings of Office (MS-ODRAW, 2.2.23 to 2.2.31).

use memchr::memmem;

use super::{Found, Room};
use crate::finding::Reason;
use crate::scan::extract::compound::{long, short};
use crate::scan::extract::ole::{Native, bitmap_file};
use crate::scan::extract::pdf::inflate;

const HEADER: usize = 8;
const JPEG: u16 = 0xf01d;
const PNG: u16 = 0xf01e;
const BITMAP: u16 = 0xf01f;
const TIFF: u16 = 0xf029;
const CMYK_JPEG: u16 = 0xf02a;
/// Enhanced and plain metafiles of Windows and those of old Macintoshes.
const METAFILES: std::ops::RangeInclusive<u16> = 0xf01a..=0xf01c;

/// Pictures one behind the other, as in the stream `Pictures`.
pub fn listed(octets: &[u8], room: &mut Room, found: &mut Found) {
    let mut at = 0;
    while at + HEADER <= octets.len() {
        let Some(length) = long(octets, at + 4).map(|length| length as usize) else { break };
        let Some(record) = octets.get(at..(at + HEADER).saturating_add(length).min(octets.len())) else { break };
        if record.len() < HEADER + length || !picture(record, room, found) {
            return found.lacks(Reason::Damaged);
        }
        at += record.len();
    }
}

/// Pictures somewhere among other things: found by the first octets of their formats.
pub fn scattered(octets: &[u8], room: &mut Room, found: &mut Found) {
    let png = memmem::find_iter(octets, b"\x89PNG\r\n\x1a\n");
    let jpeg = memmem::find_iter(octets, b"\xff\xd8\xff");
    let mut starts: Vec<_> = png.chain(jpeg).collect();
    starts.sort_unstable();
    let mut end = 0;
    for start in starts {
        // A picture inside the last one is a thumbnail of it.
        if start < end {
            continue;
        }
        let length = record_before(octets, start);
        // Without a record before it, what follows is the picture and more: decoders stop where it ends.
        end = length.map_or(octets.len(), |length| start + length);
        let picture = octets[start..end].to_vec();
        if picture.len() > room.left() {
            return found.lacks(Reason::Budget);
        }
        room.take(picture.len());
        found.files.push(Native { name: None, octets: picture });
        if length.is_none() {
            end = start + 1;
        }
    }
}

/// The length of the picture that starts here, by the record that holds it: an identifier or two of 16 octets and a
/// tag stand between.
fn record_before(octets: &[u8], start: usize) -> Option<usize> {
    [17, 33].into_iter().find_map(|head| {
        let record = start.checked_sub(head + HEADER)?;
        let is_picture = matches!(short(octets, record + 2)?, JPEG | PNG | CMYK_JPEG);
        let length = (long(octets, record + 4)? as usize).checked_sub(head)?;
        (is_picture && start.checked_add(length)? <= octets.len()).then_some(length)
    })
}

/// Keeps the picture of one record; false where it is none.
fn picture(record: &[u8], room: &mut Room, found: &mut Found) -> bool {
    let (Some(instance), Some(kind)) = (short(record, 0), short(record, 2)) else { return false };
    // The lowest bit says whether there is a second identifier; metafiles have their own numbers.
    let has_second = matches!(instance >> 4, 0x217 | 0x3d5 | 0x543 | 0x46b | 0x6e1 | 0x6e3 | 0x6e5 | 0x7a9);
    let head = HEADER + if has_second { 32 } else { 16 };
    let octets = match kind {
        JPEG | PNG | TIFF | CMYK_JPEG => record.get(head + 1..).map(<[u8]>::to_vec),
        BITMAP => record.get(head + 1..).map(|bitmap| bitmap_file(bitmap.to_vec())),
        kind if METAFILES.contains(&kind) => metafile(record, head, kind, room, found),
        _ => return false,
    };
    let octets = octets.unwrap_or_default();
    if octets.len() > room.left() {
        found.lacks(Reason::Budget);
    } else if !octets.is_empty() {
        room.take(octets.len());
        found.files.push(Native { name: None, octets });
    }
    true
}

/// A drawing made of commands, which may be deflated (MS-ODRAW, 2.2.31).
fn metafile(record: &[u8], head: usize, kind: u16, room: &Room, found: &mut Found) -> Option<Vec<u8>> {
    const METAFILE_HEADER: usize = 34;
    const DEFLATED: u8 = 0;
    const WINDOWS: u16 = 0xf01b;
    /// What tells those of Windows from other files, and is left out here.
    const PLACEABLE: &[u8] = b"\xd7\xcd\xc6\x9a";
    let is_deflated = *record.get(head + 32)? == DEFLATED;
    let octets = record.get(head + METAFILE_HEADER..)?;
    if !is_deflated {
        return Some(octets.to_vec());
    }
    let (plain, whole) = inflate(octets, room.left());
    if !whole {
        found.lacks(Reason::Damaged);
    }
    Some(if kind == WINDOWS && !plain.starts_with(PLACEABLE) { [PLACEABLE, &[0; 18], &plain].concat() } else { plain })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_found_by_their_records_and_by_their_looks() {
        let picture = b"\x89PNG\r\n\x1a\namber";
        let length = u32::try_from(17 + picture.len()).unwrap().to_le_bytes();
        let record = [b"\x00\x6e\x1e\xf0".as_slice(), &length, &[7; 17], picture].concat();
        let mut room = Room { left: 1 << 20 };
        let mut found = Found::default();
        listed(&record, &mut room, &mut found);
        scattered(&[b"words".as_slice(), &record, b"more"].concat(), &mut room, &mut found);
        assert_eq!(found.files.len(), 2);
        assert!(found.files.iter().all(|file| file.octets == picture), "{:?}", found.files);
        listed(&record[..record.len() - 1], &mut room, &mut found);
        assert_eq!(found.trouble, [Reason::Damaged]);
    }
}
