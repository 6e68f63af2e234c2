//! The decision that what is sealed of a case is destroyed, and how far it has been carried out.
//!
//! The order: the decision and its line in the journal, in one transaction; then the files of the vault; then, in a second
//! one, that they are gone. Whoever dies in between is followed by somebody who asks for what is [`Doomed`] and goes on.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::cases::codename;
use super::column::{Moment, parsed, word};
use super::outbox::acknowledge;
use super::{Casebook, CasebookError, Refusal, Result, cases, place};
use crate::case::{CaseId, Codename, PlaceState};
use crate::finding::Action;
use crate::journal::{Actor, Event};
use crate::vault::ObjectId;

/// A decision to destroy. Who makes it has the confirmation that no agency needs what is sealed (D4).
#[derive(Clone, Copy)]
pub struct Destruction<'a> {
    pub case: CaseId,
    pub who: &'a Actor,
    /// The second person, by her name.
    pub second: Option<&'a str>,
    /// Their own words: who confirmed it, and when.
    pub reason: &'a str,
}

/// A case of which the vault may still hold what was decided to be destroyed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doomed {
    pub case: CaseId,
    pub codename: Codename,
    pub objects: Vec<ObjectId>,
}

impl Casebook {
    /// Decides that what is sealed of a case is destroyed. To be called before any of it is. Once more changes nothing.
    ///
    /// # Errors
    /// `SecondPerson` where one alone does not decide; `OnItsWay` and `ReleasePending` as long as a copy is on its way;
    /// `NothingSealed`, `NoCase`, or when the database refuses.
    pub fn destroy(&self, now: Timestamp, decided: &Destruction<'_>) -> Result<()> {
        let Destruction { case, who, second, reason } = *decided;
        self.write_as(Some("destroy.commit"), |tx| {
            let codename = codename(tx, case)?;
            let facts = cases::case(tx, &codename)?.ok_or(CasebookError::NoCase(case))?;
            if facts.destroyed.is_some() {
                return Ok(());
            }
            let objects = facts.sealed_objects();
            let alone = second.is_none_or(|second| is_same_person(second, who.name()));
            if objects.is_empty() {
                return Err(CasebookError::NothingSealed(codename).into());
            }
            if facts.row.takes_two() && alone {
                return Err(CasebookError::SecondPerson(codename).into());
            }
            if facts.has_copy_in(PlaceState::Sealed) {
                return Err(CasebookError::OnItsWay(codename).into());
            }
            if facts.is_going_back() {
                return Err(CasebookError::ReleasePending(codename).into());
            }
            let by: Vec<_> = [Some(who.name()), second].into_iter().flatten().map(str::to_owned).collect();
            acknowledge(tx, now, case, who)?;
            tx.prepare_cached("UPDATE cases SET destroyed_at = ?, destroyed_by = ? WHERE id = ?")?.execute(params![
                Moment(now),
                by.join(" and "),
                case.0
            ])?;
            let objects = objects.iter().map(ToString::to_string).collect();
            self.append(tx, now, who, &Event::Destroyed { case, codename, by, objects, reason: reason.to_owned() })
        })
    }

    /// What was decided to be destroyed, and is not known to be gone from the vault.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn doomed(&self) -> Result<Vec<Doomed>> {
        self.read(|conn| {
            let doomed: Vec<Codename> = conn
                .prepare_cached("SELECT codename FROM cases WHERE destroyed_at IS NOT NULL AND emptied_at IS NULL ORDER BY id")?
                .query_map([], |row| parsed(row, "codename"))?
                .collect::<Result<_, _>>()?;
            let facts = doomed.iter().filter_map(|codename| cases::case(conn, codename).transpose());
            facts
                .map(|facts| facts.map(|facts| Doomed { case: facts.row.id, objects: facts.objects(), codename: facts.row.codename }))
                .collect()
        })
    }

    /// The vault holds nothing of a doomed case any more. Once more changes nothing.
    ///
    /// # Errors
    /// When the database refuses; then it is still doomed.
    pub fn emptied(&self, now: Timestamp, case: CaseId) -> Result<()> {
        self.write_as(Some("destroyed.commit"), |tx| {
            let emptied = tx
                .prepare_cached("UPDATE cases SET emptied_at = ? WHERE id = ? AND destroyed_at IS NOT NULL AND emptied_at IS NULL")?
                .execute(params![Moment(now), case.0])?;
            if emptied == 0 {
                return Ok(());
            }
            // A copy that was put back, or never left its mailbox, is where it was.
            for copy in place::of_case(tx, case)?.into_iter().filter(|copy| copy.state == PlaceState::Removed) {
                let state = PlaceState::Destroyed;
                place::become_of(tx, now, copy.id, state)?;
                self.append(tx, now, &Actor::Program, &Event::PlaceSettled { case, place: copy.place, state })?;
            }
            Ok(())
        })
    }
}

