//! Rules and lists, compiled once.

use sha2::{Digest, Sha256};

use crate::fault::{At, Fault};
use crate::wire::{Bundle, RuleSet};

/// What a bundle became.
pub struct Detectors {
    rule_set: RuleSet,
}

impl Detectors {
    /// # Errors
    /// Every fault of every file.
    pub fn compile(bundle: &Bundle) -> Result<Self, Vec<Fault>> {
        let mut hash = Sha256::new();
        let mut faults = Vec::new();
        for file in bundle.rules.iter().chain(&bundle.hash_lists) {
            hash.update(&file.octets);
            if let Err(e) = std::str::from_utf8(&file.octets) {
                faults.push(Fault {
                    what: format!("`{}` is not text", file.path.display()),
                    at: Some(At::file(&file.path)),
                    why: e.to_string(),
                    hint: "save it as UTF-8".to_owned(),
                });
            }
        }
        let id = hex::encode(&hash.finalize()[..8]);
        let rule_set = RuleSet { id, rules: bundle.rules.len(), terms: 0, list_entries: 0 };
        if faults.is_empty() { Ok(Self { rule_set }) } else { Err(faults) }
    }

    pub fn rule_set(&self) -> RuleSet {
        self.rule_set.clone()
    }
}
