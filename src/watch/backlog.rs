//! How a mailbox with a backlog comes on: how much is left, how fast it goes, and how long it will take.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

/// Fewer messages are no backlog: a round or two, and they are judged.
pub const FEW: u64 = 500;
/// The rate is that of so long.
const LATELY: Duration = Duration::from_mins(2);
/// Between two measurements of it.
const APART: Duration = Duration::from_secs(1);

/// What is told of it. Messages are counted as far as the server's numbers show them: at most so many are left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backlog {
    pub since: Timestamp,
    pub done: u64,
    pub left: u64,
    /// Messages, lately.
    pub per_second: f64,
}

impl Backlog {
    /// `None` while nothing comes on.
    pub fn time_left(&self) -> Option<Duration> {
        #[expect(clippy::cast_precision_loss, reason = "no mailbox holds 2^52 messages")]
        Duration::try_from_secs_f64(self.left as f64 / self.per_second).ok()
    }

    /// From 0 to 100.
    pub fn percent(&self) -> u64 {
        self.done.saturating_mul(100) / (self.done + self.left).max(1)
    }
}

/// A backlog as it is worked off, from round to round.
pub struct Course {
    since: Timestamp,
    done: u64,
    left: u64,
    /// How much was done when, lately; the oldest first. Never empty.
    marks: VecDeque<(Instant, u64)>,
}

impl Course {
    /// After a look at all folders, in which so many messages are yet to be judged: what there was before goes on, and something
    /// begins only where there is much.
    pub fn surveyed(course: Option<Self>, left: u64) -> Option<Self> {
        match course {
            _ if left == 0 => None,
            Some(course) => Some(Self { left, ..course }),
            None if left < FEW => None,
            None => Some(Self { since: Timestamp::now(), done: 0, left, marks: VecDeque::from([(Instant::now(), 0)]) }),
        }
    }

    /// So many more are judged.
    pub fn judged(&mut self, messages: u64) {
        let now = Instant::now();
        self.done += messages;
        self.left = self.left.saturating_sub(messages);
        while self.marks.len() > 1 && self.marks.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= LATELY) {
            self.marks.pop_front();
        }
        if self.marks.back().is_none_or(|(at, _)| now.duration_since(*at) >= APART) {
            self.marks.push_back((now, self.done));
        }
    }

    pub fn told(&self) -> Backlog {
        let (then, before) = self.marks.front().copied().unwrap_or((Instant::now(), self.done));
        let took = then.elapsed().max(Duration::from_millis(1)).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "no mailbox holds 2^52 messages")]
        let per_second = (self.done - before) as f64 / took;
        Backlog { since: self.since, done: self.done, left: self.left, per_second }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_that_of_the_last_two_minutes_and_the_time_left_follows_it() {
        let mut course = Course::surveyed(None, 100_000).unwrap();
        for _ in 0..300 {
            tokio::time::advance(Duration::from_secs(1)).await;
            course.judged(200);
        }
        let fast = course.told();
        assert_eq!((fast.done, fast.left, fast.percent()), (60_000, 40_000, 60));
        assert!((fast.per_second - 200.0).abs() < 1.0, "{fast:?}");
        assert_eq!(fast.time_left().map(|left| left.as_secs() / 10), Some(20));
        for _ in 0..130 {
            tokio::time::advance(Duration::from_secs(1)).await;
            course.judged(10);
        }
        let slow = course.told();
        assert!((slow.per_second - 10.0).abs() < 1.0, "{slow:?}");
        tokio::time::advance(Duration::from_hours(1)).await;
        assert!(course.told().per_second < 1.0, "it stands still");
    }

    #[test]
    fn a_backlog_begins_with_many_messages_and_ends_with_none() {
        assert!(Course::surveyed(None, FEW - 1).is_none());
        let course = Course::surveyed(None, FEW);
        let course = Course::surveyed(course, 3);
        assert_eq!(course.as_ref().map(|course| course.told().left), Some(3));
        assert!(Course::surveyed(course, 0).is_none());
    }

    #[test]
    fn nothing_is_promised_of_what_stands_still() {
        let still = Backlog { since: Timestamp::UNIX_EPOCH, done: 0, left: 7, per_second: 0.0 };
        assert_eq!((still.time_left(), still.percent()), (None, 0));
    }
}
