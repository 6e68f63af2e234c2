//! Each term once, however many signals look for it: what is found is told of the term, and counted for them together.

use super::sources::Groups;

/// Immutable once built. An *entry* is a term, or whatever the regexes of one source find in disguise.
pub struct Entries {
    /// Of each term: the sources that look for it.
    sources: Groups,
    /// The numbers of the sources, each by itself.
    alone: Vec<u32>,
}

impl Entries {
    /// Of terms with their sources, of which there are `sources`. Gives every term once, with the number of its entry.
    pub fn of(mut terms: Vec<(&str, u32)>, sources: u32) -> (Self, Vec<(&str, u32)>) {
        terms.sort_unstable();
        let mut entries = Self { sources: Groups::default(), alone: (0..sources).collect() };
        let mut numbered = Vec::new();
        for same in terms.chunk_by(|(one, _), (other, _)| one == other) {
            numbered.push((same[0].0, entries.sources.count()));
            entries.sources.push(same.iter().map(|(_, source)| *source).collect());
        }
        (entries, numbered)
    }

    /// The entry of what one source finds by itself.
    pub fn alone(&self, source: u32) -> u32 {
        self.sources.count() + source
    }

    /// The sources of an entry, none twice.
    pub fn sources(&self, entry: u32) -> &[u32] {
        match entry.checked_sub(self.sources.count()) {
            Some(source) => std::slice::from_ref(&self.alone[source as usize]),
            None => self.sources.get(entry as usize),
        }
    }
}
