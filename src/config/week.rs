//! A week as people at a school count it: from a Monday to the next, on the school's clock.

use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan};

use super::SchoolClock;

/// From midnight to midnight: an hour is left out of the week in which the clock goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Week {
    pub monday: Date,
    pub begins: Timestamp,
    /// The first moment that is not of this week.
    pub ends: Timestamp,
}

impl Week {
    /// The week of a day; `None` where the calendar ends.
    pub fn of(day: Date, clock: &SchoolClock) -> Option<Self> {
        let monday = monday(day);
        let midnight = |date: Date| date.to_zoned(clock.zone.clone()).ok().map(|midnight| midnight.timestamp());
        Some(Self { monday, begins: midnight(monday)?, ends: midnight(monday.checked_add(7.days()).ok()?)? })
    }
}

/// The Monday of a day's week.
pub fn monday(of: Date) -> Date {
    of.saturating_sub(i64::from(of.weekday().since(Weekday::Monday)).days())
}

#[cfg(test)]
mod tests {
    use jiff::civil::{date, time};
    use jiff::tz::TimeZone;

    use super::*;

    #[test]
    fn a_week_begins_on_its_monday_and_lacks_the_hour_that_its_sunday_leaves_out() {
        let zone = TimeZone::get("Europe/London").unwrap();
        let clock = SchoolClock { zone, opens: time(8, 30, 0, 0), closes: time(15, 30, 0, 0), digest_at: time(15, 0, 0, 0) };
        let mondays = [date(2025, 3, 23), date(2025, 3, 24), date(2025, 3, 30)].map(|day| Week::of(day, &clock).unwrap().monday);
        assert_eq!(mondays, [date(2025, 3, 17), date(2025, 3, 24), date(2025, 3, 24)]);
        let spring = Week::of(date(2025, 3, 30), &clock).unwrap();
        assert_eq!(spring.ends.duration_since(spring.begins).as_hours(), 7 * 24 - 1);
        assert_eq!(Week::of(Date::MAX, &clock), None);
    }
}
