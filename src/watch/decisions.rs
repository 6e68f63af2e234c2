//! Carries out what was decided at the desk: acknowledges, releases and puts messages back, destroys, admits members.
//!
//! The desk writes its deeds down in order, and this reads them in order. Every step may be repeated: a deed counts as
//! carried out when the casebook says so.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::quarantine::blocking;
use super::{Daemon, Trouble, admissions, destroy, put_back};
use crate::case::{NotBack, PlaceState};
use crate::casebook::PlaceFacts;
use crate::desk::{Deed, DeedRow, Deeds, ReleasedKey};
use crate::finding::Action;
use crate::journal::Actor;
use crate::mail::Address;
use crate::vault::{ObjectKey, VaultError};

/// How often the desk is looked at.
const ROUND: Duration = Duration::from_secs(2);
/// What could not be carried out is tried again after so many rounds.
const AGAIN: u32 = 30;

/// Carries out deeds until the daemon stops.
pub async fn run(daemon: Arc<Daemon>) {
    let mut stop = daemon.stop.subscribe();
    let (mut tried, mut rounds) = (0, 0_u32);
    while !*stop.borrow() {
        // A mailbox that is out of reach keeps no later deed from being carried out.
        let after = if rounds.is_multiple_of(AGAIN) { 0 } else { tried };
        match carry_out(&daemon, after).await {
            Ok(last) => {
                tried = tried.max(last);
                if after == 0 {
                    daemon.board.trouble("desk", None);
                }
            }
            Err((last, trouble)) => {
                tried = tried.max(last);
                tracing::warn!(%trouble, "not all that was decided at the desk is carried out yet");
                daemon.board.trouble("desk", Some(trouble.to_string()));
            }
        }
        rounds = rounds.wrapping_add(1);
        tokio::select! {
            () = tokio::time::sleep(ROUND) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Everything that was decided after the deed `after`, and that the casebook does not know to be carried out. Answers with
/// the number of the last.
///
/// # Errors
/// The last that could not be carried out; the others are.
pub async fn carry_out(daemon: &Arc<Daemon>, after: i64) -> Result<i64, (i64, Trouble)> {
    // What a crash has left unfinished keeps nothing that was decided since.
    let unfinished = destroy::finish(daemon).await.err();
    let not_admitted = admissions::take_over(daemon).await.err();
    let (deeds, progress) = decided(daemon, after).await.map_err(|trouble| (after, trouble))?;
    let (mut last, mut failed) = (after, unfinished.or(not_admitted));
    // What follows a deed that could not be carried out does not count as carried out: it is done again, and changes nothing.
    let mut unbroken = after <= progress;
    for (deed, keys) in &deeds {
        match one(daemon, deed, keys).await {
            Ok(()) if unbroken => {
                if let Err(error) = daemon.shelf.book(|book| book.desk_progressed(deed.id)) {
                    return Err((last, error.into()));
                }
            }
            Ok(()) => {}
            Err(trouble) => {
                unbroken = false;
                failed = Some(trouble);
            }
        }
        last = deed.id;
    }
    failed.map_or(Ok(last), |trouble| Err((last, trouble)))
}

/// Deeds with the keys that came with them, and the last that was carried out before.
async fn decided(daemon: &Arc<Daemon>, after: i64) -> Result<(Vec<(DeedRow, Vec<ReleasedKey>)>, i64), Trouble> {
    let Some(settings) = daemon.config().review.clone() else { return Ok((Vec::new(), after)) };
    let daemon = Arc::clone(daemon);
    blocking(move || {
        let Some(desk) = Deeds::open(&settings.directory)? else { return Ok((Vec::new(), after)) };
        let addresses: BTreeSet<Address> = desk.accounts()?.into_iter().flat_map(|account| account.addresses).collect();
        daemon.shelf.book(|book| book.key_desk(&addresses))?;
        let progress = daemon.shelf.book(|book| book.desk_progress())?;
        let deeds = desk.since(progress.max(after))?;
        let with_keys = deeds.into_iter().map(|deed| desk.keys(deed.id).map(|keys| (deed, keys)));
        Ok((with_keys.collect::<Result<_, _>>()?, progress))
    })
    .await
}

async fn one(daemon: &Arc<Daemon>, row: &DeedRow, keys: &[ReleasedKey]) -> Result<(), Trouble> {
    let (who, now, case) = (Actor::Account(row.by.clone()), Timestamp::now(), row.case);
    let facts = daemon.shelf.book(|book| book.case(&row.codename))?;
    // The numbers of two databases: a desk that was restored from another backup decides nothing here.
    let Some(facts) = facts.filter(|facts| facts.row.id == case) else { return Ok(()) };
    match row.deed {
        // Who puts it off has not taken it in hand: its notices climb on.
        Deed::AskDestroy | Deed::Keep | Deed::Note | Deed::Reopen | Deed::Snooze | Deed::Wake => Ok(()),
        Deed::Destroy => destroy::decide(daemon, &who, row).await,
        Deed::FalseMatch | Deed::NoConcern if facts.row.action < Action::Hold => {
            Ok(daemon.shelf.book(|book| book.release(now, &who, case, &row.words))?)
        }
        // Nothing is left to put back.
        Deed::Release if facts.destroyed.is_some() => Ok(()),
        Deed::Release if facts.row.action == Action::Hold => release(daemon, &who, row, keys).await,
        _ => Ok(daemon.shelf.book(|book| book.acknowledge(now, case, &who))?),
    }
}

/// First the decision, so that no rule holds it once more on its way back; then copy by copy, as far as somebody who can open
/// them has handed over their keys. One that cannot come back keeps none of the others.
async fn release(daemon: &Arc<Daemon>, who: &Actor, row: &DeedRow, keys: &[ReleasedKey]) -> Result<(), Trouble> {
    let case = row.case;
    daemon.shelf.book(|book| book.release(Timestamp::now(), who, case, &row.words))?;
    daemon.shelf.book(|book| book.begin_release(case, row.id))?;
    let copies = daemon.shelf.book(|book| book.case(&row.codename))?.map(|facts| facts.places).unwrap_or_default();
    // This one has failed for it already, or somebody has released it anew since.
    let settled = |copy: &PlaceFacts| copy.not_back.is_some() || copy.release_deed > Some(row.id);
    let mut failed = None;
    for copy in copies.iter().filter(|copy| copy.state == PlaceState::Removed && !settled(copy)) {
        match put_one_back(daemon, copy, keys).await {
            Ok(()) => daemon.shelf.book(|book| book.settle(Timestamp::now(), who, copy.id, PlaceState::Released))?,
            Err(Obstacle::ForGood(why)) => {
                tracing::error!(case = %row.codename, mailbox = %copy.place.mailbox, %why, "a copy is not put back");
                daemon.shelf.book(|book| book.not_put_back(Timestamp::now(), copy.id, why))?;
            }
            Err(Obstacle::ForNow(trouble)) => failed = Some(trouble),
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Why a copy is not back.
enum Obstacle {
    /// Until somebody does something about it: the case says what.
    ForGood(NotBack),
    /// It is tried again.
    ForNow(Trouble),
}

impl From<Trouble> for Obstacle {
    fn from(trouble: Trouble) -> Self {
        match trouble.keeps_for_good() {
            Some(why) => Self::ForGood(why),
            None => Self::ForNow(trouble),
        }
    }
}

/// Nothing goes to the server before all of it was read, and found to be what was taken out.
async fn put_one_back(daemon: &Arc<Daemon>, copy: &PlaceFacts, keys: &[ReleasedKey]) -> Result<(), Obstacle> {
    let watched = daemon.watched(&copy.place.mailbox).ok_or(Obstacle::ForGood(NotBack::NotWatched))?;
    // No place is `Removed` without an object: the tables see to that.
    let sealed = copy.object.ok_or(Obstacle::ForGood(NotBack::Missing))?;
    let key = keys.iter().find(|released| released.object == sealed.object).ok_or(Obstacle::ForGood(NotBack::KeyMissing))?;
    let (object, octets, place, shelf) = (sealed.object, key.key, copy.id, daemon.shelf.clone());
    let measured = blocking(move || {
        let (vault, key) = (shelf.vault(), ObjectKey::from_octets(octets));
        match vault.measure(&object, &key) {
            // With a key that is not its own, what is whole looks damaged.
            Err(VaultError::Damaged { .. }) if vault.confirm(&object, &sealed.ciphertext_sha256).is_ok() => Ok(None),
            measured => {
                let measure = measured?;
                if shelf.book(|book| book.is_message(place, &measure.digest))? { Ok(Some(measure)) } else { Err(Trouble::NotTheMessage) }
            }
        }
    })
    .await?;
    let measure = measured.ok_or(Obstacle::ForGood(NotBack::KeyWrong))?;
    let mut seat = daemon.gate(&watched).seats().take().await;
    let mut session = daemon.connect(&watched).await?;
    seat.admitted(&copy.place.mailbox);
    let open = || daemon.shelf.vault().unseal(&object, &ObjectKey::from_octets(octets));
    put_back(&mut session, &copy.place, &copy.arrival, &measure, open).await?;
    session.logout().await;
    Ok(())
}
