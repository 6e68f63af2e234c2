//! From the octets of a picture to its frames, within limits that are checked before anything is decoded.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, ImageResult, Limits};
use memchr::memchr;

use super::{heif, ico, png, tiff};
use crate::finding::Reason;

/// Of either side, in pixels.
pub const MAX_SIDE: u32 = 32_768;
/// Of one picture, and of all frames of a moving one.
pub const MAX_PIXELS: u64 = 64_000_000;
/// Of a moving picture; those behind are not looked at.
const MAX_FRAMES: usize = 500;
/// What a decoder may hold besides the pixels, in octets: palettes, rows.
const OVERHEAD: u64 = 16 << 20;

/// The frames of a moving picture were shown.
struct Shown {
    /// Why not all of them.
    incomplete: Option<Reason>,
}

/// Decodes a picture of whatever format its octets say it is, and shows its frames or pages, one after the other, to
/// `see`. Says why not all of it could be shown.
pub fn decode(octets: &[u8], see: &mut dyn FnMut(&DynamicImage)) -> Option<Reason> {
    // A decoder that panics, as that of TIFF has been seen to, costs this picture and not the rest of the message.
    catch_unwind(AssertUnwindSafe(|| decode_any(octets, see))).unwrap_or(Some(Reason::Damaged))
}

fn decode_any(octets: &[u8], see: &mut dyn FnMut(&DynamicImage)) -> Option<Reason> {
    if heif::is_heif(octets) {
        return heif::decode(octets, see);
    }
    if ico::is_icon(octets) { ico::decode(octets, see) } else { single(octets, see) }
}

/// A file of one of the formats of the crate; of an icon what the crate chooses.
pub fn single(octets: &[u8], see: &mut dyn FnMut(&DynamicImage)) -> Option<Reason> {
    let octets = &*png::bare(octets);
    let Some(format) = ImageReader::new(Cursor::new(octets)).with_guessed_format().ok().and_then(|reader| reader.format()) else {
        return Some(Reason::Unsupported);
    };
    let shown = match moving(octets, format, see) {
        Ok(Some(Shown { incomplete })) => return incomplete,
        Ok(None) => still(octets, format),
        Err(error) => Err(error),
    };
    match shown {
        Err(error) => Some(reason(&error)),
        Ok(picture) => {
            see(&picture);
            if tiff::is_tiff(octets) {
                drop(picture);
                return tiff::further_pages(octets, see);
            }
            (format == ImageFormat::Jpeg && is_cut(octets)).then_some(Reason::Damaged)
        }
    }
}

fn still(octets: &[u8], format: ImageFormat) -> ImageResult<DynamicImage> {
    let mut reader = ImageReader::with_format(Cursor::new(octets), format);
    reader.limits(header_limits());
    let decoder = reader.into_decoder()?;
    let limits = limits(&decoder)?;
    let mut reader = ImageReader::with_format(Cursor::new(octets), format);
    reader.limits(limits);
    reader.decode()
}

/// Whether a JPEG lacks its end: decoders fill the rest with grey and say nothing.
///
/// Source: ITU-T T.81, annex B. What follows the end (a second picture, a film) does not matter.
fn is_cut(octets: &[u8]) -> bool {
    let mut at = 0;
    while let Some(found) = memchr(0xff, octets.get(at..).unwrap_or_default()) {
        at += found + 1;
        match octets.get(at) {
            Some(0xd9) => return false,
            // A fill octet, an octet of a scan that is no marker, a marker that stands alone.
            None | Some(0x00 | 0x01 | 0xd0..=0xd8 | 0xff) => {}
            Some(_) => at += 1 + octets.get(at + 1..at + 3).map_or(0, |length| usize::from(u16::from_be_bytes([length[0], length[1]]))),
        }
    }
    true
}

/// Shows the frames of a moving picture; `None` for one that does not move.
fn moving(octets: &[u8], format: ImageFormat, see: &mut dyn FnMut(&DynamicImage)) -> ImageResult<Option<Shown>> {
    match format {
        ImageFormat::Gif => frames(GifDecoder::new(Cursor::new(octets))?, see).map(Some),
        ImageFormat::Png => {
            let decoder = PngDecoder::with_limits(Cursor::new(octets), header_limits())?;
            if !decoder.is_apng()? {
                return Ok(None);
            }
            let limits = limits(&decoder)?;
            show(PngDecoder::with_limits(Cursor::new(octets), limits)?.apng()?, see).map(Some)
        }
        ImageFormat::WebP => {
            let decoder = WebPDecoder::new(Cursor::new(octets))?;
            if decoder.has_animation() { frames(decoder, see).map(Some) } else { Ok(None) }
        }
        _ => Ok(None),
    }
}

fn frames<'a>(mut decoder: impl ImageDecoder + AnimationDecoder<'a>, see: &mut dyn FnMut(&DynamicImage)) -> ImageResult<Shown> {
    let limits = limits(&decoder)?;
    decoder.set_limits(limits)?;
    show(decoder, see)
}

fn show<'a>(decoder: impl AnimationDecoder<'a>, see: &mut dyn FnMut(&DynamicImage)) -> ImageResult<Shown> {
    let (mut shown, mut pixels) = (0, 0);
    for frame in decoder.into_frames() {
        if shown == MAX_FRAMES || pixels > MAX_PIXELS {
            return Ok(Shown { incomplete: Some(Reason::Budget) });
        }
        match frame {
            Ok(frame) => {
                let frame = DynamicImage::from(frame.into_buffer());
                pixels += u64::from(frame.width()) * u64::from(frame.height());
                shown += 1;
                see(&frame);
            }
            Err(error) if shown == 0 => return Err(error),
            Err(error) => return Ok(Shown { incomplete: Some(reason(&error)) }),
        }
    }
    Ok(Shown { incomplete: (shown == 0).then_some(Reason::Damaged) })
}

/// For reading a header, before the size of the picture is known.
pub fn header_limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_alloc = Some(OVERHEAD);
    limits
}

/// As much memory as a picture of this size needs.
fn limits(decoder: &impl ImageDecoder) -> ImageResult<Limits> {
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    if pixels > MAX_PIXELS {
        return Err(ImageError::Limits(image::error::LimitError::from_kind(image::error::LimitErrorKind::DimensionError)));
    }
    limits.check_dimensions(width, height)?;
    // Twice the pixels: decoders of moving pictures keep the canvas beside the frame.
    limits.max_alloc = Some(pixels * u64::from(decoder.color_type().bytes_per_pixel()).max(4) * 2 + OVERHEAD);
    Ok(limits)
}

fn reason(error: &ImageError) -> Reason {
    match error {
        ImageError::Limits(_) => Reason::Budget,
        ImageError::Unsupported(_) => Reason::Unsupported,
        _ => Reason::Damaged,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_jpeg_is_the_marker_and_not_what_looks_like_it() {
        let start = b"\xff\xd8\xff\xe1\0\x06\xff\xd9\xff\xd9\xff\xda\0\x02";
        let with = |rest: &[u8]| [&start[..], rest].concat();
        assert!(is_cut(start), "a thumbnail inside a segment has an end of its own");
        assert!(is_cut(&with(b"\x12\xff\0\xd9\xff\xd0\x34")));
        assert!(!is_cut(&with(b"\x12\xff\0\xff\xd9")));
        assert!(!is_cut(&with(b"\x12\xff\xd9ftyp\xff\xda")), "a film behind it");
        assert!(is_cut(&with(b"\xff\xc4\xff")));
        assert!(is_cut(b"\xff"));
    }
}
