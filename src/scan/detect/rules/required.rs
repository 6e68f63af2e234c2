//! Literals of which every match of a regex has one: what is looked for before the regex is asked.

use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Hir, HirKind, Repetition};

use super::words;

/// Fewer letters than this are in every text.
const SHORTEST: usize = 3;
/// The rest of a longer one is looked at where its beginning stands: the fewer letters, the smaller the table of them all.
const LONGEST: usize = 8;
/// Parts of an expression that are looked at together.
const LONGEST_RUN: usize = 8;

/// Every match has a literal of one of the sets.
pub struct Required(pub Vec<Set>);

/// Literals that begin at one place of the expression.
pub struct Set {
    /// In small letters, each of at least three octets; none twice.
    pub literals: Vec<Vec<u8>>,
    /// What matches before that place.
    pub before: Hir,
    /// What matches from there on, the literal included.
    pub behind: Hir,
}

impl Required {
    /// Nothing, where every text has such letters.
    pub fn of(hir: &Hir) -> Self {
        let mut required = required(hir).unwrap_or(Self(Vec::new()));
        for set in &mut required.0 {
            set.literals.iter_mut().for_each(|literal| literal.truncate(LONGEST));
            set.literals.sort_unstable();
            set.literals.dedup();
        }
        required
    }

    /// The same within a longer expression.
    fn within(mut self, before: &Hir, behind: &Hir) -> Self {
        for set in &mut self.0 {
            set.before = Hir::concat(vec![before.clone(), std::mem::replace(&mut set.before, Hir::empty())]);
            set.behind = Hir::concat(vec![std::mem::replace(&mut set.behind, Hir::empty()), behind.clone()]);
        }
        self
    }

    /// How often one of the literals is to be expected in a text of English, each as a share of its octets.
    fn frequency(&self) -> f64 {
        self.0.iter().flat_map(|set| &set.literals).map(|literal| frequency(literal)).sum()
    }
}

/// The rarest.
fn required(hir: &Hir) -> Option<Required> {
    let inner = match hir.kind() {
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => {
            let others = Hir::repetition(Repetition { min: 0, max: repetition.max.map(|most| most - 1), ..repetition.clone() });
            required(&repetition.sub).map(|required| required.within(&others, &others))
        }
        HirKind::Concat(parts) => {
            // Letters in either case are a part each: together they are worth something. An assertion stands before them.
            let begins = |at: &usize| !matches!(parts[*at].kind(), HirKind::Look(_));
            let runs = (0..parts.len()).filter(begins).filter_map(|at| {
                let literals = leading_literals(&Hir::concat(parts[at..].iter().take(LONGEST_RUN).cloned().collect()))?;
                // The run itself is what stands behind.
                Some((at, at, Required(vec![Set { literals, before: Hir::empty(), behind: Hir::empty() }])))
            });
            let nested = parts.iter().enumerate().filter_map(|(at, part)| Some((at, at + 1, required(part)?)));
            let rarest = runs.chain(nested).min_by(|(.., one), (.., other)| one.frequency().total_cmp(&other.frequency()));
            rarest.map(|(before, behind, required)| {
                required.within(&Hir::concat(parts[..before].to_vec()), &Hir::concat(parts[behind..].to_vec()))
            })
        }
        HirKind::Alternation(branches) => {
            let sets = branches.iter().map(|branch| Some(required(branch)?.0)).collect::<Option<Vec<_>>>();
            sets.map(|sets| Required(sets.into_iter().flatten().collect()))
        }
        _ => None,
    };
    let leading = leading_literals(hir).map(|literals| Required(vec![Set { literals, before: Hir::empty(), behind: hir.clone() }]));
    [inner, leading].into_iter().flatten().min_by(|one, other| one.frequency().total_cmp(&other.frequency()))
}

fn leading_literals(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    // A class of two is a letter in either case; a larger one says little.
    let sequence = Extractor::new().limit_class(2).extract(hir);
    let mut literals: Vec<_> = sequence.literals()?.iter().map(|literal| literal.as_bytes().to_ascii_lowercase()).collect();
    literals.sort_unstable();
    literals.dedup();
    (literals.iter().map(Vec::len).min()? >= SHORTEST).then_some(literals)
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
    use regex_syntax::ParserBuilder;

    use super::*;

    fn literals(expression: &str) -> Vec<String> {
        let hir = ParserBuilder::new().unicode(false).utf8(false).build().parse(expression).unwrap();
        let literals = Required::of(&hir).0.into_iter().flat_map(|set| set.literals);
        literals.map(|literal| String::from_utf8(literal).unwrap()).collect()
    }

    #[test]
    fn the_letters_that_every_match_has_are_known() {
        assert_eq!(literals(r"\bAccount\s+number\b"), ["account"]);
        assert_eq!(literals(r"\d{4} (?:pass|pin)code \d"), [" passcod", " pincode"]);
        assert_eq!(literals(r"\bwith[a-z ]+zebra"), ["zebra"]);
        assert_eq!(literals(r"\d+(?i:Pay)\d"), ["pay"]);
        assert_eq!(literals(r"(?:alpha|be)\d"), [""; 0]);
        assert_eq!(literals(r"\d{3}[ -]?\d{4}"), [""; 0]);
    }
}
