//! Small things that IMAP writes in its own way: strings, dates, names.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;

const INTERNAL_DATE: &str = "%d-%b-%Y %H:%M:%S %z";

/// A quoted string (RFC 3501, 4.3); none when a string of that kind cannot carry the text.
pub(super) fn quoted(text: &str) -> Option<String> {
    if text.contains(['\r', '\n', '\0']) {
        return None;
    }
    Some(format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
}

/// `imap-proto` leaves the backslashes in what was quoted.
pub(super) fn unquoted(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, chars.clone().next()) {
            ('\\', Some(escaped @ ('\\' | '"'))) => {
                plain.push(escaped);
                chars.next();
            }
            _ => plain.push(c),
        }
    }
    plain
}

/// An INTERNALDATE in seconds since 1970; none when it is no date.
pub(super) fn seconds(date: &str) -> Option<i64> {
    let broken_down = strtime::parse(INTERNAL_DATE, date.trim()).ok()?;
    Some(broken_down.to_timestamp().ok()?.as_second())
}

/// The other way round, in UTC.
pub(super) fn internal_date(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or_default();
    let utc: DateTime = time.to_zoned(TimeZone::UTC).datetime();
    format!("{} +0000", utc.strftime("%d-%b-%Y %H:%M:%S"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_and_written_back() {
        assert_eq!(seconds("17-Jul-1996 02:44:25 -0700"), Some(837_596_665));
        assert_eq!(seconds(" 7-Feb-1994 21:52:25 +0000"), Some(760_657_945), "the day may be padded with a space");
        assert_eq!(internal_date(760_657_945), "07-Feb-1994 21:52:25 +0000");
        assert_eq!(seconds("yesterday"), None);
        assert_eq!(seconds(""), None);
    }

    #[test]
    fn a_string_is_quoted_and_unquoted() {
        for text in ["plain", "two words", r#"a "b" \ c"#, r"\", ""] {
            let quoted = quoted(text).unwrap();
            assert_eq!(unquoted(&quoted[1..quoted.len() - 1]), text);
        }
        assert_eq!(quoted("a\r\nb"), None);
        assert_eq!(quoted("a\0b"), None);
    }
}
