//! The literals of all regexes, looked for in one pass over a text.

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::around::Surroundings;
use super::pattern::Pattern;

/// Of all literals together, in octets: so many are looked for with a table that has an entry for every octet after every other.
const LARGEST_TABLE: usize = 1 << 16;

/// Immutable once built; any number of threads may scan with it.
pub struct Literals {
    /// `None` where there are none, or too many.
    automaton: Option<AhoCorasick>,
    /// Of each literal: the number of its regex, and what must stand around it.
    clues: Vec<(u32, Surroundings)>,
}

impl Literals {
    /// Of these regexes, which are numbered in this order.
    pub fn new<'p>(patterns: impl IntoIterator<Item = &'p Pattern>) -> Self {
        let numbered = (0..).zip(patterns).flat_map(|(number, pattern)| pattern.clues.iter().map(move |clue| (number, clue)));
        let (clues, literals): (Vec<_>, Vec<_>) =
            numbered.map(|(number, clue)| ((number, clue.surroundings.clone()), clue.literal.as_slice())).unzip();
        let octets: usize = literals.iter().map(|literal| literal.len()).sum();
        let kind = (octets <= LARGEST_TABLE).then_some(AhoCorasickKind::DFA);
        let automaton = || AhoCorasick::builder().ascii_case_insensitive(true).kind(kind).build(&literals).ok();
        Self { automaton: (!literals.is_empty()).then(automaton).flatten(), clues }
    }

    /// Calls `found` with the number of a regex and the octets of a literal of it, in the order in which literals end, wherever the
    /// regex may match around it.
    pub fn scan(&self, text: &[u8], mut found: impl FnMut(u32, Range<usize>)) {
        for literal in self.automaton.iter().flat_map(|automaton| automaton.find_overlapping_iter(text)) {
            let (pattern, surroundings) = &self.clues[literal.pattern().as_usize()];
            if surroundings.may_match(text, &literal.range()) {
                found(*pattern, literal.range());
            }
        }
    }

    /// The regexes whose literals are more than can be looked for at once: each looks for itself.
    pub fn left_out(&self) -> impl Iterator<Item = u32> {
        self.clues.iter().filter(|_| self.automaton.is_none()).map(|(pattern, _)| *pattern)
    }
}
