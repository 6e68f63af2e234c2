//! Word documents: the text by its paragraphs, then notes, comments, headers and footers; hidden runs are kept apart.

use std::collections::BTreeMap;

use super::Found;
use super::markup::{self, Piece, walk};
use crate::finding::{Layer, Place, Unit};
use crate::scan::extract::office::link_target;

pub fn read(parts: &mut BTreeMap<String, Vec<u8>>, found: &mut Found) {
    let mut names: Vec<_> = parts.keys().filter(|name| name.starts_with("word/") && layer(name).is_some()).cloned().collect();
    // The document itself comes first.
    names.sort_by_key(|name| layer(name) != Some(Layer::Main));
    for name in names {
        let (Some(octets), Some(layer)) = (parts.remove(&name), layer(&name)) else { continue };
        text(&octets, layer, found);
    }
}

fn layer(name: &str) -> Option<Layer> {
    let file = name.rsplit('/').next()?.strip_suffix(".xml")?;
    Some(match file.trim_end_matches(|c: char| c.is_ascii_digit()) {
        "document" => Layer::Main,
        "comments" => Layer::Comments,
        "footnotes" | "endnotes" => Layer::Footnotes,
        "header" | "footer" => Layer::Margins,
        _ => return None,
    })
}

fn text(octets: &[u8], layer: Layer, found: &mut Found) {
    let mut paragraph = 0;
    // Paragraphs stand inside others where there are text boxes.
    let mut open = 0_usize;
    let mut hidden = false;
    let mut instruction = false;
    let mut command = String::new();
    found.begin(place(layer, 0));
    let whole = walk(octets, |piece| match piece {
        Piece::Start("p", _) => {
            open += 1;
            if open == 1 {
                paragraph += 1;
                found.begin(place(layer, paragraph));
            } else {
                found.words.part('\n');
            }
        }
        Piece::End("p") => {
            open = open.saturating_sub(1);
            found.words.part('\n');
        }
        Piece::Start("r", _) | Piece::End("r") => hidden = false,
        Piece::Start("vanish", attributes) => hidden |= attributes.is_on(),
        Piece::Start("instrText", _) => instruction = true,
        Piece::End("instrText") => instruction = false,
        Piece::Start("fldChar", _) => {
            if let Some(target) = link_target(&command) {
                found.link(target);
            }
            command.clear();
        }
        Piece::Start("fldSimple", attributes) => {
            if let Some(target) = attributes.get("instr").as_deref().and_then(link_target) {
                found.link(target);
            }
        }
        Piece::Start("docPr", attributes) => markup::alternatives(attributes, found),
        Piece::Start("noBreakHyphen", _) => found.words.push("-"),
        Piece::Text(text) if instruction => command.push_str(text),
        Piece::Text(text) if hidden => found.hidden.extend(text.split('\0')),
        Piece::Text(text) if found.words.is_full() => found.is_over_budget |= !text.is_empty(),
        Piece::Text(text) => found.words.push(text),
        Piece::Start(name, _) | Piece::End(name) => markup::part(name, found),
    });
    found.is_damaged |= !whole;
}

fn place(layer: Layer, paragraph: usize) -> Place {
    if layer == Layer::Main { Place::of(Unit::Paragraph, paragraph) } else { Place::of(Unit::Document, 0).in_layer(layer) }
}
