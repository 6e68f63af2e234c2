//! Learnt weights: how much the words of a message are like those of messages about each concern.
//!
//! One more signal beside the rules, of a linear model. It may flag and never holds: where a text is very like those of a
//! concern by itself, and with less where a rule of that category finds something too. And it is the second opinion on
//! rules that only flag: where it takes a letter for harmless, what they find counts half.

mod features;
mod train;
mod weights;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use self::features::{BLOCK, Place, WINDOW, Words};
pub use self::train::{HeldOut, figures, learn, most, shuffle, softmax};
use self::weights::COLUMNS;
pub use self::weights::Weights;
use super::Match;
use super::teller::Teller;
use crate::finding::{AdjustmentTrace, Category, Field, RuleFacts, Sentence, Stage, Trace};
use crate::scan::extract::TextExtract;

/// What a text that is found by weights alone scores at least: a concern, unless the policy says otherwise.
const ALONE: i32 = 50;
/// So many tenths of margin more or less are so many points.
const TENTHS_TO_POINTS: (i32, i32) = (5, 4);
/// The fewest points that are told beside a rule.
const FEWEST: i32 = 10;
/// How far behind the likeliest category another may lie and still be told, in tenths of margin: by itself, or beside a rule.
const BEHIND_ALONE: i32 = 16;
const BEHIND: i32 = 30;
/// As many points at least speak for what a rule has found; with fewer it counts half.
const SUPPORT: i32 = 20;
/// A rule of more points is sure by itself.
const SURE: u16 = 60;
/// Words that an explanation names.
const NAMED: usize = 5;

/// Between a subject and a body.
const BETWEEN: &str = "\n\n";

/// How like messages about one category a text is.
struct Likeness {
    category: Category,
    /// Tenths of the logarithm of the odds.
    margin: i32,
    /// What weighed most, the heaviest first: where it stands, and what it added in tenths.
    because: Vec<(Range<usize>, i32)>,
}

impl Weights {
    /// What a worker may say was found by weights.
    pub fn facts(&self) -> Vec<RuleFacts> {
        self.teller().facts(&self.categories)
    }

    fn teller(&self) -> Teller {
        Teller { name: "learnt", title: Sentence::LIKE_WORDS, version: self.version, stage: self.stage }
    }

    /// What the letters of a message are like.
    pub fn opinion(&self, texts: &[TextExtract]) -> Opinion {
        let weighed = letters(texts).map(|letter| {
            let words = Words::of(&letter.text, Some(&self.lexicon));
            let (margins, likenesses) = self.likenesses(&words);
            Weighed { letter, is_whole: words.is_whole(), margins, likenesses }
        });
        Opinion(weighed.collect())
    }

    /// What is left of the score of something that a rule of that stage has found: half, where weights take the letters for
    /// harmless.
    pub fn second(&self, opinion: &Opinion, stage: Stage, category: Category, field: Field, score: u16) -> u16 {
        let is_asked = self.stage == Stage::Flag && stage == Stage::Flag && score <= SURE && self.categories.contains(&category);
        let in_letter = matches!(field, Field::Subject | Field::Body | Field::Quoted);
        let was_weighed = !opinion.0.is_empty() && opinion.0.iter().all(|weighed| weighed.is_whole);
        let supports = |likeness: &Likeness| likeness.category == category && self.points(likeness.margin) >= SUPPORT;
        let is_supported = opinion.0.iter().any(|weighed| weighed.likenesses.iter().any(supports));
        if is_asked && in_letter && was_weighed && !is_supported { score.div_ceil(2) } else { score }
    }

    /// What weights find in the words of a message, each with the place of its text, beside what rules have found.
    pub fn matches(&self, opinion: &Opinion, texts: &[TextExtract], beside: &Beside) -> Vec<(usize, Match)> {
        let teller = self.teller();
        let told = |found: Found| Some((found.place, teller.as_match(found.category, found.points, &texts[found.place], &found.spans)?));
        self.found(opinion, texts, beside).into_iter().filter_map(told).collect()
    }

