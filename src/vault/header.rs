//! The head of a sealed file: to whom it is sealed. What is sealed can be passed on behind another head, and nobody has to open it.

use std::io::{Read, Seek, SeekFrom};

use super::{ObjectId, Vault, VaultError};

/// More octets than the header of any object has: a stanza for each of the four audiences and the line that ends it.
const MOST: usize = 2_048;
/// How a header begins.
const BEGINS: &[u8] = b"age-encryption.org/v1\n-> ";
/// How the line begins that ends a header.
const END: &[u8] = b"\n--- ";

/// A header that somebody who can open an object has made for one receiver. It holds the object's key, as the receiver alone opens
/// it; whether it does, only the receiver can say.
#[derive(Clone, PartialEq, Eq)]
pub struct Header(Vec<u8>);

impl Header {
    /// `None` where these octets are not one whole header and nothing else.
    pub fn of(octets: Vec<u8>) -> Option<Self> {
        let whole = octets.starts_with(BEGINS) && length(&octets) == Some(octets.len());
        whole.then_some(Self(octets))
    }
}

impl Vault {
    /// The first octets of a sealed object: its header is in them, and of its content hardly anything.
    ///
    /// # Errors
    /// As [`Vault::ciphertext`].
    pub fn header(&self, object: &ObjectId) -> Result<Vec<u8>, VaultError> {
        let (path, file) = self.object(object)?;
        let mut octets = Vec::new();
        file.take(MOST as u64).read_to_end(&mut octets).map_err(VaultError::io(&path))?;
        Ok(octets)
    }

    /// A sealed object behind another header: what is sealed is as it was, and opens to the receiver.
    ///
    /// # Errors
    /// `Missing` when it is not there, and `Damaged` when it has no header of its own.
    pub fn behind(&self, object: &ObjectId, header: &Header) -> Result<Vec<u8>, VaultError> {
        let begins = length(&self.header(object)?);
        let (path, mut file) = self.object(object)?;
        let Some(begins) = begins else { return Err(VaultError::Damaged { path, why: "its header is not whole" }) };
        let mut octets = header.0.clone();
        file.seek(SeekFrom::Start(begins as u64)).map_err(VaultError::io(&path))?;
        file.read_to_end(&mut octets).map_err(VaultError::io(&path))?;
        Ok(octets)
    }

    /// How many octets the file of a sealed object has.
    ///
    /// # Errors
    /// `Missing` when it is not there.
    pub fn size(&self, object: &ObjectId) -> Result<u64, VaultError> {
        let (path, file) = self.object(object)?;
        Ok(file.metadata().map_err(VaultError::io(&path))?.len())
    }
}

/// Up to the end of the line that ends it.
fn length(octets: &[u8]) -> Option<usize> {
    let last = octets.windows(END.len()).take(MOST).position(|some| some == END)? + 1;
    Some(last + octets[last..].iter().position(|octet| *octet == b'\n')? + 1)
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;
    use crate::finding::Audience;
    use crate::vault::tests::{Furnished, furnished, plain};
    use crate::vault::{HandedOver, MemberIdentity, Receiver};

    #[test]
    fn a_file_whose_head_is_its_own_opens_as_before_and_another_head_opens_nothing() {
        let Furnished { folder: _folder, vault, dsl, .. } = furnished();
        let message = vec![b'm'; 200_000];
        let sealed = vault.seal(|| &message[..], &[Audience::Dsl]).unwrap();
        let opened = |octets: &[u8]| {
            let opener = age::Decryptor::new_buffered(octets).unwrap().decrypt(iter::once(crate::vault::Opens::identity(&dsl)));
            opener.ok().and_then(|content| plain(content).ok())
        };
        let whole = vault.ciphertext(sealed.object()).unwrap();
        assert_eq!(vault.size(sealed.object()).unwrap(), whole.len() as u64);
        let own = Header::of(whole[..length(&whole).unwrap()].to_vec()).unwrap();
        let again = vault.behind(sealed.object(), &own).unwrap();
        assert!(again == whole && opened(&again).unwrap() == message);
        let to = Receiver::Key(MemberIdentity::generate().recipient());
        let others = HandedOver::of(b"x", &to).unwrap().octets;
        let others = Header::of(others[..length(&others).unwrap()].to_vec()).unwrap();
        assert!(opened(&vault.behind(sealed.object(), &others).unwrap()).is_none());
    }

    #[test]
    fn what_is_not_one_whole_header_is_none() {
        let good = b"age-encryption.org/v1\n-> X25519 abc\ndef\n--- ghi\n".to_vec();
        assert!(Header::of(good.clone()).is_some());
        for octets in [
            b"".to_vec(),
            good[..good.len() - 1].to_vec(),
            [&good[..], b"x"].concat(),
            good.repeat(2),
            b"age-encryption.org/v1\n--- ghi\n".to_vec(),
            good[1..].to_vec(),
            [b"age-encryption.org/v1\n-> X25519 ".as_slice(), &[b'a'; 3_000], b"\n--- ghi\n"].concat(),
        ] {
            assert!(Header::of(octets.clone()).is_none(), "{}", String::from_utf8_lossy(&octets));
        }
    }
}
