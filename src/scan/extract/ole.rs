//! Objects that documents hold in the wrappings of OLE: bare ones (MS-OLEDS, 2.2), packages, bitmaps without a head.

/// A file as it lay in its wrapping.
#[derive(Debug, PartialEq, Eq)]
pub struct Native {
    pub name: Option<String>,
    pub octets: Vec<u8>,
}

/// Reads from the front of some octets.
struct Take<'o>(&'o [u8]);

impl<'o> Take<'o> {
    fn take(&mut self, count: usize) -> Option<&'o [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn long(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.take(4)?.try_into().ok()?)).ok()
    }

    /// Up to a NUL.
    fn string(&mut self) -> Option<&'o [u8]> {
        let end = memchr::memchr(0, self.0)?;
        let string = self.take(end)?;
        self.take(1)?;
        Some(string)
    }

    /// With its length before it.
    fn counted(&mut self) -> Option<&'o [u8]> {
        let length = self.long()?;
        self.take(length)
    }
}

/// What an OLE 1.0 object holds; the octets themselves where they are no such object.
///
/// Source: MS-OLEDS, 2.2.4 and 2.2.5.
pub fn embedded(octets: Vec<u8>) -> Native {
    const EMBEDDED: usize = 2;
    let mut take = Take(&octets);
    let object = (|| {
        let (_version, format) = (take.long()?, take.long()?);
        let (class, _topic, _item) = (take.counted()?, take.counted()?, take.counted()?);
        let native = take.counted()?;
        (format == EMBEDDED).then(|| if class.starts_with(b"Package\0") { package(native) } else { None }.unwrap_or_else(|| bare(native)))
    })();
    object.unwrap_or(Native { name: None, octets })
}

/// What a stream `\x01Ole10Native` holds (MS-OLEDS, 2.3.6).
pub fn native_stream(octets: &[u8]) -> Native {
    let native = Take(octets).counted().unwrap_or(octets);
    package(native).unwrap_or_else(|| bare(native))
}

/// A file with the name and the paths that the sender's machine had for it, as the Packager of Windows writes it.
fn package(octets: &[u8]) -> Option<Native> {
    let mut take = Take(octets);
    if take.take(2)? != [2, 0] {
        return None;
    }
    let (label, _path) = (take.string()?, take.string()?);
    // 3 for a file; another number stands for a link to one.
    take.take(4).filter(|kind| *kind == [0, 0, 3, 0])?;
    let _temporary = take.counted()?;
    let octets = take.counted()?;
    Some(Native { name: Some(String::from_utf8_lossy(label).into_owned()), octets: octets.to_vec() })
}

fn bare(octets: &[u8]) -> Native {
    Native { name: None, octets: octets.to_vec() }
}

/// A bitmap as Windows keeps it in memory, with the head of a file before it.
pub fn bitmap_file(bitmap: Vec<u8>) -> Vec<u8> {
    const HEAD: usize = 14;
    let mut take = Take(&bitmap);
    let pixels = (|| {
        let head = take.long()?;
        take.take(10)?;
        let depth = u16::from_le_bytes(take.take(2)?.try_into().ok()?);
        take.take(16)?;
        let colours = take.long()?;
        let palette = if depth <= 8 && colours == 0 { 1 << depth } else { colours };
        head.checked_add(palette.checked_mul(4)?)?.checked_add(HEAD)
    })();
    let Some(pixels) = pixels.and_then(|pixels| u32::try_from(pixels).ok()) else { return bitmap };
    let size = u32::try_from(bitmap.len() + HEAD).unwrap_or(u32::MAX);
    let mut file = Vec::with_capacity(bitmap.len() + HEAD);
    file.extend_from_slice(b"BM");
    file.extend_from_slice(&size.to_le_bytes());
    file.extend_from_slice(&[0; 4]);
    file.extend_from_slice(&pixels.to_le_bytes());
    file.extend_from_slice(&bitmap);
    file
}

/// Octets of hexadecimal digits; anything else among them is passed over, and a last digit alone counts sixteenfold.
pub fn from_hex(digits: &[u8]) -> Vec<u8> {
    let mut nibbles = digits.iter().filter_map(|digit| char::from(*digit).to_digit(16));
    let mut octets = Vec::with_capacity(digits.len() / 2);
    while let Some(high) = nibbles.next() {
        octets.push((high << 4 | nibbles.next().unwrap_or(0)).to_le_bytes()[0]);
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(octets: &[u8]) -> Vec<u8> {
        [&u32::try_from(octets.len()).unwrap().to_le_bytes(), octets].concat()
    }

    #[test]
    fn a_package_gives_its_file_and_its_name() {
        let package = [b"\x02\0note.txt\0C:\\note.txt\0\0\0\x03\0".as_slice(), &counted(b"C:\\t\0"), &counted(b"amber")].concat();
        let wanted = Native { name: Some("note.txt".to_owned()), octets: b"amber".to_vec() };
        assert_eq!(native_stream(&counted(&package)), wanted);
        let object =
            [b"\x01\x05\0\0\x02\0\0\0".as_slice(), &counted(b"Package\0"), &counted(b""), &counted(b""), &counted(&package)].concat();
        assert_eq!(embedded(object), wanted);
        assert_eq!(embedded(b"heron".to_vec()).octets, b"heron");
    }

    #[test]
    fn a_bitmap_gets_a_head_that_decoders_accept() {
        let head = [40_u32.to_le_bytes(), 1_u32.to_le_bytes(), 1_u32.to_le_bytes(), [1, 0, 24, 0]].concat();
        let bitmap = [head, vec![0; 24], vec![1, 2, 3, 0]].concat();
        let decoded = image::load_from_memory_with_format(&bitmap_file(bitmap), image::ImageFormat::Bmp).unwrap();
        assert_eq!(decoded.to_rgb8().into_raw(), [3, 2, 1]);
    }
}