    /// Takes the second opinion into what rules say of themselves, and adds why weights find what they find; `cost` is that of the
    /// opinion, in nanoseconds.
    pub fn explain(&self, opinion: &Opinion, cost: u64, texts: &[TextExtract], traces: &mut Vec<Trace>) {
        for trace in traces.iter_mut() {
            let Some(score) = trace.score else { continue };
            let left = self.second(opinion, trace.stage, trace.category, trace.location.field, score);
            if left < score {
                trace.score = Some(left);
                trace.adjustments.push(AdjustmentTrace {
                    when: "learnt weights".to_owned(),
                    add: i16::try_from(score - left).map_or(0, |less| -less),
                    because: "the words are more like those of harmless letters".to_owned(),
                    applies: true,
                });
            }
        }
        let beside = traces.iter().filter_map(|trace| Some((trace.category, trace.stage, trace.score?))).collect();
        let teller = self.teller();
        let told = self.found(opinion, texts, &beside).into_iter().filter_map(|found| {
            let said = found.spans.iter().zip(&found.weights).map(|(span, weight)| (*span, format!("{}.{}", weight / 10, weight % 10)));
            let trace = teller.as_trace(found.category, found.points, Some(found.points), &texts[found.place], said)?;
            Some(Trace { cost, ..trace })
        });
        traces.extend(told);
    }

    fn found(&self, opinion: &Opinion, texts: &[TextExtract], beside: &Beside) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        for Weighed { letter, likenesses, .. } in &opinion.0 {
            let best = likenesses.iter().map(|likeness| likeness.margin).max().unwrap_or(i32::MIN);
            for likeness in likenesses {
                let points = self.points(likeness.margin);
                let alone = points >= ALONE && likeness.margin >= best - BEHIND_ALONE;
                let is_wanted = alone || (points >= FEWEST && beside.0.contains_key(&likeness.category));
                let counts = is_wanted && !beside.is_surer_of_another(likeness.category, points);
                if !counts || found.iter().any(|other| other.category == likeness.category) {
                    continue;
                }
                // What is told is told of one text: where the heaviest words stand.
                let first = likeness.because.first().map_or(letter.text.len(), |(span, _)| span.start);
                let (place, text) = letter.text_at(first, texts);
                let within = likeness.because.iter().filter_map(|(span, weight)| Some((within(&text, span)?, *weight)));
                let (spans, weights) = within.unzip();
                found.push(Found { place, category: likeness.category, points: u16::try_from(points).unwrap_or_default(), spans, weights });
            }
        }
        found
    }

    fn points(&self, margin: i32) -> i32 {
        let (tenths, points) = TENTHS_TO_POINTS;
        (ALONE + (margin - self.threshold) * points / tenths).clamp(0, 100)
    }

    /// How like every category a text is in the window that is most like any, and those that it is most like.
    fn likenesses(&self, words: &Words) -> (Vec<i32>, Vec<Likeness>) {
        let blocks: Vec<_> =
            (0..words.count()).step_by(BLOCK).map(|start| self.known(words, start..(start + BLOCK).min(words.count()))).collect();
        let windows = blocks.windows(blocks.len().clamp(1, WINDOW / BLOCK));
        let weighed = windows.map(|window| (self.margins(window), window));
        let Some((margins, window)) = weighed.max_by_key(|(margins, _)| margins.iter().copied().max()) else { return Default::default() };
        let best = margins.iter().copied().max().unwrap_or(i32::MIN);
        let near = margins.iter().copied().enumerate().filter(|(_, margin)| *margin >= best - BEHIND);
        let because = |column, margin| if self.points(margin) >= FEWEST { self.because(words, window, column) } else { Vec::new() };
        let likeness = |(column, margin)| Likeness { category: self.categories[column], margin, because: because(column, margin) };
        let likenesses = near.map(likeness).collect();
        (margins, likenesses)
    }

    /// What weights know of these words.
    fn known(&self, words: &Words, range: Range<usize>) -> Known {
        let mut known = Known::default();
        words.features(range, |feature| {
            known.features += 1;
            known.rows.extend(self.row_of(feature.kind, feature.text).map(|row| (row, feature.place)));
        });
        known.rows.sort_unstable();
        known.rows.dedup_by_key(|(row, _)| *row);
        known.rows.iter().for_each(|(row, _)| self.add(*row, &mut known.sums));
        known
    }

    /// Of blocks side by side. A feature of several counts once, however often it is there.
    fn margins(&self, window: &[Known]) -> Vec<i32> {
        let mut sums = [0_i32; COLUMNS];
        for known in window {
            sums.iter_mut().zip(known.sums).for_each(|(sum, more)| *sum += more);
        }
        let mut twice = [0_i32; COLUMNS];
        Known::repeated(window).for_each(|row| self.add(row, &mut twice));
        let margin = |((sum, twice), bias): ((&i32, i32), &i16)| i32::from(*bias) + share(sum - twice, window);
        sums.iter().zip(twice).zip(&self.bias).map(margin).collect()
    }

    fn add(&self, row: u32, sums: &mut [i32; COLUMNS]) {
        sums.iter_mut().zip(self.weights(row)).for_each(|(sum, weight)| *sum += i32::from(*weight));
    }

    /// What added most to the margin of one column; a word within a pair that is named is not named again.
    fn because(&self, words: &Words, window: &[Known], column: usize) -> Vec<(Range<usize>, i32)> {
        let weight = |row: u32| share(self.weights(row)[column].into(), window);
        let rows = Known::together(window).into_iter();
        let mut weighed: Vec<_> = rows.map(|(row, place)| (words.span(place), weight(row))).filter(|(_, weight)| *weight > 0).collect();
        weighed.sort_by_key(|(span, weight)| (Reverse(*weight), span.start));
        let mut named: Vec<(Range<usize>, i32)> = Vec::new();
        for (span, weight) in weighed {
            if named.len() < NAMED && !named.iter().any(|(other, _)| span.start < other.end && other.start < span.end) {
                named.push((span, weight));
            }
        }
        named
    }
}

