//! Which folders a mailbox has, and how full they are.

use std::collections::HashSet;

use async_imap::imap_proto::{MailboxDatum, NameAttribute, Response, Status, StatusAttribute};

use super::capability::Capabilities;
use super::error::ImapError;
use super::session::{Session, accepted};
use super::text::{quoted, unquoted};
use super::utf7;
use crate::mail::{FolderName, UidValidity};

const LIST: &str = "LIST";
const STATUS: &str = "STATUS";
const ITEMS: &str = "(UIDVALIDITY UIDNEXT MESSAGES)";
/// Marks a name as it travels, where the same one means another folder.
const UNENCODED: char = char::REPLACEMENT_CHARACTER;
/// Commands that may be under way at once: few enough for their answers to fit in a socket's buffers.
const PIPELINED: usize = 50;

/// A folder as LIST shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    pub name: FolderName,
    /// As the server writes it, and wants to read it.
    pub raw: String,
    /// As far as the server says so (RFC 6154).
    pub special_use: Option<SpecialUse>,
    /// False for a mere branch of the tree, and for a name without a folder.
    pub selectable: bool,
}

/// What a folder is for, besides being a folder.
///
/// Source: RFC 6154, 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpecialUse {
    All,
    Archive,
    Drafts,
    Flagged,
    Junk,
    Sent,
    Trash,
}

/// What a folder holds, asked from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FolderStatus {
    pub uidvalidity: UidValidity,
    /// The lowest UID that the next message may get: unchanged means nothing new.
    pub uidnext: u32,
    pub messages: u32,
}

impl Folder {
    /// A folder that is known by name, from a [`crate::mail::Place`] say.
    pub fn named(name: &FolderName) -> Self {
        let raw = name.0.strip_prefix(UNENCODED).map_or_else(|| utf7::encode(&name.0), str::to_owned);
        Self { name: name.clone(), raw, special_use: None, selectable: true }
    }

    /// The one folder that every mailbox has.
    pub fn inbox() -> Self {
        Self::named(&FolderName("INBOX".to_owned()))
    }

    fn listed(raw: String, attributes: &[NameAttribute<'_>]) -> Self {
        let has =
            |name: &str| attributes.iter().any(|one| matches!(one, NameAttribute::Extension(text) if text.eq_ignore_ascii_case(name)));
        Self {
            // A name that is not properly encoded stays as it is, as long as no other is read like that.
            name: FolderName(decoded(&raw).unwrap_or_else(|| raw.clone())),
            raw,
            special_use: attributes.iter().find_map(special_use),
            selectable: !attributes.contains(&NameAttribute::NoSelect) && !has("\\NonExistent"),
        }
    }

    pub(super) fn quoted(&self, command: &'static str) -> Result<String, ImapError> {
        quoted(&self.raw).ok_or(ImapError::Unspeakable { command })
    }

    fn is(&self, raw: &str) -> bool {
        self.raw == raw || (self.raw.eq_ignore_ascii_case("INBOX") && raw.eq_ignore_ascii_case("INBOX"))
    }
}

/// What a raw name means. None begins with our own mark.
fn decoded(raw: &str) -> Option<String> {
    utf7::decode(raw).filter(|name| !name.starts_with(UNENCODED))
}

/// `a&-` is read as `a&`, and so is an `a&` that is not properly encoded: two folders, of which one would never be read.
fn distinguish(folders: &mut [Folder]) {
    let proper: HashSet<_> = folders.iter().filter_map(|folder| decoded(&folder.raw)).collect();
    for folder in folders {
        if decoded(&folder.raw).is_none() && proper.contains(&folder.raw) {
            folder.name = FolderName(format!("{UNENCODED}{}", folder.raw));
        }
    }
}

fn special_use(attribute: &NameAttribute<'_>) -> Option<SpecialUse> {
    Some(match attribute {
        NameAttribute::All => SpecialUse::All,
        NameAttribute::Archive => SpecialUse::Archive,
        NameAttribute::Drafts => SpecialUse::Drafts,
        NameAttribute::Flagged => SpecialUse::Flagged,
        NameAttribute::Junk => SpecialUse::Junk,
        NameAttribute::Sent => SpecialUse::Sent,
        NameAttribute::Trash => SpecialUse::Trash,
        _ => return None,
    })
}

impl Session {
    /// Every folder of the mailbox and its numbers, in one round trip where the server can.
    ///
    /// # Errors
    /// As [`Session::list`] and [`Session::status`].
    pub async fn survey(&mut self) -> Result<Vec<(Folder, Option<FolderStatus>)>, ImapError> {
        if !self.capabilities.list_status {
            return self.survey_folder_by_folder().await;
        }
        self.refresh().await?;
        let special_use = if self.capabilities.special_use { "SPECIAL-USE " } else { "" };
        let (mut folders, mut told) = (Vec::new(), Vec::new());
        self.run(LIST, &format!("\"\" \"*\" RETURN ({special_use}STATUS {ITEMS})"), |response| match response {
            Response::MailboxData(MailboxDatum::List(list)) => folders.push(Folder::listed(unquoted(&list.name), &list.name_attributes)),
            Response::MailboxData(MailboxDatum::Status { mailbox, status }) => told.push((unquoted(mailbox), numbers(status))),
            _ => {}
        })
        .await?;
        self.require_all_folders()?;
        distinguish(&mut folders);
        let numbers = |folder: &Folder| told.iter().find(|(raw, _)| folder.is(raw)).and_then(|(_, numbers)| *numbers);
        Ok(folders
            .into_iter()
            .map(|folder| {
                let status = numbers(&folder);
                (folder, status)
            })
            .collect())
    }

