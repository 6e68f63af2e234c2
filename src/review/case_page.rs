//! The page of one case: why it matched, who, in which context, what points to a referral, what to decide, and its history.

use std::collections::BTreeSet;

use askama::Template;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::answer::{Answer, Refusal, page};
use super::destroy::Way;
use super::evidence::Hand;
use super::guard::{Visit, Visitor};
use super::queue::Seen;
use super::snooze::Snooze;
use super::words::{self, Urgency, ends, span, urgency, visible, wall};
use super::{Review, sight, undo};
use crate::case::{CaseId, Codename, NotBack, PlaceState};
use crate::casebook::{CaseFacts, CaseRow, FindingFacts, PlaceFacts};
use crate::desk::{Account, Deed, DeedRow, Role, Status};
use crate::finding::{Action, Category, Kind};
use crate::journal::Event;

/// Other cases that are named at most.
const MOST_OTHERS: usize = 20;

#[derive(Template)]
#[template(path = "case.html")]
#[expect(clippy::struct_excessive_bools, reason = "what a template asks is yes or no")]
struct Page<'a> {
    visitor: &'a Visitor,
    school: &'a str,
    codename: &'a str,
    urgency: Urgency,
    category: &'static str,
    action: &'static str,
    held: bool,
    withheld: bool,
    status: &'static str,
    closed: bool,
    outcome: &'static str,
    owner: String,
    due: String,
    overdue: bool,
    snoozed: String,
    snoozes: Vec<(&'static str, String)>,
    opened: String,
    backscan: bool,
    ends: String,
    findings: Vec<Found>,
    /// What a rule says of itself is for her to unseal.
    sealed_sentence: bool,
    unread: Vec<String>,
    copies: Vec<Copy>,
    /// Those that were released and are not back, unless it was released anew since.
    not_back: Vec<NotPutBack>,
    context: Vec<Related>,
    points: [Point; 5],
    told: Vec<String>,
    history: Vec<Told>,
    may_decide: bool,
    /// Her key opens it, once she has one.
    may_open: bool,
    /// What matched and the whole text are sealed as one.
    one_object: bool,
    wrapped: &'a str,
    by_passkey: Vec<(String, String)>,
    back: bool,
    people: Vec<(i64, String)>,
    hand: Hand,
    /// The public key of whoever signs packages here.
    signed_with: String,
    way: Way,
    takes_two: bool,
    /// Who has asked to have it destroyed.
    asker: String,
    /// When and by whom what was sealed was destroyed.
    destroyed: String,
}

struct Found {
    /// What the rule said of itself when it matched; empty where a school's own words are.
    sentence: String,
    told: String,
    /// Where everything is that this version of the rule holds; empty where there is nothing to put back.
    undo: String,
}

struct Copy {
    place: String,
    state: &'static str,
    before: String,
}

/// Other cases, and what they have to do with this one.
struct Related {
    how: &'static str,
    cases: Vec<Other>,
}

struct Other {
    codename: String,
    urgency: Urgency,
    found: String,
}

struct NotPutBack {
    place: String,
    why: NotBack,
}

/// One of the five points that mean immediate referral (D7).
struct Point {
    question: &'static str,
    answer: &'static str,
    likely: bool,
}

struct Told {
    at: String,
    who: String,
    what: String,
    words: String,
}

impl Review {
    /// A case that somebody may see, under the name that she asked for.
    ///
    /// # Errors
    /// `NotFound` where there is none, and where it is not hers.
    pub fn case_for(&self, account: &Account, codename: &str) -> Result<CaseFacts, Refusal> {
        let codename: Codename = codename.parse().map_err(|_| Refusal::NotFound)?;
        let book = self.casebook()?;
        let involved = self.involvement(&book, account)?;
        book.case_if(&codename, |row| sight::sees(account, row, &involved))?.ok_or(Refusal::NotFound)
    }

    /// Who else may be given a case: those who see it and may decide.
    ///
    /// # Errors
    /// When the casebook or the desk refuses.
    pub fn may_have(&self, facts: &CaseFacts) -> Result<Vec<Account>, Refusal> {
        let (book, accounts) = (self.casebook()?, self.desk().accounts()?);
        let mut able = Vec::new();
        for account in accounts {
            let involved = sight::involvement(&book, &account, &self.config)?;
            let sees = involved.is_some_and(|involved| sight::sees(&account, &facts.row, &involved));
            if account.active && sees && account.role != Role::DataProtection {
                able.push(account);
            }
        }
        Ok(able)
    }
}

