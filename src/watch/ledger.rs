//! The coverage ledger: how each mailbox is reached, written down every minute, and an alarm when one is silent to us.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Daemon, quarantine, tell};
use crate::casebook::{Reach, Trouble};
use crate::mail::Address;

/// Between two entries. A crash loses the counts of so long, and nothing else.
pub const ENTRY: Duration = Duration::from_mins(1);
/// A round is late when it has not come through for so many intervals, and for so long besides.
const LATE_INTERVALS: u32 = 3;
const LATE_BESIDES: Duration = Duration::from_mins(2);
/// Between two looks at when something was found last.
const LOOK: SignedDuration = SignedDuration::from_hours(1);
/// Fewer messages than this without a finding are nothing unusual, however long they took.
const UNUSUAL: u64 = 2_000;

#[derive(Default)]
pub struct Ledger {
    mailboxes: Mutex<HashMap<Address, Stretch>>,
    alarms: Mutex<Alarms>,
}

/// What has happened in a mailbox since the last entry.
struct Stretch {
    reach: Reach,
    /// The end of the last round that went through, or the beginning of the watch.
    since: Timestamp,
}

/// What the technician was told of.
#[derive(Default)]
struct Alarms {
    silent: BTreeSet<Address>,
    overrun: bool,
    looked: Option<Timestamp>,
}

impl Ledger {
    pub fn watching(&self, mailbox: &Address) {
        let begin = || Stretch { reach: Reach::default(), since: Timestamp::now() };
        self.mailboxes().entry(mailbox.clone()).or_insert_with(begin);
    }

    pub fn no_longer_watching(&self, mailbox: &Address) {
        self.mailboxes().remove(mailbox);
    }

    /// A round went through.
    pub fn polled(&self, mailbox: &Address) {
        if let Some(stretch) = self.mailboxes().get_mut(mailbox) {
            stretch.polled(Timestamp::now());
        }
    }

    /// A round did not.
    pub fn failed(&self, mailbox: &Address) {
        if let Some(stretch) = self.mailboxes().get_mut(mailbox) {
            stretch.reach.failures += 1;
        }
    }

    fn mailboxes(&self) -> MutexGuard<'_, HashMap<Address, Stretch>> {
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that has happened since the last entry.
    fn take(&self, now: Timestamp, oldest_unscanned: impl Fn(&Address) -> Option<i64>) -> Vec<(Address, Reach)> {
        let entry = |(mailbox, stretch): (&Address, &mut Stretch)| {
            let mut reach = stretch.take(now);
            reach.oldest_unscanned = oldest_unscanned(mailbox);
            (mailbox.clone(), reach)
        };
        self.mailboxes().iter_mut().map(entry).collect()
    }

    /// The mailboxes in which no round has gone through for at least so long.
    fn silent_for(&self, now: Timestamp, limit: SignedDuration) -> BTreeSet<Address> {
        let silent = |stretch: &Stretch| now.duration_since(stretch.since) >= limit;
        self.mailboxes().iter().filter(|(_, stretch)| silent(stretch)).map(|(mailbox, _)| mailbox.clone()).collect()
    }
}

impl Stretch {
    fn polled(&mut self, now: Timestamp) {
        self.reach.longest_gap = self.reach.longest_gap.max(seconds_between(self.since, now));
        self.reach.polls += 1;
        self.reach.last_poll = Some(now);
        self.since = now;
    }

    /// A gap that goes on counts as well.
    fn take(&mut self, now: Timestamp) -> Reach {
        let mut reach = std::mem::take(&mut self.reach);
        reach.longest_gap = reach.longest_gap.max(seconds_between(self.since, now));
        reach
    }
}

fn seconds_between(since: Timestamp, now: Timestamp) -> u64 {
    now.duration_since(since).as_secs().max(0).unsigned_abs()
}

/// Writes an entry, and tells of what it shows.
pub async fn enter(daemon: &Arc<Daemon>) {
    let daemon = Arc::clone(daemon);
    let entered = quarantine::blocking(move || {
        let now = Timestamp::now();
        let stretch = daemon.ledger.take(now, |mailbox| daemon.board.oldest_unscanned(mailbox));
        let written = daemon.shelf.book(|book| book.reached(now, &stretch));
        daemon.board.trouble("casebook", written.err().map(|error| error.to_string()));
        tell_of_silence(&daemon, now);
        tell_of_overruns(&daemon, now);
        tell_of_nothing_found(&daemon, now);
        Ok(())
    });
    // What goes wrong stands on the board.
    let _ = entered.await;
}

