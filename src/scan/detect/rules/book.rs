//! All rules in force, as one index: what a text is matched against.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::compile::Rule;
use super::entries::Entries;
use super::evaluate::{self, Fired, Hits, Weighing};
use super::fold::Folded;
use super::form::Evasion;
use super::found::{Found, View};
use super::joint;
use super::lexicon::Lexicon;
use super::literals::Literals;
use super::pattern::Pattern;
use super::quoted::Quotes;
use super::reread::{self, Reread};
use super::signal::Signal;
use super::sources::Sources;
use super::terms::Terms;
use super::trace::Seen;
use super::words::WordIndex;
use crate::finding::{Field, Finding, Kind, Location, RuleId, Stage};
use crate::scan::detect::Match;
use crate::scan::extract::TextExtract;

/// Places of a regex's letters around disguised words that are looked at: each costs a look at its surroundings.
const MOST_REREAD: usize = 64;

/// Immutable once built; any number of threads may match with it.
pub struct RuleBook {
    /// Without their terms and examples: what is to be found lies in the index.
    rules: Vec<Rule>,
    sources: Sources,
    entries: Entries,
    words: WordIndex,
    /// The terms that are looked for under disguises too.
    lexicon: Lexicon,
    literals: Literals,
    /// The source that each regex belongs to: those of one source stand together.
    pattern_sources: Vec<u32>,
    /// Those of the regexes that are looked for under disguises too.
    disguised_patterns: BTreeMap<u32, Pattern>,
    /// Rules that can fire without any term or literal: their regexes run over every text.
    restless: Vec<usize>,
    terms: usize,
}

impl RuleBook {
    /// Rules that have not come so far as `lowest` are left out.
    pub fn new(rules: impl IntoIterator<Item = Rule>, lowest: Stage) -> Self {
        let mut rules: Vec<_> = rules.into_iter().filter(|rule| rule.stage >= lowest).collect();
        let (sources, wanted) = Sources::of(&rules);
        let literals = Literals::new(wanted.patterns.iter().map(|(pattern, _)| *pattern));
        let (entries, numbered) = Entries::of(wanted.terms.clone(), sources.count());
        let words = WordIndex::new(numbered);
        let lexicon = Lexicon::new(wanted.disguised.iter().copied());
        let pattern_sources: Vec<_> = wanted.patterns.iter().map(|(_, source)| *source).collect();
        let disguised = wanted.disguised_patterns.iter().map(|place| (narrow(*place), wanted.patterns[*place].0.running()));
        let disguised_patterns = disguised.collect();
        let terms = wanted.terms.len() + wanted.patterns.len();
        let restless = (0..rules.len()).filter(|place| evaluate::could_fire(&rules[*place], &|_| false)).collect();
        rules.iter_mut().for_each(Rule::put_cheapest_first);
        rules.iter_mut().for_each(Rule::shed);
        Self { rules, sources, entries, words, lexicon, literals, pattern_sources, disguised_patterns, restless, terms }
    }

    pub fn rules(&self) -> usize {
        self.rules.len()
    }

