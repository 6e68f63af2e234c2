//! Whether one rule fires, given what was found of its signals in a text.

use std::cell::OnceCell;
use std::ops::Range;

use super::compile::Rule;
use super::form::CheckDigits;
use super::pattern::Pattern;
use super::signal::Signal;
use super::{sentence, words};

/// More finds of one regex than this are not asked for: each may cost a look at the rest of the text.
const MAX_PATTERN_HITS: usize = 256;
/// Nor are more finds held against their check digits.
const MAX_CHECKED: usize = 4_096;
/// No word that matters to `near` is longer, in octets.
const LONGEST_WORD: usize = 64;

/// What one text has of one signal of a rule.
#[derive(Clone, Default)]
pub struct Hits {
    /// In the order of the text.
    pub spans: Vec<Range<usize>>,
    /// There were more than are kept.
    pub flooded: bool,
    /// Of each regex: where the letters stand without which it cannot match, in the order of the text; `None` for more than are kept.
    pub literals: Vec<Option<Vec<Range<usize>>>>,
}

/// Whether the rule could fire if every regex did match that may: one without literals always may, any
/// other signal where it is `seen`.
pub fn could_fire(rule: &Rule, seen: &impl Fn(usize) -> bool) -> bool {
    let bare = |signal: usize| matches!(&rule.signals[signal], Signal::Patterns { patterns, .. } if patterns.iter().any(|pattern| pattern.is_bare));
    let may = |signal: usize| seen(signal) || bare(signal);
    rule.fire.could_hold(&|signal| match &rule.signals[signal] {
        Signal::Terms(_) | Signal::Patterns { .. } => may(signal),
        Signal::Near { a, b, .. } => may(*a) && may(*b),
        Signal::Count { of, .. } => of.iter().any(|signal| may(*signal)),
    })
}

/// How dear it is to know whether a signal holds: terms are found already, a regex is still to be run around its literals,
/// and one without literals over the whole text.
pub fn cost(signals: &[Signal], signal: usize) -> u32 {
    match &signals[signal] {
        Signal::Terms(_) => 0,
        Signal::Patterns { patterns, .. } => patterns.iter().map(|pattern| if pattern.is_bare { 100 } else { 1 }).sum(),
        Signal::Near { a, b, .. } => cost(signals, *a) + cost(signals, *b),
        Signal::Count { of, .. } => of.iter().map(|signal| cost(signals, *signal)).sum(),
    }
}

/// A rule that fires.
pub struct Fired {
    /// The first of the finds that speak for it.
    pub span: Range<usize>,
    /// Adjusted; 1 to 100.
    pub score: u16,
}

/// Whether the rule fires, and where. Asked only of rules that could fire; of their signals those are looked into that decide it.
pub fn fires(weighing: &Weighing<'_>) -> Option<Fired> {
    let score = score(weighing.rule, &|signal| weighing.of(signal).holds)?;
    let speaking = weighing.rule.fire.speaks_for().into_iter().map(|signal| weighing.of(signal)).filter(|evidence| evidence.holds);
    let first = speaking.filter_map(|evidence| evidence.spans.first()).min_by_key(|span| span.start);
    Some(Fired { span: first.cloned().unwrap_or(0..0), score })
}

/// What the rule scores where these signals hold, 1 to 100; `None` where it does not fire.
pub fn score(rule: &Rule, holds: &impl Fn(usize) -> bool) -> Option<u16> {
    if !rule.fire.holds(holds) {
        return None;
    }
    let adjusted = rule.adjustments.iter().filter(|adjust| adjust.when.holds(holds)).map(|adjust| i32::from(adjust.add));
    u16::try_from((i32::from(rule.score) + adjusted.sum::<i32>()).clamp(0, 100)).ok().filter(|score| *score > 0)
}

/// What stands for each signal of a rule in one text, found out when somebody asks.
pub struct Weighing<'a> {
    pub rule: &'a Rule,
    text: &'a [u8],
    hits: &'a dyn Fn(usize) -> Hits,
    excepted: &'a dyn Fn() -> Vec<Range<usize>>,
    exceptions: OnceCell<Vec<Range<usize>>>,
    found: Vec<OnceCell<Evidence>>,
}

impl<'a> Weighing<'a> {
    /// `hits` is what the text has of a signal, `excepted` what of the text does not count; both in the order of the text.
    pub fn new(rule: &'a Rule, text: &'a [u8], hits: &'a dyn Fn(usize) -> Hits, excepted: &'a dyn Fn() -> Vec<Range<usize>>) -> Self {
        let found = rule.signals.iter().map(|_| OnceCell::new()).collect();
        Self { rule, text, hits, excepted, exceptions: OnceCell::new(), found }
    }

    pub fn of(&self, signal: usize) -> &Evidence {
        self.found[signal].get_or_init(|| self.weigh(signal))
    }

    /// Of every signal.
    pub fn all(self) -> Vec<Evidence> {
        for signal in 0..self.found.len() {
            let _ = self.of(signal);
        }
        self.found.into_iter().filter_map(OnceCell::into_inner).collect()
    }

