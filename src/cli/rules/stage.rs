//! `mailwarden rules promote` and `demote`: the life of a rule, step by step, on the record.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Zoned;
use toml_edit::{ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value, value};

use super::NEW_FILE;
use super::replay::{self, Difference};
use crate::cli::caged::{self, CageArgs, Caged};
use crate::cli::scan::Unreadables;
use crate::cli::stage::{Decision, Staged, set_stage};
use crate::cli::{ConfigFile, Exit, Failure, Output};
use crate::config::Config;
use crate::fault::{At, Fault};
use crate::finding::{RuleId, Stage};
use crate::wire::{Bundle, SourceFile, Tested};
use crate::worker::Nursery;

/// Which way a rule goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Down,
    Up,
}

/// Move a rule to another stage: draft, tested, shadow, flag, hold.
///
/// The rule's file is edited, its comments kept, and gets an entry in its history; the journal gets one too, with the
/// author, the reason and the measured effect. A rule goes up one stage at a time, and only when its examples hold. What
/// was edited is in force when the service has read it (`systemctl reload mailwarden`).
#[derive(Debug, Args)]
pub(super) struct ChangeStage {
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    cage: CageArgs,
    /// The rule: `category.name`.
    #[arg(value_name = "ID")]
    id: RuleId,
    #[command(flatten)]
    decision: Decision,
    /// Messages on which the effect is measured, as for `rules replay`; may be repeated.
    #[arg(long, value_name = "PATH")]
    replay: Vec<PathBuf>,
}

impl ChangeStage {
    pub fn run(self, way: Way, out: &mut Output) -> Result<(), Failure> {
        let config = self.config.load()?;
        let before = config.bundle().map_err(Failure::config)?;
        let source = self.source(&before)?;
        let written = self.edited(source)?;
        let directories = &config.scan.rules;
        let file = file_to_write(&source.path, directories, &self.id);
        let after = with_file(&before, source, &file, written.as_bytes());

        let old = self.tested(&before, &config)?;
        self.require_way(way, old.stage)?;
        let new = self.tested(&after, &config)?;
        if self.decision.to > Stage::Draft && !new.faults.is_empty() {
            return Err(Failure { exit: Exit::World, faults: new.faults });
        }
        let effect = self.effect(&config, &before, &after)?;
        let staged = Staged {
            id: &self.id,
            from: old.stage,
            old_version: old.version.to_string(),
            new_version: new.version.to_string(),
            effect,
            file: &file,
            text: &written,
            mode: NEW_FILE,
        };
        self.decision.carry_out(&config, &staged, out)
    }

    /// The file that the rule comes from: the last of its name counts.
    fn source<'b>(&self, bundle: &'b Bundle) -> Result<&'b SourceFile, Failure> {
        bundle.rules.iter().rev().find(|file| names(&file.path, &self.id)).ok_or_else(|| {
            let why = "no directory of rules has a file of its name";
            Failure::world(format!("there is no rule `{}`", self.id), &why, "`mailwarden rules test` names all that there are")
        })
    }

    fn require_way(&self, way: Way, from: Stage) -> Result<(), Failure> {
        let refused = match way {
            Way::Up => self.decision.is_one_step_up(from).err(),
            Way::Down if self.decision.to >= from => {
                Some((format!("it is in the stage {from}"), "`rules promote` goes the other way".to_owned()))
            }
            Way::Down => None,
        };
        let what = format!("`{}` stays where it is", self.id);
        refused.map_or(Ok(()), |(why, hint)| Err(Failure { exit: Exit::Usage, faults: vec![Fault { what, at: None, why, hint }] }))
    }

    fn edited(&self, source: &SourceFile) -> Result<String, Failure> {
        let fault = |why: String| {
            let what = format!("rule `{}` cannot be edited", self.id);
            let hint = "`mailwarden rules check` tells every fault".to_owned();
            Failure::config(vec![Fault { what, at: Some(At::file(&source.path)), why, hint }])
        };
        let text = std::str::from_utf8(&source.octets).map_err(|error| fault(error.to_string()))?;
        let mut rule: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| fault(error.message().to_owned()))?;
        let Decision { to, by, note } = &self.decision;
        set_stage(&mut rule, *to);
        append_history(&mut rule, by, &format!("stage {to}: {note}")).map_err(fault)?;
        Ok(rule.to_string())
    }

    /// What the rule's examples say of it. The other rules compile too, or none is in force.
    fn tested(&self, bundle: &Bundle, config: &Config) -> Result<Tested, Failure> {
        let options = crate::watch::Options { allow_uncaged: self.cage.allow_uncaged }.cage(config);
        let tested = caged::block_on(async { Ok(Nursery::test(bundle, &options).await?) })?;
        tested.into_iter().find(|tested| tested.rule == self.id).ok_or_else(|| {
            Failure::world(format!("there is no rule `{}`", self.id), &"its file is named for another", "`mailwarden rules check` tells")
        })
    }

    /// What the change does: to the messages that were named, and what the casebook knows of the rule.
    fn effect(&self, config: &Config, before: &Bundle, after: &Bundle) -> Result<BTreeMap<String, u64>, Failure> {
        let mut effect = BTreeMap::new();
        if !self.replay.is_empty() {
            let play = |bundle: &Bundle| {
                replay::play(Caged::of(config.clone(), bundle.clone(), &self.cage), &self.replay, &mut Unreadables::default())
            };
            effect.extend(figures(&Difference::between(&play(before)?, &play(after)?), &self.id));
        }
        Ok(effect)
    }
}

