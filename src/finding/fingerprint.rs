//! What a list of known files would hold of one file.

use serde::{Deserialize, Serialize};

use super::Reason;

/// The digests of one file, for whoever makes a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// PDQ of the first frame, full-size family; `None` where the octets are no picture that can be decoded.
    pub pdq: Option<[u8; 32]>,
    /// 0 to 100; below 50 a PDQ says nothing.
    pub quality: u8,
    pub sha256: [u8; 32],
    pub sha1: [u8; 20],
    pub md5: [u8; 16],
    /// Why the picture was not decoded, or not to its end.
    pub incomplete: Option<Reason>,
}
