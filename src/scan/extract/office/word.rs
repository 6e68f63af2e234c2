//! Word documents (MS-DOC; Word 6 and 95 as far as they share its form): the piece table, and with it every text of the file.

use super::{Found, Room, link_target};
use crate::finding::{Layer, Place, Reason, Unit};
use crate::scan::extract::compound::{Compound, long, short, utf16};
use crate::scan::parse::charset_text;

/// The first octets of a document: of Word 97 and later, and of Word 6 and 95.
const MAGICS: [u16; 2] = [0xa5ec, 0xa5dc];
/// Earlier ones are of Word 6 and 95.
const WORD_97: u16 = 0xc1;
/// Bits of the flags at octet 10 (MS-DOC, 2.5.2).
const COMPLEX: u16 = 0x0004;
const ENCRYPTED: u16 = 0x0100;
const OTHER_TABLE: u16 = 0x0200;

pub fn read(compound: &Compound<'_>, storage: &str, room: &mut Room, found: &mut Found) {
    let Some(document) = room.read(compound, storage, "WordDocument", found) else { return };
    let (Some(magic), Some(version), Some(flags)) = (short(&document, 0), short(&document, 2), short(&document, 10)) else {
        return found.lacks(Reason::Damaged);
    };
    if !MAGICS.contains(&magic) {
        return found.lacks(Reason::Unsupported);
    }
    if flags & ENCRYPTED != 0 {
        return found.lacks(Reason::EncryptedDocument);
    }
    let text = if version < WORD_97 {
        old_text(&document, flags)
    } else {
        let table = if flags & OTHER_TABLE == 0 { "0Table" } else { "1Table" };
        room.read(compound, storage, table, found).and_then(|table| {
            let pieces = pieces(&table, long(&document, 0x1a2)? as usize, long(&document, 0x1a6)? as usize)?;
            Some(Text::of(&document, &pieces, false))
        })
    };
    let Some(text) = text else { return found.lacks(Reason::Damaged) };
    if !text.is_whole {
        found.lacks(Reason::Damaged);
    }
    write(&document, version, &text, found);
}

/// Word 6 and 95 keep the piece table, if there is one, in the same stream.
fn old_text(document: &[u8], flags: u16) -> Option<Text> {
    if flags & COMPLEX != 0 {
        let pieces = pieces(document, long(document, 0x160)? as usize, long(document, 0x164)? as usize)?;
        return Some(Text::of(document, &pieces, true));
    }
    let (from, to) = (long(document, 0x18)? as usize, long(document, 0x1c)? as usize);
    let octets = document.get(from..to.min(document.len()))?;
    Some(Text { pieces: vec![charset_text(octets, Some("windows-1252")).0.into_owned()], is_whole: to <= document.len() })
}

/// Of how many characters, and where.
struct Piece {
    characters: usize,
    place: u32,
}

/// The piece table (MS-DOC, 2.9.38 and 2.8.35): runs of formatting, and behind them the pieces.
fn pieces(table: &[u8], start: usize, length: usize) -> Option<Vec<Piece>> {
    const PIECE: usize = 8;
    let mut table = table.get(start..start.checked_add(length)?.min(table.len()))?;
    while let [1, rest @ ..] = table {
        table = rest.get(2 + usize::from(short(rest, 0)?)..)?;
    }
    let [2, rest @ ..] = table else { return None };
    let plc = rest.get(4..)?;
    let plc = &plc[..plc.len().min(long(rest, 0)? as usize)];
    let count = plc.len().checked_sub(4)? / (4 + PIECE);
    let piece = |index: usize| {
        let (from, to) = (long(plc, index * 4)?, long(plc, index * 4 + 4)?);
        let place = long(plc, (count + 1) * 4 + index * PIECE + 2)?;
        Some(Piece { characters: to.checked_sub(from)? as usize, place })
    };
    (0..count).map(piece).collect()
}

struct Text {
    /// In the order of the document.
    pieces: Vec<String>,
    is_whole: bool,
}

