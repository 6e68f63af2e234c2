//! What all mailboxes depend on: room, keys, the clock, and a way for notices to leave.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::cli::shelf::Shelf;
use crate::config::{Config, Directory, DirectoryList};
use crate::fault::Fault;
use crate::finding::Audience;
use crate::vault::VaultError;
use crate::watch::directory::DirectoryError;
use crate::watch::{self, Tokens};

/// A clock may be off by so much without harm: signed statements are good for ten minutes.
const CLOCK: SignedDuration = SignedDuration::from_mins(2);

#[derive(Serialize)]
pub(super) struct Premise {
    pub name: &'static str,
    /// What was found.
    pub told: String,
    pub failure: Option<Failed>,
}

#[derive(Serialize)]
pub(super) struct Failed {
    pub why: String,
    pub remedy: String,
}

impl Premise {
    fn well(name: &'static str, told: impl Into<String>) -> Self {
        Self { name, told: told.into(), failure: None }
    }

    fn failed(name: &'static str, why: &dyn ToString, remedy: impl Into<String>) -> Self {
        Self { name, told: String::new(), failure: Some(Failed { why: why.to_string(), remedy: remedy.into() }) }
    }

    pub fn into_fault(self) -> Option<Fault> {
        let Failed { why, remedy } = self.failure?;
        Some(Fault { what: format!("`{}` fails", self.name), at: None, why, hint: remedy })
    }
}

pub(super) async fn look(config: &Config, tokens: &Tokens) -> Vec<Premise> {
    let shelf = Shelf::open(config);
    let mut premises = match &shelf {
        Ok(shelf) => vec![disk(shelf), keys(shelf)],
        Err(failure) => {
            let (why, hint) =
                failure.faults.first().map(|fault| (fault.what.clone() + ": " + &fault.why, fault.hint.clone())).unwrap_or_default();
            vec![Premise::failed("state", &why, hint)]
        }
    };
    premises.push(clock(shelf.as_ref().ok(), tokens));
    premises.push(smtp(config, tokens).await);
    if let Some(directory) = &config.directory {
        premises.push(people(config, directory).await);
    }
    premises
}

fn disk(shelf: &Shelf) -> Premise {
    match shelf.vault.check_room() {
        Ok(()) => Premise::well("disk", "there is room to seal"),
        Err(error) => Premise::failed("disk", &error, error.remedy()),
    }
}

fn keys(shelf: &Shelf) -> Premise {
    let errors: Vec<_> = Audience::ALL.into_iter().filter_map(|audience| shelf.vault.ring().recipient(audience).err()).collect();
    if errors.is_empty() {
        return Premise::well("keys", "every audience has one");
    }
    let why: Vec<_> = errors.iter().map(ToString::to_string).collect();
    let mut remedies: Vec<_> = errors.iter().map(VaultError::remedy).collect();
    remedies.dedup();
    Premise::failed("keys", &why.join("\n"), remedies.join("\n"))
}

/// An issuer of tokens tells its time; else nothing is certain but that time does not run backwards.
fn clock(shelf: Option<&Shelf>, tokens: &Tokens) -> Premise {
    const REMEDY: &str = "set the clock, and keep it by NTP (`timedatectl set-ntp true`)";
    if let Some(ahead) = tokens.issuers_clock() {
        let told = format!("{} s from that of the issuer of tokens", ahead.abs().as_secs());
        return if ahead.abs() <= CLOCK {
            Premise::well("clock", told)
        } else {
            Premise::failed("clock", &format!("it is {told}"), REMEDY)
        };
    }
    let last = shelf.and_then(|shelf| shelf.book.journal_end(1).ok()?.pop()).map(|entry| entry.at);
    match last.map(|last| last.duration_since(Timestamp::now())) {
        Some(ahead) if ahead > CLOCK => Premise::failed("clock", &"the last line of the journal is of a later time", REMEDY),
        _ => Premise::well("clock", "nothing speaks against it; no server here tells its time"),
    }
}

/// The directory is asked as at a start, and nothing of its answer is kept.
async fn people(config: &Config, directory: &Directory) -> Premise {
    let server = format!("{}:{}", directory.host, directory.port);
    match watch::directory::look(&config.file, directory).await {
        Ok(DirectoryList { doubt: Some(doubt), .. }) => {
            let doubt = DirectoryError::Doubtful(doubt);
            Premise::failed("directory", &format!("{server}: {doubt}"), doubt.remedy())
        }
        Ok(list) => match list.faults.first() {
            None => Premise::well("directory", format!("{server} names {} mailboxes", list.len())),
            Some(fault) => {
                let why = format!("{server}: {} entries are not watched, the first: {}: {}", list.faults.len(), fault.what, fault.why);
                Premise::failed("directory", &why, fault.hint.clone())
            }
        },
        Err(error) => Premise::failed("directory", &format!("{server}: {error}"), error.remedy()),
    }
}

async fn smtp(config: &Config, tokens: &Tokens) -> Premise {
    let server = format!("{}:{}", config.notice.smtp_host, config.notice.smtp_port);
    match watch::try_notices(config, tokens).await {
        Ok(()) => Premise::well("smtp", format!("{server} takes notices")),
        Err(why) => {
            let remedy = "correct [notice]: host, port, `security`, `user` and its secret; at Microsoft 365 switch on authenticated SMTP for the sender";
            Premise::failed("smtp", &format!("{server}: {why}"), remedy)
        }
    }
}
