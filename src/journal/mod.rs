//! Who did what and when: a chain of lines in the casebook's database that breaks visibly where it is touched.
//!
//! A line's hash covers the line before it, its number and its text, and anybody can recompute it. Its seal is
//! an HMAC of number and hash, so that a chain recomputed by somebody without the instance key is told from
//! ours, and a line that was moved still says where it belongs. The head, a row of its own with a seal of its
//! own, says where the chain ends. Whoever holds the key, or puts back an older copy of the whole database,
//! can make a chain that verifies: only a copy outside of this machine tells that.

mod event;
mod key;
mod opening;
mod sign;
mod verify;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use event::{Actor, Entry, Event};
pub use key::InstanceKey;
pub use opening::Depth;
pub use sign::Signer;
pub use verify::{Broken, How, Verified, verify};

const TABLES: &str = "
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY,
    entry TEXT NOT NULL,
    hash BLOB NOT NULL,
    seal BLOB NOT NULL
) STRICT;
CREATE TABLE journal_head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    seal BLOB NOT NULL
) STRICT;
CREATE TRIGGER journal_lines_stay BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'a line of the journal is never deleted'); END;
CREATE TRIGGER journal_lines_stand BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'a line of the journal is never changed'); END;
";

/// Lines that are read at a time.
const CHUNK: usize = 500;

/// What stands before the first line.
const NOTHING: [u8; 32] = [0; 32];

#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error("the journal is broken at line {}: {}", .0.seq, .0.how)]
    Broken(Broken),
    #[error("the journal cannot be read or written: {0}")]
    Database(#[from] rusqlite::Error),
    #[error("line {0} of the journal is from another version of mailwarden, or no line at all")]
    Unreadable(u64),
}

/// A line as it stands now, whoever wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalLine {
    pub seq: u64,
    /// `None` where it cannot be understood.
    pub entry: Option<Entry>,
}

/// The text of a line.
#[derive(Serialize, Deserialize)]
struct Line {
    at: Timestamp,
    who: Actor,
    #[serde(flatten)]
    event: Event,
}

/// Makes the tables of an empty journal.
///
/// # Errors
/// When the database refuses, or there is a journal already.
pub fn create(conn: &Connection, key: &InstanceKey) -> Result<(), JournalError> {
    conn.execute_batch(TABLES)?;
    write_head(conn, key, 0, &NOTHING)
}

/// Adds one line in the caller's transaction, so that it stands exactly when the deed does. Returns its number.
///
/// # Errors
/// When the database refuses.
pub fn append(tx: &Transaction<'_>, key: &InstanceKey, now: Timestamp, who: &Actor, event: &Event) -> Result<u64, JournalError> {
    let (end, hash) = end_of_chain(tx, key)?;
    let seq = end + 1;
    let line = Line { at: now, who: who.clone(), event: event.clone() };
    let text = serde_json::to_string(&line).map_err(|_| JournalError::Unreadable(seq))?;
    let hash = chained(&hash, seq, &text);
    tx.prepare_cached("INSERT INTO journal (seq, entry, hash, seal) VALUES (?, ?, ?, ?)")?.execute(params![
        seq.cast_signed(),
        text,
        hash,
        line_seal(key, seq, &hash)
    ])?;
    write_head(tx, key, seq, &hash)?;
    Ok(seq)
}

/// The lines from number `from` on, oldest first, `limit` at most.
///
/// # Errors
/// When the database refuses, or a line cannot be understood.
pub fn entries(conn: &Connection, from: u64, limit: usize) -> Result<Vec<Entry>, JournalError> {
    let mut lines = conn.prepare_cached("SELECT seq, entry FROM journal WHERE seq >= ? ORDER BY seq LIMIT ?")?;
    let rows = lines.query_map(params![from.cast_signed(), i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
        Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, String>(1)?))
    })?;
    rows.map(|row| {
        let (seq, text) = row?;
        entry(seq, &text).ok_or(JournalError::Unreadable(seq))
    })
    .collect()
}

/// The lines before number `before`, newest first, `limit` at most. One that cannot be understood keeps none of the others. A line below
/// the first is none: whoever goes on from the last line read would begin anew behind it.
///
/// # Errors
/// When the database refuses.
pub fn lines_before(conn: &Connection, before: u64, limit: usize) -> rusqlite::Result<Vec<JournalLine>> {
    let (before, limit) = (i64::try_from(before).unwrap_or(i64::MAX), i64::try_from(limit).unwrap_or(i64::MAX));
    let mut lines = conn.prepare_cached("SELECT seq, entry FROM journal WHERE 0 < seq AND seq < ? ORDER BY seq DESC LIMIT ?")?;
    let rows = lines.query_map(params![before, limit], |row| {
        let seq = row.get::<_, i64>(0)?.cast_unsigned();
        Ok(JournalLine { seq, entry: entry(seq, &row.get::<_, String>(1)?) })
    })?;
    rows.collect()
}

