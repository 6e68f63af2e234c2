//! The school's clock: when its hours are, and by when a concern of a level has to be dealt with.

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};

use crate::finding::{Hours, Level};

/// School days are Monday to Friday; holidays are not known, so that a notice is rather early than late.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchoolClock {
    pub zone: TimeZone,
    pub opens: Time,
    pub closes: Time,
    /// When the digest of a school day is sent.
    pub digest_at: Time,
}

impl SchoolClock {
    /// By when a concern of this level, found at `found`, has to be acknowledged (4 and 5) or is told of (2 and 3).
    /// `None` for what is only counted.
    pub fn due(&self, level: Level, found: Timestamp) -> Option<Timestamp> {
        let local = found.to_zoned(self.zone.clone());
        match level {
            Level::Counted => None,
            Level::Weekly => self.next(self.digest_at, &local, |day| day == Weekday::Friday),
            Level::Day => self.next(self.digest_at, &local, is_school_day),
            Level::SameDay => found.checked_add(SignedDuration::from_hours(2)).ok(),
            Level::Now => {
                let minutes = if self.in_school_hours(&local) { 15 } else { 60 };
                found.checked_add(SignedDuration::from_mins(minutes)).ok()
            }
        }
    }

    /// When the school opens next.
    pub fn next_opening(&self, after: Timestamp) -> Option<Timestamp> {
        self.next(self.opens, &after.to_zoned(self.zone.clone()), is_school_day)
    }

    pub fn hours_at(&self, moment: Timestamp) -> Hours {
        if self.in_school_hours(&moment.to_zoned(self.zone.clone())) { Hours::School } else { Hours::OutsideSchool }
    }

    pub fn date_at(&self, moment: Timestamp) -> Date {
        moment.to_zoned(self.zone.clone()).date()
    }

    fn in_school_hours(&self, local: &Zoned) -> bool {
        is_school_day(local.weekday()) && (self.opens..self.closes).contains(&local.time())
    }

    /// The first `time` after `local` on a day that `wanted` accepts. Where the clock skips that time, the moment after the
    /// skip counts.
    fn next(&self, time: Time, local: &Zoned, wanted: impl Fn(Weekday) -> bool) -> Option<Timestamp> {
        let today = local.date();
        (0..=7)
            .filter_map(|days| today.checked_add(days.days()).ok())
            .filter(|date| wanted(date.weekday()))
            .filter_map(|date| date.to_datetime(time).to_zoned(self.zone.clone()).ok())
            .find(|moment| moment > local)
            .map(|moment| moment.timestamp())
    }
}

fn is_school_day(day: Weekday) -> bool {
    !matches!(day, Weekday::Saturday | Weekday::Sunday)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::time;

    /// The due time as it stands on the wall, for a moment on the wall.
    fn due(level: Level, found: &str) -> String {
        let zone = TimeZone::get("Europe/London").unwrap();
        let clock = SchoolClock { zone: zone.clone(), opens: time(8, 30, 0, 0), closes: time(15, 30, 0, 0), digest_at: time(15, 0, 0, 0) };
        let found: jiff::civil::DateTime = found.parse().unwrap();
        let due = clock.due(level, found.to_zoned(zone.clone()).unwrap().timestamp());
        due.map_or("never".to_owned(), |due| due.to_zoned(zone).strftime("%a %F %H:%M").to_string())
    }

    #[test]
    fn what_is_urgent_waits_fifteen_minutes_in_school_hours_and_sixty_outside() {
        assert_eq!(due(Level::Now, "2025-03-05T08:30"), "Wed 2025-03-05 08:45");
        assert_eq!(due(Level::Now, "2025-03-05T15:30"), "Wed 2025-03-05 16:30");
        assert_eq!(due(Level::Now, "2025-03-08T10:00"), "Sat 2025-03-08 11:00");
        assert_eq!(due(Level::SameDay, "2025-03-05T23:00"), "Thu 2025-03-06 01:00");
    }

    #[test]
    fn a_digest_is_sent_on_the_school_day_that_comes_next() {
        assert_eq!(due(Level::Day, "2025-03-05T14:59"), "Wed 2025-03-05 15:00");
        assert_eq!(due(Level::Day, "2025-03-05T15:00"), "Thu 2025-03-06 15:00");
        assert_eq!(due(Level::Day, "2025-03-07T15:01"), "Mon 2025-03-10 15:00");
        assert_eq!(due(Level::Weekly, "2025-03-07T15:01"), "Fri 2025-03-14 15:00");
        assert_eq!(due(Level::Weekly, "2025-03-05T09:00"), "Fri 2025-03-07 15:00");
    }

    #[test]
    fn a_digest_keeps_to_the_wall_clock_when_summer_time_begins() {
        assert_eq!(due(Level::Day, "2025-03-28T16:00"), "Mon 2025-03-31 15:00");
    }

    #[test]
    fn what_is_only_counted_is_never_due() {
        assert_eq!(due(Level::Counted, "2025-03-05T09:00"), "never");
    }
}
