//! A letter as the encoder reads it: tokens that know where they stand, in windows that bound what a letter can cost.

use std::ops::Range;

use super::encoder::{Token, Vocabulary};
use crate::scan::detect::rules::{Folded, Lexicon, disguised_words};

/// Tokens that are encoded together, without the marks of the two ends: the time of a window grows with more than their number,
/// and a hint drowns in more.
pub const WINDOW: usize = 126;
/// Windows begin so many tokens apart, so that a sentence is whole in one of them.
const STEP: usize = 96;
/// Of one letter: what lies behind them is left to the rules and to the weights of words. It bounds the time.
const MOST_WINDOWS: usize = 8;
const MOST_TOKENS: usize = (MOST_WINDOWS - 1) * STEP + WINDOW;

/// The first tokens of a letter.
pub struct Tokens {
    tokens: Vec<Token>,
    /// Whether there are no more in the letter than are looked at.
    pub is_whole: bool,
}

impl Tokens {
    /// With a lexicon, words that are written around a filter are read as the words of it that they stand for.
    pub fn of(text: &str, vocabulary: &Vocabulary, lexicon: &Lexicon) -> Self {
        let folded = Folded::new(text);
        let view = folded.view();
        let mut disguises = disguised_words(view, lexicon).peekable();
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(start) = view[at..].find(|letter: char| !letter.is_whitespace()).map(|gap| at + gap) {
            if tokens.len() >= MOST_TOKENS {
                tokens.truncate(MOST_TOKENS);
                return Self { tokens, is_whole: false };
            }
            while disguises.next_if(|(span, _)| span.end <= start).is_some() {}
            if let Some((span, spelling)) = disguises.next_if(|(span, _)| span.start <= start) {
                vocabulary.divide(spelling, &folded.original(&span), &mut tokens);
                at = span.end;
                continue;
            }
            at = word_end(view, start);
            vocabulary.divide(&view[start..at], &folded.original(&(start..at)), &mut tokens);
        }
        let is_whole = tokens.len() <= MOST_TOKENS;
        tokens.truncate(MOST_TOKENS);
        Self { tokens, is_whole }
    }

    /// Pieces of the letter to be encoded each by itself; of an empty one none.
    pub fn windows(&self) -> impl Iterator<Item = &[Token]> {
        let count = self.tokens.len();
        let last = count.saturating_sub(WINDOW - STEP).max(1);
        let starts = (0..last).step_by(STEP).filter(move |start| *start < count);
        starts.map(move |start| &self.tokens[start..(start + WINDOW).min(count)])
    }
}

/// A word is letters and digits; any other sign stands alone.
fn word_end(view: &str, start: usize) -> usize {
    let length = view[start..].find(|letter: char| !letter.is_alphanumeric()).unwrap_or(view.len() - start);
    if length > 0 { start + length } else { view.ceil_char_boundary(start + 1) }
}

/// The sentences of a window: ranges of its tokens.
pub fn sentences(text: &str, window: &[Token]) -> Vec<Range<usize>> {
    let ends = (1..window.len()).filter(|place| {
        let before = &window[place - 1].span;
        crate::scan::detect::rules::ends_within(text.as_bytes(), before.start..window[*place].span.start)
    });
    let starts: Vec<_> = std::iter::once(0).chain(ends).collect();
    let ends = starts.iter().skip(1).copied().chain([window.len()]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: &[u8] = b"[UNK]\n[CLS]\n[SEP]\nthe\nheron\nstole\nfish\n.\n##s\nbadger\n!";

    fn read(text: &str, lexicon: &Lexicon) -> (Vec<u32>, Vec<String>) {
        let tokens = Tokens::of(text, &Vocabulary::read(WORDS).unwrap(), lexicon).tokens;
        tokens.into_iter().map(|token| (token.number, text[token.span].to_owned())).unzip()
    }

    #[test]
    fn words_and_signs_are_tokens_that_know_where_they_stand() {
        let (numbers, spans) = read("The HERON\u{200b}s stole\u{1f41f} fish.", &Lexicon::new([]));
        assert_eq!(numbers, [3, 4, 8, 5, 0, 6, 7]);
        assert_eq!(spans, ["The", "HERON\u{200b}s", "HERON\u{200b}s", "stole", "\u{1f41f}", "fish", "."]);
    }

    #[test]
    fn a_word_in_disguise_is_the_word_that_it_stands_for() {
        let (numbers, spans) = read("the b4dg3r!", &Lexicon::new(["badger"]));
        assert_eq!((numbers, spans), (vec![3, 9, 10], vec!["the".to_owned(), "b4dg3r".to_owned(), "!".to_owned()]));
    }

    #[test]
    fn a_long_letter_costs_no_more_than_so_many_windows_and_says_so() {
        let vocabulary = Vocabulary::read(WORDS).unwrap();
        let tokens = |count: usize| Tokens::of(&"heron ".repeat(count), &vocabulary, &Lexicon::new([]));
        let sizes = |count| tokens(count).windows().map(<[Token]>::len).collect::<Vec<_>>();
        assert_eq!(
            (sizes(0), sizes(1), sizes(WINDOW), sizes(WINDOW + 1)),
            (vec![], vec![1], vec![WINDOW], vec![WINDOW, WINDOW + 1 - STEP])
        );
        assert_eq!((sizes(100_000), tokens(100_000).is_whole), (vec![WINDOW; MOST_WINDOWS], false));
        assert!(tokens(MOST_TOKENS).is_whole && !tokens(MOST_TOKENS + 1).is_whole);
    }

    #[test]
    fn a_window_is_divided_where_sentences_end() {
        let text = "the heron. stole fish! the badger";
        let tokens = Tokens::of(text, &Vocabulary::read(WORDS).unwrap(), &Lexicon::new([]));
        assert_eq!(sentences(text, tokens.windows().next().unwrap()), [0..3, 3..6, 6..8]);
    }
}
