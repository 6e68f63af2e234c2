//! A message in memory, and the parcel in which messages travel into the cage: written once, sealed, then shared.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use sha2::{Digest, Sha256};

/// A message of at most so many octets is kept on the heap: most are, and a memory file costs ten system calls.
pub const MAX_SMALL: u64 = 64 << 10;

/// Gathers the octets of one message as they arrive, whole or in pieces.
pub struct MessageWriter {
    octets: Octets,
    size: u64,
    digest: blake3::Hasher,
}

/// The octets of one message, never on disk and never held twice.
pub struct Message {
    octets: Octets,
    size: u64,
    digest: OnceLock<[u8; 32]>,
    body_digest: OnceLock<[u8; 32]>,
}

enum Octets {
    Heap(Vec<u8>),
    Memory(File),
}

impl MessageWriter {
    pub fn new() -> Self {
        Self { octets: Octets::Heap(Vec::new()), size: 0, digest: blake3::Hasher::new() }
    }

    /// # Errors
    /// When memory is short.
    pub fn write(&mut self, octets: &[u8]) -> io::Result<()> {
        self.size += octets.len() as u64;
        match &mut self.octets {
            Octets::Heap(heap) if self.size <= MAX_SMALL => heap.extend_from_slice(octets),
            // What is large is hashed while it passes by.
            Octets::Heap(heap) => {
                let mut file = memory_file()?;
                for piece in [heap.as_slice(), octets] {
                    file.write_all(piece)?;
                    self.digest.update(piece);
                }
                self.octets = Octets::Memory(file);
            }
            Octets::Memory(file) => {
                file.write_all(octets)?;
                self.digest.update(octets);
            }
        }
        Ok(())
    }

    pub fn size(&self) -> u64 {
        self.size
    }

    /// # Errors
    /// When the kernel refuses the seals.
    pub fn seal(mut self) -> io::Result<Message> {
        let digest = OnceLock::new();
        if let Octets::Memory(file) = &mut self.octets {
            seal(file)?;
            let _ = digest.set(self.digest.finalize().into());
        }
        Ok(Message { octets: self.octets, size: self.size, digest, body_digest: OnceLock::new() })
    }
}

impl Default for MessageWriter {
    fn default() -> Self {
        Self::new()
    }
}

impl Message {
    /// # Errors
    /// As [`MessageWriter`].
    pub fn from_octets(octets: &[u8]) -> io::Result<Self> {
        let mut writer = MessageWriter::new();
        writer.write(octets)?;
        writer.seal()
    }

    /// In octets.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// BLAKE3 of all octets, which costs a third of SHA-256. Plain digests stay in memory: what is kept is keyed (`casebook`).
    pub fn digest(&self) -> [u8; 32] {
        *self.digest.get_or_init(|| {
            let mut digest = blake3::Hasher::new();
            self.each_piece(|piece| {
                digest.update(piece);
            });
            digest.finalize().into()
        })
    }

    /// BLAKE3 of the octets behind the header: the same for every copy, whatever trace fields servers add.
    pub fn body_digest(&self) -> [u8; 32] {
        *self.body_digest.get_or_init(|| {
            let mut body = BodyDigest::default();
            self.each_piece(|piece| body.update(piece));
            body.digest.finalize().into()
        })
    }

    /// SHA-256 of all octets, as the vault has measured what it sealed.
    pub fn sha256(&self) -> [u8; 32] {
        let mut sha256 = Sha256::new();
        self.each_piece(|piece| sha256.update(piece));
        sha256.finalize().into()
    }

    fn each_piece(&self, mut with: impl FnMut(&[u8])) {
        if let Octets::Heap(heap) = &self.octets {
            return with(heap);
        }
        let mut reader = self.reader();
        let mut buffer = vec![0; 64 << 10];
        // Memory that was written can be read: there is no error to come.
        while let Ok(read @ 1..) = reader.read(&mut buffer) {
            with(&buffer[..read]);
        }
    }

    /// Reads the message from its beginning; any number of readers may be at work at once.
    pub fn reader(&self) -> impl Read + '_ {
        MessageReader { octets: &self.octets, at: 0 }
    }
}

