//! What of a JPEG stands before its first scan of brightness, and whether what follows could change the picture.

use memchr::memchr;

use super::huffman::Specification;

/// Behind the scan that is read there may be so many more; a decoder that goes through thousands is under attack.
const MAX_SCANS: usize = 64;
/// The lowest bits of the means may come in later scans: so many are no loss.
const MAX_SHIFT: u8 = 2;

/// All that is needed to read the scan.
pub struct Plan<'o> {
    /// In pixels; neither is 0.
    pub width: usize,
    pub height: usize,
    /// Of a progressive file, the bits of the means that come in later scans.
    pub progressive: Option<u8>,
    /// The number of the component that is brightness.
    luma: u8,
    /// Those of the scan, brightness among them.
    pub components: Vec<Component>,
    /// Whether the scan holds several components, block by block.
    pub interleaved: bool,
    /// In units of the scan; 0 where it is one interval.
    pub restart: usize,
    /// Of brightness: of the mean, and of the frequencies that lie next to it.
    pub quantisers: Quantisers,
    pub means: [Option<Specification<'o>>; 4],
    pub others: [Option<Specification<'o>>; 4],
    /// From the first octet of the scan on.
    pub octets: &'o [u8],
}

/// One component of the scan.
#[derive(Clone, Copy)]
pub struct Component {
    pub is_luma: bool,
    /// Blocks of a unit of the scan, across and down: 1 to 4.
    pub across: usize,
    pub down: usize,
    /// Which of the four tables.
    pub means: usize,
    pub others: usize,
}

#[derive(Clone, Copy, Default)]
pub struct Quantisers {
    pub mean: u16,
    pub across: u16,
    pub down: u16,
    pub diagonal: u16,
}

/// Source: ITU-T T.81, B.1.1.3.
mod marker {
    pub const BASELINE: u8 = 0xc0;
    pub const EXTENDED: u8 = 0xc1;
    pub const PROGRESSIVE: u8 = 0xc2;
    pub const HUFFMAN: u8 = 0xc4;
    pub const END: u8 = 0xd9;
    pub const SCAN: u8 = 0xda;
    pub const QUANTISERS: u8 = 0xdb;
    pub const RESTART: u8 = 0xdd;
    pub const JFIF: u8 = 0xe0;
    pub const ADOBE: u8 = 0xee;
    pub const COMMENT: u8 = 0xfe;
}

/// A segment of the header: its marker and what it says.
struct Segment<'o> {
    marker: u8,
    says: &'o [u8],
}

struct Frame {
    is_progressive: bool,
    width: usize,
    height: usize,
    components: Vec<Declared>,
}

/// A component, as the frame declares it.
struct Declared {
    id: u8,
    across: usize,
    down: usize,
    quantisers: usize,
}

impl<'o> Plan<'o> {
    /// `None` for a file that is not whole, or in any way unusual.
    pub fn read(octets: &'o [u8]) -> Option<Self> {
        let mut rest = octets.strip_prefix(b"\xff\xd8")?;
        let mut quantisers = [None; 4];
        let (mut means, mut others) = ([None; 4], [None; 4]);
        let mut frame: Option<Frame> = None;
        let mut restart = 0;
        let mut transform = Transform::Unsaid;
        loop {
            let segment = Segment::next(&mut rest)?;
            let says = segment.says;
            match segment.marker {
                marker::QUANTISERS => read_quantisers(says, &mut quantisers)?,
                marker::HUFFMAN => read_codes(says, &mut means, &mut others)?,
                marker::BASELINE | marker::EXTENDED | marker::PROGRESSIVE if frame.is_none() => {
                    frame = Some(Frame::read(says, segment.marker == marker::PROGRESSIVE)?);
                }
                marker::RESTART => restart = usize::from(u16::from_be_bytes(*says.first_chunk()?)),
                marker::JFIF if says.starts_with(b"JFIF") => transform = transform.or(Transform::Luma),
                marker::ADOBE if says.starts_with(b"Adobe") => {
                    transform = if says.get(11) == Some(&1) { Transform::Luma } else { Transform::Other };
                }
                marker::SCAN => {
                    let frame = frame.as_ref().filter(|frame| frame.is_of_brightness(transform))?;
                    let scan = Scan::read(says, frame)?;
                    if !scan.components.iter().any(|component| component.is_luma) {
                        rest = behind_scan(rest)?;
                        continue;
                    }
                    return Some(Self {
                        width: frame.width,
                        height: frame.height,
                        luma: frame.components[0].id,
                        progressive: frame.is_progressive.then_some(scan.shift),
                        interleaved: scan.components.len() > 1,
                        components: scan.components,
                        restart,
                        quantisers: quantisers[frame.components[0].quantisers]?,
                        means,
                        others,
                        octets: rest,
                    });
                }
                0xe0..=0xef | marker::COMMENT => {}
                _ => return None,
            }
        }
    }

