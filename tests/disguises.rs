//! Words in disguise: what is found of them, where it is marked, and what is found beside it in ordinary mail.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use mailwarden::finding::{Field, Location};
use mailwarden::scan::TextExtract;
use mailwarden::scan::detect::Detectors;
use mailwarden::wire::{Bundle, SourceFile};
use serde::Deserialize;

/// Typing errors: letters of the word are missing or stand elsewhere, and no reader can tell what was meant but by guessing.
const ERRORS: [&str; 3] = ["swap", "delete", "double"];

#[test]
fn every_trick_that_we_know_of_is_seen_through_and_marked() {
    let tricks = fs::read_to_string("tests/disguises/tricks.tsv").unwrap();
    let mut tried = 0;
    for line in tricks.lines().filter(|line| !line.starts_with('#')) {
        let [kind, disguise, term] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let text = format!("Bring what I call {disguise} tomorrow");
        let found = spans(&rules(&[term.to_owned()], "letters"), &text);
        let marked: Vec<_> = found.iter().map(|(_, (start, end))| text[*start..*end].trim_end_matches('\u{202c}')).collect();
        let whole = disguise.trim_end_matches('\u{202c}');
        assert!(marked.iter().any(|marked| *marked == whole || marked.trim() == whole), "{kind}: {disguise} as {marked:?}");
        tried += 1;
    }
    assert!(tried >= 40, "only {tried}");
}

#[test]
fn a_rule_that_wants_no_views_sees_through_nothing_but_what_is_invisible() {
    let rule = rules(&["sandwich".to_owned()], "none");
    for (text, count) in [("s4ndwich", 0), ("s.a.n.d.w.i.c.h", 0), ("sаndwісh", 0), ("s\u{200b}andwich", 1), ("ｓａｎｄｗｉｃｈ", 1)]
    {
        assert_eq!(spans(&rule, text).len(), count, "{text}");
    }
}

#[test]
fn numbers_codes_and_addresses_are_no_words_in_disguise() {
    let terms = [
        "ball", "bail", "sail", "sales", "isle", "bass", "test", "seed", "base", "sell", "able", "lose", "boss", "site", "deaf", "feed",
        "face", "cafe",
    ];
    let rule = rules(&terms.map(str::to_owned), "letters");
    for text in [
        "Meet at BA11 5LE or SE11 5AB, bus 84E",
        "10am to 5pm, 7s 6d, 50s music",
        "£5.11, $4.50 and 8@1.50",
        "deadbeef 5ee0 fee0 face0 0x5e11 c0ffee15",
        "dGVzdA== c2VsbA== NGZhY2U=",
        "part 5E11-B455 and S1TE2-0",
        "https://school.example/s3ll/b4se?x=7e5t",
        "b4se@school.example",
        "www.b4se.example/7e5t",
        "v1.5.1.3, 192.168.1.1, 1-2-03, 01632 960 123",
        "a b c d e f, A-F, 1 a 2 b 3 c",
        "QA12 3BC4 5DEF",
        "ISBN 978-0-306-40615-7",
        "H2SO4, C6H12O6, m3, CO2",
    ] {
        assert_eq!(spans(&rule, text), [], "{text}");
    }
}

#[test]
fn any_text_can_be_read_and_marked() {
    let letters: Vec<char> =
        "ki1l!|+@$*#.-_ \n\u{e9}\u{301}\u{336}\u{200b}\u{202e}\u{202c}\u{456}\u{1f1f0}\u{1f170}\u{26f}\u{6f22}\u{1f602}Kю0'\u{b7}ß\u{fdfa}"
            .chars()
            .collect();
    let rule = rules(&["kill".to_owned(), "kill ill".to_owned()], "letters");
    let mut seed = 9_u64;
    let mut found = 0;
    for _ in 0..20_000 {
        let text: String = (0..24)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                letters[usize::try_from(seed >> 33).unwrap() % letters.len()]
            })
            .collect();
        for (_, (start, end)) in spans(&rule, &text) {
            assert!(text.get(start..end).is_some_and(|marked| !marked.is_empty()), "{text:?} {start} {end}");
            found += 1;
        }
    }
    assert!(found > 5, "the texts hold no disguise: {found}");
}

