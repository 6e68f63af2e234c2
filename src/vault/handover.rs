//! A sealed message as it leaves the house: sealed anew, to somebody outside who has no part in any audience.
//!
//! The ring is never handed over: its key would open every case of the audience. What was sealed is opened and sealed again in
//! memory, piece by piece, and nothing of it is written down in between.

use std::io::{self, Read};

use age::scrypt;
use age::secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::key::Recipient;
use super::proof::{Capture, CapturedKey};
use super::{Measure, ObjectId, Opens, Vault, VaultError};
use crate::wire::Digester;

/// In characters; the police officer types it once.
const SHORTEST_PASSPHRASE: usize = 16;

/// Who can open what is handed over.
pub enum Receiver {
    /// Whoever has the private half.
    Key(Recipient),
    /// Whoever is told it, by another way than the file goes.
    Passphrase(Passphrase),
}

/// A passphrase that nobody guesses. It has no `Debug`; wiped when dropped.
pub struct Passphrase(SecretString);

/// A file for the receiver.
pub struct HandedOver {
    /// An age v1 file.
    pub octets: Vec<u8>,
    /// Of what is sealed in it.
    pub measure: Measure,
    /// Of what is sealed in it: for whoever opens it with other tools.
    pub content_sha256: [u8; 32],
}

impl Passphrase {
    /// Without the blanks at its ends, where a line break stands in a file.
    ///
    /// # Errors
    /// When it is too short.
    pub fn new(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.chars().count() < SHORTEST_PASSPHRASE {
            return Err(format!("a passphrase has {SHORTEST_PASSPHRASE} characters or more: six words chosen by lot, say"));
        }
        Ok(Self(SecretString::from(text.to_owned())))
    }
}

impl Vault {
    /// Opens a sealed object and seals it for the receiver. The file was read back and compared when this returns.
    ///
    /// # Errors
    /// As [`Vault::unseal`]; `Damaged` for damage anywhere inside; `NotProven` when the new file does not read back as it was.
    pub fn hand_over(&self, object: &ObjectId, key: &impl Opens, to: &Receiver) -> Result<HandedOver, VaultError> {
        let path = self.folder.join(object.path());
        let mut opened = Measuring::of(self.unseal(object, key)?);
        let (octets, opener) = seal(&mut opened, to).map_err(VaultError::reading(&path))?;
        HandedOver::proven(octets, &opener, opened.finish()).map_err(|_| VaultError::NotProven { path })
    }
}

impl HandedOver {
    /// Seals what is written for the receiver and lies in no vault.
    ///
    /// # Errors
    /// When it does not read back as it was.
    pub fn of(text: &[u8], to: &Receiver) -> io::Result<Self> {
        let mut plain = Measuring::of(text);
        let (octets, opener) = seal(&mut plain, to)?;
        Self::proven(octets, &opener, plain.finish())
    }

    /// Reads the file back, and compares what is in it with what went into it.
    fn proven(octets: Vec<u8>, opener: &Opener<'_>, went_in: (Measure, [u8; 32])) -> io::Result<Self> {
        let mut opened = Measuring::of(open(&octets, opener)?);
        io::copy(&mut opened, &mut io::sink())?;
        let (measure, content_sha256) = opened.finish();
        if (measure, content_sha256) == went_in {
            Ok(Self { octets, measure, content_sha256 })
        } else {
            Err(io::Error::other("what was sealed does not read back as it was"))
        }
    }
}

/// What opens a file that was only just made.
enum Opener<'a> {
    Captured(CapturedKey),
    Passphrase(&'a Passphrase),
}

fn seal(mut plain: impl Read, to: &Receiver) -> io::Result<(Vec<u8>, Opener<'_>)> {
    let capture = Capture::default();
    let sealing = match to {
        Receiver::Key(recipient) => {
            let to = [&recipient.0 as &dyn age::Recipient, &capture];
            age::Encryptor::with_recipients(to.into_iter()).map_err(io::Error::other)?
        }
        // It stands alone in a file: age sees to that.
        Receiver::Passphrase(passphrase) => age::Encryptor::with_user_passphrase(passphrase.0.clone()),
    };
    let mut out = sealing.wrap_output(Vec::new())?;
    io::copy(&mut plain, &mut out)?;
    let octets = out.finish()?;
    let opener = match to {
        Receiver::Key(_) => Opener::Captured(capture.into_key().ok_or_else(|| io::Error::other("no file key was made"))?),
        Receiver::Passphrase(passphrase) => Opener::Passphrase(passphrase),
    };
    Ok((octets, opener))
}

