//! Who is watched, and how to bring a mailbox's next poll forward.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::time::Instant;

use super::backoff::{Backoff, LONGEST};
use crate::mail::Address;

/// The bells of all watched mailboxes. Ringing one that is being polled makes it poll once more.
#[derive(Default)]
pub struct Registry {
    mailboxes: Mutex<Mailboxes>,
}

#[derive(Default)]
struct Mailboxes {
    bells: HashMap<Address, Arc<Notify>>,
    fallen: HashMap<Address, Fallen>,
}

/// A mailbox whose last round ended in a panic.
struct Fallen {
    backoff: Backoff,
    /// Until then it is left alone.
    until: Instant,
}

/// Somebody who begins to watch a mailbox.
pub struct Joined {
    pub bell: Arc<Notify>,
    /// The last round ended in a panic.
    pub has_fallen: bool,
}

impl Registry {
    /// Of a mailbox that is not watched; `None` when it is, or is left alone after a panic.
    pub fn join(&self, mailbox: &Address) -> Option<Joined> {
        let mut mailboxes = self.mailboxes();
        let fallen = mailboxes.fallen.get(mailbox);
        if mailboxes.bells.contains_key(mailbox) || fallen.is_some_and(|fallen| fallen.until > Instant::now()) {
            return None;
        }
        let joined = Joined { bell: Arc::new(Notify::new()), has_fallen: fallen.is_some() };
        mailboxes.bells.insert(mailbox.clone(), Arc::clone(&joined.bell));
        Some(joined)
    }

    pub fn leave(&self, mailbox: &Address) {
        let mut mailboxes = self.mailboxes();
        mailboxes.bells.remove(mailbox);
        mailboxes.fallen.remove(mailbox);
    }

    /// Its round ended in a panic: nobody watches it any more, and nobody begins to before a pause, longer after each panic.
    pub fn fall(&self, mailbox: &Address) {
        let mut mailboxes = self.mailboxes();
        mailboxes.bells.remove(mailbox);
        let mut backoff = mailboxes.fallen.get(mailbox).map(|fallen| fallen.backoff).unwrap_or_default();
        let until = Instant::now() + backoff.failed(None, LONGEST);
        mailboxes.fallen.insert(mailbox.clone(), Fallen { backoff, until });
    }

    /// A round went through.
    pub fn stands(&self, mailbox: &Address) {
        self.mailboxes().fallen.remove(mailbox);
    }

    /// Polls every mailbox as soon as may be.
    pub fn bring_all_forward(&self) {
        self.mailboxes().bells.values().for_each(|bell| bell.notify_one());
    }

    /// Polls these mailboxes as soon as may be; addresses that are not watched are passed over.
    pub fn bring_forward<'a>(&self, mailboxes: impl IntoIterator<Item = &'a Address>) {
        let known = self.mailboxes();
        mailboxes.into_iter().filter_map(|mailbox| known.bells.get(mailbox)).for_each(|bell| bell.notify_one());
    }

    fn mailboxes(&self) -> MutexGuard<'_, Mailboxes> {
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn after_each_panic_in_a_row_a_mailbox_is_left_alone_for_longer() {
        let (registry, ann): (_, Address) = (Registry::default(), "ann@school.example".parse().unwrap());
        assert!(registry.join(&ann).is_some_and(|joined| !joined.has_fallen));
        assert!(registry.join(&ann).is_none(), "somebody watches it");
        let mut pauses = Vec::new();
        for _ in 0..9 {
            registry.fall(&ann);
            let fell = Instant::now();
            while registry.join(&ann).inspect(|joined| assert!(joined.has_fallen)).is_none() {
                tokio::time::advance(Duration::from_secs(1)).await;
            }
            pauses.push(fell.elapsed().as_secs());
        }
        assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 300]);
        registry.stands(&ann);
        registry.fall(&ann);
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(registry.join(&ann).is_some(), "a round went through in between");
    }
}
