//! The shelf as the rounds use it: one vault, one casebook, shared by all mailboxes.

use std::sync::{Arc, Mutex, PoisonError};

use crate::casebook::Casebook;
use crate::vault::Vault;

/// Cheap to clone. Questions are asked in place; what waits for the disk is done on a thread of its own.
#[derive(Clone)]
pub struct Shelf {
    vault: Arc<Vault>,
    book: Arc<Mutex<Casebook>>,
}

impl Shelf {
    pub fn new(vault: Vault, book: Casebook) -> Self {
        Self { vault: Arc::new(vault), book: Arc::new(Mutex::new(book)) }
    }

    /// A question or an entry that takes microseconds.
    pub fn book<T>(&self, work: impl FnOnce(&mut Casebook) -> T) -> T {
        // Every entry is one transaction: a panic elsewhere leaves nothing half written.
        work(&mut self.book.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn vault(&self) -> &Vault {
        &self.vault
    }
}
