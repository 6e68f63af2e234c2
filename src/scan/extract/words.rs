//! The words of a document, gathered piece by piece with the places that they come from.

use crate::finding::Place;
use crate::scan::budget;

/// Of one text: rows of a sheet beyond these count as the last of them.
const MOST_PLACES: usize = 100_000;

#[derive(Default)]
pub struct Words {
    pub text: String,
    /// Where in the text each place begins, in order.
    pub places: Vec<(usize, Place)>,
}

impl Words {
    /// What follows stands here.
    pub fn begin(&mut self, place: Place) {
        self.part('\n');
        let (at, has_room) = (self.text.len(), self.places.len() < MOST_PLACES);
        match self.places.last_mut() {
            Some((_, last)) if *last == place => {}
            Some((start, last)) if *start == at => *last = place,
            _ if has_room => self.places.push((at, place)),
            _ => {}
        }
    }

    /// A piece that stands by itself; nothing where it is empty.
    pub fn line(&mut self, line: &str) {
        let line = line.trim();
        if !line.is_empty() {
            self.part('\n');
            self.push(line);
            self.text.push('\n');
        }
    }

    /// A piece of a word or more. No reader shows a NUL.
    pub fn push(&mut self, piece: &str) {
        self.text.extend(piece.split('\0'));
    }

    /// Sets what comes apart from what was, once.
    pub fn part(&mut self, space: char) {
        if !self.text.is_empty() && !self.text.ends_with(['\n', ' ']) {
            self.text.push(space);
        }
    }

    /// Whether more than is searched of one text has been gathered: nobody need go on.
    pub fn is_full(&self) -> bool {
        self.text.len() > budget::TEXT_OCTETS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Unit;

    #[test]
    fn places_without_words_are_not_kept() {
        let mut words = Words::default();
        for (number, line) in [(1, "amber"), (2, ""), (3, "heron")] {
            words.begin(Place::of(Unit::Page, number));
            words.line(line);
        }
        assert_eq!(words.text, "amber\nheron\n");
        assert_eq!(words.places, [(0, Place::of(Unit::Page, 1)), (6, Place::of(Unit::Page, 3))]);
    }
}
