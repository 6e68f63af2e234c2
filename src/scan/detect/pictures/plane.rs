//! A small picture of the brightness alone, and windows onto it: what looks into a picture more than once looks here.

use super::pdq::Luma;

/// Means of the brightness of squares of `step` by `step` pixels, row by row.
pub struct Plane {
    /// Width and height of the picture, in pixels.
    size: (usize, usize),
    step: usize,
    /// Samples from one row to the next; those behind the edge of the picture mean nothing.
    row: usize,
    samples: Vec<f32>,
}

/// A part of a plane, or more than it has: beyond its edges the samples at the edge go on.
pub struct Window<'p> {
    plane: &'p Plane,
    /// Of the first sample, as seen from that of the plane.
    left: isize,
    top: isize,
    /// In samples.
    width: usize,
    height: usize,
}

impl Plane {
    /// `samples` has `row` samples for each row of the picture, `size.1 / step` rows or a few more.
    pub fn new(size: (usize, usize), step: usize, row: usize, samples: Vec<f32>) -> Self {
        Self { size, step, row, samples }
    }

    /// A picture made so small that its longer side has no more than `most` samples.
    pub fn of(picture: &impl Luma, most: usize) -> Self {
        let (width, height) = (picture.size().0.div_ceil(picture.step()), picture.size().1.div_ceil(picture.step()));
        let step = width.max(height).div_ceil(most);
        let row = width.div_ceil(step);
        let mut samples = vec![0.0; row * height.div_ceil(step)];
        let mut sums = vec![0.0; width];
        for (out, top) in samples.chunks_exact_mut(row).zip((0..height).step_by(step)) {
            let rows = top..(top + step).min(height);
            let weight = 1.0 / small(rows.len());
            sums.fill(0.0);
            rows.for_each(|y| picture.add_row(y, weight, &mut sums));
            for (out, sums) in out.iter_mut().zip(sums.chunks(step)) {
                *out = sums.iter().sum::<f32>() / small(sums.len());
            }
        }
        Self { size: picture.size(), step: step * picture.step(), row, samples }
    }

    /// In samples.
    pub fn extent(&self) -> (usize, usize) {
        (self.size.0.div_ceil(self.step), self.size.1.div_ceil(self.step))
    }

    pub fn row(&self, y: usize) -> &[f32] {
        &self.samples[y * self.row..][..self.extent().0]
    }

    /// The brightness between samples; beyond the edges that of the edge.
    pub fn between(&self, x: f32, y: f32) -> f32 {
        let (width, height) = self.extent();
        let ((left, right, across), (upper, lower, down)) = (neighbours(x, width), neighbours(y, height));
        let along = |row: &[f32]| row[left] + (row[right] - row[left]) * across;
        let (upper, lower) = (along(self.row(upper)), along(self.row(lower)));
        upper + (lower - upper) * down
    }

    /// `left` and `top` may lie before the first sample, and the end behind the last.
    pub fn window(&self, (left, top): (isize, isize), (width, height): (usize, usize)) -> Window<'_> {
        Window { plane: self, left, top, width, height }
    }
}

impl Luma for Plane {
    fn size(&self) -> (usize, usize) {
        self.size
    }

    fn step(&self) -> usize {
        self.step
    }

    fn add_row(&self, y: usize, weight: f32, sums: &mut [f32]) {
        let row = &self.samples[y * self.row..][..sums.len()];
        sums.iter_mut().zip(row).for_each(|(sum, sample)| *sum += weight * sample);
    }
}

impl Luma for Window<'_> {
    fn size(&self) -> (usize, usize) {
        (self.width * self.plane.step, self.height * self.plane.step)
    }

    fn step(&self) -> usize {
        self.plane.step
    }

    fn add_row(&self, y: usize, weight: f32, sums: &mut [f32]) {
        let row = self.plane.row((self.top + offset(y)).clamp(0, offset(self.plane.extent().1) - 1).cast_unsigned());
        let (first, last) = (row[0], row[row.len() - 1]);
        let before = self.left.min(0).unsigned_abs().min(sums.len());
        let (outside, sums) = sums.split_at_mut(before);
        for sum in outside {
            *sum += weight * first;
        }
        let inside = row.get(self.left.max(0).cast_unsigned()..).unwrap_or_default();
        let (sums, outside) = sums.split_at_mut(inside.len().min(sums.len()));
        sums.iter_mut().zip(inside).for_each(|(sum, sample)| *sum += weight * sample);
        for sum in outside {
            *sum += weight * last;
        }
    }
}

/// The samples on both sides of a place, and how far it is from the first towards the second: 0 to 1.
fn neighbours(place: f32, length: usize) -> (usize, usize, f32) {
    let place = place.clamp(0.0, small(length - 1));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not below 0, and below the length")]
    let first = place as usize;
    (first, (first + 1).min(length - 1), place - small(first))
}

/// A picture has fewer samples than any of these types can tell.
fn offset(samples: usize) -> isize {
    samples.cast_signed()
}

#[expect(clippy::cast_precision_loss, reason = "no more than a side has pixels")]
fn small(number: usize) -> f32 {
    number as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3 by 2 samples of 2 by 2 pixels, of a picture whose last pixels are missing.
    fn plane() -> Plane {
        Plane::new((5, 3), 2, 4, vec![1.0, 2.0, 3.0, 0.0, 4.0, 5.0, 6.0, 0.0])
    }

    fn row(picture: &impl Luma, y: usize) -> Vec<f32> {
        let mut sums = vec![0.0; picture.size().0.div_ceil(picture.step())];
        picture.add_row(y, 1.0, &mut sums);
        sums
    }

    #[test]
    fn a_window_beyond_the_edges_repeats_them() {
        let plane = plane();
        let window = plane.window((-2, -1), (7, 4));
        assert_eq!(row(&window, 0), [1.0, 1.0, 1.0, 2.0, 3.0, 3.0, 3.0]);
        assert_eq!(row(&window, 2), [4.0, 4.0, 4.0, 5.0, 6.0, 6.0, 6.0]);
        assert_eq!(row(&window, 3), [4.0, 4.0, 4.0, 5.0, 6.0, 6.0, 6.0]);
    }

    #[test]
    fn a_window_within_the_edges_is_a_part() {
        let plane = plane();
        assert_eq!(row(&plane.window((1, 1), (2, 1)), 0), [5.0, 6.0]);
        assert_eq!(row(&plane.window((-3, 0), (2, 1)), 0), [1.0, 1.0]);
        assert_eq!(row(&plane.window((9, 0), (2, 1)), 0), [3.0, 3.0]);
    }

    #[test]
    fn a_plane_holds_the_means_of_squares_and_of_what_is_left_of_them_at_the_edges() {
        let fine = Plane::new((3, 3), 1, 3, vec![1.0, 3.0, 5.0, 5.0, 7.0, 9.0, 2.0, 4.0, 8.0]);
        let coarse = Plane::of(&fine, 2);
        assert_eq!((coarse.extent(), coarse.step()), ((2, 2), 2));
        assert_eq!([row(&coarse, 0), row(&coarse, 1)], [[4.0, 7.0], [3.0, 8.0]]);
    }
}
