//! `mailwarden hashes why`, `snooze` and `stage`: what is told of a picture, and how a list that errs is put right.

mod support;

use std::fs;
use std::path::Path;
use std::process::Output;

use jiff::{ToSpan, Zoned};
use serde_json::Value;
use support::school::{School, err, out};

const REASON: &str = "CANARY: it is on a poster in every classroom";

/// A school with two lists of one picture each, that of category `scam` by its looks and that of `known-image` by its octets.
struct Office {
    school: School,
    picture: String,
}

impl Office {
    fn new() -> Self {
        let school = School::new();
        assert_eq!(school.init().status.code(), Some(0));
        fs::create_dir(school.path().join("hashsets")).expect("a folder");
        let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures/baseline-444.jpg").display().to_string();
        let digests = out(&school.run(&["hashes", "compute", &picture]));
        let [pdq, _, sha256, ..] = digests.trim().split('\t').collect::<Vec<_>>()[..] else { panic!("digests: {digests}") };
        let office = Self { school, picture };
        office.list("poster", "scam", "pdq", &format!("{}\n{pdq}", "0f".repeat(32)));
        office.list("reported", "known-image", "sha256", sha256);
        office
    }

    fn list(&self, name: &str, category: &str, kind: &str, digests: &str) {
        let text = format!("# mailwarden list 1\n# name: {name}\n# category: {category}\n# kind: {kind}\n{digests}\n");
        fs::write(self.file(&format!("{name}.txt")), text).expect("a list");
    }

    fn file(&self, name: &str) -> std::path::PathBuf {
        self.school.path().join("hashsets").join(name)
    }

    /// What is told of each entry that is near the picture: list, entry, match, snoozed.
    fn why(&self) -> Vec<(String, u64, bool, bool)> {
        let output = self.school.run(&["hashes", "why", "--json", "--hashsets", "hashsets", &self.picture]);
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        let told: Value = serde_json::from_str(&out(&output)).expect("one object");
        let near = told["nearest"].as_array().expect("a list").iter();
        near.map(|near| {
            let number = |key: &str| near[key].as_u64().expect("a number");
            let list = near["list"].as_str().expect("a name").to_owned();
            assert!(number("distance") <= 10, "read by its lowest frequencies, and by all pixels");
            (list, number("entry"), near["is_match"] == true, near["snoozed_until"].is_string())
        })
        .collect()
    }

    fn snooze(&self, list: &str, entry: &str, days: i64, more: &[&str]) -> Output {
        let until = day(days);
        self.school.run_here(&[&["hashes", "snooze", list, entry, "--until", &until, "--reason", REASON], more].concat())
    }

    fn stat(&self) -> String {
        out(&self.school.run(&["hashes", "stat", "--hashsets", "hashsets"]))
    }
}

/// So many days from today.
fn day(days: i64) -> String {
    Zoned::now().date().saturating_add(days.days()).to_string()
}

#[test]
fn a_picture_is_explained_without_its_digest_or_anything_that_it_shows() {
    let office = Office::new();
    let near = office.why();
    assert_eq!(near, [("known-image.reported".to_owned(), 1, true, false), ("scam.poster".to_owned(), 2, true, false)]);
    let told = out(&office.school.run(&["hashes", "why", "--hashsets", "hashsets", &office.picture]));
    for line in [
        ": image/jpeg, ",
        "quality     100 of 100",
        "frames      1 decoded, 1 differ",
        "judged by   frequencies",
        " of 31\tmatch\t1\tas it is",
    ] {
        assert!(told.contains(line), "{line} in {told}");
    }
    assert!(
        !told.split_whitespace().any(|word| word.len() >= 32 && word.bytes().all(|octet| octet.is_ascii_hexdigit())),
        "no digest: {told}"
    );
    fs::write(office.school.path().join("note.txt"), "no picture").expect("a file");
    let other = office.school.run(&["hashes", "why", "--hashsets", "hashsets", "note.txt", "absent.png"]);
    assert!(out(&other).contains("not read    unsupported") && out(&other).contains("no list has an entry near it"), "{}", out(&other));
    assert!(other.status.code() == Some(1) && err(&other).contains("at: absent.png"), "{}", err(&other));
}

