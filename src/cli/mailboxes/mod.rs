//! `mailwarden mailboxes`: the list of who is watched.

mod import;

use clap::{Args, Subcommand};

use super::{Failure, Output};

/// Keep the list of who is watched.
#[derive(Debug, Args)]
pub(super) struct Mailboxes {
    #[command(subcommand)]
    command: MailboxesCommand,
}

#[derive(Debug, Subcommand)]
enum MailboxesCommand {
    Import(import::Import),
}

impl Mailboxes {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        match &self.command {
            MailboxesCommand::Import(import) => import.run(out),
        }
    }
}
