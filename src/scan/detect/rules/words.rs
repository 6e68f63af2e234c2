//! The index of terms: finds any number of words and phrases in one pass over the words of a text.
//!
//! Each term is anchored on its longest word. The words of the text are hashed as they go by; only a word
//! that is some term's anchor costs more than a look into a bitmap, and only then is the rest of the term
//! compared. The time does not depend on how many terms there are, nor on what the sender writes.

use std::ops::Range;

/// The most white space between two words of a phrase, in octets: an empty line, a quote mark, an indent.
const LONGEST_GAP: usize = 64;
/// Over so many of them it is looked whether the next word may be the right one.
const NARROW: usize = 4;
const ODD: u64 = 0x517c_c1b7_2722_0a95;
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// Immutable once built; any number of threads may scan with it.
pub struct WordIndex {
    /// One bit for every anchor, by its hash: most words of a text stop here.
    bitmap: Vec<u64>,
    /// Open addressing by tag.
    slots: Vec<Slot>,
    anchors: Vec<Anchor>,
    /// All terms, one behind the other.
    terms: Vec<u8>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    tag: u32,
    first: u32,
    /// 0 in an empty slot.
    count: u32,
}

/// One term, at one of its words.
#[derive(Clone, Copy)]
struct Anchor {
    /// Where the term begins among all.
    start: u32,
    /// Whatever the caller wants to hear when the term is found.
    key: u32,
    length: u16,
    /// Where in the term the anchor begins.
    at: u16,
    /// The letters of the term next to the anchor, over a space: most phrases end here, before they are fetched. 0 for any or none.
    before: [u8; 2],
    behind: [u8; 2],
}

