//! The list of mailboxes while the daemon runs: who joins, who leaves, and whose line is broken.

mod support;

use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use mailwarden::casebook::Trouble;
use mailwarden::journal::Event;
use mailwarden::watch::{Board, Status};
use rustix::process::{Pid, Signal, kill_process};
use support::dovecot::Dovecot;
use support::school::out;
use support::smtp::Smtp;
use support::warden::{FLAGGED, Warden, message};

const SOON: Duration = Duration::from_mins(1);

/// A daemon that is ended with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the board says as soon as it says what is wanted: a file has no event to wait for.
fn until(warden: &Warden, what: &str, wanted: impl Fn(&Status) -> bool) {
    let deadline = Instant::now() + SOON;
    while !Board::read(warden.state()).is_ok_and(|status| wanted(&status)) {
        assert!(Instant::now() < deadline, "not within {SOON:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn is_watched(status: &Status, name: &str) -> bool {
    let mailbox = status.mailboxes.get(&format!("{name}@school.example").parse().expect("an address"));
    mailbox.is_some_and(|mailbox| mailbox.last_poll.is_some())
}

#[test]
fn who_joins_is_watched_who_leaves_is_not_and_a_broken_line_is_told_of_and_keeps_nobody_else() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &["amber@school.example"]);
    let text = fs::read_to_string(warden.config()).expect("a configuration");
    fs::write(warden.config(), format!("{text}\n[mailboxes]\nfile = \"list.csv\"\n")).expect("a configuration");
    let list =
        |lines: &str| fs::write(warden.path().join("list.csv"), format!("address;group;role;password_file\n{lines}")).expect("a list");
    list("heron@school.example;year-7;pupil;password\n");
    let daemon = Running(warden.command("run").spawn().expect("the program"));
    let reload = || kill_process(Pid::from_child(&daemon.0), Signal::HUP).expect("a process of ours");
    until(&warden, "two are watched", |status| is_watched(status, "amber") && is_watched(status, "heron"));

    list("finch@school.example;year-7;puppil;password\nwren@school.example;year-8;pupil;password\n");
    dovecot.deliver("wren@school.example", &message("flagged", FLAGGED)[..]);
    reload();
    until(&warden, "heron left and wren joined", |status| {
        is_watched(status, "amber") && is_watched(status, "wren") && !is_watched(status, "heron") && !is_watched(status, "finch")
    });
    until(&warden, "the broken line is told of", |status| status.troubles.contains_key("mailboxes"));
    assert_eq!(warden.cases().len(), 1, "the mail of who joined is judged");
    let troubles: Vec<_> = warden.book().troubles().expect("troubles").into_iter().map(|episode| episode.trouble).collect();
    assert!(troubles.contains(&Trouble::MailboxListBroken), "{troubles:?}");
    let journal = warden.book().journal(1, 1_000).expect("the journal");
    assert!(journal.iter().any(|entry| entry.event == Event::MailboxesChanged { joined: 1, left: 1 }));
    let told = warden.command("status").output().expect("the program");
    assert!(told.status.code() == Some(1) && out(&told).contains("list.csv:2"), "{}", out(&told));

    list("wren@school.example;year-8;pupil;password\n");
    reload();
    until(&warden, "the line is mended", |status| !status.troubles.contains_key("mailboxes"));
    let lasting = warden.book().troubles().expect("troubles");
    assert!(lasting.iter().all(|episode| episode.trouble != Trouble::MailboxListBroken), "{lasting:?}");
}
