//! `mailwarden hashes`: what lists of known pictures hold, and how they come to be.

mod add;
mod compare;
mod compute;
mod import;
mod issued;
mod lookup;
mod ordinary;
mod snooze;
mod stage;
mod stat;
mod why;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Failure, Output};
use crate::config;
use crate::finding::Reason;
use crate::wire::Bundle;

/// Compute, import and look into lists of known pictures.
#[derive(Debug, Args)]
pub(super) struct Hashes {
    #[command(subcommand)]
    command: HashesCommand,
}

#[derive(Debug, Subcommand)]
enum HashesCommand {
    Add(add::Add),
    Compare(compare::Compare),
    Compute(compute::Compute),
    Import(import::Import),
    Lookup(lookup::Lookup),
    Snooze(snooze::Snooze),
    Stage(stage::ChangeStage),
    Stat(stat::Stat),
    Why(why::Why),
}

impl Hashes {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        match self.command {
            HashesCommand::Add(add) => add.run(out),
            HashesCommand::Compare(compare) => compare.run(out),
            HashesCommand::Compute(compute) => compute.run(out),
            HashesCommand::Import(import) => import.run(out),
            HashesCommand::Lookup(lookup) => lookup.run(out),
            HashesCommand::Snooze(snooze) => snooze.run(out),
            HashesCommand::Stage(change) => change.run(out),
            HashesCommand::Stat(stat) => stat.run(out),
            HashesCommand::Why(why) => why.run(out),
        }
    }
}

/// The mode of a new file among the lists.
const NEW_FILE: u32 = 0o640;

/// Why a file could not be looked at, in words.
fn explained(reason: Reason) -> &'static str {
    match reason {
        Reason::Budget => "it is larger, or would be when decoded, than one picture may be",
        Reason::Damaged => "its octets do not follow the format that they claim",
        Reason::Deadline => "decoding it takes too long",
        Reason::Unsupported => "it is no JPEG, PNG, GIF, WebP, BMP, TIFF, ICO, HEIC or AVIF, or of a kind of them that is not decoded",
        Reason::WorkerDied => "the scan process ended with it, twice",
        Reason::EncryptedArchive
        | Reason::EncryptedDocument
        | Reason::EncryptedMessage
        | Reason::Unanswered
        | Reason::Unfetched
        | Reason::Video => "it is no picture",
    }
}

/// What whoever has such a file can do.
fn remedy(reason: Reason) -> &'static str {
    match reason {
        Reason::Budget | Reason::Deadline => "save it smaller, and name that file: its PDQ stays nearly the same",
        Reason::Damaged => "open it in a viewer: if that shows it, save it anew, and name that file",
        Reason::WorkerDied => {
            "save it in another format, and name that file; please report this one's format and size as a mistake in mailwarden"
        }
        Reason::Unsupported
        | Reason::EncryptedArchive
        | Reason::EncryptedDocument
        | Reason::EncryptedMessage
        | Reason::Unanswered
        | Reason::Unfetched
        | Reason::Video => "save the picture as JPEG or PNG, and name that file",
    }
}

/// Where the lists are.
#[derive(Debug, Args)]
struct Lists {
    /// The directory of the lists.
    #[arg(long, value_name = "DIR", default_value = "/etc/mailwarden/hashsets")]
    hashsets: PathBuf,
}

impl Lists {
    /// # Errors
    /// When the directory or a file in it cannot be read.
    fn bundle(&self) -> Result<Bundle, Failure> {
        config::hash_lists(&self.hashsets).map_err(Failure::config)
    }
}
