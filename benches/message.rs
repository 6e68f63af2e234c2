//! What one message costs, offline: `mailwarden scan` against rspamd, and a process a message against a pool.

#![allow(clippy::cast_precision_loss, reason = "no figure has more than three digits")]

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

#[allow(dead_code, reason = "each bench uses its share")]
mod peers;

use peers::figure::{Unit, median, note, spread, take, tell};
use peers::ours::{School, Wish, binary};
use peers::rspamd::Rspamd;
use peers::{Result, cpu, folder, mails};

const ROUNDS: usize = 5;
/// What of a run of ours may be start-up.
const START_UP: f64 = 0.02;
/// Processor time that a process of its own may cost a message, in milliseconds.
const PROCESS_LIMIT: f64 = 2.0;

fn main() -> ExitCode {
    take(&[("message.text", text), ("message.text-undisguised", text_undisguised), ("message.process-a-message", process_a_message)])
}

/// Ordinary mail and 1,000 terms, messages per second of processor time: the whole tree of `mailwarden scan` against rspamd's worker.
fn text() -> Result<()> {
    beside_rspamd("message.text", &Wish::default())
}

/// The same with letter tricks undone, which the peer does not do.
fn text_undisguised() -> Result<()> {
    beside_rspamd("message.text-undisguised", &Wish { undisguise: true, ..Wish::default() })
}

fn beside_rspamd(name: &str, wish: &Wish<'_>) -> Result<()> {
    let terms = mails::terms()?;
    let mails = mails::ham(&terms)?;
    let rspamd = Rspamd::start(&terms)?;
    let school = binary()?.map(|binary| School::found(&binary, &terms, wish)).transpose()?;
    let pile = school.as_ref().map(|school| Pile::that_hides_start_up(school, &mails)).transpose()?;
    // Enough for two seconds or so, which a count of hundredths is fine for.
    let times = 3000_usize.div_ceil(mails.len());
    if let Some(rspamd) = &rspamd {
        rspamd.scan(&mails, 1)?;
    }

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        if let Some((school, pile)) = school.as_ref().zip(pile.as_ref()) {
            let pass = scan(school, pile)?;
            note(&format!(
                "ours: {} messages, {} of {} hold a term, cpu {:.2?}, wall {:.2?}",
                pile.count,
                pass.hits / pile.copies,
                mails.len(),
                pass.cpu,
                pass.wall
            ));
            ours.push(per_second(pile.count, pass.cpu));
        }
        if let Some(rspamd) = &rspamd {
            let pass = rspamd.scan(&mails, times)?;
            if pass.hits == 0 {
                return Err("rspamd found no term in any message".into());
            }
            note(&format!(
                "{}: {} messages, {} of {} hold a term, cpu {:.2?}",
                rspamd.name,
                mails.len() * times,
                pass.hits / times,
                mails.len(),
                pass.cpu
            ));
            theirs.push(per_second(mails.len() * times, pass.cpu));
        }
    }
    note(&format!("messages per cpu-second, ours {}, theirs {}", spread(&ours), spread(&theirs)));
    let peer = rspamd.as_ref().map(|rspamd| rspamd.name.as_str()).zip(median(theirs));
    tell(name, Unit::Rate("messages/cpu-s"), median(ours), peer);
    Ok(())
}

