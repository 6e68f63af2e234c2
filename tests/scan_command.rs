//! Offline: `scan`, `hashes compute`, `rules check` and `check`, as people and programs meet them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const CONFIGURATION: &str = r#"
[school]
name = "Willowbrook School"
domains = ["willowbrook.example"]
[[server]]
host = "imap.willowbrook.example"
master_user = "warden"
credential = "imap-password"
[[mailbox]]
address = "safeguarding@willowbrook.example"
role = "safeguarding"
[notice]
from = "mailwarden@willowbrook.example"
smtp_host = "smtp.willowbrook.example"
[[contact]]
recipient = "dsl"
name = "Robin Finch"
address = "safeguarding@willowbrook.example"
[[contact]]
recipient = "technician"
name = "Jay Martin"
address = "it@willowbrook.example"
"#;

/// A made-up word, and the rules of the test that know it.
const WORD: &str = "quillwort";

/// A message of two forms, with an archive that can be read and one that cannot.
fn packed_mail() -> Vec<u8> {
    let sample = |name: &str| fs::read(format!("tests/samples/containers/{name}")).expect("a sample");
    let head = "From: a@willowbrook.example\r\nSubject: CANARY\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        --b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n--c\r\nContent-Type: text/plain\r\n\r\nCANARY\r\n\
        --c\r\nContent-Type: text/html\r\n\r\n<p>CANARY</p>\r\n--c--\r\n";
    let mut mail = head.as_bytes().to_vec();
    for (name, kind) in [("plan.lzma.zip", "application/CANARY"), ("plan.locked.7z", "image/png")] {
        let fields = format!("--b\r\nContent-Type: {kind}; name={name}\r\nContent-Transfer-Encoding: binary\r\n\r\n");
        mail.extend_from_slice(fields.as_bytes());
        mail.extend(sample(name));
        mail.extend_from_slice(b"\r\n");
    }
    mail.extend_from_slice(b"--b--\r\n");
    mail
}

#[test]
fn a_tree_shows_what_a_message_is_made_of_and_its_words_only_when_asked() {
    let office = Office::new();
    office.write("a.eml", packed_mail());
    let told = |arguments: &[&str]| {
        let output = office.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        out(&output)
    };
    let quiet = told(&["scan", "--tree", "a.eml"]);
    assert!(!quiet.contains("CANARY") && !quiet.contains("plan."), "{quiet}");
    let loud = told(&["scan", "--tree", "--text", "a.eml"]);
    let mut said = String::new();
    for field in format!("{quiet}\n{loud}").split_inclusive(['\t', '\n']) {
        let is_time = field.trim_end().ends_with(" ms");
        said.push_str(if is_time { "TIME\t" } else { field });
    }
    let golden = "tests/commands/scan-tree.txt";
    if std::env::var_os("MAILWARDEN_BLESS").is_some() {
        fs::write(golden, &said).expect("a golden file");
    }
    assert_eq!(said, fs::read_to_string(golden).expect("a golden file"));
    let json: Value = serde_json::from_str(&told(&["scan", "--tree", "--json", "a.eml"])).expect("an object");
    assert_eq!(json["branches"][2]["media_type"], "application/zip", "{json}");
    assert_eq!(office.run(&["scan", "--text", "a.eml"]).status.code(), Some(64), "words of what?");
}

/// A folder with a configuration and two rules, and the program run in it.
struct Office(TempDir);

impl Office {
    fn new() -> Self {
        let office = Self(tempfile::tempdir().expect("a folder"));
        office.write("mailwarden.toml", CONFIGURATION);
        office.write("rules/bullying/test.toml", rule("bullying", WORD));
        office.write("rules/threat/test.toml", rule("threat", "zanderfang"));
        office
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailwarden"));
        command.args(arguments).current_dir(self.path()).env_remove("CREDENTIALS_DIRECTORY").output().expect("mailwarden runs")
    }

