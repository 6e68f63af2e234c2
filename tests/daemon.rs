//! The daemon as it runs for months: signals, reloads, servers that come and go.

mod support;

use std::fs;
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use mailwarden::case::PlaceState;
use mailwarden::watch::{Board, Status};
use support::dovecot::Dovecot;
use support::smtp::Smtp;
use support::warden::{CRY_FOR_HELP, HELD, Warden, message, rule};

const AMBER: &str = "amber@school.example";
const SENDER: &str = "sender@school.example";
/// For anything that is to happen at once, on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(30);

/// A daemon that is ended with the test.
struct Running<'a> {
    warden: &'a Warden,
    daemon: Child,
}

impl<'a> Running<'a> {
    fn start(warden: &'a Warden) -> Self {
        let running = Self { warden, daemon: warden.start().expect("the program") };
        running.until("every mailbox was polled", |status| status.mailboxes.values().all(|mailbox| mailbox.last_poll.is_some()));
        running
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.daemon);
        rustix::process::kill_process(pid, signal).expect("a process of ours");
    }

    fn stop(mut self) -> ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        self.daemon.wait().expect("a process of ours")
    }

    /// Waits for what the board tells: a file has no event to wait for.
    fn until(&self, what: &str, wanted: impl Fn(&Status) -> bool) -> Status {
        eventually(what, || {
            Board::read(&self.warden.path().join("state")).ok().filter(|status| status.pid == self.daemon.id() && wanted(status))
        })
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + SOON;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {SOON:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn until_cases(warden: &Warden, count: usize) {
    eventually(&format!("{count} cases"), || (warden.cases().len() == count).then_some(()));
}

#[test]
fn mail_is_judged_as_it_arrives_and_sigterm_ends_the_daemon_in_good_order() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    // Without its news, this mailbox would be polled once an hour.
    warden.configure("interval = \"1h\"\n");
    let running = Running::start(&warden);
    dovecot.deliver(AMBER, message("help", CRY_FOR_HELP).as_slice());
    until_cases(&warden, 1);
    eventually("the notice", || (smtp.messages().len() == 1).then_some(()));
    assert!(running.stop().success());
    assert!(warden.command("journal verify").output().expect("the program").status.success());
}

#[test]
fn a_hold_brings_the_other_mailboxes_forward_so_that_every_copy_goes_within_seconds() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER, SENDER]);
    warden.configure("interval = \"1h\"\nidle = false\n");
    let running = Running::start(&warden);
    // The copy in the sender's mailbox first: the daemon learns of it only through the other.
    dovecot.deliver(SENDER, message("held", HELD).as_slice());
    dovecot.deliver(AMBER, message("held", HELD).as_slice());
    running.signal(rustix::process::Signal::HUP);
    eventually("both copies", || {
        let cases = warden.cases();
        (cases.len() == 1 && cases[0].places.len() == 2 && cases[0].places.iter().all(|place| place.state == PlaceState::Removed))
            .then_some(())
    });
    assert!(running.stop().success());
}

#[test]
fn a_broken_rule_leaves_the_old_rules_in_force_and_a_mended_one_takes_their_place() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    let running = Running::start(&warden);
    let before = running.until("a rule set", |_| true).rule_set;
    let file = warden.path().join("rules/violence/test.toml");

    fs::write(&file, rule("violence", "x").replace("fire = ", "fire = = ")).expect("a rule");
    running.signal(rustix::process::Signal::HUP);
    let refused = running.until("a refusal", |status| !status.refused.is_empty());
    assert!(refused.refused[0].contains("rules/violence/test.toml:12"), "{:?}", refused.refused);
    assert_eq!(refused.rule_set, before);
    dovecot.deliver(AMBER, message("held", HELD).as_slice());
    until_cases(&warden, 1);
    eventually("the technician's notice", || {
        let letters = smtp.messages();
        letters.iter().any(|letter| String::from_utf8_lossy(letter).contains("rules-refused")).then_some(())
    });

    fs::write(&file, rule("violence", "otherword")).expect("a rule");
    running.signal(rustix::process::Signal::HUP);
    let mended = running.until("new rules", |status| status.rule_set != before);
    assert!(mended.refused.is_empty());
    dovecot.deliver(AMBER, message("held", "otherword").as_slice());
    until_cases(&warden, 2);
    assert!(running.stop().success());
}

#[test]
fn a_server_that_is_gone_is_named_and_nothing_is_lost_when_it_comes_back() {
    let (mut dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    let running = Running::start(&warden);
    dovecot.stop();
    running.until("a server out of reach", |status| {
        status
            .mailboxes
            .values()
            .any(|mailbox| mailbox.trouble.as_ref().is_some_and(|trouble| trouble.contains("no connection to localhost")))
    });
    dovecot.restart();
    dovecot.deliver(AMBER, message("help", CRY_FOR_HELP).as_slice());
    until_cases(&warden, 1);
    running.until("no trouble", |status| status.mailboxes.values().all(|mailbox| mailbox.trouble.is_none()));
    assert!(running.stop().success());
}
