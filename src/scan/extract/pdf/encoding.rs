//! From the codes and glyph names of simple fonts to characters (ISO 32000-1, 9.6.6 and annex D).

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::scan::parse::charset_text;

/// Names of glyphs, with their characters. Source: see the head of the file.
static GLYPHS: LazyLock<HashMap<&'static str, Box<str>>> = LazyLock::new(|| {
    let lines = include_str!("glyphs.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let (name, characters) = line.split_once(' ')?;
            let characters: Option<String> = characters.split(' ').map(character).collect();
            Some((name, characters?.into()))
        })
        .collect()
});

/// Encodings that are no charsets: name and code, with the character.
static ENCODINGS: LazyLock<HashMap<(&'static str, u8), char>> = LazyLock::new(|| {
    let lines = include_str!("encodings.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (name, code) = (words.next()?, u8::from_str_radix(words.next()?, 16).ok()?);
            Some(((name, code), character(words.next()?)?))
        })
        .collect()
});

fn character(hexadecimal: &str) -> Option<char> {
    char::from_u32(u32::from_str_radix(hexadecimal, 16).ok()?)
}

/// The characters of 256 codes; `None` for those that mean nothing.
pub type Codes = Vec<Option<Box<str>>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Dingbats,
    MacRoman,
    Standard,
    Symbol,
    WinAnsi,
}

impl Encoding {
    pub fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"WinAnsiEncoding" => Some(Self::WinAnsi),
            b"MacRomanEncoding" | b"MacExpertEncoding" => Some(Self::MacRoman),
            b"StandardEncoding" => Some(Self::Standard),
            _ => None,
        }
    }

    pub fn codes(self) -> Codes {
        match self {
            Self::Dingbats => listed("dingbats"),
            Self::MacRoman => charset("macintosh"),
            Self::Standard => listed("standard"),
            Self::Symbol => listed("symbol"),
            Self::WinAnsi => charset("windows-1252"),
        }
    }
}

fn listed(name: &'static str) -> Codes {
    (0..=255).map(|code| ENCODINGS.get(&(name, code)).map(|character| character.to_string().into())).collect()
}

fn charset(label: &str) -> Codes {
    let text = |code: u8| (code >= b' ').then(|| charset_text(&[code], Some(label)).0.into());
    (0..=255).map(text).collect()
}

/// The characters that a glyph is named after.
///
/// Source: Adobe Glyph List Specification 1.7, section 2: `A.swash`, `f_i`, `uni20AC`, `u1F600`.
pub fn glyph(name: &str) -> Option<Box<str>> {
    if let Some(known) = GLYPHS.get(name) {
        return Some(known.clone());
    }
    let base = name.split('.').next().filter(|base| !base.is_empty())?;
    let text: Option<String> = base.split('_').map(component).collect();
    text.filter(|text| !text.is_empty()).map(Into::into)
}

fn component(name: &str) -> Option<String> {
    if let Some(known) = GLYPHS.get(name) {
        return Some(known.to_string());
    }
    if let Some(digits) = name.strip_prefix("uni").filter(|digits| digits.len() >= 4 && digits.len() % 4 == 0 && digits.is_ascii()) {
        let units = (0..digits.len()).step_by(4).map(|at| u16::from_str_radix(&digits[at..at + 4], 16));
        return String::from_utf16(&units.collect::<Result<Vec<_>, _>>().ok()?).ok();
    }
    let digits = name.strip_prefix('u').filter(|digits| (4..=6).contains(&digits.len()))?;
    character(digits).map(String::from)
}

/// Names that number the codes of a font, as some writers give them: `g65`, `c65`, `a65`, `C0065`.
pub fn numbered(name: &str) -> Option<Box<str>> {
    let digits = name.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let prefix = name.len() - digits.len();
    let code: u32 = if (1..=2).contains(&prefix) { digits.parse().ok()? } else { return None };
    char::from_u32(code).filter(|_| (32..=255).contains(&code)).map(|character| character.to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glyphs_are_read_by_their_names() {
        for (name, text) in [
            ("eacute", "\u{e9}"),
            ("f_f_i", "ffi"),
            ("A.swash", "A"),
            ("uni20AC0308", "\u{20ac}\u{308}"),
            ("u1F600", "\u{1f600}"),
            ("a1", "\u{2701}"),
        ] {
            assert_eq!(glyph(name).as_deref(), Some(text), "{name}");
        }
        assert_eq!((glyph("g23"), glyph(".notdef"), glyph("")), (None, None, None));
        assert_eq!(numbered("g65").as_deref(), Some("A"));
    }

    #[test]
    fn encodings_differ_where_they_should() {
        let at = |encoding: Encoding, code: usize| encoding.codes()[code].as_deref().map(str::to_owned);
        assert_eq!(at(Encoding::Standard, 0x27).as_deref(), Some("\u{2019}"));
        assert_eq!(at(Encoding::WinAnsi, 0x93).as_deref(), Some("\u{201c}"));
        assert_eq!(at(Encoding::MacRoman, 0x8e).as_deref(), Some("\u{e9}"));
        assert_eq!(at(Encoding::Symbol, 0x61).as_deref(), Some("\u{3b1}"));
        assert_eq!(at(Encoding::Standard, 0x80), None);
    }
}
