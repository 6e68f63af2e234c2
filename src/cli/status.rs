//! `mailwarden status`: whether all is well, for a person at a glance and for a program by the exit code.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io;

use clap::Args;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rustix::process::{Pid, test_kill_process};
use serde::Serialize;

use super::shelf::Shelf;
use super::time::{brief, span, wall};
use super::{ConfigFile, Exit, Failure, Output};
use crate::case::visible;
use crate::casebook::{Casebook, Counts, Episode, Undelivered};
use crate::mail::{Address, Role};
use crate::watch::{Backlog, Board, FolderLeft, ServerStatus, Status};
use crate::wire::RuleSet;

/// The daemon writes its board every two seconds; after so long without, it is stuck or gone.
const FRESH: SignedDuration = SignedDuration::from_secs(30);
/// A notice that is due is sent within seconds, and tried again every minute.
const LATE: SignedDuration = SignedDuration::from_mins(5);
/// Backlogs that are told one by one; of all, the sum is.
const NAMED: usize = 10;

/// Say whether all is well: 0 when mailwarden runs and nothing fails, else 1.
#[derive(Debug, Args)]
pub(super) struct StatusCommand {
    #[command(flatten)]
    config: ConfigFile,
    /// One object, for programs.
    #[arg(long)]
    json: bool,
}

/// All that is told.
#[derive(Serialize)]
struct Told {
    well: bool,
    running: bool,
    /// What the daemon said of itself last; absent when none ever ran here.
    daemon: Option<Daemon>,
    troubles: Vec<Trouble>,
    undelivered: Waiting,
    servers: BTreeMap<String, ServerStatus>,
    mailboxes: Vec<Row>,
}

#[derive(Serialize)]
struct Daemon {
    pid: u32,
    started: Timestamp,
    /// Its last sign of life.
    written: Timestamp,
    cage: String,
    rule_set: RuleSet,
    /// Why the last change is not in force; empty when it is.
    refused: Vec<String>,
}

#[derive(Serialize)]
struct Trouble {
    what: String,
    mailbox: Option<Address>,
    since: Option<Timestamp>,
    why: Option<String>,
}

/// Notices that are due and were not delivered.
#[derive(Serialize)]
struct Waiting {
    count: u64,
    oldest: Option<Timestamp>,
}

#[derive(Serialize)]
struct Row {
    address: Address,
    group: String,
    role: Role,
    folders: usize,
    last_poll: Option<Timestamp>,
    today: Today,
    oldest_unscanned: Option<Timestamp>,
    failing_since: Option<Timestamp>,
    trouble: Option<String>,
    /// Its server did not keep up IDLE: until then it is polled and no more.
    polled_only_until: Option<Timestamp>,
    /// Where there is much that is not judged yet.
    backlog: Option<Going>,
}

/// How a backlog comes on.
#[derive(Serialize)]
struct Going {
    #[serde(flatten)]
    backlog: Backlog,
    percent: u64,
    /// `None` while nothing comes on.
    seconds_left: Option<u64>,
}

impl Going {
    fn of(backlog: Backlog, fails: bool) -> Self {
        let seconds_left = backlog.time_left().filter(|_| !fails).map(|left| left.as_secs());
        Self { percent: backlog.percent(), backlog, seconds_left }
    }

    fn told(&self) -> String {
        let Backlog { left, per_second, .. } = &self.backlog;
        let time_left = self.seconds_left.map_or_else(|| "nothing comes on".to_owned(), |seconds| format!("{} left", span(seconds)));
        format!("{left} messages left, {per_second:.1} a second, {time_left}")
    }
}

/// Messages since midnight UTC.
#[derive(Default, Serialize)]
struct Today {
    seen: u64,
    scanned: u64,
    incomplete: u64,
    flagged: u64,
    held: u64,
}

impl StatusCommand {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let config = self.config.load()?;
        let book = Shelf::open(&config)?.book;
        let board = match Board::read(&config.state.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            read => Some(read.map_err(|error| Failure::world("the status file cannot be read", &error, "restart mailwarden"))?),
        };
        let told = tell(board, &book, Timestamp::now())?;
        if self.json {
            out.json(&told)?;
        } else {
            print(&told, &config.school.clock.zone, out)?;
        }
        // What is wrong stands above.
        if told.well { Ok(()) } else { Err(Failure { exit: Exit::World, faults: Vec::new() }) }
    }
}

