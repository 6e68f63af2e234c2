//! Tokens in place of passwords: asked for with nobody present, kept until shortly before they expire.
//!
//! Whoever needs a token that is just being asked for waits for that one answer, and gets it also when it is a no: many
//! mailboxes are one question.

mod answer;
mod assertion;
mod endpoint;
mod error;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::Instant;

use crate::config::{Grant, Issuer, Secret};
use endpoint::Endpoint;
pub use error::TokenError;

/// A token is replaced so long before it expires,
const EARLY: Duration = Duration::from_mins(5);
/// or, when it does not live for long, with this part of its life to go.
const EARLY_PART: u32 = 5;
/// A no is the answer for so long to everybody who asks.
const NO_LASTS: Duration = Duration::from_secs(2);
/// A server that refuses a token that was given out so recently would refuse the next one as well.
const FRESH: Duration = Duration::from_secs(10);

/// The tokens of every issuer.
pub struct Tokens {
    fresh: Duration,
    endpoints: Mutex<HashMap<Arc<Issuer>, Arc<Endpoint>>>,
    slots: Mutex<HashMap<Subject, Arc<tokio::sync::Mutex<Slot>>>>,
    issuers_clock: Mutex<Option<SignedDuration>>,
}

/// Whom a token is for.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Subject {
    issuer: Arc<Issuer>,
    /// `None` where one token serves for all.
    user: Option<String>,
}

#[derive(Default)]
struct Slot {
    token: Option<Token>,
    no: Option<(Instant, TokenError)>,
}

struct Token {
    secret: Secret,
    came: Instant,
    until: Instant,
}

impl Default for Tokens {
    fn default() -> Self {
        Self::distrusting_after(FRESH)
    }
}

impl Tokens {
    /// Tokens that are asked for anew when a server refuses one that is older than this.
    pub fn distrusting_after(fresh: Duration) -> Self {
        Self { fresh, endpoints: Mutex::default(), slots: Mutex::default(), issuers_clock: Mutex::default() }
    }

    /// A token for the mailbox of `user`, from memory or from its issuer.
    ///
    /// # Errors
    /// When the issuer is out of reach, says no, or says what cannot be understood.
    pub async fn token(&self, issuer: &Arc<Issuer>, user: &str) -> Result<Secret, TokenError> {
        let slot = Arc::clone(lock(&self.slots).entry(subject(issuer, user)).or_default());
        let mut slot = slot.lock().await;
        let now = Instant::now();
        if let Some(token) = slot.token.as_ref().filter(|token| now < token.until) {
            return Ok(token.secret.clone());
        }
        if let Some((_, no)) = slot.no.as_ref().filter(|(since, _)| now < *since + NO_LASTS) {
            return Err(no.clone());
        }
        *slot = Slot::default();
        let asked = match self.endpoint(issuer) {
            Ok(endpoint) => endpoint.ask(issuer, user, &self.issuers_clock).await,
            Err(error) => Err(error),
        };
        let came = Instant::now();
        match asked {
            Ok((secret, life)) => {
                slot.token = Some(Token { secret: secret.clone(), came, until: came + life - EARLY.min(life / EARLY_PART) });
                Ok(secret)
            }
            Err(error) => {
                slot.no = Some((came, error.clone()));
                Err(error)
            }
        }
    }

    /// A server has refused this token. Says whether another one may do better: this one was withdrawn, perhaps.
    pub async fn refused(&self, issuer: &Arc<Issuer>, user: &str, refused: &Secret) -> bool {
        let slot = lock(&self.slots).get(&subject(issuer, user)).map(Arc::clone);
        let Some(slot) = slot else { return true };
        let mut slot = slot.lock().await;
        match &slot.token {
            Some(token) if token.secret == *refused => {
                let old = token.came.elapsed() > self.fresh;
                if old {
                    slot.token = None;
                }
                old
            }
            // Somebody else has noticed, and asked for another.
            _ => true,
        }
    }

    /// As [`Tokens::refused`], where nobody has kept the token that was.
    pub async fn distrust(&self, issuer: &Arc<Issuer>, user: &str) {
        let slot = lock(&self.slots).get(&subject(issuer, user)).map(Arc::clone);
        if let Some(slot) = slot {
            let mut slot = slot.lock().await;
            slot.token = slot.token.take().filter(|token| token.came.elapsed() <= self.fresh);
        }
    }

    /// By how much the clock of the issuer that answered last is ahead of ours; `None` when none has told its time.
    pub fn issuers_clock(&self) -> Option<SignedDuration> {
        *lock(&self.issuers_clock)
    }

    /// Forgets every token: issuers and their secrets may have changed.
    pub fn forget(&self) {
        lock(&self.endpoints).clear();
        lock(&self.slots).clear();
    }

    fn endpoint(&self, issuer: &Arc<Issuer>) -> Result<Arc<Endpoint>, TokenError> {
        let mut endpoints = lock(&self.endpoints);
        if let Some(endpoint) = endpoints.get(issuer) {
            return Ok(Arc::clone(endpoint));
        }
        let endpoint = Arc::new(Endpoint::new(issuer)?);
        endpoints.insert(Arc::clone(issuer), Arc::clone(&endpoint));
        Ok(endpoint)
    }
}

fn subject(issuer: &Arc<Issuer>, user: &str) -> Subject {
    let user = (issuer.grant == Grant::ServiceAccount).then(|| user.to_owned());
    Subject { issuer: Arc::clone(issuer), user }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
