//! The objects of PDF and the syntax that they are written in (ISO 32000-1, 7.2 and 7.3). It never fails: what
//! cannot be read is passed over.

use crate::scan::extract::ole::from_hex;

/// Arrays and dictionaries inside one another.
const DEPTH: u32 = 48;
/// Objects that one reading makes at most: each takes far more memory than the octet or two it is written in.
const MOST_OBJECTS: usize = 1_000_000;

/// Number and generation of an indirect object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Id {
    pub number: u32,
    pub generation: u16,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    Null,
    Bool(bool),
    Number(f64),
    String(Box<[u8]>),
    Name(Box<[u8]>),
    Array(Vec<Object>),
    Dictionary(Dictionary),
    Stream(Stream),
    Reference(Id),
}

impl Object {
    pub fn number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    /// A whole number that is not negative.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within the bounds by then")]
    pub fn count(&self) -> Option<usize> {
        self.number().filter(|number| (0.0..=4e9).contains(number)).map(|number| number as usize)
    }

    pub fn name(&self) -> Option<&[u8]> {
        if let Self::Name(name) = self { Some(name) } else { None }
    }

    pub fn string(&self) -> Option<&[u8]> {
        if let Self::String(string) = self { Some(string) } else { None }
    }

    pub fn array(&self) -> Option<&[Self]> {
        if let Self::Array(array) = self { Some(array) } else { None }
    }

    /// Of a stream its dictionary.
    pub fn dictionary(&self) -> Option<&Dictionary> {
        match self {
            Self::Dictionary(dictionary) => Some(dictionary),
            Self::Stream(stream) => Some(&stream.dictionary),
            _ => None,
        }
    }

    pub fn stream(&self) -> Option<&Stream> {
        if let Self::Stream(stream) = self { Some(stream) } else { None }
    }
}

/// In the order of the keys; of two equal ones the first counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dictionary(Vec<(Box<[u8]>, Object)>);

impl Dictionary {
    pub fn of(key: &[u8], value: Object) -> Self {
        Self(vec![(key.into(), value)])
    }

    pub fn get(&self, key: &[u8]) -> Option<&Object> {
        let place = self.0.partition_point(|(own, _)| **own < *key);
        self.0.get(place).filter(|(own, _)| **own == *key).map(|(_, value)| value)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Object)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }

    pub fn push(&mut self, key: Box<[u8]>, value: Object) {
        let place = self.0.partition_point(|(own, _)| *own <= key);
        self.0.insert(place, (key, value));
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Object> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    pub fn is(&self, key: &[u8], name: &[u8]) -> bool {
        self.get(key).and_then(Object::name) == Some(name)
    }
}

/// A dictionary, and where in the file the octets behind it lie.
#[derive(Clone, Debug, PartialEq)]
pub struct Stream {
    pub id: Id,
    pub dictionary: Dictionary,
    pub start: usize,
    pub end: usize,
}

/// What stands next.
pub enum Lexeme<'b> {
    Object(Object),
    /// An operator of a content stream, or a word such as `obj`.
    Word(&'b [u8]),
    ArrayEnd,
    DictionaryEnd,
    End,
}

pub struct Lexer<'b> {
    octets: &'b [u8],
    pub at: usize,
    depth: u32,
    left: usize,
}

impl<'b> Lexer<'b> {
    pub fn new(octets: &'b [u8], at: usize) -> Self {
        Self { octets, at: at.min(octets.len()), depth: 0, left: MOST_OBJECTS }
    }

    /// Objects that were read since it began or was refilled.
    pub fn count(&self) -> usize {
        MOST_OBJECTS - self.left
    }

    /// Whether it stopped for the number of objects.
    pub fn is_exhausted(&self) -> bool {
        self.left == 0
    }

    /// For content streams, which hold no more than a few operands at a time.
    pub fn refill(&mut self) {
        self.left = MOST_OBJECTS;
    }

    /// The next object; `None` at the end, and where something else stands.
    pub fn object(&mut self) -> Option<Object> {
        if let Lexeme::Object(object) = self.next() { Some(object) } else { None }
    }

    /// `12 0 obj` stands here: its number, and what follows is the object.
    pub fn object_start(&mut self) -> Option<Id> {
        let (number, generation) = (self.digits()?, self.digits()?);
        self.skip_space();
        let starts = self.octets[self.at..].starts_with(b"obj");
        self.at = (self.at + 3).min(self.octets.len());
        starts.then_some(Id { number: u32::try_from(number).ok()?, generation: u16::try_from(generation).unwrap_or(0) })
    }

