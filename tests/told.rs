//! What the technician hears of mailboxes that cannot be watched: each kind of trouble by its own name, once, and until it is over.
#![cfg(feature = "faults")]

mod support;

use std::fs;
use std::process::Stdio;

use jiff::Timestamp;
use mailwarden::casebook::{NewNotice, Trouble};
use mailwarden::watch::Status;
use rustix::process::Signal;
use support::dovecot::{Dovecot, PASSWORD};
use support::odd::Odd;
use support::running::{Running, eventually};
use support::smtp::Smtp;
use support::warden::{HELD, Warden, message};

const AMBER: &str = "amber@school.example";
const WREN: &str = "wren@school.example";

/// A daemon for which every trouble has lasted long enough to be told.
fn impatient(warden: &Warden) -> Running<'_> {
    fs::write(warden.path().join("lasts"), "0").expect("the patience that is pretended");
    let mut command = warden.command("run");
    command.env("MAILWARDEN_PRETEND", warden.path()).stderr(Stdio::null());
    Running::of(warden, command.spawn().expect("the program"))
}

fn letters(smtp: &Smtp, kind: &str) -> usize {
    smtp.messages().iter().filter(|letter| String::from_utf8_lossy(letter).contains(kind)).count()
}

fn until_letter(smtp: &Smtp, kind: &str) {
    eventually(kind, || (letters(smtp, kind) == 1).then_some(()));
}

/// What `status` says of the mailboxes, as soon as it says this of all of them.
fn until_all(running: &Running<'_>, words: &str) -> Status {
    running.until(words, |status| {
        status.mailboxes.values().all(|mailbox| mailbox.trouble.as_ref().is_some_and(|trouble| trouble.contains(words)))
    })
}

fn until_well(running: &Running<'_>, trouble: Trouble) {
    running.until("all is well", |status| {
        status.troubles.is_empty() && status.mailboxes.values().all(|mailbox| mailbox.trouble.is_none() && mailbox.last_poll.is_some())
    });
    running.until_trouble(trouble, false);
}

#[test]
fn a_server_that_is_gone_is_told_once_for_all_its_mailboxes() {
    let (mut dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER, WREN]);
    dovecot.stop();
    let running = impatient(&warden);
    until_letter(&smtp, "server-unreachable");
    // Whoever finds it closed says why as well.
    until_all(&running, "no connection to localhost");
    dovecot.restart();
    until_well(&running, Trouble::ServerUnreachable);
    assert_eq!(letters(&smtp, "server-unreachable"), 1);
    assert!(running.stop().success());
}

#[test]
fn a_server_that_is_not_trusted_is_told_once_for_all_its_mailboxes() {
    let (dovecot, other, smtp) = (Dovecot::start(), Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER, WREN]);
    let config = fs::read_to_string(warden.config()).expect("a configuration");
    let [right, wrong] = [&dovecot, &other].map(|server| server.authority().display().to_string());
    fs::write(warden.config(), config.replace(&right, &wrong)).expect("another authority");
    let running = impatient(&warden);
    until_letter(&smtp, "tls-failed");
    until_all(&running, "no TLS with localhost");
    fs::write(warden.config(), config).expect("the right authority");
    running.signal(Signal::HUP);
    until_well(&running, Trouble::TlsFailed);
    assert_eq!(letters(&smtp, "tls-failed"), 1);
    assert!(running.stop().success());
}

#[test]
fn a_wrong_password_is_told_by_its_name() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    fs::write(warden.path().join("password"), "wrong-horse").expect("a password file");
    let running = impatient(&warden);
    until_letter(&smtp, "login-refused");
    until_all(&running, "login refused: [AUTHENTICATIONFAILED]");
    fs::write(warden.path().join("password"), PASSWORD).expect("a password file");
    running.signal(Signal::HUP);
    until_well(&running, Trouble::LoginRefused);
    assert!(running.stop().success());
}

#[test]
fn a_mailbox_of_which_its_server_shows_nothing_is_told_as_missing_and_is_no_good_round() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    let odd = Odd::start(vec![("LIST", b"* LIST (\\Noselect) \"/\" \"shared\"\r\nTAG OK done\r\n".to_vec())]);
    warden.also_watch("odd", odd.port, "password");
    let running = impatient(&warden);
    until_letter(&smtp, "mailbox-missing");
    let status = running.until("the reason", |status| status.mailboxes.values().any(|mailbox| mailbox.trouble.is_some()));
    let failing = status.mailboxes.values().find(|mailbox| mailbox.trouble.is_some()).expect("the one of the odd server");
    assert!(failing.trouble.as_ref().is_some_and(|why| why.contains("shows no folder of this mailbox that can be opened")), "{failing:?}");
    assert_eq!(failing.last_poll, None);
    odd.answer("LIST", b"* LIST () \"/\" \"INBOX\"\r\nTAG OK done\r\n".to_vec());
    running.signal(Signal::HUP);
    until_well(&running, Trouble::MailboxMissing);
    assert!(running.stop().success());
}

#[test]
fn rounds_that_end_in_panics_are_told_of() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER, WREN]);
    let mut command = warden.command("run");
    command.env("MAILWARDEN_PANIC_BEFORE", "remove.store").stderr(Stdio::null());
    let running = Running::started(&warden, command.spawn().expect("the program"));
    dovecot.deliver(AMBER, message("held", HELD).as_slice());
    until_letter(&smtp, "round-panics");
    running.until_trouble(Trouble::RoundPanics, true);
    assert!(running.stop().success());
    warden.poll();
    let lasting = warden.book().troubles().expect("troubles");
    assert!(lasting.iter().all(|episode| episode.trouble != Trouble::RoundPanics), "{lasting:?}");
}

#[test]
fn a_letter_that_failed_is_no_trouble_any_more_when_nobody_needs_it() {
    let dovecot = Dovecot::start();
    // Nothing listens there.
    let warden = Warden::telling(&dovecot, 1, &[AMBER]);
    let now = Timestamp::now();
    let notice = NewNotice { to: "technician@school.example".parse().expect("an address"), rank: 0, not_before: now };
    warden.book().record_system(now, Trouble::WorkersFail, None, &[notice]).expect("a trouble");
    let once = warden.once(None);
    let told = String::from_utf8_lossy(&once.stderr);
    assert_eq!(once.status.code(), Some(1), "{told}");
    assert!(told.contains("every mailbox was polled, and there is trouble beside them: 1"), "{told}");

    let running = Running::start(&warden);
    // It is tried again a minute after the first time.
    let in_an_hour = now.checked_add(jiff::SignedDuration::from_hours(1)).expect("a moment");
    let notice = NewNotice { to: "technician@school.example".parse().expect("an address"), rank: 0, not_before: now };
    warden.book().record_system(now, Trouble::SelfTestFailed, None, &[notice]).expect("another trouble");
    running.until("it is not delivered", |status| status.troubles.contains_key("notices"));
    for trouble in [Trouble::WorkersFail, Trouble::SelfTestFailed] {
        warden.book().system_over(Timestamp::now(), trouble, None).expect("its end");
    }
    assert_eq!(warden.book().due(in_an_hour).expect("notices"), []);
    running.until("nothing is amiss", |status| status.troubles.is_empty());
    assert!(running.stop().success());
}
