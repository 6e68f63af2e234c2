//! The filters of streams (ISO 32000-1, 7.4), each within a number of octets; those of pictures are left to who looks at them.

use std::borrow::Cow;
use std::rc::Rc;

use flate2::{Decompress, FlushDecompress, Status};

use super::file::File;
use super::object::{Dictionary, Object};
use crate::scan::extract::ole::from_hex;

/// Filters upon one another.
const CHAIN: usize = 8;

/// The filters that make a picture of octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    Fax,
    Jbig2,
    Jpeg,
    Jpeg2000,
    /// One that is not in the standard.
    Unknown,
}

pub struct Decoded {
    pub octets: Vec<u8>,
    /// What is still to be undone, with its parameters.
    pub codec: Option<(Codec, Dictionary)>,
    pub is_damaged: bool,
    /// There was more than allowed.
    pub is_cut: bool,
}

/// Undoes the filters of a stream as far as its octets are octets.
pub fn decode(file: &File<'_>, dictionary: &Dictionary, raw: Cow<'_, [u8]>, most: u64) -> Decoded {
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let either = |long: &[u8], short: &[u8]| dictionary.get(long).or_else(|| dictionary.get(short));
    let filters = list(file, either(b"Filter", b"F"));
    let parameters = list(file, either(b"DecodeParms", b"DP"));
    let mut decoded = Decoded { octets: Vec::new(), codec: None, is_damaged: filters.len() > CHAIN, is_cut: false };
    let mut octets = raw;
    for (place, filter) in filters.iter().take(CHAIN).enumerate() {
        let parameters = parameters.get(place).and_then(|parameters| parameters.dictionary()).cloned().unwrap_or_default();
        let codec = match filter.name().unwrap_or_default() {
            b"FlateDecode" | b"Fl" => {
                let (plain, whole) = inflate(&octets, most);
                decoded.is_damaged |= !whole && plain.len() < most;
                octets = Cow::Owned(predicted(plain, &parameters));
                None
            }
            b"LZWDecode" | b"LZW" => {
                let (plain, whole) = lzw(&octets, most, parameters.get(b"EarlyChange").and_then(Object::count) != Some(0));
                decoded.is_damaged |= !whole && plain.len() < most;
                octets = Cow::Owned(predicted(plain, &parameters));
                None
            }
            b"ASCIIHexDecode" | b"AHx" => {
                let end = memchr::memchr(b'>', &octets).unwrap_or(octets.len());
                octets = Cow::Owned(from_hex(&octets[..end]));
                None
            }
            b"ASCII85Decode" | b"A85" => {
                octets = Cow::Owned(ascii85(&octets));
                None
            }
            b"RunLengthDecode" | b"RL" => {
                octets = Cow::Owned(run_lengths(&octets, most));
                None
            }
            b"Crypt" => None,
            b"CCITTFaxDecode" | b"CCF" => Some(Codec::Fax),
            b"DCTDecode" | b"DCT" => Some(Codec::Jpeg),
            b"JBIG2Decode" => Some(Codec::Jbig2),
            b"JPXDecode" => Some(Codec::Jpeg2000),
            _ => Some(Codec::Unknown),
        };
        if codec.is_some() {
            decoded.codec = codec.map(|codec| (codec, parameters));
            break;
        }
    }
    decoded.is_cut = octets.len() >= most;
    decoded.octets = octets.into_owned();
    decoded.octets.truncate(most);
    decoded
}

/// One value, or an array of them, as far as a chain goes.
fn list(file: &File<'_>, value: Option<&Object>) -> Vec<Rc<Object>> {
    let Some(value) = value.map(|value| file.resolve(value)) else { return Vec::new() };
    let values = value.array().unwrap_or(std::slice::from_ref(&*value));
    values.iter().take(CHAIN + 1).map(|value| file.resolve(value).share()).collect()
}

