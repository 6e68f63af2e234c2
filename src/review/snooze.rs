//! Putting a case off: never past the time by which somebody is to look at it, and never one of the most urgent.

use jiff::{SignedDuration, Timestamp};

use super::answer::Refusal;
use super::queue::Seen;
use crate::config::SchoolClock;
use crate::desk::Status;
use crate::finding::Level;

/// How long a case is put off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Snooze {
    HalfHour,
    TwoHours,
    Opening,
    LastHour,
}

impl Snooze {
    const ALL: [Self; 4] = [Self::HalfHour, Self::TwoHours, Self::Opening, Self::LastHour];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::HalfHour => "half-hour",
            Self::TwoHours => "two-hours",
            Self::Opening => "opening",
            Self::LastHour => "last-hour",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::HalfHour => "for half an hour",
            Self::TwoHours => "for two hours",
            Self::Opening => "until the school opens next",
            Self::LastHour => "until an hour before it is due",
        }
    }

    fn until(self, now: Timestamp, due: Timestamp, clock: &SchoolClock) -> Option<Timestamp> {
        match self {
            Self::HalfHour => now.checked_add(SignedDuration::from_mins(30)).ok(),
            Self::TwoHours => now.checked_add(SignedDuration::from_hours(2)).ok(),
            Self::Opening => clock.next_opening(now),
            Self::LastHour => due.checked_sub(SignedDuration::from_hours(1)).ok(),
        }
    }
}

impl Seen {
    /// For how long it may be put off now.
    pub fn snoozes(&self, now: Timestamp, clock: &SchoolClock) -> Vec<(Snooze, Timestamp)> {
        let Some(due) = self.due.filter(|_| self.may_wait()) else { return Vec::new() };
        let some = Snooze::ALL.into_iter().filter_map(|snooze| Some((snooze, snooze.until(now, due, clock)?)));
        some.filter(|(_, until)| now < *until && *until <= due).collect()
    }

    /// Until when it is put off. What was chosen counts for no more than the case allows now: it may have become more urgent.
    pub fn snoozed_until(&self, now: Timestamp) -> Option<Timestamp> {
        let until = self.stand.snoozed_until?.min(self.due?);
        (self.may_wait() && now < until).then_some(until)
    }

    fn may_wait(&self) -> bool {
        self.row.level < Level::Now && self.stand.status != Status::Closed
    }
}

/// The moment until which a case is put off, by the word for it in a form.
///
/// # Errors
/// `Shown`, where the case may not wait, or not for so long.
pub fn chosen(seen: &Seen, word: &str, now: Timestamp, clock: &SchoolClock) -> Result<Timestamp, Refusal> {
    let told = match seen.snoozes(now, clock).into_iter().find(|(snooze, _)| snooze.as_str() == word) {
        Some((_, until)) => return Ok(until),
        None if seen.row.level >= Level::Now => "A case this urgent cannot be put off.",
        None if seen.stand.status == Status::Closed => "It is closed: there is nothing to put off.",
        None => "It is due before that, and cannot be put off for so long.",
    };
    Err(Refusal::unfit(told))
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;
    use jiff::tz::TimeZone;

    use super::*;
    use crate::case::CaseId;
    use crate::casebook::{CaseRow, Ends, Standing};
    use crate::desk::Stand;
    use crate::finding::{Action, Category};

    fn clock() -> SchoolClock {
        let zone = TimeZone::get("Europe/London").unwrap();
        SchoolClock { zone, opens: time(8, 30, 0, 0), closes: time(15, 30, 0, 0), digest_at: time(15, 0, 0, 0) }
    }

    fn at(wall: &str) -> Timestamp {
        wall.parse::<jiff::civil::DateTime>().unwrap().to_zoned(clock().zone).unwrap().timestamp()
    }

    /// A case of this level, found on a Tuesday at ten.
    fn case(level: Level) -> Seen {
        let opened_at = at("2025-03-04T10:00");
        let row = CaseRow {
            id: CaseId(7),
            codename: "amber-heron-7".parse().unwrap(),
            category: Category::Bullying,
            level,
            action: Action::Flag,
            standing: Standing::Open,
            opened_at,
            backscan: false,
            audiences: Vec::new(),
            ends: Ends::default(),
            places: 1,
            not_back: None,
        };
        Seen { row, stand: Stand::default(), due: clock().due(level, opened_at) }
    }

    #[test]
    fn no_choice_reaches_past_the_time_when_a_case_is_due_and_the_most_urgent_have_none() {
        let offered = |level, now| case(level).snoozes(at(now), &clock()).into_iter().map(|(snooze, _)| snooze).collect::<Vec<_>>();
        assert_eq!(offered(Level::Now, "2025-03-04T10:01"), []);
        assert_eq!(offered(Level::Counted, "2025-03-04T10:01"), []);
        assert_eq!(offered(Level::SameDay, "2025-03-04T10:01"), [Snooze::HalfHour, Snooze::LastHour], "due at noon");
        assert_eq!(offered(Level::SameDay, "2025-03-04T11:31"), [], "a half hour would be too long");
        assert_eq!(offered(Level::Day, "2025-03-04T10:01"), [Snooze::HalfHour, Snooze::TwoHours, Snooze::LastHour], "due at three");
        assert_eq!(offered(Level::Weekly, "2025-03-04T10:01"), Snooze::ALL, "due on Friday");
        assert_eq!(offered(Level::Weekly, "2025-03-07T15:01"), [], "it is overdue");
        for level in Level::ALL {
            for minute in 0..6 * 24 * 60 {
                let now = at("2025-03-04T10:00") + SignedDuration::from_mins(minute);
                let seen = case(level);
                assert!(seen.snoozes(now, &clock()).iter().all(|(_, until)| now < *until && Some(*until) <= seen.due), "{level} at {now}");
            }
        }
    }

    #[test]
    fn what_was_chosen_counts_for_no_more_than_the_case_allows_now() {
        let put_off = |level, until: &str| {
            let seen = case(level);
            Seen { stand: Stand { snoozed_until: Some(at(until)), ..seen.stand }, ..seen }
        };
        let now = at("2025-03-04T10:30");
        assert_eq!(put_off(Level::Weekly, "2025-03-05T08:30").snoozed_until(now), Some(at("2025-03-05T08:30")));
        assert_eq!(put_off(Level::SameDay, "2025-03-05T08:30").snoozed_until(now), Some(at("2025-03-04T12:00")), "it was raised");
        assert_eq!(put_off(Level::Now, "2025-03-05T08:30").snoozed_until(now), None, "it was raised to the top");
        assert_eq!(put_off(Level::Weekly, "2025-03-04T10:30").snoozed_until(now), None, "the time has come");
        let seen = put_off(Level::Weekly, "2025-03-05T08:30");
        let closed = Seen { stand: Stand { status: Status::Closed, ..seen.stand }, ..seen };
        assert_eq!(closed.snoozed_until(now), None);
    }

    #[test]
    fn a_choice_that_is_gone_by_now_is_refused_kindly() {
        let now = at("2025-03-04T11:31");
        let told = |level, word: &str| match chosen(&case(level), word, now, &clock()) {
            Err(Refusal::Shown(_, told)) => told,
            other => panic!("{other:?}"),
        };
        assert!(told(Level::SameDay, "half-hour").contains("due before that"));
        assert!(told(Level::Now, "half-hour").contains("this urgent"));
        assert!(told(Level::Weekly, "for-ever").contains("due before that"));
        assert_eq!(chosen(&case(Level::Day), "half-hour", now, &clock()).unwrap(), at("2025-03-04T12:01"));
    }
}
