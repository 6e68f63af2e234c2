//! What is wrong with the program or its surroundings: told to the technician once an episode, not once a try.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde::{Deserialize, Serialize};

use super::column::{Json, Moment};
use super::outbox::{self, NewNotice, Subject};
use super::{Casebook, Result};
use crate::finding::RuleId;
use crate::journal::{Actor, Event};
use crate::mail::Address;

/// A kind of trouble: the category `system`, facts only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// The directory does not say who has a mailbox, or names far too few: the mailboxes that it named last stay.
    DirectoryNotFollowed,
    /// No room to seal: nothing more is removed from mailboxes.
    DiskFull,
    /// The server lists a folder and does not open it: nobody reads what is in it.
    FolderClosed,
    /// The server, or the issuer of tokens, does not let the mailbox in: a wrong password, say, or one that cannot be read.
    LoginRefused,
    /// The server cannot remove one message alone, or brings it back.
    MailboxKeepsMessages,
    /// A line of the list of mailboxes is broken: that mailbox is not watched.
    MailboxListBroken,
    /// The login goes well, and there is no mailbox behind it, or none of its folders can be opened.
    MailboxMissing,
    /// No round has gone through for longer than set.
    MailboxSilent,
    /// Rounds fail for a reason that has no name of its own.
    MailboxUnreachable,
    /// Thousands of messages over a long time, and not one finding.
    NothingFound,
    NoticeUndelivered,
    /// Rounds take far longer than the interval between them.
    PollOverruns,
    /// Its rounds end in panics.
    RoundPanics,
    /// A rule held more than the policy allows, and only flags since.
    RuleHoldsTooMuch,
    /// The rules on the disk do not compile; those before them stay in force.
    RulesRefused,
    SelfTestFailed,
    /// The mail server, or the issuer of its tokens, does not answer. Told of one of its mailboxes.
    ServerUnreachable,
    /// The vault or the casebook refuses, for another reason than room.
    StateRefuses,
    /// There is no trusted connection to the mail server. Told of one of its mailboxes.
    TlsFailed,
    /// Scan processes die or stall.
    WorkersFail,
}

impl Trouble {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DirectoryNotFollowed => "directory-not-followed",
            Self::DiskFull => "disk-full",
            Self::FolderClosed => "folder-closed",
            Self::LoginRefused => "login-refused",
            Self::MailboxKeepsMessages => "mailbox-keeps-messages",
            Self::MailboxListBroken => "mailbox-list-broken",
            Self::MailboxMissing => "mailbox-missing",
            Self::MailboxSilent => "mailbox-silent",
            Self::MailboxUnreachable => "mailbox-unreachable",
            Self::NothingFound => "nothing-found",
            Self::PollOverruns => "poll-overruns",
            Self::NoticeUndelivered => "notice-undelivered",
            Self::RoundPanics => "round-panics",
            Self::RuleHoldsTooMuch => "rule-holds-too-much",
            Self::RulesRefused => "rules-refused",
            Self::SelfTestFailed => "self-test-failed",
            Self::ServerUnreachable => "server-unreachable",
            Self::StateRefuses => "state-refuses",
            Self::TlsFailed => "tls-failed",
            Self::WorkersFail => "workers-fail",
        }
    }
}

/// A trouble that lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Episode {
    pub trouble: Trouble,
    /// `None`: of no mailbox in particular.
    pub mailbox: Option<Address>,
    /// `None`: of no rule in particular.
    pub rule: Option<RuleId>,
    pub since: Timestamp,
}

