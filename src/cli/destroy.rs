//! `mailwarden destroy`: has what is sealed of a case destroyed, when no agency needs it any more. The facts stay.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use super::key_holder::{Admission, KeyHolder};
use super::shelf::Shelf;
use super::{Failure, Output};
use crate::case::{CaseId, Codename};
use crate::casebook::{CasebookError, Destruction};
use crate::config::Config;
use crate::desk::{Deed, Deeds};
use crate::finding::Audience;
use crate::journal::{Actor, Event};
use crate::vault::MemberIdentity;

/// Destroy what is sealed of a case, for good. Its facts and its history stay.
///
/// First ask the police, the local authority and whoever else may need it; say in the reason who confirmed that they do not, and
/// when. What is withheld or of level 5 takes a second person, with a key of her own. The decision is written to the journal before
/// anything is destroyed. When it is interrupted, type it once more: it goes on. Backups hold what they held, until they are replaced.
#[derive(Debug, Args)]
pub(super) struct Destroy {
    /// The case, as the notice names it.
    codename: Codename,
    #[command(flatten)]
    holder: KeyHolder,
    /// The private key of a second person, who agrees.
    #[arg(long, value_name = "FILE")]
    second: Option<PathBuf>,
    /// Every agency that might need it has confirmed that it does not.
    #[arg(long, required = true)]
    no_agency_needs_it: bool,
}

impl Destroy {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let config = self.holder.config.load()?;
        let shelf = Shelf::open(&config)?;
        let facts = shelf.case(&self.codename)?;
        let (case, codename) = (facts.row.id, facts.row.codename.clone());
        let member = self.holder.presented()?;
        let audiences = facts.custodians();
        let who = match KeyHolder::admission(&member, &shelf.vault, &audiences)? {
            Admission::Admitted { who, .. } => who,
            Admission::Refused { who } => {
                let refused = KeyHolder::not_hers(&codename, &audiences);
                shelf.book.note(Timestamp::now(), &who, &Event::DestroyRefused { case, codename })?;
                return Err(refused);
            }
        };
        let second = self.second.as_deref().map(|path| second(path, &member, &shelf)).transpose()?;
        if waits_for_release(&config, &shelf, case)? {
            return Err(CasebookError::ReleasePending(codename).into());
        }
        let decided = Destruction { case, who: &who, second: second.as_ref().map(Actor::name), reason: self.holder.reason.as_str() };
        shelf.book.destroy(Timestamp::now(), &decided)?;
        finish(&shelf)?;
        Ok(out.line(&format!("what was sealed of {codename} is destroyed; its facts stay"))?)
    }
}

/// A member of whatever audience, who is not the first once more: she learns the codename alone.
fn second(path: &Path, first: &MemberIdentity, shelf: &Shelf) -> Result<Actor, Failure> {
    let member = MemberIdentity::read(path)?;
    let refused =
        |why: &str| Failure::world("the second key does not count", &why, "let another member of any audience agree with her own key");
    if member.recipient() == first.recipient() {
        return Err(refused("it is the first once more"));
    }
    match KeyHolder::admission(&member, &shelf.vault, &Audience::ALL)? {
        Admission::Admitted { who, .. } => Ok(who),
        Admission::Refused { .. } => Err(refused("it is no member's")),
    }
}

/// Whether a release was decided at the desk that the service is yet to carry out.
fn waits_for_release(config: &Config, shelf: &Shelf, case: CaseId) -> Result<bool, Failure> {
    let Some(settings) = &config.review else { return Ok(false) };
    let told = |error| {
        Failure::world(
            "the desk cannot be asked whether the message is being put back",
            &error,
            "run the command as a user who may read the desk's folder, and try again",
        )
    };
    let Some(desk) = Deeds::open(&settings.directory).map_err(told)? else { return Ok(false) };
    let waiting = desk.since(shelf.book.desk_progress()?).map_err(told)?;
    Ok(waiting.iter().any(|row| row.case == case && row.deed == Deed::Release))
}

/// What an earlier try has left, too.
fn finish(shelf: &Shelf) -> Result<(), Failure> {
    for doomed in shelf.book.doomed()? {
        shelf.vault.destroy(&doomed.objects)?;
        shelf.book.emptied(Timestamp::now(), doomed.case)?;
    }
    Ok(())
}
