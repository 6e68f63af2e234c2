//! `mailwarden cases`: which cases there are, and the facts of each. Never what a message says, nor to whom.

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::shelf::{Shelf, operator};
use super::time::{span, wall};
use super::{ConfigFile, Failure, Output};
use crate::case::{Codename, PlaceState, visible};
use crate::casebook::{CaseFacts, Filter, NoticeFacts, PlaceFacts, Standing};
use crate::finding::{Action, Category, Level, RuleId};
use crate::journal::Actor;
use crate::mail::{Address, FolderName, Uid};

/// The cases, as facts: codenames, rules, places, notices.
#[derive(Debug, Args)]
pub(super) struct Cases {
    #[command(subcommand)]
    command: CasesCommand,
}

#[derive(Debug, Subcommand)]
enum CasesCommand {
    Acknowledge(Acknowledge),
    List(List),
    Show(Show),
}

/// Say that somebody has a case in hand: its notices climb to nobody else.
#[derive(Debug, Args)]
struct Acknowledge {
    #[command(flatten)]
    config: ConfigFile,
    codename: Codename,
    /// Who has it in hand. The journal also names the account that this was typed at.
    #[arg(long, value_name = "NAME", value_parser = person)]
    by: String,
}

/// List the cases, newest first.
#[derive(Debug, Args)]
struct List {
    #[command(flatten)]
    config: ConfigFile,
    /// One array, for programs.
    #[arg(long)]
    json: bool,
    /// Only those that nobody has acknowledged or released.
    #[arg(long)]
    open: bool,
}

/// Show what is known of a case.
#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    config: ConfigFile,
    codename: Codename,
}

/// A case in `cases list --json`.
#[derive(Serialize)]
struct Listed {
    codename: Codename,
    category: Category,
    level: Level,
    action: Action,
    state: Standing,
    opened: Timestamp,
    places: Vec<ListedPlace>,
    rules: Vec<RuleId>,
}

#[derive(Serialize)]
struct ListedPlace {
    mailbox: Address,
    folder: FolderName,
    uid: Uid,
    state: PlaceState,
}

impl Cases {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        match &self.command {
            CasesCommand::Acknowledge(acknowledge) => acknowledge.run(out),
            CasesCommand::List(list) => list.run(out),
            CasesCommand::Show(show) => show.run(out),
        }
    }
}

impl Acknowledge {
    fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let shelf = Shelf::open(&self.config.load()?)?;
        let case = shelf.case(&self.codename)?;
        if let Some((_, who)) = case.acknowledged {
            return Ok(out.line(&format!("{} was acknowledged before, by {}", self.codename, visible(&who)))?);
        }
        let who = Actor::Operator(format!("{} (at the account {})", self.by, operator().name()));
        shelf.book.acknowledge(Timestamp::now(), case.row.id, &who)?;
        Ok(out.line(&format!("{} is acknowledged by {}", self.codename, self.by))?)
    }
}

impl List {
    fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let config = self.config.load()?;
        let book = Shelf::open(&config)?.book;
        let mut rows = book.cases(&Filter::default())?;
        rows.retain(|row| !self.open || row.standing == Standing::Open);
        let mut cases = Vec::with_capacity(rows.len());
        for row in rows {
            cases.extend(book.case(&row.codename)?.map(Listed::from));
        }
        if self.json {
            out.json(&cases)?;
        } else {
            let rows: Vec<_> = cases.iter().map(|case| case.columns(&config.school.clock.zone)).collect();
            out.table(["case", "category", "level", "action", "state", "opened", "places", "rules"], &rows)?;
        }
        Ok(())
    }
}

impl Show {
    fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let config = self.config.load()?;
        let facts = Shelf::open(&config)?.case(&self.codename)?;
        for (name, text) in told(&facts, &config.school.clock.zone) {
            out.line(&format!("{name:<9} {text}"))?;
        }
        Ok(())
    }
}

impl From<CaseFacts> for Listed {
    fn from(CaseFacts { row, places, findings, .. }: CaseFacts) -> Self {
        let mut rules: Vec<_> = findings.into_iter().map(|finding| finding.rule).collect();
        rules.sort_unstable();
        rules.dedup();
        Self {
            codename: row.codename,
            category: row.category,
            level: row.level,
            action: row.action,
            state: row.standing,
            opened: row.opened_at,
            places: places.into_iter().map(ListedPlace::from).collect(),
            rules,
        }
    }
}

impl From<PlaceFacts> for ListedPlace {
    fn from(PlaceFacts { place, state, .. }: PlaceFacts) -> Self {
        Self { mailbox: place.mailbox, folder: place.folder, uid: place.uid, state }
    }
}

