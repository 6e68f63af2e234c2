//! `mailwarden rules check`: whether the rules and lists may come into force.

use std::path::PathBuf;

use clap::Args;

use super::saved;
use crate::cli::caged::{self, Caged, Sources};
use crate::cli::{Failure, Output};
use crate::worker::{Nursery, Ready};

/// Compile every rule and every list, and hold each rule against its own samples.
///
/// This happens in the same cage as in the daemon. Every fault is told at once, with its file and line; the exit code is
/// then 78.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Check again whenever a rule is saved.
    #[arg(long)]
    watch: bool,
    #[command(flatten)]
    sources: Sources,
    /// Directories of rules. Without any the configuration's; or `rules` here, else the package's.
    #[arg(value_name = "DIR")]
    directories: Vec<PathBuf>,
}

impl Check {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        if self.watch {
            return saved::again_and_again(self.directories.clone(), out, |out| self.once(out));
        }
        self.once(out).1
    }

    /// The directories that were read, and what came of it.
    fn once(&self, out: &mut Output) -> (Vec<PathBuf>, Result<(), Failure>) {
        match self.sources.clone().open(self.directories.clone()) {
            Err(failure) => (Vec::new(), Err(failure)),
            Ok(caged) => (caged.rules.clone(), check(&caged, out)),
        }
    }
}

fn check(caged: &Caged, out: &mut Output) -> Result<(), Failure> {
    let Ready { set, notes, .. } = caged::block_on(async { Ok(Nursery::check(&caged.bundle, &caged.options).await?) })?;
    for note in notes {
        out.line(&note.told_as("note"))?;
    }
    out.line(&format!("{} rules, {} terms, {} samples: all as they should", set.rules, set.terms, set.examples))?;
    if !caged.bundle.hash_lists.is_empty() {
        out.line(&format!("{} digests in {} lists", set.list_entries, caged.bundle.hash_lists.len()))?;
    }
    Ok(())
}
