//! The queue: what is to be looked at, the most urgent first, as facts that name nobody.

use std::collections::BTreeSet;

use askama::Template;
use jiff::Timestamp;

use super::answer::{Answer, Refusal, page};
use super::guard::{Visit, Visitor};
use super::lists::{Conditions, link_to};
use super::words::{self, Urgency, ends, span, urgency, wall};
use super::{Review, sight};
use crate::casebook::{CaseRow, Filter, Standing};
use crate::config::SchoolClock;
use crate::desk::{Account, AccountId, Role, Stand, Status};
use crate::finding::{Category, Level};
use crate::journal::Event;

/// Cases on one page.
pub const PAGE: usize = 50;

/// A part of the cases, by its name in the address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum View {
    Open,
    New,
    Overdue,
    Today,
    Mine,
    Unassigned,
    Snoozed,
    /// Somebody asked to have what is sealed destroyed, and nobody has answered.
    Asked,
    Closed,
}

/// A case that she may see, with what was done about it.
pub struct Seen {
    pub row: CaseRow,
    pub stand: Stand,
    /// By when somebody is to look at it; none for what is only counted.
    pub due: Option<Timestamp>,
}

/// A moment, and when its day ends: asked of the clock once, and not for each of ten thousand cases.
struct Today {
    now: Timestamp,
    ends: Timestamp,
}

impl Today {
    fn at(now: Timestamp, clock: &SchoolClock) -> Self {
        let tomorrow = clock.date_at(now).tomorrow().and_then(|date| date.to_zoned(clock.zone.clone()));
        Self { now, ends: tomorrow.map_or(Timestamp::MAX, |midnight| midnight.timestamp()) }
    }
}

#[derive(Template)]
#[template(path = "queue.html")]
struct Page<'a> {
    visitor: &'a Visitor,
    school: &'a str,
    tabs: Vec<Tab>,
    view: &'static str,
    lines: Vec<Line>,
    found: usize,
    category: &'a str,
    search: &'a str,
    categories: Vec<(&'static str, &'static str, bool)>,
    earlier: Option<String>,
    later: Option<String>,
    from: usize,
    /// Her own lists: name and address.
    kept: Vec<(String, String)>,
    may_tick: bool,
    owners: Vec<Owner>,
    /// The colleague whose cases are asked for: her number in a form, and her name; both empty where it is nobody.
    owner: String,
    owner_name: String,
}

struct Tab {
    word: &'static str,
    title: &'static str,
    count: usize,
    here: bool,
}

#[expect(clippy::struct_excessive_bools, reason = "what a template asks is yes or no")]
struct Line {
    codename: String,
    urgency: Urgency,
    category: &'static str,
    ends: String,
    due: String,
    overdue: bool,
    snoozed: String,
    /// Since it arrived, or where nobody knows that, since it was found: `Arrived 3 days ago`.
    age: String,
    copies: u32,
    status: &'static str,
    owner: String,
    held: bool,
    /// It was released, and a copy cannot be put back.
    not_back: bool,
    /// It can be taken in hand with others.
    ticks: bool,
}

/// Somebody whose cases are on the list.
struct Owner {
    id: i64,
    name: String,
    chosen: bool,
}

impl View {
    pub const ALL: [Self; 9] =
        [Self::Open, Self::New, Self::Overdue, Self::Today, Self::Mine, Self::Unassigned, Self::Snoozed, Self::Asked, Self::Closed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::New => "new",
            Self::Overdue => "overdue",
            Self::Today => "today",
            Self::Mine => "mine",
            Self::Unassigned => "unassigned",
            Self::Snoozed => "snoozed",
            Self::Asked => "asked",
            Self::Closed => "closed",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Open => "All open",
            Self::New => "New",
            Self::Overdue => "Overdue",
            Self::Today => "Due today",
            Self::Mine => "Mine",
            Self::Unassigned => "Unassigned",
            Self::Snoozed => "Put off",
            Self::Asked => "To be destroyed",
            Self::Closed => "Closed",
        }
    }

    fn holds(self, seen: &Seen, me: AccountId, today: &Today) -> bool {
        let now = today.now;
        let open = seen.stand.status != Status::Closed;
        let snoozed = seen.snoozed_until(now).is_some();
        // What is put off stays among all that is open, at the end, and waits in a list of its own.
        let here = open && !snoozed;
        match self {
            Self::Open => open,
            Self::New => here && seen.stand.status == Status::New,
            Self::Overdue => open && seen.overdue(now),
            Self::Today => here && seen.due.is_some_and(|due| due < today.ends),
            Self::Mine => here && seen.stand.owner == Some(me),
            Self::Unassigned => here && seen.stand.owner.is_none(),
            Self::Snoozed => snoozed,
            Self::Asked => seen.stand.destroy_asked_by.is_some(),
            Self::Closed => !open,
        }
    }
}

impl Seen {
    pub fn overdue(&self, now: Timestamp) -> bool {
        self.stand.status == Status::New && self.due.is_some_and(|due| due < now)
    }
}

impl Review {
    /// Every case that somebody may see, the most urgent first, then by when it is due; what is put off comes last.
    ///
    /// # Errors
    /// When the casebook or the desk refuses.
    pub fn seen_by(&self, account: &Account, now: Timestamp) -> Result<Vec<Seen>, Refusal> {
        let book = self.casebook()?;
        let involved = self.involvement(&book, account)?;
        let hers = Filter { at_least: Some(Level::Weekly), ..Filter::default() };
        let rows = sight::seen(&book, account, &involved, &hers)?;
        let stands = self.desk().stands(rows.iter().map(|row| row.id))?;
        let mut seen: Vec<_> = rows.into_iter().map(|row| self.seen(&stands.get(&row.id).copied().unwrap_or_default(), row)).collect();
        seen.sort_by_key(|seen| (seen.snoozed_until(now).is_some(), std::cmp::Reverse(seen.row.level), seen.due, seen.row.id));
        Ok(seen)
    }

