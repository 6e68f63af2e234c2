//! Workbooks: the cells of each sheet row by row with the strings that they share, comments and drawings beside them.

use std::collections::BTreeMap;

use super::Found;
use super::markup::{self, Piece, walk};
use super::relations::Relations;
use crate::finding::{Layer, Place, Unit};

const WORKBOOK: &str = "xl/workbook.xml";
const STRINGS: &str = "xl/sharedStrings.xml";

pub fn read(parts: &mut BTreeMap<String, Vec<u8>>, relations: &Relations, found: &mut Found) {
    let mut strings = Strings::default();
    if let Some(octets) = parts.remove(STRINGS) {
        found.is_damaged |= !strings.read(&octets);
    }
    for (index, (name, hidden)) in sheets(parts, relations, found).into_iter().enumerate() {
        let Some(octets) = parts.remove(&name) else { continue };
        let sheet = Place { hidden, ..Place::of(Unit::Sheet, index + 1) };
        if !found.begin(sheet) {
            return;
        }
        cells(&octets, sheet, &mut strings, found);
        for (_, target) in relations.all(&name) {
            let layer = if target.contains("omments/") || target.contains("/comments") { Layer::Comments } else { Layer::Main };
            if let Some(octets) = parts.remove(target).filter(|_| found.begin(sheet.in_layer(layer))) {
                markup::flow(&octets, found);
            }
        }
    }
    // Strings that no cell shows are left over from earlier ones.
    found.begin(Place::of(Unit::Document, 0));
    strings.unused().for_each(|string| found.words.line(string));
}

/// The sheets in the order of the workbook, and whether each is hidden; then those that it does not name.
fn sheets(parts: &BTreeMap<String, Vec<u8>>, relations: &Relations, found: &mut Found) -> Vec<(String, bool)> {
    let mut sheets: Vec<(String, bool)> = Vec::new();
    if let Some(octets) = parts.get(WORKBOOK) {
        found.begin(Place::of(Unit::Document, 0));
        walk(octets, |piece| {
            if let Piece::Start("sheet", attributes) = piece {
                found.words.line(&attributes.get("name").unwrap_or_default());
                let hidden = matches!(attributes.get("state").as_deref(), Some("hidden" | "veryHidden"));
                let target = attributes.relation().and_then(|id| relations.target(WORKBOOK, &id).map(str::to_owned));
                sheets.extend(target.map(|target| (target, hidden)));
            }
        });
    }
    let named: Vec<_> = parts.keys().filter(|name| name.starts_with("xl/worksheets/") && !name.contains("/_rels/")).collect();
    let others: Vec<_> = named.into_iter().filter(|name| !sheets.iter().any(|(known, _)| known == *name)).cloned().collect();
    sheets.extend(others.into_iter().map(|name| (name, false)));
    sheets
}

/// Strings that all sheets share, and whether a cell shows each.
#[derive(Default)]
struct Strings(Vec<(String, bool)>);

impl Strings {
    fn read(&mut self, octets: &[u8]) -> bool {
        let mut string = String::new();
        // How to read the signs before them aloud (ECMA-376, 18.4.6).
        let mut phonetic = false;
        walk(octets, |piece| match piece {
            Piece::Text(text) if !phonetic => string.push_str(text),
            Piece::Start("si", _) => string.clear(),
            Piece::End("si") => self.0.push((std::mem::take(&mut string), false)),
            Piece::Start("rPh", _) => phonetic = true,
            Piece::End("rPh") => phonetic = false,
            Piece::Text(_) | Piece::Start(..) | Piece::End(_) => {}
        })
    }

    fn show(&mut self, index: usize) -> Option<&str> {
        let (string, shown) = self.0.get_mut(index)?;
        *shown = true;
        Some(string)
    }

    fn unused(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|(_, shown)| !shown).map(|(string, _)| string.as_str())
    }
}

/// A cell of type `s` holds no words but an index into the shared strings (ECMA-376, 18.3.1.4).
fn cells(octets: &[u8], sheet: Place, strings: &mut Strings, found: &mut Found) {
    let mut row = 0_usize;
    let mut is_shared = false;
    let mut value = None::<String>;
    let whole = walk(octets, |piece| match piece {
        Piece::Start("row", attributes) => {
            row = attributes.number("r").unwrap_or(row + 1);
            found.begin(Place { row: u32::try_from(row).unwrap_or(u32::MAX), ..sheet });
        }
        Piece::Start("c", attributes) => {
            is_shared = attributes.get("t").as_deref() == Some("s");
            found.words.part(' ');
        }
        Piece::Start("v", _) => {
            value = Some(String::new());
            found.words.part(' ');
        }
        Piece::End("v") => {
            let value = value.take().unwrap_or_default();
            let shown = if is_shared { value.trim().parse().ok().and_then(|index| strings.show(index)) } else { None };
            if found.words.is_full() {
                found.is_over_budget = true;
            } else {
                found.words.push(shown.unwrap_or(if is_shared { "" } else { &value }));
            }
        }
        Piece::Text(text) => match &mut value {
            Some(value) => value.push_str(text),
            None => found.words.push(text),
        },
        Piece::Start("sheetData", _) | Piece::End("sheetData") => found.words.part('\n'),
        Piece::Start("headerFooter", _) => {
            found.begin(sheet.in_layer(Layer::Margins));
        }
        Piece::Start(name, _) | Piece::End(name) => markup::part(name, found),
    });
    found.is_damaged |= !whole;
}
