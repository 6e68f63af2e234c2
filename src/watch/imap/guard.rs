//! Stands between the network and the parser of responses, and lets through only what that parser survives.
//!
//! `imap-proto` panics on some lines, recurses without end on others, and `async-imap` gives up the whole
//! connection over one line it cannot read, allocates a literal before its first octet came, and parses a
//! long line anew at every read. So each response is framed here first: a literal is measured, a line is
//! held until it is whole, and a response that will not parse is put aside. The octets of a message go
//! through without being copied. An idle guard holds no buffer: there are a thousand of them.

use std::io;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::line::{is_beginning, is_fetch, is_readable, is_status, literal, make_plain, uid_in};
use crate::mail::Uid;

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
    #[error("a literal of {octets} octets")]
    Literal { octets: u64, uid: Option<Uid> },
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
            if this.held.is_empty() {
                this.release();
            }
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const LIMITS: FrameLimits = FrameLimits { line: 200, literal: 1000 };

    struct Outcome {
        through: String,
        aside: Vec<String>,
        end: Result<(), io::Error>,
    }

    /// Sends octets through a guard in pieces of at most `piece`.
    async fn guarded(sent: &[u8], piece: usize) -> Outcome {
        let (mut server, client) = duplex(piece);
        let sent = sent.to_vec();
        let sending = tokio::spawn(async move { server.write_all(&sent).await });
        let mut guard = FrameGuard::new(client, LIMITS);
        let mut through = Vec::new();
        let end = guard.read_to_end(&mut through).await.map(|_| ());
        assert!(end.is_err() || guard.held.capacity() == 0, "an idle guard holds no buffer");
        let aside = guard.take_aside().iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        drop(guard);
        let _ = sending.await.unwrap();
        Outcome { through: String::from_utf8_lossy(&through).into_owned(), aside, end }
    }

    async fn refused(sent: &[u8]) -> Refusal {
        let error = guarded(sent, 64).await.end.unwrap_err();
        *error.get_ref().and_then(|inner| inner.downcast_ref()).expect("a refusal")
    }

    #[tokio::test]
    async fn what_can_be_read_goes_through_unchanged_however_it_is_cut() {
        let sent = "* OK ready\r\n* 1 FETCH (UID 1 BODY[] {14}\r\nsome\r\n* OK {9} FLAGS (\\Seen))\r\n* LIST () \"/\" {4}\r\nname\r\nw1 OK done\r\n";
        for piece in 1..sent.len() {
            let outcome = guarded(sent.as_bytes(), piece).await;
            assert!(outcome.end.is_ok(), "in pieces of {piece}: {:?}", outcome.end);
            assert_eq!(outcome.through, sent, "in pieces of {piece}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_put_aside_and_the_rest_goes_on() {
        let odd = ["* ESEARCH (TAG \"w1\") UID ALL 1:9\r\n", "* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n", "* XFOO {3}\r\na\r\n bar\r\n"];
        for piece in [1, 7, 1000] {
            let outcome = guarded(format!("{}{}* 3 EXISTS\r\n{}w1 OK\r\n", odd[0], odd[1], odd[2]).as_bytes(), piece).await;
            assert_eq!(outcome.through, "* 3 EXISTS\r\nw1 OK\r\n");
            assert_eq!(outcome.aside, odd);
        }
    }

    #[tokio::test]
    async fn what_the_parser_would_panic_on_is_put_aside_or_made_plain() {
        let outcome = guarded("* 1 FETCH (UID 1 INTERNALDATE NIL)\r\n* OK [ALERT]\u{e9}t\u{e9}\r\n".as_bytes(), 64).await;
        assert_eq!(outcome.aside, ["* 1 FETCH (UID 1 INTERNALDATE NIL)\r\n"]);
        assert_eq!(outcome.through, "* OK [ALERT]??t??\r\n");
        assert_eq!(refused(b"* 1 FETCH (INTERNALDATE NIL BODY[] {1}\r\nx)\r\n").await, Refusal::Unreadable);
    }

    #[tokio::test]
    async fn parentheses_without_end_never_reach_the_parser() {
        let outcome = guarded(format!("* 1 FETCH (BODYSTRUCTURE {}\r\n", "(".repeat(150)).as_bytes(), 64).await;
        assert_eq!((outcome.through.as_str(), outcome.aside.len()), ("", 1));
    }

    #[tokio::test]
    async fn a_literal_is_refused_for_what_it_announces() {
        assert_eq!(refused(b"* 1 FETCH (UID 1 BODY[] {1001}\r\nabc").await, Refusal::Literal { octets: 1001, uid: Uid::new(1) });
        assert_eq!(refused(b"* 1 FETCH (BODY[] {99999999999999999999999}\r\n").await, Refusal::Literal { octets: u64::MAX, uid: None });
        assert_eq!(refused(b"* LIST () \"/\" {900}\r\n").await, Refusal::Line, "a name is held like a line");
    }

    #[tokio::test]
    async fn a_line_without_end_is_refused_in_whatever_pieces_it_comes() {
        assert_eq!(refused(&[b'a'; 300]).await, Refusal::Line);
        assert_eq!(refused(&[&b"* 1 FETCH ("[..], &b"BODY[] {0}\r\n ".repeat(20)].concat()).await, Refusal::Line);
        assert_eq!(refused(&b"* LIST {1}\r\na ".repeat(20)).await, Refusal::Line);
    }

    #[tokio::test]
    async fn an_answer_that_cannot_be_read_ends_the_connection() {
        assert_eq!(refused(b"\x16\x03\x01\r\n").await, Refusal::Unreadable);
        assert_eq!(refused(b"w1 MAYBE later\r\n").await, Refusal::Unreadable);
        assert_eq!(refused(&b"* XFOO\r\n".repeat(MOST_ASIDE + 1)).await, Refusal::Unreadable);
    }

    #[tokio::test]
    async fn an_end_within_a_response_is_told_from_an_end_between_two() {
        for cut in [&b"* OK re"[..], b"* 1 FETCH (BODY[] {5}\r\nhe", b"* 1 FETCH (BODY[] {5}\r\nhello", b"* LIST () \"/\" {5}\r\n"] {
            let outcome = guarded(cut, 64).await;
            assert_eq!(outcome.end.unwrap_err().kind(), io::ErrorKind::UnexpectedEof, "{}", String::from_utf8_lossy(cut));
        }
        assert!(guarded(b"* OK ready\r\n", 64).await.end.is_ok());
    }

    #[tokio::test]
    async fn text_for_people_opens_no_literal() {
        let outcome = guarded(b"* OK see {5}\r\nw1 NO {7}\r\n", 64).await;
        assert_eq!(outcome.through, "* OK see {5}\r\nw1 NO {7}\r\n");
    }
}
