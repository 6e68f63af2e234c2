//! The format of Unix compress, `.Z`: LZW with codes of 9 to 16 bits.
//!
//! Source: the layout of `compress` 4.0; codes come in groups of eight, and what is left of a group is dropped whenever their
//! width changes. Nothing in it says where it ends or whether it is whole.

use std::time::Instant;

use super::stream::{Allowance, Unpacked};
use crate::finding::Reason;

const LEAST_BITS: usize = 9;
const MOST_BITS: usize = 16;
/// In block mode, this code empties the table.
const CLEAR: usize = 256;

struct Table {
    prefix: Vec<u16>,
    suffix: Vec<u8>,
    /// As many as the widest code can name.
    most: usize,
    is_block: bool,
}

impl Table {
    fn new(most_bits: usize, is_block: bool) -> Self {
        let mut table = Self { prefix: Vec::new(), suffix: Vec::new(), most: 1 << most_bits, is_block };
        table.clear();
        table
    }

    fn clear(&mut self) {
        let first = CLEAR + usize::from(self.is_block);
        self.prefix.clear();
        self.prefix.resize(first, 0);
        self.suffix.clear();
        self.suffix.extend((0..first).map(|code| u8::try_from(code).unwrap_or(0)));
    }

    fn len(&self) -> usize {
        self.suffix.len()
    }

    fn add(&mut self, prefix: usize, suffix: u8) {
        if self.len() < self.most {
            self.prefix.push(u16::try_from(prefix).unwrap_or(0));
            self.suffix.push(suffix);
        }
    }

    /// The octets behind a code, the last one first.
    fn reversed(&self, mut code: usize, out: &mut Vec<u8>) {
        out.clear();
        while code > usize::from(u8::MAX) {
            out.push(self.suffix[code]);
            code = usize::from(self.prefix[code]);
        }
        out.push(self.suffix[code]);
    }
}

pub fn unpack(packed: &[u8], allowance: Allowance) -> Unpacked {
    let [0x1f, 0x9d, flags, codes @ ..] = packed else { return Unpacked::nothing(Reason::Damaged) };
    let most_bits = usize::from(flags & 0x1f);
    if !(LEAST_BITS..=MOST_BITS).contains(&most_bits) {
        return Unpacked::nothing(Reason::Unsupported);
    }
    let mut table = Table::new(most_bits, flags & 0x80 != 0);
    let mut octets = Vec::new();
    let failure = decode(&mut table, codes, most_bits, &mut octets, allowance).err();
    Unpacked { octets, failure }
}

fn decode(table: &mut Table, mut codes: &[u8], most_bits: usize, out: &mut Vec<u8>, allowance: Allowance) -> Result<(), Reason> {
    let mut bits = LEAST_BITS;
    let mut before: Option<usize> = None;
    let mut word = Vec::new();
    while !codes.is_empty() {
        if Instant::now() >= allowance.until {
            return Err(Reason::Budget);
        }
        let (group, behind) = codes.split_at(bits.min(codes.len()));
        codes = behind;
        for index in 0..group.len() * 8 / bits {
            let code = code_at(group, index * bits, bits);
            if code == CLEAR && table.is_block {
                table.clear();
                bits = LEAST_BITS;
                before = None;
                break;
            }
            match before {
                // The word that this code is about to name: the one before, and its own first octet again.
                Some(before) if code == table.len() && code < table.most => {
                    table.reversed(before, &mut word);
                    let first = word.last().copied().unwrap_or_default();
                    word.insert(0, first);
                }
                _ if code >= table.len() || before.is_none() && code > usize::from(u8::MAX) => return Err(Reason::Damaged),
                _ => table.reversed(code, &mut word),
            }
            if out.len() as u64 + word.len() as u64 > allowance.most {
                return Err(Reason::Budget);
            }
            out.extend(word.iter().rev());
            if let Some(before) = before {
                table.add(before, word.last().copied().unwrap_or_default());
            }
            before = Some(code);
            if table.len() >= 1 << bits && bits < most_bits {
                bits += 1;
                break;
            }
        }
    }
    Ok(())
}

/// `bits` bits from the bit `at`, the lowest first.
fn code_at(group: &[u8], at: usize, bits: usize) -> usize {
    let three = (0..3).map(|octet| group.get(at / 8 + octet).map_or(0, |value| usize::from(*value) << (8 * octet)));
    (three.sum::<usize>() >> (at % 8)) & ((1 << bits) - 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn allowance(most: u64) -> Allowance {
        Allowance { most, until: Instant::now() + Duration::from_mins(1) }
    }

    /// Codes of nine bits.
    fn packed(codes: &[usize]) -> Vec<u8> {
        let mut octets = vec![0x1f, 0x9d, 0x90];
        let mut bits = Vec::new();
        for code in codes {
            bits.extend((0..9).map(|bit| u8::from(code >> bit & 1 == 1)));
        }
        octets.extend(bits.chunks(8).map(|eight| eight.iter().enumerate().map(|(at, bit)| bit << at).sum::<u8>()));
        octets
    }

    #[test]
    fn words_are_built_up_as_they_come() {
        // `a`, then twice the word that is just being named: `aa`, `aaa`.
        let unpacked = unpack(&packed(&[97, 257, 258, 98]), allowance(100));
        assert_eq!((unpacked.octets.as_slice(), unpacked.failure), (&b"aaaaaab"[..], None));
        assert_eq!(unpack(&packed(&[97, 257]), allowance(2)).failure, Some(Reason::Budget));
    }

    #[test]
    fn a_code_that_names_nothing_is_damage_and_what_came_before_is_kept() {
        for codes in [&[97, 300][..], &[97, 98, 259]] {
            let unpacked = unpack(&packed(codes), allowance(100));
            assert_eq!(unpacked.failure, Some(Reason::Damaged), "{codes:?}");
            assert!(unpacked.octets.starts_with(b"a"));
        }
        assert_eq!(unpack(&packed(&[257]), allowance(100)).failure, Some(Reason::Damaged));
    }
}
