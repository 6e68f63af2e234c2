//! `mailwarden mailboxes refresh`: asks the directory who has a mailbox, and keeps the answer.

use clap::Args;

use crate::cli::{ConfigFile, Exit, Failure, Output, shelf};
use crate::config::DirectoryList;
use crate::fault::Fault;
use crate::watch::directory::{self, DirectoryError};

/// Ask the directory of the configuration who has a mailbox, and keep its answer.
///
/// The daemon asks by itself when it starts and when it is reloaded. What each search finds is shown, and who joins, who leaves and what
/// changes. An answer by which many would leave, or a whole role, is kept only with `--yes`. The exit code is 78 when an entry was not taken.
#[derive(Debug, Args)]
pub(super) struct Refresh {
    #[command(flatten)]
    config: ConfigFile,
    /// Show what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Let them leave, however many they are.
    #[arg(long)]
    yes: bool,
}

impl Refresh {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let config = self.config.load()?;
        let Some(wanted) = &config.directory else {
            let hint = "add [directory] to the configuration, as docs/technician.md shows it";
            return Err(Failure::world("there is no directory to ask", &"the configuration names none", hint));
        };
        shelf::require_owner(&config)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::world("the directory is not asked", &error, "look at the limits of processes and memory"))?;
        let list = runtime.block_on(directory::look(&config.file, wanted))?;
        show(&list, out)?;
        if !self.dry_run && !list.is_idle() {
            match &list.doubt {
                // Nobody can mean that.
                Some(doubt) if !self.yes || list.is_empty() => return Err(DirectoryError::Doubtful(doubt.clone()).into()),
                _ => {}
            }
            directory::keep(&list)?;
            out.line(&format!("{} is written; `systemctl reload mailwarden` puts it in force", list.file.display()))?;
        }
        if list.faults.is_empty() { Ok(()) } else { Err(Failure::config(list.faults)) }
    }
}

fn show(list: &DirectoryList, out: &mut Output) -> std::io::Result<()> {
    let row = |(number, search): (usize, &crate::config::Searched)| {
        let counts = [search.found, search.without_address, search.taken].map(|count| count.to_string());
        let [found, without, taken] = counts;
        [(number + 1).to_string(), search.role.to_string(), found, without, taken, search.filter.clone()]
    };
    let rows: Vec<_> = list.searches.iter().enumerate().map(row).collect();
    out.table(["search", "role", "found", "without address", "taken", "filter"], &rows)?;
    super::show(&list.joins, &list.leaves, &list.changes, list.unchanged, out)
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        match error {
            DirectoryError::Config(faults) => Self::config(faults),
            error => {
                let what = "the old list of the directory stays".to_owned();
                Self { exit: Exit::World, faults: vec![Fault { what, at: None, why: error.to_string(), hint: error.remedy() }] }
            }
        }
    }
}
