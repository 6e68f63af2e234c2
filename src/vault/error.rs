//! What can go wrong with the vault, told so that whoever reads it knows what to do.

use std::io;
use std::path::{Path, PathBuf};

use crate::case::NotBack;
use crate::fault::{At, Fault, remedy_of_file};
use crate::finding::Audience;

const AUDIENCES: &str = "the key of an audience cannot be used";

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The file of an audience's key, in `ring` or in `recipients`.
    #[error("{}: {why}", path.display())]
    BrokenRing { path: PathBuf, line: Option<usize>, why: &'static str },
    #[error("{}: damaged: {why}", path.display())]
    Damaged { path: PathBuf, why: &'static str },
    #[error("{}: {} MiB are free and {} are needed before anything more is sealed", path.display(), free >> 20, needed >> 20)]
    Full { path: PathBuf, free: u64, needed: u64 },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("the key of the audience `{0}` was made elsewhere, and whoever holds it opens it with that very file")]
    KeptElsewhere(Audience),
    #[error("{}: there is no such sealed object", path.display())]
    Missing { path: PathBuf },
    #[error("nothing is sealed to nobody")]
    NoAudience,
    #[error("the audience `{0}` would have no member, and what is sealed to it could never be opened")]
    NoMembers(Audience),
    #[error("{}: the audience `{audience}` has no key yet", path.display())]
    NoRing { audience: Audience, path: PathBuf },
    /// Somebody's own key.
    #[error("{}: {why}", path.display())]
    NotAKey { path: PathBuf, line: Option<usize>, why: &'static str },
    #[error("{}: what was sealed does not read back as it was; nothing was removed from the mailbox", path.display())]
    NotProven { path: PathBuf },
    #[error("{}: the audience `{audience}` has a key already", path.display())]
    RingExists { audience: Audience, path: PathBuf },
    #[error("{}: not the public half of the key in the ring: somebody changed one of the two", path.display())]
    RingMismatch { path: PathBuf },
    #[error("{}: {count} sealed objects are unknown to the casebook, more than a crash leaves: was it restored from an older backup?", path.display())]
    Strangers { path: PathBuf, count: usize },
    #[error("{}: this identity does not open it", path.display())]
    WrongIdentity { path: PathBuf },
}

impl VaultError {
    /// Why a copy is not back, where no waiting and no other key brings it back.
    pub fn keeps_for_good(&self) -> Option<NotBack> {
        match self {
            Self::Damaged { .. } => Some(NotBack::Damaged),
            Self::Missing { .. } => Some(NotBack::Missing),
            _ => None,
        }
    }

    /// What whoever reads it can do now.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::BrokenRing { .. } => "restore the folders `ring` and `recipients` of the vault from the backup, both of one day",
            Self::Damaged { .. } | Self::Missing { .. } => "restore this file from the backup",
            Self::Full { .. } => "make room on its disk, or move the state to a larger one",
            Self::Io { source, .. } => remedy_of_file(source),
            Self::KeptElsewhere(_) => "there is nothing to wrap to anybody else: a new public half is taken with `mailwarden keys take`",
            Self::NoAudience => "name an audience",
            Self::NoMembers(_) => "name one, as `Name=age1…`",
            Self::NoRing { .. } => "enrol its members with `mailwarden init`",
            Self::NotAKey { .. } => "name a file as `mailwarden keys new` and `age-keygen` write it",
            Self::NotProven { .. } => "check the disk",
            Self::RingExists { .. } => "add members to it instead: `mailwarden keys add`",
            Self::RingMismatch { .. } => "seal nothing until it is clear who did; then restore both from the backup, of one day",
            Self::Strangers { .. } => "put the casebook and the vault back from the same backup",
            Self::WrongIdentity { .. } => "give the key of a member: `mailwarden keys list --identity FILE` says what a key opens",
        }
    }

    /// What a person wrote, or what became of it, as a fault of its file.
    ///
    /// # Errors
    /// Gives back what is no key's.
    pub fn into_fault(self) -> Result<Fault, Self> {
        let hint = self.remedy();
        let told = |what: &str, path: PathBuf, line: Option<usize>, why: &str| {
            let at = Some(At { line, ..At::file(path) });
            Ok(Fault { what: what.to_owned(), at, why: why.to_owned(), hint: hint.to_owned() })
        };
        match self {
            Self::BrokenRing { path, line, why } => told(AUDIENCES, path, line, why),
            Self::NoRing { path, .. } => told(AUDIENCES, path, None, "there is no such file"),
            Self::NotAKey { path, line, why } => told("this is no personal key", path, line, why),
            Self::RingMismatch { path } => told(AUDIENCES, path, None, "it is not the public half of the key in the ring"),
            other => Err(other),
        }
    }

    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    /// What `age` says of a sealed file. Its own texts are not passed on: they address the user of another program.
    pub(super) fn opening(path: &Path) -> impl FnOnce(age::DecryptError) -> Self {
        let path = path.to_owned();
        move |error| match error {
            age::DecryptError::NoMatchingKeys => Self::WrongIdentity { path },
            age::DecryptError::Io(source) if !tells_of_damage(&source) => Self::Io { path, source },
            _ => Self::Damaged { path, why: "its header is not whole" },
        }
    }

    /// A failure while the content of a sealed file was read.
    pub(super) fn reading(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| {
            if tells_of_damage(&source) { Self::Damaged { path, why: "its content is not whole" } } else { Self::Io { path, source } }
        }
    }
}

/// `age` tells of a bad or a missing chunk by the kind of an `io::Error`.
fn tells_of_damage(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
}
