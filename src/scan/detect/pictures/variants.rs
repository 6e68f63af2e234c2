//! What a picture may have been before somebody cropped, framed or tilted it: hashed as well, so that a list needs to
//! hold a picture only once.

use super::pdq::{Hash, Pdq};
use super::plane::{Plane, Window};
use crate::finding::{Change, Framing, Turn};

/// Samples of the longer side of the plane that variants are taken of.
pub const SAMPLES: usize = 512;
/// Below, in levels of brightness, the spread of a row or column is that of an empty one that was compressed.
const EMPTY: f32 = 1.0;
/// Of either side, in samples: less of a picture tells nothing.
const LEAST: usize = 16;

/// Parts of a side that are added, or cut off if negative: left, top, right, bottom. What is added stands for what was
/// cut off, and is filled with the samples at the edge. Which of them find what was measured in `benches/pictures.rs`.
const MARGINS: [[f32; 4]; 10] = [
    // Cropped all round, by 5, 10 and 20 parts of a hundred.
    [0.026; 4],
    [0.056; 4],
    [0.125; 4],
    // Cropped from one corner by 10.
    [0.111, 0.111, 0.0, 0.0],
    [0.0, 0.111, 0.111, 0.0],
    [0.111, 0.0, 0.0, 0.111],
    [0.0, 0.0, 0.111, 0.111],
    // Framed with something that is not empty.
    [-0.025; 4],
    [-0.05; 4],
    // Between bars with something in them.
    [0.0, -0.13, 0.0, -0.13],
];
/// In degrees.
const TILTS: [f32; 2] = [-3.0, 3.0];

/// What is searched for, beside the picture as it is.
pub struct Variant {
    pub kind: Kind,
    pub pdq: Pdq,
}

/// Which variant it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As it is.
    Whole,
    /// Without empty bars and frames.
    Trimmed,
    /// With the margins of that place in the list.
    Margins(usize),
    Tilted(usize),
}

impl Variant {
    pub fn whole(pdq: &Pdq) -> Self {
        Self { kind: Kind::Whole, pdq: *pdq }
    }

    /// The hashes that a list may hold of it: turned and mirrored, and inverted as well where that is likely.
    pub fn hashes(&self) -> Vec<Hash> {
        let turned = self.pdq.dihedral();
        match self.kind {
            // Of an inverted picture, every bit is the other one.
            Kind::Whole | Kind::Trimmed => turned.into_iter().chain(turned.map(Hash::complement)).collect(),
            Kind::Margins(_) | Kind::Tilted(_) => turned.to_vec(),
        }
    }

    /// The same hashes, each with what was done to the picture for it.
    pub fn changes(&self) -> impl Iterator<Item = (Change, Hash)> {
        let framing = self.kind.framing();
        let turns = [false, true].into_iter().flat_map(|inverted| Turn::ALL.map(|turn| (turn, inverted)));
        turns.zip(self.hashes()).map(move |((turn, inverted), hash)| (Change { framing, turn, inverted }, hash))
    }
}

impl Kind {
    fn framing(self) -> Framing {
        #[expect(clippy::cast_possible_truncation, reason = "thousandths of a side, or a few degrees")]
        match self {
            Self::Whole => Framing::Whole,
            Self::Trimmed => Framing::Trimmed,
            Self::Margins(number) => Framing::Margins(MARGINS[number].map(|share| (share * 1_000.0).round() as i16)),
            Self::Tilted(number) => Framing::Tilted(TILTS[number] as i8),
        }
    }
}

/// The variants of a picture, the likeliest first, each only made when it is asked for.
pub fn variants(plane: &Plane) -> impl Iterator<Item = Variant> {
    let trimmed = trimmed(plane).into_iter().map(|window| Variant { kind: Kind::Trimmed, pdq: Pdq::of(&window) });
    let margins = (0..)
        .zip(MARGINS)
        .filter_map(|(number, margins)| Some(Variant { kind: Kind::Margins(number), pdq: Pdq::of(&with_margins(plane, margins)?) }));
    let tilted = (0..).zip(TILTS).map(|(number, degrees)| Variant { kind: Kind::Tilted(number), pdq: Pdq::of(&tilted(plane, degrees)) });
    trimmed.chain(margins).chain(tilted)
}

/// The longest run of rows with something in them, and of it the longest run of such columns; `None` where that is
/// nearly all or nearly nothing.
fn trimmed(plane: &Plane) -> Option<Window<'_>> {
    let (width, height) = plane.extent();
    let rows: Vec<_> = (0..height).map(|y| is_empty(plane.row(y).iter().copied())).collect();
    let (top, rows) = longest_run(&rows);
    let columns: Vec<_> = (0..width).map(|x| is_empty((top..top + rows).map(|y| plane.row(y)[x]))).collect();
    let (left, columns) = longest_run(&columns);
    let is_other = (columns, rows) != (width, height);
    let window = || plane.window((left.cast_signed(), top.cast_signed()), (columns, rows));
    (is_other && columns.min(rows) >= LEAST).then(window)
}

