//! `mailwarden rules new`: a first draft of a rule, from what its author was asked.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Zoned;

use crate::cli::shelf::operator;
use crate::cli::{Exit, Failure, Output};
use crate::fault::{At, Fault};
use crate::finding::{Category, RuleId};

/// Of each kind: without them a rule cannot be trusted.
const LEAST_EXAMPLES: usize = 2;

/// Write a complete draft of a rule, with its examples and its history.
///
/// On a terminal, what the options leave out is asked for. The draft is written to `DIR/<category>/<name>.toml`, never
/// over another file, and does nothing until it is promoted: `mailwarden rules test DIR` says whether its examples hold.
#[derive(Debug, Args)]
pub(super) struct New {
    /// The school's own directory of rules.
    #[arg(long, value_name = "DIR", default_value = "local-rules")]
    to: PathBuf,
    /// One plain sentence for the safeguarding lead: "Somebody threatens …".
    #[arg(long)]
    title: Option<String>,
    /// A word or phrase to look for; may be repeated.
    #[arg(long = "term", value_name = "WORDS")]
    terms: Vec<String>,
    /// Words beside one of which a term must stand, at most eight words away; may be repeated.
    #[arg(long, value_name = "WORDS")]
    near: Vec<String>,
    /// A message, made up, that the rule must match; at least two.
    #[arg(long = "match", value_name = "TEXT")]
    matches: Vec<String>,
    /// A harmless message, made up, that it must not match; at least two.
    #[arg(long = "no-match", value_name = "TEXT")]
    no_matches: Vec<String>,
    /// Who writes it.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Why it is written.
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// What it is called: `category.name`.
    #[arg(value_name = "ID")]
    id: Option<RuleId>,
}

impl New {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        let to = self.to.clone();
        let (id, draft) = if io::stdin().is_terminal() && io::stderr().is_terminal() {
            self.asked(&mut Asker { input: io::stdin().lock(), output: io::stderr().lock() })
        } else {
            self.asked(&mut Asker { input: io::empty(), output: io::sink() })
        }?;
        let (category, name) = id.as_str().split_once('.').unwrap_or_default();
        let file = to.join(category).join(format!("{name}.toml"));
        write(&file, &draft).map_err(|error| {
            Failure::world(
                format!("`{}` cannot be written", file.display()),
                &error,
                "choose another name, or another directory with `--to`",
            )
        })?;
        out.line(&format!(
            "{}: a draft, which does nothing yet; `mailwarden rules test {}` tries its examples",
            file.display(),
            to.display()
        ))?;
        Ok(())
    }

    /// The draft, its gaps filled by questions. Where nobody answers, what is missing is told all at once.
    fn asked<R: BufRead, W: Write>(self, asker: &mut Asker<R, W>) -> Result<(RuleId, String), Failure> {
        let categories: Vec<_> = Category::ALL.iter().map(|category| category.code()).collect();
        let id = match self.id {
            Some(id) => Some(id),
            None => asker.line(&format!("Name, as category.name. Categories: {}", categories.join(", ")))?.and_then(|id| id.parse().ok()),
        };
        let title = asker.or_line(self.title, "Title: one plain sentence on what somebody does, 8 to 120 characters")?;
        let terms = asker.or_lines(self.terms, "Words or phrases to look for, one a line; an empty line ends", 1)?;
        let near = asker.or_lines(self.near, "Words one of which must stand near, one a line; none: any place counts", 1)?;
        let matches = asker.or_lines(self.matches, "At least two made-up messages that it must match, one a line", LEAST_EXAMPLES)?;
        let no_matches = asker.or_lines(self.no_matches, "At least two made-up harmless ones that it must not match", LEAST_EXAMPLES)?;
        let by = asker.or_line(self.by, &format!("Who writes it (empty: {})", operator().name()))?;
        let note = asker.or_line(self.note, "Why it is written")?;

        let by = by.unwrap_or_else(|| operator().name().to_owned());
        let missing: Vec<_> = [
            (id.is_none(), "a name, `category.name`"),
            (title.is_none(), "`--title`"),
            (terms.is_empty(), "`--term`"),
            (matches.len() < LEAST_EXAMPLES, "two `--match`"),
            (no_matches.len() < LEAST_EXAMPLES, "two `--no-match`"),
            (note.is_none(), "`--note`"),
        ]
        .into_iter()
        .filter_map(|(is_missing, what)| is_missing.then_some(what))
        .collect();
        match (id, title, note) {
            (Some(id), Some(title), Some(note)) if missing.is_empty() => {
                check_category(&id, &categories)?;
                let draft = Draft {
                    id: &id,
                    title: &title,
                    terms: &terms,
                    near: &near,
                    matches: &matches,
                    no_matches: &no_matches,
                    by: &by,
                    note: &note,
                };
                let text = draft.text();
                Ok((id, text))
            }
            _ => Err(usage(format!("the draft lacks {}", missing.join(", ")), "add what is missing; on a terminal it is asked for")),
        }
    }
}

fn check_category(id: &RuleId, categories: &[&str]) -> Result<(), Failure> {
    let category = id.as_str().split('.').next().unwrap_or_default();
    if categories.contains(&category) {
        return Ok(());
    }
    Err(usage(format!("`{category}` is not a category"), &format!("one of {}", categories.join(", "))))
}

fn usage(why: String, hint: &str) -> Failure {
    let fault = Fault { what: "no rule was written".to_owned(), at: None::<At>, why, hint: hint.to_owned() };
    Failure { exit: Exit::Usage, faults: vec![fault] }
}

