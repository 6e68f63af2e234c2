//! The vault and the casebook of a configuration, opened for a command.

use std::env;
use std::io;

use super::Failure;
use crate::casebook::{Casebook, CasebookError};
use crate::config::Config;
use crate::journal::{Actor, InstanceKey};
use crate::vault::{Vault, VaultError};

pub(super) struct Shelf {
    pub vault: Vault,
    pub book: Casebook,
}

impl Shelf {
    /// # Errors
    /// When `mailwarden init` was not run, or by another user.
    pub fn open(config: &Config) -> Result<Self, Failure> {
        let key = InstanceKey::read(&config.state.instance_key()).map_err(|error| out_of_reach(config, &error))?;
        Self::open_with(config, key)
    }

    pub fn open_with(config: &Config, key: InstanceKey) -> Result<Self, Failure> {
        Ok(Self { vault: Vault::open(&config.state.vault())?, book: Casebook::open(&config.state.casebook(), key)? })
    }
}

pub(super) fn out_of_reach(config: &Config, error: &io::Error) -> Failure {
    let directory = config.state.directory.display();
    let hint = match error.kind() {
        io::ErrorKind::NotFound => "run `mailwarden init` first, once",
        _ => "run the command as the user of the service: `sudo -u mailwarden mailwarden …`",
    };
    Failure::world(format!("the state in {directory} is out of reach"), error, hint)
}

/// Who is at the command line, as the journal names her: the account that called `sudo`, or this one.
pub(super) fn operator() -> Actor {
    let account = ["SUDO_USER", "LOGNAME", "USER"].into_iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()));
    Actor::Operator(account.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw())))
}

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        Self::world("the vault refuses", &error, "")
    }
}

impl From<CasebookError> for Failure {
    fn from(error: CasebookError) -> Self {
        Self::world("the casebook refuses", &error, "")
    }
}
