//! The scan itself: of brightness the means of the blocks, or of their quarters; everything else is passed over.

use super::super::plane::Plane;
use super::Detail;
use super::bits::{Bits, Entropy};
use super::header::Plan;
use super::huffman::{FREQUENCIES, Means, Others};

/// Of one side of a block, in pixels.
const SIDE: usize = 8;
/// What the lowest frequency adds to the mean of a half of the block, and the lowest of both directions to that of a
/// quarter. Source: ITU-T T.81, A.3.3.
const HALF: f32 = 0.113_266;
const QUARTER: f32 = 0.102_634;

/// A block of a unit of the scan, and the codes that it is written in.
struct Block<'t> {
    means: &'t Means,
    /// A progressive scan of means has no others.
    others: Option<&'t Others>,
    /// Which one of brightness within the unit, across and down; `None` for colour.
    luma: Option<(usize, usize)>,
}

/// How the blocks of brightness lie.
struct Layout {
    /// In units.
    across: usize,
    down: usize,
    /// Blocks of brightness of a unit.
    unit: (usize, usize),
}

/// `None` where the octets do not follow the format to the end.
pub fn read(plan: &Plan<'_>, detail: Detail) -> Option<Plane> {
    let (entropy, end) = Entropy::unstuffed(plan.octets)?;
    if !plan.stands_to(plan.octets.get(end..)?) {
        return None;
    }
    let means = tables(plan, |place| Means::build(plan.means[place]?), |component| component.means)?;
    let others = match plan.progressive {
        Some(_) => None,
        None => Some(tables(plan, |place| Others::build(plan.others[place]?), |component| component.others)?),
    };
    let mut blocks = Vec::new();
    for component in &plan.components {
        let (across, down) = if plan.interleaved { (component.across, component.down) } else { (1, 1) };
        for (y, x) in (0..down).flat_map(|y| (0..across).map(move |x| (y, x))) {
            blocks.push(Block {
                means: means[component.means].as_ref()?,
                others: match &others {
                    None => None,
                    Some(others) => Some(others[component.others].as_ref()?),
                },
                luma: component.is_luma.then_some((x, y)),
            });
        }
    }
    let layout = Layout::of(plan);
    match detail {
        Detail::Mean => read_as::<1>(plan, &layout, &blocks, &entropy),
        Detail::Quarters => read_as::<2>(plan, &layout, &blocks, &entropy),
    }
}

/// Those of the four tables that the scan names.
fn tables<T>(
    plan: &Plan<'_>,
    build: impl Fn(usize) -> Option<T>,
    place: impl Fn(&super::header::Component) -> usize,
) -> Option<[Option<T>; 4]> {
    let mut tables = [const { None }; 4];
    for place in plan.components.iter().map(place) {
        if tables[place].is_none() {
            tables[place] = Some(build(place)?);
        }
    }
    Some(tables)
}

impl Layout {
    fn of(plan: &Plan<'_>) -> Self {
        let luma = plan.components.iter().find(|component| component.is_luma);
        let unit = luma.filter(|_| plan.interleaved).map_or((1, 1), |luma| (luma.across, luma.down));
        Self { across: plan.width.div_ceil(SIDE * unit.0), down: plan.height.div_ceil(SIDE * unit.1), unit }
    }
}

/// `N` samples to a side of a block.
fn read_as<const N: usize>(plan: &Plan<'_>, layout: &Layout, blocks: &[Block<'_>], entropy: &Entropy) -> Option<Plane> {
    let units = layout.across * layout.down;
    let per_interval = if plan.restart == 0 { units } else { plan.restart };
    if entropy.intervals() != units.div_ceil(per_interval) {
        return None;
    }
    let row = layout.across * layout.unit.0 * N;
    let mut samples = vec![0.0; row * layout.down * layout.unit.1 * N];
    let weights = Weights::of(plan);
    for number in 0..entropy.intervals() {
        let mut bits = entropy.interval(number);
        let mut mean = 0;
        for unit in number * per_interval..((number + 1) * per_interval).min(units) {
            let (unit_x, unit_y) = (unit % layout.across, unit / layout.across);
            for block in blocks {
                bits.refill();
                let code = block.means.find(&bits);
                if code.length == 0 || code.symbol > 16 {
                    return None;
                }
                let Some((x, y)) = block.luma else {
                    bits.skip(code.length + code.symbol);
                    if let Some(others) = block.others {
                        pass_over(&mut bits, others, 1)?;
                    }
                    continue;
                };
                bits.skip(code.length);
                mean = i32::wrapping_add(mean, bits.signed(code.symbol));
                let (across, down) = (unit_x * layout.unit.0 + x, unit_y * layout.unit.1 + y);
                let at = down * N * row + across * N;
                let brightness = weights.mean * real(mean) + 128.0;
                match block.others {
                    Some(others) if N == 2 => {
                        let (lowest, next) = lowest(&mut bits, others)?;
                        weights.spread(brightness, lowest, &mut samples, at, row)?;
                        if next < FREQUENCIES {
                            pass_over(&mut bits, others, next)?;
                        }
                    }
                    Some(others) => {
                        *samples.get_mut(at)? = brightness;
                        pass_over(&mut bits, others, 1)?;
                    }
                    None => *samples.get_mut(at)? = brightness,
                }
            }
        }
        if bits.is_overrun() {
            return None;
        }
    }
    Some(Plane::new((plan.width, plan.height), SIDE / N, row, samples))
}

