//! `mailwarden rules`: whether rules may come into force, and how good they are.

mod check;
mod measure;

use clap::{Args, Subcommand};

use super::{Failure, Output};

/// Check and measure the rules.
#[derive(Debug, Args)]
pub(super) struct Rules {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    Check(check::Check),
    Measure(measure::Measure),
}

impl Rules {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        match self.command {
            RulesCommand::Check(check) => check.run(out),
            RulesCommand::Measure(measure) => measure.run(out),
        }
    }
}
