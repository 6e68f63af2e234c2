//! Who has a worker next: whoever asked first, except that a mailbox whose messages run into the deadline waits in a queue of
//! its own kind, which never gets more than half of the workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// So many parcels must be examined in time before a mailbox is trusted again.
const PROBATION: u32 = 16;

/// The workers, as far as they may be at work at once.
#[derive(Clone)]
pub struct Turns {
    all: Arc<Semaphore>,
    /// How many of them those that stall may have, all together.
    half: Arc<Semaphore>,
    /// As many parcels as there are workers may wait for one: a mailbox that waited until a worker is free would have its server
    /// wait as well, and start anew.
    queue: Arc<Semaphore>,
}

/// The right to hold a parcel in memory until a worker is free for it.
pub struct Place {
    _queue: Option<OwnedSemaphorePermit>,
    turn: Option<Turn>,
}

/// One worker's time. It lasts until it is dropped.
pub struct Turn {
    _half: Option<OwnedSemaphorePermit>,
    _worker: Option<OwnedSemaphorePermit>,
}

/// What a mailbox's messages have lately done to the workers. A clone is the same one.
#[derive(Clone, Default)]
pub struct Standing {
    probation: Arc<AtomicU32>,
}

impl Turns {
    pub fn new(workers: usize) -> Self {
        let semaphore = |permits: usize| Arc::new(Semaphore::new(permits.max(1)));
        Self { all: semaphore(workers), half: semaphore(workers / 2), queue: semaphore(workers) }
    }

    /// Waits for a place. Those that stall get none before their turn: in the queue they would be in the way of the others.
    pub async fn place(&self, standing: &Standing) -> Place {
        if standing.stalls() {
            return Place { _queue: None, turn: Some(self.take(standing).await) };
        }
        Place { _queue: Arc::clone(&self.queue).acquire_owned().await.ok(), turn: None }
    }

    /// Waits until a worker is free for whoever has this place; it is somebody else's then.
    pub async fn come(&self, place: Place, standing: &Standing) -> Turn {
        match place.turn {
            Some(turn) => turn,
            None => self.take(standing).await,
        }
    }

    /// Waits until a worker is free for whoever has this standing.
    pub async fn take(&self, standing: &Standing) -> Turn {
        // The semaphores are never closed.
        let half = if standing.stalls() { Arc::clone(&self.half).acquire_owned().await.ok() } else { None };
        Turn { _half: half, _worker: Arc::clone(&self.all).acquire_owned().await.ok() }
    }
}

impl Standing {
    /// Whether it is to wait behind others.
    pub fn stalls(&self) -> bool {
        self.probation.load(Ordering::Relaxed) > 0
    }

    pub(super) fn stalled(&self) {
        self.probation.store(PROBATION, Ordering::Relaxed);
    }

    pub(super) fn went_well(&self) {
        // When two count at once, one of them may count for nothing.
        self.probation.store(self.probation.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn stalling() -> Standing {
        let standing = Standing::default();
        standing.stalled();
        standing
    }

    /// All that are to be had at once.
    async fn taken(turns: &Turns, standing: &Standing) -> Vec<Turn> {
        let mut taken = Vec::new();
        while let Ok(turn) = timeout(Duration::ZERO, turns.take(standing)).await {
            taken.push(turn);
        }
        taken
    }

    #[tokio::test]
    async fn those_that_stall_have_half_of_the_workers_at_most_and_the_others_all_that_are_free() {
        for (workers, half) in [(1, 1), (2, 1), (3, 1), (4, 2), (9, 4)] {
            let turns = Turns::new(workers);
            let slow = taken(&turns, &stalling()).await;
            let others = taken(&turns, &Standing::default()).await;
            assert_eq!((slow.len(), others.len()), (half, workers - half), "{workers} workers");
            drop((slow, others));
            assert_eq!(taken(&turns, &Standing::default()).await.len(), workers);
        }
    }

    #[tokio::test]
    async fn as_many_parcels_wait_as_there_are_workers_and_those_that_stall_take_no_place() {
        let turns = Turns::new(2);
        let at_work = taken(&turns, &Standing::default()).await;
        let places = [turns.place(&Standing::default()).await, turns.place(&Standing::default()).await];
        for standing in [Standing::default(), stalling()] {
            assert!(timeout(Duration::ZERO, turns.place(&standing)).await.is_err());
        }
        let [place, _other] = places;
        drop(at_work);
        let _turn = turns.come(place, &Standing::default()).await;
        assert!(timeout(Duration::ZERO, turns.place(&Standing::default())).await.is_ok(), "the place is free again");
    }

    #[test]
    fn a_mailbox_is_trusted_again_after_sixteen_parcels_in_time() {
        let standing = stalling();
        for _ in 0..PROBATION {
            assert!(standing.stalls());
            standing.went_well();
        }
        assert!(!standing.stalls());
        standing.went_well();
        assert!(!standing.stalls());
    }
}