/// Never over another file.
fn write(file: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::File::create_new(file)?.write_all(text.as_bytes())
}

/// Asks a person, line by line.
struct Asker<R, W> {
    input: R,
    output: W,
}

/// A rule's file, before it is one.
struct Draft<'a> {
    id: &'a RuleId,
    title: &'a str,
    terms: &'a [String],
    near: &'a [String],
    matches: &'a [String],
    no_matches: &'a [String],
    by: &'a str,
    note: &'a str,
}

impl Draft<'_> {
    fn text(&self) -> String {
        let category = self.id.as_str().split('.').next().unwrap_or_default();
        let mut text = format!(
            "schema = 1\nid = {}\ntitle = {}\ncategory = {}\nstage = \"draft\"\n",
            quoted(self.id.as_str()),
            quoted(self.title),
            quoted(category)
        );
        let mut signal = |name: &str, terms: &[String]| {
            let lines = terms.iter().fold(String::new(), |lines, term| lines + "    " + &quoted(term) + ",\n");
            let _ = write!(text, "\n[[signal]]\nname = {}\nterms = [\n{lines}]\n", quoted(name));
        };
        signal("words", self.terms);
        let fire = if self.near.is_empty() {
            "words"
        } else {
            signal("beside", self.near);
            text.push_str("\n[[signal]]\nname = \"together\"\nnear = { a = \"words\", b = \"beside\", words = 8 }\n");
            "together"
        };
        let _ = write!(text, "\n[decide]\nfire = \"{fire}\"\nscore = 50\n");
        for (expect, examples) in [("match", self.matches), ("no-match", self.no_matches)] {
            for example in examples {
                let _ = write!(text, "\n[[example]]\nexpect = \"{expect}\"\ntext = {}\n", quoted(example));
            }
        }
        let day = Zoned::now().date();
        let _ = write!(text, "\n[[history]]\ndate = {day}\nby = {}\nnote = {}\n", quoted(self.by), quoted(self.note));
        text
    }
}

/// A string of TOML on one line.
fn quoted(text: &str) -> String {
    toml::Value::from(text.replace(['\r', '\n'], " ")).to_string()
}

impl<R: BufRead, W: Write> Asker<R, W> {
    /// An answer of one line; `None` when it is empty.
    fn line(&mut self, question: &str) -> io::Result<Option<String>> {
        write!(self.output, "{question}\n> ")?;
        self.output.flush()?;
        let mut answer = String::new();
        self.input.read_line(&mut answer)?;
        Ok(Some(answer.trim().to_owned()).filter(|answer| !answer.is_empty()))
    }

    fn or_line(&mut self, said: Option<String>, question: &str) -> io::Result<Option<String>> {
        if said.is_some() { Ok(said) } else { self.line(question) }
    }

    /// Answers of a line each, until an empty one.
    fn lines(&mut self, question: &str) -> io::Result<Vec<String>> {
        let mut answers = Vec::new();
        let mut next = self.line(question)?;
        while let Some(answer) = next {
            answers.push(answer);
            next = self.line("")?;
        }
        Ok(answers)
    }

    /// Asks unless enough was said.
    fn or_lines(&mut self, said: Vec<String>, question: &str, least: usize) -> io::Result<Vec<String>> {
        if said.len() >= least { Ok(said) } else { Ok([said, self.lines(question)?].concat()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none() -> New {
        let no = Vec::new;
        New { to: "x".into(), title: None, terms: no(), near: no(), matches: no(), no_matches: no(), by: None, note: None, id: None }
    }

    #[test]
    fn a_draft_is_what_was_answered() {
        let answers = "bullying.seat\nSomebody is told to sit alone\nsit alone\nnobody sits\n\nlunch\n\n\
                       sit alone at lunch\nnobody sits with you at lunch\n\nyou sit alone in exams\n\"lunch\" is at one\n\nkit\nasked for\n";
        let mut output = Vec::new();
        let (id, draft) = none().asked(&mut Asker { input: answers.as_bytes(), output: &mut output }).ok().unwrap();
        assert_eq!(id.as_str(), "bullying.seat");
        let read: toml::Table = draft.parse().unwrap();
        assert_eq!(read["stage"].as_str(), Some("draft"));
        assert_eq!(read["decide"]["fire"].as_str(), Some("together"));
        assert_eq!(read["signal"].as_array().map(Vec::len), Some(3));
        assert_eq!(read["example"][3]["text"].as_str(), Some("\"lunch\" is at one"));
        assert_eq!(read["history"][0]["by"].as_str(), Some("kit"));
        assert!(String::from_utf8(output).unwrap().starts_with("Name, as category.name. Categories: known-image, "));
    }

    #[test]
    fn where_nobody_answers_what_is_missing_is_told_at_once() {
        let mut asker = Asker { input: io::empty(), output: io::sink() };
        let refused = New { title: Some("A title of a rule".to_owned()), ..none() }.asked(&mut asker).err().unwrap();
        assert_eq!(refused.exit, Exit::Usage);
        let expected = "the draft lacks a name, `category.name`, `--term`, two `--match`, two `--no-match`, `--note`";
        assert_eq!(refused.faults[0].why, expected);
    }

    #[test]
    fn a_rule_of_no_category_is_not_written() {
        let answers = "seats.alone\nSomebody is told to sit alone\na\n\n\nb\nc\n\nd\ne\n\n\nwhy\n";
        let refused = none().asked(&mut Asker { input: answers.as_bytes(), output: io::sink() }).err().unwrap();
        assert_eq!(refused.faults[0].why, "`seats` is not a category");
    }
}
