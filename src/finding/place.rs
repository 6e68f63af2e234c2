//! Where inside a document something stands: numbers only, since names are content.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    pub unit: Unit,
    /// Counted from 1, as its reader counts; 0 where it is not known which one.
    pub number: u32,
    /// Of a sheet, counted from 1; 0 elsewhere.
    pub row: u32,
    pub layer: Layer,
    /// A sheet or a slide that is not shown.
    pub hidden: bool,
}

/// What a document is divided into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    Chapter,
    /// As a whole.
    Document,
    Page,
    Paragraph,
    Sheet,
    Slide,
}

/// Beside what else it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    Comments,
    Footnotes,
    /// Headers and footers.
    Margins,
    Main,
    /// Of a slide.
    Notes,
    /// Title, author, keywords and the like.
    Properties,
}

impl Place {
    /// In the main text.
    pub fn of(unit: Unit, number: usize) -> Self {
        Self { unit, number: u32::try_from(number).unwrap_or(u32::MAX), row: 0, layer: Layer::Main, hidden: false }
    }

    #[must_use]
    pub fn in_layer(self, layer: Layer) -> Self {
        Self { layer, ..self }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Chapter => "chapter",
            Unit::Document => "document",
            Unit::Page => "page",
            Unit::Paragraph => "paragraph",
            Unit::Sheet => "sheet",
            Unit::Slide => "slide",
        };
        f.write_str(unit)?;
        if self.number > 0 {
            write!(f, " {}", self.number)?;
        }
        if self.hidden {
            f.write_str(" (hidden)")?;
        }
        if self.row > 0 {
            write!(f, ", row {}", self.row)?;
        }
        f.write_str(match self.layer {
            Layer::Main => "",
            Layer::Comments => ", comments",
            Layer::Footnotes => ", footnotes",
            Layer::Margins => ", header or footer",
            Layer::Notes => ", notes",
            Layer::Properties => ", properties",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_as_a_person_would_say_it() {
        assert_eq!(Place::of(Unit::Slide, 5).in_layer(Layer::Notes).to_string(), "slide 5, notes");
        assert_eq!(Place { row: 17, hidden: true, ..Place::of(Unit::Sheet, 2) }.to_string(), "sheet 2 (hidden), row 17");
        assert_eq!(Place::of(Unit::Document, 0).in_layer(Layer::Properties).to_string(), "document, properties");
    }
}
