//! The very same file as one on a list: exact digests, computed only where some list asks for their kind.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::Match;
use super::lists::{DigestKind, List, Source};
use crate::finding::{Kind, Location};

/// Every list of exact digests, as one sorted table a kind.
pub struct DigestLists {
    sources: Vec<Source>,
    md5: Table<16>,
    sha1: Table<20>,
    sha256: Table<32>,
}

impl DigestLists {
    /// Takes the lists of exact digests; those of pictures are passed over.
    pub fn new(lists: &[List]) -> Self {
        let mut all = Self { sources: Vec::new(), md5: Table::default(), sha1: Table::default(), sha256: Table::default() };
        for list in lists {
            let source = all.sources.len();
            match list.kind {
                DigestKind::Md5 => all.md5.add(list, source),
                DigestKind::Sha1 => all.sha1.add(list, source),
                DigestKind::Sha256 => all.sha256.add(list, source),
                DigestKind::Dct16 | DigestKind::Gradient16 | DigestKind::Pdq => continue,
            }
            all.sources.push(list.source.clone());
        }
        all.md5.0.sort_unstable();
        all.sha1.0.sort_unstable();
        all.sha256.0.sort_unstable();
        all
    }

    /// One match for every list that knows the file.
    pub fn matches(&self, octets: &[u8], location: &Location) -> Vec<Match> {
        let mut found = self.md5.sources(|| Md5::digest(octets).into());
        found.extend(self.sha1.sources(|| Sha1::digest(octets).into()));
        found.extend(self.sha256.sources(|| Sha256::digest(octets).into()));
        found.sort_unstable();
        found.dedup();
        found.into_iter().map(|source| self.sources[source].as_match(Kind::Digest, location, None)).collect()
    }
}

/// Digests of one kind, sorted, each with the place of its list.
#[derive(Default)]
struct Table<const N: usize>(Vec<([u8; N], usize)>);

impl<const N: usize> Table<N> {
    fn add(&mut self, list: &List, source: usize) {
        self.0.extend(list.digests.iter().filter_map(|digest| Some((<[u8; N]>::try_from(digest.as_slice()).ok()?, source))));
    }

    fn sources(&self, digest: impl FnOnce() -> [u8; N]) -> Vec<usize> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let digest = digest();
        let start = self.0.partition_point(|(other, _)| *other < digest);
        self.0[start..].iter().take_while(|(other, _)| *other == digest).map(|(_, source)| *source).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::lists::read_all;
    use super::*;
    use crate::finding::Field;
    use crate::wire::SourceFile;

    #[test]
    fn a_file_is_found_by_each_kind_of_digest_and_by_no_other_octets() {
        let lists = [
            ("a", "md5", "900150983cd24fb0d6963f7d28e17f72"),
            ("b", "sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
            ("c", "sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ];
        let files = lists.map(|(name, kind, digest)| SourceFile {
            path: format!("hashsets/{name}.txt").into(),
            octets: format!("# mailwarden list 1\n# name: {name}\n# category: known-image\n# kind: {kind}\n{digest}\n{digest}\n")
                .into_bytes(),
        });
        let lists = DigestLists::new(&read_all(&files).unwrap_or_default());
        let location = Location { part: "2".to_owned(), field: Field::Attachment, place: None };
        let found: Vec<_> = lists.matches(b"abc", &location).into_iter().map(|found| found.finding.rule.to_string()).collect();
        assert_eq!(found, ["known-image.a", "known-image.b", "known-image.c"]);
        assert!(lists.matches(b"abd", &location).is_empty());
    }
}
