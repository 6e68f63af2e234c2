//! What a signature is wrapped around: S/MIME that is signed or compressed as a whole, DER or BER.
//!
//! Source: RFC 5652, RFC 3274; X.690 for the encoding.

use std::borrow::Cow;

use flate2::read::ZlibDecoder;

use super::members::{Member, Members};
use super::{Item, Reader};
use crate::finding::Reason;

const SEQUENCE: u8 = 0x30;
const OCTETS: u8 = 0x04;
const CONSTRUCTED: u8 = 0x20;
const CONTENT: u8 = 0xa0;
const OBJECT: u8 = 0x06;
const INTEGER: u8 = 0x02;
const SET: u8 = 0x31;
/// Pieces of one string inside one another.
const DEPTH: u8 = 8;

const SIGNED: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
const COMPRESSED: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x09];

pub fn read(reader: &mut Reader<'_>, item: &Item<'_>) {
    let mut members = Members::of(reader, item);
    let Some(allowance) = members.open() else { return };
    match content(&item.octets) {
        Some((octets, Wrapping::Signed)) => members.add(Member::file(None, octets, None)),
        Some((octets, Wrapping::Compressed)) => {
            let unpacked = allowance.drain(ZlibDecoder::new(&*octets));
            members.add(Member::file(None, unpacked.octets, unpacked.failure));
        }
        None => members.lacks(Reason::Damaged),
    }
    members.finish();
}

enum Wrapping {
    Compressed,
    Signed,
}

/// A value and what stands behind it.
struct Element<'a> {
    tag: u8,
    /// Up to the end of the octets where the length is not given.
    value: &'a [u8],
    is_open: bool,
    rest: &'a [u8],
}

fn element(octets: &[u8]) -> Option<Element<'_>> {
    let (&tag, rest) = octets.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x80 => return Some(Element { tag, value: rest, is_open: true, rest: &[] }),
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), rest)
        }
        _ => return None,
    };
    let (value, rest) = rest.split_at_checked(length)?;
    Some(Element { tag, value, is_open: false, rest })
}

fn expect(octets: &[u8], tag: u8) -> Option<Element<'_>> {
    element(octets).filter(|element| element.tag == tag)
}

/// The octets that are wrapped (RFC 5652, 3, 5.1 and 5.2).
fn content(octets: &[u8]) -> Option<(Cow<'_, [u8]>, Wrapping)> {
    let outer = expect(octets, SEQUENCE)?;
    let kind = expect(outer.value, OBJECT)?;
    let wrapping = match kind.value {
        SIGNED => Wrapping::Signed,
        COMPRESSED => Wrapping::Compressed,
        _ => return None,
    };
    let inner = expect(expect(kind.rest, CONTENT)?.value, SEQUENCE)?;
    let version = expect(inner.value, INTEGER)?;
    let algorithms = element(version.rest).filter(|element| matches!(element.tag, SET | SEQUENCE) && !element.is_open)?;
    let wrapped = expect(algorithms.rest, SEQUENCE)?;
    let wrapped = expect(expect(wrapped.value, OBJECT)?.rest, CONTENT)?;
    let mut out = Cow::Borrowed(&[][..]);
    string(wrapped.value, &mut out, 0)?;
    Some((out, wrapping))
}

/// Adds a string of octets, whole or in pieces, and gives what stands behind it.
fn string<'a>(octets: &'a [u8], out: &mut Cow<'a, [u8]>, depth: u8) -> Option<&'a [u8]> {
    let piece = element(octets)?;
    match piece.tag {
        OCTETS if !piece.is_open => {
            if out.is_empty() {
                *out = Cow::Borrowed(piece.value);
            } else {
                out.to_mut().extend_from_slice(piece.value);
            }
            Some(piece.rest)
        }
        tag if tag == OCTETS | CONSTRUCTED && depth < DEPTH => {
            let mut pieces = piece.value;
            while !pieces.is_empty() {
                if piece.is_open && pieces.starts_with(&[0, 0]) {
                    return Some(&pieces[2..]);
                }
                pieces = string(pieces, out, depth + 1)?;
            }
            (!piece.is_open).then_some(piece.rest)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrapped(tag: u8, value: &[u8]) -> Vec<u8> {
        let length = u8::try_from(value.len()).unwrap();
        if length < 0x80 { [&[tag, length], value].concat() } else { [&[tag, 0x81, length], value].concat() }
    }

    fn open(tag: u8, value: &[u8]) -> Vec<u8> {
        [&[tag, 0x80], value, &[0, 0]].concat()
    }

    const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01];

    fn message(wrap: fn(u8, &[u8]) -> Vec<u8>, string: &[u8]) -> Vec<u8> {
        let inner = wrap(SEQUENCE, &[wrapped(OBJECT, DATA), wrap(CONTENT, string)].concat());
        let signed = wrap(SEQUENCE, &[wrapped(INTEGER, &[1]), wrapped(SET, &[]), inner].concat());
        wrap(SEQUENCE, &[wrapped(OBJECT, SIGNED), wrap(CONTENT, &signed)].concat())
    }

    fn opened(octets: &[u8]) -> Option<Vec<u8>> {
        content(octets).map(|(octets, _)| octets.into_owned())
    }

    #[test]
    fn what_is_signed_comes_out_of_either_encoding() {
        assert_eq!(opened(&message(wrapped, &wrapped(OCTETS, b"amber heron"))).unwrap(), b"amber heron");
        let pieces = open(OCTETS | CONSTRUCTED, &[wrapped(OCTETS, b"amber "), wrapped(OCTETS, b"heron")].concat());
        assert_eq!(opened(&message(open, &pieces)).unwrap(), b"amber heron");
    }

    #[test]
    fn what_breaks_off_is_nothing() {
        let whole = message(wrapped, &wrapped(OCTETS, b"amber heron"));
        assert_eq!(opened(&whole[..whole.len() - 1]), None);
        let bottomless: Vec<u8> = [OCTETS | CONSTRUCTED, 0x80].repeat(10_000);
        assert_eq!(opened(&message(open, &bottomless)), None);
    }
}
