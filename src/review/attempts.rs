//! How often somebody may try to sign in: who guesses waits longer and longer, and who is known here does not wait with him.
//!
//! Nothing is ever locked for good: the safeguarding lead may need her desk at any hour. A stranger who guesses at her
//! name slows down strangers only, because a browser that she has signed in from carries a proof of it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// So many misses cost nothing: people mistype.
const FREE: u32 = 4;
/// From then on the wait doubles, from this
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(15);
/// to this.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);
/// Attempts of strangers from one network address within a minute, whatever names they try.
const FROM_ONE_ADDRESS: u32 = 20;
/// Names and addresses that are remembered; beyond it the longest untouched are forgotten.
const MOST: usize = 10_000;

#[derive(Default)]
pub struct Attempts(Mutex<Ledger>);

#[derive(Default)]
struct Ledger {
    names: HashMap<(String, Caller), Misses>,
    addresses: HashMap<IpAddr, (i64, u32)>,
}

/// From where somebody tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// From a browser that has signed in under this name before.
    Known,
    Stranger,
}

struct Misses {
    count: u32,
    last: Timestamp,
}

impl Attempts {
    /// Whether one may be made now.
    pub fn allowed(&self, now: Timestamp, name: &str, caller: Caller, from: IpAddr) -> bool {
        let mut ledger = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.tidy(now);
        // A school has one address for all who are in it: what a pupil does there must not lock her out.
        if caller == Caller::Stranger && !ledger.admits(now, from) {
            return false;
        }
        ledger.names.get(&(name.to_lowercase(), caller)).is_none_or(|misses| now.duration_since(misses.last) >= misses.wait())
    }

    pub fn missed(&self, now: Timestamp, name: &str, caller: Caller) {
        let mut ledger = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let misses = ledger.names.entry((name.to_lowercase(), caller)).or_insert(Misses { count: 0, last: now });
        misses.count = misses.count.saturating_add(1);
        misses.last = now;
    }

    pub fn succeeded(&self, name: &str, caller: Caller) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).names.remove(&(name.to_lowercase(), caller));
    }
}

impl Ledger {
    /// Counts an attempt of a stranger from this address.
    fn admits(&mut self, now: Timestamp, from: IpAddr) -> bool {
        let minute = now.as_second() / 60;
        let (at, count) = self.addresses.entry(from).or_insert((minute, 0));
        if *at != minute {
            (*at, *count) = (minute, 0);
        }
        *count += 1;
        *count <= FROM_ONE_ADDRESS
    }

    fn tidy(&mut self, now: Timestamp) {
        if self.names.len() >= MOST {
            self.names.retain(|_, misses| now.duration_since(misses.last) < LONGEST_WAIT);
        }
        if self.names.len() >= MOST {
            // So many within a quarter of an hour are guessed at random: their addresses are held back instead.
            self.names.clear();
        }
        if self.addresses.len() >= MOST {
            self.addresses.retain(|_, (minute, _)| *minute == now.as_second() / 60);
        }
    }
}

impl Misses {
    fn wait(&self) -> SignedDuration {
        match self.count.checked_sub(FREE + 1) {
            None => SignedDuration::ZERO,
            Some(doublings) => (FIRST_WAIT * 2_i32.pow(doublings.min(10))).min(LONGEST_WAIT),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn from(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    #[test]
    fn the_fifth_miss_costs_a_wait_that_doubles_and_ends_at_a_quarter_of_an_hour() {
        let attempts = Attempts::default();
        let allowed = |second| attempts.allowed(at(second), "Robin", Caller::Stranger, from(1));
        for _ in 0..4 {
            attempts.missed(at(0), "robin", Caller::Stranger);
        }
        assert!(allowed(0), "people mistype");
        attempts.missed(at(0), "Robin", Caller::Stranger);
        assert!(!allowed(14) && allowed(15));
        attempts.missed(at(100), "Robin", Caller::Stranger);
        assert!(!allowed(129) && allowed(130));
        for _ in 0..50 {
            attempts.missed(at(1_000), "Robin", Caller::Stranger);
        }
        assert!(!allowed(1_899) && allowed(1_900), "nobody waits longer");
    }

    #[test]
    fn who_guesses_at_a_name_does_not_lock_out_whoever_has_signed_in_before() {
        let attempts = Attempts::default();
        for _ in 0..100 {
            attempts.missed(at(0), "Robin", Caller::Stranger);
        }
        assert!(!attempts.allowed(at(1), "Robin", Caller::Stranger, from(1)));
        assert!(attempts.allowed(at(1), "Robin", Caller::Known, from(2)));
        assert!(attempts.allowed(at(1), "Kim", Caller::Stranger, from(2)));
    }

    #[test]
    fn one_address_tries_so_often_and_no_more_whatever_names_it_tries() {
        let attempts = Attempts::default();
        let tried = (0..100).filter(|number| attempts.allowed(at(60), &number.to_string(), Caller::Stranger, from(1))).count();
        assert_eq!(tried, 20);
        assert!(attempts.allowed(at(60), "x", Caller::Known, from(1)), "who has signed in before is no stranger");
        assert!(attempts.allowed(at(60), "x", Caller::Stranger, from(2)) && attempts.allowed(at(120), "x", Caller::Stranger, from(1)));
    }

    #[test]
    fn whoever_got_in_starts_anew() {
        let attempts = Attempts::default();
        for _ in 0..9 {
            attempts.missed(at(0), "Robin", Caller::Known);
        }
        attempts.succeeded("Robin", Caller::Known);
        assert!(attempts.allowed(at(0), "Robin", Caller::Known, from(1)));
    }
}
