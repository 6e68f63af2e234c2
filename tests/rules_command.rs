//! The commands for whoever writes rules: measured, replayed, begun and tried, as people and programs meet them.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::school::{School, err, out};
use support::warden::{FLAGGED, rule};

/// A school with a rule that knows one made-up word, and files beside it.
fn school(files: &[(&str, String)]) -> School {
    let school = School::new();
    for (name, text) in files {
        let path = school.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    school
}

fn mail(text: &str) -> String {
    format!("From: a@willowbrook.example\nTo: b@willowbrook.example\nSubject: test\n\n{text}\n")
}

fn sample(text: &str, category: &str, kind: &str) -> String {
    format!("{{\"text\": \"{text}\", \"category\": {category}, \"kind\": \"{kind}\"}}\n")
}

/// What a command says that ends with this code, against the golden file of that name.
fn assert_golden(school: &School, golden: &str, code: i32, arguments: &[&str]) {
    let output = school.run(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}{}", out(&output), err(&output));
    let said = hide_ids(&(out(&output) + &err(&output)));
    let path = format!("tests/commands/{golden}.txt");
    if std::env::var_os("MAILWARDEN_BLESS").is_some() {
        fs::write(&path, &said).expect("a golden file");
    }
    assert_eq!(said, fs::read_to_string(&path).expect("a golden file"), "{path}; MAILWARDEN_BLESS=1 writes the golden files anew");
}

/// Ids of rule sets change with every change to the language.
fn hide_ids(said: &str) -> String {
    let hidden = said.split_inclusive([' ', '\n', '\t']).map(|word| {
        let bare = word.trim_end_matches([' ', '\n', '\t', ':', ',']);
        let is_id = bare.len() == 16 && bare.bytes().all(|octet| octet.is_ascii_hexdigit());
        if is_id { word.replace(bare, "ID") } else { word.to_owned() }
    });
    hidden.collect()
}

fn samples() -> [(&'static str, String); 3] {
    let open = [
        sample(&format!("all of the {FLAGGED} you are"), "\"bullying\"", "clear"),
        sample("nobody said the word", "\"bullying\"", "clear"),
        sample("not in so many words", "\"bullying\"", "implied"),
        sample(&format!("a poem on the {FLAGGED}"), "null", "contrast"),
        sample("the bus is late", "null", "ordinary"),
    ];
    let blind = sample("unseen", "\"bullying\"", "clear");
    let ordinary = "{\"t\": \"see you at two\", \"y\": 0, \"f\": 1}\n{\"t\": \"spam\", \"y\": 1}\n".to_owned();
    [("samples/open/bullying.jsonl", open.concat()), ("samples/blind/bullying.jsonl", blind), ("sms.jsonl", ordinary)]
}

#[test]
fn a_measurement_says_what_was_found_and_missed_and_of_how_many() {
    let school = school(&samples());
    assert_golden(&school, "rules-measure", 0, &["rules", "measure", "--no-tricks", "--failures", "--ordinary", "sms.jsonl", "samples"]);
}

#[test]
fn a_measurement_on_paper_bears_the_day_and_the_rule_set() {
    let school = school(&samples());
    let output = school.run(&["rules", "measure", "--report", "quality.md", "--absent", "the post", "samples"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let page = fs::read_to_string(school.path().join("quality.md")).expect("a page");
    let id = out(&output).lines().last().and_then(|line| line.split([' ', ':']).nth(2).map(str::to_owned)).expect("an id");
    let day = jiff::Zoned::now().date();
    assert!(page.contains(&format!("Measured on {day} with the rule set `{id}` (1 rules, 1 terms)")), "{page}");
    assert!(page.contains("**Not measured:** the post."), "{page}");
    assert!(page.contains("| open | clear samples found, % | at least 90 | 50.0 [9.5-90.5] of 2 | missed, within chance |"), "{page}");
    assert!(!page.contains(FLAGGED), "no sample stands on it");
}

#[test]
fn blind_samples_are_listed_only_to_who_asks_for_them() {
    let school = school(&samples());
    let listed = |arguments: &[&str]| out(&school.run(&[&["rules", "measure", "samples"], arguments].concat()));
    let blind = "samples/blind/bullying.jsonl:1\tmissed\tbullying, clear\tfound nothing";
    assert!(!listed(&["--failures"]).contains(blind));
    assert!(listed(&["--failures"]).contains("1 blind samples failed, and are not listed"));
    assert!(listed(&["--failures", "--unblind"]).contains(blind));
}

#[test]
fn nothing_measured_is_a_failure() {
    let school = school(&[("samples/README.md", "none".to_owned())]);
    let output = school.run(&["rules", "measure", "samples"]);
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(1), ""));
    assert!(err(&output).starts_with("error: there is no sample\n"), "{}", err(&output));
}

#[test]
fn an_aim_missed_by_more_than_chance_fails_who_is_strict() {
    let missed = sample("nobody said the word", "\"bullying\"", "clear").repeat(40);
    let school = school(&[("samples/bullying.jsonl", missed)]);
    assert_eq!(school.run(&["rules", "measure", "samples"]).status.code(), Some(0));
    let output = school.run(&["rules", "measure", "--strict", "samples"]);
    assert_eq!(output.status.code(), Some(1));
    let why = "why: clear samples found, %: 0.0 [0.0-8.8] of 40, where the aim is at least 90";
    assert!(err(&output).contains(why), "{}", err(&output));
}

#[test]
fn a_replay_says_which_verdicts_turn_and_by_which_rules() {
    let newer = rule("bullying", "hornbeam");
    let files = [
        ("new/bullying/test.toml", newer),
        ("pile/a.eml", mail(FLAGGED)),
        ("pile/b.eml", mail("hornbeam")),
        ("pile/c.mbox", format!("From a Sat Nov 21\n{}\nFrom b Sat Nov 21\n{}", mail(FLAGGED), mail("clear"))),
    ];
    let school = school(&files);
    assert_golden(&school, "rules-replay", 0, &["rules", "replay", "rules", "new", "pile"]);
    let output = school.run(&["rules", "replay", "--json", "rules", "rules", "pile"]);
    let told: Value = serde_json::from_str(&out(&output)).expect("an object");
    assert_eq!((&told["messages"], &told["differ"], &told["old"]), (&Value::from(4), &Value::from(0), &told["new"]));
}

#[test]
fn a_rule_is_begun_from_options_and_never_over_another() {
    let school = School::new();
    let complete = [
        "rules",
        "new",
        "bullying.seat",
        "--title",
        "Somebody is told to sit alone",
        "--term",
        "sit alone",
        "--match",
        "go and sit alone",
        "--match",
        "you sit alone",
        "--no-match",
        "sit down",
        "--no-match",
        "alone",
        "--note",
        "asked for by the tutor",
        "--by",
        "Kit",
    ];
    let output = school.run(&complete);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(out(&output).starts_with("local-rules/bullying/seat.toml: a draft"), "{}", out(&output));
    let checked = school.run(&["rules", "check", "local-rules"]);
    assert_eq!(checked.status.code(), Some(0), "{}", err(&checked));
    let again = school.run(&complete);
    assert_eq!(again.status.code(), Some(1));
    assert!(err(&again).contains("File exists"), "{}", err(&again));
    assert!(!Path::new("local-rules").exists(), "it is written where the command was run");
    let lacking = school.run(&complete[..5]);
    assert_eq!(lacking.status.code(), Some(64));
    assert!(err(&lacking).contains("why: the draft lacks `--term`, two `--match`, two `--no-match`, `--note`"), "{}", err(&lacking));
}
