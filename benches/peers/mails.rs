//! The mail and the terms that both sides are fed: the corpus where there is one, made up where there is none.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use lettre::message::header::ContentType;
use lettre::message::{Attachment, Message as Letter, MultiPart, SinglePart};

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
    terms_of(TERMS)
}

/// 100, 1,000 or 10,000 terms.
pub fn terms_of(count: usize) -> Result<Vec<String>> {
    let file = corpus().join(format!("text-data/terms_{count}.txt"));
    if file.is_file() {
        return Ok(fs::read_to_string(file)?.lines().map(str::trim).filter(|term| !term.is_empty()).map(str::to_owned).collect());
    }
    eprintln!("# {} is absent: the terms are made up", file.display());
    Ok((0..count).map(made_up).collect())
}

/// The flags and the expressions of rules that somebody uses against spam.
pub fn regexes() -> Result<Vec<(String, String)>> {
    let file = corpus().join("text-data/regex500.tsv");
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let fields = |line: &str| line.splitn(3, '\t').skip(1).map(str::to_owned).collect::<Vec<_>>();
    Ok(text.lines().filter_map(|line| fields(line).try_into().ok()).map(|[flags, expression]: [String; 2]| (flags, expression)).collect())
}

/// The texts of ordinary mail of real people, or of made-up mail.
pub fn texts() -> Result<Vec<String>> {
    let file = corpus().join("text-data/sa_ham.jsonl.gz");
    if !file.is_file() {
        eprintln!("# {} is absent: the mail is made up", file.display());
        return Ok(ordinary(500, &[]).into_iter().map(|mail| String::from_utf8_lossy(&mail).into_owned()).collect());
    }
    let unpacked = Command::new("gzip").arg("-dc").arg(&file).output()?;
    let lines = unpacked.stdout.split(|octet| *octet == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| Ok(serde_json::from_slice::<Labelled>(line)?.t)).collect()
}

#[derive(serde::Deserialize)]
struct Labelled {
    t: String,
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
pub fn corpus() -> PathBuf {
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
pub fn roll(dice: &mut u64, sides: usize) -> usize {
    *dice = dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *dice;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).unwrap_or(0)
}

/// Made-up mail of a school day, about 90 kB each on average: of twenty messages fourteen are text, two bring a photograph,
/// two a newsletter of 300 kB as PDF, one a file of 600 kB of a kind that nobody knows, and one is forwarded with its attachment.
pub fn school_day(count: usize) -> Result<Vec<Vec<u8>>> {
    let photographs = [fs::read("tests/school/known/harbour.jpg")?, fs::read("tests/school/known/mill.jpg")?];
    let mut dice = 0x5eed_u64;
    let mut noise = |octets: usize| (0..octets).map(|_| u8::try_from(roll(&mut dice, 256)).unwrap_or_default()).collect::<Vec<_>>();
    ordinary(count, &[])
        .into_iter()
        .enumerate()
        .map(|(number, text)| match number % 20 {
            14 | 15 => attached(number, "image/jpeg", photographs[number % 2].clone()),
            16 | 17 => attached(number, "application/pdf", newsletter(&text, &photographs)),
            18 => attached(number, "application/octet-stream", noise(600_000)),
            19 => attached(number, "message/rfc822", attached(number, "image/jpeg", photographs[number % 2].clone())?),
            _ => Ok(text),
        })
        .collect()
}

/// A PDF of one page: these words, and the photographs three times each.
fn newsletter(words: &[u8], photographs: &[Vec<u8>]) -> Vec<u8> {
    let words = String::from_utf8_lossy(words);
    let lines: Vec<_> = words.lines().map(|line| format!("({}) Tj T*", line.replace(['(', ')', '\\'], " "))).collect();
    let page = format!("BT /F1 9 Tf 10 TL 40 800 Td\n{}\nET\n", lines.join("\n"));
    let stream =
        |head: &str, octets: &[u8]| [format!("<<{head} /Length {}>>\nstream\n", octets.len()).as_bytes(), octets, b"\nendstream"].concat();
    let pictures: Vec<_> = std::iter::repeat_n(photographs, 3).flatten().collect();
    let names: Vec<_> = (0..pictures.len()).map(|number| format!("/P{number} {} 0 R", number + 6)).collect();
    let mut objects = vec![
        b"<</Type /Catalog /Pages 2 0 R>>".to_vec(),
        b"<</Type /Pages /Kids [3 0 R] /Count 1>>".to_vec(),
        format!("<</Type /Page /Parent 2 0 R /Contents 4 0 R /Resources <</Font <</F1 5 0 R>> /XObject <<{}>>>>>>", names.join(" "))
            .into_bytes(),
        stream("", page.as_bytes()),
        b"<</Type /Font /Subtype /Type1 /BaseFont /Helvetica>>".to_vec(),
    ];
    let head = "/Type /XObject /Subtype /Image /Width 640 /Height 480 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode";
    objects.extend(pictures.iter().map(|picture| stream(head, picture)));
    let mut file = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        places.push(format!("{:010} 00000 n\r\n", file.len()));
        file.extend([format!("{} 0 obj\n", number + 1).as_bytes(), object, b"\nendobj\n"].concat());
    }
    let (start, size) = (file.len(), objects.len() + 1);
    let places = places.concat();
    let end = format!("xref\n0 {size}\n0000000000 65535 f\r\n{places}trailer\n<</Size {size} /Root 1 0 R>>\nstartxref\n{start}\n%%EOF\n");
    file.extend(end.into_bytes());
    file
}

fn attached(number: usize, media_type: &str, octets: Vec<u8>) -> Result<Vec<u8>> {
    let text = SinglePart::plain(format!("Please find attachment {number}.\r\n"));
    let file = Attachment::new(format!("file-{number}")).body(octets, ContentType::parse(media_type)?);
    let letter =
        Letter::builder().from("office@school.example".parse()?).to("tutor@school.example".parse()?).subject(format!("File {number}"));
    Ok(letter.multipart(MultiPart::mixed().singlepart(text).singlepart(file))?.formatted())
}
