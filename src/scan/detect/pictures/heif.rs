//! The brightness of a picture in the container of HEIC (iPhones) and AVIF (the web): one coded picture, or a grid of them side by side.
//!
//! Source: ISO/IEC 23008-12, 6.6.2.3. The tiles are decoded one by one here, because the crate that would do it asks the system for the
//! number of its processors, which is the end of a caged process. Turns and mirrors are left out, as for every other format.

use heifer_isobmff::{BoxIter, FourCC, HeifFile, ItemId};
use image::{DynamicImage, GrayImage};

use super::decode::{MAX_PIXELS, MAX_SIDE};
use super::{av1, hevc};
use crate::finding::Reason;

/// Whether the octets are of this family of formats.
pub fn is_heif(octets: &[u8]) -> bool {
    octets.get(4..8) == Some(b"ftyp") && octets.get(8..12).is_some_and(|brand| BRANDS.iter().any(|known| brand == *known))
}

/// Source: ISO/IEC 23008-12, annex B; AV1 Image File Format, 6.
const BRANDS: [&[u8; 4]; 10] = [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis"];

/// The brightness of one coded picture, row by row.
pub struct Tile {
    pub width: u32,
    pub height: u32,
    pub samples: Vec<u16>,
    /// Bits of a sample, at least 8.
    pub depth: u8,
    /// Film leaves room below black and above white (ITU-T H.273, 8.3); this one does not.
    pub full_range: bool,
}

#[derive(Clone, Copy)]
enum Codec {
    Av1,
    Hevc,
}

impl Codec {
    fn of(item: FourCC) -> Result<Self, Reason> {
        match &item.0 {
            b"av01" => Ok(Self::Av1),
            b"hvc1" | b"hev1" => Ok(Self::Hevc),
            _ => Err(Reason::Unsupported),
        }
    }
}

/// Shows the picture, and says why not all that there is was shown.
pub fn decode(octets: &[u8], see: &mut dyn FnMut(&DynamicImage)) -> Option<Reason> {
    match picture(octets) {
        Ok(picture) => {
            see(&picture);
            moves(octets).then_some(Reason::Video)
        }
        Err(reason) => Some(reason),
    }
}

/// Whether there is a film beside the picture: a sequence of pictures is one, whatever its brand.
fn moves(octets: &[u8]) -> bool {
    BoxIter::new(octets).any(|found| found.is_ok_and(|found| &found.header.box_type.0 == b"moov"))
}

fn picture(octets: &[u8]) -> Result<DynamicImage, Reason> {
    let file = HeifFile::parse(octets).map_err(|_| Reason::Damaged)?;
    let item = file.primary_item().map_err(|_| Reason::Damaged)?;
    if &item.item_type.0 == b"grid" { grid(&file, file.primary_id) } else { one(&file, file.primary_id) }
}

fn one(file: &HeifFile<'_>, id: ItemId) -> Result<DynamicImage, Reason> {
    let mut left = MAX_PIXELS;
    let tile = tile(file, id, &mut left)?;
    let mut canvas = canvas(tile.width, tile.height)?;
    place(&tile, &mut canvas, 0, 0);
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
    for (number, id) in (0_u32..).zip(tiles) {
        let tile = tile(file, *id, &mut left)?;
        let (width, height) = *size.get_or_insert((tile.width, tile.height));
        if (tile.width, tile.height) != (width, height) {
            return Err(Reason::Damaged);
        }
        place(&tile, &mut canvas, number % columns * width, number / columns * height);
    }
    let (width, height) = size.unwrap_or_default();
    // A tile that is smaller than the file says would leave a part of the picture black.
    let covers = u64::from(width) * u64::from(columns) >= u64::from(grid.output_width)
        && u64::from(height) * u64::from(grid.rows) >= u64::from(grid.output_height);
    if covers { Ok(canvas.into()) } else { Err(Reason::Damaged) }
}

fn tile(file: &HeifFile<'_>, id: ItemId, left: &mut u64) -> Result<Tile, Reason> {
    let item = file.item(id).map_err(|_| Reason::Damaged)?;
    let codec = Codec::of(item.item_type)?;
    if let Some((width, height)) = file.image_size(id).map_err(|_| Reason::Damaged)?
        && u64::from(width) * u64::from(height) > *left
    {
        return Err(Reason::Budget);
    }
    let most = (*left).max(1);
    let tile = match codec {
        Codec::Av1 => av1::decode(file.item_data(id).map_err(|_| Reason::Damaged)?.into_owned(), most)?,
        Codec::Hevc => hevc::decode(&file.hevc_bitstream(id).map_err(|_| Reason::Damaged)?, most)?,
    };
    *left = left.saturating_sub(u64::from(tile.width) * u64::from(tile.height));
    Ok(tile)
}

fn canvas(width: u32, height: u32) -> Result<GrayImage, Reason> {
    if width == 0 || height == 0 {
        return Err(Reason::Damaged);
    }
    let fits = width <= MAX_SIDE && height <= MAX_SIDE && u64::from(width) * u64::from(height) <= MAX_PIXELS;
    if fits { Ok(GrayImage::new(width, height)) } else { Err(Reason::Budget) }
}

/// Puts the brightness of a tile into its place.
fn place(tile: &Tile, canvas: &mut GrayImage, left: u32, top: u32) {
    let (width, height) = canvas.dimensions();
    let samples: &mut [u8] = canvas;
    let row_length = tile.width as usize;
    let depth = tile.depth.clamp(8, 16) - 8;
    let level = |sample: u16| {
        let sample = i32::from(sample >> depth);
        let sample = if tile.full_range { sample } else { (sample - 16) * 255 / 219 };
        u8::try_from(sample.clamp(0, 255)).unwrap_or(u8::MAX)
    };
    if row_length == 0 || left >= width {
        return;
    }
    for (row, y) in tile.samples.chunks_exact(row_length).zip(top..height) {
        let start = y as usize * width as usize;
        let target = &mut samples[start + left as usize..start + width as usize];
        target.iter_mut().zip(row).for_each(|(target, sample)| *target = level(*sample));
    }
}