/// What rules have found in a message: the categories, and how many points of each count.
pub struct Beside(BTreeMap<Category, i32>);

impl Beside {
    /// Whether rules alone say more for another category than they and weights together for this one: a case goes by its gravest
    /// category, and weights are not to change it.
    pub fn is_surer_of_another(&self, category: Category, points: i32) -> bool {
        let own = points + self.0.get(&category).copied().unwrap_or_default();
        self.0.iter().any(|(other, told)| *other != category && *told >= own)
    }
}

impl FromIterator<(Category, Stage, u16)> for Beside {
    fn from_iter<T: IntoIterator<Item = (Category, Stage, u16)>>(found: T) -> Self {
        let mut beside: BTreeMap<Category, i32> = BTreeMap::new();
        for (category, stage, score) in found {
            *beside.entry(category).or_default() += if stage >= Stage::Flag { i32::from(score) } else { 0 };
        }
        Self(beside)
    }
}

/// What weights say of the letters of one message.
pub struct Opinion(pub Vec<Weighed>);

/// One letter, and what it is like.
pub struct Weighed {
    pub letter: Letter,
    /// Whether all of it was weighed.
    is_whole: bool,
    /// Of every category in the order of the weights, in tenths; empty for a text without words.
    pub margins: Vec<i32>,
    likenesses: Vec<Likeness>,
}

/// A body behind its subject: what is weighed as one text.
pub struct Letter {
    subject: Option<usize>,
    body: usize,
    pub text: String,
}

impl Letter {
    /// Which of the texts stands at an octet of the letter, the subject or the body, and where in the letter it does.
    pub fn text_at(&self, at: usize, texts: &[TextExtract]) -> (usize, Range<usize>) {
        let start = self.text.len() - texts[self.body].text.len();
        match self.subject {
            Some(subject) if at < start => (subject, 0..texts[subject].text.len()),
            _ => (self.body, start..self.text.len()),
        }
    }
}

/// A span of a letter as a span of the text that stands at `text` in it, cut off at its end; `None` for one that begins
/// elsewhere.
pub fn within(text: &Range<usize>, span: &Range<usize>) -> Option<(usize, usize)> {
    text.contains(&span.start).then(|| (span.start - text.start, span.end.min(text.end) - text.start))
}

/// Every body of a message, as a letter.
pub fn letters(texts: &[TextExtract]) -> impl Iterator<Item = Letter> {
    let subject = texts.iter().position(|text| text.location.field == Field::Subject && text.location.part.is_empty());
    let before = subject.map_or("", |subject| &texts[subject].text);
    let bodies = texts.iter().enumerate().filter(|(_, text)| text.location.field == Field::Body);
    bodies.map(move |(body, text)| Letter { subject, body, text: [before, BETWEEN, &text.text].concat() })
}

/// Something that weights find, and where.
struct Found {
    /// Of the text.
    place: usize,
    category: Category,
    points: u16,
    /// In the text, the heaviest first; what each added to the margin, in tenths.
    spans: Vec<(usize, usize)>,
    weights: Vec<i32>,
}

/// The features of a block of words that weights know.
#[derive(Default)]
struct Known {
    /// Each once, where it stands first; in order.
    rows: Vec<(u32, Place)>,
    /// What their weights are together.
    sums: [i32; COLUMNS],
    /// How many features the words have, known ones and others.
    features: u32,
}

impl Known {
    /// The rows of several blocks, each once, where it stands first.
    fn together(window: &[Self]) -> Vec<(u32, Place)> {
        let mut rows: Vec<_> = window.iter().flat_map(|known| &known.rows).copied().collect();
        rows.sort_unstable();
        rows.dedup_by_key(|(row, _)| *row);
        rows
    }

