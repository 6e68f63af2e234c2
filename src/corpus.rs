//! Test data: what is shipped, and what is too large or too private for that, in the folder that `MAILWARDEN_CORPUS` names, or
//! `../shared`.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    std::env::var_os("MAILWARDEN_CORPUS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared")), PathBuf::from)
        .join("corpus")
}

/// Where one file below `corpus/` lies, or would.
pub fn path(path: &str) -> PathBuf {
    root().join(path)
}

/// A word on stderr, past the harness, which keeps the rest to itself.
pub fn say(words: &str) {
    let mut err = std::io::stderr();
    let _ = std::io::Write::write_all(&mut err, format!("{words}\n").as_bytes());
}

/// Whoever names the folder means it to be there.
fn absent(path: &Path) {
    assert!(std::env::var_os("MAILWARDEN_CORPUS").is_none(), "MAILWARDEN_CORPUS holds no {}", path.display());
    say(&format!("test data absent: {}", path.display()));
}

/// One file below `corpus/`; says so on stderr when it is absent.
pub fn file(path: &str) -> Option<Vec<u8>> {
    let path = root().join(path);
    let octets = fs::read(&path).ok();
    if octets.is_none() {
        absent(&path);
    }
    octets
}

/// The files of one folder below `corpus/`, by name; none, and a word on stderr, when it is absent.
pub fn folder(name: &str) -> Vec<(String, Vec<u8>)> {
    let path = root().join(name);
    let files = files(&path);
    if files.is_empty() {
        absent(&path);
    }
    files.into_iter().map(|(file, octets)| (format!("{name}/{file}"), octets)).collect()
}

/// One file below `tests`, of those that we made ourselves.
pub fn own(path: &str) -> Vec<u8> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests")).join(path);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of one folder below `tests/samples`, by name: those that we made ourselves, without the script that made them.
pub fn samples(name: &str) -> Vec<(String, Vec<u8>)> {
    let mut samples = files(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/samples")).join(name).as_path());
    samples.retain(|(name, _)| !Path::new(name).extension().is_some_and(|kind| kind == "sh" || kind == "py"));
    samples
}

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<_> =
        entries.filter_map(|entry| Some((entry.file_name().to_string_lossy().into_owned(), fs::read(entry.path()).ok()?))).collect();
    files.sort();
    files
}
