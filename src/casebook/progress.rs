//! How far each folder has been judged, and how much: committed in batches, because most mail is clean.

use std::ops::AddAssign;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rusqlite::{OptionalExtension, params};

use super::{Casebook, Keyed, Learnt, Result, column, coverage, mailbox};
use crate::finding::Reason;
use crate::mail::{Address, Cursor, FolderName, Uid, UidValidity};

/// A stretch of one folder, judged from the old cursor to the new.
#[derive(Clone, Debug)]
pub struct Progress {
    pub mailbox: Address,
    pub folder: FolderName,
    pub cursor: Cursor,
    pub judged: Vec<Judged>,
    pub learnt: Learnt,
}

/// One message of it.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    pub uid: Uid,
    /// `None` where the server did not hand it over.
    pub message: Option<Keyed>,
    pub outcome: Outcome,
    /// Why it could not be read whole, whatever was found in the rest.
    pub unread: Option<Reason>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Clear,
    Flagged,
    Held,
    /// Nothing found in what could be read.
    Incomplete,
    /// Judged in this mailbox before, and not again.
    Known,
}

/// Messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub seen: u64,
    pub scanned: u64,
    pub incomplete: u64,
    pub flagged: u64,
    pub held: u64,
}

impl Counts {
    fn of(outcome: Outcome) -> Self {
        let one = |is: bool| u64::from(is);
        Self {
            seen: 1,
            scanned: one(outcome != Outcome::Known),
            incomplete: one(outcome == Outcome::Incomplete),
            flagged: one(outcome == Outcome::Flagged),
            held: one(outcome == Outcome::Held),
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.seen += more.seen;
        self.scanned += more.scanned;
        self.incomplete += more.incomplete;
        self.flagged += more.flagged;
        self.held += more.held;
    }
}

/// The counts of one mailbox on one day, UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailboxDay {
    pub mailbox: Address,
    pub day: Date,
    pub counts: Counts,
}

impl Casebook {
    /// Moves cursors and counts, and remembers what was judged, in one transaction for all of a batch. What was
    /// flagged or held has been recorded before.
    ///
    /// # Errors
    /// When the database refuses; then all of the batch will be judged again.
    pub fn progress(&self, now: Timestamp, batch: &[Progress]) -> Result<()> {
        let day = now.to_zoned(TimeZone::UTC).date().to_string();
        self.write_as(Some("cursor.commit"), |tx| {
            let mut remember = tx.prepare_cached("INSERT OR IGNORE INTO judged (message, mailbox) VALUES (?, ?)")?;
            let mut advance =
                tx.prepare_cached("INSERT OR REPLACE INTO cursor (mailbox, folder, uidvalidity, next, history) VALUES (?, ?, ?, ?, ?)")?;
            let mut count = tx.prepare_cached(
                "INSERT INTO tally (mailbox, day, seen, scanned, incomplete, flagged, held) VALUES (?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET seen = seen + excluded.seen, scanned = scanned + excluded.scanned,
                     incomplete = incomplete + excluded.incomplete, flagged = flagged + excluded.flagged, held = held + excluded.held",
            )?;
            for Progress { mailbox: address, folder, cursor, judged, learnt } in batch {
                let mailbox = mailbox(tx, address, now)?;
                let mut counts = Counts::default();
                for Judged { message, outcome, .. } in judged {
                    counts += Counts::of(*outcome);
                    // A held message that is met again was put back by somebody, and is to be judged again.
                    if let Some(message) = message.filter(|_| *outcome != Outcome::Held) {
                        remember.execute(params![message, mailbox])?;
                    }
                }
                let Counts { seen, scanned, incomplete, flagged, held } = counts;
                if seen > 0 {
                    let [seen, scanned, incomplete, flagged, held] = [seen, scanned, incomplete, flagged, held].map(u64::cast_signed);
                    count.execute(params![mailbox, day, seen, scanned, incomplete, flagged, held])?;
                }
                advance.execute(params![mailbox, folder.0, cursor.uidvalidity.0, cursor.next, cursor.history])?;
                coverage::note(tx, mailbox, &day, folder, cursor.uidvalidity, judged)?;
                learnt.keep(tx, &day)?;
            }
            Ok(())
        })
    }

