//! A case as a package for the police: what is sealed, a manifest that is signed, the chronology, and how to open it all.
//!
//! The command line makes it for whoever brings her key file, and the desk for whoever opens cases in her browser.

mod manifest;
mod package;

pub use manifest::Journal;
pub use package::{Copy, Package, Sealing, Tally};

use crate::case::CaseId;
use crate::journal::Entry;

/// What the journals say of a case.
pub struct Chronicle {
    /// Oldest first.
    pub entries: Vec<Entry>,
    /// Of the journal that whoever makes the package could verify.
    pub journal: Journal,
}

impl Chronicle {
    /// Out of all entries of all journals.
    pub fn of(case: CaseId, mut entries: Vec<Entry>, journal: Journal) -> Self {
        entries.retain(|entry| entry.event.case() == Some(case));
        // Those of one second, in their order.
        entries.sort_by_key(|entry| (entry.at, entry.seq));
        Self { entries, journal }
    }
}
