//! Invitations and contact cards: lines are unfolded, values unescaped, and photographs are files.
//!
//! Source: RFC 5545, RFC 6350; vCard 2.1 for quoted-printable.

use std::borrow::Cow;

use memchr::memchr;

use super::members::{self, Member};
use super::{Item, Reader};
use crate::finding::Defect;
use crate::scan::parse::{base64, charset_text, quoted_printable};

pub fn read(reader: &mut Reader<'_>, item: &Item<'_>) {
    let (text, damaged) = charset_text(&item.octets, item.declared.charset);
    if damaged {
        reader.extracts.defects.push(Defect::DamagedEncoding);
    }
    let mut words = String::new();
    let mut files = Vec::new();
    for line in lines(&text) {
        match value(&line) {
            Value::Words(value) => {
                words.push_str(&value);
                words.push('\n');
            }
            Value::File(octets) => files.push(octets),
        }
    }
    reader.extracts.text(item.location(item.text_field()), Cow::Owned(words));
    members::held(reader, item, files.into_iter().map(|octets| Member::file(None, octets, None)));
}

/// A line that begins with white space goes on with the one before. In quoted-printable a `=` at the end does the same.
fn lines(text: &str) -> Vec<Cow<'_, str>> {
    let mut lines: Vec<Cow<'_, str>> = Vec::new();
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let continued = lines.last().is_some_and(|last| last.ends_with('=') && is_quoted_printable(last));
        match (lines.last_mut(), line.strip_prefix([' ', '\t'])) {
            (Some(last), Some(more)) if !continued => last.to_mut().push_str(more),
            (Some(last), _) if continued => {
                let last = last.to_mut();
                last.pop();
                last.push_str(line);
            }
            _ => lines.push(Cow::Borrowed(line)),
        }
    }
    lines
}

enum Value {
    Words(String),
    File(Vec<u8>),
}

/// Up to the colon that ends the parameters, and what stands behind it; colons in quotes do not.
fn split(line: &str) -> (&str, &str) {
    let mut quoted = false;
    let colon = line.bytes().position(|octet| {
        quoted ^= octet == b'"';
        octet == b':' && !quoted
    });
    colon.map_or(("", line), |colon| (&line[..colon], &line[colon + 1..]))
}

fn parameters(head: &str) -> impl Iterator<Item = &str> {
    head.split(';').skip(1)
}

fn has(head: &str, wanted: &[&str]) -> bool {
    parameters(head).any(|parameter| wanted.iter().any(|wanted| parameter.eq_ignore_ascii_case(wanted)))
}

fn is_quoted_printable(line: &str) -> bool {
    has(split(line).0, &["ENCODING=QUOTED-PRINTABLE", "QUOTED-PRINTABLE"])
}

fn value(line: &str) -> Value {
    let (head, value) = split(line);
    let data = value.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")).then(|| value.split_once(";base64,")).flatten();
    if let Some((_, data)) = data {
        return Value::File(base64(data.as_bytes()).into_owned());
    }
    if has(head, &["ENCODING=BASE64", "ENCODING=B", "BASE64"]) {
        return Value::File(base64(value.as_bytes()).into_owned());
    }
    if is_quoted_printable(line) {
        let charset = parameters(head).find_map(|parameter| parameter.strip_prefix("CHARSET="));
        return Value::Words(unescaped(&charset_text(&quoted_printable(value.as_bytes()), charset).0));
    }
    Value::Words(unescaped(value))
}

/// `\n`, `\,` and the like; fields of one value stand apart.
fn unescaped(value: &str) -> String {
    if memchr(b'\\', value.as_bytes()).is_none() {
        return value.replace(';', " ");
    }
    let mut out = String::with_capacity(value.len());
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => out.extend(characters.next().map(|escaped| if matches!(escaped, 'n' | 'N') { '\n' } else { escaped })),
            ';' => out.push(' '),
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let value = |line: Cow<'_, str>| match value(&line) {
            Value::Words(words) => words,
            Value::File(octets) => format!("file of {} octets", octets.len()),
        };
        lines(text).into_iter().map(value).collect()
    }

    #[test]
    fn a_folded_word_is_one_word() {
        assert_eq!(words("DESCRIPTION;X=\"a:b\":am\r\n ber\\nheron\\, wren\r\nSUMMARY:robin"), ["amber\nheron, wren", "robin"]);
        assert_eq!(words("NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET=UTF-8:caf=C3=\r\n=A9 heron"), ["caf\u{e9} heron"]);
        assert_eq!(words("N:Heron;Amber;;;"), ["Heron Amber   "]);
    }

    #[test]
    fn a_photograph_is_a_file() {
        assert_eq!(words("PHOTO;ENCODING=b;TYPE=JPEG:YW1i\r\n ZXI="), ["file of 5 octets"]);
        assert_eq!(words("PHOTO;JPEG;BASE64:YW1iZXI="), ["file of 5 octets"]);
        assert_eq!(words("PHOTO:data:image/jpeg;base64,YW1iZXI="), ["file of 5 octets"]);
    }
}
