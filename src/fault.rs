//! What is wrong with something that a person wrote, in four lines: what, where, why, and what to do.

use std::fmt;
use std::path::PathBuf;

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
}

impl At {
    pub fn file(file: impl Into<PathBuf>) -> Self {
        Self { file: file.into(), line: None, column: None }
    }

    pub fn line(file: impl Into<PathBuf>, line: usize) -> Self {
        Self { file: file.into(), line: Some(line), column: None }
    }

    /// The place of an octet offset in the text of a file.
    pub fn offset(file: impl Into<PathBuf>, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { file: file.into(), line: Some(line), column: Some(column) }
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
    /// In four lines, the first of which begins with this word: `error`, or something milder.
    pub fn told_as(&self, grade: &str) -> String {
        let at = self.at.as_ref().map(At::to_string).unwrap_or_default();
        let lines = [("at", &at), ("why", &self.why), ("hint", &self.hint)].into_iter().filter(|(_, text)| !text.is_empty());
        let lines = lines.map(|(name, text)| format!("\n{name:>5}: {}", text.trim_end().replace('\n', "\n       ")));
        format!("{grade}: {}{}", self.what, lines.collect::<String>())
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
