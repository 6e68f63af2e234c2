//! `mailwarden rules learn`: weights of words, from labelled samples and ordinary mail.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Zoned;
use serde::Deserialize;

use super::measure::{Sample, labelled, ordinary};
use crate::cli::caged::{self, Sources};
use crate::cli::scan::{Messages, Unreadables};
use crate::cli::{Exit, Failure, Output};
use crate::fault::{At, Fault};
use crate::finding::{Category, Stage};
use crate::wire::{Lesson, Lessons, SourceFile};
use crate::worker::Nursery;

/// Of one category: from fewer samples nothing is learnt.
const FEWEST_SAMPLES: usize = 50;
/// Of all mail that is named, in octets: it is learnt from in memory.
const MOST_MAIL: u64 = 64 << 20;

/// Learn from samples and from ordinary mail which words speak for which concern.
///
/// What is learnt from: the examples of the rules, the samples that are named, and ordinary mail. It is done in the same cage
/// as a scan. The weights are written to `DIR/weights/learnt.txt`, in place of the package's where DIR is a directory of
/// the configuration that comes later. In the stage `shadow` what they find is counted; in `flag` it opens cases; they
/// never hold. The threshold is chosen by ordinary mail that was held out. With `--meaning` what sentences mean is learnt too, into
/// `DIR/weights/meaning.txt`. Then try them: `rules measure` with samples that were not learnt from.
#[derive(Debug, Args)]
pub(super) struct Learn {
    /// A directory of rules; may be repeated. Without it the configuration's; or `rules` here, else the package's.
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    #[command(flatten)]
    sources: Sources,
    /// Ordinary mail, a text a line as `{"text": "…"}`; may be repeated. Lines with `"y": 1` are left out.
    #[arg(long, value_name = "FILE")]
    ordinary: Vec<PathBuf>,
    /// Ordinary mail as for `scan`, which nobody had any concern about; may be repeated.
    #[arg(long, value_name = "PATH")]
    mail: Vec<PathBuf>,
    /// Of 1,000 ordinary messages that were held out, so many may be found.
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u32).range(0..=100))]
    wrong: u32,
    /// `shadow` or `flag`.
    #[arg(long, value_name = "STAGE", default_value = "shadow", value_parser = stage)]
    stage: Stage,
    /// The directory of rules to write to.
    #[arg(long, value_name = "DIR", default_value = "local-rules")]
    to: PathBuf,
    /// Files of samples as for `measure`, or folders of `.jsonl` files.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

/// What of a rule's file is learnt from.
#[derive(Deserialize)]
struct Examples {
    category: Category,
    example: Vec<Example>,
}

#[derive(Deserialize)]
struct Example {
    expect: String,
    text: String,
    #[serde(default)]
    subject: String,
}

fn stage(text: &str) -> Result<Stage, &'static str> {
    match text.parse() {
        Ok(stage @ (Stage::Shadow | Stage::Flag)) => Ok(stage),
        _ => Err("weights are in the stage `shadow` or `flag`"),
    }
}

impl Learn {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        let samples = labelled(&self.paths)?;
        if let Some(blind) = samples.iter().find(|sample| sample.is_blind()) {
            let hint = "name the folders of samples one by one, without those named `blind`";
            let why = "whoever learns from blind samples cannot measure by them any more".to_owned();
            let what = "a blind sample is not learnt from".to_owned();
            return Err(Failure {
                exit: Exit::Usage,
                faults: vec![Fault { what, at: Some(blind.at.clone()), why, hint: hint.to_owned() }],
            });
        }
        let caged = self.sources.clone().open(self.rules.clone())?;
        let mut lessons: Vec<Lesson> = samples.iter().chain(&ordinary(&self.ordinary)?).map(lesson).collect();
        for file in &caged.bundle.rules {
            lessons.extend(examples(file)?);
        }
        let mail = mail(self.mail.clone(), caged.largest())?;
        keep_what_is_frequent(&mut lessons);
        if !lessons.iter().any(|lesson| lesson.about.is_some()) || !lessons.iter().any(|lesson| lesson.is_ordinary) {
            let why = format!("no category has {FEWEST_SAMPLES} samples, or none of the samples is ordinary");
            return Err(Failure::world("there is not enough to learn from", &why, "name more samples, and `--ordinary` or `--mail`"));
        }
        let told = vec![format!("made by `mailwarden rules learn` on {}", Zoned::now().date())];
        let model = caged.bundle.model.clone();
        let lessons = Lessons { samples: lessons, mail, wrong: self.wrong, stage: self.stage, told, model };
        let learnt = caged::block_on(async { Ok(Nursery::learn(&lessons, &caged.options).await?) })?;
        self.keep("learnt.txt", &learnt.words, out)?;
        learnt.meaning.map_or(Ok(()), |meaning| self.keep("meaning.txt", &meaning, out))
    }

    fn keep(&self, name: &str, written: &str, out: &mut Output) -> Result<(), Failure> {
        let file = self.to.join("weights").join(name);
        write(&file, written)?;
        for line in written.lines().skip(1).map_while(|line| line.strip_prefix("# ")) {
            out.line(line)?;
        }
        Ok(out.line(&format!("written: {}, {} rows, stage {}", file.display(), rows(written), self.stage))?)
    }
}

