//! How each version of a rule has fared, and the fall of one that holds too much.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::column::{Json, Moment, moment_if_any, parsed};
use super::outbox::{self, NewNotice, Subject};
use super::{Casebook, Refusal, Result, Trouble, cases};
use crate::case::Codename;
use crate::finding::{HoldLimit, RuleId, RuleVersion, RulesInForce};
use crate::journal::{Actor, Event};

/// A rule as it stood: what it did then says little of what it does now.
pub type Version = (RuleId, RuleVersion);

/// What came of one version of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleRecord {
    pub rule: RuleId,
    pub version: RuleVersion,
    /// In which it was among the findings.
    pub cases: u64,
    /// Of these, whose messages were sealed.
    pub held: u64,
    /// Of these, that a person found to be no concern.
    pub released: u64,
    /// On which it would have fired, while it was in the shadow.
    pub shadow: u64,
    /// When it held too much.
    pub fell_at: Option<Timestamp>,
}

impl Casebook {
    /// The versions of rules that have held too much: they hold no more.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn fallen(&self) -> Result<Vec<Version>> {
        self.read(|conn| conn.prepare_cached("SELECT rule, version FROM fallen ORDER BY rule, version")?.query_map([], version)?.collect())
    }

    /// Looks at the rules that have just held something. One that has held more cases today (UTC) than the limit allows,
    /// and a larger share of what was scanned, falls: from then on it flags, and the notices are queued. Says which fell.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn weigh_holds(&self, now: Timestamp, rules: &[Version], limit: &HoldLimit, notices: &[NewNotice]) -> Result<Vec<RuleId>> {
        let day = now.to_zoned(TimeZone::UTC).date();
        let since = day.to_zoned(TimeZone::UTC).map_or(now, |midnight| midnight.timestamp());
        let too_many: Vec<_> = self.read(|conn| {
            let scanned = conn
                .prepare_cached("SELECT coalesce(sum(scanned), 0) FROM tally WHERE day = ?")?
                .query_row([day.to_string()], |row| row.get::<_, i64>(0))?
                .cast_unsigned();
            let mut held = conn.prepare_cached(
                "SELECT count(DISTINCT cases.id) FROM finding JOIN cases ON cases.id = of_case
                 WHERE rule = ? AND version = ? AND kind = 'text' AND action = 'hold' AND opened_at >= ?
                     AND NOT EXISTS (SELECT 1 FROM fallen WHERE fallen.rule = finding.rule AND fallen.version = finding.version)",
            )?;
            let mut too_many = Vec::new();
            for (rule, version) in rules {
                let held = held.query_row(params![rule.as_str(), version.to_string(), Moment(since)], |row| row.get::<_, i64>(0))?;
                let held = held.cast_unsigned();
                // Messages are counted a batch at a time: those that were held are there already.
                let scanned = scanned.max(held);
                if limit.is_exceeded_by(held, scanned) {
                    too_many.push((rule, version, held, scanned));
                }
            }
            Ok(too_many)
        })?;
        if too_many.is_empty() {
            return Ok(Vec::new());
        }
        self.write_as(Some("record.commit"), |tx| {
            let mut fell = Vec::new();
            for (rule, version, held, scanned) in too_many {
                let new = tx.execute(
                    "INSERT OR IGNORE INTO fallen (rule, version, at, held, scanned) VALUES (?, ?, ?, ?, ?)",
                    params![rule.as_str(), version.to_string(), Moment(now), held.cast_signed(), scanned.cast_signed()],
                )?;
                // Another round may have been faster.
                if new > 0 {
                    let event = Event::RuleFell { rule: rule.clone(), version: version.to_string(), held, scanned };
                    self.append(tx, now, &Actor::Program, &event)?;
                    tell(tx, now, rule, notices)?;
                    fell.push(rule.clone());
                }
            }
            Ok(fell)
        })
    }

    /// Keeps what the rules in force say of themselves, for whoever asks later why a version of one matched, and closes the episodes of
    /// rules that are in force in another version by now, or not at all.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn rules_came(&self, now: Timestamp, in_force: &RulesInForce) -> Result<()> {
        let fallen = self.fallen()?;
        self.write(|tx| {
            let mut keep = tx.prepare_cached("INSERT OR IGNORE INTO sentence (rule, version, sentence) VALUES (?, ?, ?)")?;
            for (rule, version, sentence) in in_force.sentences() {
                keep.execute([rule.as_str(), &version.to_string(), sentence.as_str()])?;
            }
            let open = tx
                .prepare_cached("SELECT rule FROM trouble WHERE kind = ? AND over_at IS NULL")?
                .query_map([Json(Trouble::RuleHoldsTooMuch)], |row| parsed::<RuleId>(row, "rule"))?
                .collect::<Result<Vec<_>, _>>()?;
            for rule in open {
                if fallen.iter().any(|(known, version)| *known == rule && in_force.has(known, *version)) {
                    continue;
                }
                tx.execute(
                    "UPDATE trouble SET over_at = ? WHERE kind = ? AND rule = ? AND over_at IS NULL",
                    params![Moment(now), Json(Trouble::RuleHoldsTooMuch), rule.as_str()],
                )?;
                let event = Event::TroubleOver { trouble: format!("{} {rule}", Trouble::RuleHoldsTooMuch.as_str()), mailbox: None };
                self.append(tx, now, &Actor::Program, &event)?;
            }
            Ok(())
        })
    }

    /// The cases that one version of a rule had a part in, whose messages are held and about which nobody has decided;
    /// oldest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn held_by(&self, rule: &RuleId, version: RuleVersion) -> Result<Vec<Codename>> {
        self.read(|conn| held_by(conn, rule, version))
    }

    /// What came of every version of every rule since then, by rule and version.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn rule_records(&self, since: Timestamp) -> Result<Vec<RuleRecord>> {
        let day = since.to_zoned(TimeZone::UTC).date().to_string();
        self.read(|conn| {
            conn.prepare_cached(
                "WITH one AS (
                     SELECT rule, version, count(*) AS cases, sum(action IN ('hold', 'withhold')) AS held, sum(released_at IS NOT NULL) AS released, 0 AS shadow
                     FROM (SELECT DISTINCT rule, version, cases.id, action, released_at FROM finding JOIN cases ON cases.id = of_case WHERE opened_at >= ?1)
                     GROUP BY rule, version
                     UNION ALL
                     SELECT rule, version, 0, 0, 0, sum(messages) FROM shadow WHERE day >= ?2 GROUP BY rule, version
                 )
                 SELECT one.rule, one.version, sum(cases) AS cases, sum(one.held) AS held, sum(released) AS released, sum(shadow) AS shadow, fallen.at AS fell_at
                 FROM one LEFT JOIN fallen ON fallen.rule = one.rule AND fallen.version = one.version
                 GROUP BY one.rule, one.version ORDER BY one.rule, one.version",
            )?
            .query_map(params![Moment(since), day], |row| {
                let (rule, version) = version(row)?;
                let number = |column: &str| row.get::<_, i64>(column).map(i64::cast_unsigned);
                Ok(RuleRecord {
                    rule,
                    version,
                    cases: number("cases")?,
                    held: number("held")?,
                    released: number("released")?,
                    shadow: number("shadow")?,
                    fell_at: moment_if_any(row, "fell_at")?,
                })
            })?
            .collect()
        })
    }
}

