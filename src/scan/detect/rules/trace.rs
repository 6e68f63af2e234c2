//! Why a rule fires on a text or does not, and what would turn it.

use std::ops::Range;
use std::time::Instant;

use super::book::RuleBook;
use super::compile::Rule;
use super::evaluate::{self, Evidence, Hits, Weighing};
use super::fold::Folded;
use super::joint;
use super::signal::Signal;
use super::terms::Terms;
use crate::finding::{AdjustmentTrace, Location, Quote, SignalTrace, Trace};
use crate::scan::extract::TextExtract;

/// Of one message: more than anybody reads.
const MOST_TRACES: usize = 200;
/// Of one signal.
const MOST_QUOTES: usize = 3;
/// Of the words of a quote, in characters.
const LONGEST_QUOTE: usize = 200;
/// Characters on either side of a quote.
const CONTEXT: usize = 30;

/// What one text has of a rule; the vectors are parallel to its signals.
pub struct Seen {
    pub hits: Vec<Hits>,
    /// Those of the spans that were read through a trick with letters.
    pub disguised: Vec<Vec<Range<usize>>>,
    pub exceptions: Vec<Range<usize>>,
}

impl RuleBook {
    /// Every rule that fires on these texts, and every one that a single signal or exception keeps from it.
    pub fn traces(&self, texts: &[TextExtract]) -> Vec<Trace> {
        let mut traces: Vec<Trace> =
            texts.iter().flat_map(|text| self.traces_in(&text.text, &|at| text.location_at(at))).take(MOST_TRACES).collect();
        // A subject and its body are read as one, too.
        for (subject, body) in texts.iter().flat_map(|one| texts.iter().map(move |other| (one, other))) {
            if !joint::belongs(&subject.location, &body.location) {
                continue;
            }
            let fires = |trace: &Trace| trace.score.is_some();
            let joined = self.traces_in(&joint::join(subject, body), &|_| subject.location.clone());
            let (new, _): (Vec<_>, Vec<_>) = joined.into_iter().partition(|new| {
                fires(new) && self.looks_in_both(&new.rule) && !traces.iter().any(|known| fires(known) && known.rule == new.rule)
            });
            traces.retain(|known| fires(known) || !new.iter().any(|new| new.rule == known.rule));
            traces.extend(new);
        }
        traces
    }

    /// `location` is of an octet of the text.
    fn traces_in(&self, text: &str, location: &impl Fn(usize) -> Location) -> Vec<Trace> {
        let folded = Folded::new(text);
        let touched = self.touched(&folded, location(0).field);
        touched.iter().filter_map(|(rule, seen)| Tracing { rule, folded: &folded, text, seen }.trace(location)).collect()
    }
}

struct Tracing<'a> {
    rule: &'a Rule,
    folded: &'a Folded<'a>,
    text: &'a str,
    seen: &'a Seen,
}