#[test]
fn an_entry_is_passed_over_until_its_day_on_the_record() {
    let office = Office::new();
    let output = office.snooze("scam.poster", "2", 31, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let near = office.why();
    assert_eq!(near[1], ("scam.poster".to_owned(), 2, false, true));
    assert!(near[0].2, "the other list goes on finding it");
    assert!(office.stat().contains(&format!("hold\t2 until {}", day(31))), "{}", office.stat());
    let checked = office.school.run(&["rules", "check", "rules", "--hashsets", "hashsets"]);
    assert!(out(&checked).contains("3 digests in 2 lists"), "{}{}", out(&checked), err(&checked));

    let journal = out(&office.school.run_here(&["journal", "show"]));
    assert!(journal.contains("entry-snoozed") && journal.contains("scam.poster"), "{journal}");
    assert!(!journal.contains("CANARY"), "the technician's command leaves words out: {journal}");
    assert_eq!(office.school.run_here(&["journal", "verify"]).status.code(), Some(0));

    // Behind its last day it is in force no more, and when the list drops the entry, nothing is left of it.
    let file = fs::read_to_string(office.file("snoozed.toml")).expect("the file");
    fs::write(
        office.file("snoozed.toml"),
        file.replace(&day(31), &day(-1)).replace(&format!("from = {}", day(0)), &format!("from = {}", day(-3))),
    )
    .expect("the file");
    assert!(office.why()[1].2, "it has ended");
    fs::write(office.file("snoozed.toml"), file).expect("the file");
    office.list("poster", "scam", "pdq", &"0f".repeat(32));
    assert!(office.stat().lines().any(|line| line.starts_with("scam.poster") && line.ends_with("\t-")), "{}", office.stat());
}

#[test]
fn what_nobody_may_look_at_is_not_passed_over_by_one_person_for_long() {
    let office = Office::new();
    let refused = |output: &Output, why: &str| {
        assert_eq!(output.status.code(), Some(64), "{}", err(output));
        assert!(err(output).contains(why), "{}", err(output));
        assert!(!office.file("snoozed.toml").exists() || office.why()[0].3, "nothing was written");
    };
    let list = "known-image.reported";
    refused(&office.snooze(list, "1", 2, &[]), "passed over for 1 days at most without a second person");
    refused(&office.snooze(list, "1", 15, &["--second", "Robin Finch"]), "passed over for 14 days at most");
    refused(&office.snooze(list, "1", -1, &[]), "it would end before it begins");
    refused(&office.snooze(list, "2", 1, &[]), "the list has 1 entries, numbered from 1");
    refused(&office.snooze(list, "0", 1, &[]), "the list has 1 entries, numbered from 1");
    refused(&office.snooze(list, "1", 1, &["--version", "0011223344556677"]), "its entries are numbered anew");
    let unknown = office.snooze("known-image.other", "1", 1, &[]);
    assert!(err(&unknown).contains("there is no list `known-image.other`"), "{}", err(&unknown));
    assert!(!out(&office.school.run_here(&["journal", "show"])).contains("entry-snoozed"));

    assert_eq!(office.snooze(list, "1", 1, &[]).status.code(), Some(0));
    assert!(office.why()[0].3);
    refused(&office.snooze(list, "1", 1, &[]), "once in 28 days");
    assert_eq!(office.snooze(list, "1", 14, &["--second", "Robin Finch"]).status.code(), Some(0));
    // A hand that writes more into the file than may be is noticed by whoever reads it.
    let file = fs::read_to_string(office.file("snoozed.toml")).expect("the file");
    fs::write(office.file("snoozed.toml"), file.replace(&day(14), &day(400))).expect("the file");
    let checked = office.school.run(&["rules", "check", "rules", "--hashsets", "hashsets"]);
    assert_eq!(checked.status.code(), Some(78));
    assert!(err(&checked).contains("for 14 days at most"), "{}", err(&checked));
}

#[test]
fn a_list_goes_up_stage_by_stage_and_not_while_it_matches_an_ordinary_picture() {
    let office = Office::new();
    let stage = |to: &str, more: &[&str]| {
        let arguments = ["hashes", "stage", "scam.poster", "--to", to, "--by", "Kit", "--note", "CANARY: as agreed"];
        office.school.run_here(&[&arguments, more].concat())
    };
    let in_force =
        || office.stat().lines().find(|line| line.starts_with("scam.poster")).map(|line| line.split('\t').nth(5).unwrap_or("").to_owned());
    assert_eq!(in_force().as_deref(), Some("hold"), "unless it says otherwise");
    // Of the same name and another category, and not imported yet.
    let other = "name = \"other\"\ncategory = \"drugs\"\nkind = \"md5\"\n";
    fs::write(office.file("poster.toml"), other).expect("a description");
    assert_eq!(stage("tested", &[]).status.code(), Some(0));
    assert_eq!(fs::read_to_string(office.file("poster.toml")).expect("a description"), other);
    assert_eq!(in_force().as_deref(), Some("tested"));
    let leap = stage("hold", &[]);
    assert!(leap.status.code() == Some(64) && err(&leap).contains("say `--to shadow`"), "{}", err(&leap));

    let refused = stage("shadow", &["--try", &office.picture]);
    assert_eq!(refused.status.code(), Some(1), "{}", out(&refused));
    assert!(err(&refused).contains("why: 1 of its entries match ordinary pictures: 2"), "{}", err(&refused));
    assert_eq!(in_force().as_deref(), Some("tested"), "it stays");
    fs::write(office.school.path().join("note.txt"), "no picture").expect("a file");
    let other = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures/last-page.png").display().to_string();
    let up = stage("shadow", &["--try", &other, "--try", "note.txt"]);
    assert_eq!(up.status.code(), Some(0), "{}", err(&up));
    assert!(out(&up).contains("tried pictures: 1") && out(&up).contains("tried and passed over: 1"), "{}", out(&up));
    assert_eq!(in_force().as_deref(), Some("shadow"));
    let journal = out(&office.school.run_here(&["journal", "show"]));
    assert!(journal.contains("rule-staged") && journal.contains("scam.poster"), "{journal}");

    let ordinary = fs::read_to_string("src/cli/hashes/ordinary.txt").expect("hashes");
    let digests = ordinary.lines().nth(1).expect("a hash").to_owned();
    office.list("poster", "scam", "pdq", &format!("# stage: shadow\n{digests}"));
    let refused = stage("flag", &[]);
    assert!(err(&refused).contains("match ordinary pictures: 1"), "one that is built in: {}{}", err(&refused), out(&refused));
    assert_eq!(stage("draft", &[]).status.code(), Some(0), "down it goes at once");
}
