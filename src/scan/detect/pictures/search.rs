//! The entries of all lists that are near to a hash.

use super::pdq::Hash;

/// Entries of PDQ lists, each with the number of its list.
#[derive(Default)]
pub struct Entries(Vec<(Hash, usize)>);

impl Entries {
    pub fn extend(&mut self, entries: impl Iterator<Item = (Hash, usize)>) {
        self.0.extend(entries);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells list and distance of every entry that is at most `most` bits away.
    pub fn within(&self, wanted: &Hash, most: u32, mut found: impl FnMut(usize, u32)) {
        for (entry, list) in &self.0 {
            let distance = entry.distance(wanted);
            if distance <= most {
                found(*list, distance);
            }
        }
    }
}
