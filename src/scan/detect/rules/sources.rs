//! What is looked for, numbered: each list once, however many rules name it, and what is a signal's own.

use std::collections::BTreeMap;
use std::iter;

use super::compile::Rule;
use super::form::Evasion;
use super::pattern::Pattern;
use super::signal::Signal;
use super::terms::Terms;

/// Immutable once built. A *source* is a list, a signal's own terms, or its regexes.
pub struct Sources {
    /// Where the signals of each rule begin in `of_signals`; behind them stand its exceptions, as one more.
    first_signals: Vec<u32>,
    of_signals: Groups,
    /// The rules that each source may make fire, by their places; where it only speaks against, none.
    makes_fire: Groups,
}

/// Everything that is to be found in texts, each with the number of its source.
#[derive(Default)]
pub struct Wanted<'r> {
    pub terms: Vec<(&'r str, u32)>,
    /// Those of the terms that are looked for under disguises too.
    pub disguised: Vec<&'r str>,
    /// Those of one source stand together.
    pub patterns: Vec<(&'r Pattern, u32)>,
    /// The places of those that are looked for under disguises too.
    pub disguised_patterns: Vec<usize>,
}

impl Sources {
    pub fn of(rules: &[Rule]) -> (Self, Wanted<'_>) {
        let mut sources = Self { first_signals: Vec::new(), of_signals: Groups::default(), makes_fire: Groups::default() };
        let mut numbering = Numbering::default();
        for (rule, place) in rules.iter().zip(0..) {
            sources.first_signals.push(sources.of_signals.count());
            let speaking = speaking(rule);
            for (signal, number) in rule.signals.iter().zip(0..) {
                let own = match signal {
                    Signal::Terms(terms) => numbering.terms(terms, rule.evasion),
                    Signal::Patterns { patterns, check } => {
                        vec![numbering.patterns(patterns, rule.evasion == Evasion::Letters && check.is_none())]
                    }
                    Signal::Near { .. } | Signal::Count { .. } => Vec::new(),
                };
                if speaking.contains(&number) {
                    for source in &own {
                        numbering.makes_fire[*source as usize].push(place);
                    }
                }
                sources.of_signals.push(own);
            }
            sources.of_signals.push(numbering.terms(&rule.exceptions, rule.evasion));
        }
        for rules in numbering.makes_fire {
            sources.makes_fire.push(rules);
        }
        let Numbering { mut wanted, in_disguise, .. } = numbering;
        let terms = wanted.terms.iter().filter(|(_, source)| in_disguise[*source as usize]).map(|(term, _)| *term);
        let spelt = wanted.disguised_patterns.iter().flat_map(|place| &wanted.patterns[*place].0.spellings).map(String::as_str);
        wanted.disguised = terms.chain(spelt).collect();
        (sources, wanted)
    }

    pub fn count(&self) -> u32 {
        self.makes_fire.count()
    }

    /// The sources of one signal of the rule at that place.
    pub fn of_signal(&self, rule: usize, signal: usize) -> &[u32] {
        self.of_signals.get(self.first_signals[rule] as usize + signal)
    }

    pub fn of_exceptions(&self, rule: usize) -> &[u32] {
        let behind = self.first_signals.get(rule + 1).map_or(self.of_signals.count(), |next| *next) as usize;
        self.of_signals.get(behind - 1)
    }

    /// The places of the rules that a find of this source may make fire.
    pub fn makes_fire(&self, source: u32) -> impl Iterator<Item = usize> {
        self.makes_fire.get(source as usize).iter().map(|place| *place as usize)
    }
}

/// The signals without any of which the rule cannot fire, those that they are made of among them.
fn speaking(rule: &Rule) -> Vec<usize> {
    let named = rule.fire.speaks_for().into_iter();
    named
        .flat_map(|signal| match &rule.signals[signal] {
            Signal::Terms(_) | Signal::Patterns { .. } => vec![signal],
            Signal::Near { a, b, .. } => vec![*a, *b],
            Signal::Count { of, .. } => of.clone(),
        })
        .collect()
}

/// The numbers that are given so far.
#[derive(Default)]
struct Numbering<'r> {
    wanted: Wanted<'r>,
    lists: BTreeMap<&'r str, u32>,
    /// Of each source: the rules that it may make fire, and whether any rule looks for it under disguises.
    makes_fire: Vec<Vec<u32>>,
    in_disguise: Vec<bool>,
}

impl<'r> Numbering<'r> {
    fn terms(&mut self, terms: &'r Terms, evasion: Evasion) -> Vec<u32> {
        let mut sources = Vec::new();
        if !terms.own.is_empty() {
            sources.push(self.source());
            self.want(&terms.own, sources[0]);
        }
        for list in &terms.lists {
            let source = self.lists.get(list.name.as_str()).copied().unwrap_or_else(|| {
                let new = self.source();
                self.want(&list.terms, new);
                self.lists.insert(&list.name, new);
                new
            });
            sources.push(source);
        }
        for source in &sources {
            self.in_disguise[*source as usize] |= evasion == Evasion::Letters;
        }
        sources
    }

    fn patterns(&mut self, patterns: &'r [Pattern], in_disguise: bool) -> u32 {
        let source = self.source();
        let first = self.wanted.patterns.len();
        self.wanted.disguised_patterns.extend((first..first + patterns.len()).filter(|_| in_disguise));
        self.wanted.patterns.extend(patterns.iter().map(|pattern| (pattern, source)));
        source
    }

    fn want(&mut self, terms: &'r [String], source: u32) {
        self.wanted.terms.extend(terms.iter().map(String::as_str).zip(iter::repeat(source)));
    }

    fn source(&mut self) -> u32 {
        self.makes_fire.push(Vec::new());
        self.in_disguise.push(false);
        narrow(self.makes_fire.len() - 1)
    }
}

/// Groups of numbers, one behind the other.
#[derive(Default)]
pub struct Groups {
    ends: Vec<u32>,
    numbers: Vec<u32>,
}

impl Groups {
    pub fn push(&mut self, mut group: Vec<u32>) {
        group.dedup();
        self.numbers.extend(group);
        self.ends.push(narrow(self.numbers.len()));
    }

    pub fn get(&self, place: usize) -> &[u32] {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.numbers[start as usize..self.ends[place] as usize]
    }

    pub fn count(&self) -> u32 {
        narrow(self.ends.len())
    }
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
