//! How much of one message is read at most, shared out so that a bomb in one part does not starve the others.

use std::time::Duration;

/// Of all parts and members together, transfer encodings and compression undone.
pub const DECODED_OCTETS: u64 = 200 << 20;
/// Parts of the message and members of containers together.
pub const PARTS: u32 = 2_000;
/// Of opening containers, well within the daemon's default deadline: a part that takes longer is unread, not the message.
pub const TIME: Duration = Duration::from_secs(10);
/// Of decoding pictures, from the beginning of a message. Together with [`TIME`], once to read and once for the sheet, it lies within
/// the daemon's default deadline: however heavy the pictures are, what the texts say is told.
pub const PICTURES_TIME: Duration = Duration::from_secs(8);
/// Containers inside one another: archives, attached messages, files inside HTML.
pub const CONTAINER_DEPTH: u8 = 5;
/// Multiparts and messages inside one another.
pub const MAIL_DEPTH: usize = 50;
/// Of one text.
pub const TEXT_OCTETS: usize = 16 << 20;

/// What may still be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    octets: u64,
    parts: u32,
    time: Duration,
}

impl Budget {
    /// Of a whole message.
    pub const MESSAGE: Self = Self { octets: DECODED_OCTETS, parts: PARTS, time: TIME };

    /// How long the reading may take from its beginning.
    pub fn time(self) -> Duration {
        self.time
    }

    /// Takes one part or member of a known size; false when there is no room for it.
    #[must_use]
    pub fn take(&mut self, octets: usize) -> bool {
        let octets = octets as u64;
        let room = self.parts > 0 && octets <= self.octets;
        if room {
            self.parts -= 1;
            self.octets -= octets;
        }
        room
    }

    /// Takes one member whose size shows only while it is inflated: the most that it may have, in octets.
    /// Half of what is left, so that those behind a bomb are still read.
    #[must_use]
    pub fn open(&mut self) -> Option<u64> {
        self.parts = self.parts.checked_sub(1)?;
        Some(self.half())
    }

    /// Of the octets that are left.
    pub fn half(self) -> u64 {
        self.octets / 2
    }

    /// Pays for what a member from [`Budget::open`] turned out to be.
    pub fn pay(&mut self, octets: usize) {
        self.octets = self.octets.saturating_sub(octets as u64);
    }

    /// What there is with the time that is left of it.
    pub fn within(self, time: Duration) -> Self {
        Self { time, ..self }
    }

    /// What is left without a share of it.
    #[must_use]
    pub fn without(self, share: Self) -> Self {
        let time = self.time.saturating_sub(share.time);
        Self { octets: self.octets - share.octets, parts: self.parts - share.parts, time }
    }

    /// What was left of one share, and another.
    #[must_use]
    pub fn with(self, share: Self) -> Self {
        Self { octets: self.octets + share.octets, parts: self.parts + share.parts, time: self.time + share.time }
    }

    /// A share for each container of the given size as stored, 0 for what is none: half of the budget in equal
    /// shares, since a small file may honestly unpack to a large one, and half by size. The shares do not
    /// depend on the order of reading, so that the same message always gets the same report.
    pub fn shares(self, sizes: &[usize]) -> Vec<Self> {
        let containers = sizes.iter().filter(|&&size| size > 0).count() as u64;
        let total: u64 = sizes.iter().map(|&size| size as u64).sum();
        let part = |whole: u64, size: usize| {
            let by_size = u128::from(whole / 2) * size as u128 / u128::from(total.max(1));
            whole / 2 / containers.max(1) + u64::try_from(by_size).unwrap_or(0)
        };
        let share = |&size: &usize| Self {
            octets: part(self.octets, size),
            parts: u32::try_from(part(u64::from(self.parts), size)).unwrap_or(self.parts),
            time: Duration::from_micros(part(u64::try_from(self.time.as_micros()).unwrap_or(u64::MAX), size)),
        };
        sizes.iter().map(|size| if *size == 0 { Self::default() } else { share(size) }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_without_room_takes_nothing() {
        let mut budget = Budget { octets: 10, parts: 2, time: TIME };
        assert!(!budget.take(11));
        assert!(budget.take(10));
        assert!(budget.take(0));
        assert!(!budget.take(0), "both parts are taken");
    }

    #[test]
    fn shares_never_exceed_the_whole_and_leave_the_small_enough() {
        let shares = Budget::MESSAGE.shares(&[0, 1_000, 50 << 20, 0]);
        assert_eq!(shares[0], Budget::default());
        assert!(shares.iter().map(|share| share.octets).sum::<u64>() <= DECODED_OCTETS);
        assert!(shares.iter().map(|share| share.parts).sum::<u32>() <= PARTS);
        assert!(shares[1].octets >= DECODED_OCTETS / 4);
        assert_eq!(Budget::MESSAGE.shares(&[7]), [Budget::MESSAGE]);
        let left = shares.iter().fold(Budget::MESSAGE, |left, share| left.without(*share));
        assert_eq!(shares.into_iter().fold(left, Budget::with), Budget::MESSAGE);
    }

    #[test]
    fn members_behind_a_bomb_are_still_read() {
        let mut budget = Budget::MESSAGE;
        for _ in 0..5 {
            let most = budget.open().unwrap();
            budget.pay(usize::try_from(most).unwrap());
        }
        assert!(budget.open().unwrap() > 1 << 20);
    }
}
