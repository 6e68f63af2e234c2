//! `mailwarden rules measure`: what labelled samples say of the rules.

mod figures;
mod paper;
mod sample;
mod school;
mod share;
mod tricks;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Zoned;
use jiff::civil::Date;

use self::figures::{AIMS, Outcome, SetFigures, Standing};
use self::sample::Kind;
pub(super) use self::sample::{Sample, labelled, ordinary};
use self::tricks::Trick;
use crate::case::Sheet;
use crate::cli::caged::{self, Sources};
use crate::cli::offline::{self, Judge};
use crate::cli::progress::Progress;
use crate::cli::{Exit, Failure, Output};
use crate::fault::Fault;
use crate::finding::{Category, Policy, Report};
use crate::wire::{Message, RuleSet};
use crate::worker::Pool;

/// Measure the rules by labelled samples: what they find, what they miss, and where they give wrong alarm.
///
/// Samples are files of JSON lines: `{"text": "…", "subject": "…", "category": "threat", "kind": "clear", "sender":
/// "pupil", "recipient": "staff"}`. A kind is `clear`, `implied`, `contrast` or `ordinary`; the category of the last two may be
/// null; subject, sender and recipient (governor, outside, pupil, safeguarding, shared, staff) may be left out. Each is
/// made a message of a made-up school and examined in the same cage as in the daemon; with `--config` under that policy. With
/// `--meaning` the rules are measured alone and then beside a model that says what sentences mean.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is an option of the command line")]
pub(super) struct Measure {
    /// A directory of rules; may be repeated. Without it the configuration's; or `rules` here, else the package's.
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    #[command(flatten)]
    sources: Sources,
    /// Ordinary mail, a text a line as `{"text": "…"}`; may be repeated. Lines with `"y": 1` are left out.
    #[arg(long, value_name = "FILE")]
    ordinary: Vec<PathBuf>,
    /// List the samples that were missed and those that gave wrong alarm; of `blind` folders only their number.
    #[arg(long)]
    failures: bool,
    /// List those of `blind` folders too: whoever has seen them cannot measure by them any more.
    #[arg(long, requires = "failures")]
    unblind: bool,
    /// Leave the letter tricks out.
    #[arg(long)]
    no_tricks: bool,
    /// Fail when an aim is missed by more than chance.
    #[arg(long)]
    strict: bool,
    /// Also write a page in Markdown.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Say on the page and here that something is not measured, and why.
    #[arg(long, value_name = "TEXT")]
    absent: Vec<String>,
    /// Files of samples, or folders of `.jsonl` files.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

/// Everything that was measured.
struct Measured {
    day: Date,
    rule_set: RuleSet,
    /// By the sets' names.
    sets: BTreeMap<String, SetFigures>,
    /// The same where a model says what sentences mean, if there is one: as the samples stand, without tricks.
    with_meaning: Option<BTreeMap<String, SetFigures>>,
    absent: Vec<String>,
    failures: Vec<String>,
    /// Of blind samples that failed and are not listed.
    unlisted: u64,
}

impl Measure {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        let mut samples = labelled(&self.paths)?;
        if samples.is_empty() {
            let why = "in what was named there is no file that ends in `.jsonl`, or only empty ones";
            return Err(Failure::world("there is no sample", &why, "name a file of samples, or a folder of them"));
        }
        samples.extend(ordinary(&self.ordinary)?);
        let mut caged = self.sources.open(self.rules)?;
        let model = caged.bundle.model.take();
        let policy = caged.config.as_ref().map_or_else(Policy::default, |config| config.policy.clone());
        let judge = Judge::new(Some(school::configuration(policy)?));
        let listed = if self.unblind { Listed::All } else { Listed::Open };
        let measured = caged::block_on(async {
            let pool = caged.pool().await?;
            let measuring = |pool: &Pool| Measuring {
                samples: &samples,
                judge: &judge,
                listed,
                caught: Vec::new(),
                measured: Measured::new(pool.rule_set()),
            };
            let mut alone = measuring(&pool);
            alone.as_they_stand(&pool).await?;
            if !self.no_tricks {
                alone.in_disguise(&pool).await?;
            }
            let mut measured = alone.measured;
            if model.is_some() {
                caged.bundle.model = model;
                let pool = caged.pool().await?;
                let mut beside = measuring(&pool);
                beside.as_they_stand(&pool).await?;
                measured.with_meaning = Some(beside.measured.sets);
            }
            Ok(measured)
        })?;
        let measured = Measured { absent: self.absent, ..measured };
        measured.tell(self.failures, out)?;
        if let Some(report) = &self.report {
            write(report, &paper::page(&measured))?;
        }
        if self.strict { measured.strict() } else { Ok(()) }
    }
}

