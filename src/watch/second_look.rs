//! Messages that their server did not hand over are asked for again: once a day, and whenever the configuration was read anew.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::imap::{Folder, ImapError, UidSet};
use super::quarantine;
use super::round::Round;
use super::visit::Visit;
use super::{Daemon, Trouble};
use crate::case::PlaceState;
use crate::casebook::PlaceId;
use crate::config::Config;
use crate::mail::{Address, Place};

const EVERY: Duration = Duration::from_hours(24);

/// What of a mailbox is still to be asked for once more.
#[derive(Default)]
pub struct SecondLooks {
    last: Option<(Arc<Config>, Instant)>,
    waiting: Vec<(PlaceId, Place)>,
}

impl SecondLooks {
    /// Gathers what was passed over, when its time has come. Says whether there is anything to ask for.
    pub fn are_due(&mut self, daemon: &Daemon, mailbox: &Address) -> Result<bool, Trouble> {
        let config = daemon.config();
        let not_yet = self.last.as_ref().is_some_and(|(then, at)| Arc::ptr_eq(then, &config) && at.elapsed() < EVERY);
        if !not_yet {
            self.waiting = daemon.shelf.book(|book| book.passed_over(mailbox))?;
            self.last = Some((config, Instant::now()));
        }
        Ok(!self.waiting.is_empty())
    }
}

impl Round<'_> {
    /// Asks for what was passed over, one message at a time, until one of them breaks the session again: the next round
    /// connects anew and goes on behind it.
    ///
    /// # Errors
    /// When anything but the session fails.
    pub async fn look_again(&mut self, folders: &[Folder]) -> Result<(), Trouble> {
        while let Some((id, place)) = self.memory.second_looks.waiting.pop() {
            let is_settled = match folders.iter().find(|folder| folder.name == place.folder) {
                Some(folder) => self.is_settled(folder, &place).await,
                // Under another name it was met again.
                None => Ok(true),
            };
            match is_settled {
                Ok(true) => quarantine::settle(self.daemon, id, PlaceState::Superseded).await?,
                Ok(false) => {}
                Err(Trouble::Imap(ImapError::No { .. })) if self.session.is_in_step() => {}
                Err(Trouble::Imap(error)) => {
                    tracing::info!(mailbox = %self.mailbox(), uid = %place.uid, %error, "a message that was passed over still does not come");
                    return Ok(());
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(())
    }

    /// Judges a message that comes after all. One that is gone, or is numbered anew, is settled as well.
    async fn is_settled(&mut self, folder: &Folder, place: &Place) -> Result<bool, Trouble> {
        let cursor = self.daemon.shelf.book(|book| book.cursor(self.mailbox(), &folder.name))?;
        let selected = self.session.examine(folder).await?;
        let current = cursor.filter(|cursor| [cursor.uidvalidity, place.uidvalidity] == [selected.uidvalidity; 2]);
        let Some(cursor) = current else { return Ok(selected.uidvalidity != place.uidvalidity) };
        let listed = self.session.listing(&selected, &UidSet::of([place.uid])).await?;
        if listed.is_empty() {
            return Ok(true);
        }
        let mut visit = Visit { folder, selected, cursor, skip: false };
        self.memory.suspects.acquit(&visit.number(place.uid));
        let (judged, learnt, unread) = self.batch(&mut visit, &listed).await?;
        if unread.is_some() {
            return Ok(false);
        }
        self.commit(folder, visit.cursor, judged, learnt).await?;
        Ok(true)
    }
}