fn open<'a>(octets: &'a [u8], opener: &Opener<'_>) -> io::Result<impl Read + use<'a>> {
    let decryptor = age::Decryptor::new_buffered(octets).map_err(io::Error::other)?;
    match opener {
        Opener::Captured(key) => decryptor.decrypt(std::iter::once(key as &dyn age::Identity)),
        Opener::Passphrase(Passphrase(passphrase)) => {
            let identity = scrypt::Identity::new(passphrase.clone());
            decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity))
        }
    }
    .map_err(io::Error::other)
}

/// Measures what passes through.
struct Measuring<R> {
    inner: R,
    digester: Digester,
    sha256: Sha256,
    size: u64,
}

impl<R> Measuring<R> {
    fn of(inner: R) -> Self {
        Self { inner, digester: Digester::default(), sha256: Sha256::new(), size: 0 }
    }

    fn finish(self) -> (Measure, [u8; 32]) {
        (Measure { digest: self.digester.finish().whole, size: self.size }, self.sha256.finalize().into())
    }
}

impl<R: Read> Read for Measuring<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.digester.update(&buffer[..read]);
        self.sha256.update(&buffer[..read]);
        self.size += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Audience;
    use crate::vault::MemberIdentity;
    use crate::vault::tests::{Furnished, furnished, plain};

    fn message(size: usize) -> Vec<u8> {
        (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect()
    }

    #[test]
    fn what_is_handed_over_opens_to_the_receiver_and_to_nobody_else() {
        let Furnished { folder: _folder, vault, dsl, head } = furnished();
        let officer = MemberIdentity::generate();
        let to = Receiver::Key(officer.recipient());
        for size in [0, 1, 65_536, 300_000] {
            let message = message(size);
            let sealed = vault.seal(|| &message[..], &[Audience::Dsl]).unwrap();
            let handed = vault.hand_over(sealed.object(), &dsl, &to).unwrap();
            assert_eq!(handed.content_sha256, <[u8; 32]>::from(Sha256::digest(&message)));
            assert_eq!(handed.measure, vault.measure(sealed.object(), &dsl).unwrap());
            let opened = |identity: &dyn age::Identity| {
                age::Decryptor::new_buffered(&handed.octets[..])
                    .unwrap()
                    .decrypt(std::iter::once(identity))
                    .map(|read| plain(read).unwrap())
            };
            assert!(opened(&officer.0).unwrap() == message, "{size}");
            for other in [&dsl, &head] {
                assert!(matches!(opened(other.identity()), Err(age::DecryptError::NoMatchingKeys)), "{size}");
            }
        }
    }

    #[test]
    fn a_passphrase_opens_it_too_and_a_short_one_is_none() {
        let Furnished { folder: _folder, vault, dsl, .. } = furnished();
        assert!(Passphrase::new("   too short      ").is_err_and(|why| why.contains("16 characters")));
        let passphrase = Passphrase::new("six words that nobody will guess\n").unwrap();
        let sealed = vault.seal(|| &b"evidence"[..], &[Audience::Dsl]).unwrap();
        let handed = vault.hand_over(sealed.object(), &dsl, &Receiver::Passphrase(passphrase)).unwrap();
        let identity = scrypt::Identity::new(SecretString::from("six words that nobody will guess".to_owned()));
        let opened = age::Decryptor::new_buffered(&handed.octets[..]).unwrap().decrypt(std::iter::once(&identity as &dyn age::Identity));
        assert_eq!(plain(opened.unwrap()).unwrap(), b"evidence");
    }

    #[test]
    fn what_is_damaged_or_sealed_to_others_is_not_handed_over() {
        let Furnished { folder, vault, dsl, head } = furnished();
        let to = Receiver::Key(MemberIdentity::generate().recipient());
        let sealed = vault.seal(|| io::repeat(7).take(200_000), &[Audience::Dsl]).unwrap();
        assert!(matches!(vault.hand_over(sealed.object(), &head, &to), Err(VaultError::WrongIdentity { .. })));
        let path = folder.path().join(sealed.object().path());
        let mut octets = std::fs::read(&path).unwrap();
        *octets.last_mut().unwrap() ^= 1;
        std::fs::write(&path, octets).unwrap();
        assert!(matches!(vault.hand_over(sealed.object(), &dsl, &to), Err(VaultError::Damaged { .. })));
    }
}
