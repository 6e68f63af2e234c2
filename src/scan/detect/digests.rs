//! The very same file as one on a list: exact digests, computed only where some list asks for their kind.

use std::cell::OnceCell;

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::Match;
use super::lists::{Compiled, DigestKind, List, Source};
use crate::finding::{Change, Kind, Location, NearEntry};

/// Every list of exact digests.
pub struct DigestLists(Vec<(Compiled, Source)>);

impl DigestLists {
    /// Takes the lists of exact digests; those of pictures are passed over.
    pub fn new(lists: &[List]) -> Self {
        let exact = lists.iter().filter(|list| matches!(list.kind(), DigestKind::Md5 | DigestKind::Sha1 | DigestKind::Sha256));
        Self(exact.map(|list| (list.digests.clone(), list.source.clone())).collect())
    }

    /// One match for every list that knows the file.
    pub fn matches(&self, octets: &[u8], location: &Location) -> Vec<Match> {
        let known = self.entries(octets).filter(|(number, source)| !source.snoozed.contains_key(number));
        known.map(|(_, source)| source.as_match(Kind::Digest, location, None)).collect()
    }

    /// The same, entries among them that are passed over.
    pub fn near(&self, octets: &[u8]) -> Vec<NearEntry> {
        let near = |(number, source): (usize, &Source)| NearEntry {
            list: source.rule.clone(),
            version: source.version,
            entry: u32::try_from(number + 1).unwrap_or(u32::MAX),
            distance: 0,
            most: 0,
            change: Change::NONE,
            frame: 1,
            snoozed: source.snoozed.get(&number).copied(),
        };
        self.entries(octets).map(near).collect()
    }

    /// The entry of every list that knows the file, by its number from 0.
    fn entries<'a>(&'a self, octets: &'a [u8]) -> impl Iterator<Item = (usize, &'a Source)> {
        let (md5, sha1, sha256) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        let number = move |list: &Compiled| {
            list.position(match list.kind() {
                DigestKind::Md5 => md5.get_or_init(|| Md5::digest(octets)),
                DigestKind::Sha1 => sha1.get_or_init(|| Sha1::digest(octets)),
                _ => sha256.get_or_init(|| Sha256::digest(octets)),
            })
        };
        self.0.iter().filter_map(move |(list, source)| Some((number(list)?, source)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::lists::read_all;
    use super::*;
    use crate::finding::{Field, Stage};
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
        let lists = DigestLists::new(&read_all(&files, &[], jiff::civil::Date::default(), Stage::Shadow).unwrap_or_default());
        let location = Location { part: "2".to_owned(), field: Field::Attachment, place: None };
        let found: Vec<_> = lists.matches(b"abc", &location).into_iter().map(|found| found.finding.rule.to_string()).collect();
        assert_eq!(found, ["known-image.a", "known-image.b", "known-image.c"]);
        assert!(lists.matches(b"abd", &location).is_empty());
    }
}
