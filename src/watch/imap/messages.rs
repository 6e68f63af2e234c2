//! What is asked of a folder besides octets: which messages it holds, and that one of them goes.

use std::collections::BTreeMap;

use async_imap::imap_proto::{AttributeValue, MailboxDatum, Response};
use jiff::civil::Date;

use super::error::ImapError;
use super::line::{is_about_a_message, uid_in};
use super::selected::Selected;
use super::session::Session;
use super::text::seconds;
use super::uidset::UidSet;
use crate::mail::{Arrival, Uid};

const FETCH: &str = "UID FETCH";

/// A message, as the server describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub uid: Uid,
    /// What the server does not say is left empty: no flags, 1970, no octets.
    pub arrival: Arrival,
}

impl Session {
    /// The messages of a set, in ascending order.
    ///
    /// # Errors
    /// [`ImapError::Malformed`] when a line could not be read and does not even say which message it is about.
    pub async fn listing(&mut self, selected: &Selected, set: &UidSet) -> Result<Vec<Listed>, ImapError> {
        self.require_selected(FETCH, selected)?;
        let mut found = BTreeMap::new();
        self.run(FETCH, &format!("{set} (UID FLAGS RFC822.SIZE INTERNALDATE)"), |response| {
            let Response::Fetch(_, attributes) = response else { return };
            if let Some(uid) = uid_of(attributes) {
                describe(found.entry(uid).or_insert_with(nothing_known), attributes);
            }
        })
        .await?;
        // One message whose line is beyond the parser must neither stop its folder nor slip through.
        for line in self.take_aside().iter().filter(|line| is_about_a_message(line)) {
            let uid = uid_in(line).ok_or(ImapError::Malformed { command: FETCH })?;
            found.entry(uid).or_insert_with(nothing_known);
        }
        Ok(found.into_iter().filter(|(uid, _)| set.contains(*uid)).map(|(uid, arrival)| Listed { uid, arrival }).collect())
    }

    /// Which messages of a set arrived on a day, by the server's own date.
    ///
    /// # Errors
    /// [`ImapError::Malformed`] when the answer cannot be read, besides what every command fails with.
    pub async fn arrived_on(&mut self, selected: &Selected, set: &UidSet, day: Date) -> Result<Vec<Uid>, ImapError> {
        const COMMAND: &str = "UID SEARCH";
        self.require_selected(COMMAND, selected)?;
        let date = |day: Date| day.strftime("%-d-%b-%Y").to_string();
        let next = day.tomorrow().map_err(|_| ImapError::Unspeakable { command: COMMAND })?;
        let mut found = None;
        self.run(COMMAND, &format!("UID {set} SINCE {} BEFORE {}", date(day), date(next)), |response| {
            if let Response::MailboxData(MailboxDatum::Search(uids)) = response {
                found.get_or_insert_with(Vec::new).extend(uids.iter().filter_map(|uid| Uid::new(*uid)));
            }
        })
        .await?;
        // A server that says nothing at all has not said that there is nothing.
        let mut found = found.ok_or(ImapError::Malformed { command: COMMAND })?;
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Marks one message as deleted. Only where it can be expunged alone: left behind, the mark would be
    /// carried out by any mail program's bare EXPUNGE.
    ///
    /// # Errors
    /// [`ImapError::Unsupported`] without UIDPLUS, [`ImapError::No`] in a folder that is open for reading.
    pub async fn store_deleted(&mut self, selected: &Selected, uid: Uid) -> Result<(), ImapError> {
        const COMMAND: &str = "UID STORE";
        self.require_removal(COMMAND, selected)?;
        self.run(COMMAND, &format!("{uid} +FLAGS.SILENT (\\Deleted)"), |_| ()).await
    }

    /// Takes that mark off again.
    ///
    /// # Errors
    /// As [`Session::store_deleted`].
    pub async fn store_undeleted(&mut self, selected: &Selected, uid: Uid) -> Result<(), ImapError> {
        const COMMAND: &str = "UID STORE";
        self.require_removal(COMMAND, selected)?;
        self.run(COMMAND, &format!("{uid} -FLAGS.SILENT (\\Deleted)"), |_| ()).await
    }

    /// Removes one message that is marked as deleted, and no other that is.
    ///
    /// # Errors
    /// As [`Session::store_deleted`].
    pub async fn expunge(&mut self, selected: &Selected, uid: Uid) -> Result<(), ImapError> {
        const COMMAND: &str = "UID EXPUNGE";
        self.require_removal(COMMAND, selected)?;
        self.run(COMMAND, &uid.to_string(), |_| ()).await
    }

    /// Whether a message is no longer there. Both ways of asking must agree: Exchange has been seen to find
    /// a message that it would not show.
    ///
    /// # Errors
    /// What every command fails with.
    pub async fn is_gone(&mut self, selected: &Selected, uid: Uid) -> Result<bool, ImapError> {
        self.require_selected(FETCH, selected)?;
        let mut seen = false;
        self.run(FETCH, &format!("{uid} (UID FLAGS)"), |response| {
            seen |= matches!(response, Response::Fetch(_, attributes) if uid_of(attributes) == Some(uid));
        })
        .await?;
        self.run("UID SEARCH", &format!("UID {uid}"), |response| {
            seen |= matches!(response, Response::MailboxData(MailboxDatum::Search(uids)) if uids.contains(&uid.get()));
        })
        .await?;
        Ok(!seen)
    }

    fn require_removal(&self, command: &'static str, selected: &Selected) -> Result<(), ImapError> {
        self.require_selected(command, selected)?;
        if !self.capabilities.uidplus {
            return Err(ImapError::Unsupported { command, capability: "UIDPLUS" });
        }
        if selected.read_only {
            return Err(ImapError::No { command, text: "the folder is open for reading only".to_owned() });
        }
        Ok(())
    }
}

pub(super) fn uid_of(attributes: &[AttributeValue<'_>]) -> Option<Uid> {
    attributes.iter().find_map(|attribute| match attribute {
        AttributeValue::Uid(uid) => Uid::new(*uid),
        _ => None,
    })
}

fn nothing_known() -> Arrival {
    Arrival { flags: Vec::new(), internal_date: 0, size: 0 }
}

/// A server may say what it has to say of a message in any order, and in more than one response.
fn describe(arrival: &mut Arrival, attributes: &[AttributeValue<'_>]) {
    for attribute in attributes {
        match attribute {
            AttributeValue::Flags(flags) => {
                let lasting = flags.iter().filter(|flag| !flag.eq_ignore_ascii_case("\\Recent"));
                arrival.flags = lasting.map(|flag| flag.clone().into_owned()).collect();
            }
            AttributeValue::InternalDate(date) => arrival.internal_date = seconds(date).unwrap_or_default(),
            AttributeValue::Rfc822Size(size) => arrival.size = u64::from(*size),
            _ => {}
        }
    }
}
