//! Rule files that nobody means well with: each is refused for what it is, or compiles, and neither takes long.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use mailwarden::scan::detect::check;
use mailwarden::wire::{Bundle, SourceFile};

/// For one file, on a machine that has other things to do, with a compiler that optimised nothing. It takes milliseconds.
const LONGEST: Duration = Duration::from_secs(30);
const FEWEST: usize = 1_000;

const RULE: &str = r#"schema = 1
id = "bullying.made-up"
title = "A made-up rule without a fault"
category = "bullying"
level = 4
stage = "hold"
evasion = "letters"
fields = ["subject", "body"]
review = 2027-11-22

[who]
sender = ["pupil"]
recipient = ["staff", "outside"]
pairs = [["pupil", "staff"]]
direction = ["internal"]
group = ["year-7"]
first_contact = true

[when]
hours = "school"
max_age = "30d"

[with]
picture = "any"

[[signal]]
name = "words"
terms = ["one two", "keep~ three"]
lists = ["places"]

[[signal]]
name = "number"
regex = ['\bcode \d{4}\b']
check = "luhn"

[[signal]]
name = "near"
near = { a = "words", b = "number", words = 6, ordered = true, same_sentence = true }

[[signal]]
name = "many"
count = { of = ["words", "number"], at_least = 3 }

[decide]
fire = "near or many"
score = 40

[[adjust]]
when = "many"
add = 30
because = "repeated"

[[except_phrase]]
terms = ["one two three"]
reason = "counting"
until = 2027-08-31

[[exception]]
when = { sender = "coach@club.example" }
reason = "a club"
by = "technician"
until = 2027-08-31

[[example]]
expect = "match"
text = "one two, code 1230, one two, one two"

[[example]]
expect = "match"
subject = "one two"
field = "body"
text = "one two, code 1230, keeps three"

[[example]]
expect = "no-match"
text = "four"

[[example]]
expect = "no-match"
text = "five"
sender = "staff"

[[history]]
date = 2026-11-22
by = "a test"
note = "made up"
"#;

/// What is put in place of every value in turn.
const VALUES: [&str; 14] = [
    "",
    "0",
    "-9223372036854775808",
    "99999999999999999999999999",
    "nan",
    "true",
    "\"\"",
    "\"\\u0000\"",
    "\"\u{202e}\u{1f469}\u{200d}\u{1f467}\"",
    "[]",
    "[[], {}]",
    "{ a = { b = [1, \"x\"] } }",
    "2026-13-45",
    "'''\n\n'''",
];

const REGEXES: [&str; 16] = [
    "(a+)+$",
    "(x+x+)+y",
    "(.*)*",
    "(.*.*)+z",
    "([a-z]+)*\\d",
    "(a|aa)+b",
    "((a{0,99}){0,99}){0,99}",
    "[a-z]{900}[a-z]{900}",
    "(?:a?){64}a{64}",
    "(?i)\\w{1,500}\\w{1,500}",
    "\\b\\b\\b",
    "^$",
    "(?:(?:(?:(?:x{9}){9}){9}){9})",
    "a{1000000000}",
    "\\x{110000}",
    "(?<n>a)(?<n>b)",
];

