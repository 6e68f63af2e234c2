//! Labelled samples: files of JSON lines, each a message and what is to be found in it.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::cli::{Exit, Failure};
use crate::fault::{At, Fault};
use crate::finding::{Category, Party};
use crate::mail::Role;

/// What a sample stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Said outright: it must be found.
    Clear,
    /// Only hinted at: it should be found.
    Implied,
    /// Harmless, in the words of the category: set books, lessons, idioms.
    Contrast,
    /// Harmless, and in the words of any school day.
    Ordinary,
}

impl Kind {
    /// Whether anything is to be found in it.
    pub fn is_concern(self) -> bool {
        matches!(self, Self::Clear | Self::Implied)
    }
}

/// Of one file: what is wrong with the first lines is wrong with all, as a rule.
const MOST_TOLD: usize = 10;

/// One line of a file of samples.
pub struct Sample {
    pub at: At,
    /// Samples are counted set by set: `open`, `blind`, or the name of a file of ordinary mail.
    pub set: String,
    /// The category that it is about; of ordinary mail none.
    pub about: Option<Category>,
    pub kind: Kind,
    pub subject: String,
    pub text: String,
    pub sender: Party,
    pub recipient: Party,
}

impl Sample {
    pub fn is_ordinary(&self) -> bool {
        self.kind == Kind::Ordinary
    }

    /// Written by somebody who never saw the rules, for measuring them: whoever writes rules is not to see which of
    /// these fail.
    pub fn is_blind(&self) -> bool {
        self.at.file.iter().any(|part| part == "blind")
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LabelledLine {
    text: String,
    #[serde(default)]
    subject: String,
    category: Option<Category>,
    kind: Kind,
    sender: Option<Party>,
    recipient: Option<Party>,
}

/// Of a public collection, which may say more: `y = 1` is what the collection itself calls spam.
#[derive(Deserialize)]
struct OrdinaryLine {
    #[serde(alias = "t")]
    text: String,
    #[serde(default, rename = "y")]
    spam: u8,
}

/// The labelled samples of files, and of the `.jsonl` files of folders.
///
/// # Errors
/// Every file that cannot be read, and every line that is no sample.
pub fn labelled(paths: &[PathBuf]) -> Result<Vec<Sample>, Failure> {
    let mut faults = Vec::new();
    let mut samples = Vec::new();
    for path in paths.iter().flat_map(|path| files(path, &mut faults)).collect::<Vec<_>>() {
        let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy().into_owned();
        let named_for = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        read(&path, &mut faults, |at, line: LabelledLine| {
            if line.kind.is_concern() && line.category.is_none() {
                return Err("a sample that is `clear` or `implied` names the category that is to be found");
            }
            samples.push(Sample {
                at,
                set: folder.clone(),
                about: line.category.or(named_for),
                kind: line.kind,
                subject: line.subject,
                text: line.text,
                sender: line.sender.unwrap_or(Party::Role(Role::Pupil)),
                recipient: line.recipient.unwrap_or(Party::Role(Role::Pupil)),
            });
            Ok(())
        });
    }
    done(samples, faults)
}

/// The ordinary mail of these files, as if strangers wrote it to staff: nothing is let pass for where it comes from.
///
/// # Errors
/// As [`labelled`].
pub fn ordinary(paths: &[PathBuf]) -> Result<Vec<Sample>, Failure> {
    let mut faults = Vec::new();
    let mut samples = Vec::new();
    for path in paths {
        let set = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        read(path, &mut faults, |at, line: OrdinaryLine| {
            if line.spam == 0 {
                samples.push(Sample {
                    at,
                    set: set.clone(),
                    about: None,
                    kind: Kind::Ordinary,
                    subject: String::new(),
                    text: line.text,
                    sender: Party::Outside,
                    recipient: Party::Role(Role::Staff),
                });
            }
            Ok(())
        });
    }
    done(samples, faults)
}

fn done(samples: Vec<Sample>, faults: Vec<Fault>) -> Result<Vec<Sample>, Failure> {
    if faults.is_empty() { Ok(samples) } else { Err(Failure { exit: Exit::Config, faults }) }
}

/// The file, or the samples below the folder, in the order of their paths.
fn files(path: &Path, faults: &mut Vec<Fault>) -> Vec<PathBuf> {
    if !path.is_dir() {
        return vec![path.to_owned()];
    }
    match fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => {
            let mut paths: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
            paths.sort();
            paths.retain(|path| path.is_dir() || path.extension().is_some_and(|extension| extension == "jsonl"));
            paths.iter().flat_map(|path| files(path, faults)).collect()
        }
        Err(error) => {
            faults.push(unreadable(path, &error));
            Vec::new()
        }
    }
}

/// Hands on every line that is not empty.
fn read<T: for<'a> Deserialize<'a>>(path: &Path, faults: &mut Vec<Fault>, mut take: impl FnMut(At, T) -> Result<(), &'static str>) {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return faults.push(unreadable(path, &error)),
    };
    let before = faults.len();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let at = At::line(path, number);
        let refused = match serde_json::from_str(line) {
            Ok(line) => take(at.clone(), line).err().map(str::to_owned),
            Err(error) => Some(error.to_string()),
        };
        faults.extend(refused.map(|why| Fault {
            what: "a sample cannot be read".to_owned(),
            at: Some(at),
            why,
            hint: "docs/technician.md lists the keys of a sample".to_owned(),
        }));
        if faults.len() - before == MOST_TOLD {
            return;
        }
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> Fault {
    Fault {
        what: "samples cannot be read".to_owned(),
        at: Some(At::file(path)),
        why: error.to_string(),
        hint: "correct the path".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_lines(name: &str, lines: &str) -> Result<Vec<Sample>, Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("blind")).unwrap();
        fs::write(folder.path().join("blind").join(name), lines).unwrap();
        labelled(&[folder.path().to_owned()]).map_err(|failure| failure.faults.into_iter().map(|fault| fault.why).collect())
    }

