//! `mailwarden release`: decides that what was held is no concern, and puts every copy back where it lay.

use std::fs::File;
use std::io;

use clap::Args;
use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};

use super::key_holder::{Admission, KeyHolder};
use super::shelf::Shelf;
use super::{Exit, Failure, Output};
use crate::case::{Codename, NotBack, PlaceState, visible};
use crate::casebook::{CaseFacts, CasebookError, PlaceFacts};
use crate::config::{Config, Password};
use crate::fault::{Fault, remedy_of_file};
use crate::finding::{Action, RuleId, RuleVersion};
use crate::journal::{Actor, Event};
use crate::mail::Address;
use crate::vault::{AudienceIdentity, Measure, MemberIdentity, ObjectId, VaultError};
use crate::watch::{self, PutBack, Tokens, Trouble};

/// Put a held message back where it was, as it was.
///
/// The decision and your reason are written to the journal, and the same rule does not hold the same message again.
/// When it is interrupted, type it once more: it goes on with the copies that are not yet back.
///
/// With `--rule` and `--version` everything that one version of a rule had a part in holding is put back, case by case, but
/// for what somebody has decided already: `mailwarden rules stats` tells the versions.
#[derive(Debug, Args)]
pub(super) struct Release {
    /// The case, as the notice names it.
    #[arg(required_unless_present = "rule", conflicts_with = "rule")]
    codename: Option<Codename>,
    /// A rule that has held too much: `category.name`.
    #[arg(long, value_name = "ID", requires = "version")]
    rule: Option<RuleId>,
    /// Which version of it.
    #[arg(long, value_name = "VERSION", requires = "rule")]
    version: Option<RuleVersion>,
    #[command(flatten)]
    holder: KeyHolder,
}

/// Why a copy is not back.
#[derive(Debug, thiserror::Error)]
enum Obstacle {
    #[error(transparent)]
    Casebook(#[from] CasebookError),
    #[error("its password `{0}` is a credential, which systemd hands to its services alone")]
    Credential(String),
    #[error("what is sealed for it is not what was found there; nothing was added to the mailbox")]
    NotTheMessage,
    #[error("mailwarden does not watch `{0}` any more and has no way into it")]
    NotWatched(Address),
    /// Recorded, and still on its way out: only the daemon knows how far, and leaves it where it is.
    #[error("it is only just being taken out")]
    OnItsWay,
    /// A copy that was withheld folds into a case whose other copies were held.
    #[error("what is sealed for it is for others to open")]
    SealedToOthers,
    #[error(transparent)]
    Trouble(#[from] Trouble),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl Release {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let config = self.holder.config.load()?;
        let shelf = Shelf::open(&config)?;
        let _alone = alone(&config)?;
        let codenames = match (&self.codename, &self.rule, self.version) {
            (Some(codename), ..) => vec![codename.clone()],
            (None, Some(rule), Some(version)) => shelf.book.held_by(rule, version)?,
            (None, ..) => Vec::new(),
        };
        if codenames.is_empty() {
            return Err(Failure::world(
                "nothing is put back",
                &"that version of that rule holds nothing",
                "`mailwarden rules stats` tells",
            ));
        }
        let holder = self.holder.presented()?;
        let mut faults = Vec::new();
        for codename in &codenames {
            if codenames.len() > 1 {
                out.line(&codename.to_string())?;
            }
            // What is wrong with one case keeps none of the others.
            if let Err(failure) = self.release(codename, &holder, &config, &shelf, out) {
                faults.extend(failure.faults);
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Failure { exit: Exit::World, faults }) }
    }

    fn release(
        &self,
        codename: &Codename,
        member: &MemberIdentity,
        config: &Config,
        shelf: &Shelf,
        out: &mut Output,
    ) -> Result<(), Failure> {
        let facts = shelf.case_not_destroyed(codename)?;
        let (case, codename) = (facts.row.id, facts.row.codename.clone());
        if facts.row.action < Action::Hold {
            let hint = format!("`mailwarden cases acknowledge {codename}` says that somebody has it in hand");
            return Err(Failure::world(format!("nothing of {codename} is held"), &"its message was delivered", hint));
        }
        let audiences = facts.message_audiences();
        match KeyHolder::admission(member, &shelf.vault, &audiences)? {
            Admission::Admitted { who, key, mut others } => {
                others.insert(0, key);
                shelf.book.release(Timestamp::now(), &who, case, self.holder.reason.as_str())?;
                let errand = Errand { config, shelf, who: &who, keys: &others, tokens: Tokens::default() };
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
                    Failure::world("the mail servers are out of reach", &error, "look at the limits of processes and memory")
                })?;
                runtime.block_on(errand.put_all_back(&facts, out))
            }
            Admission::Refused { who } => {
                let refused = KeyHolder::not_hers(&codename, &audiences);
                shelf.book.note(Timestamp::now(), &who, &Event::ReleaseRefused { case, codename })?;
                Err(refused)
            }
        }
    }
}

/// Two releases at once would each find the message missing, and add one.
fn alone(config: &Config) -> Result<File, Failure> {
    let lock = || -> io::Result<File> {
        let directory = File::open(&config.state.directory)?;
        flock(&directory, FlockOperation::NonBlockingLockExclusive)?;
        Ok(directory)
    };
    lock().map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => {
            Failure::world("another release is at work", &"one is done after the other", "wait for it, and try again")
        }
        _ => Failure::world("the state is out of reach", &error, remedy_of_file(&error)),
    })
}

/// A decision being carried out.
struct Errand<'a> {
    config: &'a Config,
    shelf: &'a Shelf,
    who: &'a Actor,
    /// The one that admitted her first.
    keys: &'a [AudienceIdentity],
    tokens: Tokens,
}

