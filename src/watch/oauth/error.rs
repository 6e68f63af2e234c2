//! Why there is no token, a variant a remedy. Never a word that an issuer chose.

use std::time::Duration;

use crate::fault::Fault;

#[derive(Clone, Debug, thiserror::Error)]
pub enum TokenError {
    /// Too many questions, or trouble at the issuer's: wait.
    #[error("`{issuer}` asks to come back later (HTTP {status})")]
    Busy { issuer: String, status: u16, retry_after: Option<Duration> },
    /// The secret or the key of the configuration, before anybody was asked.
    #[error("{}: {}", .0.what, .0.why)]
    Key(Fault),
    #[error("what `{issuer}` answers cannot be used: {why}")]
    Malformed { issuer: String, why: &'static str },
    #[error("`{issuer}` gives no token: {error}{}", told(*.code, *.of_this_mailbox))]
    Refused {
        issuer: String,
        /// One of the words of RFC 6749, 5.2, and its like.
        error: &'static str,
        /// Microsoft's number: AADSTS…
        code: Option<u64>,
        /// A token was asked for in the name of one mailbox: others may get theirs.
        of_this_mailbox: bool,
    },
    #[error("`{issuer}` is out of reach: {why}")]
    Unreachable { issuer: String, why: &'static str },
}

impl TokenError {
    /// Whether every mailbox that depends on this issuer is hit.
    pub fn is_issuers(&self) -> bool {
        !matches!(self, Self::Refused { of_this_mailbox: true, .. })
    }

    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether waiting does not mend it.
    pub fn needs_a_person(&self) -> bool {
        matches!(self, Self::Key(_) | Self::Refused { .. })
    }
}

fn told(code: Option<u64>, of_this_mailbox: bool) -> String {
    let code = code.map(|code| format!(" (AADSTS{code})")).unwrap_or_default();
    code + if of_this_mailbox { " for this mailbox" } else { "" }
}
