//! Rules: words, phrases and patterns that a safeguarding lead has written down, each with its examples.

mod around;
mod book;
mod circumstances;
mod compile;
mod digits;
mod disguise;
mod entries;
mod evaluate;
mod examples;
mod expression;
mod faults;
mod fold;
mod form;
mod found;
mod gate;
mod inflect;
mod joint;
mod letters;
mod lexicon;
mod lints;
mod literals;
mod pattern;
mod pieces;
mod quoted;
mod required;
mod reread;
mod sentence;
mod signal;
mod sources;
mod spelling;
mod terms;
mod trace;
mod wording;
mod words;

use std::collections::BTreeMap;

use crate::fault::{At, Fault};
use crate::finding::RuleId;
use crate::wire::Bundle;

use terms::WordLists;

pub use book::RuleBook;
pub use compile::Rule;
pub use examples::run_examples;
pub use fold::Folded;
pub use form::Picture;
pub use lexicon::Lexicon;
pub use lints::look_over;
pub use reread::disguised_words;
pub use sentence::ends_within;
pub use trace::quote;
pub use words::is_word;

/// Compiles every rule of a bundle. A later file of the same id replaces an earlier one: the school's own folder comes last.
///
/// # Errors
/// Every fault of every file.
pub fn compile_all(bundle: &Bundle) -> Result<Vec<Rule>, Vec<Fault>> {
    let (lists, mut faults) = WordLists::read(&bundle.word_lists);
    let files = &bundle.rules;
    let mut rules: BTreeMap<RuleId, Rule> = BTreeMap::new();
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
        match compile::compile(file, &lists, bundle.today) {
            Ok(rule) => drop(rules.insert(rule.id.clone(), rule)),
            Err(of_file) => faults.extend(of_file),
        }
    }
    if faults.is_empty() { Ok(rules.into_values().collect()) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Field, Location, Stage};
    use crate::scan::extract::TextExtract;
    use crate::wire::SourceFile;

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
        let stage = if head.contains("stage") { "" } else { "stage = \"hold\"" };
        let octets =
            format!("schema = 1\nid = \"scam.test\"\ntitle = \"A made-up rule\"\ncategory = \"scam\"\n{stage}\n{head}\n{body}\n{AFTER}");
        let file = SourceFile { path: "rules/scam/test.toml".into(), octets: octets.into_bytes() };
        let rules = compile_all(&Bundle { rules: vec![file], ..Bundle::default() }).unwrap_or_else(|faults| panic!("{}", faults[0]));
        RuleBook::new(rules, Stage::Shadow)
    }

    fn spans(book: &RuleBook, text: &str) -> Vec<(usize, usize)> {
        let location = Location { part: "1".to_owned(), field: Field::Body, place: None };
        book.texts(&[TextExtract { location, text: text.to_owned(), places: Vec::new() }])
            .into_iter()
            .filter_map(|(_, found)| found.span)
            .collect()
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
    fn a_rule_looks_only_where_it_says_and_before_its_time_nowhere() {
        let rest = "[decide]\nfire = \"a\"\nscore = 50";
        let signals = r#"signal = [{ name = "a", terms = ["one"] }]"#;
        assert_eq!(spans(&book(signals, rest), "one"), [(0, 3)]);
        assert_eq!(spans(&book(&format!("fields = [\"subject\"]\n{signals}"), rest), "one"), []);
        for stage in ["draft", "tested"] {
            assert_eq!(spans(&book(&format!("stage = \"{stage}\"\n{signals}"), rest), "one"), []);
        }
    }

    #[test]
    fn a_subject_and_a_body_are_read_as_one_where_neither_fires_alone() {
        let signals = r#"signal = [{ name = "a", terms = ["fox"] }, { name = "b", terms = ["hen"] }, { name = "c", terms = ["story"] }]"#;
        let rest = "[decide]\nfire = \"a and b and not c\"\nscore = 50";
        let both = book(signals, rest);
        let found = |book: &RuleBook, subject: &str, body: &str| {
            let extract = |part: &str, field, text: &str| TextExtract {
                location: Location { part: part.to_owned(), field, place: None },
                text: text.to_owned(),
                places: Vec::new(),
            };
            let found = book.texts(&[extract("", Field::Subject, subject), extract("1", Field::Body, body)]);
            found.into_iter().map(|(at, found)| (at, found.finding.location.field, found.span.unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(found(&both, "the fox", "met a hen"), [(0, Field::Subject, (4, 7))]);
        assert_eq!(found(&both, "the fox", "met a fox and a hen"), [(1, Field::Body, (6, 9))], "it is told once");
        assert_eq!(found(&both, "the fox", "met a hen in a story"), []);
        assert_eq!(found(&both, "", "a fox"), []);
        let body_alone = book(&format!("fields = [\"body\"]\n{signals}"), rest);
        assert_eq!(found(&body_alone, "the fox", "met a hen"), []);
    }

    #[test]
    fn what_is_quoted_is_told_apart_and_passed_over_where_a_rule_does_not_look() {
        let signals = r#"signal = [{ name = "a", terms = ["fox"] }]"#;
        let found = |fields: &str, text: &str| {
            let book = book(&format!("{fields}\n{signals}"), "[decide]\nfire = \"a\"\nscore = 50");
            let location = Location { part: "1".to_owned(), field: Field::Body, place: None };
            let found = book.texts(&[TextExtract { location, text: text.to_owned(), places: Vec::new() }]);
            found.into_iter().map(|(_, found)| (found.finding.location.field, found.span.unwrap().0)).collect::<Vec<_>>()
        };
        let (quoted, said, both) = ("no\n> a fox", "a fox\n> no", "> a fox\na fox");
        assert_eq!((found("", quoted), found("", said)), (vec![(Field::Quoted, 7)], vec![(Field::Body, 2)]));
        assert_eq!(found("fields = [\"body\"]", quoted), []);
        assert_eq!(found("fields = [\"body\"]", both), [(Field::Body, 10)]);
        assert_eq!(found("fields = [\"quoted\"]", said), []);
        assert_eq!(found("fields = [\"quoted\"]", both), [(Field::Quoted, 4)]);
    }

    #[test]
    fn what_is_said_once_counts_once() {
        let signals = r#"signal = [{ name = "a", terms = ["fox~", "red fox"] }, { name = "many", count = { of = ["a"], at_least = 2 } }]"#;
        let book = book(signals, "[decide]\nfire = \"many\"\nscore = 50");
        assert_eq!(spans(&book, "a red fox"), []);
        assert_eq!(spans(&book, "two foxes, a red fox"), [(4, 9)]);
    }

    #[test]
    fn words_in_two_sentences_are_not_near_where_one_is_asked_for() {
        let signals = r#"signal = [
            { name = "a", terms = ["fox"] }, { name = "b", terms = ["hen"] },
            { name = "both", near = { a = "a", b = "b", words = 5, same_sentence = true } },
        ]"#;
        let book = book(signals, "[decide]\nfire = \"both\"\nscore = 50");
        assert_eq!(spans(&book, "a fox met\na hen"), [(2, 15)]);
        assert_eq!(spans(&book, "a fox. A hen"), []);
    }

    #[test]
    fn a_number_whose_check_digits_are_wrong_is_not_found() {
        let signals = r#"signal = [{ name = "nhs", regex = ['\b\d{3} \d{3} \d{4}\b'], check = "mod11-nhs", needs_literal = false }]"#;
        let book = book(signals, "[decide]\nfire = \"nhs\"\nscore = 50");
        assert_eq!(spans(&book, "943 476 5919"), [(0, 12)]);
        assert_eq!(spans(&book, "943 476 5918"), []);
        assert_eq!(spans(&book, &"943 476 5918, ".repeat(500)), [], "not one of many is right");
    }

    #[test]
    fn a_score_is_adjusted_and_nothing_is_found_at_nought() {
        let signals = r#"signal = [{ name = "a", terms = ["fox"] }, { name = "b", terms = ["hen"] }, { name = "c", terms = ["story"] }]"#;
        let rest = "[decide]\nfire = \"a\"\nscore = 40\n[[adjust]]\nwhen = \"b\"\nadd = 90\nbecause = \"both\"
            [[adjust]]\nwhen = \"c\"\nadd = -40\nbecause = \"told\"";
        let book = book(signals, rest);
        let scores = |text: &str| {
            let location = Location { part: "1".to_owned(), field: Field::Body, place: None };
            let found = book.texts(&[TextExtract { location, text: text.to_owned(), places: Vec::new() }]);
            found.into_iter().map(|(_, found)| found.finding.score).collect::<Vec<_>>()
        };
        assert_eq!((scores("a fox"), scores("a fox and a hen"), scores("a story of a fox and a hen")), (vec![40], vec![100], vec![90]));
        assert_eq!(scores("the story of a fox"), [0_u16; 0]);
    }

    #[test]
    fn a_rule_is_matched_under_disguises_unless_it_says_otherwise() {
        let rest = "[decide]\nfire = \"a\"\nscore = 50";
        let signals = r#"signal = [{ name = "a", terms = ["needle"] }]"#;
        assert_eq!(spans(&book(signals, rest), "a n33dle"), [(2, 8)]);
        assert_eq!(spans(&book(&format!("evasion = \"none\"\n{signals}"), rest), "a n33dle"), []);
    }

    #[test]
    fn a_regex_is_matched_under_disguises_as_a_term_is() {
        let rest = "[decide]\nfire = \"a\"\nscore = 50";
        let signals = r#"signal = [{ name = "a", regex = ['\bhurt(?:ing)? +my ?self\b'] }]"#;
        let text = "I am hurt1ng mys3lf, h.u.r.t my self";
        assert_eq!(spans(&book(signals, rest), text), [(5, 19)]);
        assert_eq!(spans(&book(signals, rest), "and h u r t  m y s e l f"), [(4, 24)]);
        assert_eq!(spans(&book(&format!("evasion = \"none\"\n{signals}"), rest), text), []);
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
