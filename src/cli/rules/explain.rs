//! `mailwarden rules explain`: why a message of the asker's own gets its verdict, and what would change it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::case::visible;
use crate::cli::caged::{self, Sources};
use crate::cli::offline::Judge;
use crate::cli::scan::{Found, Messages, Unreadables, place};
use crate::cli::{Failure, Output};
use crate::finding::{Category, Explained, Kind, Quote, Report, RuleId, Stage, Trace};

/// Say why messages get their verdicts: every rule that fires or nearly does, the words, the score, and what would change it.
///
/// The messages are files, as for `scan`, and their words are shown: name made-up ones, never a pupil's. Each is examined
/// in the same cage as in the daemon; rules that are only tested run too. With `--config` under that policy and in that
/// school.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// Print one JSON object a message.
    #[arg(long)]
    json: bool,
    /// A directory of rules; may be repeated. Without it the configuration's; or `rules` here, else the package's.
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    /// Leave out the rules that nearly fire.
    #[arg(long)]
    fired: bool,
    #[command(flatten)]
    sources: Sources,
    /// What to explain.
    #[arg(value_name = "FILE", required = true)]
    paths: Vec<PathBuf>,
}

/// One message, explained.
#[derive(Serialize)]
struct Line {
    path: String,
    rule_set: String,
    verdict: &'static str,
    categories: Vec<Weighed>,
    /// What would become of it without one rule.
    without: BTreeMap<RuleId, &'static str>,
    /// Rules that fire and do not count, and what keeps them from it.
    kept_out: BTreeMap<RuleId, String>,
    rules: Vec<Trace>,
    /// Lists that know a file or a picture of it.
    lists: BTreeSet<RuleId>,
    incomplete: Vec<String>,
}

/// The scores of one category.
#[derive(Serialize)]
struct Weighed {
    category: Category,
    points: u32,
    threshold: u16,
}

impl Explain {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        let mut caged = self.sources.open(self.rules)?;
        caged.bundle.tested_too = true;
        let mut unreadable = Unreadables::default();
        let found: Vec<_> = unreadable.leave_out(Messages::of(self.paths, caged.largest())).collect();
        let explained = found.len() as u64;
        caged::block_on(async {
            let pool = caged.pool().await?;
            let judge = Judge::new(caged.config);
            let rule_set = pool.rule_set().id;
            for (found, message) in found {
                let Some(message) = message else { continue };
                let mut explained = pool.permit().await.explain(&message).await?;
                if self.fired {
                    explained.traces.retain(|trace| trace.score.is_some());
                }
                let line = Line::of(&found, &rule_set, explained, &judge);
                if self.json { out.json(&line)? } else { line.tell(out)? }
            }
            Ok(())
        })?;
        unreadable.into_failure(explained)
    }
}

impl Line {
    fn of(found: &Found, rule_set: &str, explained: Explained, judge: &Judge) -> Self {
        let Explained { report, traces } = explained;
        let verdict = judge.verdict(&report);
        let mut points: BTreeMap<Category, u32> = BTreeMap::new();
        let mut kept_out = BTreeMap::new();
        for finding in &report.findings {
            if let Some(by) = judge.kept_out(&report, finding) {
                kept_out.insert(finding.rule.clone(), by.to_string());
                continue;
            }
            if finding.reach.stage < Stage::Flag {
                continue;
            }
            *points.entry(finding.category).or_default() += u32::from(finding.score);
        }
        let threshold = judge.threshold();
        let fired: BTreeSet<_> = report.findings.iter().map(|finding| finding.rule.clone()).collect();
        let without = fired.into_iter().map(|rule| (judge_without(&report, &rule, judge), rule));
        Self {
            path: place(found),
            rule_set: rule_set.to_owned(),
            categories: points.into_iter().map(|(category, points)| Weighed { category, points, threshold }).collect(),
            without: without.map(|(verdict, rule)| (rule, verdict)).filter(|(_, without)| *without != verdict.as_str()).collect(),
            verdict: verdict.as_str(),
            kept_out,
            rules: traces,
            lists: report.findings.iter().filter(|found| found.kind != Kind::Text).map(|found| found.rule.clone()).collect(),
            incomplete: report.incomplete.iter().map(|unread| format!("{} {}", unread.part, unread.reason).trim().to_owned()).collect(),
        }
    }

