//! One round through one mailbox: which folders have news, and what becomes of each new message.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use super::batch::{MESSAGES, batches};
use super::imap::{Folder, FolderStatus, ImapError, Listed, Selected, Session, UidSet};
use super::quarantine::{self, Caught, Sealed};
use super::{Daemon, Trouble};
use crate::casebook::{Judged, Keyed, Outcome, Progress};
use crate::config::{History, Watched};
use crate::finding::{Circumstances, Field, Reason, Report, Verdict, judge};
use crate::mail::{Address, Arrival, Cursor, FolderName, Place, Role, Uid, UidValidity};
use crate::wire::Message;
use crate::worker::PoolError;

/// In so many rounds a message is asked for that does not come, or not in a form that can be read, before it is noted as unread.
const PATIENCE: u32 = 3;

/// What one visit to a folder judges at most, in messages, before the other folders have their turn.
const VISIT: usize = 1_000;
/// Numbers that one listing is about, at first: twice as many after a listing that brought few messages.
const WINDOW: u32 = 5_000;

/// What is remembered of a mailbox from round to round.
#[derive(Default)]
pub struct Memory {
    /// Messages that the server lists and does not hand over in a form that can be read, and in how many rounds.
    withheld: HashMap<Numbered, u32>,
    /// In octets, of messages whose size the server understates.
    true_sizes: HashMap<Numbered, u64>,
    /// The folder in which the last round broke off. It comes last, so that it keeps no other from being read,
    /// and its messages are fetched one by one, so that the one to blame is found.
    broke_off: Option<FolderName>,
}

type Numbered = (FolderName, UidValidity, Uid);

/// How a round went that broke off nowhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rounded {
    pub folders: usize,
    /// There is more to judge: the next round need not wait.
    pub unfinished: bool,
    /// Folders that the server lists and does not open.
    pub closed: Vec<FolderName>,
}

/// A round at work.
pub struct Round<'a> {
    pub daemon: &'a Arc<Daemon>,
    pub watched: &'a Watched,
    pub session: &'a mut Session,
    pub memory: &'a mut Memory,
}

/// What came of fetching and examining a batch.
#[derive(Default)]
struct Examined {
    /// In the order of their numbers.
    messages: Vec<(Uid, Keyed, Met)>,
    oversized: Vec<Uid>,
    missing: Vec<Uid>,
}

impl Examined {
    fn extend(&mut self, more: Self) {
        self.messages.extend(more.messages);
        self.oversized.extend(more.oversized);
        self.missing.extend(more.missing);
    }
}

/// What became of a message that was fetched.
enum Met {
    /// It was judged in this mailbox before.
    Known,
    /// Nothing was found and everything was read: clear under any policy, and already forgotten.
    Clear,
    Told(Box<(Message, Report)>),
}

/// A folder that is open, and how far it has been judged.
struct Visit<'a> {
    folder: &'a Folder,
    selected: Selected,
    cursor: Cursor,
}

impl Visit<'_> {
    fn number(&self, uid: Uid) -> Numbered {
        (self.folder.name.clone(), self.cursor.uidvalidity, uid)
    }
}

