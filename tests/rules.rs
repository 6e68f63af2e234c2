//! The shipped rules, and the faults that a rule's author is told.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use mailwarden::config;
use mailwarden::fault::Fault;
use mailwarden::finding::{Category, Field, Location};
use mailwarden::scan::TextExtract;
use mailwarden::scan::detect::{Detectors, check};
use mailwarden::wire::{Bundle, SourceFile};

/// A rule without a fault.
const RULE: &str = r#"
schema = 1
id = "bullying.made-up"
title = "A made-up rule without a fault"
category = "bullying"
stage = "hold"

[[signal]]
name = "disliked"
terms = ["nobody likes you", "every-one hate~ you"]

[decide]
fire = "disliked"
score = 50

[[except_phrase]]
terms = ["nobody likes you leaving"]
reason = "said at a farewell"

[[example]]
expect = "match"
text = "nobody likes you"

[[example]]
expect = "match"
text = "Every-one hates you"

[[example]]
expect = "no-match"
text = "Nobody likes you leaving so early"

[[example]]
expect = "no-match"
text = "who likes you"

[[history]]
date = 2026-11-22
by = "a test"
note = "made up"
"#;

#[test]
fn every_example_of_every_shipped_rule_holds() {
    let set = check(&shipped()).unwrap_or_else(|faults| panic!("{}", told(&faults))).set;
    assert!(set.rules >= 50 && set.terms >= 1_000, "{set:?}");
}

#[test]
fn the_rule_that_the_reference_shows_is_without_a_fault() {
    let reference = std::fs::read_to_string("rules/README.md").unwrap();
    let shown = reference.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let file = SourceFile { path: "rules/bullying/exclusion.toml".into(), octets: shown.as_bytes().to_vec() };
    let bundle = Bundle { rules: vec![file], word_lists: shipped().word_lists, ..Bundle::default() };
    assert_eq!(check(&bundle).err().map(|faults| told(&faults)), None);
}

#[test]
fn every_category_that_words_can_tell_has_two_rules_or_more() {
    let without_words = ["known-image", "suspected-nude", "violence", "evasion", "incomplete", "system"];
    for category in Category::ALL.iter().filter(|category| !without_words.contains(&category.code())) {
        let count = std::fs::read_dir(Path::new("rules").join(category.code())).map_or(0, Iterator::count);
        assert!(count >= 2, "{category} has {count}");
    }
}

