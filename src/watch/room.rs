//! Whether there is room on the disk: looked at all the time, not only when something is to be sealed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{Daemon, Trouble, tell};
use crate::casebook;
use crate::vault::VaultError;

/// A quota, or a file system without inodes, refuses although octets are free: so long after the last such refusal the disk counts as full.
const AFTER_A_REFUSAL: Duration = Duration::from_mins(10);

/// What is known of the room, and what was told of it.
#[derive(Default)]
pub struct Room(Mutex<Known>);

#[derive(Default)]
struct Known {
    refused: Option<(Instant, String)>,
    /// Whether the disk was full, as the casebook was told last.
    told: Option<bool>,
}

impl Room {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks, and tells of a change: one letter for the machine, however many mailboxes there are. What the casebook does not take, for want of
/// room itself, is told again.
pub fn look(daemon: &Daemon) {
    let short = match daemon.shelf.vault().check_room() {
        Ok(()) => daemon.room.known().refused.clone().filter(|(at, _)| at.elapsed() < AFTER_A_REFUSAL).map(|(_, why)| why),
        Err(error) => Some(error.to_string()),
    };
    let full = short.is_some();
    daemon.board.trouble("disk", short);
    let told = daemon.room.known().told;
    if told == Some(full) {
        return;
    }
    let taken = if full {
        tracing::error!("the disk is full: nothing more is sealed, and what would be held stays in its mailbox");
        tell::is_told(daemon, casebook::Trouble::DiskFull, None)
    } else {
        tell::is_over(daemon, casebook::Trouble::DiskFull, None)
    };
    if taken {
        daemon.room.known().told = Some(full);
    }
    if told == Some(true) && !full {
        // What has waited for room waits no longer.
        daemon.registry.bring_all_forward();
    }
}

/// A round ended for want of room.
pub fn refused(daemon: &Daemon, trouble: &Trouble) {
    // Of this one, a look at the room says when it is over.
    if !matches!(trouble, Trouble::Vault(VaultError::Full { .. })) {
        daemon.room.known().refused = Some((Instant::now(), trouble.to_string()));
    }
    look(daemon);
}
