//! `mailwarden mailboxes`: the list of who is watched.

mod import;
mod refresh;

use std::io;

use clap::{Args, Subcommand};

use super::{Failure, Output};
use crate::config::Listed;

/// Keep the list of who is watched.
#[derive(Debug, Args)]
pub(super) struct Mailboxes {
    #[command(subcommand)]
    command: MailboxesCommand,
}

#[derive(Debug, Subcommand)]
enum MailboxesCommand {
    Import(import::Import),
    Refresh(refresh::Refresh),
}

impl Mailboxes {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        match &self.command {
            MailboxesCommand::Import(import) => import.run(out),
            MailboxesCommand::Refresh(refresh) => refresh.run(out),
        }
    }
}

/// Who joins, who leaves and what changes, a row each, and all in numbers.
fn show(joins: &[Listed], leaves: &[Listed], changes: &[(Listed, Listed)], unchanged: usize, out: &mut Output) -> io::Result<()> {
    let row = |what: &str, old: Option<&Listed>, new: Option<&Listed>| {
        let told = |listed: Option<&Listed>| listed.map_or_else(|| "-".to_owned(), |listed| listed.told.clone());
        let address = new.or(old).map(|listed| listed.address.clone()).unwrap_or_default();
        [what.to_owned(), address, told(old), told(new)]
    };
    let rows: Vec<_> = joins
        .iter()
        .map(|new| row("joins", None, Some(new)))
        .chain(leaves.iter().map(|old| row("leaves", Some(old), None)))
        .chain(changes.iter().map(|(old, new)| row("changes", Some(old), Some(new))))
        .collect();
    if !rows.is_empty() {
        out.table(["", "mailbox", "was", "is"], &rows)?;
    }
    let (joins, leaves, changes) = (joins.len(), leaves.len(), changes.len());
    out.line(&format!("{joins} join, {leaves} leave, {changes} change, {unchanged} stay as they are"))
}
