//! How long to leave alone what has just failed: doubling, with a ceiling, and never less than a server asked for.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(2);
/// What waiting does not mend is asked for no more often.
pub const LONGEST: Duration = Duration::from_mins(5);

/// Counts failures in a row.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// One more failure: how long to wait now, `longest` at most unless the server itself `asked` for more.
    pub fn failed(&mut self, asked: Option<Duration>, longest: Duration) -> Duration {
        let own = FIRST.saturating_mul(1 << self.failures.min(10)).min(longest);
        self.failures = self.failures.saturating_add(1);
        own.max(asked.unwrap_or_default())
    }

    pub fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_doubles_up_to_five_minutes_and_starts_anew_after_a_success() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..9).map(|_| backoff.failed(None, LONGEST).as_secs()).collect();
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 300]);
        backoff.succeeded();
        assert_eq!(backoff.failed(None, LONGEST), FIRST);
    }

    #[test]
    fn a_server_that_asks_for_longer_is_left_alone_for_longer() {
        let asked = Duration::from_millis(924_150);
        assert_eq!(Backoff::default().failed(Some(asked), Duration::from_mins(1)), asked);
    }
}
