//! `mailwarden hashes stage`: a list goes a stage further, after it was tried on ordinary pictures, or any number of stages back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use toml_edit::DocumentMut;

use super::NEW_FILE;
use super::ordinary::Ordinary;
use super::snooze::{directory, named};
use crate::cli::caged::{self, CageArgs, Caged, LARGEST};
use crate::cli::stage::{Decision, Staged, set_stage};
use crate::cli::{ConfigFile, Exit, Failure, Output, octets};
use crate::config::{self, Config};
use crate::fault::{At, Fault};
use crate::finding::{RuleId, Stage};
use crate::scan::detect::{DigestKind, NamedList};
use crate::wire::{Bundle, SourceFile};

/// How many directories of pictures may lie within each other.
const MAX_DEPTH: usize = 8;

/// Move a list to another stage: draft, tested, shadow, flag, hold.
///
/// A list goes up one stage at a time, and only when no entry of it matches an ordinary picture: those that are built in, and
/// every file of the directories that `--try` names. A picture is compared as one in a message is: turned, cropped and framed as
/// well. The list's description, or its header, is edited and its comments kept; the journal gets the author, the reason and how
/// many pictures it was tried on.
#[derive(Debug, Args)]
pub(super) struct ChangeStage {
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    cage: CageArgs,
    /// The list, as `hashes stat` names it: `category.name`.
    #[arg(value_name = "LIST")]
    list: RuleId,
    #[command(flatten)]
    decision: Decision,
    /// Ordinary pictures of the school: a file, or a directory of them; may be repeated.
    #[arg(long = "try", value_name = "PATH")]
    tried: Vec<PathBuf>,
}

/// What came of the pictures that a list was tried on.
#[derive(Default)]
struct Trial {
    pictures: u64,
    /// Files that are no picture, or could not be looked at.
    passed_over: u64,
    entries: BTreeSet<u32>,
}

impl ChangeStage {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let config = self.config.load()?;
        let before = config::hash_lists(&directory(&config)?).map_err(Failure::config)?;
        let old = named(&before, &self.list)?;
        self.require_way(old.stage())?;
        let source = self.source(&before, &old)?;
        let written = self.edited(source)?;
        let after = with_file(&before, source, written.as_bytes());
        let new = named(&after, &self.list)?;

