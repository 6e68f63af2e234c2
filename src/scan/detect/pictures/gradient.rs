//! A second opinion for a school's own list: the gradient hash of 16 by 16, which sees stickers and lines of
//! text laid over a picture differently from PDQ. Nobody exchanges lists of it.

use image::DynamicImage;
use img_hash::{HashAlg, HasherConfig};

/// In bits: no two different pictures of the measured set came nearer.
pub const MAX_DISTANCE: u32 = 40;

/// 256 bits.
pub fn gradient16(picture: &DynamicImage) -> Option<[u8; 32]> {
    let hasher = HasherConfig::new().hash_alg(HashAlg::Gradient).hash_size(16, 16).to_hasher();
    hasher.hash_image(picture).as_bytes().try_into().ok()
}
