//! What could not be read, and what was odd: both are data and travel in the report.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A part that was not wholly read. A message with one is never clear.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Incomplete {
    /// The part's path as RFC 9051 numbers sections (`2.1`), members of containers behind a slash (`2/7`);
    /// empty for the whole message.
    pub part: String,
    pub reason: Reason,
}

/// Why something was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// More octets, parts, members, pixels or levels than the budget of one message allows.
    Budget,
    /// The bytes do not follow the format that they claim.
    Damaged,
    /// No answer within the deadline of one message.
    Deadline,
    EncryptedArchive,
    /// A password is needed to open it.
    EncryptedDocument,
    /// S/MIME or PGP.
    EncryptedMessage,
    /// The server fell silent or hung up whenever it was asked for the message.
    Unanswered,
    /// The server did not hand over the message that it listed.
    Unfetched,
    /// A format that this version does not open.
    Unsupported,
    /// A moving picture.
    Video,
    /// The scan process died of the message, twice.
    WorkerDied,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Budget => "budget",
            Self::Damaged => "damaged",
            Self::Deadline => "deadline",
            Self::EncryptedArchive => "encrypted-archive",
            Self::EncryptedDocument => "encrypted-document",
            Self::EncryptedMessage => "encrypted-message",
            Self::Unanswered => "unanswered",
            Self::Unfetched => "unfetched",
            Self::Unsupported => "unsupported",
            Self::Video => "video",
            Self::WorkerDied => "worker-died",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Something odd that was nevertheless read: a signal, not a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Defect {
    /// A link shows one address and leads to another.
    DeceptiveLink,
    /// The forms of one text say different things: some readers see what others do not.
    DifferingAlternatives,
    /// Octets outside of any part: before the first or behind the last boundary.
    StrayText,
    /// A transfer encoding or charset with damage that could be read past.
    DamagedEncoding,
    /// A multipart without its closing boundary.
    Unterminated,
    /// The content is of another type than declared.
    MislabelledType,
    /// A document brings a program along: a macro, a script, a command.
    Program,
    /// A page of a document that is a picture: its words, if it has any, cannot be searched.
    ScannedPage,
    /// An archive was locked, and the message itself said the password: a lock against scanners, not against readers.
    PasswordInMessage,
}

impl Defect {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DamagedEncoding => "damaged-encoding",
            Self::DeceptiveLink => "deceptive-link",
            Self::DifferingAlternatives => "differing-alternatives",
            Self::MislabelledType => "mislabelled-type",
            Self::PasswordInMessage => "password-in-message",
            Self::Program => "program",
            Self::ScannedPage => "scanned-page",
            Self::StrayText => "stray-text",
            Self::Unterminated => "unterminated",
        }
    }
}
