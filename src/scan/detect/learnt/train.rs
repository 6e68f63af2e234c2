//! Learning the weights from labelled samples: a linear model of all categories at once, and of none of them.
//!
//! Softmax regression by `AdaGrad` (Duchi, Hazan and Singer, 2011) with an L2 penalty. The order of the samples is shuffled
//! by a fixed seed: the same samples give the same file.

#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "weights are rounded to tenths in the end")]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use super::features::{BLOCK, Kind, WINDOW, Words};
use super::weights::{self, Head, MAX_WEIGHT, Row};
use crate::finding::Category;
use crate::wire::{Lesson, Lessons};

/// Of one long sample: so many of its windows are learnt from.
const MOST_WINDOWS: usize = 6;
/// Features that stand in fewer windows say nothing yet.
const FEWEST_WINDOWS: u32 = 2;
/// A text of so many features has them weigh one each.
const UNIT: f32 = 10.0;
/// The strength of the penalty, over all samples.
const PENALTY: f32 = 10.0;
const RATE: f32 = 0.4;
const PASSES: usize = 12;
/// Of ordinary samples, one in so many comes as far as the level of a category.
const ONE_IN: usize = 250;
/// The weights of so many last passes are averaged.
const AVERAGED: usize = 4;
/// Parts of the samples, each of which is held out once to choose the threshold.
const PARTS: usize = 4;
/// Weights of fewer tenths are left out of the file.
const SMALLEST: i16 = 4;
/// Features that are written down: the rest weighs little.
const MOST_FEATURES: usize = 30_000;

/// The texts that are learnt from, as features.
struct Windows {
    all: Vec<Window>,
    /// Of all windows, one behind the other.
    features: Vec<u32>,
}

struct Window {
    sample: u32,
    /// 0 for none of the categories.
    column: u8,
    known: Range<usize>,
    /// What each of its features weighs.
    share: f32,
}

