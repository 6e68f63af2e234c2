//! What keeps a round from going through. The message stays where it is, and is met again.

use std::io;
use std::time::Duration;

use super::imap::{Crowded, ImapError, TlsError};
use super::oauth::TokenError;
use crate::case::NotBack;
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
    /// The login goes well, and LIST shows nothing.
    #[error("the server shows no folder of this mailbox that can be opened: is there a mailbox, and a right to it?")]
    NoFolder,
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
            Self::Casebook(CasebookError::Full { .. }) | Self::Vault(VaultError::Full { .. }) => casebook::Trouble::DiskFull,
            Self::Casebook(CasebookError::Io { source, .. }) | Self::Vault(VaultError::Io { source, .. }) if wants_room(source) => {
                casebook::Trouble::DiskFull
            }
            Self::Casebook(_) | Self::Desk(_) | Self::Vault(_) => casebook::Trouble::StateRefuses,
            Self::Imap(error) if error.is_mailbox_missing() => casebook::Trouble::MailboxMissing,
            Self::NoFolder => casebook::Trouble::MailboxMissing,
            Self::Imap(ImapError::LoginRefused { .. })
            | Self::Password(_)
            | Self::Token(TokenError::Key(_) | TokenError::Refused { .. }) => casebook::Trouble::LoginRefused,
            Self::Imap(ImapError::PlaintextRefused { .. } | ImapError::Tls { .. }) | Self::Tls(_) => casebook::Trouble::TlsFailed,
            Self::Imap(ImapError::Connect { .. } | ImapError::Greeting { .. } | ImapError::Resolve { .. }) | Self::Token(_) => {
                casebook::Trouble::ServerUnreachable
            }
            Self::Worker(_) => casebook::Trouble::WorkersFail,
            Self::Imap(_) | Self::NotTheMessage | Self::Renumbered(_) | Self::Smtp(_) => casebook::Trouble::MailboxUnreachable,
        }
    }

    /// What is over, as this shows: nobody is refused by a server that is gone.
    pub fn overcome(&self) -> &'static [casebook::Trouble] {
        const UP_TO_THE_MAILBOX: [casebook::Trouble; 3] =
            [casebook::Trouble::ServerUnreachable, casebook::Trouble::TlsFailed, casebook::Trouble::LoginRefused];
        match self {
            Self::NoFolder => &UP_TO_THE_MAILBOX,
            Self::Imap(error) if error.is_mailbox_missing() => &UP_TO_THE_MAILBOX,
            Self::Imap(ImapError::LoginRefused { .. }) => &UP_TO_THE_MAILBOX[..2],
            Self::Imap(ImapError::Tls { .. }) => &UP_TO_THE_MAILBOX[..1],
            _ => &[],
        }
    }

    /// Why a copy is not back, where no waiting brings it back: it is the vault's, not the mail server's.
    pub fn keeps_for_good(&self) -> Option<NotBack> {
        match self {
            Self::NotTheMessage => Some(NotBack::NotTheMessage),
            Self::Vault(VaultError::WrongIdentity { .. }) => Some(NotBack::KeyWrong),
            Self::Vault(error) => error.keeps_for_good(),
            _ => None,
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
            Self::NoFolder
            | Self::Password(_)
            | Self::Tls(_)
            | Self::Vault(_)
            | Self::Casebook(_)
            | Self::Imap(ImapError::LoginRefused { .. } | ImapError::PlaintextRefused { .. } | ImapError::Tls { .. }) => true,
            _ => false,
        }
    }
}

fn wants_room(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::QuotaExceeded | io::ErrorKind::StorageFull)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_waiting_mends_keeps_a_copy_from_its_mailbox_for_good() {
        let path = || "vault".into();
        let io = io::Error::from(rustix::io::Errno::IO);
        for (trouble, why) in [
            (Trouble::NotTheMessage, Some(NotBack::NotTheMessage)),
            (VaultError::Damaged { path: path(), why: "cut off" }.into(), Some(NotBack::Damaged)),
            (VaultError::Missing { path: path() }.into(), Some(NotBack::Missing)),
            (VaultError::WrongIdentity { path: path() }.into(), Some(NotBack::KeyWrong)),
            (VaultError::Io { path: path(), source: io }.into(), None),
            (Trouble::NoFolder, None),
            (CasebookError::Full { path: path() }.into(), None),
        ] {
            assert_eq!(trouble.keeps_for_good(), why, "{trouble}");
        }
    }

    #[test]
    fn want_of_room_is_a_full_disk_wherever_it_shows() {
        let path = || "state".into();
        let io = |errno: rustix::io::Errno| io::Error::from(errno);
        for trouble in [
            Trouble::from(CasebookError::Full { path: path() }),
            CasebookError::Io { path: path(), source: io(rustix::io::Errno::NOSPC) }.into(),
            VaultError::Full { path: path(), free: 0, needed: 1 }.into(),
            VaultError::Io { path: path(), source: io(rustix::io::Errno::NOSPC) }.into(),
            VaultError::Io { path: path(), source: io(rustix::io::Errno::DQUOT) }.into(),
        ] {
            assert_eq!(trouble.kind(), casebook::Trouble::DiskFull, "{trouble}");
        }
        let trouble = Trouble::from(VaultError::Io { path: path(), source: io(rustix::io::Errno::IO) });
        assert_eq!(trouble.kind(), casebook::Trouble::StateRefuses, "{trouble}");
    }
}
