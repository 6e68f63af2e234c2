//! Who is signed in: in memory alone, so that a restart ends every session and no disk holds one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::desk::AccountId;

/// Without a visit for so long a session ends,
const IDLE: SignedDuration = SignedDuration::from_mins(15);
/// and after so long in any case.
const LONGEST: SignedDuration = SignedDuration::from_hours(8);
/// More than a school has people: the oldest gives way.
const MOST: usize = 2_000;
/// So many requests of one session within a minute are more than a person makes.
const MOST_REQUESTS: u32 = 300;

/// The `__Host-` prefix has a browser refuse it without TLS, with a domain, or for a part of the site.
pub const COOKIE: &str = "__Host-mw";

#[derive(Default)]
pub struct Sessions(Mutex<HashMap<[u8; 32], Session>>);

#[derive(Clone)]
pub struct Session {
    pub account: AccountId,
    /// What every form of this session carries, and no other page knows.
    pub form_token: String,
    /// Under which her browser seals what it keeps of the session: what is left on its disk afterwards opens nothing.
    pub seal: String,
    began: Timestamp,
    last: Timestamp,
    minute: i64,
    requests: u32,
}

/// How a session is found.
pub enum Found {
    Here(Session),
    None,
    TooOften,
}

impl Sessions {
    /// A new session; the answer is what the cookie holds, and is kept nowhere.
    ///
    /// # Errors
    /// When the kernel gives no random octets.
    pub fn begin(&self, now: Timestamp, account: AccountId) -> std::io::Result<String> {
        let (token, form_token, seal) = (random()?, random()?, random()?);
        let session = Session { account, form_token, seal, began: now, last: now, minute: 0, requests: 0 };
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| session.lives(now));
        if sessions.len() >= MOST
            && let Some(oldest) = sessions.iter().min_by_key(|(_, session)| session.last).map(|(key, _)| *key)
        {
            sessions.remove(&oldest);
        }
        sessions.insert(key(&token), session);
        Ok(token)
    }

    pub fn find(&self, now: Timestamp, token: &str) -> Found {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(token);
        let Some(session) = sessions.get_mut(&key) else { return Found::None };
        if !session.lives(now) {
            sessions.remove(&key);
            return Found::None;
        }
        session.last = now;
        let minute = now.as_second() / 60;
        session.requests = if session.minute == minute { session.requests + 1 } else { 1 };
        session.minute = minute;
        if session.requests > MOST_REQUESTS { Found::TooOften } else { Found::Here(session.clone()) }
    }

    /// Who is signed in by this token; it is not counted as a visit of hers.
    pub fn holder(&self, now: Timestamp, token: &str) -> Option<AccountId> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(&key(token)).filter(|session| session.lives(now)).map(|session| session.account)
    }

    pub fn end(&self, token: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(token));
    }

    /// Every session of an account, in whichever browser.
    pub fn end_all(&self, account: AccountId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|_, session| session.account != account);
    }
}

impl Session {
    fn lives(&self, now: Timestamp) -> bool {
        now.duration_since(self.last) < IDLE && now.duration_since(self.began) < LONGEST
    }
}

/// 256 bits in hex.
pub fn random() -> std::io::Result<String> {
    let mut octets = [0; 32];
    getrandom::fill(&mut octets).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(hex::encode(octets))
}

fn key(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(minutes * 60).unwrap()
    }

    fn lives(sessions: &Sessions, minutes: i64, token: &str) -> bool {
        matches!(sessions.find(at(minutes), token), Found::Here(_))
    }

    #[test]
    fn a_session_ends_when_nobody_comes_for_a_quarter_of_an_hour() {
        let sessions = Sessions::default();
        let token = sessions.begin(at(0), AccountId(1)).unwrap();
        assert!(lives(&sessions, 14, &token) && lives(&sessions, 28, &token));
        assert!(!lives(&sessions, 43, &token), "15 minutes after the last visit");
        assert!(!lives(&sessions, 43, &token), "and it does not come back");
    }

    #[test]
    fn a_session_ends_after_eight_hours_however_busy_it_is() {
        let sessions = Sessions::default();
        let token = sessions.begin(at(0), AccountId(1)).unwrap();
        assert!((1..48).all(|tens| lives(&sessions, tens * 10, &token)));
        assert!(!lives(&sessions, 480, &token));
    }

    #[test]
    fn who_signs_out_is_out_and_a_guessed_token_is_nobody() {
        let sessions = Sessions::default();
        let (one, other) = (sessions.begin(at(0), AccountId(1)).unwrap(), sessions.begin(at(0), AccountId(1)).unwrap());
        assert_ne!(one, other);
        sessions.end(&one);
        assert!(!lives(&sessions, 1, &one) && lives(&sessions, 1, &other) && !lives(&sessions, 1, ""));
    }

    #[test]
    fn the_sessions_of_one_account_end_together_and_nobody_elses_do() {
        let sessions = Sessions::default();
        let begin = |account| sessions.begin(at(0), AccountId(account)).unwrap();
        let (one, other, colleague) = (begin(1), begin(1), begin(2));
        sessions.end_all(AccountId(1));
        assert!(!lives(&sessions, 1, &one) && !lives(&sessions, 1, &other) && lives(&sessions, 1, &colleague));
    }

    #[test]
    fn a_session_that_asks_more_than_a_person_can_is_slowed_down() {
        let sessions = Sessions::default();
        let token = sessions.begin(at(0), AccountId(1)).unwrap();
        assert!((0..MOST_REQUESTS).all(|_| lives(&sessions, 1, &token)));
        assert!(matches!(sessions.find(at(1), &token), Found::TooOften));
        assert!(lives(&sessions, 2, &token));
    }
}
