//! The proof of a day: what a mailbox holds of it on the server, against what was judged.

use jiff::civil::Date;

use super::Trouble;
use super::imap::{Folder, ImapError, Session, UidSet};
use crate::casebook::SeenFolder;
use crate::mail::{Cursor, FolderName, Uid};

/// Numbers that one question is about: the answer is one line, which may not be endless.
const WINDOW: u32 = 4_000;

/// What the casebook knows of a mailbox.
#[derive(Default)]
pub struct Known {
    pub seen: Vec<SeenFolder>,
    pub cursors: Vec<(FolderName, Cursor)>,
    /// Folders that nobody wants watched.
    pub except: Vec<FolderName>,
    /// Mail from before the first look was passed over, because the configuration says so.
    pub skips_history: bool,
}

/// What came of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    pub folders: usize,
    /// Messages of the day, by the server's date.
    pub on_server: u64,
    pub judged: u64,
    /// From before the first look, and passed over for that.
    pub history: u64,
    pub missing: Vec<Missing>,
    /// Folders that the server lists and does not open.
    pub closed: Vec<FolderName>,
}

/// A message that the server holds and nobody has judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub folder: FolderName,
    pub uid: Uid,
    /// INTERNALDATE, in seconds since 1970; `None` when it went away while it was asked about.
    pub arrived: Option<i64>,
}

/// Compares every folder.
///
/// # Errors
/// When the server does not answer: then nothing is proven.
pub async fn compare(session: &mut Session, known: &Known, day: Date) -> Result<Compared, Trouble> {
    let mut compared = Compared::default();
    for folder in session.list().await?.into_iter().filter(|folder| folder.selectable && !known.except.contains(&folder.name)) {
        match compare_folder(session, &folder, known, day, &mut compared).await {
            Ok(()) => compared.folders += 1,
            Err(ImapError::No { command: "EXAMINE", .. }) if session.is_in_step() => compared.closed.push(folder.name),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(compared)
}

async fn compare_folder(
    session: &mut Session,
    folder: &Folder,
    known: &Known,
    day: Date,
    compared: &mut Compared,
) -> Result<(), ImapError> {
    let selected = session.examine(folder).await?;
    let seen = known.seen.iter().find(|seen| seen.folder == folder.name && seen.uidvalidity == selected.uidvalidity);
    let cursor = known.cursors.iter().find(|(name, _)| *name == folder.name).map(|(_, cursor)| *cursor);
    let cursor = cursor.filter(|cursor| cursor.uidvalidity == selected.uidvalidity);
    let is_history = |uid: Uid| known.skips_history && cursor.is_some_and(|cursor| uid.get() < cursor.history.min(cursor.next));
    let mut missing = Vec::new();
    for set in windows(selected.uidnext, selected.exists) {
        for uid in session.arrived_on(&selected, &set, day).await? {
            compared.on_server += 1;
            if seen.is_some_and(|seen| seen.contains(uid)) {
                compared.judged += 1;
            } else if is_history(uid) {
                compared.history += 1;
            } else {
                missing.push(uid);
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let listed = session.listing(&selected, &UidSet::of(missing.iter().copied())).await?;
    compared.missing.extend(missing.into_iter().map(|uid| {
        let arrived = listed.iter().find(|listed| listed.uid == uid).map(|listed| listed.arrival.internal_date);
        Missing { folder: folder.name.clone(), uid, arrived }
    }));
    Ok(())
}

/// All numbers there are, in stretches.
fn windows(uidnext: Option<u32>, exists: u32) -> Vec<UidSet> {
    match uidnext {
        _ if exists == 0 => Vec::new(),
        // Some servers do not say how far their numbers go.
        None => vec![UidSet::from(1)],
        Some(next) => {
            let starts = (1..next).step_by(WINDOW as usize);
            starts.map(|first| UidSet::between(first, first.saturating_add(WINDOW - 1).min(next - 1))).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_windows_cover_every_number_once() {
        let told = |next, exists| windows(next, exists).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(told(Some(8_002), 5), ["1:4000", "4001:8000", "8001"]);
        assert_eq!(told(Some(2), 1), ["1"]);
        assert_eq!(told(None, 3), ["1:*"]);
        assert_eq!(told(Some(900), 0), Vec::<String>::new());
    }
}
