//! Gmail's labels: one message in many places, which goes from all of them only by way of the Trash.
//!
//! There, a message that is expunged from a folder has lost a label and no more: it stays in All Mail. Moved to the Trash it has lost
//! all of them, and what is expunged from the Trash is gone.
//!
//! Source: developers.google.com/workspace/gmail/imap/imap-extensions

use async_imap::imap_proto::{AttributeValue, MailboxDatum, Response};

use super::error::ImapError;
use super::folders::{Folder, SpecialUse};
use super::messages::uid_of;
use super::selected::Selected;
use super::session::Session;
use crate::mail::Uid;

const MOVE: &str = "UID MOVE";

impl Session {
    /// Removes one message from every place that it has, and from the Trash. Afterwards another folder is open.
    ///
    /// # Errors
    /// [`ImapError::Unsupported`] when the Trash is hidden from IMAP, [`ImapError::StillThere`] when the message is somewhere still.
    pub async fn remove_labels_and_message(&mut self, selected: &Selected, uid: Uid) -> Result<(), ImapError> {
        let Some(id) = self.message_id(selected, uid).await? else { return Ok(()) };
        let folders = self.list().await?;
        let with = |special| folders.iter().find(|folder| folder.selectable && folder.special_use == Some(special));
        let trash = with(SpecialUse::Trash).ok_or(ImapError::Unsupported { command: MOVE, capability: "a Trash that IMAP may see" })?;
        if selected.folder != trash.name {
            self.run(MOVE, &format!("{uid} {}", trash.quoted(MOVE)?), |_| ()).await?;
        }
        let opened = self.select(trash).await?;
        for uid in self.of_message(&opened, id).await? {
            self.store_deleted(&opened, uid).await?;
            self.expunge(&opened, uid).await?;
        }
        // What All Mail does not hold, no label holds.
        for folder in [Some(trash), with(SpecialUse::All), Some(&Folder::named(&selected.folder))].into_iter().flatten() {
            let opened = self.examine(folder).await?;
            if !self.of_message(&opened, id).await?.is_empty() {
                return Err(ImapError::StillThere { command: MOVE });
            }
        }
        Ok(())
    }

    /// The number that a message has wherever it lies; `None` when it is gone.
    async fn message_id(&mut self, selected: &Selected, uid: Uid) -> Result<Option<u64>, ImapError> {
        const COMMAND: &str = "UID FETCH";
        self.require_selected(COMMAND, selected)?;
        let (mut id, mut there) = (None, false);
        self.run(COMMAND, &format!("{uid} (UID X-GM-MSGID)"), |response| {
            let Response::Fetch(_, attributes) = response else { return };
            if uid_of(attributes) != Some(uid) {
                return;
            }
            there = true;
            id = id.or(attributes.iter().find_map(|attribute| match attribute {
                AttributeValue::GmailMsgId(id) => Some(*id),
                _ => None,
            }));
        })
        .await?;
        if there && id.is_none() { Err(ImapError::Malformed { command: COMMAND }) } else { Ok(id) }
    }

    /// Where that message lies in the open folder.
    async fn of_message(&mut self, selected: &Selected, id: u64) -> Result<Vec<Uid>, ImapError> {
        const COMMAND: &str = "UID SEARCH";
        self.require_selected(COMMAND, selected)?;
        let mut found = None;
        self.run(COMMAND, &format!("X-GM-MSGID {id}"), |response| {
            if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                found.get_or_insert_with(Vec::new).extend(uids.iter().filter_map(|uid| Uid::new(*uid)));
            }
        })
        .await?;
        // A server that says nothing has not said that it holds nothing.
        found.ok_or(ImapError::Malformed { command: COMMAND })
    }
}
