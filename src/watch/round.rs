//! One round through one mailbox: which of its folders have news.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::backlog::{Course, FolderLeft};
use super::blame::Suspects;
use super::imap::{Folder, FolderStatus, ImapError, Limits, Listed, Session};
use super::pulse::Worker;
use super::quarantine;
use super::second_look::SecondLooks;
use super::visit::Visit;
use super::{Daemon, Trouble};
use crate::case::PlaceState;
use crate::casebook::{Learnt, Progress, SealedPlace};
use crate::config::{Config, History, Watched};
use crate::mail::{Address, Cursor, FolderName, Uid, UidValidity};
use crate::worker::Standing;

/// What is remembered of a mailbox from round to round.
#[derive(Default)]
pub struct Memory {
    pub suspects: Suspects,
    /// The first look into the mailbox, in seconds since 1970.
    pub met: Option<i64>,
    /// In octets, of messages whose size the server understates.
    pub true_sizes: HashMap<Numbered, u64>,
    /// The folder in which the last round broke off. It comes last, so that it keeps no other from being read.
    pub broke_off: Option<FolderName>,
    /// The session broke with it: the messages of that folder are fetched one by one, so that the one to blame is found.
    pub broke: bool,
    pub second_looks: SecondLooks,
    backlog: Option<Course>,
    quiet: Option<Quiet>,
}

/// A round that found nothing to do: as long as folders and configuration are the same, nor will the next.
struct Quiet {
    config: Arc<Config>,
    survey: Survey,
    rounded: Rounded,
}

type Survey = Vec<(Folder, Option<FolderStatus>)>;

/// How a visit to a folder ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Visited {
    /// There was nothing to do.
    Quiet,
    Done,
    /// There is more to judge.
    Unfinished,
}

/// A message, by all that its number needs to mean anything.
pub type Numbered = (FolderName, UidValidity, Uid);

/// How a round went that broke off nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rounded {
    pub folders: usize,
    /// There is more to judge: the next round need not wait.
    pub unfinished: bool,
    /// The number that the next message in INBOX will get.
    pub inbox_next: Option<u32>,
    /// Folders that the server lists and does not open.
    pub closed: Vec<FolderName>,
}

/// A round at work.
pub struct Round<'a> {
    pub daemon: &'a Arc<Daemon>,
    pub watched: &'a Watched,
    pub session: &'a mut Session,
    pub memory: &'a mut Memory,
    pub standing: &'a Standing,
    /// Messages that were handed over in this round.
    pub came: usize,
}

