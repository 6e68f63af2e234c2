//! A rule that holds too much, against a real Dovecot: it falls to flagging, says so, and what it held comes back.

mod support;

use std::fs;
use std::process::Output;

use mailwarden::case::PlaceState;
use mailwarden::finding::Action;
use support::dovecot::Dovecot;
use support::smtp::Smtp;
use support::warden::{HELD, Warden, message};

const AMBER: &str = "amber@school.example";
const RULE: &str = "violence.test";

struct Desk {
    dovecot: Dovecot,
    smtp: Smtp,
    warden: Warden,
}

impl Desk {
    /// A school in which a rule may hold two messages a day.
    fn new() -> Self {
        let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
        let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
        let config = fs::read_to_string(warden.config()).expect("a configuration");
        let limited = config.replace("[policy.actions]", "[policy]\nmost_held = 2\nmost_held_share = 0.1\n\n[policy.actions]");
        fs::write(warden.config(), limited).expect("a configuration");
        Self { dovecot, smtp, warden }
    }

    fn deliver(&self, text: &str) {
        self.dovecot.deliver(AMBER, &message("a subject", &format!("{text} {HELD}"))[..]);
    }

    fn actions(&self) -> Vec<Action> {
        self.warden.cases().iter().map(|case| case.row.action).collect()
    }

    fn run(&self, name: &str, arguments: &[&str]) -> Output {
        self.warden.command(name).args(arguments).output().expect("the program")
    }

    /// As `rules stats` tells them of the rule, the version that is in force last.
    fn stats(&self) -> Vec<Vec<String>> {
        let told = out(&self.run("rules stats", &[]));
        let rows = told.lines().filter(|line| line.starts_with(RULE)).map(|line| line.split('\t').map(str::to_owned).collect());
        rows.collect()
    }

    fn letters_about_the_rule(&self) -> Vec<String> {
        let letters = self.smtp.messages().into_iter().map(|letter| String::from_utf8_lossy(&letter).into_owned());
        letters.filter(|letter| letter.contains("rule-holds-too-much") && letter.contains(&format!("Rule      {RULE}"))).collect()
    }
}

fn out(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_rule_that_holds_too_much_flags_until_it_is_changed_and_what_it_held_comes_back() {
    let desk = Desk::new();
    for text in ["one", "two", "three", "four", "five"] {
        desk.deliver(text);
    }
    desk.warden.poll();
    assert_eq!(desk.actions(), [Action::Hold, Action::Hold, Action::Hold, Action::Flag, Action::Flag]);
    let told = desk.letters_about_the_rule();
    let to = |address: &str| told.iter().filter(|letter| letter.contains(&format!("X-RcptTo: {address}"))).count();
    assert_eq!((told.len(), to("technician@school.example"), to("lead@school.example")), (2, 1, 1));
    let status = out(&desk.run("status", &[]));
    assert!(
        status.contains("trouble  rule-holds-too-much") && status.contains("violence.test flags only, until it is changed"),
        "{status}"
    );
    let journal = out(&desk.run("journal show", &[]));
    assert!(journal.contains("rule-fell\theld 3, rule violence.test, scanned 3, version "), "{journal}");

    // It lasts across restarts.
    desk.deliver("six");
    desk.warden.poll();
    assert_eq!(desk.actions().last(), Some(&Action::Flag));
    assert_eq!(desk.letters_about_the_rule().len(), 2);
    let fallen = desk.stats().remove(0);
    assert_eq!(fallen[2..7], ["hold", "6", "3", "0", "0"]);
    assert_ne!(fallen[7], "-");

    // What is changed is another version: it may hold again, and the trouble is over.
    let file = desk.warden.path().join("rules/violence/test.toml");
    let changed = fs::read_to_string(&file).expect("a rule") + "# narrower now\n";
    fs::write(&file, changed).expect("a rule");
    desk.deliver("seven");
    desk.warden.poll();
    assert_eq!(desk.actions().last(), Some(&Action::Hold));
    assert!(!out(&desk.run("status", &[])).contains("rule-holds-too-much"));

    let identity = desk.warden.identity().display().to_string();
    let undo = ["--rule", RULE, "--version", &fallen[1], "--identity", &identity, "--reason", "it was a lesson on drama"];
    let undone = desk.run("release", &undo);
    assert_eq!(undone.status.code(), Some(0), "{}", out(&undone));
    assert_eq!(out(&undone).matches("amber@school.example: back in INBOX").count(), 3, "{}", out(&undone));
    let states: Vec<_> = desk.warden.cases().iter().map(|case| case.places[0].state).collect();
    let (back, stays) = (PlaceState::Released, PlaceState::Delivered);
    assert_eq!(states, [back, back, back, stays, stays, stays, PlaceState::Removed]);
    let again = desk.run("release", &undo);
    assert!(out(&again).contains("why: that version of that rule holds nothing"), "{}", out(&again));
    let released = desk.stats().into_iter().find(|row| row[1] == fallen[1]).expect("the version before");
    assert_eq!(released[2..6], ["not in force", "6", "3", "3"]);
    assert_eq!(desk.run("journal verify", &[]).status.code(), Some(0));
}
