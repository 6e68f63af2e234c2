//! A mail server as all its mailboxes share it: so many rounds at once, and left alone while it is out of reach.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_rustls::rustls::ClientConfig;

use super::backoff::Backoff;
use super::board::ServerStatus;
use super::connect::trust;
use super::imap::TlsError;
use super::seats::Seats;
use crate::casebook::Trouble;
use crate::config::Server;
use crate::mail::Address;

/// The gates of all servers, by their names.
#[derive(Default)]
pub struct Gates {
    gates: Mutex<HashMap<String, Arc<Gate>>>,
    /// By host and port: what a server bears does not change with the configuration.
    seats: Mutex<HashMap<(String, u16), Arc<Seats>>>,
}

impl Gates {
    pub fn of(&self, server: &Server) -> Arc<Gate> {
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = gates.entry(server.name.clone()).or_insert_with(|| Arc::new(Gate::new(server.connections.get(), self.seats(server))));
        Arc::clone(gate)
    }

    fn seats(&self, server: &Server) -> Arc<Seats> {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(seats.entry((server.host.clone(), server.port)).or_default())
    }

    /// The configuration has changed, and servers may have moved. Rounds at work keep the gate that they came through.
    pub fn forget(&self) {
        self.gates.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How each server stands.
    pub fn told(&self) -> BTreeMap<String, ServerStatus> {
        let gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        gates.iter().map(|(name, gate)| (name.clone(), ServerStatus::of(&gate.seats))).collect()
    }
}

/// Turns are given in the order in which they are asked for, so that a mailbox with a backlog waits behind
/// one with a single new message after every batch.
pub struct Gate {
    tls: OnceLock<Arc<ClientConfig>>,
    turns: Arc<Semaphore>,
    seats: Arc<Seats>,
    health: Mutex<Health>,
}

#[derive(Default)]
struct Health {
    backoff: Backoff,
    closed_until: Option<Instant>,
    /// What keeps it out of reach.
    why: String,
    /// What the technician was told, and of which of its mailboxes: once, however many notice it.
    told: Option<(Trouble, Address)>,
}

impl Gate {
    pub fn new(turns: usize, seats: Arc<Seats>) -> Self {
        Self { tls: OnceLock::new(), turns: Arc::new(Semaphore::new(turns)), seats, health: Mutex::default() }
    }

    /// The connections to the server.
    pub fn seats(&self) -> &Arc<Seats> {
        &self.seats
    }

    /// Whom connections trust: read once, because the system's list takes milliseconds.
    ///
    /// # Errors
    /// When there is no certificate to trust.
    pub fn tls(&self, server: &Server) -> Result<Arc<ClientConfig>, TlsError> {
        if let Some(tls) = self.tls.get() {
            return Ok(Arc::clone(tls));
        }
        let tls = trust(server)?;
        Ok(Arc::clone(self.tls.get_or_init(|| tls)))
    }

    fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn. It lasts until it is dropped.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    /// How long the server is still to be left alone, and why.
    pub fn closed(&self) -> Option<(Duration, String)> {
        self.closed_for().map(|left| (left, self.health().why.clone()))
    }

    /// What the technician was told of it last, and of which of its mailboxes.
    pub fn told(&self) -> Option<(Trouble, Address)> {
        self.health().told.clone()
    }

    pub fn tell(&self, trouble: Trouble, mailbox: &Address) {
        self.health().told = Some((trouble, mailbox.clone()));
    }

    fn closed_for(&self) -> Option<Duration> {
        let until = self.health().closed_until?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// The server itself failed. Many mailboxes notice one failure: it counts once.
    pub fn out_of_reach(&self, why: &str, asked: Option<Duration>, longest: Duration) -> Duration {
        if let Some(left) = self.closed_for() {
            return left;
        }
        let mut health = self.health();
        why.clone_into(&mut health.why);
        let wait = health.backoff.failed(asked, longest);
        health.closed_until = Some(Instant::now() + wait);
        wait
    }

    /// It is in reach again. Answers with what the technician was told, which is over.
    pub fn in_reach(&self) -> Option<(Trouble, Address)> {
        std::mem::take(&mut *self.health()).told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mailbox with a backlog of ten batches asks first, then twenty with one batch each, and each batch takes a second.
    #[tokio::test(start_paused = true)]
    async fn who_waits_longest_is_next_and_a_backlog_delays_no_other_by_more_than_its_batch_under_way() {
        let gate = Arc::new(Gate::new(1, Arc::default()));
        let begun = Instant::now();
        let mut rounds = tokio::task::JoinSet::new();
        for (mailbox, batches) in [(0, 10)].into_iter().chain((1..=20).map(|mailbox| (mailbox, 1))) {
            let gate = Arc::clone(&gate);
            rounds.spawn(async move {
                for _ in 0..batches {
                    let _turn = gate.turn().await;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                (mailbox, begun.elapsed().as_secs())
            });
            tokio::task::yield_now().await;
        }
        let mut done = rounds.join_all().await;
        done.sort_unstable();
        let expected: Vec<_> = [(0, 30)].into_iter().chain((1..=20).map(|mailbox| (mailbox, mailbox + 1))).collect();
        assert_eq!(done, expected, "in the order of asking, the backlog behind all of them after its first batch");
    }

    #[tokio::test(start_paused = true)]
    async fn one_failure_seen_by_many_mailboxes_counts_once() {
        let gate = Gate::new(2, Arc::default());
        let first = gate.out_of_reach("no connection", None, Duration::from_mins(5));
        for _ in 0..50 {
            assert!(gate.out_of_reach("no connection", None, Duration::from_mins(5)) <= first);
        }
        assert_eq!(gate.closed().map(|(_, why)| why).as_deref(), Some("no connection"));
        tokio::time::advance(first).await;
        assert_eq!(gate.closed(), None);
        assert_eq!(gate.out_of_reach("no connection", None, Duration::from_mins(5)), first * 2);
    }
}
