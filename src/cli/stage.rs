//! A rule or a list goes to another stage: somebody decides it, it is written down, and then it stands in its file.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use clap::Args;
use jiff::Timestamp;
use toml_edit::{DocumentMut, Item, Value};

use super::replace::replace;
use super::shelf::{Shelf, operator};
use super::{Failure, Output};
use crate::config::Config;
use crate::finding::{RuleId, Stage};
use crate::journal::Event;

/// What is decided, by whom and why.
#[derive(Debug, Args)]
pub(super) struct Decision {
    /// The stage that it is to be in.
    #[arg(long, value_name = "STAGE", value_parser = stage)]
    pub to: Stage,
    /// Who decided it.
    #[arg(long, value_name = "NAME", value_parser = something)]
    pub by: String,
    /// Why.
    #[arg(long, value_name = "TEXT", value_parser = something)]
    pub note: String,
}

/// A rule or a list, and the file in which the decision is to stand.
pub(super) struct Staged<'s> {
    pub id: &'s RuleId,
    pub from: Stage,
    pub old_version: String,
    pub new_version: String,
    /// What the change was measured or tried on.
    pub effect: BTreeMap<String, u64>,
    pub file: &'s Path,
    pub text: &'s str,
    /// Of a file that was not there before.
    pub mode: u32,
}

impl Decision {
    /// It goes up one stage at a time, so that nothing holds that was not watched before.
    ///
    /// # Errors
    /// Why it does not, and what to say instead.
    pub fn is_one_step_up(&self, from: Stage) -> Result<(), (String, String)> {
        let next = Stage::ALL.into_iter().find(|stage| *stage > from);
        if next == Some(self.to) {
            return Ok(());
        }
        let hint = next.map_or_else(|| "it can go no further".to_owned(), |next| format!("say `--to {next}`"));
        Err((format!("it is in the stage {from}, and goes up one stage at a time"), hint))
    }

    /// First on the record: what the journal does not take is not done.
    ///
    /// # Errors
    /// When the journal or the file cannot be written.
    pub fn carry_out(&self, config: &Config, staged: &Staged<'_>, out: &mut Output) -> Result<(), Failure> {
        let Staged { id, from, old_version, new_version, effect, file, text, mode } = staged;
        let event = Event::RuleStaged {
            rule: (*id).clone(),
            from: *from,
            to: self.to,
            old_version: old_version.clone(),
            new_version: new_version.clone(),
            by: self.by.clone(),
            note: self.note.clone(),
            effect: effect.clone(),
        };
        Shelf::open(config)?.book.note(Timestamp::now(), &operator(), &event)?;
        let folder = file.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).and_then(|()| replace(file, text.as_bytes(), *mode)).map_err(|error| {
            let hint = "type the command as somebody who may write there; the journal says that it was tried";
            Failure::world(format!("`{}` cannot be written", file.display()), &error, hint)
        })?;
        out.line(&format!("{id}: {from} > {}, in {}", self.to, file.display()))?;
        effect.iter().try_for_each(|(figure, count)| out.line(&format!("  {figure}: {count}")))?;
        out.line("it is in force when the service has read it: `systemctl reload mailwarden`")?;
        Ok(())
    }
}

fn stage(text: &str) -> Result<Stage, String> {
    text.parse().map_err(|()| format!("one of {}", Stage::ALL.map(Stage::as_str).join(", ")))
}

/// Words that somebody has to say.
fn something(text: &str) -> Result<String, &'static str> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty()).ok_or("it is empty")
}

/// In the file of a rule, or the description of a list. Every comment stays.
pub(super) fn set_stage(file: &mut DocumentMut, stage: Stage) {
    let mut new = Value::from(stage.as_str());
    if let Some(old) = file.get("stage").and_then(Item::as_value) {
        *new.decor_mut() = old.decor().clone();
    }
    file["stage"] = Item::Value(new);
}