impl Round<'_> {
    /// Looks at every folder.
    ///
    /// # Errors
    /// At the first thing that goes wrong; what was judged until then is kept.
    pub async fn run(&mut self) -> Result<Rounded, Trouble> {
        let config = self.daemon.config();
        let mut folders = self.session.list().await?;
        folders.retain(|folder| folder.selectable && !config.watch.except_folders.contains(&folder.name));
        folders.sort_by_key(|folder| Some(&folder.name) == self.memory.broke_off.as_ref());
        let statuses = self.session.status(&folders).await?;
        if self.daemon.shelf.book(|book| book.cursors(self.mailbox()))?.is_empty() {
            self.meet(&folders, &statuses).await?;
        }
        let mut rounded = Rounded { folders: folders.len(), ..Rounded::default() };
        for (folder, status) in folders.iter().zip(statuses) {
            match self.folder(folder, status).await {
                Ok(unfinished) => rounded.unfinished |= unfinished,
                // It does not open this folder and goes on with the next.
                Err(Trouble::Imap(ImapError::No { command: "EXAMINE", .. })) if self.session.is_in_step() => {
                    rounded.closed.push(folder.name.clone());
                }
                Err(trouble) => {
                    self.memory.broke_off = Some(folder.name.clone());
                    return Err(trouble);
                }
            }
        }
        self.memory.broke_off = None;
        Ok(rounded)
    }

    /// The first contact with a mailbox: draws the line between the mail that was there and the mail that comes.
    async fn meet(&self, folders: &[Folder], statuses: &[Option<FolderStatus>]) -> Result<(), Trouble> {
        let skip = self.daemon.config().watch.history == History::Skip;
        let mut progress = Vec::with_capacity(folders.len());
        for (folder, status) in folders.iter().zip(statuses) {
            let Some(status) = status else { continue };
            let cursor = Cursor { uidvalidity: status.uidvalidity, next: if skip { status.uidnext } else { 1 }, history: status.uidnext };
            progress.push(Progress { mailbox: self.mailbox().clone(), folder: folder.name.clone(), cursor, judged: Vec::new() });
        }
        self.progress(progress).await
    }

    fn mailbox(&self) -> &Address {
        &self.watched.mailbox.address
    }

    /// Says whether there is more to judge in it.
    async fn folder(&mut self, folder: &Folder, status: Option<FolderStatus>) -> Result<bool, Trouble> {
        let (cursor, unfinished) = self.daemon.shelf.book(|book| -> Result<_, Trouble> {
            Ok((book.cursor(self.mailbox(), &folder.name)?, book.sealed_places(self.mailbox(), &folder.name)?))
        })?;
        // A folder of which the server says nothing is opened to be sure.
        let quiet =
            cursor.zip(status).is_some_and(|(cursor, status)| cursor.uidvalidity == status.uidvalidity && status.uidnext <= cursor.next);
        if quiet && unfinished.is_empty() {
            return Ok(false);
        }
        let selected = if unfinished.is_empty() { self.session.examine(folder).await? } else { self.open_to_remove(folder).await? };
        let uidvalidity = selected.uidvalidity;
        let (current, void): (Vec<_>, Vec<_>) = unfinished.into_iter().partition(|place| place.place.uidvalidity == uidvalidity);
        for place in current {
            quarantine::finish(self.daemon, self.session, &selected, place).await?;
        }
        // Numbered anew, all mail is met again, and known again by its digest.
        let cursor = cursor.filter(|cursor| cursor.uidvalidity == uidvalidity).unwrap_or(Cursor { uidvalidity, next: 1, history: 1 });
        let more = self.visit(Visit { folder, selected, cursor }).await?;
        if !more {
            for place in void {
                // Under its old number it can be met no more: it was removed under the new one, or by its owner.
                quarantine::renumbered(self.daemon, place).await?;
            }
        }
        Ok(more)
    }

    /// Judges what is new in a folder, as far as one visit goes; says whether there is more.
    async fn visit(&mut self, mut visit: Visit<'_>) -> Result<bool, Trouble> {
        let (mut window, mut judged) = (WINDOW, 0);
        loop {
            let first = visit.cursor.next;
            // Numbers may lie far apart: the window grows until it finds something.
            let end = visit.selected.uidnext.filter(|end| first.saturating_add(window) < *end).map(|_| first.saturating_add(window));
            let set = end.map_or_else(|| UidSet::from(first), |end| UidSet::between(first, end - 1));
            let mut listed = self.session.listing(&visit.selected, &set).await?;
            for message in &mut listed {
                if let Some(size) = self.memory.true_sizes.get(&visit.number(message.uid)) {
                    message.arrival.size = *size;
                }
            }
            if listed.len() < MESSAGES {
                window = window.saturating_mul(2);
            }
            if !self.judge_listed(&mut visit, &listed).await? {
                return Ok(false);
            }
            judged += listed.len();
            let reached = end.or(visit.selected.uidnext).unwrap_or(first);
            if reached > visit.cursor.next {
                visit.cursor.next = reached;
                self.commit(visit.folder, visit.cursor, Vec::new()).await?;
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
        let most = if self.memory.broke_off.as_ref() == Some(&visit.folder.name) { 1 } else { MESSAGES };
        for batch in batches(listed, most) {
            let turn = self.daemon.gate(self.watched).turn().await;
            let (judged, unread) = self.batch(visit, batch).await?;
            drop(turn);
            let end = batch.last().map_or(visit.cursor.next, |last| last.uid.get().saturating_add(1));
            // What was not handed over is asked for again: the cursor waits in front of it.
            visit.cursor.next = unread.map_or(end, Uid::get);
            self.commit(visit.folder, visit.cursor, judged).await?;
            if unread.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn commit(&self, folder: &Folder, cursor: Cursor, judged: Vec<Judged>) -> Result<(), Trouble> {
        self.progress(vec![Progress { mailbox: self.mailbox().clone(), folder: folder.name.clone(), cursor, judged }]).await
    }

    async fn progress(&self, batch: Vec<Progress>) -> Result<(), Trouble> {
        let shelf = self.daemon.shelf.clone();
        quarantine::blocking(move || Ok(shelf.book(|book| book.progress(Timestamp::now(), &batch))?)).await
    }

    /// Has a batch examined and acts on the verdicts. Returns what was judged, and the first message that
    /// could not be.
    async fn batch(&mut self, visit: &mut Visit<'_>, batch: &[Listed]) -> Result<(Vec<Judged>, Option<Uid>), Trouble> {
        let (given_up, fetched): (Vec<_>, Vec<_>) = batch
            .iter()
            .cloned()
            .partition(|listed| self.memory.withheld.get(&visit.number(listed.uid)).is_some_and(|tries| *tries >= PATIENCE));
        let Examined { messages, oversized, missing } = match self.examine(visit, &fetched).await {
            Err(Trouble::Imap(ImapError::No { .. })) if self.session.is_in_step() => self.one_by_one(visit, &fetched).await?,
            Err(Trouble::Imap(error)) => {
                self.blame(visit, &fetched, &error);
                return Err(error.into());
            }
            examined => examined?,
        };
        let arrivals: HashMap<Uid, &Arrival> = batch.iter().map(|listed| (listed.uid, &listed.arrival)).collect();
        let mut judged = Vec::with_capacity(batch.len());
        let mut held = Vec::new();
        for (uid, key, met) in messages {
            let outcome = match (met, arrivals.get(&uid)) {
                (Met::Clear, _) => Outcome::Clear,
                (Met::Told(told), Some(arrival)) => {
                    let (message, report) = *told;
                    self.act(self.caught(visit, uid, (*arrival).clone(), message, report), &mut held).await?
                }
                _ => Outcome::Known,
            };
            judged.push(Judged { message: Some(key), outcome });
        }
        for listed in batch.iter().filter(|listed| oversized.contains(&listed.uid)) {
            judged.push(self.unread(visit, listed, Reason::Budget).await?);
        }
        for listed in &given_up {
            judged.push(self.unread(visit, listed, Reason::Unfetched).await?);
        }
        let mut waiting = None;
        for listed in self.still_there(visit, missing).await? {
            *self.memory.withheld.entry(visit.number(listed.uid)).or_default() += 1;
            waiting = waiting.or(Some(listed.uid));
        }
        self.remove(visit, held).await?;
        Ok((judged, waiting))
    }

    /// As [`Round::examine`], when the server says no to a batch for the sake of a single message: that one is missing then.
    /// When it hands over none of them, they are not to blame.
    async fn one_by_one(&mut self, visit: &Visit<'_>, batch: &[Listed]) -> Result<Examined, Trouble> {
        let mut examined = Examined::default();
        let mut refused = Vec::new();
        for alone in batch.chunks(1) {
            match self.examine(visit, alone).await {
                Ok(one) => examined.extend(one),
                Err(Trouble::Imap(error @ ImapError::No { .. })) if self.session.is_in_step() => refused.push((alone[0].uid, error)),
                Err(trouble) => return Err(trouble),
            }
        }
        if refused.len() == batch.len() && batch.len() > 1 {
            return refused.pop().map_or(Ok(examined), |(_, error)| Err(error.into()));
        }
        examined.missing.extend(refused.into_iter().map(|(uid, _)| uid));
        Ok(examined)
    }

    /// Remembers which message broke the session, if it was a message and not the network.
    fn blame(&mut self, visit: &Visit<'_>, batch: &[Listed], error: &ImapError) {
        match error {
            ImapError::LiteralTooLarge { uid: Some(uid), octets, .. } => {
                self.memory.true_sizes.insert(visit.number(*uid), *octets);
            }
            ImapError::LiteralTooLarge { .. } | ImapError::Malformed { .. } => {
                if let [alone] = batch {
                    *self.memory.withheld.entry(visit.number(alone.uid)).or_default() += 1;
                }
            }
            _ => {}
        }
    }

    /// Fetches a batch; each message is examined while the next ones arrive.
    async fn examine(&mut self, visit: &Visit<'_>, batch: &[Listed]) -> Result<Examined, Trouble> {
        let mailbox = &self.watched.mailbox.address;
        let mut examining = JoinSet::new();
        let mut examined = Examined::default();
        let mut fetch = self.session.fetch(&visit.selected, batch)?;
        while let Some((uid, message)) = fetch.next().await? {
            let (key, known) = self.daemon.shelf.book(|book| {
                let key = book.key_message(&message.digests().whole);
                book.knows(mailbox, &key).map(|known| (key, known))
            })?;
            if known {
                examined.messages.push((uid, key, Met::Known));
                continue;
            }
            // Awaited here, so that no message is fetched before a worker is free for it.
            let permit = self.daemon.pool.permit().await;
            examining.spawn(async move {
                let report = permit.examine(&message, false).await?;
                let clear = report.findings.is_empty() && report.incomplete.is_empty();
                Ok::<_, PoolError>((uid, key, if clear { Met::Clear } else { Met::Told(Box::new((message, report))) }))
            });
        }
        examined.missing.extend_from_slice(fetch.missing());
        examined.oversized.extend_from_slice(fetch.oversized());
        while let Some(done) = examining.join_next().await {
            match done {
                Ok(done) => examined.messages.push(done?),
                Err(failed) => std::panic::resume_unwind(failed.into_panic()),
            }
        }
        examined.messages.sort_by_key(|(uid, ..)| *uid);
        Ok(examined)
    }

    /// What a message was found to be, turned into what is done about it.
    async fn act(&self, caught: Caught, held: &mut Vec<Sealed>) -> Result<Outcome, Trouble> {
        let (recorded, outcome) = match self.verdict(&caught)? {
            Verdict::Clear => return Ok(Outcome::Clear),
            Verdict::Incomplete(incomplete) => {
                quarantine::note_incomplete(self.daemon, caught, incomplete).await?;
                return Ok(Outcome::Incomplete);
            }
            Verdict::Flag(concern) => {
                let recorded = quarantine::flag(self.daemon, caught, concern).await?;
                (recorded, Outcome::Flagged)
            }
            Verdict::Hold(concern) => {
                let named = caught.named();
                let (recorded, sealed) = quarantine::seal(self.daemon, caught, concern).await?;
                held.push(sealed);
                // The other copies lie in the mailboxes of the people named, and in the sender's Sent folder.
                self.daemon.registry.bring_forward(named.iter().filter(|address| *address != self.mailbox()));
                (recorded, Outcome::Held)
            }
        };
        tracing::info!(mailbox = %self.mailbox(), case = %recorded.codename, folded = recorded.folded, ?outcome, "case");
        self.daemon.outbox.notify_one();
        Ok(outcome)
    }

    fn verdict(&self, caught: &Caught) -> Result<Verdict, Trouble> {
        let config = self.daemon.config();
        let report = &caught.report;
        let body = caught.message.digests().body;
        let (ours, waived) = self.daemon.shelf.book(|book| -> Result<_, Trouble> {
            // A letter is known by its body: of what stands above that, anybody may be the author.
            let in_body = !report.findings.is_empty() && report.findings.iter().all(|found| found.location.field == Field::Body);
            let ours = in_body && book.is_ours(&book.key_letter(&body))?;
            Ok((ours, book.waived(&book.key_content(&body, &report.origin))?))
        })?;
        if ours {
            // A notice names its category: without this, it would be the next case.
            return Ok(Verdict::Clear);
        }
        let circumstances = Circumstances {
            sender_outside: report.sender.as_ref().is_none_or(|sender| !config.school.owns(sender.expose())),
            to_safeguarding: self.watched.mailbox.role == Role::Safeguarding
                || report.recipients.iter().any(|recipient| config.is_safeguarding(recipient.expose())),
            waived: &waived,
        };
        Ok(judge(&report.findings, &report.incomplete, &config.policy, &circumstances))
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
            quarantine::remove(self.daemon, self.session, &visit.selected, sealed).await?;
        }
        Ok(())
    }

    /// Opens a folder for removing, or for reading where the server does not allow more: then removing says so.
    async fn open_to_remove(&mut self, folder: &Folder) -> Result<Selected, ImapError> {
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

    /// Notes a message that was not fetched: nobody can say what is in it.
    async fn unread(&self, visit: &Visit<'_>, listed: &Listed, reason: Reason) -> Result<Judged, Trouble> {
        let nothing = Message::from_octets(&[]).map_err(|error| ImapError::Memory(error.kind()))?;
        let Place { mailbox, folder, uidvalidity, uid } = self.place(visit, listed.uid);
        let mut report = Report::unread(reason);
        // No two of them are copies of one message, as far as anybody knows.
        report.origin = Sha256::digest(format!("{mailbox}\0{folder}\0{}\0{uid}", uidvalidity.0)).into();
        let incomplete = report.incomplete.clone();
        quarantine::note_incomplete(self.daemon, self.caught(visit, listed.uid, listed.arrival.clone(), nothing, report), incomplete)
            .await?;
        Ok(Judged { message: None, outcome: Outcome::Incomplete })
    }

    fn caught(&self, visit: &Visit<'_>, uid: Uid, arrival: Arrival, message: Message, report: Report) -> Caught {
        Caught { place: self.place(visit, uid), arrival, message, report, backscan: uid.get() < visit.cursor.history }
    }

    fn place(&self, visit: &Visit<'_>, uid: Uid) -> Place {
        Place { mailbox: self.mailbox().clone(), folder: visit.folder.name.clone(), uidvalidity: visit.cursor.uidvalidity, uid }
    }
}
