//! The brightness of a decoded picture, row by row, without a copy of it.

use image::DynamicImage;

use super::pdq::Luma;

/// ITU-R BT.601, as the reference of PDQ weighs red, green and blue.
const WEIGHTS: [f32; 3] = [0.299, 0.587, 0.114];

/// Alpha is left out, not blended: as lists are made.
impl Luma for DynamicImage {
    fn size(&self) -> (usize, usize) {
        (self.width() as usize, self.height() as usize)
    }

    fn add_row(&self, y: usize, weight: f32, sums: &mut [f32]) {
        match self {
            Self::ImageLuma8(picture) => add_grey::<_, 1>(picture, y, weight, sums),
            Self::ImageLumaA8(picture) => add_grey::<_, 2>(picture, y, weight, sums),
            Self::ImageRgb8(picture) => add_colour::<_, 3>(picture, y, weight, sums),
            Self::ImageRgba8(picture) => add_colour::<_, 4>(picture, y, weight, sums),
            Self::ImageLuma16(picture) => add_grey::<_, 1>(picture, y, weight / FINE, sums),
            Self::ImageLumaA16(picture) => add_grey::<_, 2>(picture, y, weight / FINE, sums),
            Self::ImageRgb16(picture) => add_colour::<_, 3>(picture, y, weight / FINE, sums),
            Self::ImageRgba16(picture) => add_colour::<_, 4>(picture, y, weight / FINE, sums),
            Self::ImageRgb32F(picture) => add_colour::<_, 3>(picture, y, weight * 255.0, sums),
            Self::ImageRgba32F(picture) => add_colour::<_, 4>(picture, y, weight * 255.0, sums),
            // The crate may learn other kinds of pixels: those take the long way.
            other => add_colour::<_, 3>(&other.to_rgb8(), y, weight, sums),
        }
    }
}

/// From 16 bits to 8.
const FINE: f32 = 257.0;

fn add_grey<S: Copy + Into<f32>, const CHANNELS: usize>(samples: &[S], y: usize, weight: f32, sums: &mut [f32]) {
    let (pixels, _) = row(samples, y, sums.len() * CHANNELS).as_chunks::<CHANNELS>();
    for (sum, pixel) in sums.iter_mut().zip(pixels) {
        *sum += weight * pixel[0].into();
    }
}

fn add_colour<S: Copy + Into<f32>, const CHANNELS: usize>(samples: &[S], y: usize, weight: f32, sums: &mut [f32]) {
    let [red, green, blue] = WEIGHTS.map(|share| share * weight);
    let (pixels, _) = row(samples, y, sums.len() * CHANNELS).as_chunks::<CHANNELS>();
    for (sum, pixel) in sums.iter_mut().zip(pixels) {
        *sum += red * pixel[0].into() + green * pixel[1].into() + blue * pixel[2].into();
    }
}

fn row<S>(samples: &[S], y: usize, length: usize) -> &[S] {
    &samples[y * length..][..length]
}
