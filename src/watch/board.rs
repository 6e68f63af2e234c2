//! What the daemon is doing right now: a board that the rounds write on and `mailwarden status` reads.
//!
//! The counts that must last are in the casebook; the board is lost with the process, and may be.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::backlog::Backlog;
use super::round::Rounded;
use super::seats::{Known, Seats};
use crate::mail::{Address, Mailbox, Role};
use crate::wire::RuleSet;

/// Everything `status` shows that is not in the casebook.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    pub pid: u32,
    pub started: Timestamp,
    pub written: Timestamp,
    pub rule_set: RuleSet,
    /// How the scan processes are caged, in words.
    pub cage: String,
    /// Why the last change of configuration, rules or lists is not in force; empty when it is.
    pub refused: Vec<String>,
    /// Troubles that are not one mailbox's: disk, notices.
    pub troubles: BTreeMap<String, String>,
    /// By their names.
    #[serde(default)]
    pub servers: BTreeMap<String, ServerStatus>,
    pub mailboxes: BTreeMap<Address, MailboxStatus>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ServerStatus {
    /// Connections on which somebody is signed in.
    pub signed_in: usize,
    /// The most that it bears, as far as it has shown: it refused another
    pub bears: Option<usize>,
    /// at this time.
    pub refused_at: Option<Timestamp>,
    /// Mailboxes that wait for a connection.
    pub waiting: usize,
}

impl ServerStatus {
    pub fn of(seats: &Seats) -> Self {
        let Known { signed_in, limit, waiting } = seats.known();
        let refused_at = limit.and_then(|(_, ago)| Timestamp::now().checked_sub(ago).ok());
        Self { signed_in, bears: limit.map(|(bears, _)| bears), refused_at, waiting }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MailboxStatus {
    pub group: String,
    pub role: Role,
    pub folders: usize,
    /// The end of the last round that went through.
    pub last_poll: Option<Timestamp>,
    /// INTERNALDATE of the oldest message that is listed and has no verdict yet.
    pub oldest_unscanned: Option<i64>,
    pub failing_since: Option<Timestamp>,
    /// What went wrong last; `None` while all is well.
    pub trouble: Option<String>,
    /// Its server did not keep up IDLE: until then it is polled and no more.
    #[serde(default)]
    pub polled_only_until: Option<Timestamp>,
    /// How it comes on, where there is much that is not judged yet.
    #[serde(default)]
    pub backlog: Option<Backlog>,
}

/// What a look at everything has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amiss {
    /// Those that could not be polled.
    pub mailboxes: usize,
    /// Those that are no mailbox's.
    pub troubles: usize,
}

/// The board itself.
pub struct Board {
    file: PathBuf,
    status: Mutex<Status>,
}

impl Board {
    pub fn new(file: PathBuf, rule_set: RuleSet, cage: String) -> Self {
        let now = Timestamp::now();
        let status = Status {
            pid: std::process::id(),
            started: now,
            written: now,
            rule_set,
            cage,
            refused: Vec::new(),
            troubles: BTreeMap::new(),
            servers: BTreeMap::new(),
            mailboxes: BTreeMap::new(),
        };
        Self { file, status: Mutex::new(status) }
    }

    /// Where the board of a state directory is kept.
    pub fn path(state: &Path) -> PathBuf {
        state.join("status.json")
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        // A board left by a panicking thread is still the best that is known.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn watching(&self, mailbox: &Mailbox) {
        self.lock().mailboxes.entry(mailbox.address.clone()).or_insert_with(|| MailboxStatus {
            group: mailbox.group.clone(),
            role: mailbox.role,
            folders: 0,
            last_poll: None,
            oldest_unscanned: None,
            failing_since: None,
            trouble: None,
            polled_only_until: None,
            backlog: None,
        });
    }

    pub fn no_longer_watching(&self, mailbox: &Address) {
        self.lock().mailboxes.remove(mailbox);
    }

    fn update(&self, mailbox: &Address, change: impl FnOnce(&mut MailboxStatus)) {
        if let Some(status) = self.lock().mailboxes.get_mut(mailbox) {
            change(status);
        }
    }

