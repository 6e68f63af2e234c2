//! Mail arrives while the line to the server is bad: afterwards nothing is missed, and nothing was judged into two cases.
//!
//! `WEATHER_SECONDS=600` is the long form, `make weather`; `WEATHER_SEED` brings other weather.

mod support;

use std::collections::BTreeSet;
use std::fs::File;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use mailwarden::case::PlaceState;
use serde_json::Value;
use support::dovecot::Dovecot;
use support::school::out;
use support::smtp::Smtp;
use support::warden::{FLAGGED, HELD, Warden, message};
use support::weather::Weather;

/// Between two messages.
const PACE: Duration = Duration::from_millis(150);
/// A whole interval, and what this machine takes to judge the rest while it does other things.
const CAUGHT_UP: Duration = Duration::from_mins(1);

#[test]
fn after_bad_weather_nothing_is_missed_and_nothing_has_two_cases() {
    let number = |name: &str, default: u64| env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default);
    let (seconds, seed) = (number("WEATHER_SECONDS", 12), number("WEATHER_SEED", 7));
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let weather = Weather::before(dovecot.imaps, seed);
    let mailboxes: Vec<String> = (0..4).map(|number| format!("pupil{number}@school.example")).collect();
    let warden = Warden::new(&dovecot, &smtp, &mailboxes.iter().map(String::as_str).collect::<Vec<_>>());
    let text = fs::read_to_string(warden.config()).expect("a configuration");
    // Nothing of it is a rule that holds too much.
    let text = text.replace("[policy.actions]", "[policy]\nmost_held = 1000000\n\n[policy.actions]");
    fs::write(warden.config(), text.replace(&format!("port = {}\n", dovecot.imaps), &format!("port = {}\n", weather.port)))
        .expect("a configuration");
    let log = warden.path().join("log");
    let mut command = warden.command("run");
    let mut daemon = command.stderr(Stdio::from(File::create(&log).expect("a log"))).spawn().expect("the program");

    let begun = Instant::now();
    let (mut sent, mut cases, mut held) = (0, 0, 0);
    while begun.elapsed() < Duration::from_secs(seconds) {
        let text = match sent % 3 {
            0 => format!("an ordinary word, number {sent}"),
            1 => format!("{FLAGGED}, number {sent}"),
            _ => format!("{HELD}, number {sent}"),
        };
        cases += usize::from(sent % 3 > 0);
        held += usize::from(sent % 3 == 2);
        dovecot.deliver(&mailboxes[sent % mailboxes.len()], &message(&format!("number {sent}"), &text)[..]);
        sent += 1;
        thread::sleep(PACE);
    }
    weather.clear_up();
    let cleared = Instant::now();
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
    // What every server holds now, and how much of it was judged.
    let compared = || {
        let proof = warden.command("coverage --json").args(["--date", &today]).output().expect("the program");
        let told: Value = serde_json::from_str(&out(&proof)).unwrap_or_default();
        let rows = told["mailboxes"].as_array().cloned().unwrap_or_default();
        ["on_server", "judged"].map(|name| rows.iter().filter_map(|row| row[name].as_u64()).sum::<u64>())
    };
    while compared() != [(sent - held) as u64; 2] && cleared.elapsed() < CAUGHT_UP {
        thread::sleep(Duration::from_millis(50));
    }
    let caught_up = cleared.elapsed();
    let _ = rustix::process::kill_process(rustix::process::Pid::from_child(&daemon), rustix::process::Signal::TERM);
    let _ = daemon.wait();
    let harmed = weather.harmed.load(Ordering::Relaxed);
    eprintln!("{seconds} s of weather {seed}: {sent} messages, {harmed} connections harmed, caught up after {caught_up:?}");
    assert!(harmed >= 10, "only {harmed} connections were harmed");
    assert_eq!(compared(), [(sent - held) as u64; 2], "{}", fs::read_to_string(&log).unwrap_or_default());

    let found = warden.cases();
    assert_eq!(found.len(), cases, "missed, or two cases for one message");
    assert!(found.iter().all(|case| case.places.len() == 1), "a message was met twice and counted as two");
    let places: BTreeSet<_> = found.iter().map(|case| (case.places[0].place.mailbox.clone(), case.places[0].place.uid)).collect();
    assert_eq!(places.len(), cases);
    assert!(found.iter().all(|case| [PlaceState::Delivered, PlaceState::Removed].contains(&case.places[0].state)));
}
