//! What became of some cases: what trends are made of.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use rusqlite::Row;

use super::column::{Json, moment_if_any, parsed};
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
    /// Which had a part in it, and what each said of itself then, where its words come with mailwarden.
    pub rules: BTreeMap<RuleId, Option<String>>,
}

impl ReadOnly {
    /// The course of these cases. Nothing of any other is read: who does not see a case cannot tell it by the time that this takes.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn courses(&self, of: &[CaseId]) -> Result<HashMap<CaseId, Course>> {
        let of: Vec<_> = of.iter().map(|case| case.0).collect();
        self.read(|conn| {
            let case = |row: &Row<'_>| row.get("id").map(CaseId);
            let mut courses: HashMap<CaseId, Course> = conn
                .prepare_cached("SELECT id, acknowledged_at FROM cases WHERE id IN (SELECT value FROM json_each(?))")?
                .query_map([Json(&of)], |row| {
                    Ok((case(row)?, Course { acknowledged_at: moment_if_any(row, "acknowledged_at")?, ..Course::default() }))
                })?
                .collect::<Result<_, _>>()?;
            let mut lay = conn.prepare_cached(
                "SELECT DISTINCT of_case AS id, address FROM place JOIN mailbox ON mailbox.id = mailbox
                 WHERE of_case IN (SELECT value FROM json_each(?))",
            )?;
            for row in lay.query_map([Json(&of)], |row| Ok((case(row)?, parsed(row, "address")?)))? {
                let (case, address) = row?;
                courses.entry(case).or_default().mailboxes.insert(address);
            }
            let mut fired = conn.prepare_cached(
                "SELECT DISTINCT of_case AS id, rule, sentence FROM finding LEFT JOIN sentence USING (rule, version)
                 WHERE of_case IN (SELECT value FROM json_each(?))",
            )?;
            for row in fired.query_map([Json(&of)], |row| Ok((case(row)?, parsed(row, "rule")?, row.get("sentence")?)))? {
                let (case, rule, sentence): (_, _, Option<String>) = row?;
                let said = courses.entry(case).or_default().rules.entry(rule).or_default();
                *said = sentence.or(said.take());
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
    fn a_course_has_every_mailbox_and_every_rule_once_and_nothing_of_another_case_is_read() {
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
            rules: [("bullying.test".parse().unwrap(), None)].into(),
        };
        assert_eq!(reader.courses(&[case]).unwrap(), [(case, expected)].into());
        assert!(reader.courses(&[]).unwrap().is_empty());
        let hidden = desk.record(2, &place("zoe", 1), &concern, None).case;
        let unreadable = rusqlite::Connection::open(desk.folder.path().join("casebook.db")).unwrap();
        unreadable.execute("UPDATE finding SET rule = 'no rule' WHERE of_case = ?", [hidden.0]).unwrap();
        assert!(reader.courses(&[hidden]).is_err());
        assert_eq!(reader.courses(&[case]).unwrap().len(), 1, "what of the other cannot be read is not read");
    }
}
