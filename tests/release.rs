//! Releasing, against a real Dovecot: what was held comes back as it was, once, and for nobody but whose key opens it.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Output;

use jiff::Timestamp;
use mailwarden::case::PlaceState;
use mailwarden::casebook::CaseFacts;
use mailwarden::finding::Audience;
use mailwarden::journal::{Actor, Event};
use mailwarden::mail::{Arrival, FolderName};
use mailwarden::vault::{Member, MemberIdentity};
use mailwarden::watch::imap::{Folder, UidSet};
use support::dovecot::{Dovecot, PASSWORD};
use support::said;
use support::smtp::Smtp;
use support::warden::{HELD, Warden, message};

const AMBER: &str = "amber@school.example";
const HERON: &str = "heron@school.example";
const REASON: &str = "CANARY: a lesson on biology";
/// 2020-02-03 04:05:06 UTC
const ARRIVED: i64 = 1_580_702_706;

/// A school whose rules have held a message with flags and a date of its own.
struct Desk {
    dovecot: Dovecot,
    warden: Warden,
    _smtp: Smtp,
}

impl Desk {
    fn new() -> Self {
        let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
        let warden = Warden::new(&dovecot, &smtp, &[AMBER, HERON]);
        Self { dovecot, warden, _smtp: smtp }
    }

    async fn holding_in(folder: &str) -> Self {
        let desk = Self::new();
        desk.put(AMBER, folder, &letter()).await;
        desk.warden.poll();
        assert_eq!(desk.case().places[0].state, PlaceState::Removed);
        assert_eq!(desk.lying(AMBER, folder).await, []);
        desk
    }

    async fn put(&self, user: &str, folder: &str, octets: &[u8]) {
        let flags = ["\\Seen", "\\Answered", "$Forwarded"].map(str::to_owned);
        let folder = Folder::named(&FolderName(folder.to_owned()));
        self.dovecot.session(user).await.append(&folder, &flags, ARRIVED, octets.len() as u64, octets).await.expect("room for a message");
    }

    /// What lies in a folder, with its octets.
    async fn lying(&self, user: &str, folder: &str) -> Vec<(Arrival, Vec<u8>)> {
        let mut session = self.dovecot.session(user).await;
        let selected = session.examine(&Folder::named(&FolderName(folder.to_owned()))).await.expect("a folder");
        let listed = session.listing(&selected, &UidSet::from(1)).await.expect("a listing");
        let mut found = Vec::new();
        let mut fetch = session.fetch(&selected, &listed).expect("an open folder");
        while let Some((uid, message)) = fetch.next().await.expect("a message") {
            let mut octets = Vec::new();
            message.reader().read_to_end(&mut octets).expect("its octets");
            let mut arrival = listed.iter().find(|listed| listed.uid == uid).expect("a message that was listed").arrival.clone();
            arrival.flags.sort();
            found.push((arrival, octets));
        }
        found
    }

    /// A command that no part of mailwarden gives.
    fn imap(&self, user: &str, command: &str) {
        let mut server = BufReader::new(TcpStream::connect(("127.0.0.1", self.dovecot.imap)).expect("a connection"));
        write!(server.get_mut(), "a LOGIN {user} {PASSWORD}\r\nb {command}\r\n").expect("a connection");
        let answer = server.lines().map_while(Result::ok).find(|line| line.starts_with("b ")).expect("an answer");
        assert!(answer.starts_with("b OK"), "{answer}");
    }

    fn case(&self) -> CaseFacts {
        self.warden.cases().remove(0)
    }

    fn release_with(&self, identity: &std::path::Path) -> Output {
        let mut command = self.warden.command("release");
        command
            .arg(self.case().row.codename.as_str())
            .arg("--identity")
            .arg(identity)
            .args(["--reason", REASON])
            .output()
            .expect("the program")
    }

    fn release(&self) -> Output {
        self.release_with(&self.warden.identity())
    }

    /// The key of the evidence audience and of no other: what is withheld from now on is sealed to it.
    fn evidence_key(&self) -> PathBuf {
        let (identity, path) = (MemberIdentity::generate(), self.warden.path().join("evidence.key"));
        identity.write(&path).expect("a key file");
        let holder = Member { name: "Sealed envelope".to_owned(), recipient: identity.recipient() };
        self.warden.vault().ring().take(Audience::Evidence, holder).expect("a public half");
        path
    }

