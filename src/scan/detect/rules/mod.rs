//! Rules: words, phrases and patterns that a safeguarding lead has written down, each with its examples.

mod book;
mod compile;
mod evaluate;
mod examples;
mod expression;
mod faults;
mod fold;
mod form;
mod pattern;
mod signal;
mod words;

use std::collections::BTreeMap;

use crate::fault::{At, Fault};
use crate::finding::RuleId;
use crate::wire::SourceFile;

pub use book::RuleBook;
pub use compile::Rule;
pub use examples::run_examples;

/// Compiles every file. A later file of the same id replaces an earlier one: the school's own folder comes last.
///
/// # Errors
/// Every fault of every file.
pub fn compile_all(files: &[SourceFile]) -> Result<Vec<Rule>, Vec<Fault>> {
    let mut rules: BTreeMap<RuleId, Rule> = BTreeMap::new();
    let mut faults = Vec::new();
    for (place, file) in files.iter().enumerate() {
        if files[..place].iter().any(|earlier| earlier.path == file.path) {
            faults.push(Fault {
                what: "a rule is listed twice".to_owned(),
                at: Some(At::file(&file.path)),
                why: "two files of the bundle have this path".to_owned(),
                hint: "name each folder of rules once".to_owned(),
            });
            continue;
        }
        match compile::compile(file) {
            Ok(rule) => drop(rules.insert(rule.id.clone(), rule)),
            Err(of_file) => faults.extend(of_file),
        }
    }
    if faults.is_empty() { Ok(rules.into_values().collect()) } else { Err(faults) }
}
