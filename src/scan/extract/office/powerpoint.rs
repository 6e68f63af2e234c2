//! Presentations of 1997 to 2003 (MS-PPT): the text of slides, notes and comments, links, sounds and objects.

use std::collections::HashMap;

use super::{Found, Room};
use crate::finding::{Layer, Place, Reason, Unit};
use crate::scan::extract::compound::{Compound, long, short, utf16};
use crate::scan::extract::ole::Native;
use crate::scan::extract::pdf::inflate;

/// Record types (MS-PPT, 2.13.24).
mod record {
    pub const DOCUMENT: u16 = 0x03e8;
    pub const SLIDE: u16 = 0x03ee;
    pub const NOTES: u16 = 0x03f0;
    pub const SLIDE_PERSIST: u16 = 0x03f3;
    pub const MAIN_MASTER: u16 = 0x03f8;
    pub const SHOW_INFO: u16 = 0x03f9;
    pub const SOUND_DATA: u16 = 0x07e7;
    pub const TEXT: u16 = 0x0fa0;
    pub const NARROW_TEXT: u16 = 0x0fa8;
    pub const STRING: u16 = 0x0fba;
    pub const LINK: u16 = 0x0fd7;
    pub const MARGINS: u16 = 0x0fd9;
    pub const SLIDE_LIST: u16 = 0x0ff0;
    pub const OBJECT: u16 = 0x1011;
    pub const PERSIST_DIRECTORY: u16 = 0x1772;
    pub const COMMENT: u16 = 0x2ee0;
    pub const CRYPT_SESSION: u16 = 0x2f14;
}

const HEADER: usize = 8;
/// Records inside one another.
const DEPTH: usize = 32;
/// Slides of one file.
const SLIDES: usize = 100_000;

pub fn read(compound: &Compound<'_>, storage: &str, room: &mut Room, found: &mut Found) {
    /// The token of an encrypted file (MS-PPT, 2.3.2).
    const ENCRYPTED: u32 = 0xf3d1_c4df;
    let user = room.read(compound, storage, "Current User", found);
    if user.is_some_and(|user| long(&user, 12) == Some(ENCRYPTED)) {
        return found.lacks(Reason::EncryptedDocument);
    }
    let Some(stream) = room.read(compound, storage, "PowerPoint Document", found) else { return };
    let slides = Slides::of(&stream);
    let place = Place::of(Unit::Document, 0);
    let mut walk = Walk { slides, room, found, place, parents: Vec::new(), listed: 0, list: None };
    walk.records(&stream, 0, stream.len());
}

/// The numbers of the slides by where they begin in the stream.
struct Slides {
    /// Where the object of an identifier begins.
    objects: HashMap<u32, usize>,
    numbers: HashMap<usize, usize>,
}

impl Slides {
    fn of(stream: &[u8]) -> Self {
        let mut slides = Self { objects: HashMap::new(), numbers: HashMap::new() };
        for record in (Records { stream, at: 0, end: stream.len() }).filter(|record| record.kind == record::PERSIST_DIRECTORY) {
            slides.directory(&stream[record.start..record.end]);
        }
        slides
    }

    /// Runs of identifiers: 20 bits for the first, 12 for how many (MS-PPT, 2.3.5).
    fn directory(&mut self, octets: &[u8]) {
        let mut at = 0;
        while let Some(head) = long(octets, at) {
            at += 4;
            for id in (head & 0xf_ffff..).take(head as usize >> 20) {
                let Some(place) = long(octets, at).filter(|_| self.objects.len() < SLIDES) else { return };
                self.objects.insert(id, place as usize);
                at += 4;
            }
        }
    }
}

#[derive(Clone, Copy)]
struct Record {
    kind: u16,
    instance: u16,
    is_container: bool,
    /// Where its header begins.
    at: usize,
    start: usize,
    end: usize,
    is_cut: bool,
}

