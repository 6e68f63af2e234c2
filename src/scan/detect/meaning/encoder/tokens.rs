//! Words into the pieces that a model knows: the longest known beginning of a word, then of what is left of it.
//!
//! Source: Wu et al., "Google's neural machine translation system", 2016 (`WordPiece`), as BERT's models without capitals use it:
//! small letters, no accents, every mark by itself. Other than there each sign that is neither letter nor digit stands alone,
//! emoji too: a word that one is glued to is then still known.

use std::collections::HashMap;
use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// One piece of a text, as the model numbers it, and the octets that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub number: u32,
    pub span: Range<usize>,
}

/// The pieces that a model knows. Immutable once read.
pub struct Vocabulary {
    /// By their letters; those that continue a word behind their mark.
    numbers: HashMap<String, u32>,
    unknown: u32,
    /// Before every text, and behind it.
    pub ends: (u32, u32),
}

/// Before what continues a word.
const CONTINUED: &str = "##";
/// Of a word that is divided, in letters: a longer one is unknown.
const LONGEST: usize = 100;

impl Vocabulary {
    /// One piece a line, numbered from 0.
    ///
    /// # Errors
    /// When it is no list of pieces, or lacks those that every text has.
    pub fn read(octets: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(octets).map_err(|_| "it is not UTF-8")?;
        let numbers: HashMap<_, _> = text.lines().map(str::to_owned).zip(0..).collect();
        let number = |piece: &str| numbers.get(piece).copied().ok_or_else(|| format!("it has no piece `{piece}`"));
        let (unknown, ends) = (number("[UNK]")?, (number("[CLS]")?, number("[SEP]")?));
        Ok(Self { numbers, unknown, ends })
    }

    /// Adds the pieces of some words, which stand for `span`.
    pub fn divide(&self, words: &str, span: &Range<usize>, tokens: &mut Vec<Token>) {
        for word in words.split_whitespace() {
            let plain: String = word.nfd().filter(|letter| !is_combining_mark(*letter)).flat_map(char::to_lowercase).collect();
            let begin = tokens.len();
            if plain.chars().count() > LONGEST || !self.divide_one(&plain, span, tokens) {
                tokens.truncate(begin);
                tokens.push(Token { number: self.unknown, span: span.clone() });
            }
        }
    }

    /// Whether every piece is known.
    fn divide_one(&self, word: &str, span: &Range<usize>, tokens: &mut Vec<Token>) -> bool {
        let mut at = 0;
        let mut piece = String::with_capacity(CONTINUED.len() + word.len());
        while at < word.len() {
            let ends = word[at..].char_indices().map(|(place, letter)| at + place + letter.len_utf8());
            let found = ends.rev().find_map(|end| {
                piece.clear();
                piece.extend([if at == 0 { "" } else { CONTINUED }, &word[at..end]]);
                self.numbers.get(&piece).map(|number| (end, *number))
            });
            let Some((end, number)) = found else { return false };
            tokens.push(Token { number, span: span.clone() });
            at = end;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        Vocabulary::read(b"[UNK]\n[CLS]\n[SEP]\nhe\nheron\n##s\n##on\n.\n").unwrap()
    }

    fn numbers(words: &str) -> Vec<u32> {
        let mut tokens = Vec::new();
        vocabulary().divide(words, &(0..1), &mut tokens);
        tokens.into_iter().map(|token| token.number).collect()
    }

    #[test]
    fn a_word_is_its_longest_known_beginning_and_what_is_left_of_it() {
        assert_eq!(numbers("Herons"), [4, 5]);
        assert_eq!(numbers("h\u{e9}s he"), [3, 5, 3]);
        assert_eq!(numbers("heronry ."), [0, 7]);
        assert_eq!(numbers(&"he".repeat(51)), [0]);
    }

    #[test]
    fn a_list_without_the_pieces_of_every_text_is_refused() {
        assert_eq!(Vocabulary::read(b"[UNK]\n[CLS]").err().unwrap(), "it has no piece `[SEP]`");
        assert_eq!(Vocabulary::read(b"\xff").err().unwrap(), "it is not UTF-8");
    }
}
