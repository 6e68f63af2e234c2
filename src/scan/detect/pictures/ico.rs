//! The pictures of an icon: a decoder chooses one of them, and whoever shows the file another.

use std::cmp::Reverse;

use image::DynamicImage;

use super::decode::{MAX_PIXELS, single};
use super::header;
use crate::finding::Reason;

const MAGIC: &[u8] = b"\0\0\x01\0";
/// Of one file. Programs ship icons in a dozen sizes.
const MAX_ENTRIES: usize = 64;
/// Of the directory, before its entries and of each of them, in octets.
const HEADER: usize = 6;
const ENTRY: usize = 16;
/// What stands in an icon without the header of its file: PNG stands there as it is.
const PNG: &[u8] = b"\x89PNG";

pub fn is_icon(octets: &[u8]) -> bool {
    octets.starts_with(MAGIC)
}

/// Shows every entry, the largest of the most colours first; says why not all of them could be shown.
pub fn decode(octets: &[u8], see: &mut dyn FnMut(&DynamicImage)) -> Option<Reason> {
    let Some(&[a, b]) = octets.get(4..HEADER) else { return Some(Reason::Damaged) };
    let count = usize::from(u16::from_le_bytes([a, b]));
    let (entries, _) = octets[HEADER..].as_chunks::<ENTRY>();
    let mut entries: Vec<_> = entries.iter().take(count).collect();
    let mut incomplete = (count == 0 || entries.len() < count).then_some(Reason::Damaged);
    entries.sort_by_key(|entry| Reverse(colours_and_size(entry)));
    if entries.len() > MAX_ENTRIES {
        entries.truncate(MAX_ENTRIES);
        incomplete = Some(Reason::Budget);
    }
    let mut left = MAX_PIXELS;
    for entry in entries {
        let alone = alone(octets, entry);
        let size = alone.as_deref().and_then(|alone| header::read(alone).size).map(|(width, height)| u64::from(width) * u64::from(height));
        let failed = match (alone, size) {
            (Some(_), Some(size)) if size > left => Some(Reason::Budget),
            (Some(alone), _) => single(&alone, &mut |picture| {
                left = left.saturating_sub(u64::from(picture.width()) * u64::from(picture.height()));
                see(picture);
            }),
            (None, _) => Some(Reason::Damaged),
        };
        incomplete = incomplete.or(failed);
    }
    incomplete
}

/// As the directory says; a side of 0 is one of 256.
fn colours_and_size(entry: &[u8; ENTRY]) -> (u16, u32) {
    let side = |side: u8| if side == 0 { 256 } else { u32::from(side) };
    (u16::from_le_bytes([entry[6], entry[7]]), side(entry[0]) * side(entry[1]))
}

/// The picture of an entry as a file of its own; `None` where it lies outside of the icon.
fn alone(octets: &[u8], entry: &[u8; ENTRY]) -> Option<Vec<u8>> {
    let number = |at: usize| entry[at..].first_chunk().map(|number| u32::from_le_bytes(*number) as usize);
    let (length, start) = (number(8)?, number(12)?);
    let data = octets.get(start..start.checked_add(length)?)?;
    if data.starts_with(PNG) {
        return Some(data.to_vec());
    }
    // An icon of one entry, of the size that the bitmap itself names: there its height counts twice, for the mask below it.
    let side = |at: usize| Some(u32::from_le_bytes(*data.get(at..)?.first_chunk()?));
    let byte = |side: u32| u8::try_from(side).unwrap_or(0);
    let mut alone = MAGIC.to_vec();
    alone.extend([1, 0, byte(side(4)?), byte(side(8)? / 2), 0, 0, 1, 0, 0, 0]);
    alone.extend(u32::try_from(length).ok()?.to_le_bytes());
    alone.extend(u32::try_from(HEADER + ENTRY).ok()?.to_le_bytes());
    alone.extend_from_slice(data);
    Some(alone)
}
