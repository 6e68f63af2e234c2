//! What a drawing in XML (SVG) may have and a page has not: entities of its own, and sections of plain characters. Both are
//! undone, since a picture may stand in either, and then it is read as any page.
//!
//! Source: XML 1.0, 2.7, 2.8 and 4.2 to 4.4.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::scan::budget;

/// How deep entities may stand within each other.
const MAX_DEPTH: usize = 8;
/// What a drawing program declares is ten.
const MAX_ENTITIES: usize = 1_000;

/// A drawing as a page, and whether it is all of it: entities can be made to grow without end, or lie elsewhere.
pub fn as_page(xml: &str) -> (Cow<'_, str>, bool) {
    let (declarations, body) = split(xml);
    let mut entities = Entities::read(declarations.unwrap_or_default());
    let expanded = if entities.known.is_empty() { Cow::Borrowed(body) } else { Cow::Owned(entities.expand_all(body)) };
    let page = match plain(&expanded) {
        Some(plain) => Cow::Owned(plain),
        None => expanded,
    };
    (page, entities.are_whole)
}

/// The declarations of a document type, if there are any, and what stands behind them.
fn split(xml: &str) -> (Option<&str>, &str) {
    const START: &str = "<!doctype";
    let start = xml.match_indices("<!").map(|(at, _)| at).find(|at| has_prefix(&xml[*at..], START));
    // A document type behind the first element is none.
    let Some(start) = start.filter(|start| !xml[..*start].contains("<svg")) else { return (None, xml) };
    let mut quote = None;
    let mut inside = None;
    let mut at = start;
    let last_end = xml.rfind("-->");
    while let Some(&octet) = xml.as_bytes().get(at) {
        match (octet, quote) {
            // An apostrophe in a comment opens nothing.
            (b'<', None) if xml[at..].starts_with("<!--") && last_end.is_some_and(|end| end >= at) => {
                at += xml[at..].find("-->").unwrap_or(0);
            }
            (b'"' | b'\'', None) => quote = Some(octet),
            (octet, Some(open)) if octet == open => quote = None,
            (b'[', None) if inside.is_none() => inside = Some(at + 1),
            (b']', None) => {
                let from = inside.unwrap_or(at);
                let behind = xml[at..].find('>').map_or("", |end| &xml[at + end + 1..]);
                return (Some(&xml[from..at]), behind);
            }
            (b'>', None) if inside.is_none() => return (None, &xml[at + 1..]),
            _ => {}
        }
        at += 1;
    }
    (None, xml)
}

struct Entities<'x> {
    known: BTreeMap<&'x str, String>,
    /// Of their names, in octets.
    longest: usize,
    are_whole: bool,
    /// Of what is expanded, in octets.
    left: usize,
}

impl<'x> Entities<'x> {
    fn read(declarations: &'x str) -> Self {
        let mut entities = Self { known: BTreeMap::new(), longest: 0, are_whole: true, left: budget::TEXT_OCTETS };
        for declaration in declarations.split("<!ENTITY").skip(1) {
            let declaration = declaration.trim_ascii_start();
            // Those of the declarations themselves may declare any others.
            let Some((name, value)) = declaration.split_once(|c: char| c.is_ascii_whitespace()).filter(|(name, _)| *name != "%") else {
                entities.are_whole = false;
                continue;
            };
            let value = value.trim_ascii_start();
            let quoted = value.chars().next().filter(|quote| matches!(quote, '"' | '\'')).and_then(|quote| value[1..].split(quote).next());
            match quoted {
                // The first declaration counts.
                Some(value) if entities.known.len() < MAX_ENTITIES => {
                    entities.known.entry(name).or_insert_with(|| characters(value));
                }
                Some(_) => entities.are_whole = false,
                // One that lies elsewhere is not fetched, by nobody who shows a drawing of a mail.
                None => {}
            }
        }
        entities
    }

    fn expand_all(&mut self, body: &str) -> String {
        let mut out = String::with_capacity(body.len());
        let known = std::mem::take(&mut self.known);
        self.longest = known.keys().map(|name| name.len()).max().unwrap_or_default();
        self.expand(body, &known, 0, &mut out);
        out
    }

    fn expand(&mut self, text: &str, known: &BTreeMap<&str, String>, depth: usize, out: &mut String) {
        let mut rest = text;
        while let Some(at) = memchr::memchr(b'&', rest.as_bytes()) {
            let (before, reference) = rest.split_at(at);
            out.push_str(before);
            // No further than a name may reach: a text of `&` alone would be searched to its end for each.
            let within = &reference.as_bytes()[1..(self.longest + 2).min(reference.len())];
            let end = memchr::memchr(b';', within).unwrap_or(within.len());
            let name = reference.get(1..=end).unwrap_or_default();
            match known.get(name) {
                Some(value) if depth < MAX_DEPTH && value.len() <= self.left => {
                    self.left -= value.len();
                    self.expand(value, known, depth + 1, out);
                    rest = reference.get(name.len() + 2..).unwrap_or_default();
                }
                found => {
                    self.are_whole &= found.is_none();
                    out.push('&');
                    rest = &reference[1..];
                }
            }
        }
        out.push_str(rest);
    }
}

