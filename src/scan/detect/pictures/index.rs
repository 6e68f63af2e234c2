//! Millions of hashes, and all of them that are near to one: found by exact search, without looking at most.
//!
//! A hash is cut into bands. Where two hashes differ in few bits, they differ in very few of some band; so each band has
//! a table of the hashes by the bits of that band, and only the hashes are compared whose band is nearly that of the
//! hash which is searched for. The eleven bands pay for a distance of 31: if each band but one differed by at least 3
//! bits, and that one by at least 2, all would differ by at least 32. For a larger distance more of every table is
//! looked at, and nothing is ever missed.
//!
//! Source: Norouzi, Punjani and Fleet, *Fast Search in Hamming Space with Multi-Index Hashing* (2012).
//!
//! The layout is that of a file that is mapped into memory as it is; all numbers are little-endian. It is read as octets
//! of unknown make: whatever they are, reading them ends, and finds nothing that is not there.

#![allow(clippy::cast_possible_truncation, reason = "keys, numbers of entries and their counts have 32 bits: see `MOST`")]

use memchr::memchr_iter;

use super::pdq::Hash;
use crate::scan::detect::lists::{Compiled, DigestKind, HEADER, compile};
use crate::wire::Shared;

/// Bits of the bands, from the lowest bit of a hash on.
const WIDTHS: [u32; 11] = [24, 24, 24, 23, 23, 23, 23, 23, 23, 23, 23];
/// Keys of a band that share a line of its table.
const KEYS_PER_LINE: u32 = 8;
/// A line: which of its 256 keys there are, and where the entries of each quarter of them begin and end.
const LINE: usize = 64;
const QUARTERS: usize = 4;
/// Of one hash.
const HASH: usize = 32;
/// Every section of the file begins at a multiple of it.
const ALIGNMENT: usize = 64;
/// Of the entries of one index.
pub const MOST: usize = 64_000_000;
/// So few are compared one by one: there are no tables.
const PLAIN_BELOW: usize = 10_000;

/// The largest distance that the tables are of use for, in bits.
const FARTHEST: u32 = 43;

/// A list with its tables, wherever its octets lie.
pub struct Index {
    octets: Shared,
    count: usize,
    masks: Masks,
}

/// The octets of a whole list of these hashes, which are in order.
pub fn build(digests: &[Vec<u8>]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(size(digests.len()));
    octets.append(&mut compile(DigestKind::Pdq, digests));
    align(&mut octets);
    if digests.len() < PLAIN_BELOW {
        return octets;
    }
    let hashes: Vec<_> = octets[HEADER..].as_chunks().0[..digests.len()].iter().map(|hash| Hash::from_octets(*hash)).collect();
    let mut keys = vec![0_u32; hashes.len()];
    for band in bands() {
        for (key, hash) in keys.iter_mut().zip(&hashes) {
            *key = band.key(hash);
        }
        band.build(&keys, &mut octets);
    }
    octets
}

/// Of the whole list, in octets.
pub fn size(count: usize) -> usize {
    let aligned = |octets: usize| octets.next_multiple_of(ALIGNMENT);
    let of_band = |band: Band| band.lines() * LINE + aligned(4 * count) + aligned(count);
    let tables = if count < PLAIN_BELOW { 0 } else { bands().map(of_band).sum() };
    HEADER + aligned(HASH * count) + tables
}

impl Index {
    /// `None` where the octets are no list of PDQ hashes with its tables.
    pub fn open(list: &Compiled) -> Option<Self> {
        let is_whole = list.count() <= MOST && list.octets().len() == size(list.count());
        is_whole.then(|| Self { octets: list.octets().clone(), count: list.count(), masks: Masks::default() })
    }

