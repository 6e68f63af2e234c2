//! Whether the forms of one text say the same: what one reader is shown and another is not.

use std::collections::HashSet;

use super::TextExtract;
use crate::finding::Field;

/// Of each form, in octets: enough to tell.
const MOST: usize = 16 << 10;
/// Shorter words stand in every text, and in addresses.
const LETTERS: usize = 4;
/// Different words below which a form says too little: `your program shows no HTML`.
const WORDS: usize = 12;
/// Of the words of the form with fewer, those that the other has too, in percent.
const SHARED: usize = 50;

/// Each of `alternatives` lists the parts that say the same in other forms.
pub fn differ(texts: &[TextExtract], alternatives: &[Vec<String>]) -> bool {
    alternatives.iter().any(|forms| {
        let words: Vec<_> = forms.iter().map(|form| words_of(texts, form)).filter(|words| words.len() >= WORDS).collect();
        words.windows(2).any(|pair| are_others(&pair[0], &pair[1]))
    })
}

fn are_others(one: &HashSet<String>, other: &HashSet<String>) -> bool {
    let (fewer, more) = if one.len() <= other.len() { (one, other) } else { (other, one) };
    fewer.intersection(more).count() * 100 < fewer.len() * SHARED
}

/// What the reader of a part sees.
fn words_of(texts: &[TextExtract], form: &str) -> HashSet<String> {
    let is_of_form = |part: &str| part.strip_prefix(form).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let seen = texts.iter().filter(|text| text.location.field == Field::Body && is_of_form(&text.location.part));
    let words = seen.flat_map(|text| text.text[..text.text.floor_char_boundary(MOST)].split(|c: char| !c.is_alphanumeric()));
    words.filter(|word| word.len() >= LETTERS).map(str::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Location;

    fn text(part: &str, text: &str) -> TextExtract {
        TextExtract {
            location: Location { part: part.to_owned(), field: Field::Body, place: None },
            text: text.to_owned(),
            places: Vec::new(),
        }
    }

    #[test]
    fn forms_that_say_the_same_do_not_differ_whatever_their_shape() {
        const PLAIN: &str = "amber heron walks along this river every morning while seven small wrens watch from their wall";
        let forms = [vec!["1.1".to_owned(), "1.2".to_owned()]];
        let shaped = PLAIN.replace(' ', "\n").to_uppercase() + " unsubscribe view online privacy settings contact office";
        assert!(!differ(&[text("1.1", PLAIN), text("1.2.1", &shaped)], &forms));
        assert!(!differ(&[text("1.1", "your program shows no HTML"), text("1.2", PLAIN)], &forms));
        let other = "please bring lunch coats boots gloves hats money tickets letters pencils paper torch";
        assert!(differ(&[text("1.1", PLAIN), text("1.2.1", other)], &forms));
        assert!(!differ(&[text("1.1", PLAIN), text("2", other)], &forms));
    }
}
