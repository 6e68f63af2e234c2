//! Which Latin letter a sign stands for, when somebody writes around a filter.
//!
//! A *code* is what one sign may be read as: a small letter, or one of the two digits that stand for either
//! of two letters.

use std::sync::{LazyLock, OnceLock};

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

const PAGE: usize = 256;
const PAGES: usize = 0x11_0000 / PAGE;

/// What a character beyond ASCII is to the reader of a disguised word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Guise {
    /// Looks like the letter of this code.
    Letter(u8),
    /// A letter of its own, like no Latin one.
    Foreign,
    /// A stroke or an accent upon the letter before.
    Mark,
    /// Anything else: a symbol, a foreign digit.
    Sign,
}

/// Signs and the letters they look like, in the order of the signs. Source: see the head of the file.
static LOOKALIKES: LazyLock<Vec<(char, u8)>> = LazyLock::new(|| {
    let lines = include_str!("lookalikes.txt").lines().filter(|line| !line.starts_with('#'));
    let mut signs: Vec<_> = lines
        .filter_map(|line| line.split_once(' '))
        .flat_map(|(letter, signs)| signs.chars().map(|sign| (sign, letter.as_bytes()[0])))
        .collect();
    signs.sort_unstable();
    signs
});

/// Reads a character beyond ASCII.
pub fn guise(character: char) -> Guise {
    static TABLE: [OnceLock<Box<[Guise; PAGE]>>; PAGES] = [const { OnceLock::new() }; PAGES];
    let point = character as usize;
    let page = TABLE[point / PAGE].get_or_init(|| {
        let mut page = Box::new([Guise::Sign; PAGE]);
        for (low, guise) in page.iter_mut().enumerate() {
            let character = u32::try_from(point / PAGE * PAGE + low).ok().and_then(char::from_u32);
            *guise = character.map_or(Guise::Sign, look_up);
        }
        page
    });
    page[point % PAGE]
}

fn look_up(character: char) -> Guise {
    if is_combining_mark(character) {
        return Guise::Mark;
    }
    let mut bare = character.nfkd().filter(|c| !is_combining_mark(*c));
    if let (Some(letter), None) = (bare.next(), bare.next())
        && letter.is_ascii_alphabetic()
    {
        return Guise::Letter(letter.to_ascii_lowercase() as u8);
    }
    // The folded view has small letters, of which some look like others than the capitals.
    let capital = character.to_uppercase().next().unwrap_or(character);
    let alike = [character, capital].iter().find_map(|sign| LOOKALIKES.binary_search_by_key(sign, |(sign, _)| *sign).ok());
    match alike.map(|place| LOOKALIKES[place].1).or_else(|| turned(character)) {
        // A stroke is as much the one as the other.
        Some(b'i' | b'l') => Guise::Letter(b'1'),
        Some(letter) => Guise::Letter(letter),
        None if character.is_alphabetic() => Guise::Foreign,
        None => Guise::Sign,
    }
}

/// The code of a digit or a sign of ASCII that is written for a letter.
pub fn leet(octet: u8) -> Option<u8> {
    let code = match octet {
        b'0' => b'o',
        b'1' | b'!' | b'|' => b'1',
        b'2' => b'z',
        b'3' => b'e',
        b'4' | b'@' => b'a',
        b'5' | b'$' => b's',
        b'6' => b'6',
        b'7' | b'+' => b't',
        b'8' => b'b',
        b'9' => b'g',
        _ => return None,
    };
    Some(code)
}