    /// The rows that a block has in common with one before it, once for each.
    fn repeated(window: &[Self]) -> impl Iterator<Item = u32> + '_ {
        let known_before =
            |block: usize, row: u32| window[..block].iter().any(|known| known.rows.binary_search_by_key(&row, |(row, _)| *row).is_ok());
        (1..window.len()).flat_map(move |block| window[block].rows.iter().map(|(row, _)| *row).filter(move |row| known_before(block, *row)))
    }
}

/// What a sum of weights is among the features of these blocks: long texts are not more like everything than short ones.
#[allow(clippy::cast_possible_truncation, reason = "a few hundred weights of some thousands")]
fn share(sum: i32, window: &[Known]) -> i32 {
    let features = window.iter().map(|known| known.features).sum::<u32>();
    (f64::from(sum) / f64::from(features.max(1)).sqrt()).round() as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Location;
    use crate::wire::SourceFile;

    fn weights(stage: &str) -> Weights {
        let text = format!(
            "# mailwarden weights 1\nstage: {stage}\nthreshold: 20\ncolumns: scam drugs\nbias: -20 -60\nheron\t0:90\nbadger\t1:60\nform\t-:90\n"
        );
        let file = SourceFile { path: "rules/weights/learnt.txt".into(), octets: text.into_bytes() };
        Weights::read(&file).unwrap_or_else(|faults| panic!("{}", faults[0]))
    }

    fn mail(subject: &str, body: &str) -> [TextExtract; 2] {
        let text = |part: &str, field, text: &str| {
            let location = Location { part: part.to_owned(), field, place: None };
            TextExtract { location, text: text.to_owned(), places: Vec::new() }
        };
        [text("", Field::Subject, subject), text("1", Field::Body, body)]
    }

    /// Category, score, the place of the text, and the span in it.
    type Told = (Category, u16, usize, Option<(usize, usize)>);

    fn found(weights: &Weights, texts: &[TextExtract], beside: &[(Category, Stage, u16)]) -> Vec<Told> {
        let matches = weights.matches(&weights.opinion(texts), texts, &beside.iter().copied().collect());
        matches.into_iter().map(|(place, found)| (found.finding.category, found.finding.score, place, found.span)).collect()
    }

    #[test]
    fn a_letter_is_found_by_itself_where_it_is_very_like_and_beside_a_rule_where_it_is_less() {
        let weights = weights("flag");
        assert_eq!(found(&weights, &mail("", "a heron"), &[]), [(Category::Scam, 54, 1, Some((2, 7)))]);
        assert_eq!(found(&weights, &mail("heron", ""), &[]), [(Category::Scam, 69, 0, Some((0, 5)))]);
        let less = mail("", "the form of a heron");
        assert_eq!(found(&weights, &less, &[]), []);
        assert_eq!(found(&weights, &less, &[(Category::Scam, Stage::Shadow, 10)]), [(Category::Scam, 18, 1, Some((14, 19)))]);
    }

    #[test]
    fn weights_name_no_other_concern_than_rules_that_are_surer() {
        let weights = weights("flag");
        let texts = mail("", "a heron");
        assert_eq!(found(&weights, &texts, &[(Category::Drugs, Stage::Flag, 54)]), []);
        for less in [(Category::Drugs, Stage::Flag, 53), (Category::Drugs, Stage::Shadow, 99)] {
            assert_eq!(found(&weights, &texts, &[less]), [(Category::Scam, 54, 1, Some((2, 7)))]);
        }
        assert_eq!(found(&weights, &texts, &[(Category::Scam, Stage::Flag, 99)]), [(Category::Scam, 54, 1, Some((2, 7)))]);
    }

    #[test]
    fn what_a_rule_finds_in_a_harmless_letter_counts_half_unless_the_rule_is_sure_or_may_hold() {
        let texts = mail("", "the form");
        let second =
            |weights: &Weights, stage, category, field, score| weights.second(&weights.opinion(&texts), stage, category, field, score);
        let flag = weights("flag");
        assert_eq!(second(&flag, Stage::Flag, Category::Scam, Field::Body, 45), 23);
        assert_eq!(second(&flag, Stage::Flag, Category::Scam, Field::Body, SURE + 5), SURE + 5);
        assert_eq!(second(&flag, Stage::Hold, Category::Scam, Field::Body, 45), 45);
        assert_eq!(second(&flag, Stage::Flag, Category::Hate, Field::Body, 45), 45, "a category that was not learnt");
        assert_eq!(second(&flag, Stage::Flag, Category::Scam, Field::AttachmentText, 45), 45, "a text that was not weighed");
        assert_eq!(second(&weights("shadow"), Stage::Flag, Category::Scam, Field::Body, 45), 45);
        let like = mail("", "a heron");
        assert_eq!(flag.second(&flag.opinion(&like), Stage::Flag, Category::Scam, Field::Body, 45), 45);
    }
}
