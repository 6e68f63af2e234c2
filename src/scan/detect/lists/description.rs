//! What a list is, in a file beside it: who issued it, what its digests are, and what a match means.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;
use serde::{Deserialize, Deserializer, de::Error};
use toml::value::Datetime;

use super::misfits::Misfits;
use super::{Compiled, DigestKind, List, Source, fault};
use crate::fault::{At, Fault};
use crate::finding::{Category, Level, RuleId, Stage};
use crate::scan::detect::pictures::is_whole;
use crate::scan::detect::version;
use crate::wire::CompiledList;
use crate::written;

const PHOTODNA: &str = "PhotoDNA is licensed by Microsoft and cannot be computed here, so a list of it finds nothing";

/// `hashsets/<name>.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// What reports call the list.
    pub name: String,
    pub category: Category,
    kind: String,
    /// How urgent a match is; that of the category unless said.
    level: Option<Level>,
    /// How far it goes, as that of a rule: a new list is watched as `shadow` first.
    #[serde(default = "farthest")]
    stage: Stage,
    /// 1 to 100.
    #[serde(default = "most")]
    pub score: u16,
    /// Who hands it out, and on which terms: for people.
    #[serde(default)]
    pub issuer: String,
    #[serde(default)]
    pub terms: String,
    /// The first and the last day on which it counts.
    #[serde(default, deserialize_with = "day")]
    valid_from: Option<Date>,
    #[serde(default, deserialize_with = "day")]
    valid_until: Option<Date>,
    /// The minisign public key that its files are signed with; none for a list that is not signed.
    pub key: Option<String>,
}

fn most() -> u16 {
    100
}

fn farthest() -> Stage {
    Stage::Hold
}

/// TOML has dates of its own.
pub(super) fn day<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Date>, D::Error> {
    let written = Datetime::deserialize(reader)?;
    let date = written.date.filter(|_| written.time.is_none() && written.offset.is_none());
    let read =
        date.and_then(|date| Date::new(i16::try_from(date.year).ok()?, i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?).ok());
    read.map(Some).ok_or_else(|| D::Error::custom(format!("`{written}` is no day, as 2026-09-01 is")))
}

impl Description {
    /// # Errors
    /// Everything that is wrong with it, with its line.
    pub fn read(path: &Path, octets: &[u8]) -> Result<Self, Vec<Fault>> {
        let text = std::str::from_utf8(octets).map_err(|_| vec![fault(path, None, "the file is not text", "write it as UTF-8")])?;
        let written = written::read::<Self>(text, &[]);
        let mut misfits = Misfits::of(path, text, &written, "hashsets/README.md shows the description of a list");
        let Some(description) = &written.form else { return Err(misfits.told()) };
        if !(1..=100).contains(&description.score) {
            misfits.tell(written.place("score"), format!("`{}` is no score", description.score), "a score is 1 to 100");
        }
        if description.kind == "photodna" {
            misfits.tell(written.place("kind"), PHOTODNA, "ask the issuer for the same list as PDQ, MD5, SHA-1 or SHA-256");
        } else if description.digest_kind().is_none() {
            let kinds = DigestKind::ALL.map(DigestKind::as_str).join(", ");
            misfits.tell(written.place("kind"), format!("`{}` is not a kind of digest", description.kind), format!("one of {kinds}"));
        }
        misfits.none_or(written.form)
    }

    fn digest_kind(&self) -> Option<DigestKind> {
        DigestKind::ALL.into_iter().find(|kind| kind.as_str() == self.kind)
    }

    /// Of a description that was read.
    pub fn kind(&self) -> DigestKind {
        self.digest_kind().unwrap_or(DigestKind::Sha256)
    }

    /// The list that it describes; `None` where none was imported yet.
    pub(super) fn list(self, path: &Path, compiled: Option<&CompiledList>) -> Option<Result<List, Fault>> {
        let compiled = compiled?;
        let kind = self.kind();
        let digests = Compiled::open(&compiled.octets, kind);
        let Some(digests) = digests.filter(|digests| kind != DigestKind::Pdq || is_whole(digests)) else {
            let why = format!("it is no compiled list of kind {}", kind.as_str());
            let hint = "import the list again: `mailwarden hashes import`";
            return Some(Err(Fault { at: Some(At::file(&compiled.path)), ..fault(path, None, why, hint) }));
        };
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let rule = format!("{}.{stem}", self.category).parse::<RuleId>();
        Some(rule.map_err(|why| fault(path, None, why, "name the file in small letters, digits and hyphens")).map(|rule| {
            let says = format!("{self:?}");
            let version = version([says.as_bytes(), digests.header()]);
            let (name, category, level, stage, score) = (self.name, self.category, self.level, self.stage, self.score);
            let source = Source { rule, version, category, level, stage, name, score, snoozed: BTreeMap::new() };
            List { digests, source, path: path.to_owned() }
        }))
    }

    /// Whether it is compared with the mail of that day, where lists from this stage on are.
    pub fn is_in_force(&self, today: Date, lowest: Stage) -> bool {
        self.stage >= lowest && self.valid_from.is_none_or(|from| from <= today) && self.valid_until.is_none_or(|until| today <= until)
    }
}
