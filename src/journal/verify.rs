//! Finds the first line of the journal that was changed, removed or moved.

use std::fmt;

use rusqlite::Connection;

use super::{InstanceKey, JournalError, NOTHING, chained, head, line_seal};

/// A chain without a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    pub entries: u64,
}

/// The first break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The number of the line that is not as it was written.
    pub seq: u64,
    pub how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    Changed,
    /// It and all that followed are gone, or the head that says where the chain ends is not ours.
    CutOff,
    /// It stands somewhere else.
    Moved,
    Removed,
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changed => "it was changed",
            Self::CutOff => "the end was cut off here",
            Self::Moved => "it was moved",
            Self::Removed => "it was removed",
        })
    }
}

struct Row {
    seq: u64,
    text: String,
    hash: Vec<u8>,
    seal: Vec<u8>,
}

impl Row {
    /// Whether this is the line that was written under `number`, wherever it stands now.
    fn was_written_as(&self, number: u64, key: &InstanceKey) -> bool {
        self.seal == line_seal(key, number, &self.hash)
    }
}

/// Walks the whole chain.
///
/// # Errors
/// `JournalError::Broken` with the first break; `Database` when it cannot be read.
pub fn verify(conn: &Connection, key: &InstanceKey) -> Result<Verified, JournalError> {
    let rows = rows(conn)?;
    let mut previous = NOTHING;
    let mut expected = 1;
    for row in &rows {
        let hash = chained(&previous, expected, &row.text);
        if row.seq != expected || row.hash != hash || !row.was_written_as(expected, key) {
            return Err(JournalError::Broken(Broken { seq: expected, how: how(&rows, row, expected, key) }));
        }
        previous = hash;
        expected += 1;
    }
    if head(conn, key)? == Some((expected - 1, previous)) {
        Ok(Verified { entries: expected - 1 })
    } else {
        Err(JournalError::Broken(Broken { seq: expected, how: How::CutOff }))
    }
}

/// What became of line `expected`, in whose place `row` was found.
fn how(rows: &[Row], row: &Row, expected: u64, key: &InstanceKey) -> How {
    if rows.iter().any(|other| other.seq != row.seq && other.was_written_as(expected, key)) {
        return How::Moved;
    }
    // Lines behind a removed one may have been renumbered to close the gap.
    let last = rows.last().map_or(0, |last| last.seq) + rows.len() as u64;
    let belongs_elsewhere = row.seq != expected || (1..=last).any(|number| number != expected && row.was_written_as(number, key));
    if belongs_elsewhere { How::Removed } else { How::Changed }
}

fn rows(conn: &Connection) -> Result<Vec<Row>, rusqlite::Error> {
    conn.prepare("SELECT seq, entry, hash, seal FROM journal ORDER BY seq")?
        .query_map([], |row| {
            Ok(Row { seq: row.get::<_, i64>(0)?.cast_unsigned(), text: row.get(1)?, hash: row.get(2)?, seal: row.get(3)? })
        })?
        .collect()
}
