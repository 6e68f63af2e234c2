//! How many connections a mail server bears: unknown until it refuses one for their number, and tried again upwards, slowly.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::imap::Crowded;
use crate::mail::Address;

/// More than there will ever be mailboxes: as long as a server refuses nobody, everybody has a connection.
const UNLIMITED: usize = 1 << 24;
/// After so long without a refusal, where somebody waits, one more is tried for every four.
const TRY_AGAIN: Duration = Duration::from_mins(10);
const ONE_MORE_FOR: usize = 4;
/// Left for the commands that a technician types, where it is known how many a server bears.
const SPARE: usize = 1;
/// For so long a server may go on counting a connection that was given up.
const LINGERS: Duration = Duration::from_secs(5);
/// After so long without a refusal it is forgotten that there ever was one.
const FORGET: Duration = Duration::from_hours(24);

/// The connections to one server. Whoever waits for one gets it in the order of asking.
pub struct Seats {
    free: Arc<Semaphore>,
    learnt: Mutex<Learnt>,
    /// Rung for one who has a connection and no work, when another waits.
    wanted: Notify,
}

#[derive(Default)]
struct Learnt {
    signed_in: usize,
    /// When those left who were signed in, as far as the server may still count them.
    left: VecDeque<Instant>,
    waiting: usize,
    limit: Option<Limit>,
    /// So many that are taken now are beyond the limit: they are not given out again.
    beyond: usize,
    /// Who was refused, and was not let in since: one mailbox that its server never lets in says nothing of the others.
    refused: HashSet<Address>,
}

struct Limit {
    seats: usize,
    refused_at: Instant,
    changed_at: Instant,
}

/// What is known of a server's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    pub signed_in: usize,
    /// How many it bears, and how long ago it refused another; `None` while it has refused none.
    pub limit: Option<(usize, Duration)>,
    pub waiting: usize,
}

/// The right to one connection, for as long as it is kept.
pub struct Seat {
    seats: Arc<Seats>,
    permit: Option<OwnedSemaphorePermit>,
    signed_in: bool,
}

impl Default for Seats {
    fn default() -> Self {
        Self { free: Arc::new(Semaphore::new(UNLIMITED)), learnt: Mutex::default(), wanted: Notify::new() }
    }
}

impl Seats {
    /// Waits until another connection may be opened.
    pub async fn take(self: &Arc<Self>) -> Seat {
        let waiting = Waiting::new(self);
        if self.free.available_permits() == 0 {
            self.try_more(Instant::now());
            self.wanted.notify_one();
        }
        // The semaphore is never closed.
        let permit = Arc::clone(&self.free).acquire_owned().await.ok();
        drop(waiting);
        Seat { seats: Arc::clone(self), permit, signed_in: false }
    }

    pub fn known(&self) -> Known {
        let learnt = self.learnt();
        let limit = learnt.limit.as_ref().map(|limit| (limit.seats, limit.refused_at.elapsed()));
        Known { signed_in: learnt.signed_in, limit, waiting: learnt.waiting }
    }

    /// Whether somebody waits because of the limit.
    fn is_short(&self) -> bool {
        let learnt = self.learnt();
        learnt.limit.is_some() && learnt.waiting > 0
    }

    /// Somebody waits, and nobody was refused for a while: perhaps it bears more by now.
    fn try_more(&self, now: Instant) {
        let mut learnt = self.learnt();
        let Some(limit) = &mut learnt.limit else { return };
        if now.duration_since(limit.refused_at) >= FORGET {
            let taken = given_out(limit.seats);
            learnt.limit = None;
            self.more(&mut learnt, UNLIMITED - taken);
        } else if now.duration_since(limit.changed_at) >= TRY_AGAIN {
            let before = given_out(limit.seats);
            limit.seats += (limit.seats / ONE_MORE_FOR).max(1);
            limit.changed_at = now;
            let more = given_out(limit.seats) - before;
            self.more(&mut learnt, more);
        }
    }

    fn more(&self, learnt: &mut Learnt, seats: usize) {
        let kept = learnt.beyond.min(seats);
        learnt.beyond -= kept;
        self.free.add_permits(seats - kept);
    }

    fn fewer(&self, learnt: &mut Learnt, seats: usize) {
        learnt.beyond += seats - self.free.forget_permits(seats);
    }