pub fn show(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let visitor = visit.visitor()?;
    let facts = review.case_for(&visitor.account, visit.name("codename"))?;
    let (case, codename, now) = (facts.row.id, facts.row.codename.clone(), Review::now());
    let event = Event::FactsViewed { case, codename };
    review.desk().note(now, &visitor.account.actor(), &event)?;

    let clock = &review.config.school.clock;
    let zone = &clock.zone;
    let stand = review.desk().stand(case)?;
    let seen = review.seen(&stand, facts.row.clone());
    let snoozes = seen.snoozes(now, clock).into_iter().map(|(snooze, until)| (snooze.as_str(), snooze_told(snooze, until, zone)));
    let (overdue, snoozed, snoozes) = (seen.overdue(now), seen.snoozed_until(now), snoozes.collect());
    let Seen { row, stand, due } = seen;
    let people = review.may_have(&facts)?;
    let accounts = review.desk().accounts()?;
    let owner = stand.owner.and_then(|owner| accounts.iter().find(|account| account.id == owner));
    let asker = stand.destroy_asked_by.and_then(|asker| accounts.iter().find(|account| account.id == asker));
    let context = context(review, &visitor.account, case, zone)?;
    let history = review.desk().history(case)?;
    let on_its_way = review.on_its_way_by(&facts, &history)?;
    let way = Way::of(&visitor.account, &facts, &stand, on_its_way, review.asker_may(&facts, &stand)?);
    let hand = Hand::of(&visitor.account, &facts, on_its_way);
    let may_open =
        sight::opens_sheet(&visitor.account, &row).is_some() && row.action != Action::Withhold && on_its_way != Some(Deed::Destroy);
    let findings = findings(&facts, hand == Hand::Anew && on_its_way.is_none() && facts.has_copy_in(PlaceState::Removed));
    page(&Page {
        visitor,
        school: &review.config.school.name,
        codename: row.codename.as_str(),
        urgency: urgency(row.level),
        category: row.category.title(),
        action: words::action(row.action),
        held: row.action == Action::Hold,
        withheld: row.action == Action::Withhold,
        status: stand.status.as_str(),
        closed: stand.status == Status::Closed,
        outcome: stand.outcome.map_or("", Deed::told),
        owner: owner.map(|owner| visible(&owner.name)).unwrap_or_default(),
        due: due.map(|due| wall(due, zone)).unwrap_or_default(),
        overdue,
        snoozed: snoozed.map(|until| wall(until, zone)).unwrap_or_default(),
        snoozes,
        opened: wall(row.opened_at, zone),
        backscan: row.backscan,
        ends: ends(&row),
        sealed_sentence: may_open && facts.findings.iter().any(|found| found.kind == Kind::Text && found.sentence.is_none()),
        findings,
        unread: facts.incomplete.iter().map(|unread| unread.reason.to_string()).collect(),
        copies: facts.places.iter().map(|copy| told_of(copy, zone)).collect(),
        not_back: not_back(&facts, &history),
        context,
        points: points(&facts),
        told: notices(&facts, zone),
        history: history.into_iter().map(|row| told(&row, zone)).collect(),
        may_decide: visitor.account.role != Role::DataProtection,
        may_open,
        one_object: facts.has_one_object(),
        wrapped: visitor.account.keys.as_ref().map_or("", |keys| &keys.wrapped),
        by_passkey: review.wrapped_for_passkeys(&visitor.account)?,
        back: row.action == Action::Hold && !facts.places.iter().any(|copy| copy.state == PlaceState::Removed),
        people: people.into_iter().map(|account| (account.id.0, visible(&account.name))).collect(),
        hand,
        signed_with: review.desk().signer().public_key(),
        way,
        takes_two: row.takes_two(),
        asker: asker.map(|account| visible(&account.name)).unwrap_or_default(),
        destroyed: facts.destroyed.as_ref().map(|(at, who)| format!("{} by {}", wall(*at, zone), visible(who))).unwrap_or_default(),
    })
}

/// A line for each rule, in its own words as far as they are for everybody, and where in the message it matched.
fn findings(facts: &CaseFacts, may_put_back: bool) -> Vec<Found> {
    let mut by_rule: Vec<(&FindingFacts, Vec<&str>)> = Vec::new();
    for found in &facts.findings {
        let place = words::place(found.location.field);
        match by_rule.iter_mut().find(|(first, _)| (&first.rule, first.version, first.kind) == (&found.rule, found.version, found.kind)) {
            Some((_, places)) if places.contains(&place) => {}
            Some((_, places)) => places.push(place),
            None => by_rule.push((found, vec![place])),
        }
    }
    let line = |(found, places): (&FindingFacts, Vec<&str>)| Found {
        sentence: found.sentence.as_deref().map(visible).unwrap_or_default(),
        told: format!("{} in {}: {} (rule {})", words::kind(found.kind), places.join(" and "), found.category.title(), found.rule),
        undo: if may_put_back { undo::link_to(found) } else { String::new() },
    };
    by_rule.into_iter().map(line).collect()
}

fn told_of(copy: &PlaceFacts, zone: &TimeZone) -> Copy {
    let state = match copy.state {
        PlaceState::Delivered => "delivered, and still there",
        PlaceState::Destroyed => "taken out, and destroyed",
        PlaceState::LeftInMailbox => "still there: its mail server cannot take one message out",
        PlaceState::Released => "put back",
        PlaceState::Removed => "taken out",
        PlaceState::Sealed => "sealed, and on its way out",
        PlaceState::Superseded => "looked at again since",
    };
    let flags = [("read", "\\Seen"), ("answered", "\\Answered")];
    let mut before: Vec<_> = flags.into_iter().filter(|(_, flag)| copy.arrival.has_flag(flag)).map(|(word, _)| word).collect();
    if copy.arrival.forwarded() {
        before.push("forwarded");
    }
    let before = if before.is_empty() { "not read".to_owned() } else { before.join(" and ") };
    let lain = span(copy.lay_there_seconds());
    Copy {
        place: lay(copy),
        state,
        before: format!("{before} before it was found {}, after it had lain there for {lain}", wall(copy.found_at, zone)),
    }
}

