//! The mail and the terms that both sides are fed: the corpus where there is one, made up where there is none.

use std::fs;
use std::path::{Path, PathBuf};

use super::Result;

const TERMS: usize = 1000;
/// Of made-up mail, every so many messages one holds a term.
const ONE_IN: usize = 16;
const WORDS: [&str; 64] = [
    "after", "again", "all", "and", "are", "art", "assembly", "away", "before", "book", "bring", "bus", "choir", "class", "club", "coach",
    "coat", "day", "desk", "drama", "early", "for", "form", "friday", "from", "games", "hall", "have", "history", "homework", "kit",
    "late", "lesson", "letter", "library", "lunch", "maths", "monday", "music", "next", "parents", "pencil", "please", "practice",
    "reading", "room", "school", "science", "should", "sports", "table", "term", "thanks", "the", "today", "trip", "tutor", "uniform",
    "until", "week", "when", "with", "year", "your",
];

/// 1,000 terms: words and short phrases.
pub fn terms() -> Result<Vec<String>> {
    let file = corpus().join("text-data/terms_1000.txt");
    if file.is_file() {
        return Ok(fs::read_to_string(file)?.lines().map(str::trim).filter(|term| !term.is_empty()).map(str::to_owned).collect());
    }
    eprintln!("# {} is absent: the terms are made up", file.display());
    Ok((0..TERMS).map(made_up).collect())
}

/// Ordinary mail of real people, or made-up mail in its stead.
pub fn ham(terms: &[String]) -> Result<Vec<Vec<u8>>> {
    let folder = corpus().join("corpus/ham");
    if !folder.is_dir() {
        eprintln!("# {} is absent: the mail is made up", folder.display());
        return Ok(ordinary(500, terms));
    }
    let mut files = fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<Vec<_>>>()?;
    files.sort();
    files.iter().map(|file| Ok(without_mbox_line(fs::read(file)?))).collect()
}

/// Made-up text mail of about 3 kB. With terms, one message in sixteen holds one; with none, nothing is to be found in any.
pub fn ordinary(count: usize, terms: &[String]) -> Vec<Vec<u8>> {
    let mut dice = 0x5eed_u64;
    (0..count)
        .map(|number| {
            let mut mail = format!(
                "From: Office <office@school.example>\r\nTo: Tutor <tutor@school.example>\r\nSubject: Notice {number}\r\n\
                 Date: Mon, 2 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{number}@school.example>\r\nMIME-Version: 1.0\r\n\
                 Content-Type: text/plain; charset=utf-8\r\n\r\n"
            );
            for word in 0..450 {
                mail.push_str(WORDS[roll(&mut dice, WORDS.len())]);
                mail.push_str(if word % 12 == 11 { "\r\n" } else { " " });
            }
            if number % ONE_IN == 0 && !terms.is_empty() {
                mail.push_str(&terms[number / ONE_IN % terms.len()]);
            }
            mail.push_str("\r\n");
            mail.into_bytes()
        })
        .collect()
}

/// Where the corpus lies: `MAILWARDEN_CORPUS`, or a neighbour of this project.
fn corpus() -> PathBuf {
    std::env::var_os("MAILWARDEN_CORPUS").map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared"), PathBuf::from)
}

/// Archives of single messages often begin with the line that an mbox has between two.
fn without_mbox_line(mail: Vec<u8>) -> Vec<u8> {
    match mail.iter().position(|&octet| octet == b'\n') {
        Some(end) if mail.starts_with(b"From ") => mail[end + 1..].to_vec(),
        _ => mail,
    }
}

/// Four syllables that no language has together.
fn made_up(number: usize) -> String {
    const SYLLABLES: [&str; 10] = ["zab", "qev", "xil", "vop", "juk", "wyz", "kaq", "zix", "gov", "puj"];
    [1000, 100, 10, 1].map(|place| SYLLABLES[number / place % 10]).concat()
}

/// A number below `sides`, the same in every run. Source: Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators".
fn roll(dice: &mut u64, sides: usize) -> usize {
    *dice = dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *dice;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap_or(0)
}
