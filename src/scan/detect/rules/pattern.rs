//! A regular expression, and the fixed letters without which it cannot match.

use std::ops::Range;

use regex_automata::meta::{Config, Regex};
use regex_automata::nfa::thompson::WhichCaptures;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::Hir;

use super::around::{Surroundings, surroundings};
use super::required::{Required, Set};
use super::spelling;

/// How far a match that is found close to its literals may lie around them, in octets.
const CLOSE: usize = 200;
/// Of the compiled expression, in octets.
const SIZE_LIMIT: usize = 1 << 20;
const NEST_LIMIT: u32 = 50;
/// Octets around literals that are looked at, as a multiple of the text's: beyond that, one look at the whole text costs less.
const MOST_WORK: usize = 4;

/// Small and capital letters are the same to it; `\w`, `\b` and `\d` mean ASCII.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    /// One of these is in every match; none where there is no such set, and once it runs.
    pub clues: Vec<Clue>,
    /// There is no such set: it is asked about whole texts.
    pub is_bare: bool,
    /// Words that its matches hold, to know them in disguise; none once it runs.
    pub spellings: Vec<String>,
    reach: Reach,
}

/// A literal of an expression.
#[derive(Clone, Debug)]
pub struct Clue {
    /// In small letters.
    pub literal: Vec<u8>,
    pub surroundings: Surroundings,
}

/// How far a match may lie around the beginning of the literal in it, in octets; `None` for without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reach {
    before: Option<usize>,
    behind: Option<usize>,
}

/// Why an expression is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadPattern {
    /// The offset is in octets of the expression.
    #[error("{why}")]
    Syntax { at: usize, why: String },
    #[error("it matches the empty text, which is everywhere")]
    Empty,
    #[error("compiled, it is larger than {SIZE_LIMIT} octets")]
    TooLarge,
}

impl Pattern {
    /// # Errors
    /// When the expression is not well formed, matches nothing at all, or is too large.
    pub fn compile(expression: &str) -> Result<Self, BadPattern> {
        // The view that is searched is folded: letters beyond ASCII are small.
        let expression: String = expression.chars().map(|c| if c.is_ascii() { c } else { c.to_lowercase().next().unwrap_or(c) }).collect();
        let hir = ParserBuilder::new().unicode(false).utf8(false).nest_limit(NEST_LIMIT).build().parse(&expression).map_err(misread)?;
        if hir.properties().minimum_len().unwrap_or(0) == 0 {
            return Err(BadPattern::Empty);
        }
        let sets = Required::of(&hir).0;
        // Where it is asked about the surroundings of its literals, it need not look for literals of its own.
        let config = Config::new().utf8_empty(false).nfa_size_limit(Some(SIZE_LIMIT)).hybrid_cache_capacity(SIZE_LIMIT);
        let config = config.which_captures(WhichCaptures::Implicit).onepass(false).auto_prefilter(sets.is_empty());
        let regex = Regex::builder()
            .syntax(syntax::Config::new().unicode(false).utf8(false).case_insensitive(true).nest_limit(NEST_LIMIT))
            .configure(config)
            .build(&expression)
            .map_err(|_| BadPattern::TooLarge)?;
        let longest = |side: &dyn Fn(&Set) -> &Hir| {
            let mut lengths = sets.iter().map(|set| side(set).properties().maximum_len());
            lengths.try_fold(0, |longest, length| Some(longest.max(length?)))
        };
        let reach = Reach { before: longest(&|set| &set.before), behind: longest(&|set| &set.behind) };
        let clues = sets.into_iter().flat_map(|set| {
            let around = surroundings(&set.before, &set.behind, &set.literals);
            set.literals.into_iter().zip(around).map(|(literal, surroundings)| Clue { literal, surroundings })
        });
        let clues: Vec<_> = clues.collect();
        Ok(Self { regex, is_bare: clues.is_empty(), clues, spellings: spelling::spellings(&hir), reach })
    }

    /// The same without what only compiling needs. The expression itself is shared.
    pub fn running(&self) -> Self {
        Self { regex: self.regex.clone(), clues: Vec::new(), spellings: Vec::new(), ..*self }
    }

    /// All matches in a text, in one pass over it or a few. `occurrences` are those of its literals, in order; `None` where they are not known.
    pub fn finds<'t>(&'t self, text: &'t [u8], occurrences: Option<&'t [Range<usize>]>) -> impl Iterator<Item = Range<usize>> + 't {
        let everywhere = self.is_bare || occurrences.is_none();
        let mut finds = Finds { everywhere, ..Finds::around(self, self.reach, text, occurrences.unwrap_or_default()) };
        std::iter::from_fn(move || finds.next())
    }

    /// Those matches that lie close around these occurrences of its literals.
    pub fn finds_close<'t>(&'t self, text: &'t [u8], occurrences: &'t [Range<usize>]) -> impl Iterator<Item = Range<usize>> + 't {
        let close = |reach: Option<usize>| Some(reach.unwrap_or(CLOSE).min(CLOSE));
        let reach = Reach { before: close(self.reach.before), behind: close(self.reach.behind) };
        let mut finds = Finds::around(self, reach, text, occurrences);
        std::iter::from_fn(move || finds.next())
    }
}

struct Finds<'t> {
    pattern: &'t Pattern,
    reach: Reach,
    text: &'t [u8],
    occurrences: std::slice::Iter<'t, Range<usize>>,
    /// Where the last find ended.
    at: usize,
    /// Octets looked at around literals.
    work: usize,
    everywhere: bool,
}

