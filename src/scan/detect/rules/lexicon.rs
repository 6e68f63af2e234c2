//! The words that disguises are looked up in: those of the terms, by what a disguise leaves of them.

use super::letters::{family, may_be, spells};
use super::words::{WordIndex, words};

/// Terms and words of fewer letters are not looked for under disguises.
pub const FEWEST_LETTERS: usize = 4;
/// A word of a phrase may be shorter: the rest of the phrase says what is meant.
const SHORTEST_PART: usize = 2;
/// No word has more letters, each counted once however often it is repeated.
const LONGEST: usize = 64;

/// Immutable once built; any number of threads may look words up.
pub struct Lexicon {
    /// What may be written in the place of a disguise.
    spellings: Vec<Box<str>>,
    /// Words by the families of their letters, each letter once.
    skeletons: WordIndex,
    /// Words and whole phrases by the families of their first four letters.
    beginnings: WordIndex,
    /// Words with all their vowels alike.
    starred: WordIndex,
}

impl Lexicon {
    /// Takes folded terms ([`super::fold::fold_term`]).
    pub fn new<'t>(terms: impl IntoIterator<Item = &'t str>) -> Self {
        let mut found: Vec<&str> = Vec::new();
        for term in terms.into_iter().filter(|term| letters(term).count() >= FEWEST_LETTERS) {
            let parts = words(term.as_bytes()).map(|word| &term[word]);
            found.extend(parts.filter(|part| part.len() >= SHORTEST_PART && part.bytes().all(|octet| octet.is_ascii_lowercase())));
            if term.bytes().all(|octet| octet.is_ascii_lowercase() || matches!(octet, b' ' | b'\'' | b'-')) {
                found.push(term);
            }
        }
        found.sort_unstable();
        found.dedup();
        let skeletons: Vec<(String, u32)> = found
            .iter()
            .zip(0..)
            .filter(|(text, _)| letters(text).count() == text.len())
            .map(|(word, key)| (skeleton(word.as_bytes()), key))
            .collect();
        let plain = found.iter().zip(0..).filter(|(text, _)| text.len() >= FEWEST_LETTERS && letters(text).count() == text.len());
        let starred: Vec<(String, u32)> =
            plain.map(|(word, key)| (word.bytes().map(|letter| starred(letter) as char).collect(), key)).collect();
        let beginnings: Vec<(String, u32)> = found
            .iter()
            .zip(0..)
            .filter(|(text, _)| letters(text).count() >= FEWEST_LETTERS)
            .map(|(text, key)| (letters(text).take(FEWEST_LETTERS).map(|letter| family(letter) as char).collect(), key))
            .collect();
        Self {
            skeletons: WordIndex::new(skeletons.iter().map(|(text, key)| (text.as_str(), *key))),
            beginnings: WordIndex::new(beginnings.iter().map(|(text, key)| (text.as_str(), *key))),
            starred: WordIndex::new(starred.iter().map(|(text, key)| (text.as_str(), *key))),
            spellings: found.into_iter().map(Into::into).collect(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.spellings.is_empty()
    }

    pub fn spelling(&self, key: u32) -> &str {
        &self.spellings[key as usize]
    }

    /// The words that these codes spell.
    pub fn words(&self, codes: &[u8], mut found: impl FnMut(u32)) {
        let mut skeleton = [0; LONGEST];
        let mut length = 0;
        for run in codes.chunk_by(|one, other| family(*one) == family(*other)) {
            let Some(place) = skeleton.get_mut(length) else { return };
            *place = family(run[0]);
            length += 1;
        }
        self.skeletons.find(&skeleton[..length], |key| {
            if spells(codes, self.spelling(key).as_bytes()) {
                found(key);
            }
        });
    }

    /// The words that these codes spell, with a vowel for every star.
    pub fn starred_words(&self, codes: &[u8], mut found: impl FnMut(u32)) {
        let mut vowels_alike = [0; LONGEST];
        let Some(places) = vowels_alike.get_mut(..codes.len()) else { return };
        for (place, code) in places.iter_mut().zip(codes) {
            *place = starred(*code);
        }
        self.starred.find(places, |key| {
            let word = self.spelling(key).as_bytes();
            let fits = |(code, letter): (&u8, &u8)| if *code == b'*' { starred(*letter) == b'a' } else { may_be(*code, *letter) };
            if word.len() == codes.len() && codes.iter().zip(word).all(fits) {
                found(key);
            }
        });
    }

    /// The longest word or phrase that codes begin with, its letters written without a space, and how many codes it takes;
    /// `may_end` says after how many it may end.
    pub fn longest_at(&self, codes: &[u8], may_end: impl Fn(usize) -> bool) -> Option<(u32, usize)> {
        let mut beginning = [0; FEWEST_LETTERS];
        for (family_of, code) in beginning.iter_mut().zip(codes.get(..FEWEST_LETTERS)?) {
            *family_of = family(*code);
        }
        let mut longest = None;
        self.beginnings.find(&beginning, |key| {
            let text = self.spelling(key);
            let length = letters(text).count();
            let better = longest.is_none_or(|(_, other)| length > other);
            if better && length <= codes.len() && may_end(length) && letters(text).zip(codes).all(|(letter, code)| may_be(*code, letter)) {
                longest = Some((key, length));
            }
        });
        longest
    }
}

/// The letters of a text; what is not ASCII counts octet by octet.
pub fn letters(text: &str) -> impl Iterator<Item = u8> + '_ {
    text.bytes().filter(|octet| octet.is_ascii_lowercase() || *octet >= 0x80)
}

/// A vowel, or a star, is as good as another.
fn starred(code: u8) -> u8 {
    if matches!(code, b'*' | b'1' | b'a' | b'e' | b'i' | b'o' | b'u') { b'a' } else { code }
}

fn skeleton(word: &[u8]) -> String {
    word.chunk_by(|one, other| family(*one) == family(*other)).map(|run| family(run[0]) as char).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelt(lexicon: &Lexicon, codes: &str) -> Vec<String> {
        let mut found = Vec::new();
        lexicon.words(codes.as_bytes(), |key| found.push(lexicon.spelling(key).to_owned()));
        found
    }

    #[test]
    fn a_disguise_is_every_word_of_a_term_that_it_spells() {
        let lexicon = Lexicon::new(["kill him", "ball", "bail", "cat"]);
        assert_eq!(spelt(&lexicon, "k1ll"), ["kill"]);
        assert_eq!(spelt(&lexicon, "h1m"), ["him"]);
        assert_eq!(spelt(&lexicon, "ba1l"), ["bail", "ball"]);
        assert_eq!(spelt(&lexicon, "caaaat"), [""; 0], "a term of three letters");
        assert_eq!(spelt(&lexicon, &"ab".repeat(100)), [""; 0]);
    }

    #[test]
    fn letters_in_a_row_are_the_longest_phrase_that_may_end_there() {
        let lexicon = Lexicon::new(["kill yourself", "kill"]);
        let longest = |codes: &str, last: usize| {
            lexicon.longest_at(codes.as_bytes(), |end| end <= last).map(|(key, end)| (lexicon.spelling(key), end))
        };
        assert_eq!(longest("k1llyourselfnow", 20), Some(("kill yourself", 12)));
        assert_eq!(longest("k1llyourselfnow", 10), Some(("kill", 4)));
        assert_eq!(longest("k1ll", 3), None);
        assert_eq!(longest("kil", 3), None);
    }
}
