//! All rules in force, as one index: what a text is matched against.

use std::ops::Range;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::compile::Rule;
use super::evaluate::{self, Fired, Hits};
use super::fold::Folded;
use super::form::Evasion;
use super::joint;
use super::lexicon::Lexicon;
use super::quoted::Quotes;
use super::reread;
use super::signal::Signal;
use super::words::WordIndex;
use crate::finding::{Field, Finding, Kind, Location, RuleId, Stage};
use crate::scan::detect::Match;
use crate::scan::extract::TextExtract;

/// More finds of one signal in one text than this are not kept: the signal then counts as found, whatever
/// its exceptions say, so that nobody hides one find behind thousands.
pub const MAX_HITS: u32 = 16_384;

/// Of all literals together, in octets: so many are looked for with a table that has an entry for every octet after every other.
const LARGEST_TABLE: usize = 1 << 16;

/// Immutable once built; any number of threads may match with it.
pub struct RuleBook {
    rules: Vec<Rule>,
    /// Where the keys of each rule begin: one for each of its signals, then one for its exceptions.
    first_keys: Vec<u32>,
    keys: u32,
    words: WordIndex,
    /// The terms that are looked for under disguises too.
    lexicon: Lexicon,
    /// The literals of all regexes, and the regex that each belongs to.
    literals: Option<AhoCorasick>,
    literal_patterns: Vec<u32>,
    /// The key of the signal that each regex belongs to: regexes of one signal stand together.
    pattern_keys: Vec<u32>,
    /// Rules that can fire without any term or literal: their regexes run over every text.
    restless: Vec<usize>,
    terms: usize,
}

impl RuleBook {
    /// Rules that have not come so far as `lowest` are left out.
    pub fn new(rules: impl IntoIterator<Item = Rule>, lowest: Stage) -> Self {
        let rules: Vec<_> = rules.into_iter().filter(|rule| rule.stage >= lowest).collect();
        let mut keys = 0;
        let mut first_keys = Vec::new();
        for rule in &rules {
            first_keys.push(keys);
            keys += key(rule.signals.len()) + 1;
        }

        let mut terms = Vec::new();
        let mut literals = Vec::new();
        let mut literal_patterns = Vec::new();
        let mut pattern_keys = Vec::new();
        for (rule, first) in rules.iter().zip(&first_keys) {
            for (signal, key) in rule.signals.iter().zip(*first..) {
                match signal {
                    Signal::Terms(words) => terms.extend(words.iter().map(|term| (term.as_str(), key))),
                    Signal::Patterns { patterns: regexes, .. } => {
                        for pattern in regexes {
                            literal_patterns.extend(pattern.literals.iter().map(|_| self::key(pattern_keys.len())));
                            literals.extend(pattern.literals.iter().map(Vec::as_slice));
                            pattern_keys.push(key);
                        }
                    }
                    Signal::Near { .. } | Signal::Count { .. } => {}
                }
            }
            terms.extend(rule.exceptions.iter().map(|term| (term.as_str(), first + key(rule.signals.len()))));
        }
        let words = WordIndex::new(terms.iter().copied());
        let rule_of = |key: u32| &rules[first_keys.partition_point(|first| *first <= key) - 1];
        let disguised = terms.iter().filter(|(_, key)| rule_of(*key).evasion == Evasion::Letters);
        let lexicon = Lexicon::new(disguised.map(|(term, _)| *term));
        let terms = terms.len() + pattern_keys.len();
        let restless = (0..rules.len()).filter(|place| evaluate::could_fire(&rules[*place], &|_| false)).collect();
        Self { first_keys, keys, words, lexicon, restless, terms, literals: automaton(&literals), literal_patterns, pattern_keys, rules }
    }

    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    /// Terms and regexes of the rules in force.
    pub fn terms(&self) -> usize {
        self.terms
    }

    /// Every rule that fires on these texts, with the place of its text in the slice; each rule at most once a text.
    pub fn texts(&self, texts: &[TextExtract]) -> Vec<(usize, Match)> {
        let mut matches = Vec::new();
        let mut subjects: Vec<(usize, Found)> = Vec::new();
        for (place, text) in texts.iter().enumerate() {
            let folded = Folded::new(&text.text);
            let mut found = self.search(folded.view());
            let quotes = Quotes::of(&folded, text.location.field);
            for (rule, fired) in self.fired(&folded, &quotes, &mut found) {
                let span = folded.original(&fired.span);
                let location = Location { field: quotes.field_of(&fired.span), ..text.location_at(span.start) };
                matches.push((place, rule.as_match(&location, (span.start, span.end), fired.score)));
            }
            for (of_subject, in_subject) in &subjects {
                if joint::belongs(&texts[*of_subject].location, &text.location) {
                    let joined = self.joined((&texts[*of_subject], in_subject), (text, &found));
                    let known =
                        |rule: &Rule| matches.iter().any(|(at, found)| [place, *of_subject].contains(at) && found.finding.rule == rule.id);
                    let new: Vec<_> = joined.into_iter().filter(|(rule, _)| !known(rule)).collect();
                    matches.extend(new.into_iter().map(|(_, found)| (*of_subject, found)));
                }
            }
            if text.location.field == Field::Subject && !found.seen.is_empty() {
                subjects.push((place, found));
            }
        }
        matches
    }