#[test]
fn of_the_labelled_tricks_at_least_98_in_100_are_found_and_none_of_their_kinds_is_missed() {
    let (Some(rows), Some(terms)) = (labelled::<Trick>("evade.jsonl.gz"), data("ev_terms.txt")) else { return };
    let terms: Vec<String> = fs::read_to_string(terms).unwrap().lines().map(str::to_owned).collect();
    let rule = rules(&terms, "letters");
    let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for row in &rows {
        let found =
            spans(&rule, &row.t).into_iter().any(|(term, (start, end))| terms[term] == row.w && start <= row.a + 1 && end + 1 >= row.e);
        let (count, right) = kinds.entry(&row.k).or_default();
        *count += 1;
        *right += usize::from(found);
    }
    let tricks = kinds.iter().filter(|(kind, _)| !ERRORS.contains(kind));
    let (all, right) = tricks.clone().fold((0, 0), |(all, right), (_, kind)| (all + kind.0, right + kind.1));
    assert!(all >= 7_000 && right * 100 >= all * 99, "{right} of {all}: {kinds:?}");
    assert!(tricks.clone().all(|(_, (count, right))| right * 100 >= count * 96), "{kinds:?}");
}

#[test]
fn ordinary_mail_has_hardly_more_finds_in_the_views_than_without() {
    let (Some(mail), Some(chat), Some(terms)) =
        (labelled::<Text>("sa_ham.jsonl.gz"), labelled::<Text>("sms.jsonl.gz"), data("terms_10000.txt"))
    else {
        return;
    };
    let terms: Vec<String> = fs::read_to_string(terms).unwrap().lines().map(str::to_owned).collect();
    let (with, without) = (book(&terms, "letters"), book(&terms, "none"));
    let ordinary: Vec<_> = mail.iter().chain(&chat).filter(|text| text.y == 0).collect();
    let count = |book: &Detectors| ordinary.iter().filter(|text| !book.texts(&[extract(&text.t)]).is_empty()).count();
    let (with, without) = (count(&with), count(&without));
    assert!(ordinary.len() > 8_000 && with - without <= 12, "10,000 terms: {without} texts, {with} with all views, of {}", ordinary.len());
}

#[derive(Deserialize)]
struct Trick {
    k: String,
    w: String,
    t: String,
    a: usize,
    e: usize,
}

#[derive(Deserialize)]
struct Text {
    t: String,
    y: u8,
}

/// One rule for each term, so that it is known which was found.
fn rules(terms: &[String], evasion: &str) -> Detectors {
    let files = terms.iter().enumerate().map(|(number, term)| rule(number, std::slice::from_ref(term), evasion)).collect();
    Detectors::compile(&Bundle { rules: files, ..Bundle::default() }).unwrap_or_else(|faults| panic!("{}", faults[0]))
}

/// One rule for all terms.
fn book(terms: &[String], evasion: &str) -> Detectors {
    Detectors::compile(&Bundle { rules: vec![rule(0, terms, evasion)], ..Bundle::default() })
        .unwrap_or_else(|faults| panic!("{}", faults[0]))
}

fn rule(number: usize, terms: &[String], evasion: &str) -> SourceFile {
    let example = |expect: &str| format!("[[example]]\nexpect = \"{expect}\"\ntext = \"\"\n").repeat(2);
    let text = format!(
        "schema = 1\nid = \"scam.w-{number}\"\ntitle = \"A made-up rule\"\ncategory = \"scam\"\nstage = \"flag\"\nevasion = \"{evasion}\"\n[[signal]]\nname = \"a\"\n\
         terms = {terms:?}\n[decide]\nfire = \"a\"\nscore = 50\n{}{}[[history]]\ndate = 2026-11-22\nby = \"a test\"\nnote = \"made up\"\n",
        example("match"),
        example("no-match")
    );
    SourceFile { path: format!("rules/scam/w-{number}.toml").into(), octets: text.into_bytes() }
}

/// Which terms are found, and where.
fn spans(detectors: &Detectors, text: &str) -> Vec<(usize, (usize, usize))> {
    let number = |id: &str| id.trim_start_matches("scam.w-").parse().unwrap();
    detectors
        .texts(&[extract(text)])
        .into_iter()
        .filter_map(|(_, found)| Some((number(found.finding.rule.as_str()), found.span?)))
        .collect()
}

fn extract(text: &str) -> TextExtract {
    TextExtract { location: Location { part: "1".to_owned(), field: Field::Body, place: None }, text: text.to_owned(), places: Vec::new() }
}

/// A file of the data that is too large to ship; says so on stderr when it is absent.
fn data(name: &str) -> Option<PathBuf> {
    let corpus =
        std::env::var_os("MAILWARDEN_CORPUS").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from);
    let path = corpus.join("text-data").join(name);
    if !path.is_file() {
        let _ = writeln!(std::io::stderr(), "test data absent: {}", path.display());
        return None;
    }
    Some(path)
}

fn labelled<T: for<'de> Deserialize<'de>>(name: &str) -> Option<Vec<T>> {
    let unpacked = Command::new("gzip").arg("-dc").arg(data(name)?).output().unwrap().stdout;
    let lines = unpacked.split(|octet| *octet == b'\n').filter(|line| !line.is_empty());
    Some(lines.map(|line| serde_json::from_slice(line).unwrap()).collect())
}