impl Round<'_> {
    /// Looks at every folder.
    ///
    /// # Errors
    /// At the first thing that goes wrong; what was judged until then is kept.
    pub async fn run(&mut self) -> Result<Rounded, Trouble> {
        let config = self.daemon.config();
        let survey = self.session.survey().await?;
        if !survey.iter().any(|(folder, _)| folder.selectable) {
            return Err(Trouble::NoFolder);
        }
        let second_looks = self.memory.second_looks.are_due(self.daemon, &self.watched.mailbox.address)?;
        let same = |quiet: &&Quiet| quiet.survey == survey && Arc::ptr_eq(&quiet.config, &config);
        if let Some(quiet) = self.memory.quiet.as_ref().filter(same).filter(|_| !second_looks) {
            return Ok(quiet.rounded.clone());
        }
        let mut folders = survey.clone();
        folders.retain(|(folder, _)| folder.selectable && !config.watch.except_folders.contains(&folder.name));
        folders.sort_by_key(|(folder, _)| Some(&folder.name) == self.memory.broke_off.as_ref());
        let (mut cursors, mut sealed) = self
            .daemon
            .shelf
            .book(|book| -> Result<_, Trouble> { Ok((book.cursors(self.mailbox())?, book.sealed_places(self.mailbox())?)) })?;
        if cursors.is_empty() {
            cursors = self.meet(&folders).await?;
        }
        self.memory.met = self.daemon.shelf.book(|book| book.met(self.mailbox()))?.map(Timestamp::as_second);
        self.memory.backlog = Course::surveyed(self.memory.backlog.take(), left(&folders, &cursors));
        self.daemon.board.backlog(self.mailbox(), self.memory.backlog.as_ref().map(Course::told));
        let inbox = folders.iter().find(|(folder, _)| folder.name.0.eq_ignore_ascii_case("INBOX")).and_then(|(_, status)| *status);
        let mut rounded = Rounded { folders: folders.len(), inbox_next: inbox.map(|status| status.uidnext), ..Rounded::default() };
        let mut quiet = true;
        for (folder, status) in folders {
            let cursor = cursors.iter().find(|(name, _)| *name == folder.name).map(|(_, cursor)| *cursor);
            let unfinished = sealed.extract_if(.., |sealed| sealed.place.folder == folder.name).collect();
            match self.folder(&folder, status, cursor, unfinished).await {
                Ok(visited) => {
                    rounded.unfinished |= visited == Visited::Unfinished;
                    quiet &= visited == Visited::Quiet;
                }
                // It does not open this folder and goes on with the next.
                Err(Trouble::Imap(ImapError::No { command: "EXAMINE", .. })) if self.session.is_in_step() => {
                    rounded.closed.push(folder.name);
                    quiet = false;
                }
                Err(trouble) => {
                    self.memory.broke_off = Some(folder.name);
                    self.memory.broke = !self.session.is_in_step();
                    return Err(trouble);
                }
            }
        }
        self.memory.broke_off = None;
        if !rounded.unfinished {
            self.memory.backlog = None;
        }
        self.follow(sealed, &survey).await?;
        self.memory.quiet = quiet.then(|| Quiet { config, survey: survey.clone(), rounded: rounded.clone() });
        if second_looks {
            let folders: Vec<_> = survey.into_iter().map(|(folder, _)| folder).collect();
            self.look_again(&folders).await?;
        }
        if self.session.is_in_step() {
            self.session.leave().await?;
        }
        Ok(rounded)
    }

    /// Of what was on its way out of folders that are there no more: that it was met again where it is now.
    async fn follow(&self, left: Vec<SealedPlace>, survey: &Survey) -> Result<(), Trouble> {
        for place in left {
            let is_listed = survey.iter().any(|(folder, _)| folder.name == place.place.folder);
            // A folder that is hidden for a moment comes back with its messages.
            if !is_listed && self.daemon.shelf.book(|book| book.met_elsewhere(place.id))? {
                quarantine::settle(self.daemon, place.id, PlaceState::Superseded).await?;
            }
        }
        Ok(())
    }

    /// The first contact with a mailbox: draws the line between the mail that was there and the mail that comes.
    async fn meet(&self, folders: &[(Folder, Option<FolderStatus>)]) -> Result<Vec<(FolderName, Cursor)>, Trouble> {
        let skip = self.daemon.config().watch.history == History::Skip;
        let cursors: Vec<_> = folders
            .iter()
            .filter_map(|(folder, status)| {
                let FolderStatus { uidvalidity, uidnext, .. } = (*status)?;
                Some((folder.name.clone(), Cursor { uidvalidity, next: if skip { uidnext } else { 1 }, history: uidnext }))
            })
            .collect();
        let stretch = |(folder, cursor): &(FolderName, Cursor)| Progress {
            mailbox: self.mailbox().clone(),
            folder: folder.clone(),
            cursor: *cursor,
            judged: Vec::new(),
            learnt: Learnt::default(),
        };
        self.progress(cursors.iter().map(stretch).collect()).await?;
        Ok(cursors)
    }

    pub fn mailbox(&self) -> &Address {
        &self.watched.mailbox.address
    }

    /// So many more messages of a folder are judged.
    pub fn come_on(&mut self, folder: &FolderName, messages: usize) {
        if let Some(course) = &mut self.memory.backlog {
            course.judged(folder, messages as u64);
            self.daemon.board.backlog(&self.watched.mailbox.address, Some(course.told()));
        }
    }

    /// As the watchdog knows it.
    pub fn worker(&self) -> Worker {
        Worker::Mailbox(self.mailbox().clone())
    }

    /// What fetching and examining these messages may take: those of a parcel may each miss the deadline, and wait in between
    /// for others that do.
    pub fn allowed_for(&self, batch: &[Listed]) -> Duration {
        let octets: u64 = batch.iter().map(|listed| listed.arrival.size).fold(0, u64::saturating_add);
        let parcel = u32::try_from(batch.len().min(self.daemon.pool.parcel())).unwrap_or(u32::MAX);
        let examining = self.daemon.config().scan.deadline.saturating_mul(16).saturating_mul(parcel);
        Duration::from_secs(octets.min(self.daemon.config().watch.max_message) / Limits::default().slowest).saturating_add(examining)
    }

    async fn folder(
        &mut self,
        folder: &Folder,
        status: Option<FolderStatus>,
        cursor: Option<Cursor>,
        unfinished: Vec<SealedPlace>,
    ) -> Result<Visited, Trouble> {
        // A folder of which the server says nothing is opened to be sure.
        let quiet =
            cursor.zip(status).is_some_and(|(cursor, status)| cursor.uidvalidity == status.uidvalidity && status.uidnext <= cursor.next);
        if quiet && unfinished.is_empty() {
            return Ok(Visited::Quiet);
        }
        let mut selected = if unfinished.is_empty() { self.session.examine(folder).await? } else { self.open_to_remove(folder).await? };
        let uidvalidity = selected.uidvalidity;
        let (current, void): (Vec<_>, Vec<_>) = unfinished.into_iter().partition(|place| place.place.uidvalidity == uidvalidity);
        for place in current {
            match quarantine::finish(self.daemon, self.session, &mut selected, place).await {
                // Without its sealed copy the message stays; the others are judged all the same.
                Err(trouble @ Trouble::Vault(_)) => {
                    tracing::error!(mailbox = %self.mailbox(), %trouble, "a message that was to be removed stays");
                    self.daemon.board.trouble("vault", Some(trouble.to_string()));
                }
                finished => finished?,
            }
        }
        let cursor = match cursor {
            Some(cursor) if cursor.uidvalidity == uidvalidity => cursor,
            // Numbered anew, all mail is met again, and what was judged is known again by its digest.
            Some(_) => Cursor { uidvalidity, next: 1, history: selected.uidnext.unwrap_or(1) },
            None => Cursor { uidvalidity, next: 1, history: 1 },
        };
        // What was on its way out is looked for among all.
        let skip = void.is_empty() && self.daemon.config().watch.history == History::Skip;
        let more = self.visit(Visit { folder, selected, cursor, skip }).await?;
        if !more {
            for place in void {
                // Under its old number it can be met no more: it was removed under the new one, or by its owner.
                quarantine::renumbered(self.daemon, place).await?;
            }
        }
        Ok(if more { Visited::Unfinished } else { Visited::Done })
    }
}

