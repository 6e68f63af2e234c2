//! `mailwarden keys`: personal keys, and who can open what.

mod evidence;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::enrolment::Enrolment;
use super::shelf::{Shelf, operator};
use super::{ConfigFile, Failure, Output};
use crate::case::visible;
use crate::finding::Audience;
use crate::journal::Event;
use crate::vault::{MemberIdentity, VaultError};

/// Make personal keys, and say who can open what.
#[derive(Debug, Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    Add(Add),
    Evidence(evidence::Evidence),
    List(List),
    New(New),
    Take(evidence::Take),
}

/// Enrol one more person into an audience: she can open all that was and will be sealed to it.
///
/// Somebody of the same name is replaced; that is how a lost key becomes a new one.
#[derive(Debug, Args)]
struct Add {
    #[command(flatten)]
    config: ConfigFile,
    /// The private key of somebody who is a member already.
    #[arg(long, value_name = "FILE")]
    identity: PathBuf,
    /// Whom to enrol, with her public key from `mailwarden keys new`.
    #[arg(value_name = "AUDIENCE:NAME=age1…")]
    member: Enrolment,
}

/// List the audiences, their public keys and the fingerprints of these.
#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    config: ConfigFile,
    /// The private key of a member: the members of her audiences are listed too.
    #[arg(long, value_name = "FILE")]
    identity: Option<PathBuf>,
}

/// Make a personal key: the private half goes into FILE, the public half is printed.
///
/// The file is like those of `age-keygen`. Whoever has it can open what is sealed to her; keep it on a stick in a safe,
/// not on this machine.
#[derive(Debug, Args)]
struct New {
    /// The file to make, mode 0600. It must not be there yet.
    file: PathBuf,
}

impl Keys {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        match self.command {
            KeysCommand::Add(add) => add.run(out),
            KeysCommand::Evidence(evidence) => evidence.run(out),
            KeysCommand::List(list) => list.run(out),
            KeysCommand::New(new) => new.run(out),
            KeysCommand::Take(take) => take.run(out),
        }
    }
}

impl Add {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let Shelf { vault, book } = Shelf::open(&self.config.load()?)?;
        let opener = MemberIdentity::read(&self.identity)?;
        let Enrolment { audience, member } = self.member;
        // That she may is proven before the journal says that she did.
        vault.ring().open(audience, &opener)?;
        if vault.ring().is_kept_elsewhere(audience) {
            return Err(VaultError::KeptElsewhere(audience).into());
        }
        let (name, recipient) = (member.name.clone(), member.recipient.to_string());
        book.note(Timestamp::now(), &operator(), &Event::MemberAdded { audience, name: name.clone(), recipient })?;
        vault.ring().add_member(audience, member, &opener)?;
        out.line(&format!("{} can open what is sealed to `{audience}`", visible(&name)))?;
        Ok(())
    }
}

impl List {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let Shelf { vault, .. } = Shelf::open(&self.config.load()?)?;
        let identity = self.identity.as_deref().map(MemberIdentity::read).transpose()?;
        let mut rows = Vec::new();
        for audience in Audience::ALL {
            let (recipient, fingerprint) = match vault.ring().recipient(audience) {
                Ok(recipient) => (recipient.to_string(), recipient.fingerprint()),
                Err(VaultError::NoRing { .. }) => ("no key".to_owned(), String::new()),
                Err(error) => return Err(error.into()),
            };
            let members = match identity.as_ref().map(|identity| vault.ring().members(audience, identity)) {
                Some(Ok(members)) => members.into_iter().map(|member| member.name).collect::<Vec<_>>().join(", "),
                None | Some(Err(VaultError::NoRing { .. } | VaultError::WrongIdentity { .. })) => String::new(),
                Some(Err(error)) => return Err(error.into()),
            };
            rows.push([audience.to_string(), recipient, fingerprint, members]);
        }
        out.table(["audience", "public key", "fingerprint", "members"], &rows)?;
        Ok(())
    }
}

impl New {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let identity = MemberIdentity::generate();
        identity
            .write(&self.file)
            .map_err(|error| Failure::world("the key cannot be written", &error, "name a file that is not there yet"))?;
        out.line(&identity.recipient().to_string())?;
        Ok(())
    }
}
