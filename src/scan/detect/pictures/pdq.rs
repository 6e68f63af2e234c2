//! PDQ, the perceptual hash that lists of known pictures are exchanged in.
//!
//! Source: Facebook, *The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm* (2019), of
//! the family that filters the picture at its full size, as hasher-matcher-actioner and `pdqhash` for
//! Python do. The other family samples down to 512 pixels first; hashes of the two differ by up to 28 bits.

use std::f32::consts::PI;

/// Side of the square that every picture is filtered down to.
const SIDE: usize = 64;
/// Side of the square of lowest frequencies that is kept, one bit each.
const KEPT: usize = 16;
/// Every frequency of the kept square, row by row.
type Coefficients = [[f32; KEPT]; KEPT];
type Square = [[f32; SIDE]; SIDE];

/// 256 bits, the highest frequency first, as the hash is written in hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hash([u64; 4]);

/// The hash of a picture, and how much it is worth.
#[derive(Clone, Copy, Debug)]
pub struct Pdq {
    pub hash: Hash,
    /// 0 to 100; below 50 there is too little in the picture to tell it from others.
    pub quality: u8,
    coefficients: Coefficients,
}

/// A picture as PDQ sees it: brightness, 0 to 255.
pub trait Luma {
    /// Width and height, in pixels; neither is 0.
    fn size(&self) -> (usize, usize);

    /// The side of the squares of pixels that there is one sample for, in pixels.
    fn step(&self) -> usize {
        1
    }

    /// Adds the brightness of row `y` of the samples, times `weight`, to `sums`, one for each column.
    fn add_row(&self, y: usize, weight: f32, sums: &mut [f32]);
}

impl Hash {
    /// As written in hex.
    pub fn from_octets(octets: [u8; 32]) -> Self {
        let (words, _) = octets.as_chunks::<8>();
        let mut hash = [0; 4];
        for (word, octets) in hash.iter_mut().zip(words) {
            *word = u64::from_be_bytes(*octets);
        }
        Self(hash)
    }

    pub fn to_octets(self) -> [u8; 32] {
        let mut octets = [0; 32];
        for (chunk, word) in octets.chunks_exact_mut(8).zip(self.0) {
            chunk.copy_from_slice(&word.to_be_bytes());
        }
        octets
    }

    /// The highest frequencies in the first word.
    pub fn words(self) -> [u64; 4] {
        self.0
    }

    /// The hash of the picture with its brightness inverted.
    #[must_use]
    pub fn complement(self) -> Self {
        Self(self.0.map(|word| !word))
    }

    /// Bits in which the two differ: 0 to 256.
    pub fn distance(&self, other: &Self) -> u32 {
        self.0.iter().zip(&other.0).map(|(one, other)| (one ^ other).count_ones()).sum()
    }
}

impl Pdq {
    pub fn of(picture: &impl Luma) -> Self {
        let square = filter_down(picture);
        let coefficients = transform(&square);
        Self { hash: threshold(&coefficients), quality: quality(&square), coefficients }
    }

    /// The hashes of the picture as it is, turned and mirrored: eight in all, this one first.
    pub fn dihedral(&self) -> [Hash; 8] {
        // To mirror a picture is to change the sign of every odd frequency; to turn it over its diagonal,
        // to swap rows and columns.
        std::array::from_fn(|variant| {
            let (transposed, upright, sideways) = (variant & 4 != 0, variant & 2 != 0, variant & 1 != 0);
            let sign = |mirrored: bool, index: usize| if mirrored && index.is_multiple_of(2) { -1.0 } else { 1.0 };
            threshold(&std::array::from_fn(|i| {
                std::array::from_fn(|j| {
                    let value = if transposed { self.coefficients[j][i] } else { self.coefficients[i][j] };
                    value * sign(upright, i) * sign(sideways, j)
                })
            }))
        })
    }
}

/// What one of the 64 samples of a side is made of: neighbours from `first` on, by weight.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// The filter of PDQ along a side of `length` pixels. It is a moving average, applied twice, of which 64
/// samples are taken; as the average is linear, each sample is a weighted sum of a few neighbouring pixels. Where only
/// the mean of every `step` pixels is known, it stands for each of them.
fn taps(length: usize, step: usize) -> Vec<Taps> {
    let window = length.div_ceil(2 * SIDE);
    let behind = window / 2 + 1;
    // The window around a pixel; at the edges it is shorter.
    let around = |at: usize| (at + behind).saturating_sub(window)..(at + behind).min(length);
    let sample = |index: usize| {
        let centre = (2 * index + 1) * length / (2 * SIDE);
        let outer = around(centre);
        let (first, end) = (around(outer.start).start, around(outer.end - 1).end);
        let mut weights = vec![0.0_f64; end - first];
        for middle in outer.clone() {
            let inner = around(middle);
            let share = 1.0 / count(outer.len() * inner.len());
            inner.for_each(|pixel| weights[pixel - first] += share);
        }
        let (pixels, first) = (first.., first / step);
        let mut of_samples = vec![0.0_f64; (end - 1) / step + 1 - first];
        pixels.zip(weights).for_each(|(pixel, weight)| of_samples[pixel / step - first] += weight);
        #[expect(clippy::cast_possible_truncation, reason = "as precise as the rest of the algorithm")]
        let weights = of_samples.into_iter().map(|weight| weight as f32).collect();
        Taps { first, weights }
    };
    (0..SIDE).map(sample).collect()
}

