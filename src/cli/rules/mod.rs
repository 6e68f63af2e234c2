//! `mailwarden rules`: whether rules may come into force, and how good they are.

mod check;
mod explain;
mod fmt;
mod layout;
mod learn;
mod measure;
mod new;
mod replay;
mod saved;
mod stage;
mod stats;
mod test;

use clap::{Args, Subcommand};

use super::{Failure, Output};

/// The mode of a new file among the rules.
const NEW_FILE: u32 = 0o644;

/// Check and measure the rules.
#[derive(Debug, Args)]
pub(super) struct Rules {
    #[command(subcommand)]
    command: RulesCommand,
}

#[derive(Debug, Subcommand)]
enum RulesCommand {
    Check(check::Check),
    /// Move a rule back: to any stage below its own.
    Demote(stage::ChangeStage),
    Fmt(fmt::Fmt),
    Explain(explain::Explain),
    Learn(learn::Learn),
    Measure(measure::Measure),
    New(new::New),
    Promote(stage::ChangeStage),
    Replay(replay::Replay),
    Stats(stats::Stats),
    Test(test::Test),
}

impl Rules {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        match self.command {
            RulesCommand::Check(check) => check.run(out),
            RulesCommand::Demote(change) => change.run(stage::Way::Down, out),
            RulesCommand::Fmt(fmt) => fmt.run(out),
            RulesCommand::Explain(explain) => explain.run(out),
            RulesCommand::Learn(learn) => learn.run(out),
            RulesCommand::Measure(measure) => measure.run(out),
            RulesCommand::New(new) => new.run(out),
            RulesCommand::Promote(change) => change.run(stage::Way::Up, out),
            RulesCommand::Replay(replay) => replay.run(out),
            RulesCommand::Stats(stats) => stats.run(out),
            RulesCommand::Test(test) => test.run(out),
        }
    }
}
