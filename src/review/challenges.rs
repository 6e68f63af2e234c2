//! What a passkey signs: random, of this process, good for minutes, and once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::Review;

/// People look for their phones.
const LIFE: SignedDuration = SignedDuration::from_mins(5);
const RANDOM: usize = 32;
const UNTIL: usize = 8;
const LENGTH: usize = RANDOM + UNTIL + 32;

/// Nothing is kept of a challenge before it comes back signed: who asks for many fills no memory.
pub struct Challenges {
    /// Of this process: a restart ends what was handed out before.
    salt: [u8; 32],
    used: Mutex<HashMap<Vec<u8>, Timestamp>>,
}

impl Challenges {
    /// # Errors
    /// When the kernel gives no random octets.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self { salt: random()?, used: Mutex::default() })
    }
}

impl Review {
    /// A new one.
    ///
    /// # Errors
    /// When the kernel gives no random octets.
    pub fn challenge(&self, now: Timestamp) -> std::io::Result<Vec<u8>> {
        let mut challenge = random::<RANDOM>()?.to_vec();
        challenge.extend(now.saturating_add(LIFE).unwrap_or(Timestamp::MAX).as_second().to_be_bytes());
        challenge.extend(self.seal_of(&challenge));
        Ok(challenge)
    }

    /// Whether it was handed out here, minutes ago at most.
    pub fn is_ours(&self, now: Timestamp, challenge: &[u8]) -> bool {
        let Some((told, seal)) = challenge.split_at_checked(RANDOM + UNTIL).filter(|_| challenge.len() == LENGTH) else { return false };
        let same = self.seal_of(told).iter().zip(seal).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0;
        same && until(challenge).is_some_and(|until| now < until)
    }

    /// Whether it was not used before. To be asked when all else fits.
    pub fn use_up(&self, now: Timestamp, challenge: &[u8]) -> bool {
        let mut used = self.challenges.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, until| now < *until);
        used.insert(challenge.to_vec(), until(challenge).unwrap_or(Timestamp::MAX)).is_none()
    }

    fn seal_of(&self, told: &[u8]) -> [u8; 32] {
        self.desk().mac("passkey challenge", &[&self.challenges.salt, told])
    }
}

fn until(challenge: &[u8]) -> Option<Timestamp> {
    let octets = challenge.get(RANDOM..RANDOM + UNTIL)?.try_into().ok()?;
    Timestamp::from_second(i64::from_be_bytes(octets)).ok()
}

pub fn random<const N: usize>() -> std::io::Result<[u8; N]> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(octets)
}
