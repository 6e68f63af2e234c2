//! Ciphertext only: seals messages and sheets to an audience, and proves that what was sealed opens.
//!
//! An object is an age v1 file under a random name. It is written in `tmp/`, synced, read back, opened with the
//! key caught while it was sealed, compared with the original, and only then given its name in `objects/`.

mod error;
mod file;
mod handover;
mod header;
mod key;
mod object;
mod proof;
mod recipients;
mod ring;
mod sweep;

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read};
use std::path::{Path, PathBuf};

use crate::finding::Audience;
use crate::steps::{pretended, step};
use crate::wire::Digester;
use proof::{Capture, CapturedKey, Hashing};

pub use error::VaultError;
pub use handover::{HandedOver, Passphrase, Receiver};
pub use header::Header;
pub use key::{AudienceIdentity, Member, MemberIdentity, Opens, Recipient};
pub use object::{ObjectId, Receipt};
pub use proof::ObjectKey;
pub use recipients::{Recipients, Unusable};
pub use ring::Ring;
pub use sweep::{MOST_STRANGERS, Swept};

/// How much must stay free on the disk; the larger of the two counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reserve {
    /// In octets.
    pub octets: u64,
    /// Of the file system, 0 to 100.
    pub percent: u64,
}

impl Default for Reserve {
    fn default() -> Self {
        Self { octets: 500 << 20, percent: 5 }
    }
}

/// What is sealed in an object, without its octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// As [`crate::wire::Message::digest`], by which a message is known.
    pub digest: [u8; 32],
    /// In octets.
    pub size: u64,
}

/// A folder of sealed objects and of the public keys that seal them.
#[derive(Clone, Debug)]
pub struct Vault {
    folder: PathBuf,
    reserve: Reserve,
}

impl Vault {
    /// Opens the vault in an existing folder and makes what is missing in it, mode 0750.
    ///
    /// # Errors
    /// When a folder cannot be made.
    pub fn open(folder: &Path) -> Result<Self, VaultError> {
        let make = |path: PathBuf| file::create_folder(&path).map_err(VaultError::io(&path));
        make(folder.to_owned())?;
        for name in ["objects", "recipients", "ring", "tmp"] {
            make(folder.join(name))?;
        }
        // All at once, so that no object ever waits for the name of its folder to reach the disk.
        let objects = folder.join("objects");
        for first in 0..=u8::MAX {
            make(objects.join(hex::encode([first])))?;
        }
        for path in [folder, &objects] {
            file::sync_folder(path).map_err(VaultError::io(path))?;
        }
        Ok(Self { folder: folder.to_owned(), reserve: Reserve::default() })
    }

