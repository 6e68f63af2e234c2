//! What was found in a message, what could not be read, and the verdict that follows.

mod category;
mod fingerprint;
mod incomplete;
mod judge;
mod report;

pub use category::{Action, Actions, Audience, Category, FourC, Level, Recipient};
pub use fingerprint::Fingerprint;
pub use incomplete::{Defect, Incomplete, Reason};
pub use judge::{Circumstances, Concern, LoosensPolicy, Policy, Verdict, judge};
pub use report::{Field, Finding, Kind, Location, PictureFact, Report, RuleId, RuleVersion, SheetOctets, Sheets};
