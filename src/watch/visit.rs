//! One visit to one folder: what is new in it is listed, judged batch by batch, and acted on.

use std::collections::HashMap;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::Trouble;
use super::examine::{Examined, Met};
use super::imap::{Folder, ImapError, Listed, Selected, UidSet};
use super::quarantine::{self, Caught, Sealed};
use super::round::{Numbered, Round};
use super::verdict::Followed;
use crate::casebook::{Judged, Learnt, Outcome, Progress};
use crate::finding::{Reason, Report};
use crate::mail::{Arrival, Cursor, Place, Uid};
use crate::wire::Message;

/// One FETCH brings at most so many messages, and so many octets unless one message alone is larger.
const BATCH_MESSAGES: usize = 200;
const BATCH_OCTETS: u64 = 32 << 20;
/// What one visit to a folder judges at most, in messages, before the other folders have their turn.
const VISIT: usize = 1_000;
/// Numbers that one listing is about, at first: twice as many after a listing that brought few messages.
const WINDOW: u32 = 5_000;

/// A folder that is open, and how far it has been judged.
pub struct Visit<'a> {
    pub folder: &'a Folder,
    pub selected: Selected,
    pub cursor: Cursor,
    /// Pass over what was there before the first look into the mailbox.
    pub skip: bool,
}

impl Visit<'_> {
    pub fn number(&self, uid: Uid) -> Numbered {
        (self.folder.name.clone(), self.cursor.uidvalidity, uid)
    }
}

