//! The rules and lists as they travel into the cage: one sealed memory file, of which large lists are read where they lie.

use std::io;
use std::path::PathBuf;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::Message;
use super::large::{self, Shared, Whole};

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
    /// `rules/weights/meaning.txt`; of several directories the last one's is in force, where there is a model.
    pub meaning: Vec<SourceFile>,
    /// What turns sentences into points, if there is to be one.
    #[serde(skip)]
    pub model: Option<Model>,
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

/// A model of what sentences mean, as the files of its folder hold it: read where it lies, by all workers together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The folder.
    pub path: PathBuf,
    /// `model.safetensors`
    pub weights: Shared,
    /// `vocab.txt`
    pub vocabulary: Shared,
}

impl Bundle {
    /// The bundle as it travels: in a sealed memory file, since lists of digests exceed any frame.
    ///
    /// # Errors
    /// When memory is short.
    pub fn seal(&self) -> io::Result<Message> {
        let lists: Vec<_> = self.compiled_lists.iter().map(|list| &list.path).collect();
        large::seal(&(self, lists, self.model.as_ref().map(|model| &model.path)), self.large())
    }

    /// Reads what [`Bundle::seal`] wrote. `None` for anything else.
    pub fn open(octets: &Whole) -> Option<Self> {
        let ((mut bundle, lists, model), large) = large::open::<(Self, Vec<PathBuf>, Option<PathBuf>)>(octets)?;
        let mut large = large.into_iter();
        for path in lists {
            bundle.compiled_lists.push(CompiledList { path, octets: large.next()? });
        }
        if let Some(path) = model {
            bundle.model = Some(Model::of(path, &mut large)?);
        }
        Some(bundle)
    }

    /// Of what is read where it lies, in octets: what a scan process holds of it beside what is its own.
    pub fn shared_octets(&self) -> u64 {
        self.large().map(|octets| octets.len() as u64).sum()
    }

    fn large(&self) -> impl Iterator<Item = &Shared> + Clone {
        self.compiled_lists.iter().map(|list| &list.octets).chain(self.model.iter().flat_map(Model::files))
    }
}

impl Model {
    /// In the order in which they travel.
    pub(super) fn files(&self) -> [&Shared; 2] {
        [&self.weights, &self.vocabulary]
    }

    pub(super) fn of(path: PathBuf, files: &mut impl Iterator<Item = Shared>) -> Option<Self> {
        Some(Self { path, weights: files.next()?, vocabulary: files.next()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::sync::Arc;

    #[test]
    fn a_bundle_comes_back_as_it_was_sealed() {
        let file = |name: &str| SourceFile { path: name.into(), octets: name.as_bytes().to_vec() };
        let list = |name: &str, octets: &[u8]| CompiledList { path: name.into(), octets: Shared::of(octets.to_vec()) };
        let model = Model { path: "model".into(), weights: Shared::of(vec![3; 70]), vocabulary: Shared::of(b"[UNK]".to_vec()) };
        let lists = vec![list("a.digests", &[7; 100]), list("b.digests", &[]), list("c.digests", b"xyz")];
        for (compiled_lists, model) in [(Vec::new(), None), (lists, Some(model.clone())), (Vec::new(), Some(model))] {
            let rules = vec![file("rule")];
            let bundle = Bundle { rules, hash_lists: vec![file("a.toml")], compiled_lists, model, ..Bundle::default() };
            let mut octets = Vec::new();
            bundle.seal().unwrap().reader().read_to_end(&mut octets).unwrap();
            let open = |octets: &[u8]| Bundle::open(&(Arc::new(octets.to_vec()) as Whole));
            assert_eq!(open(&octets), Some(bundle));
            for cut in [0, 7, 30] {
                assert_eq!(open(&octets[..cut]), None);
            }
        }
    }
}