impl Listed {
    fn columns(&self, zone: &TimeZone) -> [String; 8] {
        let mut states: Vec<_> =
            PlaceState::ALL.map(|state| (self.places.iter().filter(|place| place.state == state).count(), state)).into();
        states.retain(|(count, _)| *count > 0);
        [
            self.codename.to_string(),
            self.category.to_string(),
            self.level.to_string(),
            self.action.to_string(),
            self.state.as_str().to_owned(),
            wall(self.opened, zone),
            listed(states.iter().map(|(count, state)| format!("{count} {state}"))),
            listed(self.rules.iter().map(ToString::to_string)),
        ]
    }
}

/// The facts of a case, a line each.
fn told(facts: &CaseFacts, zone: &TimeZone) -> Vec<(&'static str, String)> {
    let row = &facts.row;
    let at = |moment: Timestamp| wall(moment, zone);
    let mut lines = vec![
        ("case", row.codename.to_string()),
        ("category", format!("{}: {}", row.category, row.category.title())),
        ("level", row.level.to_string()),
        ("action", row.action.to_string()),
        ("state", row.standing.as_str().to_owned()),
        ("opened", format!("{}{}", at(row.opened_at), if row.backscan { ", among mail from before the watch" } else { "" })),
        ("rule set", facts.rule_set.clone()),
        ("opens for", listed(facts.row.audiences.iter().map(ToString::to_string))),
    ];
    if facts.sheet.is_none() {
        lines.push(("sheet", "none: there is nothing to open".to_owned()));
    }
    for (name, decision) in [("in hand", &facts.acknowledged), ("released", &facts.released), ("destroyed", &facts.destroyed)] {
        lines.extend(decision.iter().map(|(when, who)| (name, format!("{} by {}", at(*when), visible(who)))));
    }
    for found in &facts.findings {
        let sentence = found.sentence.as_deref().map(|words| format!("{}: ", visible(words))).unwrap_or_default();
        let what = format!("{sentence}{} ({}), {} in {}", found.rule, found.category, found.kind.as_str(), found.location);
        lines.push(("why", format!("{what}, version {}", found.version)));
    }
    for unread in &facts.incomplete {
        let part = if unread.part.is_empty() { "the whole message" } else { &unread.part };
        lines.push(("not read", format!("{part}: {}", unread.reason)));
    }
    lines.extend(facts.places.iter().map(|place| ("place", place_told(place, zone))));
    lines.extend(facts.notices.iter().map(|notice| ("notice", notice_told(notice, zone))));
    lines
}

fn place_told(facts: &PlaceFacts, zone: &TimeZone) -> String {
    let PlaceFacts { place, state, arrival, .. } = facts;
    let settled = facts.settled_at.map(|when| format!(" {}", wall(when, zone))).unwrap_or_default();
    let before = [("seen", arrival.has_flag("\\Seen")), ("answered", arrival.has_flag("\\Answered")), ("forwarded", arrival.forwarded())];
    let before = listed(before.into_iter().filter(|(_, was)| *was).map(|(what, _)| what.to_owned()));
    let not_back = facts.not_back.map(|why| format!(", not put back: {why}")).unwrap_or_default();
    let before = if before.is_empty() { "not seen".to_owned() } else { before };
    format!(
        "{} in {}, message {}: {state}{settled}{not_back}; found {} after {}, {before} by then",
        place.mailbox,
        visible(&place.folder.0),
        place.uid,
        wall(facts.found_at, zone),
        span(facts.lay_there_seconds()),
    )
}

fn notice_told(notice: &NoticeFacts, zone: &TimeZone) -> String {
    let state = match (&notice.delivered_at, &notice.failure) {
        (Some(when), _) => format!("delivered {}", wall(*when, zone)),
        (None, Some(failure)) => format!("not delivered, {} tries: {}", notice.failures, visible(failure)),
        (None, None) => "not sent".to_owned(),
    };
    format!("to {}, due {}: {state}", notice.to, wall(notice.due, zone))
}

fn listed(words: impl Iterator<Item = String>) -> String {
    words.collect::<Vec<_>>().join(", ")
}

/// The name of a person: 1 to 100 characters, none of them a control character.
pub(super) fn person(text: &str) -> Result<String, String> {
    let name = text.trim();
    let fits = !name.is_empty() && name.chars().count() <= 100 && !name.chars().any(char::is_control);
    if fits { Ok(name.to_owned()) } else { Err("a name has 1 to 100 characters".to_owned()) }
}