    fn learnt(&self) -> MutexGuard<'_, Learnt> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// The server has let it in.
    pub fn admitted(&mut self, mailbox: &Address) {
        let mut learnt = self.seats.learnt();
        learnt.signed_in += usize::from(!std::mem::replace(&mut self.signed_in, true));
        learnt.refused.remove(mailbox);
        let signed_in = learnt.signed_in;
        if let Some(limit) = learnt.limit.as_mut().filter(|limit| limit.seats < signed_in) {
            // Others were on their way in when it was learnt.
            let more = given_out(signed_in) - given_out(limit.seats);
            limit.seats = signed_in;
            self.seats.more(&mut learnt, more);
        }
    }

    /// The server has refused it for the number of connections. Says whether there will be fewer from now on: then it is worth waiting for
    /// another seat.
    pub fn refused(self, mailbox: &Address, how: Crowded) -> bool {
        let mut learnt = self.seats.learnt();
        let now = Instant::now();
        let (others, counted) = (learnt.signed_in, learnt.counted(now));
        let seats = learnt.limit.as_ref().map_or(UNLIMITED + SPARE, |limit| limit.seats);
        // One that only says that it is unavailable is believed to be full when it never bore more than this.
        let is_full = others > 0 && (how == Crowded::ItSays || learnt.limit.is_none() || others >= given_out(seats));
        if !is_full || !learnt.refused.insert(mailbox.clone()) {
            return false;
        }
        let bears = counted.min(seats);
        learnt.limit = Some(Limit { seats: bears, refused_at: now, changed_at: now });
        self.seats.fewer(&mut learnt, given_out(seats) - given_out(bears));
        true
    }

    /// Whether somebody waits for it.
    pub fn is_wanted(&self) -> bool {
        self.seats.is_short()
    }

    /// Waits until somebody waits for it.
    pub fn wanted(&self) -> impl Future<Output = ()> + Send + use<> {
        let seats = Arc::clone(&self.seats);
        async move {
            while !seats.is_short() {
                seats.wanted.notified().await;
            }
        }
    }
}

impl Learnt {
    /// How many connections the server may count.
    fn counted(&mut self, now: Instant) -> usize {
        while self.left.pop_front_if(|left| now.duration_since(*left) >= LINGERS).is_some() {}
        self.signed_in + self.left.len()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut learnt = self.seats.learnt();
        if self.signed_in {
            learnt.signed_in -= 1;
            learnt.left.push_back(Instant::now());
        }
        if learnt.beyond > 0
            && let Some(permit) = self.permit.take()
        {
            learnt.beyond -= 1;
            permit.forget();
        }
    }
}

/// How many of the connections that a server bears are the mailboxes'.
fn given_out(bears: usize) -> usize {
    bears.saturating_sub(SPARE).max(1)
}

/// Counts one who waits, for as long as it does.
struct Waiting<'a>(&'a Seats);

