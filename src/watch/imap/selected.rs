//! A folder that is open, and the proof of it.

use async_imap::imap_proto::{MailboxDatum, Response, ResponseCode};

use super::error::ImapError;
use super::folders::Folder;
use super::session::Session;
use crate::mail::{FolderName, UidValidity};

/// The folder that a session has open. A UID means nothing without its folder and that folder's
/// `UidValidity`, so every command about messages wants this, and refuses one that is no longer true.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selected {
    pub folder: FolderName,
    pub uidvalidity: UidValidity,
    /// The lowest UID that the next message may get. Some servers do not say.
    pub uidnext: Option<u32>,
    /// How many messages there are.
    pub exists: u32,
    pub read_only: bool,
    selection: u64,
}

impl Session {
    /// Opens a folder for reading: nothing done in it leaves a mark.
    ///
    /// # Errors
    /// [`ImapError::No`] when there is no such folder, besides what every command fails with.
    pub async fn examine(&mut self, folder: &Folder) -> Result<Selected, ImapError> {
        self.open("EXAMINE", folder).await
    }

    /// Opens a folder to remove from it.
    ///
    /// # Errors
    /// As [`Session::examine`].
    pub async fn select(&mut self, folder: &Folder) -> Result<Selected, ImapError> {
        self.open("SELECT", folder).await
    }

    /// Closes the open folder, where the server can without removing what is marked as deleted in it.
    ///
    /// # Errors
    /// What every command fails with.
    pub async fn leave(&mut self) -> Result<(), ImapError> {
        if !self.stale || !self.capabilities.unselect {
            return Ok(());
        }
        self.selections += 1;
        self.run("UNSELECT", "", |_| ()).await?;
        self.stale = false;
        Ok(())
    }

    async fn open(&mut self, command: &'static str, folder: &Folder) -> Result<Selected, ImapError> {
        // Whatever comes of it, the folder before is closed.
        self.selections += 1;
        self.stale = true;
        let (mut uidvalidity, mut uidnext, mut exists) = (None, None, None);
        let mut read_only = command == "EXAMINE";
        let arguments = folder.quoted(command)?;
        self.run(command, &arguments, |response| match response {
            Response::MailboxData(MailboxDatum::Exists(count)) => exists = Some(*count),
            Response::Data { outcome, .. } | Response::Done { outcome, .. } => match outcome.code {
                Some(ResponseCode::UidValidity(value)) => uidvalidity = Some(UidValidity(value)),
                Some(ResponseCode::UidNext(value)) => uidnext = Some(value),
                Some(ResponseCode::ReadOnly) => read_only = true,
                _ => {}
            },
            _ => {}
        })
        .await?;
        let (Some(uidvalidity), Some(exists)) = (uidvalidity, exists) else { return Err(ImapError::Malformed { command }) };
        Ok(Selected { folder: folder.name.clone(), uidvalidity, uidnext, exists, read_only, selection: self.selections })
    }

    pub(super) fn require_selected(&self, command: &'static str, selected: &Selected) -> Result<(), ImapError> {
        if selected.selection == self.selections { Ok(()) } else { Err(ImapError::NotSelected { command }) }
    }
}
