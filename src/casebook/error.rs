//! What can go wrong with the casebook, told so that whoever reads it knows what to do.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::case::{CaseId, Codename};
use crate::journal::JournalError;

#[derive(Debug, thiserror::Error)]
pub enum CasebookError {
    #[error("{}: in use by another mailwarden for longer than 10 seconds: try again", path.display())]
    Busy { path: PathBuf },
    #[error("{}: damaged: {source}; restore it from the backup, together with the vault", path.display())]
    Damaged { path: PathBuf, source: rusqlite::Error },
    #[error("{}: {source}", path.display())]
    Database { path: PathBuf, source: rusqlite::Error },
    #[error("what is sealed of {0} was destroyed: only its facts are left")]
    Destroyed(Codename),
    #[error("{}: the disk is full: make room", path.display())]
    Full { path: PathBuf },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Journal(JournalError),
    #[error("{}: written by a newer mailwarden (version {version} of the tables): install that one again", path.display())]
    Newer { path: PathBuf, version: i64 },
    #[error("there is no case {0}")]
    NoCase(CaseId),
    #[error("there is no place number {0}")]
    NoPlace(i64),
    #[error("nothing is sealed of {0}: there is nothing to destroy")]
    NothingSealed(Codename),
    #[error("a copy of {0} is on its way out of its mailbox: try again when `mailwarden cases show {0}` says that it is removed")]
    OnItsWay(Codename),
    #[error("{0} was released, and not every copy is back: finish that first, with `mailwarden release {0}`")]
    ReleasePending(Codename),
    /// It is withheld, or of level 5.
    #[error("what is sealed of {0} is destroyed by two people: the other one has to agree")]
    SecondPerson(Codename),
    #[error("{}: made with another instance key: put the key back that belongs to it", path.display())]
    WrongKey { path: PathBuf },
}

impl CasebookError {
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
}
