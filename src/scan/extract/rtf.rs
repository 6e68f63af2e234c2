//! Rich Text Format (RTF 1.9.1): text, links, pictures and embedded objects, by a walk along groups and control words.

mod charset;

use std::borrow::Cow;
use std::mem;

pub use self::charset::codepage;
use self::charset::of_font;
use super::members::{self, Member};
use super::{Item, Reader, office, ole};
use crate::finding::{Field, Reason};
use crate::scan::parse::charset_text;

/// Groups inside one another; deeper ones are read as if they were not there.
const DEPTH: usize = 1_000;
/// Fonts of one file.
const FONTS: usize = 10_000;
/// Of the name of a control word, in letters (RTF 1.9.1, "Control words").
const LONGEST_WORD: usize = 32;

pub fn read(reader: &mut Reader<'_>, item: &Item<'_>) {
    let mut walk = Walk::new(&item.octets);
    let whole = walk.run();
    if !whole {
        reader.extracts.incomplete(&item.part, Reason::Damaged);
    }
    reader.extracts.text(item.location(item.text_field()), Cow::Owned(walk.shown));
    reader.extracts.text(item.location(Field::HiddenText), Cow::Owned(walk.hidden));
    reader.extracts.text(item.location(Field::Link), Cow::Owned(walk.links));
    let files = walk.files.len();
    members::held(reader, item, walk.files.into_iter().map(|file| Member::file(file.name, file.octets, None)));
    let behind = walk.octets.get(walk.at..).unwrap_or_default();
    let Some(start) = behind.iter().position(|octet| !matches!(octet, 0 | 26) && !octet.is_ascii_whitespace()) else { return };
    reader.behind(item, files + 1, &behind[start..]);
}

/// Where the text of a group goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Destination {
    /// What a reader sees.
    Text,
    /// What a field does: `HYPERLINK "https://…"`.
    Instruction,
    FontTable,
    /// Hexadecimal digits of a picture.
    Picture,
    /// Hexadecimal digits of an object (OLE 1.0).
    Object,
    Nowhere,
}

#[derive(Clone, Copy)]
struct State {
    to: Destination,
    charset: Option<&'static str>,
    /// Characters that stand in for one of Unicode, for readers that have none.
    fallback: usize,
    hidden: bool,
    /// Its text stands by itself: a note, a title.
    apart: bool,
    /// A picture without the header of its file.
    is_bitmap: bool,
}

struct Walk<'r> {
    octets: &'r [u8],
    at: usize,
    state: State,
    around: Vec<State>,
    /// Groups beyond those that are kept.
    beyond: usize,
    /// Octets of text whose charset is that of the state.
    pending: Vec<u8>,
    /// The first half of a character beyond the basic plane.
    high: Option<u16>,
    /// Characters that are still to be passed over.
    skip: usize,
    /// `\*` came before: what is unknown is passed over.
    optional: bool,
    document: Option<&'static str>,
    /// Number and charset.
    fonts: Vec<(i64, Option<&'static str>)>,
    font: i64,
    default_font: i64,
    instruction: String,
    digits: Vec<u8>,
    raw: Vec<u8>,
    /// The last sign in a place that is not read.
    unread: String,
    seen_better_picture: bool,
    shown: String,
    hidden: String,
    links: String,
    files: Vec<ole::Native>,
}

impl<'r> Walk<'r> {
    fn new(octets: &'r [u8]) -> Self {
        Self {
            octets,
            at: 0,
            state: State {
                to: Destination::Text,
                charset: Some("windows-1252"),
                fallback: 1,
                hidden: false,
                apart: false,
                is_bitmap: false,
            },
            around: Vec::new(),
            beyond: 0,
            pending: Vec::new(),
            high: None,
            skip: 0,
            optional: false,
            document: Some("windows-1252"),
            fonts: Vec::new(),
            font: 0,
            default_font: 0,
            instruction: String::new(),
            digits: Vec::new(),
            raw: Vec::new(),
            unread: String::new(),
            seen_better_picture: false,
            shown: String::new(),
            hidden: String::new(),
            links: String::new(),
            files: Vec::new(),
        }
    }

