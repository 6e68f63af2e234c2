//! The desk's journal on a connection of its own: to walk it, however long it is, keeps nobody from the desk meanwhile.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

use super::{Desk, DeskError, Result, connect};
use crate::journal::{self, InstanceKey, JournalLine, Verified};

/// It reads, and writes nothing.
pub struct Chain {
    conn: Connection,
    key: InstanceKey,
    path: PathBuf,
}

impl Chain {
    /// Opens the journal of a desk that is there.
    ///
    /// # Errors
    /// When its file or its key is out of reach.
    pub fn open(folder: &Path) -> Result<Self> {
        let (path, key) = (Desk::path(folder), Desk::key_path(folder));
        let key = InstanceKey::read(&key).map_err(|source| DeskError::Io { path: key, source })?;
        let conn = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(DeskError::database(&path))?;
        Ok(Self { conn, key, path })
    }

    /// As [`journal::lines_before`].
    ///
    /// # Errors
    /// When the database refuses.
    pub fn before(&self, before: u64, limit: usize) -> Result<Vec<JournalLine>> {
        journal::lines_before(&self.conn, before, limit).map_err(DeskError::database(&self.path))
    }

    /// # Errors
    /// `Journal(Broken)` with the first line that is not as it was written.
    pub fn verify(&self) -> Result<Verified> {
        journal::verify(&self.conn, &self.key).map_err(|error| DeskError::from(error).of(&self.path))
    }
}
