//! Which declarations of a style make text unseen.

/// Further out than this, in pixels, nothing is on any screen.
const FAR: f64 = -500.0;
/// Of each channel of two colours that nobody tells apart.
const ALIKE: u8 = 12;

/// Red, green, blue.
type Colour = [u8; 3];

/// What text is written on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Paper {
    Plain(Colour),
    /// A picture, or what a sheet says.
    Unknown,
}

/// Ways in which an element is not seen, as its children inherit them.
#[derive(Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "each is undone by itself")]
pub struct Unseen {
    /// Not displayed, cut off or off the screen: no child can undo it.
    gone: bool,
    invisible: bool,
    /// Of no size.
    tiny: bool,
    /// Its lines begin far outside.
    indented: bool,
    ink: Option<Colour>,
    paper: Paper,
}

impl Default for Unseen {
    fn default() -> Self {
        Self { gone: false, invisible: false, tiny: false, indented: false, ink: None, paper: Paper::Plain([255; 3]) }
    }
}

impl Unseen {
    pub fn hidden() -> Self {
        Self { gone: true, ..Self::default() }
    }

    pub fn is_unseen(self) -> bool {
        self.gone || self.invisible || self.tiny || self.indented || self.is_on_its_own_colour()
    }

    pub fn hide(&mut self) {
        self.gone = true;
    }

    /// What it is written on cannot be told: a picture, or a sheet that names it.
    pub fn lay_on_unknown(&mut self) {
        self.paper = Paper::Unknown;
    }

    /// The attributes `color`, `text` and `bgcolor` of old.
    pub fn write_in(&mut self, value: &str) {
        self.ink = colour(value).or(self.ink);
    }

    pub fn lay_on(&mut self, value: &str) {
        self.paper = colour(value).map_or(Paper::Unknown, Paper::Plain);
    }

    /// Applies the declarations of a `style` attribute. Sheets and classes are not resolved: what they hide
    /// is read as visible.
    pub fn apply(&mut self, style: &str) {
        let mut cut = Cut::default();
        for (property, value) in style.split(';').filter_map(|declaration| declaration.split_once(':')) {
            let property = property.trim().to_ascii_lowercase();
            let value = value.split('!').next().unwrap_or_default().trim();
            let has = |word: &str| value.eq_ignore_ascii_case(word);
            match property.as_str() {
                "display" => self.gone |= has("none"),
                "mso-hide" => self.gone |= has("all"),
                "opacity" => self.gone |= is_zero(value),
                "visibility" => self.invisible = has("hidden") || has("collapse"),
                "font-size" => self.tiny = is_zero(value),
                "font" => self.tiny = value.split_whitespace().any(is_zero_size),
                "text-indent" => self.indented = is_far(value),
                "color" if has("transparent") => self.invisible = true,
                "color" => self.write_in(value),
                "background-color" if has("transparent") || has("inherit") => {}
                "background-color" => self.lay_on(value),
                "background" | "background-image" if !has("none") => self.lay_on(value),
                "overflow" | "overflow-y" | "overflow-x" => cut.overflow |= has("hidden"),
                "height" | "max-height" | "width" | "max-width" => cut.no_room |= is_zero(value),
                "position" => cut.placed |= has("absolute") || has("fixed"),
                "left" | "top" | "right" | "bottom" | "margin-left" | "margin-top" => cut.far |= is_far(value),
                "clip" => cut.clipped |= value.to_ascii_lowercase().starts_with("rect(0"),
                "clip-path" => cut.clipped |= value.to_ascii_lowercase().replace(' ', "").starts_with("inset(100%"),
                _ => {}
            }
        }
        self.gone |= cut.hides();
    }

    fn is_on_its_own_colour(self) -> bool {
        match (self.ink, self.paper) {
            (Some(ink), Paper::Plain(paper)) => ink.iter().zip(paper).all(|(ink, paper)| ink.abs_diff(paper) <= ALIKE),
            _ => false,
        }
    }
}

/// Declarations that hide only together.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is one declaration, seen or not")]
struct Cut {
    overflow: bool,
    no_room: bool,
    placed: bool,
    far: bool,
    clipped: bool,
}

impl Cut {
    fn hides(&self) -> bool {
        (self.overflow && self.no_room) || self.far || (self.placed && self.clipped)
    }
}

