//! Moments and spans of time as people read them: in the school's own time, to the minute.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// `2026-03-02 09:15`
pub(super) fn wall(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// `09:15` on this day, and [`wall`] on any other.
pub(super) fn brief(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (at_wall, now_wall) = (wall(at, zone), wall(now, zone));
    match (at_wall.split_once(' '), now_wall.split_once(' ')) {
        (Some((day, time)), Some((today, _))) if day == today => time.to_owned(),
        _ => at_wall,
    }
}

/// The two largest units of a span in seconds: `3 min`, `2 h 5 min`, `4 d 1 h`.
pub(super) fn span(seconds: u64) -> String {
    let minutes = seconds / 60;
    let (days, hours, minutes) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => "less than a minute".to_owned(),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_its_two_largest_units() {
        let told = [59, 60, 3_599, 3_600, 86_399, 86_400, 200_000].map(span);
        assert_eq!(told, ["less than a minute", "1 min", "59 min", "1 h 0 min", "23 h 59 min", "1 d 0 h", "2 d 7 h"]);
    }

    #[test]
    fn a_moment_is_told_in_the_time_of_the_school() {
        let summer = Timestamp::from_second(1_750_000_000).unwrap();
        let london = TimeZone::get("Europe/London").unwrap();
        assert_eq!(wall(summer, &london), "2025-06-15 16:06");
        let days_later = |days: i64| Timestamp::from_second(1_750_000_000 + 86_400 * days).unwrap();
        assert_eq!(brief(summer, days_later(0), &london), "16:06");
        assert_eq!(brief(summer, days_later(1), &london), "2025-06-15 16:06");
    }
}
