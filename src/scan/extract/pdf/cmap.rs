//! Character maps, `CMap` (ISO 32000-1, 9.7.5 and 9.10.3; Adobe Technical Note 5014): how long the codes of a font are, and what they stand for.

use super::object::{Lexeme, Lexer, Object};

/// Entries of one map.
const MOST: usize = 200_000;
/// Ranges of codes of one length.
const SPACES: usize = 256;
/// Characters that one code stands for, in octets of UTF-16.
const LONGEST: usize = 512;

/// What codes of one length stand for, from `low` to `high`.
struct Range {
    low: u32,
    high: u32,
    to: Target,
}

enum Target {
    /// Of the first code, in UTF-16; the last unit counts on.
    Text(Box<[u16]>),
    /// Of the first code; it counts on.
    Cid(u32),
}

/// A map as it is written out in a file.
#[derive(Default)]
pub struct CMap {
    /// Length in octets, lowest and highest code.
    spaces: Vec<(usize, u32, u32)>,
    /// By `low`; of equal ones the last written comes first.
    ranges: Vec<Range>,
    pub is_vertical: bool,
    /// The name of the map that this one adds to.
    pub parent: Option<Box<[u8]>>,
    pub is_over_budget: bool,
}

impl CMap {
    pub fn parse(octets: &[u8]) -> Self {
        let mut map = Self::default();
        let mut lexer = Lexer::new(octets, 0);
        let mut operands: Vec<Object> = Vec::new();
        loop {
            match lexer.next() {
                Lexeme::Object(object) => operands.push(object),
                Lexeme::Word(word) => {
                    match word {
                        b"endcodespacerange" => operands.chunks_exact(2).for_each(|pair| map.space(pair)),
                        b"endbfchar" => operands.chunks_exact(2).for_each(|pair| map.text(&pair[0], &pair[0], &pair[1])),
                        b"endbfrange" => operands.chunks_exact(3).for_each(|three| map.text(&three[0], &three[1], &three[2])),
                        b"endcidchar" => operands.chunks_exact(2).for_each(|pair| map.cid(&pair[0], &pair[0], &pair[1])),
                        b"endcidrange" => operands.chunks_exact(3).for_each(|three| map.cid(&three[0], &three[1], &three[2])),
                        b"usecmap" => map.parent = operands.last().and_then(Object::name).map(Into::into),
                        b"def" => {
                            if let [.., key, value] = &operands[..] {
                                map.is_vertical |= key.name() == Some(b"WMode") && value.count() == Some(1);
                            }
                        }
                        _ => {}
                    }
                    operands.clear();
                }
                Lexeme::ArrayEnd | Lexeme::DictionaryEnd => {}
                Lexeme::End => break,
            }
        }
        map.is_over_budget = lexer.is_exhausted() || map.ranges.len() >= MOST;
        map.ranges.reverse();
        map.ranges.sort_by_key(|range| range.low);
        map
    }

    fn space(&mut self, pair: &[Object]) {
        if let [Some(low), Some(high)] = [pair[0].string(), pair[1].string()]
            && (1..=4).contains(&low.len())
            && self.spaces.len() < SPACES
        {
            self.spaces.push((low.len(), value(low), value(high)));
        }
    }

    fn text(&mut self, low: &Object, high: &Object, to: &Object) {
        let (Some(low), Some(high)) = (low.string().map(value), high.string().map(value)) else { return };
        match to {
            Object::String(text) => self.add(low, high, Target::Text(utf16(text))),
            Object::Array(texts) => {
                for (code, text) in (low..=high).zip(texts) {
                    self.add(code, code, Target::Text(utf16(text.string().unwrap_or_default())));
                }
            }
            _ => {}
        }
    }

    fn cid(&mut self, low: &Object, high: &Object, to: &Object) {
        let code = |object: &Object| object.string().map(value);
        if let (Some(low), Some(high), Some(cid)) = (code(low), code(high), to.count().and_then(|cid| u32::try_from(cid).ok())) {
            self.add(low, high, Target::Cid(cid));
        }
    }

    fn add(&mut self, low: u32, high: u32, to: Target) {
        if self.ranges.len() < MOST && low <= high {
            self.ranges.push(Range { low, high, to });
        }
    }

    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// How many octets the code at the beginning of `octets` has; `None` where the map does not say.
    pub fn code_length(&self, octets: &[u8]) -> Option<usize> {
        (1..=4.min(octets.len())).find(|length| {
            let code = value(&octets[..*length]);
            self.spaces.iter().any(|(own, low, high)| own == length && within(code, *low, *high, *length))
        })
    }

    /// The characters of a code.
    pub fn characters(&self, code: u32) -> Option<String> {
        let range = self.range(code)?;
        let Target::Text(first) = &range.to else { return None };
        let mut units = first.to_vec();
        let last = units.last_mut()?;
        let further = code - range.low;
        *last = last.wrapping_add(u16::try_from(further & 0xffff).unwrap_or(0));
        // Writers that map what they do not know to NUL mean nothing by it.
        Some(String::from_utf16_lossy(&units)).filter(|text| text != "\0")
    }

    pub fn cid_of(&self, code: u32) -> Option<u32> {
        let range = self.range(code)?;
        if let Target::Cid(first) = range.to { Some(first.saturating_add(code - range.low)) } else { None }
    }

    /// Ranges that overlap are rare: a few are looked at.
    fn range(&self, code: u32) -> Option<&Range> {
        const REACH: usize = 8;
        let behind = self.ranges.partition_point(|range| range.low <= code);
        let near = &self.ranges[behind.saturating_sub(REACH)..behind];
        let nearest = near.last()?.low;
        // Of those that begin at the same code, the first is the one that was written last.
        let first = near.iter().find(|range| range.low == nearest && range.high >= code);
        first.or_else(|| near.iter().rev().find(|range| range.high >= code))
    }
}

/// Each octet is within its own bounds (Technical Note 5014, section 7.2).
fn within(code: u32, low: u32, high: u32, length: usize) -> bool {
    (0..length).all(|place| {
        let octet = |value: u32| value >> (8 * place) & 0xff;
        (octet(low)..=octet(high)).contains(&octet(code))
    })
}

pub fn value(octets: &[u8]) -> u32 {
    octets.iter().fold(0, |value, octet| value << 8 | u32::from(*octet))
}

fn utf16(octets: &[u8]) -> Box<[u16]> {
    match &octets[..octets.len().min(LONGEST)] {
        // A single octet has been seen where two are due.
        [octet] => [u16::from(*octet)].into(),
        octets => octets.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_mapped_one_by_one_and_in_ranges() {
        let map = CMap::parse(
            b"1 begincodespacerange <00> <80> <8140> <9FFC> endcodespacerange\n\
              2 beginbfchar <01> <00660069> <02> <D83DDE00> endbfchar\n\
              2 beginbfrange <10> <12> <0041> <20> <21> [<0061> <0062>] endbfrange\n\
              1 begincidrange <8140> <817e> 633 endcidrange /WMode 1 def",
        );
        let text = |code| map.characters(code);
        assert_eq!(text(1).as_deref(), Some("fi"));
        assert_eq!(text(2).as_deref(), Some("\u{1f600}"));
        assert_eq!(text(0x12).as_deref(), Some("C"));
        assert_eq!(text(0x21).as_deref(), Some("b"));
        assert_eq!(text(0x13), None);
        assert_eq!((map.code_length(b"\x41"), map.code_length(b"\x81\x40"), map.code_length(b"\xff")), (Some(1), Some(2), None));
        assert_eq!((map.cid_of(0x8142), map.is_vertical), (Some(635), true));
    }
}
