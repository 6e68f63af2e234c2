//! Tags with more attributes than any page has: each attribute is compared with all before it, so that one tag may cost
//! seconds. What is too much is cut out before the page is read, and read apart from it.

use std::borrow::Cow;

/// Attributes of one tag. Mail has thirty at most.
const MOST: u32 = 200;

/// A page none of whose tags has more than [`MOST`] attributes.
pub struct Shortened<'a> {
    pub markup: Cow<'a, str>,
    /// What was cut out.
    pub cut: String,
}

/// A tag that may have been opened, as far as it goes (HTML, 13.2.5).
#[derive(Clone, Copy)]
struct Tag {
    state: State,
    attributes: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    TagName,
    /// Before an attribute, or behind a value.
    Between,
    Name,
    AfterName,
    BeforeValue,
    Quoted(u8),
    Unquoted,
}

/// Cuts out of every tag what stands behind its [`MOST`]th attribute.
///
/// Which `<` opens a tag, and which stands in a comment, a script or a value, only the reading shows. So all are followed,
/// side by side; of those in the same state the one with the most attributes stands for all.
pub fn shortened(markup: &str) -> Shortened<'_> {
    let octets = markup.as_bytes();
    let (mut kept, mut cut) = (String::new(), String::new());
    let (mut tags, mut next) = (Vec::new(), Vec::new());
    let (mut at, mut kept_to) = (0, 0);
    while let Some(step) = uneventful(&tags, &octets[at..]) {
        at += step;
        next.clear();
        next.extend(tags.iter().filter_map(|tag: &Tag| tag.after(octets[at])));
        if let Some(long) = next.iter().find(|tag| tag.attributes > MOST) {
            let end = at + 1 + long.length(&octets[at + 1..]);
            kept.push_str(&markup[kept_to..at]);
            cut.push_str(&markup[at..end]);
            cut.push('\n');
            // All go on behind the cut as if it had never been.
            (kept_to, at) = (end, end);
            continue;
        }
        tags.clear();
        for tag in &next {
            enter(&mut tags, *tag);
        }
        if opens_tag(&octets[at..]) {
            enter(&mut tags, Tag { state: State::TagName, attributes: 0 });
        }
        at += 1;
    }
    if cut.is_empty() {
        return Shortened { markup: Cow::Borrowed(markup), cut };
    }
    kept.push_str(&markup[kept_to..]);
    Shortened { markup: Cow::Owned(kept), cut }
}

/// How many octets change nothing; `None` when that is so to the end.
fn uneventful(tags: &[Tag], octets: &[u8]) -> Option<usize> {
    match tags {
        [] => octets.iter().position(|octet| *octet == b'<'),
        // Pictures in the page: long, and nothing else.
        [Tag { state: State::Quoted(quote), .. }] => octets.iter().position(|octet| octet == quote || *octet == b'<'),
        _ => (!octets.is_empty()).then_some(0),
    }
}

fn enter(tags: &mut Vec<Tag>, tag: Tag) {
    match tags.iter_mut().find(|known| known.state == tag.state) {
        Some(known) => known.attributes = known.attributes.max(tag.attributes),
        None => tags.push(tag),
    }
}

fn opens_tag(octets: &[u8]) -> bool {
    matches!(octets, [b'<', b'/', first, ..] | [b'<', first, ..] if first.is_ascii_alphabetic())
}

impl Tag {
    /// `None` when the octet closes it.
    fn after(self, octet: u8) -> Option<Self> {
        use State::{AfterName, BeforeValue, Between, Name, Quoted, TagName, Unquoted};
        let state = match (self.state, octet) {
            (Quoted(quote), _) if octet != quote => self.state,
            (Quoted(_), _) => Between,
            (_, b'>') => return None,
            (BeforeValue, b'"' | b'\'') => Quoted(octet),
            (BeforeValue | AfterName, _) if octet.is_ascii_whitespace() => self.state,
            (BeforeValue, _) => Unquoted,
            (Name, _) if octet.is_ascii_whitespace() => AfterName,
            (Name | AfterName, b'=') => BeforeValue,
            (TagName | Name | AfterName | Between, b'/') => Between,
            (TagName | Unquoted | Between, _) if octet.is_ascii_whitespace() => Between,
            (TagName | Unquoted | Name, _) => self.state,
            (Between | AfterName, _) => return Some(Self { state: Name, attributes: self.attributes + 1 }),
        };
        Some(Self { state, ..self })
    }

    /// How many of these octets belong to it.
    fn length(self, octets: &[u8]) -> usize {
        let mut tag = self;
        let end = octets.iter().position(|octet| match tag.after(*octet) {
            Some(after) => {
                tag = after;
                false
            }
            None => true,
        });
        end.unwrap_or(octets.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(count: usize, write: impl Fn(usize) -> String) -> String {
        (0..count).fold(String::new(), |attributes, number| attributes + &write(number))
    }

    #[test]
    fn a_page_of_ordinary_tags_is_left_as_it_is() {
        let long = format!("<img src='data:image/png;base64,{}' alt=\"a <b c d\">", "/ab=".repeat(10_000));
        let many = "<a href=x title='y z'>".repeat(1_000);
        for markup in
            ["", "amber", "<", "a < b <", "<!-- <a b c -->", &long, &many, &format!("<a {}>", attributes(200, |n| format!("a{n} ")))]
        {
            let Shortened { markup: kept, cut } = shortened(markup);
            assert!(matches!(kept, Cow::Borrowed(_)) && cut.is_empty(), "{cut}");
        }
    }

    #[test]
    fn however_attributes_are_written_a_tag_keeps_two_hundred_and_the_rest_is_cut_out() {
        let ways: [&dyn Fn(usize) -> String; 6] = [
            &|n| format!(" a{n}"),
            &|n| format!("/a{n}"),
            &|n| format!(" a{n}=\">\""),
            &|n| format!(" a{n} = 'x<b'"),
            &|n| format!("a{n}=\"\""),
            &|n| format!("\n\u{e9}{n}=/x"),
        ];
        for (number, way) in ways.iter().enumerate() {
            for open in ["<a ", "</a ", "<!-- it's --><a ", "x=\"<a ", "<b c='<a "] {
                let tag = format!("{open}{}", attributes(50_000, way));
                let page = format!("{tag}>amber");
                let Shortened { markup, cut } = shortened(&page);
                assert!(markup.ends_with(">amber"), "way {number} behind {open}");
                assert!(cut.contains("49999"), "way {number} behind {open}");
                let kept = (0..50_000).take_while(|n| markup.contains(&way(*n))).count();
                assert!((190..=210).contains(&kept), "way {number} behind {open}: {kept}");
            }
        }
    }

    #[test]
    fn a_tag_that_never_ends_is_cut_as_well_and_so_is_the_next_one() {
        let tag = format!("<a{}", attributes(1_000, |n| format!(" a{n}")));
        let twice = format!("{tag}>amber{tag}");
        let Shortened { markup, cut } = shortened(&twice);
        assert!(markup.contains(">amber<a") && markup.len() < 3_000, "{}", markup.len());
        assert_eq!(cut.matches("a999").count(), 2);
    }
}