/// References to characters by their numbers are undone where an entity is declared.
fn characters(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some((before, reference)) = rest.split_once("&#") {
        out.push_str(before);
        let end = reference.find(|c: char| !c.is_ascii_alphanumeric() && c != '+').unwrap_or(reference.len());
        let (number, behind) = reference.split_at(end);
        let behind = if behind.is_empty() { Some(behind) } else { behind.strip_prefix(';') };
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => number.parse().ok(),
        };
        if let Some((character, behind)) = code.and_then(char::from_u32).zip(behind) {
            out.push(character);
            rest = behind;
        } else {
            out.push_str("&#");
            rest = reference;
        }
    }
    out.push_str(rest);
    out
}

/// Sections of plain characters, as a page would write them; `None` where there are none.
fn plain(xml: &str) -> Option<String> {
    const START: &str = "<![CDATA[";
    let mut out = None;
    let mut rest = xml;
    while let Some((before, section)) = rest.split_once(START) {
        let out = out.get_or_insert_with(|| String::with_capacity(xml.len()));
        let (inside, behind) = section.split_once("]]>").unwrap_or((section, ""));
        out.push_str(before);
        out.push_str(&inside.replace('&', "&amp;").replace('<', "&lt;"));
        rest = behind;
    }
    out.map(|mut out| {
        out.push_str(rest);
        out
    })
}

fn has_prefix(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(xml: &str) -> String {
        let (page, is_whole) = as_page(xml);
        assert!(is_whole, "{xml}");
        page.into_owned()
    }

    #[test]
    fn what_has_neither_stays_as_it_is() {
        for xml in ["<svg>a &amp; b</svg>", "<?xml version='1.0'?><svg/>", "<svg><text><!doctype [</text></svg>"] {
            assert!(matches!(as_page(xml), (Cow::Borrowed(page), true) if page == xml), "{xml}");
        }
        assert_eq!(page("<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \"x[>.dtd\"><svg/>"), "<svg/>");
    }

    #[test]
    fn entities_are_replaced_by_what_they_stand_for() {
        let xml = "<?xml?><!DOCTYPE svg [ <!ENTITY a 'heron'> <!ENTITY b \"am&#98;er ]>&a;\"> <!ENTITY b 'wren'>\n]>\n<svg t='&b;'>&a;&c;&amp;</svg>";
        assert_eq!(page(xml), "\n<svg t='amber ]>heron'>heron&c;&amp;</svg>");
        assert_eq!(page("<!DOCTYPE svg [<!-- it's ] --><!ENTITY a 'heron'>]><svg>&a;</svg>"), "<svg>heron</svg>", "behind a comment");
        assert_eq!(page("<!DOCTYPE svg [<!ENTITY a '&#38;b;'><!ENTITY b 'heron'>]><svg>&a;</svg>"), "<svg>heron</svg>", "in two steps");
    }

    #[test]
    fn entities_that_grow_without_end_are_not_followed_and_that_is_told() {
        let level = |number: u32| format!("<!ENTITY e{number} '{}'>", format!("&e{};", number - 1).repeat(10));
        let bomb = (1..12).map(level).collect::<Vec<_>>().concat();
        let bomb = format!("<!DOCTYPE svg [<!ENTITY e0 'heron'>{bomb}]><svg>&e11;</svg>");
        let (page, is_whole) = as_page(&bomb);
        assert!(!is_whole && page.len() < 2 * budget::TEXT_OCTETS);
        let (page, is_whole) = as_page("<!DOCTYPE svg [<!ENTITY a '&a;'>]><svg>&a;</svg>");
        assert!(!is_whole && page.len() < 100);
        assert!(!as_page("<!DOCTYPE svg [<!ENTITY % a \"<!ENTITY b 'heron'>\">%a;]><svg>&b;</svg>").1, "declared by a declaration");
    }

    /// With a search to the end for each, these would take hours.
    #[test]
    fn what_is_opened_a_million_times_and_never_closed_is_looked_at_once() {
        let many = |opened: &str| opened.repeat(1 << 20);
        let body = many("&");
        assert_eq!(page(&format!("<!DOCTYPE svg [<!ENTITY a 'heron'>]><svg>{body}</svg>")), format!("<svg>{body}</svg>"));
        let value = many("&#");
        assert_eq!(page(&format!("<!DOCTYPE svg [<!ENTITY a '{value}'>]><svg>&a;</svg>")), format!("<svg>{value}</svg>"));
        let declarations = many("<!--");
        let unclosed = format!("<!DOCTYPE svg [{declarations}]><svg/>");
        assert_eq!(page(&unclosed), "<svg/>");
    }

    #[test]
    fn sections_of_plain_characters_are_text() {
        assert_eq!(page("<style><![CDATA[a>b{c:url(d)} &<]]></style>"), "<style>a>b{c:url(d)} &amp;&lt;</style>");
        assert_eq!(page("<svg><![CDATA[never closed"), "<svg>never closed");
    }
}
