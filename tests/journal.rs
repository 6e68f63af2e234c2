//! A journal of many years is walked in the memory of a short one, and its first bad line is named.

use jiff::Timestamp;
use mailwarden::case::CaseId;
use mailwarden::desk::{Chain, Desk, DeskError};
use mailwarden::journal::{Actor, Broken, Event, How, JournalError};

const LINES: u64 = 100_000;
const AT_ONCE: u64 = 1_000;

#[test]
fn a_journal_of_a_hundred_thousand_lines_is_verified_and_read_in_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let desk = Desk::open(folder.path()).unwrap();
    let who = Actor::Account("Kim Linnet".to_owned());
    for first in (0..LINES).step_by(usize::try_from(AT_ONCE).unwrap()) {
        let seen = |number: u64| Event::FactsViewed { case: CaseId(number.cast_signed()), codename: "amber-heron-7".parse().unwrap() };
        desk.note_all(Timestamp::UNIX_EPOCH, &who, &(first..first + AT_ONCE).map(seen).collect::<Vec<_>>()).unwrap();
    }

    std::fs::write("/proc/self/clear_refs", "5").expect("a new peak");
    let before = kilobytes("VmHWM:");
    let chain = Chain::open(folder.path()).unwrap();
    assert_eq!(chain.verify().unwrap().entries, LINES);
    let (mut read, mut last) = (0, u64::MAX);
    while let Some(line) = chain.before(last, 200).unwrap().pop() {
        (read, last) = (read + 1, line.seq);
    }
    assert_eq!((read, last), (LINES / 200, 1), "the newest first, a page at a time");
    let grown = kilobytes("VmHWM:").saturating_sub(before);
    eprintln!("{LINES} lines: {grown} kB more at the peak");
    assert!(grown < 6_000, "the peak has grown by {grown} kB");

    let tables = rusqlite::Connection::open(folder.path().join("desk.db")).unwrap();
    tables.execute_batch("DROP TRIGGER journal_lines_stand").unwrap();
    tables.execute("UPDATE journal SET entry = replace(entry, 'Kim', 'Tim') WHERE seq = 77777", []).unwrap();
    let told = chain.verify();
    let expected = Broken { seq: 77_777, how: How::Changed };
    assert!(matches!(told, Err(DeskError::Journal(JournalError::Broken(found))) if found == expected), "{told:?}");
}

fn kilobytes(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find(|line| line.starts_with(what)).expect("a size");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}
