//! What the casebook says of its cases, and the decision that ends one.

use std::collections::BTreeSet;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use serde::{Deserialize, Serialize};

use super::column::{Json, Moment, moment, moment_if_any, parsed, word};
use super::outbox::{NoticeId, acknowledge};
use super::place::{self, PlaceFacts, SealedObject, sealed};
use super::{Casebook, CasebookError, Ends, Keyed, Refusal, Result, destroy};
use crate::case::{CaseId, Codename, PlaceState};
use crate::finding::{Action, Audience, Category, Incomplete, Kind, Level, Location, RuleId, RuleVersion};
use crate::journal::{Actor, Event};
use crate::mail::Address;
use crate::vault::ObjectId;

/// Which cases are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter<'a> {
    /// Leave out what was released.
    pub undecided: bool,
    pub category: Option<Category>,
    pub at_least: Option<Level>,
    pub opened_since: Option<Timestamp>,
    /// Whose keys open the sheet, among others.
    pub audience: Option<Audience>,
    /// Leave these out before anything of them is looked at.
    pub but: Option<&'a BTreeSet<CaseId>>,
}

/// How far people have come with a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    Acknowledged,
    Open,
    Released,
}

impl Standing {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Open => "open",
            Self::Released => "released",
        }
    }
}

/// A case in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseRow {
    pub id: CaseId,
    pub codename: Codename,
    pub category: Category,
    /// As raised by repetition, where it was.
    pub level: Level,
    pub action: Action,
    pub standing: Standing,
    pub opened_at: Timestamp,
    pub backscan: bool,
    /// Whose keys open the sheet and the text.
    pub audiences: Vec<Audience>,
    pub ends: Ends,
    /// Copies that were found.
    pub places: u32,
    /// The deed of the last release that has failed for good for a copy of it; 0 for one at the command line.
    pub not_back: Option<i64>,
}

impl CaseRow {
    /// Whether two people destroy what is sealed of it, and never one alone: evidence of the gravest kind (D3, D4).
    pub fn takes_two(&self) -> bool {
        self.action == Action::Withhold || self.level >= Level::Now
    }

    /// Whether it is for the chair of governors and not for the headteacher, whom it may be about (D6): then she reads of it in no
    /// list that she watches over others with.
    pub fn is_kept_from_the_head(&self) -> bool {
        self.audiences.contains(&Audience::Chair) && !self.audiences.contains(&Audience::Head)
    }
}

/// All that the casebook knows of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseFacts {
    pub row: CaseRow,
    /// The name of the rules that were in force.
    pub rule_set: String,
    /// The excerpt.
    pub sheet: Option<SealedObject>,
    /// The whole text; none of a case from before it was sealed by itself, and of one that is withheld.
    pub text: Option<SealedObject>,
    /// When and by whom.
    pub acknowledged: Option<(Timestamp, String)>,
    pub released: Option<(Timestamp, String)>,
    /// Nothing is sealed any more; the names of the objects stay.
    pub destroyed: Option<(Timestamp, String)>,
    pub places: Vec<PlaceFacts>,
    pub findings: Vec<FindingFacts>,
    pub incomplete: Vec<Incomplete>,
    pub notices: Vec<NoticeFacts>,
}

impl CaseFacts {
    /// Every object in the vault that is sealed of it, each once; none when they were destroyed.
    pub fn sealed_objects(&self) -> Vec<ObjectId> {
        if self.destroyed.is_some() { Vec::new() } else { self.objects() }
    }

    /// Every object that was ever sealed of it, each once.
    pub(super) fn objects(&self) -> Vec<ObjectId> {
        let copies = self.places.iter().filter_map(|copy| copy.object);
        let mut objects: Vec<_> = self.sheet.into_iter().chain(self.text).chain(copies).map(|sealed| sealed.object).collect();
        objects.sort_unstable();
        objects.dedup();
        objects
    }

    /// Whether the excerpt and the whole text are sealed as one, as they were before version 10: then no excerpt can be handed out
    /// without the text.
    pub fn has_one_object(&self) -> bool {
        self.sheet.is_some() && self.text.is_none() && self.row.action != Action::Withhold
    }

    /// Whose keys open its messages, and who decides about them. When any copy was withheld, nobody at the school does (D3); once it is
    /// decided, those to whom other copies were sealed may finish it.
    pub fn message_audiences(&self) -> Vec<Audience> {
        match (self.row.action, &self.released) {
            (Action::Withhold, None) => vec![Audience::Evidence],
            (Action::Withhold, Some(_)) => [&[Audience::Evidence], self.row.audiences.as_slice()].concat(),
            _ => self.row.audiences.clone(),
        }
    }

