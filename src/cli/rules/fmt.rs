//! `mailwarden rules fmt`: brings rule files into the one order and layout.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

use super::NEW_FILE;
use super::layout::laid_out;
use crate::cli::replace::replace;
use crate::cli::{Exit, Failure, Output};
use crate::fault::{At, Fault};

/// Bring rule files into the one order and layout. Comments are kept.
///
/// A file that is not TOML is named and left alone, and so is one that would mean something else.
#[derive(Debug, Args)]
pub(super) struct Fmt {
    /// Change nothing: name the files that would change, and end with 1 for them.
    #[arg(long)]
    check: bool,
    /// Rule files, or directories of them.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

impl Fmt {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        let mut files = Vec::new();
        let mut faults = Vec::new();
        for path in &self.paths {
            if let Err(error) = rule_files(path, &mut files) {
                faults.push(unreadable(path, &error));
            }
        }
        let mut changed = 0;
        for file in &files {
            match self.lay_out(file) {
                Ok(false) => {}
                Ok(true) => {
                    changed += 1;
                    out.line(&file.display().to_string())?;
                }
                Err(fault) => faults.push(fault),
            }
        }
        let done = if self.check { "would change" } else { "changed" };
        out.line(&format!("{} files, {changed} {done}", files.len()))?;
        match (faults.is_empty(), self.check && changed > 0) {
            (true, false) => Ok(()),
            (true, true) => Err(Failure { exit: Exit::World, faults }),
            (false, _) => Err(Failure::config(faults)),
        }
    }

    /// Whether the file is, or would be, another.
    fn lay_out(&self, file: &Path) -> Result<bool, Fault> {
        let text = fs::read_to_string(file).map_err(|error| unreadable(file, &error))?;
        let new = laid_out(&text).map_err(|error| Fault {
            what: "a rule is not TOML".to_owned(),
            at: Some(At::shown(file, text.trim_start_matches('\u{feff}'), error.span().map_or(0, |span| span.start))),
            why: error.message().to_owned(),
            hint: "mend it, and try again".to_owned(),
        })?;
        if new == text {
            return Ok(false);
        }
        let means = |text: &str| text.trim_start_matches('\u{feff}').parse::<toml::Table>().ok();
        if means(&new) != means(&text) {
            return Err(Fault {
                what: "a rule is left as it is".to_owned(),
                at: Some(At::file(file)),
                why: "laid out, it would mean something else".to_owned(),
                hint: "lay it out by hand; this is a fault of mailwarden".to_owned(),
            });
        }
        if !self.check {
            // A link stays one: what it leads to is replaced.
            fs::canonicalize(file).and_then(|file| replace(&file, new.as_bytes(), NEW_FILE)).map_err(|error| unreadable(file, &error))?;
        }
        Ok(true)
    }
}

/// The rule files that a path names, in the order of their names; hidden ones left out.
fn rule_files(path: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    if !path.is_dir() {
        fs::metadata(path)?;
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    entries.sort();
    for entry in entries {
        let hidden = entry.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        let wanted = entry.is_dir() || entry.extension().is_some_and(|extension| extension == "toml");
        if wanted && !hidden && !(entry.is_dir() && entry.is_symlink()) {
            rule_files(&entry, files)?;
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &io::Error) -> Fault {
    Fault {
        what: "a rule cannot be laid out".to_owned(),
        at: Some(At::file(path)),
        why: error.to_string(),
        hint: "correct the path, or run the command as a user who may write it".to_owned(),
    }
}