    /// Every rule of which any signal is seen, and what is seen of it.
    pub(super) fn touched(&self, folded: &Folded<'_>, field: Field) -> Vec<(&Rule, Hits)> {
        let mut found = self.search(folded.view());
        let mut places: Vec<usize> = found.seen.iter().map(|key| self.rule_of(*key)).chain(self.restless.iter().copied()).collect();
        places.sort_unstable();
        places.dedup();
        places.retain(|place| self.rules[*place].looks_in(field));
        found.sort();
        let quotes = Quotes::of(folded, field);
        places.into_iter().map(|place| (&self.rules[place], self.hits(place, &found, &quotes))).collect()
    }

    /// The rules that fire on a subject and a body read as one. Looked into only where some rule could fire by what was
    /// seen in the two.
    fn joined(&self, (subject, in_subject): (&TextExtract, &Found), (body, in_body): (&TextExtract, &Found)) -> Vec<(&Rule, Match)> {
        let touched = in_subject.seen.iter().map(|key| self.rule_of(*key));
        let both = |place: usize, signal| {
            let key = self.first_keys[place] + key(signal);
            in_subject.has_seen(key) || in_body.has_seen(key)
        };
        let mut places: Vec<_> = touched
            .filter(|place| self.rules[*place].looks_in_both() && evaluate::could_fire(&self.rules[*place], &|signal| both(*place, signal)))
            .collect();
        places.sort_unstable();
        places.dedup();
        if places.is_empty() {
            return Vec::new();
        }
        let text = joint::join(subject, body);
        let folded = Folded::new(&text);
        let mut found = self.search(folded.view());
        let quotes = Quotes::of(&folded, Field::Body);
        let fired = self.evaluated(places, &folded, &quotes, &mut found).into_iter().map(|(rule, fired)| {
            let span = folded.original(&fired.span);
            (rule, rule.as_match(&subject.location, joint::within_subject(subject, (span.start, span.end)), fired.score))
        });
        fired.collect()
    }

    pub(super) fn looks_in_both(&self, rule: &RuleId) -> bool {
        self.rules.iter().any(|known| known.id == *rule && known.looks_in_both())
    }

    fn fired(&self, folded: &Folded<'_>, quotes: &Quotes<'_>, found: &mut Found) -> Vec<(&Rule, Fired)> {
        let mut places: Vec<usize> = found.seen.iter().map(|key| self.rule_of(*key)).chain(self.restless.iter().copied()).collect();
        places.sort_unstable();
        places.dedup();
        places.retain(|place| self.could_fire(*place, found, quotes.field));
        self.evaluated(places, folded, quotes, found)
    }

    fn evaluated(&self, places: Vec<usize>, folded: &Folded<'_>, quotes: &Quotes<'_>, found: &mut Found) -> Vec<(&Rule, Fired)> {
        if places.is_empty() {
            return Vec::new();
        }
        found.sort();
        let text = folded.view().as_bytes();
        let evaluated = places.into_iter().map(|place| {
            let rule = &self.rules[place];
            Some((rule, evaluate::fires(rule, text, &self.hits(place, found, quotes))?))
        });
        evaluated.flatten().collect()
    }

    /// What a text has of one rule. Where the rule does not look, nothing counts.
    fn hits(&self, place: usize, found: &Found, quotes: &Quotes<'_>) -> Hits {
        let rule = &self.rules[place];
        let mut hits = found.of_rule(self.first_keys[place], rule.signals.len(), &self.pattern_keys);
        if quotes.field == Field::Body && rule.names(Field::Body) != rule.names(Field::Quoted) {
            hits.exceptions.extend(quotes.passed_over(rule.names(Field::Quoted)));
            hits.exceptions.sort_unstable_by_key(|range| (range.start, range.end));
        }
        hits
    }

    /// Most rules have some ordinary word seen and the telling one not: they are not looked into.
    fn could_fire(&self, place: usize, found: &Found, field: Field) -> bool {
        let rule = &self.rules[place];
        let seen = |signal| found.has_seen(self.first_keys[place] + key(signal));
        rule.looks_in(field) && evaluate::could_fire(rule, &seen)
    }

    /// One pass for the terms, one for the literals.
    fn search(&self, view: &str) -> Found {
        let text = view.as_bytes();
        let mut found = Found::default();
        self.words.scan(text, |key, span| found.push(key, span, self.keys));
        reread::scan(view, &self.lexicon, &self.words, |key, span| {
            if self.rules[self.rule_of(key)].evasion == Evasion::Letters {
                found.push(key, span, self.keys);
            }
        });
        match &self.literals {
            Some(literals) => {
                for literal in literals.find_overlapping_iter(text) {
                    let pattern = self.literal_patterns[literal.pattern().as_usize()];
                    found.push_literal(self.pattern_keys[pattern as usize], pattern, literal.range(), self.keys);
                }
            }
            // None, or more than can be looked for at once: each regex looks for itself then.
            None => {
                for pattern in &self.literal_patterns {
                    found.flood(self.pattern_keys[*pattern as usize], self.keys);
                }
            }
        }
        found
    }

