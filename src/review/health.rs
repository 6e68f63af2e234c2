//! Whether the program does its work, in counts: for the technician too, who sees no case.

use std::time::{Duration, SystemTime};

use askama::Template;

use super::Review;
use super::answer::{Answer, Refusal, page};
use super::guard::{Visit, Visitor};
use crate::casebook::RuleCounts;
use crate::finding::Category;

/// The daemon writes its board every two seconds; older than this, it does not run.
const STALE: Duration = Duration::from_mins(1);

#[derive(Template)]
#[template(path = "health.html")]
struct Page<'a> {
    visitor: &'a Visitor,
    school: &'a str,
    runs: bool,
    categories: Vec<(Category, u64)>,
    rules: Vec<RuleCounts>,
    rule_set: String,
    troubles: Vec<String>,
}

pub fn show(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let visitor = visit.visitor()?;
    let board = review.config.state.directory.join("status.json");
    let runs = board
        .metadata()
        .and_then(|about| about.modified())
        .is_ok_and(|at| SystemTime::now().duration_since(at).unwrap_or_default() < STALE);
    // What the daemon says of itself: its words, never a message's.
    let said: serde_json::Value = std::fs::read(&board).ok().and_then(|octets| serde_json::from_slice(&octets).ok()).unwrap_or_default();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let troubles = said["troubles"].as_object().into_iter().flatten().map(|(kind, told)| format!("{kind}: {}", text(told))).collect();
    // Small numbers could point to people: the technician sees totals of everything there ever was.
    let book = review.casebook()?;
    let (categories, rules) = (book.counts_by_category()?, book.counts_by_rule()?);
    page(&Page { visitor, school: &review.config.school.name, runs, categories, rules, rule_set: text(&said["rule_set"]["id"]), troubles })
}