/// Every file, with a name.
fn files() -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut add = |name: String, octets: Vec<u8>| files.push((name, octets));
    let with = |from: &str, to: &str| RULE.replacen(from, to, 1).into_bytes();

    for (number, line) in RULE.lines().enumerate() {
        if let Some((key, _)) = line.split_once(" = ") {
            for value in VALUES {
                add(format!("value `{value}` in line {number}"), with(line, &format!("{key} = {value}")));
            }
            add(format!("line {number} twice"), with(line, &format!("{line}\n{line}")));
        }
        add(format!("without line {number}"), with(&format!("{line}\n"), ""));
        add(format!("an unknown key before line {number}"), with(line, &format!("zzz = 1\n{line}")));
    }
    for regex in REGEXES {
        for copies in [1, 50, 1_000] {
            let regexes = format!("regex = [{}]\nneeds_literal = false", format!("'{regex}',").repeat(copies));
            add(format!("{copies} of {regex}"), with("regex = ['\\bcode \\d{4}\\b']", &regexes));
        }
    }
    for (name, fire) in [
        ("brackets", "(".repeat(100_000)),
        ("nots", "not ".repeat(100_000)),
        ("a long sum", "words or ".repeat(110) + "near or many"),
        ("closed", ")".repeat(100)),
    ] {
        add(format!("fire of {name}"), with("near or many", &fire));
    }
    for (name, terms) in [
        ("a hundred thousand terms", numbered(100_000, "term ")),
        ("a hundred thousand terms without a word", "\"!\",".repeat(100_000)),
        ("inflections without end", numbered(20_000, "ab~ cd~ ef~ ")),
        ("a long term", format!("\"{}\"", "long ".repeat(300_000))),
        ("a long term of tildes", format!("\"a{}\"", "~".repeat(190))),
        ("a line of ten million octets", format!("\"{}\"", "x".repeat(10_000_000))),
    ] {
        add(name.to_owned(), with("\"one two\",", &format!("{terms}, ").replace(",, ", ", ")));
    }
    for (name, what) in [
        ("arrays", "[".repeat(100_000)),
        ("inline tables", "{ a = ".repeat(100_000)),
        ("strings", "\"".repeat(100_000)),
        ("escapes", format!("\"{}\"", "\\u0041".repeat(100_000))),
    ] {
        add(format!("deep or many {name}"), with("\"A made-up rule without a fault\"", &what));
    }
    add("a dotted key without end".to_owned(), with("level = 4", &format!("{}x = 1", "a.".repeat(50_000))));
    add("a table header without end".to_owned(), [RULE.as_bytes(), format!("[{}x]\n", "a.".repeat(50_000)).as_bytes()].concat());
    for (table, count) in [
        ("[[signal]]\nname = \"s\"\nterms = [\"x\"]\n", 50_000),
        ("[[adjust]]\nwhen = \"many\"\nadd = 1\nbecause = \"x\"\n", 20_000),
        ("[[example]]\nexpect = \"match\"\ntext = \"x\"\n", 40_000),
        ("[[history]]\ndate = 2026-11-22\nby = \"x\"\nnote = \"x\"\n", 30_000),
    ] {
        add(format!("{count} of {}", table.lines().next().unwrap_or_default()), [RULE, &table.repeat(count)].concat().into_bytes());
    }
    add("as UTF-16".to_owned(), [0xff, 0xfe].into_iter().chain(RULE.encode_utf16().flat_map(u16::to_le_bytes)).collect());
    add(
        "as UTF-16, the other way round".to_owned(),
        [0xfe, 0xff].into_iter().chain(RULE.encode_utf16().flat_map(u16::to_be_bytes)).collect(),
    );
    add("as Latin-1".to_owned(), [&with("A made-up", "A caf")[..80], b"\xe9", &RULE.as_bytes()[80..]].concat());
    add("an overlong letter".to_owned(), [&RULE.as_bytes()[..40], b"\xc0\xaf", &RULE.as_bytes()[40..]].concat());
    add("with NUL".to_owned(), with("made-up rule", "made\0up rule"));
    add("nothing but NUL".to_owned(), vec![0; 100_000]);
    add("with carriage returns alone".to_owned(), RULE.replace('\n', "\r").into_bytes());
    add("nothing".to_owned(), Vec::new());
    for place in (0..RULE.len()).step_by(7) {
        add(format!("cut off at {place}"), RULE.as_bytes()[..place].to_vec());
    }
    files
}

/// So many terms, each another.
fn numbered(count: u32, term: &str) -> String {
    (0..count).flat_map(|number| ["\"".to_owned(), term.to_owned(), number.to_string(), "\",".to_owned()]).collect()
}

fn bundle(octets: Vec<u8>) -> Bundle {
    let rules = vec![SourceFile { path: "rules/bullying/made-up.toml".into(), octets }];
    let word_lists = vec![SourceFile { path: "rules/lists/places.txt".into(), octets: b"amber hill\n".to_vec() }];
    Bundle { rules, word_lists, ..Bundle::default() }
}

#[test]
fn a_thousand_hostile_rule_files_are_refused_for_what_they_are_and_soon() {
    // In a process of its own: a stack that overflows ends the process.
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "each_file_by_itself", "--ignored", "--nocapture", "--test-threads", "1"]);
    let ended = child.output().unwrap();
    let told = String::from_utf8_lossy(&ended.stdout);
    let last = told.lines().rfind(|line| line.starts_with("file ")).unwrap_or_default();
    assert!(ended.status.success(), "{} at {last}: {}", ended.status, String::from_utf8_lossy(&ended.stderr));
    let tried = told.lines().filter(|line| line.starts_with("file ")).count();
    assert!(tried >= FEWEST, "only {tried}");
}

#[test]
#[ignore = "run by the test above, in a process of its own"]
fn each_file_by_itself() {
    for (name, octets) in files() {
        writeln!(std::io::stdout(), "\nfile {name}").unwrap();
        let begun = Instant::now();
        let faults = check(&bundle(octets)).err().unwrap_or_default();
        let took = begun.elapsed();
        assert!(took < LONGEST, "{name}: {took:?}");
        for fault in &faults {
            assert!(fault.at.is_some() && !fault.why.is_empty() && !fault.hint.is_empty(), "{name}: {fault}");
            assert!(fault.to_string().len() < 10_000, "{name}: a fault that nobody reads");
        }
        assert!(faults.len() <= 60, "{name}: {} faults", faults.len());
    }
}

#[test]
fn line_ends_and_a_mark_at_the_beginning_make_no_difference() {
    for (name, text) in [("LF", RULE.to_owned()), ("CRLF", RULE.replace('\n', "\r\n")), ("a byte order mark", format!("\u{feff}{RULE}"))] {
        let checked = check(&bundle(text.into_bytes()));
        let told = checked.err().map(|faults| faults[0].to_string());
        assert_eq!(told, None, "{name}");
    }
}
