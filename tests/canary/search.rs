//! Finds a word whichever way somebody has written it down.

use std::collections::BTreeSet;

use aho_corasick::AhoCorasick;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// All words in all their forms, looked for at once. Letters count alike whether they are small or large.
pub struct Search {
    forms: AhoCorasick,
    /// Of which word each form is.
    words: Vec<usize>,
}

impl Search {
    pub fn new<'a>(words: impl Iterator<Item = &'a str>) -> Self {
        let mut forms = Vec::new();
        let mut of = Vec::new();
        for (number, word) in words.enumerate() {
            for form in forms_of(word) {
                forms.push(form);
                of.push(number);
            }
        }
        let forms = AhoCorasick::builder().ascii_case_insensitive(true).build(&forms).expect("forms that fit into memory");
        Self { forms, words: of }
    }

    /// The numbers of the words that these octets hold, as they stand or across the ends of their lines.
    pub fn found_in(&self, octets: &[u8]) -> BTreeSet<usize> {
        let joined = without_line_ends(octets);
        let found = self.forms.find_overlapping_iter(octets).chain(self.forms.find_overlapping_iter(&joined));
        found.map(|found| self.words[found.pattern().as_usize()]).collect()
    }
}

/// Plain and in UTF-16, and each of these as it is, in hex, percent, quoted-printable, and base64 at its three alignments.
fn forms_of(word: &str) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::new();
    // A form is found in small letters and large; but what an encoding made of a letter depends on the letter.
    for spelled in [word.to_owned(), word.to_uppercase()] {
        let wide: Vec<u8> = spelled.bytes().flat_map(|octet| [0, octet]).chain([0]).collect();
        for octets in [spelled.as_bytes(), &wide[..wide.len() - 1], &wide[1..]] {
            let each = |write: fn(&u8) -> String| octets.iter().map(write).collect::<String>().into_bytes();
            forms.insert(octets.to_vec());
            forms.insert(each(|octet| format!("{octet:02x}")));
            forms.insert(each(|octet| format!("%{octet:02x}")));
            forms.insert(each(|octet| format!("={octet:02x}")));
            for before in 0..3 {
                let letters = base64(octets, before);
                forms.insert(
                    letters
                        .iter()
                        .map(|letter| match letter {
                            b'+' => b'-',
                            b'/' => b'_',
                            other => *other,
                        })
                        .collect(),
                );
                forms.insert(letters);
            }
        }
        forms.insert(spelled.bytes().flat_map(|octet| format!("\\u{octet:04x}").into_bytes()).collect());
    }
    forms
}

/// The letters of base64 that are the word's alone, where `before` octets stand before it.
fn base64(word: &[u8], before: usize) -> Vec<u8> {
    let octets = [vec![0; before], word.to_vec()].concat();
    let bit = |at: usize| octets[at / 8] >> (7 - at % 8) & 1;
    let letters = (before * 8).div_ceil(6)..octets.len() * 8 / 6;
    letters.map(|letter| STANDARD[(0..6).fold(0, |bits, at| bits << 1 | usize::from(bit(letter * 6 + at)))]).collect()
}

/// Quoted-printable breaks its lines with `=`, base64 and folded headers with nothing or a blank.
fn without_line_ends(octets: &[u8]) -> Vec<u8> {
    let mut joined = Vec::with_capacity(octets.len());
    for line in octets.split(|octet| *octet == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        joined.extend_from_slice(line.strip_suffix(b"=").unwrap_or(line).trim_ascii_start());
    }
    joined
}

#[test]
fn a_word_is_found_whichever_way_it_is_written() {
    let search = Search::new(["heron7word", "otherword1"].into_iter());
    let written: [&[u8]; 11] = [
        b"..heron7word..",
        b"HERON7WORD",
        b"h\x00e\x00r\x00o\x00n\x007\x00w\x00o\x00r\x00d\x00",
        b"\x00h\x00e\x00r\x00o\x00n\x007\x00w\x00o\x00r\x00d",
        b"6865726F6E37776F7264",
        b"%68%65%72%6f%6e%37%77%6f%72%64",
        b"her=\r\non7word",
        // `heron7word` behind nothing, one and two octets.
        b"aGVyb243d29yZA==",
        b"eGhlcm9uN3dvcmQ=",
        b"eHhoZXJv\r\nbjd3b3Jk",
        b"SEVST043V09SRA==",
    ];
    for octets in written {
        assert_eq!(search.found_in(octets), BTreeSet::from([0]), "{}", octets.escape_ascii());
    }
    assert!(search.found_in(b"heron8word").is_empty());
}
