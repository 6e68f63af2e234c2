//! `mailwarden run`: the daemon.

use clap::Args;

use super::{ConfigFile, Exit, Failure, output, shelf};
use crate::watch::{self, Options, StartFailure};

/// Watch the mailboxes: scan what arrives, hold or flag it, and tell the contacts.
///
/// Stops on SIGTERM and SIGINT. On SIGHUP it reads the configuration, the rules and the lists anew; with a fault in
/// any of them, all that was in force stays in force.
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    config: ConfigFile,
    /// Judge what there is in every mailbox, send what is due, and end: with 0 when every mailbox could be polled.
    #[arg(long)]
    once: bool,
    /// Scan although this kernel cannot cage the scan processes. Every status says so.
    #[arg(long)]
    allow_uncaged: bool,
}

impl Run {
    pub fn run(&self) -> Result<(), Failure> {
        let config = self.config.load()?;
        shelf::require_owner(&config)?;
        output::tell(&config.faults);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::world("the daemon does not start", &error, "look at the limits of processes and memory"))?;
        runtime.block_on(async {
            let daemon = watch::start(config, Options { allow_uncaged: self.allow_uncaged }).await?;
            if self.once {
                daemon.once().await.map_err(|failing| {
                    Failure::world(
                        format!("{failing} mailboxes could not be polled"),
                        &"each is named in the log and in `mailwarden status`",
                        "",
                    )
                })
            } else {
                daemon.run().await.map_err(|error| Failure::world("the daemon stopped", &error, ""))
            }
        })
    }
}

impl From<StartFailure> for Failure {
    fn from(failure: StartFailure) -> Self {
        match failure {
            StartFailure::Another(_) => {
                Self::world("mailwarden does not start", &failure, "stop the other first; `mailwarden status` says which process it is")
            }
            StartFailure::Casebook(error) => error.into(),
            StartFailure::Directory(fault) => Self { exit: Exit::World, faults: vec![fault] },
            StartFailure::Faults(faults) => Self::config(faults),
            StartFailure::Key { .. } => {
                Self::world("the state is out of reach", &failure, "run `mailwarden init` first, once, as the user of the service")
            }
            StartFailure::Scan(error) => error.into(),
            StartFailure::Vault(error) => error.into(),
        }
    }
}
