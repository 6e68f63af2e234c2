//! How often somebody may try to sign in: who guesses waits longer and longer, and neither who is known here nor who comes from
//! somewhere else waits with him.
//!
//! Nothing is ever locked for good: the safeguarding lead may need her desk at any hour. A try counts as a miss from when it is
//! let in until it has succeeded, so that several at once are no way round. What comes too early is answered in the words of
//! what is wrong, and is not weighed, whatever was typed: neither words nor time tell a right guess from a wrong one.
//!
//! - *A browser* that was let in under the name before, or that took its invitation, counts its own misses, and so does *a
//!   passkey* that has signed: no guess brings either about, and no stranger slows either down.
//! - *Strangers* count their misses for each network and name: four are free, then the wait doubles from 15 seconds to 15
//!   minutes. For each name there is a budget over all networks, 80 tries and one more each 15 seconds; its last 60 are for
//!   networks without a miss within 15 minutes. A network takes one of those in 15 minutes, in which 60 come back: an attacker with fewer
//!   than 60 networks never keeps a stranger out who comes from another one. He does keep one out who comes from his own: a
//!   school's pupils are in its network. Her own browser, her passkey, a telephone's network and a new invitation are ways in.
//! - *Codes* beside the right password have a budget of their own, for strangers and for each browser: 10, and one more each 2
//!   hours. Who does not know the password never touches it. A passkey cannot be guessed, and needs none.
//!
//! So somebody with N networks has his guesses weighed 106 N times on the first day and 96 N times on each later one, and never more
//! than 5,840 and 5,760 times. None of them says whether the password was right: he has to guess both at once. Against four words of
//! a list of 7,776, which is 2^51, and a code, of which 3 in 10^6 fit at a time, a year of it succeeds once in 3 x 10^14; against
//! a password that is one of a million, once in 158,000. Whoever has the password from elsewhere tries 22 codes on the first
//! day and 12 on each later one: once in 15,000 on that day, and once in 76 in a year, which the journal tells of from the first, as
//! `second factor`. With a passkey alone there is no code to guess.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use super::device::DeviceId;

/// So many misses cost nothing: people mistype.
const FREE: u32 = 4;
/// From then on the wait doubles, from this
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(15);
/// to this.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);
/// Without a try for so long, misses are forgotten.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(24);
/// Of all strangers who try one name.
const OF_STRANGERS: Budget = Budget { at_once: 80, each: SignedDuration::from_secs(15) };
/// Of these, so many are for networks without a miss in [`LONGEST_WAIT`]: as many as come back meanwhile.
const FOR_THE_UNTRIED: i64 = 60;
/// Of codes beside the right password.
const OF_CODES: Budget = Budget { at_once: 10, each: SignedDuration::from_hours(2) };
/// Attempts of strangers from one network within a minute, whatever names they try.
const FROM_ONE_NETWORK: u32 = 20;
/// Of each that is remembered; beyond it the longest untouched are forgotten. Passwords are weighed one at a time, and take longer
/// than this many in a quarter of an hour.
const MOST: usize = 20_000;

#[derive(Default)]
pub struct Attempts(Mutex<Ledger>);

/// Of a name that somebody typed, however long it is, in the spelling in which the desk looks it up.
type Name = [u8; 32];

#[derive(Default)]
struct Ledger {
    misses: HashMap<(Name, Caller), Misses>,
    /// When the budget of a name is whole again.
    strangers: HashMap<Name, Timestamp>,
    codes: HashMap<(Name, Caller), Timestamp>,
    /// The minute of the clock, and the attempts in it.
    networks: HashMap<Network, (i64, u32)>,
}

/// Who tries.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// A browser that was let in under this name before.
    Device(DeviceId),
    /// Whoever has a passkey of this account sign, by the passkey's name.
    Passkey(Vec<u8>),
    /// Somebody who is signed in, by what the forms of her session carry.
    SignedIn(String),
    Stranger(Network),
}

/// Where somebody comes from: an IPv4 address, or the /64 that a customer has of IPv6 at the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network(IpAddr);

struct Misses {
    count: u32,
    last: Timestamp,
}

/// So many at once, and one more each time that this has passed.
struct Budget {
    at_once: i32,
    each: SignedDuration,
}

