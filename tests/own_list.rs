//! A school's own list, against a real Dovecot: a picture of a held case is known when it comes again, and no picture is kept.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod support;

use std::fs;
use std::io::Cursor;
use std::process::Output;

use base64::prelude::{BASE64_STANDARD, Engine};
use image::imageops::FilterType;
use image::{DynamicImage, ImageFormat};
use mailwarden::finding::Kind;
use mailwarden::journal::{Actor, Event};
use mailwarden::vault::MemberIdentity;
use support::dovecot::Dovecot;
use support::smtp::Smtp;
use support::warden::{HELD, Warden};

const AMBER: &str = "amber@school.example";
const REASON: &str = "CANARY: it goes round the year group";

fn letter(text: &str, picture: &[u8]) -> Vec<u8> {
    let lines: Vec<_> =
        BASE64_STANDARD.encode(picture).into_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into_owned()).collect();
    format!(
        "From: Sender <sender@school.example>\r\nTo: {AMBER}\r\nSubject: look\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n{text}\r\n--b\r\n\
         Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        lines.join("\r\n")
    )
    .into_bytes()
}

/// Mirrored, at two thirds of its size, and compressed anew.
fn passed_on(picture: &[u8]) -> Vec<u8> {
    let whole = image::load_from_memory(picture).unwrap();
    let small = whole.fliph().resize(whole.width() * 2 / 3, whole.height() * 2 / 3, FilterType::Triangle);
    let mut octets = Vec::new();
    DynamicImage::from(small.to_rgb8()).write_to(&mut Cursor::new(&mut octets), ImageFormat::Jpeg).unwrap();
    octets
}

struct Desk {
    dovecot: Dovecot,
    warden: Warden,
    _smtp: Smtp,
}

impl Desk {
    fn new() -> Self {
        let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
        let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
        Self { dovecot, warden, _smtp: smtp }
    }

    fn deliver(&self, message: &[u8]) {
        self.dovecot.deliver(AMBER, message);
        self.warden.poll();
    }

    fn add(&self, more: &[&str]) -> Output {
        let mut command = self.warden.command("hashes add");
        command.arg("--case").arg(self.warden.cases()[0].row.codename.as_str()).arg("--identity").arg(self.warden.identity());
        command.args(["--reason", REASON]).args(more).output().unwrap()
    }

    fn lists(&self) -> Vec<String> {
        let mut lists: Vec<_> = fs::read_dir(self.warden.path().join("hashsets"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        lists.sort();
        lists
    }

    fn events(&self) -> Vec<Event> {
        let entries = self.warden.book().journal_end(2).unwrap();
        assert!(entries.iter().all(|entry| matches!(&entry.who, Actor::Member(name) if name == "Lead")));
        entries.into_iter().map(|entry| entry.event).collect()
    }
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_picture_of_a_case_is_known_when_it_comes_again() {
    let desk = Desk::new();
    let picture = fs::read("tests/pictures/baseline-444.jpg").unwrap();
    desk.deliver(&letter(HELD, &picture));

    let first = desk.add(&[]);
    assert!(told(&first).contains("1\t2\tno list\twhat looks like it too"), "{}", told(&first));
    assert_eq!(desk.lists(), [""; 0], "nothing is added before it is said which");
    let wrong = desk.add(&["--picture", "2"]);
    assert!(!wrong.status.success() && told(&wrong).contains("it has no picture 2"), "{}", told(&wrong));
    let added = desk.add(&["--picture", "1"]);
    assert!(added.status.success(), "{}", told(&added));
    assert!(matches!(&desk.events()[..], [Event::Viewed { .. }, Event::PicturesListed { pictures: 1, reason, .. }] if reason == REASON));
    let lists = ["ours-violence-dct16.txt", "ours-violence-gradient16.txt", "ours-violence-pdq.txt", "ours-violence-sha256.txt"];
    assert_eq!(desk.lists(), lists);
    let codename = desk.warden.cases()[0].row.codename.clone();
    for list in lists {
        let text = fs::read_to_string(desk.warden.path().join("hashsets").join(list)).unwrap();
        assert!(text.len() < 300 && text.ends_with(&format!("   # {codename}\n")), "fingerprints alone: {text}");
    }

    desk.deliver(&letter("no word of the rules", &passed_on(&picture)));
    let cases = desk.warden.cases();
    assert_eq!(cases.len(), 2, "the second appearance is a case of its own");
    assert!(cases[1].findings.iter().any(|found| found.kind == Kind::Picture && found.rule.as_str() == "violence.ours-violence-pdq"));
    desk.deliver(&letter("no word of the rules", &fs::read("tests/pictures/last-page.png").unwrap()));
    assert_eq!(desk.warden.cases().len(), 2, "another picture is none");

    let again = desk.add(&["--picture", "1"]);
    assert!(told(&again).contains("ours-violence-pdq.txt: 0 new"), "{}", told(&again));
}

#[test]
fn whose_key_does_not_open_the_case_adds_nothing() {
    let desk = Desk::new();
    desk.deliver(&letter(HELD, &fs::read("tests/pictures/baseline-444.jpg").unwrap()));
    let stranger = desk.warden.path().join("stranger.key");
    MemberIdentity::generate().write(&stranger).unwrap();
    let mut command = desk.warden.command("hashes add");
    command.arg("--case").arg(desk.warden.cases()[0].row.codename.as_str()).arg("--identity").arg(&stranger);
    let refused = command.args(["--reason", REASON, "--picture", "1"]).output().unwrap();
    assert!(!refused.status.success() && told(&refused).contains("this key is not among theirs"), "{}", told(&refused));
    assert_eq!(desk.lists(), [""; 0]);
    assert!(matches!(desk.warden.book().journal_end(1).unwrap()[0].event, Event::ViewRefused { .. }));
}

#[test]
fn a_broken_list_is_mended_before_anything_is_added() {
    let desk = Desk::new();
    desk.deliver(&letter(HELD, &fs::read("tests/pictures/baseline-444.jpg").unwrap()));
    fs::write(desk.warden.path().join("hashsets/mine.txt"), "no header\n").unwrap();
    let refused = desk.add(&["--picture", "1"]);
    assert_eq!(refused.status.code(), Some(78));
    assert!(told(&refused).contains("mine.txt:1"), "{}", told(&refused));
    assert_eq!(desk.lists(), ["mine.txt"]);
}
