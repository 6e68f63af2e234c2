//! Files that stand in the page itself (RFC 2397).

use crate::scan::parse::base64;

const SCHEME: &str = "data:";

/// Adds the file that an attribute holds, if it holds one.
pub fn whole(value: &str, files: &mut Vec<Vec<u8>>) {
    let value = value.trim_ascii();
    if value.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME)) {
        files.extend(decode(&value[SCHEME.len()..]));
    }
}

/// Adds the files that a style sheet holds in its `url(..)`.
pub fn in_style(style: &str, files: &mut Vec<Vec<u8>>) {
    for (at, _) in style.match_indices("url(") {
        let inside = style[at + 4..].split(')').next().unwrap_or_default();
        whole(inside.trim_ascii().trim_matches(['"', '\'']), files);
    }
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
