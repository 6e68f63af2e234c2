//! The copies of a message: where each was found, what became of it, and the object that it can be put back from.

use std::fmt;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::column::{Json, Moment, moment, moment_if_any, parsed, word, word_if_any};
use super::{Casebook, CasebookError, Keyed, New, Refusal, Result, mailbox};
use crate::case::{CaseId, NotBack, PlaceState};
use crate::finding::Reason;
use crate::journal::{Actor, Event};
use crate::mail::{Address, Arrival, FolderName, Place, Uid, UidValidity};
use crate::vault::{ObjectId, Receipt};

/// The number of a place in the casebook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceId(pub i64);

impl fmt::Display for PlaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A copy that is sealed and not yet known to be gone from its mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedPlace {
    pub id: PlaceId,
    pub case: CaseId,
    pub place: Place,
    pub object: SealedObject,
    pub found_at: Timestamp,
    /// A person has decided that it is no concern: it stays, if it is still there.
    pub released: bool,
}

/// An object in the vault, as it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedObject {
    pub object: ObjectId,
    pub ciphertext_sha256: [u8; 32],
}

impl SealedObject {
    /// The names of a sheet and of a text that are opened together, as the journal has them: a space between them.
    pub fn names(opened: [Option<Self>; 2]) -> String {
        opened.into_iter().flatten().map(|sealed| sealed.object.to_string()).collect::<Vec<_>>().join(" ")
    }
}

/// A copy of the message of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceFacts {
    pub id: PlaceId,
    pub place: Place,
    pub state: PlaceState,
    /// With the flags that it had when it was found: seen, answered, forwarded.
    pub arrival: Arrival,
    pub found_at: Timestamp,
    pub settled_at: Option<Timestamp>,
    pub object: Option<SealedObject>,
    /// The deed of the last release at the desk that was begun for it; 0 for one at the command line.
    pub release_deed: Option<i64>,
    /// Why that release has failed for good.
    pub not_back: Option<NotBack>,
}

impl PlaceFacts {
    /// How long the message had been in the mailbox when it was found, in seconds; 0 where the server's clock
    /// is ahead of ours.
    pub fn lay_there_seconds(&self) -> u64 {
        self.found_at.as_second().saturating_sub(self.arrival.internal_date).try_into().unwrap_or(0)
    }
}

