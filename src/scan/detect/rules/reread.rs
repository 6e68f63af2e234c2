//! The view that undoes letter tricks: the surroundings of disguised words, with the words in their place.

use std::ops::Range;

use super::disguise::{self, Disguise, MOST_READINGS};
use super::lexicon::{FEWEST_LETTERS, Lexicon};
use super::words::is_word;

/// No term reaches further from a disguised word, in octets: 200 characters, and white space between its words.
const REACH: usize = 1_024;
/// Between two surroundings: no phrase reaches over it.
const APART: u8 = b'\x01';

/// The disguised words of a folded view, each as the first of the words or phrases that it may stand for.
pub fn disguised_words<'l>(view: &str, lexicon: &'l Lexicon) -> impl Iterator<Item = (Range<usize>, &'l str)> {
    let disguises = if lexicon.is_empty() { Vec::new() } else { disguise::find(view, lexicon) };
    disguises.into_iter().filter_map(|disguise| Some((disguise.span.clone(), lexicon.spelling(*disguise.readings().first()?))))
}

/// The surroundings of all disguised words of a folded view, once for every reading that they have.
pub fn readings(view: &str, lexicon: &Lexicon) -> impl Iterator<Item = Reread> {
    let disguises = if lexicon.is_empty() { Vec::new() } else { disguise::find(view, lexicon) };
    let most = disguises.iter().map(|disguise| disguise.readings().len()).max().unwrap_or(0);
    (0..most.min(MOST_READINGS)).map(move |nth| Reread::new(view.as_bytes(), &disguises, lexicon, nth))
}

/// Disguised words and what stands around them, in one of their readings.
pub struct Reread {
    view: Vec<u8>,
    nth: usize,
    /// In order, without holes.
    parts: Vec<Part>,
}

struct Part {
    /// Where it begins in this view.
    view: usize,
    /// What it stands for in the folded view.
    folded: Range<usize>,
    /// Of a disguise: how many readings it has.
    readings: usize,
}

impl Reread {
    /// Each disguise in its `nth` reading, or its last.
    fn new(folded: &[u8], disguises: &[Disguise], lexicon: &Lexicon, nth: usize) -> Self {
        let mut reread = Self { view: Vec::new(), nth, parts: Vec::new() };
        let mut at = 0;
        for (place, disguise) in disguises.iter().enumerate() {
            let start = at.max(word_edge(folded, disguise.span.start.saturating_sub(REACH), disguise.span.start));
            if start > at || place == 0 {
                reread.view.push(APART);
            }
            reread.copy(folded, start..disguise.span.start);
            let reading = disguise.readings().get(nth).or(disguise.readings().last());
            reread.read(disguise, reading.map_or("", |key| lexicon.spelling(*key)));
            let next = disguises.get(place + 1).map_or(folded.len(), |next| next.span.start);
            at = (disguise.span.end + REACH).min(next);
            if at < next {
                at = folded[disguise.span.end..at]
                    .iter()
                    .rposition(|octet| !is_word(*octet))
                    .map_or(disguise.span.end, |gap| disguise.span.end + gap);
            }
            reread.copy(folded, disguise.span.end..at);
        }
        reread
    }

    pub fn text(&self) -> &[u8] {
        &self.view
    }

    fn copy(&mut self, folded: &[u8], range: Range<usize>) {
        self.part(range.clone(), 0);
        self.view.extend_from_slice(&folded[range]);
    }

    /// A word of its own, whatever it touches.
    fn read(&mut self, disguise: &Disguise, spelling: &str) {
        self.part(disguise.span.clone(), disguise.readings().len());
        self.view.push(b' ');
        self.view.extend_from_slice(spelling.as_bytes());
        self.view.push(b' ');
    }

    fn part(&mut self, folded: Range<usize>, readings: usize) {
        self.parts.push(Part { view: self.view.len(), folded, readings });
    }

    /// The octets of the folded view behind an occurrence; `None` where it has no disguise in it, where an earlier
    /// reading had it already, or where it has few letters.
    pub fn folded(&self, span: &Range<usize>) -> Option<Range<usize>> {
        let first = self.parts.partition_point(|part| part.view <= span.start).checked_sub(1)?;
        let behind = self.parts.partition_point(|part| part.view < span.end);
        let parts = &self.parts[first..behind];
        let new = parts.iter().any(|part| part.readings > self.nth);
        let letters = self.view[span.clone()].iter().filter(|octet| octet.is_ascii_alphabetic() || **octet >= 0x80).count();
        let last = parts.last().filter(|_| new && letters >= FEWEST_LETTERS)?;
        let start = &parts[0];
        let from = if start.readings > 0 { start.folded.start } else { start.folded.start + (span.start - start.view) };
        let to = if last.readings > 0 { last.folded.end } else { last.folded.start + (span.end - last.view) };
        Some(from..to)
    }
}

/// The first place from `at` on that is not inside of a word, or `end`.
fn word_edge(text: &[u8], at: usize, end: usize) -> usize {
    if at == 0 { 0 } else { text[at..end].iter().position(|octet| !is_word(*octet)).map_or(end, |gap| at + gap) }
}

#[cfg(test)]
mod tests {
    use super::super::fold::Folded;
    use super::super::words::WordIndex;
    use super::*;

    fn find(terms: &[&str], text: &str) -> Vec<(u32, String)> {
        let lexicon = Lexicon::new(terms.iter().copied());
        let index = WordIndex::new(terms.iter().zip(0..).map(|(term, key)| (*term, key)));
        let folded = Folded::new(text);
        let mut found = Vec::new();
        for reread in readings(folded.view(), &lexicon) {
            index.scan(reread.text(), |key, span| {
                found.extend(reread.folded(&span).map(|span| (key, text[folded.original(&span)].to_owned())));
            });
        }
        found.sort();
        found
    }

    #[test]
    fn a_phrase_is_found_with_any_of_its_words_in_disguise() {
        for text in [
            "k1ll yourself",
            "kill y0urs3lf",
            "k i l l  y.o.u.r.s.e.l.f",
            "k\u{456}ll y\u{43e}urself",
            "k i l l yourself",
            "k1ll\n> yourseeeelf",
        ] {
            assert_eq!(find(&["kill yourself"], &format!("go {text} now")), [(0, text.to_owned())]);
        }
    }

    #[test]
    fn a_term_without_a_disguise_in_it_is_not_found_twice() {
        assert_eq!(find(&["kill", "yourself"], "kill k1ll yourself"), [(0, "k1ll".to_owned())]);
    }

    #[test]
    fn every_reading_is_tried_and_none_is_told_twice() {
        assert_eq!(
            find(&["bail", "ball", "game"], "ba1l game g4me"),
            [(0, "ba1l".to_owned()), (1, "ba1l".to_owned()), (2, "g4me".to_owned())]
        );
    }

    #[test]
    fn what_is_short_is_found_in_a_phrase_alone() {
        assert_eq!(find(&["die", "go die"], "d1e, go d1e"), [(1, "go d1e".to_owned())]);
    }

    #[test]
    fn an_occurrence_far_from_everything_is_marked_where_it_stands() {
        let text = format!("{}k1ll him{}{}k1ll him", "on and on ".repeat(500), " x".repeat(2_000), "word".repeat(1_000));
        assert_eq!(find(&["kill him"], &text), [(0, "k1ll him".to_owned())], "the second is glued to a word");
    }
}