/// Which failures are listed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Listed {
    All,
    Open,
}

struct Measuring<'s> {
    samples: &'s [Sample],
    judge: &'s Judge,
    listed: Listed,
    /// Clear samples that were found, by their places, and the words that told.
    caught: Vec<(usize, Vec<String>)>,
    measured: Measured,
}

impl Measuring<'_> {
    async fn as_they_stand(&mut self, pool: &Pool) -> Result<(), Failure> {
        let samples = self.samples;
        let messages = samples.iter().enumerate().map(|(place, sample)| Ok((place, message(sample, str::to_owned)?)));
        let mut failed = Vec::new();
        let messages: Vec<_> = messages.collect::<io::Result<_>>().map_err(|error| no_memory(&error))?;
        let mut progress = Progress::new(false);
        let mut done = 0;
        let each = |place: usize, report: Report| {
            let sample = &samples[place];
            let outcome = Outcome::of(&self.judge.verdict(&report));
            self.measured.sets.entry(sample.set.clone()).or_default().count(sample, &outcome);
            let finds = figures::finds(sample, &outcome);
            if sample.kind == Kind::Clear {
                self.caught.push((place, if finds { telling_words(&report) } else { Vec::new() }));
            }
            failed.extend(failure(sample, &outcome, finds).map(|told| (place, told)));
            done += 1;
            progress.show(done);
            Ok(())
        };
        offline::examine_each(pool, false, messages, each).await?;
        progress.wipe();
        failed.sort();
        for (place, told) in failed {
            if samples[place].is_blind() && self.listed == Listed::Open {
                self.measured.unlisted += 1;
            } else {
                self.measured.failures.push(told);
            }
        }
        Ok(())
    }

    async fn in_disguise(&mut self, pool: &Pool) -> Result<(), Failure> {
        let mut messages = Vec::new();
        for (place, words) in &self.caught {
            let sample = &self.samples[*place];
            for trick in Trick::ALL {
                if words.is_empty() {
                    // What is not found as it stands cannot be lost.
                    self.measured.sets.entry(sample.set.clone()).or_default().count_disguised(trick, false);
                } else {
                    let disguised = message(sample, |text| disguise(text, words, trick)).map_err(|error| no_memory(&error))?;
                    messages.push(((*place, trick), disguised));
                }
            }
        }
        let each = |(place, trick): (usize, Trick), report: Report| {
            let sample = &self.samples[place];
            let lost = !figures::finds(sample, &Outcome::of(&self.judge.verdict(&report)));
            self.measured.sets.entry(sample.set.clone()).or_default().count_disguised(trick, lost);
            Ok(())
        };
        offline::examine_each(pool, false, messages, each).await
    }
}

fn message(sample: &Sample, written: impl Fn(&str) -> String) -> io::Result<Option<Message>> {
    school::message(sample.sender, sample.recipient, &written(&sample.subject), &written(&sample.text)).map(Some)
}

fn no_memory(error: &io::Error) -> Failure {
    Failure::world("the samples do not fit into memory", error, "name fewer files at once")
}

/// What the rules matched, as it stands in the message.
fn telling_words(report: &Report) -> Vec<String> {
    let sheet: Option<Sheet> = report.sheets.as_ref().and_then(|sheets| serde_json::from_slice(&sheets.excerpt.0).ok());
    let matched = sheet.into_iter().flat_map(|sheet| sheet.passages).map(|passage| passage.matched.replace("\r\n", "\n"));
    let mut words: Vec<_> = matched.filter(|words| !words.is_empty()).collect();
    // The longest first: what lies within another is disguised with it.
    words.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    words.dedup();
    words
}

