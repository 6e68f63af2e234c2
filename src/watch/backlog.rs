//! How a mailbox with a backlog comes on: how much is left, how fast it goes, and how long it will take.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::mail::FolderName;

/// Fewer messages are no backlog: a round or two, and they are judged.
pub const FEW: u64 = 500;
/// The rate is that of so long.
const LATELY: Duration = Duration::from_mins(2);
/// Folders that are told of.
const MOST_FOLDERS: usize = 20;
/// Between two measurements of it.
const APART: Duration = Duration::from_secs(1);

/// What is told of it. Messages are counted as far as the server's numbers show them: at most so many are left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backlog {
    pub since: Timestamp,
    pub done: u64,
    pub left: u64,
    /// Messages, lately.
    pub per_second: f64,
    /// What is left of each folder that is not done, in the order in which they are looked into; the first [`MOST_FOLDERS`] of them.
    #[serde(default)]
    pub folders: Vec<FolderLeft>,
}

/// Messages of a folder that are not judged yet, at most.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderLeft {
    pub folder: FolderName,
    pub left: u64,
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
    folders: Vec<FolderLeft>,
    /// How much was done when, lately; the oldest first. Never empty.
    marks: VecDeque<(Instant, u64)>,
}

impl Course {
    /// After a look at all folders, in which so many messages are yet to be judged: what there was before goes on, and something
    /// begins only where there is much.
    pub fn surveyed(course: Option<Self>, folders: Vec<FolderLeft>) -> Option<Self> {
        let left = left(&folders);
        match course {
            _ if left == 0 => None,
            Some(course) => Some(Self { folders, ..course }),
            None if left < FEW => None,
            None => Some(Self { since: Timestamp::now(), done: 0, folders, marks: VecDeque::from([(Instant::now(), 0)]) }),
        }
    }

    /// So many more of a folder are judged.
    pub fn judged(&mut self, folder: &FolderName, messages: u64) {
        let now = Instant::now();
        self.done += messages;
        for own in self.folders.iter_mut().filter(|own| own.folder == *folder) {
            own.left = own.left.saturating_sub(messages);
        }
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
        let folders = self.folders.iter().filter(|own| own.left > 0).take(MOST_FOLDERS).cloned().collect();
        Backlog { since: self.since, done: self.done, left: left(&self.folders), per_second, folders }
    }
}

fn left(folders: &[FolderLeft]) -> u64 {
    folders.iter().map(|own| own.left).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox() -> FolderName {
        FolderName("INBOX".to_owned())
    }

    fn of(left: u64) -> Vec<FolderLeft> {
        vec![FolderLeft { folder: inbox(), left }]
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_that_of_the_last_two_minutes_and_the_time_left_follows_it() {
        let mut course = Course::surveyed(None, of(100_000)).unwrap();
        for _ in 0..300 {
            tokio::time::advance(Duration::from_secs(1)).await;
            course.judged(&inbox(), 200);
        }
        let fast = course.told();
        assert_eq!((fast.done, fast.left, fast.percent()), (60_000, 40_000, 60));
        assert!((fast.per_second - 200.0).abs() < 1.0, "{fast:?}");
        assert_eq!(fast.time_left().map(|left| left.as_secs() / 10), Some(20));
        for _ in 0..130 {
            tokio::time::advance(Duration::from_secs(1)).await;
            course.judged(&inbox(), 10);
        }
        let slow = course.told();
        assert!((slow.per_second - 10.0).abs() < 1.0, "{slow:?}");
        tokio::time::advance(Duration::from_hours(1)).await;
        assert!(course.told().per_second < 1.0, "it stands still");
    }

    #[test]
    fn a_backlog_begins_with_many_messages_and_ends_with_none() {
        assert!(Course::surveyed(None, of(FEW - 1)).is_none());
        let course = Course::surveyed(None, of(FEW));
        let course = Course::surveyed(course, of(3));
        assert_eq!(course.as_ref().map(|course| course.told().left), Some(3));
        assert!(Course::surveyed(course, of(0)).is_none());
    }

    #[test]
    fn nothing_is_promised_of_what_stands_still() {
        let still = Backlog { since: Timestamp::UNIX_EPOCH, done: 0, left: 7, per_second: 0.0, folders: Vec::new() };
        assert_eq!((still.time_left(), still.percent()), (None, 0));
    }

    #[test]
    fn each_folder_is_told_of_until_it_is_done() {
        let sent = FolderName("Sent".to_owned());
        let folders = [of(600), vec![FolderLeft { folder: sent.clone(), left: 40 }]].concat();
        let mut course = Course::surveyed(None, folders).unwrap();
        course.judged(&sent, 30);
        course.judged(&inbox(), 600);
        let told = course.told();
        assert_eq!((told.done, told.left), (630, 10));
        assert_eq!(told.folders, [FolderLeft { folder: sent, left: 10 }]);
    }
}