    /// Whether the file goes on to its end, from the marker that ends the scan on, without anything that would change
    /// what the scan says: a decoder shows whatever came last.
    pub fn stands_to(&self, mut rest: &[u8]) -> bool {
        for _ in 0..MAX_SCANS {
            let scan = loop {
                match Segment::next(&mut rest) {
                    Some(Segment { marker: marker::END, .. }) => return true,
                    Some(Segment { marker: marker::SCAN, says }) => break says,
                    Some(Segment { marker: marker::HUFFMAN | marker::RESTART | marker::COMMENT | 0xe0..=0xef, .. }) => {}
                    _ => return false,
                }
            };
            let Some((&count, ids)) = scan.split_first() else { return false };
            let count = usize::from(count);
            let Some(&[first, _, shifts]) = ids.get(2 * count..) else { return false };
            let of_luma = ids[..2 * count].iter().step_by(2).any(|id| *id == self.luma);
            let of_means = first == 0 && shifts >> 4 == 0;
            if of_luma && (self.progressive.is_none() || of_means) {
                return false;
            }
            match behind_scan(rest) {
                Some(behind) => rest = behind,
                None => return false,
            }
        }
        false
    }
}

impl<'o> Segment<'o> {
    /// Takes the segment at the beginning of `rest`. `None` for octets that are none, and for markers that have no
    /// place outside of a scan.
    fn next(rest: &mut &'o [u8]) -> Option<Self> {
        let mut at = rest.strip_prefix(b"\xff")?;
        // Any number of octets of ones may come before a marker.
        while let [0xff, behind @ ..] = at {
            at = behind;
        }
        let (&marker, behind) = at.split_first()?;
        if marker == marker::END {
            *rest = behind;
            return Some(Self { marker, says: &[] });
        }
        if matches!(marker, 0x00 | 0x01 | 0xd0..=0xd8) {
            return None;
        }
        let length = usize::from(u16::from_be_bytes(*behind.first_chunk()?));
        let (whole, behind) = behind.split_at_checked(length)?;
        *rest = behind;
        Some(Self { marker, says: whole.get(2..)? })
    }
}

/// What the first component is, as far as markers say.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transform {
    Unsaid,
    Luma,
    /// Red, or one of the colours of print.
    Other,
}

impl Transform {
    fn or(self, other: Self) -> Self {
        if self == Self::Unsaid { other } else { self }
    }
}

impl Frame {
    fn read(says: &[u8], is_progressive: bool) -> Option<Self> {
        let ([precision, sizes @ .., count], listed) = says.split_first_chunk::<6>()?;
        let [height, width] = [[sizes[0], sizes[1]], [sizes[2], sizes[3]]].map(|size| usize::from(u16::from_be_bytes(size)));
        let (listed, _) = listed.get(..3 * usize::from(*count))?.as_chunks::<3>();
        let components = listed.iter().map(|[id, sampling, quantisers]| Declared {
            id: *id,
            across: usize::from(sampling >> 4),
            down: usize::from(sampling & 0xf),
            quantisers: usize::from(*quantisers),
        });
        let frame = Self { is_progressive, width, height, components: components.collect() };
        (*precision == 8 && width > 0 && height > 0).then_some(frame)
    }

