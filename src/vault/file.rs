//! Files that are there whole after a power cut, or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::steps;

/// Of what only a private key opens, and of public keys.
const SEALED: u32 = 0o640;

/// Makes a folder, mode 0750, where there is none.
pub fn create_folder(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o750).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        done => done,
    }
}

/// A file that was not there, mode 0600.
pub fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// As [`create`], of ciphertext: mode 0640, because the desk serves it.
pub fn create_sealed(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(SEALED).open(path)
}

/// Returns when the octets are on the disk. After an error the file is to be abandoned, never synced again:
/// the kernel tells of a failed write once.
pub fn sync(file: &File) -> io::Result<()> {
    if steps::mutant("no-fsync") { Ok(()) } else { file.sync_all() }
}

/// Returns when the names in the folder are on the disk.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    sync(&File::open(path)?)
}

/// Writes a small file as a whole, mode 0640, in the place of whatever was there. `drafts` is on the same file system.
pub fn replace(path: &Path, octets: &[u8], drafts: &Path) -> io::Result<()> {
    let mut draft = NamedTempFile::new_in(drafts)?;
    draft.write_all(octets)?;
    draft.as_file().set_permissions(Permissions::from_mode(SEALED))?;
    sync(draft.as_file())?;
    draft.persist(path)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// A file on its way, gone when it is dropped before it has arrived.
pub struct Draft<'a> {
    path: &'a Path,
    arrived: bool,
}

impl<'a> Draft<'a> {
    pub fn at(path: &'a Path) -> Self {
        Self { path, arrived: false }
    }

    pub fn rename(mut self, to: &Path) -> io::Result<()> {
        fs::rename(self.path, to)?;
        self.arrived = true;
        Ok(())
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.arrived {
            // What stays behind all the same is swept at the next start.
            let _ = fs::remove_file(self.path);
        }
    }
}
