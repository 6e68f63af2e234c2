//! Where a text is odd: the few places at which a disguised word might stand, so that nothing else is looked at twice.

/// What a block sees of the octets before and behind it.
const BEFORE: usize = 3;
const BEHIND: usize = 5;
const BLOCK: usize = 64;

/// Goes through a text once, block by block.
pub struct Gate<'t> {
    text: &'t [u8],
    block: usize,
    odd: u64,
}

impl<'t> Gate<'t> {
    pub fn new(text: &'t [u8]) -> Self {
        let mut gate = Self { text, block: 0, odd: 0 };
        gate.look();
        gate
    }

    /// The first odd octet at or behind `from`, which may not go back.
    pub fn next(&mut self, from: usize) -> Option<usize> {
        if from / BLOCK > self.block {
            self.block = from / BLOCK;
            self.look();
        }
        if from / BLOCK == self.block {
            self.odd &= u64::MAX << (from % BLOCK);
        }
        while self.odd == 0 {
            self.block += 1;
            if self.block * BLOCK >= self.text.len() {
                return None;
            }
            self.look();
        }
        Some(self.block * BLOCK + self.odd.trailing_zeros() as usize)
    }

    fn look(&mut self) {
        let start = self.block * BLOCK;
        let whole = start.checked_sub(BEFORE).and_then(|from| self.text.get(from..)?.first_chunk());
        self.odd = whole.map_or_else(
            || {
                let mut padded = [b' '; BEFORE + BLOCK + BEHIND];
                let from = start.saturating_sub(BEFORE);
                let to = self.text.len().min(start + BLOCK + BEHIND);
                let known = self.text.get(from..to).unwrap_or_default();
                let at = from + BEFORE - start;
                padded[at..at + known.len()].copy_from_slice(known);
                odd(&padded)
            },
            odd,
        );
    }
}

/// A bit for every odd octet of a block. Free of branches, so that compilers use vectors.
fn odd(seen: &[u8; BEFORE + BLOCK + BEHIND]) -> u64 {
    let mut letter = [0_u8; BEFORE + BLOCK + BEHIND];
    let mut digit = [0_u8; BEFORE + BLOCK + BEHIND];
    for ((letter, digit), octet) in letter.iter_mut().zip(&mut digit).zip(seen) {
        *letter = u8::from((octet | 0x20).wrapping_sub(b'a') < 26);
        *digit = u8::from(octet.wrapping_sub(b'0') < 10);
    }
    let mut alone = [0_u8; BEFORE + BLOCK + BEHIND];
    for at in 1..seen.len() - 1 {
        alone[at] = (letter[at] | digit[at]) & !(letter[at - 1] | digit[at - 1] | letter[at + 1] | digit[at + 1]);
    }
    let mut flags = [0_u8; BLOCK];
    for (place, flag) in flags.iter_mut().enumerate() {
        let at = place + BEFORE;
        let octet = seen[at];
        let (before, behind) = (letter[at - 1], letter[at + 1]);
        let mixed = digit[at] & (before | behind);
        let sign = u8::from(octet == b'@' || octet == b'!' || octet == b'|' || octet == b'+' || octet == b'#') & behind
            | u8::from(octet == b'$') & (before | behind);
        let joint = u8::from(octet == b'.' || octet == b'-' || octet == b'_' || octet == b'*' || octet == b'~') & (before & behind);
        let short = !(letter[at - 2] & letter[at - 3]) | !(letter[at + 2] & letter[at + 3]);
        let stars = u8::from(octet == b'*' && seen[at + 1] == b'*') & before;
        let again = u8::from((octet ^ seen[at - 1]) | 0x20 == 0x20);
        let often = again & u8::from((octet ^ seen[at - 2]) | 0x20 == 0x20) | again & rarely_double(octet);
        let spaced = alone[at]
            & (alone[at + 2] & (letter[at] | letter[at + 2])
                | alone[at + 3] & (letter[at] | letter[at + 3])
                | alone[at + 4] & (letter[at] | letter[at + 4]));
        *flag = mixed | sign | joint & short | stars | letter[at] & often | spaced | octet >> 7;
    }
    let (eights, _) = flags.as_chunks::<8>();
    // The product gathers the lowest bits of eight octets in the highest octet.
    eights
        .iter()
        .rev()
        .fold(0, |mask, eight| mask << 8 | (u64::from_le_bytes(*eight) & 0x0101_0101_0101_0101).wrapping_mul(0x0102_0408_1020_4080) >> 56)
}

/// Those of [`super::letters::too_often`] that are worth a look.
fn rarely_double(octet: u8) -> u8 {
    let small = octet | 0x20;
    u8::from(
        small == b'a'
            || small == b'h'
            || small == b'i'
            || small == b'k'
            || small == b'u'
            || small == b'v'
            || small == b'w'
            || small == b'y',
    )
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
        let text = "Please bring a coat, GBP 25.50 (or 30) and the form - well-known - to Mr. Smith's room at 10:15; I see 3 of 4, $5!";
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
