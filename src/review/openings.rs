//! The openings of a week, for those who watch over the desk: who opened what depth of which case and when, and nothing of
//! what it said.

use std::collections::BTreeMap;

use askama::Template;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::Review;
use super::answer::{Answer, Refusal, page};
use super::guard::{Visit, Visitor};
use super::words::{monday, visible, wall};
use crate::case::Codename;
use crate::journal::{Entry, Event, JournalLine};

/// Lines that are read from a journal at a time.
const CHUNK: usize = 500;

#[derive(Template)]
#[template(path = "openings.html")]
struct Page<'a> {
    visitor: &'a Visitor,
    school: &'a str,
    first: String,
    last: String,
    earlier: Date,
    later: Option<Date>,
    people: Vec<(String, usize)>,
    lines: Vec<Line>,
}

struct Line {
    at: String,
    who: String,
    depth: &'static str,
    codename: Codename,
    times: usize,
}

/// How deep somebody has looked, the shallowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Depth {
    Facts,
    Excerpt,
    Full,
    /// With the command line and a key file.
    AtTheServer,
    /// The keys of what is held, for it to go back.
    Release,
}

impl Depth {
    fn told(self) -> &'static str {
        match self {
            Self::Facts => "the facts",
            Self::Excerpt => "what matched",
            Self::Full => "the whole text",
            Self::AtTheServer => "the whole text, at the server",
            Self::Release => "the keys, to put it back",
        }
    }

    /// What an event opened, and of which case.
    fn of(event: &Event) -> Option<(Self, &Codename)> {
        match event {
            Event::CiphertextServed { codename, depth, .. } => match depth.as_str() {
                "excerpt" => Some((Self::Excerpt, codename)),
                "release" => Some((Self::Release, codename)),
                // A depth that this version does not know counts as the deepest.
                _ => Some((Self::Full, codename)),
            },
            Event::FactsViewed { codename, .. } => Some((Self::Facts, codename)),
            Event::Viewed { codename, .. } => Some((Self::AtTheServer, codename)),
            _ => None,
        }
    }
}

/// Monday to Monday, on the school's clock.
struct Week {
    monday: Date,
    begins: Timestamp,
    ends: Timestamp,
}

impl Week {
    /// The week of a day.
    fn of(day: Date, review: &Review) -> Option<Self> {
        let zone = &review.config.school.clock.zone;
        let monday = monday(day);
        let midnight = |date: Date| date.to_zoned(zone.clone()).ok().map(|midnight| midnight.timestamp());
        Some(Self { monday, begins: midnight(monday)?, ends: midnight(monday.checked_add(7.days()).ok()?)? })
    }
}

pub fn show(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let (visitor, now) = (visit.visitor()?, Review::now());
    let clock = &review.config.school.clock;
    let today = clock.date_at(now);
    let asked = visit.asked.query.text("week").parse().unwrap_or(today).min(today);
    let week = Week::of(asked, review).ok_or(Refusal::Malformed)?;
    let book = review.casebook()?;
    let hidden = review.hidden_from(&book, &visitor.account)?;
    review.desk().note(now, &visitor.account.actor(), &Event::OpeningsViewed { week: week.monday.to_string() })?;

    let mut openings: Vec<_> = within(&week, |before| Ok(review.desk().journal_before(before, CHUNK)?))?;
    // Whoever has a key file opens cases at the command line too, and the service writes that down.
    openings.extend(within(&week, |before| Ok(book.journal_before(before, CHUNK)?))?);
    let mut folded: BTreeMap<_, (Timestamp, usize, &Codename)> = BTreeMap::new();
    for Entry { at, who, event, .. } in &openings {
        let Some((depth, codename)) = Depth::of(event).filter(|(_, codename)| !hidden.contains(*codename)) else { continue };
        let (first, times, _) = folded.entry((clock.date_at(*at), who.name(), depth, codename.as_str())).or_insert((*at, 0, codename));
        *first = (*first).min(*at);
        *times += 1;
    }
    let mut people: BTreeMap<&str, usize> = BTreeMap::new();
    let mut lines = Vec::with_capacity(folded.len());
    for ((_, who, depth, _), (first, times, codename)) in folded {
        if depth > Depth::Facts {
            *people.entry(who).or_default() += times;
        }
        let line = Line { at: wall(first, &clock.zone), who: visible(who), depth: depth.told(), codename: codename.clone(), times };
        lines.push((first, line));
    }
    lines.sort_by_key(|(first, _)| *first);
    let told = |date: Date| date.strftime("%-d %B %Y").to_string();
    page(&Page {
        visitor,
        school: &review.config.school.name,
        first: told(week.monday),
        last: told(week.monday.saturating_add(6.days())),
        earlier: week.monday.saturating_sub(7.days()),
        later: Some(week.monday.saturating_add(7.days())).filter(|next| *next <= today),
        people: people.into_iter().map(|(who, openings)| (visible(who), openings)).collect(),
        lines: lines.into_iter().map(|(_, line)| line).collect(),
    })
}

/// The lines of a week, of a journal that is read backwards.
fn within(week: &Week, read: impl Fn(u64) -> Result<Vec<JournalLine>, Refusal>) -> Result<Vec<Entry>, Refusal> {
    let (mut found, mut before) = (Vec::new(), u64::MAX);
    loop {
        let chunk = read(before)?;
        let Some(last) = chunk.last() else { return Ok(found) };
        before = last.seq;
        let entries: Vec<_> = chunk.into_iter().filter_map(|line| line.entry).collect();
        // A clock that was set back puts single lines out of order, and not hundreds.
        let is_past = !entries.is_empty() && entries.iter().all(|entry| entry.at < week.begins);
        found.extend(entries.into_iter().filter(|entry| week.begins <= entry.at && entry.at < week.ends));
        if is_past {
            return Ok(found);
        }
    }
}