/// `0`, `0px`, `.0em`: a number without a digit above nought.
fn is_zero(value: &str) -> bool {
    let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    number.contains('0') && number.chars().all(|c| matches!(c, '0' | '.' | '+' | '-'))
}

/// `0/0`, of the size and the height of a line; a `0` alone is a weight or a style.
fn is_zero_size(word: &str) -> bool {
    word.len() > 1 && is_zero(word.split('/').next().unwrap_or_default())
}

fn is_far(value: &str) -> bool {
    let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    let unit = match value[number.len()..].to_ascii_lowercase().as_str() {
        "em" | "rem" | "%" | "vw" | "vh" => 10.0,
        _ => 1.0,
    };
    number.parse::<f64>().is_ok_and(|number| number * unit <= FAR)
}

/// The first colour that a value names.
fn colour(value: &str) -> Option<Colour> {
    let value = value.trim().to_ascii_lowercase();
    if let Some((_, inside)) = value.split_once("rgb") {
        let inside = inside.trim_start_matches('a').strip_prefix('(')?.split(')').next()?;
        let mut numbers = inside.split([',', ' ', '/']).filter(|number| !number.is_empty()).map(str::parse::<f64>);
        let mut next = || Some(numbers.next()?.ok()?.clamp(0.0, 255.0));
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to an octet")]
        return Some([next()? as u8, next()? as u8, next()? as u8]);
    }
    value.split_whitespace().find_map(|word| {
        let digits = word.strip_prefix('#').unwrap_or(word);
        let value = |digits: &str| u8::from_str_radix(digits, 16).ok();
        match digits.len() {
            6 | 8 if digits.is_ascii() && (word.starts_with('#') || digits.len() == 6) => {
                Some([value(&digits[..2])?, value(&digits[2..4])?, value(&digits[4..6])?])
            }
            3 | 4 if word.starts_with('#') && digits.is_ascii() => {
                Some([value(&digits[..1])? * 17, value(&digits[1..2])? * 17, value(&digits[2..3])? * 17])
            }
            _ => None,
        }
        .or_else(|| named(word))
    })
}

/// Those that pages hide text in.
fn named(word: &str) -> Option<Colour> {
    Some(match word {
        "white" => [255, 255, 255],
        "snow" => [255, 250, 250],
        "ivory" => [255, 255, 240],
        "whitesmoke" => [245, 245, 245],
        "silver" => [192, 192, 192],
        "gray" | "grey" => [128, 128, 128],
        "black" => [0, 0, 0],
        "red" => [255, 0, 0],
        "green" => [0, 128, 0],
        "blue" => [0, 0, 255],
        "navy" => [0, 0, 128],
        "yellow" => [255, 255, 0],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_unseen(style: &str) -> bool {
        let mut unseen = Unseen::default();
        unseen.apply(style);
        unseen.is_unseen()
    }

    #[test]
    fn only_nought_is_nought() {
        assert!(["0", "0px", "0.00em", ".0%"].into_iter().all(is_zero));
        assert!(!["10px", "0.1em", "inherit", "", "px"].into_iter().any(is_zero));
    }

    #[test]
    fn text_on_its_own_colour_cut_off_or_off_the_screen_is_unseen() {
        for style in [
            "color:#fff",
            "color: white; background-color: #FEFEFE",
            "background:rgb(10,20,30) ; color:#0a141e",
            "color:transparent",
            "position:absolute;left:-9999px",
            "text-indent:-100em",
            "max-height:0;overflow:hidden",
            "font:0/0 a",
            "position:absolute;clip:rect(0 0 0 0)",
        ] {
            assert!(is_unseen(style), "{style}");
        }
        for style in [
            "color:#fff;background:#000",
            "color:#fff;background:url(a.png)",
            "color:#fff;background-color:inherit;background-image:linear-gradient(red,blue)",
            "margin-left:-5px",
            "height:0",
            "overflow:hidden;height:10px",
            "font:10px a",
            "color:#333",
            "left:-10px;position:absolute",
        ] {
            assert!(!is_unseen(style), "{style}");
        }
    }

    #[test]
    fn a_child_may_choose_another_colour() {
        let mut unseen = Unseen::default();
        unseen.lay_on("#000000");
        unseen.write_in("black");
        assert!(unseen.is_unseen());
        unseen.apply("color:#ddd");
        assert!(!unseen.is_unseen());
        unseen.write_in("000");
        unseen.lay_on_unknown();
        assert!(!unseen.is_unseen());
    }
}