        let mut effect = BTreeMap::new();
        if self.decision.to > old.stage() {
            self.require_harmless(&old)?;
            let trial = self.trial(&config, &after)?;
            self.require_no_match(&trial)?;
            effect.extend([("tried pictures".to_owned(), trial.pictures), ("tried and passed over".to_owned(), trial.passed_over)]);
        }
        let staged = Staged {
            id: &self.list,
            from: old.stage(),
            old_version: old.version().to_string(),
            new_version: new.version().to_string(),
            effect,
            file: &source.path,
            text: &written,
            mode: NEW_FILE,
        };
        self.decision.carry_out(&config, &staged, out)
    }

    fn require_way(&self, from: Stage) -> Result<(), Failure> {
        if self.decision.to < from {
            return Ok(());
        }
        self.decision.is_one_step_up(from).map_err(|(why, hint)| self.stays(Exit::Usage, why, &hint))
    }

    /// The description of the list, or the list itself where it is written by hand.
    fn source<'b>(&self, bundle: &'b Bundle, list: &NamedList) -> Result<&'b SourceFile, Failure> {
        let source = bundle.hash_lists.iter().find(|file| file.path == list.path());
        source.ok_or_else(|| self.stays(Exit::World, "its file is not there any more".to_owned(), "try again"))
    }

    fn edited(&self, source: &SourceFile) -> Result<String, Failure> {
        let fault = |why: String| {
            let what = format!("list `{}` cannot be edited", self.list);
            let hint = "hashsets/README.md shows the header of a list, and its description".to_owned();
            Failure::config(vec![Fault { what, at: Some(At::file(&source.path)), why, hint }])
        };
        let text = std::str::from_utf8(&source.octets).map_err(|error| fault(error.to_string()))?;
        if source.path.extension().is_none_or(|extension| extension != "toml") {
            return Ok(with_header(text, self.decision.to));
        }
        let mut description: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| fault(error.message().to_owned()))?;
        set_stage(&mut description, self.decision.to);
        Ok(description.to_string())
    }

    /// By the pictures that are built in, of which there are hashes alone.
    fn require_harmless(&self, list: &NamedList) -> Result<(), Failure> {
        if list.kind() != DigestKind::Pdq {
            return Ok(());
        }
        let ordinary = Ordinary::new();
        let hits = list.digests().zip(1..).filter(|(digest, _)| ordinary.has(digest));
        let entries: BTreeSet<u32> = hits.map(|(_, number)| number).collect();
        self.require_no_match(&Trial { entries, ..Trial::default() })
    }

    fn require_no_match(&self, trial: &Trial) -> Result<(), Failure> {
        const TOLD: usize = 10;
        if trial.entries.is_empty() {
            return Ok(());
        }
        let told: Vec<_> = trial.entries.iter().take(TOLD).map(u32::to_string).collect();
        let more = if trial.entries.len() > TOLD { ", and more" } else { "" };
        let why = format!("{} of its entries match ordinary pictures: {}{more}", trial.entries.len(), told.join(", "));
        Err(self.stays(
            Exit::World,
            why,
            "tell the issuer, and take them out of the list; `mailwarden hashes snooze` passes one over meanwhile",
        ))
    }

    /// Entries that are passed over match nothing here either.
    fn trial(&self, config: &Config, lists: &Bundle) -> Result<Trial, Failure> {
        let mut trial = Trial::default();
        let mut files = Vec::new();
        for path in &self.tried {
            files_of(path, MAX_DEPTH, &mut files).map_err(|error| {
                let hint = "name files that this user may read";
                Failure::world(format!("`{}` cannot be tried", path.display()), &error, hint)
            })?;
        }
        if files.is_empty() {
            return Ok(trial);
        }
        let bundle = Bundle { tested_too: true, ..lists.clone() };
        caged::block_on(async {
            let pool = Caged::of(config.clone(), bundle, &self.cage).pool().await?;
            for path in files {
                let Ok(Some(file)) = octets::open(&path).and_then(|file| octets::whole(file, LARGEST)) else {
                    trial.passed_over += 1;
                    continue;
                };
                match pool.permit().await.sighting(&file).await? {
                    Ok(sighting) if sighting.frames > 0 || !sighting.nearest.is_empty() => {
                        trial.pictures += 1;
                        let of_list = sighting.nearest.iter().filter(|near| near.list == self.list && near.is_match());
                        trial.entries.extend(of_list.map(|near| near.entry));
                    }
                    _ => trial.passed_over += 1,
                }
            }
            Ok(())
        })?;
        Ok(trial)
    }

    fn stays(&self, exit: Exit, why: String, hint: &str) -> Failure {
        Failure { exit, faults: vec![Fault { what: format!("`{}` stays where it is", self.list), at: None, why, hint: hint.to_owned() }] }
    }
}

/// The lists as they will be.
fn with_file(bundle: &Bundle, source: &SourceFile, octets: &[u8]) -> Bundle {
    let mut after = bundle.clone();
    after.hash_lists.iter_mut().filter(|file| file.path == source.path).for_each(|file| file.octets = octets.to_vec());
    after
}

/// In the header of a list that is written by hand: in the place of the line that says so already, or behind the first line.
fn with_header(text: &str, stage: Stage) -> String {
    let is_stage = |line: &&str| line.trim().strip_prefix('#').is_some_and(|comment| comment.trim_start().starts_with("stage:"));
    let new = format!("# stage: {stage}\n");
    let old = text.split_inclusive('\n').take_while(|line| line.trim().is_empty() || line.trim_start().starts_with('#')).find(is_stage);
    match old {
        Some(old) => text.replacen(old, &new, 1),
        None => match text.split_once('\n') {
            Some((first, rest)) => format!("{first}\n{new}{rest}"),
            None => format!("{text}\n{new}"),
        },
    }
}

/// Every file below a path, hidden ones left out, in the order of their names.
fn files_of(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    if depth == 0 {
        return Err(io::Error::other("too many directories within each other"));
    }
    let mut entries = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    entries.retain(|entry| entry.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b".")));
    entries.sort();
    entries.iter().try_for_each(|entry| files_of(entry, depth - 1, files))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_list_names_its_stage_once() {
        let list = "# mailwarden list 1\n# name: x\n# category: scam\n# kind: md5\n\n07 # stage: a comment\n";
        let flag = with_header(list, Stage::Flag);
        assert_eq!(flag, list.replace("list 1\n", "list 1\n# stage: flag\n"));
        assert_eq!(with_header(&flag, Stage::Hold), flag.replace("flag", "hold"));
        assert_eq!(with_header("# mailwarden list 1", Stage::Flag), "# mailwarden list 1\n# stage: flag\n");
    }
}