/// What a letter is upside down; such words are written backwards.
pub fn turned(character: char) -> Option<u8> {
    let letter = match character {
        '\u{250}' => 'a',
        'q' => 'b',
        '\u{254}' => 'c',
        'p' => 'd',
        '\u{1dd}' | '\u{258}' => 'e',
        '\u{25f}' => 'f',
        '\u{183}' | '\u{253}' | '\u{1d77}' => 'g',
        '\u{265}' => 'h',
        '\u{131}' | '\u{1d09}' | 'i' => 'i',
        '\u{27e}' | '\u{fe1}' | '\u{17f}' => 'j',
        '\u{29e}' => 'k',
        'l' | '\u{5df}' | '\u{283}' | '\u{a781}' => 'l',
        '\u{26f}' => 'm',
        'u' => 'n',
        'o' | 's' | 'x' | 'z' => return Some(character as u8),
        'd' => 'p',
        'b' => 'q',
        '\u{279}' => 'r',
        '\u{287}' => 't',
        'n' => 'u',
        '\u{28c}' => 'v',
        '\u{28d}' => 'w',
        '\u{28e}' => 'y',
        _ => return None,
    };
    Some(letter as u8)
}

/// Whether a sign of this code may be read as the letter.
pub fn may_be(code: u8, letter: u8) -> bool {
    code == letter || (code == b'1' && matches!(letter, b'i' | b'l')) || (code == b'6' && matches!(letter, b'g' | b'b'))
}

/// One letter for all that may be mistaken for each other; the codes of a disguise and those of the word behind it have the same.
pub fn family(code: u8) -> u8 {
    match code {
        b'1' | b'i' => b'l',
        b'6' | b'b' => b'g',
        other => other,
    }
}

/// Whether codes spell a word: letter by letter, each as often as it should stand there, or far more often.
pub fn spells(codes: &[u8], word: &[u8]) -> bool {
    let mut rest = word;
    for run in codes.chunk_by(|one, other| one == other) {
        let meant = rest.iter().take(run.len()).take_while(|letter| may_be(run[0], **letter)).count();
        if meant == 0 || (meant < run.len() && run.len() < too_often(run[0])) {
            return false;
        }
        rest = &rest[meant..];
    }
    rest.is_empty()
}

/// From how many of a letter in a row on nobody has meant them all: two of these hardly ever stand together in English.
pub fn too_often(letter: u8) -> usize {
    if matches!(letter, b'a' | b'h' | b'i' | b'j' | b'k' | b'q' | b'u' | b'v' | b'w' | b'x' | b'y') { 2 } else { 3 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_stands_for_the_letter_that_it_looks_like() {
        for (signs, letters) in [
            ("\u{441}\u{435}\u{43e}\u{440}\u{445}", "ceopx"),
            ("\u{3b1}\u{3bf}\u{3c1}\u{3bd}", "aopv"),
            ("\u{1d00}\u{299}\u{29f}\u{28f}", "ab1y"),
            ("\u{1f170}\u{1f17f}\u{1f1f0}", "apk"),
            ("\u{ed}\u{142}\u{f8}\u{e7}", "i1oc"),
        ] {
            let read: String =
                signs.chars().filter_map(|c| if let Guise::Letter(letter) = guise(c) { Some(letter as char) } else { None }).collect();
            assert_eq!(read, letters);
        }
        assert_eq!(
            [guise('\u{301}'), guise('\u{336}'), guise('\u{6f22}'), guise('\u{1f602}')],
            [Guise::Mark, Guise::Mark, Guise::Foreign, Guise::Sign]
        );
    }

    #[test]
    fn codes_spell_a_word_with_letters_too_many_but_none_missing() {
        for (codes, word) in [
            ("k1ll", "kill"),
            ("k111", "kill"),
            ("kiiiiill", "kill"),
            ("kllll", "kll"),
            ("6ig", "big"),
            ("loooser", "looser"),
            ("kiill", "kill"),
        ] {
            assert!(spells(codes.as_bytes(), word.as_bytes()), "{codes} {word}");
        }
        for (codes, word) in
            [("kil", "kill"), ("looser", "loser"), ("rapping", "raping"), ("k1lls", "kill"), ("kill", "kills"), ("", "kill")]
        {
            assert!(!spells(codes.as_bytes(), word.as_bytes()), "{codes} {word}");
        }
    }
}