    /// Whether the first component is the brightness of the picture, at its full size.
    fn is_of_brightness(&self, transform: Transform) -> bool {
        let ids: Vec<_> = self.components.iter().map(|component| component.id).collect();
        let is_luma = match (self.components.len(), transform) {
            (1, _) | (3, Transform::Luma) => true,
            (3, Transform::Unsaid) => ids == [1, 2, 3],
            _ => false,
        };
        let fits = |declared: &Declared| {
            (1..=self.components[0].across.min(4)).contains(&declared.across)
                && (1..=self.components[0].down.min(4)).contains(&declared.down)
                && declared.quantisers < 4
        };
        is_luma && self.components.iter().all(fits) && ids.iter().enumerate().all(|(at, id)| !ids[..at].contains(id))
    }
}

struct Scan {
    components: Vec<Component>,
    shift: u8,
}

impl Scan {
    /// A scan of means. `None` for one that does not begin with them.
    fn read(says: &[u8], frame: &Frame) -> Option<Self> {
        let (&count, listed) = says.split_first()?;
        let (listed, spectrum) = listed.split_at_checked(2 * usize::from(count))?;
        let [first, last, shifts] = *spectrum.first_chunk()?;
        let shift = shifts & 0xf;
        let is_of_means = if frame.is_progressive {
            first == 0 && last == 0 && shifts >> 4 == 0 && shift <= MAX_SHIFT
        } else {
            first == 0 && last == 63 && shifts == 0
        };
        let (listed, _) = listed.as_chunks::<2>();
        let mut places = Vec::new();
        let components = listed.iter().map(|[id, tables]| {
            let place = frame.components.iter().position(|declared| declared.id == *id)?;
            places.push(place);
            let declared = &frame.components[place];
            let (means, others) = (usize::from(tables >> 4), usize::from(tables & 0xf));
            let component = Component { is_luma: place == 0, across: declared.across, down: declared.down, means, others };
            (means < 4 && others < 4).then_some(component)
        });
        let components = components.collect::<Option<Vec<_>>>()?;
        (is_of_means && !components.is_empty() && places.is_sorted_by(|one, other| one < other)).then_some(Self { components, shift })
    }
}

/// Source: ITU-T T.81, B.2.4.1 and figure A.6: they come in the order of a zigzag.
fn read_quantisers(mut says: &[u8], tables: &mut [Option<Quantisers>; 4]) -> Option<()> {
    while let Some((&kind, rest)) = says.split_first() {
        let (fine, place) = (usize::from(kind >> 4), usize::from(kind & 0xf));
        let (values, rest) = rest.split_at_checked(if fine == 0 { 64 } else { 128 })?;
        let value = |at: usize| match fine {
            0 => u16::from(values[at]),
            _ => u16::from_be_bytes([values[2 * at], values[2 * at + 1]]),
        };
        *tables.get_mut(place)? = Some(Quantisers { mean: value(0), across: value(1), down: value(2), diagonal: value(4) });
        says = rest;
    }
    Some(())
}

type Tables<'o> = [Option<Specification<'o>>; 4];

fn read_codes<'o>(mut says: &'o [u8], means: &mut Tables<'o>, others: &mut Tables<'o>) -> Option<()> {
    while let Some((&kind, rest)) = says.split_first() {
        let (table, rest) = Specification::read(rest)?;
        let tables = match kind >> 4 {
            0 => &mut *means,
            1 => &mut *others,
            _ => return None,
        };
        *tables.get_mut(usize::from(kind & 0xf))? = Some(table);
        says = rest;
    }
    Some(())
}

/// From the marker that ends a scan on.
fn behind_scan(octets: &[u8]) -> Option<&[u8]> {
    let mut at = 0;
    loop {
        at += memchr(0xff, octets.get(at..)?)?;
        match *octets.get(at + 1)? {
            0x00 | 0xd0..=0xd7 => at += 2,
            _ => return octets.get(at..),
        }
    }
}
