//! Documents of the shared test set: what is read of them against what other programs read, what stays unread, and what
//! damage does. Documents of real people are among them: nothing here prints more than names and counts.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::{Duration, Instant};

use super::*;
use crate::corpus;

const FOLDERS: [&str; 2] = ["pdf", "office"];
/// Of the words that the other program reads; the rest are words that it takes apart otherwise.
const RECALL: f64 = 0.99;
/// What is read of one damaged document, unoptimised and on a busy machine.
const LONGEST: Duration = Duration::from_secs(20);

fn attached(octets: &[u8]) -> Vec<u8> {
    let header = b"Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=it\r\nContent-Transfer-Encoding: binary\r\n\r\n";
    [header.as_slice(), octets].concat()
}

fn extracts(document: &[u8]) -> Extracts {
    let mail = attached(document);
    read(Mail::parse(&mail).as_ref(), &mail, |_| ()).0
}

/// How often each word stands in a text.
fn words(text: &str) -> BTreeMap<&str, usize> {
    let mut words = BTreeMap::new();
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        *words.entry(word).or_default() += 1;
    }
    words
}

/// What another program writes of one document; `None` where it cannot read it.
fn told(program: &str, arguments: &[&str], file: &str) -> Option<String> {
    let path = corpus::path(file);
    let output = Command::new(program).args(arguments.iter().map(|argument| argument.replace("{}", &path.display().to_string()))).output();
    let output = output.ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Of all words that another program reads in documents of one kind, how many are found.
fn recall(folder: &str, kind: &str, program: &str, arguments: &[&str]) -> Option<f64> {
    let (mut wanted, mut found, mut files) = (0, 0, 0);
    for (name, octets) in corpus::folder(folder).into_iter().filter(|(name, _)| name.ends_with(kind)) {
        let Some(theirs) = told(program, arguments, &name) else { continue };
        let ours: Vec<_> = extracts(&octets).texts.into_iter().map(|text| text.text).collect();
        let (ours, theirs) = (ours.join("\n"), words(&theirs));
        let ours = words(&ours);
        files += 1;
        wanted += theirs.values().sum::<usize>();
        found += theirs.iter().map(|(word, count)| count.min(ours.get(word).unwrap_or(&0))).sum::<usize>();
    }
    if files == 0 {
        corpus::say(&format!("{program} reads no {kind} here: no recall was measured"));
        return None;
    }
    #[allow(clippy::cast_precision_loss, reason = "a share of some ten thousand words")]
    let recall = found as f64 / wanted as f64;
    corpus::say(&format!("{found} of {wanted} words that {program} reads in {files} {kind}: {recall:.4}"));
    Some(recall)
}

#[test]
fn the_words_that_pdftotext_reads_are_found() {
    let recall = recall("pdf", ".pdf", "pdftotext", &["{}", "-"]);
    assert!(recall.is_none_or(|recall| recall >= RECALL), "{recall:?}");
}

#[test]
fn the_words_that_python_docx_reads_are_found() {
    let program = "import docx,sys\nfor p in docx.Document(sys.argv[1]).element.body.iter('{http://schemas.openxmlformats.org/wordprocessingml/2006/main}p'):\n print(''.join(t.text or '' for t in p.iter('{http://schemas.openxmlformats.org/wordprocessingml/2006/main}t')))";
    let recall = recall("office", ".docx", "/usr/bin/python3", &["-W", "ignore", "-c", program, "{}"]);
    assert!(recall.is_none_or(|recall| recall >= RECALL), "{recall:?}");
}

/// Each with the reasons, and why that is right: it was looked at.
#[test]
fn every_document_that_stays_unread_is_in_the_reviewed_list() {
    let reviewed = include_str!("../../tests/unread/documents.tsv").lines().filter(|line| !line.starts_with('#'));
    let reviewed: BTreeSet<(String, String)> = reviewed
        .filter_map(|line| {
            let mut columns = line.split('\t');
            let (file, reasons, why) = (columns.next()?, columns.next()?, columns.next()?);
            assert!(!why.trim().is_empty(), "{file}: no word on why that is right");
            Some((file.to_owned(), reasons.to_owned()))
        })
        .collect();
    let mut unread = BTreeSet::new();
    let mut files = 0;
    for (name, octets) in FOLDERS.into_iter().flat_map(corpus::folder) {
        files += 1;
        let reasons: BTreeSet<_> = extracts(&octets).incomplete.into_iter().map(|incomplete| incomplete.reason.as_str()).collect();
        if !reasons.is_empty() {
            unread.insert((name, reasons.into_iter().collect::<Vec<_>>().join(" ")));
        }
    }
    if files > 0 {
        let new: Vec<_> = unread.difference(&reviewed).collect();
        let gone: Vec<_> = reviewed.difference(&unread).collect();
        assert!(new.is_empty() && gone.is_empty(), "not in the list: {new:#?}\nin the list and read, or of another reason: {gone:#?}");
    }
}

/// A generator without a seed from outside: the same damage in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap_or(0)
    }
}

/// Formats that say where they end, or that are looked through for what is missing. Of zip only the end tells.
fn has_an_end(octets: &[u8]) -> bool {
    [b"%PDF-".as_slice(), b"{\\rtf", b"\xd0\xcf\x11\xe0"].iter().any(|magic| octets.starts_with(magic))
}

/// Documents larger than this take too long to be read a dozen times in a test run.
const LARGEST: usize = 100 << 10;

#[test]
fn a_document_that_is_cut_off_is_never_read_as_whole() {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let (mut tried, mut wrong) = (0, Vec::new());
    for (name, octets) in FOLDERS.into_iter().flat_map(corpus::folder).filter(|(_, octets)| octets.len() < LARGEST) {
        let whole = extracts(&octets);
        let all: Vec<_> = whole.texts.iter().map(|text| text.text.as_str()).collect();
        for _ in 0..4 {
            let cut = &octets[..dice.below(octets.len()).max(8)];
            let begun = Instant::now();
            let read = extracts(cut);
            assert!(begun.elapsed() < LONGEST, "{name} cut to {} octets takes {:?}", cut.len(), begun.elapsed());
            tried += 1;
            let kept: Vec<_> = read.texts.iter().map(|text| text.text.as_str()).collect();
            if has_an_end(cut) && read.incomplete.is_empty() && whole.incomplete.is_empty() && kept != all {
                wrong.push((name.clone(), cut.len()));
            }
        }
    }
    corpus::say(&format!("{tried} cut documents"));
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn no_damage_to_a_document_stops_its_examination() {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let mut tried = 0;
    for (name, octets) in FOLDERS.into_iter().flat_map(corpus::folder).filter(|(_, octets)| octets.len() < LARGEST) {
        for _ in 0..8 {
            let mut damaged = octets.clone();
            for _ in 0..=dice.below(12) {
                let at = dice.below(damaged.len());
                damaged[at] ^= 1 << dice.below(8);
            }
            let begun = Instant::now();
            extracts(&damaged);
            assert!(begun.elapsed() < LONGEST, "{name}, damage {tried}, takes {:?}", begun.elapsed());
            tried += 1;
        }
    }
    corpus::say(&format!("{tried} damaged documents"));
}
