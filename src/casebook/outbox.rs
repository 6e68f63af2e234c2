//! Notices that are to be sent: queued with what they tell of, sent later, at least once.

use std::fmt;

use jiff::Timestamp;
use rusqlite::{Row, Transaction, params};

use super::column::{Moment, moment, moment_if_any, parsed, word};
use super::{Casebook, Keyed, Refusal, Result, Trouble, WeekOfOpenings};
use crate::case::{CaseId, Codename};
use crate::finding::{Category, Level, RuleId};
use crate::journal::{Actor, Event};
use crate::mail::Address;

/// A notice to be queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotice {
    pub to: Address,
    /// 0 for those who are told first; the next contacts are told when nobody has acknowledged.
    pub rank: u32,
    pub not_before: Timestamp,
}

/// The number of a notice: what is sent twice is sent under one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoticeId(pub i64);

impl fmt::Display for NoticeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A notice that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub id: NoticeId,
    pub about: About,
    pub to: Address,
    pub rank: u32,
    pub due: Timestamp,
    /// How often it could not be delivered.
    pub failures: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    Case { case: CaseId, codename: Codename, category: Category, level: Level },
    Openings(WeekOfOpenings),
    System { trouble: Trouble, mailbox: Option<Address>, rule: Option<RuleId>, since: Timestamp },
}

/// Notices that are due and were not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undelivered {
    pub count: u64,
    /// When the first of them was due.
    pub oldest: Option<Timestamp>,
}

#[derive(Clone, Copy)]
pub(super) enum Subject {
    Case(CaseId),
    Trouble(i64),
}

pub(super) fn queue(tx: &Transaction<'_>, subject: Subject, notices: &[NewNotice]) -> rusqlite::Result<()> {
    let (case, trouble) = match subject {
        Subject::Case(case) => (Some(case.0), None),
        Subject::Trouble(trouble) => (None, Some(trouble)),
    };
    let mut insert = tx.prepare_cached("INSERT INTO notice (of_case, of_trouble, recipient, rank, due_at) VALUES (?, ?, ?, ?, ?)")?;
    for notice in notices {
        insert.execute(params![case, trouble, notice.to.as_str(), notice.rank, Moment(notice.not_before)])?;
    }
    Ok(())
}

/// Due and to be sent: a case that somebody has acknowledged climbs no further, and a trouble that is over is
/// none of anybody's business.
const DUE: &str = "FROM notice LEFT JOIN cases ON cases.id = of_case LEFT JOIN trouble ON trouble.id = of_trouble
    WHERE delivered_at IS NULL AND due_at <= ?1 AND over_at IS NULL AND (rank = 0 OR acknowledged_at IS NULL)";