impl Casebook {
    /// The places of a mailbox whose removal is yet to be finished, oldest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn sealed_places(&self, mailbox: &Address) -> Result<Vec<SealedPlace>> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT place.*, address, released_at FROM place JOIN mailbox ON mailbox.id = place.mailbox
                 JOIN cases ON cases.id = of_case WHERE state = 'sealed' AND address = ? ORDER BY place.id",
            )?
            .query_map([mailbox.as_str()], sealed_place)?
            .filter_map(Result::transpose)
            .collect()
        })
    }

    /// The messages of a mailbox that its server did not hand over, oldest first: they may be asked for again.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn passed_over(&self, mailbox: &Address) -> Result<Vec<(PlaceId, Place)>> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT DISTINCT place.*, address FROM incomplete
                 JOIN place ON place.of_case = incomplete.of_case JOIN mailbox ON mailbox.id = place.mailbox
                 WHERE reason IN (?, ?) AND state = ? AND address = ? ORDER BY place.id",
            )?
            .query_map(params![Json(Reason::Unanswered), Json(Reason::Unfetched), Json(PlaceState::Delivered), mailbox.as_str()], |row| {
                Ok((PlaceId(row.get("id")?), place_of(row)?))
            })?
            .collect()
        })
    }

    /// Whether the same message was met later in another folder of the same mailbox.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn met_elsewhere(&self, place: PlaceId) -> Result<bool> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT 1 FROM place AS this JOIN place AS other ON other.of_case = this.of_case AND other.mailbox = this.mailbox
                 AND other.message = this.message AND other.id > this.id AND other.folder <> this.folder WHERE this.id = ?",
            )?
            .exists([place.0])
        })
    }

    /// Writes down what became of a place. Once more changes nothing.
    ///
    /// # Errors
    /// `NoPlace`, or when the database refuses: nothing is `Removed` that was not sealed.
    pub fn settle(&self, now: Timestamp, who: &Actor, place: PlaceId, state: PlaceState) -> Result<()> {
        self.write_as(Some("settle.commit"), |tx| {
            let (case, was, at) = tx
                .prepare_cached("SELECT place.*, address FROM place JOIN mailbox ON mailbox.id = place.mailbox WHERE place.id = ?")?
                .query_row([place.0], |row| Ok((CaseId(row.get("of_case")?), word::<PlaceState>(row, "state")?, place_of(row)?)))
                .optional()?
                .ok_or(CasebookError::NoPlace(place.0))?;
            if was == state {
                return Ok(());
            }
            become_of(tx, now, place, state)?;
            self.append(tx, now, who, &Event::PlaceSettled { case, place: at, state })
        })
    }

    /// The sealed message of a place, if there is one.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn object_of(&self, place: PlaceId) -> Result<Option<SealedObject>> {
        self.read(|conn| {
            let object = conn
                .prepare_cached("SELECT object, object_sha256 FROM place WHERE id = ?")?
                .query_row([place.0], |row| sealed(row, "object", "object_sha256"))
                .optional()?;
            Ok(object.flatten())
        })
    }

    /// Whether these are the octets that were found in this place, by [`crate::wire::Digests::whole`].
    ///
    /// # Errors
    /// `NoPlace`, or when the database refuses.
    pub fn is_message(&self, place: PlaceId, whole: &[u8; 32]) -> Result<bool> {
        let found: Option<Keyed> = self.read(|conn| {
            conn.prepare_cached("SELECT message FROM place WHERE id = ?")?.query_row([place.0], |row| row.get(0)).optional()
        })?;
        Ok(found.ok_or(CasebookError::NoPlace(place.0))? == self.key_message(whole))
    }

    /// Whether a row knows this object: everything else in the vault was left by a crash.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn known_object(&self, object: &ObjectId) -> Result<bool> {
        self.read(|conn| {
            conn.prepare_cached("SELECT 1 FROM place WHERE object = ?1 UNION ALL SELECT 1 FROM cases WHERE sheet = ?1 OR text = ?1")?
                .exists([object.to_string()])
        })
    }

    pub(super) fn place(&self, tx: &Transaction<'_>, case: CaseId, new: &New<'_>) -> Result<PlaceId, Refusal> {
        let New { place, arrival, message, .. } = *new;
        let mailbox = mailbox(tx, &place.mailbox, new.found_at)?;
        let state = if new.message_object.is_some() { PlaceState::Sealed } else { PlaceState::Delivered };
        let object = new.message_object.map(|receipt| receipt.object().to_string());
        let sha256 = new.message_object.map(Receipt::ciphertext_sha256);
        let known = tx
            .prepare_cached(
                "SELECT id, object FROM place WHERE of_case = ? AND mailbox = ? AND folder = ? AND uidvalidity = ? AND uid = ? AND message = ?",
            )?
            .query_row(params![case.0, mailbox, place.folder.0, place.uidvalidity.0, place.uid.get(), message], |row| {
                Ok((PlaceId(row.get(0)?), row.get::<_, Option<String>>(1)?))
            })
            .optional()?;
        let id = match known {
            // The same again, or a copy that stays where it is.
            Some((id, known)) if object.is_none() || object == known => return Ok(id),
            Some((id, _)) => {
                tx.prepare_cached(
                    "UPDATE place SET state = ?, object = ?, object_sha256 = ?, settled_at = NULL, not_back = NULL WHERE id = ?",
                )?
                .execute(params![Json(state), object, sha256, id.0])?;
                id
            }
            None => tx
                .prepare_cached(
                    "INSERT INTO place (of_case, mailbox, folder, uidvalidity, uid, message, state, object, object_sha256,
                                        flags, internal_date, size, found_at)
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                )?
                .query_row(
                    params![
                        case.0,
                        mailbox,
                        place.folder.0,
                        place.uidvalidity.0,
                        place.uid.get(),
                        message,
                        Json(state),
                        object,
                        sha256,
                        Json(&arrival.flags),
                        arrival.internal_date,
                        arrival.size.cast_signed(),
                        Moment(new.found_at)
                    ],
                    |row| row.get(0).map(PlaceId),
                )?,
        };
        self.append(tx, new.found_at, &Actor::Program, &Event::PlaceFound { case, place: place.clone(), state, object })?;
        Ok(id)
    }
}