    /// A vault of another process, for reading: nothing in it is made or changed.
    pub fn of_another(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), reserve: Reserve::default() }
    }

    #[must_use]
    pub fn with_reserve(self, reserve: Reserve) -> Self {
        Self { reserve, ..self }
    }

    pub fn ring(&self) -> Ring<'_> {
        Ring { vault: &self.folder }
    }

    /// Whether there is room to seal anything at all.
    ///
    /// # Errors
    /// `Full` when less than the reserve is free.
    pub fn check_room(&self) -> Result<(), VaultError> {
        let disk = rustix::fs::statvfs(&self.folder).map_err(|error| VaultError::io(&self.folder)(error.into()))?;
        let free = pretended("free").unwrap_or_else(|| disk.f_bavail.saturating_mul(disk.f_frsize));
        let needed = self.reserve.octets.max(disk.f_blocks.saturating_mul(disk.f_frsize) / 100 * self.reserve.percent);
        if free < needed { Err(VaultError::Full { path: self.folder.clone(), free, needed }) } else { Ok(()) }
    }

    /// As [`Vault::seal_to`], to audiences whose keys are read for that.
    ///
    /// # Errors
    /// As [`Vault::seal_to`]; and when there is no such key.
    pub fn seal<R: Read>(&self, open: impl Fn() -> R, audiences: &[Audience]) -> Result<Receipt, VaultError> {
        let recipients = audiences.iter().map(|audience| self.ring().recipient(*audience)).collect::<Result<Vec<_>, _>>()?;
        self.seal_to(open, &recipients)
    }

    /// Seals what `open` reads, which is asked for twice: once to be sealed, once to be compared with what the
    /// disk gives back. Neither is ever held in memory as a whole.
    ///
    /// # Errors
    /// When nothing can be promised; then nothing is left behind either.
    pub fn seal_to<R: Read>(&self, open: impl Fn() -> R, recipients: &[Recipient]) -> Result<Receipt, VaultError> {
        self.check_room()?;
        if recipients.is_empty() {
            return Err(VaultError::NoAudience);
        }
        let object = ObjectId::random().map_err(VaultError::io(&self.folder))?;
        let drafts = self.folder.join("tmp");
        let path = drafts.join(object.to_string());
        let home = self.folder.join(object.path());

        step("seal.write");
        let draft = file::Draft::at(&path);
        let (file, key) = write(&path, open(), recipients).map_err(VaultError::io(&path))?;
        step("seal.fsync");
        file::sync(&file).map_err(VaultError::io(&path))?;
        drop(file);
        step("seal.prove");
        let ciphertext_sha256 = prove(&path, &key, open())?;
        step("seal.rename");
        draft.rename(&home).map_err(VaultError::io(&home))?;
        step("seal.fsync-folder");
        for folder in [home.parent().unwrap_or(&self.folder), &drafts] {
            file::sync_folder(folder).map_err(VaultError::io(folder))?;
        }
        Ok(Receipt::new(object, ciphertext_sha256))
    }

    /// Takes back what was sealed and never recorded: nobody will ask for it. What stays behind all the same is swept.
    pub fn discard(&self, object: ObjectId) {
        let _ = std::fs::remove_file(self.folder.join(object.path()));
    }

    /// Removes sealed objects for good: when it returns, none of them is there after a power cut either. Once more changes
    /// nothing. That nobody needs them any more is to be written down before.
    ///
    /// # Errors
    /// When the disk refuses; then some may be gone, and it is to be asked again.
    pub fn destroy(&self, objects: &[ObjectId]) -> Result<(), VaultError> {
        for object in objects {
            let path = self.folder.join(object.path());
            step("destroy.unlink");
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(VaultError::io(&path)(error)),
                _ => {}
            }
            step("destroy.fsync-folder");
            let folder = path.parent().unwrap_or(&self.folder);
            file::sync_folder(folder).map_err(VaultError::io(folder))?;
        }
        Ok(())
    }

    /// A receipt again, for an object that was sealed and recorded before a crash.
    ///
    /// # Errors
    /// `Missing` or `Damaged` when it is not there as it was recorded: then nothing may be removed for it.
    pub fn confirm(&self, object: &ObjectId, ciphertext_sha256: &[u8; 32]) -> Result<Receipt, VaultError> {
        let (path, file) = self.object(object)?;
        let found = Hashing::new(file).finish().map_err(VaultError::io(&path))?;
        if found == *ciphertext_sha256 {
            Ok(Receipt::new(*object, found))
        } else {
            Err(VaultError::Damaged { path, why: "its octets are not those that were sealed" })
        }
    }

    /// Opens an object. Damage further inside shows when it is read, as an `InvalidData` or an `UnexpectedEof`;
    /// what was read before it is genuine.
    ///
    /// # Errors
    /// `WrongIdentity` when it was sealed to others; `Damaged` or `Missing` when it can be opened by nobody.
    pub fn unseal<K: Opens>(&self, object: &ObjectId, key: &K) -> Result<impl Read + use<K>, VaultError> {
        let (path, file) = self.object(object)?;
        age::Decryptor::new_buffered(BufReader::new(file))
            .and_then(|sealed| sealed.decrypt(std::iter::once(key.identity())))
            .map_err(VaultError::opening(&path))
    }

    /// Reads a sealed object to its end, so that what it holds is known before any of it goes anywhere.
    ///
    /// # Errors
    /// As [`Vault::unseal`]; `Damaged` for damage anywhere inside.
    pub fn measure(&self, object: &ObjectId, key: &impl Opens) -> Result<Measure, VaultError> {
        let mut digester = Digester::default();
        let size = io::copy(&mut self.unseal(object, key)?, &mut digester);
        let size = size.map_err(VaultError::reading(&self.folder.join(object.path())))?;
        Ok(Measure { digest: digester.finish().whole, size })
    }

    /// A sealed object as it lies on the disk.
    ///
    /// # Errors
    /// `Missing` when it is not there.
    pub fn ciphertext(&self, object: &ObjectId) -> Result<Vec<u8>, VaultError> {
        let (path, mut file) = self.object(object)?;
        let mut octets = Vec::new();
        file.read_to_end(&mut octets).map_err(VaultError::io(&path))?;
        Ok(octets)
    }

    fn object(&self, object: &ObjectId) -> Result<(PathBuf, File), VaultError> {
        let path = self.folder.join(object.path());
        match File::open(&path) {
            Ok(file) => Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(VaultError::Missing { path }),
            Err(source) => Err(VaultError::Io { path, source }),
        }
    }
}

/// Seals to the recipients, and catches the file key on the way.
fn write(path: &Path, mut plain: impl Read, recipients: &[Recipient]) -> io::Result<(File, CapturedKey)> {
    let capture = Capture::default();
    let to = recipients.iter().map(|recipient| &recipient.0 as &dyn age::Recipient).chain([&capture as &dyn age::Recipient]);
    let sealing = age::Encryptor::with_recipients(to).map_err(io::Error::other)?;
    let mut out = sealing.wrap_output(BufWriter::new(file::create_sealed(path)?))?;
    io::copy(&mut plain, &mut out)?;
    let file = out.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    let key = capture.into_key().ok_or_else(|| io::Error::other("no file key was made"))?;
    Ok((file, key))
}