impl Round<'_> {
    /// Judges what is new in a folder, as far as one visit goes; says whether there is more.
    pub async fn visit(&mut self, mut visit: Visit<'_>) -> Result<bool, Trouble> {
        let (mut window, mut judged) = (WINDOW, 0);
        loop {
            let first = visit.cursor.next;
            // Numbers may lie far apart: the window grows until it finds something.
            let end = visit.selected.uidnext.filter(|end| first.saturating_add(window) < *end).map(|_| first.saturating_add(window));
            let set = end.map_or_else(|| UidSet::from(first), |end| UidSet::between(first, end - 1));
            // As it was before the listing: a folder that is opened again to remove from it may by then hold what was not listed.
            let reached = end.or(visit.selected.uidnext).unwrap_or(first);
            let mut listed = self.session.listing(&visit.selected, &set).await?;
            for message in &mut listed {
                if let Some(size) = self.memory.true_sizes.get(&visit.number(message.uid)) {
                    message.arrival.size = *size;
                }
            }
            let count = listed.len();
            if visit.skip {
                listed.retain(|message| !self.is_history(&visit, message.uid, &message.arrival));
            }
            if count < BATCH_MESSAGES {
                window = window.saturating_mul(2);
            }
            if !self.judge_listed(&mut visit, &listed).await? {
                return Ok(false);
            }
            judged += count;
            if reached > visit.cursor.next {
                visit.cursor.next = reached;
                self.commit(visit.folder, visit.cursor, Vec::new(), Learnt::default()).await?;
            }
            if end.is_none() || judged >= VISIT {
                return Ok(end.is_some());
            }
        }
    }

    /// Judges what was listed, batch by batch. Says whether the cursor could pass all of it.
    async fn judge_listed(&mut self, visit: &mut Visit<'_>, listed: &[Listed]) -> Result<bool, Trouble> {
        if let Some(oldest) = listed.iter().map(|message| message.arrival.internal_date).min() {
            self.daemon.board.waiting(self.mailbox(), oldest);
        }
        let (alone, standing) = (self.is_suspicious(visit), self.standing);
        // A batch is a turn with the server: one that stalls keeps it for a single message.
        for batch in batches(listed, || if alone || standing.stalls() { 1 } else { BATCH_MESSAGES }) {
            self.daemon.pulse.at_rest(&self.worker());
            let turn = self.daemon.gate(self.watched).turn().await;
            self.daemon.pulse.at_work(&self.worker(), self.allowed_for(batch));
            let (judged, learnt, unread) = self.batch(visit, batch).await?;
            drop(turn);
            let end = batch.last().map_or(visit.cursor.next, |last| last.uid.get().saturating_add(1));
            // What was not handed over is asked for again: the cursor waits in front of it.
            visit.cursor.next = unread.map_or(end, Uid::get);
            self.commit(visit.folder, visit.cursor, judged, learnt).await?;
            self.come_on(&visit.folder.name, batch.len());
            if unread.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub async fn commit(&self, folder: &Folder, cursor: Cursor, judged: Vec<Judged>, learnt: Learnt) -> Result<(), Trouble> {
        self.progress(vec![Progress { mailbox: self.mailbox().clone(), folder: folder.name.clone(), cursor, judged, learnt }]).await
    }

    pub async fn progress(&self, batch: Vec<Progress>) -> Result<(), Trouble> {
        let shelf = self.daemon.shelf.clone();
        quarantine::blocking(move || Ok(shelf.book(|book| book.progress(Timestamp::now(), &batch))?)).await
    }

    /// Has a batch examined and acts on the verdicts. Returns what was judged and learnt, and the first message that
    /// could not be judged.
    pub async fn batch(&mut self, visit: &mut Visit<'_>, batch: &[Listed]) -> Result<(Vec<Judged>, Learnt, Option<Uid>), Trouble> {
        let given_up = |listed: &Listed| self.memory.suspects.given_up(&visit.number(listed.uid));
        let passed_over: Vec<_> = batch.iter().filter_map(|listed| Some((listed, given_up(listed)?))).collect();
        let fetched: Vec<_> = batch.iter().filter(|listed| given_up(listed).is_none()).cloned().collect();
        if self.is_suspicious(visit) {
            self.vouch(visit, &fetched).await?;
        }
        let came = self.came;
        let Examined { messages, oversized, missing } = match self.examine(visit, &fetched).await {
            Err(Trouble::Imap(ImapError::Bad { .. } | ImapError::No { .. })) if self.session.is_in_step() => {
                self.one_by_one(visit, &fetched).await?
            }
            Err(Trouble::Imap(error)) => {
                self.blame(visit, &fetched, self.came > came, &error);
                return Err(error.into());
            }
            examined => examined?,
        };
        let arrivals: HashMap<Uid, &Arrival> = batch.iter().map(|listed| (listed.uid, &listed.arrival)).collect();
        let mut judged = Vec::with_capacity(batch.len());
        let mut followed = Followed::default();
        for (uid, key, met) in messages {
            let mut unread = None;
            let outcome = match (met, arrivals.get(&uid)) {
                (Met::Clear(sender), _) => {
                    followed.learnt.contacts.extend(sender.and_then(|sender| self.contact(sender.expose())));
                    Outcome::Clear
                }
                (Met::Told(told), Some(arrival)) => {
                    let (message, report) = *told;
                    unread = report.incomplete.first().map(|incomplete| incomplete.reason);
                    self.act(self.caught(visit, uid, (*arrival).clone(), message, report), &mut followed).await?
                }
                _ => Outcome::Known,
            };
            judged.push(Judged { uid, message: Some(key), outcome, unread });
        }
        let not_read = |uid, reason| Judged { uid, message: None, outcome: Outcome::Incomplete, unread: Some(reason) };
        for listed in batch.iter().filter(|listed| oversized.contains(&listed.uid)) {
            judged.push(not_read(listed.uid, Reason::Budget));
            followed.unread.push(self.unread(visit, listed, Reason::Budget)?);
        }
        for (listed, reason) in &passed_over {
            tracing::warn!(mailbox = %self.mailbox(), uid = %listed.uid, %reason, "a message is passed over");
            judged.push(not_read(listed.uid, *reason));
            followed.unread.push(self.unread(visit, listed, *reason)?);
        }
        quarantine::note_incomplete(self.daemon, followed.unread).await?;
        let mut waiting = None;
        for listed in self.still_there(visit, missing).await? {
            self.memory.suspects.strike(visit.number(listed.uid), Reason::Unfetched);
            waiting = waiting.or(Some(listed.uid));
        }
        self.remove(visit, followed.held).await?;
        Ok((judged, followed.learnt, waiting))
    }

    /// Removes what was sealed. The folder was opened for reading; removing needs it open for writing.
    async fn remove(&mut self, visit: &mut Visit<'_>, held: Vec<Sealed>) -> Result<(), Trouble> {
        if held.is_empty() {
            return Ok(());
        }
        if visit.selected.read_only {
            visit.selected = self.open_to_remove(visit.folder).await?;
            if visit.selected.uidvalidity != visit.cursor.uidvalidity {
                return Err(Trouble::Renumbered(visit.folder.name.to_string()));
            }
        }
        for sealed in held {
            quarantine::remove(self.daemon, self.session, &mut visit.selected, sealed).await?;
        }
        Ok(())
    }

    /// Opens a folder for removing, or for reading where the server does not allow more: then removing says so.
    pub async fn open_to_remove(&mut self, folder: &Folder) -> Result<Selected, ImapError> {
        match self.session.select(folder).await {
            Err(ImapError::No { .. }) if self.session.is_in_step() => self.session.examine(folder).await,
            selected => selected,
        }
    }

    /// Which of the messages that were not handed over are still listed: the others were removed meanwhile.
    async fn still_there(&mut self, visit: &Visit<'_>, missing: Vec<Uid>) -> Result<Vec<Listed>, Trouble> {
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        Ok(self.session.listing(&visit.selected, &UidSet::of(missing)).await?)
    }

    /// A message that was not fetched: nobody can say what is in it.
    fn unread(&self, visit: &Visit<'_>, listed: &Listed, reason: Reason) -> Result<Caught, Trouble> {
        let nothing = Message::from_octets(&[]).map_err(|error| ImapError::Memory(error.kind()))?;
        let Place { mailbox, folder, uidvalidity, uid } = self.place(visit, listed.uid);
        let mut report = Report::unread(reason);
        // No two of them are copies of one message, as far as anybody knows.
        report.origin = Sha256::digest(format!("{mailbox}\0{folder}\0{}\0{uid}", uidvalidity.0)).into();
        Ok(self.caught(visit, listed.uid, listed.arrival.clone(), nothing, report))
    }

    fn caught(&self, visit: &Visit<'_>, uid: Uid, arrival: Arrival, message: Message, report: Report) -> Caught {
        let backscan = self.is_history(visit, uid, &arrival);
        Caught { place: self.place(visit, uid), arrival, message, report, backscan }
    }

    /// Whether it was there before the first look into the mailbox.
    fn is_history(&self, visit: &Visit<'_>, uid: Uid, arrival: &Arrival) -> bool {
        uid.get() < visit.cursor.history && self.memory.met.is_none_or(|met| arrival.internal_date <= met)
    }

    fn place(&self, visit: &Visit<'_>, uid: Uid) -> Place {
        Place { mailbox: self.mailbox().clone(), folder: visit.folder.name.clone(), uidvalidity: visit.cursor.uidvalidity, uid }
    }
}

/// Cuts a listing into what one FETCH asks for, `most` messages at most: asked anew before each.
fn batches(listed: &[Listed], most: impl Fn() -> usize) -> impl Iterator<Item = &[Listed]> {
    let mut rest = listed;
    std::iter::from_fn(move || {
        let mut octets = 0;
        let mut fits = |message: &Listed| {
            octets = message.arrival.size.saturating_add(octets);
            octets <= BATCH_OCTETS
        };
        let count = rest.iter().take(most()).take_while(|message| fits(message)).count().max(1).min(rest.len());
        let (batch, after) = rest.split_at(count);
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_beyond_all_measure_is_a_batch_of_its_own() {
        let listed: Vec<_> = [100, u64::MAX, 100]
            .into_iter()
            .zip(1..)
            .filter_map(|(size, uid)| Some(Listed { uid: Uid::new(uid)?, arrival: Arrival { flags: Vec::new(), internal_date: 0, size } }))
            .collect();
        let sizes: Vec<_> = batches(&listed, || BATCH_MESSAGES).map(<[_]>::len).collect();
        assert_eq!(sizes, [1, 1, 1]);
    }
}
