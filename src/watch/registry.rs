//! Who is watched, and how to bring a mailbox's next poll forward.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::Notify;

use crate::mail::Address;

/// The bells of all watched mailboxes. Ringing one that is being polled makes it poll once more.
#[derive(Default)]
pub struct Registry {
    bells: RwLock<HashMap<Address, Arc<Notify>>>,
}

impl Registry {
    /// The bell of a mailbox that was not watched yet; `None` when it is.
    pub fn join(&self, mailbox: &Address) -> Option<Arc<Notify>> {
        let mut bells = self.bells.write().unwrap_or_else(PoisonError::into_inner);
        if bells.contains_key(mailbox) {
            return None;
        }
        let bell = Arc::new(Notify::new());
        bells.insert(mailbox.clone(), Arc::clone(&bell));
        Some(bell)
    }

    pub fn leave(&self, mailbox: &Address) {
        self.bells.write().unwrap_or_else(PoisonError::into_inner).remove(mailbox);
    }

    /// Polls every mailbox as soon as may be.
    pub fn bring_all_forward(&self) {
        self.bells.read().unwrap_or_else(PoisonError::into_inner).values().for_each(|bell| bell.notify_one());
    }

    /// Polls these mailboxes as soon as may be; addresses that are not watched are passed over.
    pub fn bring_forward<'a>(&self, mailboxes: impl IntoIterator<Item = &'a Address>) {
        let bells = self.bells.read().unwrap_or_else(PoisonError::into_inner);
        for mailbox in mailboxes {
            if let Some(bell) = bells.get(mailbox) {
                bell.notify_one();
            }
        }
    }
}