fn figures(difference: &Difference, rule: &RuleId) -> Vec<(String, u64)> {
    let hits = difference.hits(rule);
    let turns = difference.turns.iter().map(|(turn, count)| (format!("replayed {turn}"), *count));
    turns.chain([("replayed messages".to_owned(), difference.messages), ("replayed hits".to_owned(), hits)]).collect()
}

/// `<category>/<name>.toml` is the file of `category.name`.
fn names(path: &Path, id: &RuleId) -> bool {
    let folder = path.parent().and_then(Path::file_name).and_then(OsStr::to_str);
    folder.zip(path.file_stem().and_then(OsStr::to_str)) == id.as_str().split_once('.')
}

/// Where it lies, if that is the school's own directory, the last one; else there, so that no update undoes the change.
fn file_to_write(source: &Path, directories: &[PathBuf], id: &RuleId) -> PathBuf {
    let (category, name) = id.as_str().split_once('.').unwrap_or_default();
    match directories.last() {
        Some(own) if !source.starts_with(own) => own.join(category).join(format!("{name}.toml")),
        _ => source.to_owned(),
    }
}

/// The bundle as it will be.
fn with_file(bundle: &Bundle, source: &SourceFile, path: &Path, octets: &[u8]) -> Bundle {
    let mut after = bundle.clone();
    after.rules.retain(|file| file.path != source.path || file.path != path);
    after.rules.push(SourceFile { path: path.to_owned(), octets: octets.to_vec() });
    after
}

/// In the form in which the file has its history.
fn append_history(rule: &mut DocumentMut, by: &str, note: &str) -> Result<(), String> {
    let today = Zoned::now().date().to_string();
    let date: toml_edit::Datetime = today.parse().map_err(|_| format!("{today} is no date"))?;
    match rule.entry("history").or_insert(Item::ArrayOfTables(ArrayOfTables::new())) {
        Item::ArrayOfTables(history) => {
            let mut entry = Table::new();
            entry.insert("date", value(date));
            entry.insert("by", value(by));
            entry.insert("note", value(note));
            entry.decor_mut().set_prefix("\n");
            history.push(entry);
        }
        Item::Value(Value::Array(history)) => {
            let mut entry = InlineTable::new();
            entry.insert("date", date.into());
            entry.insert("by", by.into());
            entry.insert("note", note.into());
            history.push(entry);
        }
        _ => return Err("`history` is no list".to_owned()),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str) -> String {
        let mut rule: DocumentMut = text.parse().unwrap();
        set_stage(&mut rule, Stage::Flag);
        append_history(&mut rule, "Kit", "because \"so\"").unwrap();
        rule.to_string().replace(&Zoned::now().date().to_string(), "TODAY")
    }

    #[test]
    fn a_stage_is_changed_and_every_comment_stays() {
        let before = "# a rule\nstage = \"shadow\"   # since May\ntitle = 'x'\n\n# who\n[[history]]\ndate = 2026-01-02\nby = \"a\"\nnote = \"b\" # c\n";
        let after = "# a rule\nstage = \"flag\"   # since May\ntitle = 'x'\n\n# who\n[[history]]\ndate = 2026-01-02\nby = \"a\"\nnote = \"b\" # c\n\
                     \n[[history]]\ndate = TODAY\nby = \"Kit\"\nnote = 'because \"so\"'\n";
        assert_eq!(edited(before), after);
    }

    #[test]
    fn a_history_on_one_line_stays_on_it() {
        let before = "stage = \"shadow\"\nhistory = [{ date = 2026-01-02, by = \"a\", note = \"b\" }]\n";
        let after = "stage = \"flag\"\nhistory = [{ date = 2026-01-02, by = \"a\", note = \"b\" }, { date = TODAY, by = \"Kit\", note = 'because \"so\"' }]\n";
        assert_eq!(edited(before), after);
    }

    #[test]
    fn a_rule_that_was_shipped_is_changed_in_the_schools_own_directory() {
        let directories = ["/usr/share/rules", "local-rules"].map(PathBuf::from);
        let id: RuleId = "scam.prize".parse().unwrap();
        let shipped = file_to_write(Path::new("/usr/share/rules/scam/prize.toml"), &directories, &id);
        assert_eq!(shipped, Path::new("local-rules/scam/prize.toml"));
        let own = Path::new("local-rules/money/scam/prize.toml");
        assert_eq!(file_to_write(own, &directories, &id), own);
    }
}