impl Text {
    /// `narrow` where every character is one octet.
    fn of(document: &[u8], pieces: &[Piece], narrow: bool) -> Self {
        const COMPRESSED: u32 = 0x4000_0000;
        let mut text = Self { pieces: Vec::with_capacity(pieces.len()), is_whole: true };
        // Pieces may lie upon one another: no more is read than the document has octets.
        let mut left = document.len();
        for piece in pieces {
            let compressed = piece.place & COMPRESSED != 0;
            let (start, width) = match (narrow, compressed) {
                (true, _) => (piece.place as usize, 1),
                (false, true) => ((piece.place & !COMPRESSED) as usize / 2, 1),
                (false, false) => (piece.place as usize, 2),
            };
            let wanted = piece.characters.saturating_mul(width);
            let octets = document.get(start..).map_or(&[][..], |rest| &rest[..rest.len().min(wanted).min(left)]);
            text.is_whole &= octets.len() == wanted;
            left -= octets.len();
            text.pieces.push(if width == 1 { charset_text(octets, Some("windows-1252")).0.into_owned() } else { utf16(octets) });
        }
        text
    }
}

/// Writes the texts of the document: they stand one behind the other, each as many characters long as its head says.
fn write(document: &[u8], version: u16, text: &Text, found: &mut Found) {
    const COUNTS: [(usize, Layer); 7] = [
        (0x4c, Layer::Main),
        (0x50, Layer::Footnotes),
        (0x54, Layer::Margins),
        (0x5c, Layer::Comments),
        (0x60, Layer::Footnotes),
        (0x64, Layer::Main),
        (0x68, Layer::Margins),
    ];
    let place = Place::of(Unit::Document, 0);
    let counts = COUNTS.iter().filter(|_| version >= WORD_97).filter_map(|(at, layer)| Some((long(document, *at)? as usize, *layer)));
    let mut characters = text.pieces.iter().flat_map(|piece| piece.chars());
    let mut writer = Writer { fields: Vec::new(), found };
    for (count, layer) in counts {
        writer.found.words.begin(place.in_layer(layer));
        // The counts are of units of UTF-16.
        let mut left = count;
        while left > 0 {
            let Some(character) = characters.next() else { break };
            left = left.saturating_sub(character.len_utf16());
            writer.character(character);
        }
    }
    characters.for_each(|character| writer.character(character));
    writer.found.words.part('\n');
}

struct Writer<'f> {
    /// Fields that are open, each with its instruction; `None` where its result is being read.
    fields: Vec<Option<String>>,
    found: &'f mut Found,
}

impl Writer<'_> {
    /// Source: MS-DOC, 2.4.1 and 2.8.25 for what the control characters mean.
    fn character(&mut self, character: char) {
        const FIELDS: usize = 64;
        match character {
            '\u{13}' if self.fields.len() < FIELDS => self.fields.push(Some(String::new())),
            '\u{14}' => self.instructed(),
            '\u{15}' => {
                self.instructed();
                self.fields.pop();
            }
            '\r' | '\u{b}' | '\u{c}' | '\u{e}' => self.found.words.part('\n'),
            '\u{7}' | '\t' => self.found.words.part(' '),
            '\u{1e}' => self.visible('-'),
            '\0'..='\u{1f}' => {}
            _ => self.visible(character),
        }
    }

    fn visible(&mut self, character: char) {
        match self.fields.last_mut() {
            Some(Some(instruction)) => instruction.push(character),
            _ => self.found.words.text.push(character),
        }
    }

    /// An instruction has been read: a link is kept.
    fn instructed(&mut self) {
        let Some(instruction) = self.fields.last_mut().and_then(Option::take) else { return };
        if let Some(target) = link_target(&instruction) {
            self.found.link(target);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_from_what_they_show() {
        let mut found = Found::default();
        let mut writer = Writer { fields: Vec::new(), found: &mut found };
        "see \u{13} HYPERLINK \"https://wren.example/\" \u{14}amber\u{15}\rheron\u{7}".chars().for_each(|c| writer.character(c));
        assert_eq!((found.words.text.as_str(), found.links.as_str()), ("see amber\nheron ", "https://wren.example/\n"));
    }

    #[test]
    fn pieces_are_read_in_either_width_and_never_beyond_the_document() {
        let document = b"xxcaf\xe9h\0e\0r\0o\0n\0";
        let piece = |characters, place| Piece { characters, place };
        let text = Text::of(document, &[piece(4, 0x4000_0004), piece(5, 6)], false);
        assert_eq!((text.pieces.concat().as_str(), text.is_whole), ("caf\u{e9}heron", true));
        let flood: Vec<_> = (0..1_000).map(|_| piece(usize::MAX, 0)).collect();
        let text = Text::of(document, &flood, false);
        assert!(text.pieces.concat().len() <= 64 && !text.is_whole);
    }
}
