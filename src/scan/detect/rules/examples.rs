//! A rule's own examples, run against it: what `rules check` does beyond compiling.

use super::book::RuleBook;
use super::compile::{Example, Rule};
use super::form::{ExampleForm, Expect};
use crate::fault::Fault;
use crate::finding::{Field, Location, Stage};
use crate::scan::extract::TextExtract;

/// Runs the examples of one rule against this rule alone, whatever its stage.
pub fn run_examples(rule: &Rule) -> Vec<Fault> {
    let book = RuleBook::new([rule.clone()], Stage::Draft);
    let fault = |example: &Example| {
        let fired = !book.texts(&texts(rule, &example.form)).is_empty();
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

/// What a message of this example would be read as.
fn texts(rule: &Rule, example: &ExampleForm) -> Vec<TextExtract> {
    let subject = example.subject.as_ref().map(|subject| (String::new(), Field::Subject, subject.clone()));
    let field = example.field.or(rule.fields.first().copied()).unwrap_or(Field::Body);
    let text = ("1".to_owned(), field, example.text.clone());
    let all = subject.into_iter().chain([text]);
    all.map(|(part, field, text)| TextExtract { location: Location { part, field }, text }).collect()
}