impl<'t> Finds<'t> {
    fn around(pattern: &'t Pattern, reach: Reach, text: &'t [u8], occurrences: &'t [Range<usize>]) -> Self {
        Self { pattern, reach, text, occurrences: occurrences.iter(), at: 0, work: 0, everywhere: false }
    }

    fn next(&mut self) -> Option<Range<usize>> {
        while !self.everywhere {
            let literal = self.occurrences.next()?;
            if literal.start < self.at {
                continue;
            }
            let Reach { before, behind } = self.reach;
            let start = before.map_or(0, |before| literal.start.saturating_sub(before)).max(self.at);
            let (Some(before), Some(behind)) = (before, behind) else {
                // The next match of all begins here at the earliest; where there is none, there is none at any other literal.
                let find = self.pattern.regex.find(Input::new(self.text).range(start..));
                if find.is_none() {
                    self.occurrences = [].iter();
                }
                return find.map(|find| self.found(find.range()));
            };
            let end = (literal.start + behind).min(self.text.len());
            self.work += end - start;
            self.everywhere = self.work > MOST_WORK * self.text.len();
            if self.everywhere {
                self.at = start;
            } else if let Some(find) = self.with(literal, start..end, before == 0) {
                return Some(self.found(find));
            }
        }
        let find = self.pattern.regex.find(Input::new(self.text).range(self.at..))?;
        Some(self.found(find.range()))
    }

    fn found(&mut self, find: Range<usize>) -> Range<usize> {
        self.at = find.end;
        find
    }

    /// The match that holds this literal; what lies beyond the window cannot belong to it.
    fn with(&self, literal: &Range<usize>, mut window: Range<usize>, begins: bool) -> Option<Range<usize>> {
        let anchored = if begins { Anchored::Yes } else { Anchored::No };
        loop {
            let find = self.pattern.regex.find(Input::new(self.text).range(window.clone()).anchored(anchored))?.range();
            if find.start > literal.start {
                return None;
            }
            if find.end >= literal.end {
                return Some(find);
            }
            window.start = find.end;
        }
    }
}

fn misread(error: regex_syntax::Error) -> BadPattern {
    match error {
        regex_syntax::Error::Parse(error) => BadPattern::Syntax { at: error.span().start.offset, why: error.kind().to_string() },
        regex_syntax::Error::Translate(error) => BadPattern::Syntax { at: error.span().start.offset, why: error.kind().to_string() },
        other => BadPattern::Syntax { at: 0, why: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_is_found_around_its_literal_as_it_is_in_the_whole_text() {
        let patterns = [
            r"\bhen\d",
            r"\d{2}hen",
            r"[a-e]{0,3}hen(?:den)?\d?",
            r"(?:hen|cock)s? ?(?:hen|cock)",
            r"\d+hen",
            r"hen\s+cock",
            r"(?:ahen){1,2}b",
            r"^hen|cock$",
            r"hen.{0,4}hen",
        ];
        let syllables = ["hen", "HEN", "cock", "1", "22", " ", "  ", "den", "a", "b", "\n", "s"];
        let patterns = patterns.map(|expression| Pattern::compile(expression).unwrap());
        let mut seed = 5_u64;
        for round in 0..4_000 {
            let text: String = (0..8 + round % 9)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    syllables[(seed >> 33) as usize % syllables.len()]
                })
                .collect();
            for pattern in &patterns {
                let small = text.to_ascii_lowercase().into_bytes();
                let begin = |at: usize| {
                    pattern
                        .clues
                        .iter()
                        .map(|clue| (clue, at..at + clue.literal.len()))
                        .filter(|(clue, place)| {
                            small[at..].starts_with(&clue.literal) && clue.surroundings.may_match(text.as_bytes(), place)
                        })
                        .map(|(_, place)| place)
                        .collect::<Vec<_>>()
                };
                let occurrences: Vec<_> = (0..small.len()).flat_map(begin).collect();
                let found: Vec<_> = pattern.finds(text.as_bytes(), Some(&occurrences)).collect();
                let all: Vec<_> = pattern.regex.find_iter(text.as_bytes()).map(|found| found.range()).collect();
                assert_eq!(found, all, "{text:?} {:?} {:?}", pattern.clues, pattern.reach);
            }
        }
    }

    #[test]
    fn a_flood_of_literals_costs_a_few_looks_at_the_text() {
        let pattern = Pattern::compile(r"[a-z ]{0,200}hen[a-z ]{0,200}\d").unwrap();
        let text = "hen ".repeat(10_000);
        let occurrences: Vec<_> = (0..10_000).map(|nth| 4 * nth..4 * nth + 3).collect();
        let mut finds = Finds::around(&pattern, pattern.reach, text.as_bytes(), &occurrences);
        assert_eq!(finds.next(), None);
        assert!(finds.everywhere && finds.work <= MOST_WORK * text.len() + 500, "{}", finds.work);
    }

    #[test]
    fn a_broken_expression_is_refused_for_what_it_is() {
        let refusal = |expression: &str| Pattern::compile(expression).unwrap_err();
        assert_eq!(refusal("ab(+)"), BadPattern::Syntax { at: 3, why: "repetition operator missing expression".to_owned() });
        assert_eq!(refusal("a*"), BadPattern::Empty);
        assert_eq!(refusal("[a-z]{500}{500}{20}x"), BadPattern::TooLarge);
        assert!(matches!(refusal(&"(".repeat(10_000)), BadPattern::Syntax { .. }));
        assert!(matches!(refusal(r"\p{Greek}x"), BadPattern::Syntax { .. }));
    }
}
