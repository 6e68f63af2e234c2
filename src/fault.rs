//! What is wrong with something that a person wrote, in four lines: what, where, why, and what to do.

use std::path::PathBuf;
use std::{fmt, io};

use serde::{Deserialize, Serialize};

/// One fault in a configuration, a rule, a list or a key file. All faults of a file are told at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// In a few words: ``rule `bullying.threat` does not compile``.
    pub what: String,
    pub at: Option<At>,
    pub why: String,
    /// What the reader can do now.
    pub hint: String,
}

/// A place in a file. Lines and columns count from 1; a column counts characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct At {
    pub file: PathBuf,
    pub line: Option<usize>,
    pub column: Option<usize>,
    /// What stands there, where that may be shown.
    pub excerpt: Option<Box<Excerpt>>,
}

/// A line of a file, or as much of it as stands around one of its characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Excerpt {
    column: usize,
    text: String,
    /// In characters of the text.
    caret: usize,
}

impl Excerpt {
    /// Characters on either side of the place.
    const AROUND: usize = 60;
    /// A place further along its line than this, in octets, is nothing that a person would look for by counting.
    const FURTHEST: usize = 10_000;

    /// The place is in octets; `None` where it is too far along the line.
    pub fn of(line: &str, place: usize) -> Option<Self> {
        let line = line.trim_end_matches('\r');
        let place = line.floor_char_boundary(place.min(line.len()));
        let (before, after) = line.split_at(place);
        if place > Self::FURTHEST {
            return None;
        }
        let column = before.chars().count() + 1;
        let hidden = (column - 1).saturating_sub(Self::AROUND);
        let seen = before.chars().skip(hidden).chain(after.chars().take(Self::AROUND));
        let text: String = seen.map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
        Some(Self { column, caret: column - 1 - hidden, text })
    }

    /// From 1, in characters.
    pub fn column(&self) -> usize {
        self.column
    }

    /// The line with its number, and a caret under the place.
    fn told(&self, line: usize) -> String {
        let margin = " ".repeat(5);
        let caret = format!("{margin} | {}^", " ".repeat(self.caret));
        format!("\n{line:>5} | {}\n{caret}", self.text.trim_end())
    }
}

impl At {
    pub fn file(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), line: None, column: None, excerpt: None }
    }

    pub fn line(file: impl Into<PathBuf>, line: usize) -> Self {
        Self { line: Some(line), ..Self::file(file) }
    }

    /// As [`At::offset`], with what is written there.
    pub fn shown(file: impl Into<PathBuf>, text: &str, offset: usize) -> Self {
        let start = text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
        let line = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        Self { excerpt: Excerpt::of(line, offset.saturating_sub(start)).map(Box::new), ..Self::offset(file, text, offset) }
    }

    /// The place of an octet offset in the text of a file.
    pub fn offset(file: impl Into<PathBuf>, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { column: Some(column), ..Self::line(file, line) }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        for number in [self.line, self.column].into_iter().flatten() {
            write!(f, ":{number}")?;
        }
        Ok(())
    }
}

impl Fault {
    /// In four lines, the first of which begins with this word: `error`, or something milder. What is written at the place
    /// stands below it, where it may be shown.
    pub fn told_as(&self, grade: &str) -> String {
        let at = self.at.as_ref().map(|at| {
            let excerpt = at.line.zip(at.excerpt.as_ref()).map(|(line, excerpt)| excerpt.told(line));
            (at.to_string(), excerpt.unwrap_or_default())
        });
        let (at, excerpt) = at.unwrap_or_default();
        let line = |name: &str, text: &str| match text.trim_end() {
            "" => String::new(),
            text => format!("\n{name:>5}: {}", text.replace('\n', "\n       ")),
        };
        [grade, ": ", &self.what, &line("at", &at), &excerpt, &line("why", &self.why), &line("hint", &self.hint)].concat()
    }
}

/// What to do about a file that the system refuses.
pub fn remedy_of_file(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AlreadyExists => "name a file that is not there yet",
        io::ErrorKind::NotFound => "name a file that is there",
        io::ErrorKind::PermissionDenied => "let this user read and write it, or run the command as its owner",
        io::ErrorKind::QuotaExceeded | io::ErrorKind::StorageFull => "make room on its disk",
        _ => "look at its disk (`dmesg` tells of errors), and try again",
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told_as("error"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_shown_with_a_caret_under_it() {
        let shown = |line: &str, place| Excerpt::of(line, place).map(|excerpt| excerpt.told(7));
        assert_eq!(shown("fire = \"\u{e9} or b\"\r", 14).unwrap(), "\n    7 | fire = \"\u{e9} or b\"\n      |              ^");
        assert_eq!(shown("\ta\u{1b}[1m", 1).unwrap(), "\n    7 |  a [1m\n      |  ^", "nothing is drawn on the terminal");
        let long = shown(&"x".repeat(9_000), 5_000).unwrap();
        assert_eq!(long, format!("\n    7 | {}\n      | {}^", "x".repeat(120), " ".repeat(60)));
        assert_eq!(shown(&"x".repeat(20_000), 15_000), None);
        assert_eq!(shown("", 5).unwrap(), "\n    7 | \n      | ^");
    }

    #[test]
    fn a_fault_is_told_in_four_lines() {
        let fault = Fault {
            what: "rule `bullying.threat` does not compile".to_owned(),
            at: Some(At::offset("rules/bullying.toml", "a\nbc\u{e9}d", 6)),
            why: "repetition operator missing expression".to_owned(),
            hint: "write `\\+` for a plain plus sign".to_owned(),
        };
        assert_eq!(
            fault.to_string(),
            "error: rule `bullying.threat` does not compile\n   at: rules/bullying.toml:2:4\n  why: repetition operator missing expression\n hint: write `\\+` for a plain plus sign"
        );
    }
}
