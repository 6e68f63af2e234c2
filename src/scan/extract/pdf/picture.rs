//! Pictures of a PDF as files of their own: those in JPEG as they are, raw pixels and faxes as TIFF around them.

use super::InlinePicture;
use super::file::{File, Held};
use super::filter::{self, Codec, Decoded};
use super::object::{Dictionary, Object, Stream};

/// Of either side, in pixels. A smaller one is a bullet, a line or a shade, and says nothing.
const SMALLEST_SIDE: usize = 8;
/// Of one picture unpacked, in octets: 64 million grey pixels or 21 million coloured ones.
const MOST_OCTETS: usize = 64 << 20;

/// What a picture of a PDF comes to.
pub enum Picture {
    File(Vec<u8>),
    /// Too small to say anything.
    Ornament,
    OverBudget,
    Damaged,
    Unsupported,
}

pub fn of_stream(file: &File<'_>, stream: &Stream) -> Picture {
    picture(file, &stream.dictionary, None, || file.decode(stream))
}

pub fn of_inline(file: &File<'_>, inline: &InlinePicture) -> Picture {
    picture(file, &inline.dictionary, inline.space.as_ref(), || {
        filter::decode(file, &inline.dictionary, (&*inline.octets).into(), file.room())
    })
}

fn picture(file: &File<'_>, dictionary: &Dictionary, named: Option<&Object>, decode: impl FnOnce() -> Decoded) -> Picture {
    let get = |long: &[u8], short: &[u8]| dictionary.get(long).or_else(|| dictionary.get(short)).map(|value| file.resolve(value));
    let count = |long: &[u8], short: &[u8]| get(long, short).and_then(|value| value.count());
    let (width, height) = (count(b"Width", b"W").unwrap_or(0), count(b"Height", b"H").unwrap_or(0));
    let is_mask = get(b"ImageMask", b"IM").as_deref() == Some(&Object::Bool(true));
    let is_coded = get(b"Filter", b"F").is_some_and(|filter| {
        let last = filter.array().and_then(<[_]>::last).map(|last| file.resolve(last));
        matches!(last.as_deref().unwrap_or(&filter).name(), Some(b"DCTDecode" | b"DCT" | b"JPXDecode"))
    });
    if !is_coded && (width < SMALLEST_SIDE || height < SMALLEST_SIDE) {
        return Picture::Ornament;
    }
    if !is_coded && width.saturating_mul(height) > MOST_OCTETS {
        return Picture::OverBudget;
    }
    let decoded = decode();
    match decoded.codec {
        Some((Codec::Jpeg | Codec::Jpeg2000, _)) => return Picture::File(decoded.octets),
        Some((Codec::Fax, parameters)) => return fax(&decoded.octets, &parameters, width, height),
        Some((Codec::Jbig2 | Codec::Unknown, _)) => return Picture::Unsupported,
        None => {}
    }
    if decoded.is_cut {
        return Picture::OverBudget;
    }
    let bits = if is_mask { 1 } else { count(b"BitsPerComponent", b"BPC").unwrap_or(8) };
    let space = get(b"ColorSpace", b"CS");
    let space = if is_mask { Space::Grey } else { space.map_or(Space::Grey, |space| Space::of(file, &space, named, 0)) };
    let inverted = get(b"Decode", b"D").is_some_and(|decode| {
        let bound = |place: usize| decode.array().and_then(|decode| decode.get(place)?.number());
        bound(0) > bound(1) && bound(1).is_some()
    });
    let pixels = Pixels { octets: decoded.octets, width, height, bits, space, inverted };
    pixels.into_tiff()
}

/// What the components of a pixel mean.
enum Space {
    Grey,
    Rgb,
    Cmyk,
    /// Of one ink or several: the more, the darker.
    Inks(usize),
    /// The colours that indices stand for, in RGB.
    Indexed(Vec<[u8; 3]>),
}

