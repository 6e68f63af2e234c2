//! The cross-reference of a PDF: tables (ISO 32000-1, 7.5.4) and streams (7.5.8), from the newest to the oldest.

use std::collections::HashSet;

use memchr::memmem;

use super::{File, MOST_OBJECTS, Place};
use crate::scan::extract::pdf::object::{Dictionary, Lexer, Object};

/// Sections of one file: each saving adds one.
const SECTIONS: usize = 1_000;

impl File<'_> {
    /// Reads the cross-reference from the end of the file backwards; `None` where any of it cannot be read.
    pub(super) fn cross_reference(&self) -> Option<Dictionary> {
        let from = self.octets.len().saturating_sub(2 << 10);
        let at = from + memmem::rfind(&self.octets[from..], b"startxref")? + b"startxref".len();
        let mut next = vec![usize::try_from(Lexer::new(self.octets, at).digits()?).ok()?];
        let mut seen = HashSet::new();
        let mut newest = None;
        while let Some(at) = next.pop() {
            if !seen.insert(at) {
                continue;
            }
            let trailer = (seen.len() <= SECTIONS).then(|| self.section(at)).flatten()?;
            for key in [b"Prev".as_slice(), b"XRefStm"] {
                next.extend(trailer.get(key).and_then(Object::count));
            }
            newest.get_or_insert(trailer);
        }
        newest.filter(|trailer| trailer.get(b"Root").is_some())
    }

    fn section(&self, at: usize) -> Option<Dictionary> {
        let mut lexer = Lexer::new(self.octets, at);
        lexer.skip_space();
        if self.octets.get(lexer.at..)?.starts_with(b"xref") {
            lexer.at += 4;
            self.table(lexer)
        } else {
            self.cross_reference_stream(at)
        }
    }

    fn table(&self, mut lexer: Lexer<'_>) -> Option<Dictionary> {
        let from = lexer.at;
        let mut places = self.places.borrow_mut();
        loop {
            lexer.skip_space();
            if self.octets.get(lexer.at..)?.starts_with(b"trailer") {
                lexer.at += b"trailer".len();
                let trailer = lexer.object()?;
                return self.spend(lexer.at - from).then(|| trailer.dictionary().cloned()).flatten();
            }
            let (first, count) = (lexer.digits()?, lexer.digits()?);
            for number in first..first.saturating_add(count) {
                let (at, _) = (lexer.digits()?, lexer.digits()?);
                lexer.skip_space();
                let in_use = *self.octets.get(lexer.at)? == b'n';
                lexer.at += 1;
                if in_use && places.len() < MOST_OBJECTS {
                    places.entry(u32::try_from(number).ok()?).or_insert(Place::At(usize::try_from(at).ok()?));
                }
            }
        }
    }

    fn cross_reference_stream(&self, at: usize) -> Option<Dictionary> {
        let number = Lexer::new(self.octets, at).object_start()?.number;
        let object = self.indirect(number, at)?;
        let stream = object.stream().filter(|stream| stream.dictionary.is(b"Type", b"XRef"))?;
        let dictionary = &stream.dictionary;
        let decoded = self.decode(stream);
        let widths: Vec<_> = dictionary.get(b"W")?.array()?.iter().filter_map(Object::count).collect();
        let [kind_width, first_width, second_width] = widths[..] else { return None };
        let width = kind_width.checked_add(first_width)?.checked_add(second_width).filter(|width| (1..=32).contains(width))?;
        let size = dictionary.get(b"Size")?.count()?;
        let index: Vec<_> = match dictionary.get(b"Index").and_then(Object::array) {
            Some(index) => index.iter().filter_map(Object::count).collect(),
            None => vec![0, size],
        };
        let mut entries = decoded.octets.chunks_exact(width);
        let mut places = self.places.borrow_mut();
        for pair in index.chunks_exact(2) {
            for number in (pair[0]..).take(pair[1]) {
                let Some(entry) = entries.next() else { break };
                let (kind, rest) = entry.split_at(kind_width);
                let (first, second) = rest.split_at(first_width);
                let number = u32::try_from(number).ok()?;
                let place = match if kind_width == 0 { 1 } else { big_endian(kind) } {
                    1 => Place::At(big_endian(first)),
                    2 => Place::In { stream: u32::try_from(big_endian(first)).ok()?, index: big_endian(second) },
                    _ => continue,
                };
                if places.len() < MOST_OBJECTS {
                    places.entry(number).or_insert(place);
                }
            }
        }
        Some(dictionary.clone())
    }
}

fn big_endian(octets: &[u8]) -> usize {
    octets.iter().fold(0_usize, |value, octet| value.wrapping_shl(8) | usize::from(*octet))
}
