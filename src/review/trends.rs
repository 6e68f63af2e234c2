//! The whole, week by week: how many cases of what, from where, how soon somebody had them in hand, and which rules were wrong.
//!
//! Of the cases that the reader sees herself: who is a party to a case cannot see it in a number either.

use std::collections::{BTreeMap, HashMap};

use askama::Template;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::answer::{Answer, Refusal, page};
use super::chart::{Bar, Chart, Legend};
use super::guard::{Visit, Visitor};
use super::words::{Urgency, span, urgency, visible};
use super::{Review, sight};
use crate::casebook::{CaseRow, Course, Filter, Standing};
use crate::config::monday;
use crate::desk::{Deed, Stand};
use crate::finding::{Action, Level};
use crate::journal::Event;
use crate::mail::Address;

/// Weeks on the page, this one included.
const WEEKS: i64 = 12;
const URGENT: Legend = Legend { whole: "cases", marked: "urgent" };
const TOO_LATE: Legend = Legend { whole: "cases", marked: "too late" };
const PUT_BACK: Legend = Legend { whole: "held", marked: "put back" };

#[derive(Template)]
#[template(path = "trends.html")]
struct Page<'a> {
    visitor: &'a Visitor,
    school: &'a str,
    first: String,
    cases: usize,
    tables: [Table; 3],
    response_chart: Chart,
    responses: Vec<Response>,
    /// None where no rule has held anything.
    rule_chart: Option<Chart>,
    rules: Vec<RuleCount>,
}

/// Numbers of cases, and a picture of them.
struct Table {
    chart: Chart,
    caption: &'static str,
    /// What its first column holds.
    of: &'static str,
    lines: Vec<Counted>,
}

/// A line of a table of cases.
#[derive(Default)]
pub struct Counted {
    pub title: String,
    pub cases: usize,
    /// Of these, of level 4 and 5.
    pub urgent: usize,
    pub held: usize,
}

impl Counted {
    fn bar(&self) -> Bar {
        Bar { name: self.title.clone(), whole: self.cases, marked: self.urgent }
    }
}

/// How soon somebody had the cases of a level in hand.
struct Response {
    urgency: Urgency,
    in_time: usize,
    late: usize,
    waiting: usize,
    overdue: usize,
    median: String,
}

#[derive(Default)]
struct RuleCount {
    /// Empty where its words do not come with mailwarden.
    sentence: String,
    rule: String,
    cases: usize,
    held: usize,
    /// Of the held, those that went back.
    wrongly_held: usize,
    /// Of all, those of which a person said that the rule was wrong.
    wrong: usize,
}

impl Response {
    fn bar(&self) -> Bar {
        let word = self.urgency.word;
        let name = if self.median == "-" { word.to_owned() } else { format!("{word}: half of them within {}", self.median) };
        Bar { name, whole: self.in_time + self.late + self.waiting + self.overdue, marked: self.late + self.overdue }
    }
}

impl RuleCount {
    fn bar(&self) -> Bar {
        Bar {
            name: if self.sentence.is_empty() { self.rule.clone() } else { self.sentence.clone() },
            whole: self.held,
            marked: self.wrongly_held,
        }
    }
}

/// A case with all that is counted of it.
struct Told {
    row: CaseRow,
    course: Course,
    stand: Stand,
}

impl Told {
    fn count(&self, into: &mut Counted) {
        into.cases += 1;
        into.urgent += usize::from(self.row.level >= Level::SameDay);
        into.held += usize::from(self.held());
    }

    fn held(&self) -> bool {
        self.row.action >= Action::Hold
    }

    /// In seconds.
    fn took(&self) -> Option<u64> {
        let at = self.course.acknowledged_at?;
        Some(at.duration_since(self.row.opened_at).as_secs().try_into().unwrap_or(0))
    }
}

pub fn show(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let (visitor, now) = (visit.visitor()?, Review::now());
    let clock = &review.config.school.clock;
    let first = monday(clock.date_at(now)).saturating_sub((7 * (WEEKS - 1)).days());
    let since = first.to_zoned(clock.zone.clone()).map_or(Timestamp::MIN, |midnight| midnight.timestamp());
    let cases = cases(review, visitor, since)?;
    let group_of = review.config.mailboxes.iter().map(|watched| (&watched.mailbox.address, watched.mailbox.group.as_str())).collect();
    review.desk().note(now, &visitor.account.actor(), &Event::Listed { view: "trends".to_owned(), cases: cases.len() })?;
    let weeks = by_week(&cases, first, |at| clock.date_at(at));
    let categories = counted(&cases, |told| vec![told.row.category.title().to_owned()]);
    let groups = counted(&cases, |told| groups(&told.course, &group_of));
    let by_group = "By group of mailboxes: a case counts in each group that a copy of it reached";
    let bars = |lines: &[Counted]| lines.iter().map(Counted::bar).collect::<Vec<_>>();
    let (responses, rules) = (responses(&cases, now, review), rules(&cases));
    let taken: Vec<_> = responses.iter().map(Response::bar).collect();
    let held: Vec<_> = rules.iter().filter(|rule| rule.held > 0).map(RuleCount::bar).collect();
    page(&Page {
        visitor,
        school: &review.config.school.name,
        first: day(first),
        cases: cases.len(),
        tables: [
            Table {
                chart: Chart::columns("weeks", "Cases by week", URGENT, &bars(&weeks))?,
                caption: "By week",
                of: "Week from",
                lines: weeks,
            },
            Table {
                chart: Chart::rows("categories", "Cases by category", URGENT, &bars(&categories))?,
                caption: "By category",
                of: "Category",
                lines: categories,
            },
            Table {
                chart: Chart::rows("groups", "Cases by group of mailboxes", URGENT, &bars(&groups))?,
                caption: by_group,
                of: "Group",
                lines: groups,
            },
        ],
        response_chart: Chart::rows("responses", "How soon somebody had them in hand, by level", TOO_LATE, &taken)?,
        responses,
        rule_chart: if held.is_empty() { None } else { Some(Chart::rows("rules", "Held, and put back, by rule", PUT_BACK, &held)?) },
        rules,
    })
}

