//! Learnt weights as they stand in their file, `weights/learnt.txt`, and as they are looked up.
//!
//! One line a feature: what it adds, in tenths, to the *margin* of each category, by the category's place in `columns`; what
//! stands behind `-` is taken from all. A margin is by how much a text is more like the messages of that concern than like
//! harmless ones, as the logarithm of the odds.

use std::fmt::Write as _;
use std::iter;

use super::features::Kind;
use crate::fault::{At, Fault};
use crate::finding::{Category, RuleVersion, Stage};
use crate::scan::detect::rules::Lexicon;
use crate::scan::detect::version;
use crate::wire::SourceFile;

const FIRST_LINE: &str = "# mailwarden weights 1";
/// Of the file, in octets.
const MAX_FILE: usize = 8 << 20;
const MAX_FEATURES: usize = 200_000;
/// Of one weight, in tenths.
pub const MAX_WEIGHT: i16 = 3_000;
/// As many categories as there can be; a row of weights fills a line of the processor's cache.
pub const COLUMNS: usize = 32;
/// Of the bitmap, for each feature.
const BITS: usize = 16;
/// More than anybody reads.
const MAX_FAULTS: usize = 20;

/// Immutable once read; any number of threads may look features up.
pub struct Weights {
    pub categories: Vec<Category>,
    /// From which margin on a category is found by weights alone, in tenths.
    pub threshold: i32,
    pub stage: Stage,
    pub version: RuleVersion,
    /// Before any feature, in tenths.
    pub bias: Vec<i16>,
    /// One bit for every feature, by its hash: most features of a text stop here.
    bitmap: Vec<u64>,
    /// Open addressing: the upper half of a feature's hash, and one more than its row; nought where there is none.
    slots: Vec<(u32, u32)>,
    rows: Vec<[i16; COLUMNS]>,
    /// The words that are known, for those in disguise.
    pub lexicon: Lexicon,
}

/// One line of the file.
pub struct Row<'f> {
    pub kind: Kind,
    pub feature: &'f str,
    /// In tenths: what is taken from all, then what is added, by column.
    pub harmless: i16,
    pub weights: Vec<i16>,
}

/// What the head of the file says.
pub struct Head<'h> {
    pub stage: Stage,
    pub threshold: i32,
    pub categories: &'h [Category],
    pub bias: &'h [i16],
    /// Where it was learnt, from how much and when: comments.
    pub told: &'h [String],
}

impl Weights {
    /// # Errors
    /// Every fault of the file, at most 20.
    pub fn read(file: &SourceFile) -> Result<Self, Vec<Fault>> {
        let fault = |line: usize, why: String| Fault {
            what: "the learnt weights cannot be read".to_owned(),
            at: Some(At::line(&file.path, line)),
            why,
            hint: "make the file anew with `mailwarden rules learn`; it is not written by hand".to_owned(),
        };
        if file.octets.len() > MAX_FILE {
            return Err(vec![fault(1, format!("the file has {} octets, {MAX_FILE} are allowed", file.octets.len()))]);
        }
        let text = std::str::from_utf8(&file.octets).map_err(|_| vec![fault(1, "the file is not UTF-8".to_owned())])?;
        if text.lines().next() != Some(FIRST_LINE) {
            return Err(vec![fault(1, format!("the first line is not `{FIRST_LINE}`"))]);
        }
        let mut weights = Self {
            categories: Vec::new(),
            threshold: i32::MAX,
            stage: Stage::Shadow,
            version: version([&*file.octets]),
            bias: Vec::new(),
            bitmap: Vec::new(),
            slots: Vec::new(),
            rows: Vec::new(),
            lexicon: Lexicon::new([]),
        };
        let mut hashes = Vec::new();
        let mut faults = Vec::new();
        for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#')) {
            if let Err(why) = weights.read_line(line, &mut hashes) {
                faults.push(fault(number, why));
            }
            if faults.len() == MAX_FAULTS {
                break;
            }
        }
        if faults.is_empty() && (weights.threshold == i32::MAX || weights.categories.is_empty() || weights.rows.is_empty()) {
            faults.push(fault(1, "it lacks `threshold`, `columns` or any feature".to_owned()));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        weights.index(&hashes);
        weights.lexicon = Lexicon::new(text.lines().filter_map(|line| line.split_once('\t')).map(|(feature, _)| feature));
        Ok(weights)
    }

