//! What is known of cases and how far the mailboxes have been read: facts only, in one database that the
//! service and the commands share.
//!
//! Every method that writes is one transaction, and has happened when it returns: `synchronous=FULL`.

mod cases;
mod column;
mod counts;
mod course;
mod coverage;
#[cfg(test)]
pub(crate) mod desk;
mod destroy;
mod error;
mod keyed;
mod learnt;
mod openings;
mod outbox;
mod place;
mod progress;
mod put_back;
mod reading;
mod record;
mod rules;
mod thread;
mod trouble;

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, DropBehavior, OptionalExtension, Transaction, TransactionBehavior, params};

use crate::journal::{self, Actor, Entry, Event, InstanceKey, JournalError, JournalLine, Signer, Verified};
use crate::mail::Address;
use crate::steps;
use column::Moment;

pub use cases::{CaseFacts, CaseRow, Filter, FindingFacts, NoticeFacts, Standing};
pub use counts::{CaseCounts, RuleCounts};
pub use course::Course;
pub use coverage::{Reach, SeenFolder};
pub use destroy::{Destruction, Doomed};
pub use error::CasebookError;
pub use keyed::Keyed;
pub use learnt::{Learnt, ShadowCount};
pub use openings::{OpenedCase, WeekOfOpenings};
pub use outbox::{About, NewNotice, Notice, NoticeId, Undelivered};
pub use place::{PlaceFacts, PlaceId, SealedObject, SealedPlace};
pub use progress::{Counts, Judged, MailboxDay, Outcome, Progress};
pub use reading::{Involvement, ReadOnly};
pub use record::{Ends, New, Party, Recorded};
pub use rules::{RuleRecord, Version};
pub use trouble::{Episode, Trouble};

type Result<T, E = CasebookError> = std::result::Result<T, E>;

/// How the tables came to be, one step a version. A step is never changed once it has been released.
const MIGRATIONS: [&str; 12] = [
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
    include_str!("schema_6.sql"),
    include_str!("schema_7.sql"),
    include_str!("schema_8.sql"),
    include_str!("schema_9.sql"),
    include_str!("schema_10.sql"),
    include_str!("schema_11.sql"),
    include_str!("schema_12.sql"),
];

/// One connection. For use by one thread at a time; several may be open.
pub struct Casebook {
    conn: Connection,
    key: InstanceKey,
    path: PathBuf,
}

