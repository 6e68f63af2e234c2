//! Ciphertext only: seals messages and sheets to an audience, and proves that what was sealed opens.
//!
//! An object is an age v1 file under a random name. It is written in `tmp/`, synced, read back, opened with the
//! key caught while it was sealed, compared with the original, and only then given its name in `objects/`.

mod error;
mod file;
mod key;
mod object;
mod proof;
mod ring;

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read};
use std::path::{Path, PathBuf};

use crate::finding::Audience;
use crate::steps::step;
use proof::{Capture, CapturedKey, Hashing};

pub use error::VaultError;
pub use key::{AudienceIdentity, Member, MemberIdentity, Recipient};
pub use object::{ObjectId, Receipt};
pub use ring::Ring;

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

/// What was swept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    pub drafts: usize,
    pub objects: usize,
}

/// More unknown objects than this were not left by a crash, whatever was in flight.
const MOST_STRANGERS: usize = 64;

/// A folder of sealed objects and of the public keys that seal them.
#[derive(Clone, Debug)]
pub struct Vault {
    folder: PathBuf,
    reserve: Reserve,
}

impl Vault {
    /// Opens the vault in an existing folder and makes what is missing in it, mode 0700.
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
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let needed = self.reserve.octets.max(disk.f_blocks.saturating_mul(disk.f_frsize) / 100 * self.reserve.percent);
        if free < needed { Err(VaultError::Full { path: self.folder.clone(), free, needed }) } else { Ok(()) }
    }

    /// Seals what `open` reads, which is asked for twice: once to be sealed, once to be compared with what the
    /// disk gives back. Neither is ever held in memory as a whole.
    ///
    /// # Errors
    /// When nothing can be promised; then nothing is left behind either.
    pub fn seal<R: Read>(&self, open: impl Fn() -> R, audiences: &[Audience]) -> Result<Receipt, VaultError> {
        self.check_room()?;
        let recipients = audiences.iter().map(|audience| self.ring().recipient(*audience)).collect::<Result<Vec<_>, _>>()?;
        if recipients.is_empty() {
            return Err(VaultError::NoAudience);
        }
        let object = ObjectId::random().map_err(VaultError::io(&self.folder))?;
        let drafts = self.folder.join("tmp");
        let path = drafts.join(object.to_string());
        let home = self.folder.join(object.path());

        step("seal.write");
        let draft = file::Draft::at(&path);
        let (file, key) = write(&path, open(), &recipients).map_err(VaultError::io(&path))?;
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
    pub fn unseal(&self, object: &ObjectId, identity: &AudienceIdentity) -> Result<impl Read + use<>, VaultError> {
        let (path, file) = self.object(object)?;
        age::Decryptor::new_buffered(BufReader::new(file))
            .and_then(|sealed| sealed.decrypt(std::iter::once(&identity.0 as &dyn age::Identity)))
            .map_err(VaultError::opening(&path))
    }

    /// Removes drafts, and objects that no row knows: they were sealed when the process died before it could
    /// record them, and their originals are still in the mailbox. Only at the start of the one process that seals.
    ///
    /// # Errors
    /// `Strangers` when there are so many that the casebook must be older than the vault; no object is removed.
    pub fn sweep(&self, known: impl Fn(&ObjectId) -> bool) -> Result<Swept, VaultError> {
        let drafts = files_in(&self.folder.join("tmp"))?;
        let mut strangers = Vec::new();
        let objects = self.folder.join("objects");
        for folder in fs::read_dir(&objects).map_err(VaultError::io(&objects))? {
            let folder = folder.map_err(VaultError::io(&objects))?.path();
            strangers.extend(files_in(&folder)?.into_iter().filter(|path| !object_at(path).is_some_and(|object| known(&object))));
        }
        if strangers.len() > MOST_STRANGERS {
            return Err(VaultError::Strangers { path: objects, count: strangers.len() });
        }
        for path in drafts.iter().chain(&strangers) {
            fs::remove_file(path).map_err(VaultError::io(path))?;
        }
        Ok(Swept { drafts: drafts.len(), objects: strangers.len() })
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
    let mut out = sealing.wrap_output(BufWriter::new(file::create(path)?))?;
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

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, VaultError> {
    let list = || fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>();
    list().map_err(VaultError::io(folder))
}

fn object_at(path: &Path) -> Option<ObjectId> {
    path.file_name()?.to_str()?.strip_suffix(".age")?.parse().ok()
}
