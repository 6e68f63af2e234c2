//! What a picture says of itself before it is decoded: its size, and how it is to be turned.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use heifer_isobmff::{HeifFile, boxes::Property};
use image::metadata::Orientation;
use image::{ImageDecoder, ImageReader};

use super::decode::header_limits;
use super::{heif, png};

/// All of it is the file's own word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Width and height as stored, in pixels.
    pub size: Option<(u32, u32)>,
    /// 1 to 8, as EXIF numbers them (tag 0x0112); `None` where nothing is said.
    pub orientation: Option<u8>,
}

/// What can be read of the header of a picture; nothing of what is none.
pub fn read(octets: &[u8]) -> Header {
    let read = || if heif::is_heif(octets) { in_boxes(octets) } else { other(octets) };
    catch_unwind(AssertUnwindSafe(read)).ok().flatten().unwrap_or_default()
}

fn other(octets: &[u8]) -> Option<Header> {
    let octets = &*png::bare(octets);
    let mut reader = ImageReader::new(Cursor::new(octets)).with_guessed_format().ok()?;
    reader.limits(header_limits());
    let mut decoder = reader.into_decoder().ok()?;
    let exif = decoder.exif_metadata().ok().flatten();
    let orientation = exif.and_then(|chunk| Orientation::from_exif_chunk(&chunk)).map(Orientation::to_exif);
    Some(Header { size: Some(decoder.dimensions()), orientation })
}

/// Cameras say here how a picture is to be turned, and in its EXIF what they have said elsewhere.
fn in_boxes(octets: &[u8]) -> Option<Header> {
    let file = HeifFile::parse(octets).ok()?;
    let size = file.image_size(file.primary_id).ok()?;
    let mut turns = file.item_properties(file.primary_id).ok()?.filter_map(|property| match property {
        Property::Rotation(quarters) => Some([1, 8, 3, 6].get(usize::from(*quarters)).copied()),
        // Together with a turn it depends on which of them comes first.
        Property::Mirror(_) => Some(None),
        _ => None,
    });
    let orientation = turns.next().flatten().filter(|_| turns.next().is_none());
    Some(Header { size, orientation })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_read_of_what_is_too_large_to_be_decoded_and_nothing_of_what_is_no_picture() {
        let mut bitmap = b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0".to_vec();
        bitmap.extend([30_000_u32.to_le_bytes(), 20_000_u32.to_le_bytes()].concat());
        bitmap.extend(b"\x01\0\x18\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
        assert_eq!(read(&bitmap), Header { size: Some((30_000, 20_000)), orientation: None });
        for none in [&b"hello"[..], b"", b"\0\0\0\x18ftypheic\0\0\0\0", b"\xff\xd8\xff"] {
            assert_eq!(read(none), Header::default());
        }
    }
}
