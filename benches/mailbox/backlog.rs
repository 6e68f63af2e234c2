//! Working off a backlog, scanning included, beside a download of the same mail and nothing else.

use std::time::{Duration, Instant};

use super::peers::dovecot::Dovecot;
use super::peers::figure::{Unit, median, note, spread, tell};
use super::peers::ours::{School, Wish, binary};
use super::peers::{Result, bare, cpu, mails};

const ROUNDS: usize = 5;
/// Mailboxes with a backlog, each on a connection of its own.
const BACKLOGS: usize = 4;
/// Messages in each, of a school day's mail and of bare text: enough for start-up not to tell.
const DAY: usize = 4000;
const TEXT: usize = 5000;

/// Wall-clock time of `mailwarden run --once`, scanning included, against that of a download of the same mail over as many connections.
pub fn school_day() -> Result<()> {
    work_off("mailbox.backlog", &mails::school_day(DAY)?)
}

/// The same of text mail of 3 kB alone: the hardest case, for the download of such a message costs next to nothing.
pub fn text() -> Result<()> {
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
