//! Stands between the network and the parser of responses, and lets through only what that parser survives.
//!
//! `imap-proto` panics on some lines, recurses without end on others, and `async-imap` gives up the whole
//! connection over one line it cannot read, allocates a literal before its first octet came, and parses a
//! long line anew at every read. So each response is framed here first: a literal is measured, a line is
//! held until it is whole, and a response that will not parse is put aside. The octets of a message go
//! past the parser (`bodies`), or through it as they come. An idle guard holds no buffer: there are a thousand of them.

use std::io;
use std::mem::MaybeUninit;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::bodies::Bodies;
use super::framing::Framing;
use super::limits::FrameLimits;

const CHUNK: usize = 16 << 10;

pub(super) struct FrameGuard<T> {
    inner: T,
    framing: Framing,
    received: u64,
}

impl<T> FrameGuard<T> {
    pub(super) fn new(inner: T, limits: FrameLimits) -> Self {
        Self { inner, framing: Framing::new(limits), received: 0 }
    }

    /// Octets received in all.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The messages that are kept from the parser.
    pub(super) fn bodies(&mut self) -> &mut Bodies {
        &mut self.framing.bodies
    }

    /// The untagged responses that could not be parsed since the last call.
    pub(super) fn take_aside(&mut self) -> Vec<Vec<u8>> {
        self.framing.take_aside()
    }
}

impl<T: AsyncRead + Unpin> FrameGuard<T> {
    /// What the next read brings; none at the end of all responses.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut chunk = [MaybeUninit::uninit(); CHUNK];
        let mut chunk = ReadBuf::uninit(&mut chunk);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut chunk))?;
        let length = chunk.filled().len();
        if length == 0 && !self.framing.is_between_responses() {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.received += length as u64;
        self.framing.receive(chunk.filled());
        Poll::Ready(Ok(length))
    }

    /// The next octets of a literal: into `shown`, or to where its message is kept.
    fn poll_literal(&mut self, cx: &mut Context<'_>, shown: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut literal = (&mut self.inner).take(self.framing.passing());
        let kept = if self.framing.is_keeping() { self.framing.bodies.room() } else { None };
        let length = match kept {
            Some(room) => ready!(pin!(literal.read_buf(room)).poll(cx))?,
            None => ready!(pin!(literal.read(shown)).poll(cx))?,
        };
        if length == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.received += length as u64;
        self.framing.pass(length);
        Poll::Ready(Ok(length))
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for FrameGuard<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            let cleared = this.framing.cleared();
            if !cleared.is_empty() {
                let length = cleared.len().min(buffer.remaining());
                buffer.put_slice(&cleared[..length]);
                this.framing.give(length);
                return Poll::Ready(Ok(()));
            }
            if let Some(refusal) = this.framing.refused() {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, refusal)));
            }
            if this.framing.passing() > 0 {
                let length = ready!(this.poll_literal(cx, buffer.initialize_unfilled()))?;
                if !this.framing.is_keeping() {
                    buffer.advance(length);
                    return Poll::Ready(Ok(()));
                }
            } else if ready!(this.poll_chunk(cx))? == 0 {
                return Poll::Ready(Ok(()));
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

/// `async-imap` wants this; what is held is mail, and stays unsaid.
impl<T> std::fmt::Debug for FrameGuard<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FrameGuard").field("received", &self.received).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use tokio::io::{AsyncWriteExt, duplex};

    use super::super::framing::{MOST_ASIDE, Refusal};
    use super::*;
    use crate::mail::Uid;

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
        assert!(end.is_err() || guard.framing.is_between_responses(), "an idle guard holds no buffer");
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
    async fn messages_are_kept_past_the_parser_however_they_are_cut() {
        let sent = "* 1 FETCH (UID 1 BODY[] {14}\r\nsome\r\n* OK {9} FLAGS (\\Seen))\r\n* 2 FETCH (BODY[]<0> {0}\r\n UID 2)\r\n\
                    * 3 FETCH (UID 3 BODY[] \"short\")\r\n* 4 FETCH (BODY[HEADER] {3}\r\nA:b UID 4)\r\nw1 OK done\r\n";
        let shown = "* 1 FETCH (UID 1 BODY[] {2}\r\n\r\n FLAGS (\\Seen))\r\n* 2 FETCH (BODY[]<0> {2}\r\n\r\n UID 2)\r\n\
                     * 3 FETCH (UID 3 BODY[] \"short\")\r\n* 4 FETCH (BODY[HEADER] {3}\r\nA:b UID 4)\r\nw1 OK done\r\n";
        for piece in 1..sent.len() {
            let (mut server, client) = duplex(piece);
            let sending = tokio::spawn(async move { server.write_all(sent.as_bytes()).await });
            let mut guard = FrameGuard::new(client, LIMITS);
            guard.bodies().want(true);
            let mut through = String::new();
            guard.read_to_string(&mut through).await.unwrap();
            assert_eq!(through, shown, "in pieces of {piece}");
            let mut kept = Vec::new();
            while let Some(body) = guard.bodies().next() {
                let mut octets = String::new();
                body.unwrap().seal().unwrap().reader().read_to_string(&mut octets).unwrap();
                kept.push(octets);
            }
            assert_eq!(kept, ["some\r\n* OK {9}", ""], "in pieces of {piece}");
            sending.await.unwrap().unwrap();
        }
    }

    #[tokio::test]
    async fn two_messages_in_one_response_are_refused() {
        let (mut server, client) = duplex(1000);
        server.write_all(b"* 1 FETCH (UID 1 BODY[] {1}\r\na BODY[] {1}\r\nb)\r\n").await.unwrap();
        let mut guard = FrameGuard::new(client, LIMITS);
        guard.bodies().want(true);
        let error = guard.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(error.get_ref().and_then(|inner| inner.downcast_ref()), Some(&Refusal::Unreadable));
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
        assert_eq!(
            refused(&[b"* 1 FETCH (UID 7 BODY[] {600}\r\n", &[b'x'; 600][..], b" BODY[] {600}\r\n"].concat()).await,
            Refusal::Literal { octets: 600, uid: None },
            "two halves are a whole"
        );
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
    async fn what_came_before_the_end_is_still_heard() {
        let outcome = guarded(b"w1 BAD throttled\r\n\x16\x03\x01\r\n", 64).await;
        assert_eq!(outcome.through, "w1 BAD throttled\r\n");
        assert!(outcome.end.is_err());
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