    /// Tells number and distance of every entry that is at most `most` bits away; one may be told twice.
    pub fn within(&self, wanted: &Hash, most: u32, mut found: impl FnMut(usize, u32)) {
        let mut keep = |number: usize, hash: &[u8; HASH]| {
            let distance = Hash::from_octets(*hash).distance(wanted);
            if distance <= most {
                found(number, distance);
            }
        };
        if self.count < PLAIN_BELOW || most > FARTHEST {
            for (number, hash) in self.hashes().iter().enumerate() {
                keep(number, hash);
            }
        } else {
            for (number, hash) in self.near(wanted, most) {
                keep(number as usize, hash);
            }
        }
    }

    /// Every entry within `most` bits, and a few others.
    ///
    /// Nearly every look into the index is one into memory that is far from the processor. So there are many of each
    /// kind at once, none of which waits for another.
    fn near(&self, wanted: &Hash, most: u32) -> impl Iterator<Item = (u32, &[u8; HASH])> {
        let tables = self.tables();
        let mut spots = Spots::default();
        for ((band, table), radius) in bands().zip(&tables).zip(radii(most)) {
            if let Some(radius) = radius {
                table.spot(band, band.key(wanted), radius, &self.masks, &mut spots);
            }
        }
        let mut runs = Vec::with_capacity(spots.found().len());
        for spot in spots.found() {
            tables[spot.band as usize].runs(spot, &mut runs);
        }
        touch(runs.iter().flat_map(|run| [run.lows.first(), run.lows.last()]).map(|low| low.map_or(0, |low| u64::from(*low))));
        let mut numbers = Vec::with_capacity(2 * runs.len());
        for run in &runs {
            run.wanted(&mut numbers);
        }
        let hash = |number: &[u8; 4]| {
            let number = u32::from_le_bytes(*number);
            self.hashes().get(number as usize).map(|hash| (number, hash))
        };
        let candidates: Vec<_> = numbers.into_iter().filter_map(hash).collect();
        touch(candidates.iter().map(|(_, hash)| u64::from(hash[0])));
        candidates.into_iter()
    }

    fn hashes(&self) -> &[[u8; HASH]] {
        self.octets[HEADER..].as_chunks().0.get(..self.count).unwrap_or_default()
    }

    fn tables(&self) -> Vec<Table<'_>> {
        let mut rest = &self.octets[HEADER + (HASH * self.count).next_multiple_of(ALIGNMENT)..];
        let tables = bands().map(|band| {
            let (lines, behind) = rest.split_at(band.lines() * LINE);
            let (numbers, behind) = behind.split_at((4 * self.count).next_multiple_of(ALIGNMENT));
            let (lows, behind) = behind.split_at(self.count.next_multiple_of(ALIGNMENT));
            rest = behind;
            Table { lines: lines.as_chunks().0, numbers: numbers.as_chunks().0, lows }
        });
        tables.collect()
    }
}

/// Reads what will be read again soon, each without waiting for the one before.
fn touch(values: impl Iterator<Item = u64>) {
    std::hint::black_box(values.fold(0, |sum, value| sum ^ value));
}

/// How many bits of each band may differ, so that nothing within `most` bits is missed; `None` for a band that need not
/// be looked at. Each band pays one more than its radius, and together they pay more than `most`.
fn radii(most: u32) -> impl Iterator<Item = Option<usize>> {
    let bands = WIDTHS.len();
    let owed = most as usize + 1;
    (0..bands).map(move |band| (owed / bands + usize::from(band >= bands - owed % bands)).checked_sub(1))
}

/// A run of bits of a hash.
#[derive(Clone, Copy)]
struct Band {
    number: u32,
    first: u32,
    width: u32,
}

fn bands() -> impl Iterator<Item = Band> {
    (0..).zip(WIDTHS).scan(0, |first, (number, width)| {
        let band = Band { number, first: *first, width };
        *first += width;
        Some(band)
    })
}

impl Band {
    fn lines(self) -> usize {
        1 << (self.width - KEYS_PER_LINE)
    }

    fn key(self, hash: &Hash) -> u32 {
        let (word, shift) = ((self.first / 64) as usize, self.first % 64);
        let words = hash.words();
        let above = if shift + self.width > 64 { words[word + 1] << (64 - shift) } else { 0 };
        ((words[word] >> shift | above) & ((1 << self.width) - 1)) as u32
    }

