//! How much of a folder is asked for at once.

use super::imap::Listed;

/// One FETCH brings at most so many messages, and so many octets unless one message alone is larger.
pub const MESSAGES: usize = 200;
const OCTETS: u64 = 8 << 20;

/// Cuts a listing into what one FETCH asks for, `most` messages at most.
pub fn batches(listed: &[Listed], most: usize) -> impl Iterator<Item = &[Listed]> {
    let mut rest = listed;
    std::iter::from_fn(move || {
        let mut octets = 0;
        let mut fits = |message: &Listed| {
            octets = message.arrival.size.saturating_add(octets);
            octets <= OCTETS
        };
        let count = rest.iter().take(most).take_while(|message| fits(message)).count().max(1).min(rest.len());
        let (batch, after) = rest.split_at(count);
        rest = after;
        (!batch.is_empty()).then_some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{Arrival, Uid};

    #[test]
    fn a_size_beyond_all_measure_is_a_batch_of_its_own() {
        let listed: Vec<_> = [100, u64::MAX, 100]
            .into_iter()
            .zip(1..)
            .filter_map(|(size, uid)| Some(Listed { uid: Uid::new(uid)?, arrival: Arrival { flags: Vec::new(), internal_date: 0, size } }))
            .collect();
        let sizes: Vec<_> = batches(&listed, MESSAGES).map(<[_]>::len).collect();
        assert_eq!(sizes, [1, 1, 1]);
    }
}
