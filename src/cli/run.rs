//! `mailwarden run`: the daemon.

use clap::Args;

use super::{ConfigFile, Failure, output, shelf};
use crate::watch::{self, Amiss, Options};

/// Steps that this process and all that it starts stand behind others on a machine that is short of time.
const NICENESS: i32 = 10;

/// Watch the mailboxes: scan what arrives, hold or flag it, and tell the contacts.
///
/// Stops on SIGTERM and SIGINT. On SIGHUP it reads the configuration, the rules and the lists anew; with a fault in
/// any of them, all that was in force stays in force.
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    config: ConfigFile,
    /// Judge what there is in every mailbox, send what is due, and end: with 0 when every mailbox could be polled and nothing else is amiss.
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
        give_way();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::world("the daemon does not start", &error, "look at the limits of processes and memory"))?;
        runtime.block_on(async {
            let daemon = watch::start(config, Options { allow_uncaged: self.allow_uncaged }).await?;
            if self.once {
                daemon.once().await.map_err(|Amiss { mailboxes, troubles }| {
                    let what = if mailboxes > 0 {
                        format!("{mailboxes} mailboxes could not be polled")
                    } else {
                        format!("every mailbox was polled, and there is trouble beside them: {troubles}")
                    };
                    Failure::world(
                        what,
                        &"each is named in the log and in `mailwarden status`",
                        "`mailwarden doctor` tries every step to each mailbox, and says what mends it",
                    )
                })
            } else {
                daemon.run().await.map_err(|error| {
                    Failure::world("the daemon stopped", &error, "look at the limits of processes and memory, and start it again")
                })
            }
        })
    }
}

/// Goes behind whatever else this machine does, a mail server among it, unless whoever started this chose otherwise. It costs
/// nothing: what is read a little later is read in larger pieces, and a backlog is worked off the sooner for it.
fn give_way() {
    if rustix::process::getpriority_process(None) == Ok(0) {
        // The unit has chosen, and lets nobody change it.
        let _ = rustix::process::setpriority_process(None, NICENESS);
    }
}
