//! How wide the characters of the standard fonts are, for files that do not say it (ISO 32000-1, 9.6.2.2).

use memchr::memmem;

/// Of the printable ASCII characters, in thousandths of the size. Source: Adobe Font Metrics of Helvetica and Times-Roman.
const SANS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278,
    278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722,
    667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556,
    556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];
const SERIF: [u16; 95] = [
    250, 333, 408, 500, 500, 833, 778, 180, 333, 333, 500, 564, 250, 333, 250, 278, 500, 500, 500, 500, 500, 500, 500, 500, 500, 500, 278,
    278, 564, 564, 564, 444, 921, 722, 667, 667, 722, 611, 556, 722, 722, 333, 389, 722, 611, 889, 722, 722, 556, 722, 667, 556, 611, 722,
    722, 944, 722, 722, 611, 333, 278, 333, 469, 500, 333, 444, 500, 444, 500, 444, 333, 500, 500, 278, 278, 500, 278, 778, 500, 500, 500,
    500, 333, 389, 278, 500, 500, 722, 500, 500, 444, 480, 200, 480, 541,
];
/// Of every character of a typewriter.
const MONOSPACED: u16 = 600;
/// Of what is not ASCII: about that of a small letter.
const OTHER: u16 = 556;

#[derive(Clone, Copy)]
pub enum Metrics {
    Monospaced,
    Sans,
    Serif,
}

/// By the name of the font.
pub fn of(font: &[u8]) -> Metrics {
    let has = |part: &[u8]| memmem::find(font, part).is_some();
    match () {
        () if has(b"Cour") || has(b"Mono") => Metrics::Monospaced,
        () if has(b"Times") || has(b"Roman") || has(b"Serif") => Metrics::Serif,
        () => Metrics::Sans,
    }
}

impl Metrics {
    /// In thousandths of the size; `None` stands for a code without a character.
    pub fn width(self, text: Option<&str>) -> f64 {
        let place = text.and_then(|text| text.chars().next()).and_then(|first| usize::try_from(u32::from(first)).ok()?.checked_sub(32));
        let of = |table: &[u16; 95]| place.and_then(|place| table.get(place)).copied().unwrap_or(OTHER);
        f64::from(match self {
            Self::Monospaced => MONOSPACED,
            Self::Sans => of(&SANS),
            Self::Serif => of(&SERIF),
        })
    }
}
