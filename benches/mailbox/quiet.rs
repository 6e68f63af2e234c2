//! Looking at quiet mailboxes, and holding many open.

use std::thread;
use std::time::{Duration, Instant};

use super::peers::dovecot::Dovecot;
use super::peers::figure::{Unit, note, tell};
use super::peers::ours::{Daemon, School, Wish, binary};
use super::peers::{Result, cpu, mails};

/// Mailboxes that are polled once a second.
const POLLED: usize = 50;
const POLLING: Duration = Duration::from_secs(30);
/// Processor time that a poll may cost, in milliseconds.
const POLL_LIMIT: f64 = 0.2;
/// Mailboxes that are held open and say nothing.
const IDLE: usize = 1000;
/// Memory that all of it may take with `IDLE` mailboxes, in megabytes.
const MEMORY_LIMIT: f64 = 32.0;
/// How long they are watched for what they cost.
const IDLING: Duration = Duration::from_mins(2);
/// Processor time that an idle mailbox may cost, in milliseconds an hour.
const IDLE_LIMIT: f64 = 2.0;
/// What a daemon is given after its last login to become quiet.
const SETTLING: Duration = Duration::from_secs(10);
/// What a daemon is given to log in everywhere.
const PATIENCE: Duration = Duration::from_mins(3);

/// Processor time of a look at a quiet mailbox on a kept connection.
pub fn poll() -> Result<()> {
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
pub fn idle_memory() -> Result<()> {
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

/// Processor time of the daemon while as many are idle, in a mailbox-hour, at the interval that is the default.
pub fn idle_time() -> Result<()> {
    let wish = Wish { connections: 64, workers: 2, idle: true, ..Wish::default() };
    watching("mailbox.idle-time", Unit::Cost("cpu-ms"), IDLE_LIMIT, IDLE, &wish, |dovecot, daemon| {
        let (commands, used) = (dovecot.commands()?, cpu::of_tree(daemon.id())?);
        thread::sleep(IDLING);
        let used = cpu::of_tree(daemon.id())?.saturating_sub(used).as_secs_f64() * 1e3;
        let counts = dovecot.commands()?;
        let sent: Vec<_> =
            counts.iter().map(|(name, count)| (name, count - commands.get(name).unwrap_or(&0))).filter(|(_, count)| *count > 0).collect();
        note(&format!("{IDLE} idle mailboxes in {IDLING:?}: {used:.0} ms of the processor, commands {sent:?}"));
        Ok(used / IDLE as f64 * (3600.0 / IDLING.as_secs_f64()))
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
