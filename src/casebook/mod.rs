//! What is known of cases and how far the mailboxes have been read: facts only, in one database that the
//! service and the commands share.
//!
//! Every method that writes is one transaction, and has happened when it returns: `synchronous=FULL`.

mod cases;
mod column;
mod error;
mod keyed;
mod outbox;
mod progress;
mod record;
mod trouble;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::journal::{self, Actor, Entry, Event, InstanceKey, JournalError, Verified};
use crate::mail::Address;
use crate::steps;

pub use cases::{CaseFacts, CaseRow, Filter, FindingFacts, NoticeFacts, PlaceFacts, SealedObject, Standing};
pub use error::CasebookError;
pub use keyed::Keyed;
pub use outbox::{About, NewNotice, Notice, NoticeId, Undelivered};
pub use progress::{Counts, Judged, MailboxDay, Outcome, Progress};
pub use record::{New, Party, PlaceId, Recorded, SealedPlace};
pub use trouble::Trouble;

type Result<T, E = CasebookError> = std::result::Result<T, E>;

/// How the tables came to be, one step a version. A step is never changed once it has been released.
const MIGRATIONS: [&str; 1] = [include_str!("schema.sql")];

/// One connection. For use by one thread at a time; several may be open.
pub struct Casebook {
    conn: Connection,
    key: InstanceKey,
    path: PathBuf,
}

impl Casebook {
    /// Opens the casebook, and makes it (mode 0600) where there is none.
    ///
    /// # Errors
    /// `WrongKey` and `Newer` before anything is touched; else when the database refuses.
    pub fn open(path: &Path, key: InstanceKey) -> Result<Self> {
        let made = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
        made.map_err(|source| CasebookError::Io { path: path.to_owned(), source })?;
        let conn = connect(path).map_err(CasebookError::database(path))?;
        let book = Self { conn, key, path: path.to_owned() };
        book.migrate()?;
        Ok(book)
    }

    /// Adds a line to the journal that belongs to no change of a case.
    ///
    /// # Errors
    /// When the database refuses: then what the line would tell of must not be done.
    pub fn note(&self, now: Timestamp, who: &Actor, event: &Event) -> Result<()> {
        self.write(|tx| self.append(tx, now, who, event))
    }

    /// The lines of the journal from number `from` on, `limit` at most.
    ///
    /// # Errors
    /// When the database refuses or a line cannot be understood.
    pub fn journal(&self, from: u64, limit: usize) -> Result<Vec<Entry>> {
        journal::entries(&self.conn, from, limit).map_err(|error| self.journal_error(error))
    }

    /// # Errors
    /// `Journal(Broken)` with the first line that is not as it was written.
    pub fn verify_journal(&self) -> Result<Verified> {
        journal::verify(&self.conn, &self.key).map_err(|error| self.journal_error(error))
    }

    fn migrate(&self) -> Result<()> {
        self.write(|tx| {
            let version: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            let steps = usize::try_from(version).ok().and_then(|done| MIGRATIONS.get(done..));
            let Some(steps) = steps else { return Err(Refusal::Book(CasebookError::Newer { path: self.path.clone(), version })) };
            let proof = self.key.mac("casebook", &[]);
            if version == 0 {
                tx.execute_batch(MIGRATIONS[0])?;
                tx.execute("INSERT INTO instance (one, proof) VALUES (1, ?)", [proof])?;
                journal::create(tx, &self.key)?;
            }
            let known: Vec<u8> = tx.query_row("SELECT proof FROM instance", [], |row| row.get(0))?;
            if known != proof {
                return Err(Refusal::Book(CasebookError::WrongKey { path: self.path.clone() }));
            }
            for step in steps.iter().skip(usize::from(version == 0)) {
                tx.execute_batch(step)?;
            }
            Ok(tx.pragma_update(None, "user_version", MIGRATIONS.len().cast_signed())?)
        })
    }

    /// One transaction that takes its place in the queue at once: a reader who turns writer midway would be
    /// refused by a second process instead of waiting for it.
    fn write<T>(&self, deed: impl FnOnce(&Transaction<'_>) -> Result<T, Refusal>) -> Result<T> {
        self.write_as(None, deed)
    }

    /// As `write`, with a step named before the commit.
    fn write_as<T>(&self, step: Option<&'static str>, deed: impl FnOnce(&Transaction<'_>) -> Result<T, Refusal>) -> Result<T> {
        let done = || {
            let tx = Transaction::new_unchecked(&self.conn, TransactionBehavior::Immediate)?;
            let value = deed(&tx)?;
            if let Some(name) = step {
                steps::step(name);
            }
            tx.commit()?;
            Ok(value)
        };
        done().map_err(|refusal| self.told(refusal))
    }

    fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        query(&self.conn).map_err(CasebookError::database(&self.path))
    }

    fn append(&self, tx: &Transaction<'_>, now: Timestamp, who: &Actor, event: &Event) -> Result<(), Refusal> {
        journal::append(tx, &self.key, now, who, event)?;
        Ok(())
    }

    fn told(&self, refusal: Refusal) -> CasebookError {
        match refusal {
            Refusal::Book(error) => error,
            Refusal::Database(error) => CasebookError::database(&self.path)(error),
            Refusal::Journal(error) => self.journal_error(error),
        }
    }

    fn journal_error(&self, error: JournalError) -> CasebookError {
        match error {
            JournalError::Database(error) => CasebookError::database(&self.path)(error),
            other => CasebookError::Journal(other),
        }
    }
}

/// Why a transaction was not committed.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(transparent)]
    Book(#[from] CasebookError),
    #[error(transparent)]
    Database(#[from] rusqlite::Error),
    #[error(transparent)]
    Journal(#[from] JournalError),
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let conn = Connection::open(path)?;
    conn.busy_timeout(Duration::from_secs(10))?;
    conn.set_prepared_statement_cache_capacity(64);
    let synchronous = if steps::mutant("synchronous-normal") { "NORMAL" } else { "FULL" };
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", synchronous)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    Ok(conn)
}

/// The number of a mailbox, given on first sight.
fn mailbox(tx: &Transaction<'_>, address: &Address) -> rusqlite::Result<i64> {
    let known =
        tx.prepare_cached("SELECT id FROM mailbox WHERE address = ?")?.query_row([address.as_str()], |row| row.get(0)).optional()?;
    match known {
        Some(id) => Ok(id),
        None => tx
            .prepare_cached("INSERT INTO mailbox (address) VALUES (?) RETURNING id")?
            .query_row(params![address.as_str()], |row| row.get(0)),
    }
}
