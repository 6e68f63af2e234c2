//! What strangers can bring about without end stands in the journal at most once a minute, with how often it was.
//!
//! A request only counts it: the line is written by the task beside the pages, so that a flood neither holds the desk's file nor
//! tells by how long an answer takes which names have an account.

use std::collections::HashMap;
use std::mem;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::Review;
use crate::desk::{Account, DeskError};
use crate::journal::{Actor, Event};

/// Between two lines of the same.
const BETWEEN: SignedDuration = SignedDuration::from_mins(1);
/// Lines within a minute, of everything that is counted here. What is over waits for the next.
const MOST_LINES: u32 = 30;

#[derive(Default)]
pub struct Tally(Mutex<Ledger>);

#[derive(Default)]
struct Ledger {
    /// The minute of the clock, and the lines in it.
    lines: (i64, u32),
    /// Few: accounts and pages, not names that somebody typed.
    counts: HashMap<Refused, Count>,
}

/// Who was not let in, or what of whom was not taken, and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Refused {
    /// Never what a stranger typed, which may be a password: `None` stands for every name that nobody has, and for whoever is not
    /// signed in.
    pub account: Option<String>,
    /// Where; `None` stands for the sign-in.
    pub page: Option<&'static str>,
    pub why: &'static str,
}

#[derive(Default)]
struct Count {
    /// When its last line was written.
    told: Option<Timestamp>,
    untold: u32,
}

impl Tally {
    /// Counts one. Says whether a line of it is due.
    fn count(&self, now: Timestamp, refused: Refused) -> bool {
        let mut ledger = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = ledger.counts.entry(refused).or_default();
        count.untold = count.untold.saturating_add(1);
        let due = count.is_due(now);
        due && ledger.has_room(now)
    }

    /// Of what a line is to be written now, and how many each stands for.
    fn due(&self, now: Timestamp) -> Vec<(Refused, u32)> {
        let mut ledger = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.counts.retain(|_, count| count.untold > 0 || !count.is_due(now));
        // Who has waited longest is told first: a flood of one kind does not keep another from the journal.
        let mut waiting: Vec<_> = ledger.counts.iter().filter(|(_, count)| count.untold > 0 && count.is_due(now)).collect();
        waiting.sort_by_key(|(_, count)| count.told);
        let waiting: Vec<Refused> = waiting.into_iter().map(|(refused, _)| refused.clone()).collect();
        let mut due = Vec::new();
        for refused in waiting {
            if !ledger.has_room(now) {
                break;
            }
            ledger.lines.1 += 1;
            let Some(count) = ledger.counts.get_mut(&refused) else { continue };
            count.told = Some(now);
            due.push((refused, mem::take(&mut count.untold)));
        }
        due
    }

    /// Everything that no line tells of yet.
    fn rest(&self) -> Vec<(Refused, u32)> {
        let mut ledger = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        mem::take(&mut ledger.counts).into_iter().map(|(refused, count)| (refused, count.untold)).filter(|(_, times)| *times > 0).collect()
    }

    /// The line could not be written: the next one tells of these too.
    fn put_back(&self, refused: Refused, times: u32) {
        let mut ledger = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = ledger.counts.entry(refused).or_default();
        count.untold = count.untold.saturating_add(times);
    }
}

impl Ledger {
    fn has_room(&mut self, now: Timestamp) -> bool {
        let minute = now.as_second().div_euclid(60);
        if self.lines.0 != minute {
            self.lines = (minute, 0);
        }
        self.lines.1 < MOST_LINES
    }
}

impl Count {
    /// A clock that was put back delays nothing for longer.
    fn is_due(&self, now: Timestamp) -> bool {
        self.told.is_none_or(|told| now.duration_since(told).abs() >= BETWEEN)
    }
}

impl Review {
    /// Somebody was not let in; `None` where there is no account of the name that was typed.
    pub fn refused(&self, now: Timestamp, account: Option<&Account>, why: &'static str) {
        let why = if account.is_some() { why } else { "no such account" };
        self.count(now, Refused { account: account.map(|account| account.name.clone()), page: None, why });
    }

