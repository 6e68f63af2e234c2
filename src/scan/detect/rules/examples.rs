//! A rule's own examples, run against it: what `rules check` does beyond compiling.

use super::book::RuleBook;
use super::compile::Rule;
use super::form::Expect;
use crate::fault::Fault;
use crate::finding::{Field, Location};
use crate::scan::extract::TextExtract;

/// Runs the examples of one rule against this rule alone, drafts too.
pub fn run_examples(rule: &Rule) -> Vec<Fault> {
    let book = RuleBook::new([Rule { live: true, ..rule.clone() }]);
    let location = Location { part: "1".to_owned(), field: rule.fields.first().copied().unwrap_or(Field::Body) };
    let fault = |example: &super::compile::Example| {
        let text = TextExtract { location: location.clone(), text: example.form.text.clone() };
        let fired = !book.texts(&[text]).is_empty();
        let (why, hint) = match (example.form.expect, fired) {
            (Expect::Match, true) | (Expect::NoMatch, false) => return None,
            (Expect::Match, false) => ("the rule does not fire on it", "add the words to a signal, or mend `fire`"),
            (Expect::NoMatch, true) => ("the rule fires on it", "make the terms longer, or add [[except_phrase]]"),
        };
        let why = example.form.why.as_ref().map_or_else(|| why.to_owned(), |because| format!("{why}, though: {because}"));
        Some(Fault { what: format!("an example of rule `{}` fails", rule.id), at: Some(example.at.clone()), why, hint: hint.to_owned() })
    };
    rule.examples.iter().filter_map(fault).collect()
}
