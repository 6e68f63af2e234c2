//! Learning what sentences mean from labelled samples: a linear model on the points of their windows, of all categories at once and
//! of none of them, mixed with what the words of the same samples say.
//!
//! Softmax regression by `AdaGrad` (Duchi, Hazan and Singer, 2011) with an L2 penalty, some windows at a time. The order is
//! shuffled by a fixed seed: the same samples give the same file.

#![allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "weights are rounded to hundredths in the end")]

use ndarray::{Array1, Array2, Axis, s};

use super::head::Head;
use super::known::Reader;
use super::letter::Tokens;
use super::point;
use crate::fault::Fault;
use crate::finding::RuleVersion;
use crate::scan::detect::learnt::{HeldOut, figures, most, shuffle, softmax};
use crate::scan::detect::rules::Lexicon;
use crate::wire::{Lesson, Lessons, Model};

/// Of one long sample: so many of its windows are learnt from.
const MOST_WINDOWS: usize = 2;
/// The strength of the penalty, over all samples.
const PENALTY: f32 = 0.5;
const RATE: f32 = 0.5;
const PASSES: usize = 30;
/// Windows that are learnt from at a time.
const BATCH: usize = 32;
/// Parts of the samples, each of which is held out once to choose the threshold.
const PARTS: usize = 4;
/// The part that meaning has in the margin, beside the words. Measured on samples that were held out: see docs/quality.md.
const SHARE: f32 = 0.5;
/// Of 1,000 contrasts that were held out, so many may be found: the rules have most of what is bearable for themselves.
const WRONG_CONTRASTS: usize = 20;

/// The windows that are learnt from.
struct Windows {
    /// One row a window.
    points: Array2<f32>,
    samples: Vec<usize>,
    /// 0 for none of the categories.
    columns: Vec<usize>,
}

/// One column a category, and before them one for none.
struct Fit {
    weights: Array2<f32>,
    bias: Array1<f32>,
}

/// Learns weights of meaning, chooses the threshold so that of samples that were held out no more ordinary ones are found than
/// `wrong` of 1,000, and few contrasts, and writes the file.
///
/// # Errors
/// A model that is not known.
pub fn learn(lessons: &Lessons, model: &Model, words: &HeldOut) -> Result<String, Fault> {
    Ok(learn_by(&Reader::open(model)?, lessons, words))
}

pub fn learn_by(reader: &Reader, Lessons { samples: lessons, wrong, stage, told, .. }: &Lessons, words: &HeldOut) -> String {
    let windows = read(lessons, words, reader);
    let columns = words.categories.len() + 1;
    let margins = mixed(&held_out(&windows, lessons.len(), columns), words);
    let threshold = threshold(lessons, &margins, *wrong as usize);
    let told = [told.as_slice(), &figures(lessons, &margins, threshold, &words.categories)].concat();
    let fit = Fit::of(&windows, columns, &|_| true);
    let head = Head {
        model: reader.name.clone(),
        stage: *stage,
        threshold,
        share: SHARE,
        categories: words.categories.clone(),
        bias: fit.bias.slice(s![1..]).mapv(|bias| bias - fit.bias[0]),
        weights: &fit.weights.slice(s![.., 1..]) - &fit.weights.slice(s![.., ..1]),
        version: RuleVersion([0; 8]),
    };
    head.write(&told)
}

fn read(lessons: &[Lesson], words: &HeldOut, reader: &Reader) -> Windows {
    let (mut points, mut samples, mut columns) = (Vec::new(), Vec::new(), Vec::new());
    for (sample, lesson) in lessons.iter().enumerate() {
        let column = lesson.about.and_then(|about| words.categories.iter().position(|category| *category == about));
        let tokens = Tokens::of(&lesson.text, &reader.vocabulary, &Lexicon::new([]));
        for window in tokens.windows().take(MOST_WINDOWS) {
            points.extend(point(&reader.state(window)));
            samples.push(sample);
            columns.push(column.map_or(0, |place| place + 1));
        }
    }
    let shape = (samples.len(), reader.encoder.shape().width);
    Windows { points: Array2::from_shape_vec(shape, points).expect("one point a window"), samples, columns }
}

