//! One picture of HEVC (ITU-T H.265), as it stands in a HEIC file.

use heifer_hevc_dec::decoder::{DecodeOptions, decode_picture};

use super::heif::Tile;
use crate::finding::Reason;

/// # Errors
/// Why there is no picture; [`Reason::Damaged`] where it has more than `most` pixels, which its container denied.
pub fn decode(stream: &[u8], most: u64) -> Result<Tile, Reason> {
    let options = DecodeOptions { max_pixels: most, ..DecodeOptions::default() };
    let mut frame = decode_picture(stream, options).map_err(|error| match error {
        heifer_hevc_dec::Error::Unimplemented(_) => Reason::Unsupported,
        _ => Reason::Damaged,
    })?;
    Ok(Tile {
        width: frame.widths[0],
        height: frame.heights[0],
        samples: std::mem::take(&mut frame.planes[0]),
        depth: frame.bit_depth[0],
        full_range: frame.full_range,
    })
}
