//! The index of terms: finds any number of words and phrases in one pass over the words of a text.
//!
//! Each term is anchored on its longest word. The words of the text are hashed as they go by; only a word
//! that is some term's anchor costs more than a look into a bitmap, and only then is the rest of the term
//! compared. The time does not depend on how many terms there are, nor on what the sender writes.

use std::collections::BTreeMap;
use std::ops::Range;

/// The most white space between two words of a phrase, in octets: an empty line, a quote mark, an indent.
const LONGEST_GAP: usize = 64;
const ODD: u64 = 0x517c_c1b7_2722_0a95;
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Immutable once built; any number of threads may scan with it.
pub struct WordIndex {
    /// One bit for every anchor, by its hash: most words of a text stop here.
    bitmap: Vec<u64>,
    /// Open addressing by hash.
    slots: Vec<Slot>,
    anchors: Vec<Anchor>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    tag: u32,
    first: u32,
    /// 0 in an empty slot.
    count: u32,
}

/// One term, at one of its words.
struct Anchor {
    term: Box<[u8]>,
    /// Where in the term the anchor begins.
    at: usize,
    /// Whatever the caller wants to hear when the term is found.
    key: u32,
}

impl WordIndex {
    /// Builds the index of folded terms ([`super::fold::fold_term`]), each with a key of the caller's; a term without a word in it is passed over.
    pub fn new<'t>(terms: impl IntoIterator<Item = (&'t str, u32)>) -> Self {
        let mut by_hash: BTreeMap<u64, Vec<Anchor>> = BTreeMap::new();
        let mut insert = |term: &[u8], key| {
            if let Some(word) = anchor(term) {
                let anchored = Anchor { term: term.into(), at: word.start, key };
                by_hash.entry(hash(term, &word)).or_default().push(anchored);
            }
        };
        for (term, key) in terms {
            insert(term.as_bytes(), key);
            // Who types fast leaves the apostrophe out.
            if term.contains('\'') {
                insert(term.replace('\'', "").as_bytes(), key);
            }
        }

        let bits = (by_hash.len() * 16).next_power_of_two().clamp(1 << 14, 1 << 22);
        let mut index = Self {
            bitmap: vec![0; bits / 64],
            slots: vec![Slot::default(); (by_hash.len() * 2).next_power_of_two().max(64)],
            anchors: Vec::new(),
        };
        for (hash, anchors) in by_hash {
            let (cell, bit) = index.bit(hash);
            index.bitmap[cell] |= bit;
            let mut at = index.home(hash);
            while index.slots[at].count != 0 {
                at = (at + 1) % index.slots.len();
            }
            index.slots[at] = Slot { tag: tag(hash), first: narrow(index.anchors.len()), count: narrow(anchors.len()) };
            index.anchors.extend(anchors);
        }
        index
    }

    /// Calls `found` with the key and the octets of every occurrence, in the order of their anchors.
    pub fn scan(&self, text: &[u8], mut found: impl FnMut(u32, Range<usize>)) {
        if self.anchors.is_empty() {
            return;
        }
        let mut start = 0;
        // Whether the octet before this block belongs to a word.
        let mut inside = 0;
        let (blocks, tail) = text.as_chunks::<64>();
        let mut last = [0; 64];
        last[..tail.len()].copy_from_slice(tail);
        for (number, block) in blocks.iter().chain([&last]).enumerate() {
            let words = bits(block, is_word);
            let mut edges = words ^ (words << 1 | inside);
            inside = words >> 63;
            while edges != 0 {
                let bit = edges.trailing_zeros();
                edges &= edges - 1;
                let at = number * 64 + bit as usize;
                if words >> bit & 1 == 1 {
                    start = at;
                } else {
                    self.look_up(text, &(start..at), &mut found);
                }
            }
        }
    }

    /// Calls `found` with the key of every term that is this one word.
    pub fn find(&self, word: &[u8], mut found: impl FnMut(u32)) {
        if !self.anchors.is_empty() {
            self.look_up(word, &(0..word.len()), &mut |key, _| found(key));
        }
    }

    #[inline]
    fn look_up(&self, text: &[u8], word: &Range<usize>, found: &mut impl FnMut(u32, Range<usize>)) {
        let hash = hash(text, word);
        let (cell, bit) = self.bit(hash);
        if self.bitmap[cell] & bit != 0 {
            self.verify(text, word.start, hash, found);
        }
    }

    #[inline(never)]
    fn verify(&self, text: &[u8], word: usize, hash: u64, found: &mut impl FnMut(u32, Range<usize>)) {
        let mut at = self.home(hash);
        loop {
            let slot = self.slots[at];
            if slot.count == 0 {
                return;
            }
            if slot.tag == tag(hash) {
                for anchor in &self.anchors[slot.first as usize..][..slot.count as usize] {
                    if let Some(span) = anchor.occurrence(text, word) {
                        found(anchor.key, span);
                    }
                }
            }
            at = (at + 1) % self.slots.len();
        }
    }

    #[inline]
    fn bit(&self, hash: u64) -> (usize, u64) {
        let bit = usize::try_from(hash & (self.bitmap.len() as u64 * 64 - 1)).unwrap_or_default();
        (bit / 64, 1 << (bit % 64))
    }

    fn home(&self, hash: u64) -> usize {
        (hash >> 20) as usize & (self.slots.len() - 1)
    }
}