fn is_empty(samples: impl ExactSizeIterator<Item = f32> + Clone) -> bool {
    let count = real(samples.len());
    let mean = samples.clone().sum::<f32>() / count;
    let variance = samples.map(|sample| (sample - mean).powi(2)).sum::<f32>() / count;
    variance < EMPTY * EMPTY
}

/// Start and length of the longest run of what is not empty, the first of several.
fn longest_run(empty: &[bool]) -> (usize, usize) {
    let runs = empty.split(|is_empty| *is_empty).scan(0, |start, run| {
        let of_run = (*start, run.len());
        *start += run.len() + 1;
        Some(of_run)
    });
    runs.reduce(|best, run| if run.1 > best.1 { run } else { best }).unwrap_or_default()
}

fn with_margins(plane: &Plane, [left, top, right, bottom]: [f32; 4]) -> Option<Window<'_>> {
    let (width, height) = plane.extent();
    let part = |side: usize, share: f32| (real(side) * share).round();
    #[expect(clippy::cast_possible_truncation, reason = "a part of a side")]
    let whole = |part: f32| part as isize;
    let [left, right] = [left, right].map(|share| whole(part(width, share)));
    let [top, bottom] = [top, bottom].map(|share| whole(part(height, share)));
    let wider = usize::try_from(width.cast_signed() + left + right).ok()?;
    let higher = usize::try_from(height.cast_signed() + top + bottom).ok()?;
    (wider.min(higher) >= LEAST).then(|| plane.window((-left, -top), (wider, higher)))
}

/// Turned about its middle; what comes in at the corners is what stands at the edge.
fn tilted(plane: &Plane, degrees: f32) -> Plane {
    let (width, height) = plane.extent();
    let (sine, cosine) = degrees.to_radians().sin_cos();
    let (middle, centre) = (real(width - 1) / 2.0, real(height - 1) / 2.0);
    let samples = (0..height).flat_map(|y| {
        (0..width).map(move |x| {
            let (right, down) = (real(x) - middle, real(y) - centre);
            plane.between(middle + cosine * right - sine * down, centre + sine * right + cosine * down)
        })
    });
    Plane::new((width, height), 1, width, samples.collect())
}

#[expect(clippy::cast_precision_loss, reason = "no more than a side has samples")]
fn real(number: usize) -> f32 {
    number as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of waves, on a ground of one brightness.
    fn on_ground(ground: f32, (left, top): (usize, usize), (width, height): (usize, usize), all: (usize, usize)) -> Plane {
        let wave = |x: usize, y: usize| 128.0 + 60.0 * ((real(x) / 7.0).sin() + (real(y * (x + 40)) / 900.0).cos());
        let inside = |x: usize, y: usize| (left..left + width).contains(&x) && (top..top + height).contains(&y);
        let sample = |x, y| if inside(x, y) { wave(x - left, y - top) } else { ground };
        let samples = (0..all.1).flat_map(|y| (0..all.0).map(move |x| sample(x, y))).collect();
        Plane::new(all, 1, all.0, samples)
    }

    fn nearest(plane: &Plane, wanted: &Pdq) -> (u32, Kind) {
        let whole = Variant::whole(&Pdq::of(plane));
        let all = std::iter::once(whole).chain(variants(plane));
        let distances = all.map(|variant| (variant.hashes().iter().map(|hash| hash.distance(&wanted.hash)).min().unwrap(), variant.kind));
        distances.min_by_key(|(distance, _)| *distance).unwrap()
    }

    #[test]
    fn a_picture_is_found_in_a_frame_inverted_cropped_and_tilted() {
        let picture = on_ground(0.0, (0, 0), (300, 200), (300, 200));
        let wanted = Pdq::of(&picture);
        assert_eq!(nearest(&picture, &wanted), (0, Kind::Whole));
        assert_eq!(nearest(&on_ground(255.0, (20, 90), (300, 200), (340, 400)), &wanted), (0, Kind::Trimmed));
        let inverted =
            Plane::new((300, 200), 1, 300, (0..200).flat_map(|y| picture.row(y).to_vec()).map(|sample| 255.0 - sample).collect());
        assert!(Pdq::of(&inverted).hash.distance(&wanted.hash) > 250);
        assert_eq!(nearest(&inverted, &wanted).1, Kind::Whole);
        let (distance, kind) = nearest(&tilted(&picture, 3.0), &wanted);
        assert!(distance < 31 && kind == Kind::Tilted(0), "{distance} {kind:?}");
        let framed = with_margins(&picture, [0.026; 4]).unwrap();
        let (distance, kind) = nearest(&Plane::of(&framed, SAMPLES), &wanted);
        assert!(distance < 31 && kind == Kind::Margins(7), "{distance} {kind:?}");
    }

    #[test]
    fn what_is_empty_is_not_trimmed_to_nothing() {
        assert!(trimmed(&on_ground(10.0, (0, 0), (0, 0), (100, 80))).is_none());
        assert!(trimmed(&on_ground(10.0, (50, 40), (8, 8), (100, 80))).is_none());
        assert!(trimmed(&on_ground(10.0, (0, 0), (100, 80), (100, 80))).is_none(), "nothing is empty");
    }
}