    /// Which of these messages were judged in this mailbox before and left there, in their order.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn knows(&self, mailbox: &Address, messages: &[Keyed]) -> Result<Vec<bool>> {
        self.read(|conn| {
            // One transaction for all: each would lock the file anew.
            let tx = conn.unchecked_transaction()?;
            let mut judged =
                tx.prepare_cached("SELECT 1 FROM judged JOIN mailbox ON mailbox.id = judged.mailbox WHERE message = ? AND address = ?")?;
            messages.iter().map(|message| judged.exists(params![message, mailbox.as_str()])).collect()
        })
    }

    /// When a mailbox was first looked into, if that was written down.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn met(&self, mailbox: &Address) -> Result<Option<Timestamp>> {
        self.read(|conn| {
            let met = conn
                .prepare_cached("SELECT met_at FROM mailbox WHERE address = ?")?
                .query_row([mailbox.as_str()], |row| column::moment_if_any(row, "met_at"))
                .optional()?;
            Ok(met.flatten())
        })
    }

    /// # Errors
    /// When the database refuses.
    pub fn cursor(&self, mailbox: &Address, folder: &FolderName) -> Result<Option<Cursor>> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT uidvalidity, next, history FROM cursor JOIN mailbox ON mailbox.id = cursor.mailbox WHERE address = ? AND folder = ?",
            )?
            .query_row(params![mailbox.as_str(), folder.0], |row| {
                Ok(Cursor { uidvalidity: UidValidity(row.get(0)?), next: row.get(1)?, history: row.get(2)? })
            })
            .optional()
        })
    }

    /// The cursors of all folders of a mailbox, by their names.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn cursors(&self, mailbox: &Address) -> Result<Vec<(FolderName, Cursor)>> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT folder, uidvalidity, next, history FROM cursor JOIN mailbox ON mailbox.id = cursor.mailbox WHERE address = ? ORDER BY folder",
            )?
            .query_map([mailbox.as_str()], |row| {
                Ok((FolderName(row.get(0)?), Cursor { uidvalidity: UidValidity(row.get(1)?), next: row.get(2)?, history: row.get(3)? }))
            })?
            .collect()
        })
    }

    /// The counts of every mailbox and day since `since`, oldest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn counts(&self, since: Date) -> Result<Vec<MailboxDay>> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT address, day, seen, scanned, incomplete, flagged, held FROM tally JOIN mailbox ON mailbox.id = tally.mailbox
                 WHERE day >= ? ORDER BY day, address",
            )?
            .query_map([since.to_string()], |row| {
                let count = |column: &str| row.get::<_, i64>(column).map(i64::cast_unsigned);
                Ok(MailboxDay {
                    mailbox: column::parsed(row, "address")?,
                    day: column::parsed(row, "day")?,
                    counts: Counts {
                        seen: count("seen")?,
                        scanned: count("scanned")?,
                        incomplete: count("incomplete")?,
                        flagged: count("flagged")?,
                        held: count("held")?,
                    },
                })
            })?
            .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, address, at};
    use super::*;

    fn inbox(next: u32, judged: &[Judged]) -> Progress {
        let cursor = Cursor { uidvalidity: UidValidity(9), next, history: 1 };
        Progress {
            mailbox: address("ann"),
            folder: FolderName("INBOX".to_owned()),
            cursor,
            judged: judged.to_vec(),
            learnt: Learnt::default(),
        }
    }

    #[test]
    fn a_cursor_comes_back_as_it_was_left() {
        let desk = Desk::new();
        let (ann, inbox_name) = (address("ann"), FolderName("INBOX".to_owned()));
        assert_eq!(desk.book.cursor(&ann, &inbox_name).unwrap(), None);
        desk.book.progress(at(0), &[inbox(5, &[])]).unwrap();
        desk.book.progress(at(0), &[inbox(8, &[]), Progress { folder: FolderName("Sent".to_owned()), ..inbox(3, &[]) }]).unwrap();
        let (read, sent) = (inbox(8, &[]).cursor, inbox(3, &[]).cursor);
        assert_eq!(desk.again().cursor(&ann, &inbox_name).unwrap(), Some(read));
        assert_eq!(desk.book.cursors(&ann).unwrap(), [(inbox_name, read), (FolderName("Sent".to_owned()), sent)]);
        assert_eq!(desk.book.cursors(&address("ben")).unwrap(), []);
    }

    #[test]
    fn a_mailbox_was_met_when_it_was_first_looked_into() {
        let desk = Desk::new();
        assert_eq!(desk.book.met(&address("ann")).unwrap(), None);
        desk.book.progress(at(7), &[inbox(5, &[])]).unwrap();
        desk.book.progress(at(9), &[inbox(8, &[])]).unwrap();
        assert_eq!(desk.book.met(&address("ann")).unwrap(), Some(at(7)));
    }

    #[test]
    fn what_was_judged_and_left_is_known_in_that_mailbox_and_what_was_held_is_not() {
        let desk = Desk::new();
        let judged = |number, outcome| Judged {
            uid: Uid::new(u32::from(number)).unwrap(),
            message: Some(desk.message(number)),
            outcome,
            unread: None,
        };
        desk.book
            .progress(at(0), &[inbox(4, &[judged(1, Outcome::Clear), judged(2, Outcome::Flagged), judged(3, Outcome::Held)])])
            .unwrap();
        let knows = |mailbox, number| desk.book.knows(&address(mailbox), &[desk.message(number)]).unwrap()[0];
        assert!(knows("ann", 1) && knows("ann", 2));
        assert!(!knows("ann", 3), "held");
        assert!(!knows("ben", 1), "another mailbox");
    }

    #[test]
    fn every_message_is_counted_once_under_its_outcome_and_its_day() {
        let desk = Desk::new();
        let all = [Outcome::Clear, Outcome::Flagged, Outcome::Held, Outcome::Incomplete, Outcome::Known];
        let judged = all.map(|outcome| Judged { uid: Uid::new(1).unwrap(), message: None, outcome, unread: None });
        desk.book.progress(at(86_399), &[inbox(6, &judged)]).unwrap();
        desk.book.progress(at(86_400), &[inbox(7, &judged[..1]), inbox(8, &judged[..1]), inbox(8, &[])]).unwrap();
        let counts = desk.book.counts("1970-01-01".parse().unwrap()).unwrap();
        let days: Vec<_> = counts.iter().map(|row| (row.mailbox.as_str(), row.day.to_string(), row.counts)).collect();
        let first = Counts { seen: 5, scanned: 4, incomplete: 1, flagged: 1, held: 1 };
        let second = Counts { seen: 2, scanned: 2, ..Counts::default() };
        assert_eq!(days, [("ann@school.example", "1970-01-01".into(), first), ("ann@school.example", "1970-01-02".into(), second)]);
        assert_eq!(desk.book.counts("1970-01-02".parse().unwrap()).unwrap().len(), 1);
    }
}