fn tell(board: Option<Status>, book: &Casebook, now: Timestamp) -> Result<Told, Failure> {
    let Undelivered { count, oldest } = book.undelivered(now)?;
    let running = board.as_ref().is_some_and(|board| is_alive(board, now));
    let troubles = troubles(board.as_ref(), book)?;
    let mut today: BTreeMap<Address, Counts> =
        book.counts(now.to_zoned(TimeZone::UTC).date())?.into_iter().map(|row| (row.mailbox, row.counts)).collect();
    let (mut mailboxes, mut servers, mut daemon) = (Vec::new(), BTreeMap::new(), None);
    if let Some(Status { pid, started, written, rule_set, cage, refused, servers: known, mailboxes: watched, .. }) = board {
        servers = known;
        daemon = Some(Daemon { pid, started, written, cage, rule_set, refused });
        mailboxes.extend(watched.into_iter().map(|(address, status)| Row {
            today: today.remove(&address).map(Today::from).unwrap_or_default(),
            address,
            group: status.group,
            role: status.role,
            folders: status.folders,
            last_poll: status.last_poll,
            oldest_unscanned: status.oldest_unscanned.and_then(|seconds| Timestamp::from_second(seconds).ok()),
            failing_since: status.failing_since,
            backlog: status.backlog.map(|backlog| Going::of(backlog, status.trouble.is_some())),
            trouble: status.trouble,
            polled_only_until: status.polled_only_until.filter(|until| *until > now),
        }));
    }
    let well = running
        && troubles.is_empty()
        && daemon.as_ref().is_some_and(|daemon| daemon.refused.is_empty())
        && mailboxes.iter().all(|row| row.trouble.is_none())
        && oldest.is_none_or(|due| now.duration_since(due) < LATE);
    Ok(Told { well, running, daemon, troubles, undelivered: Waiting { count, oldest }, servers, mailboxes })
}

/// What the daemon has on its board, and what the technician was told of and is not over.
fn troubles(board: Option<&Status>, book: &Casebook) -> Result<Vec<Trouble>, Failure> {
    let on_board = board.into_iter().flat_map(|board| &board.troubles);
    let mut troubles: Vec<_> =
        on_board.map(|(what, why)| Trouble { what: what.clone(), mailbox: None, since: None, why: Some(why.clone()) }).collect();
    for Episode { trouble, mailbox, rule, since } in book.troubles()? {
        // Of a mailbox that is watched no more, nobody will ever say that it is over.
        let left = mailbox.as_ref().is_some_and(|mailbox| board.is_some_and(|board| !board.mailboxes.contains_key(mailbox)));
        if !left {
            let why = rule.map(|rule| format!("{rule} flags only, until it is changed"));
            troubles.push(Trouble { what: trouble.as_str().to_owned(), mailbox, since: Some(since), why });
        }
    }
    Ok(troubles)
}

/// Alone, neither would do: a number is given to another process some day, and a file outlives its writer.
fn is_alive(board: &Status, now: Timestamp) -> bool {
    let is_there =
        Pid::from_raw(board.pid.cast_signed()).is_some_and(|pid| matches!(test_kill_process(pid), Ok(()) | Err(rustix::io::Errno::PERM)));
    is_there && now.duration_since(board.written) < FRESH
}

