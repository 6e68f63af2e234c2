//! 7z archives, block by block: what is packed together is unpacked together, once.

use std::io::Cursor;

use sevenz_rust2::{Archive, ArchiveEntry, BlockDecoder, Error, Password};

use crate::finding::Reason;
use crate::scan::extract::members::{Member, Members};
use crate::scan::extract::stream::WINDOW_KIB;

pub fn read(octets: &[u8], members: &mut Members<'_, '_, '_>) {
    let words = members.passwords().into_iter().map(|word| Password::from(word.as_str()));
    let mut keys: Vec<_> = [Password::empty()].into_iter().chain(words).collect();
    let archive = match keys.iter().take_while(|_| !members.is_late()).position(|key| !is_locked(&open(octets, key))) {
        // Where the names are locked too, the same key opens the rest.
        Some(index) => {
            keys.rotate_left(index);
            open(octets, &keys[0])
        }
        None => return members.lacks(Reason::EncryptedArchive),
    };
    match archive {
        Ok(archive) => Blocks { octets, archive: &archive, keys: &keys }.read(members),
        Err(error) => members.lacks(reason(&error)),
    }
}

fn open(octets: &[u8], key: &Password) -> Result<Archive, Error> {
    Archive::read_with_memory_limit(&mut Cursor::new(octets), key, WINDOW_KIB)
}

fn is_locked(archive: &Result<Archive, Error>) -> bool {
    matches!(archive, Err(error) if reason(error) == Reason::EncryptedArchive)
}

struct Blocks<'a> {
    octets: &'a [u8],
    archive: &'a Archive,
    keys: &'a [Password],
}

impl Blocks<'_> {
    fn read(&self, members: &mut Members<'_, '_, '_>) {
        for block in 0..self.archive.blocks.len() {
            let first = self.archive.stream_map.block_first_file_index.get(block).copied().unwrap_or_default();
            if !self.archive.is_file_encrypted(first) {
                self.read_block(block, &self.keys[0], members);
            } else if let Some(key) = self.keys.iter().take_while(|_| !members.is_late()).find(|key| self.opens(block, key, members)) {
                members.opened_by_password();
                self.read_block(block, key, members);
            } else {
                self.rest(block, 0, Reason::EncryptedArchive, members);
            }
        }
        let without_octets = self.archive.files.iter().zip(&self.archive.stream_map.file_block_index);
        for (file, _) in without_octets.filter(|(file, block)| block.is_none() && !file.is_directory) {
            if members.open().is_none() {
                return;
            }
            members.add(Member::file(Some(file.name.clone()), &[], None));
        }
    }

    fn decoder<'d>(&'d self, block: usize, key: &'d Password, source: &'d mut Cursor<&'d [u8]>) -> BlockDecoder<'d, Cursor<&'d [u8]>> {
        BlockDecoder::new_with_memory_limit(1, WINDOW_KIB, block, self.archive, key, source)
    }

    fn files(&self, block: usize) -> Vec<ArchiveEntry> {
        self.decoder(block, &self.keys[0], &mut Cursor::new(self.octets)).entries().to_vec()
    }

    /// Whether the first file of the block comes out whole.
    fn opens(&self, block: usize, key: &Password, members: &Members<'_, '_, '_>) -> bool {
        let allowance = members.glance();
        let mut is_whole = false;
        let read = self.decoder(block, key, &mut Cursor::new(self.octets)).for_each_entries(&mut |_, source| {
            is_whole = allowance.drain(source).failure.is_none();
            Ok(false)
        });
        is_whole && read.is_ok()
    }

    fn read_block(&self, block: usize, key: &Password, members: &mut Members<'_, '_, '_>) {
        let mut seen = 0;
        let mut failure = None;
        let read = self.decoder(block, key, &mut Cursor::new(self.octets)).for_each_entries(&mut |file, source| {
            let Some(allowance) = members.open() else {
                failure = Some(Reason::Budget);
                return Ok(false);
            };
            seen += 1;
            if file.is_directory {
                return Ok(true);
            }
            let unpacked = allowance.drain(source);
            failure = unpacked.failure;
            members.add(Member::file(Some(file.name.clone()), unpacked.octets, failure));
            // What follows in the block could only be had by unpacking the rest of this one.
            Ok(failure.is_none())
        });
        if let Some(failure) = failure.or_else(|| read.err().as_ref().map(reason)) {
            self.rest(block, seen, failure, members);
        }
    }

    /// The files of a block from the one `seen` on, which cannot be had.
    fn rest(&self, block: usize, seen: usize, failure: Reason, members: &mut Members<'_, '_, '_>) {
        let files = self.files(block);
        if seen >= files.len() {
            members.lacks(failure);
        }
        for file in files.into_iter().skip(seen).filter(|file| !file.is_directory) {
            if members.open().is_none() {
                return;
            }
            members.add(Member::file(Some(file.name), &[], Some(failure)));
        }
    }
}

fn reason(error: &Error) -> Reason {
    match error {
        Error::MaxMemLimited { .. } => Reason::Budget,
        Error::ExternalUnsupported | Error::Unsupported(_) | Error::UnsupportedCompressionMethod(_) | Error::UnsupportedVersion { .. } => {
            Reason::Unsupported
        }
        Error::MaybeBadPassword(_) | Error::PasswordRequired => Reason::EncryptedArchive,
        _ => Reason::Damaged,
    }
}
