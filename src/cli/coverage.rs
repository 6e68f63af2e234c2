//! `mailwarden coverage`: proves a day, message by message, and shows what the ledger says of it.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tokio::task::JoinSet;

use super::progress::Progress;
use super::shelf::Shelf;
use super::time::{brief, span};
use super::{ConfigFile, Exit, Failure, Output};
use crate::casebook::{Casebook, Reach};
use crate::config::{Config, History, Watched};
use crate::fault::Fault;
use crate::finding::Reason;
use crate::mail::Address;
use crate::watch::coverage::{Compared, Known, Missing, compare};
use crate::watch::{self, Tokens, Turns};

/// A message that arrived so recently may be on its way to its verdict.
const ON_ITS_WAY: SignedDuration = SignedDuration::from_mins(5);

/// Compare what every mailbox holds of a day with what was judged, and list the difference.
///
/// The day is that of the server's date of arrival. Messages that were removed since, by their owner or because they are held, are not
/// on the server and not compared. The exit code is 1 when a message was not judged, a mailbox could not be compared, or nothing was there
/// to compare.
#[derive(Debug, Args)]
pub(super) struct Coverage {
    #[command(flatten)]
    config: ConfigFile,
    /// The day, as `2026-03-02`. Default: yesterday.
    #[arg(long, value_name = "DAY")]
    date: Option<Date>,
    /// One object, for programs.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Told {
    date: Date,
    /// Every message that the servers hold was judged, and there were some.
    proven: bool,
    mailboxes: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    mailbox: Address,
    folders: usize,
    on_server: u64,
    judged: u64,
    /// From before the first look, passed over by `history = "skip"`.
    history: u64,
    /// Arrived within the last five minutes.
    on_their_way: u64,
    missing: Vec<Line>,
    /// Folders that the server does not open.
    closed: Vec<String>,
    /// Why nothing could be compared.
    trouble: Option<String>,
    polls: u64,
    failed_polls: u64,
    longest_gap_seconds: u64,
    oldest_unscanned: Option<Timestamp>,
    unread: BTreeMap<Reason, u64>,
}

#[derive(Serialize)]
struct Line {
    folder: String,
    uid: u32,
    arrived: Option<Timestamp>,
}

impl Coverage {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let config = self.config.load()?;
        let book = Shelf::open(&config)?.book;
        let now = Timestamp::now();
        let date = match self.date {
            Some(date) => date,
            None => config
                .school
                .clock
                .date_at(now)
                .yesterday()
                .map_err(|error| Failure::world("there is no such day", &error, "name a day of the calendar, as 2026-09-01"))?,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::world("the mail servers are out of reach", &error, "look at the limits of processes and memory"))?;
        let compared = runtime.block_on(compare_all(&config, &book, date, self.json))?;
        let (mut reach, mut unread) = (book.reach(date)?, book.unread(date)?);
        let mailboxes: Vec<Row> = compared
            .into_iter()
            .map(|(mailbox, compared)| {
                let (reach, unread) = (reach.remove(&mailbox).unwrap_or_default(), unread.remove(&mailbox).unwrap_or_default());
                row(mailbox, compared, reach, unread, now)
            })
            .collect();
        let faults: Vec<Fault> = config.faults.iter().cloned().chain(faults(&mailboxes, date)).collect();
        let told = Told { date, proven: faults.is_empty(), mailboxes };
        if self.json {
            out.json(&told)?;
        } else {
            print(&told, now, &config.school.clock.zone, out)?;
        }
        if told.proven { Ok(()) } else { Err(Failure { exit: Exit::World, faults: if self.json { Vec::new() } else { faults } }) }
    }
}

async fn compare_all(
    config: &Config,
    book: &Casebook,
    date: Date,
    json: bool,
) -> Result<Vec<(Address, Result<Compared, String>)>, Failure> {
    let (tokens, turns, mut comparing) = (Arc::new(Tokens::default()), Arc::new(Turns::beside(&config.state.directory)), JoinSet::new());
    let (total, mut progress) = (config.mailboxes.len(), Progress::new(json));
    for (place, watched) in config.mailboxes.iter().cloned().enumerate() {
        let known = Known {
            seen: book.seen(&watched.mailbox.address)?,
            cursors: book.cursors(&watched.mailbox.address)?,
            except: config.watch.except_folders.clone(),
            skips_history: config.watch.history == History::Skip,
        };
        let (turns, tokens, settings) = (Arc::clone(&turns), Arc::clone(&tokens), config.watch.clone());
        comparing.spawn(async move {
            let _turn = turns.turn(&watched.server).await;
            let compared = compare_one(&watched, &settings, &tokens, &known, date).await;
            (place, (watched.mailbox.address, compared.map_err(|trouble| trouble.to_string())))
        });
    }
    let mut compared = Vec::with_capacity(total);
    while let Some(done) = comparing.join_next().await {
        compared.extend(done.ok());
        progress.show_text(&format!("{} of {total} mailboxes", compared.len()));
    }
    progress.wipe();
    compared.sort_by_key(|(place, _)| *place);
    Ok(compared.into_iter().map(|(_, compared)| compared).collect())
}

