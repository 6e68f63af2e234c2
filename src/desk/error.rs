//! What can go wrong with the desk's file, told so that whoever reads it knows what to do.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::journal::JournalError;
use crate::mail::Address;

#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    #[error("somebody has changed this case meanwhile: look at it again")]
    Changed,
    #[error("{}: in use by another mailwarden for longer than 10 seconds: try again", path.display())]
    Busy { path: PathBuf },
    #[error("{}: damaged: {source}; restore it from the backup, together with the state", path.display())]
    Damaged { path: PathBuf, source: rusqlite::Error },
    #[error("{}: {source}", path.display())]
    Database { path: PathBuf, source: rusqlite::Error },
    #[error("{}: the disk is full: make room", path.display())]
    Full { path: PathBuf },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Journal(JournalError),
    /// Nobody else may be called so: the journal names people.
    #[error("there is an account of the name `{0}` already: choose another name, or close that account first")]
    NameTaken(String),
    #[error("{}: written by a newer mailwarden (version {version} of the tables): install that one again", path.display())]
    Newer { path: PathBuf, version: i64 },
    #[error("`{0}` has no other address: whoever has none could be a party to any case; name the new one in the same command")]
    NoAddress(String),
    #[error("there is no open account of the name `{0}`: `mailwarden accounts list` lists them")]
    NoAccount(String),
    #[error("`{address}` is no address of `{name}`: `mailwarden accounts list` lists hers")]
    NotHers { name: String, address: Address },
    #[error("{}: written by an older mailwarden: restart the desk, `systemctl restart mailwarden-review`", path.display())]
    Older { path: PathBuf },
    #[error("{}: made with another key: put the file `desk.key` back that belongs to it", path.display())]
    WrongKey { path: PathBuf },
}

impl DeskError {
    pub(super) fn database(path: &Path) -> impl Fn(rusqlite::Error) -> Self {
        move |source| {
            let path = path.to_owned();
            match source.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy { path },
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged { path, source },
                Some(ErrorCode::DiskFull) => Self::Full { path },
                _ => Self::Database { path, source },
            }
        }
    }

    /// The same, where the file was not named yet.
    pub(super) fn of(self, path: &Path) -> Self {
        match self {
            Self::Database { path: unnamed, source } if unnamed.as_os_str().is_empty() => Self::database(path)(source),
            other => other,
        }
    }
}

impl From<rusqlite::Error> for DeskError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Database { path: PathBuf::new(), source }
    }
}