    fn rule_of(&self, key: u32) -> usize {
        self.first_keys.partition_point(|first| *first <= key) - 1
    }
}

impl Rule {
    fn names(&self, field: Field) -> bool {
        self.fields.is_empty() || self.fields.contains(&field)
    }

    /// A body may hold what is quoted.
    fn looks_in(&self, field: Field) -> bool {
        self.names(field) || (field == Field::Body && self.names(Field::Quoted))
    }

    /// In the subject and in the body.
    fn looks_in_both(&self) -> bool {
        [Field::Subject, Field::Body].iter().all(|field| self.looks_in(*field))
    }

    fn as_match(&self, location: &Location, span: (usize, usize), score: u16) -> Match {
        let finding = Finding {
            rule: self.id.clone(),
            version: self.version,
            category: self.category,
            level: self.level,
            score,
            kind: Kind::Text,
            location: location.clone(),
            reach: Arc::default(),
        };
        Match { finding, title: self.title.clone(), span: Some(span), distance: None, with: self.picture }
    }
}

/// What one text has of all rules' signals.
#[derive(Default)]
struct Found {
    hits: Vec<(u32, Range<usize>)>,
    /// Of the regexes, by their numbers.
    literals: Vec<(u32, Range<usize>)>,
    /// How many, by key; empty until something is seen.
    counts: Vec<u32>,
    /// Keys in the order in which they were first seen.
    seen: Vec<u32>,
}

impl Found {
    fn push(&mut self, key: u32, span: Range<usize>, keys: u32) {
        if self.count(key, keys) <= MAX_HITS {
            self.hits.push((key, span));
        }
    }

    /// A literal of one of a signal's regexes: this itself is searched for later, if ever.
    fn push_literal(&mut self, key: u32, pattern: u32, span: Range<usize>, keys: u32) {
        if self.count(key, keys) <= MAX_HITS {
            self.literals.push((pattern, span));
        }
    }

    fn flood(&mut self, key: u32, keys: u32) {
        self.count(key, keys);
        self.counts[key as usize] = u32::MAX;
    }

    fn is_flooded(&self, key: u32) -> bool {
        self.counts.get(key as usize).is_some_and(|count| *count > MAX_HITS)
    }

    fn sort(&mut self) {
        let place = |(key, span): &(u32, Range<usize>)| (*key, span.start, span.end);
        self.hits.sort_unstable_by_key(place);
        self.literals.sort_unstable_by_key(place);
    }

    fn count(&mut self, key: u32, keys: u32) -> u32 {
        if self.counts.is_empty() {
            self.counts = vec![0; keys as usize];
        }
        let count = &mut self.counts[key as usize];
        *count = count.saturating_add(1);
        if *count == 1 {
            self.seen.push(key);
        }
        *count
    }

    fn has_seen(&self, key: u32) -> bool {
        self.counts.get(key as usize).is_some_and(|count| *count > 0)
    }

    /// Asks for sorted hits.
    fn of_rule(&self, first: u32, signals: usize, pattern_keys: &[u32]) -> Hits {
        let keys = first..first + key(signals);
        let literals = |key: u32| {
            let first = pattern_keys.partition_point(|other| *other < key);
            let behind = pattern_keys.partition_point(|other| *other <= key);
            (first..behind).map(|pattern| (!self.is_flooded(key)).then(|| spans(&self.literals, self::key(pattern)))).collect()
        };
        Hits {
            spans: keys.clone().map(|key| spans(&self.hits, key)).collect(),
            flooded: keys.clone().map(|key| self.is_flooded(key)).collect(),
            literals: keys.clone().map(literals).collect(),
            exceptions: spans(&self.hits, keys.end),
        }
    }
}

/// Those of one key, of hits that are sorted.
fn spans(hits: &[(u32, Range<usize>)], key: u32) -> Vec<Range<usize>> {
    let start = hits.partition_point(|(other, _)| *other < key);
    hits[start..].iter().take_while(|(other, _)| *other == key).map(|(_, span)| span.clone()).collect()
}

/// Looks for all literals at once; `None` where there are none, or too many.
fn automaton(literals: &[&[u8]]) -> Option<AhoCorasick> {
    let octets: usize = literals.iter().map(|literal| literal.len()).sum();
    let kind = (octets <= LARGEST_TABLE).then_some(AhoCorasickKind::DFA);
    (!literals.is_empty()).then(|| AhoCorasick::builder().ascii_case_insensitive(true).kind(kind).build(literals).ok()).flatten()
}

fn key(signals: usize) -> u32 {
    u32::try_from(signals).unwrap_or(u32::MAX)
}