/// The telling words in disguise. What was matched across texts is found in none of them: then every word is disguised.
fn disguise(text: &str, words: &[String], trick: Trick) -> String {
    let disguised = words.iter().fold(text.to_owned(), |text, words| text.replace(words.as_str(), &trick.disguise(words)));
    if disguised == text { trick.disguise(text) } else { disguised }
}

/// A line for whoever mends the rules; `None` of a sample that is judged as it should.
fn failure(sample: &Sample, outcome: &Outcome, finds: bool) -> Option<String> {
    let about = sample.about.map_or("none", Category::code);
    let alarms: Vec<_> = outcome.alarms.iter().map(|category| category.code()).collect();
    let rules: Vec<_> = outcome.rules.iter().map(ToString::to_string).collect();
    let at = &sample.at;
    match sample.kind {
        Kind::Clear | Kind::Implied if finds => None,
        Kind::Clear | Kind::Implied => {
            let kind = if sample.kind == Kind::Clear { "clear" } else { "implied" };
            let found: Vec<_> = outcome.found.iter().map(|category| category.code()).collect();
            let found = if found.is_empty() { "nothing".to_owned() } else { found.join(", ") };
            Some(format!("{at}\tmissed\t{about}, {kind}\tfound {found}"))
        }
        Kind::Contrast | Kind::Ordinary if alarms.is_empty() => None,
        Kind::Contrast | Kind::Ordinary => {
            let done = if outcome.held { "wrong hold" } else { "wrong flag" };
            Some(format!("{at}\t{done}\t{}\t{}", alarms.join(", "), rules.join(", ")))
        }
    }
}

impl Measured {
    fn new(rule_set: RuleSet) -> Self {
        let day = Zoned::now().date();
        Self { day, rule_set, sets: BTreeMap::new(), with_meaning: None, absent: Vec::new(), failures: Vec::new(), unlisted: 0 }
    }

    fn tell(&self, failures: bool, out: &mut Output) -> Result<(), Failure> {
        for (name, set) in self.sets.iter().filter(|(_, set)| set.has_categories()) {
            let rows: Vec<_> = paper::categories(set).into_iter().map(|row| in_set(name, row)).collect();
            let header = ["set", "category", "clear %", "implied %", "anything %", "contrasts ‰", "ordinary ‰", "held"];
            out.table(header, &rows)?;
        }
        out.table(["set", "trick", "points lost"], &paper::tricks(self))?;
        out.table(["set", "rule", "contrasts", "ordinary", "held"], &paper::rules(self))?;
        out.table(["set", "figure", "aim", "measured", "standing"], &paper::aims(self))?;
        out.table(["set", "figure", "aim", "rules alone", "rules and meaning"], &paper::side_by_side(self))?;
        if failures {
            self.failures.iter().try_for_each(|line| out.line(line))?;
        }
        if self.unlisted > 0 {
            out.line(&format!("{} blind samples failed, and are not listed", self.unlisted))?;
        }
        self.absent.iter().try_for_each(|absent| out.line(&format!("not measured: {absent}")))?;
        out.line(&format!("rule set {}: {} rules, {} terms", self.rule_set.id, self.rule_set.rules, self.rule_set.terms))?;
        Ok(())
    }

    fn strict(&self) -> Result<(), Failure> {
        let mut faults = Vec::new();
        for (name, set) in &self.sets {
            for aim in &AIMS {
                let Some(share) = aim.figure(set).filter(|share| aim.standing(*share) == Standing::Missed) else { continue };
                faults.push(Fault {
                    what: format!("the rules miss an aim on the set `{name}`"),
                    at: None,
                    why: format!("{}: {}, where the aim is {}", aim.title, share.per(aim.per), aim.bound()),
                    hint: "`--failures` lists the samples".to_owned(),
                });
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Failure { exit: Exit::World, faults }) }
    }
}

/// The set's name before its row.
fn in_set(name: &str, [category, clear, implied, any, contrast, ordinary, held]: [String; 7]) -> [String; 8] {
    [name.to_owned(), category, clear, implied, any, contrast, ordinary, held]
}

fn write(file: &Path, page: &str) -> Result<(), Failure> {
    fs::write(file, page).map_err(|error| Failure::world(format!("`{}` cannot be written", file.display()), &error, "name another file"))
}
