//! A regular expression, and the fixed letters without which it cannot match.

use std::ops::Range;

use regex_automata::meta::{Config, Regex};
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Hir, HirKind};

use super::{spelling, words};

/// Fewer letters than this are in every text.
const SHORTEST_LITERAL: usize = 3;
/// Parts of an expression that are looked at together for literals.
const LONGEST_RUN: usize = 8;
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
    /// One of these, in small letters, is in every match. Empty where there is no such set.
    pub literals: Vec<Vec<u8>>,
    /// Words that its matches hold, to know them in disguise; none once it runs.
    pub spellings: Vec<String>,
    reach: Reach,
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
        let regex = Regex::builder()
            .syntax(syntax::Config::new().unicode(false).utf8(false).case_insensitive(true).nest_limit(NEST_LIMIT))
            .configure(Config::new().utf8_empty(false).nfa_size_limit(Some(SIZE_LIMIT)).hybrid_cache_capacity(SIZE_LIMIT))
            .build(&expression)
            .map_err(|_| BadPattern::TooLarge)?;
        let required = required_literals(&hir).unwrap_or_default();
        Ok(Self { regex, literals: required.literals, spellings: spelling::spellings(&hir), reach: required.reach })
    }

    /// The same without what only compiling needs. The expression itself is shared.
    pub fn running(&self) -> Self {
        Self { spellings: Vec::new(), ..self.clone() }
    }

    /// All matches in a text, in one pass over it or a few. `occurrences` are those of its literals, in order; `None` where they are not known.
    pub fn finds<'t>(&'t self, text: &'t [u8], occurrences: Option<&'t [Range<usize>]>) -> impl Iterator<Item = Range<usize>> + 't {
        let everywhere = self.literals.is_empty() || occurrences.is_none();
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
            let end = behind.map_or(self.text.len(), |behind| (literal.start + behind).min(self.text.len()));
            self.work += end - start;
            self.everywhere = before.is_none() || behind.is_none() || self.work > MOST_WORK * self.text.len();
            if self.everywhere {
                self.at = start;
            } else if let Some(find) = self.with(literal, start..end, before == Some(0)) {
                self.at = find.end;
                return Some(find);
            }
        }
        let find = self.pattern.regex.find(Input::new(self.text).range(self.at..))?.range();
        self.at = find.end;
        Some(find)
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

/// Literals of which every match has one, and where in the match.
struct Required {
    literals: Vec<Vec<u8>>,
    reach: Reach,
}

impl Default for Required {
    fn default() -> Self {
        Self { literals: Vec::new(), reach: Reach { before: None, behind: None } }
    }
}

impl Required {
    /// The same within a longer expression.
    fn within(mut self, before: Option<usize>, behind: Option<usize>) -> Self {
        self.reach.before = self.reach.before.zip(before).map(|(inner, outer)| inner + outer);
        self.reach.behind = self.reach.behind.zip(behind).map(|(inner, outer)| inner + outer);
        self
    }

    fn or(mut self, other: Self) -> Self {
        self.literals.extend(other.literals);
        self.reach.before = self.reach.before.zip(other.reach.before).map(|(one, other)| one.max(other));
        self.reach.behind = self.reach.behind.zip(other.reach.behind).map(|(one, other)| one.max(other));
        self
    }

    /// How often one of the literals is to be expected in a text of English, each as a share of its octets.
    fn frequency(&self) -> f64 {
        self.literals.iter().map(|literal| frequency(literal)).sum()
    }
}

