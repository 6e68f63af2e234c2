//! A backlog whose daemon is killed again and again: it goes on where it stopped, folder by folder, and nothing is judged twice.

mod support;

use std::process::Child;
use std::time::{Duration, Instant};

use support::dovecot::Dovecot;
use support::smtp::Smtp;
use support::warden::{FLAGGED, Warden, message};

const AMBER: &str = "amber@school.example";
const INBOX: usize = 700;
const ARCHIVE: usize = 300;
/// Every so many messages one is flagged.
const ONE_IN: usize = 100;
const KILLS: u64 = 3;
const SOON: Duration = Duration::from_mins(2);

struct Running(Child);

impl Drop for Running {
    /// Not asked to end: a kill is what may come.
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Messages that were met and examined so far, as the casebook has it.
fn examined(warden: &Warden) -> (u64, u64) {
    let days = warden.book().counts("2026-01-01".parse().expect("a day")).expect("the counts");
    days.iter().fold((0, 0), |(seen, scanned), day| (seen + day.counts.seen, scanned + day.counts.scanned))
}

#[test]
fn a_backlog_goes_on_after_every_kill_and_nothing_in_it_is_judged_twice() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    for number in 1..=INBOX + ARCHIVE {
        let flagged = number % ONE_IN == 0;
        let text = if flagged { format!("{FLAGGED} {number}") } else { format!("The {number}th letter.") };
        dovecot.deliver(AMBER, &message("A letter", &text)[..]);
    }
    dovecot.say(AMBER, &["CREATE Archive", "SELECT INBOX", &format!("MOVE 1:{ARCHIVE} Archive")]);

    let mut before = 0;
    for kill in 1..=KILLS {
        let daemon = Running(warden.command("run").spawn().expect("the program"));
        let deadline = Instant::now() + SOON;
        while examined(&warden).0 < before + 200 {
            assert!(Instant::now() < deadline, "nothing comes on before kill {kill}");
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(daemon);
        let (seen, scanned) = examined(&warden);
        assert!(seen >= before + 200 && seen == scanned, "{seen} met, {scanned} examined after kill {kill}");
        before = seen;
    }
    warden.poll();
    assert_eq!(examined(&warden), (1_000, 1_000), "each once");
    let places: Vec<_> = warden.cases().iter().map(|case| case.places.len()).collect();
    assert_eq!(places, [1; (INBOX + ARCHIVE) / ONE_IN], "of every flagged message one case, with one place");
}
