//! Where a sentence ends: enough of it to tell whether two words stand in one.

use std::ops::Range;

/// What a full stop follows without ending anything.
const TITLES: [&[u8]; 7] = [b"mr", b"mrs", b"ms", b"dr", b"st", b"e.g", b"i.e"];

/// Whether a sentence ends between two places: at a full stop, a question or exclamation mark before white space, or at
/// an empty line. The end of a line alone ends none: mail is wrapped.
pub fn ends_within(text: &[u8], between: Range<usize>) -> bool {
    between.clone().any(|at| match text[at] {
        b'!' | b'?' => is_followed_by_space(text, at),
        b'.' => is_followed_by_space(text, at) && !follows_title(&text[..at]),
        b'\n' => is_empty_line(&text[at + 1..between.end]),
        _ => false,
    })
}

fn is_followed_by_space(text: &[u8], at: usize) -> bool {
    text.get(at + 1).is_none_or(u8::is_ascii_whitespace)
}

fn follows_title(before: &[u8]) -> bool {
    let start = before.iter().rposition(u8::is_ascii_whitespace).map_or(0, |space| space + 1);
    TITLES.iter().any(|title| before[start..].eq_ignore_ascii_case(title))
}

/// Whether the line that begins here has nothing on it, or quote marks alone.
fn is_empty_line(rest: &[u8]) -> bool {
    rest.iter().find(|octet| !matches!(octet, b' ' | b'\t' | b'\r' | b'>')) == Some(&b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_at_its_mark_or_at_an_empty_line() {
        let ends = |text: &str| ends_within(text.as_bytes(), 0..text.len());
        for text in ["one. two", "one! two", "one?", "one\n\ntwo", "> one\r\n>\r\n> two", "one... two"] {
            assert!(ends(text), "{text:?}");
        }
        for text in ["one two", "one\ntwo", "at 3.45 pm", "ask Mr. Heron", "one, two; three", "see heron.example now", "e.g. two"] {
            assert!(!ends(text), "{text:?}");
        }
    }
}