    /// Whether every group came to its end.
    fn run(&mut self) -> bool {
        while let Some(&octet) = self.octets.get(self.at) {
            self.at += 1;
            match octet {
                b'{' => self.open(),
                b'}' => {
                    self.close();
                    if self.around.is_empty() && self.beyond == 0 {
                        // What stands behind the last brace is not shown with the rest.
                        self.flush();
                        return true;
                    }
                }
                b'\\' => self.control(),
                b'\r' | b'\n' => {}
                _ => self.octet(octet),
            }
        }
        self.flush();
        false
    }

    fn open(&mut self) {
        self.flush();
        self.optional = false;
        self.skip = 0;
        if self.around.len() < DEPTH { self.around.push(self.state) } else { self.beyond += 1 }
    }

    fn close(&mut self) {
        self.flush();
        self.skip = 0;
        if self.beyond > 0 {
            self.beyond -= 1;
            return;
        }
        let left = self.state;
        self.state = self.around.pop().unwrap_or(left);
        if left.apart && !self.state.apart {
            self.space('\n');
        }
        if left.to != self.state.to {
            match left.to {
                Destination::Instruction => self.end_instruction(),
                Destination::Picture => self.end_picture(left.is_bitmap),
                Destination::Object => self.end_object(),
                Destination::Text | Destination::FontTable | Destination::Nowhere => {}
            }
        }
    }

