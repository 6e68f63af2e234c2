//! One signal of a rule: something to look for.

use std::fmt;
use std::ops::RangeInclusive;

use toml::Spanned;

use super::faults::Faults;
use super::form::{CheckDigits, CountForm, NearForm, SignalForm};
use super::pattern::BadPattern;
use super::terms::{Terms, WordLists, read_terms};

pub use super::pattern::Pattern;

/// Of a regular expression, in characters.
const MAX_REGEX: usize = 1_000;

#[derive(Clone)]
pub enum Signal {
    Terms(Terms),
    Patterns {
        patterns: Vec<Pattern>,
        check: Option<CheckDigits>,
    },
    /// Two earlier signals with at most so many words between them.
    Near {
        a: usize,
        b: usize,
        words: usize,
        ordered: bool,
        same_sentence: bool,
    },
    /// At least so many finds of earlier signals.
    Count {
        of: Vec<usize>,
        at_least: usize,
    },
}

impl Signal {
    /// Whether it is made of the signal at that place.
    pub fn speaks_of(&self, place: usize) -> bool {
        match self {
            Self::Terms(_) | Self::Patterns { .. } => false,
            Self::Near { a, b, .. } => [*a, *b].contains(&place),
            Self::Count { of, .. } => of.contains(&place),
        }
    }
}

/// `earlier` are the signals that this one may speak of.
pub fn read_signal(form: &SignalForm, earlier: &[SignalForm], lists: &WordLists, faults: &mut Faults<'_>) -> Option<Signal> {
    let name = form.name.get_ref();
    let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && name.starts_with(|c: char| c.is_ascii_lowercase());
    if !plain || ["and", "or", "not"].contains(&name.as_str()) || name.len() > 40 {
        faults.at(&form.name, format!("`{name}` is no name for a signal"), "use small letters, digits and `_`; not `and`, `or`, `not`");
    }
    if earlier.iter().any(|signal| signal.name.get_ref() == name) {
        faults.at(&form.name, format!("there are two signals `{name}`"), "put their terms together, or name them apart");
    }
    if let Some(check) = form.check.as_ref().filter(|_| form.regex.is_none()) {
        faults.at(check, "`check` stands beside no `regex`", "write the regex that finds the numbers, or take `check` out");
    }
    let terms = form.terms.is_some() || form.lists.is_some();
    match (terms, &form.regex, &form.near, &form.count) {
        (true, None, None, None) => Some(Signal::Terms(read_terms(form.terms.as_ref(), form.lists.as_ref(), lists, faults))),
        (false, Some(regexes), None, None) => {
            let check = form.check.as_ref().map(|check| *check.get_ref());
            read_patterns(regexes, faults).map(|patterns| Signal::Patterns { patterns, check })
        }
        (false, None, Some(near), None) => read_near(near, earlier, faults),
        (false, None, None, Some(count)) => read_count(count, earlier, faults),
        _ => {
            faults.at(
                &form.name,
                format!("signal `{name}` has not exactly one of `terms`, `regex`, `near` and `count`"),
                "make a signal of each",
            );
            None
        }
    }
}

fn read_patterns(regexes: &Spanned<Vec<Spanned<String>>>, faults: &mut Faults<'_>) -> Option<Vec<Pattern>> {
    if regexes.get_ref().is_empty() {
        faults.at(regexes, "the list of regexes is empty", "write at least one");
        return None;
    }
    let mut patterns = Vec::new();
    for regex in regexes.get_ref() {
        let length = regex.get_ref().chars().count();
        if length > MAX_REGEX {
            faults.at(regex, format!("a regex of {length} characters, {MAX_REGEX} are allowed"), "make several signals of it");
            continue;
        }
        match Pattern::compile(regex.get_ref()) {
            Ok(pattern) => patterns.push(pattern),
            Err(BadPattern::Syntax { at, why }) => {
                let hint = if why.contains("repetition operator") { "write `\\+`, `\\*` or `\\?` for the plain sign" } else { SYNTAX_HINT };
                faults.inside(regex, at, why, hint);
            }
            Err(bad @ BadPattern::Empty) => faults.at(regex, bad.to_string(), "ask for at least one character: `+` instead of `*`"),
            Err(bad @ BadPattern::TooLarge) => faults.at(regex, bad.to_string(), "lower the numbers in `{…}`"),
        }
    }
    (patterns.len() == regexes.get_ref().len()).then_some(patterns)
}

const SYNTAX_HINT: &str = "docs.rs/regex describes the syntax; here `\\w`, `\\d` and `\\b` mean ASCII, and `(?:é|è)` stands for `[éè]`";

fn read_near(near: &NearForm, earlier: &[SignalForm], faults: &mut Faults<'_>) -> Option<Signal> {
    let a = read_reference(&near.a, earlier, faults);
    let b = read_reference(&near.b, earlier, faults);
    let words = read_number(&near.words, 0..=30, "the number of words", faults);
    Some(Signal::Near { a: a?, b: b?, words, ordered: near.ordered, same_sentence: near.same_sentence })
}

fn read_count(count: &CountForm, earlier: &[SignalForm], faults: &mut Faults<'_>) -> Option<Signal> {
    let of: Vec<_> = count.of.iter().map(|name| read_reference(name, earlier, faults)).collect();
    let at_least = read_number(&count.at_least, 2..=1_000, "`at_least`", faults);
    if of.is_empty() {
        faults.at(&count.at_least, "`of` names no signal", "name at least one");
        return None;
    }
    Some(Signal::Count { of: of.into_iter().collect::<Option<_>>()?, at_least })
}

/// The place of an earlier signal of terms or regexes.
fn read_reference(name: &Spanned<String>, earlier: &[SignalForm], faults: &mut Faults<'_>) -> Option<usize> {
    let place =
        earlier.iter().position(|signal| signal.name.get_ref() == name.get_ref() && signal.near.is_none() && signal.count.is_none());
    if place.is_none() {
        let why = format!("no signal `{}` of terms or regexes stands above", name.get_ref());
        faults.at(name, why, "`near` and `count` speak of signals further up in the file");
    }
    place
}

/// A number in its bounds; the lower bound, and a fault, where it is not.
pub fn read_number<T>(number: &Spanned<i64>, bounds: RangeInclusive<T>, what: &str, faults: &mut Faults<'_>) -> T
where
    T: Copy + PartialOrd + fmt::Display + TryFrom<i64>,
{
    let read = T::try_from(*number.get_ref()).ok().filter(|read| bounds.contains(read));
    read.unwrap_or_else(|| {
        let why = format!("{what} is {} to {}, and this is {}", bounds.start(), bounds.end(), number.get_ref());
        faults.at(number, why, "write a number within these bounds");
        *bounds.start()
    })
}
