//! From a verdict to a case: seal, record, remove, verify, in the one order in which nothing can be lost.
//!
//! Each step may be repeated after a crash. What is not recorded is met again in the mailbox; what is recorded
//! and not removed is removed in the next round, against the same receipt.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::imap::{Folder, ImapError, Selected, Session};
use super::shelf::{OF_ONE, UNRECORDED, Unrecorded};
use super::{Daemon, Trouble, tell};
use crate::case::PlaceState;
use crate::casebook::{self, Ends, Keyed, New, NewNotice, Party, PlaceId, Recorded, SealedPlace};
use crate::finding::{Action, Audience, Category, Concern, Level, MOST_IDS, Report, SheetOctets};
use crate::journal::Actor;
use crate::mail::{Address, Arrival, Place, Private};
use crate::steps::step;
use crate::vault::Receipt;
use crate::wire::Message;

/// So many earlier cases of one level, by one person and within so long, raise the next by a level.
const REPETITIONS: u32 = 2;
const REPEATED_WITHIN: SignedDuration = SignedDuration::from_hours(14 * 24);

/// A message about which there is a case to open.
pub struct Caught {
    pub place: Place,
    pub arrival: Arrival,
    pub message: Message,
    pub report: Report,
    /// It was there before the mailbox was watched.
    pub backscan: bool,
}

impl Caught {
    fn sender(&self) -> Option<&Address> {
        self.report.sender.as_ref().map(Private::expose)
    }

    /// Everybody whom the message names.
    pub fn named(&self) -> Vec<Address> {
        self.report.sender.iter().chain(&self.report.recipients).map(|address| address.expose().clone()).collect()
    }
}

/// A message that is sealed and recorded, and may be removed.
pub struct Sealed {
    pub place: Place,
    pub id: PlaceId,
    receipt: Receipt,
}

/// Opens a case about a message that stays where it is: its sheet and its text are sealed, the message is not.
///
/// # Errors
/// When the shelf takes nothing; the message is met again.
pub async fn flag(daemon: &Arc<Daemon>, caught: Caught, concern: Concern) -> Result<Recorded, Trouble> {
    let daemon = Arc::clone(daemon);
    let turn = daemon.shelf.turn_to_seal().await;
    blocking(move || {
        let _turn = turn;
        let write_up = WriteUp::of(&daemon, &caught, &concern)?;
        let recorded = daemon.shelf.book(|book| book.record(&write_up.with(None)))?;
        write_up.close(&recorded);
        Ok(recorded)
    })
    .await
}

/// Notes that messages could not be read whole: facts for the technician, some of them in one transaction.
///
/// # Errors
/// As [`flag`].
pub async fn note_incomplete(daemon: &Arc<Daemon>, unread: Vec<Caught>) -> Result<(), Trouble> {
    if unread.is_empty() {
        return Ok(());
    }
    let daemon = Arc::clone(daemon);
    let turn = daemon.shelf.turn_to_seal().await;
    blocking(move || {
        let _turn = turn;
        let concerns: Vec<_> = unread.into_iter().map(|caught| (not_wholly_read(&caught.report), caught)).collect();
        for some in concerns.chunks(UNRECORDED / OF_ONE) {
            let write_ups = some.iter().map(|(concern, caught)| WriteUp::of(&daemon, caught, concern)).collect::<Result<Vec<_>, _>>()?;
            let recorded = daemon.shelf.book(|book| book.record_all(write_ups.iter().map(|write_up| write_up.with(None))))?;
            write_ups.into_iter().zip(&recorded).for_each(|(write_up, recorded)| write_up.close(recorded));
        }
        Ok(())
    })
    .await
}

fn not_wholly_read(report: &Report) -> Concern {
    let category = Category::Incomplete;
    Concern {
        category,
        level: category.level(),
        action: Action::Pass,
        categories: vec![category],
        findings: Vec::new(),
        incomplete: report.incomplete.clone(),
    }
}

/// Seals a message, its sheet and its text, and records the case. From here on the mailbox copy may go.
///
/// # Errors
/// As [`flag`].
pub async fn seal(daemon: &Arc<Daemon>, caught: Caught, concern: Concern) -> Result<(Recorded, Sealed), Trouble> {
    let daemon = Arc::clone(daemon);
    let turn = daemon.shelf.turn_to_seal().await;
    blocking(move || {
        let _turn = turn;
        let audiences = tell::without_sender(concern.message_audiences(), caught.sender(), &daemon.config());
        let sealed = daemon.shelf.seal(|| caught.message.reader(), &audiences)?;
        let write_up = WriteUp::of(&daemon, &caught, &concern)?;
        let recorded = daemon.shelf.book(|book| book.record(&write_up.with(Some(&sealed.receipt))))?;
        write_up.close(&recorded);
        let id = recorded.place;
        let receipt = sealed.recorded();
        Ok((recorded, Sealed { place: caught.place, id, receipt }))
    })
    .await
}

