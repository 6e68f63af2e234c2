//! The openings of a week, for those who watch over the desk: who opened what depth of which case and when, and nothing of
//! what it said.

use std::collections::BTreeMap;

use askama::Template;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::Review;
use super::answer::{Answer, Refusal, page};
use super::guard::{Visit, Visitor};
use super::words::{visible, wall};
use crate::case::Codename;
use crate::config::Week;
use crate::journal::{self, Depth, Entry, Event};

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

pub fn show(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let (visitor, now) = (visit.visitor()?, Review::now());
    let clock = &review.config.school.clock;
    let today = clock.date_at(now);
    let asked = visit.asked.query.text("week").parse().unwrap_or(today).min(today);
    let week = Week::of(asked, clock).ok_or(Refusal::Malformed)?;
    let book = review.casebook()?;
    let hidden = review.hidden_from(&book, &visitor.account)?;
    review.desk().note(now, &visitor.account.actor(), &Event::OpeningsViewed { week: week.monday.to_string() })?;

    let (chain, begins, ends) = (review.journal()?, week.begins, week.ends);
    let mut openings = journal::lines_within(begins, ends, |before, limit| chain.before(before, limit))?;
    // Whoever has a key file opens cases at the command line too, and the service writes that down.
    openings.extend(journal::lines_within(begins, ends, |before, limit| book.journal_before(before, limit))?);
    let mut folded: BTreeMap<_, (Timestamp, usize, &Codename)> = BTreeMap::new();
    for Entry { at, who, event, .. } in &openings {
        let Some((depth, _, codename)) = Depth::of(event).filter(|(_, _, codename)| !hidden.contains(*codename)) else { continue };
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
