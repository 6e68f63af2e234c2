//! The casebook for a process that may read it and no more: no instance key, and nothing that writes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OpenFlags, params_from_iter};

use super::column::word;
use super::{CaseFacts, CaseRow, Casebook, CasebookError, Filter, Keyed, Result, cases, rules};
use crate::case::{CaseId, Codename};
use crate::finding::{RuleId, RuleVersion};
use crate::journal::{self, JournalLine};
use crate::mail::Address;

/// One connection that cannot write.
pub struct ReadOnly {
    conn: Connection,
    path: PathBuf,
}

/// Of which cases somebody is a party, and as what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Involvement {
    /// She wrote it.
    pub sent: BTreeSet<CaseId>,
    /// It was sent to her, or a copy lay in her mailbox.
    pub received: BTreeSet<CaseId>,
}

impl Involvement {
    /// Adds what somebody is by one more of her addresses. What she wrote always keeps a case from her; what was sent to her does too,
    /// unless that address is one to which concerns are brought: a child's letter to the safeguarding lead is hers to deal with (D17).
    pub fn add(&mut self, by_address: Self, brings_concerns: bool) {
        self.sent.extend(by_address.sent);
        if !brings_concerns {
            self.received.extend(by_address.received);
        }
    }

    /// Every case that she is a party to.
    pub fn cases(&self) -> BTreeSet<CaseId> {
        self.sent.union(&self.received).copied().collect()
    }

    pub fn includes(&self, case: CaseId) -> bool {
        self.sent.contains(&case) || self.received.contains(&case)
    }

    /// Whether a case is left out of what somebody watches over others with: she is a party to it, or it is for the chair and she is
    /// the headteacher.
    pub fn hides(&self, row: &CaseRow, is_head: bool) -> bool {
        self.includes(row.id) || is_head && row.is_kept_from_the_head()
    }
}

impl ReadOnly {
    /// Opens a casebook that is there.
    ///
    /// # Errors
    /// When it is not there yet or out of reach; `Newer` when it has other tables than this version.
    pub fn open(path: &Path) -> Result<Self> {
        // While nobody writes, the files beside the database may be gone, and who may not write cannot make them.
        let conn = connect(path, "ro").or_else(|_| connect(path, "ro&immutable=1")).map_err(CasebookError::database(path))?;
        let version: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(CasebookError::database(path))?;
        if usize::try_from(version) != Ok(super::MIGRATIONS.len()) {
            return Err(CasebookError::Newer { path: path.to_owned(), version });
        }
        Ok(Self { conn, path: path.to_owned() })
    }

    /// As [`Casebook::cases`].
    ///
    /// # Errors
    /// When the database refuses.
    pub fn cases(&self, filter: &Filter<'_>) -> Result<Vec<CaseRow>> {
        self.read(|conn| cases::cases(conn, filter))
    }

    /// # Errors
    /// When the database refuses.
    pub fn case(&self, codename: &Codename) -> Result<Option<CaseFacts>> {
        self.read(|conn| cases::case(conn, codename))
    }