    /// The file of the sealed message.
    fn object(&self) -> PathBuf {
        let object = self.case().places[0].object.expect("a sealed message").object.to_string();
        self.warden.path().join("state/vault/objects").join(&object[..2]).join(format!("{object}.age"))
    }

    fn settle(&self, state: PlaceState) {
        let place = self.case().places[0].id;
        self.warden.book().settle(Timestamp::now(), &Actor::Program, place, state).expect("a place");
    }

    fn last_event(&self) -> (Actor, Event) {
        let entry = self.warden.book().journal_end(1).expect("a line").remove(0);
        (entry.who, entry.event)
    }
}

fn letter() -> Vec<u8> {
    message("held", HELD)
}

fn as_it_was() -> (Arrival, Vec<u8>) {
    let flags = ["$Forwarded", "\\Answered", "\\Seen"].map(str::to_owned).to_vec();
    (Arrival { flags, internal_date: ARRIVED, size: letter().len() as u64 }, letter())
}

#[tokio::test]
async fn what_was_held_comes_back_as_it_was_and_once() {
    let desk = Desk::holding_in("INBOX").await;
    assert_eq!(said(&desk.release()), (Some(0), format!("{AMBER}: back in INBOX\n")));
    assert_eq!(desk.lying(AMBER, "INBOX").await, [as_it_was()]);
    let case = desk.case();
    assert_eq!(case.places[0].state, PlaceState::Released);
    assert_eq!(case.released.unwrap().1, "Lead");
    assert!(matches!(desk.last_event(), (Actor::Member(name), Event::PlaceSettled { state: PlaceState::Released, .. }) if name == "Lead"));
    let decided = desk.warden.book().journal(1, 1_000).unwrap().into_iter().map(|entry| entry.event);
    assert_eq!(decided.filter(|event| matches!(event, Event::Released { reason, .. } if reason == REASON)).count(), 1);

    assert_eq!(said(&desk.release()), (Some(0), format!("{AMBER}: is back already\n")));
    desk.warden.poll();
    assert_eq!(desk.lying(AMBER, "INBOX").await, [as_it_was()], "the rule that was wrong holds it once more");
    assert_eq!(desk.warden.cases().len(), 1);
}

#[tokio::test]
async fn a_crash_between_the_append_and_its_record_makes_no_second_copy() {
    let desk = Desk::holding_in("Sent").await;
    assert_eq!(said(&desk.release()).0, Some(0));
    let place = desk.case().places[0].id;
    desk.warden.book().settle(Timestamp::now(), &Actor::Program, place, PlaceState::Removed).unwrap();
    assert_eq!(said(&desk.release()), (Some(0), format!("{AMBER}: lay there already, in Sent\n")));
    assert_eq!(desk.lying(AMBER, "Sent").await, [as_it_was()]);
    assert_eq!(desk.case().places[0].state, PlaceState::Released);
}

#[tokio::test]
async fn another_message_of_the_same_size_and_date_is_not_taken_for_it() {
    let desk = Desk::holding_in("INBOX").await;
    let other = String::from_utf8(letter()).unwrap().replace(HELD, "zanderfong").into_bytes();
    desk.put(AMBER, "INBOX", &other).await;
    assert_eq!(said(&desk.release()), (Some(0), format!("{AMBER}: back in INBOX\n")));
    let found: Vec<_> = desk.lying(AMBER, "INBOX").await.into_iter().map(|(_, octets)| octets).collect();
    assert_eq!(found, [other, letter()]);
}

#[tokio::test]
async fn where_the_folder_is_gone_it_comes_back_into_the_inbox() {
    let desk = Desk::new();
    desk.imap(AMBER, "CREATE \"Trips &- Tours\"");
    desk.put(AMBER, "Trips & Tours", &letter()).await;
    desk.warden.poll();
    assert_eq!(desk.case().places[0].state, PlaceState::Removed);
    desk.imap(AMBER, "DELETE \"Trips &- Tours\"");
    assert_eq!(said(&desk.release()), (Some(0), format!("{AMBER}: back in INBOX, because Trips & Tours is gone\n")));
    assert_eq!(desk.lying(AMBER, "INBOX").await, [as_it_was()]);
}