    fn read_line(&mut self, line: &str, hashes: &mut Vec<u64>) -> Result<(), String> {
        if let Some((feature, row)) = line.split_once('\t') {
            if self.rows.len() == MAX_FEATURES {
                return Err(format!("more than {MAX_FEATURES} features"));
            }
            let (kind, feature) = feature.strip_suffix('-').map_or((Kind::Words, feature), |letters| (Kind::Beginning, letters));
            let mut weights = [0_i16; COLUMNS];
            let mut harmless = 0;
            for cell in row.split_whitespace() {
                let read = cell
                    .split_once(':')
                    .and_then(|(column, weight)| Some((column, weight.parse().ok().filter(|weight| weight_is_sane(*weight))?)));
                match read.map(|(column, weight)| (column, column.parse::<usize>(), weight)) {
                    Some(("-", _, weight)) => harmless = weight,
                    Some((_, Ok(column), weight)) if column < self.categories.len() => weights[column] = weight,
                    _ => return Err(format!("`{cell}` is not a column and a weight")),
                }
            }
            weights[..self.categories.len()].iter_mut().for_each(|weight| *weight -= harmless);
            hashes.push(hash(kind, feature));
            self.rows.push(weights);
            return Ok(());
        }
        let (key, value) = line.split_once(':').ok_or("it is neither `key: value` nor a feature and its weights")?;
        let value = value.trim();
        match key {
            "stage" => match value.parse() {
                Ok(stage @ (Stage::Shadow | Stage::Flag)) => self.stage = stage,
                _ => return Err("learnt weights are in the stage `shadow` or `flag`: they hold nothing".to_owned()),
            },
            "threshold" => {
                self.threshold =
                    value.parse().ok().filter(|margin: &i32| margin.abs() < 1_000).ok_or("a threshold is a number of tenths")?;
            }
            "columns" => {
                let read: Option<Vec<Category>> = value.split_whitespace().map(|code| code.parse().ok()).collect();
                self.categories = read.filter(|columns| columns.len() <= COLUMNS).ok_or("a column is not a category")?;
            }
            "bias" => {
                let read: Option<Vec<i16>> = value.split_whitespace().map(|weight| weight.parse().ok()).collect();
                let fits = |bias: &Vec<i16>| bias.len() == self.categories.len() && bias.iter().copied().all(weight_is_sane);
                self.bias = read.filter(fits).ok_or("there is not one bias a column")?;
            }
            _ => return Err(format!("`{key}` is no key of this file")),
        }
        Ok(())
    }

    fn index(&mut self, hashes: &[u64]) {
        self.bias.resize(self.categories.len(), 0);
        self.rows.shrink_to_fit();
        self.bitmap = vec![0; (hashes.len() * BITS).next_power_of_two().div_ceil(64)];
        self.slots = vec![(0, 0); (hashes.len() * 2).next_power_of_two()];
        for (hash, row) in hashes.iter().zip(1..) {
            let (cell, bit) = self.bit(*hash);
            self.bitmap[cell] |= bit;
            let mut at = self.home(*hash);
            while self.slots[at].1 != 0 {
                at = (at + 1) & (self.slots.len() - 1);
            }
            self.slots[at] = (tag(*hash), row);
        }
    }

    /// The row of a feature that is known.
    pub fn row_of(&self, kind: Kind, feature: &str) -> Option<u32> {
        let hash = hash(kind, feature);
        let (cell, bit) = self.bit(hash);
        if self.bitmap[cell] & bit == 0 {
            return None;
        }
        let mut at = self.home(hash);
        loop {
            match self.slots[at] {
                (_, 0) => return None,
                (other, row) if other == tag(hash) => return Some(row - 1),
                _ => at = (at + 1) & (self.slots.len() - 1),
            }
        }
    }

    fn bit(&self, hash: u64) -> (usize, u64) {
        let bit = usize::try_from(hash & (self.bitmap.len() as u64 * 64 - 1)).unwrap_or_default();
        (bit / 64, 1 << (bit % 64))
    }

    /// In tenths, by column; those behind the last category are nought.
    pub fn weights(&self, row: u32) -> &[i16; COLUMNS] {
        &self.rows[row as usize]
    }

    fn home(&self, hash: u64) -> usize {
        usize::try_from(hash & (self.slots.len() as u64 - 1)).unwrap_or_default()
    }
}

