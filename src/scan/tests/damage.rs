//! Files of every kind, broken off and with bits turned: what comes of it is a report, in time, and never silence.

use std::time::{Duration, Instant};

use super::*;
use crate::corpus;

/// Of one message, unoptimised and on a busy machine: the budget's own time, and as much again.
const IN_TIME: Duration = Duration::from_secs(30);
const FOLDERS: [&str; 6] = ["archive", "hazards", "mail", "mbox", "outlook-msg", "tnef"];

/// Our own samples, and those of the test set where it is there, each as a message.
fn messages() -> Vec<(String, Vec<u8>)> {
    let own = containers::samples().into_iter();
    let shared = FOLDERS.into_iter().flat_map(corpus::folder);
    let as_message = |(name, octets): (String, Vec<u8>)| {
        let is_mail = name.starts_with("mail/") || name.ends_with("eml");
        let octets = if is_mail { octets } else { with_files(&[("it", &octets)]).into_bytes() };
        (name, octets)
    };
    own.chain(shared).map(as_message).collect()
}

fn damaged(octets: &[u8], changes: &mut Changes) -> Vec<u8> {
    let mut octets = octets.to_vec();
    let way = changes.below(3);
    if way != 0 {
        octets.truncate(changes.below(octets.len()));
    }
    if way != 1 && !octets.is_empty() {
        for _ in 0..=changes.below(8) {
            let at = changes.below(octets.len());
            octets[at] ^= 1 << changes.below(8);
        }
    }
    octets
}

/// So many damaged messages, spread over all files: how many were tried, and which took longest.
fn try_damaged(most: usize) -> (usize, Duration, String) {
    let messages = messages();
    let detectors = Detectors::compile(&Bundle::default()).unwrap_or_else(|_| panic!("an empty bundle compiles"));
    let rounds = most.div_ceil(messages.len());
    let one = |(index, (name, octets)): (usize, &(String, Vec<u8>))| {
        let mut changes = Changes(0x9e37_79b9_7f4a_7c15 ^ (index as u64) << 17);
        let mut slowest = Duration::ZERO;
        for round in 0..rounds {
            let octets = damaged(octets, &mut changes);
            let began = Instant::now();
            let report = examine(&Caged::for_tests(), &octets, &detectors, false);
            let took = began.elapsed();
            assert!(took < IN_TIME, "{name}, round {round}: {took:?}");
            if round == 0 {
                nothing_is_passed_over(name, &octets, &detectors, &report);
            }
            slowest = slowest.max(took);
        }
        (rounds, slowest, name.clone())
    };
    let tried: Vec<_> = messages.par_iter().enumerate().map(one).collect();
    let slowest = tried.iter().max_by_key(|(_, took, _)| *took).unwrap();
    (tried.iter().map(|(rounds, ..)| rounds).sum(), slowest.1, slowest.2.clone())
}

/// Whatever is opaque is named as unread, or lies in something that is.
fn nothing_is_passed_over(name: &str, octets: &[u8], detectors: &Detectors, report: &Report) {
    let tree = tree(&Caged::for_tests(), octets, detectors, false);
    for branch in tree.branches.iter().filter(|branch| branch.media_type == "application/octet-stream") {
        let is_named = report.incomplete.iter().any(|unread| unread.part == branch.part);
        assert!(is_named || branch.part.contains('/') || report.incomplete.len() == MOST, "{name}: {} is not named", branch.part);
    }
}

#[test]
fn no_damage_to_any_file_stops_the_examination_or_outlasts_it() {
    let (tried, ..) = try_damaged(1_000);
    assert!(tried >= 1_000, "{tried}");
}

/// `make damage`: how many, `DAMAGED` says.
#[test]
#[ignore = "takes a minute, optimised"]
fn a_quarter_of_a_million_damaged_files_stop_nothing() {
    let most = std::env::var("DAMAGED").map_or(250_000, |number| number.parse().expect("a number"));
    let (tried, slowest, name) = try_damaged(most);
    let told = format!("tried {tried} damaged files: none stopped the examination, the slowest took {slowest:?} ({name})\n");
    std::io::stderr().write_all(told.as_bytes()).unwrap();
    assert!(tried >= most && most > 0, "{tried} of {most}");
}