#[tokio::test]
async fn every_copy_comes_back_and_one_that_cannot_keeps_no_other() {
    let desk = Desk::new();
    for user in [AMBER, HERON] {
        desk.put(user, "INBOX", &letter()).await;
    }
    desk.warden.poll();
    let config = fs::read_to_string(desk.warden.config()).unwrap();
    // The first copy's mailbox is watched no more.
    let first = desk.case().places[0].place.mailbox.to_string();
    let second = if first == AMBER { HERON } else { AMBER };
    fs::write(desk.warden.config(), config.replace(&first, "other@school.example")).unwrap();
    let (code, told) = said(&desk.release());
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains(&format!("{second}: back in INBOX\n")), "{told}");
    assert!(told.contains(&format!("error: the copy of {first} is not back\n")) && told.contains("type the command again"), "{told}");
    assert_eq!(desk.lying(&first, "INBOX").await, []);

    fs::write(desk.warden.config(), config).unwrap();
    let (code, told) = said(&desk.release());
    assert!(code == Some(0) && told.contains(&format!("{first}: back in INBOX\n")) && told.contains("is back already"), "{told}");
    for user in [AMBER, HERON] {
        assert_eq!(desk.lying(user, "INBOX").await, [as_it_was()]);
    }
}

#[tokio::test]
async fn a_key_that_does_not_fit_releases_nothing_and_its_owner_is_written_down() {
    let desk = Desk::holding_in("INBOX").await;
    let (code, told) = said(&desk.release_with(&desk.warden.key("Deputy", Audience::Head)));
    assert_eq!(code, Some(1));
    assert!(told.contains("is for `dsl` to open; this key is not among theirs"), "{told}");
    assert!(matches!(desk.last_event(), (Actor::Member(name), Event::ReleaseRefused { .. }) if name == "Deputy"));
    let case = desk.case();
    assert_eq!((case.released, case.places[0].state), (None, PlaceState::Removed));
    assert_eq!(desk.lying(AMBER, "INBOX").await, []);
}

#[tokio::test]
async fn what_is_withheld_is_released_by_the_evidence_key_alone() {
    let desk = Desk::new();
    let config = fs::read_to_string(desk.warden.config()).unwrap();
    fs::write(desk.warden.config(), config.replace("violence = \"hold\"", "violence = \"withhold\"")).unwrap();
    let evidence = desk.evidence_key();
    desk.put(AMBER, "INBOX", &letter()).await;
    desk.warden.poll();
    let (code, told) = said(&desk.release_with(&desk.warden.key("Deputy", Audience::Dsl)));
    assert_eq!(code, Some(1));
    assert!(told.contains("is for `evidence` to open"), "{told}");
    assert_eq!(desk.lying(AMBER, "INBOX").await, []);
    assert_eq!(said(&desk.release_with(&evidence)), (Some(0), format!("{AMBER}: back in INBOX\n")));
    assert_eq!(desk.lying(AMBER, "INBOX").await, [as_it_was()]);
}

#[tokio::test]
async fn a_sealed_message_that_was_tampered_with_is_not_put_back() {
    let desk = Desk::holding_in("INBOX").await;
    let whole = fs::read(desk.object()).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let other = desk.warden.vault().seal(|| &b"Subject: forged\r\n\r\n"[..], &[Audience::Dsl]).unwrap().object().to_string();
    let other = fs::read(desk.warden.path().join("state/vault/objects").join(&other[..2]).join(format!("{other}.age"))).unwrap();
    for (octets, why) in [(flipped, "its content is not whole"), (other, "what is sealed for it is not what was found there")] {
        fs::write(desk.object(), octets).unwrap();
        let (code, told) = said(&desk.release());
        assert_eq!(code, Some(1));
        assert!(told.contains(&format!("the copy of {AMBER} is not back")) && told.contains(why), "{told}");
        assert_eq!(desk.lying(AMBER, "INBOX").await, []);
        assert_eq!(desk.case().places[0].state, PlaceState::Removed);
    }
    fs::write(desk.object(), whole).unwrap();
    assert_eq!(said(&desk.release()).0, Some(0));
    assert_eq!(desk.lying(AMBER, "INBOX").await, [as_it_was()]);
}

