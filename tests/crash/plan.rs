//! Which faults are tried, two at a time, and the table of what they did.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use super::strike::{self, Blow, Fault, Since, Struck};
use super::trial::{Ground, Trial, folder};

const LANES: usize = 2;

/// Errors, and the calls that can meet them. Only what may wait is interrupted: sockets and the runtime's own
/// `eventfd` do not.
const ERRORS: [(&str, &[&str]); 5] = [
    ("EINTR", &["fsync", "openat", "pread64", "pwrite64", "read"]),
    (
        "EIO",
        &["fsync", "ftruncate", "getdents64", "openat", "pread64", "pwrite64", "read", "recvfrom", "rename", "sendto", "unlink", "write"],
    ),
    ("EMFILE", &["openat", "socket"]),
    ("ENOSPC", &["fallocate", "fsync", "ftruncate", "mkdir", "openat", "pwrite64", "rename", "write"]),
    ("EROFS", &["mkdir", "openat", "rename", "unlink"]),
];

/// What came of a fault.
#[derive(Debug, Default)]
pub struct Outcome {
    pub fired: bool,
    pub hung: bool,
    /// A scan process was lost, and with it the reading of a message.
    pub unread: bool,
    pub wrong: Option<String>,
}

impl Outcome {
    pub fn of(Struck { fired, hung }: Struck, settled: Result<usize, String>) -> Self {
        let unread = settled.as_ref().is_ok_and(|unread| *unread > 0);
        Self { fired, hung, unread, wrong: settled.err() }
    }
}

/// How often each call is made, by where counting starts.
pub struct Census(BTreeMap<Since, BTreeMap<&'static str, usize>>);

impl Census {
    pub fn take(ground: &Ground) -> Self {
        let count = |since| {
            let room = folder("census");
            let trial = Trial::new(ground, &room.path().join("state"));
            (since, strike::calls(&trial.warden, since))
        };
        Self(Since::all().map(count).collect())
    }

    /// Process deaths at `most` places of each call and step, spread evenly.
    pub fn deaths(&self, blow: Blow, most: usize) -> Vec<Fault> {
        self.faults(blow, most, |_| true)
    }

    /// Errors, once and for good, at `most` places of each call and step.
    pub fn errors(&self, most: usize) -> Vec<Fault> {
        let both = |(error, calls): (&'static str, &'static [&'static str])| {
            let for_good = (error != "EINTR").then_some(Blow::ErrorForGood(error));
            [Some(Blow::Error(error)), for_good]
                .into_iter()
                .flatten()
                .flat_map(|blow| self.faults(blow, most, |call| calls.contains(&call)))
        };
        ERRORS.into_iter().flat_map(|error| both(error).collect::<Vec<_>>()).collect()
    }

    fn faults(&self, blow: Blow, most: usize, wanted: impl Fn(&str) -> bool) -> Vec<Fault> {
        let calls = self.0.iter().flat_map(|(since, calls)| calls.iter().map(move |(call, count)| (*since, *call, *count)));
        let of = |(since, call, count)| spread(count, most).map(move |nth| Fault { blow, since, call, nth });
        calls.filter(|(_, call, _)| wanted(call)).flat_map(of).collect()
    }
}

/// At most so many of 1 to `count`, evenly, with both ends.
fn spread(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let chosen = count.min(most);
    (0..chosen).map(move |at| 1 + at * (count - 1) / (chosen - 1).max(1))
}

/// What was tried and what was found.
pub struct Table {
    lines: BTreeMap<String, [usize; 5]>,
    pub fired: usize,
    pub wrong: Vec<String>,
    begun: Instant,
}

impl Table {
    pub fn new() -> Self {
        Self { lines: BTreeMap::new(), fired: 0, wrong: Vec::new(), begun: Instant::now() }
    }

    pub fn enter(&mut self, kind: String, name: &str, outcome: Outcome) {
        let Outcome { fired, hung, unread, wrong } = outcome;
        let line = self.lines.entry(kind).or_default();
        for (count, more) in line.iter_mut().zip([true, fired, hung, unread, wrong.is_some()]) {
            *count += usize::from(more);
        }
        self.fired += usize::from(fired);
        if let Some(wrong) = wrong {
            eprintln!("VIOLATION  {name}: {wrong}");
            self.wrong.push(format!("{name}: {wrong}"));
        } else if hung {
            eprintln!("hung       {name}");
        }
    }

    pub fn print(&self) {
        let mut text = format!("\n{:<20} {:>7} {:>7} {:>7} {:>7} {:>10}\n", "fault", "tried", "fired", "hung", "unread", "violations");
        for (kind, [tried, fired, hung, unread, wrong]) in &self.lines {
            let _ = writeln!(text, "{kind:<20} {tried:>7} {fired:>7} {hung:>7} {unread:>7} {wrong:>10}");
        }
        let _ = writeln!(text, "{} faults fired, {} violations, {:.0} s", self.fired, self.wrong.len(), self.begun.elapsed().as_secs_f64());
        eprintln!("{text}");
    }
}

/// Tries faults, [`LANES`] at a time, and enters each in the table.
pub fn try_all(table: &mut Table, faults: &[Fault], attempt: impl Fn(&Fault, usize) -> Outcome + Sync) {
    eprintln!("{} faults, from `{}` on", faults.len(), faults.first().map_or_else(String::new, ToString::to_string));
    let next = AtomicUsize::new(0);
    let table = Mutex::new(table);
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                let mut turns = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
                while let Some((at, fault)) = turns.next().and_then(|at| Some((at, faults.get(at)?))) {
                    let outcome = guarded(|| attempt(fault, at));
                    table.lock().expect("no lane panics").enter(fault.blow.to_string(), &fault.to_string(), outcome);
                }
            });
        }
    });
}

/// What a panic tells is a violation like any other, and ends no other try.
pub fn guarded(attempt: impl FnOnce() -> Outcome) -> Outcome {
    catch_unwind(AssertUnwindSafe(attempt)).unwrap_or_else(|panic| {
        let told = panic.downcast_ref::<String>().cloned().or_else(|| panic.downcast_ref::<&str>().map(|&told| told.to_owned()));
        Outcome { wrong: Some(told.unwrap_or_else(|| "a panic".to_owned())), ..Outcome::default() }
    })
}

/// What is left of a list by `ONLY=text`, which the name of a fault must hold, and by `FAULTS=n`, of which this
/// list gets its third.
pub fn chosen(mut faults: Vec<Fault>) -> Vec<Fault> {
    if let Ok(only) = env::var("ONLY") {
        faults.retain(|fault| fault.to_string().contains(&only));
    }
    let limit = env::var("FAULTS").ok().and_then(|limit| limit.parse::<usize>().ok());
    let most = limit.map_or(faults.len(), |limit| limit.div_ceil(3));
    spread(faults.len(), most).map(|nth| faults[nth - 1]).collect()
}

/// Whether less is tried than there is, which proves less.
pub fn is_quick() -> bool {
    ["FAULTS", "ONLY"].into_iter().any(|name| env::var_os(name).is_some())
}
