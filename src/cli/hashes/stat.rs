//! `mailwarden hashes stat`: which lists there are.

use clap::Args;

use super::Lists;
use crate::cli::{Failure, Output};
use crate::scan::detect::list_stats;

/// Tell of every list its name, its kind, how many entries it has, and its version.
#[derive(Debug, Args)]
pub(super) struct Stat {
    #[command(flatten)]
    lists: Lists,
}

impl Stat {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        let lists = list_stats(&self.lists.bundle()?).map_err(Failure::config)?;
        let rows: Vec<_> = lists
            .into_iter()
            .map(|list| {
                [list.rule.to_string(), list.name, list.kind.as_str().to_owned(), list.entries.to_string(), list.version.to_string()]
            })
            .collect();
        out.table(["list", "name", "kind", "entries", "version"], &rows)?;
        Ok(())
    }
}