impl Space {
    fn of(file: &File<'_>, space: &Object, named: Option<&Object>, depth: usize) -> Self {
        if depth > 4 {
            return Self::Grey;
        }
        if let Some(name) = space.name() {
            return match name {
                b"DeviceGray" | b"G" | b"CalGray" => Self::Grey,
                b"DeviceRGB" | b"RGB" | b"CalRGB" => Self::Rgb,
                b"DeviceCMYK" | b"CMYK" => Self::Cmyk,
                _ => named.map_or(Self::Grey, |space| Self::of(file, &file.resolve(space), None, depth + 1)),
            };
        }
        let Some([family, rest @ ..]) = space.array() else { return Self::Grey };
        let rest: Vec<Held<'_>> = rest.iter().take(3).map(|part| file.resolve(part)).collect();
        match (file.resolve(family).name().unwrap_or_default(), &rest[..]) {
            (b"ICCBased", [profile, ..]) => match profile.dictionary().and_then(|profile| file.get(profile, b"N").count()) {
                Some(3) => Self::Rgb,
                Some(4) => Self::Cmyk,
                _ => Self::Grey,
            },
            (b"CalRGB" | b"Lab" | b"DeviceRGB", _) => Self::Rgb,
            (b"DeviceCMYK", _) => Self::Cmyk,
            (b"Indexed" | b"I", [base, _, table]) => Self::Indexed(palette(file, &Self::of(file, base, None, depth + 1), table)),
            (b"Separation", _) => Self::Inks(1),
            (b"DeviceN", [names, ..]) => Self::Inks(names.array().map_or(1, <[_]>::len).clamp(1, 32)),
            _ => Self::Grey,
        }
    }

    fn components(&self) -> usize {
        match self {
            Self::Grey | Self::Indexed(_) => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
            Self::Inks(inks) => *inks,
        }
    }

    fn rgb(&self, pixel: &[u8]) -> [u8; 3] {
        match (self, pixel) {
            (Self::Indexed(colours), [index, ..]) => colours.get(usize::from(*index)).copied().unwrap_or_default(),
            (Self::Rgb, [red, green, blue, ..]) => [*red, *green, *blue],
            (Self::Cmyk, [inks @ .., black]) if inks.len() == 3 => {
                [0, 1, 2].map(|ink| u8::try_from(u16::from(255 - inks[ink]) * u16::from(255 - black) / 255).unwrap_or(0))
            }
            (Self::Inks(_), inks) => [255 - inks.iter().fold(0_u8, |sum, ink| sum.saturating_add(*ink)); 3],
            (_, [grey, ..]) => [*grey; 3],
            _ => [0; 3],
        }
    }
}

fn palette(file: &File<'_>, base: &Space, table: &Object) -> Vec<[u8; 3]> {
    let octets = match table {
        Object::Stream(stream) => file.decode(stream).octets,
        _ => table.string().unwrap_or_default().to_vec(),
    };
    octets.chunks_exact(base.components()).take(256).map(|colour| base.rgb(colour)).collect()
}

struct Pixels {
    octets: Vec<u8>,
    width: usize,
    height: usize,
    bits: usize,
    space: Space,
    inverted: bool,
}

impl Pixels {
    fn into_tiff(self) -> Picture {
        let components = self.space.components();
        if !matches!(self.bits, 1 | 2 | 4 | 8 | 16) {
            return Picture::Damaged;
        }
        let row = (self.width * components * self.bits).div_ceil(8);
        let height = self.height.min(self.octets.len() / row.max(1));
        if height < SMALLEST_SIDE {
            return Picture::Damaged;
        }
        let is_grey = matches!(self.space, Space::Grey);
        if self.width * height * if is_grey { 1 } else { 3 } > MOST_OCTETS {
            return Picture::OverBudget;
        }
        let kind = if is_grey { Kind::Grey } else { Kind::Rgb };
        if self.bits == 8 && !self.inverted && matches!(self.space, Space::Grey | Space::Rgb) {
            return Picture::File(tiff(&kind, self.width, height, &self.octets[..row * height]));
        }
        let mut pixels = Vec::with_capacity(self.width * height * if is_grey { 1 } else { 3 });
        let mut samples = Vec::with_capacity(self.width * components);
        for row in self.octets.chunks_exact(row).take(height) {
            samples.clear();
            self.samples(row, &mut samples);
            for pixel in samples.chunks_exact(components).take(self.width) {
                if is_grey { pixels.push(pixel[0]) } else { pixels.extend_from_slice(&self.space.rgb(pixel)) }
            }
        }
        Picture::File(tiff(&kind, self.width, height, &pixels))
    }

    /// The components of one row, 8 bits each; indices stay as they are.
    fn samples(&self, row: &[u8], samples: &mut Vec<u8>) {
        let scale = match (&self.space, self.bits) {
            (Space::Indexed(_), _) => 1,
            (_, 1) => 255,
            (_, 2) => 85,
            (_, 4) => 17,
            _ => 1,
        };
        let flip = if self.inverted && !matches!(self.space, Space::Indexed(_)) { 0xff } else { 0 };
        match self.bits {
            8 => samples.extend(row.iter().map(|octet| octet ^ flip)),
            16 => samples.extend(row.chunks_exact(2).map(|pair| pair[0] ^ flip)),
            bits => {
                let mask = (1_u8 << bits) - 1;
                for octet in row {
                    samples.extend((0..8 / bits).rev().map(|place| ((octet >> (place * bits) & mask) * scale) ^ flip));
                }
            }
        }
    }
}

