//! What was learnt of meaning, as it stands in its file, `weights/meaning.txt`.
//!
//! One row a number of the model's points; what stands in it is by how much that number adds to the *margin* of each category,
//! in hundredths. A margin is what it is for the weights of words; the two are mixed by `share`.

use std::fmt::Write as _;

use ndarray::{Array1, Array2};

use crate::fault::{At, Fault};
use crate::finding::{Category, RuleVersion, Stage};
use crate::scan::detect::version;
use crate::wire::SourceFile;

const FIRST_LINE: &str = "# mailwarden meaning 1";
/// Of the file, in octets: ten times what is written for the largest model that is known.
const MAX_FILE: usize = 1 << 20;
/// What a whole is made of, in the file.
const HUNDREDTHS: f32 = 100.0;
/// Of any number of the file, in hundredths.
const MAX_NUMBER: i32 = 1_000_000;

pub struct Head {
    /// The model whose points are weighed.
    pub model: String,
    pub stage: Stage,
    /// From which margin on a letter is found.
    pub threshold: f32,
    /// The part of the margin that meaning has, 0 to 1; the rest is that of the words.
    pub share: f32,
    pub categories: Vec<Category>,
    pub bias: Array1<f32>,
    /// One row a number of a point, one column a category.
    pub weights: Array2<f32>,
    pub version: RuleVersion,
}

impl Head {
    /// # Errors
    /// What is wrong with the file, and in which line.
    pub fn read(file: &SourceFile) -> Result<Self, Fault> {
        let fault = |line: usize, why: String| Fault {
            what: "the learnt weights of meaning cannot be read".to_owned(),
            at: Some(At::line(&file.path, line)),
            why,
            hint: "make the file anew with `mailwarden rules learn --meaning`; it is not written by hand".to_owned(),
        };
        let text = std::str::from_utf8(&file.octets).ok().filter(|text| text.len() <= MAX_FILE);
        let text = text.ok_or_else(|| fault(1, format!("it is not UTF-8 of at most {MAX_FILE} octets")))?;
        if text.lines().next() != Some(FIRST_LINE) {
            return Err(fault(1, format!("the first line is not `{FIRST_LINE}`")));
        }
        let mut read = Unfinished::default();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#')) {
            read.line(line).map_err(|why| fault(number, why))?;
        }
        let head = read.finished(version([&*file.octets]));
        head.ok_or_else(|| fault(1, "it lacks `model`, `stage`, `threshold`, `share`, `columns`, `bias` or any row".to_owned()))
    }

    /// The file as it is written; `told` says where it was learnt, from how much and when.
    pub fn write(&self, told: &[String]) -> String {
        let mut text = format!("{FIRST_LINE}\n");
        text.extend(told.iter().flat_map(|line| ["# ", line, "\n"]));
        let codes: Vec<_> = self.categories.iter().map(|category| category.code()).collect();
        let (threshold, share) = (hundredths(self.threshold), hundredths(self.share));
        let (model, stage, columns, bias) = (&self.model, self.stage, codes.join(" "), row(self.bias.iter()));
        let _ = write!(text, "model: {model}\nstage: {stage}\nthreshold: {threshold}\nshare: {share}\ncolumns: {columns}\nbias: {bias}\n");
        for weights in self.weights.rows() {
            text.extend([row(weights.iter()).as_str(), "\n"]);
        }
        text
    }
}

fn row<'n>(numbers: impl Iterator<Item = &'n f32>) -> String {
    numbers.map(|number| hundredths(*number).to_string()).collect::<Vec<_>>().join(" ")
}

#[allow(clippy::cast_possible_truncation, reason = "held within what the file may hold")]
fn hundredths(number: f32) -> i32 {
    ((number * HUNDREDTHS).round() as i32).clamp(-MAX_NUMBER, MAX_NUMBER)
}

/// What has been read of a file.
#[derive(Default)]
struct Unfinished {
    model: Option<String>,
    stage: Option<Stage>,
    threshold: Option<f32>,
    share: Option<f32>,
    categories: Vec<Category>,
    bias: Vec<f32>,
    weights: Vec<f32>,
}

