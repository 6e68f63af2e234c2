//! Where one response ends and the next begins, and which of them may be let through.

use std::mem;

use super::bodies::{Bodies, STAND_IN};
use super::limits::FrameLimits;
use super::line::{ends_in_body, is_beginning, is_fetch, is_readable, is_status, literal, make_plain, uid_in};
use crate::mail::Uid;

/// Responses put aside per command; more than that is not a quirk but an attack.
pub(super) const MOST_ASIDE: usize = 256;

/// Why a response was not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("a literal of {octets} octets")]
    Literal { octets: u64, uid: Option<Uid> },
    #[error("a line without end")]
    Line,
    #[error("a response that cannot be read")]
    Unreadable,
}

/// What was received and not given on yet, and how far it is understood.
pub(super) struct Framing {
    limits: FrameLimits,
    held: Vec<u8>,
    /// `held[..given]` was given on, `held[given..cleared]` may be; the current response goes on behind it.
    given: usize,
    cleared: usize,
    /// Where the current line begins, and how far it was searched for its end.
    line: usize,
    searched: usize,
    /// Octets still to come of a literal that is given on as it comes, or kept.
    passing: u64,
    /// Whether they are kept.
    keeping: bool,
    pub(super) bodies: Bodies,
    /// Octets of all literals of the current response so far.
    literals: u64,
    /// The lines so far of a FETCH whose literals were given on, each literal shrunk to nothing.
    skeleton: Option<Vec<u8>>,
    aside: Vec<Vec<u8>>,
    /// What ends the connection as soon as all that came before it was given on.
    refused: Option<Refusal>,
}

impl Framing {
    pub(super) fn new(limits: FrameLimits) -> Self {
        Self {
            limits,
            held: Vec::new(),
            given: 0,
            cleared: 0,
            line: 0,
            searched: 0,
            passing: 0,
            keeping: false,
            bodies: Bodies::default(),
            literals: 0,
            skeleton: None,
            aside: Vec::new(),
            refused: None,
        }
    }

    /// Takes in what came next. Nothing may be left to give, and no literal be passing.
    pub(super) fn receive(&mut self, octets: &[u8]) {
        self.held.extend_from_slice(octets);
        self.refused = self.frame().err();
        if self.held.is_empty() {
            self.held = Vec::new();
        }
    }

    /// What may be given on now.
    pub(super) fn cleared(&self) -> &[u8] {
        &self.held[self.given..self.cleared]
    }

    /// Notes that so much of it was.
    pub(super) fn give(&mut self, octets: usize) {
        self.given += octets;
        if self.given < self.cleared {
            return;
        }
        if self.given == self.held.len() {
            self.held = Vec::new();
        } else {
            self.held.drain(..self.given);
        }
        self.cleared -= self.given;
        self.line -= self.given;
        self.searched -= self.given;
        self.given = 0;
    }

    /// Octets of a literal that need not be looked at.
    pub(super) fn passing(&self) -> u64 {
        self.passing
    }

    /// Whether they are to be put into [`Bodies::room`].
    pub(super) fn is_keeping(&self) -> bool {
        self.keeping
    }

    /// Notes that so many of them have passed.
    pub(super) fn pass(&mut self, octets: usize) {
        self.passing -= octets as u64;
    }

    pub(super) fn refused(&self) -> Option<Refusal> {
        self.refused
    }

    /// Whether nothing has begun that has not ended.
    pub(super) fn is_between_responses(&self) -> bool {
        self.held.is_empty() && self.skeleton.is_none() && self.passing == 0
    }

    /// The untagged responses that could not be parsed since the last call.
    pub(super) fn take_aside(&mut self) -> Vec<Vec<u8>> {
        mem::take(&mut self.aside)
    }