    #[test]
    fn a_sample_is_about_its_category_or_what_its_file_is_named_for() {
        let lines = r#"{"text": "a", "category": "threat", "kind": "clear", "sender": "outside"}

            {"text": "b", "category": null, "kind": "contrast"}"#;
        let samples = read_lines("bullying.jsonl", lines).unwrap();
        let told: Vec<_> = samples.iter().map(|sample| (sample.at.line, sample.about, sample.sender, sample.set.as_str())).collect();
        let expected = [
            (Some(1), Some(Category::Threat), Party::Outside, "blind"),
            (Some(3), Some(Category::Bullying), Party::Role(Role::Pupil), "blind"),
        ];
        assert_eq!(told, expected);
        assert!(samples.iter().all(Sample::is_blind));
    }

    #[test]
    fn a_line_that_is_no_sample_is_told_with_its_place() {
        let faults =
            read_lines("bullying.jsonl", "{\"text\": \"a\", \"kind\": \"clear\"}\n{\"text\": \"a\", \"kind\": \"odd\"}").err().unwrap();
        assert_eq!(faults.len(), 2);
        assert!(faults[0].starts_with("a sample that is `clear`"), "{faults:?}");
        assert!(faults[1].starts_with("unknown variant `odd`"), "{faults:?}");
    }

    #[test]
    fn what_a_collection_calls_spam_is_no_ordinary_mail() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sms.jsonl");
        fs::write(&file, "{\"t\": \"see you\", \"y\": 0}\n{\"t\": \"win now\", \"y\": 1}").unwrap();
        let samples = ordinary(&[file]).ok().unwrap();
        assert_eq!(samples.iter().map(|sample| (sample.text.as_str(), sample.set.as_str())).collect::<Vec<_>>(), [("see you", "sms")]);
    }
}