async fn compare_one(
    watched: &Watched,
    settings: &crate::config::Watch,
    tokens: &Tokens,
    known: &Known,
    date: Date,
) -> Result<Compared, watch::Trouble> {
    let tls = watch::trust(&watched.server)?;
    let mut session = watch::connect_patiently(watched, settings, tls, tokens).await?;
    let compared = compare(&mut session, known, date).await?;
    session.logout().await;
    Ok(compared)
}

fn row(mailbox: Address, compared: Result<Compared, String>, reach: Reach, unread: BTreeMap<Reason, u64>, now: Timestamp) -> Row {
    let (compared, trouble) = match compared {
        Ok(compared) => (compared, None),
        Err(trouble) => (Compared::default(), Some(trouble)),
    };
    let second = |seconds: i64| Timestamp::from_second(seconds).ok();
    let recent = |missing: &Missing| {
        missing.arrived.and_then(second).is_some_and(|arrived| now.duration_since(arrived) < ON_ITS_WAY) || missing.arrived.is_none()
    };
    let (on_their_way, missing): (Vec<_>, Vec<_>) = compared.missing.into_iter().partition(recent);
    let line = |Missing { folder, uid, arrived }: Missing| Line { folder: folder.0, uid: uid.get(), arrived: arrived.and_then(second) };
    Row {
        mailbox,
        folders: compared.folders,
        on_server: compared.on_server,
        judged: compared.judged,
        history: compared.history,
        on_their_way: on_their_way.len() as u64,
        missing: missing.into_iter().map(line).collect(),
        closed: compared.closed.into_iter().map(|folder| folder.0).collect(),
        trouble,
        polls: reach.polls,
        failed_polls: reach.failures,
        longest_gap_seconds: reach.longest_gap,
        oldest_unscanned: reach.oldest_unscanned.and_then(second),
        unread,
    }
}

fn print(told: &Told, now: Timestamp, zone: &TimeZone, out: &mut Output) -> io::Result<()> {
    let header = ["mailbox", "folders", "on server", "judged", "missing", "incomplete", "polls", "failed", "longest gap", "oldest waiting"];
    let rows: Vec<_> = told.mailboxes.iter().map(|row| columns(row, now, zone)).collect();
    out.table(header, &rows)?;
    for row in &told.mailboxes {
        if !row.unread.is_empty() {
            let reasons: Vec<_> = row.unread.iter().map(|(reason, messages)| format!("{messages} {reason}")).collect();
            out.line(&format!("{}: not wholly read: {}", row.mailbox, reasons.join(", ")))?;
        }
        for Line { folder, uid, arrived } in &row.missing {
            let arrived = arrived.map(|arrived| brief(arrived, now, zone)).unwrap_or_default();
            let folder = crate::case::visible(folder);
            out.line(&format!("{}: not judged: {folder}, number {uid}, arrived {arrived}", row.mailbox))?;
        }
    }
    let sum = |count: fn(&Row) -> u64| told.mailboxes.iter().map(count).sum::<u64>();
    let verdict = if told.proven { "proven" } else { "NOT PROVEN" };
    out.line(&format!(
        "{}: {verdict}: {} mailboxes, {} messages on the servers, {} judged, {} from before the first look, {} on their way",
        told.date,
        told.mailboxes.len(),
        sum(|row| row.on_server),
        sum(|row| row.judged),
        sum(|row| row.history),
        sum(|row| row.on_their_way),
    ))
}

fn columns(row: &Row, now: Timestamp, zone: &TimeZone) -> [String; 10] {
    let unread: u64 = row.unread.values().sum();
    [
        row.mailbox.to_string(),
        row.folders.to_string(),
        row.on_server.to_string(),
        row.judged.to_string(),
        row.missing.len().to_string(),
        unread.to_string(),
        row.polls.to_string(),
        row.failed_polls.to_string(),
        if row.polls + row.failed_polls == 0 { "-".to_owned() } else { span(row.longest_gap_seconds) },
        row.oldest_unscanned.map_or_else(|| "-".to_owned(), |oldest| brief(oldest, now, zone)),
    ]
}

fn faults(mailboxes: &[Row], date: Date) -> Vec<Fault> {
    let fault = |what: String, why: String, hint: &str| Fault { what, at: None, why, hint: hint.to_owned() };
    let mut faults = Vec::new();
    for row in mailboxes {
        let mailbox = &row.mailbox;
        if let Some(trouble) = &row.trouble {
            faults.push(fault(
                format!("{mailbox} could not be compared"),
                trouble.clone(),
                "`mailwarden doctor` says which step fails, and why",
            ));
        }
        if !row.closed.is_empty() {
            let hint = "give the account the right to read it, or name it in `except_folders`";
            faults.push(fault(format!("{mailbox} was not compared as a whole"), format!("{} folders do not open", row.closed.len()), hint));
        }
        if !row.missing.is_empty() {
            let hint = "if mailwarden runs, wait for its next look and compare again; else look at `mailwarden status`";
            faults.push(fault(
                format!("{} messages of {date} in {mailbox} were not judged", row.missing.len()),
                "each is named above".to_owned(),
                hint,
            ));
        }
    }
    if mailboxes.iter().all(|row| row.on_server == 0) {
        let why = format!("{} mailboxes hold no message of {date}", mailboxes.len());
        faults.push(fault("nothing was compared".to_owned(), why, "choose a day on which mail arrived: silence proves nothing"));
    }
    faults
}