impl Unfinished {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let Some((key, value)) = line.split_once(": ") else {
            self.weights.extend(self.numbers(line)?);
            return Ok(());
        };
        let number = || hundredths_written(value).ok_or_else(|| format!("`{key}` is a number of hundredths"));
        match key {
            "model" => self.model = Some(value.to_owned()),
            "stage" => match value.parse() {
                Ok(stage @ (Stage::Shadow | Stage::Flag)) => self.stage = Some(stage),
                _ => return Err("what was learnt is in the stage `shadow` or `flag`: it holds nothing".to_owned()),
            },
            "threshold" => self.threshold = Some(number()?),
            "share" => self.share = Some(number()?).filter(|share| (0.0..=1.0).contains(share)),
            "columns" => {
                let codes: Result<_, _> = value.split(' ').map(str::parse).collect();
                self.categories = codes.map_err(|()| "a column is not a category")?;
            }
            "bias" => self.bias = self.numbers(value)?,
            _ => return Err(format!("`{key}` is no key of this file")),
        }
        Ok(())
    }

    fn numbers(&self, line: &str) -> Result<Vec<f32>, String> {
        let numbers: Option<Vec<_>> = line.split(' ').map(hundredths_written).collect();
        let numbers = numbers.filter(|numbers| numbers.len() == self.categories.len());
        numbers.ok_or_else(|| format!("there is not one number a column, each of at most {MAX_NUMBER} hundredths"))
    }

    fn finished(self, version: RuleVersion) -> Option<Head> {
        let (columns, numbers) = (self.categories.len(), self.weights.len());
        if columns == 0 || numbers == 0 || self.bias.len() != columns {
            return None;
        }
        Some(Head {
            model: self.model?,
            stage: self.stage?,
            threshold: self.threshold?,
            share: self.share?,
            categories: self.categories,
            bias: self.bias.into(),
            weights: Array2::from_shape_vec((numbers / columns, columns), self.weights).ok()?,
            version,
        })
    }
}

#[allow(clippy::cast_precision_loss, reason = "far below what a number of 24 bits holds exactly")]
fn hundredths_written(text: &str) -> Option<f32> {
    text.parse().ok().filter(|number: &i32| (-MAX_NUMBER..=MAX_NUMBER).contains(number)).map(|number| number as f32 / HUNDREDTHS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# mailwarden meaning 1\n# a test\nmodel: tiny\nstage: flag\nthreshold: 250\nshare: 40\ncolumns: scam drugs\nbias: -5 3\n100 0\n-25 7\n";

    fn read(text: &str) -> Result<Head, (Option<usize>, String)> {
        let file = SourceFile { path: "rules/weights/meaning.txt".into(), octets: text.as_bytes().to_vec() };
        Head::read(&file).map_err(|fault| (fault.at.unwrap().line, fault.why))
    }

    #[test]
    fn what_is_written_is_read_back() {
        let head = read(TEXT).unwrap_or_else(|(line, why)| panic!("{line:?}: {why}"));
        assert_eq!(head.write(&["a test".to_owned()]), TEXT);
        assert_eq!((head.threshold, head.share, head.weights[[1, 0]], head.bias[1]), (2.5, 0.4, -0.25, 0.03));
    }

    #[test]
    fn a_broken_file_is_told_with_its_line() {
        for (from, to, line, why) in [
            ("meaning 1", "meaning 2", 1, "the first line is not `# mailwarden meaning 1`"),
            ("stage: flag", "stage: hold", 4, "what was learnt is in the stage `shadow` or `flag`: it holds nothing"),
            ("threshold: 250", "threshold: x", 5, "`threshold` is a number of hundredths"),
            ("share: 40", "share: 140", 1, "it lacks `model`, `stage`, `threshold`, `share`, `columns`, `bias` or any row"),
            ("scam drugs", "scam moods", 7, "a column is not a category"),
            ("-5 3", "-5", 8, "there is not one number a column, each of at most 1000000 hundredths"),
            ("-25 7", "-25 x", 10, "there is not one number a column, each of at most 1000000 hundredths"),
            ("share", "shares", 6, "`shares` is no key of this file"),
        ] {
            assert_eq!(read(&TEXT.replacen(from, to, 1)).err().unwrap(), (Some(line), why.to_owned()));
        }
    }
}
