//! A disk that fills up while the daemon runs: named, told, survived, and over.
#![cfg(feature = "faults")]

mod support;

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::Duration;

use mailwarden::case::PlaceState;
use mailwarden::casebook::Trouble;
use support::dovecot::Dovecot;
use support::running::{Running, eventually, until_cases};
use support::school::out;
use support::smtp::Smtp;
use support::warden::{HELD, Warden, message};

const AMBER: &str = "amber@school.example";
const WREN: &str = "wren@school.example";

#[test]
fn a_full_disk_is_named_before_anything_is_to_be_sealed_and_what_waited_is_sealed_when_there_is_room() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER, WREN]);
    let free = warden.path().join("free");
    fs::write(&free, "1048576").expect("the room that is pretended");
    let mut command = warden.command("run");
    command.env("MAILWARDEN_PRETEND", warden.path()).stderr(Stdio::null());
    let running = Running::started(&warden, command.spawn().expect("the program"));
    let named = running.until("the full disk", |status| status.troubles.contains_key("disk"));
    assert!(named.troubles["disk"].contains("1 MiB are free"), "{:?}", named.troubles);
    let told = warden.command("status").output().expect("the program");
    assert!(told.status.code() == Some(1) && out(&told).contains("trouble  disk-full, since"), "{}", out(&told));

    for mailbox in [AMBER, WREN] {
        dovecot.deliver(mailbox, message("held", HELD).as_slice());
    }
    running.until("both are kept waiting", |status| {
        status.mailboxes.values().all(|mailbox| mailbox.trouble.as_ref().is_some_and(|trouble| trouble.contains("make room")))
    });
    let letters = || smtp.messages().iter().filter(|letter| String::from_utf8_lossy(letter).contains("disk-full")).count();
    eventually("the letter", || (letters() == 1).then_some(()));
    assert_eq!((warden.cases().len(), dovecot.files(AMBER).len(), dovecot.files(WREN).len()), (0, 1, 1));

    fs::remove_file(free).expect("room again");
    until_cases(&warden, 1);
    eventually("both are sealed and removed", || {
        let places = warden.cases().remove(0).places;
        (places.len() == 2 && places.iter().all(|place| place.state == PlaceState::Removed)).then_some(())
    });
    running.until_trouble(Trouble::DiskFull, false);
    running.until("nothing is left of it", |status| status.troubles.is_empty() && status.mailboxes.values().all(|it| it.trouble.is_none()));
    assert_eq!(letters(), 1, "one for the machine, and none for each mailbox");
    assert!(running.stop().success());
}

/// To be ended and started anew makes no room, and the mailboxes would go unwatched.
#[test]
fn the_watchdog_is_fed_also_when_the_status_file_cannot_be_written() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    // Whoever runs the test cannot write a folder.
    fs::create_dir(warden.state().join("status.json.new")).expect("a folder in the way");
    let path = warden.path().join("notify");
    let systemd = UnixDatagram::bind(&path).expect("a socket");
    systemd.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let mut command = warden.command("run");
    command.env("NOTIFY_SOCKET", &path).stderr(Stdio::null());
    let running = Running::of(&warden, command.spawn().expect("the program"));
    let mut fed = 0;
    while fed < 3 {
        let mut octets = [0; 1024];
        let length = systemd.recv(&mut octets).expect("a sign of life");
        fed += String::from_utf8_lossy(&octets[..length]).matches("WATCHDOG=1").count();
    }
    assert!(!warden.state().join("status.json").exists());
    assert!(running.stop().success());
}
