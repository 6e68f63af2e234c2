//! Runs a command again whenever somebody saves a rule or a list of words.
//!
//! The files are looked at twice a second: that is a few hundred `stat` calls, it also sees what an editor does on a
//! shared drive, where the kernel tells nobody, and it takes no further library.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::cli::caged::{Caged, Sources};
use crate::cli::{Failure, Output, output};

/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);
const DEEPEST: usize = 8;

/// When each file was saved, and how long it is.
type Seen = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// Opens the rules of these directories and does `work` with them, once or, to `watch`, again whenever one is saved.
///
/// # Errors
/// Of `work`, when it is done once; watching, only when the output cannot be written.
pub fn opened(
    watch: bool,
    sources: &Sources,
    directories: &[PathBuf],
    out: &mut Output,
    work: impl Fn(&Caged, &mut Output) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let once = |out: &mut Output| match sources.clone().open(directories.to_vec()) {
        Err(failure) => (Vec::new(), Err(failure)),
        Ok(caged) => (caged.rules.clone(), work(&caged, out)),
    };
    if watch { again_and_again(directories.to_vec(), out, once) } else { once(out).1 }
}

/// Never returns but when the output is gone: a person ends it with Ctrl-C. Failures are told, and the next save tries
/// again. `run` says which directories it read.
///
/// # Errors
/// When the output cannot be written.
fn again_and_again(
    mut directories: Vec<PathBuf>,
    out: &mut Output,
    mut run: impl FnMut(&mut Output) -> (Vec<PathBuf>, Result<(), Failure>),
) -> Result<(), Failure> {
    loop {
        // Looked at before they are read: what is saved meanwhile is not missed.
        let mut before = look(&directories);
        let (read, done) = run(out);
        if read != directories && !read.is_empty() {
            before = look(&read);
            directories = read;
        }
        if let Err(failure) = done {
            output::tell(&failure.faults);
        }
        out.line("watching; Ctrl-C ends")?;
        out.flush()?;
        while look(&directories) == before {
            thread::sleep(LOOK);
        }
        out.line("")?;
    }
}

fn look(directories: &[PathBuf]) -> Seen {
    let mut seen = Seen::new();
    for directory in directories {
        walk(directory, DEEPEST, &mut seen);
    }
    seen
}

/// What cannot be read now may be read at the next look.
fn walk(directory: &Path, depth: usize, seen: &mut Seen) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        // Editors leave copies beside the file, hidden or with another ending.
        let is_source = path.extension().is_some_and(|extension| extension == "toml" || extension == "txt");
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() && depth > 0 => walk(&path, depth - 1, seen),
            Ok(metadata) if is_source => drop(seen.insert(path, (metadata.modified().ok(), metadata.len()))),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_saved_added_or_removed_is_seen_and_an_editors_copy_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let directories = [folder.path().to_owned()];
        let rule = folder.path().join("scam/a.toml");
        fs::create_dir(folder.path().join("scam")).unwrap();
        fs::write(&rule, "one").unwrap();
        let first = look(&directories);
        fs::write(folder.path().join("scam/.a.toml.swp"), "x").unwrap();
        assert_eq!(look(&directories), first);
        fs::write(&rule, "longer").unwrap();
        let second = look(&directories);
        assert_ne!(second, first);
        fs::remove_file(&rule).unwrap();
        assert_ne!(look(&directories), second);
    }
}
