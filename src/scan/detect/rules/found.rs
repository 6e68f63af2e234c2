//! What one text has of all that is looked for, by the numbers of the sources.

use std::ops::Range;

use super::entries::Entries;

/// More finds of one source in one text than this do not matter: whatever is made of it then counts as found, whatever the
/// exceptions say, so that nobody hides one find behind thousands.
pub const MAX_HITS: u32 = 16_384;
/// So many finds are kept until those are let go of which there are more than matter.
const ROOM: usize = 1 << 18;

/// In which view of the text something stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum View {
    Folded,
    /// With a disguised word in it; its octets are those of the folded view all the same.
    Reread,
}

/// Finds and their counts.
#[derive(Default)]
pub struct Found {
    hits: Hits,
    in_disguise: Hits,
    /// Where the literals of the regexes stand, by the numbers of these.
    literals: Vec<(u32, Range<usize>)>,
}

#[derive(Default)]
struct Hits {
    /// By the numbers of the entries: in their order, and in that of the text, once all are counted.
    spans: Vec<(u32, Range<usize>)>,
    room: usize,
    /// The spans of an entry, for each of its sources; in the order of these.
    of_sources: Vec<(u32, Range<usize>)>,
    /// How many, by source; empty until something is seen.
    counts: Vec<u32>,
    /// Sources in the order in which they were first seen.
    seen: Vec<u32>,
}

impl Found {
    /// A find of an entry. It counts from [`Found::count`] on.
    pub fn push(&mut self, view: View, entry: u32, span: Range<usize>) {
        let hits = match view {
            View::Folded => &mut self.hits,
            View::Reread => &mut self.in_disguise,
        };
        hits.spans.push((entry, span));
        if hits.spans.len() > hits.room.max(ROOM) {
            hits.make_room();
        }
    }

    /// A literal of one of a source's regexes: this itself is searched for later, if ever. `sources` is how many there are.
    pub fn push_literal(&mut self, source: u32, pattern: u32, span: Range<usize>, sources: u32) {
        if self.hits.count(source, 1, sources) <= MAX_HITS {
            self.literals.push((pattern, span));
        }
    }

    pub fn flood(&mut self, source: u32, sources: u32) {
        self.hits.count(source, u32::MAX, sources);
    }

    /// Counts what was pushed, once all of it was.
    pub fn count(&mut self, entries: &Entries, sources: u32) {
        self.hits.settle(entries, sources);
        self.in_disguise.settle(entries, sources);
    }

    pub fn sort_literals(&mut self) {
        self.literals.sort_unstable_by_key(place);
    }

    pub fn is_empty(&self) -> bool {
        self.hits.seen.is_empty() && self.in_disguise.seen.is_empty()
    }

    /// Sources of which anything is seen, in either view.
    pub fn seen(&self) -> impl Iterator<Item = u32> {
        self.hits.seen.iter().chain(&self.in_disguise.seen).copied()
    }

    pub fn has_seen(&self, view: View, source: u32) -> bool {
        self.view(view).counts.get(source as usize).is_some_and(|count| *count > 0)
    }

    pub fn is_flooded(&self, view: View, source: u32) -> bool {
        self.view(view).counts.get(source as usize).is_some_and(|count| *count > MAX_HITS)
    }

    /// In the order of the text for each entry.
    pub fn spans(&self, view: View, source: u32) -> impl Iterator<Item = Range<usize>> {
        let hits = self.view(view);
        of_number(&hits.of_sources, source).flat_map(|places| hits.spans[places].iter().map(|(_, span)| span.clone()))
    }

    /// Those of one regex, in the order of the text.
    pub fn literals(&self, pattern: u32) -> impl Iterator<Item = Range<usize>> {
        of_number(&self.literals, pattern)
    }

    fn view(&self, view: View) -> &Hits {
        match view {
            View::Folded => &self.hits,
            View::Reread => &self.in_disguise,
        }
    }
}

impl Hits {
    fn settle(&mut self, entries: &Entries, sources: u32) {
        self.spans.sort_unstable_by_key(place);
        let mut start = 0;
        while let Some((entry, _)) = self.spans.get(start) {
            let entry = *entry;
            let length = self.spans[start..].iter().take_while(|(other, _)| *other == entry).count();
            for source in entries.sources(entry) {
                self.count(*source, u32::try_from(length).unwrap_or(u32::MAX), sources);
                self.of_sources.push((*source, start..start + length));
            }
            start += length;
        }
        self.of_sources.sort_unstable_by_key(place);
    }

    /// Of each entry, one more than matter stay. It is asked for half as often as that takes, or less.
    fn make_room(&mut self) {
        self.spans.sort_unstable_by_key(place);
        let (mut entry, mut count) = (None, 0);
        self.spans.retain(|(other, _)| {
            count = if entry == Some(*other) { count + 1 } else { 0 };
            entry = Some(*other);
            count <= MAX_HITS
        });
        self.room = 2 * self.spans.len();
    }

    fn count(&mut self, source: u32, more: u32, sources: u32) -> u32 {
        if self.counts.is_empty() {
            self.counts = vec![0; sources as usize];
        }
        let count = &mut self.counts[source as usize];
        if *count == 0 {
            self.seen.push(source);
        }
        *count = count.saturating_add(more);
        *count
    }
}

fn place((number, span): &(u32, Range<usize>)) -> (u32, usize, usize) {
    (*number, span.start, span.end)
}

/// Those of one number, of ranges that are sorted.
fn of_number(all: &[(u32, Range<usize>)], number: u32) -> impl Iterator<Item = Range<usize>> {
    let start = all.partition_point(|(other, _)| *other < number);
    all[start..].iter().take_while(move |(other, _)| *other == number).map(|(_, span)| span.clone())
}
