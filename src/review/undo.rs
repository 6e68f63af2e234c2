//! What one version of a rule holds, to be put back case by case: a rule that was wrong about one message is wrong about others.

use askama::Template;

use super::answer::{Answer, Refusal, page};
use super::guard::{Visit, Visitor};
use super::words::{Urgency, urgency, wall};
use super::{Review, sight};
use crate::case::PlaceState;
use crate::casebook::{CaseFacts, FindingFacts, Involvement};
use crate::desk::Account;
use crate::finding::{Action, RuleId, RuleVersion};
use crate::journal::Event;

/// What the journal has of this list, before the name of the rule.
pub const HELD_BY: &str = "held by ";

#[derive(Template)]
#[template(path = "undo.html")]
struct Page<'a> {
    visitor: &'a Visitor,
    school: &'a str,
    rule: RuleId,
    version: RuleVersion,
    lines: Vec<Line>,
    wrapped: &'a str,
}

struct Line {
    codename: String,
    urgency: Urgency,
    category: &'static str,
    found: String,
}

/// The address of the page for the rule of a finding.
pub fn link_to(found: &FindingFacts) -> String {
    format!("/rule/{}/{}", found.rule, found.version)
}

pub fn show(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let visitor = visit.visitor()?;
    let rule: RuleId = visit.name("rule").parse().map_err(|_| Refusal::NotFound)?;
    let version: RuleVersion = visit.name("version").parse().map_err(|_| Refusal::NotFound)?;
    let book = review.casebook()?;
    let involved = review.involvement(&book, &visitor.account)?;
    let zone = &review.config.school.clock.zone;
    let mut lines = Vec::new();
    for codename in book.held_by(&rule, version)? {
        let Some(facts) = book.case(&codename)? else { continue };
        if !is_hers_to_put_back(&visitor.account, &facts, &involved) || review.on_its_way(&facts)?.is_some() {
            continue;
        }
        let (urgency, found) = (urgency(facts.row.level), wall(facts.row.opened_at, zone));
        lines.push(Line { codename: codename.to_string(), urgency, category: facts.row.category.title(), found });
    }
    let listed = Event::Listed { view: format!("{HELD_BY}{rule}"), cases: lines.len() };
    review.desk().note(Review::now(), &visitor.account.actor(), &listed)?;
    let wrapped = visitor.account.keys.as_ref().map_or("", |keys| &keys.wrapped);
    page(&Page { visitor, school: &review.config.school.name, rule, version, lines, wrapped })
}

fn is_hers_to_put_back(account: &Account, facts: &CaseFacts, involved: &Involvement) -> bool {
    facts.row.action == Action::Hold
        && facts.has_copy_in(PlaceState::Removed)
        && sight::sees(account, &facts.row, involved)
        && sight::opens_sheet(account, &facts.row).is_some()
}
