//! The formats of OASIS: text by its paragraphs, sheets by their rows, slides with their notes; comments, headers and footers.

use std::collections::BTreeMap;

use super::Found;
use super::markup::{self, Piece, walk};
use crate::finding::{Layer, Place, Unit};

pub fn read(parts: &mut BTreeMap<String, Vec<u8>>, found: &mut Found) {
    // Embedded objects have a folder each.
    let names: Vec<_> = parts.keys().filter(|name| name.ends_with("content.xml")).cloned().collect();
    for octets in names.iter().filter_map(|name| parts.remove(name)) {
        content(&octets, found);
    }
    let styles: Vec<_> = parts.keys().filter(|name| name.ends_with("styles.xml")).cloned().collect();
    for octets in styles.iter().filter_map(|name| parts.remove(name)) {
        found.begin(Place::of(Unit::Document, 0).in_layer(Layer::Margins));
        markup::flow(&octets, found);
    }
}

fn content(octets: &[u8], found: &mut Found) {
    let mut place = Place::of(Unit::Paragraph, 0);
    let (mut slide, mut sheet, mut paragraph, mut row) = (0, 0, 0, 0_u32);
    let mut layer = Layer::Main;
    let mut tables = 0_usize;
    let mut spreadsheet = false;
    found.begin(place);
    let whole = walk(octets, |piece| match piece {
        Piece::Start("spreadsheet", _) => spreadsheet = true,
        Piece::Start("page", _) => {
            slide += 1;
            place = Place::of(Unit::Slide, slide);
            found.begin(place);
        }
        Piece::Start("table", attributes) => {
            tables += 1;
            if spreadsheet && tables == 1 {
                sheet += 1;
                row = 0;
                place = Place::of(Unit::Sheet, sheet);
                found.begin(place);
                found.words.line(&attributes.get("name").unwrap_or_default());
            }
        }
        Piece::End("table") => tables = tables.saturating_sub(1),
        Piece::Start("table-row", attributes) if spreadsheet && tables == 1 => {
            row = row.saturating_add(1);
            found.begin(Place { row, ..place });
            let repeated = attributes.number("number-rows-repeated").and_then(|rows| u32::try_from(rows).ok());
            row = row.saturating_add(repeated.unwrap_or(1).max(1) - 1);
        }
        Piece::Start(kind @ ("notes" | "annotation" | "note"), _) if layer == Layer::Main => {
            layer = match kind {
                "notes" => Layer::Notes,
                "note" => Layer::Footnotes,
                _ => Layer::Comments,
            };
            found.begin(place.in_layer(layer));
        }
        Piece::End("notes" | "annotation" | "note") => {
            layer = Layer::Main;
            found.begin(place);
        }
        Piece::Start("p" | "h", _) if layer == Layer::Main && place.unit == Unit::Paragraph => {
            paragraph += 1;
            place = Place::of(Unit::Paragraph, paragraph);
            found.begin(place);
        }
        Piece::Start("a", attributes) => found.link(&attributes.get("href").unwrap_or_default()),
        Piece::Start("hidden-text", attributes) => found.hidden.push_str(&attributes.get("string-value").unwrap_or_default()),
        Piece::Text(text) if found.words.is_full() => found.is_over_budget |= !text.is_empty(),
        Piece::Text(text) => found.words.push(text),
        Piece::Start(name, _) | Piece::End(name) => markup::part(name, found),
    });
    found.is_damaged |= !whole;
}
