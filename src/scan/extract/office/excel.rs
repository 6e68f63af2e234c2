//! Excel workbooks of 1993 to 2003 (MS-XLS, BIFF5 and BIFF8): cells, comments, text boxes, headers and links, sheet by sheet.

use std::fmt::Write;

use super::{Found, Room};
use crate::finding::{Layer, Place, Reason, Unit};
use crate::scan::extract::compound::{Compound, long, short, utf16};
use crate::scan::parse::charset_text;

/// Record types (MS-XLS, 2.3.1).
mod record {
    pub const FORMULA: u16 = 0x0006;
    pub const HEADER: u16 = 0x0014;
    pub const FOOTER: u16 = 0x0015;
    pub const NOTE: u16 = 0x001c;
    pub const FILE_PASS: u16 = 0x002f;
    pub const CONTINUE: u16 = 0x003c;
    pub const CODE_PAGE: u16 = 0x0042;
    pub const BOUND_SHEET: u16 = 0x0085;
    pub const MUL_RK: u16 = 0x00bd;
    pub const RICH_STRING: u16 = 0x00d6;
    pub const DRAWING_GROUP: u16 = 0x00eb;
    pub const SHARED_STRINGS: u16 = 0x00fc;
    pub const LABEL_SST: u16 = 0x00fd;
    pub const TEXT_OBJECT: u16 = 0x01b6;
    pub const LINK: u16 = 0x01b8;
    pub const NUMBER: u16 = 0x0203;
    pub const LABEL: u16 = 0x0204;
    pub const STRING: u16 = 0x0207;
    pub const RK: u16 = 0x027e;
    pub const BOF: u16 = 0x0809;
    pub const SERIES_TEXT: u16 = 0x100d;
}

const BIFF8: u16 = 0x0600;
/// Strings that all sheets share.
const MOST_STRINGS: usize = 2_000_000;

/// One record, with those that continue it.
struct Record<'s> {
    kind: u16,
    /// Never empty.
    pieces: Vec<&'s [u8]>,
}

impl<'s> Record<'s> {
    fn first(&self) -> &'s [u8] {
        self.pieces[0]
    }
}

/// The records of a stream from an octet on.
struct Records<'s> {
    stream: &'s [u8],
    at: usize,
    is_cut: bool,
}

impl<'s> Records<'s> {
    fn one(&mut self) -> Option<(u16, &'s [u8])> {
        let (kind, length) = (short(self.stream, self.at)?, usize::from(short(self.stream, self.at + 2)?));
        let rest = &self.stream[self.at + 4..];
        self.is_cut |= rest.len() < length;
        self.at += 4 + length.min(rest.len());
        Some((kind, &rest[..length.min(rest.len())]))
    }
}

impl<'s> Iterator for Records<'s> {
    type Item = Record<'s>;

    fn next(&mut self) -> Option<Record<'s>> {
        let (kind, first) = self.one()?;
        let mut pieces = vec![first];
        while short(self.stream, self.at) == Some(record::CONTINUE) {
            pieces.extend(self.one().map(|(_, more)| more));
        }
        Some(Record { kind, pieces })
    }
}

pub fn read(compound: &Compound<'_>, storage: &str, name: &str, room: &mut Room, found: &mut Found) {
    let Some(stream) = room.read(compound, storage, name, found) else { return };
    let mut book = Book { found, room, biff8: true, charset: Some("windows-1252"), strings: Vec::new(), sheets: Vec::new(), opened: 0 };
    let mut records = Records { stream: &stream, at: 0, is_cut: false };
    for record in &mut records {
        if record.kind == record::FILE_PASS {
            return book.found.lacks(Reason::EncryptedDocument);
        }
        book.record(&record);
        if book.found.words.is_full() {
            return book.found.lacks(Reason::Budget);
        }
    }
    if records.is_cut || book.opened == 0 {
        book.found.lacks(Reason::Damaged);
    }
}

struct Book<'f> {
    found: &'f mut Found,
    room: &'f mut Room,
    biff8: bool,
    charset: Option<&'static str>,
    strings: Vec<String>,
    /// Whether each sheet is hidden, in the order of the file.
    sheets: Vec<bool>,
    /// Beginnings that were met: the first is of the workbook itself, the others are of its sheets.
    opened: usize,
}

