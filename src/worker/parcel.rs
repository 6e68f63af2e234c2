//! Gathers messages into what a worker is asked for at once.

use crate::wire::{MAX_SMALL, Message};

/// A parcel with so many octets is full.
const ENOUGH: u64 = 256 << 10;
/// The octets of a parcel of small messages, at most.
pub(super) const MAX_OCTETS: u64 = ENOUGH - 1 + MAX_SMALL;

/// Small messages wait for each other, a large one goes alone. Each comes with what its caller knows it by.
pub struct Packer<T> {
    most: usize,
    octets: u64,
    known_by: Vec<T>,
    messages: Vec<Message>,
}

/// Messages for one worker, and by what their caller knows them, in the same order.
pub type Packed<T> = (Vec<T>, Vec<Message>);

impl<T> Packer<T> {
    /// Of parcels with `most` messages at most: what [`super::Pool::parcel`] says.
    pub fn new(most: usize) -> Self {
        Self { most, octets: 0, known_by: Vec::new(), messages: Vec::new() }
    }

    /// Adds a message; gives a parcel when one is full.
    pub fn add(&mut self, known_by: T, message: Message) -> Option<Packed<T>> {
        if message.size() > MAX_SMALL {
            return Some((vec![known_by], vec![message]));
        }
        self.octets += message.size();
        self.known_by.push(known_by);
        self.messages.push(message);
        if self.messages.len() >= self.most || self.octets >= ENOUGH { self.rest() } else { None }
    }

    /// What is left.
    pub fn rest(&mut self) -> Option<Packed<T>> {
        self.octets = 0;
        (!self.messages.is_empty()).then(|| (std::mem::take(&mut self.known_by), std::mem::take(&mut self.messages)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(size: u64) -> Message {
        Message::from_octets(&vec![b'x'; usize::try_from(size).unwrap()]).unwrap()
    }

    #[test]
    fn small_messages_wait_for_each_other_and_a_large_one_for_none() {
        let mut packer = Packer::new(3);
        assert!(packer.add(1, message(10)).is_none());
        let (large, _) = packer.add(2, message(MAX_SMALL + 1)).unwrap();
        assert_eq!(large, [2]);
        assert!(packer.add(3, message(10)).is_none());
        let (full, messages) = packer.add(4, message(10)).unwrap();
        assert_eq!((full, messages.len()), (vec![1, 3, 4], 3));
        assert!(packer.rest().is_none());
    }

    #[test]
    fn a_parcel_holds_no_more_octets_than_it_may() {
        let mut packer = Packer::new(100);
        let full = (0..9).find_map(|number| packer.add(number, message(ENOUGH / 4))).unwrap();
        assert_eq!(full.0, [0, 1, 2, 3]);
        assert!(packer.add(4, message(ENOUGH - 1)).is_none());
        let (_, messages) = packer.add(5, message(MAX_SMALL)).unwrap();
        assert_eq!(messages.iter().map(Message::size).sum::<u64>(), MAX_OCTETS);
    }
}
