//! What a package says of itself in the clear: the facts of the case, and a digest of every file.

use jiff::Timestamp;
use serde::Serialize;

use super::package::{Copy, File, Package, sha256};
use crate::casebook::{FindingFacts, PlaceFacts};

#[derive(Serialize)]
pub(super) struct Manifest<'a> {
    format: &'static str,
    program: &'static str,
    school: &'a str,
    made_at: Timestamp,
    made_by: &'a str,
    sealed_for: String,
    case: &'a str,
    category: &'static str,
    level: String,
    action: String,
    opened_at: Timestamp,
    rule_set: &'a str,
    findings: Vec<Found>,
    copies: Vec<CopyFacts>,
    journal: Journal,
    files: Vec<Listed>,
}

#[derive(Serialize)]
struct Found {
    rule: String,
    version: String,
    category: &'static str,
    kind: &'static str,
    location: String,
}

#[derive(Serialize)]
struct CopyFacts {
    file: Option<String>,
    mailbox: String,
    folder: String,
    uidvalidity: u32,
    uid: u32,
    arrived_at: Option<Timestamp>,
    flags: Vec<String>,
    found_at: Timestamp,
    state: &'static str,
    settled_at: Option<Timestamp>,
    object: Option<String>,
    object_sha256: Option<String>,
}

/// A journal that was verified when the package was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Journal {
    /// Whose it is: `service` or `desk`.
    pub of: &'static str,
    /// How many lines it had; where it is not whole, the first that is not as it was written.
    pub lines: u64,
    pub whole: bool,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    size: usize,
    sha256: String,
}

impl<'a> Manifest<'a> {
    pub fn of(package: &'a Package<'_>, files: &[File<'_>]) -> Self {
        let row = &package.facts.row;
        Self {
            format: "mailwarden evidence 1",
            program: concat!("mailwarden ", env!("CARGO_PKG_VERSION")),
            school: package.school,
            made_at: package.made_at,
            made_by: package.made_by,
            sealed_for: package.sealing.told(),
            case: row.codename.as_str(),
            category: row.category.code(),
            level: row.level.to_string(),
            action: row.action.to_string(),
            opened_at: row.opened_at,
            rule_set: &package.facts.rule_set,
            findings: package.facts.findings.iter().map(Found::of).collect(),
            copies: package.facts.places.iter().map(|place| CopyFacts::of(place, &package.copies)).collect(),
            journal: package.chronicle.journal,
            files: files
                .iter()
                .map(|file| Listed { name: file.name.clone(), size: file.octets.len(), sha256: sha256(&file.octets) })
                .collect(),
        }
    }
}

impl CopyFacts {
    fn of(place: &PlaceFacts, copies: &[Copy]) -> Self {
        Self {
            file: copies.iter().find(|copy| copy.place == place.id).map(|copy| copy.file.clone()),
            mailbox: place.place.mailbox.to_string(),
            folder: place.place.folder.0.clone(),
            uidvalidity: place.place.uidvalidity.0,
            uid: place.place.uid.get(),
            arrived_at: Timestamp::from_second(place.arrival.internal_date).ok(),
            flags: place.arrival.flags.clone(),
            found_at: place.found_at,
            state: place.state.as_str(),
            settled_at: place.settled_at,
            object: place.object.map(|sealed| sealed.object.to_string()),
            object_sha256: place.object.map(|sealed| hex::encode(sealed.ciphertext_sha256)),
        }
    }
}

impl Found {
    fn of(found: &FindingFacts) -> Self {
        Self {
            rule: found.rule.to_string(),
            version: found.version.to_string(),
            category: found.category.code(),
            kind: found.kind.as_str(),
            location: found.location.to_string(),
        }
    }
}