    /// Appends lines, the numbers of the entries in the order of their keys, and the low bits of these keys.
    fn build(self, keys: &[u32], octets: &mut Vec<u8>) {
        // Entries before those of each quarter of a line.
        let mut before = vec![0_u32; self.lines() * QUARTERS + 1];
        let quarter = |key: u32| (key >> 6) as usize;
        for key in keys {
            before[quarter(*key) + 1] += 1;
        }
        for at in 1..before.len() {
            before[at] += before[at - 1];
        }
        let lines = octets.len();
        octets.resize(lines + self.lines() * LINE, 0);
        for (line, before) in octets[lines..].chunks_exact_mut(LINE).zip(before.windows(QUARTERS + 1).step_by(QUARTERS)) {
            line[32..].chunks_exact_mut(4).zip(before).for_each(|(place, before)| place.copy_from_slice(&before.to_le_bytes()));
        }
        let numbers = octets.len();
        octets.resize(numbers + 4 * keys.len(), 0);
        align(octets);
        let lows = octets.len();
        octets.resize(lows + keys.len(), 0);
        align(octets);
        for (number, key) in (0_u32..).zip(keys) {
            let place = &mut before[quarter(*key)];
            octets[numbers + 4 * *place as usize..][..4].copy_from_slice(&number.to_le_bytes());
            octets[lows + *place as usize] = (*key & 63) as u8;
            *place += 1;
            octets[lines + (*key >> KEYS_PER_LINE) as usize * LINE + (*key as usize & 255) / 8] |= 1 << (key & 7);
        }
    }
}

/// The part of the index that is about one band.
struct Table<'i> {
    lines: &'i [[u8; LINE]],
    numbers: &'i [[u8; 4]],
    lows: &'i [u8],
}

/// A line in which there are keys that are wanted.
#[derive(Clone, Copy, Default)]
struct Spot {
    band: u32,
    line: u32,
    /// One bit for each of its 256 keys.
    keys: [u64; QUARTERS],
}

/// The first of them are in use.
#[derive(Default)]
struct Spots(Vec<Spot>, usize);

impl Spots {
    /// Keeps the spot where it has a key, without asking: nobody could guess the answer, the processor least of all.
    #[inline]
    fn offer(&mut self, spot: Spot) {
        self.0[self.1] = spot;
        self.1 += usize::from(spot.keys.iter().fold(0, |any, keys| any | keys) != 0);
    }

    fn reserve(&mut self, more: usize) {
        self.0.resize(self.1 + more + 1, Spot::default());
    }

    fn found(&self) -> &[Spot] {
        &self.0[..self.1]
    }
}

/// Entries among which some have a key that is wanted.
struct Run<'i> {
    lows: &'i [u8],
    numbers: &'i [[u8; 4]],
    keys: u64,
}

impl<'i> Table<'i> {
    /// Where there are keys that differ from this one in at most `radius` bits.
    fn spot(&self, band: Band, key: u32, radius: usize, masks: &Masks, spots: &mut Spots) {
        let patterns = masks.patterns(key & 0xff, radius);
        let masks = &masks.high[usize::from(band.width == WIDTHS[0])][radius];
        spots.reserve(masks.len());
        for (mask, left) in masks {
            let line = (key >> KEYS_PER_LINE) ^ mask;
            let (Some(octets), Some(pattern)) = (self.lines.get(line as usize), patterns.get(*left)) else { continue };
            let keys = std::array::from_fn(|quarter| word_at(octets, quarter) & pattern[quarter]);
            spots.offer(Spot { band: band.number, line, keys });
        }
    }

