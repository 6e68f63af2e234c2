//! What the desk writes down: who has an account, what people did with cases, and a journal of all that was shown.
//!
//! The desk's own process is its one writer, and the command line beside it; the service reads the deeds and carries
//! them out. The file keeps a rollback journal: who may only read needs nothing but the file itself.

mod account;
mod addresses;
mod admission;
mod chain;
mod deed;
mod error;
mod kept_list;
mod passkey;
mod standing;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::journal::{self, Actor, Entry, Event, InstanceKey, JournalError, JournalLine, Signer, Verified};

pub use account::{Account, AccountId, Credentials, Invitation, Invited, Keys, NewAccount, Role};
pub use admission::{Admission, NewAdmission};
pub use chain::Chain;
pub use deed::{Deed, DeedRow, Done, ReleasedKey};
pub use error::DeskError;
pub use kept_list::{KeptList, MOST_KEPT};
pub use passkey::{Factor, MOST_PASSKEYS, NewPasskey, Passkey};
pub use standing::{Stand, Status};

type Result<T, E = DeskError> = std::result::Result<T, E>;

const MIGRATIONS: [&str; 6] = [
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
    include_str!("schema_6.sql"),
];

/// One connection. For use by one thread at a time; several may be open.
pub struct Desk {
    conn: Connection,
    key: InstanceKey,
    path: PathBuf,
}

/// The desk as the service sees it: it reads, and writes nothing.
pub struct Deeds {
    conn: Connection,
    path: PathBuf,
}

impl Desk {
    /// Opens the desk in its folder, and makes its file (mode 0640: the service reads it) and its key (mode 0600)
    /// where there are none.
    ///
    /// # Errors
    /// `WrongKey` and `Newer` before anything is touched; else when the disk or the database refuses.
    pub fn open(folder: &Path) -> Result<Self> {
        let (path, key) = (Self::path(folder), Self::key_path(folder));
        let key = match InstanceKey::create(&key) {
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => InstanceKey::read(&key),
            made => made,
        };
        let io = |source| DeskError::Io { path: path.clone(), source };
        let key = key.map_err(io)?;
        OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(&path).map_err(io)?;
        let conn = connect(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(DeskError::database(&path))?;
        let desk = Self { conn, key, path };
        desk.migrate()?;
        Ok(desk)
    }

    /// Whether there is a desk in this folder: [`Desk::open`] makes one where there is none.
    ///
    /// # Errors
    /// When the folder is out of reach.
    pub fn is_there(folder: &Path) -> Result<bool> {
        let path = Self::path(folder);
        path.try_exists().map_err(|source| DeskError::Io { path, source })
    }

    fn path(folder: &Path) -> PathBuf {
        folder.join("desk.db")
    }

    fn key_path(folder: &Path) -> PathBuf {
        folder.join("desk.key")
    }

    /// Adds a line to the desk's journal.
    ///
    /// # Errors
    /// When the database refuses: then what the line would tell of must not be done.
    pub fn note(&self, now: Timestamp, who: &Actor, event: &Event) -> Result<()> {
        self.write(|tx| self.append(tx, now, who, event))
    }

    /// As [`Desk::note`], of what happens at once: all of the lines, or none.
    ///
    /// # Errors
    /// As [`Desk::note`].
    pub fn note_all(&self, now: Timestamp, who: &Actor, events: &[Event]) -> Result<()> {
        self.write(|tx| events.iter().try_for_each(|event| self.append(tx, now, who, event)))
    }

    /// The last lines of the journal, oldest first, `limit` at most.
    ///
    /// # Errors
    /// When the database refuses or a line cannot be understood.
    pub fn journal_end(&self, limit: usize) -> Result<Vec<Entry>> {
        Ok(journal::last_entries(&self.conn, limit)?)
    }

    /// # Errors
    /// `Journal(Broken)` with the first line that is not as it was written.
    pub fn verify_journal(&self) -> Result<Verified> {
        Ok(journal::verify(&self.conn, &self.key)?)
    }

    /// A digest that only this desk can make: for what it hands out and wants to know again.
    pub fn mac(&self, label: &str, pieces: &[&[u8]]) -> [u8; 32] {
        self.key.mac(label, pieces)
    }

    /// Signs what leaves the house by way of the desk.
    pub fn signer(&self) -> Signer {
        self.key.signer()
    }

    fn migrate(&self) -> Result<()> {
        self.write(|tx| {
            let version: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            let steps = usize::try_from(version).ok().and_then(|done| MIGRATIONS.get(done..));
            let Some(steps) = steps else { return Err(DeskError::Newer { path: self.path.clone(), version }) };
            if version == 0 {
                journal::create(tx, &self.key)?;
            }
            for step in steps {
                tx.execute_batch(step)?;
            }
            Ok(tx.pragma_update(None, "user_version", MIGRATIONS.len().cast_signed())?)
        })?;
        // The head of the journal is sealed with the key: another one is noticed here, and not by whoever reads it later.
        if journal::is_ours(&self.conn, &self.key)? { Ok(()) } else { Err(DeskError::WrongKey { path: self.path.clone() }) }
    }

    fn write<T>(&self, deed: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let tx = Transaction::new_unchecked(&self.conn, TransactionBehavior::Immediate)?;
        let value = deed(&tx).map_err(|error| error.of(&self.path))?;
        tx.commit().map_err(DeskError::database(&self.path))?;
        Ok(value)
    }

    fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        query(&self.conn).map_err(DeskError::database(&self.path))
    }

