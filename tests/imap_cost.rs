//! What a kept connection costs: there are a thousand of them, and each is asked every minute.
//!
//! The bounds hold for an unoptimised build on a busy machine; the figures are printed.

mod support;

use mailwarden::watch::imap::{Folder, Limits, Login, Secret, Security, Server, Session, trust_file};
use support::dovecot::{Dovecot, PASSWORD};

const SESSIONS: u64 = 100;
const POLLS: u64 = 2000;

#[tokio::test]
async fn a_kept_connection_costs_little_memory_and_a_poll_little_time() {
    let dovecot = Dovecot::start();
    let tls = trust_file(&dovecot.authority()).expect("the authority of the test");
    let server = Server { host: "localhost".to_owned(), port: dovecot.imaps, security: Security::Tls, tls, limits: Limits::default() };
    let open = async |number: u64| {
        let mut session = Session::connect(&server).await.expect("a connection");
        let user = format!("u{number}@school.example");
        session.login(&Login::Password { user, password: Secret::new(PASSWORD.to_owned()) }).await.expect("a login");
        session
    };

    let mut session = open(0).await;
    let folders: Vec<Folder> = session.list().await.expect("folders");
    let before = cpu_nanoseconds();
    for _ in 0..POLLS {
        let status = session.status(&folders).await.expect("the numbers");
        assert!(status.iter().all(Option::is_some));
    }
    let poll = (cpu_nanoseconds() - before) / POLLS / 1000;

    let before = resident_kilobytes();
    let mut sessions = Vec::new();
    for number in 1..=SESSIONS {
        let mut session = open(number).await;
        let folders = session.list().await.expect("folders");
        session.status(&folders).await.expect("the numbers");
        sessions.push(session);
    }
    let idle = (resident_kilobytes() - before) / SESSIONS;

    eprintln!("a poll of {} folders: {poll} µs of CPU; an idle session: {idle} kB", folders.len());
    assert!(poll < 2000, "a poll takes {poll} µs of CPU");
    assert!(idle < 80, "an idle session holds {idle} kB");
}

/// Of this thread, which runs all there is to run.
fn cpu_nanoseconds() -> u64 {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").expect("/proc");
    schedule.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

fn resident_kilobytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}