#[tokio::test]
async fn a_decision_that_cannot_be_written_down_puts_nothing_back() {
    let desk = Desk::holding_in("INBOX").await;
    let casebook = rusqlite::Connection::open(desk.warden.path().join("state/casebook.db")).unwrap();
    casebook.execute_batch("CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'no room'); END").unwrap();
    let (code, told) = said(&desk.release());
    assert!(code == Some(1) && told.contains("no room"), "{told}");
    assert_eq!(desk.lying(AMBER, "INBOX").await, []);
    assert_eq!(desk.case().released, None);
}

#[tokio::test]
async fn what_is_still_on_its_way_out_is_left_to_the_daemon() {
    let desk = Desk::holding_in("INBOX").await;
    desk.settle(PlaceState::Sealed);
    // As a daemon holds it for as long as it runs.
    let running = fs::File::open(desk.warden.path().join("state/instance.key")).unwrap();
    rustix::fs::flock(&running, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let (code, told) = said(&desk.release());
    assert!(code == Some(1) && told.contains("it is only just being taken out"), "{told}");
    assert_eq!(desk.lying(AMBER, "INBOX").await, []);
    drop(running);
    desk.warden.poll();
    assert_eq!(desk.case().places[0].state, PlaceState::Removed, "the daemon says how far it came");
    assert_eq!(said(&desk.release()), (Some(0), format!("{AMBER}: back in INBOX\n")));
    assert_eq!(desk.lying(AMBER, "INBOX").await, [as_it_was()]);
}

#[tokio::test]
async fn what_is_still_on_its_way_out_and_has_no_daemon_comes_back_without_one() {
    let desk = Desk::holding_in("INBOX").await;
    desk.settle(PlaceState::Sealed);
    assert_eq!(said(&desk.release()), (Some(0), format!("{AMBER}: back in INBOX\n")));
    desk.settle(PlaceState::Sealed);
    assert_eq!(said(&desk.release()), (Some(0), format!("{AMBER}: lay there already, in INBOX\n")));
    assert_eq!(desk.lying(AMBER, "INBOX").await, [as_it_was()]);
}

#[tokio::test]
async fn a_held_copy_of_what_is_withheld_elsewhere_comes_back_after_both_have_opened_their_own() {
    let desk = Desk::holding_in("INBOX").await;
    let config = fs::read_to_string(desk.warden.config()).unwrap();
    fs::write(desk.warden.config(), config.replace("violence = \"hold\"", "violence = \"withhold\"")).unwrap();
    let evidence = desk.evidence_key();
    desk.put(HERON, "INBOX", &letter()).await;
    desk.warden.poll();
    assert_eq!((desk.warden.cases().len(), desk.case().places.len()), (1, 2));
    let dsl = desk.warden.key("Deputy", Audience::Dsl);

    let (code, told) = said(&desk.release_with(&dsl));
    assert!(code == Some(1) && told.contains("is for `evidence` to open"), "{told}");
    let (code, told) = said(&desk.release_with(&evidence));
    assert!(code == Some(1) && told.contains(&format!("{HERON}: back in INBOX\n")), "{told}");
    assert!(told.contains(&format!("the copy of {AMBER} is not back\n  why: what is sealed for it is for others to open")), "{told}");
    assert_eq!(desk.lying(AMBER, "INBOX").await, []);
    let (code, told) = said(&desk.release_with(&dsl));
    assert!(code == Some(0) && told.contains(&format!("{AMBER}: back in INBOX\n")), "{told}");
    assert_eq!(desk.lying(AMBER, "INBOX").await, [as_it_was()]);
}

#[tokio::test]
async fn two_releases_at_once_do_not_meet() {
    let desk = Desk::holding_in("INBOX").await;
    let state = fs::File::open(desk.warden.path().join("state")).unwrap();
    rustix::fs::flock(&state, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let (code, told) = said(&desk.release());
    assert!(code == Some(1) && told.starts_with("error: another release is at work"), "{told}");
    drop(state);
    assert_eq!(said(&desk.release()).0, Some(0));
}
