//! One mailbox, for as long as it is watched: poll, wait, poll. What is wrong with one delays no other.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use super::backoff::{Backoff, LONGEST};
use super::gate::Gate;
use super::imap::{Folder, ImapError, Session};
use super::pulse::Worker;
use super::round::{Memory, Round, Rounded};
use super::seats::Seat;
use super::{Daemon, Trouble, room, tell};
use crate::casebook;
use crate::config::Watched;
use crate::mail::Address;
use crate::steps::pretended;
use crate::worker::Standing;

/// A trouble that waiting may mend is told to the technician when it has lasted so long.
const LASTS: SignedDuration = SignedDuration::from_mins(15);

/// What a round that goes through ends.
const OVER: [casebook::Trouble; 10] = [
    casebook::Trouble::DiskFull,
    casebook::Trouble::LoginRefused,
    casebook::Trouble::MailboxMissing,
    casebook::Trouble::MailboxSilent,
    casebook::Trouble::MailboxUnreachable,
    casebook::Trouble::RoundPanics,
    casebook::Trouble::ServerUnreachable,
    casebook::Trouble::StateRefuses,
    casebook::Trouble::TlsFailed,
    casebook::Trouble::WorkersFail,
];

/// For so long a server may go on counting a connection that made room for another.
const UNTIL_COUNTED: Duration = Duration::from_secs(1);

/// How long a mailbox is only polled after IDLE went wrong.
const WITHOUT_IDLE: Duration = Duration::from_mins(15);

/// What is kept of a mailbox from one poll to the next.
#[derive(Default)]
pub struct Post {
    open: Option<Box<Open>>,
    /// Whose session it is, and with which server: a reload may have changed either.
    of: Option<Watched>,
    memory: Memory,
    /// What its messages do to the scan processes.
    standing: Standing,
    backoff: Backoff,
    /// The last round went through, and the casebook knows it.
    well: bool,
    /// There are folders that the server does not open.
    closed_since: Option<Timestamp>,
    /// The number that the next message in INBOX was to get, when it was last asked.
    inbox_next: Option<u32>,
    /// IDLE went wrong: until then the mailbox is polled and no more.
    no_idle_before: Option<Instant>,
}

/// A session, and the right to it.
struct Open {
    session: Session,
    seat: Seat,
}

/// Polls until the mailbox leaves the configuration or the daemon stops.
pub async fn keep_watching(daemon: Arc<Daemon>, address: Address, bell: Arc<Notify>) {
    let _watching = Watching { daemon: &daemon, mailbox: &address };
    let mut post = Post::default();
    let mut stop = daemon.stop.subscribe();
    while let Some(watched) = daemon.watched(&address) {
        if *stop.borrow() {
            break;
        }
        let wait = post.poll(&daemon, &watched).await;
        if wait.is_zero() {
            continue;
        }
        let until = Instant::now() + wait;
        // Pinned here and there: a future that is handed down by value has room kept for it at every step.
        let until = pin!(async {
            tokio::select! {
                () = sleep_until(until) => {}
                () = bell.notified() => {}
                _ = stop.changed() => {}
            }
        });
        post.news(&daemon, until).await;
    }
    post.make_room().await;
}

/// Held while a mailbox is watched. However that ends, somebody else may begin to watch it.
struct Watching<'a> {
    daemon: &'a Daemon,
    mailbox: &'a Address,
}

impl Drop for Watching<'_> {
    fn drop(&mut self) {
        self.daemon.pulse.at_rest(&Worker::Mailbox(self.mailbox.clone()));
        if thread::panicking() {
            self.daemon.board.failed(self.mailbox, "a round ended in a panic, see the log");
            self.daemon.registry.fall(self.mailbox);
        } else {
            self.daemon.board.no_longer_watching(self.mailbox);
            self.daemon.ledger.no_longer_watching(self.mailbox);
            self.daemon.registry.leave(self.mailbox);
        }
    }
}

