//! How facts are said on a page: levels as words and shapes, times as people say them, and nothing that could draw or hide.

use jiff::Timestamp;
use jiff::tz::TimeZone;

pub use crate::case::visible;
use crate::casebook::CaseRow;
use crate::finding::{Action, Field, Kind, Level};

/// A level as word, shape and colour, so that none of the three is needed.
pub struct Urgency {
    pub word: &'static str,
    pub shape: &'static str,
    /// The name of the style.
    pub class: &'static str,
}

pub fn urgency(level: Level) -> Urgency {
    let (word, shape, class) = match level {
        Level::Now => ("Now", "◆", "l5"),
        Level::SameDay => ("Today", "▲", "l4"),
        Level::Day => ("Next day", "●", "l3"),
        Level::Weekly => ("This week", "■", "l2"),
        Level::Counted => ("Counted", "–", "l1"),
    };
    Urgency { word, shape, class }
}

/// `Tue 3 Mar, 09:15`
pub fn wall(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %-d %b %Y, %H:%M").to_string()
}

/// How long something took or is ago, in the largest unit that says it.
pub fn span(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..60 => return "less than a minute".to_owned(),
        60..7_200 => (seconds / 60, "minute"),
        7_200..172_800 => (seconds / 3_600, "hour"),
        _ => (seconds / 86_400, "day"),
    };
    format!("{count} {unit}{}", if count == 1 { "" } else { "s" })
}

/// `pupil to pupil and staff`
pub fn ends(row: &CaseRow) -> String {
    let to: Vec<_> = row.ends.recipients.iter().map(|word| end(word)).collect();
    format!("{} to {}", end(&row.ends.sender), if to.is_empty() { "somebody".to_owned() } else { to.join(" and ") })
}

fn end(word: &str) -> &str {
    match word {
        "" | "unknown" => "somebody",
        "outside" => "outside of the school",
        "unlisted" => "school address that is not listed",
        role => role,
    }
}

pub fn action(action: Action) -> &'static str {
    match action {
        Action::Pass | Action::Flag => "Delivered. The message is where it was sent to.",
        Action::Hold => "Held. It was sealed and taken out of every mailbox it reached.",
        Action::Withhold => "Withheld. It was sealed and taken out of every mailbox it reached, and nobody at the school can open it.",
    }
}

/// Where in a message something was found, in plain words.
pub fn place(field: Field) -> &'static str {
    match field {
        Field::Attachment => "an attachment",
        Field::AttachmentText => "the text of an attachment",
        Field::Body => "the text",
        Field::FileName => "the name of an attachment",
        Field::HiddenText => "text that its reader does not see",
        Field::Link => "a link",
        Field::Quoted => "text that repeats an earlier message",
        Field::Subject => "the subject",
    }
}

pub fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Digest => "A file that is on a list",
        Kind::Picture => "A picture that looks like one on a list",
        Kind::Text => "Words",
    }
}
