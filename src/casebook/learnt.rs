//! What is learnt of a batch besides its cases: who has written to whom before, and what rules in the shadow would have done.

use std::collections::{BTreeMap, HashSet};

use jiff::civil::Date;
use rusqlite::{Transaction, params};

use super::column::parsed;
use super::{Casebook, Keyed, Refusal, Result, cases};
use crate::finding::{RuleId, RuleVersion};

/// Of one stretch of a folder.
#[derive(Clone, Debug, Default)]
pub struct Learnt {
    /// [`Casebook::key_contact`] of senders outside.
    pub contacts: HashSet<Keyed>,
    /// On how many messages each rule would have fired.
    pub shadows: BTreeMap<(RuleId, RuleVersion), u64>,
}

/// How a rule in the shadow has fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowCount {
    pub rule: RuleId,
    pub version: RuleVersion,
    /// On which it would have fired.
    pub messages: u64,
}

impl Learnt {
    /// Written within the transaction of the batch. `day` is in UTC.
    pub(super) fn keep(&self, tx: &Transaction<'_>, day: &str) -> Result<(), Refusal> {
        let mut remember = tx.prepare_cached("INSERT OR IGNORE INTO contact (pair) VALUES (?)")?;
        for pair in &self.contacts {
            remember.execute([pair])?;
        }
        let mut count = tx.prepare_cached(
            "INSERT INTO shadow (rule, version, day, messages) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET messages = messages + excluded.messages",
        )?;
        for ((rule, version), messages) in &self.shadows {
            count.execute(params![rule.as_str(), version.to_string(), day, messages.cast_signed()])?;
        }
        Ok(())
    }
}

impl Casebook {
    /// Whether a message from this sender to this mailbox is known, by [`Casebook::key_contact`].
    ///
    /// # Errors
    /// When the database refuses.
    pub fn knows_contact(&self, pair: &Keyed) -> Result<bool> {
        self.read(|conn| conn.prepare_cached("SELECT 1 FROM contact WHERE pair = ?")?.exists([pair]))
    }

    /// What the rules in the shadow would have done since then, by rule and version; those that never fired are not among
    /// them.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn shadow_counts(&self, since: Date) -> Result<Vec<ShadowCount>> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT rule, version, sum(messages) AS messages FROM shadow WHERE day >= ? GROUP BY rule, version ORDER BY rule, version",
            )?
            .query_map([since.to_string()], |row| {
                let messages = row.get::<_, i64>("messages")?.cast_unsigned();
                Ok(ShadowCount { rule: parsed(row, "rule")?, version: cases::version(row)?, messages })
            })?
            .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, address, at};
    use super::super::{Progress, learnt};
    use super::*;
    use crate::mail::{Cursor, FolderName, UidValidity};

    fn progress(learnt: learnt::Learnt) -> [Progress; 1] {
        let cursor = Cursor { uidvalidity: UidValidity(9), next: 2, history: 1 };
        [Progress { mailbox: address("ann"), folder: FolderName("INBOX".to_owned()), cursor, judged: Vec::new(), learnt }]
    }

    #[test]
    fn who_has_written_to_a_mailbox_before_is_known_of_that_mailbox_alone() {
        let desk = Desk::new();
        let stranger = "stranger@elsewhere.example".parse().unwrap();
        let pair = |mailbox: &str| desk.book.key_contact(&stranger, &address(mailbox));
        assert!(!desk.book.knows_contact(&pair("ann")).unwrap());
        let learnt = Learnt { contacts: [pair("ann")].into(), ..Learnt::default() };
        desk.book.progress(at(0), &progress(learnt.clone())).unwrap();
        desk.book.progress(at(0), &progress(learnt)).unwrap();
        assert!(desk.again().knows_contact(&pair("ann")).unwrap());
        assert!(!desk.book.knows_contact(&pair("ben")).unwrap());
    }

    #[test]
    fn the_shadow_is_counted_by_rule_version_and_day() {
        let desk = Desk::new();
        let rule = |name: &str, version| (name.parse().unwrap(), RuleVersion([version; 8]));
        let learnt = |shadows: [((RuleId, RuleVersion), u64); 2]| Learnt { shadows: shadows.into(), ..Learnt::default() };
        desk.book.progress(at(0), &progress(learnt([(rule("scam.a", 1), 2), (rule("scam.a", 2), 1)]))).unwrap();
        desk.book.progress(at(86_400), &progress(learnt([(rule("scam.a", 1), 3), (rule("hate.b", 1), 1)]))).unwrap();
        let counts = |since: &str| {
            let counts = desk.book.shadow_counts(since.parse().unwrap()).unwrap();
            counts.into_iter().map(|count| (count.rule.to_string(), count.version.0[0], count.messages)).collect::<Vec<_>>()
        };
        let told = |name: &str, version, messages| (name.to_owned(), version, messages);
        assert_eq!(counts("1970-01-01"), [told("hate.b", 1, 1), told("scam.a", 1, 5), told("scam.a", 2, 1)]);
        assert_eq!(counts("1970-01-02"), [told("hate.b", 1, 1), told("scam.a", 1, 3)]);
    }
}
