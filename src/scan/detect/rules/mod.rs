//! Rules: words, phrases and patterns that a safeguarding lead has written down, each with its examples.

mod book;
mod compile;
mod disguise;
mod evaluate;
mod examples;
mod expression;
mod faults;
mod fold;
mod form;
mod gate;
mod letters;
mod lexicon;
mod pattern;
mod reread;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Field, Location};
    use crate::scan::extract::TextExtract;

    const AFTER: &str = r#"
        [[example]]
        expect = "match"
        text = ""
        [[example]]
        expect = "match"
        text = ""
        [[example]]
        expect = "no-match"
        text = ""
        [[example]]
        expect = "no-match"
        text = ""
        [[history]]
        date = 2026-11-21
        by = "a test"
        note = "made up"
    "#;

    fn book(head: &str, body: &str) -> RuleBook {
        let status = if head.contains("status") { "" } else { "status = \"live\"" };
        let octets =
            format!("schema = 1\nid = \"scam.test\"\ntitle = \"A made-up rule\"\ncategory = \"scam\"\n{status}\n{head}\n{body}\n{AFTER}");
        let file = SourceFile { path: "rules/scam/test.toml".into(), octets: octets.into_bytes() };
        let rules = compile_all(&[file]).unwrap_or_else(|faults| panic!("{}", faults[0]));
        RuleBook::new(rules)
    }

    fn spans(book: &RuleBook, text: &str) -> Vec<(usize, usize)> {
        let location = Location { part: "1".to_owned(), field: Field::Body };
        book.texts(&[TextExtract { location, text: text.to_owned() }]).into_iter().filter_map(|(_, found)| found.span).collect()
    }

    const NEAR: &str = r#"
        signal = [
            { name = "a", terms = ["red fox", "fox"] },
            { name = "b", regex = ['hen\d'] },
            { name = "near", near = { a = "a", b = "b", words = 2 } },
            { name = "then", near = { a = "a", b = "b", words = 2, ordered = true } },
        ]
    "#;

    #[test]
    fn near_counts_the_words_between_in_either_order_unless_ordered() {
        let any = book(NEAR, "[decide]\nfire = \"near or (then and not then)\"\nscore = 50");
        assert_eq!(spans(&any, "a red fox and the HEN1"), [(2, 22)]);
        assert_eq!(spans(&any, "hen1 saw the fox"), [(0, 16)]);
        assert_eq!(spans(&any, "a red fox and then the hen1"), []);
        let ordered = book(NEAR, "[decide]\nfire = \"then and (near or not near)\"\nscore = 50");
        assert_eq!(spans(&ordered, "hen1 saw the fox"), []);
        assert_eq!(spans(&ordered, "hen1 saw the fox, the hen2"), [(13, 26)]);
    }

    #[test]
    fn count_takes_the_finds_of_its_signals_together() {
        let signals = r#"signal = [
            { name = "a", terms = ["one"] }, { name = "b", terms = ["two"] }, { name = "many", count = { of = ["a", "b"], at_least = 3 } },
        ]"#;
        let book = book(signals, "[decide]\nfire = \"many\"\nscore = 50");
        assert_eq!(spans(&book, "one two"), []);
        assert_eq!(spans(&book, "two one two"), [(0, 3)]);
    }

    #[test]
    fn an_excepted_phrase_takes_its_own_words_off_and_no_others() {
        let signals = r#"signal = [{ name = "a", terms = ["end it all"] }]"#;
        let book = book(
            signals,
            "[decide]\nfire = \"a\"\nscore = 50\n[[except_phrase]]\nterms = [\"end it all on a high note\"]\nreason = \"concerts\"",
        );
        assert_eq!(spans(&book, "we end it all on a high note"), []);
        assert_eq!(spans(&book, "we end it all on a high note, then end it all"), [(35, 45)]);
        let flood = "end it all on a high note. ".repeat(20_000);
        assert_eq!(spans(&book, &flood).len(), 1, "nobody hides one find behind thousands of exceptions");
    }

    #[test]
    fn a_rule_looks_only_where_it_says_and_a_draft_nowhere() {
        let rest = "[decide]\nfire = \"a\"\nscore = 50";
        let signals = r#"signal = [{ name = "a", terms = ["one"] }]"#;
        assert_eq!(spans(&book(signals, rest), "one"), [(0, 3)]);
        assert_eq!(spans(&book(&format!("fields = [\"subject\"]\n{signals}"), rest), "one"), []);
        assert_eq!(spans(&book(&format!("status = \"draft\"\n{signals}"), rest), "one"), []);
    }

    #[test]
    fn a_regex_without_letters_of_its_own_is_found_beside_a_label() {
        let signals = r#"signal = [
            { name = "label", terms = ["code"] }, { name = "number", regex = ['\b\d{4}\b'], needs_literal = false },
            { name = "both", near = { a = "label", b = "number", words = 1 } },
        ]"#;
        let book = book(signals, "[decide]\nfire = \"both\"\nscore = 50");
        assert_eq!(spans(&book, "the code is 1234"), [(4, 16)]);
        assert_eq!(spans(&book, "1234"), []);
    }
}
