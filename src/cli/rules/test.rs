//! `mailwarden rules test`: which rules do what their examples say.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::saved;
use crate::cli::caged::{self, Sources};
use crate::cli::{Exit, Failure, Output};
use crate::fault::Fault;
use crate::finding::Stage;
use crate::wire::Tested;
use crate::worker::Nursery;

/// Hold every rule against its own examples, and say of each whether it passes.
///
/// This happens in the same cage as in the daemon. The exit code is 0 when all pass, 1 when an example fails, 78 when a
/// rule does not compile. A draft may fail: that is said, and fails nothing.
#[derive(Debug, Args)]
pub(super) struct Test {
    /// Print one JSON object a rule.
    #[arg(long)]
    json: bool,
    /// Only rules whose name begins with this: `threat`, `threat.violence`.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
    /// Test again whenever a rule is saved.
    #[arg(long, conflicts_with = "json")]
    watch: bool,
    #[command(flatten)]
    sources: Sources,
    /// Directories of rules. Without any the configuration's; or `rules` here, else the package's.
    #[arg(value_name = "DIR")]
    directories: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Line<'a> {
    rule: &'a str,
    version: String,
    stage: Stage,
    examples: usize,
    failed: &'a [Fault],
}

impl Test {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        saved::opened(self.watch, &self.sources, &self.directories, out, |caged, out| {
            self.tell(caged::block_on(async { Ok(Nursery::test(&caged.bundle, &caged.options).await?) })?, out)
        })
    }

    fn tell(&self, mut tested: Vec<Tested>, out: &mut Output) -> Result<(), Failure> {
        if let Some(only) = &self.only {
            tested.retain(|rule| rule.rule.as_str().starts_with(only.as_str()));
        }
        if tested.is_empty() {
            return Err(Failure::world("there is no rule to test", &"no rule's name begins so", "say `--only` otherwise, or leave it out"));
        }
        if self.json {
            tested.iter().try_for_each(|rule| out.json(&line(rule)))?;
        } else {
            out.table(["rule", "stage", "examples", "result"], &tested.iter().map(row).collect::<Vec<_>>())?;
            let failed = tested.iter().filter(|rule| !rule.faults.is_empty()).count();
            let examples: usize = tested.iter().map(|rule| rule.examples).sum();
            out.line(&format!("{} rules, {examples} examples: {} pass, {failed} fail", tested.len(), tested.len() - failed))?;
            for fault in tested.iter().filter(|rule| rule.stage == Stage::Draft).flat_map(|rule| &rule.faults) {
                out.line(&fault.told_as("note"))?;
            }
        }
        let faults: Vec<_> = tested.into_iter().filter(|rule| rule.stage > Stage::Draft).flat_map(|rule| rule.faults).collect();
        if faults.is_empty() { Ok(()) } else { Err(Failure { exit: Exit::World, faults }) }
    }
}

fn row(rule: &Tested) -> [String; 4] {
    let result = match rule.faults.len() {
        0 => "pass".to_owned(),
        failed if rule.stage == Stage::Draft => format!("{failed} fail, as a draft may"),
        failed => format!("{failed} FAIL"),
    };
    [rule.rule.to_string(), rule.stage.to_string(), rule.examples.to_string(), result]
}

fn line(rule: &Tested) -> Line<'_> {
    Line { rule: rule.rule.as_str(), version: rule.version.to_string(), stage: rule.stage, examples: rule.examples, failed: &rule.faults }
}
