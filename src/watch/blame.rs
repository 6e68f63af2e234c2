//! Which message a server cannot be asked for: found by asking for it alone, and beside another one that does come.

use std::collections::HashMap;

use super::Trouble;
use super::imap::{ImapError, Listed, UidSet};
use super::round::{Numbered, Round};
use super::visit::Visit;
use crate::finding::Reason;

/// In so many rounds a message is asked for that does not come, or not in a form that can be read, before it is passed over.
const PATIENCE: u32 = 3;
/// A witness is looked for among so many numbers on either side.
const NEIGHBOURS: u32 = 500;

/// What the messages of a mailbox are suspected of, from round to round.
#[derive(Default)]
pub struct Suspects {
    strikes: HashMap<Numbered, (u32, Reason)>,
    /// How often a message did not come that was asked for as a witness.
    absences: HashMap<Numbered, u32>,
}

impl Suspects {
    /// Once more it did not come.
    pub fn strike(&mut self, message: Numbered, reason: Reason) {
        let (strikes, last) = self.strikes.entry(message).or_insert((0, reason));
        *strikes += 1;
        *last = reason;
    }

    /// Why it is to be passed over, once it is.
    pub fn given_up(&self, message: &Numbered) -> Option<Reason> {
        self.strikes.get(message).filter(|(strikes, _)| *strikes >= PATIENCE).map(|(_, reason)| *reason)
    }

    /// It is asked for as if it never had been.
    pub fn acquit(&mut self, message: &Numbered) {
        self.strikes.remove(message);
    }
}

impl Round<'_> {
    /// Remembers which message broke the session, if it was a message and not the network. `came` says whether any of the
    /// batch had come before.
    pub fn blame(&mut self, visit: &Visit<'_>, batch: &[Listed], came: bool, error: &ImapError) {
        if let ImapError::LiteralTooLarge { uid: Some(uid), octets, .. } = error {
            self.memory.true_sizes.insert(visit.number(*uid), *octets);
            return;
        }
        let [alone] = batch else { return };
        match fault_of_message(error) {
            Some(Reason::Unanswered) if came || !self.is_suspicious(visit) => {}
            Some(reason) => self.memory.suspects.strike(visit.number(alone.uid), reason),
            None => {}
        }
    }

    /// Whether the last round lost its session in this folder: then its messages are asked for one by one.
    pub fn is_suspicious(&self, visit: &Visit<'_>) -> bool {
        self.memory.broke && self.memory.broke_off.as_ref() == Some(&visit.folder.name)
    }

    /// Sees to it that another message than these has come in this round: a server of which none can be had is waited for,
    /// and none of its messages is to blame. Says whether there is one.
    ///
    /// # Errors
    /// When the other does not come either.
    pub async fn vouch(&mut self, visit: &Visit<'_>, suspects: &[Listed]) -> Result<bool, Trouble> {
        let (Some(first), Some(last)) = (suspects.first(), suspects.last()) else { return Ok(true) };
        if self.came > 0 {
            return Ok(true);
        }
        let (first, last) = (first.uid.get().saturating_sub(NEIGHBOURS).max(1), last.uid.get().saturating_add(NEIGHBOURS));
        let mut others = self.session.listing(&visit.selected, &UidSet::between(first, last)).await?;
        others.retain(|other| other.arrival.size > 0 && suspects.iter().all(|suspect| suspect.uid != other.uid));
        // Best one that has come before; and if one does not come, it may be to blame as well: then another is asked for.
        let absences = |other: &Listed| self.memory.suspects.absences.get(&visit.number(other.uid)).copied().unwrap_or_default();
        let is_new = |other: &Listed| other.uid.get() >= visit.cursor.next;
        let witness = others.into_iter().min_by_key(|other| (absences(other), is_new(other), other.arrival.size));
        let Some(witness) = witness else { return Ok(false) };
        let number = visit.number(witness.uid);
        *self.memory.suspects.absences.entry(number.clone()).or_default() += 1;
        let mut fetch = self.session.fetch(&visit.selected, &[witness])?;
        while fetch.next().await?.is_some() {
            self.came += 1;
        }
        if self.came > 0 {
            self.memory.suspects.absences.remove(&number);
        }
        Ok(self.came > 0)
    }
}

/// What a message may have done to the session; nothing where the server spoke of itself.
fn fault_of_message(error: &ImapError) -> Option<Reason> {
    match error {
        ImapError::Bye { .. } | ImapError::ConnectionLost { .. } | ImapError::Timeout { .. } => Some(Reason::Unanswered),
        ImapError::LiteralTooLarge { .. } | ImapError::Malformed { .. } => Some(Reason::Unfetched),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{FolderName, Uid, UidValidity};

    const FETCH: &str = "UID FETCH";

    #[test]
    fn silence_and_hanging_up_may_be_the_messages_fault_and_a_throttle_never_is() {
        for error in
            [ImapError::Timeout { command: FETCH }, ImapError::ConnectionLost { command: FETCH }, ImapError::Bye { text: String::new() }]
        {
            assert_eq!(fault_of_message(&error), Some(Reason::Unanswered), "{error}");
        }
        assert_eq!(fault_of_message(&ImapError::Malformed { command: FETCH }), Some(Reason::Unfetched));
        let throttled = ImapError::Throttled { retry_after: None, text: String::new() };
        assert_eq!(fault_of_message(&throttled), None);
    }

    #[test]
    fn a_message_is_passed_over_after_three_rounds_and_for_the_last_reason() {
        let mut suspects = Suspects::default();
        let number = (FolderName("INBOX".to_owned()), UidValidity(7), Uid::new(2).unwrap());
        for reason in [Reason::Unfetched, Reason::Unfetched, Reason::Unanswered] {
            assert_eq!(suspects.given_up(&number), None);
            suspects.strike(number.clone(), reason);
        }
        assert_eq!(suspects.given_up(&number), Some(Reason::Unanswered));
        suspects.acquit(&number);
        assert_eq!(suspects.given_up(&number), None);
    }
}
