//! A concern becomes a case, and every further copy of the message a further place of that case.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use super::cases::codename;
use super::column::{Json, Moment, word};
use super::outbox::{self, NewNotice, Subject};
use super::{Casebook, Keyed, PlaceId, Refusal, Result, thread};
use crate::case::{CaseId, Codename};
use crate::finding::{Action, Audience, Concern, Level};
use crate::journal::{Actor, Event};
use crate::mail::{Arrival, Place};
use crate::vault::Receipt;

/// All that is written down of a message that is not clear.
#[derive(Clone, Copy)]
pub struct New<'a> {
    /// The same for every copy.
    pub content: Keyed,
    pub message: Keyed,
    pub place: &'a Place,
    pub arrival: &'a Arrival,
    pub found_at: Timestamp,
    pub concern: &'a Concern,
    /// The level of a new case: that of the concern, or higher because of what the sender did before.
    pub level: Level,
    pub parties: &'a [(Keyed, Party)],
    /// The message ids that it names, its own among them.
    pub thread: &'a [Keyed],
    /// Who wrote to whom, as roles.
    pub ends: &'a Ends,
    /// To whom the sheet and the text are sealed.
    pub audiences: &'a [Audience],
    pub sheet: Option<&'a Receipt>,
    /// None where there is no sheet, or one of facts alone.
    pub text: Option<&'a Receipt>,
    /// The sealed message: with it the place is `Sealed` and may be emptied, without it `Delivered`.
    pub message_object: Option<&'a Receipt>,
    pub rule_set: &'a str,
    /// Queued when the case is a new one.
    pub notices: &'a [NewNotice],
    /// Found among the mail that lay there when the mailbox was first watched.
    pub backscan: bool,
}

/// The two ends of a message as words that name nobody: `pupil`, `staff`, `outside`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// Empty where it is not known.
    pub sender: String,
    /// Each word once, in order.
    pub recipients: Vec<String>,
}

/// What somebody, known by a keyed address, is to a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Party {
    /// A copy lay in this mailbox.
    Mailbox,
    Recipient,
    Sender,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub case: CaseId,
    pub codename: Codename,
    pub place: PlaceId,
    /// The case was there before: nobody is told again, and the sheet and the text that came with this copy are not kept.
    pub folded: bool,
}

impl Casebook {
    /// Writes down a message in one transaction: case, place, findings, parties, notices, journal.
    ///
    /// A copy folds into the undecided case of the same content, unless it is graver than that case: what
    /// should bring more people, or bring them sooner, never folds silently. Recording a place twice gives the
    /// first; where it comes with a newer receipt, that object takes the place of the older one.
    ///
    /// # Errors
    /// When the database refuses; then nothing is written, and nothing may be removed.
    pub fn record(&self, new: &New<'_>) -> Result<Recorded> {
        self.write_as(Some("record.commit"), |tx| self.record_in(tx, new))
    }