/// Every copy of the message of a case, in the order in which they were found.
pub(super) fn of_case(conn: &Connection, case: CaseId) -> rusqlite::Result<Vec<PlaceFacts>> {
    conn.prepare_cached(
        "SELECT place.*, address FROM place JOIN mailbox ON mailbox.id = place.mailbox WHERE of_case = ? ORDER BY place.id",
    )?
    .query_map([case.0], place_facts)?
    .collect()
}

/// An object's two columns.
pub(super) fn sealed(row: &Row<'_>, object: &str, sha256: &str) -> rusqlite::Result<Option<SealedObject>> {
    match row.get(sha256)? {
        Some(ciphertext_sha256) => Ok(Some(SealedObject { object: parsed(row, object)?, ciphertext_sha256 })),
        None => Ok(None),
    }
}

/// What became of a place: whatever kept it from going back counts no longer.
pub(super) fn become_of(tx: &Transaction<'_>, now: Timestamp, place: PlaceId, state: PlaceState) -> rusqlite::Result<()> {
    tx.prepare_cached("UPDATE place SET state = ?, settled_at = ?, not_back = NULL WHERE id = ?")?.execute(params![
        Json(state),
        Moment(now),
        place.0
    ])?;
    Ok(())
}

/// The place of a row of `place` joined with its mailbox.
pub(super) fn place_of(row: &Row<'_>) -> rusqlite::Result<Place> {
    let uid = row.get("uid")?;
    Ok(Place {
        mailbox: parsed(row, "address")?,
        folder: FolderName(row.get("folder")?),
        uidvalidity: UidValidity(row.get("uidvalidity")?),
        uid: Uid::new(uid).ok_or(rusqlite::Error::IntegralValueOutOfRange(0, 0))?,
    })
}

fn place_facts(row: &Row<'_>) -> rusqlite::Result<PlaceFacts> {
    Ok(PlaceFacts {
        id: PlaceId(row.get("id")?),
        place: place_of(row)?,
        state: word(row, "state")?,
        arrival: Arrival {
            flags: word(row, "flags")?,
            internal_date: row.get("internal_date")?,
            size: row.get::<_, i64>("size")?.cast_unsigned(),
        },
        found_at: moment(row, "found_at")?,
        settled_at: moment_if_any(row, "settled_at")?,
        object: sealed(row, "object", "object_sha256")?,
        release_deed: row.get("release_deed")?,
        not_back: word_if_any(row, "not_back")?,
    })
}