impl Book<'_> {
    fn record(&mut self, record: &Record<'_>) {
        let octets = record.first();
        match record.kind {
            record::BOF => self.begin(octets),
            record::CODE_PAGE => self.charset = short(octets, 0).map(i64::from).and_then(super::super::rtf::codepage),
            record::BOUND_SHEET => self.sheet(octets),
            record::SHARED_STRINGS => self.shared_strings(record),
            record::LABEL_SST => {
                let text = long(octets, 6).and_then(|index| self.strings.get(index as usize)).cloned();
                self.cell(octets, &text.unwrap_or_default());
            }
            record::LABEL | record::RICH_STRING => {
                let text = self.string(octets.get(6..).unwrap_or_default(), 2);
                self.cell(octets, &text);
            }
            record::NUMBER => self.number_at(octets, 0, octets.get(6..14).map(double)),
            record::FORMULA => {
                let value = octets.get(6..14).filter(|value| value[6..] != [0xff, 0xff]);
                self.number_at(octets, 0, value.map(double));
            }
            record::RK => self.number_at(octets, 0, long(octets, 6).map(compact)),
            record::MUL_RK => {
                let cells = octets.get(4..octets.len().saturating_sub(2)).unwrap_or_default();
                for (index, cell) in cells.chunks_exact(6).enumerate() {
                    self.number_at(octets, index, long(cell, 2).map(compact));
                }
            }
            // What a formula comes to; it belongs to the cell before.
            record::STRING => {
                let text = self.string(octets, 2);
                self.write(&text);
            }
            record::HEADER | record::FOOTER if !octets.is_empty() => {
                let text = self.string(octets, if self.biff8 { 2 } else { 1 });
                self.aside(Layer::Margins, &text);
            }
            record::NOTE if !self.biff8 => {
                let text = self.narrow(octets.get(6..).unwrap_or_default());
                self.aside(Layer::Comments, &text);
            }
            record::TEXT_OBJECT if self.biff8 => {
                let text = record.pieces.get(1).map(|piece| characters(piece)).unwrap_or_default();
                self.aside(Layer::Comments, &text);
            }
            record::SERIES_TEXT => {
                let text = self.string(octets.get(2..).unwrap_or_default(), 1);
                self.aside(Layer::Main, &text);
            }
            record::LINK => self.link(octets),
            record::DRAWING_GROUP => {
                let drawing = record.pieces.concat();
                super::blip::scattered(&drawing, self.room, self.found);
            }
            _ => {}
        }
    }

    fn begin(&mut self, octets: &[u8]) {
        let first = self.opened == 0;
        self.opened += 1;
        if first {
            self.biff8 = short(octets, 0) == Some(BIFF8);
        } else {
            self.found.words.begin(self.place());
        }
    }

    /// Charts inside a sheet begin like sheets do, so that numbers behind the last one are those of the last.
    fn place(&self) -> Place {
        let number = (self.opened - 1).min(self.sheets.len());
        let hidden = number.checked_sub(1).and_then(|index| self.sheets.get(index)).copied().unwrap_or(false);
        Place { hidden, ..Place::of(Unit::Sheet, number) }
    }

    fn sheet(&mut self, octets: &[u8]) {
        self.sheets.push(octets.get(4).is_some_and(|state| state & 3 != 0));
        let name = self.string(octets.get(6..).unwrap_or_default(), 1);
        self.found.words.begin(Place::of(Unit::Document, 0));
        self.found.words.line(&name);
    }

    /// Cells of one row stand on one line.
    fn cell(&mut self, octets: &[u8], text: &str) {
        let row = short(octets, 0).map_or(0, |row| u32::from(row) + 1);
        let place = Place { row, ..self.place() };
        if self.found.words.places.last().is_none_or(|(_, last)| *last != place) {
            self.found.words.begin(place);
        }
        self.write(text);
    }

    fn write(&mut self, text: &str) {
        self.found.words.part(' ');
        self.found.words.push(text);
    }

    fn number_at(&mut self, octets: &[u8], index: usize, number: Option<f64>) {
        if let Some(number) = number {
            let mut text = String::new();
            let _ = write!(text, "{number}");
            if index == 0 { self.cell(octets, &text) } else { self.write(&text) }
        }
    }

    fn aside(&mut self, layer: Layer, text: &str) {
        let place = self.place().in_layer(layer);
        self.found.words.begin(place);
        self.found.words.line(text);
    }

    /// A string with its length before it, in one octet or two.
    fn string(&self, octets: &[u8], width: usize) -> String {
        let length = match width {
            1 => octets.first().map(|length| usize::from(*length)),
            _ => short(octets, 0).map(usize::from),
        };
        let (Some(length), Some(rest)) = (length, octets.get(width..)) else { return String::new() };
        if self.biff8 {
            let wide = rest.first().is_some_and(|flags| flags & 1 != 0);
            let octets = length * if wide { 2 } else { 1 };
            return characters(&rest[..rest.len().min(octets + 1)]);
        }
        self.narrow(&rest[..rest.len().min(length)])
    }

    fn narrow(&self, octets: &[u8]) -> String {
        charset_text(octets, self.charset).0.into_owned()
    }

    /// Source: MS-XLS, 2.4.265 and 2.5.293.
    fn shared_strings(&mut self, record: &Record<'_>) {
        let mut reader = Pieces { all: &record.pieces, current: 0, at: 8 };
        while let Some(text) = reader.rich_string() {
            self.room.take(text.len());
            if self.strings.len() == MOST_STRINGS || self.room.left() == 0 {
                return self.found.lacks(Reason::Budget);
            }
            self.strings.push(text);
        }
    }

    /// Addresses stand in UTF-16 behind the identifier of a URL moniker (MS-OSHARED, 2.3.7.6).
    fn link(&mut self, octets: &[u8]) {
        const URL: &[u8] = b"\xe0\xc9\xea\x79\xf9\xba\xce\x11\x8c\x82\x00\xaa\x00\x4b\xa9\x0b";
        let Some(at) = memchr::memmem::find(octets, URL) else { return };
        let length = long(octets, at + URL.len()).map_or(0, |length| length as usize);
        let address = octets.get(at + URL.len() + 4..).unwrap_or_default();
        let address = utf16(&address[..address.len().min(length)]);
        self.found.link(address.split('\0').next().unwrap_or_default());
    }
}