/// What a message costs more when each has a worker of its own.
fn process_a_message() -> Result<()> {
    const UNIT: Unit = Unit::Cost("cpu-ms");
    let Some(binary) = binary()? else {
        tell("message.process-a-message", UNIT, None, Some(("limit", PROCESS_LIMIT)));
        return Ok(());
    };
    let terms = mails::terms()?;
    let alone = School::found(&binary, &terms, &Wish { messages_per_worker: 1, ..Wish::default() })?;
    let pooled = School::found(&binary, &terms, &Wish::default())?;
    let pile = Pile::of(&mails::ham(&terms)?, 8)?;
    let mut costs = Vec::new();
    for _ in 0..ROUNDS {
        let each = |pass: Pass| pass.cpu.as_secs_f64() * 1e3 / pile.count as f64;
        let (alone, pooled) = (each(scan(&alone, &pile)?), each(scan(&pooled, &pile)?));
        note(&format!("cpu ms a message: {alone:.3} alone, {pooled:.3} pooled"));
        costs.push(alone - pooled);
    }
    let cost = median(costs)
        .filter(|cost| *cost > 0.0)
        .ok_or("a worker of its own cost a message nothing: `messages_per_worker` is not heeded")?;
    tell("message.process-a-message", UNIT, Some(cost), Some(("limit", PROCESS_LIMIT)));
    Ok(())
}

/// Messages in one mbox file, the same ones many times over: the peer is handed them on a socket, and opens no file for each.
struct Pile {
    _folder: TempDir,
    mbox: PathBuf,
    copies: usize,
    count: usize,
}

impl Pile {
    fn of(mails: &[Vec<u8>], copies: usize) -> Result<Self> {
        let folder = folder()?;
        let mbox = folder.path().join("mails.mbox");
        let once: Vec<u8> = mails.iter().flat_map(|mail| in_mbox(mail)).collect();
        let mut file = File::create(&mbox)?;
        for _ in 0..copies {
            file.write_all(&once)?;
        }
        Ok(Self { _folder: folder, mbox, copies, count: mails.len() * copies })
    }

    /// As many copies as it takes, up to 256.
    fn that_hides_start_up(school: &School, mails: &[Vec<u8>]) -> Result<Self> {
        let start_up = scan_for(school, &Self::of(&mails[..1], 1)?)?.cpu.as_secs_f64();
        let mut pile = Self::of(mails, 8)?;
        loop {
            let cpu = scan(school, &pile)?.cpu.as_secs_f64();
            if start_up <= START_UP * cpu || pile.copies >= 256 {
                note(&format!("start-up is {:.0} ms of processor time, {:.1} % of a run", start_up * 1e3, start_up / cpu * 100.0));
                return Ok(pile);
            }
            pile = Self::of(mails, pile.copies * 2)?;
        }
    }
}

/// A line in a message that would begin the next one is marked.
fn in_mbox(mail: &[u8]) -> Vec<u8> {
    let mut entry = b"From bench Sat Nov 21 09:00:00 2026\n".to_vec();
    for line in mail.split_inclusive(|&octet| octet == b'\n') {
        if line.starts_with(b"From ") {
            entry.push(b'>');
        }
        entry.extend_from_slice(line);
    }
    entry.extend_from_slice(b"\n\n");
    entry
}

/// What one `mailwarden scan` cost.
struct Pass {
    cpu: Duration,
    wall: Duration,
    /// Messages in which a term was found.
    hits: usize,
}

/// # Errors
/// When a message was left out, or when no term was found at all: a scan that did nothing is fast.
fn scan(school: &School, pile: &Pile) -> Result<Pass> {
    let pass = scan_for(school, pile)?;
    if pass.hits == 0 {
        return Err("mailwarden found no term in any message".into());
    }
    Ok(pass)
}

fn scan_for(school: &School, pile: &Pile) -> Result<Pass> {
    let ended = cpu::run(school.command("scan").arg("--json").arg(&pile.mbox))?;
    let (mut told, mut hits) = (0, 0);
    for line in ended.output.stdout.split(|&octet| octet == b'\n').filter(|line| !line.is_empty()) {
        let message: Value = serde_json::from_slice(line)?;
        told += 1;
        hits += usize::from(message["findings"].as_array().is_some_and(|findings| !findings.is_empty()));
    }
    if told != pile.count {
        return Err(format!("mailwarden told of {told} messages out of {}", pile.count).into());
    }
    Ok(Pass { cpu: ended.cpu, wall: ended.wall, hits })
}

fn per_second(count: usize, cpu: Duration) -> f64 {
    count as f64 / cpu.as_secs_f64()
}
