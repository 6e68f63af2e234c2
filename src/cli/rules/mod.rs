//! `mailwarden rules`: whether rules may come into force, and how good they are.

mod check;
mod explain;
mod measure;
mod new;
mod replay;
mod saved;
mod test;

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
    Explain(explain::Explain),
    Measure(measure::Measure),
    New(new::New),
    Replay(replay::Replay),
    Test(test::Test),
}

impl Rules {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        match self.command {
            RulesCommand::Check(check) => check.run(out),
            RulesCommand::Explain(explain) => explain.run(out),
            RulesCommand::Measure(measure) => measure.run(out),
            RulesCommand::New(new) => new.run(out),
            RulesCommand::Replay(replay) => replay.run(out),
            RulesCommand::Test(test) => test.run(out),
        }
    }
}