struct MessageReader<'a> {
    octets: &'a Octets,
    at: u64,
}

impl Read for MessageReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match self.octets {
            Octets::Heap(heap) => {
                let mut rest = usize::try_from(self.at).ok().and_then(|at| heap.get(at..)).unwrap_or_default();
                rest.read(buffer)?
            }
            Octets::Memory(file) => file.read_at(buffer, self.at)?,
        };
        self.at += read as u64;
        Ok(read)
    }
}

/// Messages as they travel into the cage: one behind the other, in one memory file that no process can change.
pub struct Parcel<'a>(Packed<'a>);

enum Packed<'a> {
    /// A large message travels as it is.
    Alone(&'a File),
    Together(File),
}

impl<'a> Parcel<'a> {
    /// # Errors
    /// When memory is short.
    pub fn of(messages: &'a [Message]) -> io::Result<Self> {
        if let [Message { octets: Octets::Memory(file), .. }] = messages {
            return Ok(Self(Packed::Alone(file)));
        }
        let size: u64 = messages.iter().map(Message::size).sum();
        let mut together = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
        for message in messages {
            message.reader().read_to_end(&mut together)?;
        }
        let mut file = memory_file()?;
        file.write_all(&together)?;
        seal(&mut file)?;
        Ok(Self(Packed::Together(file)))
    }
}

impl AsFd for Parcel<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.0 {
            Packed::Alone(file) => file.as_fd(),
            Packed::Together(file) => file.as_fd(),
        }
    }
}

fn memory_file() -> io::Result<File> {
    Ok(File::from(memfd_create(c"message", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING | MemfdFlags::NOEXEC_SEAL)?))
}

fn seal(file: &mut File) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    Ok(fcntl_add_seals(file, SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE)?)
}

/// Hashes what follows the first empty line, however the octets are cut into pieces.
#[derive(Default)]
struct BodyDigest {
    digest: blake3::Hasher,
    inside: bool,
    /// Octets of the current header line, CR left out.
    line: u64,
}

impl BodyDigest {
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
        self.digest.update(rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_that_differ_in_trace_fields_have_one_body() {
        let one = Message::from_octets(b"Received: a\r\nSubject: s\r\n\r\nbody").unwrap();
        let other = Message::from_octets(b"Subject: s\r\n\r\nbody").unwrap();
        assert_eq!(one.body_digest(), other.body_digest());
        assert_ne!(one.digest(), other.digest());
    }

    #[test]
    fn a_message_written_in_pieces_is_the_message_written_whole() {
        let octets = b"A: b\r\nC: d\r\n\r\nbody\r\n\r\nmore";
        let whole = Message::from_octets(octets).unwrap();
        for cut in 0..octets.len() {
            let mut writer = MessageWriter::new();
            writer.write(&octets[..cut]).unwrap();
            writer.write(&octets[cut..]).unwrap();
            let pieces = writer.seal().unwrap();
            assert_eq!(
                (pieces.digest(), pieces.body_digest(), pieces.sha256()),
                (whole.digest(), whole.body_digest(), whole.sha256()),
                "cut at {cut}"
            );
            let mut read = Vec::new();
            pieces.reader().read_to_end(&mut read).unwrap();
            assert_eq!(read, octets);
        }
    }

    #[test]
    fn small_messages_travel_together_and_a_large_one_alone_and_nobody_can_write_into_the_parcel() {
        let large = vec![b'x'; usize::try_from(MAX_SMALL).unwrap() + 1];
        for octets in [vec![b"one".to_vec(), b"two".to_vec()], vec![large]] {
            let messages: Vec<_> = octets.iter().map(|octets| Message::from_octets(octets).unwrap()).collect();
            let parcel = Parcel::of(&messages).unwrap();
            let mut file = File::from(parcel.as_fd().try_clone_to_owned().unwrap());
            let mut packed = Vec::new();
            file.read_to_end(&mut packed).unwrap();
            assert_eq!(packed, octets.concat());
            assert!(file.write_all(b"y").is_err());
        }
    }
}