impl Tracing<'_> {
    /// `None` of a rule that neither fires nor nearly does.
    fn trace(&self, location: &impl Fn(usize) -> Location) -> Option<Trace> {
        let rule = self.rule;
        let begun = Instant::now();
        let found = self.weigh(rule, &self.seen.hits, &self.seen.exceptions);
        let score = score(rule, &found);
        let cost = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let (without, with) = self.turned_by(&found, score.is_some());
        let unexcepted = self.weigh(rule, &self.seen.hits, &[]);
        let excepted_from_firing = score.is_none() && evaluate::score(rule, &|signal| unexcepted[signal].holds).is_some();
        let speaks = rule.fire.speaks_for().into_iter().any(|signal| found[signal].holds);
        if score.is_none() && !excepted_from_firing && !(speaks && without.len() + with.len() > 0) {
            return None;
        }
        let first =
            found.iter().filter(|evidence| evidence.holds).filter_map(|evidence| evidence.spans.first()).min_by_key(|span| span.start);
        let name = |signal: usize| rule.wording.signals[signal].clone();
        Some(Trace {
            rule: rule.id.clone(),
            version: rule.version,
            title: rule.title.clone(),
            category: rule.category,
            stage: rule.stage,
            location: location(first.map_or(0, |span| self.folded.original(span).start)),
            base: rule.score,
            score,
            fire: rule.wording.fire.clone(),
            signals: found.iter().enumerate().map(|(signal, evidence)| self.signal(signal, evidence)).collect(),
            adjustments: self.adjustments(&found),
            excepted: self.seen.exceptions.iter().take(MOST_QUOTES).map(|span| self.quote(span, false)).collect(),
            without: without.into_iter().map(name).collect(),
            with: with.into_iter().map(name).collect(),
            cost,
        })
    }

    fn weigh(&self, rule: &Rule, hits: &[Hits], exceptions: &[Range<usize>]) -> Vec<Evidence> {
        let (hits, excepted) = (|signal: usize| hits[signal].clone(), || exceptions.to_vec());
        Weighing::new(rule, self.folded.view().as_bytes(), &hits, &excepted).all()
    }

    /// The signals that hold and those that do not, each of which alone turns what the rule does.
    fn turned_by(&self, found: &[Evidence], fires: bool) -> (Vec<usize>, Vec<usize>) {
        let turns = |signal: &usize| {
            let turned = if found[*signal].holds {
                score(self.rule, &self.weigh_without(*signal))
            } else {
                evaluate::score(self.rule, &|other| other == *signal || found[other].holds)
            };
            turned.is_some() != fires
        };
        (0..found.len()).filter(turns).partition(|signal| found[*signal].holds)
    }

    /// As if nothing of that signal were in the text.
    fn weigh_without(&self, signal: usize) -> Vec<Evidence> {
        let mut rule = self.rule.clone();
        let mut hits = self.seen.hits.clone();
        if !matches!(rule.signals[signal], Signal::Near { .. } | Signal::Count { .. }) {
            rule.signals[signal] = Signal::Terms(Terms::default());
            hits[signal] = Hits::default();
        }
        let mut found = self.weigh(&rule, &hits, &self.seen.exceptions);
        found[signal].holds = false;
        found
    }

    fn signal(&self, signal: usize, evidence: &Evidence) -> SignalTrace {
        let quotes = evidence.spans.iter().take(MOST_QUOTES).map(|span| self.quote(span, self.is_disguised(signal, span)));
        SignalTrace {
            name: self.rule.wording.signals[signal].clone(),
            holds: evidence.holds,
            quotes: quotes.collect(),
            places: u32::try_from(evidence.spans.len()).unwrap_or(u32::MAX),
        }
    }

    /// Words that are none of the signal's terms as they stand there.
    fn is_disguised(&self, signal: usize, span: &Range<usize>) -> bool {
        self.seen.disguised[signal].contains(span)
    }

    fn adjustments(&self, found: &[Evidence]) -> Vec<AdjustmentTrace> {
        let written = self.rule.adjustments.iter().zip(&self.rule.wording.adjustments);
        let trace = |(adjust, (when, because)): (&super::compile::Adjustment, &(String, String))| AdjustmentTrace {
            when: when.clone(),
            add: adjust.add,
            because: because.clone(),
            applies: adjust.when.holds(&|signal| found[signal].holds),
        };
        written.map(trace).collect()
    }

    fn quote(&self, span: &Range<usize>, disguised: bool) -> Quote {
        quote(self.text, self.folded.original(span), disguised)
    }
}

/// Words of a text, with a few on either side; the span is on the edges of characters.
pub fn quote(text: &str, span: Range<usize>, disguised: bool) -> Quote {
    let (before, rest) = text.split_at_checked(span.start).unwrap_or_default();
    let (matched, after) = rest.split_at_checked(span.len()).unwrap_or_default();
    let start = before.char_indices().rev().nth(CONTEXT - 1).map_or(0, |(at, _)| at);
    Quote {
        before: before[start..].to_owned(),
        matched: matched.chars().take(LONGEST_QUOTE).collect(),
        after: after.chars().take(CONTEXT).collect(),
        disguised,
    }
}

fn score(rule: &Rule, found: &[Evidence]) -> Option<u16> {
    evaluate::score(rule, &|signal| found[signal].holds)
}
