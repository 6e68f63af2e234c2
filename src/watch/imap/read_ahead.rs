//! Takes from the network what has come, however little of it TLS asks for at a time.
//!
//! `rustls` asks for 4 KiB, so that a record of 16 KiB would cost five system calls. A connection on which nothing comes
//! holds no buffer: there are a thousand of them.

use std::cell::Cell;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What one system call brings at most, in octets: while one connection is served, so much and more comes on the others, and each
/// call is answered with a segment of its own.
const ROOM: usize = 256 << 10;

thread_local! {
    /// The buffer of the connection that was served last: the next one's.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

pub(super) struct ReadAhead<T> {
    inner: T,
    /// What came; of it `buffer[given..]` was not given on yet.
    buffer: Vec<u8>,
    given: usize,
}

impl<T> ReadAhead<T> {
    pub(super) fn new(inner: T) -> Self {
        Self { inner, buffer: Vec::new(), given: 0 }
    }
}

impl<T: AsyncRead + Unpin> ReadAhead<T> {
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.buffer.capacity() == 0 {
            self.buffer = SPARE.take();
            self.buffer.reserve(ROOM);
        }
        self.buffer.clear();
        self.given = 0;
        let came = pin!(self.inner.read_buf(&mut self.buffer)).poll(cx);
        if self.buffer.is_empty() {
            SPARE.set(std::mem::take(&mut self.buffer));
        }
        came.map_ok(|_| ())
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for ReadAhead<T> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.given == this.buffer.len() {
            ready!(this.poll_fill(cx))?;
        }
        let rest = &this.buffer[this.given..];
        let length = buffer.remaining().min(rest.len());
        buffer.put_slice(&rest[..length]);
        this.given += length;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for ReadAhead<T> {
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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn what_comes_is_given_on_in_order_and_nothing_is_held_when_nothing_comes() {
        let sent: Vec<u8> = (0..3 * ROOM).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let (mut far, near) = duplex(2 * ROOM);
        let all = sent.clone();
        let sending = tokio::spawn(async move {
            far.write_all(&all).await.unwrap();
            far
        });
        let mut near = ReadAhead::new(near);
        let mut read = vec![0; sent.len()];
        for piece in read.chunks_mut(4096) {
            near.read_exact(piece).await.unwrap();
        }
        assert!(read == sent);
        let far = sending.await.unwrap();
        let waiting = tokio::time::timeout(std::time::Duration::from_millis(1), near.read_u8()).await;
        assert!(waiting.is_err() && near.buffer.capacity() == 0, "an idle connection holds no buffer");
        drop(far);
        assert_eq!(near.read_u8().await.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
