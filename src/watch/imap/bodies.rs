//! Messages on their way past the parser of responses: what it is shown has a stand-in for their octets.
//!
//! A parser that is shown a message needs all of it in one piece, copies it there, and has it copied out again. Where nobody
//! looks at the octets before they are examined, they may as well be written where they are going at once.

use std::collections::VecDeque;
use std::io;

use crate::wire::MessageWriter;

/// What a response holds in place of a message. No server can say this itself: a string with the end of a line in it is a
/// literal, and of literals the octets are kept.
pub(super) const STAND_IN: &[u8] = b"\r\n";

/// The messages of responses that were not shown yet, in their order; octets that arrive are the last one's.
#[derive(Default)]
pub(super) struct Bodies {
    wanted: bool,
    /// The response that is arriving has brought one.
    brought: bool,
    arrived: VecDeque<io::Result<MessageWriter>>,
}

impl Bodies {
    /// From here on messages are kept, or shown to the parser like all else. Those that nobody took are gone.
    pub(super) fn want(&mut self, wanted: bool) {
        *self = Self { wanted, ..Self::default() };
    }

    pub(super) fn are_wanted(&self) -> bool {
        self.wanted
    }

    /// A message of so many octets begins. False for a second one in the same response: nobody could tell which is which.
    #[must_use]
    pub(super) fn begin(&mut self, octets: u64) -> bool {
        self.arrived.push_back(Ok(MessageWriter::for_octets(octets)));
        !std::mem::replace(&mut self.brought, true)
    }

    /// The response ends.
    pub(super) fn close(&mut self) {
        self.brought = false;
    }

    /// The message goes on with octets that came already.
    pub(super) fn go_on(&mut self, octets: &[u8]) {
        self.last(|writer| writer.write(octets));
    }

    /// Where its next octets go, as [`MessageWriter::room`] says; none when memory is short, or nobody wants it any more.
    pub(super) fn room(&mut self) -> Option<&mut Vec<u8>> {
        self.last(|writer| writer.room().map(|_| ()));
        self.arrived.back_mut()?.as_mut().ok()?.room().ok()
    }

    /// When memory is short a message is lost, and the others are not.
    fn last(&mut self, step: impl FnOnce(&mut MessageWriter) -> io::Result<()>) {
        if let Some(body) = self.arrived.back_mut()
            && let Ok(writer) = body
            && let Err(error) = step(writer)
        {
            *body = Err(error);
        }
    }

    /// The message that the first response with a [`STAND_IN`] stands for, of those not asked for yet.
    pub(super) fn next(&mut self) -> Option<io::Result<MessageWriter>> {
        self.arrived.pop_front()
    }
}
