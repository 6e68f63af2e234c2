//! What can go wrong with the casebook, told so that whoever reads it knows what to do.

use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::case::{CaseId, Codename};
use crate::fault::remedy_of_file;
use crate::journal::JournalError;

#[derive(Debug, thiserror::Error)]
pub enum CasebookError {
    #[error("{}: in use by another mailwarden for longer than 10 seconds", path.display())]
    Busy { path: PathBuf },
    #[error("{}: damaged: {source}", path.display())]
    Damaged { path: PathBuf, source: rusqlite::Error },
    #[error("{}: {source}", path.display())]
    Database { path: PathBuf, source: rusqlite::Error },
    #[error("what is sealed of {0} was destroyed")]
    Destroyed(Codename),
    #[error("{}: the disk is full", path.display())]
    Full { path: PathBuf },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Journal(JournalError),
    #[error("{}: written by a newer mailwarden (version {version} of the tables)", path.display())]
    Newer { path: PathBuf, version: i64 },
    #[error("there is no case {0}")]
    NoCase(CaseId),
    #[error("there is no place number {0}")]
    NoPlace(i64),
    #[error("nothing is sealed of {0}")]
    NothingSealed(Codename),
    #[error("a copy of {0} is on its way out of its mailbox")]
    OnItsWay(Codename),
    #[error("{0} was released, and not every copy is back")]
    ReleasePending(Codename),
    /// It is withheld, or of level 5.
    #[error("what is sealed of {0} is destroyed by two people")]
    SecondPerson(Codename),
    #[error("{}: made with another instance key", path.display())]
    WrongKey { path: PathBuf },
}

impl CasebookError {
    /// What whoever reads it can do now.
    pub fn remedy(&self) -> String {
        let remedy = match self {
            Self::Busy { .. } => "try again",
            Self::Damaged { .. } => "restore it from the backup, together with the vault",
            Self::Database { source, .. } | Self::Journal(JournalError::Database(source)) => of_database(source),
            Self::Destroyed(_) | Self::NothingSealed(_) => "there is nothing left to do: its facts stay",
            Self::Full { .. } => "make room on its disk",
            Self::Io { source, .. } => remedy_of_file(source),
            Self::Journal(JournalError::Broken(_)) => {
                "somebody touched the record: leave everything as it is, and tell the safeguarding lead"
            }
            Self::Journal(JournalError::Unreadable(_)) | Self::Newer { .. } => "install the newer mailwarden again that wrote it",
            Self::NoCase(_) => "`mailwarden cases list` lists the cases",
            Self::NoPlace(_) => "`mailwarden cases show` lists the places of a case",
            Self::OnItsWay(codename) => return format!("try again when `mailwarden cases show {codename}` says that it is removed"),
            Self::ReleasePending(codename) => return format!("finish that first: `mailwarden release {codename}`"),
            Self::SecondPerson(_) => "the other one has to agree: `--second` takes her key",
            Self::WrongKey { .. } => "restore the casebook and `instance.key` from the backup, both of one day",
        };
        remedy.to_owned()
    }

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

/// Of what the database itself says beyond what has a variant of its own.
fn of_database(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            "let this user write to its folder, or run the command as the user of the service"
        }
        Some(ErrorCode::SystemIoFailure) => "look at its disk (`dmesg` tells of errors), and try again",
        _ => "try again; where that does not help, restore it from the backup, together with the vault",
    }
}
