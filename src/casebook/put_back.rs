//! Copies that were released and are not back: which release was begun for each, and why it failed for good.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::column::{Json, Moment, word_if_any};
use super::place::place_of;
use super::{Casebook, CasebookError, PlaceId, Result};
use crate::case::{CaseId, NotBack, PlaceState};
use crate::journal::{Actor, Event};

impl Casebook {
    /// A release of the desk, by the number of its deed, is carried out from now on: what became of those before it counts no
    /// longer. One that another was begun after changes nothing.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn begin_release(&self, case: CaseId, deed: i64) -> Result<()> {
        self.write(|tx| {
            tx.prepare_cached(
                "UPDATE place SET release_deed = ?1, not_back = NULL WHERE of_case = ?2 AND state = ?3 AND coalesce(release_deed, 0) < ?1",
            )?
            .execute(params![deed, case.0, Json(PlaceState::Removed)])?;
            Ok(())
        })
    }

    /// The release that was begun last has failed for this copy, and waiting does not mend it. Whoever was told first of the case
    /// is told of it once more. The same again changes nothing.
    ///
    /// # Errors
    /// `NoPlace`, or when the database refuses.
    pub fn not_put_back(&self, now: Timestamp, place: PlaceId, why: NotBack) -> Result<()> {
        self.write(|tx| {
            let (case, known, at) = tx
                .prepare_cached("SELECT place.*, address FROM place JOIN mailbox ON mailbox.id = place.mailbox WHERE place.id = ?")?
                .query_row([place.0], |row| Ok((CaseId(row.get("of_case")?), word_if_any(row, "not_back")?, place_of(row)?)))
                .optional()?
                .ok_or(CasebookError::NoPlace(place.0))?;
            if known == Some(why) {
                return Ok(());
            }
            let recorded = tx
                .prepare_cached("UPDATE place SET release_deed = coalesce(release_deed, 0), not_back = ? WHERE id = ? AND state = ?")?
                .execute(params![Json(why), place.0, Json(PlaceState::Removed)])?;
            if recorded == 0 {
                return Ok(());
            }
            // Several copies of a case fail together: one letter tells of all of them.
            tx.prepare_cached(
                "INSERT INTO notice (of_case, recipient, rank, due_at)
                 SELECT DISTINCT of_case, recipient, 0, ?1 FROM notice AS first WHERE of_case = ?2 AND rank = 0 AND NOT EXISTS
                 (SELECT 1 FROM notice WHERE of_case = ?2 AND rank = 0 AND recipient = first.recipient AND delivered_at IS NULL)",
            )?
            .execute(params![Moment(now), case.0])?;
            self.append(tx, now, &Actor::Program, &Event::NotPutBack { case, place: at, why })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, at, concern, notice, place};
    use super::super::{CaseFacts, Destruction, Recorded};
    use super::*;
    use crate::finding::{Action, Level};

    fn ann() -> Actor {
        Actor::Account("Ann Example".to_owned())
    }

    /// A case whose one copy is out of its mailbox, and released.
    fn released(desk: &Desk) -> Recorded {
        let (object, told) = (desk.sealed(), [notice("lead", 0, 1), notice("deputy", 1, 9_000)]);
        let case = desk.record_with(1, &place("ann", 1), &concern(Level::Day, Action::Hold), Some(&object), &told);
        for notice in desk.book.due(at(2)).unwrap() {
            desk.book.delivered(at(2), notice.id).unwrap();
        }
        desk.book.settle(at(5), &Actor::Program, case.place, PlaceState::Removed).unwrap();
        desk.book.release(at(6), &ann(), case.case, "a lesson").unwrap();
        case
    }

    fn facts(desk: &Desk, case: &Recorded) -> CaseFacts {
        desk.book.case(&case.codename).unwrap().unwrap()
    }

    #[test]
    fn a_copy_that_cannot_come_back_is_told_of_once_and_is_no_longer_on_its_way() {
        let desk = Desk::new();
        let case = released(&desk);
        desk.book.begin_release(case.case, 4).unwrap();
        assert!(facts(&desk, &case).is_going_back() && facts(&desk, &case).row.not_back.is_none());
        for _ in 0..2 {
            desk.book.not_put_back(at(7), case.place, NotBack::Damaged).unwrap();
            desk.book.begin_release(case.case, 4).unwrap();
        }
        let stuck = facts(&desk, &case);
        assert_eq!((stuck.is_going_back(), stuck.row.not_back, stuck.places[0].not_back), (false, Some(4), Some(NotBack::Damaged)));
        let lines = desk.book.journal(1, 100).unwrap();
        let told: Vec<_> = lines.iter().filter(|line| matches!(line.event, Event::NotPutBack { why: NotBack::Damaged, .. })).collect();
        assert_eq!(told.len(), 1);
        let due: Vec<_> = desk.book.due(at(7)).unwrap().into_iter().map(|notice| (notice.to.to_string(), notice.rank)).collect();
        assert_eq!(due, [("lead@school.example".to_owned(), 0)], "whoever was told first, and once");
    }

    #[test]
    fn a_later_release_is_on_its_way_again_whatever_an_earlier_one_comes_to() {
        let desk = Desk::new();
        let case = released(&desk);
        desk.book.begin_release(case.case, 4).unwrap();
        desk.book.not_put_back(at(7), case.place, NotBack::KeyWrong).unwrap();
        desk.book.begin_release(case.case, 6).unwrap();
        desk.book.begin_release(case.case, 4).unwrap();
        let again = facts(&desk, &case);
        assert_eq!((again.is_going_back(), again.places[0].release_deed, again.row.not_back), (true, Some(6), None));
        desk.book.settle(at(8), &ann(), case.place, PlaceState::Released).unwrap();
        desk.book.not_put_back(at(9), case.place, NotBack::Damaged).unwrap();
        assert_eq!(facts(&desk, &case).row.not_back, None, "it is back");
    }

    #[test]
    fn what_cannot_come_back_can_be_destroyed() {
        let desk = Desk::new();
        let case = released(&desk);
        let who = ann();
        let decided = Destruction { case: case.case, who: &who, second: None, reason: "the police confirmed it" };
        assert!(matches!(desk.book.destroy(at(9), &decided), Err(CasebookError::ReleasePending(_))));
        desk.book.not_put_back(at(7), case.place, NotBack::Missing).unwrap();
        desk.book.destroy(at(9), &decided).unwrap();
        desk.book.emptied(at(10), case.case).unwrap();
        let gone = facts(&desk, &case);
        assert_eq!((gone.places[0].state, gone.row.not_back), (PlaceState::Destroyed, None));
    }
}