/// What could be inflated, `most` octets at most, and whether it came to its end.
pub fn inflate(octets: &[u8], most: usize) -> (Vec<u8>, bool) {
    const STEP: usize = 64 << 10;
    let mut plain = Vec::new();
    let mut inflater = Decompress::new(true);
    loop {
        let read = usize::try_from(inflater.total_in()).unwrap_or(usize::MAX);
        let rest = octets.get(read..).unwrap_or_default();
        plain.reserve(STEP.max(rest.len().min(most) * 2).min(most.saturating_sub(plain.len()).max(1)));
        let before = (plain.len(), rest.len());
        let status = inflater.decompress_vec(rest, &mut plain, FlushDecompress::None);
        let stuck =
            before == (plain.len(), octets.len() - usize::try_from(inflater.total_in()).unwrap_or(0)) && plain.len() < plain.capacity();
        match status {
            Ok(Status::StreamEnd) => return (plain, true),
            Ok(_) if plain.len() < most && !stuck => {}
            Ok(_) | Err(_) => {
                plain.truncate(most);
                return (plain, false);
            }
        }
    }
}

/// Source: ISO 32000-1, 7.4.4. Codes of 9 to 12 bits; `early` where they grow one code too soon, as is usual.
fn lzw(octets: &[u8], most: usize, early: bool) -> (Vec<u8>, bool) {
    let mut decoder = if early {
        weezl::decode::Decoder::with_tiff_size_switch(weezl::BitOrder::Msb, 8)
    } else {
        weezl::decode::Decoder::new(weezl::BitOrder::Msb, 8)
    };
    let mut plain = Vec::new();
    let mut read = 0;
    let mut buffer = vec![0; 16 << 10];
    loop {
        let step = decoder.decode_bytes(&octets[read..], &mut buffer);
        read += step.consumed_in;
        plain.extend_from_slice(&buffer[..step.consumed_out]);
        match step.status {
            Ok(weezl::LzwStatus::Done) => return (plain, true),
            Ok(weezl::LzwStatus::Ok) if plain.len() < most => {}
            Ok(_) | Err(_) => {
                plain.truncate(most);
                return (plain, false);
            }
        }
    }
}

fn ascii85(octets: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(octets.len() / 5 * 4);
    let mut group = [0_u32; 5];
    let mut filled = 0;
    let mut flush = |group: &mut [u32; 5], filled: &mut usize| {
        if *filled < 2 {
            return *filled = 0;
        }
        group[*filled..].fill(84);
        let value = group.iter().fold(0_u32, |value, digit| value.wrapping_mul(85).wrapping_add(*digit));
        plain.extend_from_slice(&value.to_be_bytes()[..*filled - 1]);
        *filled = 0;
    };
    for &octet in octets {
        match octet {
            b'!'..=b'u' => {
                group[filled] = u32::from(octet - b'!');
                filled += 1;
                if filled == 5 {
                    flush(&mut group, &mut filled);
                }
            }
            b'z' if filled == 0 => {
                group = [0; 5];
                filled = 5;
                flush(&mut group, &mut filled);
            }
            b'~' => break,
            _ => {}
        }
    }
    flush(&mut group, &mut filled);
    plain
}

fn run_lengths(octets: &[u8], most: usize) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut at = 0;
    while let Some(&length) = octets.get(at) {
        at += 1;
        match length {
            0..=127 => {
                let end = (at + usize::from(length) + 1).min(octets.len());
                plain.extend_from_slice(&octets[at..end]);
                at = end;
            }
            128 => break,
            129..=255 => {
                let Some(&octet) = octets.get(at) else { break };
                plain.resize(plain.len() + 257 - usize::from(length), octet);
                at += 1;
            }
        }
        if plain.len() >= most {
            break;
        }
    }
    plain
}

/// Undoes the prediction of rows from the rows above them (ISO 32000-1, 7.4.4.4).
fn predicted(octets: Vec<u8>, parameters: &Dictionary) -> Vec<u8> {
    let number = |key: &[u8], otherwise: usize| parameters.get(key).and_then(Object::count).unwrap_or(otherwise).clamp(1, 1 << 20);
    let predictor = number(b"Predictor", 1);
    if predictor < 2 {
        return octets;
    }
    let (colors, bits) = (number(b"Colors", 1).min(64), number(b"BitsPerComponent", 8).min(16));
    let pixel = (colors * bits).div_ceil(8);
    let row = (number(b"Columns", 1) * colors * bits).div_ceil(8);
    if predictor == 2 { differences(octets, row, pixel, bits) } else { png_rows(&octets, row, pixel) }
}

