//! Why a rule fires on a text or does not: for whoever asks about messages of her own.

use serde::{Deserialize, Serialize};

use super::{Category, Location, Report, RuleId, RuleVersion, Stage};

/// The answer to one question why. It quotes the message, and has no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explained {
    pub report: Report,
    /// Of every rule that fires, and of those that nearly do.
    pub traces: Vec<Trace>,
}

/// One rule in one text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trace {
    pub rule: RuleId,
    pub version: RuleVersion,
    pub title: String,
    pub category: Category,
    pub stage: Stage,
    pub location: Location,
    /// Before it is adjusted.
    pub base: u16,
    /// `None` where it does not fire.
    pub score: Option<u16>,
    /// The expression, as it is written.
    pub fire: String,
    pub signals: Vec<SignalTrace>,
    pub adjustments: Vec<AdjustmentTrace>,
    /// Words that did not count, because an exception names them.
    pub excepted: Vec<Quote>,
    /// Signals that hold, each of which would turn it if it did not.
    pub without: Vec<String>,
    /// Signals that do not hold, each of which would turn it if it did.
    pub with: Vec<String>,
    /// In nanoseconds, for this rule alone.
    pub cost: u64,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignalTrace {
    pub name: String,
    pub holds: bool,
    /// The first few places.
    pub quotes: Vec<Quote>,
    /// How many places there are.
    pub places: u32,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdjustmentTrace {
    /// The expression, as it is written.
    pub when: String,
    pub add: i16,
    pub because: String,
    pub applies: bool,
}

/// Words, with a few on either side.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    pub before: String,
    pub matched: String,
    pub after: String,
    /// They were read through a trick with letters.
    pub disguised: bool,
}
