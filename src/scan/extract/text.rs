//! Plain text in any charset, and what hides in it: armoured and encoded messages.

use memchr::memmem;

use super::{Item, Reader};
use crate::finding::{Defect, Reason};
use crate::scan::parse::charset_text;

pub fn read(reader: &mut Reader<'_>, item: &Item<'_>) {
    if memmem::find(&item.octets, b"-----BEGIN PGP MESSAGE-----").is_some() {
        reader.extracts.incomplete(&item.part, Reason::EncryptedMessage);
    }
    if holds_encoded_file(&item.octets) {
        reader.extracts.incomplete(&item.part, Reason::Unsupported);
    }
    let (text, damaged) = charset_text(&item.octets, item.charset);
    if damaged {
        reader.extracts.defects.push(Defect::DamagedEncoding);
    }
    reader.extracts.text(item.location(item.text_field()), text);
}

/// A file in uuencode (POSIX) or yEnc, which some readers take out of the text: a line `begin 644 name`
/// before a full line of data, or `=ybegin `.
fn holds_encoded_file(octets: &[u8]) -> bool {
    let uuencoded = memmem::find_iter(octets, b"begin ").any(|at| {
        let starts_line = at == 0 || octets[at - 1] == b'\n';
        let mut lines = octets[at + 6..].splitn(3, |&octet| octet == b'\n');
        let mode = lines.next().and_then(|line| line.split(|&octet| octet == b' ').next()).unwrap_or_default();
        let data = lines.next().unwrap_or_default().trim_ascii_end();
        let length = data.first().map_or(0, |&first| usize::from(first.wrapping_sub(b' ') & 63));
        let is_data = length > 0 && data.len() > length.div_ceil(3) * 4 && data.iter().all(|octet| (b' '..=b'`').contains(octet));
        starts_line && matches!(mode.len(), 3 | 4) && mode.iter().all(|octet| (b'0'..=b'7').contains(octet)) && is_data
    });
    uuencoded || memmem::find(octets, b"=ybegin ").is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoded_file_is_told_from_a_sentence() {
        assert!(holds_encoded_file(b"see below\nbegin 644 notes.txt\n#0V%T\n`\nend\n"));
        assert!(holds_encoded_file(b"=ybegin line=128 size=3 name=a\n"));
        assert!(!holds_encoded_file(b"we\nbegin 900 metres from the gate\nand walk\n"));
        assert!(!holds_encoded_file(b"we begin 644 things"));
    }
}