/// From units of the file to brightness.
struct Weights {
    mean: f32,
    across: f32,
    down: f32,
    diagonal: f32,
}

impl Weights {
    fn of(plan: &Plan<'_>) -> Self {
        let quantisers = plan.quantisers;
        let shift = f32::from(1_u16 << plan.progressive.unwrap_or(0));
        Self {
            mean: f32::from(quantisers.mean) * shift / 8.0,
            across: f32::from(quantisers.across) * HALF,
            down: f32::from(quantisers.down) * HALF,
            diagonal: f32::from(quantisers.diagonal) * QUARTER,
        }
    }

    /// Writes the four quarters of a block.
    fn spread(&self, mean: f32, lowest: [i32; 5], samples: &mut [f32], at: usize, row: usize) -> Option<()> {
        let [across, down, diagonal] = [self.across * real(lowest[1]), self.down * real(lowest[2]), self.diagonal * real(lowest[4])];
        let upper = samples.get_mut(at..at + 2)?;
        (upper[0], upper[1]) = (mean + across + down + diagonal, mean - across + down - diagonal);
        let lower = samples.get_mut(at + row..at + row + 2)?;
        (lower[0], lower[1]) = (mean + across - down - diagonal, mean - across - down + diagonal);
        Some(())
    }
}

/// The first frequencies of a block in the order of the zigzag, and which comes next: [`FREQUENCIES`] at its end.
#[inline]
fn lowest(bits: &mut Bits<'_>, others: &Others) -> Option<([i32; 5], u32)> {
    let mut lowest = [0; 5];
    let mut next = 1;
    while next <= 4 {
        bits.refill();
        let code = others.find(bits);
        if code.length == 0 {
            return None;
        }
        bits.skip(code.length);
        match (code.symbol >> 4, code.symbol & 0xf) {
            (15, 0) => next += 16,
            (_, 0) => return Some((lowest, FREQUENCIES)),
            (zeros, size) => {
                next += zeros;
                let value = bits.signed(size);
                if let Some(place) = lowest.get_mut(next as usize) {
                    *place = value;
                }
                next += 1;
            }
        }
    }
    Some((lowest, next))
}

/// Goes to the end of a block, of which `next` is the frequency to come.
#[inline]
fn pass_over(bits: &mut Bits<'_>, others: &Others, mut next: u32) -> Option<()> {
    loop {
        bits.refill();
        // Four looks take 48 bits, and there are at least 56.
        for _ in 0..4 {
            let run = others.run(bits);
            if run.length() != 0 && next + run.frequencies() < FREQUENCIES {
                bits.skip(run.length());
                next += run.frequencies();
                if run.ends_block() {
                    return Some(());
                }
            } else {
                bits.refill();
                let code = others.find(bits);
                if code.length == 0 {
                    return None;
                }
                let (zeros, size) = (code.symbol >> 4, code.symbol & 0xf);
                bits.skip(code.length + size);
                match (zeros, size) {
                    (15, 0) => next += 16,
                    (_, 0) => return Some(()),
                    _ => next += zeros + 1,
                }
                if next >= FREQUENCIES {
                    return Some(());
                }
                bits.refill();
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a coefficient has 16 bits, and a sum of them that is larger is of no picture")]
fn real(number: i32) -> f32 {
    number as f32
}
