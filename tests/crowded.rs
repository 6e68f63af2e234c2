//! A mail server that bears few connections: what is learnt of it, and that nobody goes without.

mod support;

use std::fmt::Write;
use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use mailwarden::watch::{Board, Status};
use support::dovecot::Dovecot;
use support::folders::Folders;
use support::school::{err, out};
use support::smtp::Smtp;
use support::warden::Warden;

const AMBER: &str = "amber@school.example";
const SOON: Duration = Duration::from_secs(40);
const MAILBOXES: usize = 9;
const ROOM: usize = 3;

/// A daemon that is ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for what the board tells: a file has no event to wait for.
fn until(warden: &Warden, what: &str, wanted: impl Fn(&Status) -> bool) -> Status {
    let deadline = Instant::now() + SOON;
    loop {
        match Board::read(warden.state()) {
            Ok(status) if wanted(&status) => return status,
            _ => assert!(Instant::now() < deadline, "not within {SOON:?}: {what}"),
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Nine mailboxes of one server, watched like this.
fn school(server: &Folders, watch: &str) -> (Warden, (Dovecot, Smtp)) {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    warden.configure(watch);
    warden.also_watch("pupil0", server.port, "password");
    let mut config = fs::read_to_string(warden.config()).expect("a configuration");
    for number in 1..MAILBOXES {
        let _ = write!(
            config,
            "\n[[mailbox]]\naddress = \"pupil{number}@school.example\"\nserver = \"pupil0\"\nrole = \"pupil\"\npassword_file = \"password\"\n"
        );
    }
    fs::write(warden.config(), config).expect("a configuration");
    (warden, (dovecot, smtp))
}

#[test]
fn where_a_server_bears_fewer_connections_than_there_are_mailboxes_they_take_turns_and_it_is_not_asked_for_more() {
    for (watch, refusal) in [
        // They hold their connections for an hour, unless somebody else wants them.
        ("interval = \"1h\"\nidle = true\n", "NO [LIMIT] Too many"),
        ("interval = \"1h\"\nidle = false\n", "NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded"),
        ("interval = \"1s\"\nidle = true\n", "NO [UNAVAILABLE] not now"),
    ] {
        let server = Folders::start(&[]);
        server.limit(ROOM, refusal);
        let (warden, _others) = school(&server, watch);
        let _daemon = Running(warden.command("run").spawn().expect("the program"));
        let is_well = |status: &Status| status.mailboxes.values().all(|mailbox| mailbox.last_poll.is_some() && mailbox.trouble.is_none());
        let status = until(&warden, "every mailbox was polled", |status| status.mailboxes.len() == MAILBOXES + 1 && is_well(status));
        assert_eq!(server.most_signed_in(), ROOM);
        // The server may still count one that has just made room when it refuses another.
        let bears = status.servers["pupil0"].bears.expect("a limit that was learnt");
        assert!((ROOM..=ROOM + 1).contains(&bears), "{bears} connections: {watch}{refusal}");
        let refused = server.refused();
        assert!((1..=2 * MAILBOXES).contains(&refused), "{refused} refusals: {watch}{refusal}");
        let told = warden.command("status").output().expect("the program");
        assert!(out(&told).contains(&format!("server   pupil0 bears {bears} connections: it refused another at ")), "{}", out(&told));
        if refusal.starts_with("NO [LIMIT]") {
            // One connection is left for them, whoever holds the others.
            let doctor = warden.command("doctor").output().expect("the program");
            assert!(doctor.status.success(), "{}{}", out(&doctor), err(&doctor));
            let coverage = err(&warden.command("coverage").output().expect("the program"));
            assert!(coverage.contains("nothing was compared") && !coverage.contains("could not be compared"), "{coverage}");
        }
        if watch.contains("1s") {
            let last = |status: &Status| status.mailboxes.values().filter_map(|mailbox| mailbox.last_poll).max();
            until(&warden, "every mailbox was polled again", |after| {
                after.mailboxes.values().all(|mailbox| mailbox.last_poll > last(&status)) && is_well(after)
            });
            assert_eq!(server.refused(), refused, "it was asked for more than it bears");
        }
    }
}