impl Post {
    /// One round, and how long to wait before the next.
    pub async fn poll(&mut self, daemon: &Arc<Daemon>, watched: &Watched) -> Duration {
        if self.of.as_ref() != Some(watched) {
            self.open = None;
            self.of = Some(watched.clone());
        }
        let gate = daemon.gate(watched);
        let mailbox = &watched.mailbox.address;
        if let Some((left, why)) = gate.closed().filter(|_| self.open.is_none()) {
            daemon.board.failed(mailbox, &why);
            return left;
        }
        let worker = Worker::Mailbox(mailbox.clone());
        daemon.pulse.at_work(&worker, Duration::ZERO);
        // On the heap: a mailbox that waits would keep room for it.
        let round = Box::pin(self.round(daemon, watched)).await;
        daemon.pulse.at_rest(&worker);
        match round {
            Ok(rounded) => {
                self.tell_of_closed(daemon, mailbox, !rounded.closed.is_empty());
                in_reach(daemon, &gate);
                self.backoff.succeeded();
                daemon.board.polled(mailbox, &rounded);
                daemon.ledger.polled(mailbox);
                self.inbox_next = rounded.inbox_next;
                if !std::mem::replace(&mut self.well, true) {
                    daemon.registry.stands(mailbox);
                    for trouble in OVER {
                        tell::trouble_over(daemon, trouble, Some(mailbox));
                    }
                }
                if self.open.as_ref().is_some_and(|open| open.seat.is_wanted()) {
                    self.make_room().await;
                }
                let watch = &daemon.config().watch;
                if rounded.unfinished { Duration::ZERO } else { jittered(watch.interval, watch.jitter) }
            }
            Err(trouble) => {
                self.open = None;
                self.well = false;
                tracing::warn!(%mailbox, %trouble, "round failed");
                daemon.ledger.failed(mailbox);
                tell_technician(daemon, &gate, mailbox, &trouble);
                let (asked, longest) = (trouble.retry_after(), longest_wait(&trouble, daemon.config().watch.interval));
                if trouble.is_servers() {
                    gate.out_of_reach(&trouble.to_string(), asked, longest)
                } else {
                    self.backoff.failed(asked, longest)
                }
            }
        }
    }

    /// A folder that the server does not open now and then is no trouble; one that it never opens is read by nobody.
    fn tell_of_closed(&mut self, daemon: &Daemon, mailbox: &Address, closed: bool) {
        let trouble = casebook::Trouble::FolderClosed;
        let since = closed.then(|| self.closed_since.unwrap_or_else(Timestamp::now));
        if since.is_some_and(|since| Timestamp::now().duration_since(since) >= lasts()) {
            tell::trouble(daemon, trouble, Some(mailbox));
        } else if !closed && (self.closed_since.is_some() || !self.well) {
            tell::trouble_over(daemon, trouble, Some(mailbox));
        }
        self.closed_since = since;
    }

    async fn round(&mut self, daemon: &Arc<Daemon>, watched: &Watched) -> Result<Rounded, Trouble> {
        if self.open.as_ref().is_none_or(|open| !open.session.is_in_step()) {
            self.open = None;
            self.open = Some(Box::new(open(daemon, watched).await?));
        }
        let Some(Open { session, .. }) = self.open.as_deref_mut() else { return Ok(Rounded::default()) };
        Round { daemon, watched, session, memory: &mut self.memory, standing: &self.standing, came: 0 }.run().await
    }

    /// Waits until `until`, or until the server says that something has arrived. It is a hint and no more:
    /// a server that falls silent delays nothing beyond the interval.
    ///
    /// A connection that somebody else waits for is given up, and the rest of the time is waited for without one.
    async fn news(&mut self, daemon: &Daemon, mut until: Pin<&mut impl Future<Output = ()>>) {
        let may_idle = daemon.config().watch.idle && self.no_idle_before.is_none_or(|before| before <= Instant::now());
        let Some(Open { session, seat }) = self.open.as_deref_mut() else { return until.await };
        let (wanted, mut is_wanted) = (seat.wanted(), false);
        {
            let waiting = pin!(async {
                tokio::select! {
                    () = &mut until => {}
                    () = wanted => is_wanted = true,
                }
            });
            if may_idle && session.is_in_step() && session.capabilities().idle {
                match idle(session, self.inbox_next, waiting).await {
                    Ok(()) => self.idles_again(daemon),
                    Err(error) => return self.idle_failed(daemon, &error),
                }
            } else {
                waiting.await;
            }
        }
        if is_wanted {
            self.make_room().await;
            until.await;
        }
    }

    /// Gives the connection up, for whoever waits for one.
    async fn make_room(&mut self) {
        if let Some(open) = self.open.take() {
            let Open { session, seat } = *open;
            // On the heap, as a round.
            Box::pin(session.logout()).await;
            drop(seat);
        }
    }

    /// The next poll connects again, and is followed by no IDLE for a while.
    fn idle_failed(&mut self, daemon: &Daemon, error: &ImapError) {
        self.open = None;
        self.no_idle_before = Some(Instant::now() + WITHOUT_IDLE);
        let Some(mailbox) = self.of.as_ref().map(|watched| &watched.mailbox.address) else { return };
        tracing::warn!(%mailbox, %error, "IDLE went wrong: it is only polled for a while");
        daemon.board.polled_only(mailbox, Timestamp::now().checked_add(WITHOUT_IDLE).ok());
    }

