//! The vault and the casebook of a configuration, opened for a command.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::{env, fs};

use super::Failure;
use crate::case::{Codename, visible};
use crate::casebook::{CaseFacts, Casebook};
use crate::config::Config;
use crate::journal::Actor;
use crate::vault::Vault;
use crate::watch;

pub(super) struct Shelf {
    pub vault: Vault,
    pub book: Casebook,
}

impl Shelf {
    /// # Errors
    /// When `mailwarden init` was not run, or by another user.
    pub fn open(config: &Config) -> Result<Self, Failure> {
        require_owner(config)?;
        match watch::open_shelf(&config.state) {
            Ok((vault, book)) => Ok(Self { vault, book }),
            Err(failure) => Err(failure.into()),
        }
    }
}

impl Shelf {
    /// # Errors
    /// When there is no case of that name.
    pub fn case(&self, codename: &Codename) -> Result<CaseFacts, Failure> {
        let facts = self.book.case(codename)?;
        facts.ok_or_else(|| Failure::world(format!("there is no case {codename}"), &"", "`mailwarden cases list` lists them"))
    }

    /// A case of which something may be sealed.
    ///
    /// # Errors
    /// When there is none of that name, and when what was sealed of it is destroyed.
    pub fn case_not_destroyed(&self, codename: &Codename) -> Result<CaseFacts, Failure> {
        let facts = self.case(codename)?;
        match &facts.destroyed {
            Some((_, who)) => {
                let hint = format!("`mailwarden cases show {codename}` tells the facts, which are all that is left");
                Err(Failure::world(
                    format!("nothing of {codename} is sealed any more"),
                    &format!("{} had it destroyed", visible(who)),
                    hint,
                ))
            }
            None => Ok(facts),
        }
    }
}

/// Root could do all that the service's user can, and would leave files behind that the service cannot open.
///
/// # Errors
/// When this is root and the state is another user's: what to type instead.
pub(super) fn require_owner(config: &Config) -> Result<(), Failure> {
    require_owner_of(&config.state.directory)
}

/// As [`require_owner`], of a directory.
///
/// # Errors
/// As [`require_owner`].
pub(super) fn require_owner_of(directory: &Path) -> Result<(), Failure> {
    // One that is not there, or not within reach, is told of by whoever needs what is in it.
    let Ok(owner) = fs::metadata(directory).map(|metadata| metadata.uid()) else { return Ok(()) };
    if owner == 0 || !rustix::process::geteuid().is_root() {
        return Ok(());
    }
    let why = "root would leave files in it that the service cannot open";
    let hint = format!("type `sudo -u {} mailwarden …`", account(owner));
    Err(Failure::world(format!("the state in {} is not root's", directory.display()), &why, hint))
}

/// The name of an account, as `sudo -u` takes it.
fn account(uid: u32) -> String {
    let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| format!("'#{uid}'"))
}

/// Who is at the command line, as the journal names her: the account that called `sudo`, or this one.
pub(super) fn operator() -> Actor {
    let account = ["SUDO_USER", "LOGNAME", "USER"].into_iter().find_map(|name| env::var(name).ok().filter(|value| !value.is_empty()));
    Actor::Operator(account.unwrap_or_else(|| format!("uid {}", rustix::process::getuid().as_raw())))
}