#[test]
fn mail_that_never_ends_is_cut_off_and_said_to_be() {
    let level = |level| format!("Content-Type: multipart/mixed; boundary=b{level}\r\n\r\n--b{level}\r\n");
    let deep = (0..10_000).map(level).collect::<Vec<_>>().concat();
    let many = "Content-Type: multipart/mixed; boundary=b\r\n\r\n".to_owned() + &"--b\r\n\r\nx\r\n".repeat(1_000_000);
    for (what, octets) in [("10,000 levels", deep), ("1,000,000 parts", many)] {
        let began = Instant::now();
        let report = report(octets);
        assert!(report.incomplete.iter().any(|unread| unread.reason == Reason::Budget), "{what}");
        assert!(began.elapsed() < IN_TIME, "{what}");
    }
    let long = format!("Subject: {}\r\nX: {}\r\n\r\namber", "a".repeat(32 << 20), "b".repeat(32 << 20));
    let began = Instant::now();
    let seen = see(long);
    assert!(seen.says("amber") && seen.lacks("", Reason::Budget), "a subject longer than any text is cut, and it is said");
    assert!(began.elapsed() < IN_TIME);
}

#[test]
fn bombs_of_every_packing_are_cut_off_and_what_lies_beside_them_is_read() {
    let zeros = vec![0_u8; 120 << 20];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&zeros).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&zeros).unwrap();
    // A dictionary of 4 GiB less one octet, for a handful of data.
    let lzma = [&[0x5d, 0xff, 0xff, 0xff, 0xff][..], &[0xff; 8], &[0; 32]].concat();
    for (name, bomb, reason) in [
        ("a.gz", gzip.finish().unwrap(), Some(Reason::Budget)),
        ("a.bz2", bzip2.finish().unwrap(), Some(Reason::Budget)),
        ("a.lzma", lzma, None),
    ] {
        let seen = see(with_files(&[(name, &bomb), ("good.zip", &zip_of(&[("b.txt", b"heron beside the bomb")]))]));
        assert!(seen.says("heron beside the bomb"), "{name}");
        assert!(!seen.incomplete.is_empty(), "{name}");
        assert!(reason.is_none_or(|reason| seen.incomplete.iter().any(|(_, said)| *said == reason)), "{name}: {:?}", seen.incomplete);
    }
}

/// What lies beside a bomb in one container, on one level and below, in whatever order.
#[test]
fn a_bomb_takes_nothing_from_what_lies_beside_it_in_one_container() {
    let zeros = vec![0_u8; 60 << 20];
    let layer = |name: &str| zip_of(&[(name, &zeros), ("more", &zeros), ("most", &zeros)]);
    let bomb = zip_of(&[("a.zip", &layer("a")), ("b.zip", &layer("b")), ("c.zip", &layer("c"))]);
    let many = (0..3_000).map(|number| (number.to_string(), b"x".as_slice())).collect::<Vec<_>>();
    let crowd = zip_of(&many.iter().map(|(name, octets)| (name.as_str(), *octets)).collect::<Vec<_>>());
    let good = zip_of(&[("good.txt", b"heron beside the bomb")]);
    for (what, bomb) in [("octets", &bomb), ("members", &crowd)] {
        let archive = zip_of(&[("0.zip", bomb), ("1.zip", &good), ("2.zip", bomb)]);
        let message = with_files(&[("0.zip", bomb), ("1.zip", &good), ("2.zip", bomb)]).into_bytes();
        for (container, octets) in [("a.zip", &archive), ("a.eml", &message)] {
            let seen = see(with_files(&[(container, octets)]));
            assert!(seen.says("heron beside the bomb"), "{what} in {container}");
            assert!(seen.incomplete.iter().any(|(_, reason)| *reason == Reason::Budget), "{what} in {container}: {:?}", seen.incomplete);
        }
    }
}