    /// A case of which somebody may be told. Of one that does not pass no more is read than of one that is not there, but its own line:
    /// nobody can tell the two apart by the time that it takes.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn case_if(&self, codename: &Codename, passes: impl FnOnce(&CaseRow) -> bool) -> Result<Option<CaseFacts>> {
        self.read(|conn| cases::case_if(conn, codename, passes))
    }

    /// Those of some cases that pass, in their order, `most` at most. Their copies and their releases are not counted.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn lines(&self, of: &[CaseId], most: usize, passes: impl Fn(&CaseRow) -> bool) -> Result<Vec<CaseRow>> {
        self.read(|conn| cases::lines(conn, of, most, passes))
    }

    /// What somebody with this address is to which cases. `None` as long as it has not been keyed by the service: until then nobody
    /// can say that she is no party.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn involvement(&self, address: &Address) -> Result<Option<Involvement>> {
        self.read(|conn| {
            let key = conn
                .prepare_cached("SELECT key FROM desk_party WHERE address = ?")?
                .query_map([address.as_str()], |row| row.get::<_, Keyed>(0))?
                .next()
                .transpose()?;
            key.map(|key| involve(conn, address, &key)).transpose()
        })
    }

    /// The other cases of whoever sent this one, newest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn of_the_same_sender(&self, case: CaseId) -> Result<Vec<CaseId>> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT DISTINCT other.of_case FROM party AS one JOIN party AS other ON other.address = one.address
                 WHERE one.of_case = ?1 AND one.part = 'sender' AND other.part = 'sender' AND other.of_case <> ?1 ORDER BY 1 DESC",
            )?
            .query_map([case.0], |row| row.get(0).map(CaseId))?
            .collect()
        })
    }

    /// The other cases between the same people, newest first: whoever sent the other is a party to this one, and so is somebody to whom it
    /// was sent.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn of_the_same_exchange(&self, case: CaseId) -> Result<Vec<CaseId>> {
        self.read(|conn| {
            conn.prepare_cached(
                "WITH here AS (SELECT DISTINCT address FROM party WHERE of_case = ?1)
                 SELECT DISTINCT wrote.of_case FROM here AS one JOIN party AS wrote ON wrote.address = one.address AND wrote.part = 'sender'
                 JOIN here AS other ON other.address <> one.address
                 JOIN party AS got ON got.address = other.address AND got.of_case = wrote.of_case AND got.part <> 'sender'
                 WHERE wrote.of_case <> ?1 ORDER BY 1 DESC",
            )?
            .query_map([case.0], |row| row.get(0).map(CaseId))?
            .collect()
        })
    }

    /// When the first copy of a case's message arrived, by its mail server; none where no server has said.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn arrived(&self, case: CaseId) -> Result<Option<Timestamp>> {
        self.read(|conn| {
            let first: Option<i64> = conn
                .prepare_cached("SELECT min(internal_date) FROM place WHERE of_case = ? AND internal_date > 0")?
                .query_row([case.0], |row| row.get(0))?;
            Ok(first.and_then(|second| Timestamp::from_second(second).ok()))
        })
    }

    /// As [`Casebook::held_by`].
    ///
    /// # Errors
    /// When the database refuses.
    pub fn held_by(&self, rule: &RuleId, version: RuleVersion) -> Result<Vec<Codename>> {
        self.read(|conn| rules::held_by(conn, rule, version))
    }

    /// The service's journal, as [`journal::lines_before`].
    ///
    /// # Errors
    /// When the database refuses.
    pub fn journal_before(&self, before: u64, limit: usize) -> Result<Vec<JournalLine>> {
        self.read(|conn| journal::lines_before(conn, before, limit))
    }

    /// As [`Casebook::desk_progress`].
    ///
    /// # Errors
    /// When the database refuses.
    pub fn desk_progress(&self) -> Result<i64> {
        self.read(desk_progress)
    }

    pub(super) fn read<T>(&self, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
        query(&self.conn).map_err(CasebookError::database(&self.path))
    }
}

/// What somebody with this address, keyed so, is to which cases.
fn involve(conn: &Connection, address: &Address, key: &Keyed) -> rusqlite::Result<Involvement> {
    let mut found = Involvement::default();
    let mut parties = conn.prepare_cached("SELECT of_case, part FROM party WHERE address = ?")?;
    for row in parties.query_map([key], |row| Ok((CaseId(row.get(0)?), word(row, "part")?)))? {
        match row? {
            (case, super::Party::Sender) => found.sent.insert(case),
            (case, super::Party::Mailbox | super::Party::Recipient) => found.received.insert(case),
        };
    }
    let mut lay = conn.prepare_cached("SELECT DISTINCT of_case FROM place JOIN mailbox ON mailbox.id = place.mailbox WHERE address = ?")?;
    for case in lay.query_map([address.as_str()], |row| row.get(0).map(CaseId))? {
        found.received.insert(case?);
    }
    Ok(found)
}

impl Casebook {
    /// What somebody with this address is to which cases.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn involvement_of(&self, address: &Address) -> Result<Involvement> {
        let key = self.key_address(address);
        self.read(|conn| involve(conn, address, &key))
    }

    /// Keys the addresses of the people at the desk, who could not be told from strangers otherwise; these and no others.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn key_desk(&self, addresses: &BTreeSet<Address>) -> Result<()> {
        self.write(|tx| {
            let known: BTreeSet<String> =
                tx.prepare_cached("SELECT address FROM desk_party")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            if known.iter().map(String::as_str).eq(addresses.iter().map(Address::as_str)) {
                return Ok(());
            }
            tx.execute("DELETE FROM desk_party", [])?;
            let mut insert = tx.prepare_cached("INSERT INTO desk_party (address, key) VALUES (?, ?)")?;
            for address in addresses {
                insert.execute(rusqlite::params![address.as_str(), self.key_address(address)])?;
            }
            Ok(())
        })
    }

    /// The last deed of the desk that was carried out; 0 before the first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn desk_progress(&self) -> Result<i64> {
        self.read(desk_progress)
    }

    /// A deed of the desk was carried out.
    ///
    /// # Errors
    /// When the database refuses; then it is carried out once more.
    pub fn desk_progressed(&self, deed: i64) -> Result<()> {
        self.write(|tx| {
            tx.prepare_cached("INSERT OR REPLACE INTO desk_progress (one, deed) VALUES (1, ?)")?.execute(params_from_iter([deed]))?;
            Ok(())
        })
    }
}