impl<'a> Waiting<'a> {
    fn new(seats: &'a Seats) -> Self {
        seats.learnt().waiting += 1;
        Self(seats)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.learnt().waiting -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(number: usize) -> Address {
        format!("pupil{number}@school.example").parse().unwrap()
    }

    /// So many are let in.
    async fn let_in(seats: &Arc<Seats>, count: usize) -> Vec<Seat> {
        let mut taken = Vec::new();
        for number in 0..count {
            let mut seat = seats.take().await;
            seat.admitted(&name(number));
            taken.push(seat);
        }
        taken
    }

    async fn refuse(seats: &Arc<Seats>, number: usize, how: Crowded) -> bool {
        seats.take().await.refused(&name(number), how)
    }

    fn bears(seats: &Seats) -> Option<usize> {
        seats.known().limit.map(|(bears, _)| bears)
    }

    /// Whether a seat is to be had at once.
    async fn is_free(seats: &Arc<Seats>) -> bool {
        tokio::time::timeout(Duration::from_millis(1), seats.take()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_limited_until_a_server_refuses_for_the_number_and_then_it_gets_no_more_than_it_bears() {
        let seats = Arc::new(Seats::default());
        let mut taken = let_in(&seats, 40).await;
        assert!(!taken[0].is_wanted() && bears(&seats).is_none());
        // Three at once, as they come when the daemon starts.
        let together = [seats.take().await, seats.take().await, seats.take().await];
        for (number, seat) in (100..).zip(together) {
            assert!(seat.refused(&name(number), Crowded::ItSays));
        }
        assert_eq!(bears(&seats), Some(40));
        assert!(!is_free(&seats).await);
        taken.pop();
        assert!(!is_free(&seats).await, "one has left, and one is left for commands");
        taken.pop();
        assert!(is_free(&seats).await);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waited_longest_is_next_and_one_without_work_is_asked_to_make_room() {
        let seats = Arc::new(Seats::default());
        let taken = let_in(&seats, 2).await;
        assert!(refuse(&seats, 9, Crowded::ItSays).await);
        let wanted = tokio::spawn(taken[0].wanted());
        tokio::task::yield_now().await;
        assert!(!wanted.is_finished());
        let (mut waiting, mut order) = (tokio::task::JoinSet::new(), Vec::new());
        for number in 0..3 {
            let seats = Arc::clone(&seats);
            waiting.spawn(async move {
                drop(seats.take().await);
                number
            });
            tokio::task::yield_now().await;
        }
        wanted.await.unwrap();
        assert!(taken[1].is_wanted());
        drop(taken);
        while let Some(done) = waiting.join_next().await {
            order.push(done.unwrap());
        }
        assert_eq!(order, [0, 1, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn more_are_tried_slowly_and_only_where_somebody_waits_and_a_day_without_a_refusal_ends_it() {
        let seats = Arc::new(Seats::default());
        let taken = let_in(&seats, 8).await;
        refuse(&seats, 9, Crowded::ItSays).await;
        tokio::time::advance(TRY_AGAIN).await;
        assert_eq!(bears(&seats), Some(8), "nobody waits");
        assert!(is_free(&seats).await && is_free(&seats).await);
        assert_eq!(bears(&seats), Some(10));
        let mut ninth = seats.take().await;
        assert!(!is_free(&seats).await, "not before another ten minutes, and one is left for commands");
        ninth.admitted(&name(9));
        tokio::time::advance(TRY_AGAIN).await;
        assert!(refuse(&seats, 10, Crowded::ItSays).await);
        assert_eq!(bears(&seats), Some(9), "what it really bears");
        tokio::time::advance(FORGET).await;
        assert!(is_free(&seats).await);
        assert_eq!((bears(&seats), seats.free.available_permits()), (None, UNLIMITED - taken.len() - 1));
    }

    #[tokio::test(start_paused = true)]
    async fn one_mailbox_that_is_never_let_in_takes_no_seat_from_the_others() {
        let seats = Arc::new(Seats::default());
        let mut taken = let_in(&seats, 8).await;
        assert!(refuse(&seats, 9, Crowded::ItSays).await);
        taken.truncate(4);
        for _ in 0..20 {
            assert!(!refuse(&seats, 9, Crowded::ItSays).await);
        }
        assert!(refuse(&seats, 10, Crowded::ItSays).await);
        assert_eq!(bears(&seats), Some(8), "the server may still count those who have just left");
        tokio::time::advance(LINGERS).await;
        assert!(refuse(&seats, 11, Crowded::ItSays).await);
        assert_eq!(bears(&seats), Some(4));
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_no_limit() {
        let seats = Arc::new(Seats::default());
        assert!(!refuse(&seats, 9, Crowded::Perhaps).await, "nobody else is signed in");
        let mut taken = let_in(&seats, 8).await;
        assert!(refuse(&seats, 10, Crowded::Perhaps).await);
        taken.truncate(1);
        for number in 20..30 {
            assert!(!refuse(&seats, number, Crowded::Perhaps).await);
        }
        assert_eq!(bears(&seats), Some(8), "it bore eight before its directory failed");
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_on_the_way_in_when_a_limit_was_learnt_counts_as_borne() {
        let seats = Arc::new(Seats::default());
        let one = let_in(&seats, 1).await;
        let mut on_its_way = seats.take().await;
        assert!(refuse(&seats, 9, Crowded::ItSays).await);
        assert_eq!(bears(&seats), Some(1));
        on_its_way.admitted(&name(1));
        assert_eq!(bears(&seats), Some(2));
        assert!(!is_free(&seats).await);
        drop(on_its_way);
        assert!(!is_free(&seats).await, "one is left for commands");
        drop(one);
        assert!(is_free(&seats).await);
    }

    #[tokio::test(start_paused = true)]
    async fn seats_beyond_a_limit_are_not_given_out_again() {
        let seats = Arc::new(Seats::default());
        let mut taken = let_in(&seats, 6).await;
        // Two of them the server has dropped, and their rounds do not know it yet.
        let (a, b) = (seats.take().await, seats.take().await);
        taken.truncate(4);
        tokio::time::advance(LINGERS).await;
        let in_flight = [seats.take().await, seats.take().await];
        assert!(a.refused(&name(20), Crowded::ItSays));
        drop(b);
        assert!(!is_free(&seats).await);
        drop(in_flight);
        assert!(!is_free(&seats).await, "four are signed in, and four is what it bears");
        taken.truncate(2);
        assert!(is_free(&seats).await);
    }
}
