//! Octets over a Unix stream socket, and beside them, if there is one, a descriptor.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags};

/// Sends `octets`, and `beside` them a descriptor. All or nothing: meant for frames far below a page.
///
/// # Errors
/// `WouldBlock` where the socket does not block and is full; `WriteZero` when it took a piece only.
pub fn send(socket: impl AsFd, octets: &[u8], beside: Option<BorrowedFd<'_>>) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    let descriptors = beside.map(|fd| [fd]);
    if let Some(descriptors) = &descriptors {
        ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
    }
    let sent = rustix::net::sendmsg(socket, &[IoSlice::new(octets)], &mut ancillary, SendFlags::NOSIGNAL)?;
    if sent == octets.len() { Ok(()) } else { Err(io::ErrorKind::WriteZero.into()) }
}

/// Sends `octets`, however many, on a socket that blocks.
///
/// # Errors
/// When the other end is gone.
pub fn send_all(socket: impl AsFd, mut octets: &[u8]) -> io::Result<()> {
    while !octets.is_empty() {
        match rustix::net::send(&socket, octets, SendFlags::NOSIGNAL) {
            Ok(sent) => octets = &octets[sent..],
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}

/// Waits for octets, at most as many as `buffer` holds, and for the descriptor beside them. No octets: the
/// other end closed.
///
/// # Errors
/// When the socket fails.
pub fn receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match rustix::net::recvmsg(&socket, &mut [IoSliceMut::new(buffer)], &mut ancillary, RecvFlags::CMSG_CLOEXEC) {
            Err(rustix::io::Errno::INTR) => {}
            received => break received?.bytes,
        }
    };
    let mut beside = None;
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            beside = descriptors.last();
        }
    }
    Ok((received, beside))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_descriptor_travels_beside_its_octets() {
        let (one, other) = UnixStream::pair().unwrap();
        let (mut near, far) = UnixStream::pair().unwrap();
        send(&one, b"take", Some(far.as_fd())).unwrap();
        let mut buffer = [0; 16];
        let (length, beside) = receive(&other, &mut buffer).unwrap();
        assert_eq!(&buffer[..length], b"take");
        UnixStream::from(beside.unwrap()).write_all(b"hello").unwrap();
        near.read_exact(&mut buffer[..5]).unwrap();
        assert_eq!(&buffer[..5], b"hello");
    }

    #[test]
    fn a_closed_socket_gives_nothing() {
        let (one, other) = UnixStream::pair().unwrap();
        drop(one);
        let (length, beside) = receive(&other, &mut [0; 16]).unwrap();
        assert!(length == 0 && beside.is_none());
    }
}