    pub fn next(&mut self) -> Lexeme<'b> {
        loop {
            self.skip_space();
            let Some(&octet) = self.octets.get(self.at) else { return Lexeme::End };
            if self.left == 0 {
                return Lexeme::End;
            }
            self.left -= 1;
            self.at += 1;
            let object = match octet {
                b'/' => Object::Name(self.name()),
                b'(' => Object::String(self.literal()),
                b'<' if self.peek() == Some(b'<') => {
                    self.at += 1;
                    match self.nested(Self::dictionary) {
                        Some(dictionary) => Object::Dictionary(dictionary),
                        None => return Lexeme::End,
                    }
                }
                b'<' => Object::String(self.hexadecimal()),
                b'[' => match self.nested(Self::array) {
                    Some(array) => Object::Array(array),
                    None => return Lexeme::End,
                },
                b']' => return Lexeme::ArrayEnd,
                b'>' if self.peek() == Some(b'>') => {
                    self.at += 1;
                    return Lexeme::DictionaryEnd;
                }
                b'0'..=b'9' | b'+' | b'-' | b'.' => self.numeric(octet),
                b')' | b'>' | b'{' | b'}' => continue,
                _ => match self.word() {
                    b"true" => Object::Bool(true),
                    b"false" => Object::Bool(false),
                    b"null" => Object::Null,
                    word => return Lexeme::Word(word),
                },
            };
            return Lexeme::Object(object);
        }
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.depth == DEPTH {
            self.at = self.octets.len();
            self.left = 0;
            return None;
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        Some(read)
    }

    fn array(&mut self) -> Vec<Object> {
        let mut array = Vec::new();
        loop {
            match self.next() {
                Lexeme::Object(object) => array.push(object),
                Lexeme::Word(b"endobj" | b"stream") | Lexeme::ArrayEnd | Lexeme::End => return array,
                Lexeme::Word(_) | Lexeme::DictionaryEnd => {}
            }
        }
    }

    fn dictionary(&mut self) -> Dictionary {
        let mut entries = Vec::new();
        loop {
            match self.next() {
                Lexeme::Object(Object::Name(key)) => {
                    let before = self.at;
                    match self.next() {
                        Lexeme::Object(value) => entries.push((key, value)),
                        Lexeme::DictionaryEnd | Lexeme::End => break,
                        Lexeme::Word(b"endobj" | b"stream") => {
                            self.at = before;
                            break;
                        }
                        Lexeme::Word(_) | Lexeme::ArrayEnd => {}
                    }
                }
                Lexeme::DictionaryEnd | Lexeme::End => break,
                Lexeme::Word(word @ (b"endobj" | b"stream")) => {
                    self.at -= word.len();
                    break;
                }
                Lexeme::Object(_) | Lexeme::Word(_) | Lexeme::ArrayEnd => {}
            }
        }
        entries.sort_by(|(one, _), (other, _)| one.cmp(other));
        Dictionary(entries)
    }

    fn peek(&self) -> Option<u8> {
        self.octets.get(self.at).copied()
    }

    pub fn skip_space(&mut self) {
        while let Some(octet) = self.peek() {
            match octet {
                b'%' => {
                    let rest = &self.octets[self.at..];
                    self.at += memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
                }
                _ if is_space(octet) => self.at += 1,
                _ => return,
            }
        }
    }

    /// A number, or a reference: `12 0 R`.
    fn numeric(&mut self, first: u8) -> Object {
        let start = self.at - 1;
        while self.peek().is_some_and(|octet| matches!(octet, b'0'..=b'9' | b'.' | b'-' | b'+')) {
            self.at += 1;
        }
        let written = &self.octets[start..self.at];
        if first.is_ascii_digit() && written.len() <= 10 && written.iter().all(u8::is_ascii_digit) {
            let behind = self.at;
            if let Some(id) = self.reference(written) {
                return Object::Reference(id);
            }
            self.at = behind;
        }
        Object::Number(number(written))
    }

    fn reference(&mut self, number: &[u8]) -> Option<Id> {
        if !self.peek().is_some_and(is_space) {
            return None;
        }
        let generation = self.digits()?;
        self.skip_space();
        let is_reference = self.peek() == Some(b'R') && self.octets.get(self.at + 1).is_none_or(|octet| !is_regular(*octet));
        let number = str::from_utf8(number).ok()?.parse().ok()?;
        let id = is_reference.then_some(Id { number, generation: u16::try_from(generation).ok()? })?;
        self.at += 1;
        Some(id)
    }

    /// Not signed.
    pub fn digits(&mut self) -> Option<u64> {
        self.skip_space();
        let start = self.at;
        while self.at - start < 12 && self.peek().is_some_and(|octet| octet.is_ascii_digit()) {
            self.at += 1;
        }
        str::from_utf8(&self.octets[start..self.at]).ok()?.parse().ok()
    }