fn print(told: &Told, zone: &TimeZone, out: &mut Output) -> io::Result<()> {
    let at = |moment: Timestamp| wall(moment, zone);
    match &told.daemon {
        None => out.line("NOT RUNNING  it has never run with this state")?,
        Some(daemon) => {
            if told.running {
                out.line(&format!("running  since {}, process {}", at(daemon.started), daemon.pid))?;
            } else {
                out.line(&format!("NOT RUNNING  its last sign of life is of {}", at(daemon.written)))?;
            }
            let RuleSet { id, rules, terms, list_entries, .. } = &daemon.rule_set;
            out.line(&format!("cage     {}", daemon.cage))?;
            out.line(&format!("rules    {id}: {rules} rules, {terms} terms, {list_entries} entries of lists"))?;
            for fault in &daemon.refused {
                out.line(&format!("refused  {}", fault.replace('\n', "\n         ")))?;
            }
        }
    }
    for trouble in &told.troubles {
        let mailbox = trouble.mailbox.as_ref().map(|mailbox| format!(" of {mailbox}")).unwrap_or_default();
        let since = trouble.since.map(|since| format!(", since {}", at(since))).unwrap_or_default();
        let why = trouble.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        out.line(&format!("trouble  {}{mailbox}{since}{why}", trouble.what))?;
    }
    match told.undelivered {
        Waiting { count, oldest: Some(oldest) } if count > 0 => {
            out.line(&format!("notices  {count} not delivered, the oldest was due {}", at(oldest)))?;
        }
        Waiting { .. } => out.line("notices  all delivered")?,
    }
    for (name, ServerStatus { bears, refused_at, waiting, .. }) in &told.servers {
        if let (Some(bears), Some(refused_at)) = (bears, refused_at) {
            let refused_at = at(*refused_at);
            out.line(&format!(
                "server   {name} bears {bears} connections: it refused another at {refused_at}; {waiting} mailboxes wait for one"
            ))?;
        }
    }
    let backlogs = longest_first(&told.mailboxes);
    if !backlogs.is_empty() {
        let sum = |one: Backlog, other: &Backlog| Backlog {
            since: one.since.min(other.since),
            done: one.done + other.done,
            left: one.left + other.left,
            per_second: one.per_second + other.per_second,
            folders: Vec::new(),
        };
        let nothing = Backlog { since: Timestamp::MAX, done: 0, left: 0, per_second: 0.0, folders: Vec::new() };
        let all = Going::of(backlogs.iter().fold(nothing, |all, (_, going)| sum(all, &going.backlog)), false);
        out.line(&format!("backlog  {} mailboxes: {} % is judged, {}", backlogs.len(), all.percent, all.told()))?;
    }
    let polled_only: Vec<_> = told.mailboxes.iter().filter_map(|row| row.polled_only_until).collect();
    if let Some(last) = polled_only.iter().max() {
        let what = "are only polled: their server fell silent when it was to tell of new mail";
        out.line(&format!("idle     {} mailboxes {what}. It is tried again by {}", polled_only.len(), at(*last)))?;
    }
    let header = [
        "mailbox",
        "group",
        "role",
        "folders",
        "last poll",
        "seen",
        "scanned",
        "incomplete",
        "flagged",
        "held",
        "waiting since",
        "failing since",
    ];
    let now = Timestamp::now();
    let rows: Vec<_> = told.mailboxes.iter().map(|row| columns(row, now, zone)).collect();
    out.table(header, &rows)?;
    for (address, going) in longest_first(&told.mailboxes).into_iter().take(NAMED) {
        out.line(&format!("{address}: {} % of its backlog is judged, {}", going.percent, going.told()))?;
        let folder = |FolderLeft { folder, left }: &FolderLeft| format!("{} {left}", visible(&folder.0));
        let folders: Vec<_> = going.backlog.folders.iter().map(folder).collect();
        if !folders.is_empty() {
            out.line(&format!("{address}: messages left, by folder: {}", folders.join(", ")))?;
        }
    }
    for Row { address, trouble, .. } in &told.mailboxes {
        if let Some(trouble) = trouble {
            out.line(&format!("{address}: {trouble}"))?;
            out.line(&format!("{}next: `mailwarden doctor {address}` says at which step, and what mends it", " ".repeat(4)))?;
        }
    }
    Ok(())
}

fn longest_first(rows: &[Row]) -> Vec<(&Address, &Going)> {
    let mut backlogs: Vec<_> = rows.iter().filter_map(|row| Some((&row.address, row.backlog.as_ref()?))).collect();
    backlogs.sort_by_key(|(_, going)| Reverse(going.backlog.left));
    backlogs
}

fn columns(row: &Row, now: Timestamp, zone: &TimeZone) -> [String; 12] {
    let at = |moment: Option<Timestamp>| moment.map_or_else(|| "-".to_owned(), |moment| brief(moment, now, zone));
    let Today { seen, scanned, incomplete, flagged, held } = row.today;
    let [seen, scanned, incomplete, flagged, held] = [seen, scanned, incomplete, flagged, held].map(|count| count.to_string());
    [
        row.address.to_string(),
        row.group.clone(),
        row.role.to_string(),
        row.folders.to_string(),
        at(row.last_poll),
        seen,
        scanned,
        incomplete,
        flagged,
        held,
        at(row.oldest_unscanned),
        at(row.failing_since),
    ]
}

impl From<Counts> for Today {
    fn from(Counts { seen, scanned, incomplete, flagged, held }: Counts) -> Self {
        Self { seen, scanned, incomplete, flagged, held }
    }
}