    /// Who may pass on what is sealed or have it destroyed, unopened: those to whom the sheet is sealed see the case, and the holder of
    /// the evidence key has what is withheld.
    pub fn custodians(&self) -> Vec<Audience> {
        let evidence = (self.row.action == Action::Withhold).then_some(Audience::Evidence);
        self.row.audiences.iter().copied().chain(evidence).collect()
    }

    /// Whether it was released and a copy is yet to be put back, and can be.
    pub fn is_going_back(&self) -> bool {
        self.released.is_some() && self.places.iter().any(|copy| copy.state == PlaceState::Removed && copy.not_back.is_none())
    }

    pub fn has_copy_in(&self, state: PlaceState) -> bool {
        self.places.iter().any(|copy| copy.state == state)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingFacts {
    pub rule: RuleId,
    pub version: RuleVersion,
    /// What this version says of itself, where its words come with mailwarden.
    pub sentence: Option<String>,
    pub category: Category,
    pub kind: Kind,
    pub location: Location,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeFacts {
    pub id: NoticeId,
    pub to: Address,
    pub rank: u32,
    pub due: Timestamp,
    pub delivered_at: Option<Timestamp>,
    pub failures: u32,
    /// Why the last try failed, in a word.
    pub failure: Option<String>,
}

/// What a row tells of its copies.
const OF_COPIES: &str = "(SELECT count(*) FROM place WHERE of_case = cases.id) AS places,
     (SELECT max(release_deed) FROM place WHERE of_case = cases.id AND not_back IS NOT NULL) AS not_back";

impl Casebook {
    /// The cases that pass the filter, newest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn cases(&self, filter: &Filter<'_>) -> Result<Vec<CaseRow>> {
        self.read(|conn| cases(conn, filter))
    }

    /// # Errors
    /// When the database refuses.
    pub fn case(&self, codename: &Codename) -> Result<Option<CaseFacts>> {
        self.read(|conn| case(conn, codename))
    }

    /// The decision that a case is no concern, or none any more: what was found in its content is not found in
    /// it again by the same versions of the same rules. To be called before any copy is put back; then each
    /// place is settled as `Released`. The reason is the person's own words, for the journal alone.
    ///
    /// # Errors
    /// `NoCase`; `Destroyed` where there is nothing left to put back; or when the database refuses.
    pub fn release(&self, now: Timestamp, who: &Actor, case: CaseId, reason: &str) -> Result<()> {
        self.write(|tx| {
            let codename = codename(tx, case)?;
            if destroy::keeps_from_release(tx, case)? {
                return Err(CasebookError::Destroyed(codename).into());
            }
            acknowledge(tx, now, case, who)?;
            let released = tx
                .prepare_cached("UPDATE cases SET released_at = ?, released_by = ? WHERE id = ? AND released_at IS NULL")?
                .execute(params![Moment(now), who.name(), case.0])?;
            if released == 0 {
                return Ok(());
            }
            tx.prepare_cached(
                "INSERT OR IGNORE INTO waiver (content, rule, version)
                 SELECT content, rule, version FROM finding JOIN cases ON cases.id = of_case WHERE of_case = ?",
            )?
            .execute([case.0])?;
            self.append(tx, now, who, &Event::Released { case, codename, reason: reason.to_owned() })
        })
    }

    /// The rules that a person has found wrong on this content, in the versions that she saw.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn waived(&self, content: &Keyed) -> Result<Vec<(RuleId, RuleVersion)>> {
        self.read(|conn| {
            conn.prepare_cached("SELECT rule, version FROM waiver WHERE content = ? ORDER BY rule, version")?
                .query_map(params![content], |row| Ok((parsed(row, "rule")?, version(row)?)))?
                .collect()
        })
    }
}

pub(super) fn cases(conn: &Connection, filter: &Filter<'_>) -> rusqlite::Result<Vec<CaseRow>> {
    let left_out: Vec<_> = filter.but.into_iter().flatten().map(|case| case.0).collect();
    // Each is looked up by its name, in this order: of ten thousand rows, what nobody asks for is felt.
    conn.prepare_cached(&format!(
        "SELECT id, codename, released_at, acknowledged_at, category, level, action, opened_at, backscan, audiences, sender, recipients,
         {OF_COPIES} FROM cases WHERE (NOT ?1 OR released_at IS NULL) AND (?2 IS NULL OR category = ?2) AND (?3 IS NULL OR level >= ?3)
         AND (?4 IS NULL OR opened_at >= ?4) AND (?5 IS NULL OR instr(audiences, '\"' || ?5 || '\"'))
         AND id NOT IN (SELECT value FROM json_each(?6)) ORDER BY id DESC",
    ))?
    .query_map(
        params![
            filter.undecided,
            filter.category.map(Json),
            filter.at_least.map(Json),
            filter.opened_since.map(Moment),
            filter.audience.map(Json),
            Json(left_out)
        ],
        case_row,
    )?
    .collect()
}

/// Of a case that may be one of which nothing is told: its own line, and nothing that would take longer the more there is of it.
const LINE: &str = "SELECT *, 0 AS places, NULL AS not_back FROM cases";

pub(super) fn case_if(
    conn: &Connection,
    codename: &Codename,
    passes: impl FnOnce(&CaseRow) -> bool,
) -> rusqlite::Result<Option<CaseFacts>> {
    let line = conn.prepare_cached(&format!("{LINE} WHERE codename = ?"))?.query_row([codename.as_str()], case_row).optional()?;
    if line.is_some_and(|line| passes(&line)) { case(conn, codename) } else { Ok(None) }
}

pub(super) fn lines(conn: &Connection, of: &[CaseId], most: usize, passes: impl Fn(&CaseRow) -> bool) -> rusqlite::Result<Vec<CaseRow>> {
    let mut line = conn.prepare_cached(&format!("{LINE} WHERE id = ?"))?;
    let mut found = Vec::new();
    for case in of {
        if found.len() == most {
            break;
        }
        found.extend(line.query_row([case.0], case_row).optional()?.filter(&passes));
    }
    Ok(found)
}

pub(super) fn case(conn: &Connection, codename: &Codename) -> rusqlite::Result<Option<CaseFacts>> {
    let facts = conn
        .prepare_cached(&format!("SELECT *, {OF_COPIES} FROM cases WHERE codename = ?"))?
        .query_row([codename.as_str()], |row| {
            Ok(CaseFacts {
                row: case_row(row)?,
                rule_set: row.get("rule_set")?,
                sheet: sealed(row, "sheet", "sheet_sha256")?,
                text: sealed(row, "text", "text_sha256")?,
                acknowledged: moment_if_any(row, "acknowledged_at")?.zip(row.get("acknowledged_by")?),
                released: moment_if_any(row, "released_at")?.zip(row.get("released_by")?),
                destroyed: moment_if_any(row, "destroyed_at")?.zip(row.get("destroyed_by")?),
                places: Vec::new(),
                findings: Vec::new(),
                incomplete: Vec::new(),
                notices: Vec::new(),
            })
        })
        .optional()?;
    let Some(mut facts) = facts else { return Ok(None) };
    let of = [facts.row.id.0];
    facts.places = place::of_case(conn, facts.row.id)?;
    facts.findings = conn
        .prepare_cached(
            "SELECT finding.*, sentence FROM finding LEFT JOIN sentence USING (rule, version) WHERE of_case = ? ORDER BY finding.rowid",
        )?
        .query_map(of, finding_facts)?
        .collect::<Result<_, _>>()?;
    facts.incomplete = conn
        .prepare_cached("SELECT * FROM incomplete WHERE of_case = ? ORDER BY rowid")?
        .query_map(of, |row| Ok(Incomplete { part: row.get("part")?, reason: word(row, "reason")? }))?
        .collect::<Result<_, _>>()?;
    facts.notices = conn
        .prepare_cached("SELECT * FROM notice WHERE of_case = ? ORDER BY rank, id")?
        .query_map(of, notice_facts)?
        .collect::<Result<_, _>>()?;
    Ok(Some(facts))
}

pub(super) fn codename(tx: &Transaction<'_>, case: CaseId) -> Result<Codename, Refusal> {
    let name =
        tx.prepare_cached("SELECT codename FROM cases WHERE id = ?")?.query_row([case.0], |row| parsed(row, "codename")).optional()?;
    Ok(name.ok_or(CasebookError::NoCase(case))?)
}

fn case_row(row: &Row<'_>) -> rusqlite::Result<CaseRow> {
    let standing = match (moment_if_any(row, "released_at")?, moment_if_any(row, "acknowledged_at")?) {
        (Some(_), _) => Standing::Released,
        (None, Some(_)) => Standing::Acknowledged,
        (None, None) => Standing::Open,
    };
    Ok(CaseRow {
        id: CaseId(row.get("id")?),
        codename: parsed(row, "codename")?,
        category: word(row, "category")?,
        level: word(row, "level")?,
        action: word(row, "action")?,
        standing,
        opened_at: moment(row, "opened_at")?,
        backscan: row.get("backscan")?,
        audiences: word(row, "audiences")?,
        ends: Ends { sender: row.get("sender")?, recipients: word(row, "recipients")? },
        places: row.get("places")?,
        not_back: row.get("not_back")?,
    })
}

fn finding_facts(row: &Row<'_>) -> rusqlite::Result<FindingFacts> {
    Ok(FindingFacts {
        rule: parsed(row, "rule")?,
        version: version(row)?,
        sentence: row.get("sentence")?,
        category: word(row, "category")?,
        kind: word(row, "kind")?,
        location: Location { part: row.get("part")?, field: word(row, "field")?, place: None },
    })
}

fn notice_facts(row: &Row<'_>) -> rusqlite::Result<NoticeFacts> {
    Ok(NoticeFacts {
        id: NoticeId(row.get("id")?),
        to: parsed(row, "recipient")?,
        rank: row.get("rank")?,
        due: moment(row, "due_at")?,
        delivered_at: moment_if_any(row, "delivered_at")?,
        failures: row.get("failures")?,
        failure: row.get("failure")?,
    })
}

pub(super) fn version(row: &Row<'_>) -> rusqlite::Result<RuleVersion> {
    let mut octets = [0; 8];
    let text: String = row.get("version")?;
    hex::decode_to_slice(text, &mut octets)
        .map_err(|_| rusqlite::Error::InvalidColumnType(0, "version".to_owned(), rusqlite::types::Type::Text))?;
    Ok(RuleVersion(octets))
}

#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, at, concern, place};
    use super::*;

