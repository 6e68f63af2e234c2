//! The kinds of values that the configuration knows: each turns one TOML value into what it means, or says why not.

use std::fmt::{Display, Write};
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use toml::de::DeValue;

use super::table::{Wrong, article};
use crate::mail::Address;
use crate::written::{did_you_mean, nearest};

type Read<T> = Result<T, Wrong>;

/// A text that says something.
pub(super) fn text(value: &DeValue<'_>) -> Read<String> {
    match value.as_str() {
        Some(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
        Some(_) => Err(wrong("it is empty", "write something between the quotes, or remove the key for its default")),
        None => Err(unexpected("a string", value, "put it between double quotes")),
    }
}

pub(super) fn flag(value: &DeValue<'_>) -> Read<bool> {
    value.as_bool().ok_or_else(|| unexpected("true or false", value, "write `true` or `false` without quotes"))
}

/// A whole number within bounds.
pub(super) fn whole<N>(bounds: RangeInclusive<N>) -> impl FnOnce(&DeValue<'_>) -> Read<N>
where
    N: TryFrom<i64> + PartialOrd + Display,
{
    move |value| {
        let expected = format!("a whole number from {} to {}", bounds.start(), bounds.end());
        let Some(integer) = value.as_integer() else {
            return Err(unexpected(&expected, value, "write it without quotes and without a point"));
        };
        let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok().and_then(|number| N::try_from(number).ok());
        number
            .filter(|number| bounds.contains(number))
            .ok_or_else(|| wrong(format!("expected {expected}, found {integer}"), "choose a number within these bounds"))
    }
}

/// A part of one.
pub(super) fn share(bounds: RangeInclusive<f64>) -> impl FnOnce(&DeValue<'_>) -> Read<f64> {
    move |value| {
        let expected = format!("a number from {} to {}", bounds.start(), bounds.end());
        let written = value.as_float().map(|float| float.as_str().to_owned()).or_else(|| value.as_integer().map(ToString::to_string));
        let Some(written) = written else {
            return Err(unexpected(&expected, value, "write it without quotes"));
        };
        written
            .parse()
            .ok()
            .filter(|number| bounds.contains(number))
            .ok_or_else(|| wrong(format!("expected {expected}, found {written}"), "choose a number within these bounds"))
    }
}

/// `"60s"`, `"5 min"`, `"1h"`.
pub(super) fn duration(bounds: RangeInclusive<Duration>) -> impl FnOnce(&DeValue<'_>) -> Read<Duration> {
    const HINT: &str = "write a number and a unit: \"500ms\", \"60s\", \"5min\" or \"1h\"";
    const UNITS: [(&str, u64); 6] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
    move |value| {
        let Some(written) = value.as_str() else { return Err(unexpected("a duration", value, HINT)) };
        let duration = quantity(written, &UNITS).map(Duration::from_millis);
        let duration = duration.ok_or_else(|| wrong(format!("`{written}` is not a duration"), HINT))?;
        if bounds.contains(&duration) {
            return Ok(duration);
        }
        let (least, most) = (bounds.start().as_secs(), bounds.end().as_secs());
        Err(wrong(format!("`{written}` is not between {least} and {most} seconds"), "choose a duration within these bounds"))
    }
}

/// `"4 MiB"`, in octets.
pub(super) fn size(bounds: RangeInclusive<u64>) -> impl FnOnce(&DeValue<'_>) -> Read<u64> {
    const HINT: &str = "write a number and a unit: \"512 KiB\", \"4 MiB\" or \"1 GiB\"";
    const UNITS: [(&str, u64); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    move |value| {
        let Some(written) = value.as_str() else { return Err(unexpected("a size", value, HINT)) };
        let octets = quantity(written, &UNITS).ok_or_else(|| wrong(format!("`{written}` is not a size"), HINT))?;
        if bounds.contains(&octets) {
            return Ok(octets);
        }
        let (least, most) = (bounds.start() >> 10, bounds.end() >> 20);
        Err(wrong(format!("`{written}` is not between {least} KiB and {most} MiB"), "choose a size within these bounds"))
    }
}

/// A number with a unit, in the smallest of the units.
fn quantity(written: &str, units: &[(&str, u64)]) -> Option<u64> {
    let split = written.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = (written[..split].parse::<u64>().ok()?, written[split..].trim());
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*factor)
}

/// One of a few words.
pub(super) fn one_of<T: Copy>(words: &[(&'static str, T)]) -> impl FnOnce(&DeValue<'_>) -> Read<T> {
    move |value| {
        let written = text(value)?;
        let known = words.iter().find(|(word, _)| *word == written);
        known.map(|(_, meant)| *meant).ok_or_else(|| unknown_word(&written, words.iter().map(|(word, _)| *word)))
    }
}

pub(super) fn address(value: &DeValue<'_>) -> Read<Address> {
    address_from(&text(value)?)
}

pub(super) fn address_from(written: &str) -> Read<Address> {
    written.parse().map_err(|error: crate::mail::InvalidAddress| wrong(error.to_string(), "write a bare address: `name@school.example`"))
}

/// Several values of one kind.
pub(super) fn list<T>(kind: impl Fn(&DeValue<'_>) -> Read<T>) -> impl FnOnce(&DeValue<'_>) -> Read<Vec<T>> {
    move |value| match value.as_array() {
        Some(items) => items.iter().map(|item| kind(item.get_ref())).collect(),
        None => Err(unexpected("a list", value, "put the values between square brackets: [\"one\", \"two\"]")),
    }
}

/// `"15:30"`.
pub(super) fn time(value: &DeValue<'_>) -> Read<Time> {
    let written = text(value)?;
    time_from(&written).ok_or_else(|| wrong(format!("`{written}` is not a time of day"), "write hours and minutes: \"15:00\""))
}

/// `"08:30-15:30"`: from, to.
pub(super) fn hours(value: &DeValue<'_>) -> Read<(Time, Time)> {
    let written = text(value)?;
    let hours = written.split_once('-').and_then(|(from, to)| Some((time_from(from.trim())?, time_from(to.trim())?)));
    match hours {
        Some((from, to)) if from < to => Ok((from, to)),
        Some(_) => Err(wrong(format!("`{written}` ends before it begins"), "write the earlier time first: \"08:30-15:30\"")),
        None => Err(wrong(format!("`{written}` is not a span of a day"), "write two times: \"08:30-15:30\"")),
    }
}

fn time_from(written: &str) -> Option<Time> {
    let (hour, minute) = written.split_once(':')?;
    Time::new(hour.parse().ok()?, minute.parse().ok().filter(|_| minute.len() == 2)?, 0, 0).ok()
}

/// The name of a time zone in the IANA database.
pub(super) fn time_zone(value: &DeValue<'_>) -> Read<TimeZone> {
    let written = text(value)?;
    TimeZone::get(&written).map_err(|_| {
        let known: Vec<String> = jiff::tz::db().available().map(|name| name.as_str().to_owned()).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let mut hint = "write a name of the IANA database: \"Europe/London\"".to_owned();
        if let Some(near) = nearest(&written, &known) {
            let _ = write!(hint, "; did you mean `{near}`?");
        }
        wrong(format!("`{written}` is not a time zone that is known here"), hint)
    })
}

pub(super) fn wrong(why: impl Into<String>, hint: impl Into<String>) -> Wrong {
    Wrong { why: why.into(), hint: hint.into() }
}

pub(super) fn unknown_word<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> Wrong {
    wrong(format!("`{written}` is unknown here"), did_you_mean(written, known))
}

fn unexpected(expected: &str, found: &DeValue<'_>, hint: &str) -> Wrong {
    wrong(format!("expected {expected}, found {}", article(found)), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(written: &str) -> DeValue<'_> {
        DeValue::parse(written).unwrap().into_inner()
    }

    fn why<T>(read: Read<T>) -> String {
        read.err().map_or("nothing is wrong".to_owned(), |wrong| wrong.why)
    }

    #[test]
    fn durations_and_sizes_are_read_with_their_units() {
        let day = Duration::from_secs(1)..=Duration::from_hours(24);
        for (written, seconds) in [("\"60s\"", 60), ("\"5 min\"", 300), ("\"1h\"", 3600), ("\"1500ms\"", 1)] {
            assert_eq!(duration(day.clone())(&value(written)).ok().map(|d| d.as_secs()), Some(seconds), "{written}");
        }
        assert_eq!(size(0..=u64::MAX)(&value("\"4 MiB\"")).ok(), Some(4 << 20));
        assert_eq!(size(0..=u64::MAX)(&value("\"7B\"")).ok(), Some(7));
    }

    #[test]
    fn a_quantity_without_a_unit_or_beyond_its_bounds_is_refused_for_that() {
        let minute = Duration::from_secs(1)..=Duration::from_mins(1);
        assert_eq!(why(duration(minute.clone())(&value("60"))), "expected a duration, found an integer");
        assert_eq!(why(duration(minute.clone())(&value("\"60\""))), "`60` is not a duration");
        assert_eq!(why(duration(minute)(&value("\"2min\""))), "`2min` is not between 1 and 60 seconds");
        assert_eq!(why(size(0..=1 << 20)(&value("\"99999999999 GiB\""))), "`99999999999 GiB` is not a size");
        assert_eq!(why(size(0..=1 << 20)(&value("\"2 MiB\""))), "`2 MiB` is not between 0 KiB and 1 MiB");
    }

    #[test]
    fn school_hours_begin_before_they_end() {
        assert!(hours(&value("\"08:30-15:30\"")).is_ok());
        assert_eq!(why(hours(&value("\"15:30-08:30\""))), "`15:30-08:30` ends before it begins");
        assert_eq!(why(hours(&value("\"8.30-15.30\""))), "`8.30-15.30` is not a span of a day");
    }
}