    fn idles_again(&mut self, daemon: &Daemon) {
        if self.no_idle_before.take().is_some()
            && let Some(watched) = &self.of
        {
            daemon.board.polled_only(&watched.mailbox.address, None);
        }
    }
}

/// Connects, in its turn. Where the server bears no more connections, it is tried once more when another has left.
async fn open(daemon: &Daemon, watched: &Watched) -> Result<Open, Trouble> {
    let (gate, mailbox) = (daemon.gate(watched), &watched.mailbox.address);
    let worker = Worker::Mailbox(mailbox.clone());
    let mut may_wait = true;
    loop {
        daemon.pulse.at_rest(&worker);
        let mut seat = gate.seats().take().await;
        let turn = gate.turn().await;
        daemon.pulse.at_work(&worker, Duration::ZERO);
        let trouble = match daemon.connect(watched).await {
            Ok(session) => {
                seat.admitted(mailbox);
                return Ok(Open { session, seat });
            }
            Err(trouble) => trouble,
        };
        drop(turn);
        let has_learnt = trouble.crowded().is_some_and(|how| seat.refused(mailbox, how));
        if !has_learnt || !std::mem::take(&mut may_wait) {
            return Err(trouble);
        }
        tracing::info!(%mailbox, %trouble, "its server bears no more connections: it waits for one");
        sleep(UNTIL_COUNTED).await;
    }
}

async fn idle(session: &mut Session, next: Option<u32>, until: impl Future<Output = ()>) -> Result<(), ImapError> {
    let inbox = session.examine(&Folder::inbox()).await?;
    if inbox.uidnext.zip(next).is_some_and(|(now, then)| now > then) {
        // Something has arrived since the round asked: a server tells only what arrives from now on.
        return Ok(());
    }
    session.idle(&inbox, until).await.map(drop)
}

fn tell_technician(daemon: &Daemon, gate: &Gate, mailbox: &Address, trouble: &Trouble) {
    let (since, kind, over) = (daemon.board.failed(mailbox, &trouble.to_string()), trouble.kind(), trouble.overcome());
    for over in over {
        tell::trouble_over(daemon, *over, Some(mailbox));
    }
    if over.contains(&casebook::Trouble::TlsFailed) {
        in_reach(daemon, gate);
    }
    if kind == casebook::Trouble::DiskFull {
        return room::refused(daemon, trouble);
    }
    if !trouble.needs_a_person() && Timestamp::now().duration_since(since) < lasts() {
        return;
    }
    if trouble.is_servers() {
        match gate.told() {
            // Once for all its mailboxes.
            Some((told, of)) if told == kind && of != *mailbox => return,
            Some((told, of)) if over.contains(&told) => tell::trouble_over(daemon, told, Some(&of)),
            _ => {}
        }
        gate.tell(kind, mailbox);
    }
    tell::trouble(daemon, kind, Some(mailbox));
}

/// What the technician was told of the server is over.
fn in_reach(daemon: &Daemon, gate: &Gate) {
    if let Some((told, of)) = gate.in_reach() {
        tell::trouble_over(daemon, told, Some(&of));
    }
}

fn lasts() -> SignedDuration {
    pretended("lasts").and_then(|seconds| i64::try_from(seconds).ok()).map_or(LASTS, SignedDuration::from_secs)
}

/// A line that comes back is noticed within the interval, in which it would have been asked anyway. Whatever a person has to mend is left
/// alone for longer: too many wrong passwords close an account.
fn longest_wait(trouble: &Trouble, interval: Duration) -> Duration {
    if trouble.needs_a_person() { LONGEST } else { interval.min(LONGEST) }
}

/// The interval, longer or shorter by up to its `jitter`th part, so that mailboxes do not all call at once.
fn jittered(interval: Duration, jitter: f64) -> Duration {
    let mut random = [0; 4];
    // Without randomness there is no jitter, and that is all.
    let _ = getrandom::fill(&mut random);
    let between = f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX) * 2.0 - 1.0;
    interval.mul_f64(1.0 + jitter.clamp(0.0, 0.5) * between)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_keeps_within_its_part_of_the_interval() {
        for _ in 0..1_000 {
            let wait = jittered(Duration::from_mins(1), 0.1).as_secs_f64();
            assert!((54.0..=66.0).contains(&wait), "{wait}");
        }
        assert_eq!(jittered(Duration::from_mins(1), 0.0), Duration::from_mins(1));
    }
}