    /// What was sent was not taken, of somebody who is signed in or of nobody who is.
    pub fn turned_away(&self, now: Timestamp, account: Option<&Account>, page: &'static str, why: &'static str) {
        self.count(now, Refused { account: account.map(|account| account.name.clone()), page: Some(page), why });
    }

    fn count(&self, now: Timestamp, refused: Refused) {
        if self.tally.count(now, refused) {
            self.to_tell.notify_one();
        }
    }

    /// Writes the lines that are due.
    pub fn tell_refused(&self, now: Timestamp) {
        self.tell(now, self.tally.due(now));
    }

    /// Writes what is left, before the desk closes.
    pub fn tell_rest(&self, now: Timestamp) {
        self.tell(now, self.tally.rest());
    }

    fn tell(&self, now: Timestamp, lines: Vec<(Refused, u32)>) {
        for (refused, times) in lines {
            if let Err(error) = self.write_down(now, &refused, times) {
                tracing::warn!(%error, "refusals are not in the journal yet; they are told of in a minute");
                self.tally.put_back(refused, times);
            }
        }
    }

    fn write_down(&self, now: Timestamp, refused: &Refused, times: u32) -> Result<(), DeskError> {
        let who = refused.account.clone().map_or(Actor::Program, Actor::Account);
        let why = refused.why.to_owned();
        let event = match refused.page {
            None => Event::SignInRefused { why, times },
            Some(page) => Event::RequestRefused { page: page.to_owned(), why, times },
        };
        self.desk().note(now, &who, &event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn of(name: &str) -> Refused {
        Refused { account: Some(name.to_owned()), page: None, why: "wrong" }
    }

    #[test]
    fn the_first_is_told_at_once_and_the_others_of_its_minute_with_the_next() {
        let tally = Tally::default();
        assert!(tally.count(at(0), of("Robin")));
        assert_eq!(tally.due(at(0)), [(of("Robin"), 1)]);
        assert!((0..500).all(|_| !tally.count(at(30), of("Robin"))));
        assert!(tally.count(at(30), of("Kim")), "one does not wait for the other");
        assert_eq!(tally.due(at(59)), [(of("Kim"), 1)]);
        assert_eq!(tally.due(at(60)), [(of("Robin"), 500)], "nobody has to come again for it");
        assert_eq!(tally.due(at(600)), []);
        assert!(tally.0.lock().unwrap().counts.is_empty(), "what is told is forgotten");
    }

    #[test]
    fn so_many_lines_a_minute_are_written_and_no_refusal_is_lost() {
        let tally = Tally::default();
        for number in 0..100 {
            tally.count(at(0), of(&number.to_string()));
        }
        assert_eq!([0, 1, 60, 120, 180, 240].map(|second| tally.due(at(second)).len()), [30, 0, 30, 30, 10, 0]);
    }

    #[test]
    fn who_waits_longest_is_told_first() {
        let tally = Tally::default();
        for number in 0..40 {
            tally.count(at(0), of(&number.to_string()));
        }
        let first = tally.due(at(0));
        for number in 0..40 {
            tally.count(at(61), of(&number.to_string()));
        }
        let second = tally.due(at(61));
        let late = (0..40).map(|number| of(&number.to_string())).filter(|refused| !first.iter().any(|(told, _)| told == refused));
        assert_eq!(late.filter(|refused| second.contains(&(refused.clone(), 2))).count(), 10);
    }

    #[test]
    fn what_could_not_be_written_and_what_is_left_at_the_end_is_told_too() {
        let tally = Tally::default();
        tally.count(at(0), of("Robin"));
        let (refused, times) = tally.due(at(0)).remove(0);
        tally.put_back(refused, times);
        tally.count(at(1), of("Robin"));
        assert_eq!(tally.rest(), [(of("Robin"), 2)]);
        assert_eq!(tally.rest(), []);
    }
}
