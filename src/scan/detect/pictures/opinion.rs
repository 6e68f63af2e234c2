//! Second opinions for a school's own list: other hashes of 16 by 16, which see stickers, lines of text laid over a
//! picture and small turns differently from PDQ. Nobody exchanges lists of them.

use image::{DynamicImage, GrayImage};
use img_hash::{HashAlg, HasherConfig};

use super::pdq::Hash;
use super::plane::Plane;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opinion {
    /// Of the lowest frequencies, those above the median.
    Dct16,
    /// Whether a sample is brighter than the one beside it.
    Gradient16,
}

impl Opinion {
    /// In bits: no two different pictures of the measured set came nearer.
    pub fn most(self) -> u32 {
        match self {
            Self::Dct16 => 79,
            Self::Gradient16 => 40,
        }
    }

    /// 256 bits.
    pub fn of(self, plane: &Plane) -> Option<Hash> {
        let hasher = HasherConfig::new().hash_size(16, 16);
        let hasher = match self {
            Self::Dct16 => hasher.hash_alg(HashAlg::Median).preproc_dct(),
            Self::Gradient16 => hasher.hash_alg(HashAlg::Gradient),
        };
        let hash = hasher.to_hasher().hash_image(&as_picture(plane)?);
        hash.as_bytes().try_into().ok().map(Hash::from_octets)
    }
}

fn as_picture(plane: &Plane) -> Option<DynamicImage> {
    let (width, height) = plane.extent();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "levels of brightness, 0 to 255")]
    let samples = (0..height).flat_map(|y| plane.row(y).iter().map(|sample| sample.round().clamp(0.0, 255.0) as u8)).collect();
    GrayImage::from_raw(u32::try_from(width).ok()?, u32::try_from(height).ok()?, samples).map(DynamicImage::from)
}
