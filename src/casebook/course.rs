//! What became of each case since a day: what trends are made of.

use std::collections::{BTreeSet, HashMap};

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::column::{Moment, moment_if_any, parsed};
use super::{ReadOnly, Result};
use crate::case::CaseId;
use crate::finding::RuleId;
use crate::mail::Address;

/// How a case came in, and how soon somebody had it in hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Course {
    pub acknowledged_at: Option<Timestamp>,
    /// Where copies lay.
    pub mailboxes: BTreeSet<Address>,
    /// Which had a part in it.
    pub rules: BTreeSet<RuleId>,
}

impl ReadOnly {
    /// The course of every case that was opened since then.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn courses(&self, since: Timestamp) -> Result<HashMap<CaseId, Course>> {
        self.read(|conn| {
            let case = |row: &Row<'_>| row.get("id").map(CaseId);
            let mut courses: HashMap<CaseId, Course> = conn
                .prepare_cached("SELECT id, acknowledged_at FROM cases WHERE opened_at >= ?")?
                .query_map(params![Moment(since)], |row| {
                    Ok((case(row)?, Course { acknowledged_at: moment_if_any(row, "acknowledged_at")?, ..Course::default() }))
                })?
                .collect::<Result<_, _>>()?;
            let mut lay = conn.prepare_cached(
                "SELECT DISTINCT cases.id AS id, address FROM place JOIN cases ON cases.id = of_case JOIN mailbox ON mailbox.id = mailbox WHERE opened_at >= ?",
            )?;
            for row in lay.query_map(params![Moment(since)], |row| Ok((case(row)?, parsed(row, "address")?)))? {
                let (case, address) = row?;
                courses.entry(case).or_default().mailboxes.insert(address);
            }
            let mut fired =
                conn.prepare_cached("SELECT DISTINCT cases.id AS id, rule FROM finding JOIN cases ON cases.id = of_case WHERE opened_at >= ?")?;
            for row in fired.query_map(params![Moment(since)], |row| Ok((case(row)?, parsed(row, "rule")?)))? {
                let (case, rule) = row?;
                courses.entry(case).or_default().rules.insert(rule);
            }
            Ok(courses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, at, concern, place};
    use super::*;
    use crate::finding::{Action, Level};
    use crate::journal::Actor;

    #[test]
    fn a_course_has_every_mailbox_and_every_rule_once_and_only_what_was_opened_since() {
        let desk = Desk::new();
        let concern = concern(Level::Day, Action::Flag);
        let case = desk.record(1, &place("ann", 1), &concern, None).case;
        for (mailbox, uid) in [("ann", 2), ("ben", 1)] {
            assert_eq!(desk.record(1, &place(mailbox, uid), &concern, None).case, case, "it folds");
        }
        desk.book.acknowledge(at(5_000), case, &Actor::Program).unwrap();
        let reader = ReadOnly::open(&desk.folder.path().join("casebook.db")).unwrap();
        let expected = Course {
            acknowledged_at: Some(at(5_000)),
            mailboxes: [place("ann", 1).mailbox, place("ben", 1).mailbox].into(),
            rules: ["bullying.test".parse().unwrap()].into(),
        };
        assert_eq!(reader.courses(at(4_600)).unwrap(), [(case, expected)].into());
        assert!(reader.courses(at(4_601)).unwrap().is_empty());
    }
}
