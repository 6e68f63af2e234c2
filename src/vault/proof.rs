//! The proof that a sealed file opens: its file key is caught while it is sealed, and used to read it back.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{self, Read};

use age::secrecy::ExposeSecret;
use age_core::format::{FileKey, Stanza};
use sha2::{Digest, Sha256};

use super::Opens;

/// A recipient that adds nothing to the file and keeps its key.
#[derive(Default)]
pub struct Capture(RefCell<Option<FileKey>>);

impl Capture {
    pub fn into_key(self) -> Option<CapturedKey> {
        self.0.into_inner().map(CapturedKey)
    }
}

impl age::Recipient for Capture {
    fn wrap_file_key(&self, key: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), age::EncryptError> {
        *self.0.borrow_mut() = Some(copy(key));
        Ok((Vec::new(), HashSet::new()))
    }
}

/// Opens one file, once, without anybody's private key. Wiped when dropped.
pub struct CapturedKey(FileKey);

impl age::Identity for CapturedKey {
    fn unwrap_stanza(&self, _: &Stanza) -> Option<Result<FileKey, age::DecryptError>> {
        Some(Ok(copy(&self.0)))
    }
}

/// The key of one sealed object and of no other, from somebody who can open it. Wiped when dropped.
pub struct ObjectKey(CapturedKey);

impl ObjectKey {
    pub fn from_octets(octets: [u8; 16]) -> Self {
        Self(CapturedKey(FileKey::new(Box::new(octets))))
    }
}

impl Opens for ObjectKey {
    fn identity(&self) -> &dyn age::Identity {
        &self.0
    }
}

fn copy(key: &FileKey) -> FileKey {
    FileKey::new(Box::new(*key.expose_secret()))
}

/// Hashes what passes through.
pub struct Hashing<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Hashing<R> {
    pub fn new(inner: R) -> Self {
        Self { inner, hash: Sha256::new() }
    }

    /// The hash of all there is, read or yet unread.
    pub fn finish(mut self) -> io::Result<[u8; 32]> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(self.hash.finalize().into())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

/// Whether both give the same octets to their end.
pub fn same(mut one: impl Read, mut other: impl Read) -> io::Result<bool> {
    let (mut left, mut right) = (vec![0; 64 << 10], vec![0; 64 << 10]);
    loop {
        let (read, compared) = (fill(&mut one, &mut left)?, fill(&mut other, &mut right)?);
        if left[..read] != right[..compared] {
            return Ok(false);
        }
        if read == 0 {
            return Ok(true);
        }
    }
}

/// Reads until the buffer is full or there is no more.
fn fill(from: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out what it has in bits of three octets.
    struct Dripping<'a>(&'a [u8]);

    impl Read for Dripping<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = buffer.len().min(3);
            self.0.read(&mut buffer[..most])
        }
    }

    #[test]
    fn readers_are_the_same_only_when_every_octet_is() {
        let octets = vec![7; 200_000];
        assert!(same(&octets[..], Dripping(&octets)).unwrap());
        assert!(!same(&octets[..], Dripping(&octets[..199_999])).unwrap());
        let mut changed = octets.clone();
        changed[131_072] = 8;
        assert!(!same(&octets[..], &changed[..]).unwrap());
    }
}