impl Casebook {
    /// What is to be sent now, most urgent case first, then by when it was due.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn due(&self, now: Timestamp) -> Result<Vec<Notice>> {
        self.read(|conn| {
            conn.prepare_cached(&format!(
                "SELECT notice.id AS id, of_case, of_week, facts, recipient, rank, due_at, failures, codename, category, level, kind, mailbox, rule, began_at {DUE}
                 AND (retry_at IS NULL OR retry_at <= ?1) ORDER BY level DESC, due_at, notice.id"
            ))?
            .query_map(params![Moment(now)], notice)?
            .collect()
        })
    }

    /// A letter of ours is about to be sent: whoever receives it, it is never examined as mail.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn sending(&self, letter: &Keyed) -> Result<()> {
        self.write(|tx| {
            tx.prepare_cached("INSERT OR IGNORE INTO letter (content) VALUES (?)")?.execute(params![letter])?;
            Ok(())
        })
    }

    /// Whether this content is a letter of ours.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn is_ours(&self, letter: &Keyed) -> Result<bool> {
        self.read(|conn| conn.prepare_cached("SELECT 1 FROM letter WHERE content = ?")?.exists(params![letter]))
    }

    /// The server of the recipient's mail has taken it.
    ///
    /// # Errors
    /// When the database refuses; then it will be sent again, under the same number.
    pub fn delivered(&self, now: Timestamp, notice: NoticeId) -> Result<()> {
        self.write_as(Some("notice.commit"), |tx| {
            let done = tx
                .prepare_cached("UPDATE notice SET delivered_at = ? WHERE id = ? AND delivered_at IS NULL")?
                .execute(params![Moment(now), notice.0])?;
            if done == 0 {
                return Ok(());
            }
            let case = tx.query_row("SELECT of_case FROM notice WHERE id = ?", [notice.0], |row| row.get::<_, Option<i64>>(0))?;
            self.append(tx, now, &Actor::Program, &Event::NoticeDelivered { notice: notice.0, case: case.map(CaseId) })
        })
    }

    /// It could not be delivered. `kind` is a word for why, never what a server said.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn failed(&self, notice: NoticeId, kind: &str, retry_at: Timestamp) -> Result<()> {
        self.write(|tx| {
            tx.prepare_cached("UPDATE notice SET failures = failures + 1, failure = ?, retry_at = ? WHERE id = ?")?.execute(params![
                kind,
                Moment(retry_at),
                notice.0
            ])?;
            Ok(())
        })
    }

    /// # Errors
    /// When the database refuses.
    pub fn undelivered(&self, now: Timestamp) -> Result<Undelivered> {
        self.read(|conn| {
            conn.prepare_cached(&format!("SELECT count(*) AS count, min(due_at) AS oldest {DUE}"))?.query_row(params![Moment(now)], |row| {
                Ok(Undelivered { count: row.get::<_, i64>("count")?.cast_unsigned(), oldest: moment_if_any(row, "oldest")? })
            })
        })
    }

    /// Somebody has the case in hand: its notices climb no further. Later acknowledgements change nothing.
    ///
    /// # Errors
    /// `NoCase`, or when the database refuses.
    pub fn acknowledge(&self, now: Timestamp, case: CaseId, by: &Actor) -> Result<()> {
        self.write(|tx| {
            let codename = super::cases::codename(tx, case)?;
            if acknowledge(tx, now, case, by)? {
                self.append(tx, now, by, &Event::Acknowledged { case, codename })?;
            }
            Ok(())
        })
    }
}

/// Says whether it was the first.
pub(super) fn acknowledge(tx: &Transaction<'_>, now: Timestamp, case: CaseId, by: &Actor) -> Result<bool, Refusal> {
    let done = tx
        .prepare_cached("UPDATE cases SET acknowledged_at = ?, acknowledged_by = ? WHERE id = ? AND acknowledged_at IS NULL")?
        .execute(params![Moment(now), by.name(), case.0])?;
    Ok(done > 0)
}