impl Attempts {
    /// Lets a try in, or says that it comes too early. It counts as a miss until it has succeeded.
    pub fn begin(&self, now: Timestamp, name: &str, caller: &Caller) -> bool {
        let (mut ledger, name) = (self.ledger(), digest(name));
        ledger.tidy(now);
        if let Caller::Stranger(network) = caller
            && !ledger.admits(now, &name, *network)
        {
            return false;
        }
        let misses = ledger.misses.entry((name, caller.clone())).or_insert(Misses { count: 0, last: now });
        if misses.is_since(now) >= FORGOTTEN {
            misses.count = 0;
        }
        if misses.is_since(now) < misses.wait() {
            return false;
        }
        *misses = Misses { count: misses.count.saturating_add(1), last: now };
        if let Caller::Stranger(_) = caller {
            OF_STRANGERS.spend(now, ledger.strangers.entry(name).or_insert(now));
        }
        true
    }

    /// Whether a code may be looked at, beside the right password. It counts as wrong until the try has succeeded.
    pub fn may_show_code(&self, now: Timestamp, name: &str, caller: &Caller) -> bool {
        let mut ledger = self.ledger();
        let whole_at = ledger.codes.entry((digest(name), caller.of_codes())).or_insert(now);
        let left = OF_CODES.left(now, *whole_at) > 0;
        if left {
            OF_CODES.spend(now, whole_at);
        }
        left
    }

