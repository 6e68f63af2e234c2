//! Whole messages against what other parsers read of them: our own school's, files made to mislead, and, where they are present,
//! the real ones of the shared test set. Messages of real people are among those: nothing here prints more than names and counts.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::*;
use crate::corpus;
use crate::finding::Reason::{Budget as OverBudget, Damaged, Unsupported};
use crate::wire::Bundle;

/// As the reference lists them: the first half of the SHA-256.
fn digest(octets: &[u8]) -> String {
    hex::encode(&Sha256::digest(octets)[..16])
}

#[test]
fn leaves_of_our_own_school_are_those_of_pythons_parser() {
    let parts = String::from_utf8(corpus::own("school/parts.tsv")).unwrap();
    let (mut leaves, mut files) = (0, 0);
    let mut lines: Vec<Vec<_>> = parts.lines().map(|line| line.split('\t').collect()).collect();
    lines.sort();
    for message in lines.chunk_by(|one, next| one[0] == next[0]) {
        let octets = corpus::own(&format!("school/mail/{}", message[0][0]));
        let mail = Mail::parse(&octets).unwrap();
        let mut budget = Budget::MESSAGE;
        let mut own: Vec<_> = mail.contents(&mut budget).leaves.iter().map(|leaf| hex::encode(Sha256::digest(&leaf.octets))).collect();
        let mut pythons: Vec<_> = message.iter().map(|line| line[3]).collect();
        own.sort();
        pythons.sort_unstable();
        assert_eq!(own, pythons, "{}", message[0][0]);
        let read: HashSet<_> =
            read(Some(&mail), &octets, |file| hex::encode(Sha256::digest(&file.octets))).1.into_iter().map(|(_, digest)| digest).collect();
        for file in message.iter().filter(|line| line[2] != "-") {
            assert!(read.contains(file[3]), "{}: {} was not seen", message[0][0], file[2]);
            files += 1;
        }
        leaves += message.len();
    }
    assert!(leaves >= 86 && files >= 14, "{leaves} leaves, {files} files");
}

#[test]
fn leaves_and_attachments_are_those_of_the_reference_parsers() {
    let Some(facts) = corpus::file("FACTS.jsonl") else { return };
    let facts = String::from_utf8(facts).unwrap();
    let agreed = facts.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()).filter(|fact| fact["agree_digests"] == true);
    let (mut leaves, mut attachments, mut missed_leaves, mut missed_attachments) = (0, 0, 0, 0);
    for fact in agreed {
        let octets = corpus::file(fact["file"].as_str().unwrap()).unwrap();
        let Some(mail) = Mail::parse(&octets) else { continue };
        let mut budget = Budget::MESSAGE;
        let own_leaves: HashSet<_> = mail.contents(&mut budget).leaves.iter().map(|leaf| digest(&leaf.octets)).collect();
        let own_files: HashSet<_> =
            read(Some(&mail), &octets, |file| digest(&file.octets)).1.into_iter().map(|(_, digest)| digest).collect();
        for part in fact["parts"].as_array().unwrap() {
            let wanted = part[4].as_str().unwrap();
            leaves += 1;
            missed_leaves += usize::from(!own_leaves.contains(wanted));
            if part[1].is_string() || part[2] == "attachment" {
                attachments += 1;
                missed_attachments += usize::from(!own_files.contains(wanted));
            }
        }
    }
    // Measured: 1 of 1,262 leaves, which is text with a file in uuencode: the file itself is found.
    assert!(leaves > 1_000 && attachments > 150, "{leaves} leaves, {attachments} attachments");
    assert!(missed_leaves <= 1, "{missed_leaves} of {leaves} leaves are others than the reference's");
    assert!(missed_attachments == 0, "{missed_attachments} of {attachments} attachments were not seen");
}

#[test]
fn hazards_are_read_or_named_as_unread() {
    let cases: [(&str, &str, Option<Reason>); 18] = [
        ("b64-garbage.eml", "hello world", None),
        ("bz2-bomb.bz2", "", Some(Unsupported)),
        ("cr-only.eml", "", None),
        ("dup-content-type.eml", "hidden part", None),
        ("gzip-triple.gz", "", Some(Unsupported)),
        ("mime-multipart-depth-2000.eml", "", Some(OverBudget)),
        ("mime-rfc822-depth-200.eml", "", Some(OverBudget)),
        ("no-final-boundary.eml", "first", None),
        ("nul-and-8bit.eml", "secret", None),
        ("prepend-junk.zip", "hidden text", None),
        ("rfc2231-split-name.eml", "\u{20ac} rates.exe", None),
        ("xz-bomb.xz", "", Some(Unsupported)),
        ("zip-depth-60.zip", "", Some(OverBudget)),
        ("zip-dup-names.zip", "second", None),
        ("zip-lies-size.zip", "", Some(Damaged)),
        ("zip-nested-10x5.zip", "", Some(OverBudget)),
        ("zip-overlap-2000.zip", "", Some(OverBudget)),
        ("zip-slip.zip", "evil.txt", None),
    ];
    assert_eq!(corpus::samples("hazards").iter().map(|(name, _)| &**name).collect::<Vec<_>>(), cases.map(|(name, ..)| name));
    for (name, words, reason) in cases {
        let octets = corpus::own(&format!("samples/hazards/{name}"));
        let is_mail = Path::new(name).extension() == Some("eml".as_ref());
        let octets = if is_mail { octets } else { attached(&octets) };
        let mail = Mail::parse(&octets);
        let (extracts, _) = read(mail.as_ref(), &octets, |_| ());
        assert!(extracts.texts.iter().any(|text| text.text.contains(words)), "{name}: words are missing");
        let reasons: HashSet<_> = extracts.incomplete.iter().map(|incomplete| incomplete.reason).collect();
        assert!(reason.is_none_or(|reason| reasons.contains(&reason)), "{name}: {reasons:?}");
    }
}

#[test]
fn ordinary_mail_is_read_whole() {
    let detectors = Detectors::compile(&Bundle::default()).unwrap_or_else(|_| panic!("an empty bundle compiles"));
    for (name, octets) in corpus::folder("ham") {
        let report = examine(&Caged::for_tests(), &octets, &detectors, false);
        assert!(report.parts > 0 && report.incomplete.is_empty(), "{name}: {:?}", report.incomplete);
    }
}

/// A message whose only part are these octets.
fn attached(octets: &[u8]) -> Vec<u8> {
    let header = b"Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=it\r\nContent-Transfer-Encoding: binary\r\n\r\n";
    [header.as_slice(), octets].concat()
}
