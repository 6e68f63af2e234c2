//! What a body repeats of an earlier message: lines behind a quote mark, and all that stands below the line that readers
//! of mail write above such a message.

use std::cell::OnceCell;
use std::ops::Range;

use memchr::memchr;

use super::fold::Folded;
use crate::finding::Field;

/// Further down a message than this many, no more ranges are kept: what follows counts as said.
const MOST: usize = 1_000;
/// Lines over which a heading goes on.
const WRAPPED: usize = 2;
/// Lines of the header of an earlier message that are looked at.
const HEADER: usize = 5;

/// What is quoted in one text: looked for when somebody asks.
pub struct Quotes<'t> {
    text: &'t [u8],
    /// Of the text as a whole.
    pub field: Field,
    quoted: OnceCell<Vec<Range<usize>>>,
}

impl<'t> Quotes<'t> {
    pub fn of(folded: &'t Folded<'_>, field: Field) -> Self {
        Self { text: folded.view().as_bytes(), field, quoted: OnceCell::new() }
    }

    /// What a rule passes over that looks at the quotes of a body alone, or at all but these.
    pub fn passed_over(&self, quotes_alone: bool) -> Vec<Range<usize>> {
        if quotes_alone { said(self.quoted(), self.text.len()) } else { self.quoted().to_vec() }
    }

    /// Where a find stands.
    pub fn field_of(&self, find: &Range<usize>) -> Field {
        let is_quoted = || self.quoted().iter().any(|range| range.start <= find.start && find.end <= range.end);
        if self.field == Field::Body && is_quoted() { Field::Quoted } else { self.field }
    }

    fn quoted(&self) -> &[Range<usize>] {
        self.quoted.get_or_init(|| ranges(self.text))
    }
}

/// The quoted ranges of a folded text, ascending.
fn ranges(text: &[u8]) -> Vec<Range<usize>> {
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut start = 0;
    while start < text.len() {
        let end = memchr(b'\n', &text[start..]).map_or(text.len(), |at| start + at + 1);
        let line = &text[start..end];
        if opens_history(line, &text[end..]) {
            ranges.push(start..text.len());
            break;
        }
        if line.trim_ascii_start().starts_with(b">") {
            if let Some(last) = ranges.last_mut().filter(|last| last.end == start) {
                last.end = end;
            } else if ranges.len() < MOST {
                ranges.push(start..end);
            }
        }
        start = end;
    }
    ranges
}

/// All that is not quoted.
fn said(quoted: &[Range<usize>], length: usize) -> Vec<Range<usize>> {
    let starts = [0].into_iter().chain(quoted.iter().map(|range| range.end));
    let ends = quoted.iter().map(|range| range.start).chain([length]);
    starts.zip(ends).map(|(start, end)| start..end).filter(|range| !range.is_empty()).collect()
}

/// Whether an earlier message begins with this line, as Outlook, Gmail, Apple's Mail and those who quote by hand begin it.
fn opens_history(first: &[u8], rest: &[u8]) -> bool {
    let first = first.trim_ascii();
    let lines = rest.split(|octet| *octet == b'\n').map(<[u8]>::trim_ascii);
    let begins = |line: &[u8], prefix: &[u8]| line.get(..prefix.len()).is_some_and(|begun| begun.eq_ignore_ascii_case(prefix));
    is_heading(first)
        || first.eq_ignore_ascii_case(b"begin forwarded message:")
        // `On Monday at 9:00, Ann <ann@…>` and on the next line `wrote:`.
        || begins(first, b"on ")
            && first.iter().any(u8::is_ascii_digit)
            && lines.clone().take(WRAPPED).any(|line| line.len() >= 6 && line[line.len() - 6..].eq_ignore_ascii_case(b"wrote:"))
        // The header as Outlook shows it, maybe below a rule.
        || begins(first, b"from:") && {
            let header: Vec<_> = lines.filter(|line| !line.is_empty()).take(HEADER).collect();
            let has = |names: &[&[u8]]| header.iter().any(|line| names.iter().any(|name| begins(line, name)));
            has(&[b"sent:", b"date:"]) && has(&[b"to:", b"subject:"])
        }
}

/// `On Monday, Ann wrote:`, `-----Original Message-----`.
fn is_heading(line: &[u8]) -> bool {
    let begins = |prefix: &[u8]| line.get(..prefix.len()).is_some_and(|begun| begun.eq_ignore_ascii_case(prefix));
    let ends = |suffix: &[u8]| line.len() >= suffix.len() && line[line.len() - suffix.len()..].eq_ignore_ascii_case(suffix);
    let dashes = line.iter().take_while(|octet| **octet == b'-').count();
    let behind = &line[dashes..];
    (begins(b"on ") && ends(b" wrote:"))
        || (dashes >= 3
            && [&b"original message"[..], b"forwarded message"]
                .iter()
                .any(|title| behind.trim_ascii_start().get(..title.len()).is_some_and(|begun| begun.eq_ignore_ascii_case(title))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> Vec<&str> {
        ranges(text.as_bytes()).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn lines_behind_a_mark_and_all_below_a_heading_are_quoted() {
        assert_eq!(quoted("yes\n> one\n  > two\nno\n>three"), ["> one\n  > two\n", ">three"]);
        assert_eq!(quoted("yes\nOn Mon, 3 Mar, Ann wrote:\none\n> two"), ["On Mon, 3 Mar, Ann wrote:\none\n> two"]);
        assert_eq!(quoted("yes\r\n-----Original Message-----\r\nFrom: Ann"), ["-----Original Message-----\r\nFrom: Ann"]);
        assert_eq!(quoted("On Monday we wrote:\nnothing").len(), 1);
        assert_eq!(quoted("a > b\nwhat he wrote: no\n--- the end"), [""; 0]);
    }

    #[test]
    fn the_ways_of_every_common_program_are_known() {
        for heading in [
            "On Mon, 3 Mar 2025 at 10:00, Ann Heron <ann@school.example> wrote:",
            "On Mon, 3 Mar 2025 at 10:00, Ann Heron\n<ann@school.example> wrote:",
            "On 3 Mar 2025, at 10:00, Ann Heron <ann@school.example>\nwrote:",
            "Begin forwarded message:",
            "---------- Forwarded message ---------",
            "From: Ann Heron\nSent: 03 March 2025 10:00\nTo: All\nSubject: trip",
            "From: Ann Heron <ann@school.example>\n\nDate: Monday, 3 March\nTo: All",
        ] {
            let text = format!("yes\n{heading}\none");
            assert_eq!(quoted(&text), [&text[4..]], "{heading}");
        }
        for said in ["From: the office\nwe write to you", "on the 3rd of May\nwe went\nand walked\nand he wrote:\nyes"] {
            assert_eq!(quoted(said), [""; 0], "{said}");
        }
    }

    #[test]
    fn what_is_said_is_all_the_rest() {
        let text = "yes\n> one\nno\n> two";
        let said: Vec<_> = said(&ranges(text.as_bytes()), text.len()).into_iter().map(|range| &text[range]).collect();
        assert_eq!(said, ["yes\n", "no\n"]);
        assert_eq!(super::said(&[], 3), vec![0..3; 1]);
    }
}