    fn runs(&self, spot: &Spot, runs: &mut Vec<Run<'i>>) {
        let Some((_, bounds)) = self.lines.get(spot.line as usize).map(|line| line.split_at(QUARTERS * 8)) else { return };
        let (bounds, _) = bounds.as_chunks::<4>();
        for (keys, bounds) in spot.keys.iter().zip(bounds.windows(2)).filter(|(keys, _)| **keys != 0) {
            let [from, to] = [bounds[0], bounds[1]].map(|bound| u32::from_le_bytes(bound) as usize);
            if let (Some(lows), Some(numbers)) = (self.lows.get(from..to), self.numbers.get(from..to)) {
                runs.push(Run { lows, numbers, keys: *keys });
            }
        }
    }
}

impl<'i> Run<'i> {
    /// Where the numbers of the entries stand whose key is wanted. Few keys are, and there are up to a hundred entries.
    fn wanted(&self, numbers: &mut Vec<&'i [u8; 4]>) {
        let mut keys = self.keys;
        while keys != 0 {
            numbers.extend(memchr_iter(keys.trailing_zeros() as u8, self.lows).filter_map(|place| self.numbers.get(place)));
            keys &= keys - 1;
        }
    }
}

/// By how many bits a band may differ at most: see [`FARTHEST`].
const RADII: usize = 4;
/// What to change in a key to get at its neighbours, and how many more bits could be changed; for each radius.
struct Masks {
    /// Of the bits that tell keys of a line apart.
    low: [Vec<(u32, usize)>; RADII],
    /// Of the bits that tell lines apart: of the narrower bands, and of the wider.
    high: [[Vec<(u32, usize)>; RADII]; 2],
}

impl Default for Masks {
    fn default() -> Self {
        let of_width = |width: u32| std::array::from_fn(|radius| masks(width - KEYS_PER_LINE, radius));
        Self { low: of_width(2 * KEYS_PER_LINE), high: [of_width(WIDTHS[WIDTHS.len() - 1]), of_width(WIDTHS[0])] }
    }
}

impl Masks {
    /// Which of the 256 keys of a line differ from `low` in at most 0, 1, 2 or 3 bits, as far as `radius`.
    fn patterns(&self, low: u32, radius: usize) -> [[u64; QUARTERS]; RADII] {
        let mut patterns = [[0; QUARTERS]; RADII];
        for (mask, left) in &self.low[radius] {
            let key = low ^ mask;
            patterns[radius - left..].iter_mut().for_each(|pattern| pattern[key as usize / 64] |= 1 << (key % 64));
        }
        patterns
    }
}

/// Every mask of `width` bits of which at most `most` are set, with how many more could be.
fn masks(width: u32, most: usize) -> Vec<(u32, usize)> {
    fn go(mask: u32, below: u32, left: usize, masks: &mut Vec<(u32, usize)>) {
        masks.push((mask, left));
        if left > 0 {
            (0..below).for_each(|bit| go(mask | 1 << bit, bit, left - 1, masks));
        }
    }
    let mut masks = Vec::new();
    go(0, width, most, &mut masks);
    masks
}

/// A word of 8 octets, by its number.
#[inline]
fn word_at<const N: usize>(octets: &[u8; N], number: usize) -> u64 {
    octets.as_chunks().0.get(number).map_or(0, |word| u64::from_le_bytes(*word))
}

