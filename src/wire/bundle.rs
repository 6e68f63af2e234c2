//! The rules and lists as they travel into the cage: one sealed memory file, of which large lists are read where they lie.

use std::fmt;
use std::io;
use std::ops::{Deref, Range};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Message, MessageWriter};

/// Everything that a scan process needs to know beforehand, as it stands in the files: it is parsed and
/// compiled inside the cage, once, and shared by the workers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// `rules/<category>/<name>.toml`, in the order of their paths; a later file of the same id replaces an earlier one.
    pub rules: Vec<SourceFile>,
    /// `rules/lists/<name>.txt`, in the order of their paths; a later file of the same name replaces an earlier one.
    pub word_lists: Vec<SourceFile>,
    /// `rules/weights/learnt.txt`; of several directories the last one's is in force.
    pub weights: Vec<SourceFile>,
    /// `hashsets/*` but for the compiled lists, in the order of their paths.
    pub hash_lists: Vec<SourceFile>,
    /// `hashsets/*.digests`, in the order of their paths.
    #[serde(skip)]
    pub compiled_lists: Vec<CompiledList>,
    /// On the clock of this machine: a caged process has none. Exceptions that ended before it do not come into force.
    pub today: Date,
    /// Rules that are only tested run too: somebody asks what they would do. Not part of the bundle's name.
    pub tested_too: bool,
}

/// A file as it was read, with the path as the person who wrote it would type it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceFile {
    pub path: PathBuf,
    pub octets: Vec<u8>,
}

/// A list as `mailwarden hashes import` compiled it: read where it lies, by all workers together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompiledList {
    pub path: PathBuf,
    pub octets: Shared,
}

/// A part of octets that several hold.
#[derive(Clone)]
pub struct Shared {
    whole: Arc<dyn Deref<Target = [u8]> + Send + Sync>,
    range: Range<usize>,
}

/// What stands before the compiled lists.
type Head = (Bundle, Vec<(PathBuf, u64)>);

/// Compiled lists begin at multiples of it, in octets.
const ALIGNMENT: usize = 64;
/// Of the length of what stands before them.
const LENGTH: usize = 8;

impl Bundle {
    /// The bundle as it travels: in a sealed memory file, since lists of digests exceed any frame.
    ///
    /// # Errors
    /// When memory is short.
    pub fn seal(&self) -> io::Result<Message> {
        let lists: Vec<_> = self.compiled_lists.iter().map(|list| (&list.path, list.octets.len() as u64)).collect();
        let head = postcard::to_stdvec(&(self, lists)).map_err(io::Error::other)?;
        let mut writer = MessageWriter::new();
        let padding = |length: usize| &[0; ALIGNMENT][..length.next_multiple_of(ALIGNMENT) - length];
        writer.write(&(head.len() as u64).to_le_bytes())?;
        writer.write(&head)?;
        writer.write(padding(LENGTH + head.len()))?;
        for list in &self.compiled_lists {
            writer.write(&list.octets)?;
            writer.write(padding(list.octets.len()))?;
        }
        writer.seal()
    }

    /// Reads what [`Bundle::seal`] wrote. `None` for anything else.
    pub fn open(octets: &Arc<dyn Deref<Target = [u8]> + Send + Sync>) -> Option<Self> {
        let length = usize::try_from(u64::from_le_bytes(*octets.first_chunk::<LENGTH>()?)).ok()?;
        let end = LENGTH.checked_add(length)?;
        let (mut bundle, lists) = postcard::from_bytes::<Head>(octets.get(LENGTH..end)?).ok()?;
        let mut start = end.next_multiple_of(ALIGNMENT);
        for (path, length) in lists {
            let end = start.checked_add(usize::try_from(length).ok()?)?;
            octets.get(start..end)?;
            bundle.compiled_lists.push(CompiledList { path, octets: Shared { whole: Arc::clone(octets), range: start..end } });
            start = end.next_multiple_of(ALIGNMENT);
        }
        Some(bundle)
    }

    /// Of the compiled lists together, in octets: what a scan process holds of them beside what is its own.
    pub fn shared_octets(&self) -> u64 {
        self.compiled_lists.iter().map(|list| list.octets.len() as u64).sum()
    }
}

impl Shared {
    pub fn of(octets: Vec<u8>) -> Self {
        let range = 0..octets.len();
        Self { whole: Arc::new(octets), range }
    }
}

impl Deref for Shared {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.whole[self.range.clone()]
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} octets", self.len())
    }
}

impl PartialEq for Shared {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Shared {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn a_bundle_comes_back_as_it_was_sealed() {
        let file = |name: &str| SourceFile { path: name.into(), octets: name.as_bytes().to_vec() };
        let list = |name: &str, octets: &[u8]| CompiledList { path: name.into(), octets: Shared::of(octets.to_vec()) };
        for compiled_lists in [Vec::new(), vec![list("a.digests", &[7; 100]), list("b.digests", &[]), list("c.digests", b"xyz")]] {
            let bundle = Bundle { rules: vec![file("rule")], hash_lists: vec![file("a.toml")], compiled_lists, ..Bundle::default() };
            let mut octets = Vec::new();
            bundle.seal().unwrap().reader().read_to_end(&mut octets).unwrap();
            let open = |octets: &[u8]| Bundle::open(&(Arc::new(octets.to_vec()) as Arc<dyn Deref<Target = [u8]> + Send + Sync>));
            assert_eq!(open(&octets), Some(bundle));
            for cut in [0, 7, 30] {
                assert_eq!(open(&octets[..cut]), None);
            }
        }
    }
}
