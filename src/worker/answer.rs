//! An answer as it comes from a process that a message may have captured: well-formed, and not yet plausible.

use serde::de::DeserializeOwned;

use crate::finding::{Explained, Fingerprint, Reason, Report, RulesInForce, Sighting, Tree};
use crate::wire::Request;

/// Of any list in a report.
const MAX_ITEMS: usize = 1000;
/// `2.1.3/17/4`: fifty levels of nesting and no more.
const MAX_PART: usize = 400;

/// What a worker may answer.
pub trait Claim: DeserializeOwned {
    /// The claim with what is too much cut off and what is known of the rules added; `None` where it says what no
    /// examination under these rules says.
    fn vetted(self, request: &Request, rules: &RulesInForce) -> Option<Self>;
}

impl Claim for Vec<Report> {
    fn vetted(self, request: &Request, rules: &RulesInForce) -> Option<Self> {
        let Request::Messages { want_facts, sizes } = request else { return None };
        if self.len() != sizes.len() {
            return None;
        }
        self.into_iter().map(|report| vetted(report, *want_facts, rules)).collect()
    }
}

impl Claim for Explained {
    fn vetted(self, _: &Request, rules: &RulesInForce) -> Option<Self> {
        let Self { report, mut traces } = self;
        traces.truncate(MAX_ITEMS);
        traces.iter().all(|trace| is_part(&trace.location.part)).then_some(())?;
        Some(Self { report: vetted(report, true, rules)?, traces })
    }
}

impl Claim for Tree {
    fn vetted(self, request: &Request, _: &RulesInForce) -> Option<Self> {
        let Request::Tree { with_text } = request else { return None };
        let parts = self.branches.iter().map(|branch| &branch.part).chain(self.incomplete.iter().map(|unread| &unread.part));
        let are_parts = parts.chain(self.texts.iter().map(|(location, _)| &location.part)).all(|part| is_part(part));
        let are_types = self.branches.iter().all(|branch| is_type(&branch.media_type));
        (are_parts && are_types && (*with_text || !self.has_words())).then_some(self)
    }
}

impl Claim for Result<Fingerprint, Reason> {
    fn vetted(self, _: &Request, _: &RulesInForce) -> Option<Self> {
        Some(self.map(|file| Fingerprint { quality: file.quality.min(100), ..file }))
    }
}

impl Claim for Result<Sighting, Reason> {
    fn vetted(self, _: &Request, rules: &RulesInForce) -> Option<Self> {
        let Ok(mut sighting) = self else { return Some(self) };
        sighting.nearest.truncate(MAX_ITEMS);
        sighting.quality = sighting.quality.min(100);
        let are_known = sighting.nearest.iter().all(|near| rules.has(&near.list, near.version));
        (are_known && is_type(&sighting.media_type)).then_some(Ok(sighting))
    }
}

/// `application/vnd.ms-outlook`, in its shape.
fn is_type(media_type: &str) -> bool {
    let is_token = |octet: u8| octet.is_ascii_lowercase() || octet.is_ascii_digit() || matches!(octet, b'.' | b'+' | b'-');
    media_type.len() <= 80 && media_type.split_once('/').is_some_and(|(kind, subtype)| kind.bytes().chain(subtype.bytes()).all(is_token))
}

fn vetted(mut report: Report, want_facts: bool, rules: &RulesInForce) -> Option<Report> {
    let parts = (report.findings.iter().map(|f| &f.location.part))
        .chain(report.incomplete.iter().map(|i| &i.part))
        .chain(report.pictures.iter().map(|p| &p.part));
    // Facts are shown and stored: a part that could spell a word would carry content out.
    if !parts.into_iter().all(|part| is_part(part)) {
        return None;
    }
    report.findings.truncate(MAX_ITEMS);
    report.incomplete.truncate(MAX_ITEMS);
    report.defects.truncate(MAX_ITEMS);
    report.pictures.truncate(if want_facts { MAX_ITEMS } else { 0 });
    report.recipients.truncate(MAX_ITEMS);
    report.findings = report.findings.into_iter().map(|finding| rules.recognise(finding)).collect::<Option<_>>()?;
    for finding in &mut report.findings {
        finding.score = finding.score.clamp(1, 100);
    }
    for picture in &mut report.pictures {
        picture.quality = picture.quality.min(100);
    }
    Some(report)
}