    fn ann() -> Actor {
        Actor::Member("Ann Example".to_owned())
    }

    #[test]
    fn a_list_is_newest_first_and_holds_what_was_asked_for() {
        let desk = Desk::new();
        let mild = desk.record(1, &place("ann", 1), &concern(Level::Weekly, Action::Flag), None);
        let grave = desk.record(2, &place("ann", 2), &concern(Level::Now, Action::Flag), None);
        let decided = desk.record(3, &place("ann", 3), &concern(Level::Day, Action::Flag), None);
        desk.book.release(at(5), &ann(), decided.case, "a lesson").unwrap();
        let listed = |filter| desk.book.cases(&filter).unwrap().into_iter().map(|row| row.id).collect::<Vec<_>>();
        assert_eq!(listed(Filter::default()), [decided.case, grave.case, mild.case]);
        assert_eq!(listed(Filter { undecided: true, ..Filter::default() }), [grave.case, mild.case]);
        assert_eq!(listed(Filter { at_least: Some(Level::Day), ..Filter::default() }), [decided.case, grave.case]);
        assert_eq!(listed(Filter { category: Some(Category::Hate), ..Filter::default() }), []);
        assert_eq!(listed(Filter { opened_since: Some(at(4_601)), ..Filter::default() }), []);
        let grave_alone = BTreeSet::from([grave.case]);
        assert_eq!(listed(Filter { but: Some(&grave_alone), ..Filter::default() }), [decided.case, mild.case]);
        let of = |audience| listed(Filter { audience: Some(audience), ..Filter::default() }).len();
        assert_eq!((of(Audience::Dsl), of(Audience::Head)), (3, 0));
    }

