//! Huffman codes of a JPEG as tables to look up.

/// A table as it stands in the file. Source: ITU-T T.81, B.2.4.2.
#[derive(Clone, Copy)]
pub struct Specification<'o> {
    /// How many codes there are of each length from 1 to 16.
    counts: &'o [u8; 16],
    symbols: &'o [u8],
}

/// Of a code, the octet that it stands for, and its length in bits, 0 for none: at the longest code's length.
type Codes = [u16; 1 << LONGEST];
/// In bits.
const LONGEST: u32 = 16;
/// Most codes of means are no longer.
const SHORT: u32 = 10;
/// What one look at the other frequencies takes in at most. In bits.
pub const RUN: u32 = 12;
/// Of a block, the mean among them.
pub const FREQUENCIES: u32 = 64;

/// Codes for the means of blocks.
pub struct Means {
    codes: Box<Codes>,
    short: Box<[u16; 1 << SHORT]>,
}

/// Codes for the other frequencies.
pub struct Others {
    codes: Box<Codes>,
    /// Of the next bits, several codes with their values at once, see [`Run`].
    runs: Box<[u16; 1 << RUN]>,
}

/// One code.
#[derive(Clone, Copy)]
pub struct Code {
    /// In bits; 0 where the bits are no code.
    pub length: u32,
    pub symbol: u32,
}

/// Codes that are passed over together.
#[derive(Clone, Copy)]
pub struct Run(u32);

impl Code {
    fn of(entry: u16) -> Self {
        Self { length: u32::from(entry >> 8), symbol: u32::from(entry & 0xff) }
    }
}

impl Run {
    /// In bits; 0 where there is none, and a single code has to be looked up.
    #[inline]
    pub fn length(self) -> u32 {
        self.0 & 0xf
    }

    /// How many frequencies it is about.
    #[inline]
    pub fn frequencies(self) -> u32 {
        self.0 >> 4 & 0x7f
    }

    /// Whether all that follow in the block are 0.
    #[inline]
    pub fn ends_block(self) -> bool {
        self.0 >> 11 != 0
    }
}

impl<'o> Specification<'o> {
    /// The table at the beginning of `octets`, and what follows it.
    pub fn read(octets: &'o [u8]) -> Option<(Self, &'o [u8])> {
        let (counts, rest) = octets.split_first_chunk::<16>()?;
        let (symbols, rest) = rest.split_at_checked(counts.iter().map(|count| usize::from(*count)).sum())?;
        Some((Self { counts, symbols }, rest))
    }

    /// `None` where there are more codes than bits to tell them apart.
    fn codes(self) -> Option<Box<Codes>> {
        let mut codes = boxed::<{ 1 << LONGEST }>();
        let mut symbols = self.symbols.iter();
        let mut next = 0;
        for (length, count) in (1_u16..).zip(self.counts) {
            let width = 1_usize << (LONGEST - u32::from(length));
            for _ in 0..*count {
                codes.get_mut(next..next + width)?.fill(length << 8 | u16::from(*symbols.next()?));
                next += width;
            }
        }
        Some(codes)
    }
}

impl Means {
    pub fn build(table: Specification<'_>) -> Option<Self> {
        let codes = table.codes()?;
        let mut short = boxed::<{ 1 << SHORT }>();
        for (entry, code) in short.iter_mut().zip(codes.iter().step_by(1 << (LONGEST - SHORT))) {
            *entry = if u32::from(*code >> 8) <= SHORT { *code } else { 0 };
        }
        Some(Self { codes, short })
    }

    #[inline]
    pub fn find(&self, bits: &super::bits::Bits<'_>) -> Code {
        match self.short[bits.peek::<SHORT>()] {
            0 => Code::of(self.codes[bits.peek::<LONGEST>()]),
            entry => Code::of(entry),
        }
    }
}

impl Others {
    pub fn build(table: Specification<'_>) -> Option<Self> {
        let codes = table.codes()?;
        let mut runs = boxed::<{ 1 << RUN }>();
        runs.iter_mut().enumerate().for_each(|(bits, entry)| *entry = run(bits, &codes));
        Some(Self { codes, runs })
    }

    #[inline]
    pub fn find(&self, bits: &super::bits::Bits<'_>) -> Code {
        Code::of(self.codes[bits.peek::<LONGEST>()])
    }

    #[inline]
    pub fn run(&self, bits: &super::bits::Bits<'_>) -> Run {
        Run(u32::from(self.runs[bits.peek::<RUN>()]))
    }
}

/// As many codes, each with the value behind it, as lie whole in these bits: length, frequencies, end of block.
fn run(bits: usize, codes: &Codes) -> u16 {
    let (mut length, mut frequencies, mut ends) = (0, 0, 0);
    while length < RUN && frequencies < FREQUENCIES {
        let rest = (bits << length) & ((1 << RUN) - 1);
        let code = Code::of(codes[rest << (LONGEST - RUN)]);
        let (zeros, size) = (code.symbol >> 4, code.symbol & 0xf);
        if code.length == 0 || length + code.length + size > RUN {
            break;
        }
        match (zeros, size) {
            (15, 0) => frequencies += 16,
            (0, 0) => ends = 1,
            // No more than one block of a progressive file ends with such a code, and none of those comes here.
            (_, 0) => break,
            _ => frequencies += zeros + 1,
        }
        length += code.length + size;
        if ends == 1 {
            break;
        }
    }
    u16::try_from(length | frequencies << 4 | ends << 11).unwrap_or_else(|_| unreachable!("they are below 16, 128 and 2"))
}

fn boxed<const N: usize>() -> Box<[u16; N]> {
    // On the heap from the start: the stack of a thread is small.
    vec![0; N].into_boxed_slice().try_into().unwrap_or_else(|_| unreachable!("of this length"))
}