impl Fit {
    fn of(windows: &Windows, columns: usize, takes_part: &dyn Fn(usize) -> bool) -> Self {
        let width = windows.points.ncols();
        let mut fit = Self { weights: Array2::zeros((width, columns)), bias: Array1::zeros(columns) };
        let (mut squares, mut bias_squares) = (Array2::from_elem((width, columns), 1e-3_f32), Array1::from_elem(columns, 1e-3_f32));
        let mut order: Vec<u32> = (0..).zip(&windows.samples).filter(|(_, sample)| takes_part(**sample)).map(|(place, _)| place).collect();
        let penalty = PENALTY / order.len().max(1) as f32;
        let mut seed = 1;
        for _ in 0..PASSES {
            shuffle(&mut order, &mut seed);
            for batch in order.chunks(BATCH) {
                let batch: Vec<_> = batch.iter().map(|place| *place as usize).collect();
                let points = windows.points.select(Axis(0), &batch);
                let mut slopes = fit.odds(&points);
                for (mut odds, place) in slopes.rows_mut().into_iter().zip(&batch) {
                    odds.as_slice_mut().into_iter().for_each(softmax);
                    odds[windows.columns[*place]] -= 1.0;
                }
                let slope = points.t().dot(&slopes) + &fit.weights * (penalty * batch.len() as f32);
                let bias_slope = slopes.sum_axis(Axis(0));
                squares += &(&slope * &slope);
                bias_squares += &(&bias_slope * &bias_slope);
                fit.weights -= &(slope * RATE / squares.mapv(f32::sqrt));
                fit.bias -= &(bias_slope * RATE / bias_squares.mapv(f32::sqrt));
            }
        }
        fit
    }

    /// Of each column, as logarithms up to one that all have in common; one row a window.
    fn odds(&self, points: &Array2<f32>) -> Array2<f32> {
        points.dot(&self.weights) + &self.bias
    }
}

/// The margins of each category for every sample, in its window that is most like any, by weights that were learnt without it.
fn held_out(windows: &Windows, samples: usize, columns: usize) -> Vec<Vec<f32>> {
    let mut margins = vec![vec![f32::MIN; columns - 1]; samples];
    for part in 0..PARTS {
        let is_held_out = |sample: usize| sample % PARTS == part;
        let fit = Fit::of(windows, columns, &|sample| !is_held_out(sample));
        let odds = fit.odds(&windows.points);
        for (odds, sample) in odds.rows().into_iter().zip(&windows.samples).filter(|(_, sample)| is_held_out(**sample)) {
            let own: Vec<_> = odds.iter().skip(1).map(|odd| odd - odds[0]).collect();
            if most(&own) > most(&margins[*sample]) {
                margins[*sample] = own;
            }
        }
    }
    margins
}

/// As letters are judged later: what they mean and what their words say, each by its share.
fn mixed(margins: &[Vec<f32>], words: &HeldOut) -> Vec<Vec<f32>> {
    let mix = |(own, by_words): (&f32, &f32)| SHARE * own + (1.0 - SHARE) * by_words;
    margins.iter().zip(&words.margins).map(|(own, by_words)| own.iter().zip(by_words).map(mix).collect()).collect()
}

/// The lowest margin that no more reach of the ordinary samples and of the contrasts than may.
fn threshold(lessons: &[Lesson], margins: &[Vec<f32>], wrong: usize) -> f32 {
    let lowest = |is_ordinary: bool, wrong: usize| {
        let harmless = lessons.iter().zip(margins).filter(|(lesson, _)| lesson.about.is_none() && lesson.is_ordinary == is_ordinary);
        let mut best: Vec<f32> = harmless.map(|(_, margins)| most(margins)).collect();
        best.sort_by(|one, other| other.total_cmp(one));
        best.get(best.len() * wrong / 1_000).copied().unwrap_or(0.0)
    };
    // Rounded up, as it is written: what reached it exactly is not to be found.
    (lowest(true, wrong).max(lowest(false, WRONG_CONTRASTS)).max(0.0) * 100.0).floor() / 100.0 + 0.01
}
