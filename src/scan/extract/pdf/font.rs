//! Fonts: from the octets of a string to characters, and how far each moves the pen (ISO 32000-1, 9.5 to 9.10).

use std::collections::HashMap;

use memchr::memmem;

use super::cmap::{CMap, value};
use super::encoding::{self, Codes, Encoding};
use super::file::File;
use super::metrics;
use super::object::{Dictionary, Object};
use crate::finding::Reason;
use crate::scan::parse::charset_text;

/// Widths that are told one by one, of one font.
const MOST_WIDTHS: usize = 100_000;

/// One code of a string.
pub struct Glyph<'f> {
    /// `None` where nothing says what it stands for.
    pub text: Option<std::borrow::Cow<'f, str>>,
    /// In units of text space: 1 is the size of the font.
    pub width: f64,
    /// Word spacing applies to it (9.3.3).
    pub is_space: bool,
}

pub struct Font {
    kind: Kind,
    to_unicode: CMap,
    pub is_vertical: bool,
}

enum Kind {
    Simple { codes: Codes, widths: Vec<f64> },
    Composite(Composite),
}

struct Composite {
    codes: CodeMap,
    widths: HashMap<u32, f64>,
    default_width: f64,
}

/// How the codes of a composite font are written.
enum CodeMap {
    /// In the file itself.
    Own(CMap),
    /// Two octets each, which say nothing about characters.
    Identity,
    /// Codes of a charset.
    Charset(&'static str),
}

impl Font {
    pub fn read(file: &File<'_>, dictionary: &Dictionary) -> Self {
        let to_unicode = file.get(dictionary, b"ToUnicode").stream().map(|stream| CMap::parse(&file.decode(stream).octets));
        let to_unicode = to_unicode.unwrap_or_default();
        if to_unicode.is_over_budget {
            file.note(Reason::Budget);
        }
        if dictionary.is(b"Subtype", b"Type0") {
            let (composite, is_vertical) = Composite::read(file, dictionary);
            return Self { kind: Kind::Composite(composite), to_unicode, is_vertical };
        }
        let codes = simple_codes(file, dictionary);
        let widths = simple_widths(file, dictionary, &codes);
        Self { kind: Kind::Simple { codes, widths }, to_unicode, is_vertical: false }
    }

    /// Calls `each` with the glyphs of a string in turn.
    pub fn glyphs(&self, string: &[u8], mut each: impl FnMut(Glyph<'_>)) {
        match &self.kind {
            Kind::Simple { codes, widths } => {
                for &code in string {
                    let mapped = self.to_unicode.characters(u32::from(code)).map(Into::into);
                    let text = mapped.or_else(|| codes[usize::from(code)].as_deref().map(Into::into));
                    // A control character without a glyph draws nothing.
                    let text = text.or_else(|| (code < b' ').then_some("".into()));
                    each(Glyph { text, width: widths[usize::from(code)], is_space: code == b' ' });
                }
            }
            Kind::Composite(composite) => {
                let mut rest = string;
                while !rest.is_empty() {
                    let (code, behind) = rest.split_at(composite.code_length(rest));
                    rest = behind;
                    let number = value(code);
                    let mapped = self.to_unicode.characters(number).or_else(|| composite.characters(code));
                    each(Glyph { text: mapped.map(Into::into), width: composite.width(number), is_space: code == b" " });
                }
            }
        }
    }
}

impl Composite {
    fn read(file: &File<'_>, dictionary: &Dictionary) -> (Self, bool) {
        let encoding = file.get(dictionary, b"Encoding");
        let own = encoding.stream().map(|stream| CMap::parse(&file.decode(stream).octets));
        let name = encoding.name().or(own.as_ref().and_then(|map| map.parent.as_deref())).unwrap_or_default();
        let is_vertical = name.ends_with(b"-V") || own.as_ref().is_some_and(|map| map.is_vertical);
        let charset = charset_of(name);
        let codes = match own {
            Some(map) if !map.is_empty() => CodeMap::Own(map),
            _ => charset.map_or(CodeMap::Identity, CodeMap::Charset),
        };
        let descendants = file.get(dictionary, b"DescendantFonts");
        let descendant = descendants.array().and_then(<[_]>::first).map(|font| file.resolve(font));
        let empty = Dictionary::default();
        let descendant = descendant.as_deref().and_then(Object::dictionary).unwrap_or(&empty);
        let default_width = file.get(descendant, b"DW").number().unwrap_or(1_000.0);
        let widths = file.get(descendant, b"W");
        (Self { codes, widths: composite_widths(file, widths.array().unwrap_or_default()), default_width }, is_vertical)
    }

