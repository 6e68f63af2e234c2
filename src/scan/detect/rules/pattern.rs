//! A regular expression, and the fixed letters without which it cannot match.

use std::cmp::Reverse;

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Hir, HirKind};

/// Fewer letters than this are in every text.
const SHORTEST_LITERAL: usize = 3;
/// Parts of an expression that are looked at together for literals.
const LONGEST_RUN: usize = 8;
/// Of the compiled expression, in octets.
const SIZE_LIMIT: usize = 1 << 20;
const NEST_LIMIT: u32 = 50;

/// Small and capital letters are the same to it; `\w`, `\b` and `\d` mean ASCII.
#[derive(Clone, Debug)]
pub struct Pattern {
    pub regex: Regex,
    /// One of these, in small letters, is in every match. Empty where there is no such set.
    pub literals: Vec<Vec<u8>>,
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
        let regex = RegexBuilder::new(&expression)
            .unicode(false)
            .case_insensitive(true)
            .nest_limit(NEST_LIMIT)
            .size_limit(SIZE_LIMIT)
            .dfa_size_limit(SIZE_LIMIT)
            .build()
            .map_err(|_| BadPattern::TooLarge)?;
        Ok(Self { regex, literals: required_literals(&hir).unwrap_or_default() })
    }
}

fn misread(error: regex_syntax::Error) -> BadPattern {
    match error {
        regex_syntax::Error::Parse(error) => BadPattern::Syntax { at: error.span().start.offset, why: error.kind().to_string() },
        regex_syntax::Error::Translate(error) => BadPattern::Syntax { at: error.span().start.offset, why: error.kind().to_string() },
        other => BadPattern::Syntax { at: 0, why: other.to_string() },
    }
}

/// The best set of literals of which every match has one.
fn required_literals(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    let inner = match hir.kind() {
        HirKind::Capture(capture) => required_literals(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => required_literals(&repetition.sub),
        HirKind::Concat(parts) => {
            // Letters in either case are a part each: together they are worth something.
            let runs = (0..parts.len()).map(|at| Hir::concat(parts[at..].iter().take(LONGEST_RUN).cloned().collect()));
            let runs = runs.filter_map(|run| leading_literals(&run));
            runs.chain(parts.iter().filter_map(required_literals)).max_by_key(|set| worth(set))
        }
        HirKind::Alternation(branches) => branches.iter().map(required_literals).collect::<Option<Vec<_>>>().map(|sets| sets.concat()),
        _ => None,
    };
    [inner, leading_literals(hir)].into_iter().flatten().max_by_key(|set| worth(set))
}

fn leading_literals(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    // A class of two is a letter in either case; a larger one says little.
    let sequence = Extractor::new().limit_class(2).extract(hir);
    let mut literals: Vec<_> = sequence.literals()?.iter().map(|literal| literal.as_bytes().to_ascii_lowercase()).collect();
    literals.sort_unstable();
    literals.dedup();
    (literals.iter().map(Vec::len).min()? >= SHORTEST_LITERAL).then_some(literals)
}

/// Four letters are rare enough; beyond that, few literals are worth more than long ones.
fn worth(literals: &[Vec<u8>]) -> (usize, Reverse<usize>, usize) {
    let shortest = literals.iter().map(Vec::len).min().unwrap_or(0);
    (shortest.min(4), Reverse(literals.len()), shortest)
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
        assert_eq!(literals(r"\d{4} (?:pass|pin)code \d"), ["code "]);
        assert_eq!(literals(r"\d+(?i:Pay)\d"), ["pay"]);
        assert_eq!(literals(r"(?:alpha|be)\d"), [""; 0]);
        assert_eq!(literals(r"\d{3}[ -]?\d{4}"), [""; 0]);
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
