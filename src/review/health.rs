//! Whether the program does its work, in counts: for the technician too, who sees no case.

use std::time::{Duration, SystemTime};

use askama::Template;

use super::answer::{Answer, Refusal, page};
use super::guard::{Visit, Visitor};
use super::{Review, sight};
use crate::casebook::{CaseCounts, Filter, ReadOnly};

/// The daemon writes its board every two seconds; older than this, it does not run.
const STALE: Duration = Duration::from_mins(1);

#[derive(Template)]
#[template(path = "health.html")]
struct Page<'a> {
    visitor: &'a Visitor,
    school: &'a str,
    runs: bool,
    /// None as long as nobody can say which cases are hidden from her.
    counts: Option<CaseCounts>,
    rule_set: String,
    troubles: Vec<String>,
}

pub fn show(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let visitor = visit.visitor()?;
    review.viewed(visitor, "/health")?;
    let board = review.config.state.directory.join("status.json");
    let runs = board
        .metadata()
        .and_then(|about| about.modified())
        .is_ok_and(|at| SystemTime::now().duration_since(at).unwrap_or_default() < STALE);
    // What the daemon says of itself: its words, never a message's.
    let said: serde_json::Value = std::fs::read(&board).ok().and_then(|octets| serde_json::from_slice(&octets).ok()).unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let book = review.casebook()?;
    let troubles = troubles(&book, said["troubles"].as_object().into_iter().flatten().map(|(kind, told)| (kind.as_str(), text(told))))?;
    // While the service has yet to say what she is a party to, the rest of this page is wanted most.
    let involved = sight::involvement(&book, &visitor.account, &review.config)?;
    let counts = involved.map(|involved| book.counts(|row| sight::counts(&visitor.account, row, &involved))).transpose()?;
    page(&Page { visitor, school: &review.config.school.name, runs, counts, rule_set: text(&said["rule_set"]["id"]), troubles })
}

/// What the daemon tells of, but no case by its name: a reader may be a party to it, and the technician sees none.
fn troubles<'a>(book: &ReadOnly, told: impl Iterator<Item = (&'a str, String)>) -> Result<Vec<String>, Refusal> {
    let told: Vec<_> = told.collect();
    let cases = if told.is_empty() { Vec::new() } else { book.cases(&Filter::default())? };
    let names_a_case = |text: &str| cases.iter().any(|row| text.contains(row.codename.as_str()));
    let shown = told.into_iter().map(|(kind, text)| {
        if names_a_case(&text) {
            format!("{kind}: something stays undone, and the log of the service says what")
        } else {
            format!("{kind}: {text}")
        }
    });
    Ok(shown.collect())
}
