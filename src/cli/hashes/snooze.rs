//! `mailwarden hashes snooze`: an entry of a list that matches what everybody has is passed over for some days.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use super::NEW_FILE;
use crate::cli::key_holder::Reason;
use crate::cli::replace::replace;
use crate::cli::shelf::{Shelf, operator};
use crate::cli::{ConfigFile, Exit, Failure, Output};
use crate::config::{self, Config};
use crate::fault::Fault;
use crate::finding::{RuleId, RuleVersion};
use crate::journal::Event;
use crate::scan::detect::{self, APART, NamedList, SNOOZED, Snoozes, TooMuch};
use crate::wire::Bundle;

const HEAD: &str = "# Entries of lists that are passed over, as `mailwarden hashes snooze` writes them. hashsets/README.md says for how long.\n\
                    # To end one early, remove its table, and reload.\n";

/// Pass over an entry of a list until a day: one that matches an ordinary picture.
///
/// `mailwarden hashes why FILE` tells the list, the entry and its version. Other entries of the list go on finding what they
/// find. It ends by itself behind its last day, and with the entry, when the list drops it. An entry of a list of pictures that
/// nobody at the school may look at is passed over for one day, and once in four weeks, by one person alone; for up to 14 days
/// with a second person. Of other lists it is 31 and 92 days. Both names and the reason are written to the journal.
#[derive(Debug, Args)]
pub(super) struct Snooze {
    #[command(flatten)]
    config: ConfigFile,
    /// The list, as `hashes stat` and `hashes why` name it: `category.name`.
    #[arg(value_name = "LIST")]
    list: RuleId,
    /// The number of the entry, as `hashes why` tells it.
    #[arg(value_name = "ENTRY")]
    entry: usize,
    /// The last day on which it is passed over.
    #[arg(long, value_name = "DATE")]
    until: Date,
    /// Why, in 10 characters or more. It is kept in the journal, beside your name.
    #[arg(long, value_name = "TEXT")]
    reason: Reason,
    /// Who agrees: another person than you.
    #[arg(long, value_name = "NAME")]
    second: Option<String>,
    /// The version of the list that the number is of. Where the list is another by now, nothing is passed over.
    #[arg(long, value_name = "VERSION")]
    version: Option<RuleVersion>,
}

impl Snooze {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let config = self.config.load()?;
        let hashsets = directory(&config)?;
        let bundle = config::hash_lists(&hashsets).map_err(Failure::config)?;
        let list = named(&bundle, &self.list)?;
        let snooze = self.snooze(&list, bundle.today)?;
        let path = hashsets.join(SNOOZED);
        let mut snoozes = written(&bundle, &path)?;
        snooze.allowed(&snoozes.snoozed).map_err(|why| self.refused(&why))?;