impl Casebook {
    /// Opens an episode with its notices; says whether it is a new one. While one lasts, nothing more is told.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn record_system(&self, now: Timestamp, trouble: Trouble, mailbox: Option<&Address>, notices: &[NewNotice]) -> Result<bool> {
        let address = mailbox.map_or("", Address::as_str);
        self.write_as(Some("record.commit"), |tx| {
            let new = tx
                .prepare_cached("INSERT INTO trouble (kind, mailbox, began_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING id")?
                .query_row(params![Json(trouble), address, Moment(now)], |row| row.get(0))
                .optional()?;
            let Some(id) = new else { return Ok(false) };
            outbox::queue(tx, Subject::Trouble(id), notices)?;
            let event = Event::TroubleBegan { trouble: trouble.as_str().to_owned(), mailbox: mailbox.map(ToString::to_string) };
            self.append(tx, now, &Actor::Program, &event)?;
            Ok(true)
        })
    }

    /// Closes the episode, if one lasts; says whether one did. A notice of it that was not yet sent is not sent.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn system_over(&self, now: Timestamp, trouble: Trouble, mailbox: Option<&Address>) -> Result<bool> {
        let address = mailbox.map_or("", Address::as_str);
        let lasts = self.read(|conn| {
            conn.prepare_cached("SELECT 1 FROM trouble WHERE kind = ? AND mailbox = ? AND over_at IS NULL")?
                .exists(params![Json(trouble), address])
        })?;
        // Asked after every good round: nothing is written when there is nothing to close.
        if !lasts {
            return Ok(false);
        }
        self.write(|tx| {
            let closed = tx
                .prepare_cached("UPDATE trouble SET over_at = ? WHERE kind = ? AND mailbox = ? AND over_at IS NULL")?
                .execute(params![Moment(now), Json(trouble), address])?;
            if closed > 0 {
                let event = Event::TroubleOver { trouble: trouble.as_str().to_owned(), mailbox: mailbox.map(ToString::to_string) };
                self.append(tx, now, &Actor::Program, &event)?;
            }
            Ok(closed > 0)
        })
    }

    /// Every trouble at hand, oldest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn troubles(&self) -> Result<Vec<Episode>> {
        self.read(|conn| {
            conn.prepare_cached("SELECT kind, mailbox, rule, began_at FROM trouble WHERE over_at IS NULL ORDER BY began_at, id")?
                .query_map([], |row| {
                    let (Json(trouble), Moment(since)) = (row.get(0)?, row.get(3)?);
                    let (mailbox, rule) = (row.get::<_, String>(1)?.parse().ok(), row.get::<_, String>(2)?.parse().ok());
                    Ok(Episode { trouble, mailbox, rule, since })
                })?
                .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, address, at, notice};
    use super::*;

    #[test]
    fn a_trouble_is_told_once_an_episode_and_again_in_the_next() {
        let desk = Desk::new();
        let (ann, ben) = (address("ann"), address("ben"));
        let begins = |second, mailbox| {
            let told = [notice("technician", 0, second)];
            desk.book.record_system(at(second), Trouble::MailboxUnreachable, mailbox, &told).unwrap()
        };
        assert!(begins(1, Some(&ann)));
        assert!(!begins(2, Some(&ann)));
        assert!(begins(3, Some(&ben)), "another mailbox");
        assert!(begins(4, None), "no mailbox in particular");
        let at_hand: Vec<_> = desk.book.troubles().unwrap().into_iter().map(|episode| (episode.mailbox, episode.since)).collect();
        assert_eq!(at_hand, [(Some(ann.clone()), at(1)), (Some(ben.clone()), at(3)), (None, at(4))]);

        assert!(desk.book.system_over(at(5), Trouble::MailboxUnreachable, Some(&ann)).unwrap());
        assert!(!desk.book.system_over(at(6), Trouble::MailboxUnreachable, Some(&ann)).unwrap());
        assert!(begins(7, Some(&ann)));
    }

    #[test]
    fn a_trouble_that_is_over_before_its_notice_was_due_is_not_told() {
        let desk = Desk::new();
        desk.book.record_system(at(0), Trouble::DiskFull, None, &[notice("technician", 0, 600)]).unwrap();
        desk.book.system_over(at(300), Trouble::DiskFull, None).unwrap();
        assert_eq!(desk.book.due(at(600)).unwrap(), []);
        assert_eq!(desk.book.verify_journal().unwrap().entries, 2);
    }
}
