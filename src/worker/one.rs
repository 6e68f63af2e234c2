//! One worker from outside: asked for one parcel at a time, and ended without fail.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use super::Loss;
use super::answer::Claim;
use super::errand::ForkError;
use super::line::{Line, LineError};
use super::nursery::Nursery;
use super::parcel::MAX_OCTETS;
use crate::sandbox::Tray;
use crate::wire::{Answer, Carrier, Message, Parcel, Request};

/// Dropped, it is ended: a worker in the middle of a message that nobody waits for any more is of no use.
pub struct Worker {
    nursery: Arc<Nursery>,
    number: u32,
    line: Line,
    /// In which small messages travel; its own, because it keeps what lay there until something else does.
    tray: Option<Tray>,
    /// Messages that it may still serve.
    left: u32,
    ended: bool,
}

/// What went wrong, as far as it is seen from here; how the process ended, [`Worker::lost`] finds out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    Babbled,
    Closed,
    Deadline,
    Panicked,
}

impl Worker {
    /// # Errors
    /// When the kernel gives no process or no socket, or the nursery is gone.
    pub async fn fork(nursery: Arc<Nursery>) -> Result<Self, ForkError> {
        let (line, far) = Line::pair()?;
        let number = nursery.fork(far.into()).await?;
        Ok(Self { number, line, tray: None, left: nursery.messages_per_worker(), ended: false, nursery })
    }

    /// Has one parcel of messages examined. The deadline holds for the whole of it, whatever arrives meanwhile. After a failure
    /// the worker is of no further use.
    ///
    /// # Errors
    /// When memory is short.
    pub async fn ask<T: Claim>(&mut self, messages: &[Message], request: &Request, deadline: Instant) -> io::Result<Result<T, Failure>> {
        self.left = self.left.saturating_sub(u32::try_from(request.count()).unwrap_or(u32::MAX));
        let (carrier, parcel) = self.load(messages)?;
        let answer = timeout_at(deadline, self.answer(request, carrier, parcel.as_ref())).await;
        Ok(match answer {
            Ok(Ok(Answer::Examined(claim))) if self.line.is_quiet() => {
                T::vetted(claim, request, self.nursery.rules()).ok_or(Failure::Babbled)
            }
            Ok(Ok(Answer::Examined(_)) | Err(LineError::Bad(_))) => Err(Failure::Babbled),
            Ok(Ok(Answer::Panicked)) => Err(Failure::Panicked),
            Ok(Err(LineError::Closed)) => Err(Failure::Closed),
            Err(_) => Err(Failure::Deadline),
        })
    }

    /// Lays small messages into the tray; others are a parcel.
    fn load<'m>(&mut self, messages: &'m [Message]) -> io::Result<(Carrier, Option<Parcel<'m>>)> {
        let octets = messages.iter().map(Message::size).sum();
        let small: Option<Vec<_>> = messages.iter().map(Message::on_heap).collect();
        let Some(small) = small.filter(|_| octets <= MAX_OCTETS) else { return Ok((Carrier::File, Some(Parcel::of(messages)?))) };
        let (carrier, tray) = match &mut self.tray {
            Some(tray) => (Carrier::Tray(octets), tray),
            none => (Carrier::NewTray(octets), none.insert(Tray::new(usize::try_from(MAX_OCTETS).map_err(io::Error::other)?)?)),
        };
        tray.lay(&small)?;
        Ok((carrier, None))
    }

    async fn answer<T: Claim>(&mut self, request: &Request, carrier: Carrier, parcel: Option<&Parcel<'_>>) -> Result<Answer<T>, LineError> {
        let beside = match carrier {
            Carrier::File => parcel.map(AsFd::as_fd),
            Carrier::NewTray(_) => self.tray.as_ref().map(AsFd::as_fd),
            Carrier::Tray(_) => None,
        };
        self.line.say(&(request, carrier), beside).await?;
        self.line.hear().await
    }

    /// It may be asked for so many messages more, as far as `nursery` is the one in force.
    pub fn may_serve(&self, messages: usize, nursery: &Arc<Nursery>) -> bool {
        self.left as usize >= messages && Arc::ptr_eq(&self.nursery, nursery)
    }

    /// Ends it, if it still runs, and says how it was lost.
    pub async fn lost(mut self, failure: Failure) -> Loss {
        self.ended = true;
        let status = self.nursery.ended(self.number).await;
        match (failure, status) {
            (Failure::Babbled, _) => Loss::Babbled,
            (Failure::Deadline, _) => Loss::Deadline,
            (Failure::Panicked, _) => Loss::Panicked,
            (Failure::Closed, None) => Loss::WithNursery,
            (Failure::Closed, Some(status)) => match (status.signal(), status.code()) {
                (Some(signal), _) => Loss::Signal(signal),
                (None, code) => Loss::Exit(code.unwrap_or_default()),
            },
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if !self.ended {
            self.nursery.end(self.number);
        }
    }
}