    /// What the service knows counts too: somebody may have taken a case in hand, or released it, at the command line.
    pub fn seen(&self, stand: &Stand, row: CaseRow) -> Seen {
        let failed = row.not_back;
        let status = match (row.standing, stand.status) {
            // It was closed because its message goes back, and that does not: somebody is to look at it again.
            (_, Status::Closed) if failed.is_some_and(|deed| stand.closed_by <= deed) => Status::InHand,
            (Standing::Released, Status::New | Status::Acknowledged) if failed.is_none() => Status::Closed,
            (Standing::Released | Standing::Acknowledged, Status::New) => Status::Acknowledged,
            (_, status) => status,
        };
        let due = self.config.school.clock.due(row.level, row.opened_at);
        Seen { row, stand: Stand { status, ..*stand }, due }
    }
}

pub fn show(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let (visitor, query, now) = (visit.visitor()?, &visit.asked.query, Review::now());
    let me = visitor.account.id;
    let conditions = Conditions::of(query);
    let view = conditions.view;
    let all = review.seen_by(&visitor.account, now)?;
    let today = Today::at(now, &review.config.school.clock);
    let tabs = View::ALL.map(|tab| Tab {
        word: tab.as_str(),
        title: tab.title(),
        count: all.iter().filter(|seen| tab.holds(seen, me, &today)).count(),
        here: tab == view,
    });
    let wanted: Vec<_> = all.iter().filter(|seen| view.holds(seen, me, &today)).filter(|seen| conditions.hold(seen)).collect();
    let found = wanted.len();
    let from = conditions.from.min(found);
    let accounts = review.desk().accounts()?;
    let name = |id: AccountId| {
        accounts.iter().find(|account| account.id == id).map_or("somebody who has left", |account| &account.name).to_owned()
    };
    let shown = wanted.into_iter().skip(from).take(PAGE);
    let book = review.casebook()?;
    // Asked for what is on this page, and not for each of ten thousand cases.
    let lines = shown.map(|seen| Ok(line(review, seen, now, book.arrived(seen.row.id)?, &name, conditions.owner)));
    let lines = lines.collect::<Result<Vec<_>, Refusal>>()?;
    let others: BTreeSet<_> = all.iter().filter_map(|seen| seen.stand.owner).filter(|owner| *owner != me).collect();
    let owners = others.into_iter().map(|id| Owner { id: id.0, name: words::visible(&name(id)), chosen: conditions.owner == Some(id) });
    let owners: Vec<_> = owners.collect();
    let chosen_owner = owners.iter().find(|owner| owner.chosen);

    // What she is shown is written down first.
    review.desk().note(now, &visitor.account.actor(), &Event::Listed { view: view.as_str().to_owned(), cases: lines.len() })?;
    let kept = review.desk().kept_lists(&visitor.account)?;
    let chosen = conditions.category.map_or("", Category::code);
    page(&Page {
        visitor,
        school: &review.config.school.name,
        tabs: tabs.into(),
        view: view.as_str(),
        found,
        category: chosen,
        search: &conditions.search,
        categories: Category::ALL.iter().map(|category| (category.code(), category.title(), category.code() == chosen)).collect(),
        earlier: (from > 0).then(|| conditions.link(from.saturating_sub(PAGE))),
        later: (from + lines.len() < found).then(|| conditions.link(from + PAGE)),
        from,
        kept: kept.iter().map(|list| (words::visible(&list.name), link_to(list))).collect(),
        owner: chosen_owner.map(|owner| owner.id.to_string()).unwrap_or_default(),
        owner_name: chosen_owner.map(|owner| owner.name.clone()).unwrap_or_default(),
        owners,
        may_tick: visitor.account.role != Role::DataProtection && lines.iter().any(|line| line.ticks),
        lines,
    })
}

fn line(
    review: &Review,
    seen: &Seen,
    now: Timestamp,
    arrived: Option<Timestamp>,
    name: &dyn Fn(AccountId) -> String,
    of: Option<AccountId>,
) -> Line {
    let Seen { row, stand, due } = seen;
    let zone = &review.config.school.clock.zone;
    Line {
        codename: row.codename.to_string(),
        urgency: urgency(row.level),
        category: row.category.title(),
        ends: ends(row),
        due: due.map(|due| wall(due, zone)).unwrap_or_default(),
        overdue: seen.overdue(now),
        snoozed: seen.snoozed_until(now).map(|until| wall(until, zone)).unwrap_or_default(),
        age: age(now, arrived, row.opened_at),
        copies: row.places,
        status: stand.status.as_str(),
        owner: stand.owner.map(name).map(|name| words::visible(&name)).unwrap_or_default(),
        held: row.action >= crate::finding::Action::Hold,
        not_back: row.not_back.is_some() && stand.status != Status::Closed,
        ticks: seen.may_be_ticked(of),
    }
}

/// A server's clock that is ahead makes no message younger than its finding.
fn age(now: Timestamp, arrived: Option<Timestamp>, found: Timestamp) -> String {
    let (word, since) = arrived.map_or(("Found", found), |arrived| ("Arrived", arrived.min(found)));
    format!("{word} {} ago", span(now.duration_since(since).as_secs().try_into().unwrap_or(0)))
}
