//! A stretch of text cut into what might be words or parts of words in disguise.

use std::ops::Range;

use super::letters::{Guise, guise, leet, turned};

/// Between two letters that belong together, in octets.
pub const WIDEST_GAP: usize = 8;
/// Of the parts that a word is cut into by marks between its letters.
pub const LONGEST_PART: usize = 2;

/// Letters, and signs that stand for some, without anything between them.
#[derive(Clone, Debug)]
#[allow(clippy::struct_excessive_bools, reason = "each is seen or not, whatever the others are")]
pub struct Piece {
    pub span: Range<usize>,
    /// Places in the reader's codes.
    pub codes: Range<usize>,
    /// Letters of ASCII.
    pub letters: usize,
    /// Look-alikes from beyond ASCII.
    pub guises: usize,
    pub digits: usize,
    pub signs: usize,
    /// How often letters and digits or signs follow each other.
    pub changes: usize,
    pub marked: bool,
    /// Has letters like no Latin one: a word of another language.
    pub foreign: bool,
    /// Every look-alike is a letter of another living script.
    pub native: bool,
    pub turned: bool,
}

impl Piece {
    /// Letters among digits or signs, as no part number, postcode, price or time of day has them.
    pub fn mixes(&self) -> bool {
        let letters = self.letters + self.guises;
        let strange = self.digits + self.signs;
        strange > 0
            && 3 * letters >= letters + strange
            && (self.changes > 1 || self.digits * self.signs > 0 || letters > 2 * self.digits + self.signs / 2)
    }
}

/// How two short pieces follow each other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// With one mark between them, and nothing else.
    Joined,
    /// Letter by letter, with white space or more than one mark between them.
    Spaced,
    /// Not as letters of one word.
    Apart,
}

impl Gap {
    pub fn between(last: &Piece, piece: &Piece, view: &str) -> Self {
        let gap = &view[last.span.end..piece.span.start];
        let longest = last.codes.len().max(piece.codes.len());
        match gap.len() {
            1 if !gap.starts_with(char::is_whitespace) && longest <= LONGEST_PART => Self::Joined,
            ..=WIDEST_GAP if longest <= 1 => Self::Spaced,
            _ => Self::Apart,
        }
    }
}

/// Cuts a chunk of a view into pieces, and adds the codes of their letters to the others.
pub fn cut(view: &str, chunk: Range<usize>, codes: &mut Vec<u8>, pieces: &mut Vec<Piece>) {
    let mut piece: Option<Piece> = None;
    let mut in_letters = false;
    for (at, character) in view[chunk.clone()].char_indices().map(|(at, character)| (chunk.start + at, character)) {
        let sign = if character.is_ascii() { ascii(character as u8) } else { beyond(character) };
        let Some(sign) = sign.filter(|_| !is_fence(view.as_bytes(), at)) else {
            pieces.extend(piece.take());
            continue;
        };
        let place = codes.len();
        let fresh = Piece {
            span: at..at,
            codes: place..place,
            letters: 0,
            guises: 0,
            digits: 0,
            signs: 0,
            changes: 0,
            marked: false,
            foreign: false,
            native: true,
            turned: false,
        };
        let first = piece.is_none();
        let piece = piece.get_or_insert(fresh);
        let mut is_letter = true;
        match sign {
            Sign::Letter => piece.letters += 1,
            Sign::Digit => {
                piece.digits += 1;
                is_letter = false;
            }
            Sign::Other => {
                piece.signs += 1;
                is_letter = false;
            }
            Sign::Guise => {
                piece.guises += 1;
                piece.native &= is_of_living_script(character);
                piece.turned |= turned(character).is_some();
            }
            Sign::Foreign => piece.foreign = true,
            Sign::Mark => {
                piece.marked = true;
                is_letter = in_letters;
            }
        }
        piece.changes += usize::from(!first && is_letter != in_letters);
        in_letters = is_letter;
        piece.span.end = at + character.len_utf8();
        let code = if character.is_ascii() {
            Some(leet(character as u8).unwrap_or(character.to_ascii_lowercase() as u8))
        } else if let Guise::Letter(letter) = guise(character) {
            Some(letter)
        } else {
            None
        };
        codes.extend(code);
        piece.codes.end = codes.len();
    }
    pieces.extend(piece);
}

/// Whether a sign that may be a letter stands between the letters of a row, and there again.
fn is_fence(octets: &[u8], at: usize) -> bool {
    let again = |other: Option<usize>| other.is_some_and(|other| octets.get(other) == octets.get(at));
    matches!(octets[at], b'!' | b'|' | b'+') && (again(at.checked_sub(2)) || again(Some(at + 2)))
}

/// What a character is to a disguised word.
enum Sign {
    Letter,
    Digit,
    Other,
    Guise,
    Foreign,
    Mark,
}

fn ascii(octet: u8) -> Option<Sign> {
    match octet {
        _ if octet.is_ascii_alphabetic() => Some(Sign::Letter),
        b'0'..=b'9' => Some(Sign::Digit),
        b'@' | b'$' | b'!' | b'|' | b'+' => Some(Sign::Other),
        _ => None,
    }
}

fn beyond(character: char) -> Option<Sign> {
    match guise(character) {
        Guise::Letter(_) => Some(Sign::Guise),
        Guise::Foreign => Some(Sign::Foreign),
        Guise::Mark => Some(Sign::Mark),
        Guise::Sign => None,
    }
}

/// Scripts that whole languages are written in; not the letters of phonetics and mathematics.
fn is_of_living_script(character: char) -> bool {
    matches!(character, '\u{370}'..='\u{1cff}' | '\u{1f00}'..='\u{1fff}' | '\u{2c00}'..='\u{d7ff}')
}
