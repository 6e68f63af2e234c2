//! A sentence encoder of the family of BERT: a text becomes a point, and texts that mean alike lie close together.
//!
//! Written out rather than brought in: it is six times the same few products of matrices, and a runtime for models of every kind
//! would be the largest thing in the cage. One thread, no file, no clock; the time goes with the number of tokens alone.
//!
//! Source: Devlin, Chang, Lee and Toutanova, "BERT", 2019; Wang et al., "`MiniLM`", 2020; Reimers and Gurevych,
//! "Sentence-BERT", 2019 (the mean of all tokens is the sentence).

mod layers;
mod tensors;
mod tokens;

use ndarray::Array2;

use self::layers::{Layer, Norm};
use self::tensors::{Tensor, Tensors};
pub use self::tokens::{Token, Vocabulary};
use crate::wire::Shared;

/// The sizes of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub layers: usize,
    /// Numbers that stand for one token.
    pub width: usize,
    /// Into so many parts the width is divided where tokens look at each other.
    pub heads: usize,
    /// Numbers between the two halves of a layer.
    pub inner: usize,
    /// The most tokens of one text, both marks of its ends included.
    pub places: usize,
    /// Tokens that there are.
    pub words: usize,
}

/// Immutable once read; any number of threads may ask it.
pub struct Encoder {
    shape: Shape,
    words: Tensor,
    places: Tensor,
    kinds: Tensor,
    norm: Norm,
    layers: Vec<Layer>,
}

/// Of texts: there is one kind for the first of a pair and one for the second.
const KINDS: usize = 2;

impl Encoder {
    /// Reads a file of tensors, which stays where it is.
    ///
    /// # Errors
    /// What of the model is missing or of another shape.
    pub fn read(weights: Shared, shape: Shape) -> Result<Self, String> {
        let tensors = Tensors::read(weights)?;
        let layers = (0..shape.layers).map(|layer| Layer::read(&tensors, &format!("encoder.layer.{layer}"), shape));
        Ok(Self {
            shape,
            words: tensors.matrix("embeddings.word_embeddings.weight", shape.words, shape.width)?,
            places: tensors.matrix("embeddings.position_embeddings.weight", shape.places, shape.width)?,
            kinds: tensors.matrix("embeddings.token_type_embeddings.weight", KINDS, shape.width)?,
            norm: Norm::read(&tensors, "embeddings.LayerNorm", shape.width)?,
            layers: layers.collect::<Result<_, _>>()?,
        })
    }

    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// What each of these tokens comes to mean among the others, one row a token. Tokens beyond [`Shape::places`], and those that
    /// there are not, are left out.
    pub fn encode(&self, tokens: &[u32]) -> Array2<f32> {
        let known = tokens.iter().map(|token| *token as usize).filter(|token| *token < self.shape.words);
        let known: Vec<_> = known.take(self.shape.places).collect();
        let (words, places, kinds) = (self.words.matrix(), self.places.matrix(), self.kinds.matrix());
        let mut state = Array2::zeros((known.len(), self.shape.width));
        for ((mut row, token), place) in state.rows_mut().into_iter().zip(known).zip(places.rows()) {
            row += &words.row(token);
            row += &place;
            row += &kinds.row(0);
        }
        self.norm.apply(&mut state);
        self.layers.iter().fold(state, |state, layer| layer.apply(&state))
    }
}

/// Made-up models for tests: of the same build as a real one, and of numbers that mean nothing.
#[cfg(test)]
pub mod made_up {
    use std::fmt::Write as _;

    use super::*;

    pub const SHAPE: Shape = Shape { layers: 2, width: 32, heads: 4, inner: 48, places: 128, words: 64 };