fn notice(row: &Row<'_>) -> rusqlite::Result<Notice> {
    let about = match (row.get::<_, Option<i64>>("of_case")?, row.get::<_, Option<String>>("of_week")?) {
        (None, Some(_)) => About::Openings(WeekOfOpenings { monday: parsed(row, "of_week")?, cases: word(row, "facts")? }),
        (Some(case), _) => About::Case {
            case: CaseId(case),
            codename: parsed(row, "codename")?,
            category: word(row, "category")?,
            level: word(row, "level")?,
        },
        (None, None) => About::System {
            trouble: word(row, "kind")?,
            mailbox: row.get::<_, String>("mailbox")?.parse().ok(),
            rule: row.get::<_, String>("rule")?.parse().ok(),
            since: moment(row, "began_at")?,
        },
    };
    Ok(Notice {
        id: NoticeId(row.get("id")?),
        about,
        to: parsed(row, "recipient")?,
        rank: row.get("rank")?,
        due: moment(row, "due_at")?,
        failures: row.get("failures")?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, address, at, concern, notice, place};
    use super::*;
    use crate::finding::Action;

    fn ids(notices: &[Notice]) -> Vec<&str> {
        notices.iter().map(|notice| notice.to.as_str()).collect()
    }

    #[test]
    fn notices_come_when_they_are_due_and_the_gravest_first() {
        let desk = Desk::new();
        let mild = concern(Level::Day, Action::Flag);
        let grave = concern(Level::Now, Action::Flag);
        desk.record_with(1, &place("ann", 1), &mild, None, &[notice("pastoral", 0, 0)]);
        let case = desk.record_with(2, &place("ann", 2), &grave, None, &[notice("dsl", 0, 50), notice("deputy", 1, 950)]);
        assert_eq!(ids(&desk.book.due(at(49)).unwrap()), ["pastoral@school.example"]);
        let due = desk.book.due(at(50)).unwrap();
        assert_eq!(ids(&due), ["dsl@school.example", "pastoral@school.example"]);
        let about = About::Case { case: case.case, codename: case.codename, category: Category::Bullying, level: Level::Now };
        assert_eq!((&due[0].about, due[0].rank, due[0].due, due[0].failures), (&about, 0, at(50), 0));
        assert_eq!(desk.book.due(at(950)).unwrap().len(), 3);
    }

    #[test]
    fn a_case_that_somebody_has_in_hand_climbs_no_further_but_the_first_contact_is_told() {
        let desk = Desk::new();
        let notices = [notice("dsl", 0, 0), notice("deputy", 1, 900), notice("head", 2, 1_800)];
        let case = desk.record_with(1, &place("ann", 1), &concern(Level::Now, Action::Flag), None, &notices);
        desk.book.acknowledge(at(5), case.case, &Actor::Member("Ann Example".to_owned())).unwrap();
        assert_eq!(ids(&desk.book.due(at(5_000)).unwrap()), ["dsl@school.example"]);
        let facts = desk.book.case(&case.codename).unwrap().unwrap();
        assert_eq!(facts.acknowledged, Some((at(5), "Ann Example".to_owned())));
        assert!(matches!(desk.book.acknowledge(at(5), CaseId(9), &Actor::Program), Err(super::super::CasebookError::NoCase(CaseId(9)))));
    }

    #[test]
    fn what_was_delivered_is_not_due_and_what_failed_is_due_again_later() {
        let desk = Desk::new();
        let notices = [notice("dsl", 0, 0), notice("head", 0, 10)];
        let case = desk.record_with(1, &place("ann", 1), &concern(Level::Now, Action::Flag), None, &notices);
        let due = desk.book.due(at(20)).unwrap();
        desk.book.delivered(at(21), due[0].id).unwrap();
        desk.book.delivered(at(99), due[0].id).unwrap();
        desk.book.failed(due[1].id, "connection-refused", at(80)).unwrap();
        assert_eq!(desk.book.due(at(79)).unwrap(), []);
        assert_eq!(desk.book.undelivered(at(79)).unwrap(), Undelivered { count: 1, oldest: Some(at(10)) });
        let again = desk.book.due(at(80)).unwrap();
        assert_eq!((again[0].id, again[0].failures), (due[1].id, 1));

        let facts = desk.book.case(&case.codename).unwrap().unwrap().notices;
        assert_eq!((facts[0].delivered_at, facts[1].delivered_at), (Some(at(21)), None), "the first delivery stands");
        assert_eq!(facts[1].failure.as_deref(), Some("connection-refused"));
        desk.book.delivered(at(81), again[0].id).unwrap();
        assert_eq!(desk.book.undelivered(at(9_999)).unwrap(), Undelivered { count: 0, oldest: None });
    }

    #[test]
    fn a_notice_about_the_program_names_the_trouble_and_the_mailbox() {
        let desk = Desk::new();
        let ann = address("ann");
        desk.book.record_system(at(3), Trouble::MailboxUnreachable, Some(&ann), &[notice("technician", 0, 3)]).unwrap();
        let due = desk.book.due(at(3)).unwrap();
        assert_eq!(due[0].about, About::System { trouble: Trouble::MailboxUnreachable, mailbox: Some(ann), rule: None, since: at(3) });
        desk.book.delivered(at(4), due[0].id).unwrap();
        assert_eq!(desk.book.due(at(5)).unwrap(), []);
    }
}
