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
pub enum Place {
    Queue(Option<OwnedSemaphorePermit>),
    AtWork(Turn),
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
        if !standing.stalls() {
            let queue = waited_for(&self.queue).await;
            // Parcels before this one may have stalled meanwhile.
            if !standing.stalls() {
                return Place::Queue(queue);
            }
        }
        self.place_at_work(standing).await
    }

    /// Waits until a worker is free.
    pub async fn place_at_work(&self, standing: &Standing) -> Place {
        Place::AtWork(self.take(standing).await)
    }

    /// Waits until a worker is free for whoever has this place; it is somebody else's then.
    pub async fn come(&self, place: Place, standing: &Standing) -> Turn {
        match place {
            Place::Queue(queue) => self.turn(standing, queue).await,
            Place::AtWork(turn) => turn,
        }
    }

    /// Waits until a worker is free for whoever has this standing.
    pub async fn take(&self, standing: &Standing) -> Turn {
        self.turn(standing, None).await
    }

    /// Whoever stalls meanwhile gives the place in the queue up, and the worker too that was not one of its half.
    async fn turn(&self, standing: &Standing, mut queue: Option<OwnedSemaphorePermit>) -> Turn {
        loop {
            let half = if standing.stalls() {
                drop(queue.take());
                waited_for(&self.half).await
            } else {
                None
            };
            let worker = waited_for(&self.all).await;
            if half.is_some() || !standing.stalls() {
                return Turn { _half: half, _worker: worker };
            }
        }
    }
}

/// The semaphores are never closed.
async fn waited_for(semaphore: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(semaphore).acquire_owned().await.ok()
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

    /// What would wait longer comes to nothing.
    async fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
        timeout(Duration::ZERO, future).await.ok()
    }

    #[tokio::test]
    async fn as_many_parcels_wait_as_there_are_workers() {
        let (turns, standing) = (Turns::new(2), Standing::default());
        let mut at_work = taken(&turns, &standing).await;
        let place = turns.place(&standing).await;
        let _other = turns.place(&standing).await;
        assert!(at_once(turns.place(&standing)).await.is_none());
        let mut coming = std::pin::pin!(turns.come(place, &standing));
        assert!(at_once(&mut coming).await.is_none() && at_once(turns.place(&standing)).await.is_none(), "it waits in its place");
        at_work.pop();
        let _turn = coming.await;
        assert!(at_once(turns.place(&standing)).await.is_some(), "the place is free again");
    }

    #[tokio::test]
    async fn those_that_stall_take_no_place_even_where_they_stall_while_they_wait() {
        let turns = Turns::new(2);
        let _half = taken(&turns, &stalling()).await;
        assert!(at_once(turns.place(&stalling())).await.is_none(), "there are places, but no turn");
        let _worker = turns.take(&Standing::default()).await;
        let standing = Standing::default();
        let places = [turns.place(&standing).await, turns.place(&standing).await];
        let mut coming = places.map(|place| Box::pin(turns.come(place, &standing)));
        assert!(at_once(&mut coming[0]).await.is_none());
        standing.stalled();
        assert!(at_once(&mut coming[1]).await.is_none());
        assert!(at_once(turns.place(&Standing::default())).await.is_some(), "the second gave its place up");
    }

    #[tokio::test]
    async fn a_worker_that_was_waited_for_in_good_standing_is_given_back_in_bad() {
        let turns = Turns::new(2);
        let half = taken(&turns, &stalling()).await;
        let worker = turns.take(&Standing::default()).await;
        let standing = Standing::default();
        let mut waiting = std::pin::pin!(turns.take(&standing));
        assert!(at_once(&mut waiting).await.is_none());
        standing.stalled();
        drop(worker);
        assert!(at_once(&mut waiting).await.is_none(), "half of the workers are at work on those that stall");
        assert!(at_once(turns.take(&Standing::default())).await.is_some());
        drop(half);
        assert!(at_once(&mut waiting).await.is_some());
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
