//! What can go wrong with the vault, told so that whoever reads it knows what to do.

use std::io;
use std::path::{Path, PathBuf};

use crate::finding::Audience;

#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    #[error("{}: damaged: {why}; restore this file from the backup", path.display())]
    Damaged { path: PathBuf, why: &'static str },
    #[error("{}: {} MiB are free and {} are needed before anything more is sealed: make room", path.display(), free >> 20, needed >> 20)]
    Full { path: PathBuf, free: u64, needed: u64 },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "the key of the audience `{0}` was made elsewhere, and whoever holds it opens it with that very file: there is nothing to wrap to anybody else"
    )]
    KeptElsewhere(Audience),
    #[error("{}: there is no such sealed object; restore it from the backup", path.display())]
    Missing { path: PathBuf },
    #[error("nothing is sealed to nobody: name an audience")]
    NoAudience,
    #[error("the audience `{0}` would have no member, and what is sealed to it could never be opened: name one")]
    NoMembers(Audience),
    #[error("{}: the audience `{audience}` has no key yet: enrol its members with `mailwarden init`", path.display())]
    NoRing { audience: Audience, path: PathBuf },
    #[error("{}: {why}", path.display())]
    NotAKey { path: PathBuf, why: String },
    #[error("{}: what was sealed does not read back as it was; nothing was removed from the mailbox, check the disk", path.display())]
    NotProven { path: PathBuf },
    #[error("{}: the audience `{audience}` has a key already: add members to it instead", path.display())]
    RingExists { audience: Audience, path: PathBuf },
    #[error("{}: not the public half of the key in the ring; somebody changed one of the two, seal nothing until it is clear who", path.display())]
    RingMismatch { path: PathBuf },
    #[error("{}: {count} sealed objects are unknown to the casebook, more than a crash leaves: was it restored from an older backup?", path.display())]
    Strangers { path: PathBuf, count: usize },
    #[error("{}: this identity does not open it", path.display())]
    WrongIdentity { path: PathBuf },
}

impl VaultError {
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