/// Characters with the octet before them that says how wide they are.
fn characters(octets: &[u8]) -> String {
    match octets {
        [flags, rest @ ..] if flags & 1 != 0 => utf16(rest),
        [_, rest @ ..] => rest.iter().map(|octet| char::from(*octet)).collect(),
        [] => String::new(),
    }
}

fn double(octets: &[u8]) -> f64 {
    f64::from_le_bytes(octets.try_into().unwrap_or_default())
}

/// A number in 30 bits (MS-XLS, 2.5.217).
fn compact(rk: u32) -> f64 {
    let number = if rk & 2 == 0 { f64::from_bits(u64::from(rk & !3) << 32) } else { f64::from(rk.cast_signed() >> 2) };
    if rk & 1 == 0 { number } else { number / 100.0 }
}

/// Reads over the edges of records, where the characters of a string say anew how wide they are.
struct Pieces<'p> {
    all: &'p [&'p [u8]],
    /// The one that is being read.
    current: usize,
    at: usize,
}

impl Pieces<'_> {
    fn octet(&mut self) -> Option<u8> {
        loop {
            let piece = self.all.get(self.current)?;
            if let Some(octet) = piece.get(self.at) {
                self.at += 1;
                return Some(*octet);
            }
            self.current += 1;
            self.at = 0;
        }
    }

    fn short(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes([self.octet()?, self.octet()?]))
    }

    fn long(&mut self) -> Option<u32> {
        Some(u32::from(self.short()?) | u32::from(self.short()?) << 16)
    }

    fn skip(&mut self, mut count: usize) {
        while count > 0 {
            let Some(piece) = self.all.get(self.current) else { return };
            let step = count.min(piece.len().saturating_sub(self.at));
            self.at += step;
            count -= step;
            if count > 0 {
                self.current += 1;
                self.at = 0;
            }
        }
    }

    /// As far as there is one.
    fn rich_string(&mut self) -> Option<String> {
        const WIDE: u8 = 1;
        const FAR_EAST: u8 = 4;
        const RICH: u8 = 8;
        let length = usize::from(self.short()?);
        let mut flags = self.octet()?;
        let runs = if flags & RICH == 0 { 0 } else { usize::from(self.short()?) };
        let phonetic = if flags & FAR_EAST == 0 { 0 } else { self.long()? as usize };
        let mut units = Vec::with_capacity(length);
        while units.len() < length {
            if self.all.get(self.current).is_some_and(|piece| self.at == piece.len()) {
                self.current += 1;
                self.at = 0;
                flags = self.octet()?;
            }
            units.push(if flags & WIDE == 0 { u16::from(self.octet()?) } else { self.short()? });
        }
        self.skip(runs * 4 + phonetic);
        Some(String::from_utf16_lossy(&units))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_go_on_in_the_next_record_and_may_change_their_width() {
        let pieces: [&[u8]; 2] = [b"\x01\0\0\0\x01\0\0\0\x08\0\0ambe", b"\x01r\0 \0\xe9\0"];
        let mut reader = Pieces { all: &pieces, current: 0, at: 8 };
        assert_eq!(reader.rich_string(), None, "it is cut");
        let mut reader = Pieces { all: &[pieces[0], b"\x01r\0 \0\xe9\0x\0"], current: 0, at: 8 };
        assert_eq!(reader.rich_string().as_deref(), Some("amber \u{e9}x"));
        assert_eq!(reader.rich_string(), None);
    }

    #[test]
    fn numbers_in_30_bits_are_read() {
        assert_eq!((compact(0x3ff0_0000), compact(5 << 2 | 2), compact(1_234 << 2 | 3)), (1.0, 5.0, 12.34));
    }
}