struct Records<'s> {
    stream: &'s [u8],
    at: usize,
    end: usize,
}

impl Iterator for Records<'_> {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let at = self.at;
        let start = at.checked_add(HEADER).filter(|start| *start <= self.end)?;
        let (head, kind) = (short(self.stream, at)?, short(self.stream, at + 2)?);
        let length = long(self.stream, at + 4)? as usize;
        let end = start.saturating_add(length).min(self.end);
        self.at = end;
        Some(Record { kind, instance: head >> 4, is_container: head & 0xf == 0xf, at, start, end, is_cut: end - start < length })
    }
}

struct Walk<'w> {
    slides: Slides,
    room: &'w mut Room,
    found: &'w mut Found,
    place: Place,
    /// The kinds of the records around.
    parents: Vec<u16>,
    /// Slides that the list of slides has named.
    listed: usize,
    /// What the list of slides that is being read is a list of.
    list: Option<u16>,
}

impl Walk<'_> {
    fn records(&mut self, stream: &[u8], from: usize, to: usize) {
        for record in (Records { stream, at: from, end: to }) {
            if record.is_cut {
                self.found.lacks(Reason::Damaged);
            }
            if self.found.words.is_full() {
                return self.found.lacks(Reason::Budget);
            }
            if record.is_container && self.parents.len() < DEPTH {
                self.container(stream, record);
            } else if record.is_container {
                self.found.lacks(Reason::Budget);
            } else {
                self.atom(&stream[record.start..record.end], record);
            }
        }
    }

    fn container(&mut self, stream: &[u8], record: Record) {
        let before = (self.place, self.list);
        let number = self.slides.numbers.get(&record.at).copied().unwrap_or(0);
        match record.kind {
            record::SLIDE => self.place = Place { hidden: is_hidden(stream, record), ..Place::of(Unit::Slide, number) },
            record::NOTES => self.place = Place::of(Unit::Slide, number).in_layer(Layer::Notes),
            record::MAIN_MASTER | record::DOCUMENT => self.place = Place::of(Unit::Document, 0),
            record::COMMENT => self.place = self.place.in_layer(Layer::Comments),
            record::MARGINS => self.place = self.place.in_layer(Layer::Margins),
            record::SLIDE_LIST => {
                self.list = Some(record.instance);
                self.listed = 0;
            }
            _ => {}
        }
        self.parents.push(record.kind);
        self.records(stream, record.start, record.end);
        self.parents.pop();
        (self.place, self.list) = before;
    }

    fn atom(&mut self, octets: &[u8], record: Record) {
        match record.kind {
            record::TEXT => self.text(&utf16(octets)),
            record::NARROW_TEXT => self.text(&octets.iter().map(|octet| char::from(*octet)).collect::<String>()),
            record::STRING => {
                let text = utf16(octets);
                if self.parents.last() == Some(&record::LINK) && record.instance != 0 {
                    self.found.link(&text);
                } else if self.parents.iter().any(|parent| matches!(*parent, record::COMMENT | record::MARGINS | record::LINK)) {
                    self.text(&text);
                }
            }
            record::SLIDE_PERSIST => self.listed(octets),
            record::OBJECT => self.object(octets, record.instance),
            record::SOUND_DATA => self.keep(octets.to_vec()),
            record::CRYPT_SESSION => self.found.lacks(Reason::EncryptedDocument),
            _ => {}
        }
    }

    /// Vertical tabs and returns part lines.
    fn text(&mut self, text: &str) {
        self.found.words.begin(self.place);
        for line in text.split(['\r', '\n', '\u{b}']) {
            self.found.words.line(line);
        }
    }

    /// The list of slides names one: what follows is its text, and its container has this number.
    fn listed(&mut self, octets: &[u8]) {
        const SLIDES_OF_THE_SHOW: u16 = 0;
        const NOTES: u16 = 2;
        self.listed += 1;
        let layer = match self.list {
            Some(SLIDES_OF_THE_SHOW) => Layer::Main,
            Some(NOTES) => Layer::Notes,
            _ => return,
        };
        self.place = Place::of(Unit::Slide, self.listed).in_layer(layer);
        if let Some(at) = long(octets, 0).and_then(|id| self.slides.objects.get(&id)) {
            self.slides.numbers.insert(*at, self.listed);
        }
    }

    /// A compound file of its own, which may be deflated behind its size.
    fn object(&mut self, octets: &[u8], instance: u16) {
        const DEFLATED: u16 = 1;
        if instance != DEFLATED {
            return self.keep(octets.to_vec());
        }
        let (plain, whole) = inflate(octets.get(4..).unwrap_or_default(), self.room.left());
        // What was deflated often lacks its end, and then its size tells.
        if !whole && long(octets, 0).is_none_or(|size| plain.len() < size as usize) {
            self.found.lacks(if plain.len() >= self.room.left() { Reason::Budget } else { Reason::Damaged });
        }
        self.keep(plain);
    }

    fn keep(&mut self, octets: Vec<u8>) {
        if octets.len() > self.room.left() {
            return self.found.lacks(Reason::Budget);
        }
        self.room.take(octets.len());
        self.found.files.push(Native { name: None, octets });
    }
}

