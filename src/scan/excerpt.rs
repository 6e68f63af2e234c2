//! How much of a text the passages of an excerpt may show: a few words around each match, and never enough of them to add up to
//! the text, however many there are.

use std::collections::{BTreeMap, BTreeSet};

use super::extract::TextExtract;

/// In octets of one text, of all its passages together, where a third of it is less: an excerpt of a line or two shows all of it.
const LEAST: usize = 240;
/// And however long it is.
const MOST: usize = 2_000;
/// Of one text, a part in so many.
const PART: usize = 3;
/// Octets of one match.
const MATCHED: usize = 1_000;
/// Characters on either side of a match, where there is room.
const CONTEXT: usize = 60;
/// Where there is less.
const LITTLE: usize = CONTEXT / 3;

/// Octets of a text, on the edges of characters.
pub type Span = (usize, usize);

/// Where a match is: the index of its text, and its octets there; files have neither.
pub type Place = (Option<usize>, Option<Span>);

/// The texts of a message, and what is shown of each.
pub struct Excerpts<'a> {
    texts: &'a [TextExtract],
    shown: BTreeMap<usize, BTreeSet<usize>>,
}

impl<'a> Excerpts<'a> {
    pub fn of(texts: &'a [TextExtract]) -> Self {
        Self { texts, shown: BTreeMap::new() }
    }

    /// What is shown before, of and after each of these matches, those first that come first. Nothing of what is not in its text, or
    /// has no room left.
    pub fn around(&mut self, matches: &[Place]) -> Vec<(&'a str, &'a str, &'a str)> {
        // The matched words of all come before what stands beside those of any.
        let matched: Vec<_> = matches.iter().map(|(text, span)| Some(((*text)?, self.matched((*text)?, (*span)?)?))).collect();
        matched.into_iter().map(|found| found.and_then(|(text, span)| self.beside(text, span)).unwrap_or_default()).collect()
    }

    /// As much of a match as there is room for.
    fn matched(&mut self, text: usize, (start, end): Span) -> Option<Span> {
        let words = &self.texts.get(text)?.text;
        let _ = words.get(start..end)?;
        let end = end.min(words.floor_char_boundary(start + MATCHED));
        let left = most(words).saturating_sub(self.shown.get(&text).map_or(0, BTreeSet::len));
        let shortened = end.min(words.floor_char_boundary(start + left));
        [end, shortened].into_iter().find(|end| *end > start && self.shows(text, (start, *end))).map(|end| (start, end))
    }

    /// A match with what stands beside it, as far as there is room.
    fn beside(&mut self, text: usize, span: Span) -> Option<(&'a str, &'a str, &'a str)> {
        let words = self.texts.get(text)?.text.as_str();
        [CONTEXT, LITTLE, 0].into_iter().find_map(|characters| {
            let (before, matched, after) = around(words, span, characters)?;
            self.shows(text, (span.0 - before.len(), span.1 + after.len())).then_some((before, matched, after))
        })
    }

    /// Whether there is room for these octets; then they are shown. What was shown before costs nothing.
    fn shows(&mut self, text: usize, (start, end): Span) -> bool {
        let shown = self.shown.entry(text).or_default();
        let fresh: Vec<_> = (start..end).filter(|at| !shown.contains(at)).collect();
        let fits = shown.len() + fresh.len() <= most(&self.texts[text].text);
        if fits {
            shown.extend(fresh);
        }
        fits
    }
}

fn most(text: &str) -> usize {
    (text.len() / PART).clamp(LEAST, MOST)
}

/// What stands before, in and after a span, so many characters on either side; `None` where the span is not one of this text.
fn around(text: &str, (start, end): Span, characters: usize) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_at_checked(start)?;
    let (matched, after) = rest.split_at_checked(end.checked_sub(start)?)?;
    let from = before.char_indices().rev().take(characters).last().map_or(before.len(), |(at, _)| at);
    let to = after.char_indices().nth(characters).map_or(after.len(), |(at, _)| at);
    Some((&before[from..], matched, &after[..to]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Field, Location};

    fn text(words: &str) -> [TextExtract; 1] {
        [TextExtract {
            location: Location { part: "1".to_owned(), field: Field::Body, place: None },
            text: words.to_owned(),
            places: Vec::new(),
        }]
    }

    /// The octets of the text that passages around these spans show, each once, and how many of the spans show anything.
    fn shown(words: &str, spans: &[Span]) -> (usize, usize) {
        let texts = text(words);
        let matches: Vec<_> = spans.iter().map(|span| (Some(0), Some(*span))).collect();
        let passages = Excerpts::of(&texts).around(&matches);
        let octets = |part: &str| {
            let from = part.as_ptr().addr() - texts[0].text.as_ptr().addr();
            from..from + part.len()
        };
        let seen = passages.iter().filter(|passage| !passage.1.is_empty());
        let all: BTreeSet<_> =
            seen.clone().flat_map(|(before, matched, after)| [*before, *matched, *after].map(octets)).flatten().collect();
        (all.len(), seen.count())
    }

    #[test]
    fn however_many_matches_there_are_they_never_add_up_to_the_text() {
        for length in [600, 721, 5_000, 20_000, 1 << 20] {
            let words = "amber heron ".repeat(length / 12);
            let spans: Vec<_> = (0..200).map(|at| (at * 12 % (words.len() - 12), at * 12 % (words.len() - 12) + 11)).collect();
            let (octets, passages) = shown(&words, &spans);
            assert!(octets <= (length / 3).clamp(240, 2_000), "{octets} of {length}");
            assert!(octets >= 230 && passages >= 20, "{octets} octets in {passages} passages of {length}");
        }
    }

    #[test]
    fn one_match_that_is_the_whole_text_shows_the_beginning_of_it() {
        let words = "\u{e9}".repeat(3_000);
        assert_eq!(shown(&words, &[(0, 6_000)]), (1_000 + 2 * 60, 1));
        assert_eq!(shown(&words[..900], &[(0, 900)]), (300, 1));
    }

    #[test]
    fn the_words_that_matched_are_shown_before_what_stands_beside_any_of_them() {
        let words = "x".repeat(700);
        let spans: Vec<_> = (0..12).map(|at| (at * 50, at * 50 + 20)).collect();
        assert_eq!(shown(&words, &spans), (240, 12), "twelve times twenty octets, and nothing beside");
    }

    #[test]
    fn what_several_rules_match_is_shown_with_each_and_counts_once() {
        let words = "x".repeat(700);
        let spans = [(300, 310); 50];
        assert_eq!(shown(&words, &spans), (130, 50));
    }

    #[test]
    fn a_span_beside_the_text_shows_nothing() {
        for span in [(1, 2), (0, 99), (9, 3)] {
            assert_eq!(shown("\u{e9}t\u{e9}", &[span]), (0, 0), "{span:?}");
        }
    }
}
