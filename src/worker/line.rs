//! One end of a socket to a caged process: frames out, frames in, and nothing believed.

use std::io;
use std::os::fd::BorrowedFd;

use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncReadExt, Interest};
use tokio::net::UnixStream;

use crate::sandbox;
use crate::wire::{self, BadFrame};

/// Most answers are smaller; a larger one makes room for itself.
const ROOM: usize = 4096;
/// Room kept from one answer to the next.
const ROOM_KEPT: usize = 64 << 10;

/// Octets that came and were not asked for stay in `buffer`.
pub struct Line {
    socket: UnixStream,
    buffer: Vec<u8>,
}

/// Why nothing was heard.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    #[error(transparent)]
    Bad(#[from] BadFrame),
    /// The other end is closed, or its process gone.
    #[error("the scan process closed its socket")]
    Closed,
}

impl Line {
    /// A line, and the other end of it for a process that waits when it reads.
    pub fn pair() -> io::Result<(Self, std::os::unix::net::UnixStream)> {
        let (near, far) = std::os::unix::net::UnixStream::pair()?;
        near.set_nonblocking(true)?;
        Ok((Self { socket: UnixStream::from_std(near)?, buffer: Vec::new() }, far))
    }

    /// Sends something small, and a descriptor beside it.
    pub async fn say(&self, value: &impl Serialize, beside: Option<BorrowedFd<'_>>) -> Result<(), LineError> {
        let frame = wire::encode(value)?;
        let mut sent = sandbox::send(&self.socket, &frame, beside);
        // Room is the rule; waiting for it would cost a turn of the reactor.
        while matches!(&sent, Err(e) if e.kind() == io::ErrorKind::WouldBlock) {
            sent = self.socket.async_io(Interest::WRITABLE, || sandbox::send(&self.socket, &frame, beside)).await;
        }
        sent.map_err(|_| LineError::Closed)
    }

    /// The next frame. It waits as long as it takes: the deadline is the caller's.
    pub async fn hear<T: DeserializeOwned>(&mut self) -> Result<T, LineError> {
        let mut wanted = wire::HEADER;
        loop {
            if let Some(header) = self.buffer.first_chunk() {
                wanted = wire::HEADER + wire::payload_length(*header)?;
            }
            if self.buffer.len() >= wanted {
                let value = wire::decode(&self.buffer[wire::HEADER..wanted]);
                self.buffer.drain(..wanted);
                self.buffer.shrink_to(ROOM_KEPT);
                return Ok(value?);
            }
            self.buffer.reserve((wanted - self.buffer.len()).max(ROOM));
            if self.socket.read_buf(&mut self.buffer).await.unwrap_or(0) == 0 {
                return Err(LineError::Closed);
            }
        }
    }

    /// Nothing came that was not asked for.
    pub fn is_quiet(&self) -> bool {
        self.buffer.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Request;
    use std::io::Write;

    #[tokio::test]
    async fn a_frame_is_heard_however_it_is_cut() {
        let (mut line, mut far) = Line::pair().unwrap();
        let frame = wire::encode(&Request::File).unwrap();
        let writer = std::thread::spawn(move || {
            for octet in frame.iter().chain(&frame) {
                far.write_all(&[*octet]).unwrap();
            }
            far
        });
        for _ in 0..2 {
            assert_eq!(line.hear::<Request>().await.unwrap(), Request::File);
        }
        assert!(line.is_quiet());
        drop(writer.join().unwrap());
        assert!(matches!(line.hear::<Request>().await, Err(LineError::Closed)));
    }

    #[tokio::test]
    async fn a_length_is_refused_before_room_is_made_for_it() {
        let (mut line, mut far) = Line::pair().unwrap();
        far.write_all(&[wire::VERSION, 0xff, 0xff, 0xff, 0xff]).unwrap();
        assert!(matches!(line.hear::<Request>().await, Err(LineError::Bad(BadFrame::TooLong(0xffff_ffff)))));
        assert!(line.buffer.capacity() < 2 * ROOM);
    }

    #[tokio::test]
    async fn what_nobody_asked_for_is_noticed() {
        let (mut line, mut far) = Line::pair().unwrap();
        let mut frame = wire::encode(&Request::File).unwrap();
        frame.push(1);
        far.write_all(&frame).unwrap();
        line.hear::<Request>().await.unwrap();
        assert!(!line.is_quiet());
    }
}
