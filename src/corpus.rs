//! Test data that is too large or too private to ship: the folder that `MAILWARDEN_CORPUS` names, or `../shared`.

use std::fs;
use std::path::PathBuf;

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

/// One file below `corpus/`; says so on stderr when it is absent.
pub fn file(path: &str) -> Option<Vec<u8>> {
    let path = root().join(path);
    let octets = fs::read(&path).ok();
    if octets.is_none() {
        say(&format!("test data absent: {}", path.display()));
    }
    octets
}

/// The files of one folder below `corpus/`, by name; none, and a word on stderr, when it is absent.
pub fn folder(name: &str) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(root().join(name)) else {
        say(&format!("test data absent: corpus/{name}"));
        return Vec::new();
    };
    let mut files: Vec<_> = entries
        .flatten()
        .filter_map(|entry| Some((format!("{name}/{}", entry.file_name().to_string_lossy()), fs::read(entry.path()).ok()?)))
        .collect();
    files.sort();
    files
}