    fn frame(&mut self) -> Result<(), Refusal> {
        while self.passing == 0 {
            let Some(end) = self.line_end() else { return self.bounded() };
            let first = self.line == self.cleared && self.skeleton.is_none();
            if first && is_status(&self.held[self.line..end]) {
                // Human text from here on: it opens no literal, whatever it ends with.
                make_plain(&mut self.held[self.line..end]);
                self.close(end)?;
            } else if let Some(octets) = literal(&self.held[self.line..end]) {
                self.open_literal(octets, end)?;
            } else {
                self.close(end)?;
            }
        }
        Ok(())
    }

    /// Just behind the line feed of the current line, when that has come.
    fn line_end(&mut self) -> Option<usize> {
        let found = memchr::memchr(b'\n', self.held.get(self.searched..)?);
        let end = found.map(|at| self.searched + at + 1);
        self.searched = end.unwrap_or(self.held.len());
        end
    }

    fn bounded(&self) -> Result<(), Refusal> {
        let length = self.held.len() - self.cleared + self.skeleton.as_ref().map_or(0, Vec::len);
        if length > self.limits.line { Err(Refusal::Line) } else { Ok(()) }
    }

    fn open_literal(&mut self, octets: u64, end: usize) -> Result<(), Refusal> {
        self.literals = self.literals.saturating_add(octets);
        if self.literals > self.limits.literal {
            return Err(Refusal::Literal { octets, uid: uid_in(&self.held[self.line..end]) });
        }
        let line = &self.held[self.line..end];
        if self.skeleton.is_none() && !is_fetch(line) {
            // A folder's name, say: held like a line, and bounded like one.
            let length = usize::try_from(octets).map_err(|_| Refusal::Line)?;
            if end - self.cleared + length > self.limits.line {
                return Err(Refusal::Line);
            }
            self.line = end + length;
            self.searched = self.line;
            return Ok(());
        }
        let brace = line.iter().rposition(|&octet| octet == b'{').unwrap_or_default();
        let skeleton = self.skeleton.get_or_insert_default();
        skeleton.extend_from_slice(&line[..brace]);
        skeleton.extend_from_slice(b"{0}\r\n");
        if !is_beginning(skeleton) {
            return Err(Refusal::Unreadable);
        }
        let brace = self.line + brace;
        let here = (self.held.len() - end).min(usize::try_from(octets).unwrap_or(usize::MAX));
        self.passing = octets - here as u64;
        self.keeping = self.bodies.are_wanted() && ends_in_body(&self.held[self.line..brace]);
        if self.keeping {
            if !self.bodies.begin(octets) {
                return Err(Refusal::Unreadable);
            }
            self.bodies.go_on(&self.held[end..end + here]);
            let announced = format!("{{{}}}\r\n", STAND_IN.len());
            let shown = announced.len() + STAND_IN.len();
            self.held.splice(brace..end + here, announced.into_bytes().into_iter().chain(STAND_IN.iter().copied()));
            self.next_from(brace + shown);
        } else {
            self.next_from(end + here);
        }
        self.bounded()
    }

    /// The response ends here: it is let through, put aside, or the end of the connection.
    fn close(&mut self, end: usize) -> Result<(), Refusal> {
        if end - self.cleared > self.limits.line {
            return Err(Refusal::Line);
        }
        self.literals = 0;
        self.bodies.close();
        let response = &self.held[self.cleared..end];
        if let Some(mut skeleton) = self.skeleton.take() {
            skeleton.extend_from_slice(response);
            if !is_readable(&skeleton) {
                return Err(Refusal::Unreadable);
            }
            self.next_from(end);
        } else if is_readable(response) {
            self.next_from(end);
        } else if response.starts_with(b"* ") && self.aside.len() < MOST_ASIDE {
            self.aside.push(self.held.drain(self.cleared..end).collect());
            self.next_from(self.cleared);
        } else {
            return Err(Refusal::Unreadable);
        }
        Ok(())
    }

    fn next_from(&mut self, start: usize) {
        self.cleared = start;
        self.line = start;
        self.searched = start;
    }
}