    /// As [`Casebook::record`], for many at once: all of them or none.
    ///
    /// # Errors
    /// As [`Casebook::record`].
    pub fn record_all<'a>(&self, news: impl IntoIterator<Item = New<'a>>) -> Result<Vec<Recorded>> {
        self.write_as(Some("record.commit"), |tx| news.into_iter().map(|new| self.record_in(tx, &new)).collect())
    }

    fn record_in(&self, tx: &Transaction<'_>, new: &New<'_>) -> Result<Recorded, Refusal> {
        let known = undecided(tx, &new.content, new.concern.level)?;
        let folded = known.is_some();
        let case = match known {
            Some((case, action)) => {
                fold(tx, case, action.max(new.concern.action))?;
                case
            }
            None => self.open_case(tx, new)?,
        };
        let mut party = tx.prepare_cached("INSERT OR IGNORE INTO party (address, of_case, part) VALUES (?, ?, ?)")?;
        for (address, part) in new.parties {
            party.execute(params![address, case.0, Json(part)])?;
        }
        thread::join(tx, case, new.thread)?;
        let place = self.place(tx, case, new)?;
        Ok(Recorded { case, codename: codename(tx, case)?, place, folded })
    }

    /// The case that a copy of this level, as judged, would fold into: with one, there is no need to seal a sheet or a text.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn folds_into(&self, content: &Keyed, level: Level) -> Result<Option<CaseId>> {
        self.read(|conn| Ok(undecided(conn, content, level)?.map(|(case, _)| case)))
    }

    /// How many cases of a level, as judged, came from one sender since then, of those that all of these audiences are told of: a case
    /// that is hidden from one of them raises nothing that is not.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn raised(&self, sender: &Keyed, level: Level, since: Timestamp, told: &[Audience]) -> Result<u32> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT count(*) FROM party JOIN cases ON cases.id = of_case WHERE address = ? AND part = ? AND judged_level = ? AND opened_at >= ?
                 AND NOT EXISTS (SELECT 1 FROM json_each(?) WHERE NOT instr(audiences, '\"' || value || '\"'))",
            )?
            .query_row(params![sender, Json(Party::Sender), Json(level), Moment(since), Json(told)], |row| row.get(0))
        })
    }

    fn open_case(&self, tx: &Transaction<'_>, new: &New<'_>) -> Result<CaseId, Refusal> {
        let New { concern, level, rule_set, backscan, .. } = *new;
        let codename = unused_codename(tx)?;
        let case = tx
            .prepare_cached(
                "INSERT INTO cases (codename, content, category, judged_level, level, action, rule_set, backscan, opened_at, audiences, sheet, sheet_sha256, text, text_sha256,
                 sender, recipients) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
            )?
            .query_row(
                params![
                    codename.as_str(),
                    new.content,
                    Json(concern.category),
                    Json(concern.level),
                    Json(level),
                    Json(concern.action),
                    rule_set,
                    backscan,
                    Moment(new.found_at),
                    Json(new.audiences),
                    new.sheet.map(|sheet| sheet.object().to_string()),
                    new.sheet.map(Receipt::ciphertext_sha256),
                    new.text.map(|text| text.object().to_string()),
                    new.text.map(Receipt::ciphertext_sha256),
                    new.ends.sender,
                    Json(&new.ends.recipients),
                ],
                |row| row.get(0).map(CaseId),
            )?;
        let mut finding =
            tx.prepare_cached("INSERT INTO finding (of_case, rule, version, category, kind, part, field) VALUES (?, ?, ?, ?, ?, ?, ?)")?;
        for found in &concern.findings {
            finding.execute(params![
                case.0,
                found.rule.as_str(),
                found.version.to_string(),
                Json(found.category),
                Json(found.kind),
                found.location.part,
                Json(found.location.field)
            ])?;
        }
        let mut incomplete = tx.prepare_cached("INSERT INTO incomplete (of_case, part, reason) VALUES (?, ?, ?)")?;
        for unread in &concern.incomplete {
            incomplete.execute(params![case.0, unread.part, Json(unread.reason)])?;
        }
        outbox::queue(tx, Subject::Case(case), new.notices)?;
        let event = Event::CaseOpened {
            case,
            codename,
            category: concern.category,
            level,
            action: concern.action,
            rule_set: rule_set.to_owned(),
            backscan,
        };
        self.append(tx, new.found_at, &Actor::Program, &event)?;
        Ok(case)
    }
}

/// The undecided case of this content that was judged at least as grave. Where what was sealed is destroyed, a further copy is
/// news to somebody, and opens a case of its own.
fn undecided(conn: &Connection, content: &Keyed, level: Level) -> rusqlite::Result<Option<(CaseId, Action)>> {
    conn.prepare_cached(
        "SELECT id, action FROM cases WHERE content = ? AND judged_level >= ? AND released_at IS NULL AND destroyed_at IS NULL
                           ORDER BY id LIMIT 1",
    )?
    .query_row(params![content, Json(level)], |row| Ok((CaseId(row.get("id")?), word(row, "action")?)))
    .optional()
}

/// The strictest of what is done to any copy is what the case says.
fn fold(tx: &Transaction<'_>, case: CaseId, action: Action) -> Result<(), Refusal> {
    tx.prepare_cached("UPDATE cases SET action = ?1 WHERE id = ?2 AND action <> ?1")?.execute(params![Json(action), case.0])?;
    Ok(())
}