    fn tell(&self, out: &mut Output) -> Result<(), Failure> {
        out.line(&format!("{}: {}", self.path, self.verdict))?;
        for Weighed { category, points, threshold } in &self.categories {
            let short = u32::from(*threshold).saturating_sub(*points);
            let weighed = if short == 0 { "a concern".to_owned() } else { format!("{short} short of a concern") };
            out.line(&format!("  {category}: {points} of {threshold} points, {weighed}"))?;
        }
        for (rule, verdict) in &self.without {
            out.line(&format!("  without {rule}: {verdict}"))?;
        }
        for (rule, by) in &self.kept_out {
            out.line(&format!("  {rule} does not count: {by} keeps it from it"))?;
        }
        for list in &self.lists {
            out.line(&format!("  {list}: knows a file or a picture of it"))?;
        }
        for unread in &self.incomplete {
            out.line(&format!("  not read: {unread}"))?;
        }
        self.rules.iter().try_for_each(|trace| tell_trace(trace, out))?;
        Ok(out.line("")?)
    }
}

/// The verdict if one rule were not.
fn judge_without(report: &Report, rule: &RuleId, judge: &Judge) -> &'static str {
    let findings = report.findings.iter().filter(|finding| finding.rule != *rule).cloned().collect();
    judge.verdict(&Report { findings, ..report.clone() }).as_str()
}

fn tell_trace(trace: &Trace, out: &mut Output) -> Result<(), Failure> {
    let did = match trace.score {
        Some(score) => format!("fires with {score}"),
        None => "does not fire".to_owned(),
    };
    let stage = if trace.stage < Stage::Hold { format!(", in the stage {}", trace.stage) } else { String::new() };
    out.line(&format!("  {} {did} in {}{stage}", trace.rule, trace.location))?;
    let mut line = |name: &str, text: String| out.line(&format!("    {name:<9} {text}"));
    line("title", visible(&trace.title))?;
    line("if", trace.fire.clone())?;
    for signal in trace.signals.iter().filter(|signal| signal.holds) {
        let more = (signal.places as usize).saturating_sub(signal.quotes.len());
        for quote in &signal.quotes {
            line(&signal.name, quoted(quote))?;
        }
        if more > 0 {
            line("", format!("and in {more} more places"))?;
        }
    }
    for quote in &trace.excepted {
        line("excepted", quoted(quote))?;
    }
    line("score", score(trace))?;
    if !trace.without.is_empty() {
        line("without", format!("{} it would {}", trace.without.join(" or "), turned(trace)))?;
    }
    if !trace.with.is_empty() {
        line("with", format!("{} it would {}", trace.with.join(" or "), turned(trace)))?;
    }
    line("cost", format!("{:.1} µs", std::time::Duration::from_nanos(trace.cost).as_secs_f64() * 1e6))?;
    Ok(())
}

fn turned(trace: &Trace) -> &'static str {
    if trace.score.is_some() { "not fire" } else { "fire" }
}

/// `40, +30 repeated, not -10 in a story`
fn score(trace: &Trace) -> String {
    let adjusted = trace.adjustments.iter().map(|adjust| {
        let not = if adjust.applies { "" } else { "not " };
        format!(", {not}{:+} {} ({})", adjust.add, visible(&adjust.because), adjust.when)
    });
    trace.base.to_string() + &adjusted.collect::<String>()
}

fn quoted(Quote { before, matched, after, disguised }: &Quote) -> String {
    let text = [before, matched, after].map(|text| visible(&text.replace(['\r', '\n'], " ")));
    let disguised = if *disguised { " (in disguise)" } else { "" };
    format!("…{}[{}]{}…{disguised}", text[0], text[1], text[2])
}
