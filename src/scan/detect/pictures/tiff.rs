//! The further pages of a TIFF: what a scanner or a fax writes behind the first.

use std::io::Cursor;

use image::{DynamicImage, GrayImage, RgbImage, RgbaImage};
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::{ColorType, TiffError};

use super::decode::{MAX_PIXELS, MAX_SIDE};
use crate::finding::Reason;

/// Pages that are looked at, the first among them.
const MAX_PAGES: usize = 32;
/// Of one page, once it is decoded. In octets.
const MAX_OCTETS: usize = 256 << 20;

pub fn is_tiff(octets: &[u8]) -> bool {
    [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"].iter().any(|magic| octets.starts_with(*magic))
}

/// Shows every page but the first; says why not all of them were seen.
pub fn further_pages(octets: &[u8], see: &mut dyn FnMut(&DynamicImage)) -> Option<Reason> {
    let mut limits = Limits::default();
    (limits.decoding_buffer_size, limits.intermediate_buffer_size) = (MAX_OCTETS, MAX_OCTETS);
    let mut pages = match Decoder::new(Cursor::new(octets)) {
        Ok(decoder) => decoder.with_limits(limits),
        Err(error) => return Some(reason(&error)),
    };
    let mut left = MAX_PIXELS;
    for _ in 1..MAX_PAGES {
        if !pages.more_images() {
            return None;
        }
        match page(&mut pages, &mut left) {
            Ok(picture) => see(&picture),
            Err(reason) => return Some(reason),
        }
    }
    pages.more_images().then_some(Reason::Budget)
}

fn page(pages: &mut Decoder<Cursor<&[u8]>>, left: &mut u64) -> Result<DynamicImage, Reason> {
    pages.next_image().map_err(|error| reason(&error))?;
    let (width, height) = pages.dimensions().map_err(|error| reason(&error))?;
    let pixels = u64::from(width) * u64::from(height);
    if width > MAX_SIDE || height > MAX_SIDE || pixels > *left {
        return Err(Reason::Budget);
    }
    *left -= pixels;
    let kind = pages.colortype().map_err(|error| reason(&error))?;
    let DecodingResult::U8(samples) = pages.read_image().map_err(|error| reason(&error))? else { return Err(Reason::Unsupported) };
    let picture = match kind {
        ColorType::Gray(8) => GrayImage::from_raw(width, height, samples).map(DynamicImage::from),
        ColorType::Gray(1) => GrayImage::from_raw(width, height, bits(&samples, width)).map(DynamicImage::from),
        ColorType::RGB(8) => RgbImage::from_raw(width, height, samples).map(DynamicImage::from),
        ColorType::RGBA(8) => RgbaImage::from_raw(width, height, samples).map(DynamicImage::from),
        _ => return Err(Reason::Unsupported),
    };
    picture.ok_or(Reason::Damaged)
}

/// One octet for each bit; a row begins with an octet of its own.
fn bits(samples: &[u8], width: u32) -> Vec<u8> {
    let width = width as usize;
    let of_row = |row: &[u8]| (0..width).map(|x| if row[x / 8] >> (7 - x % 8) & 1 == 1 { 255 } else { 0 }).collect::<Vec<_>>();
    samples.chunks_exact(width.div_ceil(8).max(1)).flat_map(of_row).collect()
}

fn reason(error: &TiffError) -> Reason {
    match error {
        TiffError::LimitsExceeded => Reason::Budget,
        TiffError::UnsupportedError(_) => Reason::Unsupported,
        _ => Reason::Damaged,
    }
}