impl Anchor {
    /// The whole term around its anchor at `word`, with a word's edge on both sides.
    fn occurrence(&self, text: &[u8], word: usize) -> Option<Range<usize>> {
        let end = follow(text, word, &self.term[self.at..])?;
        let start = lead(text, word, &self.term[..self.at])?;
        let cut_before = is_word(self.term[0]) && start.checked_sub(1).is_some_and(|before| is_word(text[before]));
        let cut_behind = self.term.last().is_some_and(|octet| is_word(*octet)) && text.get(end).is_some_and(|octet| is_word(*octet));
        (!cut_before && !cut_behind).then_some(start..end)
    }
}

/// Where `term` ends that begins at `at`.
fn follow(text: &[u8], mut at: usize, term: &[u8]) -> Option<usize> {
    for octet in term {
        if *octet == b' ' {
            let gap = text[at..].iter().take(LONGEST_GAP).take_while(|octet| is_gap(**octet)).count();
            at += (gap > 0).then_some(gap)?;
        } else {
            at += text.get(at)?.eq_ignore_ascii_case(octet).then_some(1)?;
        }
    }
    Some(at)
}

/// Where `term` begins that ends at `at`.
fn lead(text: &[u8], mut at: usize, term: &[u8]) -> Option<usize> {
    for octet in term.iter().rev() {
        if *octet == b' ' {
            let gap = text[..at].iter().rev().take(LONGEST_GAP).take_while(|octet| is_gap(**octet)).count();
            at -= (gap > 0).then_some(gap)?;
        } else {
            at = at.checked_sub(1)?;
            text[at].eq_ignore_ascii_case(octet).then_some(())?;
        }
    }
    Some(at)
}

/// The longest word of a term: the rarest, as a rule.
fn anchor(term: &[u8]) -> Option<Range<usize>> {
    words(term).max_by_key(Range::len)
}

/// The words of a text.
pub fn words(text: &[u8]) -> impl Iterator<Item = Range<usize>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].iter().position(|octet| is_word(*octet))?;
        at = text[start..].iter().position(|octet| !is_word(*octet)).map_or(text.len(), |length| start + length);
        Some(start..at)
    })
}

/// Letters, digits and the underscore; whatever is not ASCII, for the folded view has no other signs left that touch a word.
pub fn is_word(octet: u8) -> bool {
    // Without branches, so that compilers use vectors.
    ((octet | 0x20).wrapping_sub(b'a') < 26) | (octet.wrapping_sub(b'0') < 10) | (octet == b'_') | (octet >= 0x80)
}

/// White space, and the mark before quoted lines.
fn is_gap(octet: u8) -> bool {
    matches!(octet, b' ' | b'\t'..=b'\r' | b'>')
}

/// A bit for every octet of a block of which something holds.
#[inline]
pub fn bits(block: &[u8; 64], holds: impl Fn(u8) -> bool) -> u64 {
    let mut flags = [0_u8; 64];
    for (flag, octet) in flags.iter_mut().zip(block) {
        *flag = u8::from(holds(*octet));
    }
    let (eights, _) = flags.as_chunks::<8>();
    // The product gathers the lowest bits of eight octets in the highest octet.
    eights.iter().rev().fold(0, |mask, eight| mask << 8 | u64::from_le_bytes(*eight).wrapping_mul(0x0102_0408_1020_4080) >> 56)
}