fn not_back(facts: &CaseFacts, history: &[DeedRow]) -> Vec<NotPutBack> {
    let released_last = history.iter().rev().find(|row| row.deed == Deed::Release).map(|row| row.id);
    let failed = facts.places.iter().filter(|copy| copy.release_deed >= released_last);
    failed.filter_map(|copy| copy.not_back.map(|why| NotPutBack { place: lay(copy), why })).collect()
}

/// Where a copy was found.
fn lay(copy: &PlaceFacts) -> String {
    format!("{} in {}", visible(copy.place.mailbox.as_str()), visible(&copy.place.folder.0))
}

/// Other cases that have to do with this one, as far as they are hers to see. Each stands once, where it has most to do with it.
fn context(review: &Review, account: &Account, case: CaseId, zone: &TimeZone) -> Result<Vec<Related>, Refusal> {
    let book = review.casebook()?;
    let involved = review.involvement(&book, account)?;
    let found = [
        ("Other cases of the same conversation, by the ids of its messages", book.of_the_same_thread(case)?),
        ("Other cases between the same people", book.of_the_same_exchange(case)?),
        ("Other cases of the same sender", book.of_the_same_sender(case)?),
    ];
    let mut told = BTreeSet::new();
    let mut context = Vec::new();
    for (how, mut others) in found {
        others.retain(|other| told.insert(*other));
        let lines = book.lines(&others, MOST_OTHERS, |row| sight::sees(account, row, &involved))?;
        let other =
            |row: CaseRow| Other { codename: row.codename.to_string(), urgency: urgency(row.level), found: wall(row.opened_at, zone) };
        if !lines.is_empty() {
            context.push(Related { how, cases: lines.into_iter().map(other).collect() });
        }
    }
    Ok(context)
}

fn points(facts: &CaseFacts) -> [Point; 5] {
    let category =
        |wanted: &[Category]| wanted.contains(&facts.row.category) || facts.findings.iter().any(|found| wanted.contains(&found.category));
    let ends = &facts.row.ends;
    let adults = ["staff", "outside", "governor"];
    let adult = adults.contains(&ends.sender.as_str()) || ends.recipients.iter().any(|end| adults.contains(&end.as_str()));
    let point = |question, likely, yes, no| Point { question, answer: if likely { yes } else { no }, likely };
    [
        point(
            "Is an adult involved?",
            adult,
            "The facts point to it: the sender or a recipient is staff, a governor or outside of the school.",
            "Not as far as the list of mailboxes says. Check.",
        ),
        point(
            "Is there coercion, blackmail or grooming?",
            category(&[Category::Sextortion, Category::Grooming, Category::Exploitation]),
            "A rule for this has matched.",
            "No rule for this has matched. Check.",
        ),
        point(
            "Are the acts violent, or unusual for the age?",
            category(&[Category::Threat, Category::Violence]),
            "A rule for this has matched.",
            "No rule for this has matched. Check.",
        ),
        point("Is a child under 13 involved?", false, "", "The program does not know ages. Check."),
        point(
            "Is anybody at immediate risk of harm, self-harm or suicide?",
            category(&[Category::Suicide, Category::SelfHarm, Category::Disclosure, Category::Threat]),
            "A rule for this has matched.",
            "No rule for this has matched. Check.",
        ),
    ]
}

fn notices(facts: &CaseFacts, zone: &TimeZone) -> Vec<String> {
    let told = facts.notices.iter().filter_map(|notice| notice.delivered_at.map(|at| (at, visible(notice.to.as_str()))));
    told.map(|(at, to): (Timestamp, String)| format!("{to} was told {}", wall(at, zone))).collect()
}

/// Without the year: it is days away, and a list on a phone is narrow.
fn snooze_told(snooze: Snooze, until: Timestamp, zone: &TimeZone) -> String {
    format!("{}: {}", snooze.title(), until.to_zoned(zone.clone()).strftime("%a %-d %b, %H:%M"))
}

fn told(row: &DeedRow, zone: &TimeZone) -> Told {
    let what = match (&row.to, row.until) {
        (Some(asker), _) if row.deed == Deed::Destroy => format!("{}, as {} had asked", row.deed.told(), visible(asker)),
        (Some(to), _) => format!("{} {}", row.deed.told(), visible(to)),
        (None, Some(until)) => format!("{} {}", row.deed.told(), wall(until, zone)),
        (None, None) => row.deed.told().to_owned(),
    };
    Told { at: wall(row.at, zone), who: visible(&row.by), what, words: visible(&row.words) }
}