    fn code_length(&self, octets: &[u8]) -> usize {
        let length = match &self.codes {
            CodeMap::Own(map) => map.code_length(octets),
            CodeMap::Identity | CodeMap::Charset("utf-16be") => Some(2),
            CodeMap::Charset(label) => Some(match (octets[0], *label) {
                (0x8f, "euc-jp") => 3,
                (0xa1..=0xdf, "shift_jis") | (..=0x80, _) => 1,
                _ => 2,
            }),
        };
        length.unwrap_or(2).min(octets.len())
    }

    fn characters(&self, code: &[u8]) -> Option<String> {
        let CodeMap::Charset(label) = self.codes else { return None };
        let text = charset_text(code, Some(label)).0;
        (!text.contains('\u{fffd}')).then(|| text.into_owned())
    }

    fn width(&self, code: u32) -> f64 {
        let cid = if let CodeMap::Own(map) = &self.codes { map.cid_of(code).unwrap_or(code) } else { code };
        self.widths.get(&cid).copied().unwrap_or(self.default_width) / 1_000.0
    }
}

/// The charset of the codes of a predefined `CMap` (9.7.5.2).
fn charset_of(name: &[u8]) -> Option<&'static str> {
    let has = |part: &[u8]| memmem::find(name, part).is_some();
    Some(match () {
        () if has(b"UCS2") || has(b"UTF16") => "utf-16be",
        () if has(b"RKSJ") => "shift_jis",
        () if name.starts_with(b"GB") => "gbk",
        () if has(b"B5") || has(b"HKscs") => "big5",
        () if name.starts_with(b"KSC") => "euc-kr",
        () if name.starts_with(b"EUC") => "euc-jp",
        () => return None,
    })
}

/// `c [w w w]` and `first last w` (9.7.4.3).
fn composite_widths(file: &File<'_>, array: &[Object]) -> HashMap<u32, f64> {
    let mut widths = HashMap::new();
    let mut rest = array;
    while let [first, second, behind @ ..] = rest {
        let first = first.count().and_then(|first| u32::try_from(first).ok()).unwrap_or(0);
        let second = file.resolve(second);
        match (&*second, behind) {
            (Object::Array(each), _) => {
                widths.extend((first..).zip(each).filter_map(|(code, width)| Some((code, file.resolve(width).number()?))));
                rest = behind;
            }
            (last, [width, behind @ ..]) => {
                let (last, width) = (last.count().unwrap_or(0), file.resolve(width).number().unwrap_or(0.0));
                let last = u32::try_from(last).unwrap_or(0).min(first.saturating_add(0xffff));
                widths.extend((first..=last).map(|code| (code, width)));
                rest = behind;
            }
            _ => break,
        }
        if widths.len() > MOST_WIDTHS {
            break;
        }
    }
    widths
}

fn simple_widths(file: &File<'_>, dictionary: &Dictionary, codes: &Codes) -> Vec<f64> {
    let told = file.get(dictionary, b"Widths");
    let descriptor = file.get(dictionary, b"FontDescriptor");
    let name = file.get(dictionary, b"BaseFont");
    let standard = metrics::of(name.name().unwrap_or_default());
    let missing = descriptor.dictionary().and_then(|descriptor| file.get(descriptor, b"MissingWidth").number());
    let mut widths: Vec<f64> = match told.array() {
        Some(_) => vec![missing.unwrap_or(0.0); 256],
        None => codes.iter().map(|text| standard.width(text.as_deref())).collect(),
    };
    let first = file.get(dictionary, b"FirstChar").count().unwrap_or(0);
    for (code, width) in (first..256).zip(told.array().unwrap_or_default()) {
        widths[code] = file.resolve(width).number().unwrap_or(0.0);
    }
    // Glyphs of type 3 are drawn in a space of their own (9.6.5).
    let matrix = file.get(dictionary, b"FontMatrix");
    let scale = matrix.array().and_then(|matrix| matrix.first()?.number()).filter(|_| dictionary.is(b"Subtype", b"Type3"));
    for width in &mut widths {
        *width *= scale.map_or(0.001, f64::abs);
    }
    widths
}

/// What the font's encoding says, or else the program of the font.
fn simple_codes(file: &File<'_>, dictionary: &Dictionary) -> Codes {
    let encoding = file.get(dictionary, b"Encoding");
    let descriptor = file.get(dictionary, b"FontDescriptor");
    let empty = Dictionary::default();
    let descriptor = descriptor.dictionary().unwrap_or(&empty);
    let base = encoding.name().and_then(Encoding::named).or_else(|| {
        let base = file.get(encoding.dictionary()?, b"BaseEncoding");
        Encoding::named(base.name()?)
    });
    let mut codes = base.map_or_else(|| built_in(file, dictionary, descriptor), Encoding::codes);
    let differences = encoding.dictionary().map(|encoding| file.get(encoding, b"Differences"));
    let mut code = 0;
    let is_type3 = dictionary.is(b"Subtype", b"Type3");
    for difference in differences.as_deref().and_then(Object::array).unwrap_or_default() {
        match &*file.resolve(difference) {
            Object::Number(_) => code = difference.count().unwrap_or(256),
            Object::Name(name) if code < 256 => {
                let name = String::from_utf8_lossy(name);
                codes[code] = encoding::glyph(&name).or_else(|| if is_type3 { None } else { encoding::numbered(&name) });
                code += 1;
            }
            _ => {}
        }
    }
    codes
}

fn built_in(file: &File<'_>, dictionary: &Dictionary, descriptor: &Dictionary) -> Codes {
    let name = file.get(dictionary, b"BaseFont");
    let name = name.name().unwrap_or_default();
    let has = |part: &[u8]| memmem::find(name, part).is_some();
    if let Some(program) = file.get(descriptor, b"FontFile").stream() {
        let mut codes = Encoding::Standard.codes();
        for (code, glyph) in type1_encoding(&file.decode(program).octets) {
            codes[usize::from(code)] = encoding::glyph(&glyph);
        }
        return codes;
    }
    match () {
        () if has(b"Symbol") => Encoding::Symbol.codes(),
        () if has(b"Dingbats") => Encoding::Dingbats.codes(),
        () if dictionary.is(b"Subtype", b"TrueType") => Encoding::WinAnsi.codes(),
        () => Encoding::Standard.codes(),
    }
}

/// `dup 65 /A put`, in the part of a Type 1 program that is not encrypted (Adobe Type 1 Font Format, 2.3).
fn type1_encoding(program: &[u8]) -> Vec<(u8, String)> {
    let clear = &program[..memmem::find(program, b"eexec").unwrap_or(program.len().min(64 << 10))];
    let Some(start) = memmem::find(clear, b"/Encoding") else { return Vec::new() };
    let mut words = clear[start..].split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let mut codes = Vec::new();
    while let Some(word) = words.next() {
        match word {
            b"dup" => {
                let code = words.next().and_then(|code| str::from_utf8(code).ok()?.parse().ok());
                let glyph = words.next().and_then(|glyph| str::from_utf8(glyph.strip_prefix(b"/")?).ok());
                codes.extend(code.zip(glyph.map(str::to_owned)));
            }
            b"def" | b"readonly" if !codes.is_empty() => break,
            _ => {}
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_of_a_type_1_program_is_read() {
        let program = b"/Encoding 256 array 0 1 255 {1 index exch /.notdef put} for\ndup 65 /eacute put\ndup 66 /B put\nreadonly def eexec";
        assert_eq!(type1_encoding(program), [(65, "eacute".to_owned()), (66, "B".to_owned())]);
    }

    #[test]
    fn predefined_maps_are_known_by_their_charsets() {
        for (name, charset) in [
            ("UniJIS-UCS2-H", Some("utf-16be")),
            ("90ms-RKSJ-V", Some("shift_jis")),
            ("GBK-EUC-H", Some("gbk")),
            ("ETen-B5-H", Some("big5")),
            ("KSCms-UHC-H", Some("euc-kr")),
            ("EUC-H", Some("euc-jp")),
            ("Identity-H", None),
        ] {
            assert_eq!(charset_of(name.as_bytes()), charset, "{name}");
        }
    }
}