fn filter_down(picture: &impl Luma) -> Square {
    let (width, height) = picture.size();
    let step = picture.step();
    let (columns, rows) = (taps(width, step), taps(height, step));
    let mut sums = vec![0.0; width.div_ceil(step)];
    let mut square = [[0.0; SIDE]; SIDE];
    for (out, row) in square.iter_mut().zip(&rows) {
        sums.fill(0.0);
        for (y, weight) in (row.first..).zip(&row.weights) {
            picture.add_row(y, *weight, &mut sums);
        }
        for (out, column) in out.iter_mut().zip(&columns) {
            *out = sums[column.first..].iter().zip(&column.weights).map(|(sum, weight)| sum * weight).sum();
        }
    }
    square
}

/// The lowest frequencies of the discrete cosine transform, without those of 0.
fn transform(square: &Square) -> Coefficients {
    let basis: [[f32; SIDE]; KEPT] = std::array::from_fn(|i| {
        std::array::from_fn(|j| (2.0 / SIDE_F).sqrt() * (PI / (2.0 * SIDE_F) * small(i + 1) * small(2 * j + 1)).cos())
    });
    let by_rows: [[f32; SIDE]; KEPT] = std::array::from_fn(|i| {
        let mut sums = [0.0; SIDE];
        for (weight, row) in basis[i].iter().zip(square) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += weight * value);
        }
        sums
    });
    std::array::from_fn(|i| std::array::from_fn(|j| by_rows[i].iter().zip(&basis[j]).map(|(value, weight)| value * weight).sum()))
}

const SIDE_F: f32 = 64.0;

/// A bit for every coefficient above the median.
fn threshold(coefficients: &Coefficients) -> Hash {
    let mut sorted = coefficients.as_flattened().to_vec();
    let (_, median, _) = sorted.select_nth_unstable_by(KEPT * KEPT / 2 - 1, f32::total_cmp);
    let mut words = [0; 4];
    for (bit, value) in coefficients.as_flattened().iter().enumerate() {
        if value > median {
            words[3 - bit / 64] |= 1 << (bit % 64);
        }
    }
    Hash(words)
}

/// How much is going on, from neighbouring samples; every difference is cut to a whole percentage first.
fn quality(square: &Square) -> u8 {
    let step = |one: f32, other: f32| ((one - other) * 100.0 / 255.0).abs().trunc();
    let down = square.windows(2).flat_map(|rows| rows[0].iter().zip(&rows[1]));
    let across = square.iter().flat_map(|row| row.iter().zip(&row[1..]));
    let sum: f32 = down.chain(across).map(|(one, other)| step(*one, *other)).sum();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
    let quality = (sum / 90.0).trunc().min(100.0) as u8;
    quality
}

/// Window areas and frequencies: far below where these types are no longer exact.
#[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
fn count(number: usize) -> f64 {
    number as f64
}

#[expect(clippy::cast_precision_loss, reason = "far below 2^23")]
fn small(number: usize) -> f32 {
    number as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Brightness by formula.
    struct Field(usize, usize, fn(usize, usize) -> f32);

    impl Luma for Field {
        fn size(&self) -> (usize, usize) {
            (self.0, self.1)
        }

        fn add_row(&self, y: usize, weight: f32, sums: &mut [f32]) {
            sums.iter_mut().enumerate().for_each(|(x, sum)| *sum += weight * (self.2)(x, y));
        }
    }

    #[test]
    fn every_sample_is_an_average_of_pixels_that_exist() {
        for length in (1..700).chain([1_024, 4_097, 32_768]) {
            for step in [1, 4, 8, 31] {
                for taps in taps(length, step) {
                    assert!((taps.weights.iter().sum::<f32>() - 1.0).abs() < 1e-4, "{length} by {step}");
                    assert!(taps.first + taps.weights.len() <= length.div_ceil(step), "{length} by {step}");
                }
            }
        }
    }

    #[test]
    fn a_flat_picture_has_no_quality_and_a_busy_one_has_all() {
        assert_eq!(Pdq::of(&Field(100, 80, |_, _| 128.0)).quality, 0);
        assert_eq!(Pdq::of(&Field(1, 1, |_, _| 255.0)).quality, 0);
        assert_eq!(Pdq::of(&Field(64, 64, |x, y| if (x ^ y) & 1 == 0 { 0.0 } else { 255.0 })).quality, 100);
    }

    #[test]
    fn half_of_the_bits_are_set_and_the_first_variant_is_the_picture_itself() {
        let pdq = Pdq::of(&Field(300, 200, |x, y| small((x * x + 3 * y * y + x * y / 7) % 256)));
        assert_eq!(pdq.dihedral()[0], pdq.hash);
        assert_eq!(pdq.hash.0.iter().map(|word| word.count_ones()).sum::<u32>(), 128);
    }

    #[test]
    fn a_hash_is_written_as_it_is_read_and_differs_by_its_bits() {
        let octets = std::array::from_fn(|at| u8::try_from(at * 7).unwrap_or(1));
        let hash = Hash::from_octets(octets);
        assert_eq!(hash.to_octets(), octets);
        let mut other = octets;
        other[0] ^= 0b101;
        other[31] ^= 0b1;
        assert_eq!(hash.distance(&Hash::from_octets(other)), 3);
    }
}
