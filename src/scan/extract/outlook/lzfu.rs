//! Compressed RTF as Outlook keeps it.
//!
//! Source: [MS-OXRTFCP].

use std::time::Instant;

use crate::finding::Reason;
use crate::scan::extract::stream::{Allowance, Unpacked};

const HEADER: usize = 16;
const PACKED: &[u8] = b"LZFu";
const PLAIN: &[u8] = b"MELA";
const RING: usize = 4096;
/// What the dictionary holds before the first octet (2.1.2.1).
const BEFORE: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

pub fn unpack(packed: &[u8], allowance: Allowance) -> Unpacked {
    let Some((header, data)) = packed.split_at_checked(HEADER) else { return Unpacked::nothing(Reason::Damaged) };
    let size = u32::from_le_bytes([header[4], header[5], header[6], header[7]]) as usize;
    match &header[8..12] {
        PLAIN => {
            let octets = data.get(..size).unwrap_or(data);
            let octets = &octets[..octets.len().min(usize::try_from(allowance.most).unwrap_or(usize::MAX))];
            Unpacked { failure: (octets.len() < size).then_some(Reason::Damaged), octets: octets.to_vec() }
        }
        PACKED => {
            let mut octets = Vec::new();
            let failure = expand(data, &mut octets, allowance).err();
            Unpacked { octets, failure }
        }
        _ => Unpacked::nothing(Reason::Damaged),
    }
}

/// The last octets that came out.
struct Ring {
    octets: [u8; RING],
    at: usize,
}

impl Ring {
    fn put(&mut self, octet: u8, out: &mut Vec<u8>) {
        out.push(octet);
        self.octets[self.at] = octet;
        self.at = (self.at + 1) % RING;
    }
}

fn expand(data: &[u8], out: &mut Vec<u8>, allowance: Allowance) -> Result<(), Reason> {
    let mut ring = Ring { octets: [0; RING], at: BEFORE.len() };
    ring.octets[..BEFORE.len()].copy_from_slice(BEFORE);
    let mut data = data.iter().copied();
    while let Some(control) = data.next() {
        if out.len() as u64 + 8 * 17 > allowance.most || Instant::now() >= allowance.until {
            return Err(Reason::Budget);
        }
        for bit in 0..8 {
            let Some(first) = data.next() else { return if bit == 0 { Ok(()) } else { Err(Reason::Damaged) } };
            if control >> bit & 1 == 0 {
                ring.put(first, out);
                continue;
            }
            let reference = u16::from_be_bytes([first, data.next().ok_or(Reason::Damaged)?]);
            let (from, length) = (usize::from(reference >> 4), usize::from(reference & 0xf) + 2);
            // A reference to the place where the next octet goes is the end.
            if from == ring.at {
                return Ok(());
            }
            for step in 0..length {
                ring.put(ring.octets[(from + step) % RING], out);
            }
        }
    }
    // Some writers leave the end out.
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn unpacked(octets: &[u8]) -> Unpacked {
        unpack(octets, Allowance { most: 10_000, until: Instant::now() + Duration::from_mins(1) })
    }

    /// The two examples of the specification (3.1).
    #[test]
    fn the_examples_of_the_specification_come_out() {
        let simple = b"\x2d\0\0\0\x2b\0\0\0LZFu\xf1\xc5\xc7\xa7\x03\0\x0a\0rcpg125\x42\x32\x0a\xf3 hel\x09\0 bw\x05\xb0ld}\x0a\x80\x0f\xa0";
        let text = unpacked(simple);
        assert_eq!((text.octets.as_slice(), text.failure), (&b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"[..], None));
        let crossing = b"\x1a\0\0\0\x1c\0\0\0LZFu\xe2\xd4KQA\0\x04 WXYZ\rn}\x01\x0e\xb0";
        let text = unpacked(crossing);
        assert_eq!((text.octets.as_slice(), text.failure), (&b"{\\rtf1 WXYZWXYZWXYZWXYZWXYZ}"[..], None));
    }

    #[test]
    fn what_breaks_off_is_damaged_and_what_was_there_is_kept() {
        let text = unpacked(b"\x2d\0\0\0\x2b\0\0\0LZFu\xf1\xc5\xc7\xa7\x03\0\x0a\0rcpg");
        assert_eq!(text.failure, Some(Reason::Damaged));
        assert!(text.octets.starts_with(b"{\\rtf1\\ansi"));
        assert_eq!(unpacked(b"\x05\0\0\0\x05\0\0\0MELA\0\0\0\0amber").octets, b"amber");
        assert_eq!(unpacked(b"\x05\0\0\0\x05\0\0\0MELB\0\0\0\0amber").failure, Some(Reason::Damaged));
    }
}
