//! What samples say of the rules: recall, wrong alarms, and which rules gave them.

use std::collections::{BTreeMap, BTreeSet};

use super::sample::{Kind, Sample};
use super::share::Share;
use super::tricks::Trick;
use crate::finding::{Category, Level, RuleId, Verdict};

/// What became of one sample.
#[derive(Default)]
pub struct Outcome {
    /// Every category that was found.
    pub found: BTreeSet<Category>,
    /// Without those that are only counted (level 1).
    pub alarms: BTreeSet<Category>,
    pub held: bool,
    /// Those that gave the alarms.
    pub rules: BTreeSet<RuleId>,
}

impl Outcome {
    pub fn of(verdict: &Verdict) -> Self {
        let (Verdict::Flag(concern) | Verdict::Hold(concern)) = verdict else { return Self::default() };
        let found: BTreeSet<_> = concern.categories.iter().copied().collect();
        let alarms: BTreeSet<_> = found.iter().copied().filter(|category| category.level() > Level::Counted).collect();
        let rules = concern.findings.iter().filter(|found| alarms.contains(&found.category)).map(|found| found.rule.clone()).collect();
        Self { held: matches!(verdict, Verdict::Hold(_)), found, alarms, rules }
    }
}

/// The figures of one category in one set of samples, or of a whole set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// Clear samples whose category was found.
    pub clear: Share,
    pub implied: Share,
    /// Clear and implied samples in which anything was found.
    pub any: Share,
    /// Contrasts that were flagged or held.
    pub contrast: Share,
    /// Ordinary samples that were flagged or held.
    pub ordinary: Share,
    /// Contrasts and ordinary samples that were held.
    pub held: Share,
}

impl Figures {
    fn count(&mut self, sample: &Sample, outcome: &Outcome) {
        let found = finds(sample, outcome);
        match sample.kind {
            Kind::Clear => self.clear.count(found),
            Kind::Implied => self.implied.count(found),
            Kind::Contrast => self.contrast.count(!outcome.alarms.is_empty()),
            Kind::Ordinary => self.ordinary.count(!outcome.alarms.is_empty()),
        }
        if sample.kind.is_concern() {
            self.any.count(!outcome.found.is_empty());
        } else {
            self.held.count(outcome.held);
        }
    }
}

/// Whether the category that the sample is about was found.
pub fn finds(sample: &Sample, outcome: &Outcome) -> bool {
    sample.about.is_some_and(|category| outcome.found.contains(&category))
}

/// Harmless samples on which one rule gave alarm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WrongAlarms {
    pub contrast: u64,
    pub ordinary: u64,
    pub held: u64,
}

/// All figures of one set.
#[derive(Default)]
pub struct SetFigures {
    pub total: Figures,
    pub categories: BTreeMap<Option<Category>, Figures>,
    pub by_rule: BTreeMap<RuleId, WrongAlarms>,
    /// Of the clear samples, those that were found as they stand and not in disguise.
    pub lost: BTreeMap<&'static str, Share>,
}

impl SetFigures {
    pub fn count(&mut self, sample: &Sample, outcome: &Outcome) {
        self.total.count(sample, outcome);
        self.categories.entry(sample.about).or_default().count(sample, outcome);
        if sample.kind.is_concern() {
            return;
        }
        for rule in &outcome.rules {
            let wrong = self.by_rule.entry(rule.clone()).or_default();
            wrong.contrast += u64::from(sample.kind == Kind::Contrast);
            wrong.ordinary += u64::from(sample.kind == Kind::Ordinary);
            wrong.held += u64::from(outcome.held);
        }
    }

    /// Counts a clear sample in disguise.
    pub fn count_disguised(&mut self, trick: Trick, lost: bool) {
        self.lost.entry(trick.title()).or_default().count(lost);
    }

    /// Whether any of its samples is about a category.
    pub fn has_categories(&self) -> bool {
        self.categories.keys().any(Option::is_some)
    }

    /// Over all tricks.
    pub fn lost(&self) -> Share {
        self.lost.values().fold(Share::default(), |mut all, one| {
            all.add(*one);
            all
        })
    }
}

/// What the rules are meant to reach.
pub struct Aim {
    pub title: &'static str,
    /// In units of which `per` make the whole.
    pub bound: f64,
    pub per: f64,
    /// Whether the rate is to be no less than the bound; else no more.
    pub at_least: bool,
    of: fn(&SetFigures) -> Share,
}

/// How a figure stands to its aim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Met,
    /// Missed, and it may be chance: the aim lies within the interval.
    Doubtful,
    /// Missed by more than chance.
    Missed,
}

impl Standing {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Doubtful => "missed, within chance",
            Self::Missed => "missed",
        }
    }
}

