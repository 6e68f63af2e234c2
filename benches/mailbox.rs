//! What mailboxes cost, over a real IMAP server: working off a backlog, looking at quiet ones, and holding many open.

#![allow(clippy::cast_precision_loss, reason = "no figure has more than three digits")]

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

#[allow(dead_code, reason = "each bench uses its share")]
mod peers;

use peers::dovecot::Dovecot;
use peers::figure::{Unit, median, note, spread, take, tell};
use peers::ours::{Daemon, School, Wish, binary};
use peers::{Result, bare, cpu, mails};

const ROUNDS: usize = 5;
/// Mailboxes with a backlog, each on a connection of its own.
const BACKLOGS: usize = 4;
/// Messages in each, of a school day's mail and of bare text: enough for start-up not to tell.
const DAY: usize = 4000;
const TEXT: usize = 5000;
/// Mailboxes that are polled once a second.
const POLLED: usize = 50;
const POLLING: Duration = Duration::from_secs(30);
/// Processor time that a poll may cost, in milliseconds.
const POLL_LIMIT: f64 = 0.3;
/// Mailboxes that are held open and say nothing.
const IDLE: usize = 500;
/// Memory that all of it may take with `IDLE` mailboxes, in megabytes.
const MEMORY_LIMIT: f64 = 64.0;
/// What a daemon is given after its last login to become quiet.
const SETTLING: Duration = Duration::from_secs(10);
/// What a daemon is given to log in everywhere.
const PATIENCE: Duration = Duration::from_mins(2);

fn main() -> ExitCode {
    take(&[
        ("mailbox.backlog", backlog),
        ("mailbox.backlog-text", backlog_text),
        ("mailbox.poll", poll),
        ("mailbox.idle-memory", idle_memory),
    ])
}

/// Wall-clock time of `mailwarden run --once`, scanning included, against that of a download of the same mail over as many connections.
fn backlog() -> Result<()> {
    work_off("mailbox.backlog", &mails::school_day(DAY)?)
}

/// The same of text mail of 3 kB alone: the hardest case, for the download of such a message costs next to nothing.
fn backlog_text() -> Result<()> {
    work_off("mailbox.backlog-text", &mails::ordinary(TEXT, &[]))
}

fn work_off(name: &str, mail: &[Vec<u8>]) -> Result<()> {
    const UNIT: Unit = Unit::Cost("s");
    let all = BACKLOGS * mail.len();
    let Some(dovecot) = Dovecot::start(BACKLOGS, mail)? else {
        tell(name, UNIT, None, None);
        return Ok(());
    };
    let terms = mails::terms()?;
    // The server's indexes are made by whoever comes first.
    download(&dovecot, all)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        if let Some(binary) = binary()? {
            let wish = Wish { server: Some((&dovecot, BACKLOGS)), connections: BACKLOGS, workers: 2, ..Wish::default() };
            let school = School::found(&binary, &terms, &wish)?;
            school.initialise()?;
            let before = dovecot.served()?.bodies;
            let ended = cpu::run(school.command("run").arg("--once"))?;
            dovecot.has_served(before + all as u64)?;
            note(&format!("ours: {all} messages, wall {:.2?}, cpu {:.2?}", ended.wall, ended.cpu));
            ours.push(ended.wall.as_secs_f64());
        }
        theirs.push(download(&dovecot, all)?.as_secs_f64());
    }
    note(&format!("seconds of wall-clock time, ours {}, theirs {}", spread(&ours), spread(&theirs)));
    tell(name, UNIT, median(ours), median(theirs).map(|seconds| ("async-imap", seconds)));
    Ok(())
}

/// The wall-clock time of a bare download.
fn download(dovecot: &Dovecot, messages: usize) -> Result<Duration> {
    let before = dovecot.served()?.bodies;
    let started = Instant::now();
    let got = bare::download(dovecot, BACKLOGS).map_err(|error| error.to_string())?;
    let wall = started.elapsed();
    dovecot.has_served(before + messages as u64)?;
    note(&format!("async-imap: {} messages, {} kB, wall {wall:.2?}", got.messages, got.octets / 1000));
    Ok(wall)
}

/// Processor time of a look at a quiet mailbox on a kept connection.
fn poll() -> Result<()> {
    let wish = Wish { connections: POLLED, interval: "1s", ..Wish::default() };
    watching("mailbox.poll", Unit::Cost("cpu-ms"), POLL_LIMIT, POLLED, &wish, |dovecot, daemon| {
        let (commands, used, logins) = (dovecot.commands()?, cpu::of_tree(daemon.id())?, dovecot.served()?.logins);
        thread::sleep(POLLING);
        let used = cpu::of_tree(daemon.id())?.saturating_sub(used);
        // A look at a mailbox is one command or several, but none of them twice.
        let counts = dovecot.commands()?;
        let (command, polls) = counts
            .iter()
            .map(|(name, count)| (name, count - commands.get(name).unwrap_or(&0)))
            .max_by_key(|(_, count)| *count)
            .filter(|(_, count)| *count > 0)
            .ok_or("the daemon sent no command")?;
        note(&format!(
            "{polls} polls ({command}) of {POLLED} mailboxes in {POLLING:?}, {} new logins, cpu {used:.2?}",
            dovecot.served()?.logins - logins
        ));
        Ok(used.as_secs_f64() * 1e3 / polls as f64)
    })
}

/// Memory of the daemon, the nursery and the workers together while many mailboxes are idle.
fn idle_memory() -> Result<()> {
    let wish = Wish { connections: 64, workers: 2, idle: true, ..Wish::default() };
    watching("mailbox.idle-memory", Unit::Cost("MB"), MEMORY_LIMIT, IDLE, &wish, |_, daemon| {
        let megabytes = |octets: u64| octets as f64 / 1e6;
        let processes = cpu::tree(daemon.id())?;
        let all = processes.iter().map(|&process| cpu::memory(process)).sum::<Result<u64>>()?;
        note(&format!(
            "{IDLE} idle mailboxes: {:.1} MB in {} processes, {:.1} MB of it the daemon's",
            megabytes(all),
            processes.len(),
            megabytes(cpu::memory(daemon.id())?)
        ));
        Ok(megabytes(all))
    })
}

/// Measures a daemon of ours that has logged in to every one of many empty mailboxes.
fn watching(name: &str, unit: Unit, limit: f64, users: usize, wish: &Wish, measure: fn(&Dovecot, &Daemon) -> Result<f64>) -> Result<()> {
    let limit = Some(("limit", limit));
    let Some((binary, dovecot)) = binary()?.zip(Dovecot::start(users, &[])?) else {
        tell(name, unit, None, limit);
        return Ok(());
    };
    let school = School::found(&binary, &mails::terms()?, &Wish { server: Some((&dovecot, users)), ..*wish })?;
    school.initialise()?;
    let mut daemon = school.open()?;
    let started = Instant::now();
    while dovecot.served()?.logins < users as u64 {
        if !daemon.runs()? || started.elapsed() > PATIENCE {
            return Err(format!(
                "mailwarden logged in to {} mailboxes out of {users}; its last words: {}",
                dovecot.served()?.logins,
                school.last_words()
            )
            .into());
        }
        thread::sleep(Duration::from_millis(100));
    }
    thread::sleep(SETTLING);
    tell(name, unit, Some(measure(&dovecot, &daemon)?), limit);
    Ok(())
}
