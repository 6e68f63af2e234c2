//! Presentations: slides in the order of the show with their notes and comments, hidden ones said to be hidden.

use std::collections::BTreeMap;

use super::Found;
use super::markup::{self, Piece, walk};
use super::relations::Relations;
use crate::finding::{Layer, Place, Unit};

const PRESENTATION: &str = "ppt/presentation.xml";

pub fn read(parts: &mut BTreeMap<String, Vec<u8>>, relations: &Relations, found: &mut Found) {
    let mut slides = Vec::new();
    if let Some(octets) = parts.get(PRESENTATION) {
        walk(octets, |piece| {
            if let Piece::Start("sldId", attributes) = piece {
                // The identifier with a prefix: the one without is another.
                slides.extend(attributes.relation().and_then(|id| relations.target(PRESENTATION, &id).map(str::to_owned)));
            }
        });
    }
    // Slides that the show does not name are there all the same.
    let is_slide = |name: &&String| name.starts_with("ppt/slides/") && !name.contains("/_rels/");
    let listed = slides.len();
    slides.extend(parts.keys().filter(is_slide).filter(|name| !slides.contains(name)).cloned().collect::<Vec<_>>());
    for (index, name) in slides.into_iter().enumerate() {
        let Some(octets) = parts.remove(&name) else { continue };
        let number = if index < listed { index + 1 } else { 0 };
        let place = Place { hidden: index >= listed || is_hidden(&octets), ..Place::of(Unit::Slide, number) };
        if !found.begin(place) {
            return;
        }
        markup::flow(&octets, found);
        for (_, target) in relations.all(&name) {
            let layer = match () {
                () if target.starts_with("ppt/notesSlides/") => Layer::Notes,
                () if target.starts_with("ppt/comments/") => Layer::Comments,
                () if target.starts_with("ppt/diagrams/data") || target.starts_with("ppt/charts/") => Layer::Main,
                () => continue,
            };
            if let Some(octets) = parts.remove(target) {
                found.begin(place.in_layer(layer));
                markup::flow(&octets, found);
            }
        }
    }
}

fn is_hidden(slide: &[u8]) -> bool {
    let mut hidden = false;
    walk(slide, |piece| {
        if let Piece::Start("sld", attributes) = piece {
            hidden = matches!(attributes.get("show").as_deref(), Some("0" | "false"));
        }
    });
    hidden
}
