//! What a kept connection costs, of which there are a thousand, and what a large message does.
//!
//! The bounds hold for an unoptimised build on a busy machine; the figures are printed.

mod support;

use mailwarden::config::{Secret, Security};
use mailwarden::watch::imap::{Folder, Limits, Login, Server, Session, UidSet, trust_file};
use mailwarden::wire::MessageWriter;
use support::dovecot::{Dovecot, PASSWORD};
use tokio::sync::Mutex;

const SESSIONS: u64 = 100;
const POLLS: u64 = 2000;
const LARGE: u64 = 30_000_000;

/// Both tests measure this process: one at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

#[tokio::test]
async fn a_kept_connection_costs_little_memory_and_a_poll_little_time() {
    let _alone = ALONE.lock().await;
    let dovecot = Dovecot::start();
    let server = server(&dovecot);
    let mut session = open(&server, 0).await;
    let folders: Vec<Folder> = session.list().await.expect("folders");
    let before = cpu_nanoseconds();
    for _ in 0..POLLS {
        let status = session.status(&folders).await.expect("the numbers");
        assert!(status.iter().all(Option::is_some));
    }
    let poll = (cpu_nanoseconds() - before) / POLLS / 1000;

    let before = kilobytes("VmRSS:");
    let mut sessions = Vec::new();
    for number in 1..=SESSIONS {
        let mut session = open(&server, number).await;
        session.status(&folders).await.expect("the numbers");
        sessions.push(session);
    }
    let idle = kilobytes("VmRSS:").saturating_sub(before) / SESSIONS;

    eprintln!("a poll of {} folders: {poll} µs of CPU; an idle session: {idle} kB", folders.len());
    assert!(poll < 2000, "a poll takes {poll} µs of CPU");
    assert!(idle < 80, "an idle session holds {idle} kB");
}

#[tokio::test]
async fn a_message_of_30_mb_comes_in_parts_and_does_not_pass_through_our_memory() {
    let _alone = ALONE.lock().await;
    let dovecot = Dovecot::start();
    let mut sent = MessageWriter::new();
    sent.write(b"Subject: large\r\n\r\n").expect("memory");
    for line in 0.. {
        if sent.size() > LARGE {
            break;
        }
        sent.write(format!("line {line} of a message that is as long as a film is wide\r\n").as_bytes()).expect("memory");
    }
    let sent = sent.seal().expect("memory");
    dovecot.deliver("u0@school.example", sent.reader());

    let mut session = open(&server(&dovecot), 0).await;
    let selected = session.examine(&Folder::inbox()).await.expect("an INBOX");
    let listed = session.listing(&selected, &UidSet::from(1)).await.expect("a listing");
    std::fs::write("/proc/self/clear_refs", "5").expect("a new peak");
    let before = kilobytes("VmHWM:");
    let mut fetch = session.fetch(&selected, &listed).expect("a folder");
    let (_, message) = fetch.next().await.expect("no failure").expect("a message");
    let grown = kilobytes("VmHWM:").saturating_sub(before);
    assert!(message.digest() == sent.digest());
    assert!(fetch.next().await.expect("no failure").is_none());
    eprintln!("a message of {} octets: {grown} kB more at the peak", message.size());
    assert!(grown < 8000, "the peak has grown by {grown} kB for a message of {} octets", message.size());
}

fn server(dovecot: &Dovecot) -> Server {
    let tls = trust_file(&dovecot.authority()).expect("the authority of the test");
    Server { host: "localhost".to_owned(), port: dovecot.imaps, security: Security::Tls, tls, limits: Limits::default() }
}

async fn open(server: &Server, number: u64) -> Session {
    let mut session = Session::connect(server).await.expect("a connection");
    let user = format!("u{number}@school.example");
    session.login(&Login::Password { user, password: Secret::new(PASSWORD.to_owned()) }).await.expect("a login");
    session
}

/// Of this thread, which runs all there is to run.
fn cpu_nanoseconds() -> u64 {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").expect("/proc");
    schedule.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

fn kilobytes(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("/proc");
    let line = status.lines().find(|line| line.starts_with(what)).expect("a size");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}