fn align(octets: &mut Vec<u8>) {
    octets.resize(octets.len().next_multiple_of(ALIGNMENT), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same numbers on every machine.
    struct Random(u64);

    impl Random {
        fn word(&mut self) -> u64 {
            // SplitMix64.
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = self.0;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^ (word >> 31)
        }

        fn below(&mut self, bound: usize) -> usize {
            (self.word() % bound as u64) as usize
        }

        fn hash(&mut self) -> Hash {
            of_words(&std::array::from_fn(|_| self.word()))
        }

        /// A hash that is exactly so far from this one.
        fn near(&mut self, hash: Hash, distance: usize) -> Hash {
            let mut words = hash.words();
            let mut changed = std::collections::BTreeSet::new();
            while changed.len() < distance {
                let bit = self.below(256);
                if changed.insert(bit) {
                    words[bit / 64] ^= 1 << (bit % 64);
                }
            }
            of_words(&words)
        }
    }

    fn of_words(words: &[u64; 4]) -> Hash {
        let mut octets = [0; HASH];
        octets.chunks_exact_mut(8).zip(words).for_each(|(octets, word)| octets.copy_from_slice(&word.to_be_bytes()));
        Hash::from_octets(octets)
    }

    fn listed(hashes: &[Hash]) -> Vec<u8> {
        build(&hashes.iter().map(|hash| hash.to_octets().to_vec()).collect::<Vec<_>>())
    }

    fn opened(octets: Vec<u8>) -> Option<Index> {
        Index::open(&Compiled::open(&Shared::of(octets), DigestKind::Pdq)?)
    }

    fn by_hand(hashes: &[Hash], wanted: &Hash, most: u32) -> Vec<(usize, u32)> {
        let all = hashes.iter().map(|hash| hash.distance(wanted)).enumerate();
        all.filter(|(_, distance)| *distance <= most).collect()
    }

    fn found(index: &Index, wanted: &Hash, most: u32) -> Vec<(usize, u32)> {
        let mut found = Vec::new();
        index.within(wanted, most, |number, distance| found.push((number, distance)));
        found.sort_unstable();
        found.dedup();
        found
    }

    #[test]
    fn nothing_within_the_distance_is_missed_and_nothing_else_is_told() {
        let mut random = Random(1);
        for count in [0, 1, PLAIN_BELOW - 1, PLAIN_BELOW, 50_000] {
            let mut hashes: Vec<_> = (0..count).map(|_| random.hash()).collect();
            // Many that are near to each other, as those of one picture are.
            for place in (0..count).step_by(7) {
                let distance = random.below(60);
                hashes[place] = random.near(hashes[0], distance);
            }
            hashes.sort_by_key(|hash| hash.to_octets());
            let index = opened(listed(&hashes)).unwrap();
            assert_eq!(index.octets.len(), size(count));
            for most in [0, 10, 31, 41, 43, 90] {
                let mut planted = 0;
                for _ in 0..6 {
                    let far = random.below(most as usize + 2);
                    let wanted = if count == 0 {
                        random.hash()
                    } else {
                        {
                            let place = random.below(count);
                            random.near(hashes[place], far)
                        }
                    };
                    let expected = by_hand(&hashes, &wanted, most);
                    planted += expected.len();
                    assert_eq!(found(&index, &wanted, most), expected, "{count} entries, {most} bits");
                }
                assert!(planted > 0 || count < PLAIN_BELOW, "nothing was there to be found");
            }
        }
    }

    #[test]
    fn the_bands_pay_for_the_distance() {
        assert_eq!(WIDTHS.iter().sum::<u32>(), 256);
        for most in 0..=FARTHEST {
            let paid: usize = radii(most).map(|radius| radius.map_or(0, |radius| radius + 1)).sum();
            assert_eq!(paid, most as usize + 1);
            assert!(radii(most).flatten().all(|radius| radius < RADII), "{most}");
        }
    }

    #[test]
    fn octets_that_are_no_index_are_refused_and_a_damaged_one_is_read_without_harm() {
        let mut random = Random(2);
        let hashes: Vec<_> = (0..PLAIN_BELOW).map(|_| random.hash()).collect();
        let octets = listed(&hashes);
        for wrong in [&octets[..octets.len() - 1], &octets[1..], &octets[..10], &[]] {
            assert!(opened(wrong.to_vec()).is_none());
        }
        let mut damaged = octets.clone();
        for _ in 0..200_000 {
            let at = HEADER + random.below(octets.len() - HEADER);
            damaged[at] = random.below(256) as u8;
        }
        let index = opened(damaged).unwrap();
        for wanted in &hashes[..50] {
            let real: Vec<_> = index.hashes().iter().map(|hash| Hash::from_octets(*hash)).collect();
            assert!(found(&index, wanted, 31).iter().all(|(number, distance)| real[*number].distance(wanted) == *distance));
        }
    }
}
