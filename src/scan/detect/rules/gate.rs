//! Where a text is odd: the few places at which a disguised word might stand, so that nothing else is looked at twice.

use super::words::bits;

const BLOCK: usize = 64;

/// Goes through a text once, block by block.
pub struct Gate<'t> {
    text: &'t [u8],
    block: usize,
    /// The block before this one, this one, and the next.
    near: [Classes; 3],
    odd: u64,
}

/// A bit for every octet of a block.
#[derive(Clone, Copy, Default)]
struct Classes {
    letters: u64,
    digits: u64,
    /// `! # $ * + @ |`
    signs: u64,
    /// `- . _ ~`
    joints: u64,
    /// Not of ASCII.
    beyond: u64,
    /// The same as the octet before, small or capital.
    again: u64,
}

impl<'t> Gate<'t> {
    pub fn new(text: &'t [u8]) -> Self {
        let near = [Classes::default(), Classes::of(text, 0), Classes::of(text, 1)];
        Self { text, block: 0, odd: odd(&near, text), near }
    }

    /// The first odd octet at or behind `from`, which may not go back.
    pub fn next(&mut self, from: usize) -> Option<usize> {
        while self.block < from / BLOCK {
            self.advance();
        }
        self.odd &= u64::MAX << (from % BLOCK);
        while self.odd == 0 {
            if self.block * BLOCK >= self.text.len() {
                return None;
            }
            self.advance();
        }
        Some(self.block * BLOCK + self.odd.trailing_zeros() as usize)
    }

    fn advance(&mut self) {
        self.block += 1;
        self.near = [self.near[1], self.near[2], Classes::of(self.text, self.block + 1)];
        self.odd = odd(&self.near, &self.text[(self.block * BLOCK).min(self.text.len())..]);
    }
}

#[allow(clippy::needless_bitwise_bool, reason = "without branches, so that compilers use vectors")]
impl Classes {
    fn of(text: &[u8], block: usize) -> Self {
        let start = block * BLOCK;
        if start >= text.len() {
            return Self::default();
        }
        let mut padded = [b' '; BLOCK];
        let octets = text[start..].first_chunk().unwrap_or_else(|| {
            padded[..text.len() - start].copy_from_slice(&text[start..]);
            &padded
        });
        let mut before = [b' '; BLOCK];
        before[1..].copy_from_slice(&octets[..BLOCK - 1]);
        before[0] = start.checked_sub(1).map_or(b' ', |last| text[last]);
        let mut same = [0; BLOCK];
        for ((same, octet), before) in same.iter_mut().zip(octets).zip(before) {
            *same = (octet ^ before) & !0x20;
        }
        Self {
            letters: bits(octets, |octet| (octet | 0x20).wrapping_sub(b'a') < 26),
            digits: bits(octets, |octet| octet.wrapping_sub(b'0') < 10),
            signs: bits(octets, |octet| {
                (octet.wrapping_sub(b'!') < 4) | (octet.wrapping_sub(b'*') < 2) | (octet == b'@') | (octet == b'|')
            }),
            joints: bits(octets, |octet| (octet.wrapping_sub(b'-') < 2) | (octet == b'_') | (octet == b'~')),
            beyond: bits(octets, |octet| octet >= 0x80),
            again: bits(&same, |octet| octet == 0),
        }
    }
}

/// A bit for every odd octet of the middle block, with which `text` begins.
fn odd(near: &[Classes; 3], text: &[u8]) -> u64 {
    let before = |class: fn(&Classes) -> u64, by: u32| class(&near[1]) << by | class(&near[0]) >> (64 - by);
    let behind = |class: fn(&Classes) -> u64, by: u32| class(&near[1]) >> by | class(&near[2]) << (64 - by);
    let letter = |classes: &Classes| classes.letters;
    let word = |classes: &Classes| classes.letters | classes.digits;
    let Classes { letters, digits, signs, joints, beyond, again } = near[1];

    let beside = before(letter, 1) | behind(letter, 1);
    let between = before(letter, 1) & behind(letter, 1);
    let short = !(before(letter, 2) & before(letter, 3)) | !(behind(letter, 2) & behind(letter, 3));
    let mut odd = digits & beside | joints & between & short | beyond;
    odd |= signs & before(letter, 1) & (behind(letter, 1) | behind(|classes| classes.signs, 1));
    for at in ones(signs & beside & !odd) {
        let sign = text[at];
        if matches!(sign, b'$' | b'@' | b'|') || (sign == b'!' && behind(letter, 1) >> at & 1 == 1) {
            odd |= 1 << at;
        }
    }

    // A letter or a digit by itself, and another one up to three places further on.
    let alone = word(&near[1]) & !(before(word, 1) | behind(word, 1));
    if alone != 0 {
        let next = word(&near[2]) & !(word(&near[2]) << 1 | word(&near[1]) >> 63 | word(&near[2]) >> 1);
        let apart = (2..=4).fold(0, |found, by| {
            let other = alone >> by | next << (64 - by);
            found | other & (letters | behind(letter, by))
        });
        odd |= alone & apart;
    }
    let thrice = again & letters & before(|classes| classes.again, 1);
    for at in ones(again & letters & !thrice) {
        if rarely_double(text[at]) {
            odd |= 1 << at;
        }
    }
    odd | thrice
}

/// The places of the bits that are set.
fn ones(mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let at = (bits != 0).then(|| bits.trailing_zeros() as usize)?;
        bits &= bits - 1;
        Some(at)
    })
}

/// Those of [`super::letters::too_often`] that are worth a look.
fn rarely_double(letter: u8) -> bool {
    const RARE: u32 = 1 << 1 | 1 << 8 | 1 << 9 | 1 << 11 | 1 << 21 | 1 << 22 | 1 << 23 | 1 << 25;
    RARE >> (letter & 0x1f) & 1 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn odd_places(text: &str) -> Vec<usize> {
        let mut gate = Gate::new(text.as_bytes());
        let mut places = Vec::new();
        while let Some(place) = gate.next(places.last().map_or(0, |last| last + 1)) {
            places.push(place);
        }
        places
    }

    #[test]
    fn ordinary_words_and_numbers_are_not_odd() {
        let text = "Please bring a coat, GBP 25.50 (or 30) and the form - well-known - to Mr. Smith's room at 10:15; I see 3 of 4, $5.";
        assert_eq!(odd_places(text), [0; 0]);
    }

    #[test]
    fn every_trick_is_odd_wherever_it_lies_among_the_blocks() {
        for trick in [
            "k1ll",
            "k!ll",
            "@nal",
            "a$$",
            "k.i.l.l",
            "k i l l",
            "k  i  l  l",
            "k - i",
            "ki-ll",
            "f**k",
            "f*ck",
            "k_i",
            "looser lllike",
            "kiill",
            "k\u{ed}ll",
            "5.u",
        ] {
            for pad in 0..140 {
                let text = format!("{}{trick} end", "on ".repeat(pad));
                let places = odd_places(&text);
                assert!(!places.is_empty() && places.iter().all(|place| *place >= 3 * pad), "{trick} {pad} {places:?}");
            }
        }
    }
}
