//! The journal of the desk, for those who watch over it: who was shown what, and whether any line was touched since.

use askama::Template;

use super::Review;
use super::answer::{Answer, Refusal, page};
use super::guard::{Visit, Visitor};
use super::words::{visible, wall};
use crate::case::{CaseId, Codename};
use crate::casebook::{Filter, Involvement};
use crate::journal::{Entry, Event};

/// Lines on the page, the newest first.
const LINES: usize = 200;

#[derive(Template)]
#[template(path = "journal.html")]
struct Page<'a> {
    visitor: &'a Visitor,
    school: &'a str,
    verified: String,
    broken: bool,
    lines: Vec<Line>,
}

struct Line {
    at: String,
    who: String,
    what: String,
    about: String,
}

pub fn show(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let visitor = visit.visitor()?;
    let book = review.casebook()?;
    let involved = review.involvement(&book, &visitor.account)?;
    // A case that she is a party to is in no list of hers, this one included.
    let hidden: Vec<Codename> =
        book.cases(&Filter::default())?.into_iter().filter(|row| is_party(&involved, row.id)).map(|row| row.codename).collect();
    let now = Review::now();
    review.desk().note(now, &visitor.account.actor(), &Event::JournalViewed)?;
    let (verified, broken) = match review.desk().verify_journal() {
        Ok(_) => ("Every line is as it was written.".to_owned(), false),
        Err(error) => (error.to_string(), true),
    };
    let zone = &review.config.school.clock.zone;
    let entries = review.desk().journal_end(LINES)?;
    let lines = entries.into_iter().rev().filter_map(|entry| {
        let Entry { at, who, event, .. } = entry;
        let (what, about) = told(&event);
        let shown = about.is_none_or(|codename| !hidden.contains(codename));
        shown.then(|| Line {
            at: wall(at, zone),
            who: visible(who.name()),
            what: visible(&what),
            about: about.map(ToString::to_string).unwrap_or_default(),
        })
    });
    page(&Page { visitor, school: &review.config.school.name, verified, broken, lines: lines.collect() })
}

fn is_party(involved: &Involvement, case: CaseId) -> bool {
    involved.sent.contains(&case) || involved.received.contains(&case)
}

/// What was done, and with which case.
fn told(event: &Event) -> (String, Option<&Codename>) {
    match event {
        Event::AccountClosed { name } => (format!("closed the account of {name}"), None),
        Event::CiphertextServed { codename, depth, .. } => (format!("was handed what is sealed: {depth}"), Some(codename)),
        Event::Deed { codename, deed, .. } => (format!("did with a case: {deed}"), Some(codename)),
        Event::FactsViewed { codename, .. } => ("was shown the facts".to_owned(), Some(codename)),
        Event::InvitationUsed { .. } => ("used an invitation".to_owned(), None),
        Event::Invited { name, role } => (format!("invited {name} as {role}"), None),
        Event::JournalViewed => ("was shown this journal".to_owned(), None),
        Event::KeyConfirmed { name, .. } => (format!("confirmed the key of {name}"), None),
        Event::KeyMade { .. } => ("made a key".to_owned(), None),
        Event::Listed { view, cases } => (format!("was shown the list `{view}`, {cases} cases"), None),
        Event::NotFound { page } => (format!("asked for what is not there or not hers: {page}"), None),
        Event::SignInRefused { why } => (format!("was not let in: {why}"), None),
        Event::SignedIn => ("signed in".to_owned(), None),
        Event::SignedOut => ("signed out".to_owned(), None),
        Event::Viewed { codename, .. } => ("opened the message".to_owned(), Some(codename)),
        // The service writes a journal of its own.
        _ => ("did something else".to_owned(), None),
    }
}