fn version(row: &Row<'_>) -> rusqlite::Result<Version> {
    Ok((parsed(row, "rule")?, cases::version(row)?))
}

fn tell(tx: &Transaction<'_>, now: Timestamp, rule: &RuleId, notices: &[NewNotice]) -> Result<(), Refusal> {
    let new = tx
        .prepare_cached("INSERT INTO trouble (kind, mailbox, rule, began_at) VALUES (?, '', ?, ?) ON CONFLICT DO NOTHING RETURNING id")?
        .query_row(params![Json(Trouble::RuleHoldsTooMuch), rule.as_str(), Moment(now)], |row| row.get(0))
        .optional()?;
    if let Some(id) = new {
        outbox::queue(tx, Subject::Trouble(id), notices)?;
    }
    Ok(())
}

pub(super) fn held_by(conn: &Connection, rule: &RuleId, version: RuleVersion) -> rusqlite::Result<Vec<Codename>> {
    conn.prepare_cached(
        "SELECT codename FROM cases WHERE action IN ('hold', 'withhold') AND released_at IS NULL
             AND EXISTS (SELECT 1 FROM finding WHERE of_case = cases.id AND rule = ? AND version = ?) ORDER BY id",
    )?
    .query_map([rule.as_str(), &version.to_string()], |row| parsed(row, "codename"))?
    .collect()
}