/// Source: MS-PPT, 2.6.6: bit 2 behind 10 octets.
fn is_hidden(stream: &[u8], slide: Record) -> bool {
    let info = (Records { stream, at: slide.start, end: slide.end }).find(|record| record.kind == record::SHOW_INFO);
    info.and_then(|info| short(&stream[info.start..info.end], 10)).is_some_and(|flags| flags & 4 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(head: u16, kind: u16, octets: &[u8]) -> Vec<u8> {
        [&head.to_le_bytes(), &kind.to_le_bytes(), &u32::try_from(octets.len()).unwrap().to_le_bytes()[..], octets].concat()
    }

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    fn read_stream(stream: &[u8]) -> Found {
        let mut found = Found::default();
        let mut room = Room { left: 1 << 20 };
        let place = Place::of(Unit::Document, 0);
        let slides = Slides::of(stream);
        Walk { slides, room: &mut room, found: &mut found, place, parents: Vec::new(), listed: 0, list: None }.records(
            stream,
            0,
            stream.len(),
        );
        found
    }

    #[test]
    fn text_is_placed_on_its_slide_and_in_its_notes() {
        let persist = record(0, record::SLIDE_PERSIST, &[3, 0, 0, 0]);
        let list = record(0xf, record::SLIDE_LIST, &[persist, record(0, record::NARROW_TEXT, b"title")].concat());
        let document = record(0xf, record::DOCUMENT, &list);
        let hidden = record(0, record::SHOW_INFO, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0]);
        let slide = record(0xf, record::SLIDE, &[hidden, record(0, record::TEXT, &wide("amber\rheron"))].concat());
        let notes = record(0xf, record::NOTES, &record(0, record::TEXT, &wide("wren")));
        let at = u32::try_from(document.len()).unwrap().to_le_bytes();
        let directory = record(0, record::PERSIST_DIRECTORY, &[&[3, 0, 0x10, 0], &at[..]].concat());
        let found = read_stream(&[document, slide, notes, directory].concat());
        assert_eq!(found.words.text, "title\namber\nheron\nwren\n");
        let places: Vec<_> = found.words.places.iter().map(|(_, place)| place.to_string()).collect();
        assert_eq!(places, ["slide 1", "slide 1 (hidden)", "slide, notes"]);
        assert_eq!(found.trouble, []);
    }

    #[test]
    fn records_inside_one_another_are_bounded() {
        let deep = (0..200).fold(Vec::new(), |inside: Vec<u8>, _| record(0xf, record::SLIDE, &inside));
        assert_eq!(read_stream(&deep).trouble, [Reason::Budget]);
    }
}
