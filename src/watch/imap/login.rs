//! Who logs in, and with what.

use crate::config::Secret;

/// How a mailbox is opened.
#[derive(Clone)]
pub enum Login {
    /// One account reads every mailbox: `amber@school.example*scanner`.
    Master {
        user: String,
        master: String,
        separator: String,
        password: Secret,
    },
    Password {
        user: String,
        password: Secret,
    },
}

impl Login {
    /// The name as LOGIN sends it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Master { user, master, separator, .. } => format!("{user}{separator}{master}"),
            Self::Password { user, .. } => user.clone(),
        }
    }

    pub(super) fn password(&self) -> &str {
        match self {
            Self::Master { password, .. } | Self::Password { password, .. } => password.expose(),
        }
    }
}