#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, address, at, concern, notice, place};
    use super::super::{About, Judged, Learnt, New, Outcome, Progress};
    use super::*;
    use crate::finding::{Action, Category, Level, Reach, RuleFacts};
    use crate::mail::{Cursor, FolderName, UidValidity};

    const LIMIT: HoldLimit = HoldLimit { cases: 3, share: 0.05 };

    impl Desk {
        /// Holds that many different messages, and counts that many more that were clear.
        fn day(&self, held: u8, clear: usize) -> Vec<Version> {
            let (concern, receipt) = (concern(Level::Day, Action::Hold), self.sealed());
            for number in 0..held {
                let copy = place("ann", u32::from(number) + 1);
                self.book.record(&New { place: &copy, message_object: Some(&receipt), ..self.plain(number, &concern) }).unwrap();
            }
            let cursor = Cursor { uidvalidity: UidValidity(9), next: 2, history: 1 };
            let judged =
                vec![Judged { uid: crate::mail::Uid::new(1).unwrap(), message: None, outcome: Outcome::Clear, unread: None }; clear];
            let (mailbox, folder) = (address("ann"), FolderName("INBOX".to_owned()));
            self.book.progress(at(4_600), &[Progress { mailbox, folder, cursor, judged, learnt: Learnt::default() }]).unwrap();
            concern.findings.iter().map(|found| (found.rule.clone(), found.version)).collect()
        }
    }

    fn in_force((rule, version): &Version, title: &str) -> RulesInForce {
        let (id, title) = (rule.clone(), title.to_owned());
        [RuleFacts { id, version: *version, title, category: Category::Bullying, level: None, reach: Reach::default() }]
            .into_iter()
            .collect()
    }

    #[test]
    fn a_rule_falls_when_it_holds_many_and_a_large_share_and_is_told_of_once() {
        let desk = Desk::new();
        let rules = desk.day(3, 10);
        let told = [notice("technician", 0, 4_700), notice("dsl", 0, 4_700)];
        let weigh = || desk.book.weigh_holds(at(4_700), &rules, &LIMIT, &told).unwrap();
        assert_eq!(weigh(), [], "three are not more than three");
        desk.day(4, 0);
        assert_eq!(weigh(), [rules[0].0.clone()]);
        assert_eq!(weigh(), [], "it has fallen already");
        assert_eq!(desk.again().fallen().unwrap(), rules, "also after a restart");
        let due = desk.book.due(at(4_700)).unwrap();
        let about = About::System { trouble: Trouble::RuleHoldsTooMuch, mailbox: None, rule: Some(rules[0].0.clone()), since: at(4_700) };
        assert_eq!(due.iter().map(|notice| &notice.about).collect::<Vec<_>>(), [&about, &about]);
        let fell = Event::RuleFell { rule: rules[0].0.clone(), version: rules[0].1.to_string(), held: 4, scanned: 10 };
        assert!(desk.book.journal(1, 100).unwrap().into_iter().any(|entry| entry.event == fell));
    }

    #[test]
    fn many_holds_of_very_much_mail_are_no_fall_nor_are_those_of_another_day() {
        let desk = Desk::new();
        let rules = desk.day(4, 100);
        assert_eq!(desk.book.weigh_holds(at(4_700), &rules, &LIMIT, &[]).unwrap(), []);
        let desk = Desk::new();
        let rules = desk.day(4, 0);
        assert_eq!(desk.book.weigh_holds(at(86_400), &rules, &LIMIT, &[]).unwrap(), [], "the next day");
    }

    #[test]
    fn the_episode_of_a_fallen_rule_ends_with_its_version() {
        let desk = Desk::new();
        let rules = desk.day(4, 0);
        desk.book.weigh_holds(at(4_700), &rules, &LIMIT, &[]).unwrap();
        desk.book.rules_came(at(4_800), &in_force(&rules[0], "A test")).unwrap();
        assert_eq!(desk.book.troubles().unwrap().len(), 1);
        desk.book.rules_came(at(4_900), &RulesInForce::default()).unwrap();
        assert_eq!(desk.book.troubles().unwrap(), []);
        assert_eq!(desk.book.fallen().unwrap(), rules, "that version stays what it is");
    }

    #[test]
    fn a_case_keeps_the_sentence_of_the_rule_as_it_was_and_no_words_of_the_school() {
        let desk = Desk::new();
        let codename = desk.record(1, &place("ann", 1), &concern(Level::Day, Action::Flag), None).codename;
        let found = || desk.again().case(&codename).unwrap().unwrap().findings.remove(0);
        let (then, later) = ((found().rule, found().version), (found().rule, RuleVersion([4; 8])));
        let came = |version, title| desk.book.rules_came(at(4_800), &in_force(version, title)).unwrap();
        came(&then, "Pupils plan to leave Mia Linnet out");
        assert_eq!(found().sentence, None, "a school's own");
        came(&then, "Pupils plan to leave somebody out");
        came(&later, "A rumour about somebody is passed on");
        desk.book.rules_came(at(4_900), &RulesInForce::default()).unwrap();
        assert_eq!(found().sentence.as_deref(), Some("Pupils plan to leave somebody out"));
    }

    #[test]
    fn what_a_version_of_a_rule_held_is_listed_until_it_is_released() {
        let desk = Desk::new();
        let rules = desk.day(2, 0);
        let (rule, version) = &rules[0];
        let held = desk.book.held_by(rule, *version).unwrap();
        assert_eq!(held.len(), 2);
        assert_eq!(desk.book.held_by(rule, RuleVersion([9; 8])).unwrap(), []);
        let case = desk.book.case(&held[0]).unwrap().unwrap().row.id;
        desk.book.release(at(5_000), &Actor::Member("Ann".to_owned()), case, "a lesson").unwrap();
        assert_eq!(desk.book.held_by(rule, *version).unwrap(), held[1..]);
        let records = desk.book.rule_records(at(0)).unwrap();
        let expected = RuleRecord { rule: rule.clone(), version: *version, cases: 2, held: 2, released: 1, shadow: 0, fell_at: None };
        assert_eq!(records, [expected]);
        assert_eq!(desk.book.rule_records(at(90_000)).unwrap(), []);
    }
}