        // First on the record: what the journal does not take is not done.
        let event = Event::EntrySnoozed {
            list: self.list.clone(),
            version: list.version().to_string(),
            entry: self.entry,
            until: self.until.to_string(),
            second: snooze.second.clone(),
            reason: self.reason.as_str().to_owned(),
        };
        Shelf::open(&config)?.book.note(Timestamp::now(), &operator(), &event)?;
        snoozes.snoozed.retain(|old| old.until.saturating_add(APART.days()) >= bundle.today);
        snoozes.snoozed.push(snooze);
        replace(&path, as_toml(&snoozes).as_bytes(), NEW_FILE).map_err(|error| {
            let hint = "type the command as somebody who may write there; the journal says that it was tried";
            Failure::world(format!("`{}` cannot be written", path.display()), &error, hint)
        })?;
        out.line(&format!("{}: entry {} is passed over until {}, that day included", self.list, self.entry, self.until))?;
        out.line("it is so when the service has read it: `systemctl reload mailwarden`")?;
        Ok(())
    }

    /// # Errors
    /// When there is no such entry, or nobody else agrees.
    fn snooze(&self, list: &NamedList, today: Date) -> Result<detect::Snooze, Failure> {
        if self.version.is_some_and(|version| version != list.version()) {
            let why = format!("the list is of version {} by now, and its entries are numbered anew", list.version());
            return Err(self.not_passed_over(why, "`mailwarden hashes why` tells the number that the entry has now"));
        }
        let digest = self.entry.checked_sub(1).and_then(|number| list.digests().nth(number));
        let Some(digest) = digest else {
            let why = format!("the list has {} entries, numbered from 1", list.digests().count());
            return Err(self.not_passed_over(why, "`mailwarden hashes why FILE` tells the number of the entry that matches"));
        };
        let by = operator().name().to_owned();
        let second = self.second.as_deref().map(str::trim).filter(|second| !second.is_empty());
        if second.is_some_and(|second| second.eq_ignore_ascii_case(&by)) {
            return Err(self.not_passed_over("the second person is the first".to_owned(), "name the person who agrees with you"));
        }
        Ok(detect::Snooze {
            list: self.list.clone(),
            digest: hex::encode(digest),
            from: today,
            until: self.until,
            by,
            second: second.map(str::to_owned),
        })
    }

    fn refused(&self, why: &TooMuch) -> Failure {
        let hint = match why {
            TooMuch::Backwards => "name today or a later day as `--until`",
            TooMuch::Long { alone: true, .. } | TooMuch::Again => "ask a second person, and name her as `--second`",
            TooMuch::Long { .. } => "name an earlier day, and ask the issuer meanwhile to take the entry out",
        };
        self.not_passed_over(why.to_string(), hint)
    }

    fn not_passed_over(&self, why: String, hint: &str) -> Failure {
        let what = format!("entry {} of {} is not passed over", self.entry, self.list);
        Failure { exit: Exit::Usage, faults: vec![Fault { what, at: None, why, hint: hint.to_owned() }] }
    }
}

/// Where the lists of a configuration are.
///
/// # Errors
/// When it names no directory of them.
pub fn directory(config: &Config) -> Result<PathBuf, Failure> {
    config.scan.hashsets.clone().ok_or_else(|| {
        let hint = "make a directory `hashsets` beside the configuration, and name it as `hashsets` in [scan]";
        Failure::world("there are no lists", &"the configuration names no directory of them", hint)
    })
}

/// # Errors
/// When there is no list of that name, or a list has a fault.
pub fn named(bundle: &Bundle, rule: &RuleId) -> Result<NamedList, Failure> {
    detect::list(bundle, rule).map_err(Failure::config)?.ok_or_else(|| {
        let why = "no file of that name is in the directory of lists, or it is not imported or not valid today";
        Failure::world(format!("there is no list `{rule}`"), &why, "`mailwarden hashes stat` names all that there are")
    })
}

/// What the file says already. The bundle compiles, so that it says nothing wrong.
fn written(bundle: &Bundle, path: &Path) -> Result<Snoozes, Failure> {
    let file = bundle.hash_lists.iter().find(|file| file.path == path);
    file.map_or_else(|| Ok(Snoozes::default()), Snoozes::read).map_err(Failure::config)
}

fn as_toml(snoozes: &Snoozes) -> String {
    let mut text = HEAD.to_owned();
    let quoted = |text: &str| toml::Value::from(text).to_string();
    for snooze in &snoozes.snoozed {
        let detect::Snooze { list, digest, from, until, by, second } = snooze;
        let _ =
            write!(text, "\n[[snoozed]]\nlist = \"{list}\"\ndigest = \"{digest}\"\nfrom = {from}\nuntil = {until}\nby = {}\n", quoted(by));
        if let Some(second) = second {
            let _ = writeln!(text, "second = {}", quoted(second));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::SourceFile;

    #[test]
    fn what_is_written_is_read_again() {
        let snooze = |second: Option<&str>| detect::Snooze {
            list: "scam.ours".parse().unwrap(),
            digest: "07".repeat(16),
            from: Date::constant(2026, 11, 30),
            until: Date::constant(2026, 12, 1),
            by: "a \"quoted\" name \\".to_owned(),
            second: second.map(str::to_owned),
        };
        let snoozes = Snoozes { snoozed: vec![snooze(None), snooze(Some("Ann\nMartin"))] };
        let file = SourceFile { path: SNOOZED.into(), octets: as_toml(&snoozes).into_bytes() };
        assert_eq!(Snoozes::read(&file).ok(), Some(snoozes));
    }
}