    /// Of a server that tells of one folder at a time: it is asked which there are, and in the same breath about those that there were the last
    /// time. Only for what is new it has to be asked again.
    async fn survey_folder_by_folder(&mut self) -> Result<Vec<(Folder, Option<FolderStatus>)>, ImapError> {
        let known = std::mem::take(&mut self.surveyed);
        let (folders, statuses) = if known.is_empty() || known.len() > PIPELINED {
            let folders = self.list().await?;
            let statuses = self.status(&folders).await?;
            (folders, statuses)
        } else {
            self.list_and_status(&known).await?
        };
        self.surveyed.clone_from(&folders);
        Ok(folders.into_iter().zip(statuses).collect())
    }

    /// Every folder and its numbers, some of which are known already.
    async fn list_and_status(&mut self, known: &[Folder]) -> Result<(Vec<Folder>, Vec<Option<FolderStatus>>), ImapError> {
        let refresh = self.stale.then(|| ("NOOP", String::new()));
        let list = (LIST, self.list_arguments().to_owned());
        let asked: Result<Vec<_>, _> = known.iter().map(|folder| Ok((STATUS, format!("{} {ITEMS}", folder.quoted(STATUS)?)))).collect();
        self.send_all(&refresh.into_iter().chain([list]).chain(asked?).collect::<Vec<_>>()).await?;
        let (mut folders, mut found) = (Vec::new(), vec![None; known.len()]);
        loop {
            let heard = self.read(|response| match response {
                Response::MailboxData(MailboxDatum::List(list)) => {
                    folders.push(Folder::listed(unquoted(&list.name), &list.name_attributes));
                    Ok(())
                }
                Response::Done { status, outcome, .. } => accepted(STATUS, status, outcome),
                _ => {
                    note(response, known, &mut found);
                    Ok(())
                }
            });
            match heard.await? {
                None => break,
                // A folder that went away meanwhile.
                Some(Err(ImapError::No { .. })) if self.answered == STATUS => {}
                Some(Err(ImapError::No { text, .. })) => return Err(ImapError::No { command: self.answered, text }),
                Some(verdict) => verdict?,
            }
        }
        self.require_all_folders()?;
        distinguish(&mut folders);
        let place = |folder: &Folder| known.iter().position(|one| one == folder);
        let mut statuses: Vec<_> = folders.iter().map(|folder| place(folder).and_then(|at| found[at])).collect();
        let new: Vec<_> = folders.iter().filter(|folder| place(folder).is_none()).cloned().collect();
        if !new.is_empty() {
            let asked = folders.iter().zip(&mut statuses).filter(|(folder, _)| place(folder).is_none());
            for ((_, status), told) in asked.zip(self.status(&new).await?) {
                *status = told;
            }
        }
        Ok((folders, statuses))
    }

