//! Names of folders as they travel: modified UTF-7.
//!
//! Source: RFC 3501, 5.1.3.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

pub(super) fn encode(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    let mut shifted = Vec::new();
    for c in name.chars() {
        if c == ' ' || c.is_ascii_graphic() {
            shift_back(&mut encoded, &mut shifted);
            encoded.push(c);
            if c == '&' {
                encoded.push('-');
            }
        } else {
            shifted.extend(c.encode_utf16(&mut [0; 2]).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    shift_back(&mut encoded, &mut shifted);
    encoded
}

/// What a raw name means, if it is what [`encode`] makes of that: of two spellings only one may pass for a
/// name, or two folders could wear the same.
pub(super) fn decode(raw: &str) -> Option<String> {
    let mut name = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, shifted)) = rest.split_once('&') {
        name.push_str(plain);
        let (letters, after) = shifted.split_once('-')?;
        if letters.is_empty() {
            name.push('&');
        } else {
            name.push_str(&from_base64(letters)?);
        }
        rest = after;
    }
    name.push_str(rest);
    (encode(&name) == raw).then_some(name)
}

/// Writes what was gathered in UTF-16 as `&…-`.
fn shift_back(encoded: &mut String, shifted: &mut Vec<u8>) {
    if shifted.is_empty() {
        return;
    }
    encoded.push('&');
    for three in shifted.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, &octet| bits << 8 | u32::from(octet)) << (8 * (3 - three.len()));
        for letter in 0..=three.len() {
            encoded.push(char::from(ALPHABET[(bits >> (18 - 6 * letter) & 63) as usize]));
        }
    }
    encoded.push('-');
    shifted.clear();
}

fn from_base64(letters: &str) -> Option<String> {
    let (mut bits, mut held) = (0_u32, 0);
    let mut octets = Vec::with_capacity(letters.len());
    for letter in letters.bytes() {
        let value = ALPHABET.iter().position(|&one| one == letter)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            octets.push((bits >> held & 0xff) as u8);
        }
    }
    let units: Vec<u16> = octets.chunks_exact(2).map(|two| u16::from_be_bytes([two[0], two[1]])).collect();
    String::from_utf16(&units).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_travel_as_the_rfc_shows_them() {
        for (name, raw) in [
            ("INBOX", "INBOX"),
            ("Gel\u{f6}scht", "Gel&APY-scht"),
            ("Q&A", "Q&-A"),
            ("~peter/mail/\u{53f0}\u{5317}/\u{65e5}\u{672c}\u{8a9e}", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("\u{2764}\u{1f600}", "&J2TYPd4A-"),
            ("a\tb", "a&AAk-b"),
            ("", ""),
        ] {
            assert_eq!(encode(name), raw);
            assert_eq!(decode(raw).as_deref(), Some(name));
        }
    }

    #[test]
    fn a_name_that_is_written_oddly_is_no_encoded_name() {
        // Without an end, not base64, half a character, a letter that needed no shift, two shifts in a row, raw UTF-8.
        for raw in ["R&D", "&AP!-", "&2D0-", "&AGE-", "&APY-&APY-", "caf\u{e9}"] {
            assert_eq!(decode(raw), None, "{raw}");
        }
    }
}
