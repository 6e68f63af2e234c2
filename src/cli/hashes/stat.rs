//! `mailwarden hashes stat`: which lists there are.

use clap::Args;

use super::Lists;
use crate::cli::{Failure, Output};
use crate::scan::detect::{ListStat, list_stats};

/// Tell of every list its name, its kind, how many entries it has, its version, its stage, and which entries are passed over.
///
/// Drafts and lists that are only tested are told too; those that are not valid today are not.
#[derive(Debug, Args)]
pub(super) struct Stat {
    #[command(flatten)]
    lists: Lists,
}

impl Stat {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        let lists = list_stats(&self.lists.bundle()?).map_err(Failure::config)?;
        let rows: Vec<_> = lists.into_iter().map(row).collect();
        out.table(["list", "name", "kind", "entries", "version", "stage", "snoozed"], &rows)?;
        Ok(())
    }
}

fn row(list: ListStat) -> [String; 7] {
    let snoozed: Vec<_> = list.snoozed.iter().map(|(entry, until)| format!("{entry} until {until}")).collect();
    let snoozed = if snoozed.is_empty() { "-".to_owned() } else { snoozed.join(", ") };
    let (kind, stage) = (list.kind.as_str().to_owned(), list.stage.to_string());
    [list.rule.to_string(), list.name, kind, list.entries.to_string(), list.version.to_string(), stage, snoozed]
}
