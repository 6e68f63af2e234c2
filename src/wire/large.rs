//! How what is large travels beside what is read at once: in one sealed memory file, and read where it lies.

use std::fmt;
use std::io;
use std::ops::{Deref, Range};
use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use super::{Message, MessageWriter};

/// A part of octets that several hold.
#[derive(Clone)]
pub struct Shared {
    whole: Whole,
    range: Range<usize>,
}

/// What travelled, whoever holds it.
pub type Whole = Arc<dyn Deref<Target = [u8]> + Send + Sync>;

/// What is large begins at multiples of it, in octets.
const ALIGNMENT: usize = 64;
/// Of the length of the head.
const LENGTH: usize = 8;

/// A head, and behind it what is large.
///
/// # Errors
/// When memory is short.
pub fn seal<'l>(head: &impl Serialize, large: impl Iterator<Item = &'l Shared> + Clone) -> io::Result<Message> {
    let lengths: Vec<_> = large.clone().map(|octets| octets.len() as u64).collect();
    let head = postcard::to_stdvec(&(head, lengths)).map_err(io::Error::other)?;
    let mut writer = MessageWriter::new();
    let padding = |length: usize| &[0; ALIGNMENT][..length.next_multiple_of(ALIGNMENT) - length];
    writer.write(&(head.len() as u64).to_le_bytes())?;
    writer.write(&head)?;
    writer.write(padding(LENGTH + head.len()))?;
    for octets in large {
        writer.write(octets)?;
        writer.write(padding(octets.len()))?;
    }
    writer.seal()
}

/// Reads what [`seal`] wrote. `None` for anything else.
pub fn open<H: DeserializeOwned>(octets: &Whole) -> Option<(H, Vec<Shared>)> {
    let length = usize::try_from(u64::from_le_bytes(*octets.first_chunk::<LENGTH>()?)).ok()?;
    let end = LENGTH.checked_add(length)?;
    let (head, lengths) = postcard::from_bytes::<(H, Vec<u64>)>(octets.get(LENGTH..end)?).ok()?;
    let whole = Shared { whole: Arc::clone(octets), range: 0..octets.len() };
    let mut start = end.next_multiple_of(ALIGNMENT);
    let large = lengths.into_iter().map(|length| {
        let end = start.checked_add(usize::try_from(length).ok()?)?;
        let part = whole.part(start..end)?;
        start = end.next_multiple_of(ALIGNMENT);
        Some(part)
    });
    let large = large.collect::<Option<_>>()?;
    Some((head, large))
}

impl Shared {
    pub fn of(octets: Vec<u8>) -> Self {
        let range = 0..octets.len();
        Self { whole: Arc::new(octets), range }
    }

    /// What lies between two of its octets, held as long; `None` where that is not within it.
    pub fn part(&self, range: Range<usize>) -> Option<Self> {
        self.get(range.clone())?;
        let start = self.range.start;
        Some(Self { whole: Arc::clone(&self.whole), range: start + range.start..start + range.end })
    }
}

impl Deref for Shared {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.whole[self.range.clone()]
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} octets", self.len())
    }
}

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Shared {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn what_was_sealed_comes_back_each_part_where_numbers_may_begin() {
        let large = [b"seven".to_vec(), Vec::new(), vec![7; 100]].map(Shared::of);
        let mut octets = Vec::new();
        seal(&"head", large.iter()).unwrap().reader().read_to_end(&mut octets).unwrap();
        let open = |octets: &[u8]| open::<String>(&(Arc::new(octets.to_vec()) as Whole));
        let (head, parts) = open(&octets).unwrap();
        assert_eq!((head.as_str(), parts.as_slice()), ("head", large.as_slice()));
        assert!(parts.iter().all(|part| part.range.start % ALIGNMENT == 0));
        for cut in [0, 7, 12, octets.len() - ALIGNMENT] {
            assert_eq!(open(&octets[..cut]), None, "{cut}");
        }
    }

    #[test]
    fn a_part_of_a_part_is_cut_from_the_part() {
        let part = Shared::of(b"a heron stole".to_vec()).part(2..7).unwrap();
        assert_eq!(&*part.part(1..3).unwrap(), b"er");
        assert_eq!(part.part(1..6), None);
    }
}