fn unused_codename(tx: &Transaction<'_>) -> Result<Codename, Refusal> {
    loop {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.to_string().into()))?;
        let codename = Codename::from_random(random);
        if !tx.prepare_cached("SELECT 1 FROM cases WHERE codename = ?")?.exists([codename.as_str()])? {
            return Ok(codename);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, address, at, concern, notice, place};
    use super::super::{Filter, Standing};
    use super::*;
    use crate::case::PlaceState;

    #[test]
    fn recording_a_place_again_and_again_changes_nothing() {
        let desk = Desk::new();
        let (concern, receipt) = (concern(Level::Now, Action::Hold), desk.sealed());
        let notices = [notice("dsl", 0, 0), notice("deputy", 1, 900)];
        let first = desk.record_with(1, &place("ann", 1), &concern, Some(&receipt), &notices);
        let (facts, lines) = (desk.book.case(&first.codename).unwrap().unwrap(), desk.book.verify_journal().unwrap());
        for _ in 0..5 {
            let again = desk.record_with(1, &place("ann", 1), &concern, Some(&receipt), &notices);
            assert_eq!(again, Recorded { folded: true, ..first.clone() });
            assert_eq!(desk.book.case(&first.codename).unwrap().unwrap(), facts);
            assert_eq!(desk.book.verify_journal().unwrap(), lines);
        }
    }

    #[test]
    fn copies_fold_into_one_case_with_a_place_each_in_whatever_order_they_are_found() {
        let copies: Vec<_> = (1..=3).flat_map(|uid| ["ann", "ben", "cat"].map(|mailbox| place(mailbox, uid))).collect();
        for first in 0..copies.len() {
            let desk = Desk::new();
            let concern = concern(Level::SameDay, Action::Flag);
            let found = || copies.iter().cycle().skip(first).take(copies.len());
            let recorded: Vec<_> = found().map(|copy| desk.record_with(1, copy, &concern, None, &[notice("dsl", 0, 0)])).collect();
            assert!(!recorded[0].folded && recorded[1..].iter().all(|later| later.folded && later.case == recorded[0].case));
            let facts = desk.book.case(&recorded[0].codename).unwrap().unwrap();
            assert!(facts.places.iter().map(|facts| &facts.place).eq(found()));
            assert_eq!((facts.notices.len(), desk.book.cases(&Filter::default()).unwrap().len()), (1, 1));
        }
    }

    #[test]
    fn another_content_is_another_case_with_another_name() {
        let desk = Desk::new();
        let names: std::collections::BTreeSet<_> = (1..=200)
            .map(|number| desk.record(number, &place("ann", number.into()), &concern(Level::Day, Action::Flag), None).codename)
            .collect();
        assert_eq!(names.len(), 200);
    }

    #[test]
    fn what_is_graver_than_the_case_does_not_fold_and_somebody_is_told() {
        let desk = Desk::new();
        let mild = desk.record_with(1, &place("ann", 1), &concern(Level::Weekly, Action::Flag), None, &[notice("dsl", 0, 0)]);
        let grave = desk.record_with(1, &place("ben", 1), &concern(Level::Now, Action::Flag), None, &[notice("dsl", 0, 0)]);
        assert!(!grave.folded && grave.case != mild.case);
        assert_eq!(desk.book.due(at(0)).unwrap().len(), 2);
        assert_eq!(desk.book.folds_into(&desk.content(1), Level::Now).unwrap(), Some(grave.case));
        assert_eq!(desk.book.folds_into(&desk.content(2), Level::Now).unwrap(), None);
    }

    #[test]
    fn what_is_found_again_after_a_release_is_a_new_case() {
        let desk = Desk::new();
        let concern = concern(Level::Day, Action::Flag);
        let first = desk.record(1, &place("ann", 1), &concern, None);
        desk.book.release(at(5), &Actor::Member("Ann Example".to_owned()), first.case, "a lesson").unwrap();
        assert!(!desk.record(1, &place("ben", 1), &concern, None).folded);
    }

    #[test]
    fn a_case_is_as_strict_as_what_is_done_to_any_of_its_copies() {
        let desk = Desk::new();
        let delivered = desk.record(1, &place("dsl", 1), &concern(Level::Day, Action::Flag), None);
        let held = desk.record(1, &place("ann", 1), &concern(Level::Day, Action::Hold), Some(&desk.sealed()));
        assert_eq!(held.case, delivered.case);
        desk.record(1, &place("dsl", 2), &concern(Level::Day, Action::Flag), None);
        let facts = desk.book.case(&held.codename).unwrap().unwrap();
        assert_eq!(facts.row.action, Action::Hold);
        let states: Vec<_> = facts.places.iter().map(|place| place.state).collect();
        assert_eq!(states, [PlaceState::Delivered, PlaceState::Sealed, PlaceState::Delivered]);
    }

    #[test]
    fn cases_of_one_sender_are_counted_by_level_and_time() {
        let desk = Desk::new();
        let (ann, ben) = (desk.book.key_address(&address("ann")), desk.book.key_address(&address("ben")));
        let (concern, parties) = (concern(Level::Day, Action::Flag), [(ann, Party::Sender), (ben, Party::Recipient)]);
        for (number, second) in [(1, 100), (2, 200), (3, 300)] {
            let new = New { found_at: at(second), level: Level::SameDay, parties: &parties, ..desk.plain(number, &concern) };
            desk.book.record(&new).unwrap();
        }
        let about_staff = New { found_at: at(300), audiences: &[Audience::Head], parties: &parties, ..desk.plain(4, &concern) };
        desk.book.record(&about_staff).unwrap();
        let told = |audiences: &[Audience]| desk.book.raised(&ann, Level::Day, at(0), audiences).unwrap();
        assert_eq!([told(&[]), told(&[Audience::Head]), told(&[Audience::Dsl, Audience::Head])], [4, 1, 0], "what one is not told of");
        let raised = |party, level, since| desk.book.raised(party, level, at(since), &[Audience::Dsl]).unwrap();
        assert_eq!((raised(&ann, Level::Day, 0), raised(&ann, Level::Day, 200), raised(&ann, Level::Now, 0)), (3, 2, 0));
        assert_eq!(raised(&ben, Level::Day, 0), 0, "she only received them");
    }

    #[test]
    fn a_copy_folds_by_what_was_judged_however_far_the_case_was_raised_meanwhile() {
        let desk = Desk::new();
        let concern = concern(Level::Day, Action::Flag);
        let new = New { level: Level::SameDay, ..desk.plain(1, &concern) };
        let raised = desk.book.record(&New { place: &place("ann", 1), ..new }).unwrap();
        let copy = desk.book.record(&New { place: &place("ben", 1), level: Level::Now, ..new }).unwrap();
        assert_eq!((copy.case, copy.folded), (raised.case, true));
        assert_eq!(desk.book.case(&copy.codename).unwrap().unwrap().row.level, Level::SameDay);
    }

    #[test]
    fn a_new_case_is_open_and_holds_every_fact() {
        let desk = Desk::new();
        let (sheet, text) = (desk.sealed(), desk.sealed());
        let (grave, at_home) = (concern(Level::Now, Action::Hold), place("ann", 7));
        let new = New { place: &at_home, sheet: Some(&sheet), text: Some(&text), backscan: true, ..desk.plain(1, &grave) };
        let recorded = desk.book.record(&new).unwrap();
        let facts = desk.again().case(&recorded.codename).unwrap().unwrap();
        assert_eq!((facts.row.standing, facts.row.level, facts.row.backscan, facts.row.places), (Standing::Open, Level::Now, true, 1));
        assert_eq!((facts.rule_set.as_str(), &facts.row.audiences), ("0123456789abcdef", &grave.sheet_audiences()));
        assert_eq!([facts.sheet, facts.text].map(|it| it.map(|sealed| sealed.object)), [&sheet, &text].map(|it| Some(*it.object())));
        assert!(!facts.has_one_object() && facts.sealed_objects().len() == 2);
        assert!([sheet, text].iter().all(|it| desk.book.known_object(it.object()).unwrap()), "a sweep leaves both");
        assert_eq!((&facts.places[0].place, &facts.places[0].arrival), (&at_home, &desk.arrival));
        assert_eq!(facts.places[0].lay_there_seconds(), 3_600);
        assert!(facts.places[0].arrival.forwarded());
        let (found, meant) = (&facts.findings[0], &grave.findings[0]);
        assert_eq!((&found.rule, found.version, found.kind, &found.location), (&meant.rule, meant.version, meant.kind, &meant.location));
        assert_eq!(facts.incomplete, grave.incomplete);
    }
}
