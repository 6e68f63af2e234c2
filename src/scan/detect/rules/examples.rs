//! A rule's own examples, run against it: what `rules check` does beyond compiling.

use super::book::RuleBook;
use super::compile::{Example, Rule};
use super::form::{ExampleForm, Expect};
use crate::fault::Fault;
use crate::finding::{Circumstances, Field, Location, Party, Person, Stage, Standing};
use crate::scan::extract::TextExtract;

/// Runs the examples of one rule against this rule alone, whatever its stage.
pub fn run_examples(rule: &Rule) -> Vec<Fault> {
    let book = RuleBook::new([rule.clone()], Stage::Draft);
    let fault = |example: &Example| {
        let fired = rule.conditions.hold(&correspondence(&example.form)) && !book.texts(&texts(rule, &example.form)).is_empty();
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
    let own = rule.fields.iter().copied().find(|field| *field != Field::Subject || subject.is_none());
    let field = example.field.or(own).unwrap_or(Field::Body);
    let text = ("1".to_owned(), field, example.text.clone());
    let all = subject.into_iter().chain([text]);
    all.map(|(part, field, text)| TextExtract { location: Location { part, field, place: None }, text, places: Vec::new() }).collect()
}

/// Who writes to whom in this example. What it does not say is taken to be as the rule asks.
fn correspondence(example: &ExampleForm) -> Circumstances<'static> {
    let person = |party: Option<Party>| Person { standing: party.map_or(Standing::Unknown, Standing::Is), ..Person::default() };
    Circumstances { sender: person(example.sender), recipients: vec![person(example.recipient)], ..Circumstances::default() }
}

#[cfg(test)]
mod tests {
    use super::super::compile_all;
    use crate::wire::{Bundle, SourceFile};

    #[test]
    fn an_example_says_who_writes_to_whom_and_where_its_text_stands() {
        let example = |keys: &str| format!("[[example]]\n{keys}\n");
        let told = |examples: &[&str]| {
            let head = "schema = 1\nid = \"scam.test\"\ntitle = \"A made-up rule\"\ncategory = \"scam\"\nstage = \"hold\"\nfields = [\"subject\", \"body\"]
                [who]\nsender = [\"outside\"]\n[[signal]]\nname = \"a\"\nterms = [\"fox\"]\n[[signal]]\nname = \"b\"\nterms = [\"hen\"]
                [decide]\nfire = \"a and b\"\nscore = 50\n[[history]]\ndate = 2026-11-22\nby = \"a test\"\nnote = \"made up\"\n";
            let octets = [head.to_owned()].into_iter().chain(examples.iter().map(|keys| example(keys))).collect::<String>().into_bytes();
            let file = SourceFile { path: "rules/scam/test.toml".into(), octets };
            let rules = compile_all(&Bundle { rules: vec![file], ..Bundle::default() }).unwrap_or_else(|faults| panic!("{}", faults[0]));
            super::run_examples(&rules[0]).into_iter().map(|fault| fault.why).collect::<Vec<_>>()
        };
        let right = [
            "expect = \"match\"\ntext = \"a fox and a hen\"",
            "expect = \"match\"\ntext = \"a fox and a hen\"\nsender = \"outside\"\nrecipient = \"pupil\"",
            "expect = \"no-match\"\ntext = \"a fox and a hen\"\nsender = \"staff\"",
            "expect = \"match\"\nsubject = \"a fox\"\nfield = \"body\"\ntext = \"and a hen\"",
            "expect = \"no-match\"\nfield = \"attachment-text\"\ntext = \"a fox and a hen\"",
        ];
        assert_eq!(told(&right), [""; 0]);
        let wrong = ["expect = \"match\"\ntext = \"a fox and a hen\"\nsender = \"pupil\"", right[0], right[2], right[4]];
        assert_eq!(told(&wrong), ["the rule does not fire on it"]);
    }
}
