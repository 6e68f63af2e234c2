//! Takes over into the vault what was sealed at the desk to people who were admitted to an audience.
//!
//! What is written is a ring of that person alone: whatever is wrong with it, nobody else's opens any less.

use std::sync::Arc;

use jiff::Timestamp;

use super::quarantine::blocking;
use super::shelf::Shelf;
use super::{Daemon, Trouble};
use crate::desk::{Admission, Deeds};
use crate::finding::Audience;
use crate::journal::{Actor, Event};
use crate::vault::Member;

/// Of what was sealed to one member, in octets: a ring of a few hundred members.
const LONGEST: usize = 32 << 10;

/// Takes over all that waits. Once more changes nothing.
///
/// # Errors
/// When the shelf or the desk refuses: it is to be tried again.
pub async fn take_over(daemon: &Arc<Daemon>) -> Result<(), Trouble> {
    let Some(settings) = daemon.config().review.clone() else { return Ok(()) };
    let shelf = daemon.shelf.clone();
    blocking(move || {
        let Some(desk) = Deeds::open(&settings.directory)? else { return Ok(()) };
        desk.admissions()?.iter().try_for_each(|admission| one(&shelf, admission))
    })
    .await
}

fn one(shelf: &Shelf, admission: &Admission) -> Result<(), Trouble> {
    let Admission { name, by, audience, audience_key, recipient, wrapped, .. } = admission;
    let (ring, audience) = (shelf.vault().ring(), *audience);
    // None of these comes from the desk as it ships: there it is forgotten.
    let member = format!("{name}={recipient}").parse::<Member>().ok().filter(|member| member.name == *name);
    let Some(member) = member.filter(|_| audience != Audience::Evidence && wrapped.len() <= LONGEST) else { return Ok(()) };
    if ring.recipient(audience)?.to_string() != *audience_key {
        return Ok(());
    }
    match ring.ciphertext_of(audience, &member.recipient)? {
        // To write down who is a member comes last: without that it is to be finished.
        Some(own) if own == *wrapped && ring.listed(audience)?.contains(&member) => return Ok(()),
        Some(own) if own != *wrapped => {
            tracing::warn!(%audience, "an admission is passed over: that key has a ring of its own already");
            return Ok(());
        }
        _ => {}
    }
    let event = Event::MemberAdded { audience, name: name.clone(), recipient: recipient.clone() };
    shelf.book(|book| book.note(Timestamp::now(), &Actor::Account(by.clone()), &event))?;
    ring.admit(audience, member, wrapped)?;
    tracing::info!(%audience, "a member was admitted, as was decided at the desk");
    Ok(())
}
