//! A case: what the school deals with after a finding. Facts only; everything else is sealed.

mod codename;
mod not_back;
mod sheet;

pub use codename::Codename;
pub use not_back::NotBack;
pub use sheet::{AttachmentLine, BodyText, Envelope, Passage, Sheet, Text, visible};

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The name of a case in the casebook and of nothing outside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CaseId(pub i64);

impl fmt::Display for CaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How far a case is on its way through the crash order: sealed before removed, removed before settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlaceState {
    /// Delivered and left where it is: the case is about a flagged message.
    Delivered,
    /// Its sealed copy was destroyed by people's decision; it is nowhere any more.
    Destroyed,
    /// The server cannot remove one message alone; it lies there still, and the case says so.
    LeftInMailbox,
    /// Put back by a person's decision.
    Released,
    /// Verified to be gone from the mailbox.
    Removed,
    /// Sealed on disk, not yet verified to be gone from the mailbox.
    Sealed,
    /// The server did not hand it over when it was found; since then it was judged after all, or it is gone. Or its folder has
    /// another name since, and it was met there.
    Superseded,
}

impl PlaceState {
    pub const ALL: [Self; 7] =
        [Self::Delivered, Self::Destroyed, Self::LeftInMailbox, Self::Released, Self::Removed, Self::Sealed, Self::Superseded];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Destroyed => "destroyed",
            Self::LeftInMailbox => "left-in-mailbox",
            Self::Released => "released",
            Self::Removed => "removed",
            Self::Sealed => "sealed",
            Self::Superseded => "superseded",
        }
    }
}

impl FromStr for PlaceState {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(())
    }
}

impl fmt::Display for PlaceState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
