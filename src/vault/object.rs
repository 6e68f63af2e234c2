//! The name of a sealed object, and the receipt that proves it is safely there.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

/// 128 random bits. Never derived from the content: a name that was would tell anybody with a list of
/// digests what is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId([u8; 16]);

impl ObjectId {
    pub(super) fn random() -> io::Result<Self> {
        let mut octets = [0; 16];
        getrandom::fill(&mut octets).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self(octets))
    }

    /// Under the vault's folder: `objects/ab/ab….age`.
    pub(super) fn path(self) -> PathBuf {
        let name = self.to_string();
        PathBuf::from("objects").join(&name[..2]).join(format!("{name}.age"))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for ObjectId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut octets = [0; 16];
        hex::decode_to_slice(text, &mut octets).map_err(|_| format!("`{text}` is not the name of a sealed object"))?;
        Ok(Self(octets))
    }
}

/// An object is sealed, was read back and compared, and is on the disk under its name. Only the vault makes
/// one, and without one nothing is removed from a mailbox.
#[derive(Debug)]
#[must_use = "a receipt that nobody records is an object that nobody knows"]
pub struct Receipt {
    object: ObjectId,
    ciphertext_sha256: [u8; 32],
}

impl Receipt {
    pub(super) fn new(object: ObjectId, ciphertext_sha256: [u8; 32]) -> Self {
        Self { object, ciphertext_sha256 }
    }

    pub fn object(&self) -> &ObjectId {
        &self.object
    }

    /// Of the file as it was read back.
    pub fn ciphertext_sha256(&self) -> &[u8; 32] {
        &self.ciphertext_sha256
    }
}