/// One that fails is told of as unreachable; this is about those that nothing is heard of, for whatever reason.
fn tell_of_silence(daemon: &Daemon, now: Timestamp) {
    let mut silent = daemon.ledger.silent_for(now, signed(daemon.config().watch.silence));
    silent.retain(|mailbox| !daemon.board.is_failing(mailbox));
    let before = std::mem::replace(&mut daemon.alarms().silent, silent.clone());
    for mailbox in silent.difference(&before) {
        tell::trouble(daemon, Trouble::MailboxSilent, Some(mailbox));
    }
    for mailbox in before.difference(&silent) {
        tell::trouble_over(daemon, Trouble::MailboxSilent, Some(mailbox));
    }
}

/// Rounds that come through, and far too seldom: too many mailboxes for this machine, this line or this server.
fn tell_of_overruns(daemon: &Daemon, now: Timestamp) {
    let late = daemon.config().watch.interval.saturating_mul(LATE_INTERVALS).saturating_add(LATE_BESIDES);
    let late: Vec<_> =
        daemon.ledger.silent_for(now, signed(late)).into_iter().filter(|mailbox| !daemon.board.is_failing(mailbox)).collect();
    let overrun = !late.is_empty();
    daemon.board.trouble("polls", overrun.then(|| format!("{} mailboxes wait for their round longer than they should", late.len())));
    let before = std::mem::replace(&mut daemon.alarms().overrun, overrun);
    match (before, overrun) {
        (false, true) => tell::trouble(daemon, Trouble::PollOverruns, None),
        (true, false) => tell::trouble_over(daemon, Trouble::PollOverruns, None),
        _ => {}
    }
}

/// A scanner that finds nothing in thousands of messages may have gone blind.
fn tell_of_nothing_found(daemon: &Daemon, now: Timestamp) {
    {
        let mut alarms = daemon.alarms();
        if alarms.looked.is_some_and(|looked| now.duration_since(looked) < LOOK) {
            return;
        }
        alarms.looked = Some(now);
    }
    let limit = signed(daemon.config().watch.nothing_found);
    match daemon.shelf.book(|book| book.last_finding()) {
        Ok(Some((last, scanned))) if scanned >= UNUSUAL && now.duration_since(last) >= limit => {
            tell::trouble(daemon, Trouble::NothingFound, None);
        }
        Ok(_) => tell::trouble_over(daemon, Trouble::NothingFound, None),
        Err(error) => daemon.board.trouble("casebook", Some(error.to_string())),
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

impl Daemon {
    fn alarms(&self) -> MutexGuard<'_, Alarms> {
        self.ledger.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_gap_counts_when_it_ends_and_while_it_goes_on() {
        let mut stretch = Stretch { reach: Reach::default(), since: at(0) };
        stretch.polled(at(50));
        stretch.polled(at(60));
        assert_eq!(stretch.take(at(65)), Reach { polls: 2, last_poll: Some(at(60)), longest_gap: 50, ..Reach::default() });
        assert_eq!(stretch.take(at(125)), Reach { longest_gap: 65, ..Reach::default() }, "nothing has gone through since");
        stretch.polled(at(160));
        assert_eq!(stretch.take(at(160)).longest_gap, 100);
    }

    #[test]
    fn a_mailbox_without_a_round_is_silent_from_the_beginning_of_its_watch() {
        let ledger = Ledger::default();
        let ann: Address = "ann@school.example".parse().unwrap();
        ledger.mailboxes().insert(ann.clone(), Stretch { reach: Reach::default(), since: at(100) });
        let limit = SignedDuration::from_secs(60);
        assert!(ledger.silent_for(at(159), limit).is_empty());
        assert_eq!(ledger.silent_for(at(160), limit), BTreeSet::from([ann.clone()]));
        ledger.no_longer_watching(&ann);
        assert!(ledger.silent_for(at(900), limit).is_empty());
    }
}
