//! `mailwarden journal`: who did what and when, and whether anybody touched the record of it.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::review::settings;
use super::shelf::{Shelf, require_owner_of};
use super::time::wall;
use super::{ConfigFile, Failure, Output};
use crate::case::visible;
use crate::casebook::CasebookError;
use crate::desk::{Desk, DeskError};
use crate::journal::{Actor, Broken, Event, JournalError, Verified};

/// Who did what and when, without the reasons that people gave.
#[derive(Debug, Args)]
pub(super) struct Journal {
    #[command(subcommand)]
    command: JournalCommand,
}

#[derive(Debug, Subcommand)]
enum JournalCommand {
    Show(Show),
    Verify(Verify),
}

/// Show the last lines.
#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    config: ConfigFile,
    /// How many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    last: usize,
}

/// Find the first line that was changed, removed or moved.
#[derive(Debug, Args)]
struct Verify {
    #[command(flatten)]
    config: ConfigFile,
    /// The journal of the desk instead of that of the service. As the user of the desk.
    #[arg(long)]
    desk: bool,
}

impl Journal {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        match &self.command {
            JournalCommand::Show(show) => show.run(out),
            JournalCommand::Verify(verify) => verify.run(out),
        }
    }
}

impl Show {
    fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let config = self.config.load()?;
        let zone = &config.school.clock.zone;
        let rows: Vec<_> = Shelf::open(&config)?
            .book
            .journal_end(self.last)?
            .into_iter()
            .map(|entry| {
                let (event, facts) = told(entry.event.without_reason());
                [entry.seq.to_string(), wall(entry.at, zone), name(&entry.who), event, facts]
            })
            .collect();
        out.table(["line", "when", "who", "event", "facts"], &rows)?;
        Ok(())
    }
}

impl Verify {
    fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let whole = if self.desk { self.of_the_desk()? } else { self.of_the_service()? };
        Ok(out.line(&format!("{} lines, unbroken", whole.entries))?)
    }

    fn of_the_service(&self) -> Result<Verified, Failure> {
        match Shelf::open(&self.config.load()?)?.book.verify_journal() {
            Err(CasebookError::Journal(JournalError::Broken(found))) => Err(broken(found, "state directory")),
            verified => Ok(verified?),
        }
    }

    fn of_the_desk(&self) -> Result<Verified, Failure> {
        let (_, settings) = settings(&self.config)?;
        require_owner_of(&settings.directory)?;
        if !Desk::is_there(&settings.directory)? {
            return Err(Failure::world("the desk has no journal yet", &"it was never opened", "`mailwarden accounts invite` makes it"));
        }
        match Desk::open(&settings.directory)?.verify_journal() {
            Err(DeskError::Journal(JournalError::Broken(found))) => Err(broken(found, "desk's directory")),
            verified => Ok(verified?),
        }
    }
}

fn broken(found: Broken, directory: &str) -> Failure {
    let hint = format!("leave the {directory} as it is, keep a copy, and tell the safeguarding lead and the head");
    Failure::world(format!("the journal is broken at line {}", found.seq), &found.how, &hint)
}

fn name(who: &Actor) -> String {
    match who {
        Actor::Account(name) | Actor::Member(name) => visible(name),
        Actor::Operator(name) => format!("{} (no key)", visible(name)),
        Actor::Program => who.name().to_owned(),
    }
}

/// The name of an event, and its facts as `name value`.
fn told(event: Event) -> (String, String) {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(event) else { return <_>::default() };
    let kind = fields.remove("event").map(|kind| plain(&kind)).unwrap_or_default();
    // Left empty above; the number of a case is the casebook's own, and its codename says it.
    fields.remove("reason");
    fields.remove("words");
    if fields.contains_key("codename") {
        fields.remove("case");
    }
    (kind, named(&fields, ", "))
}

fn named(fields: &Map<String, Value>, between: &str) -> String {
    let told = fields.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| format!("{name} {}", plain(value)));
    told.collect::<Vec<_>>().join(between)
}

fn plain(value: &Value) -> String {
    match value {
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join("; "),
        Value::Object(fields) => named(fields, " "),
        Value::String(text) => visible(text),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::{CaseId, PlaceState};
    use crate::mail::{FolderName, Place, Uid, UidValidity};

    #[test]
    fn an_event_is_told_in_its_facts() {
        let place = Place {
            mailbox: "amber@school.example".parse().unwrap(),
            folder: FolderName("Class\n7".to_owned()),
            uidvalidity: UidValidity(9),
            uid: Uid::new(7).unwrap(),
        };
        let (event, facts) = told(Event::PlaceSettled { case: CaseId(3), place, state: PlaceState::Removed });
        assert_eq!(event, "place-settled");
        assert_eq!(facts, "case 3, place folder Class\\u{a}7 mailbox amber@school.example uid 7 uidvalidity 9, state removed");
    }
}
