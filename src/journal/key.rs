//! The key of this installation: it keys digests in the casebook and seals the lines of the journal.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use hmac::{Hmac, Mac};
use sha2::Sha256;
use tempfile::NamedTempFile;

/// 32 random octets, made once by `mailwarden init` and kept in a file that only the service can read.
/// It has no `Debug`.
#[derive(Clone)]
pub struct InstanceKey([u8; 32]);

impl InstanceKey {
    /// # Errors
    /// When the kernel gives no random octets.
    pub fn random() -> io::Result<Self> {
        let mut octets = [0; 32];
        getrandom::fill(&mut octets).map_err(|error| io::Error::other(error.to_string()))?;
        Ok(Self(octets))
    }

    /// Makes a key and keeps it in a new file, mode 0600, durably.
    ///
    /// # Errors
    /// `AlreadyExists` when there is such a file: another key would make the casebook blind to what it knows.
    pub fn create(path: &Path) -> io::Result<Self> {
        let key = Self::random()?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = NamedTempFile::new_in(folder)?;
        file.write_all(&key.0)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path)?;
        File::open(folder)?.sync_all()?;
        Ok(key)
    }

    /// # Errors
    /// When the file cannot be read, or does not hold 32 octets.
    pub fn read(path: &Path) -> io::Result<Self> {
        let octets = fs::read(path)?;
        octets.try_into().map(Self).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "an instance key is 32 octets long"))
    }

    /// HMAC-SHA-256 over all pieces, one after the other. The label keeps the uses of the key apart.
    pub fn mac(&self, label: &str, pieces: &[&[u8]]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(label.as_bytes());
        mac.update(&[0]);
        for piece in pieces {
            mac.update(piece);
        }
        mac.finalize().into_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_made_and_is_never_made_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("instance.key");
        let made = InstanceKey::create(&path).unwrap();
        assert!(InstanceKey::read(&path).unwrap().0 == made.0);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(InstanceKey::create(&path).err().unwrap().kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn a_file_of_another_length_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("instance.key");
        fs::write(&path, [7; 31]).unwrap();
        assert_eq!(InstanceKey::read(&path).err().unwrap().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn the_label_tells_two_uses_apart() {
        let key = InstanceKey([1; 32]);
        assert_ne!(key.mac("address", &[b"x"]), key.mac("content", &[b"x"]));
    }
}