/// Reads the file back, opens it and compares it with the original. Returns the SHA-256 of the file.
fn prove(path: &Path, key: &CapturedKey, original: impl Read) -> Result<[u8; 32], VaultError> {
    let mut sealed = Hashing::new(File::open(path).map_err(VaultError::io(path))?);
    let opened = age::Decryptor::new_buffered(BufReader::new(&mut sealed))
        .and_then(|sealed| sealed.decrypt(std::iter::once(key as &dyn age::Identity)))
        .map_err(VaultError::opening(path))?;
    if !proof::same(opened, original).map_err(VaultError::reading(path))? {
        return Err(VaultError::NotProven { path: path.to_owned() });
    }
    sealed.finish().map_err(VaultError::io(path))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::wire::Message;

    pub struct Furnished {
        pub folder: tempfile::TempDir,
        pub vault: Vault,
        pub dsl: AudienceIdentity,
        pub head: AudienceIdentity,
    }

    pub fn furnished() -> Furnished {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let identity = MemberIdentity::generate();
        let key = |audience| {
            vault.ring().create(audience, &[Member { name: "Ann".to_owned(), recipient: identity.recipient() }]).unwrap();
            vault.ring().open(audience, &identity).unwrap()
        };
        let (dsl, head) = (key(Audience::Dsl), key(Audience::Head));
        Furnished { folder, vault, dsl, head }
    }

    pub fn plain(sealed: impl Read) -> io::Result<Vec<u8>> {
        let mut octets = Vec::new();
        { sealed }.read_to_end(&mut octets).map(|_| octets)
    }

    fn drafts(folder: &Path) -> usize {
        fs::read_dir(folder.join("tmp")).unwrap().count()
    }

    #[test]
    fn what_is_sealed_to_two_audiences_opens_to_both() {
        let Furnished { folder: _folder, vault, dsl, head } = furnished();
        for size in [0, 1, 65_535, 65_536, 65_537, 300_000] {
            let message: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
            let receipt = vault.seal(|| &message[..], &[Audience::Dsl, Audience::Head]).unwrap();
            assert!(plain(vault.unseal(receipt.object(), &dsl).unwrap()).unwrap() == message, "{size}");
            assert!(plain(vault.unseal(receipt.object(), &head).unwrap()).unwrap() == message, "{size}");
        }
    }

    #[test]
    fn what_is_destroyed_is_gone_and_nothing_else_is_and_once_more_changes_nothing() {
        let Furnished { folder: _folder, vault, dsl, .. } = furnished();
        let [gone, kept] = ["gone", "kept"].map(|text| vault.seal(|| text.as_bytes(), &[Audience::Dsl]).unwrap());
        for _ in 0..2 {
            vault.destroy(&[*gone.object()]).unwrap();
            assert!(matches!(vault.unseal(gone.object(), &dsl), Err(VaultError::Missing { .. })));
            assert_eq!(plain(vault.unseal(kept.object(), &dsl).unwrap()).unwrap(), b"kept");
        }
    }

    #[test]
    fn an_identity_that_does_not_open_it_is_told_from_a_file_that_is_damaged() {
        let Furnished { folder, vault, dsl, head } = furnished();
        let receipt = vault.seal(|| io::repeat(7).take(100_000), &[Audience::Dsl]).unwrap();
        let path = folder.path().join(receipt.object().path());
        assert!(matches!(vault.unseal(receipt.object(), &head), Err(VaultError::WrongIdentity { path: named }) if named == path));

        let whole = fs::read(&path).unwrap();
        // The version, the header's MAC, and half a header.
        let mac = whole.windows(4).position(|four| four == b"\n---").unwrap() + 6;
        for (name, octets) in [("version", flipped(&whole, 3)), ("mac", flipped(&whole, mac)), ("cut", whole[..60].to_vec())] {
            fs::write(&path, octets).unwrap();
            assert!(matches!(vault.unseal(receipt.object(), &dsl), Err(VaultError::Damaged { .. })), "{name}");
        }
        // Further in, it shows when it is read.
        for (octets, kind) in
            [(flipped(&whole, whole.len() - 1), io::ErrorKind::InvalidData), (flipped(&whole, 70_000), io::ErrorKind::InvalidData)]
        {
            fs::write(&path, octets).unwrap();
            assert_eq!(plain(vault.unseal(receipt.object(), &dsl).unwrap()).unwrap_err().kind(), kind);
        }
        for cut in [1, 30_000] {
            fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            assert!(plain(vault.unseal(receipt.object(), &dsl).unwrap()).is_err(), "{cut} octets are missing");
        }
        fs::remove_file(&path).unwrap();
        assert!(matches!(vault.unseal(receipt.object(), &dsl), Err(VaultError::Missing { .. })));
    }

    #[test]
    fn what_is_sealed_is_measured_to_its_end_or_not_at_all() {
        let Furnished { folder, vault, dsl, head } = furnished();
        let message = vec![b'm'; 200_000];
        let receipt = vault.seal(|| &message[..], &[Audience::Dsl]).unwrap();
        let measure = Measure { digest: Message::from_octets(&message).unwrap().digest(), size: 200_000 };
        assert_eq!(vault.measure(receipt.object(), &dsl).unwrap(), measure);
        assert!(matches!(vault.measure(receipt.object(), &head), Err(VaultError::WrongIdentity { .. })));

        let path = folder.path().join(receipt.object().path());
        let whole = fs::read(&path).unwrap();
        for octets in [flipped(&whole, 150_000), whole[..150_000].to_vec()] {
            fs::write(&path, octets).unwrap();
            assert!(matches!(vault.measure(receipt.object(), &dsl), Err(VaultError::Damaged { path: named, .. }) if named == path));
        }
    }

    fn flipped(octets: &[u8], at: usize) -> Vec<u8> {
        let mut octets = octets.to_vec();
        octets[at] ^= 1;
        octets
    }

    #[test]
    fn an_original_that_reads_differently_the_second_time_gives_no_receipt_and_leaves_nothing() {
        let Furnished { folder, vault, .. } = furnished();
        let asked = Cell::new(0_u8);
        let changing = || {
            asked.set(asked.get() + 1);
            io::repeat(asked.get()).take(100_000)
        };
        assert!(matches!(vault.seal(changing, &[Audience::Dsl]), Err(VaultError::NotProven { .. })));
        assert_eq!(drafts(folder.path()), 0);
        assert_eq!(vault.sweep(|_| false).unwrap(), Swept::default());
    }

    #[test]
    fn nothing_is_sealed_to_nobody_or_on_a_full_disk() {
        let Furnished { folder: _folder, vault, .. } = furnished();
        let refused = |vault: &Vault, audiences: &[Audience]| vault.seal(|| &b"x"[..], audiences).unwrap_err();
        assert!(matches!(refused(&vault, &[]), VaultError::NoAudience));
        assert!(matches!(refused(&vault, &[Audience::Chair]), VaultError::NoRing { audience: Audience::Chair, .. }));
        let tight = vault.with_reserve(Reserve { octets: u64::MAX, percent: 0 });
        assert!(matches!(refused(&tight, &[Audience::Dsl]), VaultError::Full { needed: u64::MAX, .. }));
        let tight = tight.with_reserve(Reserve { octets: 0, percent: 100 });
        assert!(matches!(refused(&tight, &[Audience::Dsl]), VaultError::Full { .. }));
    }

    #[test]
    fn an_object_is_confirmed_only_as_it_was_recorded() {
        let Furnished { folder, vault, .. } = furnished();
        let receipt = vault.seal(|| &b"x"[..], &[Audience::Dsl]).unwrap();
        let again = vault.confirm(receipt.object(), receipt.ciphertext_sha256()).unwrap();
        assert_eq!((again.object(), again.ciphertext_sha256()), (receipt.object(), receipt.ciphertext_sha256()));

        let path = folder.path().join(receipt.object().path());
        fs::write(&path, flipped(&fs::read(&path).unwrap(), 40)).unwrap();
        assert!(matches!(vault.confirm(receipt.object(), receipt.ciphertext_sha256()), Err(VaultError::Damaged { .. })));
        fs::remove_file(&path).unwrap();
        assert!(matches!(vault.confirm(receipt.object(), receipt.ciphertext_sha256()), Err(VaultError::Missing { .. })));
    }

    #[test]
    fn only_its_owner_writes_to_the_vault_no_stranger_reads_it_and_no_plain_octet_is_in_it() {
        let Furnished { folder, vault, .. } = furnished();
        let receipt = vault.seal(|| &b"CANARY-PLAINTEXT"[..], &[Audience::Dsl]).unwrap();
        let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for name in ["objects", "objects/ab", "recipients", "ring", "tmp"] {
            assert_eq!(mode(folder.path().join(name)), 0o750, "{name}");
        }
        for name in [receipt.object().path(), "ring/dsl.age".into(), "recipients/dsl.txt".into()] {
            let path = folder.path().join(name);
            let octets = fs::read(&path).unwrap();
            assert!(!octets.windows(6).any(|six| six == b"CANARY") && !octets.windows(14).any(|secret| secret == b"AGE-SECRET-KEY"));
            assert_eq!(mode(path), 0o640);
        }
    }
}
