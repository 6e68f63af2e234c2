//! Why a copy that was released is not back where it lay.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What no waiting mends: somebody has to do something, and release it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotBack {
    /// What is sealed is not as it was written.
    Damaged,
    /// It came with no key for this copy.
    KeyMissing,
    /// What is sealed is whole, and the key that came is another's.
    KeyWrong,
    /// The vault has no such object.
    Missing,
    /// What is sealed is whole, opens, and is another message.
    NotTheMessage,
    /// There is no way into a mailbox that is on no list any more.
    NotWatched,
}

impl NotBack {
    /// What is to be done now, as whole sentences.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::Damaged | Self::Missing => "Ask the technician to restore the vault from the backup; then release it again.",
            Self::KeyMissing | Self::KeyWrong => "Release it again.",
            Self::NotTheMessage => {
                "Ask the technician to keep a copy of the state directory, and to restore the vault from the backup; then release it again."
            }
            Self::NotWatched => "Ask the technician to have that mailbox watched again; then release it again.",
        }
    }
}

impl fmt::Display for NotBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Damaged => "what is sealed of it is damaged",
            Self::KeyMissing => "no key for it was handed over",
            Self::KeyWrong => "the key that was handed over does not open it",
            Self::Missing => "what was sealed of it is not in the vault any more",
            Self::NotTheMessage => "what is sealed is not what was taken out",
            Self::NotWatched => "its mailbox is not watched any more",
        })
    }
}