enum Kind {
    Grey,
    Rgb,
    /// By the compression of TIFF: 3 or 4. Black is 1.
    Fax {
        compression: u32,
        options: u32,
        black_is_one: bool,
    },
}

/// Source: ISO 32000-1, 7.4.6: K below 0 is group 4, others are group 3.
fn fax(octets: &[u8], parameters: &Dictionary, width: usize, height: usize) -> Picture {
    let number = |key: &[u8]| parameters.get(key).and_then(Object::number);
    let k = number(b"K").unwrap_or(0.0);
    let columns = parameters.get(b"Columns").and_then(Object::count).unwrap_or(1_728);
    if columns != width {
        return Picture::Damaged;
    }
    let (compression, options) = if k < 0.0 { (4, 0) } else { (3, u32::from(k > 0.0)) };
    let black_is_one = parameters.get(b"BlackIs1") == Some(&Object::Bool(true));
    Picture::File(tiff(&Kind::Fax { compression, options, black_is_one }, width, height, octets))
}

/// Source: TIFF 6.0, section 2: a header, one directory, one strip.
fn tiff(kind: &Kind, width: usize, height: usize, strip: &[u8]) -> Vec<u8> {
    const ENTRIES: u8 = 10;
    const DIRECTORY: u32 = 8;
    const DEPTHS: u32 = DIRECTORY + 2 + 12 * ENTRIES as u32 + 4;
    const STRIP: u32 = DEPTHS + 6;
    let long = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    let (samples, compression, photometric, options) = match kind {
        Kind::Grey => (1, 1, 1, 0),
        Kind::Rgb => (3, 1, 2, 0),
        Kind::Fax { compression, options, black_is_one } => (1, *compression, u32::from(*black_is_one), *options),
    };
    let bits = if matches!(kind, Kind::Fax { .. }) { 1 } else { 8 };
    let depths = if samples == 3 { DEPTHS } else { bits };
    let entries: [(u16, u16, u32, u32); ENTRIES as usize] = [
        (256, 4, 1, long(width)),
        (257, 4, 1, long(height)),
        (258, 3, samples, depths),
        (259, 3, 1, compression),
        (262, 3, 1, photometric),
        (273, 4, 1, STRIP),
        (277, 3, 1, samples),
        (278, 4, 1, long(height)),
        (279, 4, 1, long(strip.len())),
        (292, 4, 1, options),
    ];
    let mut file = Vec::with_capacity(STRIP as usize + strip.len());
    file.extend_from_slice(b"II*\0\x08\0\0\0");
    file.extend_from_slice(&u16::from(ENTRIES).to_le_bytes());
    for (tag, kind, count, value) in entries {
        file.extend_from_slice(&tag.to_le_bytes());
        file.extend_from_slice(&kind.to_le_bytes());
        file.extend_from_slice(&count.to_le_bytes());
        file.extend_from_slice(&value.to_le_bytes());
    }
    file.extend_from_slice(&[0; 4]);
    file.extend_from_slice(&[8, 0, 8, 0, 8, 0]);
    file.extend_from_slice(strip);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pixels(octets: &[u8], width: usize, bits: usize, space: Space) -> image::DynamicImage {
        let height = 8;
        let Picture::File(tiff) = (Pixels { octets: octets.repeat(height), width, height, bits, space, inverted: false }).into_tiff()
        else {
            panic!("no picture")
        };
        image::load_from_memory_with_format(&tiff, image::ImageFormat::Tiff).unwrap()
    }

    #[test]
    fn raw_pixels_become_a_file_that_decodes_to_them() {
        assert_eq!(pixels(&[1, 2, 3].repeat(8), 8, 8, Space::Rgb).to_rgb8().get_pixel(7, 7).0, [1, 2, 3]);
        assert_eq!(pixels(&[0b1010_0000], 8, 1, Space::Grey).to_luma8().into_raw()[..4], [255, 0, 255, 0]);
        assert_eq!(pixels(&[0, 0, 0, 255].repeat(8), 8, 8, Space::Cmyk).to_rgb8().get_pixel(0, 0).0, [0; 3]);
        let palette = Space::Indexed(vec![[9, 9, 9], [1, 2, 3]]);
        assert_eq!(pixels(&[0x01; 4], 8, 4, palette).to_rgb8().get_pixel(1, 0).0, [1, 2, 3]);
    }
}