    /// Terms and regexes of the rules in force; those of a list once, however many rules name it.
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
            if text.location.field == Field::Subject && !found.is_empty() {
                subjects.push((place, found));
            }
        }
        matches
    }

    /// Every rule of which anything is seen that speaks for it, and what is seen of it.
    pub(super) fn touched(&self, folded: &Folded<'_>, field: Field) -> Vec<(&Rule, Seen)> {
        let mut found = self.search(folded.view());
        let mut places = self.touched_by(found.seen());
        places.retain(|place| self.rules[*place].looks_in(field));
        found.sort_literals();
        let quotes = Quotes::of(folded, field);
        let seen = |place: usize| {
            let rule = &self.rules[place];
            let signals = 0..rule.signals.len();
            let disguised = |signal| spans(&found, &rule.views()[1..], self.sources.of_signal(place, signal));
            let seen = Seen {
                hits: signals.clone().map(|signal| self.hits(place, signal, &found)).collect(),
                disguised: signals.map(disguised).collect(),
                exceptions: self.excepted(place, &found, &quotes),
            };
            (rule, seen)
        };
        places.into_iter().map(seen).collect()
    }

    /// The places of the rules that these sources may make fire, and of those that need none.
    fn touched_by(&self, seen: impl Iterator<Item = u32>) -> Vec<usize> {
        let mut places: Vec<usize> = seen.flat_map(|source| self.sources.makes_fire(source)).chain(self.restless.iter().copied()).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// The rules that fire on a subject and a body read as one. Looked into only where some rule could fire by what was
    /// seen in the two.
    fn joined(&self, (subject, in_subject): (&TextExtract, &Found), (body, in_body): (&TextExtract, &Found)) -> Vec<(&Rule, Match)> {
        let both = |place, signal| self.has_seen(in_subject, place, signal) || self.has_seen(in_body, place, signal);
        let mut places = self.touched_by(in_subject.seen());
        places.retain(|place| {
            self.rules[*place].looks_in_both() && evaluate::could_fire(&self.rules[*place], &|signal| both(*place, signal))
        });
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
        let mut places = self.touched_by(found.seen());
        places.retain(|place| self.could_fire(*place, found, quotes.field));
        self.evaluated(places, folded, quotes, found)
    }

    fn evaluated(&self, places: Vec<usize>, folded: &Folded<'_>, quotes: &Quotes<'_>, found: &mut Found) -> Vec<(&Rule, Fired)> {
        if places.is_empty() {
            return Vec::new();
        }
        found.sort_literals();
        let (found, text) = (&*found, folded.view().as_bytes());
        let evaluated = places.into_iter().map(|place| {
            let rule = &self.rules[place];
            let hits = |signal| self.hits(place, signal, found);
            let excepted = || self.excepted(place, found, quotes);
            Some((rule, evaluate::fires(&Weighing::new(rule, text, &hits, &excepted))?))
        });
        evaluated.flatten().collect()
    }

    /// What a text has of one signal of a rule.
    fn hits(&self, place: usize, signal: usize, found: &Found) -> Hits {
        let rule = &self.rules[place];
        let (views, sources) = (rule.views(), self.sources.of_signal(place, signal));
        let flooded = |source: &u32| views.iter().any(|view| found.is_flooded(*view, *source));
        let has_literals = matches!(rule.signals[signal], Signal::Patterns { .. });
        Hits {
            spans: spans(found, views, sources),
            flooded: sources.iter().any(flooded),
            literals: if has_literals { self.literals(found, sources) } else { Vec::new() },
        }
    }

    /// What of a text does not count for a rule: its exceptions, and where it does not look.
    fn excepted(&self, place: usize, found: &Found, quotes: &Quotes<'_>) -> Vec<Range<usize>> {
        let rule = &self.rules[place];
        let mut excepted = spans(found, rule.views(), self.sources.of_exceptions(place));
        if quotes.field == Field::Body && rule.names(Field::Body) != rule.names(Field::Quoted) {
            excepted.extend(quotes.passed_over(rule.names(Field::Quoted)));
            excepted.sort_unstable_by_key(|range| (range.start, range.end));
        }
        excepted
    }

    /// Of each regex of these sources.
    fn literals(&self, found: &Found, sources: &[u32]) -> Vec<Option<Vec<Range<usize>>>> {
        let of_source = |source: &u32| {
            let first = self.pattern_sources.partition_point(|other| other < source);
            let behind = self.pattern_sources.partition_point(|other| other <= source);
            let kept = !found.is_flooded(View::Folded, *source);
            (first..behind).map(move |pattern| kept.then(|| found.literals(narrow(pattern)).collect()))
        };
        sources.iter().flat_map(of_source).collect()
    }

    /// Most rules have some ordinary word seen and the telling one not: they are not looked into.
    fn could_fire(&self, place: usize, found: &Found, field: Field) -> bool {
        let rule = &self.rules[place];
        rule.looks_in(field) && evaluate::could_fire(rule, &|signal| self.has_seen(found, place, signal))
    }

    fn has_seen(&self, found: &Found, place: usize, signal: usize) -> bool {
        let views = self.rules[place].views();
        self.sources.of_signal(place, signal).iter().any(|source| views.iter().any(|view| found.has_seen(*view, *source)))
    }

    /// One pass for the terms, one for the literals.
    fn search(&self, view: &str) -> Found {
        let text = view.as_bytes();
        let sources = self.sources.count();
        let mut found = Found::default();
        self.words.scan(text, |entry, span| found.push(View::Folded, entry, span));
        for reread in reread::readings(view, &self.lexicon) {
            self.search_again(&reread, &mut found);
        }
        self.literals.scan(text, |pattern, span| found.push_literal(self.pattern_sources[pattern as usize], pattern, span, sources));
        for pattern in self.literals.left_out() {
            found.flood(self.pattern_sources[pattern as usize], sources);
        }
        found.count(&self.entries, sources);
        found
    }

    /// Terms and regexes that have a disguised word in them.
    fn search_again(&self, reread: &Reread, found: &mut Found) {
        let text = reread.text();
        self.words.scan(text, |entry, span| {
            if let Some(span) = reread.folded(&span) {
                found.push(View::Reread, entry, span);
            }
        });
        let mut literals: BTreeMap<u32, Vec<Range<usize>>> = BTreeMap::new();
        self.literals.scan(text, |pattern, span| {
            if self.disguised_patterns.contains_key(&pattern) {
                literals.entry(pattern).or_default().push(span);
            }
        });
        for (pattern, mut literals) in literals {
            literals.truncate(MOST_REREAD);
            let entry = self.entries.alone(self.pattern_sources[pattern as usize]);
            for span in self.disguised_patterns[&pattern].finds_close(text, &literals).filter_map(|span| reread.folded(&span)) {
                found.push(View::Reread, entry, span);
            }
        }
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

    /// The views of a text that it is matched in: the folded one first.
    fn views(&self) -> &'static [View] {
        match self.evasion {
            Evasion::Letters => &[View::Folded, View::Reread],
            Evasion::None => &[View::Folded],
        }
    }

    /// Most rules that could fire are ruled out by ordinary words, for which no regex need run.
    fn put_cheapest_first(&mut self) {
        self.fire.cheapest_first(&|signal| evaluate::cost(&self.signals, signal));
    }

    /// Lets go what only compiling, checking and indexing need.
    fn shed(&mut self) {
        for signal in &mut self.signals {
            match signal {
                Signal::Terms(terms) => *terms = Terms::default(),
                Signal::Patterns { patterns, .. } => patterns.iter_mut().for_each(|pattern| *pattern = pattern.running()),
                Signal::Near { .. } | Signal::Count { .. } => {}
            }
        }
        self.exceptions = Terms::default();
        self.examples = Vec::new();
        self.written = Vec::new();
        (self.objections, self.notes) = (Vec::new(), Vec::new());
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
        Match {
            finding,
            title: self.title.clone(),
            span: Some(span),
            further: Vec::new(),
            distance: None,
            stage: self.stage,
            with: self.picture,
        }
    }
}

/// The finds of these sources in these views, in the order of the text.
fn spans(found: &Found, views: &[View], sources: &[u32]) -> Vec<Range<usize>> {
    let each = sources.iter().flat_map(|source| views.iter().map(|view| found.spans(*view, *source)));
    let mut spans: Vec<_> = each.flatten().collect();
    spans.sort_unstable_by_key(|span| (span.start, span.end));
    spans
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
