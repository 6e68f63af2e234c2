//! The journal of the desk, for those who watch over it: who was shown what, and whether any line was touched since.

use std::collections::BTreeSet;

use askama::Template;
use jiff::tz::TimeZone;

use super::Review;
use super::answer::{Answer, Refusal, page};
use super::guard::{Visit, Visitor};
use super::undo::HELD_BY;
use super::words::{visible, wall};
use crate::case::Codename;
use crate::casebook::{Filter, ReadOnly};
use crate::desk::{Account, Chain, DeskError, Role};
use crate::journal::{Actor, Broken, Entry, Event, How, JournalError, JournalLine};
use crate::mail::Address;

/// Lines on a page, the newest first.
const LINES: usize = 200;

#[derive(Template)]
#[template(path = "journal.html")]
struct Page<'a> {
    visitor: &'a Visitor,
    school: &'a str,
    checked: String,
    broken: Option<Break>,
    lines: Vec<Line>,
    newer: Option<usize>,
    older: Option<usize>,
}

/// The first line that is not as it was written.
struct Break {
    number: u64,
    how: How,
    /// What stands there now, where it stands and is for her to see.
    reads: Option<Line>,
}

struct Line {
    at: String,
    who: String,
    what: String,
    about: String,
    broken: bool,
}

impl Review {
    /// The cases that somebody is a party to, and for the headteacher those that are for the chair: they are in no list of hers.
    ///
    /// # Errors
    /// When the casebook refuses.
    pub fn hidden_from(&self, book: &ReadOnly, account: &Account) -> Result<BTreeSet<Codename>, Refusal> {
        let involved = self.involvement(book, account)?;
        let rows = book.cases(&Filter::default())?;
        let is_head = account.role == Role::Head;
        let hidden = rows.into_iter().filter(|row| involved.hides(row, is_head));
        Ok(hidden.map(|row| row.codename).collect())
    }
}

pub fn show(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let (visitor, now) = (visit.visitor()?, Review::now());
    let hidden = review.hidden_from(&review.casebook()?, &visitor.account)?;
    let from = visit.asked.query.text("from").parse::<usize>().unwrap_or(0);
    review.desk().note(now, &visitor.account.actor(), &Event::JournalViewed)?;
    let zone = &review.config.school.clock.zone;
    let chain = review.journal()?;
    let found = first_break(&chain)?;
    let line = |line: JournalLine| shown(line, found, &hidden, zone);
    let reads = found.and_then(|broken| chain.before(broken.seq + 1, 1).ok()?.pop());
    let broken = found.map(|Broken { seq, how }| Break {
        number: seq,
        how,
        reads: reads.filter(|line| line.seq == seq && how != How::Removed).and_then(&line),
    });
    // How many lines are left out is nothing that numbers, or a short page, may tell.
    let (mut lines, mut before, mut skip) = (Vec::new(), u64::MAX, from);
    while lines.len() <= LINES {
        let chunk = chain.before(before, LINES)?;
        let Some(last) = chunk.last() else { break };
        before = last.seq;
        for line in chunk.into_iter().filter_map(&line) {
            if skip == 0 {
                lines.push(line);
            } else {
                skip -= 1;
            }
        }
    }
    let older = (lines.len() > LINES).then_some(from + LINES);
    lines.truncate(LINES);
    page(&Page {
        visitor,
        school: &review.config.school.name,
        checked: wall(now, zone),
        broken,
        lines,
        newer: (from > 0).then(|| from.saturating_sub(LINES)),
        older,
    })
}

fn first_break(chain: &Chain) -> Result<Option<Broken>, Refusal> {
    match chain.verify() {
        Ok(_) => Ok(None),
        Err(DeskError::Journal(JournalError::Broken(broken))) => Ok(Some(broken)),
        Err(error) => Err(error.into()),
    }
}

