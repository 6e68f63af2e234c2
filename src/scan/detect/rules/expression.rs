//! When a rule fires: signal names joined by `and`, `or`, `not` and brackets.

/// Deeper brackets than anybody reads.
const MAX_DEPTH: usize = 32;

/// Signals are numbers: their place in the rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    Signal(usize),
    Not(Box<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
}

/// Where in the expression, in octets, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misread {
    pub at: usize,
    pub why: String,
}

impl Expression {
    /// Reads an expression; `signals` are the names that may stand in it.
    ///
    /// # Errors
    /// At the first word that cannot stand where it stands.
    pub fn read(text: &str, signals: &[&str]) -> Result<Self, Misread> {
        let mut reader = Reader { words: split(text), at: 0, end: text.len(), signals };
        let expression = reader.any_of(0)?;
        match reader.peek() {
            None => Ok(expression),
            Some(word) => Err(reader.misread(format!("`{word}` cannot stand here: `and` or `or` is missing before it"))),
        }
    }

    /// Whether it holds when these signals are found.
    pub fn holds(&self, found: &impl Fn(usize) -> bool) -> bool {
        match self {
            Self::Signal(signal) => found(*signal),
            Self::Not(inner) => !inner.holds(found),
            Self::And(all) => all.iter().all(|inner| inner.holds(found)),
            Self::Or(any) => any.iter().any(|inner| inner.holds(found)),
        }
    }

    /// Whether it could hold when no other signals than these may be found.
    pub fn could_hold(&self, may_be_found: &impl Fn(usize) -> bool) -> bool {
        match self {
            Self::Signal(signal) => may_be_found(*signal),
            Self::Not(_) => true,
            Self::And(all) => all.iter().all(|inner| inner.could_hold(may_be_found)),
            Self::Or(any) => any.iter().any(|inner| inner.could_hold(may_be_found)),
        }
    }

    /// Puts what costs less before what costs more, wherever the order makes no difference but in time.
    pub fn cheapest_first(&mut self, cost: &impl Fn(usize) -> u32) {
        match self {
            Self::Signal(_) => {}
            Self::Not(inner) => inner.cheapest_first(cost),
            Self::And(inner) | Self::Or(inner) => {
                for inner in inner.iter_mut() {
                    inner.cheapest_first(cost);
                }
                inner.sort_by_key(|inner| inner.names().into_iter().map(cost).max());
            }
        }
    }

    /// The signals that speak for it; those behind a `not` only speak against.
    pub fn speaks_for(&self) -> Vec<usize> {
        match self {
            Self::Signal(signal) => vec![*signal],
            Self::Not(_) => Vec::new(),
            Self::And(inner) | Self::Or(inner) => inner.iter().flat_map(Self::speaks_for).collect(),
        }
    }

    /// Every signal that is named.
    pub fn names(&self) -> Vec<usize> {
        match self {
            Self::Signal(signal) => vec![*signal],
            Self::Not(inner) => inner.names(),
            Self::And(inner) | Self::Or(inner) => inner.iter().flat_map(Self::names).collect(),
        }
    }
}

struct Reader<'a> {
    words: Vec<(usize, &'a str)>,
    at: usize,
    end: usize,
    signals: &'a [&'a str],
}

impl<'a> Reader<'a> {
    fn any_of(&mut self, depth: usize) -> Result<Expression, Misread> {
        let mut parts = vec![self.all_of(depth)?];
        while self.peek() == Some("or") {
            self.at += 1;
            parts.push(self.all_of(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
    }

    fn all_of(&mut self, depth: usize) -> Result<Expression, Misread> {
        let mut parts = vec![self.one(depth)?];
        while self.peek() == Some("and") {
            self.at += 1;
            parts.push(self.one(depth)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) })
    }

    fn one(&mut self, depth: usize) -> Result<Expression, Misread> {
        if depth > MAX_DEPTH {
            return Err(self.misread(format!("more than {MAX_DEPTH} brackets and `not` within each other")));
        }
        let word = self.peek().ok_or_else(|| self.misread("a signal is missing at the end".to_owned()))?;
        match word {
            "not" => {
                self.at += 1;
                Ok(Expression::Not(Box::new(self.one(depth + 1)?)))
            }
            "(" => {
                self.at += 1;
                let inner = self.any_of(depth + 1)?;
                if self.peek() != Some(")") {
                    return Err(self.misread("a bracket is not closed".to_owned()));
                }
                self.at += 1;
                Ok(inner)
            }
            ")" | "and" | "or" => Err(self.misread(format!("a signal is missing before `{word}`"))),
            name => {
                let signal = self.signals.iter().position(|signal| *signal == name);
                let signal = signal.ok_or_else(|| self.misread(format!("there is no signal `{name}`")))?;
                self.at += 1;
                Ok(Expression::Signal(signal))
            }
        }
    }

    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).map(|(_, word)| *word)
    }

    fn misread(&self, why: String) -> Misread {
        Misread { at: self.words.get(self.at).map_or(self.end, |(at, _)| *at), why }
    }
}

/// Words and brackets, each with where it begins.
fn split(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut start = None;
    for (at, character) in text.char_indices().chain([(text.len(), ' ')]) {
        let ends = character.is_whitespace() || matches!(character, '(' | ')');
        match start {
            Some(begun) if ends => {
                words.push((begun, &text[begun..at]));
                start = None;
            }
            None if !ends => start = Some(at),
            _ => {}
        }
        if matches!(character, '(' | ')') {
            words.push((at, &text[at..=at]));
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNALS: &[&str] = &["a", "b", "c"];

    fn holds(text: &str, found: &[usize]) -> bool {
        Expression::read(text, SIGNALS).unwrap().holds(&|signal| found.contains(&signal))
    }

    #[test]
    fn not_binds_closer_than_and_and_and_closer_than_or() {
        assert!(holds("a and not b or c", &[0]));
        assert!(!holds("a and not b or c", &[0, 1]));
        assert!(holds("a and not b or c", &[0, 1, 2]));
        assert!(!holds("a and not (b or c)", &[0, 2]));
    }

    #[test]
    fn what_could_still_hold_takes_every_not_as_granted() {
        let expression = Expression::read("a and not b", SIGNALS).unwrap();
        assert!(expression.could_hold(&|signal| signal == 0));
        assert!(!expression.could_hold(&|_| false));
        assert_eq!((expression.speaks_for(), expression.names()), (vec![0], vec![0, 1]));
    }

    #[test]
    fn what_cannot_be_read_is_said_where_it_stands() {
        for (text, at, why) in [
            ("a and", 5, "a signal is missing at the end"),
            ("", 0, "a signal is missing at the end"),
            ("a b", 2, "`b` cannot stand here: `and` or `or` is missing before it"),
            ("(a or b", 7, "a bracket is not closed"),
            ("a or d", 5, "there is no signal `d`"),
            ("or a", 0, "a signal is missing before `or`"),
            ("a)", 1, "`)` cannot stand here: `and` or `or` is missing before it"),
        ] {
            assert_eq!(Expression::read(text, SIGNALS), Err(Misread { at, why: why.to_owned() }), "{text}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        for open in ["(", "not "] {
            let misread = Expression::read(&open.repeat(100_000), SIGNALS).unwrap_err();
            assert_eq!(misread.why, "more than 32 brackets and `not` within each other");
        }
    }
}