fn sealed_place(row: &Row<'_>) -> rusqlite::Result<Option<SealedPlace>> {
    let Some(object) = sealed(row, "object", "object_sha256")? else { return Ok(None) };
    Ok(Some(SealedPlace {
        id: PlaceId(row.get("id")?),
        case: CaseId(row.get("of_case")?),
        place: place_of(row)?,
        object,
        found_at: moment(row, "found_at")?,
        released: moment_if_any(row, "released_at")?.is_some(),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, address, at, concern, place};
    use super::*;
    use crate::finding::{Action, Incomplete, Level};

    #[test]
    fn each_sealed_copy_has_its_own_object_and_the_newest_receipt_counts() {
        let desk = Desk::new();
        let concern = concern(Level::Day, Action::Hold);
        let (older, newer, other) = (desk.sealed(), desk.sealed(), desk.sealed());
        let one = desk.record(1, &place("ann", 1), &concern, Some(&older));
        let two = desk.record(1, &place("ben", 1), &concern, Some(&other));
        desk.record(1, &place("ann", 1), &concern, Some(&newer));
        let object = |place| desk.book.object_of(place).unwrap().unwrap().object;
        assert_eq!((object(one.place), object(two.place)), (*newer.object(), *other.object()));
        let known = |receipt: &Receipt| desk.book.known_object(receipt.object()).unwrap();
        assert!(known(&newer) && known(&other) && !known(&older));

        let sealed = desk.book.sealed_places(&address("ann")).unwrap();
        assert_eq!(sealed.iter().map(|sealed| (sealed.id, &sealed.place)).collect::<Vec<_>>(), [(one.place, &place("ann", 1))]);
        assert_eq!(sealed[0].object.ciphertext_sha256, *newer.ciphertext_sha256());
        assert!(!sealed[0].released);
        desk.book.release(at(8), &Actor::Member("Ann Example".to_owned()), one.case, "a lesson").unwrap();
        assert!(desk.book.sealed_places(&address("ann")).unwrap()[0].released);
        desk.book.settle(at(9), &Actor::Program, one.place, PlaceState::Removed).unwrap();
        assert_eq!(desk.book.sealed_places(&address("ann")).unwrap(), []);
        assert_eq!(desk.book.sealed_places(&address("ben")).unwrap().len(), 1);
    }

    #[test]
    fn a_delivered_copy_that_is_held_later_becomes_a_sealed_one() {
        let desk = Desk::new();
        let flagged = desk.record(1, &place("ann", 1), &concern(Level::Day, Action::Flag), None);
        assert_eq!(desk.book.object_of(flagged.place).unwrap(), None);
        let receipt = desk.sealed();
        let held = desk.record(1, &place("ann", 1), &concern(Level::Day, Action::Hold), Some(&receipt));
        assert_eq!(held.place, flagged.place);
        assert_eq!(desk.book.object_of(held.place).unwrap().unwrap().object, *receipt.object());
    }

    #[test]
    fn a_place_knows_the_octets_that_were_found_in_it_and_no_others() {
        let desk = Desk::new();
        let here = desk.record(1, &place("ann", 1), &concern(Level::Day, Action::Flag), None).place;
        assert!(desk.book.is_message(here, &[1; 32]).unwrap());
        assert!(!desk.book.is_message(here, &[2; 32]).unwrap());
        assert!(matches!(desk.book.is_message(PlaceId(99), &[1; 32]), Err(CasebookError::NoPlace(99))));
    }

    #[test]
    fn what_was_not_handed_over_is_passed_over_until_it_is_settled_and_what_was_read_in_part_never_is() {
        let desk = Desk::new();
        let unread = |reason| {
            let mut concern = concern(Level::Weekly, Action::Pass);
            concern.incomplete = vec![Incomplete { part: String::new(), reason }];
            concern
        };
        desk.record(1, &place("ann", 1), &unread(Reason::EncryptedArchive), None);
        let hung_up = desk.record(2, &place("ann", 2), &unread(Reason::Unanswered), None);
        let withheld = desk.record(3, &place("ann", 3), &unread(Reason::Unfetched), None);
        desk.record(4, &place("ben", 1), &unread(Reason::Unfetched), None);
        let passed_over = || desk.book.passed_over(&address("ann")).unwrap();
        assert_eq!(passed_over(), [(hung_up.place, place("ann", 2)), (withheld.place, place("ann", 3))]);
        desk.book.settle(at(9), &Actor::Program, hung_up.place, PlaceState::Superseded).unwrap();
        assert_eq!(passed_over(), [(withheld.place, place("ann", 3))]);
    }

    #[test]
    fn nothing_that_was_not_sealed_is_ever_called_removed() {
        let desk = Desk::new();
        let flagged = desk.record(1, &place("ann", 1), &concern(Level::Day, Action::Flag), None);
        let refused = desk.book.settle(at(9), &Actor::Program, flagged.place, PlaceState::Removed);
        assert!(matches!(refused, Err(CasebookError::Database { .. })));
        assert!(matches!(desk.book.settle(at(9), &Actor::Program, PlaceId(99), PlaceState::Removed), Err(CasebookError::NoPlace(99))));
        assert_eq!(desk.book.case(&flagged.codename).unwrap().unwrap().places[0].state, PlaceState::Delivered);
    }
}
