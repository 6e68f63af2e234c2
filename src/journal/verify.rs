//! Finds the first line of the journal that was changed, removed or moved.

use std::{fmt, vec};

use rusqlite::Connection;

use super::{CHUNK, InstanceKey, JournalError, NOTHING, chained, head, line_seal};

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

/// The lines one after the other, a few hundred in memory at a time. Between two reads nothing is locked: whoever writes meanwhile
/// waits for no more than one of them.
struct Rows<'a> {
    conn: &'a Connection,
    key: &'a InstanceKey,
    chunk: vec::IntoIter<Row>,
    /// Where the next read begins; `None` behind the end.
    from: Option<i64>,
    /// Where the chain ends, as of the moment at which its last lines were read.
    end: Option<(u64, [u8; 32])>,
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
    let mut rows = Rows::of(conn, key);
    let mut previous = NOTHING;
    let mut expected = 1;
    while let Some(row) = rows.next().transpose()? {
        let hash = chained(&previous, expected, &row.text);
        if row.seq != expected || row.hash != hash || !row.was_written_as(expected, key) {
            return Err(JournalError::Broken(Broken { seq: expected, how: how(conn, &row, expected, key)? }));
        }
        previous = hash;
        expected += 1;
    }
    if rows.end == Some((expected - 1, previous)) {
        Ok(Verified { entries: expected - 1 })
    } else {
        Err(JournalError::Broken(Broken { seq: expected, how: How::CutOff }))
    }
}

/// What became of line `expected`, in whose place `row` was found.
fn how(conn: &Connection, row: &Row, expected: u64, key: &InstanceKey) -> Result<How, JournalError> {
    let mut rows = Rows::of(conn, key);
    let mut count = 0;
    while let Some(other) = rows.next().transpose()? {
        if other.seq != row.seq && other.was_written_as(expected, key) {
            return Ok(How::Moved);
        }
        count += 1;
    }
    // Lines behind a removed one may have been renumbered to close the gap. Where the chain's end is not ours, at most half are gone.
    let last = rows.end.map_or(2 * count, |(seq, _)| seq);
    let belongs_elsewhere = row.seq != expected || (1..=last).any(|number| number != expected && row.was_written_as(number, key));
    Ok(if belongs_elsewhere { How::Removed } else { How::Changed })
}

impl<'a> Rows<'a> {
    fn of(conn: &'a Connection, key: &'a InstanceKey) -> Self {
        Self { conn, key, chunk: vec::IntoIter::default(), from: Some(i64::MIN), end: None }
    }

