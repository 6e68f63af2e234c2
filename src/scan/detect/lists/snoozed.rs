//! Entries of lists that are passed over for some days, because they match what everybody has: `snoozed.toml` beside the lists.
//!
//! An entry is named by its digest: it may move within the list, and when the list drops it, nothing is left to pass over. How
//! long an entry may be passed over, and when a second person has to agree, is held here as well as where the file is written:
//! a file that was edited by hand is no way around it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;

use super::description::day;
use super::misfits::Misfits;
use super::{List, fault};
use crate::fault::Fault;
use crate::finding::{Action, Category, RuleId};
use crate::wire::SourceFile;
use crate::written;

/// The name of the file.
pub const SNOOZED: &str = "snoozed.toml";
/// Days after which one person alone may pass over an entry again that nobody may be shown.
pub const APART: i32 = 28;

/// An entry that is passed over, for as long as it says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snooze {
    pub list: RuleId,
    /// In hex.
    pub digest: String,
    /// The first and the last day.
    #[serde(deserialize_with = "whole_day")]
    pub from: Date,
    #[serde(deserialize_with = "whole_day")]
    pub until: Date,
    /// Who decided it, and who agreed.
    pub by: String,
    pub second: Option<String>,
}

fn whole_day<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Date, D::Error> {
    day(reader).map(Option::unwrap_or_default)
}

/// Every one that was written down, those that have ended among them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snoozes {
    #[serde(default)]
    pub snoozed: Vec<Snooze>,
}

/// Why an entry may not be passed over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TooMuch {
    #[error("it would end before it begins")]
    Backwards,
    #[error("an entry of this list is passed over for {most} days at most{}", if *.alone { " without a second person" } else { "" })]
    Long { most: i32, alone: bool },
    #[error("one person alone passes over an entry of this list once in {APART} days")]
    Again,
}

impl Snooze {
    pub fn is_in_force(&self, today: Date) -> bool {
        (self.from..=self.until).contains(&today)
    }

    /// Whether it is no longer and no more often than it may be, beside those that went before.
    ///
    /// # Errors
    /// Which rule it breaks.
    pub fn allowed<'s>(&self, others: impl IntoIterator<Item = &'s Self>) -> Result<(), TooMuch> {
        if self.until < self.from {
            return Err(TooMuch::Backwards);
        }
        let (alone, strict) = (self.second.is_none(), self.is_strict());
        let most = match (strict, alone) {
            (true, true) => 1,
            (true, false) => 14,
            (false, true) => 31,
            (false, false) => 92,
        };
        if self.from.saturating_add(most.days()) < self.until {
            return Err(TooMuch::Long { most, alone });
        }
        let lately = self.from.saturating_sub(APART.days());
        let went_before = |other: &Self| {
            other.second.is_none() && other.list == self.list && other.digest == self.digest && (lately..=self.from).contains(&other.from)
        };
        if strict && alone && others.into_iter().any(went_before) {
            return Err(TooMuch::Again);
        }
        Ok(())
    }

    /// Whether it is of a list of pictures that nobody at the school may look at: there, no ordinary eye can tell a mistake from a hit.
    pub fn is_strict(&self) -> bool {
        let category = self.list.as_str().split('.').next().and_then(|category| category.parse::<Category>().ok());
        category.is_none_or(|category| category.actions().material == Action::Withhold)
    }
}

impl Snoozes {
    /// Whether a file beside the lists is this one.
    pub fn is_file(path: &Path) -> bool {
        path.file_name() == Some(OsStr::new(SNOOZED))
    }

    /// # Errors
    /// What is wrong with the file, with its line; each entry that is passed over for longer or more often than it may be.
    pub fn read(file: &SourceFile) -> Result<Self, Vec<Fault>> {
        let text =
            std::str::from_utf8(&file.octets).map_err(|_| vec![fault(&file.path, None, "the file is not text", "write it as UTF-8")])?;
        let written = written::read::<Self>(text, &["scam.a"]);
        let mut misfits = Misfits::of(&file.path, text, &written, "take the entry out, and let `mailwarden hashes snooze` write it anew");
        let Some(snoozes) = &written.form else { return Err(misfits.told()) };
        for (number, snooze) in snoozes.snoozed.iter().enumerate() {
            if let Err(why) = snooze.allowed(&snoozes.snoozed[..number]) {
                let why = format!("number {} in it, of {}: {why}", number + 1, snooze.list);
                let hint = "take it out, or let `mailwarden hashes snooze --second NAME` write it anew";
                misfits.tell(written.place_of("snoozed", number), why, hint);
            }
        }
        misfits.none_or(written.form)
    }