/// The weights of all columns, feature by feature, and the biases.
struct Model {
    columns: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

/// What samples are like by weights that were learnt without them.
pub struct HeldOut {
    pub categories: Vec<Category>,
    /// Of each sample, the best margin of every category.
    pub margins: Vec<Vec<f32>>,
}

/// Learns weights, chooses the threshold so that at most `wrong` of 1,000 ordinary samples that were held out are found, and
/// writes the file.
pub fn learn(Lessons { samples: lessons, wrong, stage, told, .. }: &Lessons) -> (String, HeldOut) {
    let categories: Vec<Category> = lessons.iter().filter_map(|lesson| lesson.about).collect::<BTreeSet<_>>().into_iter().collect();
    let (names, windows) = read(lessons, &categories);
    let mut margins = held_out(&windows, lessons.len(), names.len(), categories.len() + 1);
    let levels = levels(lessons, &margins, categories.len());
    for margins in &mut margins {
        margins.iter_mut().zip(&levels).for_each(|(margin, level)| *margin -= level);
    }
    let threshold = threshold(lessons, &margins, *wrong);
    let told = [told.as_slice(), &figures(lessons, &margins, threshold, &categories)].concat();
    let model = Model::learnt(&windows, names.len(), categories.len() + 1, &|_| true);
    let bias: Vec<_> = model.bias[1..].iter().zip(&levels).map(|(bias, level)| tenths(bias - model.bias[0] - level)).collect();
    let head = Head { stage: *stage, threshold: tenths(threshold).into(), categories: &categories, bias: &bias, told: &told };
    let written = weights::write(&head, model.rows(&names));
    (written, HeldOut { categories, margins })
}

fn read(lessons: &[Lesson], categories: &[Category]) -> (Vec<(Kind, String)>, Windows) {
    let texts: Vec<Words> = lessons.iter().map(|lesson| Words::of(&lesson.text, None)).collect();
    let mut known: HashMap<(Kind, String), u32> = HashMap::new();
    for range_of in texts.iter().flat_map(|words| windows_of(words).map(move |range| (words, range))) {
        for feature in distinct(range_of) {
            *known.entry(feature).or_default() += 1;
        }
    }
    let mut names: Vec<_> = known.into_iter().filter(|(_, windows)| *windows >= FEWEST_WINDOWS).map(|(name, _)| name).collect();
    names.sort_unstable();
    let mut windows = Windows { all: Vec::new(), features: Vec::new() };
    for ((lesson, words), sample) in lessons.iter().zip(&texts).zip(0..) {
        let place = lesson.about.and_then(|about| categories.iter().position(|category| *category == about));
        let column = place.map_or(0, |place| u8::try_from(place + 1).unwrap_or(u8::MAX));
        for range in windows_of(words) {
            let begin = windows.features.len();
            let share = share(words, range.clone());
            let places = distinct((words, range)).into_iter().filter_map(|feature| names.binary_search(&feature).ok());
            windows.features.extend(places.map(|place| u32::try_from(place).unwrap_or(u32::MAX)));
            windows.all.push(Window { sample, column, known: begin..windows.features.len(), share });
        }
    }
    (names, windows)
}

fn windows_of(words: &Words) -> impl Iterator<Item = Range<usize>> {
    let count = words.count();
    let last = count.saturating_sub(BLOCK).max(1);
    (0..last).step_by(BLOCK).take(MOST_WINDOWS).map(move |start| start..(start + WINDOW).min(count))
}

/// As texts are weighed later, known features and unknown ones counted.
fn share(words: &Words, range: Range<usize>) -> f32 {
    let mut features = 0_u16;
    words.features(range, |_| features += 1);
    UNIT / f32::from(features.max(1)).sqrt()
}

fn distinct((words, range): (&Words, Range<usize>)) -> BTreeSet<(Kind, String)> {
    let mut features = BTreeSet::new();
    words.features(range, |feature| {
        features.insert((feature.kind, feature.text.to_owned()));
    });
    features
}

impl Windows {
    fn known(&self, window: &Window) -> &[u32] {
        &self.features[window.known.clone()]
    }
}

impl Model {
    fn learnt(windows: &Windows, features: usize, columns: usize, takes_part: &dyn Fn(u32) -> bool) -> Self {
        let mut model = Self { columns, weights: vec![0.0; features * columns], bias: vec![0.0; columns] };
        let mut squares = vec![1.0_f32; features * columns];
        let mut bias_squares = vec![1.0_f32; columns];
        let mut order: Vec<u32> = (0..).zip(&windows.all).filter(|(_, window)| takes_part(window.sample)).map(|(place, _)| place).collect();
        let mut often = vec![0_u32; features];
        for place in &order {
            windows.known(&windows.all[*place as usize]).iter().for_each(|feature| often[*feature as usize] += 1);
        }
        let mut sums = (vec![0.0; features * columns], vec![0.0; columns]);
        let mut seed = 1_u64;
        for pass in 0..PASSES {
            shuffle(&mut order, &mut seed);
            for place in &order {
                let window = &windows.all[*place as usize];
                let known = windows.known(window);
                let mut gradient = model.odds(known, window.share);
                softmax(&mut gradient);
                gradient[usize::from(window.column)] -= 1.0;
                for feature in known {
                    let start = *feature as usize * columns;
                    // Each feature bears its share of the penalty whenever it is met.
                    let penalty = PENALTY / often[*feature as usize] as f32;
                    let (weights, squares) = (&mut model.weights[start..start + columns], &mut squares[start..start + columns]);
                    for ((weight, square), slope) in weights.iter_mut().zip(squares).zip(&gradient) {
                        let slope = slope * window.share + penalty * *weight;
                        *square += slope * slope;
                        *weight -= RATE * slope / square.sqrt();
                    }
                }
                for ((bias, square), slope) in model.bias.iter_mut().zip(&mut bias_squares).zip(&gradient) {
                    *square += slope * slope;
                    *bias -= RATE * slope / square.sqrt();
                }
            }
            if pass + AVERAGED >= PASSES {
                sums.0.iter_mut().zip(&model.weights).for_each(|(sum, weight)| *sum += weight);
                sums.1.iter_mut().zip(&model.bias).for_each(|(sum, bias)| *sum += bias);
            }
        }
        let averaged = |sums: Vec<f32>| sums.into_iter().map(|sum| sum / AVERAGED as f32).collect();
        Self { columns, weights: averaged(sums.0), bias: averaged(sums.1) }.pruned()
    }

