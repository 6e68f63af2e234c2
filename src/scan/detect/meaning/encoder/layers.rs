//! One layer of the encoder: every token looks at all others, then each is thought over by itself.

#![allow(clippy::cast_precision_loss, reason = "widths of some hundreds")]

use ndarray::{Array2, ArrayView2, Axis, s};

use super::Shape;
use super::tensors::{Tensor, Tensors};

/// A product with a matrix, and what is added to it.
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
}

/// Each row is brought to the mean 0 and the variance 1, then stretched and shifted as learnt.
pub struct Norm {
    weight: Tensor,
    bias: Tensor,
}

pub struct Layer {
    query: Linear,
    key: Linear,
    value: Linear,
    mixed: Linear,
    mixed_norm: Norm,
    widened: Linear,
    narrowed: Linear,
    norm: Norm,
    heads: usize,
}

/// Keeps a row of equal numbers from being divided by nothing. Source: `layer_norm_eps` of the model.
const LEAST_VARIANCE: f32 = 1e-12;

impl Linear {
    fn read(tensors: &Tensors, name: &str, from: usize, to: usize) -> Result<Self, String> {
        Ok(Self { weight: tensors.matrix(&format!("{name}.weight"), to, from)?, bias: tensors.vector(&format!("{name}.bias"), to)? })
    }

    fn apply(&self, state: &Array2<f32>) -> Array2<f32> {
        let mut product = state.dot(&self.weight.matrix().t());
        product += &self.bias.vector();
        product
    }
}

impl Norm {
    pub fn read(tensors: &Tensors, name: &str, width: usize) -> Result<Self, String> {
        Ok(Self { weight: tensors.vector(&format!("{name}.weight"), width)?, bias: tensors.vector(&format!("{name}.bias"), width)? })
    }

    pub fn apply(&self, state: &mut Array2<f32>) {
        let (weight, bias) = (self.weight.vector(), self.bias.vector());
        for mut row in state.rows_mut() {
            let mean = row.mean().unwrap_or_default();
            row -= mean;
            let variance = row.dot(&row) / row.len().max(1) as f32;
            row /= (variance + LEAST_VARIANCE).sqrt();
            row *= &weight;
            row += &bias;
        }
    }
}

impl Layer {
    /// # Errors
    /// What of the layer is missing or of another shape.
    pub fn read(tensors: &Tensors, name: &str, Shape { width, heads, inner, .. }: Shape) -> Result<Self, String> {
        let linear = |part: &str, from, to| Linear::read(tensors, &format!("{name}.{part}"), from, to);
        Ok(Self {
            query: linear("attention.self.query", width, width)?,
            key: linear("attention.self.key", width, width)?,
            value: linear("attention.self.value", width, width)?,
            mixed: linear("attention.output.dense", width, width)?,
            mixed_norm: Norm::read(tensors, &format!("{name}.attention.output.LayerNorm"), width)?,
            widened: linear("intermediate.dense", width, inner)?,
            narrowed: linear("output.dense", inner, width)?,
            norm: Norm::read(tensors, &format!("{name}.output.LayerNorm"), width)?,
            heads,
        })
    }

    pub fn apply(&self, state: &Array2<f32>) -> Array2<f32> {
        let mut mixed = self.mixed.apply(&self.attention(state));
        mixed += state;
        self.mixed_norm.apply(&mut mixed);
        let mut widened = self.widened.apply(&mixed);
        widened.mapv_inplace(gelu);
        let mut narrowed = self.narrowed.apply(&widened);
        narrowed += &mixed;
        self.norm.apply(&mut narrowed);
        narrowed
    }

    /// Of each token, what all tokens say, weighed by how much they matter to it.
    fn attention(&self, state: &Array2<f32>) -> Array2<f32> {
        let (query, key, value) = (self.query.apply(state), self.key.apply(state), self.value.apply(state));
        let width = state.ncols() / self.heads;
        let mut said = Array2::zeros(state.raw_dim());
        for head in 0..self.heads {
            let part = s![.., head * width..(head + 1) * width];
            let heeded = heed(&query.slice(part), &key.slice(part));
            said.slice_mut(part).assign(&heeded.dot(&value.slice(part)));
        }
        said
    }
}

/// How much each token heeds each other: shares that come to one.
fn heed(query: &ArrayView2<'_, f32>, key: &ArrayView2<'_, f32>) -> Array2<f32> {
    let mut shares = query.dot(&key.t());
    let scale = (query.ncols() as f32).sqrt().recip();
    for mut row in shares.axis_iter_mut(Axis(0)) {
        let most = row.fold(f32::MIN, |most, share| most.max(*share));
        row.mapv_inplace(|share| ((share - most) * scale).exp());
        row /= row.sum();
    }
    shares
}

/// Source: Hendrycks and Gimpel, "Gaussian error linear units", 2016.
fn gelu(number: f32) -> f32 {
    0.5 * number * (1.0 + error_function(number * std::f32::consts::FRAC_1_SQRT_2))
}

/// To some millionths, without a branch, so that the compiler takes several numbers at once. Source: the rational approximation
/// of the library Eigen, `generic_fast_erf`.
fn error_function(number: f32) -> f32 {
    const ABOVE: [f32; 7] =
        [-2.726_142_3e-10, 2.770_681_4e-8, -2.101_024e-6, -5.692_506_4e-5, -7.349_906_3e-4, -2.954_6e-3, -1.609_603_3e-2];
    const BELOW: [f32; 5] = [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329e-3, -1.426_474e-2];
    let number = number.clamp(-4.0, 4.0);
    let square = number * number;
    let polynomial = |factors: &[f32]| factors.iter().fold(0.0, |sum, factor| sum * square + factor);
    number * polynomial(&ABOVE) / polynomial(&BELOW)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_function_is_that_of_the_tables() {
        for (number, expected) in [(0.0, 0.0), (0.5, 0.520_499_9), (1.0, 0.842_700_8), (-2.0, -0.995_322_3), (3.0, 0.999_977_9), (9.0, 1.0)]
        {
            let found = error_function(number);
            assert!((found - expected).abs() < 4e-6, "{number}: {found}, not {expected}");
        }
    }
}
