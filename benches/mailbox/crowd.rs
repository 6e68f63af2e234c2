//! Twenty thousand quiet mailboxes of a trust of schools, played by a server of two folders each.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::peers::figure::{Unit, note, tell};
use super::peers::ours::{School, Wish, binary};
use super::peers::sink::quiet_mailboxes;
use super::peers::{Result, cpu, mails};

const MAILBOXES: usize = 20_000;
/// Connections of both sides, and what else there is.
const FILES: u64 = 65_536;
/// What a daemon is given to look into every one of them.
const PATIENCE: Duration = Duration::from_mins(5);
/// Two of the intervals between two looks into a mailbox.
const WATCHING: Duration = Duration::from_mins(2);
/// Processor time that a look may cost, in milliseconds.
const LIMIT: f64 = 0.2;

/// Processor time of all that the daemon does in two intervals, for each look into a mailbox.
pub fn poll() -> Result<()> {
    const NAME: &str = "mailbox.many";
    const UNIT: Unit = Unit::Cost("cpu-ms");
    let Some(binary) = binary()? else {
        tell(NAME, UNIT, None, Some(("limit", LIMIT)));
        return Ok(());
    };
    let before = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(FILES), maximum: before.maximum.max(Some(FILES)) })
        .map_err(|error| format!("{FILES} open files are needed: {error}"))?;
    let (port, asked) = quiet_mailboxes()?;
    let wish = Wish { played: Some((port, MAILBOXES)), connections: 64, ..Wish::default() };
    let school = School::found(&binary, &mails::terms()?, &wish)?;
    school.initialise()?;
    let mut daemon = school.open()?;
    let started = Instant::now();
    while asked.looks.load(Ordering::Relaxed) < MAILBOXES as u64 {
        if !daemon.runs()? || started.elapsed() > PATIENCE {
            let looks = asked.looks.load(Ordering::Relaxed);
            return Err(format!("{looks} looks into {MAILBOXES} mailboxes; its last words: {}", school.last_words()).into());
        }
        thread::sleep(Duration::from_millis(100));
    }
    note(&format!(
        "{MAILBOXES} mailboxes looked into within {:.1?} of the start, cpu {:.1?}",
        started.elapsed(),
        cpu::of_tree(daemon.id())?
    ));
    let (used, looks) = (cpu::of_tree(daemon.id())?, asked.looks.load(Ordering::Relaxed));
    thread::sleep(WATCHING);
    let (used, looks) = (cpu::of_tree(daemon.id())?.saturating_sub(used), asked.looks.load(Ordering::Relaxed) - looks);
    note(&format!(
        "{looks} looks in {WATCHING:?}, {} sign-ins, cpu {used:.2?}, {:.1} MB",
        asked.logins.load(Ordering::Relaxed),
        cpu::tree(daemon.id())?.into_iter().map(cpu::memory).sum::<Result<u64>>()? as f64 / 1e6
    ));
    if looks < MAILBOXES as u64 {
        return Err(format!("{looks} looks into {MAILBOXES} mailboxes in two intervals").into());
    }
    tell(NAME, UNIT, Some(used.as_secs_f64() * 1e3 / looks as f64), Some(("limit", LIMIT)));
    Ok(())
}
