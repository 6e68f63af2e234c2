//! `mailwarden rules replay`: what other rules would have done about the same mail.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::caged::{self, Caged, Sources};
use crate::cli::offline::{self, Judge};
use crate::cli::progress::{Progress, counted};
use crate::cli::scan::{Messages, Unreadables};
use crate::cli::{Failure, Output};
use crate::finding::{Category, Report, RuleId, Verdict};
use crate::wire::RuleSet;

/// Compare two folders of rules over the same messages: verdicts, categories and rules, in counts.
///
/// The messages are files, as for `scan`; each is examined twice in the same cage as in the daemon. What is told is how
/// many differ, and nothing that stands in them. With `--config` under that policy and in that school. The exit code is 0
/// whatever differs.
#[derive(Debug, Args)]
pub(super) struct Replay {
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    sources: Sources,
    /// The directory of rules as they were.
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The directory of rules as they are to be.
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// What to examine.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

/// Which message: a file, and which of those that it holds.
type Which = (PathBuf, Option<u64>);

/// What one set of rules makes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Decided {
    verdict: &'static str,
    categories: BTreeSet<Category>,
    /// Every rule that matched, whether it came to a concern or not.
    rules: BTreeSet<RuleId>,
}

/// One set of rules over all messages.
pub(super) struct Played {
    set: RuleSet,
    decided: BTreeMap<Which, Decided>,
}

/// In how many messages something was, before and after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Change {
    old: u64,
    new: u64,
    /// Only before.
    lost: u64,
    /// Only after.
    gained: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Difference {
    /// Their ids.
    old: String,
    new: String,
    pub messages: u64,
    /// Messages whose verdict is another.
    differ: u64,
    /// From verdict to verdict: `hold > flag`.
    pub turns: BTreeMap<String, u64>,
    verdicts: BTreeMap<String, Change>,
    categories: BTreeMap<String, Change>,
    rules: BTreeMap<String, Change>,
}

impl Replay {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        let mut unreadable = Unreadables::default();
        let old = self.sources.clone().open(vec![self.old])?;
        let new = self.sources.open(vec![self.new])?;
        let before = play(old, &self.paths, &mut unreadable)?;
        // What cannot be read is the same both times, and told once.
        let after = play(new, &self.paths, &mut Unreadables::default())?;
        let difference = Difference::between(&before, &after);
        let messages = difference.messages;
        if self.json {
            out.json(&difference)?;
        } else {
            difference.tell(out)?;
        }
        unreadable.into_failure(messages)
    }
}

/// Rules that are only tested run too: this is where they are tried.
pub(super) fn play(mut caged: Caged, paths: &[PathBuf], unreadable: &mut Unreadables) -> Result<Played, Failure> {
    caged.bundle.tested_too = true;
    let messages = Messages::of(paths.to_vec(), caged.largest());
    caged::block_on(async {
        let pool = caged.pool().await?;
        let mut played = Played { set: pool.rule_set(), decided: BTreeMap::new() };
        let mut progress = Progress::new(false);
        let judge = Judge::new(caged.config);
        let each = |found: crate::cli::scan::Found, report: Report| {
            played.decided.insert((found.path, found.number), Decided::of(&report, &judge.verdict(&report)));
            progress.show(played.decided.len() as u64);
            Ok(())
        };
        let done = offline::examine_each(&pool, false, unreadable.leave_out(messages), each).await;
        progress.wipe();
        done.map(|()| played)
    })
}

impl Decided {
    fn of(report: &Report, verdict: &Verdict) -> Self {
        let categories = match verdict {
            Verdict::Flag(concern) | Verdict::Hold(concern) => concern.categories.iter().copied().collect(),
            Verdict::Clear | Verdict::Incomplete(_) => BTreeSet::new(),
        };
        Self { verdict: verdict.as_str(), categories, rules: report.findings.iter().map(|found| found.rule.clone()).collect() }
    }
}

impl Difference {
    pub fn between(before: &Played, after: &Played) -> Self {
        let mut difference = Self {
            old: before.set.id.clone(),
            new: after.set.id.clone(),
            messages: 0,
            differ: 0,
            turns: BTreeMap::new(),
            verdicts: BTreeMap::new(),
            categories: BTreeMap::new(),
            rules: BTreeMap::new(),
        };
        // A file that came or went meanwhile says nothing about rules.
        for (old, new) in before.decided.iter().filter_map(|(which, old)| Some((old, after.decided.get(which)?))) {
            difference.messages += 1;
            if old.verdict != new.verdict {
                difference.differ += 1;
                *difference.turns.entry(format!("{} > {}", old.verdict, new.verdict)).or_default() += 1;
            }
            count(&mut difference.verdicts, [old.verdict], [new.verdict]);
            count(&mut difference.categories, old.categories.iter().map(|it| it.code()), new.categories.iter().map(|it| it.code()));
            count(&mut difference.rules, old.rules.iter().map(RuleId::as_str), new.rules.iter().map(RuleId::as_str));
        }
        difference
    }

    /// Messages that a rule matches afterwards.
    pub fn hits(&self, rule: &RuleId) -> u64 {
        self.rules.get(rule.as_str()).map_or(0, |change| change.new)
    }

    /// All verdicts, and what differs otherwise.
    fn tell(&self, out: &mut Output) -> Result<(), Failure> {
        let mut rows = Vec::new();
        for (kind, changes) in [("verdict", &self.verdicts), ("category", &self.categories), ("rule", &self.rules)] {
            for (name, change) in changes.iter().filter(|(_, change)| kind == "verdict" || change.lost + change.gained > 0) {
                let numbers = [change.old, change.new].map(|number| number.to_string());
                let [old, new] = numbers;
                rows.push([kind.to_owned(), name.clone(), old, new, format!("-{}", change.lost), format!("+{}", change.gained)]);
            }
        }
        out.table(["what", "name", "old", "new", "lost", "gained"], &rows)?;
        let turns: Vec<_> = self.turns.iter().map(|(turn, count)| format!("{count} {turn}")).collect();
        let turns = if turns.is_empty() { String::new() } else { format!(": {}", turns.join(", ")) };
        out.line(&format!("{}, {} with another verdict{turns}", counted(self.messages), self.differ))?;
        out.line(&format!("rule sets: old {}, new {}", self.old, self.new))?;
        Ok(())
    }
}

/// Counts one message: what it was before, and what it is after.
fn count<'a>(changes: &mut BTreeMap<String, Change>, old: impl IntoIterator<Item = &'a str>, new: impl IntoIterator<Item = &'a str>) {
    let (old, new): (BTreeSet<_>, BTreeSet<_>) = (old.into_iter().collect(), new.into_iter().collect());
    for name in &old | &new {
        let change = changes.entry(name.to_owned()).or_default();
        let (before, after) = (old.contains(name), new.contains(name));
        change.old += u64::from(before);
        change.new += u64::from(after);
        change.lost += u64::from(before && !after);
        change.gained += u64::from(after && !before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_left_one_message_and_came_to_another_is_both() {
        let mut changes = BTreeMap::new();
        count(&mut changes, ["threat"], []);
        count(&mut changes, [], ["threat"]);
        count(&mut changes, ["threat"], ["threat"]);
        assert_eq!(changes["threat"], Change { old: 2, new: 2, lost: 1, gained: 1 });
    }
}
