//! `mailwarden accounts`: who works at the desk. Invitations are made here, and nowhere else.

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::cases::person;
use super::review::settings;
use super::shelf::{self, operator};
use super::{ConfigFile, Failure, Output};
use crate::case::visible;
use crate::config::Review as Settings;
use crate::desk::{Desk, Invitation, NewAccount, Role};
use crate::mail::Address;

/// Invite people to the desk, list them, and end their accounts.
#[derive(Debug, Args)]
pub(super) struct Accounts {
    #[command(subcommand)]
    command: AccountsCommand,
}

#[derive(Debug, Subcommand)]
enum AccountsCommand {
    Address(Readdress),
    Close(Close),
    Invite(Invite),
    InviteAgain(InviteAgain),
    List(List),
}

/// Change by which mail addresses somebody is known as a party to cases.
///
/// Those that are named become hers beside those that she has; `--drop` takes one away. What she is a party to by a new one is kept
/// from her at once. What she was a party to by one that is dropped is shown to her: keep the old ones of whoever has changed her name.
#[derive(Debug, Args)]
struct Readdress {
    #[command(flatten)]
    config: ConfigFile,
    /// Whose.
    name: String,
    /// A mail address that is hers too.
    #[arg(value_name = "ADDRESS", required_unless_present = "left")]
    joined: Vec<Address>,
    /// A mail address that is not hers; more than once for more than one.
    #[arg(long = "drop", value_name = "ADDRESS")]
    left: Vec<Address>,
}

/// End an account. Its name is never given again: the journal knows it.
#[derive(Debug, Args)]
struct Close {
    #[command(flatten)]
    config: ConfigFile,
    /// Whose.
    name: String,
}

/// Make an account, and a link that works once and for three days.
///
/// Hand it over in person or by telephone, never by the mail that is watched. Whoever is a party to a case cannot see that
/// it exists: name every address of hers.
#[derive(Debug, Args)]
struct Invite {
    #[command(flatten)]
    config: ConfigFile,
    /// As she is named at the desk and in its journal.
    #[arg(long, value_name = "NAME", value_parser = person)]
    name: String,
    /// chair, data-protection, deputy, dsl, head, pastoral or technician.
    #[arg(long, value_name = "ROLE")]
    role: Role,
    /// A mail address of hers; more than once for more than one.
    #[arg(long = "address", value_name = "ADDRESS", required = true)]
    addresses: Vec<Address>,
}

/// Make a new link for somebody who has lost her password or her phone. The old ones work no more, and she is signed out everywhere.
#[derive(Debug, Args)]
struct InviteAgain {
    #[command(flatten)]
    config: ConfigFile,
    /// Whom.
    name: String,
}

/// List the open accounts.
#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    config: ConfigFile,
}

impl Accounts {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        match &self.command {
            AccountsCommand::Address(change) => change.run(out),
            AccountsCommand::Close(close) => {
                open(&close.config)?.0.close(Timestamp::now(), &operator(), &close.name)?;
                Ok(out.line(&format!("the account of {} is closed", visible(&close.name)))?)
            }
            AccountsCommand::Invite(invite) => invite.run(out),
            AccountsCommand::InviteAgain(again) => {
                let (desk, settings) = open(&again.config)?;
                let link = desk.invite_again(Timestamp::now(), &operator(), &again.name)?;
                tell(out, &settings, &link)
            }
            AccountsCommand::List(list) => list.run(out),
        }
    }
}

impl Readdress {
    fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let (desk, _) = open(&self.config)?;
        let addresses = desk.change_addresses(Timestamp::now(), &operator(), &self.name, &self.joined, &self.left)?;
        Ok(out.line(&format!("{} is known by {}", visible(&self.name), listed(&addresses)))?)
    }
}

impl Invite {
    fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let (desk, settings) = open(&self.config)?;
        let new = NewAccount { name: self.name.clone(), role: self.role, addresses: self.addresses.clone() };
        let link = desk.invite(Timestamp::now(), &operator(), &new)?;
        tell(out, &settings, &link)
    }
}

impl List {
    fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let rows: Vec<_> = open(&self.config)?
            .0
            .accounts()?
            .into_iter()
            .map(|account| {
                let state = if account.active { "active" } else { "invited" };
                [visible(&account.name), account.role.to_string(), state.to_owned(), listed(&account.addresses)]
            })
            .collect();
        out.table(["name", "role", "state", "addresses"], &rows)?;
        Ok(())
    }
}

fn open(file: &ConfigFile) -> Result<(Desk, Settings), Failure> {
    let (_, settings) = settings(file)?;
    shelf::require_owner_of(&settings.directory)?;
    Ok((Desk::open(&settings.directory)?, settings))
}

fn listed(addresses: &[Address]) -> String {
    addresses.iter().map(Address::as_str).collect::<Vec<_>>().join(", ")
}

/// The link is a secret until it is used: it is printed, and written nowhere.
fn tell(out: &mut Output, settings: &Settings, link: &Invitation) -> Result<(), Failure> {
    Ok(out.line(&format!("{}/invitation/{}", settings.origin(), link.expose()))?)
}
