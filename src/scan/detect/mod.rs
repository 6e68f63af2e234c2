//! What is looked for in the extracts: words, digests, pictures.

use crate::fault::Fault;
use crate::finding::{Finding, PictureFact, Reason};
use crate::scan::extract::{FileExtract, TextExtract};
use crate::wire::{Bundle, RuleSet};

/// Compiled rules and lists.
pub struct Detectors(RuleSet);

/// One finding, and what a person needs to understand it.
pub struct Match {
    pub finding: Finding,
    /// The rule's sentence in plain English.
    pub title: String,
    /// Octets in the original text.
    pub span: Option<(usize, usize)>,
    /// Bits between a picture and the list's entry.
    pub distance: Option<u32>,
}

/// What one file gave.
#[derive(Default)]
pub struct FileReport {
    pub matches: Vec<Match>,
    pub picture: Option<PictureFact>,
    pub incomplete: Option<Reason>,
}

impl Detectors {
    /// # Errors
    /// Every fault of the bundle at once.
    pub fn compile(_bundle: &Bundle) -> Result<Self, Vec<Fault>> {
        Ok(Self(RuleSet { id: String::new(), rules: 0, terms: 0, list_entries: 0 }))
    }

    pub fn rule_set(&self) -> RuleSet {
        self.0.clone()
    }

    /// The matches in each text, with the index of the text.
    #[allow(clippy::unused_self)]
    pub fn texts(&self, _texts: &[TextExtract]) -> Vec<(usize, Match)> {
        Vec::new()
    }

    #[allow(clippy::unused_self)]
    pub fn file(&self, _file: &FileExtract) -> FileReport {
        FileReport::default()
    }
}