    fn append(&self, tx: &Transaction<'_>, now: Timestamp, who: &Actor, event: &Event) -> Result<()> {
        journal::append(tx, &self.key, now, who, event)?;
        Ok(())
    }
}

impl Deeds {
    /// Opens the desk's file; `None` where there is no desk.
    ///
    /// # Errors
    /// When it is out of reach; `Newer` and `Older` when it has other tables than this version.
    pub fn open(folder: &Path) -> Result<Option<Self>> {
        let path = Desk::path(folder);
        if !Desk::is_there(folder)? {
            return Ok(None);
        }
        let conn = connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(DeskError::database(&path))?;
        let version: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(DeskError::database(&path))?;
        match usize::try_from(version) {
            // It is only just being made.
            Ok(0) => Ok(None),
            Ok(done) if done == MIGRATIONS.len() => Ok(Some(Self { conn, path })),
            Ok(done) if done < MIGRATIONS.len() => Err(DeskError::Older { path }),
            _ => Err(DeskError::Newer { path, version }),
        }
    }

    /// When the first line of the journal was written.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn journal_begins(&self) -> Result<Option<Timestamp>> {
        Ok(journal::begins(&self.conn)?)
    }

    /// As [`journal::lines_before`].
    ///
    /// # Errors
    /// When the database refuses.
    pub fn journal_before(&self, before: u64, limit: usize) -> Result<Vec<JournalLine>> {
        self.read(|conn| journal::lines_before(conn, before, limit))
    }

    fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        query(&self.conn).map_err(DeskError::database(&self.path))
    }
}

impl From<JournalError> for DeskError {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Database(error) => Self::from(error),
            other => Self::Journal(other),
        }
    }
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let conn = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.busy_timeout(Duration::from_secs(10))?;
    conn.set_prepared_statement_cache_capacity(32);
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    // What is deleted here is a key: it is overwritten.
    conn.pragma_update(None, "secure_delete", true)?;
    Ok(conn)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_desk_opens_again_with_its_own_key_and_with_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::open(folder.path()).unwrap();
        desk.note(Timestamp::UNIX_EPOCH, &Actor::Program, &Event::SignedIn).unwrap();
        drop(desk);
        assert_eq!(Desk::open(folder.path()).unwrap().verify_journal().unwrap().entries, 1);
        fs::remove_file(folder.path().join("desk.key")).unwrap();
        let path = folder.path().join("desk.db");
        assert!(matches!(Desk::open(folder.path()), Err(DeskError::WrongKey { path: named }) if named == path));
        let mode = |name| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("desk.db") & !0o640, mode("desk.key")), (0, 0o600));
    }

    #[test]
    fn the_service_reads_the_desk_and_cannot_write_to_it() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Deeds::open(folder.path()).unwrap().is_none(), "there is no desk yet");
        let _desk = Desk::open(folder.path()).unwrap();
        let deeds = Deeds::open(folder.path()).unwrap().unwrap();
        let refused = deeds.conn.execute("DELETE FROM account", []).unwrap_err();
        assert_eq!(refused.sqlite_error_code(), Some(rusqlite::ErrorCode::ReadOnly));
    }

    #[test]
    fn a_desk_of_a_newer_version_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        Desk::open(folder.path()).unwrap().conn.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(Desk::open(folder.path()), Err(DeskError::Newer { version: 99, .. })));
        assert!(matches!(Deeds::open(folder.path()), Err(DeskError::Newer { version: 99, .. })));
    }

    #[test]
    fn a_desk_of_an_older_version_waits_for_its_own_process_and_keeps_what_it_holds() {
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::open(folder.path()).unwrap();
        desk.note(Timestamp::UNIX_EPOCH, &Actor::Program, &Event::SignedIn).unwrap();
        let back = "DROP TABLE admission; DROP TABLE passkey; DROP TABLE kept_list; ALTER TABLE standing DROP COLUMN closed_by; ALTER TABLE standing DROP COLUMN destroy_asked_by; ALTER TABLE deed DROP COLUMN until;
             ALTER TABLE standing DROP COLUMN snoozed_until; PRAGMA user_version = 1";
        desk.conn.execute_batch(back).unwrap();
        assert!(matches!(Deeds::open(folder.path()), Err(DeskError::Older { .. })));
        assert_eq!(Desk::open(folder.path()).unwrap().verify_journal().unwrap().entries, 1);
        assert!(Deeds::open(folder.path()).unwrap().is_some());
    }
}
