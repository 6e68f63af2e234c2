//! Files that stand in the page itself (RFC 2397).

use std::borrow::Cow;

use crate::scan::parse::base64;

const SCHEME: &str = "data:";

/// Adds the file that an attribute holds, if it holds one.
pub fn whole(value: &str, files: &mut Vec<Vec<u8>>) {
    let value = value.trim_ascii();
    if begins(value) {
        files.extend(decode(&value[SCHEME.len()..]));
    }
}

/// Adds the files that a style sheet holds: in `url(..)`, `image-set(..)`, `@import` or wherever else one may stand.
pub fn in_style(style: &str, files: &mut Vec<Vec<u8>>) {
    let style = unescaped(style);
    let mut from = 0;
    for (at, _) in style.match_indices(':').filter_map(|(colon, _)| Some((colon.checked_sub(SCHEME.len() - 1)?, colon))) {
        // What stands in the file that was just read is no other.
        if at < from || !style.get(at..).is_some_and(begins) {
            continue;
        }
        let quote = style[..at].trim_ascii_end().chars().next_back().filter(|before| matches!(before, '"' | '\''));
        let uri = &style[at..];
        let end = match quote {
            Some(quote) => uri.find(quote),
            None => uri.find([')', '"', '\'', ';']).map(|end| if is_parameter(&uri[..end], uri) { behind_parameters(uri) } else { end }),
        };
        let uri = &uri[..end.unwrap_or(uri.len())];
        from = at + uri.len();
        whole(uri, files);
    }
}

/// Whether what ends there, at a semicolon before the comma, are parameters of the file: `data:image/png;base64,`.
fn is_parameter(head: &str, uri: &str) -> bool {
    !head.contains(',') && uri[head.len()..].starts_with(';')
}

/// The end of a file that stands without quotes, from its comma on.
fn behind_parameters(uri: &str) -> usize {
    let comma = uri.find([',', ')']).unwrap_or(uri.len());
    uri[comma..].find([')', '"', '\'', ';']).map_or(uri.len(), |end| comma + end)
}

fn begins(text: &str) -> bool {
    text.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
}

/// Source: CSS Syntax Module Level 3, 4.3.7.
fn unescaped(style: &str) -> Cow<'_, str> {
    if !style.contains('\\') {
        return Cow::Borrowed(style);
    }
    let mut out = String::with_capacity(style.len());
    let mut rest = style;
    while let Some((before, escaped)) = rest.split_once('\\') {
        out.push_str(before);
        let digits = escaped.bytes().take(6).take_while(u8::is_ascii_hexdigit).count();
        let code = u32::from_str_radix(&escaped[..digits], 16).ok().and_then(char::from_u32);
        rest = match code {
            Some(character) => {
                out.push(character);
                let behind = &escaped[digits..];
                behind.strip_prefix(|c: char| c.is_ascii_whitespace()).unwrap_or(behind)
            }
            // A line that goes on.
            None if escaped.starts_with('\n') => &escaped[1..],
            None => {
                let mut characters = escaped.chars();
                out.extend(characters.next());
                characters.as_str()
            }
        };
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn decode(uri: &str) -> Option<Vec<u8>> {
    let (kind, data) = uri.split_once(',')?;
    let is_base64 = kind.trim_ascii_end().rsplit(';').next().is_some_and(|last| last.trim_ascii().eq_ignore_ascii_case("base64"));
    let octets = unescape(data);
    Some(if is_base64 { base64(&octets).into_owned() } else { octets })
}

/// Undoes `%65`; what is no escape stays.
fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, behind @ ..] = rest {
        let escaped = (*first == b'%').then(|| behind.get(..2).and_then(|pair| hex::decode(pair).ok())).flatten();
        rest = if escaped.is_some() { &behind[2..] } else { behind };
        out.push(escaped.map_or(*first, |octets| octets[0]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(style: &str) -> Vec<String> {
        let mut files = Vec::new();
        in_style(style, &mut files);
        files.into_iter().map(|file| String::from_utf8(file).unwrap()).collect()
    }

    #[test]
    fn a_file_of_a_style_is_found_however_it_is_written() {
        for style in [
            "a{background:url(data:image/png;base64,aGVyb24=)}",
            "a{background:URL( 'data:image/png;base64,aGVyb24=' )}",
            "background:url(data:;charset=x;base64,aGVyb24=);color:red",
            "background:url(\"DATA:,heron\")",
            "background:\\75rl(d\\61 ta:,her\\6fn)",
            "background:image-set('data:,heron' 1x)",
            "@import \"data:,heron\";",
            "@import 'data:text/css;base64,aGVyb24=';",
            "background:url(data:image/png;base64,aGVy\\\nb24=)",
        ] {
            assert_eq!(files(style), ["heron"], "{style}");
        }
        assert_eq!(files("a{b:url(\"data:,a(b)c\")} d{e:url(data:,wren)}"), ["a(b)c", "wren"]);
        assert_eq!(files("a{b:url('data:,x url(data:,y)')}"), ["x url(data:,y)"], "what stands in a file is read with it");
        for none in ["a{b:c}", "data", ":", "a:data:", "url(data:)", "\\"] {
            assert!(files(none).is_empty(), "{none}");
        }
    }
}