/// The file as it is written.
pub fn write<'f>(head: &Head<'_>, rows: impl Iterator<Item = Row<'f>>) -> String {
    let mut text = format!("{FIRST_LINE}\n");
    head.told.iter().for_each(|line| text.extend(["# ", line, "\n"]));
    let codes: Vec<_> = head.categories.iter().map(|category| category.code()).collect();
    let bias: Vec<_> = head.bias.iter().map(ToString::to_string).collect();
    let _ = write!(text, "stage: {}\nthreshold: {}\ncolumns: {}\nbias: {}\n", head.stage, head.threshold, codes.join(" "), bias.join(" "));
    for Row { kind, feature, harmless, weights } in rows {
        text.push_str(feature);
        text.push_str(if kind == Kind::Beginning { "-\t" } else { "\t" });
        let cells = weights.iter().enumerate().map(|(column, weight)| (column.to_string(), weight));
        let cells = iter::once(("-".to_owned(), &harmless)).chain(cells).filter(|(_, weight)| **weight != 0);
        text.push_str(&cells.map(|(column, weight)| format!("{column}:{weight}")).collect::<Vec<_>>().join(" "));
        text.push('\n');
    }
    text
}

fn weight_is_sane(weight: i16) -> bool {
    (-MAX_WEIGHT..=MAX_WEIGHT).contains(&weight)
}

/// Eight octets at a time. Source: the hash of the Rust compiler (`FxHash`).
fn hash(kind: Kind, feature: &str) -> u64 {
    const ODD: u64 = 0x517c_c1b7_2722_0a95;
    let (eights, rest) = feature.as_bytes().as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let start = feature.len() as u64 ^ u64::from(kind == Kind::Beginning) << 32;
    let mixed = eights
        .iter()
        .chain([&last])
        .fold(start.wrapping_mul(ODD), |hash, eight| (hash.rotate_left(5) ^ u64::from_le_bytes(*eight)).wrapping_mul(ODD));
    mixed ^ (mixed >> 32)
}

fn tag(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "# mailwarden weights 1\nstage: flag\nthreshold: 12\ncolumns: scam drugs\nbias: -5 3\nheron\t-:-2 0:30\nbadg-\t1:7\n";

    fn read(text: &str) -> Result<Weights, Vec<(Option<usize>, String)>> {
        Weights::read(&SourceFile { path: "rules/weights/learnt.txt".into(), octets: text.as_bytes().to_vec() })
            .map_err(|faults| faults.into_iter().map(|fault| (fault.at.unwrap().line, fault.why)).collect())
    }

    #[test]
    fn what_speaks_for_harmless_mail_is_taken_from_every_category() {
        let weights = read(TEXT).unwrap_or_else(|faults| panic!("{faults:?}"));
        let of = |kind, feature| weights.row_of(kind, feature).map(|row| weights.weights(row)[..2].to_vec());
        assert_eq!((of(Kind::Words, "heron"), of(Kind::Beginning, "badg")), (Some(vec![32, 2]), Some(vec![0, 7])));
        assert_eq!((of(Kind::Beginning, "heron"), of(Kind::Words, "badg"), of(Kind::Words, "hero")), (None, None, None));
        assert_eq!((weights.threshold, weights.stage, weights.bias.as_slice()), (12, Stage::Flag, [-5, 3].as_slice()));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let head = Head { stage: Stage::Shadow, threshold: 7, categories: &[Category::Scam], bias: &[4], told: &["a test".to_owned()] };
        let row = Row { kind: Kind::Beginning, feature: "hero", harmless: 1, weights: vec![9] };
        let weights = read(&write(&head, [row].into_iter())).unwrap_or_else(|faults| panic!("{faults:?}"));
        assert_eq!(weights.row_of(Kind::Beginning, "hero").map(|row| weights.weights(row)[0]), Some(8));
        assert_eq!((weights.stage, weights.threshold), (Stage::Shadow, 7));
    }

    #[test]
    fn a_broken_file_is_told_line_by_line() {
        let told = |from: &str, to: &str| read(&TEXT.replace(from, to)).err().unwrap();
        for (from, to, line, why) in [
            ("weights 1", "weights 2", 1, "the first line is not `# mailwarden weights 1`"),
            ("stage: flag", "stage: hold", 2, "learnt weights are in the stage `shadow` or `flag`: they hold nothing"),
            ("threshold: 12", "threshold: x", 3, "a threshold is a number of tenths"),
            ("scam drugs", "scam moods", 4, "a column is not a category"),
            ("-5 3", "-5", 5, "there is not one bias a column"),
            ("0:30", "2:30", 6, "`2:30` is not a column and a weight"),
            ("1:7", "1:30000", 7, "`1:30000` is not a column and a weight"),
            ("badg-\t1:7", "note: x", 7, "`note` is no key of this file"),
        ] {
            assert_eq!(told(from, to)[0], (Some(line), why.to_owned()));
        }
        assert!(told("threshold: 12\n", "")[0].1.starts_with("it lacks"));
    }
}
