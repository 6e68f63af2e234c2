//! What one text has of all that is looked for, by the numbers of the sources.

use std::ops::Range;

/// More finds of one source in one text than this are not kept: whatever is made of it then counts as found, whatever the
/// exceptions say, so that nobody hides one find behind thousands.
pub const MAX_HITS: u32 = 16_384;

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
    spans: Vec<(u32, Range<usize>)>,
    /// How many, by source; empty until something is seen.
    counts: Vec<u32>,
    /// Sources in the order in which they were first seen.
    seen: Vec<u32>,
}

impl Found {
    /// `sources` is how many there are.
    pub fn push(&mut self, view: View, source: u32, span: Range<usize>, sources: u32) {
        let hits = self.view_mut(view);
        if hits.count(source, sources) <= MAX_HITS {
            hits.spans.push((source, span));
        }
    }

    /// A literal of one of a source's regexes: this itself is searched for later, if ever.
    pub fn push_literal(&mut self, source: u32, pattern: u32, span: Range<usize>, sources: u32) {
        if self.hits.count(source, sources) <= MAX_HITS {
            self.literals.push((pattern, span));
        }
    }

    pub fn flood(&mut self, source: u32, sources: u32) {
        self.hits.count(source, sources);
        self.hits.counts[source as usize] = u32::MAX;
    }

    pub fn sort(&mut self) {
        let place = |(number, span): &(u32, Range<usize>)| (*number, span.start, span.end);
        for spans in [&mut self.hits.spans, &mut self.in_disguise.spans, &mut self.literals] {
            spans.sort_unstable_by_key(place);
        }
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

    /// In the order of the text, of finds that are sorted.
    pub fn spans(&self, view: View, source: u32) -> impl Iterator<Item = Range<usize>> {
        spans(&self.view(view).spans, source)
    }

    /// Those of one regex.
    pub fn literals(&self, pattern: u32) -> impl Iterator<Item = Range<usize>> {
        spans(&self.literals, pattern)
    }

    fn view(&self, view: View) -> &Hits {
        match view {
            View::Folded => &self.hits,
            View::Reread => &self.in_disguise,
        }
    }

    fn view_mut(&mut self, view: View) -> &mut Hits {
        match view {
            View::Folded => &mut self.hits,
            View::Reread => &mut self.in_disguise,
        }
    }
}

impl Hits {
    fn count(&mut self, source: u32, sources: u32) -> u32 {
        if self.counts.is_empty() {
            self.counts = vec![0; sources as usize];
        }
        let count = &mut self.counts[source as usize];
        *count = count.saturating_add(1);
        if *count == 1 {
            self.seen.push(source);
        }
        *count
    }
}

/// Those of one number, of spans that are sorted.
fn spans(all: &[(u32, Range<usize>)], number: u32) -> impl Iterator<Item = Range<usize>> {
    let start = all.partition_point(|(other, _)| *other < number);
    all[start..].iter().take_while(move |(other, _)| *other == number).map(|(_, span)| span.clone())
}
