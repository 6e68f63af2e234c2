//! The brightness of a JPEG at an eighth or a quarter of its size, read from the lowest frequencies of its blocks:
//! nothing is transformed, and most of the file is only skipped.
//!
//! Source: ITU-T T.81. Whatever is unusual in a file is left to the whole decoder, so that a file which means one
//! thing to this reader and another to the eye of its receiver is always judged by what is seen.

mod bits;
mod header;
mod huffman;
mod scan;

use self::header::Plan;
use super::plane::Plane;

/// Of the longer side, in pixels, from where on the means of the blocks alone are enough: on every picture that was
/// measured, the hash of them is within 8 bits of that of all pixels, and within 10 from [`QUARTERS_FROM`] on.
const MEANS_FROM: usize = 3_072;
/// From where on the means of the quarters of the blocks are enough.
const QUARTERS_FROM: usize = 1_024;

/// How much of each block is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// One sample for a block of 8 by 8.
    Mean,
    /// Four, each of 4 by 4.
    Quarters,
}

/// The plane of a JPEG that is large, whole and in no way unusual; `None` for every other.
pub fn plane(octets: &[u8]) -> Option<Plane> {
    let plan = Plan::read(octets)?;
    let detail = detail(&plan)?;
    scan::read(&plan, detail)
}

fn detail(plan: &Plan<'_>) -> Option<Detail> {
    match plan.width.max(plan.height) {
        MEANS_FROM.. => Some(Detail::Mean),
        // The first scan of a progressive file has the means only.
        QUARTERS_FROM.. if plan.progressive.is_none() => Some(Detail::Quarters),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
