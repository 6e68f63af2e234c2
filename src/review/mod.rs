//! The desk: what a person with a role may see of the cases, and what she decides, in her browser.
//!
//! It has no password of any mailbox, no private key and no instance key. It reads the casebook, hands out ciphertext, and
//! writes nothing but its own file (`crate::desk`): who has an account, what was decided, and who was shown what. The
//! service reads the decisions from there and carries them out.

mod admit;
mod answer;
mod attempts;
mod case_page;
mod challenges;
mod chart;
mod connections;
mod decide;
mod destroy;
mod device;
mod evidence;
mod factor;
mod form;
mod guard;
mod health;
mod invitation;
mod journal_page;
mod keys;
mod lists;
mod openings;
mod passkeys;
mod password;
mod queue;
mod routes;
mod sealed;
mod serve;
mod session;
mod sight;
mod sign_in;
mod snooze;
mod step_up;
mod tally;
#[cfg(test)]
mod tests;
mod tls;
mod totp;
mod trends;
mod undo;
mod webauthn;
mod words;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::{Notify, Semaphore};

use crate::casebook::{CasebookError, ReadOnly};
use crate::config::{Config, Review as Settings};
use crate::desk::{Chain, Desk, DeskError};
use crate::vault::Vault;
use attempts::Attempts;
use challenges::Challenges;
use session::Sessions;
use tally::Tally;

pub use serve::{ServeError, serve};

/// Of either kind of request; the others wait their turn.
const AT_WORK: usize = 8;
/// A megabyte each, and as much again when they are taken apart.
const LONG_FORMS: usize = 2;

/// Everything that the pages share.
pub struct Review {
    config: Config,
    settings: Settings,
    desk: Mutex<Desk>,
    vault: Vault,
    sessions: Sessions,
    attempts: Attempts,
    challenges: Challenges,
    tally: Tally,
    /// Wakes the task that writes what is counted there.
    to_tell: Notify,
    /// Passwords are weighed one at a time: each takes 64 MiB.
    hashing: Mutex<()>,
    /// Requests at work at once, of whoever reaches the desk and of those on the pages for people who are signed in: a list of ten
    /// thousand cases takes megabytes, and a flood of passwords to be weighed keeps nobody from her cases.
    for_strangers: Arc<Semaphore>,
    for_people: Arc<Semaphore>,
    /// Forms that hold something of every copy of a case are read of people who are signed in alone, and two at a time.
    for_long_forms: Arc<Semaphore>,
    /// Packages for the police are made one at a time: each is in memory as a whole.
    packing: Mutex<()>,
}

impl Review {
    /// Opens the desk's own file; the casebook may come later.
    ///
    /// # Errors
    /// When the desk's file is out of reach.
    pub fn new(config: Config, settings: Settings) -> Result<Self, DeskError> {
        let desk = Desk::open(&settings.directory)?;
        let challenges = Challenges::new().map_err(|source| DeskError::Io { path: "/dev/urandom".into(), source })?;
        let vault = Vault::of_another(&config.state.vault());
        Ok(Self {
            config,
            settings,
            desk: Mutex::new(desk),
            vault,
            sessions: Sessions::default(),
            attempts: Attempts::default(),
            challenges,
            tally: Tally::default(),
            to_tell: Notify::new(),
            hashing: Mutex::default(),
            for_strangers: Arc::new(Semaphore::new(AT_WORK)),
            for_people: Arc::new(Semaphore::new(AT_WORK)),
            for_long_forms: Arc::new(Semaphore::new(LONG_FORMS)),
            packing: Mutex::default(),
        })
    }

    /// Every entry is one transaction: a panic elsewhere leaves nothing half written.
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opened anew each time: whether anybody writes to it meanwhile decides how it is read.
    fn casebook(&self) -> Result<ReadOnly, CasebookError> {
        ReadOnly::open(&self.config.state.casebook())
    }

    /// Opened anew each time too: whoever walks the journal holds up nobody.
    fn journal(&self) -> Result<Chain, DeskError> {
        Chain::open(&self.settings.directory)
    }

    /// Forgets the keys of messages that the service has put back by now.
    fn tidy(&self) {
        let progress = self.casebook().and_then(|book| book.desk_progress());
        match progress.map(|deed| self.desk().forget_keys(deed)) {
            Ok(Ok(())) | Err(CasebookError::Io { .. } | CasebookError::Database { .. }) => {}
            Ok(Err(error)) => tracing::warn!(%error, "keys of released messages are still kept"),
            Err(error) => tracing::warn!(%error, "the casebook cannot be read"),
        }
        if let Err(why) = self.forget_admissions() {
            tracing::warn!(?why, "what the service has taken over is still kept");
        }
    }

    fn now() -> Timestamp {
        Timestamp::now()
    }
}
