//! The octets of messages, one message at a time and never faster than they are taken.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use async_imap::imap_proto::{AttributeValue, Response};
use tokio::time::Instant;

use super::bodies::STAND_IN;
use super::error::ImapError;
use super::messages::{Listed, uid_of};
use super::selected::Selected;
use super::session::Session;
use super::uidset::UidSet;
use crate::mail::Uid;
use crate::wire::{Message, MessageWriter};

const FETCH: &str = "UID FETCH";
/// Messages in one command: a set of so many lone numbers is still a line that every server reads.
const BATCH: usize = 200;

/// Messages on their way. Nothing more is read from the server until [`Fetch::next`] is called again, so
/// there is never more than one message in memory that nobody has taken.
pub struct Fetch<'s> {
    session: &'s mut Session,
    queue: VecDeque<Listed>,
    /// Asked for in the command under way and not come yet, with the size that was claimed.
    awaited: BTreeMap<Uid, u64>,
    missing: Vec<Uid>,
    oversized: Vec<Uid>,
    handed_over: Option<Instant>,
}

impl Session {
    /// Fetches messages without marking them as seen. What `listed` claims of their size decides how.
    ///
    /// Dropped before its end, it leaves the session out of step.
    ///
    /// # Errors
    /// [`ImapError::NotSelected`].
    pub fn fetch(&mut self, selected: &Selected, listed: &[Listed]) -> Result<Fetch<'_>, ImapError> {
        self.require_selected(FETCH, selected)?;
        Ok(Fetch {
            session: self,
            queue: listed.iter().cloned().collect(),
            awaited: BTreeMap::new(),
            missing: Vec::new(),
            oversized: Vec::new(),
            handed_over: None,
        })
    }
}

impl Fetch<'_> {
    /// The next message, in whatever order the server sends them; none when there are no more.
    ///
    /// # Errors
    /// What every command fails with. [`ImapError::LiteralTooLarge`] when a message is far larger than was
    /// claimed: connect again, claim its true size, and it will come in pieces.
    pub async fn next(&mut self) -> Result<Option<(Uid, Message)>, ImapError> {
        if let Some(since) = self.handed_over.take() {
            // The server is not to blame for the time that the message was worked on.
            self.session.deadline += since.elapsed();
        }
        loop {
            while let Some(arrived) = self.session.next(arrived).await? {
                let Some((uid, body)) = arrived else { continue };
                // Octets that the response does show were in a quoted string.
                let message = body.or_else(|| self.session.take_body()).map(|body| body.and_then(MessageWriter::seal));
                let Some(message) = message.transpose().map_err(|error| ImapError::Memory(error.kind()))? else { continue };
                // Without octets though the server claimed some it has not come.
                if self.awaited.get(&uid).is_some_and(|&claimed| claimed == 0 || message.size() > 0) {
                    self.awaited.remove(&uid);
                    self.handed_over = Some(Instant::now());
                    return Ok(Some((uid, message)));
                }
            }
            self.missing.extend(std::mem::take(&mut self.awaited).into_keys());
            let Some(next) = self.queue.front() else { return Ok(None) };
            if next.arrival.size <= self.session.limits.large {
                self.ask().await?;
                continue;
            }
            let (uid, claimed) = (next.uid, next.arrival.size);
            self.queue.pop_front();
            if let Some(message) = self.in_parts(uid, claimed).await? {
                return Ok(Some((uid, message)));
            }
        }
    }

    /// Messages that were asked for and did not come: gone in the meantime, or withheld by a quirk of the
    /// server. They are not examined, and no cursor may pass them unless they are gone.
    pub fn missing(&self) -> &[Uid] {
        &self.missing
    }

    /// Messages above [`super::Limits::message`]: they were not fetched, or not to their end.
    pub fn oversized(&self) -> &[Uid] {
        &self.oversized
    }

    /// Asks for the messages at the head of the queue, as many as go into one command.
    async fn ask(&mut self) -> Result<(), ImapError> {
        while let Some(next) = self.queue.front() {
            if next.arrival.size > self.session.limits.large || self.awaited.len() == BATCH {
                break;
            }
            self.awaited.insert(next.uid, next.arrival.size);
            self.queue.pop_front();
        }
        let set = UidSet::of(self.awaited.keys().copied());
        self.session.keep_bodies(true);
        self.session.send(FETCH, &format!("{set} (UID BODY.PEEK[])"), self.awaited.values().sum()).await
    }

    /// One large message, a piece at a time, until a piece is empty: the size that was claimed may be wrong
    /// in either direction.
    async fn in_parts(&mut self, uid: Uid, claimed: u64) -> Result<Option<Message>, ImapError> {
        if claimed > self.session.limits.message {
            self.oversized.push(uid);
            return Ok(None);
        }
        let memory = |error: io::Error| ImapError::Memory(error.kind());
        let size = self.session.limits.part;
        self.session.keep_bodies(false);
        let mut writer = MessageWriter::new();
        loop {
            let offset = writer.size();
            let mut part = Part::Absent;
            self.session.send(FETCH, &format!("{uid} (UID BODY.PEEK[]<{offset}.{size}>)"), size).await?;
            while let Some(step) = self.session.next(|response| part.take(response, uid, size, &mut writer)).await? {
                step.map_err(memory)?;
            }
            let got = writer.size() - offset;
            match part {
                Part::Absent => {
                    self.missing.push(uid);
                    return Ok(None);
                }
                Part::Misplaced => return Err(ImapError::Malformed { command: FETCH }),
                Part::Written if got == 0 || (got < size && writer.size() >= claimed) => return writer.seal().map(Some).map_err(memory),
                Part::Written if writer.size() > self.session.limits.message => {
                    self.oversized.push(uid);
                    return Ok(None);
                }
                Part::Written => {}
            }
        }
    }
}

/// The message that a response brings, and its octets where it shows them.
fn arrived(response: &Response<'_>) -> Option<(Uid, Option<io::Result<MessageWriter>>)> {
    let Response::Fetch(_, attributes) = response else { return None };
    let (uid, (octets, _)) = (uid_of(attributes)?, body(attributes)?);
    let shown = || {
        let mut writer = MessageWriter::new();
        writer.write(octets).map(|()| writer)
    };
    Some((uid, (octets != STAND_IN).then(shown)))
}

/// The octets of a whole message, and where in it they begin.
fn body<'r>(attributes: &'r [AttributeValue<'_>]) -> Option<(&'r [u8], Option<u32>)> {
    attributes.iter().find_map(|attribute| match attribute {
        AttributeValue::BodySection { section: None, index, data: Some(data) } => Some((&**data, *index)),
        _ => None,
    })
}

/// What came of asking for a piece.
enum Part {
    Absent,
    /// A piece of another place, a second one, or more than was asked for.
    Misplaced,
    Written,
}

impl Part {
    fn take(&mut self, response: &Response<'_>, uid: Uid, size: u64, writer: &mut MessageWriter) -> io::Result<()> {
        let Response::Fetch(_, attributes) = response else { return Ok(()) };
        let (Some(of), Some((octets, begin))) = (uid_of(attributes), body(attributes)) else { return Ok(()) };
        if of != uid {
            return Ok(());
        }
        let in_place = begin.is_none_or(|begin| u64::from(begin) == writer.size());
        if !in_place || octets.len() as u64 > size || !matches!(self, Self::Absent) {
            *self = Self::Misplaced;
            return Ok(());
        }
        *self = Self::Written;
        writer.write(octets)
    }
}
