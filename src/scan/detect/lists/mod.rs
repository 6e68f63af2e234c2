//! Lists of digests: written by hand as text, or compiled from what an issuer hands out, with a description beside them.

mod compiled;
mod description;
mod misfits;
mod snoozed;
mod text;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

use crate::fault::{At, Fault};
use crate::finding::{Category, Finding, Kind, Level, Location, Reach, RuleFacts, RuleId, RuleVersion, Stage};
use crate::scan::detect::Match;
use crate::wire::{CompiledList, SourceFile};

pub use compiled::{Compiled, HEADER, compile};
pub use description::Description;
pub use snoozed::{APART, SNOOZED, Snooze, Snoozes, TooMuch};

/// What the digests of a list are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestKind {
    /// Median of the lowest frequencies, 16 by 16 (crate `image_hasher`): for a school's own list.
    Dct16,
    /// Gradient hash of 16 by 16 (crate `image_hasher`): for a school's own list.
    Gradient16,
    Md5,
    /// PDQ of pictures, full-size family.
    Pdq,
    Sha1,
    Sha256,
}

/// One list.
pub struct List {
    pub digests: Compiled,
    pub source: Source,
    /// Where it is described: in a file of its own, or at its own head.
    pub path: PathBuf,
}

/// What a match with a list says of the list.
#[derive(Clone)]
pub struct Source {
    pub rule: RuleId,
    pub version: RuleVersion,
    pub category: Category,
    pub level: Option<Level>,
    pub stage: Stage,
    pub name: String,
    pub score: u16,
    /// Entries that are passed over today, by their numbers from 0, each with the last day.
    pub snoozed: BTreeMap<usize, Date>,
}

impl DigestKind {
    pub const ALL: [Self; 6] = [Self::Dct16, Self::Gradient16, Self::Md5, Self::Pdq, Self::Sha1, Self::Sha256];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dct16 => "dct16",
            Self::Gradient16 => "gradient16",
            Self::Md5 => "md5",
            Self::Pdq => "pdq",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    /// Of one digest.
    pub fn octets(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Dct16 | Self::Gradient16 | Self::Pdq | Self::Sha256 => 32,
        }
    }
}

impl List {
    pub fn kind(&self) -> DigestKind {
        self.digests.kind()
    }
}

impl Source {
    pub fn as_match(&self, kind: Kind, location: &Location, distance: Option<u32>) -> Match {
        let finding = Finding {
            rule: self.rule.clone(),
            version: self.version,
            category: self.category,
            level: self.level,
            score: self.score,
            kind,
            location: location.clone(),
            reach: Arc::default(),
        };
        Match { finding, title: self.name.clone(), span: None, further: Vec::new(), distance, stage: Stage::Hold, with: None }
    }

    /// A list counts for everybody.
    pub fn facts(&self) -> RuleFacts {
        let reach = Reach { stage: self.stage, ..Reach::default() };
        let (id, title) = (self.rule.clone(), self.name.clone());
        RuleFacts { id, version: self.version, title, category: self.category, level: self.level, reach }
    }
}

/// Reads every list from this stage on, with the entries of it that are passed over today; a `README.md` among them is left
/// out, and so is the description of a list that was not imported yet, or is not valid today.
///
/// # Errors
/// Every fault of every list, at most 20 of each.
pub fn read_all(files: &[SourceFile], compiled: &[CompiledList], today: Date, lowest: Stage) -> Result<Vec<List>, Vec<Fault>> {
    let mut lists: Vec<List> = Vec::new();
    let mut faults = Vec::new();
    let mut snoozes = Snoozes::default();
    for file in files.iter().filter(|file| file.path.file_name().is_none_or(|name| name != "README.md")) {
        if Snoozes::is_file(&file.path) {
            match Snoozes::read(file) {
                Ok(mut read) => snoozes.snoozed.append(&mut read.snoozed),
                Err(of_file) => faults.extend(of_file),
            }
            continue;
        }
        let read = if file.path.extension() == Some(OsStr::new("toml")) {
            let beside = compiled.iter().find(|list| list.path.with_extension("") == file.path.with_extension(""));
            let described = Description::read(&file.path, &file.octets);
            match described
                .map(|description| description.is_in_force(today, lowest).then(|| description.list(&file.path, beside)).flatten())
            {
                Ok(None) => continue,
                Ok(Some(list)) => list.map_err(|fault| vec![fault]),
                Err(faults) => Err(faults),
            }
        } else {
            text::read(file)
        };
        match read {
            Ok(list) if lists.iter().any(|other| other.source.rule == list.source.rule) => {
                let why = format!("another list is named `{}` too", list.source.rule);
                faults.push(fault(&file.path, None, why, "give the files different names"));
            }
            Ok(list) if list.source.stage < lowest => {}
            Ok(list) => lists.push(list),
            Err(of_file) => faults.extend(of_file),
        }
    }
    for list in compiled.iter().filter(|list| !files.iter().any(|file| file.path == list.path.with_extension("toml"))) {
        faults.push(fault(&list.path, None, "there is no description beside it", "restore the `.toml` of that name, or remove the file"));
    }
    for list in &mut lists {
        list.source.snoozed = snoozes.of(list, today);
    }
    if faults.is_empty() { Ok(lists) } else { Err(faults) }
}

fn fault(path: &Path, line: Option<usize>, why: impl Into<String>, hint: &str) -> Fault {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Fault {
        what: format!("list `{name}` cannot be read"),
        at: Some(line.map_or_else(|| At::file(path), |line| At::line(path, line))),
        why: why.into(),
        hint: hint.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Shared;

    #[test]
    fn two_lists_of_one_name_are_refused() {
        let text = "# mailwarden list 1\n# name: x\n# category: scam\n# kind: pdq\n";
        let list = |path: &str| SourceFile { path: path.into(), octets: text.as_bytes().to_vec() };
        let faults = read_all(&[list("hashsets/a.txt"), list("hashsets/a.list")], &[], Date::default(), Stage::Shadow).err().unwrap();
        assert_eq!(faults[0].why, "another list is named `scam.a` too");
    }

    #[test]
    fn a_list_goes_as_far_as_its_description_says_on_the_days_that_it_names() {
        let digests = Compiled::open(&Shared::of(compile(DigestKind::Md5, &[vec![7; 16]])), DigestKind::Md5).unwrap();
        let beside = [CompiledList { path: "hashsets/a.digests".into(), octets: digests.octets().clone() }];
        let on = |more: &str, today: Date| {
            let text = format!("name = \"x\"\ncategory = \"known-image\"\nkind = \"md5\"\n{more}\n");
            let described = SourceFile { path: "hashsets/a.toml".into(), octets: text.into_bytes() };
            read_all(&[described], &beside, today, Stage::Shadow).unwrap_or_else(|faults| panic!("{}", faults[0]))
        };
        let (day, next) = (Date::constant(2026, 9, 1), Date::constant(2026, 9, 2));
        let facts = on("", day)[0].source.facts();
        assert_eq!((facts.reach.stage, facts.level), (Stage::Hold, None));
        let facts = on("level = 3\nstage = \"shadow\"", day)[0].source.facts();
        assert_eq!((facts.reach.stage, facts.level), (Stage::Shadow, Some(Level::Day)));
        assert!(on("stage = \"tested\"", day).is_empty());
        assert!(on("valid_from = 2026-09-02", day).is_empty() && !on("valid_from = 2026-09-02", next).is_empty());
        assert!(on("valid_until = 2026-09-01", next).is_empty() && !on("valid_until = 2026-09-01", day).is_empty());
    }
}
