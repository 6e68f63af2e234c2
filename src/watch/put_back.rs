//! Puts a released message back where it lay: the same octets, flags and date, and once however often it is asked.

use std::io::Read;

use super::Trouble;
use super::imap::{Folder, Session, UidSet};
use crate::mail::{Arrival, FolderName, Place};
use crate::vault::{Measure, VaultError};

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutBack {
    /// `INBOX` where the folder of old is gone.
    pub folder: FolderName,
    /// The very message was there already: an earlier try got further than it knew, or the server kept one.
    pub lay_there: bool,
}

/// Appends a message of this measure to the folder of its place, in a session with the mailbox of that place. `open` is
/// asked for its octets only when it does not lie there yet.
///
/// # Errors
/// When the server refuses or is lost, or the octets cannot be read to their end: then nothing was added, or it is found
/// to be there the next time.
pub async fn put_back<R: Read + Send>(
    session: &mut Session,
    place: &Place,
    arrival: &Arrival,
    measure: &Measure,
    open: impl FnOnce() -> Result<R, VaultError>,
) -> Result<PutBack, Trouble> {
    let folder = home(session, &place.folder).await?;
    let lay_there = lies_in(session, &folder, arrival, measure).await?;
    if !lay_there {
        session.append(&folder, &flags(arrival), arrival.internal_date, measure.size, open()?).await?;
    }
    Ok(PutBack { folder: folder.name, lay_there })
}

/// The folder of that name, or INBOX where it was renamed or deleted meanwhile.
async fn home(session: &mut Session, name: &FolderName) -> Result<Folder, Trouble> {
    let folders = session.list().await?;
    Ok(folders.into_iter().find(|folder| folder.selectable && folder.name == *name).unwrap_or_else(Folder::inbox))
}

/// Whether a message of this very content and date is in the folder. Size and date single out the few that are fetched.
async fn lies_in(session: &mut Session, folder: &Folder, arrival: &Arrival, measure: &Measure) -> Result<bool, Trouble> {
    let selected = session.examine(folder).await?;
    let mut alike = session.listing(&selected, &UidSet::from(1)).await?;
    alike.retain(|listed| {
        listed.arrival.internal_date == arrival.internal_date && [arrival.size, measure.size].contains(&listed.arrival.size)
    });
    let mut found = false;
    let mut fetch = session.fetch(&selected, &alike)?;
    while let Some((_, message)) = fetch.next().await? {
        found |= message.digest() == measure.digest;
    }
    Ok(found)
}

/// As it had them, but for a mark that would have it removed again.
fn flags(arrival: &Arrival) -> Vec<String> {
    arrival.flags.iter().filter(|flag| !flag.eq_ignore_ascii_case("\\Deleted")).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_back_with_its_flags_but_never_marked_for_removal() {
        let had = ["\\Seen", "\\DELETED", "$Forwarded"].map(str::to_owned).to_vec();
        let arrival = Arrival { flags: had, internal_date: 0, size: 0 };
        assert_eq!(flags(&arrival), ["\\Seen", "$Forwarded"]);
    }
}
