//! Files that stand in the middle of a text: uuencode (POSIX) and yEnc.

use memchr::memmem;

/// A file, and the lines of the text that it takes up.
#[derive(Debug, PartialEq, Eq)]
pub struct Encoded<'t> {
    pub name: &'t [u8],
    pub octets: Vec<u8>,
    /// It breaks off, or a line of it is none.
    pub is_damaged: bool,
    /// In octets of the text.
    pub span: std::ops::Range<usize>,
}

/// Whether there may be one: quick, and sure where it says no.
pub fn may_hold_file(text: &[u8]) -> bool {
    memmem::find_iter(text, b"begin ").any(|at| at == 0 || matches!(text[at - 1], b'\n' | b'y'))
}

/// The files of a text, in its order.
pub fn encoded_files(text: &[u8]) -> Vec<Encoded<'_>> {
    let mut files = Vec::new();
    let mut at = 0;
    while let Some(start) = next_start(text, at) {
        let file = uuencoded(text, start).or_else(|| yenc(text, start));
        at = file.as_ref().map_or(start + 1, |file| file.span.end);
        files.extend(file);
    }
    files
}

/// Where the next line begins that may open a file.
fn next_start(text: &[u8], at: usize) -> Option<usize> {
    let behind = text.get(at..)?;
    let places = memmem::find_iter(behind, b"begin").map(|found| at + found);
    let opens = |place: usize| match place.checked_sub(2).and_then(|start| text.get(start..place)) {
        Some(b"=y") => Some(place - 2),
        _ => Some(place),
    };
    places.filter_map(opens).find(|&place| place >= at && (place == 0 || text[place - 1] == b'\n'))
}

struct Lines<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Iterator for Lines<'t> {
    type Item = &'t [u8];

    fn next(&mut self) -> Option<&'t [u8]> {
        let rest = self.text.get(self.at..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        self.at += length;
        let line = &rest[..length];
        Some(line.strip_suffix(b"\n").map_or(line, |line| line.strip_suffix(b"\r").unwrap_or(line)))
    }
}

/// `begin 644 name`, lines of data, a line of none, `end`.
fn uuencoded(text: &[u8], start: usize) -> Option<Encoded<'_>> {
    let mut lines = Lines { text, at: start };
    let head = lines.next()?.strip_prefix(b"begin ")?;
    let (mode, name) = head.split_at_checked(head.iter().position(|octet| *octet == b' ')?)?;
    if !matches!(mode.len(), 3 | 4) || !mode.iter().all(|octet| (b'0'..=b'7').contains(octet)) {
        return None;
    }
    let mut octets = Vec::new();
    let mut is_damaged = true;
    let mut end = lines.at;
    while let Some(line) = lines.next() {
        let length = if line == b"end" { 0 } else { uu_line(line, &mut octets).unwrap_or(usize::MAX) };
        match length {
            0 => {
                is_damaged = false;
                end = lines.at;
                if line == b"end" {
                    break;
                }
            }
            // A sentence that begins so has no data behind it.
            usize::MAX if octets.is_empty() => return None,
            usize::MAX => break,
            _ => {
                is_damaged = true;
                end = lines.at;
            }
        }
    }
    (!octets.is_empty() || !is_damaged).then(|| Encoded { name: name.trim_ascii(), octets, is_damaged, span: start..end })
}

/// The data of one line, and how many octets it is; trailing spaces may have been lost on the way.
fn uu_line(line: &[u8], out: &mut Vec<u8>) -> Option<usize> {
    let value = |octet: &u8| (b' '..=b'`').contains(octet).then(|| octet.wrapping_sub(b' ') & 63);
    let (first, data) = line.split_first()?;
    let length = usize::from(value(first)?);
    let needed = length.div_ceil(3) * 4;
    // A checksum may stand behind the data.
    if data.len() > needed + 2 || data.len() + 4 < needed {
        return None;
    }
    let values = data.iter().map(value).collect::<Option<Vec<_>>>()?;
    let start = out.len();
    for four in values[..values.len().min(needed)].chunks(4) {
        let word = (0..4).fold(0_u32, |word, at| word << 6 | u32::from(four.get(at).copied().unwrap_or_default()));
        out.extend_from_slice(&word.to_be_bytes()[1..]);
    }
    out.truncate(start + length);
    Some(length)
}