impl Errand<'_> {
    /// Copy by copy: what is wrong with one keeps none of the others.
    async fn put_all_back(&self, facts: &CaseFacts, out: &mut Output) -> Result<(), Failure> {
        let mut faults = Vec::new();
        for copy in &facts.places {
            let mailbox = &copy.place.mailbox;
            match self.put_back(copy).await {
                Ok(told) => out.line(&format!("{mailbox}: {told}"))?,
                Err(obstacle) => {
                    if let Some(why) = obstacle.keeps_for_good() {
                        self.shelf.book.not_put_back(Timestamp::now(), copy.id, why)?;
                    }
                    faults.push(obstacle.fault(mailbox));
                }
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Failure { exit: Exit::World, faults }) }
    }

    /// Says in a few words where the copy is now.
    async fn put_back(&self, copy: &PlaceFacts) -> Result<String, Obstacle> {
        let folder = visible(&copy.place.folder.0);
        Ok(match copy.state {
            PlaceState::Delivered | PlaceState::Superseded => format!("was never taken out of {folder}"),
            PlaceState::Destroyed => "was destroyed".to_owned(),
            PlaceState::LeftInMailbox => format!("still in {folder}, because its server cannot remove one message alone"),
            PlaceState::Released => "is back already".to_owned(),
            PlaceState::Sealed => {
                let _no_daemon = watch::alone(&self.config.state).map_err(|_| Obstacle::OnItsWay)?;
                self.bring_back(copy).await?
            }
            PlaceState::Removed => self.bring_back(copy).await?,
        })
    }

    async fn bring_back(&self, copy: &PlaceFacts) -> Result<String, Obstacle> {
        let back = self.append(copy).await?;
        self.shelf.book.settle(Timestamp::now(), self.who, copy.id, PlaceState::Released)?;
        let gone =
            if back.folder == copy.place.folder { String::new() } else { format!(", because {} is gone", visible(&copy.place.folder.0)) };
        let put = if back.lay_there { "lay there already, in" } else { "back in" };
        Ok(format!("{put} {}{gone}", visible(&back.folder.0)))
    }

    /// Nothing goes to the server before all of it was read, and found to be what was taken out.
    async fn append(&self, copy: &PlaceFacts) -> Result<PutBack, Obstacle> {
        let Shelf { vault, book } = self.shelf;
        let mailbox = &copy.place.mailbox;
        let watched = self.config.watched(mailbox);
        let watched = watched.ok_or_else(|| Obstacle::NotWatched(mailbox.clone()))?;
        let secret = watched.login.secret();
        if let Password::Credential(name) = secret
            && !secret.within_reach()
        {
            return Err(Obstacle::Credential(name.clone()));
        }
        // No place is `Removed` without an object: the tables see to that.
        let object = copy.object.ok_or(Obstacle::NotTheMessage)?.object;
        let (key, measure) = self.opened(&object)?;
        if !book.is_message(copy.id, &measure.digest)? {
            return Err(Obstacle::NotTheMessage);
        }
        let tls = watch::trust(&watched.server).map_err(Trouble::from)?;
        let mut session = watch::connect_patiently(watched, &self.config.watch, tls, &self.tokens).await?;
        let back = watch::put_back(&mut session, &copy.place, &copy.arrival, &measure, || vault.unseal(&object, key)).await?;
        session.logout().await;
        Ok(back)
    }
}

impl Errand<'_> {
    /// What is sealed, by whichever of her keys opens it.
    fn opened(&self, object: &ObjectId) -> Result<(&AudienceIdentity, Measure), Obstacle> {
        for key in self.keys {
            match self.shelf.vault.measure(object, key) {
                Err(VaultError::WrongIdentity { .. }) => {}
                measured => return Ok((key, measured?)),
            }
        }
        Err(Obstacle::SealedToOthers)
    }
}

impl Obstacle {
    /// As [`Trouble::keeps_for_good`]. Where others have the key, or the way in, they go on with it.
    fn keeps_for_good(&self) -> Option<NotBack> {
        match self {
            Self::NotTheMessage => Some(NotBack::NotTheMessage),
            Self::NotWatched(_) => Some(NotBack::NotWatched),
            Self::Trouble(trouble) => trouble.keeps_for_good(),
            Self::Vault(error) => error.keeps_for_good(),
            Self::Casebook(_) | Self::Credential(_) | Self::OnItsWay | Self::SealedToOthers => None,
        }
    }

    fn fault(self, mailbox: &Address) -> Fault {
        let hint = match &self {
            Self::Credential(name) => {
                format!(
                    "as root: `systemd-run --pipe --wait --collect -p User=mailwarden -p LoadCredentialEncrypted={name} mailwarden release …`"
                )
            }
            Self::NotTheMessage => "keep a copy of the state directory, and restore the vault from the backup".to_owned(),
            Self::NotWatched(mailbox) => format!("add a [[mailbox]] for {mailbox}, and type the command again"),
            Self::SealedToOthers => "it is decided: let one of them type the same command with her own key".to_owned(),
            Self::OnItsWay => "wait for the next round of `mailwarden run`, and type the command again".to_owned(),
            Self::Trouble(Trouble::Password(fault)) => fault.hint.clone(),
            Self::Casebook(error) => error.remedy(),
            Self::Trouble(_) => format!("`mailwarden doctor {mailbox}` says at which step, and what mends it; then type the command again"),
            Self::Vault(error) => error.remedy().to_owned(),
        };
        Fault { what: format!("the copy of {mailbox} is not back"), at: None, why: self.to_string(), hint }
    }
}