/// What she sees, counted cases too.
fn cases(review: &Review, visitor: &Visitor, since: Timestamp) -> Result<Vec<Told>, Refusal> {
    let book = review.casebook()?;
    let involved = review.involvement(&book, &visitor.account)?;
    let hers = sight::seen(&book, &visitor.account, &involved, &Filter { opened_since: Some(since), ..Filter::default() })?;
    let of: Vec<_> = hers.iter().map(|row| row.id).collect();
    let (mut courses, stands) = (book.courses(&of)?, review.desk().stands(of.into_iter())?);
    Ok(hers
        .into_iter()
        .map(|row| Told {
            course: courses.remove(&row.id).unwrap_or_default(),
            stand: stands.get(&row.id).copied().unwrap_or_default(),
            row,
        })
        .collect())
}

/// Every week, those without a case too.
fn by_week(cases: &[Told], first: Date, date_at: impl Fn(Timestamp) -> Date) -> Vec<Counted> {
    let mut weeks: BTreeMap<Date, Counted> =
        (0..WEEKS).map(|week| first.saturating_add((7 * week).days())).map(|monday| (monday, Counted::default())).collect();
    for told in cases {
        // Who has put the clock back may have cases of weeks to come.
        if let Some(week) = weeks.get_mut(&monday(date_at(told.row.opened_at))) {
            told.count(week);
        }
    }
    weeks.into_iter().map(|(monday, week)| Counted { title: day(monday), ..week }).collect()
}

/// A line for each name, the one with the most cases first. A case may have several names.
fn counted(cases: &[Told], names: impl Fn(&Told) -> Vec<String>) -> Vec<Counted> {
    let mut lines: BTreeMap<String, Counted> = BTreeMap::new();
    for told in cases {
        for name in names(told) {
            told.count(lines.entry(name).or_default());
        }
    }
    let mut lines: Vec<_> = lines.into_iter().map(|(title, line)| Counted { title, ..line }).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(line.cases));
    lines
}

/// Where copies lay, each group once.
fn groups(course: &Course, group_of: &HashMap<&Address, &str>) -> Vec<String> {
    let mut groups: Vec<_> = course
        .mailboxes
        .iter()
        .map(|address| group_of.get(address).map_or("no longer watched".to_owned(), |group| visible(group)))
        .collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

fn responses(cases: &[Told], now: Timestamp, review: &Review) -> Vec<Response> {
    // What is only counted is nobody's to look at.
    let levels = Level::ALL.into_iter().rev().filter(|level| *level > Level::Counted);
    levels
        .map(|level| {
            let mut response = Response { urgency: urgency(level), in_time: 0, late: 0, waiting: 0, overdue: 0, median: "-".to_owned() };
            let mut took = Vec::new();
            for told in cases.iter().filter(|told| told.row.level == level) {
                let due = review.config.school.clock.due(level, told.row.opened_at).unwrap_or(Timestamp::MAX);
                let count = match told.course.acknowledged_at {
                    Some(at) if at <= due => &mut response.in_time,
                    Some(_) => &mut response.late,
                    None if now <= due => &mut response.waiting,
                    None => &mut response.overdue,
                };
                *count += 1;
                took.extend(told.took());
            }
            took.sort_unstable();
            if let Some(middle) = took.get(took.len().saturating_sub(1) / 2) {
                response.median = span(*middle);
            }
            response
        })
        .collect()
}

fn rules(cases: &[Told]) -> Vec<RuleCount> {
    let mut rules: BTreeMap<&str, RuleCount> = BTreeMap::new();
    for told in cases {
        let went_back = told.held() && told.row.standing == Standing::Released;
        for (rule, sentence) in &told.course.rules {
            let count = rules.entry(rule.as_str()).or_default();
            // The newest case comes first: what the rule says of itself now, if it has said so by then.
            if count.sentence.is_empty() {
                count.sentence = sentence.as_deref().map(visible).unwrap_or_default();
            }
            count.cases += 1;
            count.held += usize::from(told.held());
            count.wrongly_held += usize::from(went_back);
            count.wrong += usize::from(told.stand.outcome == Some(Deed::FalseMatch));
        }
    }
    let mut rules: Vec<_> = rules.into_iter().map(|(rule, count)| RuleCount { rule: rule.to_owned(), ..count }).collect();
    rules.sort_by_key(|count| std::cmp::Reverse((count.wrongly_held, count.wrong, count.cases)));
    rules
}

fn day(date: Date) -> String {
    date.strftime("%-d %b %Y").to_string()
}