pub const AIMS: [Aim; 6] = [
    Aim { title: "clear samples found, %", bound: 90.0, per: 100.0, at_least: true, of: |set| set.total.clear },
    Aim { title: "implied samples found, %", bound: 60.0, per: 100.0, at_least: true, of: |set| set.total.implied },
    Aim { title: "clear samples lost to letter tricks, points", bound: 1.0, per: 100.0, at_least: false, of: SetFigures::lost },
    Aim { title: "contrasts wrongly flagged, per 1,000", bound: 50.0, per: 1_000.0, at_least: false, of: |set| set.total.contrast },
    Aim { title: "ordinary mail wrongly flagged, per 1,000", bound: 2.0, per: 1_000.0, at_least: false, of: |set| set.total.ordinary },
    Aim { title: "harmless mail wrongly held, per 10,000", bound: 1.0, per: 10_000.0, at_least: false, of: |set| set.total.held },
];

impl Aim {
    /// The figure of a set; `None` where it has no sample for it.
    pub fn figure(&self, set: &SetFigures) -> Option<Share> {
        Some((self.of)(set)).filter(|share| share.of > 0)
    }

    pub fn standing(&self, share: Share) -> Standing {
        let bound = self.bound / self.per;
        let (low, high) = share.interval();
        let (met, by_chance) = if self.at_least { (share.rate() >= bound, high >= bound) } else { (share.rate() <= bound, low <= bound) };
        match () {
            () if met => Standing::Met,
            () if by_chance => Standing::Doubtful,
            () => Standing::Missed,
        }
    }

    /// `at least 90`
    pub fn bound(&self) -> String {
        format!("{} {}", if self.at_least { "at least" } else { "at most" }, self.bound)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::fault::At;
    use crate::finding::{Circumstances, Field, Finding, Location, Party, Policy, RuleVersion, judge};
    use crate::mail::Role;

    fn sample(kind: Kind, about: Category) -> Sample {
        Sample {
            at: At::line("a.jsonl", 1),
            set: "open".to_owned(),
            about: Some(about),
            kind,
            subject: String::new(),
            text: String::new(),
            sender: Party::Role(Role::Pupil),
            recipient: Party::Role(Role::Pupil),
        }
    }

    fn outcome(alarms: &[Category], held: bool) -> Outcome {
        let rules = alarms.iter().map(|category| format!("{category}.test").parse().unwrap()).collect();
        let alarms: BTreeSet<_> = alarms.iter().copied().collect();
        Outcome { found: alarms.clone(), alarms, held, rules }
    }

    #[test]
    fn another_category_than_the_expected_is_something_and_not_the_right_thing() {
        let mut set = SetFigures::default();
        for found in [Category::Threat, Category::Bullying] {
            set.count(&sample(Kind::Clear, Category::Threat), &outcome(&[found], false));
        }
        assert_eq!((set.total.clear, set.total.any), (Share { of: 2, hits: 1 }, Share { of: 2, hits: 2 }));
        assert!(set.by_rule.is_empty());
    }

    #[test]
    fn an_alarm_on_something_harmless_is_the_rules_that_gave_it() {
        let mut set = SetFigures::default();
        set.count(&sample(Kind::Contrast, Category::Threat), &outcome(&[Category::Threat], true));
        set.count(&sample(Kind::Ordinary, Category::Threat), &outcome(&[], false));
        let wrong = set.by_rule[&"threat.test".parse().unwrap()];
        assert_eq!(wrong, WrongAlarms { contrast: 1, ordinary: 0, held: 1 });
        assert_eq!((set.total.contrast.hits, set.total.ordinary.hits, set.total.held), (1, 0, Share { of: 2, hits: 1 }));
    }

    #[test]
    fn what_is_only_counted_is_found_and_is_no_alarm() {
        let finding = Finding {
            rule: "profanity.test".parse().unwrap(),
            version: RuleVersion([0; 8]),
            category: Category::Profanity,
            level: None,
            score: 80,
            kind: crate::finding::Kind::Text,
            location: Location { part: "1".to_owned(), field: Field::Body, place: None },
            reach: Arc::default(),
        };
        let outcome = Outcome::of(&judge(&[finding], &[], &Policy::default(), &Circumstances::default()));
        assert!(outcome.alarms.is_empty() && outcome.rules.is_empty() && !outcome.held);
        assert!(finds(&sample(Kind::Clear, Category::Profanity), &outcome));
    }

    #[test]
    fn an_aim_is_missed_only_when_chance_does_not_explain_it() {
        let clear = &AIMS[0];
        let standing = |hits, of| clear.standing(Share { of, hits });
        assert_eq!(standing(9, 10), Standing::Met);
        assert_eq!(standing(8, 10), Standing::Doubtful);
        assert_eq!(standing(800, 1_000), Standing::Missed);
        assert_eq!(AIMS[4].standing(Share { of: 1_000, hits: 3 }), Standing::Doubtful);
        assert_eq!(AIMS[4].standing(Share { of: 1_000, hits: 30 }), Standing::Missed);
    }
}