    /// What was let in was no guess.
    pub fn succeeded(&self, name: &str, caller: &Caller) {
        let (mut ledger, name) = (self.ledger(), digest(name));
        let was_weighed = ledger.misses.remove(&(name, caller.clone())).is_some();
        if let (Caller::Stranger(_), true, Some(whole_at)) = (caller, was_weighed, ledger.strangers.get_mut(&name)) {
            *whole_at -= OF_STRANGERS.each;
        }
        if let Some(whole_at) = ledger.codes.get_mut(&(name, caller.of_codes())) {
            *whole_at -= OF_CODES.each;
        }
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ledger {
    /// Whether a stranger from this network may try this name, as far as other strangers are concerned.
    fn admits(&mut self, now: Timestamp, name: &Name, network: Network) -> bool {
        let minute = now.as_second().div_euclid(60);
        let (at, count) = self.networks.entry(network).or_insert((minute, 0));
        if *at != minute {
            (*at, *count) = (minute, 0);
        }
        *count += 1;
        let often = *count > FROM_ONE_NETWORK;
        let left = self.strangers.get(name).map_or(i64::from(OF_STRANGERS.at_once), |whole_at| OF_STRANGERS.left(now, *whole_at));
        let untried = self.misses.get(&(*name, Caller::Stranger(network))).is_none_or(|misses| misses.is_since(now) >= LONGEST_WAIT);
        !often && left > if untried { 0 } else { FOR_THE_UNTRIED }
    }

    fn tidy(&mut self, now: Timestamp) {
        if self.misses.len() >= MOST {
            self.misses.retain(|_, misses| misses.is_since(now) < LONGEST_WAIT);
        }
        if self.misses.len() >= MOST {
            // So many within a quarter of an hour are guessed at random: their networks are held back instead.
            self.misses.clear();
        }
        if self.strangers.len() >= MOST {
            self.strangers.retain(|_, whole_at| *whole_at > now);
        }
        if self.codes.len() >= MOST {
            self.codes.retain(|_, whole_at| *whole_at > now);
        }
        if self.networks.len() >= MOST {
            self.networks.retain(|_, (minute, _)| *minute == now.as_second().div_euclid(60));
        }
    }
}

impl Caller {
    /// Whose codes are counted together: strangers of all networks.
    fn of_codes(&self) -> Self {
        if let Self::Stranger(_) = self { Self::Stranger(Network(Ipv6Addr::UNSPECIFIED.into())) } else { self.clone() }
    }
}

impl From<IpAddr> for Network {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

impl Misses {
    fn wait(&self) -> SignedDuration {
        match self.count.checked_sub(FREE + 1) {
            None => SignedDuration::ZERO,
            Some(doublings) => (FIRST_WAIT * 2_i32.pow(doublings.min(10))).min(LONGEST_WAIT),
        }
    }

    /// A clock that was put back keeps nobody waiting for longer.
    fn is_since(&self, now: Timestamp) -> SignedDuration {
        now.duration_since(self.last).abs()
    }
}

impl Budget {
    fn left(&self, now: Timestamp, whole_at: Timestamp) -> i64 {
        let whole_in = whole_at.duration_since(now).clamp(SignedDuration::ZERO, self.each * self.at_once);
        i64::from(self.at_once) - (whole_in.as_secs() + self.each.as_secs() - 1) / self.each.as_secs()
    }

    fn spend(&self, now: Timestamp, whole_at: &mut Timestamp) {
        let last = now.saturating_add(self.each * self.at_once).unwrap_or(Timestamp::MAX);
        *whole_at = (*whole_at).clamp(now, last).saturating_add(self.each).unwrap_or(Timestamp::MAX);
    }
}

fn digest(name: &str) -> Name {
    Sha256::digest(name.to_ascii_lowercase()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn from(last: u32) -> Caller {
        let [.., high, low] = last.to_be_bytes();
        Caller::Stranger(IpAddr::from([198, 51, high, low]).into())
    }

    /// How many of the tries of so many networks are weighed, each of which tries as often as it can.
    fn weighed(attempts: &Attempts, seconds: std::ops::Range<i64>, networks: u32) -> usize {
        let tries = seconds.step_by(5).flat_map(|second| (0..networks).map(move |network| (second, network)));
        tries.filter(|(second, network)| attempts.begin(at(*second), "Robin", &from(*network))).count()
    }

    #[test]
    fn the_fifth_miss_costs_a_wait_that_doubles_and_ends_at_a_quarter_of_an_hour() {
        let attempts = Attempts::default();
        let tries = |second| attempts.begin(at(second), if second % 2 == 0 { "Robin" } else { "robin" }, &from(1));
        assert_eq!([0, 0, 0, 0, 0].map(tries), [true; 5], "people mistype");
        for second in [15, 45, 105, 225, 465, 945, 1_845, 2_745] {
            assert!(!tries(second - 1) && tries(second), "{second}");
        }
    }

    #[test]
    fn neither_a_browser_that_is_known_nor_a_passkey_waits_with_strangers_or_with_another() {
        let attempts = Attempts::default();
        weighed(&attempts, 0..3_600, 200);
        assert!(!attempts.begin(at(3_595), "Robin", &from(999)), "so many networks keep strangers out");
        let own = [Caller::Device([1; 16]), Caller::Device([2; 16]), Caller::Passkey(vec![1]), Caller::SignedIn("a".to_owned())];
        for caller in own {
            let weighed = (0..100).filter(|_| attempts.begin(at(3_595), "Robin", &caller)).count();
            assert_eq!(weighed, 5, "{caller:?} waits for its own misses alone");
        }
        assert!(attempts.begin(at(3_595), "Kim", &from(999)));
    }

    #[test]
    fn an_attacker_with_fewer_networks_than_sixty_never_keeps_out_another() {
        let attempts = Attempts::default();
        for hour in 0..3 {
            for minute in 0..60 {
                let second = hour * 3_600 + minute * 60;
                weighed(&attempts, second..second + 60, 59);
                let her = from(1_000 + u32::try_from(minute).unwrap());
                assert!(attempts.begin(at(second + 59), "Robin", &her), "{hour}:{minute}");
                attempts.succeeded("Robin", &her);
            }
        }
    }

    #[test]
    fn no_attacker_has_more_guesses_weighed_in_a_day_than_the_page_above_says() {
        for (networks, first, later) in [(1, 106, 96), (200, 5_840, 5_760)] {
            let attempts = Attempts::default();
            let days = [0..DAY, DAY..2 * DAY].map(|day| weighed(&attempts, day, networks));
            assert!(days[0] <= first && days[1] <= later && days[1] > later * 9 / 10, "{networks}: {days:?}");
        }
    }

    #[test]
    fn codes_beside_the_right_password_are_counted_for_strangers_together_and_for_each_browser() {
        let attempts = Attempts::default();
        let shown = |second, caller: &Caller| (0..100).filter(|_| attempts.may_show_code(at(second), "Robin", caller)).count();
        assert_eq!([shown(0, &from(1)), shown(0, &from(2)), shown(0, &Caller::Device([1; 16]))], [10, 0, 10]);
        assert_eq!([shown(7_199, &from(3)), shown(7_200, &from(4)), shown(DAY, &from(1))], [0, 1, 10]);
    }

    #[test]
    fn one_network_tries_so_often_and_no_more_whatever_names_it_tries() {
        let attempts = Attempts::default();
        let tried = (0..100).filter(|number| attempts.begin(at(60), &number.to_string(), &from(1))).count();
        assert_eq!(tried, 20);
        assert!(attempts.begin(at(60), "x", &from(2)) && attempts.begin(at(120), "x", &from(1)));
        let [one, same, other] =
            ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1"].map(|text| Network::from(text.parse::<IpAddr>().unwrap()));
        assert!(one == same && one != other);
    }

    #[test]
    fn whoever_got_in_starts_anew_and_spends_nothing_of_what_strangers_have() {
        let attempts = Attempts::default();
        for _ in 0..500 {
            assert!(attempts.begin(at(0), "Robin", &from(1)) && attempts.may_show_code(at(0), "Robin", &from(1)));
            attempts.succeeded("Robin", &from(1));
            // Twenty a minute, whoever they are.
            attempts.ledger().networks.clear();
        }
    }
}