/// How many messages of each folder are not judged yet, at most: numbers may lie far apart.
fn left(folders: &[(Folder, Option<FolderStatus>)], cursors: &[(FolderName, Cursor)]) -> Vec<FolderLeft> {
    let in_folder = |(folder, status): &(Folder, Option<FolderStatus>)| {
        let FolderStatus { uidvalidity, uidnext, messages } = (*status)?;
        let cursor = cursors.iter().find(|(name, cursor)| *name == folder.name && cursor.uidvalidity == uidvalidity);
        let left = cursor.map_or(messages, |(_, cursor)| messages.min(uidnext.saturating_sub(cursor.next)));
        Some(FolderLeft { folder: folder.name.clone(), left: left.into() })
    };
    folders.iter().filter_map(in_folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_so_many_messages_are_left_as_there_are_and_as_there_are_numbers() {
        let named = |name: &str| Folder::named(&FolderName(name.to_owned()));
        let status = |uidvalidity, uidnext, messages| Some(FolderStatus { uidvalidity: UidValidity(uidvalidity), uidnext, messages });
        let cursor = |name: &str, next| (FolderName(name.to_owned()), Cursor { uidvalidity: UidValidity(7), next, history: 1 });
        let cursors = ["half", "sparse", "done", "anew", "unknown"].map(|name| cursor(name, if name == "done" { 901 } else { 401 }));
        for (folder, status, expected) in [
            ("half", status(7, 1_001, 1_000), 600),
            ("sparse", status(7, 90_000, 30), 30),
            ("done", status(7, 901, 900), 0),
            ("anew", status(8, 1_001, 1_000), 1_000),
            ("never met", status(7, 1_001, 1_000), 1_000),
            ("unknown", None, 0),
        ] {
            let left: u64 = left(&[(named(folder), status)], &cursors).iter().map(|own| own.left).sum();
            assert_eq!(left, expected, "{folder}");
        }
    }
}