/// Of weights: lines that are neither comments nor of the head.
fn rows(written: &str) -> usize {
    written.lines().filter(|line| !line.starts_with('#') && !line.contains(": ")).count()
}

fn lesson(sample: &Sample) -> Lesson {
    let about = sample.about.filter(|_| sample.kind.is_concern());
    Lesson { text: with_subject(&sample.subject, &sample.text), about, is_ordinary: sample.is_ordinary() }
}

fn with_subject(subject: &str, text: &str) -> String {
    [subject, "\n\n", text].concat()
}

fn examples(file: &SourceFile) -> Result<Vec<Lesson>, Failure> {
    let text = String::from_utf8_lossy(&file.octets);
    let read: Examples = toml::from_str(text.trim_start_matches('\u{feff}')).map_err(|error| {
        let hint = "`mailwarden rules check` tells every fault".to_owned();
        let what = "the examples of a rule cannot be read".to_owned();
        Failure::config(vec![Fault { what, at: Some(At::file(&file.path)), why: error.message().to_owned(), hint }])
    })?;
    let lesson = |example: Example| Lesson {
        text: with_subject(&example.subject, &example.text),
        about: (example.expect == "match").then_some(read.category),
        is_ordinary: false,
    };
    Ok(read.example.into_iter().map(lesson).collect())
}

/// The messages themselves: they are read in the cage.
fn mail(paths: Vec<PathBuf>, largest: u64) -> Result<Vec<Vec<u8>>, Failure> {
    if paths.is_empty() {
        return Ok(Vec::new());
    }
    let mut unreadable = Unreadables::default();
    let mut mail: Vec<Vec<u8>> = Vec::new();
    let mut size = 0;
    for message in unreadable.leave_out(Messages::of(paths, largest)).filter_map(|(_, message)| message) {
        size += message.size();
        if size > MOST_MAIL {
            let why = format!("what is named has more than {} MiB", MOST_MAIL >> 20);
            return Err(Failure::world("the mail does not fit into memory", &why, "name fewer messages: some thousands are enough"));
        }
        let mut octets = Vec::new();
        message.reader().read_to_end(&mut octets).map_err(|error| Failure::world("a message cannot be read", &error, "try again"))?;
        mail.push(octets);
    }
    unreadable.into_failure(mail.len() as u64)?;
    Ok(mail)
}

/// A few samples of a category teach what their author's friends are called.
fn keep_what_is_frequent(lessons: &mut Vec<Lesson>) {
    let mut often: BTreeMap<Category, usize> = BTreeMap::new();
    for category in lessons.iter().filter_map(|lesson| lesson.about) {
        *often.entry(category).or_default() += 1;
    }
    lessons.retain(|lesson| lesson.about.is_none_or(|category| often[&category] >= FEWEST_SAMPLES));
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    let folder = file.parent().map_or(Ok(()), fs::create_dir_all);
    folder
        .and_then(|()| fs::write(file, text))
        .map_err(|error| Failure::world(format!("`{}` cannot be written", file.display()), &error, "name another directory with `--to`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_category_of_few_samples_is_not_learnt() {
        let lesson = |about| Lesson { text: String::new(), about, is_ordinary: false };
        let mut lessons: Vec<_> = (0..FEWEST_SAMPLES).map(|_| lesson(Some(Category::Scam))).collect();
        lessons.extend([lesson(Some(Category::Hate)), lesson(None)]);
        keep_what_is_frequent(&mut lessons);
        assert_eq!(lessons.len(), FEWEST_SAMPLES + 1);
        assert!(!lessons.iter().any(|lesson| lesson.about == Some(Category::Hate)));
    }

    #[test]
    fn a_rule_teaches_by_its_examples() {
        let text = "schema = 1\ncategory = \"scam\"\n[[example]]\nexpect = \"match\"\ntext = \"a fox\"\nsubject = \"news\"\n\
            [[example]]\nexpect = \"no-match\"\ntext = \"a hen\"\n";
        let lessons = examples(&SourceFile { path: "rules/scam/a.toml".into(), octets: text.as_bytes().to_vec() }).ok().unwrap();
        let told: Vec<_> = lessons.iter().map(|lesson| (lesson.text.as_str(), lesson.about)).collect();
        assert_eq!(told, [("news\n\na fox", Some(Category::Scam)), ("\n\na hen", None)]);
    }
}
