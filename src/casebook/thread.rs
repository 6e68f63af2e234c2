//! Which cases are about one conversation, by the message ids that their messages name.
//!
//! The sender chooses them: they bring cases together on a page, and decide nothing.

use rusqlite::{Transaction, params};

use super::{Keyed, ReadOnly, Result};
use crate::case::CaseId;

/// Every copy adds its own ids: a mailing list may give each of them another, and an answer names that one.
pub(super) fn join(tx: &Transaction<'_>, case: CaseId, thread: &[Keyed]) -> rusqlite::Result<()> {
    let mut insert = tx.prepare_cached("INSERT OR IGNORE INTO thread (message_id, of_case) VALUES (?, ?)")?;
    thread.iter().try_for_each(|message_id| insert.execute(params![message_id, case.0]).map(drop))
}

impl ReadOnly {
    /// The other cases that name a message which this one names too, newest first. Not those that only a third case ties to this one:
    /// whoever may not see that one would learn of it.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn of_the_same_thread(&self, case: CaseId) -> Result<Vec<CaseId>> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT DISTINCT other.of_case FROM thread AS one JOIN thread AS other ON other.message_id = one.message_id
                 WHERE one.of_case = ?1 AND other.of_case <> ?1 ORDER BY 1 DESC",
            )?
            .query_map([case.0], |row| row.get(0).map(CaseId))?
            .collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::New;
    use super::super::desk::{Desk, concern, place};
    use super::*;
    use crate::finding::{Action, Level};

    fn record(desk: &Desk, number: u8, ids: &[u8]) -> CaseId {
        let (concern, place) = (concern(Level::Day, Action::Flag), place("ann", number.into()));
        let thread: Vec<_> = ids.iter().map(|id| desk.book.key_message_id(&[*id; 32])).collect();
        desk.book.record(&New { place: &place, thread: &thread, ..desk.plain(number, &concern) }).unwrap().case
    }

    #[test]
    fn an_answer_goes_with_what_it_answers_and_with_other_answers_to_it() {
        let desk = Desk::new();
        let asked = record(&desk, 1, &[1]);
        let answered = record(&desk, 2, &[2, 1]);
        let also_answered = record(&desk, 3, &[3, 1]);
        let of_the_last = record(&desk, 4, &[4, 3]);
        let (elsewhere, without) = (record(&desk, 5, &[5]), record(&desk, 6, &[]));
        let reader = ReadOnly::open(&desk.folder.path().join("casebook.db")).unwrap();
        let thread = |case| reader.of_the_same_thread(case).unwrap();
        assert_eq!(thread(asked), [also_answered, answered]);
        assert_eq!(thread(answered), [also_answered, asked]);
        assert_eq!(thread(of_the_last), [also_answered], "only a third case ties it to the first");
        assert_eq!([thread(elsewhere), thread(without)], [[], []]);
    }

    #[test]
    fn a_further_copy_adds_the_id_that_it_was_given() {
        let desk = Desk::new();
        let first = record(&desk, 1, &[1]);
        assert_eq!(record(&desk, 1, &[9]), first, "it folds");
        let answered = record(&desk, 2, &[2, 9]);
        let reader = ReadOnly::open(&desk.folder.path().join("casebook.db")).unwrap();
        assert_eq!(reader.of_the_same_thread(first).unwrap(), [answered]);
    }
}