    /// The entries of a list that are passed over on that day, by their numbers from 0, each with the last day.
    pub fn of(&self, list: &List, today: Date) -> BTreeMap<usize, Date> {
        let own = self.snoozed.iter().filter(|snooze| snooze.list == list.source.rule && snooze.is_in_force(today));
        let entries = own.filter_map(|snooze| Some((list.digests.position(&hex::decode(&snooze.digest).ok()?)?, snooze.until)));
        let mut snoozed = BTreeMap::new();
        for (entry, until) in entries {
            let longest = snoozed.entry(entry).or_insert(until);
            *longest = until.max(*longest);
        }
        snoozed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snooze(list: &str, from: &str, until: &str, second: Option<&str>) -> Snooze {
        let day = |text: &str| text.parse().unwrap();
        let (list, second) = (list.parse().unwrap(), second.map(str::to_owned));
        Snooze { list, digest: "07".repeat(16), from: day(from), until: day(until), by: "Kit".to_owned(), second }
    }

    #[test]
    fn what_nobody_may_look_at_is_passed_over_for_a_day_and_longer_with_a_second_person() {
        let until = |until, second| snooze("known-image.reported", "2026-11-30", until, second).allowed(&[]);
        assert_eq!(until("2026-12-01", None), Ok(()));
        assert_eq!(until("2026-12-02", None), Err(TooMuch::Long { most: 1, alone: true }));
        assert_eq!(until("2026-12-14", Some("Ann")), Ok(()));
        assert_eq!(until("2026-12-15", Some("Ann")), Err(TooMuch::Long { most: 14, alone: false }));
        assert_eq!(until("2026-11-29", Some("Ann")), Err(TooMuch::Backwards));
        let other = |until, second| snooze("scam.ours", "2026-11-30", until, second).allowed(&[]);
        assert_eq!((other("2026-12-31", None), other("2027-03-02", Some("Ann"))), (Ok(()), Ok(())));
        assert_eq!(other("2027-01-01", None), Err(TooMuch::Long { most: 31, alone: true }));
    }

    #[test]
    fn one_person_alone_cannot_go_on_day_after_day() {
        let first = snooze("known-image.reported", "2026-11-30", "2026-12-01", None);
        let next = |from, until, second| snooze("known-image.reported", from, until, second).allowed([&first]);
        assert_eq!(next("2026-12-01", "2026-12-02", None), Err(TooMuch::Again));
        assert_eq!(next("2026-12-28", "2026-12-29", None), Err(TooMuch::Again));
        assert_eq!(next("2026-12-29", "2026-12-30", None), Ok(()), "after four weeks");
        assert_eq!(next("2026-12-01", "2026-12-02", Some("Ann")), Ok(()));
        let another = Snooze { digest: "08".repeat(16), ..snooze("known-image.reported", "2026-12-01", "2026-12-02", None) };
        assert_eq!(another.allowed([&first]), Ok(()), "another entry");
        let ours = snooze("scam.ours", "2026-11-30", "2026-12-01", None);
        assert_eq!(snooze("scam.ours", "2026-12-01", "2026-12-02", None).allowed([&ours]), Ok(()));
    }

    #[test]
    fn a_file_that_was_edited_to_pass_over_more_is_refused() {
        let faults = |text: &str| {
            let file = SourceFile { path: "hashsets/snoozed.toml".into(), octets: text.as_bytes().to_vec() };
            Snoozes::read(&file)
                .map(|read| read.snoozed.len())
                .map_err(|faults| faults.into_iter().map(|fault| fault.why).collect::<Vec<_>>())
        };
        let entry = |until: &str, more: &str| {
            format!("[[snoozed]]\nlist = \"known-image.a\"\ndigest = \"07\"\nfrom = 2026-11-30\nuntil = {until}\nby = \"Kit\"\n{more}")
        };
        assert_eq!(faults(""), Ok(0));
        assert_eq!(faults(&entry("2026-12-01", "")), Ok(1));
        assert_eq!(
            faults(&entry("2030-01-01", "")).unwrap_err(),
            ["number 1 in it, of known-image.a: an entry of this list is passed over for 1 days at most without a second person"]
        );
        assert!(faults(&(entry("2026-12-01", "") + &entry("2026-12-01", ""))).unwrap_err()[0].contains("once in 28 days"));
        assert!(faults(&entry("2026-12-01", "for_ever = true\n")).unwrap_err()[0].contains("for_ever"));
        assert!(faults(&entry("\"2026-12-01\"", "")).is_err(), "a word is no day");
    }
}
