//! A message in memory, and the parcel in which messages travel into the cage: written once, sealed, then shared.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::sync::OnceLock;

use rustix::fs::{SealFlags, fcntl_add_seals};

use super::digest::{Digest, Digester, Digests};
use super::memory_file::memory_file;

/// A message of at most so many octets is kept on the heap: most are, and a memory file costs ten system calls.
pub const MAX_SMALL: u64 = HEAP as u64;
const HEAP: usize = 1 << 20;
/// Larger ones are written and hashed so many octets at a time: smaller pieces cost system calls, larger ones the cache.
const PIECE: usize = 64 << 10;

/// Gathers the octets of one message as they arrive, whole or in pieces.
pub struct MessageWriter {
    /// Octets that came and are not in `spilled`. Its capacity says when it is full.
    piece: Vec<u8>,
    /// Boxed: a session of a mailbox has room for a writer, and few messages are large.
    spilled: Option<Box<Spilled>>,
}

/// What no longer fits on the heap.
struct Spilled {
    file: File,
    size: u64,
    digester: Digester,
}

/// The octets of one message, never on disk. What is large is never held twice.
pub struct Message {
    octets: Octets,
    size: u64,
    digests: OnceLock<Digests>,
}

enum Octets {
    Heap(Vec<u8>),
    Memory(File),
}

impl MessageWriter {
    pub fn new() -> Self {
        Self::for_octets(0)
    }

    /// For a message of about so many octets: more and fewer may come.
    pub fn for_octets(octets: u64) -> Self {
        let expected = usize::try_from(octets).unwrap_or(HEAP).min(HEAP);
        Self { piece: Vec::with_capacity(expected), spilled: None }
    }

    /// Where the next octets go: behind what is there, as many as fit without making it larger, and one at least does.
    ///
    /// # Errors
    /// When memory is short.
    pub fn room(&mut self) -> io::Result<&mut Vec<u8>> {
        self.room_for(1)
    }

    /// The same, where so many are known to come.
    fn room_for(&mut self, octets: usize) -> io::Result<&mut Vec<u8>> {
        let room = self.piece.capacity();
        if self.piece.len() == room {
            if self.spilled.is_none() && room < HEAP {
                let enough = (2 * room).max(room + octets.min(HEAP)).clamp(PIECE / 16, HEAP);
                self.piece.reserve_exact(enough - room);
            } else {
                self.spill()?;
            }
        }
        Ok(&mut self.piece)
    }

    /// # Errors
    /// When memory is short.
    pub fn write(&mut self, mut octets: &[u8]) -> io::Result<()> {
        while !octets.is_empty() {
            let room = self.room_for(octets.len())?;
            let (now, later) = octets.split_at(octets.len().min(room.capacity() - room.len()));
            room.extend_from_slice(now);
            octets = later;
        }
        Ok(())
    }

    /// In octets.
    pub fn size(&self) -> u64 {
        self.spilled.as_ref().map_or(0, |spilled| spilled.size) + self.piece.len() as u64
    }

    /// # Errors
    /// When memory is short, or the kernel refuses the seals.
    pub fn seal(mut self) -> io::Result<Message> {
        if self.spilled.is_some() {
            self.spill()?;
        }
        let size = self.size();
        let Some(spilled) = self.spilled else {
            return Ok(Message { octets: Octets::Heap(self.piece), size, digests: OnceLock::new() });
        };
        let Spilled { mut file, digester, .. } = *spilled;
        seal(&mut file)?;
        Ok(Message { octets: Octets::Memory(file), size, digests: digester.finish().into() })
    }

    /// Moves what came to the memory file. What is large is hashed while it passes by.
    fn spill(&mut self) -> io::Result<()> {
        let spilled = match &mut self.spilled {
            Some(spilled) => spilled,
            none => none.insert(Box::new(Spilled { file: memory_file(c"message")?.into(), size: 0, digester: Digester::default() })),
        };
        spilled.file.write_all(&self.piece)?;
        spilled.digester.update(&self.piece);
        spilled.size += self.piece.len() as u64;
        self.piece.clear();
        self.piece.shrink_to(PIECE);
        Ok(())
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
        let mut writer = MessageWriter::for_octets(octets.len() as u64);
        writer.write(octets)?;
        writer.seal()
    }

    /// In octets.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// All octets, where they are on the heap.
    pub fn on_heap(&self) -> Option<&[u8]> {
        match &self.octets {
            Octets::Heap(heap) => Some(heap),
            Octets::Memory(_) => None,
        }
    }

    /// Of all octets.
    pub fn digest(&self) -> Digest {
        self.digests().whole
    }

    /// Of the octets behind the header.
    pub fn body_digest(&self) -> Digest {
        self.digests().body
    }

    fn digests(&self) -> &Digests {
        self.digests.get_or_init(|| {
            let mut digester = Digester::default();
            self.each_piece(|piece| digester.update(piece));
            digester.finish()
        })
    }

    fn each_piece(&self, mut with: impl FnMut(&[u8])) {
        if let Some(heap) = self.on_heap() {
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

/// Messages as they travel into the cage where no tray holds them: one behind the other, in one memory file that no process can
/// change.
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
        let mut file = File::from(memory_file(c"message")?);
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

fn seal(file: &mut File) -> io::Result<()> {
    file.seek(SeekFrom::Start(0))?;
    Ok(fcntl_add_seals(file, SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE)?)
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
            assert_eq!((pieces.digest(), pieces.body_digest()), (whole.digest(), whole.body_digest()), "cut at {cut}");
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