/// Whether a held message of the case is destroyed. A decision about one that was delivered still stands.
pub(super) fn keeps_from_release(conn: &Connection, case: CaseId) -> Result<bool, Refusal> {
    let held = |row: &rusqlite::Row<'_>| Ok(word::<Action>(row, "action")? >= Action::Hold);
    let found =
        conn.prepare_cached("SELECT action FROM cases WHERE id = ? AND destroyed_at IS NOT NULL")?.query_map([case.0], held)?.next();
    Ok(found.transpose()?.unwrap_or(false))
}

/// The journal names people, whatever they came with: an account of the desk, or a key.
fn is_same_person(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, at, concern, place};
    use super::super::{New, Recorded};
    use super::*;
    use crate::finding::Level;

    fn ann() -> Actor {
        Actor::Account("Ann Example".to_owned())
    }

    /// A case with a sheet and one copy in this state.
    fn case(desk: &Desk, level: Level, action: Action, state: PlaceState) -> Recorded {
        let (concern, sheet, text, object) = (concern(level, action), desk.sealed(), desk.sealed(), desk.sealed());
        let message_object = (action >= Action::Hold).then_some(&object);
        let recorded =
            desk.book.record(&New { sheet: Some(&sheet), text: Some(&text), message_object, ..desk.plain(1, &concern) }).unwrap();
        desk.book.settle(at(5), &Actor::Program, recorded.place, state).unwrap();
        recorded
    }

    fn decide(desk: &Desk, case: &Recorded, second: Option<&str>) -> Result<()> {
        desk.book.destroy(at(9), &Destruction { case: case.case, who: &ann(), second, reason: "the police confirmed it" })
    }

    fn refused(decided: Result<()>) -> &'static str {
        match decided {
            Ok(()) => "not refused",
            Err(CasebookError::NothingSealed(_)) => "nothing sealed",
            Err(CasebookError::OnItsWay(_)) => "on its way",
            Err(CasebookError::ReleasePending(_)) => "release pending",
            Err(CasebookError::SecondPerson(_)) => "second person",
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn what_is_withheld_or_of_level_five_takes_two_and_the_same_person_is_not_two() {
        for (level, action, alone) in [
            (Level::Day, Action::Hold, "not refused"),
            (Level::SameDay, Action::Flag, "not refused"),
            (Level::Now, Action::Hold, "second person"),
            (Level::Now, Action::Flag, "second person"),
            (Level::Day, Action::Withhold, "second person"),
        ] {
            let desk = Desk::new();
            let state = if action >= Action::Hold { PlaceState::Removed } else { PlaceState::Delivered };
            let case = case(&desk, level, action, state);
            assert_eq!(refused(decide(&desk, &case, Some(" ann EXAMPLE "))), alone, "{level} {action}");
            if alone != "not refused" {
                assert_eq!(refused(decide(&desk, &case, None)), alone, "{level} {action}");
                assert_eq!(desk.book.doomed().unwrap(), []);
                decide(&desk, &case, Some("Ben Example")).unwrap();
            }
            assert_eq!(desk.book.doomed().unwrap().len(), 1, "{level} {action}");
        }
    }

    #[test]
    fn nothing_is_destroyed_while_a_copy_is_on_its_way_out_or_back() {
        let desk = Desk::new();
        let held = case(&desk, Level::Day, Action::Hold, PlaceState::Sealed);
        assert_eq!(refused(decide(&desk, &held, None)), "on its way");
        desk.book.settle(at(6), &Actor::Program, held.place, PlaceState::Removed).unwrap();
        desk.book.release(at(7), &ann(), held.case, "a lesson").unwrap();
        assert_eq!(refused(decide(&desk, &held, None)), "release pending");
        assert_eq!(desk.book.doomed().unwrap(), []);
        desk.book.settle(at(8), &Actor::Program, held.place, PlaceState::Released).unwrap();
        decide(&desk, &held, None).unwrap();
        desk.book.emptied(at(10), held.case).unwrap();
        let facts = desk.book.case(&held.codename).unwrap().unwrap();
        assert_eq!(facts.places[0].state, PlaceState::Released, "it is where it was put back");
    }

    #[test]
    fn there_is_no_destroying_what_is_not_sealed() {
        let desk = Desk::new();
        let bare = desk.record(1, &place("ann", 1), &concern(Level::Day, Action::Flag), None);
        assert_eq!(refused(decide(&desk, &bare, None)), "nothing sealed");
        let nowhere = Destruction { case: CaseId(7), who: &ann(), second: None, reason: "x" };
        assert!(matches!(desk.book.destroy(at(9), &nowhere), Err(CasebookError::NoCase(CaseId(7)))));
    }

    #[test]
    fn the_decision_stands_once_and_names_people_objects_and_reason_before_anything_is_gone() {
        let desk = Desk::new();
        let held = case(&desk, Level::Now, Action::Hold, PlaceState::Removed);
        let sealed = desk.book.case(&held.codename).unwrap().unwrap().sealed_objects();
        assert_eq!(sealed.len(), 3, "the sheet, the text and the message");
        for second in ["Ben Example", "Cal Example"] {
            decide(&desk, &held, Some(second)).unwrap();
        }
        let facts = desk.book.case(&held.codename).unwrap().unwrap();
        assert_eq!(facts.destroyed, Some((at(9), "Ann Example and Ben Example".to_owned())));
        assert_eq!((facts.places[0].state, facts.sealed_objects()), (PlaceState::Removed, Vec::new()));
        let lines: Vec<_> =
            desk.book.journal(1, 100).unwrap().into_iter().filter(|line| matches!(line.event, Event::Destroyed { .. })).collect();
        let [line] = &lines[..] else { panic!("{lines:?}") };
        let Event::Destroyed { by, objects, reason, .. } = &line.event else { unreachable!() };
        assert_eq!((by.join(", "), reason.as_str()), ("Ann Example, Ben Example".to_owned(), "the police confirmed it"));
        assert_eq!(*objects, sealed.iter().map(ToString::to_string).collect::<Vec<_>>());

        let doomed = desk.book.doomed().unwrap();
        assert_eq!((doomed[0].case, &doomed[0].objects), (held.case, &sealed));
        for _ in 0..2 {
            desk.book.emptied(at(10), held.case).unwrap();
        }
        assert_eq!(desk.book.doomed().unwrap(), []);
        assert_eq!(desk.book.case(&held.codename).unwrap().unwrap().places[0].state, PlaceState::Destroyed);
        let settled = desk
            .book
            .journal(1, 100)
            .unwrap()
            .into_iter()
            .filter(|line| matches!(line.event, Event::PlaceSettled { state: PlaceState::Destroyed, .. }));
        assert_eq!(settled.count(), 1);
    }

    #[test]
    fn what_is_destroyed_is_not_released_any_more_and_a_further_copy_is_a_case_of_its_own() {
        let desk = Desk::new();
        let held = case(&desk, Level::Day, Action::Hold, PlaceState::Removed);
        assert_eq!(desk.book.folds_into(&desk.content(1), Level::Day).unwrap(), Some(held.case));
        decide(&desk, &held, None).unwrap();
        assert!(
            matches!(desk.book.release(at(10), &ann(), held.case, "a lesson"), Err(CasebookError::Destroyed(name)) if name == held.codename)
        );
        assert_eq!(desk.book.folds_into(&desk.content(1), Level::Day).unwrap(), None);
        let another = desk.record(1, &place("ben", 1), &concern(Level::Day, Action::Hold), Some(&desk.sealed()));
        assert!(another.case != held.case && !another.folded);
    }

    #[test]
    fn a_decision_about_a_message_that_was_delivered_stands_when_its_sheet_is_destroyed() {
        let desk = Desk::new();
        let flagged = case(&desk, Level::Day, Action::Flag, PlaceState::Delivered);
        decide(&desk, &flagged, None).unwrap();
        desk.book.release(at(10), &ann(), flagged.case, "a set book").unwrap();
        assert!(desk.book.case(&flagged.codename).unwrap().unwrap().released.is_some());
    }
}
