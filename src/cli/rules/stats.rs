//! `mailwarden rules stats`: how every rule has fared in this school.

use std::collections::BTreeMap;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::casebook::{RuleRecord, Version};
use crate::cli::caged::{self, CageArgs};
use crate::cli::shelf::Shelf;
use crate::cli::time::brief;
use crate::cli::{ConfigFile, Failure, Output};
use crate::finding::{RuleId, Stage};
use crate::watch;
use crate::worker::Nursery;

/// Say of every rule what came of it: cases, holds, what was released, and what it would have done in the shadow.
///
/// Counts alone, from the casebook. Versions of rules that are no more in force are told when they have done anything.
#[derive(Debug, Args)]
pub(super) struct Stats {
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    cage: CageArgs,
    /// Of so many days back.
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    days: u16,
    /// Print one JSON object a version of a rule.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Line {
    rule: RuleId,
    version: String,
    /// `None`: this version is not in force.
    stage: Option<Stage>,
    cases: u64,
    held: u64,
    /// Cases that a person found to be no concern.
    released: u64,
    /// Messages on which it would have fired, while it was in the shadow.
    shadow: u64,
    fell_at: Option<Timestamp>,
}

impl Stats {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let config = self.config.load()?;
        let bundle = config.bundle().map_err(Failure::config)?;
        let options = watch::Options { allow_uncaged: self.cage.allow_uncaged }.cage(&config);
        let in_force = caged::block_on(async { Ok(Nursery::test(&bundle, &options).await?) })?;
        let now = Timestamp::now();
        let since = now.saturating_sub(SignedDuration::from_hours(24 * i64::from(self.days))).unwrap_or(Timestamp::MIN);
        let records = Shelf::open(&config)?.book.rule_records(since)?;

        let mut lines: BTreeMap<Version, Line> = BTreeMap::new();
        for rule in in_force {
            let line = Line::new(&rule.rule, rule.version.to_string());
            lines.insert((rule.rule, rule.version), Line { stage: Some(rule.stage), ..line });
        }
        for RuleRecord { rule, version, cases, held, released, shadow, fell_at } in records {
            let line = lines.entry((rule.clone(), version)).or_insert_with(|| Line::new(&rule, version.to_string()));
            (line.cases, line.held, line.released, line.shadow, line.fell_at) = (cases, held, released, shadow, fell_at);
        }
        if self.json {
            return lines.values().try_for_each(|line| Ok(out.json(line)?));
        }
        let zone = &config.school.clock.zone;
        let rows: Vec<_> = lines.values().map(|line| line.cells(|at| brief(at, now, zone))).collect();
        out.table(["rule", "version", "stage", "cases", "held", "released", "shadow", "fell"], &rows)?;
        Ok(())
    }
}

impl Line {
    fn new(rule: &RuleId, version: String) -> Self {
        Self { rule: rule.clone(), version, stage: None, cases: 0, held: 0, released: 0, shadow: 0, fell_at: None }
    }

    fn cells(&self, wall: impl Fn(Timestamp) -> String) -> [String; 8] {
        let stage = self.stage.map_or("not in force", Stage::as_str);
        let fell = self.fell_at.map_or_else(|| "-".to_owned(), wall);
        let [cases, held, released, shadow] = [self.cases, self.held, self.released, self.shadow].map(|count| count.to_string());
        [self.rule.to_string(), self.version.clone(), stage.to_owned(), cases, held, released, shadow, fell]
    }
}