#[test]
fn a_broken_rule_is_told_as_its_golden_file_says() {
    let mut tried = 0;
    for rule in files(Path::new("tests/faults/rules")).into_iter().filter(|path| path.extension().is_some_and(|e| e == "toml")) {
        // As the school would have it: the folder is the category.
        let name = Path::new("rules/bullying").join(rule.file_name().unwrap());
        let bundle = Bundle { rules: vec![SourceFile { path: name, octets: std::fs::read(&rule).unwrap() }], ..Bundle::default() };
        let told = told(&check(&bundle).err().expect("a fault"));
        let golden = rule.with_extension("expected");
        if std::env::var_os("MAILWARDEN_BLESS").is_some() {
            std::fs::write(&golden, &told).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(told, expected, "{}; MAILWARDEN_BLESS=1 writes the golden files anew", rule.display());
        tried += 1;
    }
    assert!(tried >= 15, "only {tried}");
}

#[test]
fn a_broken_list_is_told_as_its_golden_file_says() {
    let mut tried = 0;
    for list in files(Path::new("tests/faults/lists")).into_iter().filter(|path| path.extension().is_some_and(|e| e != "expected")) {
        let name = Path::new("hashsets").join(list.file_name().unwrap());
        let bundle = Bundle { hash_lists: vec![SourceFile { path: name, octets: std::fs::read(&list).unwrap() }], ..Bundle::default() };
        let told = told(&check(&bundle).err().expect("a fault"));
        let golden = list.with_extension("expected");
        if std::env::var_os("MAILWARDEN_BLESS").is_some() {
            std::fs::write(&golden, &told).unwrap();
        }
        let expected = std::fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(told, expected, "{}; MAILWARDEN_BLESS=1 writes the golden files anew", list.display());
        tried += 1;
    }
    assert!(tried >= 7, "only {tried}");
}

#[test]
fn the_faults_of_all_files_are_told_at_once() {
    let broken = |name: &str| SourceFile { path: format!("rules/scam/{name}.toml").into(), octets: b"schema = ".to_vec() };
    let list = SourceFile { path: "hashsets/a.txt".into(), octets: vec![0xff] };
    let bundle = Bundle { rules: vec![broken("a"), broken("b"), broken("b")], hash_lists: vec![list], ..Bundle::default() };
    let faults = Detectors::compile(&bundle).err().unwrap();
    let why: Vec<_> = faults.iter().map(|fault| fault.what.as_str()).collect();
    assert_eq!(
        why,
        ["rule `scam.a` does not compile", "rule `scam.b` does not compile", "a rule is listed twice", "list `a` cannot be read"]
    );
}

#[test]
fn a_thousand_faults_of_one_file_are_not_all_told() {
    let rule = RULE.replacen("terms = [", &format!("terms = [{}", "\"!\",".repeat(1_000)), 1);
    let faults = check(&bundle_of(rule)).err().unwrap();
    assert_eq!((faults.len(), faults[0].why.as_str(), faults[50].why.as_str()), (51, "the term has no word in it", "950 more faults"));
}

#[test]
fn a_rule_of_the_school_replaces_the_shipped_one_of_the_same_name() {
    let mut bundle = shipped();
    let shipped = bundle.rules[0].clone();
    let before = Detectors::compile(&bundle).unwrap_or_else(|faults| panic!("{}", told(&faults))).rule_set();
    let path = Path::new("local").join(&shipped.path);
    bundle.rules.push(SourceFile { path, octets: [&shipped.octets[..], b"\n# ours\n"].concat() });
    let after = Detectors::compile(&bundle).unwrap_or_else(|faults| panic!("{}", told(&faults))).rule_set();
    assert_eq!((before.rules, before.terms), (after.rules, after.terms));
    assert_ne!(before.id, after.id);
}

#[test]
fn hostile_rules_and_lists_are_faults_and_never_a_crash() {
    let rule = RULE.as_bytes();
    let mut seed = 3_u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap() % below
    };
    for _ in 0..2_000 {
        let mut octets = rule.to_vec();
        for _ in 0..=random(6) {
            match random(3) {
                0 => octets.truncate(random(octets.len().max(1))),
                1 => octets.insert(random(octets.len() + 1), u8::try_from(random(256)).unwrap()),
                _ if !octets.is_empty() => {
                    let at = random(octets.len());
                    octets[at] = b"\"'[](){}=\\\n*+?and"[random(17)];
                }
                _ => {}
            }
        }
        let file = |path: &str| vec![SourceFile { path: path.into(), octets: octets.clone() }];
        for fault in check(&Bundle {
            rules: file("rules/bullying/made-up.toml"),
            word_lists: file("rules/lists/a.txt"),
            hash_lists: file("hashsets/a.txt"),
            ..Bundle::default()
        })
        .err()
        .unwrap_or_default()
        {
            assert!(fault.at.is_some() && !fault.why.is_empty(), "{fault}");
        }
    }
}

#[test]
fn a_find_is_told_where_it_stands_in_the_original() {
    let detectors = Detectors::compile(&bundle_of(RULE.to_owned())).unwrap_or_else(|faults| panic!("{}", told(&faults)));
    let location = Location { part: "1".to_owned(), field: Field::Body, place: None };
    let text = "caf\u{e9} \u{1f642} n\u{200b}obody likes\r\n> you, nobody likes you".to_owned();
    let found = detectors.texts(&[TextExtract { location, text: text.clone(), places: Vec::new() }]);
    let spans: Vec<_> =
        found.iter().filter_map(|(_, found)| Some((found.finding.rule.as_str(), text.get(found.span?.0..found.span?.1)?))).collect();
    assert_eq!(spans, [("bullying.made-up", "n\u{200b}obody likes\r\n> you")]);
}

#[test]
fn every_shipped_rule_says_in_plain_words_why_it_matched_before_anything_is_unsealed() {
    let said: BTreeSet<_> = include_str!("../src/finding/sentences.txt").lines().collect();
    let titles = shipped().rules.into_iter().map(|file| {
        let rule: toml::Table = toml::from_str(std::str::from_utf8(&file.octets).unwrap()).unwrap();
        rule["title"].as_str().unwrap().to_owned()
    });
    let titles: BTreeSet<_> = titles.collect();
    let wrong: Vec<_> = titles.iter().map(String::as_str).collect::<BTreeSet<_>>().symmetric_difference(&said).copied().collect();
    assert!(titles.len() > 50 && wrong.is_empty(), "`make sentences` gathers them; each must name nobody: {wrong:#?}");
}

fn shipped() -> Bundle {
    config::bundle(None, &["rules".into()], None, None).unwrap_or_else(|faults| panic!("{}", told(&faults)))
}

fn told(faults: &[Fault]) -> String {
    faults.iter().map(|fault| fault.to_string() + "\n").collect()
}

/// Every file under a folder, in the order of the paths.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found: Vec<PathBuf> = entries
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path) } else { vec![path] }
        })
        .collect();
    found.sort();
    found
}

fn bundle_of(rule: String) -> Bundle {
    let file = SourceFile { path: "rules/bullying/made-up.toml".into(), octets: rule.into_bytes() };
    Bundle { rules: vec![file], ..Bundle::default() }
}
