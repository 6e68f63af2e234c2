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
use crate::journal::{Actor, Event, JournalLine};
use crate::vault::Member;

/// Of what was sealed to one member, in octets: a ring of a few hundred members.
const LONGEST: usize = 32 << 10;

/// Of the journal at a time.
const LINES: usize = 1_000;

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
    // Where the ring could not be written then, the line stands already.
    if !shelf.book(|book| is_noted(&event, |before| book.journal_before(before, LINES)))? {
        shelf.book(|book| book.note(Timestamp::now(), &Actor::Account(by.clone()), &event))?;
    }
    ring.admit(audience, member, wrapped)?;
    tracing::info!(%audience, "a member was admitted, as was decided at the desk");
    Ok(())
}

/// Whether the journal's last word on a member of this name in this audience is this very event. `read` gives the lines before a number.
fn is_noted<E>(event: &Event, read: impl Fn(u64) -> Result<Vec<JournalLine>, E>) -> Result<bool, E> {
    let of = |event: &Event| match event {
        Event::MemberAdded { audience, name, .. } => Some((*audience, name.clone())),
        _ => None,
    };
    let (whose, mut before) = (of(event), u64::MAX);
    loop {
        let lines = read(before)?;
        let Some(first) = lines.last() else { return Ok(false) };
        before = first.seq;
        if let Some(last) = lines.into_iter().filter_map(|line| line.entry).find(|entry| of(&entry.event) == whose) {
            return Ok(last.event == *event);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::casebook::Casebook;
    use crate::desk::AccountId;
    use crate::journal::InstanceKey;
    use crate::vault::{MemberIdentity, Recipients, Vault};

    #[test]
    fn an_admission_that_cannot_be_written_stands_in_the_journal_once_and_so_does_each_that_follows() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(&folder.path().join("vault")).unwrap();
        let member = |name: &str| Member { name: name.to_owned(), recipient: MemberIdentity::generate().recipient() };
        let (ben, new_ben) = (member("Ben"), member("Ben"));
        for audience in Audience::ALL {
            vault.ring().create(audience, &[member("Ann")]).unwrap();
        }
        let recipients = Recipients::read(&vault.ring()).unwrap_or_else(|_| panic!("every audience has a key"));
        let audience_key = vault.ring().recipient(Audience::Dsl).unwrap().to_string();
        let book = Casebook::open(&folder.path().join("casebook.db"), InstanceKey::random().unwrap()).unwrap();
        let shelf = Shelf::new(vault, recipients, book);
        let of = |member: &Member| Admission {
            id: 1,
            whose: AccountId(1),
            name: member.name.clone(),
            by: "Robin".to_owned(),
            audience: Audience::Dsl,
            audience_key: audience_key.clone(),
            recipient: member.recipient.to_string(),
            wrapped: b"ring".to_vec(),
        };
        let noted = || shelf.book(|book| book.journal_before(u64::MAX, 100)).unwrap().len();
        let drafts = folder.path().join("vault/tmp");
        for (again, admitted) in [(0, &ben), (1, &new_ben), (2, &ben)] {
            fs::remove_dir(&drafts).unwrap();
            for _ in 0..3 {
                assert!(one(&shelf, &of(admitted)).is_err());
                assert_eq!(noted(), again + 1);
            }
            fs::create_dir(&drafts).unwrap();
            one(&shelf, &of(admitted)).unwrap();
            assert_eq!((noted(), shelf.vault().ring().listed(Audience::Dsl).unwrap().contains(admitted)), (again + 1, true));
        }
    }
}