    fn weigh(&self, signal: usize) -> Evidence {
        match &self.rule.signals[signal] {
            Signal::Terms(_) => {
                let Hits { spans, flooded, .. } = (self.hits)(signal);
                Evidence::of(&spans, flooded, self.exceptions())
            }
            Signal::Patterns { patterns, check } => {
                let hits = (self.hits)(signal);
                let (mut spans, flooded) = search(patterns, *check, self.text, &hits.literals);
                // Those that have a disguised word in them were found already.
                spans.extend(hits.spans);
                spans.sort_unstable_by_key(|span| (span.start, span.end));
                Evidence::of(&spans, flooded, self.exceptions())
            }
            Signal::Near { a, b, words, ordered, same_sentence } => {
                // Where one of the two is absent, the dearer is not looked for.
                let signals = &self.rule.signals;
                let cheaper = if cost(signals, *a) <= cost(signals, *b) { *a } else { *b };
                if !self.of(cheaper).holds {
                    return Evidence { holds: false, spans: Vec::new() };
                }
                let close = |first: &Range<usize>, second: &Range<usize>| close(self.text, first.end, second.start, *words, *same_sentence);
                Evidence::near(self.of(*a), self.of(*b), close, *ordered)
            }
            Signal::Count { of, at_least } => Evidence::count(of.iter().map(|signal| self.of(*signal)), *at_least),
        }
    }

    fn exceptions(&self) -> &[Range<usize>] {
        self.exceptions.get_or_init(|| merged(&(self.excepted)()))
    }
}

/// What stands for one signal, exceptions taken off.
pub struct Evidence {
    pub holds: bool,
    /// In the order of the text.
    pub spans: Vec<Range<usize>>,
}

impl Evidence {
    fn of(spans: &[Range<usize>], flooded: bool, exceptions: &[Range<usize>]) -> Self {
        if flooded {
            return Self { holds: true, spans: spans.to_vec() };
        }
        let mut spans: Vec<_> = spans.iter().filter(|span| !touches(exceptions, span)).cloned().collect();
        spans.dedup();
        Self { holds: !spans.is_empty(), spans }
    }

    fn near(a: &Self, b: &Self, close: impl Fn(&Range<usize>, &Range<usize>) -> bool, ordered: bool) -> Self {
        let pair = a.spans.iter().find_map(|one| {
            let at = b.spans.partition_point(|other| other.start < one.start);
            let after = b.spans.get(at).filter(|other| close(one, other));
            let before = || if ordered { None } else { b.spans[..at].last().filter(|other| close(other, one)) };
            after.or_else(before).map(|other| one.start.min(other.start)..one.end.max(other.end))
        });
        Self { holds: pair.is_some(), spans: pair.into_iter().collect() }
    }

    fn count<'e>(of: impl Iterator<Item = &'e Self> + Clone, at_least: usize) -> Self {
        let first = of.clone().filter_map(|evidence| evidence.spans.first()).min_by_key(|span| span.start).cloned();
        Self { holds: of.map(|evidence| apart(&evidence.spans)).sum::<usize>() >= at_least, spans: first.into_iter().collect() }
    }
}

/// How many of these spans stand beside each other: a phrase inside a phrase is found twice, and said once.
fn apart(spans: &[Range<usize>]) -> usize {
    let mut reached = 0;
    spans
        .iter()
        .filter(|span| {
            span.start >= reached && {
                reached = span.end;
                true
            }
        })
        .count()
}

/// The finds of all these regexes, and whether there were more.
fn search(
    patterns: &[Pattern],
    check: Option<CheckDigits>,
    text: &[u8],
    literals: &[Option<Vec<Range<usize>>>],
) -> (Vec<Range<usize>>, bool) {
    let mut spans = Vec::new();
    let mut flooded = false;
    for (pattern, literals) in patterns.iter().zip(literals) {
        let before = spans.len();
        let mut looked_at = 0;
        let found = pattern.finds(text, literals.as_deref()).take(MAX_CHECKED).inspect(|_| looked_at += 1);
        let right = found.filter(|found| check.is_none_or(|check| check.hold(&text[found.clone()])));
        spans.extend(right.take(MAX_PATTERN_HITS));
        flooded |= spans.len() - before == MAX_PATTERN_HITS || looked_at == MAX_CHECKED;
    }
    spans.sort_unstable_by_key(|span| (span.start, span.end));
    (spans, flooded)
}

/// Whether at most so many words lie between two places, and no sentence ends there if none may. Looks at a bounded
/// number of octets.
fn close(text: &[u8], from: usize, to: usize, words: usize, same_sentence: bool) -> bool {
    if to <= from {
        return true;
    }
    to - from <= (words + 1) * LONGEST_WORD
        && words::words(&text[from..to]).take(words + 1).count() <= words
        && !(same_sentence && sentence::ends_within(text, from..to))
}

/// As few ranges as cover the same places; ranges come in the order of their starts.
fn merged(ranges: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push(range.clone()),
        }
    }
    merged
}

fn touches(exceptions: &[Range<usize>], span: &Range<usize>) -> bool {
    let next = exceptions.partition_point(|exception| exception.end <= span.start);
    exceptions.get(next).is_some_and(|exception| exception.start < span.end)
}
