//! Who is at work, and by when it must have come on: what the watchdog is fed by.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::mail::Address;

/// Whatever is allowed for a piece of work, it is not stuck before three times as long,
const GENEROUS: u32 = 3;
/// and so long besides: many commands make a round, each of which may take a minute.
const BESIDES: Duration = Duration::from_mins(30);

/// Somebody with work to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Worker {
    Mailbox(Address),
    Postman,
}

/// Until when each of them is believed to be at work. Those who wait for others, or for mail, are not in it.
#[derive(Default)]
pub struct Pulse {
    until: Mutex<HashMap<Worker, Instant>>,
}

impl Pulse {
    /// A piece of work begins that may take so long, and what was before it is done.
    pub fn at_work(&self, worker: &Worker, allowed: Duration) {
        let until = Instant::now() + BESIDES + allowed.saturating_mul(GENEROUS);
        self.until().insert(worker.clone(), until);
    }

    /// It waits now, and not for itself.
    pub fn at_rest(&self, worker: &Worker) {
        self.until().remove(worker);
    }

    /// Somebody who should have come on long ago.
    pub fn stuck(&self) -> Option<Worker> {
        let now = Instant::now();
        self.until().iter().find(|(_, until)| **until < now).map(|(worker, _)| worker.clone())
    }

    fn until(&self) -> MutexGuard<'_, HashMap<Worker, Instant>> {
        self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mailbox(address) => write!(f, "the round of {address}"),
            Self::Postman => f.write_str("the sending of notices"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_that_does_not_come_on_is_stuck_and_one_that_waits_is_not() {
        let pulse = Pulse::default();
        let (slow, quiet) =
            (Worker::Mailbox("ann@school.example".parse().unwrap()), Worker::Mailbox("ben@school.example".parse().unwrap()));
        pulse.at_work(&slow, Duration::from_mins(10));
        pulse.at_work(&quiet, Duration::ZERO);
        pulse.at_rest(&quiet);
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(pulse.stuck(), None);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(pulse.stuck(), Some(slow.clone()));
        pulse.at_work(&slow, Duration::ZERO);
        pulse.at_work(&Worker::Postman, Duration::from_mins(1));
        assert_eq!(pulse.stuck(), None);
        tokio::time::advance(Duration::from_mins(32)).await;
        assert_eq!(pulse.stuck(), Some(slow));
    }
}