    pub fn polled(&self, mailbox: &Address, rounded: &Rounded) {
        self.update(mailbox, |status| {
            status.folders = rounded.folders;
            status.last_poll = Some(Timestamp::now());
            if !rounded.unfinished {
                status.oldest_unscanned = None;
                status.backlog = None;
            }
            status.failing_since = (!rounded.closed.is_empty()).then(|| status.failing_since.unwrap_or_else(Timestamp::now));
            status.trouble = (!rounded.closed.is_empty()).then(|| {
                let names: Vec<_> = rounded.closed.iter().map(|folder| format!("`{folder}`")).collect();
                format!("the server does not open {}", names.join(", "))
            });
        });
    }

    /// IDLE went wrong, and is not tried again before then; or, with `None`, it is.
    pub fn polled_only(&self, mailbox: &Address, until: Option<Timestamp>) {
        self.update(mailbox, |status| status.polled_only_until = until);
    }

    pub fn backlog(&self, mailbox: &Address, backlog: Option<Backlog>) {
        self.update(mailbox, |status| status.backlog = backlog);
    }

    /// A message has been listed that is not judged yet.
    pub fn waiting(&self, mailbox: &Address, internal_date: i64) {
        self.update(mailbox, |status| {
            status.oldest_unscanned = Some(status.oldest_unscanned.map_or(internal_date, |oldest| oldest.min(internal_date)));
        });
    }

    /// Notes what went wrong. Returns since when the mailbox has been failing.
    pub fn failed(&self, mailbox: &Address, trouble: &str) -> Timestamp {
        let now = Timestamp::now();
        let mut since = now;
        self.update(mailbox, |status| {
            since = *status.failing_since.get_or_insert(now);
            status.trouble = Some(trouble.to_owned());
        });
        since
    }

    /// INTERNALDATE of the oldest message of a mailbox that has no verdict yet.
    pub fn oldest_unscanned(&self, mailbox: &Address) -> Option<i64> {
        self.lock().mailboxes.get(mailbox)?.oldest_unscanned
    }

    pub fn is_failing(&self, mailbox: &Address) -> bool {
        self.lock().mailboxes.get(mailbox).is_some_and(|status| status.failing_since.is_some())
    }

    pub fn trouble(&self, of: &str, text: Option<String>) {
        let mut status = self.lock();
        match text {
            Some(text) => status.troubles.insert(of.to_owned(), text),
            None => status.troubles.remove(of),
        };
    }

    pub fn servers(&self, servers: BTreeMap<String, ServerStatus>) {
        self.lock().servers = servers;
    }

    /// A new set of rules is in force.
    pub fn rules(&self, rule_set: RuleSet, cage: String) {
        let mut status = self.lock();
        status.rule_set = rule_set;
        status.cage = cage;
        status.refused.clear();
    }

    /// The same rules on another day; what was refused of later ones stays refused.
    pub fn rules_today(&self, rule_set: RuleSet) {
        self.lock().rule_set = rule_set;
    }

    pub fn refused(&self, faults: Vec<String>) {
        self.lock().refused = faults;
    }

    /// How much stands on it that is not well.
    pub fn amiss(&self) -> Amiss {
        let status = self.lock();
        let mailboxes = status.mailboxes.values().filter(|mailbox| mailbox.trouble.is_some()).count();
        Amiss { mailboxes, troubles: status.troubles.len() }
    }

    /// Replaces the file. It need not survive a power cut, so nothing is fsynced.
    ///
    /// # Errors
    /// When the state directory cannot be written.
    pub fn write(&self) -> io::Result<()> {
        let json = {
            let mut status = self.lock();
            status.written = Timestamp::now();
            serde_json::to_vec(&*status)?
        };
        let fresh = self.file.with_extension("json.new");
        std::fs::write(&fresh, json)?;
        std::fs::rename(fresh, &self.file)
    }

    /// # Errors
    /// When no daemon has ever written a board there.
    pub fn read(state: &Path) -> io::Result<Status> {
        Ok(serde_json::from_slice(&std::fs::read(Self::path(state))?)?)
    }
}