/// When the first line was written.
///
/// # Errors
/// When the database refuses, or the line cannot be understood.
pub fn begins(conn: &Connection) -> Result<Option<Timestamp>, JournalError> {
    Ok(entries(conn, 1, 1)?.first().map(|entry| entry.at))
}

/// The lines from one moment until before another, of a journal that is read backwards: `read` is asked for those before a number.
///
/// # Errors
/// Those of `read`.
pub fn lines_within<E>(
    begins: Timestamp,
    ends: Timestamp,
    read: impl Fn(u64, usize) -> Result<Vec<JournalLine>, E>,
) -> Result<Vec<Entry>, E> {
    let (mut found, mut before) = (Vec::new(), u64::MAX);
    loop {
        let chunk = read(before, CHUNK)?;
        let Some(last) = chunk.last() else { return Ok(found) };
        before = last.seq;
        let entries: Vec<_> = chunk.into_iter().filter_map(|line| line.entry).collect();
        // A clock that was set back puts single lines out of order, and not hundreds.
        let is_past = !entries.is_empty() && entries.iter().all(|entry| entry.at < begins);
        found.extend(entries.into_iter().filter(|entry| begins <= entry.at && entry.at < ends));
        if is_past {
            return Ok(found);
        }
    }
}

fn entry(seq: u64, text: &str) -> Option<Entry> {
    let Line { at, who, event } = serde_json::from_str(text).ok()?;
    Some(Entry { seq, at, who, event })
}

/// The last lines, oldest first, `limit` at most.
///
/// # Errors
/// As [`entries`].
pub fn last_entries(conn: &Connection, limit: usize) -> Result<Vec<Entry>, JournalError> {
    let last = last(conn)?;
    entries(conn, last.saturating_sub(limit as u64) + 1, limit)
}

/// The number of the last line that is there; 0 where there is none.
fn last(conn: &Connection) -> rusqlite::Result<u64> {
    conn.prepare_cached("SELECT coalesce(max(seq), 0) FROM journal")?.query_row([], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
}

/// Where the chain goes on. A head that is not ours, or behind which lines stand, is never continued as if
/// nothing had been: a number is left out, so that the break stays to be seen, and the service goes on.
fn end_of_chain(conn: &Connection, key: &InstanceKey) -> Result<(u64, [u8; 32]), JournalError> {
    let last = last(conn)?;
    match head(conn, key)? {
        Some((seq, hash)) if seq >= last => Ok((seq, hash)),
        _ => Ok((last + 1, NOTHING)),
    }
}

/// Number and hash of the last line, by the head; `None` where the head is missing or not ours.
fn head(conn: &Connection, key: &InstanceKey) -> Result<Option<(u64, [u8; 32])>, JournalError> {
    let row = conn
        .prepare_cached("SELECT seq, hash, seal FROM journal_head")?
        .query_row([], |row| Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get::<_, Vec<u8>>(1)?, row.get::<_, Vec<u8>>(2)?)))
        .optional()?;
    Ok(row.and_then(|(seq, hash, seal)| {
        let hash: [u8; 32] = hash.try_into().ok()?;
        (seal == head_seal(key, seq, &hash)).then_some((seq, hash))
    }))
}

/// Whether the head, if there is one, was sealed with this key: with another, every line would look changed.
///
/// # Errors
/// When the database refuses.
pub fn is_ours(conn: &Connection, key: &InstanceKey) -> Result<bool, JournalError> {
    Ok(head(conn, key)?.is_some() || last(conn)? == 0 && !conn.prepare_cached("SELECT 1 FROM journal_head")?.exists([])?)
}

fn write_head(conn: &Connection, key: &InstanceKey, seq: u64, hash: &[u8; 32]) -> Result<(), JournalError> {
    conn.prepare_cached("INSERT OR REPLACE INTO journal_head (one, seq, hash, seal) VALUES (1, ?, ?, ?)")?.execute(params![
        seq.cast_signed(),
        hash,
        head_seal(key, seq, hash)
    ])?;
    Ok(())
}

fn chained(previous: &[u8; 32], seq: u64, text: &str) -> [u8; 32] {
    Sha256::new().chain_update(previous).chain_update(seq.to_be_bytes()).chain_update(text).finalize().into()
}

fn line_seal(key: &InstanceKey, seq: u64, hash: &[u8]) -> [u8; 32] {
    key.mac("journal line", &[&seq.to_be_bytes(), hash])
}

fn head_seal(key: &InstanceKey, seq: u64, hash: &[u8]) -> [u8; 32] {
    key.mac("journal head", &[&seq.to_be_bytes(), hash])
}
