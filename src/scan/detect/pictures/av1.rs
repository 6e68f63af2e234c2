//! One picture of AV1, as it stands in an AVIF file.
//!
//! Source: AV1 Image File Format, 2.1.

use re_rav1d::dav1d::{Decoder, Error, PlanarImageComponent, Settings, pixel::YUVRange};

use super::heif::Tile;
use crate::finding::Reason;

/// # Errors
/// Why there is no picture; [`Reason::Damaged`] where it has more than `most` pixels, which its container denied.
pub fn decode(stream: Vec<u8>, most: u64) -> Result<Tile, Reason> {
    let mut settings = Settings::new();
    // With more than one thread, or where it is to choose, the decoder asks the system for what the cage denies.
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_frame_size_limit(u32::try_from(most).unwrap_or(u32::MAX));
    // Of a picture in layers, the best alone.
    settings.set_all_layers(false);
    // Grain is noise that every decoder adds to what was taken.
    settings.set_apply_grain(false);
    let mut decoder = Decoder::with_settings(&settings).map_err(reason)?;
    let mut sent = decoder.send_data(stream, None, None, None);
    loop {
        let more = match sent {
            Ok(()) => false,
            Err(Error::Again) => true,
            Err(error) => return Err(reason(error)),
        };
        match decoder.get_picture() {
            Ok(picture) => {
                let (width, height) = (picture.width(), picture.height());
                let plane = picture.plane(PlanarImageComponent::Y);
                let stride = picture.stride(PlanarImageComponent::Y) as usize;
                let rows = plane.chunks(stride.max(1)).take(height as usize);
                let samples = if picture.bit_depth() == 8 {
                    rows.flat_map(|row| row.iter().take(width as usize).map(|octet| u16::from(*octet))).collect()
                } else {
                    rows.flat_map(|row| row.as_chunks().0.iter().take(width as usize).map(|pair| u16::from_ne_bytes(*pair))).collect()
                };
                let depth = u8::try_from(picture.bit_depth()).map_err(|_| Reason::Unsupported)?;
                return Ok(Tile { width, height, samples, depth, full_range: matches!(picture.color_range(), YUVRange::Full) });
            }
            // It has taken all and shows nothing.
            Err(Error::Again) if !more => return Err(Reason::Damaged),
            Err(Error::Again) => sent = decoder.send_pending_data(),
            Err(error) => return Err(reason(error)),
        }
    }
}

fn reason(error: Error) -> Reason {
    match error {
        Error::UnsupportedBitstream => Reason::Unsupported,
        Error::NotEnoughMemory => Reason::Budget,
        _ => Reason::Damaged,
    }
}
