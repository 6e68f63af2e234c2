//! What learnt weights look at: the words of a text, pairs of neighbours, and how words begin.

use std::ops::Range;

use crate::scan::detect::rules::{Folded, Lexicon, disguised_words, is_word};

/// Words of one text that are looked at: what lies behind them is left to the rules. It bounds the time.
pub const MOST_WORDS: usize = 2_000;
/// Words that are weighed together: a letter is weighed paragraph by paragraph, or a few words of harm would drown in it.
pub const WINDOW: usize = 2 * BLOCK;
/// Windows begin so many words apart.
pub const BLOCK: usize = 60;
/// Letters of the beginnings of words.
const BEGINNINGS: [usize; 2] = [4, 5];
/// A longer word says nothing, in octets.
const LONGEST: usize = 40;

/// The words of a text as they are compared: in small letters, without apostrophes, every digit a nought.
pub struct Words {
    letters: String,
    words: Vec<Word>,
}

struct Word {
    /// In `letters`.
    at: Range<usize>,
    /// In the original text.
    span: Range<usize>,
}

/// One feature of a text.
pub struct Feature<'w> {
    pub kind: Kind,
    /// `word`, `two words`, or the first letters of one.
    pub text: &'w str,
    pub place: Place,
}

/// Where a feature stands among the words of its text; what stands further on is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u32);

impl Place {
    fn new(word: usize, is_pair: bool) -> Self {
        Self(u32::try_from(word).unwrap_or(u32::MAX >> 1) << 1 | u32::from(is_pair))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Beginning,
    Words,
}

impl Words {
    /// With a lexicon, words that are written around a filter are read as the words of it that they stand for.
    pub fn of(text: &str, lexicon: Option<&Lexicon>) -> Self {
        let folded = Folded::new(text);
        let view = folded.view();
        let octets = view.as_bytes();
        let mut read = Self { letters: String::new(), words: Vec::new() };
        let mut disguises = lexicon.into_iter().flat_map(|lexicon| disguised_words(view, lexicon)).peekable();
        let mut at = 0;
        while read.words.len() < MOST_WORDS {
            let Some(start) = octets[at..].iter().position(|octet| is_letter(*octet)).map(|gap| at + gap) else { break };
            while disguises.next_if(|(span, _)| span.end <= start).is_some() {}
            if let Some((span, spelling)) = disguises.next_if(|(span, _)| span.start <= start) {
                spelling.split(' ').for_each(|word| read.push(word, folded.original(&span)));
                at = span.end;
                continue;
            }
            at = word_end(octets, start);
            if at - start <= LONGEST {
                read.push(&view[start..at], folded.original(&(start..at)));
            }
        }
        read
    }

    fn push(&mut self, word: &str, span: Range<usize>) {
        let begin = self.letters.len();
        let plain = word.chars().filter(|letter| *letter != '\'');
        self.letters.extend(plain.map(|letter| if letter.is_ascii_digit() { '0' } else { letter.to_ascii_lowercase() }));
        self.words.push(Word { at: begin..self.letters.len(), span });
        self.letters.push(' ');
    }

    /// Whether there are no more words in the text than are looked at.
    pub fn is_whole(&self) -> bool {
        self.words.len() < MOST_WORDS
    }

    pub fn count(&self) -> usize {
        self.words.len()
    }

    /// Calls `each` with all features of the words in this range; a pair belongs to its first word.
    pub fn features<'w>(&'w self, range: Range<usize>, mut each: impl FnMut(Feature<'w>)) {
        for place in range {
            let at = &self.words[place].at;
            let word = &self.letters[at.clone()];
            let alone = Place::new(place, false);
            each(Feature { kind: Kind::Words, text: word, place: alone });
            if let Some(next) = self.words.get(place + 1) {
                each(Feature { kind: Kind::Words, text: &self.letters[at.start..next.at.end], place: Place::new(place, true) });
            }
            for length in BEGINNINGS.into_iter().filter(|length| *length < word.len()) {
                if let Some((end, _)) = word.char_indices().nth(length) {
                    each(Feature { kind: Kind::Beginning, text: &word[..end], place: alone });
                }
            }
        }
    }

    /// The octets of the original that show a feature.
    pub fn span(&self, place: Place) -> Range<usize> {
        let (first, last) = (place.0 >> 1, (place.0 >> 1) + (place.0 & 1));
        self.words[first as usize].span.start..self.words[last as usize].span.end
    }
}

fn is_letter(octet: u8) -> bool {
    is_word(octet) && octet != b'_'
}

/// Apostrophes belong to a word where letters stand on both sides.
fn word_end(octets: &[u8], start: usize) -> usize {
    let mut at = start;
    while at < octets.len() && (is_letter(octets[at]) || (octets[at] == b'\'' && octets.get(at + 1).is_some_and(|next| is_letter(*next)))) {
        at += 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn features(text: &str) -> Vec<(String, &str)> {
        let words = Words::of(text, None);
        let mut found = Vec::new();
        words.features(0..words.count(), |feature| {
            let mark = if feature.kind == Kind::Beginning { "-" } else { "" };
            found.push((format!("{}{mark}", feature.text), &text[words.span(feature.place)]));
        });
        found
    }

    #[test]
    fn a_text_is_its_words_its_pairs_and_how_its_words_begin() {
        let found = features("Don\u{2019}t visit, at 10!");
        let expected = [
            ("dont", "Don\u{2019}t"),
            ("dont visit", "Don\u{2019}t visit"),
            ("visit", "visit"),
            ("visit at", "visit, at"),
            ("visi-", "visit"),
            ("at", "at"),
            ("at 00", "at 10"),
            ("00", "10"),
        ];
        assert_eq!(found.iter().map(|(text, span)| (text.as_str(), *span)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_word_in_disguise_is_the_word_that_it_stands_for() {
        let lexicon = Lexicon::new(["badger", "dug holes"]);
        let text = "my b4dg3r, d u g h o l e s";
        let words = Words::of(text, Some(&lexicon));
        let mut found = Vec::new();
        words.features(0..words.count(), |feature| found.push((feature.text, &text[words.span(feature.place)])));
        assert!(found.contains(&("badger", "b4dg3r")) && found.contains(&("dug holes", "d u g h o l e s")), "{found:?}");
    }

    #[test]
    fn what_is_no_word_and_what_lies_far_behind_is_passed_over() {
        assert_eq!(Words::of(&"x".repeat(LONGEST + 1), None).count(), 0);
        assert_eq!(Words::of("_ ' -- ''", None).count(), 0);
        assert_eq!(Words::of(&"a ".repeat(MOST_WORDS + 9), None).count(), MOST_WORDS);
    }
}
