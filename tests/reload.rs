//! A running daemon and files that break: what was in force stays in force, and what is wrong is named.

mod support;

use std::fs;
use std::path::PathBuf;

use mailwarden::casebook::Trouble;
use mailwarden::watch::Status;
use rustix::process::Signal;
use support::dovecot::Dovecot;
use support::running::{Running, eventually, until_cases};
use support::smtp::Smtp;
use support::warden::{FLAGGED, HELD, Warden, message};

const AMBER: &str = "amber@school.example";
const HERON: &str = "heron@school.example";
const WREN: &str = "wren@school.example";

const LIST: &str = "mailwarden list 1";
const DIGEST: &str = "d8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22";

/// From the text of a whole file to that of a broken one.
type Breaks = fn(&str) -> String;

/// A warden that watches amber by her own table and the others by a list, and trusts a file of its own.
fn furnished(dovecot: &Dovecot, smtp: &Smtp) -> Warden {
    let warden = Warden::new(dovecot, smtp, &[AMBER]);
    let at = warden.path();
    fs::copy(dovecot.authority(), at.join("ca.pem")).expect("certificates");
    let own = format!("# {LIST}\n# name: Own\n# category: known-image\n# kind: sha256\n{DIGEST}\n");
    fs::write(at.join("hashsets/own.txt"), own).expect("a list");
    let config = fs::read_to_string(warden.config()).expect("a configuration");
    let config = config.replace(&dovecot.authority().display().to_string(), "ca.pem");
    fs::write(warden.config(), format!("{config}\n[mailboxes]\nfile = \"list.csv\"\n")).expect("a configuration");
    list(&warden, "heron@school.example,year-7,pupil,password\nwren@school.example,year-8,pupil,password\n");
    warden
}

fn list(warden: &Warden, lines: &str) {
    fs::write(warden.path().join("list.csv"), format!("address,group,role,password_file\n{lines}")).expect("a list");
}

#[test]
fn whatever_breaks_is_named_with_its_line_and_all_that_was_in_force_still_judges() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = furnished(&dovecot, &smtp);
    let running = Running::start(&warden);
    let before = running.until("a rule set", |_| true).rule_set;
    let broken: [(PathBuf, Breaks, &str); 7] = [
        (warden.config(), |text| format!("{text}\n[watch\n"), "mailwarden.toml:"),
        ("list.csv".into(), |text| text.replace("address,", "adress,"), "list.csv:1"),
        ("rules/violence/test.toml".into(), |text| text.replace("fire = ", "fire = = "), "rules/violence/test.toml:12"),
        ("hashsets/own.txt".into(), |text| text.replace(DIGEST, "no digest"), "hashsets/own.txt:5"),
        ("state/vault/recipients/dsl.txt".into(), |text| text.replace("\nage1", "\nage2"), "recipients/dsl.txt:3"),
        ("ca.pem".into(), |_| "-----BEGIN CERTIFICATE-----\nno certificate\n-----END CERTIFICATE-----\n".to_owned(), "ca.pem"),
        (warden.config(), |text| text.replace("file = \"list.csv\"", "file = \"absent.csv\""), "absent.csv"),
    ];
    for (number, (file, breaks, named)) in (1..).zip(broken) {
        let path = warden.path().join(&file);
        let whole = fs::read_to_string(&path).expect("a file that is in force");
        assert_ne!(breaks(&whole), whole, "{} is not broken", file.display());
        fs::write(&path, breaks(&whole)).expect("a broken file");
        running.signal(Signal::HUP);
        let status = running.until(named, |status| status.refused.iter().any(|fault| fault.contains(named)));
        assert_eq!(status.rule_set, before, "{}", file.display());
        assert!(status.refused.iter().all(|fault| fault.contains("\n   at: ")), "a fault without a place: {:?}", status.refused);
        running.until_trouble(Trouble::RulesRefused, true);
        for mailbox in [AMBER, HERON] {
            dovecot.deliver(mailbox, message("held", &format!("{HELD} {number}")).as_slice());
        }
        until_cases(&warden, number);
        eventually("both copies are removed", || {
            let places = warden.cases().remove(number - 1).places;
            (places.len() == 2 && dovecot.files(AMBER).is_empty() && dovecot.files(HERON).is_empty()).then_some(())
        });
        fs::write(&path, whole).expect("a file that is whole");
        running.signal(Signal::HUP);
        running.until("the mended file", |status| status.refused.is_empty());
        running.until_trouble(Trouble::RulesRefused, false);
    }
    assert!(running.stop().success());
}

/// What is refused while it runs is refused at the start as well, and told in the same words.
#[test]
fn a_daemon_does_not_start_with_a_key_that_nothing_could_be_sealed_to() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    for (audience, text) in [("chair", "# nobody\n"), ("head", "# the head\nage1nobody\n")] {
        fs::write(warden.state().join(format!("vault/recipients/{audience}.txt")), text).expect("a broken key");
    }
    let refused = warden.once(None);
    let told = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(78), "{told}");
    for line in ["the key of an audience cannot be used", "recipients/chair.txt", "recipients/head.txt:2", "hint: restore the folders"] {
        assert!(told.contains(line), "{line} is not in\n{told}");
    }
}

#[test]
fn a_slip_in_the_line_of_a_mailbox_does_not_end_its_watch() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = furnished(&dovecot, &smtp);
    let running = Running::start(&warden);
    let is_watched = |status: &Status, name: &str| status.mailboxes.contains_key(&name.parse().expect("an address"));
    let listed = |lines: &str, named: &str| {
        list(&warden, lines);
        running.signal(Signal::HUP);
        running.until(named, |status| status.troubles.get("mailboxes").is_some_and(|told| told.contains(named)))
    };

    let status = listed("heron@school.example,year-7,puppil,password\n", "list.csv:2; 1 are watched as before");
    assert!(is_watched(&status, HERON), "{:?}", status.troubles);
    running.until("who left on purpose is let go", |status| !is_watched(status, WREN));
    dovecot.deliver(HERON, message("flagged", FLAGGED).as_slice());
    until_cases(&warden, 1);

    // Nobody can say whether this is the line of heron.
    list(&warden, "wren@school.example,year-8,pupil,password\nheronschool.example,year-7,pupil,password\n");
    running.signal(Signal::HUP);
    let status = running.until("wren is back", |status| is_watched(status, WREN) && status.troubles["mailboxes"].contains("list.csv:3"));
    assert!(is_watched(&status, HERON), "{:?}", status.troubles);
    dovecot.deliver(HERON, message("flagged", &format!("{FLAGGED} again")).as_slice());
    until_cases(&warden, 2);

    list(&warden, "wren@school.example,year-8,pupil,password\n");
    running.signal(Signal::HUP);
    running.until("heron leaves", |status| !is_watched(status, HERON) && !status.troubles.contains_key("mailboxes"));
    assert!(running.stop().success());
}