/// Removes one sealed message from the open folder and verifies that it is gone. The receipt is what makes
/// this possible at all. A server that cannot remove a single message keeps it, and the case says so; one that
/// does not want to is told of, and asked again in every round, while the rest of the folder is read.
///
/// # Errors
/// When the server is out of reach, or the shelf takes nothing: it is tried again in the next round.
pub async fn remove(daemon: &Arc<Daemon>, session: &mut Session, folder: &mut Selected, sealed: Sealed) -> Result<(), Trouble> {
    if folder.uidvalidity != sealed.place.uidvalidity {
        // The number means another message now.
        return Err(Trouble::Renumbered(folder.folder.to_string()));
    }
    let mailbox = &sealed.place.mailbox;
    let keeps = casebook::Trouble::MailboxKeepsMessages;
    let state = match take_out(session, folder, &sealed.place).await {
        Ok(()) => PlaceState::Removed,
        Err(ImapError::Unsupported { .. }) => PlaceState::LeftInMailbox,
        Err(refused @ (ImapError::Bad { .. } | ImapError::No { .. } | ImapError::StillThere { .. })) if session.is_in_step() => {
            tracing::warn!(%mailbox, object = %sealed.receipt.object(), trouble = %refused, "sealed and not removed");
            tell::trouble(daemon, keeps, Some(mailbox));
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    tracing::info!(%mailbox, object = %sealed.receipt.object(), %state, "quarantined");
    settle(daemon, sealed.id, state).await?;
    if state == PlaceState::LeftInMailbox {
        tell::trouble(daemon, keeps, Some(mailbox));
    } else {
        tell::trouble_over(daemon, keeps, Some(mailbox));
    }
    Ok(())
}

/// Finishes what a crash left between record and removal, in the open folder.
///
/// # Errors
/// When the sealed object is not as it was recorded: then the message stays.
pub async fn finish(daemon: &Arc<Daemon>, session: &mut Session, folder: &mut Selected, place: SealedPlace) -> Result<(), Trouble> {
    if place.released {
        return stay(daemon, session, folder, place).await;
    }
    let SealedPlace { id, place, object, .. } = place;
    let vault = daemon.shelf.clone();
    let receipt = blocking(move || Ok(vault.vault().confirm(&object.object, &object.ciphertext_sha256)?)).await?;
    remove(daemon, session, folder, Sealed { place, id, receipt }).await
}

/// Somebody has released what is not removed yet: it stays where it lies, without the mark of an earlier try. If it is gone
/// already, the release goes on from its sealed copy.
async fn stay(daemon: &Arc<Daemon>, session: &mut Session, folder: &Selected, place: SealedPlace) -> Result<(), Trouble> {
    let SealedPlace { id, place, .. } = place;
    let state = if session.is_gone(folder, place.uid).await? { PlaceState::Removed } else { PlaceState::Released };
    if state == PlaceState::Released {
        match session.store_undeleted(folder, place.uid).await {
            // Where marks cannot be set, none was.
            Err(ImapError::Bad { .. } | ImapError::No { .. } | ImapError::Unsupported { .. }) if session.is_in_step() => {}
            taken_off => taken_off?,
        }
    }
    tracing::info!(mailbox = %place.mailbox, %state, "released on its way out");
    settle(daemon, id, state).await
}

/// The folder was numbered anew and has been judged anew: under its old number a message can be met no more.
///
/// # Errors
/// When the shelf takes nothing.
pub async fn renumbered(daemon: &Arc<Daemon>, place: SealedPlace) -> Result<(), Trouble> {
    settle(daemon, place.id, PlaceState::Removed).await
}

/// Writes down what became of a place.
///
/// # Errors
/// As [`flag`].
pub async fn settle(daemon: &Arc<Daemon>, place: PlaceId, state: PlaceState) -> Result<(), Trouble> {
    let daemon = Arc::clone(daemon);
    blocking(move || Ok(daemon.shelf.book(|book| book.settle(Timestamp::now(), &Actor::Program, place, state))?)).await
}

async fn take_out(session: &mut Session, folder: &mut Selected, place: &Place) -> Result<(), ImapError> {
    if !session.capabilities().uidplus {
        return Err(ImapError::Unsupported { command: "UID EXPUNGE", capability: "UIDPLUS" });
    }
    if session.capabilities().gmail {
        step("remove.store");
        let removed = session.remove_labels_and_message(folder, place.uid).await;
        if session.is_in_step() {
            *folder = session.select(&Folder::named(&folder.folder)).await?;
        }
        return removed;
    }
    step("remove.store");
    session.store_deleted(folder, place.uid).await?;
    step("remove.expunge");
    session.expunge(folder, place.uid).await?;
    step("remove.verify");
    if session.is_gone(folder, place.uid).await? { Ok(()) } else { Err(ImapError::StillThere { command: "UID EXPUNGE" }) }
}

/// Work that waits for the disk, on a thread of its own, so that no other mailbox waits with it.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Trouble> + Send + 'static) -> Result<T, Trouble> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

/// All that is to be written down of a message, gathered before the casebook's transaction begins.
struct WriteUp<'a> {
    caught: &'a Caught,
    concern: &'a Concern,
    level: Level,
    content: Keyed,
    message: Keyed,
    parties: Vec<(Keyed, Party)>,
    thread: Vec<Keyed>,
    ends: Ends,
    audiences: Vec<Audience>,
    notices: Vec<NewNotice>,
    sheet: Option<Unrecorded<'a>>,
    text: Option<Unrecorded<'a>>,
    rule_set: String,
    now: Timestamp,
}

impl<'a> WriteUp<'a> {
    fn of(daemon: &'a Daemon, caught: &'a Caught, concern: &'a Concern) -> Result<Self, Trouble> {
        let now = Timestamp::now();
        let config = daemon.config();
        let sender = caught.sender();
        let message = &caught.message;
        let mut level = concern.level;
        let audiences = tell::without_sender(concern.sheet_audiences(), sender, &config);
        let (content, message, parties, thread, folds) = daemon.shelf.book(|book| -> Result<_, Trouble> {
            // What cannot be read is the format's fault, however often somebody sends it.
            if let Some(sender) = sender.filter(|_| concern.category != Category::Incomplete) {
                let since = now.saturating_sub(REPEATED_WITHIN).unwrap_or(Timestamp::MIN);
                if book.raised(&book.key_address(sender), concern.level, since, &audiences)? >= REPETITIONS {
                    level = level.raised();
                }
            }
            let content = book.key_content(&message.body_digest(), &caught.report.origin);
            let recipients = caught.report.recipients.iter().map(|address| (book.key_address(address.expose()), Party::Recipient));
            let parties: Vec<_> = sender.map(|sender| (book.key_address(sender), Party::Sender)).into_iter().chain(recipients).collect();
            // A scan process that was captured would name more.
            let thread = caught.report.thread.iter().take(MOST_IDS).map(|id| book.key_message_id(id)).collect();
            Ok((content, book.key_message(&message.digest()), parties, thread, book.folds_into(&content, concern.level)?.is_some()))
        })?;
        let (from, to) = config.correspondents(&caught.report, Some(&caught.place.mailbox));
        let recipients: BTreeSet<_> = to.iter().map(|person| person.standing.as_str().to_owned()).collect();
        let ends = Ends { sender: from.standing.as_str().to_owned(), recipients: recipients.into_iter().collect() };
        // A copy folds into the case of the first, which has a sheet; what is only counted needs none.
        let sheets = caught.report.sheets.as_ref().filter(|_| !folds && level > Level::Counted);
        // Of what is withheld there is no text.
        let (sheet, text) = match sheets {
            Some(sheets) if concern.action == Action::Withhold => (Some(&sheets.facts), None),
            Some(sheets) => (Some(&sheets.excerpt), Some(&sheets.text)),
            None => (None, None),
        };
        let seal = |octets: Option<&'a SheetOctets>| octets.map(|octets| daemon.shelf.seal(|| octets.0.as_slice(), &audiences)).transpose();
        let (sheet, text) = (seal(sheet)?, seal(text)?);
        let notices = tell::notices(concern, level, sender, &config, now, caught.backscan);
        let rule_set = daemon.pool.rule_set().id;
        Ok(Self { caught, concern, level, content, message, parties, thread, ends, audiences, notices, sheet, text, rule_set, now })
    }

    fn with(&self, message_object: Option<&'a Receipt>) -> New<'_> {
        New {
            content: self.content,
            message: self.message,
            place: &self.caught.place,
            arrival: &self.caught.arrival,
            found_at: self.now,
            concern: self.concern,
            level: self.level,
            parties: &self.parties,
            thread: &self.thread,
            ends: &self.ends,
            audiences: &self.audiences,
            sheet: self.sheet.as_ref().map(|sheet| &sheet.receipt),
            text: self.text.as_ref().map(|text| &text.receipt),
            message_object,
            rule_set: &self.rule_set,
            notices: &self.notices,
            backscan: self.caught.backscan,
        }
    }

    /// Throws the sheet and the text away when another copy was recorded while they were sealed: no row will ever know them.
    fn close(self, recorded: &Recorded) {
        for sealed in [self.sheet, self.text].into_iter().flatten().filter(|_| !recorded.folded) {
            let _ = sealed.recorded();
        }
    }
}