    fn read(&mut self, from: i64) -> Result<(), JournalError> {
        let tx = self.conn.unchecked_transaction()?;
        let rows = tx
            .prepare_cached("SELECT seq, entry, hash, seal FROM journal WHERE seq >= ? ORDER BY seq LIMIT ?")?
            .query_map([from, i64::try_from(CHUNK).unwrap_or(i64::MAX)], |row| {
                Ok(Row { seq: row.get::<_, i64>(0)?.cast_unsigned(), text: row.get(1)?, hash: row.get(2)?, seal: row.get(3)? })
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        self.from = rows.last().filter(|_| rows.len() == CHUNK).and_then(|last| last.seq.cast_signed().checked_add(1));
        if self.from.is_none() {
            self.end = head(&tx, self.key)?;
        }
        self.chunk = rows.into_iter();
        Ok(())
    }
}

impl Iterator for Rows<'_> {
    type Item = Result<Row, JournalError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.chunk.as_slice().is_empty()
            && let Some(from) = self.from
            && let Err(error) = self.read(from)
        {
            self.from = None;
            return Some(Err(error));
        }
        self.chunk.next().map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use rusqlite::params;

    use super::*;
    use crate::journal::{Actor, Event, append, create, entries, last_entries};

    const LINES: u64 = 50;

    /// A journal of 50 lines whose triggers are gone, as whoever has the file at hand would take them away.
    fn tampered_with(how: impl Fn(&Connection)) -> Result<Verified, Broken> {
        let key = InstanceKey::random().unwrap();
        let mut conn = journal(&key);
        conn.execute_batch("DROP TRIGGER journal_lines_stay; DROP TRIGGER journal_lines_stand").unwrap();
        how(&conn);
        let found = told(&conn, &key);
        // Nothing that is written later covers it up.
        add(&mut conn, &key, 7);
        assert_eq!(told(&conn, &key).err().map(|broken| broken.seq), found.err().map(|broken| broken.seq));
        found
    }

    fn journal(key: &InstanceKey) -> Connection {
        let mut conn = Connection::open_in_memory().unwrap();
        create(&conn, key).unwrap();
        for faults in 1..=LINES {
            add(&mut conn, key, usize::try_from(faults).unwrap());
        }
        conn
    }

    fn add(conn: &mut Connection, key: &InstanceKey, faults: usize) {
        let tx = conn.transaction().unwrap();
        append(&tx, key, Timestamp::UNIX_EPOCH, &Actor::Program, &Event::RulesRefused { faults }).unwrap();
        tx.commit().unwrap();
    }

    fn told(conn: &Connection, key: &InstanceKey) -> Result<Verified, Broken> {
        match verify(conn, key) {
            Ok(verified) => Ok(verified),
            Err(JournalError::Broken(broken)) => Err(broken),
            Err(other) => panic!("{other}"),
        }
    }

    /// Puts the line `from` under the number `to`.
    fn renumber(conn: &Connection, from: u64, to: u64) {
        conn.execute("UPDATE journal SET seq = ? WHERE seq = ?", params![to.cast_signed(), from.cast_signed()]).unwrap();
    }

    fn delete(conn: &Connection, seq: u64) {
        conn.execute("DELETE FROM journal WHERE seq = ?", [seq.cast_signed()]).unwrap();
    }

    #[test]
    fn an_untouched_journal_verifies_and_reads_as_it_was_written() {
        let key = InstanceKey::random().unwrap();
        let conn = journal(&key);
        assert_eq!(told(&conn, &key), Ok(Verified { entries: LINES }));
        let read = entries(&conn, 49, 100).unwrap();
        assert_eq!(read.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [49, 50]);
        assert_eq!(read[1].event, Event::RulesRefused { faults: 50 });
        assert_eq!(last_entries(&conn, 2).unwrap(), read);
        assert_eq!(last_entries(&conn, 1_000).unwrap().len(), 50);
    }

    #[test]
    fn every_changed_line_is_named() {
        for seq in 1..=LINES {
            let change = |conn: &Connection| {
                conn.execute("UPDATE journal SET entry = replace(entry, 'program', 'nobody') WHERE seq = ?", [seq.cast_signed()]).unwrap();
            };
            assert_eq!(tampered_with(change), Err(Broken { seq, how: How::Changed }));
        }
    }

    #[test]
    fn a_changed_line_is_named_even_when_all_hashes_behind_it_are_recomputed() {
        for seq in 1..=LINES {
            let forge = |conn: &Connection| {
                let mut previous = NOTHING;
                for row in Rows::of(conn, &InstanceKey::random().unwrap()) {
                    let row = row.unwrap();
                    let text = if row.seq == seq { row.text.replace("program", "nobody") } else { row.text };
                    previous = chained(&previous, row.seq, &text);
                    let line = params![text, previous, row.seq.cast_signed()];
                    conn.execute("UPDATE journal SET entry = ?, hash = ? WHERE seq = ?", line).unwrap();
                }
                conn.execute("UPDATE journal_head SET hash = ?", [previous]).unwrap();
            };
            assert_eq!(tampered_with(forge), Err(Broken { seq, how: How::Changed }));
        }
    }

    #[test]
    fn every_removed_line_is_named_whether_the_gap_is_closed_or_not() {
        for seq in 1..LINES {
            assert_eq!(tampered_with(|conn| delete(conn, seq)), Err(Broken { seq, how: How::Removed }));
            let close_the_gap = |conn: &Connection| {
                delete(conn, seq);
                (seq + 1..=LINES).for_each(|later| renumber(conn, later, later - 1));
            };
            assert_eq!(tampered_with(close_the_gap), Err(Broken { seq, how: How::Removed }));
        }
    }

    #[test]
    fn the_first_of_two_lines_that_changed_places_is_named() {
        for seq in 1..LINES {
            let swap = |conn: &Connection| {
                renumber(conn, seq, 1000);
                renumber(conn, LINES, seq);
                renumber(conn, 1000, LINES);
            };
            assert_eq!(tampered_with(swap), Err(Broken { seq, how: How::Moved }));
        }
    }

    #[test]
    fn a_tail_that_was_cut_off_shows_wherever_the_cut_is() {
        for kept in 0..LINES {
            let cut = |conn: &Connection| (kept + 1..=LINES).for_each(|seq| delete(conn, seq));
            assert_eq!(tampered_with(cut), Err(Broken { seq: kept + 1, how: How::CutOff }));
        }
    }

    #[test]
    fn a_tail_that_was_cut_off_shows_even_when_the_head_is_changed_or_removed() {
        let cut = |conn: &Connection| {
            delete(conn, LINES);
            conn.execute("UPDATE journal_head SET (seq, hash, seal) = (SELECT seq, hash, seal FROM journal WHERE seq = 49)", []).unwrap();
        };
        assert_eq!(tampered_with(cut), Err(Broken { seq: LINES, how: How::CutOff }));
        let behead = |conn: &Connection| {
            conn.execute("DELETE FROM journal_head", []).unwrap();
        };
        assert_eq!(tampered_with(behead), Err(Broken { seq: LINES + 1, how: How::CutOff }));
    }

    #[test]
    fn a_line_that_somebody_put_in_between_is_named() {
        let insert = |conn: &Connection| {
            (20..=LINES).rev().for_each(|later| renumber(conn, later, later + 1));
            conn.execute("INSERT INTO journal SELECT 20, entry, hash, seal FROM journal WHERE seq = 19", []).unwrap();
        };
        assert_eq!(tampered_with(insert), Err(Broken { seq: 20, how: How::Moved }), "what was written as line 20 stands elsewhere now");
    }

    #[test]
    fn our_own_code_can_neither_change_nor_delete_a_line() {
        let conn = journal(&InstanceKey::random().unwrap());
        let refused = |sql: &str| conn.execute(sql, []).unwrap_err().to_string();
        assert_eq!(refused("UPDATE journal SET entry = ''"), "a line of the journal is never changed");
        assert_eq!(refused("DELETE FROM journal"), "a line of the journal is never deleted");
    }

    #[test]
    fn a_line_below_the_first_and_one_at_the_last_number_there_is_end_no_walk_early_and_none_never() {
        for number in [i64::MIN, -1, 0, i64::MAX] {
            let put_in = |conn: &Connection| {
                conn.execute("INSERT INTO journal SELECT ?, entry, hash, seal FROM journal WHERE seq = 19", [number]).unwrap();
            };
            let key = InstanceKey::random().unwrap();
            let conn = journal(&key);
            put_in(&conn);
            let first = if number > 0 { LINES + 1 } else { 1 };
            assert_eq!(told(&conn, &key).err().map(|broken| broken.seq), Some(first), "{number}");
        }
    }

    #[test]
    fn whoever_writes_waits_for_no_walk_and_what_is_written_meanwhile_breaks_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let key = InstanceKey::random().unwrap();
        let mut writer = Connection::open(&path).unwrap();
        create(&writer, &key).unwrap();
        let tx = writer.transaction().unwrap();
        for faults in 0..CHUNK {
            append(&tx, &key, Timestamp::UNIX_EPOCH, &Actor::Program, &Event::RulesRefused { faults }).unwrap();
        }
        tx.commit().unwrap();
        // Nobody waits for a lock: whoever finds one is refused.
        writer.busy_timeout(std::time::Duration::ZERO).unwrap();
        let reader = Connection::open(&path).unwrap();
        let mut rows = Rows::of(&reader, &key);
        rows.next().unwrap().unwrap();
        add(&mut writer, &key, 7);
        assert_eq!(rows.by_ref().map(Result::unwrap).count(), CHUNK, "what was written since is a line too");
        assert_eq!(rows.end.map(|(seq, _)| seq), Some(CHUNK as u64 + 1));
        assert_eq!(told(&reader, &key), Ok(Verified { entries: CHUNK as u64 + 1 }));
    }
}