    /// Without what will not be written down: the threshold is to fit what is.
    fn pruned(mut self) -> Self {
        for weight in &mut self.weights {
            *weight = Some(*weight).filter(|weight| tenths(weight * UNIT).abs() >= SMALLEST).unwrap_or_default();
        }
        let heaviest = |weights: &[f32]| weights.iter().map(|weight| tenths(weight * UNIT).abs()).max().unwrap_or_default();
        let mut heights: Vec<_> = self.weights.chunks(self.columns).map(heaviest).collect();
        heights.sort_unstable_by_key(|height| Reverse(*height));
        let lowest = heights.get(MOST_FEATURES).map_or(0, |height| height + 1);
        for weights in self.weights.chunks_mut(self.columns).filter(|weights| heaviest(weights) < lowest) {
            weights.fill(0.0);
        }
        self
    }

    /// The features that weigh anything.
    fn rows<'n>(&self, names: &'n [(Kind, String)]) -> impl Iterator<Item = Row<'n>> {
        let rows = names.iter().zip(self.weights.chunks(self.columns)).filter(|(_, weights)| weights.iter().any(|weight| *weight != 0.0));
        rows.map(|((kind, feature), weights)| {
            let mut tenths = weights.iter().map(|weight| tenths(weight * UNIT));
            let harmless = tenths.next().unwrap_or_default();
            Row { kind: *kind, feature, harmless, weights: tenths.collect() }
        })
    }

    /// Of each column, as logarithms up to one that all have in common.
    fn odds(&self, known: &[u32], share: f32) -> Vec<f32> {
        let mut odds = vec![0.0; self.columns];
        for feature in known {
            let start = *feature as usize * self.columns;
            odds.iter_mut().zip(&self.weights[start..start + self.columns]).for_each(|(sum, weight)| *sum += weight);
        }
        odds.iter().zip(&self.bias).map(|(sum, bias)| sum * share + bias).collect()
    }
}

pub fn softmax(odds: &mut [f32]) {
    let most = odds.iter().copied().fold(f32::MIN, f32::max);
    for odd in &mut *odds {
        *odd = (*odd - most).exp();
    }
    let sum: f32 = odds.iter().sum();
    for odd in odds {
        *odd /= sum;
    }
}

pub fn shuffle(order: &mut [u32], seed: &mut u64) {
    for behind in (2..=order.len()).rev() {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let other = (*seed >> 33) as usize % behind;
        order.swap(behind - 1, other);
    }
}

/// The best margin of each category for every sample, by weights that were learnt without it.
fn held_out(windows: &Windows, samples: usize, features: usize, columns: usize) -> Vec<Vec<f32>> {
    let mut margins = vec![vec![f32::MIN; columns - 1]; samples];
    for part in 0..PARTS {
        let is_held_out = |sample: u32| sample as usize % PARTS == part;
        let model = Model::learnt(windows, features, columns, &|sample| !is_held_out(sample));
        for window in windows.all.iter().filter(|window| is_held_out(window.sample)) {
            let odds = model.odds(windows.known(window), window.share);
            for (best, odd) in margins[window.sample as usize].iter_mut().zip(&odds[1..]) {
                *best = best.max(odd - odds[0]);
            }
        }
    }
    margins
}

/// How far ordinary samples come in each category, of which the noise differs: the margin that one in so many reaches, less what
/// they reach in all categories on average.
fn levels(lessons: &[Lesson], margins: &[Vec<f32>], categories: usize) -> Vec<f32> {
    let ordinary: Vec<_> = lessons.iter().zip(margins).filter(|(lesson, _)| lesson.is_ordinary).map(|(_, margins)| margins).collect();
    let place = ordinary.len() / ONE_IN;
    let reached = (0..categories).map(|category| {
        let mut reached: Vec<f32> = ordinary.iter().map(|margins| margins[category]).collect();
        reached.sort_by(|one, other| other.total_cmp(one));
        reached.get(place).copied().unwrap_or(0.0)
    });
    let reached: Vec<f32> = reached.collect();
    let mean = reached.iter().sum::<f32>() / categories.max(1) as f32;
    reached.into_iter().map(|level| level - mean).collect()
}

