//! What lists hold, for whoever looks after them.

use std::path::Path;

use jiff::civil::Date;

use super::lists::{self, Compiled, DigestKind, List};
use super::pictures::{self, MAX_DISTANCE};
use crate::fault::Fault;
use crate::finding::{RuleId, RuleVersion, Stage};
use crate::wire::{Bundle, Shared};

/// One list, as it would be in force.
pub struct ListStat {
    pub rule: RuleId,
    pub name: String,
    pub kind: DigestKind,
    pub entries: usize,
    pub version: RuleVersion,
    pub stage: Stage,
    /// Entries that are passed over today, by their numbers from 1, each with the last day.
    pub snoozed: Vec<(usize, Date)>,
}

/// Every list of a bundle, those that are drafts or only tested among them.
///
/// # Errors
/// Every fault of every list.
pub fn list_stats(bundle: &Bundle) -> Result<Vec<ListStat>, Vec<Fault>> {
    let stat = |list: List| ListStat {
        entries: list.digests.count(),
        kind: list.kind(),
        rule: list.source.rule,
        name: list.source.name,
        version: list.source.version,
        stage: list.source.stage,
        snoozed: list.source.snoozed.iter().map(|(number, until)| (number + 1, *until)).collect(),
    };
    Ok(all(bundle, Stage::Draft)?.into_iter().map(stat).collect())
}

/// A list by its name, whatever its stage; `None` where there is none of that name.
///
/// # Errors
/// Every fault of every list.
pub fn list(bundle: &Bundle, rule: &RuleId) -> Result<Option<NamedList>, Vec<Fault>> {
    Ok(all(bundle, Stage::Draft)?.into_iter().find(|list| list.source.rule == *rule).map(NamedList))
}

/// One list, for whoever looks after it.
pub struct NamedList(List);

impl NamedList {
    pub fn version(&self) -> RuleVersion {
        self.0.source.version
    }

    pub fn stage(&self) -> Stage {
        self.0.source.stage
    }

    /// Of the file that describes it.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    pub fn kind(&self) -> DigestKind {
        self.0.kind()
    }

    pub fn digests(&self) -> impl Iterator<Item = &[u8]> {
        self.0.digests.digests()
    }
}

fn all(bundle: &Bundle, lowest: Stage) -> Result<Vec<List>, Vec<Fault>> {
    lists::read_all(&bundle.hash_lists, &bundle.compiled_lists, bundle.today, lowest)
}

/// The lists that know a digest, whatever its kind, and how far their nearest entry is, in bits: 0 unless it is a PDQ hash.
///
/// # Errors
/// Every fault of every list.
pub fn lookup(bundle: &Bundle, digest: &[u8]) -> Result<Vec<(RuleId, u32)>, Vec<Fault>> {
    let of_list = |list: List| {
        let distance = match list.kind() {
            DigestKind::Pdq => pictures::nearest(&list, digest),
            _ => list.digests.position(digest).map(|_| 0),
        };
        Some((list.source.rule, distance?))
    };
    Ok(all(bundle, Stage::Shadow)?.into_iter().filter_map(of_list).collect())
}

/// Bits in which two PDQ hashes differ: 0 to 256.
pub fn distance(one: [u8; 32], other: [u8; 32]) -> u32 {
    pictures::Hash::from_octets(one).distance(&pictures::Hash::from_octets(other))
}

/// Whether two PDQ hashes are those of one picture.
pub fn alike(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).map(|(one, other)| (one ^ other).count_ones()).sum::<u32>() <= MAX_DISTANCE
}

/// A compiled PDQ list by itself.
pub struct PdqList(pictures::Index);

impl PdqList {
    /// `None` where the octets are no such list.
    pub fn open(octets: &Shared) -> Option<Self> {
        pictures::Index::open(&Compiled::open(octets, DigestKind::Pdq)?).map(Self)
    }

    /// Number and distance of every entry that is at most `most` bits away, in the order of their numbers.
    pub fn within(&self, digest: [u8; 32], most: u32) -> Vec<(usize, u32)> {
        let mut found = Vec::new();
        self.0.within(&pictures::Hash::from_octets(digest), most, |number, distance| found.push((number, distance)));
        found.sort_unstable();
        found.dedup();
        found
    }
}
