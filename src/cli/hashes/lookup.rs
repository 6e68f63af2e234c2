//! `mailwarden hashes lookup`: whether a digest is on a list.

use clap::Args;

use super::Lists;
use crate::cli::{Exit, Failure, Output};
use crate::fault::Fault;
use crate::scan::detect::lookup;

/// Say which lists know a digest, and how near their nearest entry is. The exit code is 1 where none does.
#[derive(Debug, Args)]
pub(super) struct Lookup {
    #[command(flatten)]
    lists: Lists,
    /// A digest of any kind, in hex, as `hashes compute` prints it.
    digest: String,
}

impl Lookup {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        let digest = hex::decode(&self.digest).map_err(|_| Failure {
            exit: Exit::Usage,
            faults: vec![Fault {
                what: format!("`{}` is no digest", self.digest),
                at: None,
                why: "a digest is written in hex digits".to_owned(),
                hint: "`mailwarden hashes compute FILE` prints those of a picture".to_owned(),
            }],
        })?;
        let found = lookup(&self.lists.bundle()?, &digest).map_err(Failure::config)?;
        let rows: Vec<_> = found.iter().map(|(rule, distance)| [rule.to_string(), distance.to_string()]).collect();
        if rows.is_empty() {
            let why = format!("{}: nothing in there is near enough", self.lists.hashsets.display());
            let hint = "name the directory of the lists in force with `--hashsets`; `mailwarden hashes stat` says what each of them holds";
            return Err(Failure::world("no list knows the digest", &why, hint));
        }
        out.table(["list", "bits apart"], &rows)?;
        Ok(())
    }
}
