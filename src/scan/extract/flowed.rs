//! Lines that go on in the next (RFC 3676): a word that was broken for the way is one word again.

use std::borrow::Cow;

use crate::scan::parse::Flow;

/// The text as it was written.
pub fn joined(text: &str, flow: Flow) -> Cow<'_, str> {
    if flow == Flow::Fixed {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    // How often the line before is quoted, where it goes on.
    let mut open: Option<usize> = None;
    for (number, line) in text.split('\n').enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let content = line.trim_start_matches('>');
        let depth = line.len() - content.len();
        let content = content.strip_prefix(' ').unwrap_or(content);
        if open != Some(depth) {
            if number > 0 {
                out.push('\n');
            }
            out.extend(std::iter::repeat_n('>', depth));
            out.push_str(if depth > 0 { " " } else { "" });
        }
        // The line that begins a signature ends in a space of its own.
        let goes_on = content.ends_with(' ') && content != "-- ";
        let without_space = goes_on && flow == Flow::FlowedWithoutSpace;
        out.push_str(if without_space { &content[..content.len() - 1] } else { content });
        open = goes_on.then_some(depth);
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_goes_on_is_one_with_the_next() {
        assert_eq!(joined("am \r\nber\r\nheron", Flow::Flowed), "am ber\nheron");
        assert_eq!(joined("am \nber \nheron\n", Flow::FlowedWithoutSpace), "amberheron\n");
        assert_eq!(joined("> am \n> ber\nwren", Flow::Flowed), "> am ber\nwren");
        assert_eq!(joined("> am \nber", Flow::Flowed), "> am \nber", "what is quoted ends where the marks do");
        assert_eq!(joined(" From here\n-- \nname", Flow::Flowed), "From here\n-- \nname");
        assert_eq!(joined("am \nber", Flow::Fixed), "am \nber");
    }
}
