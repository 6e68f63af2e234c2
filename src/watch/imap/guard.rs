//! Stands between the network and the parser of responses, and lets through only what that parser survives.
//!
//! `imap-proto` panics on some lines, recurses without end on others, and `async-imap` gives up the whole
//! connection over one line it cannot read, allocates a literal before its first octet came, and parses a
//! long line anew at every read. So each response is framed here first: a literal is measured, a line is
//! held until it is whole, and a response that will not parse is put aside. The octets of a message go
//! through without being copied. An idle guard holds no buffer: there are a thousand of them.

use std::io;
use std::mem;
use std::panic;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_imap::imap_proto::Response;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Parentheses within parentheses: what is asked for here needs two, and `imap-proto` recurses.
const DEEPEST: usize = 8;
/// Responses put aside per command; more than that is not a quirk but an attack.
const MOST_ASIDE: usize = 256;
const CHUNK: usize = 16 << 10;

#[derive(Clone, Copy, Debug)]
pub struct FrameLimits {
    /// Octets of one response outside its literals.
    pub line: usize,
    /// Octets of one literal.
    pub literal: u64,
}

/// Why a response was not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refusal {
    #[error("a literal of {0} octets")]
    Literal(u64),
    #[error("a line without end")]
    Line,
    #[error("a response that cannot be read")]
    Unreadable,
}

pub(super) struct FrameGuard<T> {
    inner: T,
    limits: FrameLimits,
    /// What was received and not given on yet.
    held: Vec<u8>,
    /// `held[..given]` was given on, `held[given..cleared]` may be; the current response goes on behind it.
    given: usize,
    cleared: usize,
    /// Where the current line begins, and how far it was searched for its end.
    line: usize,
    searched: usize,
    /// Octets still to come of a literal that is given on as it comes.
    passing: u64,
    /// The lines so far of a FETCH whose literals were given on, each literal shrunk to nothing.
    skeleton: Option<Vec<u8>>,
    aside: Vec<Vec<u8>>,
}

impl<T> FrameGuard<T> {
    pub(super) fn new(inner: T, limits: FrameLimits) -> Self {
        Self { inner, limits, held: Vec::new(), given: 0, cleared: 0, line: 0, searched: 0, passing: 0, skeleton: None, aside: Vec::new() }
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
        if octets > self.limits.literal {
            return Err(Refusal::Literal(octets));
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
        let here = (self.held.len() - end).min(usize::try_from(octets).unwrap_or(usize::MAX));
        self.passing = octets - here as u64;
        self.next_from(end + here);
        self.bounded()
    }

    /// The response ends here: it is let through, put aside, or the end of the connection.
    fn close(&mut self, end: usize) -> Result<(), Refusal> {
        if end - self.cleared > self.limits.line {
            return Err(Refusal::Line);
        }
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

    /// Forgets what was given on.
    fn release(&mut self) {
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
}

/// A tagged response, a continuation, or an untagged one that is only for people to read.
fn is_status(line: &[u8]) -> bool {
    let Some(untagged) = line.strip_prefix(b"* ") else { return true };
    let word = untagged.split(|octet| octet.is_ascii_whitespace()).next().unwrap_or_default();
    [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"].iter().any(|status| word.eq_ignore_ascii_case(status))
}

fn is_fetch(line: &[u8]) -> bool {
    let mut words = line.split(|octet| *octet == b' ');
    words.next() == Some(b"*")
        && words.next().is_some_and(|number| number.iter().all(u8::is_ascii_digit))
        && words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"FETCH"))
}

/// Printable ASCII only: `imap-proto` cuts such text by octets and panics between those of one character.
fn make_plain(line: &mut [u8]) {
    let text = line.strip_suffix(b"\r\n").map_or(line.len(), <[u8]>::len);
    for octet in &mut line[..text] {
        if *octet != b' ' && !octet.is_ascii_graphic() {
            *octet = b'?';
        }
    }
}

/// The length that a line announces for the literal behind it.
fn literal(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"\n")?;
    let announced = line.strip_suffix(b"\r").unwrap_or(line).strip_suffix(b"}")?;
    let digits = &announced[announced.iter().rposition(|&octet| octet == b'{')? + 1..];
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(std::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX))
}

fn is_readable(response: &[u8]) -> bool {
    if is_fetch(response) && nesting(response) > DEEPEST {
        return false;
    }
    let parsed = panic::catch_unwind(|| matches!(Response::parse(response), Ok((rest, _)) if rest.is_empty()));
    parsed.unwrap_or(false)
}

fn nesting(response: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for octet in response {
        match octet {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

impl<T: AsyncRead + Unpin> AsyncRead for FrameGuard<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.given < this.cleared {
                let length = (this.cleared - this.given).min(buffer.remaining());
                buffer.put_slice(&this.held[this.given..this.given + length]);
                this.given += length;
                if this.given == this.cleared {
                    this.release();
                }
                return Poll::Ready(Ok(()));
            }
            if this.passing > 0 {
                let room = buffer.remaining().min(usize::try_from(this.passing).unwrap_or(usize::MAX));
                let mut part = ReadBuf::new(buffer.initialize_unfilled_to(room));
                ready!(Pin::new(&mut this.inner).poll_read(cx, &mut part))?;
                let length = part.filled().len();
                if length == 0 {
                    return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
                }
                buffer.advance(length);
                this.passing -= length as u64;
                return Poll::Ready(Ok(()));
            }
            let mut chunk = [0; CHUNK];
            let mut chunk = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut chunk))?;
            if chunk.filled().is_empty() {
                let whole = this.held.is_empty() && this.skeleton.is_none();
                return Poll::Ready(if whole { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) });
            }
            this.held.extend_from_slice(chunk.filled());
            this.frame().map_err(|refusal| io::Error::new(io::ErrorKind::InvalidData, refusal))?;
        }
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for FrameGuard<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, octets)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// `async-imap` wants this; what is held is mail and stays unsaid.
impl<T> std::fmt::Debug for FrameGuard<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameGuard").field("held", &self.held.len()).finish_non_exhaustive()
    }
}
