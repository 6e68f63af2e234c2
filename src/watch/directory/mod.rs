//! The directory of a school as the source of who has a mailbox: asked at every start and reload, and its answer kept.
//!
//! A directory that is down, or answers with far fewer than before, changes nothing: the list that it gave last stays in force, and
//! the technician is told.

mod ber;
mod error;
mod reach;
mod search;

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{Daemon, tell};
use crate::casebook::Trouble;
use crate::config::{Config, Directory, DirectoryList};
use crate::fault::Fault;

pub use error::DirectoryError;
pub use search::ask;

/// Of the list: for the service and, in its group, the desk.
const MODE: u32 = 0o640;

/// Asks the directory, and compares its answer with the list that is kept.
///
/// # Errors
/// When it does not answer in full.
pub async fn look(config: &Path, directory: &Directory) -> Result<DirectoryList, DirectoryError> {
    let found = ask(directory).await?;
    DirectoryList::plan(config, &found).map_err(DirectoryError::Config)
}

/// Puts a list in the place of the one that is kept.
///
/// # Errors
/// When the state cannot be written; the old list is as it was then.
pub fn keep(list: &DirectoryList) -> Result<(), DirectoryError> {
    replace(&list.file, list.new.as_bytes()).map_err(|source| DirectoryError::Unwritable { file: list.file.clone(), source })
}

fn replace(file: &Path, octets: &[u8]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut draft = tempfile::Builder::new().prefix(".directory").tempfile_in(folder)?;
    draft.write_all(octets)?;
    draft.as_file().set_permissions(Permissions::from_mode(MODE))?;
    draft.as_file().sync_all()?;
    draft.persist(file)?;
    File::open(folder)?.sync_all()
}

/// The configuration with the mailboxes that its directory names now, and where it does not name them, those that it named last.
///
/// # Errors
/// When the configuration was changed meanwhile, and has a fault.
pub(super) async fn follow(config: Config) -> Result<(Config, Result<(), DirectoryError>), Vec<Fault>> {
    let Some(directory) = &config.directory else { return Ok((config, Ok(()))) };
    match renew(&config, directory).await {
        Ok(true) => Ok((Config::load(&config.file)?, Ok(()))),
        Ok(false) => Ok((config, Ok(()))),
        Err(error) => Ok((config, Err(error))),
    }
}

/// Says whether there is a new list.
async fn renew(config: &Config, directory: &Directory) -> Result<bool, DirectoryError> {
    let list = look(&config.file, directory).await?;
    for fault in &list.faults {
        tracing::warn!("{}: {}", fault.what, fault.why);
    }
    if let Some(doubt) = list.doubt {
        return Err(DirectoryError::Doubtful(doubt));
    }
    tracing::info!(mailboxes = list.len(), joining = list.joins.len(), leaving = list.leaves.len(), "the directory has answered");
    if list.is_idle() {
        return Ok(false);
    }
    keep(&list).map(|()| true)
}

/// Why nothing is watched.
pub(super) fn names_nobody(followed: &Result<(), DirectoryError>) -> Fault {
    let (why, hint) = match followed {
        Err(error) => (format!("the directory has not named any yet: {error}"), error.remedy()),
        Ok(()) => {
            ("none that the directory names can be watched".to_owned(), "`mailwarden mailboxes refresh --dry-run` says why".to_owned())
        }
    };
    Fault { what: "no mailbox is watched".to_owned(), at: None, why, hint }
}

/// Tells the technician that the list of old stays, or that it does no more.
pub(super) fn tell_of(daemon: &Daemon, followed: &Result<(), DirectoryError>) {
    match followed {
        Err(error) => {
            tracing::error!(%error, "the directory is not followed: the mailboxes that it named last stay");
            tell::trouble(daemon, Trouble::DirectoryNotFollowed, None);
        }
        Ok(()) => tell::trouble_over(daemon, Trouble::DirectoryNotFollowed, None),
    }
    let told = followed.as_ref().err().map(|error| format!("the mailboxes that it named last stay: {error}; {}", error.remedy()));
    daemon.board.trouble("directory", told);
}
