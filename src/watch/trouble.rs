//! What keeps a round from going through. The message stays where it is, and is met again.

use std::time::Duration;

use super::imap::{Crowded, ImapError, TlsError};
use super::oauth::TokenError;
use crate::casebook::{self, CasebookError};
use crate::desk::DeskError;
use crate::fault::Fault;
use crate::vault::VaultError;
use crate::worker::PoolError;

#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("{}: {}", .0, .0.remedy())]
    Casebook(#[from] CasebookError),
    #[error(transparent)]
    Desk(#[from] DeskError),
    #[error(transparent)]
    Imap(#[from] ImapError),
    #[error("what is sealed is not what was found there; nothing was added to the mailbox")]
    NotTheMessage,
    /// The folder was made anew while it was read: its numbers mean other messages now.
    #[error("folder `{0}` was renumbered by the server during the round")]
    Renumbered(String),
    #[error("{}: {}", .0.what, .0.why)]
    Password(Fault),
    #[error("{}: {}", .0.what, .0.why)]
    Smtp(Fault),
    #[error(transparent)]
    Token(#[from] TokenError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("{}: {}", .0, .0.remedy())]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Worker(#[from] PoolError),
}

impl Trouble {
    /// Whether it is the server's and not this one mailbox's: then all its mailboxes wait.
    pub fn is_servers(&self) -> bool {
        match self {
            Self::Token(error) => error.is_issuers(),
            Self::Tls(_)
            | Self::Imap(
                ImapError::Connect { .. }
                | ImapError::Greeting { .. }
                | ImapError::PlaintextRefused { .. }
                | ImapError::Resolve { .. }
                | ImapError::Tls { .. },
            ) => true,
            _ => false,
        }
    }

    /// Whether the server lets nobody else in for the number of connections.
    pub fn crowded(&self) -> Option<Crowded> {
        match self {
            Self::Imap(error) => error.crowded(),
            _ => None,
        }
    }

    /// As the technician is told of it.
    pub fn kind(&self) -> casebook::Trouble {
        match self {
            Self::Vault(VaultError::Full { .. }) => casebook::Trouble::DiskFull,
            Self::Worker(_) => casebook::Trouble::WorkersFail,
            _ => casebook::Trouble::MailboxUnreachable,
        }
    }

    /// What the server itself asked for.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Imap(ImapError::Throttled { retry_after, .. }) => *retry_after,
            Self::Token(error) => error.retry_after(),
            _ => None,
        }
    }

    /// Whether the technician hears of it at once and not only when it lasts: waiting does not mend it.
    pub fn needs_a_person(&self) -> bool {
        match self {
            Self::Token(error) => error.needs_a_person(),
            Self::Password(_)
            | Self::Tls(_)
            | Self::Vault(_)
            | Self::Casebook(_)
            | Self::Imap(ImapError::LoginRefused { .. } | ImapError::PlaintextRefused { .. } | ImapError::Tls { .. }) => true,
            _ => false,
        }
    }
}