    fn list_arguments(&self) -> &'static str {
        let Capabilities { special_use, list_extended, .. } = self.capabilities;
        if special_use && list_extended { "\"\" \"*\" RETURN (SPECIAL-USE)" } else { "\"\" \"*\"" }
    }

    /// Of the folder that is open, a server may tell what it knew when it last spoke of it: Dovecot does.
    async fn refresh(&mut self) -> Result<(), ImapError> {
        if self.stale { self.noop().await } else { Ok(()) }
    }

    /// A folder whose line could not be read would be a folder that is never watched.
    fn require_all_folders(&mut self) -> Result<(), ImapError> {
        let unread = self.take_aside().iter().any(|line| line.get(2..7).is_some_and(|word| word.eq_ignore_ascii_case(b"LIST ")));
        if unread { Err(ImapError::Malformed { command: LIST }) } else { Ok(()) }
    }

    /// Every folder of the mailbox.
    ///
    /// # Errors
    /// [`ImapError::Malformed`] when even one line could not be read: a folder left out would be a folder
    /// that is never watched.
    pub async fn list(&mut self) -> Result<Vec<Folder>, ImapError> {
        let mut folders = Vec::new();
        self.run(LIST, self.list_arguments(), |response| {
            if let Response::MailboxData(MailboxDatum::List(list)) = response {
                folders.push(Folder::listed(unquoted(&list.name), &list.name_attributes));
            }
        })
        .await?;
        self.require_all_folders()?;
        distinguish(&mut folders);
        Ok(folders)
    }

    /// The numbers of some folders, in the order asked; none for a folder of which the server says nothing,
    /// because it is gone or may not be read.
    ///
    /// # Errors
    /// What every command fails with.
    pub async fn status(&mut self, folders: &[Folder]) -> Result<Vec<Option<FolderStatus>>, ImapError> {
        let mut found = vec![None; folders.len()];
        self.refresh().await?;
        if self.capabilities.list_status && folders.len() > 1 {
            self.run(LIST, &format!("\"\" \"*\" RETURN (STATUS {ITEMS})"), |response| note(response, folders, &mut found)).await?;
            return Ok(found);
        }
        for (folders, found) in folders.chunks(PIPELINED).zip(found.chunks_mut(PIPELINED)) {
            let commands: Result<Vec<_>, _> =
                folders.iter().map(|folder| Ok((STATUS, format!("{} {ITEMS}", folder.quoted(STATUS)?)))).collect();
            self.send_all(&commands?).await?;
            while let Some(verdict) = self.read(|response| heard(response, folders, found)).await? {
                verdict?;
            }
        }
        Ok(found)
    }
}

/// A NO is about one folder, whatever else goes wrong is about all of them.
fn heard(response: &Response<'_>, folders: &[Folder], found: &mut [Option<FolderStatus>]) -> Result<(), ImapError> {
    if let Response::Done { status, outcome, .. } = response {
        return match accepted(STATUS, status, outcome) {
            Err(ImapError::No { .. }) if *status == Status::No => Ok(()),
            verdict => verdict,
        };
    }
    note(response, folders, found);
    Ok(())
}

fn note(response: &Response<'_>, folders: &[Folder], found: &mut [Option<FolderStatus>]) {
    let Response::MailboxData(MailboxDatum::Status { mailbox, status }) = response else { return };
    let raw = unquoted(mailbox);
    if let Some(at) = folders.iter().position(|folder| folder.is(&raw)) {
        found[at] = numbers(status);
    }
}

fn numbers(attributes: &[StatusAttribute]) -> Option<FolderStatus> {
    let (mut uidvalidity, mut uidnext, mut messages) = (None, None, None);
    for attribute in attributes {
        match *attribute {
            StatusAttribute::UidValidity(value) => uidvalidity = Some(UidValidity(value)),
            StatusAttribute::UidNext(value) => uidnext = Some(value),
            StatusAttribute::Messages(value) => messages = Some(value),
            _ => {}
        }
    }
    Some(FolderStatus { uidvalidity: uidvalidity?, uidnext: uidnext?, messages: messages? })
}
