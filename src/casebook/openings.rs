//! The weekly list of openings in the outbox: codenames and counts.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::column::{Json, Moment};
use super::{Casebook, Result};
use crate::case::Codename;
use crate::journal::{Actor, Event};
use crate::mail::Address;

/// What one reader is told of a week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeekOfOpenings {
    pub monday: Date,
    /// Those first that the most was opened of.
    pub cases: Vec<OpenedCase>,
}

/// How much of what is sealed of a case was opened in a week.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedCase {
    pub codename: Codename,
    pub openings: usize,
    /// How many people did.
    pub people: usize,
}

impl OpenedCase {
    pub fn new(codename: Codename) -> Self {
        Self { codename, openings: 0, people: 0 }
    }
}

impl Casebook {
    /// Whether anybody was, or is to be, told of the week of this Monday.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn week_is_told(&self, monday: Date) -> Result<bool> {
        self.read(|conn| conn.prepare_cached("SELECT 1 FROM notice WHERE of_week = ?")?.exists([monday.to_string()]))
    }

    /// Queues a notice for each reader, all of one week. Once more changes nothing.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn queue_openings(&self, now: Timestamp, letters: &[(Address, WeekOfOpenings)]) -> Result<()> {
        self.write(|tx| {
            for (reader, week) in letters {
                let queued = tx
                    .prepare_cached("INSERT OR IGNORE INTO notice (of_week, facts, recipient, rank, due_at) VALUES (?, ?, ?, 0, ?)")?
                    .execute(params![week.monday.to_string(), Json(&week.cases), reader.as_str(), Moment(now)])?;
                if queued > 0 {
                    let event = Event::OpeningsTold { week: week.monday.to_string(), cases: week.cases.len() };
                    self.append(tx, now, &Actor::Program, &event)?;
                }
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::About;
    use super::super::desk::{Desk, address, at};
    use super::*;

    #[test]
    fn a_week_is_told_once_to_each_reader_and_comes_out_as_it_went_in() {
        let desk = Desk::new();
        let monday: Date = "2026-11-16".parse().unwrap();
        let cases = vec![OpenedCase { codename: "amber-heron-7".parse().unwrap(), openings: 3, people: 2 }];
        let letters = [
            (address("head"), WeekOfOpenings { monday, cases: cases.clone() }),
            (address("second-head"), WeekOfOpenings { monday, cases: Vec::new() }),
        ];
        assert!(!desk.book.week_is_told(monday).unwrap());
        for _ in 0..2 {
            desk.book.queue_openings(at(5), &letters).unwrap();
        }
        assert!(desk.book.week_is_told(monday).unwrap());
        let due = desk.book.due(at(5)).unwrap();
        let told: Vec<_> = due.iter().map(|notice| (notice.to.as_str(), &notice.about)).collect();
        let [first, second] = letters.map(|(_, week)| About::Openings(week));
        assert_eq!(told, [("head@school.example", &first), ("second-head@school.example", &second)]);
        desk.book.delivered(at(6), due[0].id).unwrap();
        desk.book.queue_openings(at(7), &[(address("head"), WeekOfOpenings { monday, cases })]).unwrap();
        assert_eq!(desk.book.due(at(8)).unwrap().len(), 1, "she has it already");
        let lines = desk.book.journal(1, 100).unwrap().into_iter().filter(|line| matches!(line.event, Event::OpeningsTold { .. }));
        assert_eq!(lines.count(), 2);
    }
}