impl WordIndex {
    /// Builds the index of folded terms ([`super::fold::fold_term`]), each with a key of the caller's; a term without a word in it is passed over.
    pub fn new<'t>(terms: impl IntoIterator<Item = (&'t str, u32)>) -> Self {
        let mut by_tag: Vec<(u64, Anchor)> = Vec::new();
        let mut all = Vec::new();
        let mut insert = |term: &[u8], key| {
            if let (Some(word), Ok(length)) = (anchor(term), u16::try_from(term.len())) {
                let start = all.len();
                all.extend_from_slice(term);
                // Of the word over the space, the two letters at the places that these give, as far as it reaches.
                let beyond = |space: Option<usize>, letters: [Option<usize>; 2]| {
                    let octet = |at: Option<usize>| at.and_then(|at| term.get(at)).copied().filter(|octet| *octet != b' ');
                    let first = space.filter(|at| term.get(*at) == Some(&b' ')).and_then(|_| octet(letters[0]));
                    [first.unwrap_or(0), first.and_then(|_| octet(letters[1])).unwrap_or(0)]
                };
                let anchored = Anchor {
                    start: narrow(start),
                    key,
                    length,
                    at: u16::try_from(word.start).unwrap_or(u16::MAX),
                    before: beyond(word.start.checked_sub(1), [word.start.checked_sub(2), word.start.checked_sub(3)]),
                    behind: beyond(Some(word.end), [Some(word.end + 1), Some(word.end + 2)]),
                };
                by_tag.push((hash(term, &word), anchored));
            }
        };
        for (term, key) in terms {
            insert(term.as_bytes(), key);
            // Who types fast leaves the apostrophe out.
            if term.contains('\'') {
                insert(term.replace('\'', "").as_bytes(), key);
            }
        }
        by_tag.sort_by_key(|(hash, _)| tag(*hash));

        let bits = (by_tag.len() * 32).next_power_of_two().clamp(1 << 14, 1 << 22);
        let mut index = Self {
            bitmap: vec![0; bits / 64],
            slots: vec![Slot::default(); (by_tag.len() * 2).next_power_of_two().max(64)],
            anchors: Vec::with_capacity(by_tag.len()),
            terms: all,
        };
        for same in by_tag.chunk_by(|(one, _), (other, _)| tag(*one) == tag(*other)) {
            for (hash, _) in same {
                let (cell, bit) = index.bit(*hash);
                index.bitmap[cell] |= bit;
            }
            let hash = same[0].0;
            let mut at = index.home(hash);
            while index.slots[at].count != 0 {
                at = (at + 1) & (index.slots.len() - 1);
            }
            index.slots[at] = Slot { tag: tag(hash), first: narrow(index.anchors.len()), count: narrow(same.len()) };
            index.anchors.extend(same.iter().map(|(_, anchor)| *anchor));
        }
        index
    }

    /// Calls `found` with the key and the octets of every occurrence, in the order of their anchors.
    pub fn scan(&self, text: &[u8], mut found: impl FnMut(u32, Range<usize>)) {
        if self.anchors.is_empty() {
            return;
        }
        let mut start = 0;
        // Whether the octet before this block belongs to a word, and whether that word has begun.
        let mut inside = 0;
        let mut open = false;
        let (blocks, tail) = text.as_chunks::<64>();
        let mut last = [0; 64];
        last[..tail.len()].copy_from_slice(tail);
        for (block, base) in blocks.iter().chain([&last]).zip((0..).step_by(64)) {
            let words = bits(block, is_word);
            let behind = words << 1 | inside;
            inside = words >> 63;
            let mut starts = words & !behind;
            let mut ends = behind & !words;
            while ends != 0 {
                let end = base + ends.trailing_zeros() as usize;
                // The first word may have begun in an earlier block.
                if open {
                    open = false;
                } else {
                    start = base + starts.trailing_zeros() as usize;
                    starts &= starts - 1;
                }
                ends &= ends - 1;
                self.look_up(text, &(start..end), &mut found);
            }
            if starts != 0 {
                start = base + starts.trailing_zeros() as usize;
                open = true;
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
            self.verify(text, word, hash, found);
        }
    }

    #[inline(never)]
    fn verify(&self, text: &[u8], word: &Range<usize>, hash: u64, found: &mut impl FnMut(u32, Range<usize>)) {
        let mut at = self.home(hash);
        while self.slots[at].tag != tag(hash) {
            if self.slots[at].count == 0 {
                return;
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        let Slot { first, count, .. } = self.slots[at];
        for anchor in &self.anchors[first as usize..][..count as usize] {
            if !anchor.may_stand(text, word) {
                continue;
            }
            let term = &self.terms[anchor.start as usize..][..usize::from(anchor.length)];
            if let Some(span) = occurrence(term, usize::from(anchor.at), text, word.start) {
                found(anchor.key, span);
            }
        }
    }

    #[inline]
    fn bit(&self, hash: u64) -> (usize, u64) {
        let bit = usize::try_from(hash & (self.bitmap.len() as u64 * 64 - 1)).unwrap_or_default();
        (bit / 64, 1 << (bit % 64))
    }

    fn home(&self, hash: u64) -> usize {
        tag(hash) as usize & (self.slots.len() - 1)
    }
}

impl Anchor {
    /// Whether the words beside begin and end as those of the term do; where more than a few octets lie between, they may.
    fn may_stand(&self, text: &[u8], word: &Range<usize>) -> bool {
        let before = |by: usize| word.start.checked_sub(by + 1).and_then(|at| text.get(at));
        may_be(self.behind, |by| text.get(word.end + by)) && may_be(self.before, before)
    }
}

/// Whether these letters stand over a gap; `octet` is the one so many places on.
#[inline]
fn may_be<'t>([first, second]: [u8; 2], octet: impl Fn(usize) -> Option<&'t u8>) -> bool {
    let is = |meant: u8, octet: Option<&u8>| octet.is_some_and(|octet| octet.eq_ignore_ascii_case(&meant));
    if first == 0 {
        return true;
    }
    let gap = (0..=NARROW).take_while(|by| octet(*by).is_some_and(|octet| is_gap(*octet))).count();
    gap > NARROW || (gap > 0 && is(first, octet(gap)) && (second == 0 || is(second, octet(gap + 1))))
}

/// The whole term around its anchor, which begins at `at` in the term and at `word` in the text, with a word's edge on both sides.
fn occurrence(term: &[u8], at: usize, text: &[u8], word: usize) -> Option<Range<usize>> {
    let end = follow(text, word, &term[at..])?;
    let start = lead(text, word, &term[..at])?;
    let cut_before = is_word(term[0]) && start.checked_sub(1).is_some_and(|before| is_word(text[before]));
    let cut_behind = term.last().is_some_and(|octet| is_word(*octet)) && text.get(end).is_some_and(|octet| is_word(*octet));
    (!cut_before && !cut_behind).then_some(start..end)
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

/// The rarest word of a term, as far as one can tell: the longest that is not among the most frequent of English.
fn anchor(term: &[u8]) -> Option<Range<usize>> {
    words(term).max_by_key(|word| (!is_common(&term[word.clone()]), word.len()))
}

/// Whether a word is among the most frequent of English.
pub fn is_common(word: &[u8]) -> bool {
    COMMON.binary_search(&word).is_ok()
}

/// In the order of the alphabet.
const COMMON: [&[u8]; 124] = [
    b"a", b"about", b"after", b"again", b"all", b"also", b"am", b"an", b"and", b"any", b"are", b"as", b"at", b"be", b"because", b"been",
    b"before", b"being", b"but", b"by", b"can", b"come", b"could", b"day", b"did", b"do", b"does", b"don", b"down", b"even", b"first",
    b"for", b"from", b"get", b"give", b"go", b"good", b"had", b"has", b"have", b"he", b"her", b"here", b"him", b"his", b"how", b"i", b"if",
    b"in", b"into", b"is", b"it", b"its", b"just", b"know", b"like", b"made", b"make", b"many", b"may", b"me", b"more", b"most", b"much",
    b"my", b"new", b"no", b"not", b"now", b"of", b"on", b"one", b"only", b"or", b"other", b"our", b"out", b"over", b"people", b"said",
    b"say", b"see", b"she", b"should", b"so", b"some", b"take", b"than", b"that", b"the", b"their", b"them", b"then", b"there", b"these",
    b"they", b"think", b"this", b"time", b"to", b"too", b"two", b"up", b"us", b"use", b"very", b"want", b"was", b"way", b"we", b"well",
    b"were", b"what", b"when", b"where", b"which", b"who", b"will", b"with", b"work", b"would", b"year", b"you", b"your",
];

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
#[allow(clippy::needless_bitwise_bool, reason = "without branches, so that compilers use vectors")]
pub fn is_word(octet: u8) -> bool {
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

/// Of a word in any mixture of capitals: of its first eight octets, its last eight, and its length. Free of branches but at the end of a text.
#[inline]
fn hash(text: &[u8], word: &Range<usize>) -> u64 {
    const MASKS: [u64; 8] = [u64::MAX, 0xff, 0xffff, 0xff_ffff, 0xffff_ffff, 0xff_ffff_ffff, 0xffff_ffff_ffff, 0xff_ffff_ffff_ffff];
    // The bit that tells a capital means nothing in the other signs of a word.
    const SMALL: u64 = 0x2020_2020_2020_2020;
    let length = word.end.wrapping_sub(word.start);
    let (mut first, mut last) = (load(text, word.start), load(text, word.start.max(word.end.saturating_sub(8))));
    let mask = if length < 8 { MASKS[length & 7] } else { u64::MAX };
    first = (first & mask | SMALL).wrapping_mul(ODD);
    last = (last & mask | SMALL).wrapping_mul(GOLDEN);
    let hash = first ^ last ^ (length as u64).rotate_right(10);
    hash ^ (hash >> 32)
}

/// Eight octets, or as many as there are.
#[inline]
fn load(text: &[u8], at: usize) -> u64 {
    if let Some(octets) = text.get(at..at.wrapping_add(8)) {
        u64::from_le_bytes(octets.try_into().unwrap_or_default())
    } else {
        let mut octets = [0; 8];
        octets[..text.len() - at].copy_from_slice(&text[at..]);
        u64::from_le_bytes(octets)
    }
}

/// What tells the words of one place in the table apart, and says where that place is.
fn tag(hash: u64) -> u32 {
    (hash >> 20 & 0xffff_ffff) as u32
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