fn shown(line: JournalLine, found: Option<Broken>, hidden: &BTreeSet<Codename>, zone: &TimeZone) -> Option<Line> {
    let broken = found.is_some_and(|broken| broken.seq == line.seq);
    let Some(Entry { at, who, event, .. }) = line.entry else {
        let what = "this line cannot be read".to_owned();
        return Some(Line { at: String::new(), who: String::new(), what, about: String::new(), broken });
    };
    let (what, about) = told(&event);
    about.is_none_or(|codename| !hidden.contains(codename)).then(|| Line {
        at: wall(at, zone),
        who: visible(name(&who, &event)),
        what: visible(&what),
        about: about.map(ToString::to_string).unwrap_or_default(),
        broken,
    })
}

/// Refusals of whoever is not signed in are written down by the desk itself.
fn name<'a>(who: &'a Actor, event: &Event) -> &'a str {
    match (who, event) {
        (Actor::Program, Event::RequestRefused { .. } | Event::SignInRefused { .. }) => "somebody who is not signed in",
        _ => who.name(),
    }
}

fn changed(joined: &[Address], left: &[Address]) -> String {
    let with = |sign: char, addresses: &[Address]| addresses.iter().map(|address| format!("{sign}{address}")).collect::<Vec<_>>();
    [with('+', joined), with('-', left)].concat().join(", ")
}

/// What was done, and with which case.
fn told(event: &Event) -> (String, Option<&Codename>) {
    match event {
        Event::AccountClosed { name } => (format!("closed the account of {name}"), None),
        Event::AddressesChanged { name, joined, left } => (format!("changed the addresses of {name}: {}", changed(joined, left)), None),
        Event::CiphertextServed { codename, depth, .. } => (format!("was handed what is sealed: {depth}"), Some(codename)),
        Event::Deed { codename, deed, .. } => (format!("did with a case: {deed}"), Some(codename)),
        Event::EvidencePackaged { codename, .. } => ("made a package for the police".to_owned(), Some(codename)),
        Event::FactsViewed { codename, .. } => ("was shown the facts".to_owned(), Some(codename)),
        Event::InvitationOpened { .. } => ("opened an invitation".to_owned(), None),
        Event::InvitationUsed { .. } => ("used an invitation".to_owned(), None),
        Event::Invited { name, role } => (format!("invited {name} as {role}"), None),
        Event::JournalViewed => ("was shown this journal".to_owned(), None),
        Event::KeyAdmitted { audience, name, .. } => (format!("let the key of {name} open what is sealed to {audience}"), None),
        Event::KeyConfirmed { name, .. } => (format!("confirmed the key of {name}"), None),
        Event::KeyMade { .. } => ("made a key".to_owned(), None),
        // Which rule holds something may be how a reader learns that it holds something of hers.
        Event::Listed { view, .. } if view.starts_with(HELD_BY) => ("was shown the list `held by a rule`".to_owned(), None),
        // How many there were stays in the journal: somebody else's list counts cases that the reader is a party to.
        Event::Listed { view, .. } => (format!("was shown the list `{view}`"), None),
        Event::NotFound { page } => (format!("asked for what is not there or not hers: {page}"), None),
        Event::OpeningsViewed { week } => (format!("was shown the openings of the week of {week}"), None),
        Event::PageViewed { page } => (format!("was shown the page {page}"), None),
        Event::PasskeyAdded { opens_key: true } => ("added a passkey that opens her key too".to_owned(), None),
        Event::PasskeyAdded { opens_key: false } => ("added a passkey".to_owned(), None),
        Event::PasskeyDropped => ("removed a passkey".to_owned(), None),
        Event::RequestRefused { page, why, times: 1 } => (format!("was refused at {page}: {why}"), None),
        Event::RequestRefused { page, why, times } => (format!("was refused at {page}, {times} times: {why}"), None),
        Event::SignInRefused { why, times: 1 } => (format!("was not let in: {why}"), None),
        Event::SignInRefused { why, times } => (format!("was not let in, {times} times: {why}"), None),
        Event::SignedIn => ("signed in".to_owned(), None),
        Event::SignedOut => ("signed out".to_owned(), None),
        Event::Viewed { codename, excerpt: true, .. } => ("opened what matched".to_owned(), Some(codename)),
        Event::Viewed { codename, .. } => ("opened the message".to_owned(), Some(codename)),
        // The service writes a journal of its own.
        _ => ("did something else".to_owned(), None),
    }
}
