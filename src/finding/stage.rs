//! How far a rule has come: from a draft to one that may hold messages.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A rule moves up one stage after the other, and back whenever it errs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Compiled, and never run; its examples may fail.
    Draft,
    /// Its examples hold; it runs where somebody asks what it would do, and nowhere else.
    Tested,
    /// It runs, and is counted: nobody is told, and no text is kept.
    Shadow,
    /// It opens cases; the message is always delivered.
    Flag,
    /// It may do whatever its category may.
    Hold,
}

impl Stage {
    pub const ALL: [Self; 5] = [Self::Draft, Self::Tested, Self::Shadow, Self::Flag, Self::Hold];

    /// Whether the rule is run over the mail of the school.
    pub fn runs(self) -> bool {
        self >= Self::Shadow
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Tested => "tested",
            Self::Shadow => "shadow",
            Self::Flag => "flag",
            Self::Hold => "hold",
        }
    }
}

impl FromStr for Stage {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|stage| stage.as_str() == text).ok_or(())
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_runs_from_the_shadow_on() {
        let running: Vec<_> = Stage::ALL.into_iter().filter(|stage| stage.runs()).map(Stage::as_str).collect();
        assert_eq!(running, ["shadow", "flag", "hold"]);
    }

    #[test]
    fn a_stage_is_read_as_it_is_written() {
        assert_eq!(Stage::ALL.map(|stage| stage.to_string().parse()), Stage::ALL.map(Ok));
        assert_eq!(["", "Flag", "holds"].map(str::parse::<Stage>), [Err(()); 3]);
    }
}