/// Of a word in any mixture of capitals, eight octets at a time.
#[inline]
fn hash(text: &[u8], word: &Range<usize>) -> u64 {
    let length = word.len();
    let mut hash = load(text, word.start, length).wrapping_mul(ODD) ^ (length as u64).wrapping_mul(GOLDEN);
    let mut at = word.start + 8;
    while at < word.end {
        hash = (hash.rotate_left(29) ^ load(text, at, word.end - at)).wrapping_mul(ODD);
        at += 8;
    }
    hash ^ (hash >> 32)
}

/// At most eight octets, in small letters: the bit that tells a capital means nothing in the other signs of a word.
#[inline]
fn load(text: &[u8], at: usize, length: usize) -> u64 {
    let octets = if let Some(octets) = text[at..].first_chunk::<8>() {
        u64::from_le_bytes(*octets)
    } else {
        let mut octets = [0; 8];
        octets[..text.len() - at].copy_from_slice(&text[at..]);
        u64::from_le_bytes(octets)
    };
    let wanted = if length < 8 { octets & ((1 << (8 * length)) - 1) } else { octets };
    wanted | 0x2020_2020_2020_2020
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(terms: &[&str], text: &str) -> Vec<(u32, Range<usize>)> {
        let index = WordIndex::new(terms.iter().zip(0..).map(|(term, key)| (*term, key)));
        let mut found = Vec::new();
        index.scan(text.as_bytes(), |key, span| found.push((key, span)));
        found.sort_by_key(|(key, span)| (*key, span.start, span.end));
        found
    }

    /// What the index promises, said as plainly as can be: at every place, every spelling of every term.
    fn find_naively(terms: &[&str], text: &str) -> Vec<(u32, Range<usize>)> {
        let octets = text.as_bytes();
        let mut found = Vec::new();
        for (term, key) in terms.iter().zip(0..) {
            for spelling in [(*term).to_owned(), term.replace('\'', "")].iter().take(1 + usize::from(term.contains('\''))) {
                for start in 0..octets.len() {
                    let Some(end) = follow(octets, start, spelling.as_bytes()) else { continue };
                    let edge = |at: usize| at == 0 || at == octets.len() || is_word(octets[at - 1]) != is_word(octets[at]);
                    if edge(start) && edge(end) {
                        found.push((key, start..end));
                    }
                }
            }
        }
        found.sort_by_key(|(key, span)| (*key, span.start, span.end));
        found
    }

    #[test]
    fn words_and_phrases_are_found_whole_and_in_any_case() {
        assert_eq!(find(&["hurt myself"], "I will HURT\r\n> Myself."), [(0, 7..21)]);
        assert_eq!(find(&["hurt myself", "hurt"], "hurtful; unhurt myself"), []);
        assert_eq!(find(&["can't go on"], "cant go on, can't go on"), [(0, 0..10), (0, 12..23)]);
    }

    #[test]
    fn a_term_is_found_wherever_it_lies_among_the_blocks() {
        for pad in 0..140 {
            let text = format!("{}needle in hay", "x ".repeat(pad));
            assert_eq!(find(&["needle in"], &text), [(0, 2 * pad..2 * pad + 9)]);
            assert_eq!(find(&["hay"], &text), [(0, 2 * pad + 10..2 * pad + 13)]);
        }
    }

    #[test]
    fn the_index_agrees_with_a_naive_matcher_on_random_texts() {
        let syllables = ["a", "b", "ab", "ba", " ", "  ", "\n", "'", "A", "B", "\u{e9}", ".", "aabbaabba", "-"];
        let terms = ["a", "ab", "a b", "ab ba", "b a b", "a'b", "aabbaabba", "a aabbaabba b", "b-a", "\u{e9}a"];
        let mut seed = 1_u64;
        for _ in 0..3_000 {
            let text: String = (0..60)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    syllables[(seed >> 33) as usize % syllables.len()]
                })
                .collect();
            assert_eq!(find(&terms, &text), find_naively(&terms, &text), "{text:?}");
        }
    }

    #[test]
    fn no_white_space_however_long_joins_a_phrase() {
        assert_eq!(find(&["a b"], &format!("a{}b", " ".repeat(LONGEST_GAP))).len(), 1);
        assert_eq!(find(&["a b"], &format!("a{}b", " ".repeat(LONGEST_GAP + 1))).len(), 0);
    }
}
