//! The bits of a scan, with what was stuffed between them taken out.

use std::ops::Range;

use memchr::memchr;

/// The intervals of a scan, one after the other.
///
/// Source: ITU-T T.81, B.1.1.5 and F.1.2.3: an octet of ones is followed by one of zeros, or begins a marker.
pub struct Entropy {
    octets: Vec<u8>,
    /// Where each interval begins, and behind the last where it ends.
    starts: Vec<usize>,
}

impl Entropy {
    /// Takes the stuffing out of the scan at the beginning of `octets`; also says where the marker lies that ends it.
    /// `None` where it ends without one.
    pub fn unstuffed(octets: &[u8]) -> Option<(Self, usize)> {
        let mut clean = Vec::with_capacity(octets.len());
        let mut starts = vec![0];
        let mut at = 0;
        loop {
            let ones = at + memchr(0xff, octets.get(at..)?)?;
            match *octets.get(ones + 1)? {
                0x00 => clean.extend_from_slice(&octets[at..=ones]),
                0xd0..=0xd7 => {
                    clean.extend_from_slice(&octets[at..ones]);
                    starts.push(clean.len());
                }
                _ => {
                    clean.extend_from_slice(&octets[at..ones]);
                    starts.push(clean.len());
                    return Some((Self { octets: clean, starts }, ones));
                }
            }
            at = ones + 2;
        }
    }

    pub fn intervals(&self) -> usize {
        self.starts.len() - 1
    }

    pub fn interval(&self, number: usize) -> Bits<'_> {
        Bits::of(&self.octets, self.starts[number]..self.starts[number + 1])
    }
}

/// The bits of one interval, the highest of an octet first. Behind its end there are those of the next interval, or
/// zeros: who reads asks [`Bits::is_overrun`] now and then.
pub struct Bits<'s> {
    octets: &'s [u8],
    /// The next octet that goes into the window.
    next: usize,
    end: usize,
    /// The bits to come, from the highest on.
    window: u64,
    /// How many of them are there: at least 56 after [`Bits::refill`].
    count: u32,
}

impl<'s> Bits<'s> {
    fn of(octets: &'s [u8], interval: Range<usize>) -> Self {
        Self { octets, next: interval.start, end: interval.end, window: 0, count: 0 }
    }

    #[inline]
    pub fn refill(&mut self) {
        if let Some(eight) = self.octets.get(self.next..).and_then(|rest| rest.first_chunk()) {
            self.window |= u64::from_be_bytes(*eight) >> self.count;
            let taken = (63 - self.count) >> 3;
            self.next += taken as usize;
            self.count += taken * 8;
        } else {
            self.refill_at_the_end();
        }
    }

    #[cold]
    fn refill_at_the_end(&mut self) {
        while self.count <= 56 {
            let octet = self.octets.get(self.next).copied().unwrap_or(0);
            self.window |= u64::from(octet) << (56 - self.count);
            self.next += 1;
            self.count += 8;
        }
    }

    /// The next `N` bits, which stay. `N` is 1 to 16.
    #[inline]
    pub fn peek<const N: u32>(&self) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "16 bits at most")]
        let next = (self.window >> (64 - N)) as usize;
        next
    }

    #[inline]
    pub fn skip(&mut self, bits: u32) {
        self.window <<= bits;
        self.count = self.count.wrapping_sub(bits);
    }

    /// A number of `size` bits, 0 to 16, whose first bit is its sign. Source: ITU-T T.81, F.2.2.1.
    #[inline]
    pub fn signed(&mut self, size: u32) -> i32 {
        if size == 0 {
            return 0;
        }
        #[expect(clippy::cast_possible_truncation, reason = "16 bits at most")]
        let raw = (self.window >> (64 - size)) as i32;
        self.skip(size);
        if raw < 1 << (size - 1) { raw - (1 << size) + 1 } else { raw }
    }

    /// Whether more bits were read than the interval has.
    pub fn is_overrun(&self) -> bool {
        self.next * 8 > self.end * 8 + self.count as usize
    }
}
