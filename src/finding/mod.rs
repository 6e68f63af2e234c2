//! What was found in a message, what could not be read, and the verdict that follows.

mod category;
mod circumstances;
mod conditions;
mod fingerprint;
mod incomplete;
mod judge;
mod limit;
mod place;
mod reach;
mod report;
mod sentence;
mod sighting;
mod stage;
mod trace;
mod tree;

pub use category::{Action, Actions, Audience, Category, FourC, Level, Recipient};
pub use circumstances::{Circumstances, Person, Standing};
pub use conditions::{Conditions, Direction, Exception, Hours, KeptOut, Party, When, Who};
pub use fingerprint::Fingerprint;
pub use incomplete::{Defect, Incomplete, Reason};
pub use judge::{Concern, LoosensPolicy, Policy, Verdict, judge, shadows};
pub use limit::HoldLimit;
pub use place::{Layer, Place, Unit};
pub use reach::{Reach, RuleFacts, RulesInForce};
pub use report::{Field, Finding, Kind, Location, MOST_IDS, Opinions, PictureFact, Report, RuleId, RuleVersion, SheetOctets, Sheets};
pub use sentence::Sentence;
pub use sighting::{Change, Cost, Detail, Framing, NearEntry, Sighting, Turn};
pub use stage::Stage;
pub use trace::{AdjustmentTrace, Explained, Quote, SignalTrace, Trace};
pub use tree::{Branch, Tree};