/// TIFF's predictor 2, for components of whole octets; those of fewer bits are left as they are.
fn differences(mut octets: Vec<u8>, row: usize, pixel: usize, bits: usize) -> Vec<u8> {
    if bits == 8 {
        for row in octets.chunks_mut(row) {
            for at in pixel..row.len() {
                row[at] = row[at].wrapping_add(row[at - pixel]);
            }
        }
    }
    octets
}

fn png_rows(octets: &[u8], row: usize, pixel: usize) -> Vec<u8> {
    let mut plain: Vec<u8> = Vec::with_capacity(octets.len());
    let mut above = vec![0; row];
    let mut current = vec![0; row];
    for chunk in octets.chunks(row + 1) {
        let (kind, coded) = (chunk[0], &chunk[1..]);
        current[..coded.len()].copy_from_slice(coded);
        for at in 0..coded.len() {
            let left = if at < pixel { 0 } else { current[at - pixel] };
            let (up, corner) = (above[at], if at < pixel { 0 } else { above[at - pixel] });
            let guess = match kind {
                1 => left,
                2 => up,
                3 => left.midpoint(up),
                4 => paeth(left, up, corner),
                _ => 0,
            };
            current[at] = current[at].wrapping_add(guess);
        }
        plain.extend_from_slice(&current[..coded.len()]);
        std::mem::swap(&mut above, &mut current);
    }
    plain
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let estimate = i16::from(left) + i16::from(up) - i16::from(corner);
    let distance = |value: u8| (estimate - i16::from(value)).abs();
    if distance(left) <= distance(up) && distance(left) <= distance(corner) {
        left
    } else if distance(up) <= distance(corner) {
        up
    } else {
        corner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_come_out_of_every_filter_as_they_went_in() {
        assert_eq!(ascii85(b"87cURD]i,\"Ebo80~>"), b"Hello World!");
        assert_eq!(ascii85(b"z!!~>"), [0, 0, 0, 0, 0]);
        assert_eq!(run_lengths(&[2, b'a', b'b', b'c', 254, b'd', 128, b'x'], 100), b"abcddd");
        assert_eq!(lzw(&[0x80, 0x0b, 0x60, 0x50, 0x22, 0x0c, 0x0c, 0x85, 0x01], 100, true), (b"-----A---B".to_vec(), true));
        assert_eq!(png_rows(&[1, 5, 1, 1, 2, 1, 1, 1], 3, 1), [5, 6, 7, 6, 7, 8]);
    }

    #[test]
    fn a_bomb_ends_where_it_is_told_to() {
        let mut bomb = flate2::Compress::new(flate2::Compression::best(), true);
        let mut octets = Vec::with_capacity(1 << 20);
        bomb.compress_vec(&vec![0; 64 << 20], &mut octets, flate2::FlushCompress::Finish).unwrap();
        let (plain, whole) = inflate(&octets, 1_000_000);
        assert_eq!((plain.len(), whole), (1_000_000, false));
        assert!(plain.capacity() < 4 << 20, "{}", plain.capacity());
        assert_eq!(run_lengths(&[129, 0].repeat(100_000), 1_000).len(), 1_024);
    }

    #[test]
    fn what_is_cut_off_is_read_as_far_as_it_goes() {
        let mut zlib = flate2::Compress::new(flate2::Compression::fast(), true);
        let mut octets = Vec::with_capacity(1 << 16);
        zlib.compress_vec(b"amber heron and wren, amber heron and wren", &mut octets, flate2::FlushCompress::Finish).unwrap();
        assert_eq!(inflate(&octets, 1_000).0, b"amber heron and wren, amber heron and wren");
        octets.truncate(octets.len() - 12);
        let (plain, whole) = inflate(&octets, 1_000);
        assert!(plain.starts_with(b"amber") && !whole);
    }
}
