//! The shelf as the rounds use it: one vault, one casebook, shared by all mailboxes.

use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Trouble;
use crate::casebook::{Casebook, CasebookError};
use crate::finding::Audience;
use crate::vault::{MOST_STRANGERS, ObjectId, Receipt, Recipients, Vault};

/// So many may have objects at once that are sealed and in no row yet,
const SEALING: usize = 8;
/// and each of them so many: a crash leaves no more than the next start sweeps away.
pub const UNRECORDED: usize = 8;
/// Of one message that stays where it is: its sheet and its text.
pub const OF_ONE: usize = 2;
const _: () = assert!(SEALING * UNRECORDED <= MOST_STRANGERS, "a crash might leave more than is swept away");

/// Cheap to clone. Questions are asked in place; what waits for the disk is done on a thread of its own.
#[derive(Clone)]
pub struct Shelf {
    vault: Arc<Vault>,
    /// Those that were read last: a file that breaks is noticed when it is read again, and keeps nothing from being sealed.
    recipients: Arc<RwLock<Recipients>>,
    book: Arc<Mutex<Casebook>>,
    sealing: Arc<Semaphore>,
    /// Sealed, and perhaps not recorded: the casebook is yet to be asked.
    leftovers: Arc<Mutex<Vec<ObjectId>>>,
}

/// An object that is sealed and that no row knows. Dropped as such it is thrown away: its message is still in the mailbox,
/// and will be sealed anew.
pub struct Unrecorded<'a> {
    pub receipt: Receipt,
    leftover: Leftover<'a>,
}

struct Leftover<'a> {
    shelf: &'a Shelf,
    object: Option<ObjectId>,
}

impl Shelf {
    pub fn new(vault: Vault, recipients: Recipients, book: Casebook) -> Self {
        Self {
            vault: Arc::new(vault),
            recipients: Arc::new(RwLock::new(recipients)),
            book: Arc::new(Mutex::new(book)),
            sealing: Arc::new(Semaphore::new(SEALING)),
            leftovers: Arc::default(),
        }
    }

    /// From now on, objects are sealed to these keys.
    pub fn seal_to(&self, recipients: Recipients) {
        *self.recipients.write().unwrap_or_else(PoisonError::into_inner) = recipients;
    }

    /// A question or an entry that takes microseconds.
    pub fn book<T>(&self, work: impl FnOnce(&mut Casebook) -> T) -> T {
        // Every entry is one transaction: a panic elsewhere leaves nothing half written.
        work(&mut self.book.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Waits for the right to seal [`UNRECORDED`] objects before they are recorded.
    pub async fn turn_to_seal(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.sealing).acquire_owned().await.ok()
    }

    /// Seals what is to be recorded next.
    ///
    /// # Errors
    /// When the vault refuses; or the casebook, as long as it cannot say what became of an earlier object.
    pub fn seal<R: Read>(&self, open: impl Fn() -> R, audiences: &[Audience]) -> Result<Unrecorded<'_>, Trouble> {
        self.tidy()?;
        let held = self.recipients.read().unwrap_or_else(PoisonError::into_inner).clone();
        // A key that was exchanged is used at once; one whose file broke stays the one that was read.
        let of = |audience: &Audience| self.vault.ring().recipient(*audience).ok().or_else(|| held.of(&[*audience]).pop());
        let recipients: Vec<_> = audiences.iter().filter_map(of).collect();
        let receipt = self.vault.seal_to(open, &recipients)?;
        let leftover = Leftover { shelf: self, object: Some(*receipt.object()) };
        Ok(Unrecorded { receipt, leftover })
    }

    /// Throws away what no row knows. A transaction of which nobody heard the end may have happened: only the casebook can say.
    fn tidy(&self) -> Result<(), CasebookError> {
        let mut leftovers = self.leftovers();
        while let Some(object) = leftovers.last() {
            if !self.book(|book| book.known_object(object))? {
                self.vault.discard(*object);
            }
            leftovers.pop();
        }
        Ok(())
    }

    fn leftovers(&self) -> MutexGuard<'_, Vec<ObjectId>> {
        self.leftovers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unrecorded<'_> {
    /// A row knows it now.
    pub fn recorded(mut self) -> Receipt {
        self.leftover.object = None;
        self.receipt
    }
}

impl Drop for Leftover<'_> {
    fn drop(&mut self) {
        if let Some(object) = self.object.take() {
            self.shelf.leftovers().push(object);
            // What cannot be asked now is asked before anything more is sealed.
            let _ = self.shelf.tidy();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::journal::InstanceKey;
    use crate::vault::{Member, MemberIdentity};

    fn shelf(folder: &std::path::Path) -> Shelf {
        let vault = Vault::open(&folder.join("vault")).unwrap();
        let member = Member { name: "Ann".to_owned(), recipient: MemberIdentity::generate().recipient() };
        for audience in Audience::ALL {
            vault.ring().create(audience, std::slice::from_ref(&member)).unwrap();
        }
        let recipients = Recipients::read(&vault.ring()).unwrap();
        Shelf::new(vault, recipients, Casebook::open(&folder.join("casebook.db"), InstanceKey::random().unwrap()).unwrap())
    }

    fn objects(folder: &std::path::Path) -> usize {
        let shards = fs::read_dir(folder.join("vault/objects")).unwrap();
        shards.map(|shard| fs::read_dir(shard.unwrap().path()).unwrap().count()).sum()
    }

    #[test]
    fn what_is_sealed_and_never_recorded_is_thrown_away_and_what_a_row_knows_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(folder.path());
        let seal = || shelf.seal(|| &b"sealed"[..], &[Audience::Dsl]).unwrap();
        let _ = seal().recorded();
        assert_eq!(objects(folder.path()), 1);
        drop(seal());
        assert_eq!(objects(folder.path()), 1);
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let _unrecorded = seal();
            assert_eq!(objects(folder.path()), 2);
            panic!("as the test asked");
        }));
        assert!(panicked.is_err());
        assert_eq!(objects(folder.path()), 1);
    }

    #[test]
    fn while_the_casebook_does_not_answer_what_may_be_recorded_is_kept_and_nothing_more_is_sealed() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = shelf(folder.path());
        let seal = || shelf.seal(|| &b"sealed"[..], &[Audience::Dsl]);
        let tables = rusqlite::Connection::open(folder.path().join("casebook.db")).unwrap();
        let unrecorded = seal().unwrap();
        tables.execute_batch("ALTER TABLE place RENAME TO out_of_reach").unwrap();
        drop(unrecorded);
        assert_eq!(objects(folder.path()), 1, "it may have been recorded");
        for _ in 0..100 {
            assert!(matches!(seal().err(), Some(Trouble::Casebook(CasebookError::Database { .. }))));
        }
        assert_eq!(objects(folder.path()), 1);
        tables.execute_batch("ALTER TABLE out_of_reach RENAME TO place").unwrap();
        let _ = seal().unwrap().recorded();
        assert_eq!(objects(folder.path()), 1, "of the first nothing is left");
    }
}
