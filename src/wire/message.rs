//! A message in memory that no process can change: written once, sealed, then shared by its descriptor.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use sha2::{Digest, Sha256};

/// Gathers the octets of one message as they arrive, whole or in pieces.
pub struct MessageWriter {
    file: File,
    size: u64,
    whole: Sha256,
    body: BodyHash,
}

/// The octets of one message in a sealed memory file, never on disk and never held twice.
pub struct Message {
    file: File,
    size: u64,
    digests: Digests,
}

/// Plain digests of one message. They stay in memory: what is kept is keyed (`casebook`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digests {
    /// SHA-256 of all octets.
    pub whole: [u8; 32],
    /// SHA-256 of the octets behind the header: the same for every copy, whatever trace fields servers add.
    pub body: [u8; 32],
}

impl MessageWriter {
    /// # Errors
    /// When the kernel gives no memory file.
    pub fn new() -> io::Result<Self> {
        let file = File::from(memfd_create(c"message", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | MemfdFlags::NOEXEC_SEAL)?);
        Ok(Self { file, size: 0, whole: Sha256::new(), body: BodyHash::default() })
    }

    /// # Errors
    /// When memory is short.
    pub fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.file.write_all(octets)?;
        self.size += octets.len() as u64;
        self.whole.update(octets);
        self.body.update(octets);
        Ok(())
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// # Errors
    /// When the kernel refuses the seals.
    pub fn seal(mut self) -> io::Result<Message> {
        self.file.seek(SeekFrom::Start(0))?;
        fcntl_add_seals(&self.file, SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE)?;
        let digests = Digests { whole: self.whole.finalize().into(), body: self.body.hash.finalize().into() };
        Ok(Message { file: self.file, size: self.size, digests })
    }
}

impl Message {
    /// # Errors
    /// As [`MessageWriter`].
    pub fn from_octets(octets: &[u8]) -> io::Result<Self> {
        let mut writer = MessageWriter::new()?;
        writer.write(octets)?;
        writer.seal()
    }

    /// In octets.
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn digests(&self) -> Digests {
        self.digests
    }

    /// Reads the message from its beginning; any number of readers may be at work at once.
    pub fn reader(&self) -> impl Read + '_ {
        MessageReader { file: &self.file, at: 0 }
    }
}

impl AsFd for Message {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

struct MessageReader<'a> {
    file: &'a File,
    at: u64,
}

impl Read for MessageReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Hashes what follows the first empty line, however the octets are cut into pieces.
#[derive(Default)]
struct BodyHash {
    hash: Sha256,
    inside: bool,
    /// Octets of the current header line, CR left out.
    line: u64,
}

impl BodyHash {
    fn update(&mut self, octets: &[u8]) {
        let mut rest = octets;
        while !self.inside {
            let Some((&octet, after)) = rest.split_first() else { return };
            rest = after;
            match octet {
                b'\n' if self.line == 0 => self.inside = true,
                b'\n' => self.line = 0,
                b'\r' => {}
                _ => self.line += 1,
            }
        }
        self.hash.update(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_that_differ_in_trace_fields_have_one_body() {
        let one = Message::from_octets(b"Received: a\r\nSubject: s\r\n\r\nbody").unwrap();
        let other = Message::from_octets(b"Subject: s\r\n\r\nbody").unwrap();
        assert!(one.digests().body == other.digests().body);
        assert!(one.digests().whole != other.digests().whole);
    }

    #[test]
    fn a_message_written_in_pieces_is_the_message_written_whole() {
        let octets = b"A: b\r\nC: d\r\n\r\nbody\r\n\r\nmore";
        let whole = Message::from_octets(octets).unwrap();
        for cut in 0..octets.len() {
            let mut writer = MessageWriter::new().unwrap();
            writer.write(&octets[..cut]).unwrap();
            writer.write(&octets[cut..]).unwrap();
            let pieces = writer.seal().unwrap();
            assert!(pieces.digests() == whole.digests(), "cut at {cut}");
            let mut read = Vec::new();
            pieces.reader().read_to_end(&mut read).unwrap();
            assert_eq!(read, octets);
        }
    }

    #[test]
    fn a_sealed_message_cannot_be_written() {
        let message = Message::from_octets(b"x").unwrap();
        assert!((&message.file).write_all(b"y").is_err());
    }
}
