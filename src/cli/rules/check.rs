//! `mailwarden rules check`: whether the rules and lists may come into force.

use std::path::PathBuf;

use clap::Args;

use super::saved;
use crate::cli::caged::{self, Caged, Sources};
use crate::cli::{Failure, Output, output};
use crate::scan::detect::Snoozes;
use crate::worker::{Nursery, Ready};

/// Compile every rule and every list, and hold each rule against its own samples.
///
/// This happens in the same cage as in the daemon. Every fault is told at once, with its file and line; the exit code is
/// then 78. What is likely a mistake and no fault - a term that another finds already, a common word that is enough by
/// itself, a review that is due - is a note.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Check again whenever a rule is saved.
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    sources: Sources,
    /// Fail on notes too: on what is likely a mistake, or past its date.
    #[arg(long)]
    strict: bool,
    /// Directories of rules. Without any the configuration's; or `rules` here, else the package's.
    #[arg(value_name = "DIR")]
    directories: Vec<PathBuf>,
}

impl Check {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        saved::opened(self.watch, &self.sources, &self.directories, out, |caged, out| check(caged, self.strict, out))
    }
}

fn check(caged: &Caged, strict: bool, out: &mut Output) -> Result<(), Failure> {
    let Ready { set, notes, .. } = caged::block_on(async { Ok(Nursery::check(&caged.bundle, &caged.options).await?) })?;
    if strict && !notes.is_empty() {
        return Err(Failure::config(notes));
    }
    output::tell_notes(&notes);
    out.line(&format!("{} rules, {} terms, {} samples: all as they should", set.rules, set.terms, set.examples))?;
    if !caged.bundle.hash_lists.is_empty() {
        out.line(&format!(
            "{} digests in {} lists",
            set.list_entries,
            caged.bundle.hash_lists.iter().filter(|file| !Snoozes::is_file(&file.path)).count()
        ))?;
    }
    Ok(())
}
