//! Which declarations of a style make text unseen.

/// Ways in which an element is not seen, as its children inherit them.
#[derive(Clone, Copy, Default)]
pub struct Unseen {
    /// Not displayed: no child can undo it.
    gone: bool,
    invisible: bool,
    /// Of no size.
    tiny: bool,
}

impl Unseen {
    pub const NOT_SHOWN: Self = Self { gone: true, invisible: false, tiny: false };

    pub fn is_unseen(self) -> bool {
        self.gone || self.invisible || self.tiny
    }

    pub fn hide(&mut self) {
        self.gone = true;
    }

    /// Applies the declarations of a `style` attribute. Sheets and classes are not resolved: what they hide
    /// is read as visible.
    pub fn apply(&mut self, style: &str) {
        for (property, value) in style.split(';').filter_map(|declaration| declaration.split_once(':')) {
            let property = property.trim();
            let value = value.split('!').next().unwrap_or_default().trim();
            let is = |name: &str| property.eq_ignore_ascii_case(name);
            let has = |word: &str| value.eq_ignore_ascii_case(word);
            if is("display") {
                self.gone |= has("none");
            } else if is("mso-hide") {
                self.gone |= has("all");
            } else if is("opacity") {
                self.gone |= is_zero(value);
            } else if is("visibility") {
                self.invisible = has("hidden") || has("collapse");
            } else if is("font-size") {
                self.tiny = is_zero(value);
            }
        }
    }
}

/// `0`, `0px`, `.0em`: a number without a digit above nought.
fn is_zero(value: &str) -> bool {
    let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    number.contains('0') && number.chars().all(|c| matches!(c, '0' | '.' | '+' | '-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nought_is_nought() {
        assert!(["0", "0px", "0.00em", ".0%"].into_iter().all(is_zero));
        assert!(!["10px", "0.1em", "inherit", "", "px"].into_iter().any(is_zero));
    }
}