fn desk_progress(conn: &Connection) -> rusqlite::Result<i64> {
    conn.prepare_cached("SELECT coalesce(max(deed), 0) FROM desk_progress")?.query_row([], |row| row.get(0))
}

fn connect(path: &Path, mode: &str) -> rusqlite::Result<Connection> {
    let name: String = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(format!("file:{name}?mode={mode}"), flags)?;
    conn.busy_timeout(Duration::from_secs(10))?;
    conn.set_prepared_statement_cache_capacity(16);
    // Only now is the file looked into.
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(conn)
}

#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, address, concern, place};
    use super::super::{New, Party};
    use super::*;
    use crate::finding::{Action, Level};

    fn reading(desk: &Desk) -> ReadOnly {
        ReadOnly::open(&desk.folder.path().join("casebook.db")).unwrap()
    }

    #[test]
    fn what_is_written_meanwhile_is_read_and_nothing_can_be_written() {
        let desk = Desk::new();
        let reader = reading(&desk);
        let case = desk.record(1, &place("ann", 1), &concern(Level::Day, Action::Flag), None);
        assert_eq!(reader.cases(&Filter::default()).unwrap().len(), 1);
        let facts = reader.case(&case.codename).unwrap().unwrap();
        assert_eq!((facts.row.ends.sender.as_str(), facts.row.ends.recipients.join(" ")), ("pupil", "pupil staff".to_owned()));
        let refused = reader.conn.execute("DELETE FROM cases", []).unwrap_err();
        assert_eq!(refused.sqlite_error_code(), Some(rusqlite::ErrorCode::ReadOnly));
    }

    #[test]
    fn nobody_is_told_from_a_stranger_before_her_addresses_are_keyed() {
        let desk = Desk::new();
        let (ann, ben) = (address("ann"), address("ben"));
        let (concern, key) = (concern(Level::Day, Action::Flag), |who| desk.book.key_address(who));
        let parties = [(key(&ann), Party::Sender), (key(&ben), Party::Recipient)];
        let case = desk.book.record(&New { parties: &parties, ..desk.plain(1, &concern) }).unwrap().case;
        let lay = desk.record(2, &place("ben", 1), &concern, None).case;
        let reader = reading(&desk);
        assert_eq!(reader.involvement(&ann).unwrap(), None);
        desk.book.key_desk(&[ann.clone(), ben.clone()].into()).unwrap();
        let of = |who: &Address| reader.involvement(who).unwrap().unwrap();
        assert_eq!(of(&ann), Involvement { sent: [case].into(), received: BTreeSet::new() });
        assert_eq!(of(&ben), Involvement { sent: BTreeSet::new(), received: [case, lay].into() });
        desk.book.key_desk(&[ann].into()).unwrap();
        assert_eq!(reader.involvement(&ben).unwrap(), None, "who has left is nobody's business");
    }

    #[test]
    fn letters_between_the_same_people_go_together_whoever_wrote_them() {
        let desk = Desk::new();
        let (concern, key) = (concern(Level::Day, Action::Flag), |who: &str| desk.book.key_address(&address(who)));
        let case = |number: u8, from: &str, to: &[&str]| {
            let recipients = to.iter().map(|who| (key(who), Party::Recipient));
            let parties: Vec<_> = [(key(from), Party::Sender)].into_iter().chain(recipients).collect();
            let place = place("mia", number.into());
            desk.book.record(&New { place: &place, parties: &parties, ..desk.plain(number, &concern) }).unwrap().case
        };
        let first = case(1, "ann", &["ben"]);
        let back = case(2, "ben", &["cal", "ann"]);
        let elsewhere = case(3, "ann", &["cal"]);
        let strangers = case(4, "dan", &["ben"]);
        let to_herself = case(5, "ann", &["ann"]);
        let reader = reading(&desk);
        assert_eq!(reader.of_the_same_exchange(first).unwrap(), [back]);
        assert_eq!(reader.of_the_same_exchange(back).unwrap(), [elsewhere, first]);
        assert_eq!(reader.of_the_same_exchange(strangers).unwrap(), []);
        assert_eq!(reader.of_the_same_sender(first).unwrap(), [to_herself, elsewhere]);
    }

    #[test]
    fn a_deed_is_carried_out_once() {
        let desk = Desk::new();
        assert_eq!(desk.book.desk_progress().unwrap(), 0);
        desk.book.desk_progressed(7).unwrap();
        desk.book.desk_progressed(8).unwrap();
        assert_eq!(desk.again().desk_progress().unwrap(), 8);
    }
}
