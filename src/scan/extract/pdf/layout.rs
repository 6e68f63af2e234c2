//! From characters with their places on a page to words and lines: most writers of PDF leave out the spaces.

/// A gap of more than this part of the size is a space, as poppler has it.
const WORD_GAP: f64 = 0.15;
/// A step back of more than this part of the size begins something else.
const BACK: f64 = 0.5;
/// A step across the line of more than this part of the size begins another line.
const LINE_GAP: f64 = 0.5;
/// Characters at one place are one that is drawn twice to look bold.
const SAME_PLACE: f64 = 0.1;

/// A plane affine map: `x' = a x + c y + e`, `y' = b x + d y + f`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matrix(pub [f64; 6]);

#[allow(clippy::many_single_char_names, reason = "as the standard names them")]
impl Matrix {
    pub const IDENTITY: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    pub fn shift(x: f64, y: f64) -> Self {
        Self([1.0, 0.0, 0.0, 1.0, x, y])
    }

    /// First this one, then the other.
    pub fn then(self, other: Self) -> Self {
        let ([a, b, c, d, e, f], [oa, ob, oc, od, oe, of]) = (self.0, other.0);
        Self([a * oa + b * oc, a * ob + b * od, c * oa + d * oc, c * ob + d * od, e * oa + f * oc + oe, e * ob + f * od + of])
    }

    pub fn apply(self, x: f64, y: f64) -> (f64, f64) {
        let [a, b, c, d, e, f] = self.0;
        (a * x + c * y + e, b * x + d * y + f)
    }
}

/// One character where it is drawn.
pub struct Drawn<'t> {
    pub text: &'t str,
    pub start: (f64, f64),
    /// Where the next one of the same word begins.
    pub end: (f64, f64),
    /// On the page.
    pub size: f64,
}

#[derive(Default)]
pub struct Layout {
    text: String,
    last: Option<Last>,
    /// A space has been drawn and not been written yet.
    spaced: bool,
}

struct Last {
    start: (f64, f64),
    end: (f64, f64),
    size: f64,
    /// Where in the text it begins.
    at: usize,
}

impl Layout {
    pub fn len(&self) -> usize {
        self.text.len()
    }

    pub fn into_text(self) -> String {
        self.text
    }

    pub fn draw(&mut self, drawn: &Drawn<'_>) {
        if drawn.text.trim().is_empty() {
            self.spaced = true;
            return;
        }
        if let Some(last) = self.last.take() {
            let (dx, dy) = (drawn.start.0 - last.start.0, drawn.start.1 - last.start.1);
            if dx.hypot(dy) < SAME_PLACE * drawn.size && self.text[last.at..] == *drawn.text {
                self.last = Some(last);
                return;
            }
            self.part(&last, drawn);
        } else if self.spaced {
            self.space(' ');
        }
        self.spaced = false;
        let at = self.text.len();
        drawn.text.chars().for_each(|character| match ligature(character) {
            Some(letters) => self.text.push_str(letters),
            None => self.text.push(character),
        });
        self.last = Some(Last { start: drawn.start, end: drawn.end, size: drawn.size, at });
    }

    fn part(&mut self, last: &Last, drawn: &Drawn<'_>) {
        let (mut along, mut across) = (drawn.end.0 - drawn.start.0, drawn.end.1 - drawn.start.1);
        let length = along.hypot(across);
        if length > 0.0 {
            (along, across) = (along / length, across / length);
        } else {
            (along, across) = (1.0, 0.0);
        }
        let (dx, dy) = (drawn.start.0 - last.end.0, drawn.start.1 - last.end.1);
        let (ahead, aside) = (dx * along + dy * across, (dy * along - dx * across).abs());
        let size = last.size.max(drawn.size).max(f64::MIN_POSITIVE);
        if aside > LINE_GAP * size || !aside.is_finite() || !ahead.is_finite() {
            self.new_line(drawn.text);
        } else if self.spaced || ahead > WORD_GAP * last.size.min(drawn.size) || ahead < -BACK * size {
            self.space(' ');
        }
    }

    /// A word that is divided at the end of a line is one word.
    fn new_line(&mut self, next: &str) {
        let head = self.text.strip_suffix(['-', '\u{2010}', '\u{ad}']);
        let divided = head.is_some_and(|head| head.ends_with(char::is_alphabetic)) && next.starts_with(char::is_lowercase);
        if divided {
            self.text.pop();
        } else {
            self.space('\n');
        }
    }

    fn space(&mut self, space: char) {
        if !self.text.is_empty() && !self.text.ends_with(char::is_whitespace) {
            self.text.push(space);
        }
    }
}

/// The letters of signs that stand for several (Unicode, Alphabetic Presentation Forms).
fn ligature(character: char) -> Option<&'static str> {
    const LETTERS: [&str; 7] = ["ff", "fi", "fl", "ffi", "ffl", "st", "st"];
    let place = u32::from(character).checked_sub(0xfb00)?;
    LETTERS.get(usize::try_from(place).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(pieces: &[(&str, f64, f64)]) -> String {
        let mut layout = Layout::default();
        for (text, x, y) in pieces {
            for (place, c) in text.chars().enumerate() {
                let start = *x + 5.0 * f64::from(u32::try_from(place).unwrap());
                layout.draw(&Drawn { text: &c.to_string(), start: (start, *y), end: (start + 5.0, *y), size: 10.0 });
            }
        }
        layout.into_text()
    }

    #[test]
    fn gaps_make_words_and_kerning_does_not() {
        assert_eq!(line(&[("am", 0.0, 0.0), ("ber", 9.5, 0.0), ("heron", 30.0, 0.0)]), "amber heron");
        assert_eq!(line(&[("amber", 0.0, 20.0), ("heron", 0.0, 8.0)]), "amber\nheron");
        assert_eq!(line(&[("am-", 0.0, 20.0), ("ber", 0.0, 8.0)]), "amber");
        assert_eq!(line(&[("Am-", 0.0, 20.0), ("Ber", 0.0, 8.0)]), "Am-\nBer");
        assert_eq!(line(&[("a", 0.0, 0.0), ("a", 0.3, 0.0)]), "a");
        assert_eq!(line(&[("\u{fb01}ne", 0.0, 0.0)]), "fine");
    }
}