impl Casebook {
    /// Opens the casebook, and makes it (mode 0640: the desk reads it) where there is none.
    ///
    /// # Errors
    /// `WrongKey` and `Newer` before anything is touched; else when the database refuses.
    pub fn open(path: &Path, key: InstanceKey) -> Result<Self> {
        let made = OpenOptions::new().read(true).append(true).create(true).mode(0o640).open(path);
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

    /// The last lines of the journal, oldest first, `limit` at most.
    ///
    /// # Errors
    /// As [`Casebook::journal`].
    pub fn journal_end(&self, limit: usize) -> Result<Vec<Entry>> {
        journal::last_entries(&self.conn, limit).map_err(|error| self.journal_error(error))
    }

    /// As [`journal::lines_before`].
    ///
    /// # Errors
    /// When the database refuses.
    pub fn journal_before(&self, before: u64, limit: usize) -> Result<Vec<JournalLine>> {
        self.read(|conn| journal::lines_before(conn, before, limit))
    }

    /// When the first line of the journal was written.
    ///
    /// # Errors
    /// As [`Casebook::journal`].
    pub fn journal_begins(&self) -> Result<Option<Timestamp>> {
        journal::begins(&self.conn).map_err(|error| self.journal_error(error))
    }

    /// Signs what leaves the house in the name of this installation.
    pub fn signer(&self) -> Signer {
        self.key.signer()
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
            if steps.is_empty() {
                // Nothing is written: on a full disk, `status` still says so.
                return Ok(());
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
            let tx = begin(&self.conn)?;
            let value = deed(&tx)?;
            if let Some(name) = step {
                steps::step(name);
            }
            commit(tx, step)?;
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
    // A statement that is kept stays compiled: otherwise some are compiled anew for every value that they are asked about.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let synchronous = if steps::mutant("synchronous-normal") { "NORMAL" } else { "FULL" };
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", synchronous)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    Ok(conn)
}

fn begin(conn: &Connection) -> rusqlite::Result<Transaction<'_>> {
    if steps::mutant("remove-before-commit") && !conn.is_autocommit() {
        conn.execute_batch("COMMIT")?;
    }
    Transaction::new_unchecked(conn, TransactionBehavior::Immediate)
}

fn commit(mut tx: Transaction<'_>, step: Option<&'static str>) -> rusqlite::Result<()> {
    if steps::mutant("remove-before-commit") && step == Some("record.commit") {
        // The mutant leaves it to the next write, which comes when the message has been removed.
        tx.set_drop_behavior(DropBehavior::Ignore);
        return Ok(());
    }
    tx.commit()
}

/// The number of a mailbox, given on first sight.
fn mailbox(tx: &Transaction<'_>, address: &Address, now: Timestamp) -> rusqlite::Result<i64> {
    let known =
        tx.prepare_cached("SELECT id FROM mailbox WHERE address = ?")?.query_row([address.as_str()], |row| row.get(0)).optional()?;
    match known {
        Some(id) => Ok(id),
        None => tx
            .prepare_cached("INSERT INTO mailbox (address, met_at) VALUES (?, ?) RETURNING id")?
            .query_row(params![address.as_str(), Moment(now)], |row| row.get(0)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::desk::{Desk, address, at, concern, place};
    use super::*;
    use crate::finding::{Action, Level};

    #[test]
    fn a_casebook_opens_again_with_its_own_key_and_with_no_other() {
        let desk = Desk::new();
        desk.record(1, &place("ann", 1), &concern(Level::Day, Action::Flag), None);
        assert_eq!(desk.again().cases(&Filter::default()).unwrap().len(), 1);
        let path = desk.folder.path().join("casebook.db");
        let refused = Casebook::open(&path, InstanceKey::random().unwrap()).err();
        assert!(matches!(refused, Some(CasebookError::WrongKey { path: named }) if named == path));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777 & !0o640, 0);
    }

    #[test]
    fn a_casebook_of_a_newer_version_and_a_file_that_is_none_are_left_alone() {
        let desk = Desk::new();
        desk.book.conn.pragma_update(None, "user_version", 99).unwrap();
        let path = desk.folder.path().join("casebook.db");
        assert!(matches!(Casebook::open(&path, desk.key.clone()), Err(CasebookError::Newer { version: 99, .. })));
        let other = desk.folder.path().join("other");
        fs::write(&other, [7; 5000]).unwrap();
        assert!(matches!(Casebook::open(&other, desk.key.clone()), Err(CasebookError::Damaged { path, .. }) if path == other));
        assert_eq!(fs::read(&other).unwrap(), [7; 5000]);
    }

    #[test]
    fn a_casebook_of_an_earlier_version_is_brought_up_to_date_and_keeps_what_it_holds() {
        let desk = Desk::new();
        let (sheet, concern) = (desk.sealed(), concern(Level::Day, Action::Flag));
        let codename = desk.book.record(&New { sheet: Some(&sheet), ..desk.plain(1, &concern) }).unwrap().codename;
        let of_an_earlier_version = "DROP TABLE thread; DROP TABLE sentence; DROP INDEX cases_by_text; ALTER TABLE cases DROP COLUMN text_sha256; ALTER TABLE cases DROP COLUMN text;
             DROP INDEX place_not_back; ALTER TABLE place DROP COLUMN not_back; ALTER TABLE place DROP COLUMN release_deed;
             DROP INDEX cases_to_empty; ALTER TABLE cases DROP COLUMN emptied_at;
             ALTER TABLE cases DROP COLUMN destroyed_by; ALTER TABLE cases DROP COLUMN destroyed_at; DROP TABLE desk_progress; DROP TABLE desk_party; ALTER TABLE cases DROP COLUMN recipients;
             ALTER TABLE cases DROP COLUMN sender; DROP TABLE seen; DROP TABLE reach; DROP TABLE unread;
             ALTER TABLE mailbox DROP COLUMN met_at; PRAGMA user_version = 3";
        desk.book.conn.execute_batch(of_an_earlier_version).unwrap();
        let again = desk.again();
        assert_eq!(again.cases(&Filter::default()).unwrap().len(), 1);
        assert_eq!(again.met(&address("zoe")).unwrap(), None, "nobody wrote it down");
        let facts = again.case(&codename).unwrap().unwrap();
        assert_eq!((facts.sheet.map(|sheet| sheet.object), facts.text), (Some(*sheet.object()), None));
        assert!(facts.has_one_object(), "its text is in its sheet");
        let reader = ReadOnly::open(&desk.folder.path().join("casebook.db")).unwrap();
        assert_eq!(reader.of_the_same_thread(facts.row.id).unwrap(), [], "its message ids were not written down");
    }

    #[test]
    fn to_open_a_casebook_that_is_up_to_date_writes_nothing() {
        let desk = Desk::new();
        // Another number after anybody else has written.
        let version = || desk.book.conn.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0)).unwrap();
        let before = version();
        let again = desk.again();
        assert_eq!(version(), before);
        again.note(at(0), &Actor::Program, &Event::Stopped).unwrap();
        assert_ne!(version(), before);
    }

    #[test]
    fn what_is_written_is_synced_before_the_call_returns() {
        let desk = Desk::new();
        let setting = |name: &str| desk.book.conn.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!((setting("synchronous"), setting("foreign_keys")), (2, 1));
        let mode: String = desk.book.conn.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }

    #[test]
    fn two_processes_wait_for_each_other_and_lose_nothing() {
        let desk = Desk::new();
        std::thread::scope(|scope| {
            for _ in 0..3 {
                let book = desk.again();
                scope.spawn(move || {
                    for _ in 0..20 {
                        book.note(at(0), &Actor::Program, &Event::Stopped).unwrap();
                    }
                });
            }
        });
        assert_eq!(desk.book.verify_journal().unwrap(), Verified { entries: 60 });
    }

    #[test]
    fn a_case_tells_its_story_in_the_journal_and_the_chain_holds() {
        let desk = Desk::new();
        let receipt = desk.sealed();
        let held = desk.record(1, &place("ann", 1), &concern(Level::Day, Action::Hold), Some(&receipt));
        let ann = Actor::Member("Ann Example".to_owned());
        desk.book.settle(at(1), &Actor::Program, held.place, crate::case::PlaceState::Removed).unwrap();
        desk.book.acknowledge(at(2), held.case, &ann).unwrap();
        desk.book.release(at(3), &ann, held.case, "a lesson").unwrap();
        let told: Vec<_> = desk.book.journal(1, 100).unwrap().into_iter().map(|entry| entry.event).collect();
        assert!(matches!(
            &told[..],
            [Event::CaseOpened { .. }, Event::PlaceFound { .. }, Event::PlaceSettled { .. }, Event::Acknowledged { .. }, Event::Released { reason, .. }]
                if reason == "a lesson"
        ));
        assert_eq!(desk.book.verify_journal().unwrap(), Verified { entries: 5 });
    }

    #[test]
    fn no_plain_digest_and_no_address_of_a_party_reaches_the_disk() {
        let desk = Desk::new();
        let (whole, body, origin, message_id) = ([0xc1; 32], [0xc2; 32], [0xc3; 32], [0xc4; 32]);
        let (sender, recipient) = (address("canary-sender"), address("canary-recipient"));
        let (book, concern, receipt) = (&desk.book, concern(Level::Now, Action::Hold), desk.sealed());
        let parties = [(book.key_address(&sender), Party::Sender), (book.key_address(&recipient), Party::Recipient)];
        let place = place("watched", 1);
        let new = New {
            content: book.key_content(&body, &origin),
            message: book.key_message(&whole),
            place: &place,
            parties: &parties,
            thread: &[book.key_message_id(&message_id)],
            sheet: Some(&receipt),
            text: Some(&receipt),
            message_object: Some(&receipt),
            ..desk.plain(0, &concern)
        };
        book.record(&new).unwrap();
        let judged = [Judged {
            uid: crate::mail::Uid::new(1).unwrap(),
            message: Some(book.key_message(&whole)),
            outcome: Outcome::Clear,
            unread: None,
        }]
        .to_vec();
        let cursor = crate::mail::Cursor { uidvalidity: place.uidvalidity, next: 2, history: 1 };
        book.progress(
            at(0),
            &[Progress { mailbox: place.mailbox.clone(), folder: place.folder.clone(), cursor, judged, learnt: Learnt::default() }],
        )
        .unwrap();

        let mut octets = Vec::new();
        for file in ["casebook.db", "casebook.db-wal"] {
            octets.extend(fs::read(desk.folder.path().join(file)).unwrap());
        }
        let holds = |needle: &[u8]| octets.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle));
        assert!(holds(b"watched@school.example"), "the needle that must be found");
        for digest in [whole, body, origin, message_id] {
            assert!(!holds(&digest[..12]) && !holds(&hex::encode(digest).as_bytes()[..24]));
        }
        assert!(!holds(b"canary"));
    }
}