    fn word(&mut self) -> &'b [u8] {
        let start = self.at - 1;
        while self.peek().is_some_and(is_regular) {
            self.at += 1;
        }
        &self.octets[start..self.at]
    }

    fn name(&mut self) -> Box<[u8]> {
        let mut name = Vec::new();
        while let Some(octet) = self.peek().filter(|octet| is_regular(*octet)) {
            self.at += 1;
            let escaped = (octet == b'#').then(|| self.octets.get(self.at..self.at + 2)).flatten().and_then(hex_octet);
            self.at += if escaped.is_some() { 2 } else { 0 };
            name.push(escaped.unwrap_or(octet));
        }
        name.into()
    }

    fn literal(&mut self) -> Box<[u8]> {
        let mut string = Vec::new();
        let mut open = 1;
        while let Some(octet) = self.peek() {
            self.at += 1;
            match octet {
                b'(' => open += 1,
                b')' => {
                    open -= 1;
                    if open == 0 {
                        break;
                    }
                }
                b'\\' => {
                    if let Some(octet) = self.escape() {
                        string.push(octet);
                    }
                    continue;
                }
                _ => {}
            }
            string.push(octet);
        }
        string.into()
    }

    /// What stands behind a backslash; `None` where a line goes on.
    fn escape(&mut self) -> Option<u8> {
        let octet = self.peek()?;
        self.at += 1;
        Some(match octet {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'b' => 8,
            b'f' => 12,
            b'\n' => return None,
            b'\r' => {
                self.at += usize::from(self.peek() == Some(b'\n'));
                return None;
            }
            b'0'..=b'7' => {
                let mut value = u32::from(octet - b'0');
                for _ in 0..2 {
                    let Some(digit) = self.peek().filter(|octet| matches!(octet, b'0'..=b'7')) else { break };
                    value = value * 8 + u32::from(digit - b'0');
                    self.at += 1;
                }
                value.to_le_bytes()[0]
            }
            other => other,
        })
    }

    fn hexadecimal(&mut self) -> Box<[u8]> {
        let rest = &self.octets[self.at..];
        let end = memchr::memchr(b'>', rest).unwrap_or(rest.len());
        self.at = (self.at + end + 1).min(self.octets.len());
        from_hex(&rest[..end]).into()
    }
}

fn hex_octet(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
}

/// As far as it is one: `--5` and `1.2.3` have been seen.
#[allow(clippy::cast_precision_loss, reason = "what is measured in points needs no more")]
fn number(written: &[u8]) -> f64 {
    let negative = written.first() == Some(&b'-');
    let (mut value, mut scale) = (0_u64, None);
    for octet in written.iter().skip_while(|octet| matches!(octet, b'-' | b'+')) {
        match octet {
            b'0'..=b'9' if value < 1 << 53 => {
                value = value * 10 + u64::from(octet - b'0');
                scale = scale.map(|scale| scale * 10.0);
            }
            b'0'..=b'9' => {}
            b'.' if scale.is_none() => scale = Some(1.0),
            _ => break,
        }
    }
    let size = value as f64 / scale.unwrap_or(1.0);
    if negative { -size } else { size }
}

pub fn is_space(octet: u8) -> bool {
    matches!(octet, 0 | b'\t' | b'\n' | 12 | b'\r' | b' ')
}

/// Neither white space nor a delimiter.
fn is_regular(octet: u8) -> bool {
    !is_space(octet) && !matches!(octet, b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Object> {
        Lexer::new(text.as_bytes(), 0).object()
    }

    #[test]
    fn every_kind_of_object_is_read() {
        assert_eq!(read("(a\\(b\\051(c)\\\r\nd\\101\\n)"), Some(Object::String(b"a(b)(c)dA\n"[..].into())));
        assert_eq!(read("<48 65 6C6c 6F7>"), Some(Object::String(b"Hellop"[..].into())));
        assert_eq!(read("/A#20B#"), Some(Object::Name(b"A B#"[..].into())));
        assert_eq!(read("% a remark\n-12.50"), Some(Object::Number(-12.5)));
        assert_eq!(read("12 0 R"), Some(Object::Reference(Id { number: 12, generation: 0 })));
        assert_eq!(read("[1 2 3 0 R]").unwrap().array().unwrap().len(), 3);
        let dictionary = read("<< /A << /B [ null true ] >> /C /D >>").unwrap();
        assert!(dictionary.dictionary().unwrap().is(b"C", b"D"));
    }

    #[test]
    fn nesting_and_numbers_of_objects_are_bounded() {
        assert!(read(&"[".repeat(100_000)).is_some_and(|object| object.array().is_some()));
        assert!(read(&"<</A".repeat(100_000)).is_some());
        let flood = format!("[{}", "1 ".repeat(MOST_OBJECTS + 10));
        let mut lexer = Lexer::new(flood.as_bytes(), 0);
        assert!(lexer.object().unwrap().array().unwrap().len() < MOST_OBJECTS);
        assert!(lexer.is_exhausted());
    }
}
