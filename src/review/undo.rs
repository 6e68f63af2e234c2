//! What one version of a rule holds, to be put back case by case: a rule that was wrong about one message is wrong about others.

use askama::Template;
use serde::Serialize;

use super::answer::{Answer, Refusal, page};
use super::decide::check_words;
use super::guard::{Visit, Visitor};
use super::words::{Urgency, urgency, visible, wall};
use super::{Review, sealed, sight};
use crate::case::PlaceState;
use crate::casebook::{CaseFacts, CaseRow, FindingFacts, Involvement};
use crate::desk::{Account, Deed};
use crate::finding::{Action, RuleId, RuleVersion};
use crate::journal::Event;

/// What the journal has of this list, before the name of the rule.
pub const HELD_BY: &str = "held by ";
/// Copies of messages that go back at once: her browser opens a header of each while a code of six digits is still the one of now, and
/// the keys of all of them fit into one form.
const MOST_COPIES: usize = 2_000;

#[derive(Template)]
#[template(path = "undo.html")]
struct Page<'a> {
    visitor: &'a Visitor,
    school: &'a str,
    /// Empty where the words of the rule do not come with mailwarden.
    sentence: String,
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

/// What was released of what she asked for: a colleague may have decided about a case meanwhile.
#[derive(Serialize)]
struct Released {
    released: Vec<String>,
}

pub fn show(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let visitor = visit.visitor()?;
    let (rule, version) = asked(visit)?;
    let zone = &review.config.school.clock.zone;
    let cases = hers_to_put_back(review, visit)?;
    let found = cases.iter().flat_map(|facts| &facts.findings).find(|found| found.rule == rule && found.version == version);
    let sentence = found.and_then(|found| found.sentence.as_deref()).map(visible).unwrap_or_default();
    let lines = cases.iter().map(|facts| Line {
        codename: facts.row.codename.to_string(),
        urgency: urgency(facts.row.level),
        category: facts.row.category.title(),
        found: wall(facts.row.opened_at, zone),
    });
    let lines: Vec<_> = lines.collect();
    let listed = Event::Listed { view: format!("{HELD_BY}{rule}"), cases: lines.len() };
    review.desk().note(Review::now(), &visitor.account.actor(), &listed)?;
    let wrapped = visitor.account.keys.as_ref().map_or("", |keys| &keys.wrapped);
    page(&Page { visitor, school: &review.config.school.name, sentence, rule, version, lines, wrapped })
}

/// The headers of everything that the page lists, for her browser to open with her key.
pub fn headers(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let account = &visit.visitor()?.account;
    let audience = sight::opens(account.role).ok_or(Refusal::NotFound)?;
    sealed::handed_for_release(review, account, audience, &hers_to_put_back(review, visit)?)
}

/// Takes the keys of the held messages of many cases at once, after one fresh second factor. A case of which a key is missing stays as
/// it is: it came in since she was shown the list.
pub fn release(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let account = &visit.visitor()?.account;
    let words = visit.asked.form.text("words");
    check_words(Deed::Release, words)?;
    let keys = sealed::keys(visit)?;
    let mut whole = Vec::new();
    for facts in hers_to_put_back(review, visit)? {
        if let Some(keys) = sealed::keys_of(&sealed::held(&facts)?, &keys) {
            whole.push((facts, keys));
        }
    }
    if whole.is_empty() {
        return Err(Refusal::unfit("Nothing of it is held any more, or somebody has decided meanwhile. Please load the page again."));
    }
    review.step_up(visit)?;
    let mut released = Vec::new();
    for (facts, keys) in &whole {
        sealed::released(review, account, facts, words, keys)?;
        released.push(facts.row.codename.to_string());
    }
    sealed::json(&Released { released })
}

fn asked(visit: &Visit) -> Result<(RuleId, RuleVersion), Refusal> {
    let rule = visit.name("rule").parse().map_err(|_| Refusal::NotFound)?;
    Ok((rule, visit.name("version").parse().map_err(|_| Refusal::NotFound)?))
}

/// The cases of a version of a rule that she can put back, as many as go into one form.
fn hers_to_put_back(review: &Review, visit: &Visit) -> Result<Vec<CaseFacts>, Refusal> {
    let account = &visit.visitor()?.account;
    let (rule, version) = asked(visit)?;
    let book = review.casebook()?;
    let involved = review.involvement(&book, account)?;
    let (mut hers, mut copies) = (Vec::new(), 0);
    for codename in book.held_by(&rule, version)? {
        let Some(facts) = book.case_if(&codename, |row| is_hers_to_put_back(account, row, &involved))? else { continue };
        if !facts.has_copy_in(PlaceState::Removed) || review.on_its_way(&facts)?.is_some() {
            continue;
        }
        copies += facts.places.len();
        if copies > MOST_COPIES && !hers.is_empty() {
            break;
        }
        hers.push(facts);
    }
    Ok(hers)
}

fn is_hers_to_put_back(account: &Account, row: &CaseRow, involved: &Involvement) -> bool {
    row.action == Action::Hold && sight::sees(account, row, involved) && sight::opens_sheet(account, row).is_some()
}