    /// The objects of a scan that ends well, by path and number.
    fn scan(&self, arguments: &[&str]) -> BTreeMap<(String, Option<u64>), Value> {
        let output = self.run(&[&["scan", "--json"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        let objects = out(&output).lines().map(|line| serde_json::from_str::<Value>(line).expect("an object")).collect::<Vec<_>>();
        objects.into_iter().map(|object| ((text(&object["path"]).to_owned(), object["number"].as_u64()), object)).collect()
    }

    /// What is told of a command that fails for a fault of somebody's writing: one fault, in four lines.
    fn fault(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(78), "{arguments:?}: {}", err(&output));
        let told = err(&output);
        let heads: Vec<_> = told.lines().filter_map(|line| line.split_once(": ").map(|(head, _)| head.trim())).collect();
        assert_eq!(heads, ["error", "at", "why", "hint"], "{arguments:?}: {told}");
        told
    }
}

fn rule(category: &str, word: &str) -> String {
    format!(
        r#"schema = 1
id = "{category}.test"
title = "A made-up word"
category = "{category}"
stage = "hold"
signal = [{{ name = "word", terms = ["{word}"] }}]
decide = {{ fire = "word", score = 80 }}
example = [
    {{ expect = "match", text = "the {word} of it" }}, {{ expect = "match", text = "{word}" }},
    {{ expect = "no-match", text = "nothing of the kind" }}, {{ expect = "no-match", text = "nor here" }},
]
history = [{{ date = 2026-11-21, by = "a test", note = "made up" }}]
"#
    )
}

fn mail(text: &str) -> String {
    format!("From: a@willowbrook.example\nTo: b@willowbrook.example\nSubject: test\n\n{text}\n")
}

fn here(path: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path).display().to_string()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

#[test]
fn every_message_of_the_school_gets_the_verdict_that_it_must_get() {
    let office = Office::new();
    let hashed = office.run(&["hashes", "compute", &here("tests/school/known/mill.jpg"), &here("tests/school/known/harbour.jpg")]);
    let told = out(&hashed);
    let hashes: Vec<_> = told.lines().filter_map(|line| line.split('\t').next()).collect();
    let list = format!("# mailwarden list 1\n# name: stand-ins\n# category: known-image\n# kind: pdq\n{}\n", hashes.join("\n"));
    office.write("hashsets/stand-ins.txt", list);

    let mail = here("tests/school/mail");
    let scanned = office.scan(&["--config", "mailwarden.toml", "--rules", &here("rules"), &mail]);
    let verdicts: BTreeMap<_, _> = scanned
        .iter()
        .map(|((path, _), object)| (path.strip_prefix(&mail).unwrap()[1..].to_owned(), [&object["verdict"], &object["category"]].map(text)))
        .collect();
    let expected = fs::read_to_string(here("tests/school/expected.tsv")).unwrap();
    let mut files = BTreeSet::new();
    let mut wrong = Vec::new();
    for line in expected.lines().filter(|line| !line.starts_with(['#', 'f']) || line.starts_with("flagged/")) {
        let [file, _, _, verdict, category, ..] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let got = verdicts.get(file);
        if got != Some(&[verdict, category]) && files.insert(file) {
            wrong.push(format!("{file}: {got:?} instead of {verdict} {category}"));
        }
        files.insert(file);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(files.len() >= 60 && files.len() == verdicts.len(), "{} files, {} verdicts", files.len(), verdicts.len());
}

#[test]
fn a_message_is_an_object_that_says_all_of_it_and_nothing_that_stands_in_it() {
    let office = Office::new();
    office.write("one.eml", mail(&format!("the {WORD} and a canary")));
    let scanned = office.scan(&["one.eml"]);
    assert_eq!(
        scanned[&("one.eml".to_owned(), None)],
        json!({
            "path": "one.eml", "verdict": "flag", "rule_set": scanned[&("one.eml".to_owned(), None)]["rule_set"], "category": "bullying", "severity": 3,
            "findings": [{
                "rule": "bullying.test", "category": "bullying", "location": { "part": "1", "field": "body", "place": null }, "kind": "text"
            }],
            "pictures": [], "incomplete": [], "parts": 1,
        })
    );
}

#[test]
fn every_verdict_names_the_rule_set_wherever_its_folder_lies() {
    let office = Office::new();
    office.write("one.eml", mail("clear"));
    let id = |arguments: &[&str]| office.scan(arguments).values().map(|object| text(&object["rule_set"]).to_owned()).collect::<Vec<_>>();
    let here = id(&["one.eml"]);
    assert!(here[0].len() == 16 && here[0].bytes().all(|octet| octet.is_ascii_hexdigit()), "{here:?}");
    let absolute = office.path().join("rules").display().to_string();
    assert_eq!(id(&["--rules", &absolute, "one.eml"]), here);
    let checked = out(&office.run(&["check", "--config", "mailwarden.toml"]));
    assert!(checked.contains(&format!("rules:   {}: 2 with", here[0])), "{checked}");
    office.write("rules/threat/test.toml", rule("threat", "zanderfeng"));
    assert_ne!(id(&["one.eml"]), here);
}

#[test]
fn who_writes_to_whom_is_looked_up_where_a_configuration_says_it_and_else_taken_for_granted() {
    let office = Office::new();
    let outside = rule("bullying", WORD).replace("signal = [{", "who = { sender = [\"outside\"] }\nsignal = [{");
    office.write("rules/bullying/test.toml", outside);
    let shadow = rule("threat", "zanderfang").replace("stage = \"hold\"", "stage = \"shadow\"");
    office.write("rules/threat/test.toml", shadow);
    office.write("one.eml", mail(&format!("the {WORD} and a zanderfang")));

    let told = out(&office.run(&["scan", "one.eml"]));
    assert!(told.contains("flag") && told.contains("taken for granted") && told.trim_end().ends_with(": bullying.test"), "{told}");
    let told = out(&office.run(&["scan", "--config", "mailwarden.toml", "one.eml"]));
    assert_eq!(told, "1 message: 0 held, 0 flagged, 0 incomplete, 1 clear\n");
    let scanned = office.scan(&["--config", "mailwarden.toml", "one.eml"]);
    let findings = &scanned[&("one.eml".to_owned(), None)]["findings"];
    assert_eq!(
        findings[1],
        json!({
            "rule": "threat.test", "category": "threat", "location": { "part": "1", "field": "body", "place": null }, "kind": "text", "stage": "shadow"
        })
    );
}

#[test]
fn a_picture_is_told_with_its_digests_and_the_list_that_knows_it() {
    let office = Office::new();
    let picture = fs::read(here("tests/school/known/mill.jpg")).unwrap();
    let sha256 = hex::encode(Sha256::digest(&picture));
    office.write("hashsets/reported.txt", format!("# mailwarden list 1\n# name: x\n# category: known-image\n# kind: sha256\n{sha256}\n"));
    let path = here("tests/school/mail/held/known-picture.eml");
    let scanned = office.scan(&[&path]);
    let object = &scanned[&(path, None)];
    assert_eq!([&object["verdict"], &object["category"]].map(text), ["hold", "known-image"]);
    let picture = &object["pictures"][0];
    assert_eq!(picture["sha256"], sha256);
    assert_eq!(picture["match"], json!({ "list": "known-image.reported", "distance": 0 }));
    assert_eq!((text(&picture["pdq"]).len(), picture["quality"].as_u64()), (64, Some(100)));
}

#[test]
fn what_could_not_be_read_is_incomplete_and_says_why() {
    let office = Office::new();
    let path = here("tests/school/mail/unread/encrypted-zip.eml");
    let object = &office.scan(&[&path])[&(path, None)];
    assert_eq!(text(&object["verdict"]), "incomplete");
    assert!(
        object["incomplete"].as_array().is_some_and(|parts| parts.iter().any(|part| part["reason"] == "encrypted-archive")),
        "{object}"
    );
}

#[test]
fn an_mbox_and_a_maildir_are_taken_apart() {
    let office = Office::new();
    let quoted = mail(&format!("clear\n\n>From here on\n{WORD}"));
    office.write("pile/in.mbox", format!("From a Sat Nov 21\n{}\nFrom b Sat Nov 21\n{quoted}", mail("clear")));
    office.write("pile/box/cur/1:2,S", mail("clear"));
    office.write("pile/box/new/2", mail(WORD));
    office.write("pile/box/tmp/3", mail(WORD));
    let scanned = office.scan(&["pile"]);
    let verdicts: Vec<_> = scanned.iter().map(|((path, number), object)| (path.as_str(), *number, text(&object["verdict"]))).collect();
    let expected = [
        ("pile/box/cur/1:2,S", None, "clear"),
        ("pile/box/new/2", None, "flag"),
        ("pile/in.mbox", Some(1), "clear"),
        ("pile/in.mbox", Some(2), "flag"),
    ];
    assert_eq!(verdicts, expected);
}

#[test]
fn every_one_of_many_messages_is_told_once() {
    let office = Office::new();
    let messages: Vec<_> = (0..500).map(|number| mail(if number % 5 == 0 { WORD } else { "x" })).collect();
    office.write("pile.mbox", format!("From a Sat Nov 21\n{}", messages.join("\nFrom a Sat Nov 21\n")));
    let scanned = office.scan(&["pile.mbox"]);
    assert_eq!(scanned.len(), 500);
    assert_eq!(scanned.values().filter(|object| object["verdict"] == "flag").count(), 100);
}

#[test]
fn people_are_told_the_worst_first_and_a_count_of_all() {
    let office = Office::new();
    office.write("pile/a.eml", mail(WORD));
    office.write("pile/b.eml", mail("clear"));
    office.write("pile/c.mbox", format!("From a Sat Nov 21\n{}", mail("zanderfang")));
    let output = office.run(&["scan", "pile"]);
    assert_eq!(output.status.code(), Some(0));
    let told = out(&output);
    let lines: Vec<_> = told.lines().collect();
    let [first, second, last] = lines[..] else { panic!("{told}") };
    assert!(first.starts_with("pile/c.mbox:1\t") && first.contains("\tthreat\t5\t") && first.ends_with("\tthreat.test"), "{told}");
    assert_eq!(second, "pile/a.eml\tflag\tbullying\t3\tbullying.test");
    assert!(last.starts_with("3 messages: ") && last.ends_with(", 1 clear"), "{told}");
}

#[test]
fn silence_is_no_clear_verdict() {
    let office = Office::new();
    fs::create_dir(office.path().join("empty")).unwrap();
    office.write("nothing", "");
    for named in ["empty", "nothing"] {
        let output = office.run(&["scan", named]);
        assert_eq!(output.status.code(), Some(1));
        assert!(err(&output).starts_with("error: there is no message\n"), "{}", err(&output));
    }
    office.write("a.eml", mail("clear"));
    let output = office.run(&["scan", "absent", "a.eml"]);
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(1), "1 message: 0 held, 0 flagged, 0 incomplete, 1 clear\n"));
    assert!(err(&output).starts_with("error: `absent` cannot be read\n"), "{}", err(&output));
}

#[test]
fn a_rule_that_does_not_compile_is_told_before_anything_starts() {
    let office = Office::new();
    office.write("a.eml", mail("clear"));
    office.write("rules/bullying/test.toml", rule("bullying", WORD).replace("score = 80", "score = 800"));
    let commands: [&[&str]; 4] =
        [&["scan", "a.eml"], &["rules", "check"], &["rules", "check", "rules"], &["check", "--config", "mailwarden.toml"]];
    for command in commands {
        let told = office.fault(command);
        assert!(told.starts_with("error: rule `bullying.test` does not compile\n   at: "), "{command:?}: {told}");
        assert!(told.contains("rules/bullying/test.toml:7"), "{command:?}: {told}");
    }
}

#[test]
fn one_fault_among_many_rules_is_told_as_one_among_few() {
    let office = Office::new();
    for number in 0..100 {
        let terms: Vec<_> = (0..300).map(|term| format!("\"made up {number} {term}\"")).collect();
        let many = rule("scam", WORD).replace("scam.test", &format!("scam.test-{number}"));
        office.write(
            &format!("rules/scam/test-{number}.toml"),
            many.replace(&format!("[\"{WORD}\"]"), &format!("[\"{WORD}\", {}]", terms.join(", "))),
        );
    }
    office.write("a.eml", mail("clear"));
    assert_eq!(office.run(&["scan", "a.eml"]).status.code(), Some(0));
    office.write("rules/bullying/test.toml", rule("bullying", WORD).replace("score = 80", "score = 800"));
    let told = office.fault(&["scan", "a.eml"]);
    assert!(told.starts_with("error: rule `bullying.test` does not compile\n   at: "), "{told}");
}

#[test]
fn a_sample_that_fails_is_found_by_rules_check() {
    let office = Office::new();
    let output = office.run(&["rules", "check"]);
    assert_eq!(out(&output), "2 rules, 2 terms, 8 samples: all as they should\n", "{}", err(&output));
    office.write("rules/bullying/test.toml", rule("bullying", WORD).replace("nothing of the kind", WORD));
    let told = office.fault(&["rules", "check"]);
    assert!(told.starts_with("error: an example of rule `bullying.test` fails\n"), "{told}");
}

#[test]
fn the_shipped_rules_are_as_they_should_in_the_cage() {
    let office = Office::new();
    let output = office.run(&["rules", "check", &here("rules")]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(out(&output).ends_with(" samples: all as they should\n"), "{}", out(&output));
}

#[test]
fn without_rules_nothing_is_scanned() {
    let office = Office::new();
    fs::remove_dir_all(office.path().join("rules")).unwrap();
    office.write("a.eml", mail("clear"));
    let output = office.run(&["scan", "--rules", "rules", "a.eml"]);
    assert_eq!(output.status.code(), Some(78));
    assert!(err(&output).starts_with("error: a directory of `rules` cannot be read\n"), "{}", err(&output));
}

#[test]
fn a_picture_is_hashed_and_what_is_none_is_named() {
    let office = Office::new();
    let known = ["mill", "harbour"].map(|name| PathBuf::from(here(&format!("tests/school/known/{name}.jpg"))));
    office.write("note.txt", "no picture");
    let [mill, harbour] = known.each_ref().map(|path| path.to_str().unwrap());
    let output = office.run(&["hashes", "compute", "--json", mill, "note.txt", "absent.png", harbour]);
    assert_eq!(output.status.code(), Some(1));
    let told = out(&output);
    let objects: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects.len(), 2, "{told}");
    for (object, path) in objects.iter().zip(&known) {
        assert_eq!(text(&object["path"]), path.to_str().unwrap());
        assert_eq!(text(&object["sha256"]), hex::encode(Sha256::digest(fs::read(path).unwrap())));
        let lengths = ["pdq", "sha1", "md5"].map(|key| text(&object[key]).len());
        assert_eq!((lengths, object["quality"].as_u64()), ([64, 40, 32], Some(100)));
    }
    for line in ["   at: note.txt\n  why: unsupported: ", "   at: absent.png\n  why: No such file"] {
        assert!(err(&output).contains(line), "{}", err(&output));
    }
}

#[test]
fn digests_are_printed_in_the_order_of_the_files() {
    let office = Office::new();
    let [mill, harbour] = ["mill", "harbour"].map(|name| here(&format!("tests/school/known/{name}.jpg")));
    let output = office.run(&["hashes", "compute", &mill, &harbour, &mill]);
    let told = out(&output);
    let rows: Vec<Vec<_>> = told.lines().map(|line| line.split('\t').collect()).collect();
    assert!(rows.iter().all(|row| row.len() == 6) && rows[0] == rows[2], "{told}");
    assert_eq!(rows.iter().map(|row| row[5]).collect::<Vec<_>>(), [&mill, &harbour, &mill]);
}

#[test]
fn what_is_likely_a_mistake_is_a_note_and_a_fault_where_strictness_is_asked_for() {
    let office = Office::new();
    office.write("rules/bullying/test.toml", rule("bullying", "kill"));
    let checked = office.run(&["rules", "check", "rules"]);
    assert_eq!(checked.status.code(), Some(0), "{}", err(&checked));
    let told = err(&checked);
    assert!(told.contains("note: rule `bullying.test` wants a look") && told.contains("`kill` alone would make a concern"), "{told}");
    let strict = office.run(&["rules", "check", "--strict", "rules"]);
    assert_eq!(strict.status.code(), Some(78));
    assert!(err(&strict).contains("`kill` alone would make a concern"), "{}", err(&strict));
}

#[test]
fn rule_files_are_laid_out_once_and_what_is_no_toml_is_left_alone() {
    let office = Office::new();
    let untidy = "# ours\n".to_owned() + &rule("bullying", WORD).replace("schema = 1\n", "").replace("stage = ", "schema=1\nstage  =  ");
    office.write("rules/bullying/test.toml", &untidy);
    let read = || fs::read_to_string(office.path().join("rules/bullying/test.toml")).unwrap();
    let checked = office.run(&["rules", "fmt", "--check", "rules"]);
    assert_eq!((checked.status.code(), read()), (Some(1), untidy));
    assert!(out(&checked).starts_with("rules/bullying/test.toml\n"), "{}", out(&checked));
    assert_eq!(office.run(&["rules", "fmt", "rules"]).status.code(), Some(0));
    let tidy = read();
    assert!(tidy.starts_with("schema = 1\n# ours\nid = \"bullying.test\"\n"), "{tidy}");
    assert_eq!(out(&office.run(&["rules", "fmt", "rules"])), "2 files, 0 changed\n");
    assert_eq!(office.run(&["rules", "check"]).status.code(), Some(0));

    office.write("rules/bullying/test.toml", "schema = 1\nid = \n");
    let told = office.fault(&["rules", "fmt", "rules"]);
    assert!(told.contains("rules/bullying/test.toml:2:6\n    2 | id =\n      |      ^"), "{told}");
    assert_eq!(read(), "schema = 1\nid = \n");
}

#[test]
fn a_rule_that_asks_for_a_picture_counts_beside_one_alone() {
    let office = Office::new();
    let with =
        |picture: &str| rule("bullying", WORD).replace("signal = [{", &format!("with = {{ picture = \"{picture}\" }}\nsignal = [{{"));
    let pictured = fs::read_to_string(here("tests/school/mail/held/known-picture.eml")).unwrap().replace("seen this one?", WORD);
    office.write("pictured.eml", &pictured);
    office.write("bare.eml", mail(WORD));
    let found = |path: &str| {
        let scanned = office.scan(&["--hashsets", "hashsets", path]);
        scanned[&(path.to_owned(), None)]["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|found| text(&found["rule"]).to_owned())
            .collect::<Vec<_>>()
    };
    office.write("rules/bullying/test.toml", with("any"));
    let digest =
        |digests: &[u8]| format!("# mailwarden list 1\n# name: x\n# category: known-image\n# kind: sha256\n{}\n", hex::encode(digests));
    office.write("hashsets/other.txt", digest(&[0; 32]));
    assert_eq!((found("pictured.eml"), found("bare.eml")), (vec!["bullying.test".to_owned()], Vec::new()));

    office.write("rules/bullying/test.toml", with("listed"));
    assert_eq!(found("pictured.eml"), [""; 0], "the picture is on no list");
    let picture = fs::read(here("tests/school/known/mill.jpg")).unwrap();
    office.write("hashsets/other.txt", digest(&Sha256::digest(picture)));
    assert!(found("pictured.eml").contains(&"bullying.test".to_owned()));
}