    fn control(&mut self) {
        let Some(&octet) = self.octets.get(self.at) else { return };
        if octet.is_ascii_alphabetic() {
            return self.word();
        }
        self.at += 1;
        match octet {
            b'\'' => {
                let digits = self.octets.get(self.at..self.at + 2).and_then(|digits| str::from_utf8(digits).ok());
                if let Some(octet) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                    self.at += 2;
                    self.octet(octet);
                }
            }
            b'*' => self.optional = true,
            b'\\' | b'{' | b'}' => self.octet(octet),
            b'~' => self.character('\u{a0}'),
            b'_' => self.character('-'),
            b'\r' | b'\n' => self.space('\n'),
            // A place where a word may be divided, and other marks of the kind.
            _ => {}
        }
    }

    fn word(&mut self) {
        let rest = &self.octets[self.at..];
        let letters = rest.iter().take(LONGEST_WORD).take_while(|octet| octet.is_ascii_alphabetic()).count();
        let (word, rest) = rest.split_at(letters);
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = rest[sign..].iter().take(10).take_while(|octet| octet.is_ascii_digit()).count();
        let number: Option<i64> = str::from_utf8(&rest[..sign + digits]).ok().and_then(|number| number.parse().ok());
        let behind = if digits > 0 { sign + digits } else { 0 };
        self.at += letters + behind + usize::from(rest.get(behind) == Some(&b' '));
        let optional = mem::take(&mut self.optional);
        self.keyword(word, number, optional);
    }

    fn keyword(&mut self, word: &[u8], number: Option<i64>, optional: bool) {
        let is_on = number != Some(0);
        match word {
            b"par" | b"line" | b"sect" | b"page" | b"column" | b"row" | b"nestrow" => self.space('\n'),
            b"tab" | b"cell" | b"nestcell" | b"emspace" | b"enspace" | b"qmspace" => self.space(' '),
            b"emdash" => self.character('\u{2014}'),
            b"endash" => self.character('\u{2013}'),
            b"lquote" => self.character('\u{2018}'),
            b"rquote" => self.character('\u{2019}'),
            b"ldblquote" => self.character('\u{201c}'),
            b"rdblquote" => self.character('\u{201d}'),
            b"bullet" => self.character('\u{2022}'),
            b"u" => self.unicode(number.unwrap_or(0)),
            b"uc" => self.state.fallback = number.and_then(|count| usize::try_from(count).ok()).unwrap_or(1).min(16),
            b"bin" => self.binary(number.and_then(|length| usize::try_from(length).ok()).unwrap_or(0)),
            b"v" => {
                self.flush();
                self.state.hidden = is_on;
            }
            b"plain" => {
                self.flush();
                self.state.hidden = false;
            }
            b"ansicpg" => {
                self.document = number.and_then(codepage);
                self.state.charset = self.document;
            }
            b"mac" => self.document = Some("macintosh"),
            b"deff" => self.default_font = number.unwrap_or(0),
            b"f" => self.select_font(number.unwrap_or(0)),
            b"fcharset" if self.state.to == Destination::FontTable => {
                let charset = number.and_then(of_font).or(self.document);
                if self.fonts.len() < FONTS {
                    self.fonts.push((self.font, charset));
                }
                if self.font == self.default_font {
                    self.document = charset.or(self.document);
                }
            }
            b"dibitmap" => self.state.is_bitmap = true,
            _ => self.destination(word, optional),
        }
    }

    fn destination(&mut self, word: &[u8], optional: bool) {
        let to = match word {
            b"fonttbl" => Destination::FontTable,
            b"fldinst" => Destination::Instruction,
            b"pict" => Destination::Picture,
            b"objdata" => Destination::Object,
            b"nonshppict" if self.seen_better_picture => Destination::Nowhere,
            b"shppict" => {
                self.seen_better_picture = true;
                return;
            }
            b"colortbl"
            | b"stylesheet"
            | b"listtable"
            | b"listoverridetable"
            | b"revtbl"
            | b"rsidtbl"
            | b"generator"
            | b"filetbl"
            | b"themedata"
            | b"colorschememapping"
            | b"datastore"
            | b"latentstyles"
            | b"xmlnstbl"
            | b"blipuid"
            | b"bkmkstart"
            | b"bkmkend"
            | b"operator"
            | b"password"
            | b"objclass"
            | b"panose"
            | b"falt"
            | b"fname"
            | b"pntxtb"
            | b"pntxta"
            | b"sn"
            | b"mhtmltag"
            | b"htmltag"
            | b"creatim"
            | b"revtim"
            | b"printim"
            | b"buptim" => Destination::Nowhere,
            b"annotation" | b"atnauthor" | b"ud" | b"footnote" | b"title" | b"subject" | b"author" | b"manager" | b"company"
            | b"category" | b"keywords" | b"comment" | b"doccomm" | b"sv" | b"shpinst" | b"shptxt" | b"shprslt" | b"docvar"
            | b"userprops" | b"propname" | b"staticval" | b"ffdeftext" | b"ffhelptext" | b"ffstattext" | b"ffl" | b"fldrslt"
            | b"result" | b"header" | b"headerl" | b"headerr" | b"headerf" | b"footer" | b"footerl" | b"footerr" | b"footerf" | b"info"
            | b"formfield" => {
                self.space('\n');
                self.state.apart = true;
                return;
            }
            _ if optional => Destination::Nowhere,
            _ => return,
        };
        self.flush();
        // Nothing inside of what is passed over is read, and nothing inside an instruction but more of it.
        if self.state.to != Destination::Nowhere {
            self.state.to = to;
        }
    }

    fn select_font(&mut self, number: i64) {
        self.flush();
        self.font = number;
        if self.state.to != Destination::FontTable {
            let known = self.fonts.iter().find(|(own, _)| *own == number);
            self.state.charset = known.map_or(self.document, |(_, charset)| *charset);
        }
    }

    fn octet(&mut self, octet: u8) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        match self.state.to {
            Destination::Text | Destination::Instruction => self.pending.push(octet),
            Destination::Picture | Destination::Object if octet.is_ascii_hexdigit() => self.digits.push(octet),
            Destination::Picture | Destination::Object | Destination::FontTable | Destination::Nowhere => {}
        }
    }

    fn character(&mut self, character: char) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        self.flush();
        self.voice().push(character);
    }

    fn space(&mut self, space: char) {
        self.flush();
        let voice = self.voice();
        if !voice.is_empty() && !voice.ends_with(['\n', ' ']) {
            voice.push(space);
        }
    }

    /// One unit of UTF-16, written as a signed number.
    fn unicode(&mut self, number: i64) {
        self.flush();
        self.skip = self.state.fallback;
        let unit = u16::try_from(number.rem_euclid(1 << 16)).unwrap_or(0);
        let character = match (self.high.take(), unit) {
            (_, 0xd800..=0xdbff) => {
                self.high = Some(unit);
                return;
            }
            (Some(high), 0xdc00..=0xdfff) => char::decode_utf16([high, unit]).next().and_then(Result::ok),
            // Symbol fonts put their signs in the private area.
            (_, 0xf020..=0xf0ff) => char::from_u32(u32::from(unit) - 0xf000),
            _ => char::from_u32(u32::from(unit)),
        };
        self.voice().push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
    }

    fn binary(&mut self, length: usize) {
        let end = self.at.saturating_add(length).min(self.octets.len());
        if matches!(self.state.to, Destination::Picture | Destination::Object) {
            self.raw.extend_from_slice(&self.octets[self.at..end]);
        }
        self.at = end;
    }

    fn flush(&mut self) {
        if self.pending.is_empty() {
            return;
        }
        let octets = mem::take(&mut self.pending);
        let text = charset_text(&octets, self.state.charset).0;
        self.voice().push_str(&text);
        self.pending = octets;
        self.pending.clear();
    }

    fn voice(&mut self) -> &mut String {
        match self.state.to {
            Destination::Instruction => &mut self.instruction,
            Destination::Text if self.state.hidden => &mut self.hidden,
            Destination::Text => &mut self.shown,
            _ => {
                self.unread.clear();
                &mut self.unread
            }
        }
    }

    fn end_instruction(&mut self) {
        let instruction = mem::take(&mut self.instruction);
        if let Some(target) = office::link_target(&instruction) {
            self.links.push_str(target);
            self.links.push('\n');
        }
    }

    fn blob(&mut self) -> Vec<u8> {
        let mut octets = ole::from_hex(&mem::take(&mut self.digits));
        octets.append(&mut self.raw);
        octets
    }

    fn end_picture(&mut self, is_bitmap: bool) {
        let mut octets = self.blob();
        if is_bitmap {
            octets = ole::bitmap_file(octets);
        }
        if !octets.is_empty() {
            self.files.push(ole::Native { name: None, octets });
        }
    }

    fn end_object(&mut self) {
        let octets = self.blob();
        if !octets.is_empty() {
            self.files.push(ole::embedded(octets));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(text: &str) -> Walk<'_> {
        let mut walk = Walk::new(text.as_bytes());
        assert!(walk.run(), "{text}");
        walk
    }

    #[test]
    fn text_is_read_in_every_way_of_writing_it() {
        for (rtf, text) in [
            ("{\\rtf1\\ansi am\\b ber\\b0\\par heron}", "amber\nheron"),
            ("{\\rtf1\\ansi caf\\'e9 \\u8364?\\u-10179?\\u-8704? x}", "caf\u{e9} \u{20ac}\u{1f600} x"),
            ("{\\rtf1\\ansi\\uc2 \\u233ab-{\\uc0\\u233}c}", "\u{e9}-\u{e9}c"),
            ("{\\rtf1\\ansicpg1251 \\'ef\\'f0}", "\u{43f}\u{440}"),
            ("{\\rtf1{\\fonttbl{\\f0\\fcharset0 Arial;}{\\f1\\fcharset161 Arial Greek;}}\\f1\\'e1\\f0\\'e9}", "\u{3b1}\u{e9}"),
            ("{\\rtf1\\ansi{\\*\\unheard of}{\\stylesheet Normal;}a{\\footnote b}\\{c\\}}", "a\nb\n{c}"),
            ("{\\rtf1 a\\~b\\-c\\_d\\emdash e}", "a\u{a0}bc-d\u{2014}e"),
        ] {
            assert_eq!(walk(rtf).shown.trim(), text, "{rtf}");
        }
    }

    #[test]
    fn hidden_text_links_and_pictures_are_kept_apart() {
        let walk = walk(
            "{\\rtf1 seen{\\v unseen}{\\field{\\*\\fldinst{HYPERLINK \"https://wren.example/\"}}{\\fldrslt here}}{\\pict\\pngblip 89504E470d0a1a0a}}",
        );
        assert_eq!((walk.shown.trim(), walk.hidden.trim(), walk.links.trim()), ("seen\nhere", "unseen", "https://wren.example/"));
        assert_eq!(walk.files[0].octets, b"\x89PNG\r\n\x1a\n");
    }

    #[test]
    fn nesting_is_bounded_and_a_cut_file_says_so() {
        let deep = format!("{{\\rtf1 {}amber{}heron}}", "{".repeat(200_000), "}".repeat(200_000));
        assert_eq!(walk(&deep).shown, "amberheron");
        assert!(!Walk::new(b"{\\rtf1 amber").run());
    }
}