/// The best set of literals of which every match has one.
fn required_literals(hir: &Hir) -> Option<Required> {
    let inner = match hir.kind() {
        HirKind::Capture(capture) => required_literals(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => {
            let others = repetition.max.zip(longest(&repetition.sub)).map(|(most, length)| length.saturating_mul(most as usize - 1));
            required_literals(&repetition.sub).map(|required| required.within(others, others))
        }
        HirKind::Concat(parts) => {
            let lengths: Vec<_> = parts.iter().map(longest).collect();
            let sum = |lengths: &[Option<usize>]| lengths.iter().copied().sum::<Option<usize>>();
            // Letters in either case are a part each: together they are worth something.
            let runs = (0..parts.len()).filter_map(|at| {
                let run = Hir::concat(parts[at..].iter().take(LONGEST_RUN).cloned().collect());
                Some(Required {
                    literals: leading_literals(&run)?,
                    reach: Reach { before: sum(&lengths[..at]), behind: sum(&lengths[at..]) },
                })
            });
            let nested = parts
                .iter()
                .enumerate()
                .filter_map(|(at, part)| Some(required_literals(part)?.within(sum(&lengths[..at]), sum(&lengths[at + 1..]))));
            runs.chain(nested).min_by(|one, other| one.frequency().total_cmp(&other.frequency()))
        }
        HirKind::Alternation(branches) => {
            let sets = branches.iter().map(required_literals).collect::<Option<Vec<_>>>();
            sets.and_then(|sets| sets.into_iter().reduce(Required::or))
        }
        _ => None,
    };
    let leading = leading_literals(hir).map(|literals| Required { literals, reach: Reach { before: Some(0), behind: longest(hir) } });
    [inner, leading].into_iter().flatten().min_by(|one, other| one.frequency().total_cmp(&other.frequency()))
}

fn longest(hir: &Hir) -> Option<usize> {
    hir.properties().maximum_len()
}

fn leading_literals(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    // A class of two is a letter in either case; a larger one says little.
    let sequence = Extractor::new().limit_class(2).extract(hir);
    let mut literals: Vec<_> = sequence.literals()?.iter().map(|literal| literal.as_bytes().to_ascii_lowercase()).collect();
    literals.sort_unstable();
    literals.dedup();
    (literals.iter().map(Vec::len).min()? >= SHORTEST_LITERAL).then_some(literals)
}

/// By the frequencies of the letters, in ten thousandths; the most frequent words are what letters alone do not tell.
fn frequency(literal: &[u8]) -> f64 {
    const LETTERS: [u16; 26] =
        [660, 120, 220, 340, 1000, 180, 160, 480, 560, 10, 60, 330, 200, 560, 610, 150, 10, 480, 510, 730, 230, 80, 190, 15, 160, 10];
    let by_letters = literal.iter().map(|octet| match octet {
        b'a'..=b'z' => LETTERS[usize::from(octet - b'a')],
        b' ' => 1800,
        _ => 100,
    });
    let share = by_letters.map(|often| f64::from(often) / 1e4).product::<f64>();
    if words::is_common(literal.trim_ascii()) { share + 5e-3 } else { share }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literals(expression: &str) -> Vec<String> {
        let pattern = Pattern::compile(expression).unwrap();
        pattern.literals.into_iter().map(|literal| String::from_utf8(literal).unwrap()).collect()
    }

    #[test]
    fn the_letters_that_every_match_has_are_known() {
        assert_eq!(literals(r"\bAccount\s+number\b"), ["account"]);
        assert_eq!(literals(r"\d{4} (?:pass|pin)code \d"), [" passcode ", " pincode "]);
        assert_eq!(literals(r"\bwith[a-z ]+zebra"), ["zebra"]);
        assert_eq!(literals(r"\d+(?i:Pay)\d"), ["pay"]);
        assert_eq!(literals(r"(?:alpha|be)\d"), [""; 0]);
        assert_eq!(literals(r"\d{3}[ -]?\d{4}"), [""; 0]);
    }

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
                        .literals
                        .iter()
                        .filter(|literal| small[at..].starts_with(literal))
                        .map(|literal| at..at + literal.len())
                        .collect::<Vec<_>>()
                };
                let occurrences: Vec<_> = (0..small.len()).flat_map(begin).collect();
                let found: Vec<_> = pattern.finds(text.as_bytes(), Some(&occurrences)).collect();
                let all: Vec<_> = pattern.regex.find_iter(text.as_bytes()).map(|found| found.range()).collect();
                assert_eq!(found, all, "{text:?} {:?} {:?}", pattern.literals, pattern.reach);
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