/// The lowest margin that at most `wrong` of 1,000 ordinary samples reach.
fn threshold(lessons: &[Lesson], margins: &[Vec<f32>], wrong: u32) -> f32 {
    let mut ordinary: Vec<f32> = lessons.iter().zip(margins).filter(|(lesson, _)| lesson.is_ordinary).map(|(_, all)| most(all)).collect();
    ordinary.sort_by(|one, other| other.total_cmp(one));
    let may_reach = ordinary.len() * wrong as usize / 1_000;
    ordinary.get(may_reach).copied().unwrap_or(0.0).max(0.0) + 0.1
}

/// Lines that say what the weights found among the samples that were held out.
pub fn figures(lessons: &[Lesson], margins: &[Vec<f32>], threshold: f32, categories: &[Category]) -> Vec<String> {
    let mut counts: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for (lesson, margins) in lessons.iter().zip(margins) {
        let (kind, found) = match lesson.about {
            Some(about) => {
                ("concerns", categories.iter().zip(margins).any(|(category, margin)| *category == about && *margin >= threshold))
            }
            None if lesson.is_ordinary => ("ordinary", most(margins) >= threshold),
            None => ("contrasts", most(margins) >= threshold),
        };
        let count = counts.entry(kind).or_default();
        count.0 += 1;
        count.1 += u32::from(found);
    }
    counts.into_iter().map(|(kind, (of, found))| format!("{kind}: {of}, of which {found} found when held out")).collect()
}

pub fn most(margins: &[f32]) -> f32 {
    margins.iter().copied().fold(f32::MIN, f32::max)
}

fn tenths(number: f32) -> i16 {
    (number * 10.0).round().clamp((-MAX_WEIGHT).into(), MAX_WEIGHT.into()) as i16
}

#[cfg(test)]
mod tests {
    use super::super::Weights;
    use super::*;
    use crate::finding::Stage;
    use crate::wire::SourceFile;

    fn lessons() -> Lessons {
        let mut lessons = Vec::new();
        for number in 0..60 {
            let lesson = |text: String, about| Lesson { text, about, is_ordinary: about.is_none() };
            lessons.push(lesson(format!("the heron stole fish number {number} from the pond"), Some(Category::Scam)));
            lessons.push(lesson(format!("a badger dug hole number {number} under the fence"), Some(Category::Drugs)));
            lessons.push(lesson(format!("please bring form number {number} to the office"), None));
        }
        Lessons { samples: lessons, mail: Vec::new(), wrong: 2, stage: Stage::Flag, told: vec!["a test".to_owned()], model: None }
    }

    fn weights() -> Weights {
        let (text, _) = learn(&lessons());
        Weights::read(&SourceFile { path: "rules/weights/learnt.txt".into(), octets: text.into_bytes() })
            .unwrap_or_else(|faults| panic!("{}", faults[0]))
    }

    #[test]
    fn what_is_learnt_tells_categories_apart_and_harmless_texts_from_both() {
        let weights = weights();
        let best = |text: &str| weights.likenesses(&Words::of(text, None)).1.into_iter().max_by_key(|like| like.margin).unwrap();
        let found = |text: &str| Some(best(text)).filter(|like| like.margin >= weights.threshold).map(|like| like.category);
        assert_eq!(found("My brother says that a heron stole his fish"), Some(Category::Scam));
        assert_eq!(found("There is a hole that some badger dug"), Some(Category::Drugs));
        assert_eq!(found("Bring the form to the office, please"), None);
        let like = best("They say a heron stole it");
        assert!(like.because.iter().any(|(span, _)| "They say a heron stole it"[span.clone()].contains("heron")), "{:?}", like.because);
    }

    #[test]
    fn the_same_samples_give_the_same_file() {
        assert_eq!(learn(&lessons()).0, learn(&lessons()).0);
    }

    #[test]
    fn a_few_words_of_harm_are_found_in_a_long_text() {
        let weights = weights();
        let around = "our coach leaves early on tuesday, pack sandwiches and water ".repeat(60);
        let text = format!("{around}{}{around}", "the heron stole fish from the pond ".repeat(8));
        assert!(
            weights
                .likenesses(&Words::of(&text, None))
                .1
                .iter()
                .any(|like| like.category == Category::Scam && like.margin >= weights.threshold)
        );
    }
}