    /// The file of a model of that shape; the same numbers every time.
    pub fn weights(shape: Shape) -> Vec<u8> {
        let Shape { layers, width, inner, places, words, .. } = shape;
        let mut tensors = vec![
            ("embeddings.word_embeddings.weight".to_owned(), vec![words, width]),
            ("embeddings.position_embeddings.weight".to_owned(), vec![places, width]),
            ("embeddings.token_type_embeddings.weight".to_owned(), vec![KINDS, width]),
        ];
        let mut pair = |name: String, from: Option<usize>, to: usize| {
            tensors.push((format!("{name}.weight"), from.map_or(vec![to], |from| vec![to, from])));
            tensors.push((format!("{name}.bias"), vec![to]));
        };
        pair("embeddings.LayerNorm".to_owned(), None, width);
        for layer in 0..layers {
            let mut part = |name: &str, from, to| pair(format!("encoder.layer.{layer}.{name}"), from, to);
            for name in ["query", "key", "value"] {
                part(&format!("attention.self.{name}"), Some(width), width);
            }
            part("attention.output.dense", Some(width), width);
            part("attention.output.LayerNorm", None, width);
            part("intermediate.dense", Some(width), inner);
            part("output.dense", Some(inner), width);
            part("output.LayerNorm", None, width);
        }
        let (mut header, mut numbers, mut seed) = ("{".to_owned(), Vec::new(), 1_u64);
        for (name, shape) in tensors {
            let begin = numbers.len();
            for _ in 0..shape.iter().product() {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let random = f32::from(i16::try_from(seed >> 49).unwrap()) / 16_384.0 - 1.0;
                let number = if name.ends_with("LayerNorm.weight") { 1.0 } else { random / 2.0 };
                numbers.extend(number.to_le_bytes());
            }
            let comma = if begin == 0 { "" } else { "," };
            let end = numbers.len();
            let _ = write!(header, "{comma}\"{name}\":{{\"dtype\":\"F32\",\"shape\":{shape:?},\"data_offsets\":[{begin},{end}]}}");
        }
        header.push('}');
        // Numbers begin at multiples of their own size, as a real file has it.
        header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
        [&(header.len() as u64).to_le_bytes(), header.as_bytes(), &numbers].concat()
    }

    pub fn encoder() -> Encoder {
        Encoder::read(Shared::of(weights(SHAPE)), SHAPE).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use super::made_up::{SHAPE, encoder, weights};
    use super::*;
    use ndarray::Axis;

    #[test]
    fn what_a_token_means_depends_on_the_others_and_on_its_place() {
        let encoder = encoder();
        let state = encoder.encode(&[1, 7, 9, 2]);
        assert_eq!(state.dim(), (4, SHAPE.width));
        assert!(state.iter().all(|number| number.is_finite()));
        let apart = |one: &Array2<f32>, other: &Array2<f32>, place: usize| (&one.row(place) - &other.row(place)).mapv(f32::abs).sum();
        assert!(apart(&state, &encoder.encode(&[1, 7, 8, 2]), 1) > 0.01, "another neighbour");
        assert!(apart(&state, &encoder.encode(&[1, 9, 7, 2]), 0) > 0.01, "another order");
        assert_eq!(state, encoder.encode(&[1, 7, 9, 2]));
    }

    #[test]
    fn a_row_is_normed_as_the_last_step_says() {
        // The bias of the last norm is small beside its weight of 1.
        for row in encoder().encode(&[1, 7, 9, 2]).axis_iter(Axis(0)) {
            let square = row.dot(&row) / 32.0;
            assert!((0.5..2.0).contains(&square), "{square}");
        }
    }

    #[test]
    fn tokens_that_there_are_not_and_those_beyond_the_last_place_are_left_out() {
        assert_eq!(encoder().encode(&[1, 9_999, 2]).nrows(), 2);
        assert_eq!(encoder().encode(&[5; 1_000]).nrows(), SHAPE.places);
        assert_eq!(encoder().encode(&[]).nrows(), 0);
    }

    #[test]
    fn a_model_of_another_shape_is_refused_by_the_name_of_the_tensor() {
        let refused = |weights: Vec<u8>, shape: Shape| Encoder::read(Shared::of(weights), shape).err().unwrap();
        let why = refused(weights(SHAPE), Shape { width: 16, ..SHAPE });
        assert_eq!(why, "its tensor `embeddings.word_embeddings.weight` is F32 of the shape [64, 32], not F32 of [64, 16]");
        assert_eq!(refused(weights(SHAPE), Shape { layers: 3, ..SHAPE }), "it has no tensor `encoder.layer.2.attention.self.query.weight`");
        let mut cut = weights(SHAPE);
        cut.truncate(cut.len() - 4);
        let why = refused(cut, SHAPE);
        assert_eq!(why, "its tensor `encoder.layer.1.output.LayerNorm.bias` is cut off, or does not lie where a number may begin");
        assert_eq!(refused(b"none".to_vec(), SHAPE), "it does not begin with a header of tensors");
        assert!(refused([&2_u64.to_le_bytes()[..], b"no"].concat(), SHAPE).starts_with("its header cannot be read"));
    }
}
