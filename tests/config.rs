//! A folder of broken configurations, each beside what is said of it. `BLESS=1` writes the expectations anew, for review.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use mailwarden::config::Config;
use mailwarden::fault::Fault;

#[test]
fn every_broken_configuration_is_told_what_is_wrong_with_it() {
    let cases = cases(Path::new("tests/faults/config")).unwrap();
    assert!(cases.len() >= 25, "only {} cases were found", cases.len());
    let mut failed = Vec::new();
    for case in cases {
        let said = said_of(&case);
        let expected = case.with_extension("expected");
        if env::var_os("BLESS").is_some() {
            fs::write(&expected, &said).unwrap();
        }
        if fs::read_to_string(&expected).unwrap_or_default() != said {
            failed.push(format!("{} says:\n{said}", case.display()));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What can be survived leaves the other mailboxes watched; the first line says which.
fn said_of(case: &Path) -> String {
    match Config::load(case) {
        Err(faults) => told(&faults),
        Ok(config) => {
            let watched: Vec<_> = config.mailboxes.iter().map(|watched| watched.mailbox.address.to_string()).collect();
            format!("watched: {}\n\n{}", watched.join(", "), told(&config.faults))
        }
    }
}

fn told(faults: &[Fault]) -> String {
    assert!(!faults.is_empty(), "a case without a fault");
    faults.iter().map(|fault| format!("{fault}\n")).collect::<Vec<_>>().join("\n")
}

fn cases(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut cases = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>()?;
    cases.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    cases.sort();
    Ok(cases)
}

#[test]
fn the_configuration_in_the_handbook_is_one_that_loads() {
    let handbook = fs::read_to_string("docs/technician.md").unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (fence, file) in [("```toml\n", "mailwarden.toml"), ("```csv\n", "mailboxes.csv")] {
        let (_, rest) = handbook.split_once(fence).unwrap();
        fs::write(folder.path().join(file), rest.split_once("```").unwrap().0).unwrap();
    }
    let config = Config::load(&folder.path().join("mailwarden.toml")).unwrap();
    assert!(config.faults.is_empty(), "{}", told(&config.faults));
    assert_eq!(config.mailboxes.len(), 4);
}