fn is_part(part: &str) -> bool {
    part.len() <= MAX_PART && part.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::finding::{
        Category, Change, Cost, Detail, Field, Finding, Kind, Level, Location, NearEntry, PictureFact, Reach, Reason, RuleFacts,
        RuleVersion, Stage,
    };

    fn finding(part: &str, score: u16) -> Finding {
        Finding {
            rule: "bullying.test".parse().unwrap(),
            version: RuleVersion([0; 8]),
            category: Category::Bullying,
            level: None,
            score,
            kind: Kind::Text,
            location: Location { part: part.to_owned(), field: Field::Body, place: None },
            reach: Arc::default(),
        }
    }

    /// One rule is in force, that of `finding`; it may flag.
    fn vetted(report: Report, want_facts: bool) -> Option<Report> {
        let Finding { rule: id, version, category, level, .. } = finding("1", 10);
        let reach = Reach { stage: Stage::Flag, ..Reach::default() };
        super::vetted(report, want_facts, &[RuleFacts { id, version, title: String::new(), category, level, reach }].into_iter().collect())
    }

    #[test]
    fn a_find_of_a_rule_that_is_not_in_force_or_not_like_that_is_a_lie() {
        let found = |finding| {
            let mut report = Report::unread(Reason::Damaged);
            report.findings = vec![finding];
            vetted(report, false).map(|report| report.findings[0].reach.stage)
        };
        let known = finding("1", 10);
        assert_eq!(found(known.clone()), Some(Stage::Flag), "what the daemon knows is added");
        assert_eq!(found(Finding { rule: "bullying.other".parse().unwrap(), ..known.clone() }), None);
        assert_eq!(found(Finding { category: Category::KnownImage, ..known.clone() }), None);
        assert_eq!(found(Finding { level: Some(Level::Now), ..known.clone() }), None);
        assert_eq!(found(Finding { version: RuleVersion([9; 8]), ..known }), None);
    }

    #[test]
    fn a_part_that_spells_a_word_is_no_part() {
        let mut report = Report::unread(Reason::Damaged);
        report.findings = vec![finding("2.1/7", 10)];
        assert!(vetted(report.clone(), false).is_some());
        report.findings = vec![finding("2.1/a-word", 10)];
        assert!(vetted(report, false).is_none());
    }

    #[test]
    fn scores_and_lists_are_held_to_their_bounds() {
        let mut report = Report::unread(Reason::Damaged);
        report.findings = vec![finding("1", u16::MAX); MAX_ITEMS + 1];
        let vetted = vetted(report, false).unwrap();
        assert_eq!(vetted.findings.len(), MAX_ITEMS);
        assert!(vetted.findings.iter().all(|f| f.score == 100));
    }

    #[test]
    fn a_sighting_names_lists_that_are_in_force_and_no_words() {
        let near = |list: &str| NearEntry {
            list: list.parse().unwrap(),
            version: RuleVersion([0; 8]),
            entry: 1,
            distance: 3,
            most: 31,
            change: Change::NONE,
            frame: 1,
            snoozed: None,
        };
        let seen = |media_type: &str, list: &str| Sighting {
            media_type: media_type.to_owned(),
            size: Some((4, 3)),
            orientation: None,
            frames: 1,
            compared: 1,
            quality: 255,
            detail: Detail::Pixels,
            incomplete: None,
            nearest: vec![near(list)],
            cost: Cost::default(),
        };
        let Finding { rule: id, version, category, level, .. } = finding("1", 10);
        let rules: RulesInForce =
            [RuleFacts { id, version, title: String::new(), category, level, reach: Reach::default() }].into_iter().collect();
        let vetted = |sighting| Claim::vetted(Ok::<_, Reason>(sighting), &Request::Sighting, &rules);
        assert_eq!(vetted(seen("image/png", "bullying.test")).unwrap().unwrap().quality, 100);
        assert!(vetted(seen("image/png", "bullying.other")).is_none());
        assert!(vetted(seen("a word", "bullying.test")).is_none());
    }

    #[test]
    fn facts_that_nobody_asked_for_are_dropped() {
        let mut report = Report::unread(Reason::Damaged);
        report.pictures =
            vec![PictureFact { part: "2".to_owned(), sha256: [0; 32], pdq: None, quality: 255, opinions: None, matched: None }];
        assert_eq!(vetted(report.clone(), true).unwrap().pictures[0].quality, 100);
        assert!(vetted(report, false).unwrap().pictures.is_empty());
    }
}