/// `=ybegin … name=…`, maybe `=ypart`, lines of data, `=yend`.
fn yenc(text: &[u8], start: usize) -> Option<Encoded<'_>> {
    let mut lines = Lines { text, at: start };
    let head = lines.next()?.strip_prefix(b"=ybegin ")?;
    let name = memmem::find(head, b"name=").map_or(&[][..], |at| &head[at + 5..]);
    let mut octets = Vec::new();
    let mut is_damaged = memmem::find(head, b"part=").is_some();
    loop {
        let Some(line) = lines.next() else {
            is_damaged = true;
            break;
        };
        if line.starts_with(b"=yend") {
            break;
        }
        if line.starts_with(b"=ypart") {
            continue;
        }
        // A line that begins with a point was given a second one by the transport.
        let line = if line.starts_with(b"..") { &line[1..] } else { line };
        let mut escaped = false;
        for octet in line {
            match (escaped, *octet) {
                (false, b'=') => escaped = true,
                (was_escaped, octet) => {
                    octets.push(octet.wrapping_sub(42).wrapping_sub(if was_escaped { 64 } else { 0 }));
                    escaped = false;
                }
            }
        }
    }
    Some(Encoded { name: name.trim_ascii(), octets, is_damaged, span: start..lines.at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &[u8]) -> Vec<(Vec<u8>, Vec<u8>, bool)> {
        encoded_files(text).into_iter().map(|file| (file.name.to_vec(), file.octets, file.is_damaged)).collect()
    }

    fn file(name: &str, octets: &str, is_damaged: bool) -> (Vec<u8>, Vec<u8>, bool) {
        (name.as_bytes().to_vec(), octets.as_bytes().to_vec(), is_damaged)
    }

    #[test]
    fn an_encoded_file_is_told_from_a_sentence() {
        let text = b"see below\nbegin 644 notes one.txt\n#0V%T\n`\nend\nand this\nbegin 600 b\n#0V%T\n`\nend\n";
        assert_eq!(found(text), [file("notes one.txt", "Cat", false), file("b", "Cat", false)]);
        assert_eq!(&text[encoded_files(text)[0].span.clone()], b"begin 644 notes one.txt\n#0V%T\n`\nend\n");
        for text in
            ["we\nbegin 900 metres from the gate\nand walk\n", "we begin 644 things", "begin 644\n", "begin 644 the day\nwith a walk\n"]
        {
            assert_eq!(found(text.as_bytes()), [], "{text}");
        }
    }

    #[test]
    fn a_file_that_breaks_off_is_damaged_and_what_was_there_is_kept() {
        assert_eq!(found(b"begin 644 a\n#0V%T\n"), [file("a", "Cat", true)]);
        assert_eq!(found(b"begin 644 a\n#0V%T\nnot a line of data at all\n"), [file("a", "Cat", true)]);
        assert_eq!(found(b"begin 644 a\r\n\"0V$\r\n`\r\nend\r\n"), [file("a", "Ca", false)], "a length that is no multiple of three");
    }

    #[test]
    fn yenc_is_undone() {
        let mut body = b"=ybegin line=128 size=4 name=a b.bin\r\n".to_vec();
        body.extend([b'a' + 42, b'm' + 42, b'=', 0_u8.wrapping_add(42 + 64), b'b' + 42]);
        body.extend(b"\r\n=yend size=4\r\n");
        assert_eq!(found(&body), [file("a b.bin", "am\0b", false)]);
        assert_eq!(found(b"=ybegin part=1 line=128 size=9 name=a\n\x8b\n"), [file("a", "a", true)]);
    }

    #[test]
    fn many_beginnings_take_linear_time() {
        assert_eq!(found("begin 644 a\n".repeat(200_000).as_bytes()), []);
    }
}
