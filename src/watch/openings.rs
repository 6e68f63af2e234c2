//! The weekly letter to the headteacher: of which cases how much was opened, and by how many people. Who it was, the desk says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::quarantine::blocking;
use super::{Daemon, Trouble};
use crate::case::CaseId;
use crate::casebook::{Filter, Involvement, OpenedCase, WeekOfOpenings};
use crate::config::{Config, SchoolClock, Week, monday};
use crate::desk::Deeds;
use crate::finding::Recipient;
use crate::journal::{self, Depth, Entry};
use crate::mail::Address;

/// The last whole week, from the moment on when the school opens on the Monday after it.
fn last_week(now: Timestamp, clock: &SchoolClock) -> Option<Week> {
    let this = monday(clock.date_at(now));
    let opening = this.to_datetime(clock.opens).to_zoned(clock.zone.clone()).ok()?.timestamp();
    let weeks = if now >= opening { 1 } else { 2 };
    Week::of(this.checked_sub((7 * weeks).days()).ok()?, clock)
}

/// As [`tell`]; what goes wrong is on the board until it does no more.
pub async fn tell_or_show(daemon: &Arc<Daemon>, told: &mut Option<Date>) {
    let done = tell(daemon, told).await;
    daemon.board.trouble("weekly list of openings", done.err().map(|trouble| trouble.to_string()));
}

/// Queues the letter about the last week, once. `told` is the week that was queued before; it spares asking.
///
/// # Errors
/// When the shelf or the desk refuses: it is to be tried again.
async fn tell(daemon: &Arc<Daemon>, told: &mut Option<Date>) -> Result<(), Trouble> {
    let (now, config) = (Timestamp::now(), daemon.config());
    let Some(week) = last_week(now, &config.school.clock).filter(|week| *told != Some(week.monday)) else { return Ok(()) };
    let (monday, daemon) = (week.monday, Arc::clone(daemon));
    blocking(move || queue(&daemon, &config, now, &week)).await?;
    *told = Some(monday);
    Ok(())
}

fn queue(daemon: &Daemon, config: &Config, now: Timestamp, week: &Week) -> Result<(), Trouble> {
    let Some(settings) = &config.review else { return Ok(()) };
    let Some(desk) = Deeds::open(&settings.directory)? else { return Ok(()) };
    let readers = readers(config);
    if readers.is_empty() || daemon.shelf.book(|book| book.week_is_told(week.monday))? {
        return Ok(());
    }
    // There was nothing to open before there was a desk or a casebook.
    let first = [desk.journal_begins()?, daemon.shelf.book(|book| book.journal_begins())?].into_iter().flatten().min();
    if first.is_none_or(|first| first >= week.ends) {
        return Ok(());
    }
    let mut lines = journal::lines_within(week.begins, week.ends, |before, limit| desk.journal_before(before, limit))?;
    lines.extend(daemon.shelf.book(|book| {
        // Whoever has a key file opens cases at the command line too.
        journal::lines_within(week.begins, week.ends, |before, limit| book.journal_before(before, limit))
    })?);
    let accounts = desk.accounts()?;
    let mut letters = Vec::new();
    for reader in readers {
        // All that she has, as far as her account says: what she is a party to is in no letter of hers.
        let account = accounts.iter().find(|account| account.addresses.contains(&reader));
        let own: BTreeSet<Address> =
            account.map(|account| account.addresses.clone()).unwrap_or_default().into_iter().chain([reader.clone()]).collect();
        let hidden = hidden_from(daemon, config, &own)?;
        letters.push((reader, WeekOfOpenings { monday: week.monday, cases: opened(&lines, &hidden) }));
    }
    Ok(daemon.shelf.book(|book| book.queue_openings(now, &letters))?)
}

/// The headteacher; where the school names none, whoever stands above.
fn readers(config: &Config) -> Vec<Address> {
    let of = |recipient| config.contacts_of(recipient).map(|contact| contact.address.clone()).collect::<Vec<_>>();
    let head = of(Recipient::Head);
    if head.is_empty() { of(Recipient::Chair) } else { head }
}