    #[test]
    fn a_release_waives_the_rules_that_were_wrong_in_the_version_that_was() {
        let desk = Desk::new();
        let concern = concern(Level::Day, Action::Flag);
        let case = desk.record(1, &place("ann", 1), &concern, None);
        assert_eq!(desk.book.waived(&desk.content(1)).unwrap(), []);
        desk.book.release(at(5), &ann(), case.case, "a lesson").unwrap();
        let found = &concern.findings[0];
        assert_eq!(desk.book.waived(&desk.content(1)).unwrap(), [(found.rule.clone(), found.version)]);
        assert_eq!(desk.book.waived(&desk.content(2)).unwrap(), [], "another content");
    }

    #[test]
    fn the_first_decision_stands_and_is_told_once() {
        let desk = Desk::new();
        let case = desk.record(1, &place("ann", 1), &concern(Level::Day, Action::Flag), None);
        desk.book.release(at(5), &ann(), case.case, "a lesson").unwrap();
        let lines = desk.book.verify_journal().unwrap();
        desk.book.release(at(6), &Actor::Member("Ben Example".to_owned()), case.case, "another reason").unwrap();
        let facts = desk.book.case(&case.codename).unwrap().unwrap();
        assert_eq!((facts.row.standing, facts.released), (Standing::Released, Some((at(5), "Ann Example".to_owned()))));
        assert_eq!(desk.book.verify_journal().unwrap(), lines);
    }

    #[test]
    fn there_is_no_deciding_on_a_case_that_is_not_there() {
        let desk = Desk::new();
        assert!(matches!(desk.book.release(at(5), &ann(), CaseId(7), "x"), Err(CasebookError::NoCase(CaseId(7)))));
        assert_eq!(desk.book.case(&"amber-heron-7".parse().unwrap()).unwrap(), None);
    }
}
