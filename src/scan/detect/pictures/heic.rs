//! The brightness of a HEIC picture, as iPhones take them: one HEVC picture, or a grid of them side by side.
//!
//! Source: ISO/IEC 23008-12, 6.6.2.3. The tiles are decoded one by one here, because the crate that would do it asks the system for the
//! number of its processors, which is the end of a caged process. Turns and mirrors are left out, as for every other format.

use heifer_hevc_dec::decoder::{DecodeOptions, decode_picture};
use heifer_hevc_dec::recon::Frame;
use heifer_isobmff::{HeifFile, ItemId};
use image::{DynamicImage, GrayImage};

use super::decode::{MAX_PIXELS, MAX_SIDE};
use crate::finding::Reason;

/// Whether the octets are of the family of formats that HEIC belongs to.
pub fn is_heif(octets: &[u8]) -> bool {
    octets.get(4..8) == Some(b"ftyp") && octets.get(8..12).is_some_and(|brand| BRANDS.iter().any(|known| brand == *known))
}

/// Source: ISO/IEC 23008-12, annex B. `avif` and `avis` are of the family, and of another codec.
const BRANDS: [&[u8; 4]; 10] = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis"];

/// # Errors
/// Why there is no picture.
pub fn decode(octets: &[u8]) -> Result<DynamicImage, Reason> {
    let file = HeifFile::parse(octets).map_err(|_| Reason::Damaged)?;
    let item = file.primary_item().map_err(|_| Reason::Damaged)?;
    match &item.item_type.0 {
        b"hvc1" | b"hev1" => one(&file, file.primary_id),
        b"grid" => grid(&file, file.primary_id),
        _ => Err(Reason::Unsupported),
    }
}

fn one(file: &HeifFile<'_>, id: ItemId) -> Result<DynamicImage, Reason> {
    let mut left = MAX_PIXELS;
    let frame = frame(file, id, &mut left)?;
    let mut canvas = canvas(frame.widths[0], frame.heights[0])?;
    place(&frame, &mut canvas, 0, 0);
    Ok(canvas.into())
}

/// Tiles of one size, row by row. What juts out on the right and at the bottom is cut off.
fn grid(file: &HeifFile<'_>, id: ItemId) -> Result<DynamicImage, Reason> {
    let grid = file.grid(id).map_err(|_| Reason::Damaged)?;
    let tiles = file.referenced_items(id, b"dimg");
    let columns = u32::from(grid.columns);
    if columns == 0 || tiles.len() != usize::from(grid.rows) * usize::from(grid.columns) {
        return Err(Reason::Damaged);
    }
    let mut canvas = canvas(grid.output_width, grid.output_height)?;
    // The same tile may stand in every place: it is paid for each time.
    let mut left = 2 * MAX_PIXELS;
    let mut size = None;
    for (number, tile) in (0_u32..).zip(tiles) {
        let frame = frame(file, *tile, &mut left)?;
        let (width, height) = *size.get_or_insert((frame.widths[0], frame.heights[0]));
        if (frame.widths[0], frame.heights[0]) != (width, height) {
            return Err(Reason::Damaged);
        }
        place(&frame, &mut canvas, number % columns * width, number / columns * height);
    }
    let (width, height) = size.unwrap_or_default();
    // A tile that is smaller than the file says would leave a part of the picture black.
    let covers = u64::from(width) * u64::from(columns) >= u64::from(grid.output_width)
        && u64::from(height) * u64::from(grid.rows) >= u64::from(grid.output_height);
    if covers { Ok(canvas.into()) } else { Err(Reason::Damaged) }
}

fn frame(file: &HeifFile<'_>, id: ItemId, left: &mut u64) -> Result<Frame, Reason> {
    let item = file.item(id).map_err(|_| Reason::Damaged)?;
    if !matches!(&item.item_type.0, b"hvc1" | b"hev1") {
        return Err(Reason::Unsupported);
    }
    if let Some((width, height)) = file.image_size(id).map_err(|_| Reason::Damaged)?
        && u64::from(width) * u64::from(height) > *left
    {
        return Err(Reason::Budget);
    }
    let stream = file.hevc_bitstream(id).map_err(|_| Reason::Damaged)?;
    let options = DecodeOptions { max_pixels: (*left).max(1), ..DecodeOptions::default() };
    let frame = decode_picture(&stream, options).map_err(|error| match error {
        heifer_hevc_dec::Error::Unimplemented(_) => Reason::Unsupported,
        _ => Reason::Damaged,
    })?;
    *left = left.saturating_sub(u64::from(frame.widths[0]) * u64::from(frame.heights[0]));
    Ok(frame)
}

fn canvas(width: u32, height: u32) -> Result<GrayImage, Reason> {
    if width == 0 || height == 0 {
        return Err(Reason::Damaged);
    }
    let fits = width <= MAX_SIDE && height <= MAX_SIDE && u64::from(width) * u64::from(height) <= MAX_PIXELS;
    if fits { Ok(GrayImage::new(width, height)) } else { Err(Reason::Budget) }
}

/// Puts the brightness of a frame into its place.
fn place(frame: &Frame, canvas: &mut GrayImage, left: u32, top: u32) {
    let (width, height) = canvas.dimensions();
    let samples: &mut [u8] = canvas;
    let row_length = frame.widths[0] as usize;
    let depth = frame.bit_depth[0].clamp(8, 16) - 8;
    let level = |sample: u16| {
        let sample = i32::from(sample >> depth);
        // Film leaves room below black and above white (ITU-T H.273, 8.3).
        let sample = if frame.full_range { sample } else { (sample - 16) * 255 / 219 };
        u8::try_from(sample.clamp(0, 255)).unwrap_or(u8::MAX)
    };
    if row_length == 0 || left >= width {
        return;
    }
    for (row, y) in frame.planes[0].chunks_exact(row_length).zip(top..height) {
        let start = y as usize * width as usize;
        let target = &mut samples[start + left as usize..start + width as usize];
        target.iter_mut().zip(row).for_each(|(target, sample)| *target = level(*sample));
    }
}
