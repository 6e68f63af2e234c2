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
    /// Whether the disk did not say, as the log was told last.
    unknown: bool,
}

/// What a look has found.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Room,
    Full(String),
    /// The disk does not say: that is no want of room, and to make some would help nobody.
    Unknown(String),
}

impl Found {
    fn of(looked: Result<(), VaultError>, refused: Option<String>) -> Self {
        match (looked, refused) {
            (Ok(()), None) => Self::Room,
            (Ok(()), Some(why)) => Self::Full(why),
            (Err(error @ VaultError::Full { .. }), _) => Self::Full(error.to_string()),
            (Err(error), _) => Self::Unknown(format!("{error}: {}", error.remedy())),
        }
    }
}

impl Room {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks, and tells of a change: one letter for the machine, however many mailboxes there are. What the casebook does not take, for want of
/// room itself, is told again.
pub fn look(daemon: &Daemon) {
    let refused = daemon.room.known().refused.clone().filter(|(at, _)| at.elapsed() < AFTER_A_REFUSAL).map(|(_, why)| why);
    let (short, unknown) = match Found::of(daemon.shelf.vault().check_room(), refused) {
        Found::Room => (None, None),
        Found::Full(why) => (Some(why), None),
        Found::Unknown(why) => (None, Some(why)),
    };
    let (full, is_unknown) = (short.is_some(), unknown.is_some());
    let was_unknown = std::mem::replace(&mut daemon.room.known().unknown, is_unknown);
    if let Some(why) = unknown.as_ref().filter(|_| !was_unknown) {
        tracing::error!(%why, "whether there is room on the disk is not known");
    }
    daemon.board.trouble("room", unknown);
    if is_unknown {
        // What was known of the room stands, as long as nobody knows better.
        return;
    }
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

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_disk_that_does_not_say_how_much_is_free_is_not_called_full() {
        let full = || VaultError::Full { path: "vault".into(), free: 1 << 20, needed: 500 << 20 };
        let gone = VaultError::Io { path: "vault".into(), source: io::ErrorKind::NotFound.into() };
        let refused = || Some("no inodes".to_owned());
        assert_eq!(Found::of(Ok(()), None), Found::Room);
        assert_eq!(Found::of(Ok(()), refused()), Found::Full("no inodes".to_owned()));
        assert!(matches!(Found::of(Err(full()), refused()), Found::Full(why) if why.contains("1 MiB are free")));
        assert!(matches!(Found::of(Err(gone), refused()), Found::Unknown(why) if why.starts_with("vault: ") && why.ends_with("is there")));
    }
}