/// The cases that somebody with these addresses is a party to, and those that are for the chair alone when she is the headteacher.
fn hidden_from(daemon: &Daemon, config: &Config, own: &BTreeSet<Address>) -> Result<BTreeSet<CaseId>, Trouble> {
    let is_head = config.contacts_of(Recipient::Head).any(|contact| own.contains(&contact.address));
    let mut involved = Involvement::default();
    for address in own {
        involved.add(daemon.shelf.book(|book| book.involvement_of(address))?, config.is_safeguarding(address));
    }
    let rows = daemon.shelf.book(|book| book.cases(&Filter::default()))?;
    Ok(rows.into_iter().filter(|row| involved.hides(row, is_head)).map(|row| row.id).collect())
}

/// How much was opened of each case, those first that the most was opened of.
fn opened(lines: &[Entry], hidden: &BTreeSet<CaseId>) -> Vec<OpenedCase> {
    let mut cases: BTreeMap<&str, (OpenedCase, BTreeSet<&str>)> = BTreeMap::new();
    for line in lines {
        let Some((depth, case, codename)) = Depth::of(&line.event) else { continue };
        if depth == Depth::Facts || hidden.contains(&case) {
            continue;
        }
        let (opened, people) = cases.entry(codename.as_str()).or_insert_with(|| (OpenedCase::new(codename.clone()), BTreeSet::new()));
        opened.openings += 1;
        people.insert(line.who.name());
        opened.people = people.len();
    }
    let mut cases: Vec<_> = cases.into_values().map(|(opened, _)| opened).collect();
    cases.sort_by_key(|opened| std::cmp::Reverse(opened.openings));
    cases
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::journal::{Actor, Event};

    fn clock() -> SchoolClock {
        let zone = TimeZone::get("Europe/London").unwrap();
        SchoolClock { zone, opens: time(8, 30, 0, 0), closes: time(15, 30, 0, 0), digest_at: time(15, 0, 0, 0) }
    }

    #[test]
    fn the_last_week_is_told_of_when_the_school_opens_on_the_monday_after_it() {
        let last = |wall: &str| {
            let now = wall.parse::<jiff::civil::DateTime>().unwrap().to_zoned(clock().zone).unwrap().timestamp();
            last_week(now, &clock()).unwrap().monday.to_string()
        };
        assert_eq!(last("2025-03-09T23:59"), "2025-02-24");
        assert_eq!(last("2025-03-10T08:29"), "2025-02-24");
        assert_eq!(last("2025-03-10T08:30"), "2025-03-03");
        assert_eq!(last("2025-03-16T12:00"), "2025-03-03");
    }

    #[test]
    fn a_letter_counts_openings_and_people_and_leaves_out_facts_and_what_is_not_hers_to_know() {
        let line = |who: &str, event| Entry { seq: 1, at: Timestamp::UNIX_EPOCH, who: Actor::Account(who.to_owned()), event };
        let served = |case, name: &str| Event::CiphertextServed {
            case: CaseId(case),
            codename: name.parse().unwrap(),
            object: String::new(),
            depth: "full".to_owned(),
            reason: "CANARY".to_owned(),
        };
        let facts = Event::FactsViewed { case: CaseId(3), codename: "jade-linnet-3".parse().unwrap() };
        let lines = [
            line("Robin Finch", served(1, "amber-heron-1")),
            line("Robin Finch", served(2, "coral-robin-2")),
            line("Robin Finch", served(2, "coral-robin-2")),
            line("Kim Linnet", served(2, "coral-robin-2")),
            line("Kim Linnet", served(4, "ivory-swift-4")),
            line("Kim Linnet", facts),
        ];
        let told: Vec<_> =
            opened(&lines, &[CaseId(4)].into()).into_iter().map(|case| (case.codename.to_string(), case.openings, case.people)).collect();
        assert_eq!(told, [("coral-robin-2".to_owned(), 3, 2), ("amber-heron-1".to_owned(), 1, 1)]);
    }
}
