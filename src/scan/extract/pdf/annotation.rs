//! Notes, links, fields of forms and whatever else lies upon a page (ISO 32000-1, 12.5 to 12.7).

use super::content::Walk;
use super::layout::Matrix;
use super::object::{Dictionary, Object};
use super::{Document, Words, text_string};
use crate::finding::Reason;

/// Notes of one page.
const MOST: usize = 20_000;
/// Fields inside one another.
const FIELDS: usize = 8;

impl Document<'_, '_> {
    /// Adds what the notes of a page say, as far as the page does not say it itself.
    pub(super) fn annotations(&mut self, page: &Dictionary, resources: &Dictionary, shown: &str, words: &mut Words) {
        let annotations = self.file.get(page, b"Annots");
        let all = annotations.array().unwrap_or_default();
        if all.len() > MOST {
            self.file.note(Reason::Budget);
        }
        for annotation in all.iter().take(MOST) {
            let annotation = self.file.resolve(annotation);
            let Some(dictionary) = annotation.dictionary() else { continue };
            if dictionary.is(b"Subtype", b"Popup") {
                continue;
            }
            let appearance = self.appearance(dictionary, resources);
            words.line(&appearance);
            for text in self.told(dictionary) {
                // Looking for it costs a share of what is looked through.
                let looked = self.file.spend((shown.len() + appearance.len()) / 16);
                if looked && !appearance.contains(&text) && !shown.contains(&text) {
                    words.line(&text);
                }
            }
            let action = self.file.get(dictionary, b"A");
            self.action(action.dictionary(), 0);
            let actions = self.file.get(dictionary, b"AA");
            for (_, action) in actions.dictionary().map(Dictionary::iter).into_iter().flatten().take(MOST) {
                let action = self.file.resolve(action);
                self.action(action.dictionary(), 0);
            }
            let file = self.file.get(dictionary, b"FS");
            self.file_specification(&file);
            self.attached(dictionary);
            let kind = self.file.get(dictionary, b"Subtype");
            if let Some(b"Movie" | b"Sound" | b"Screen" | b"RichMedia" | b"3D") = kind.name() {
                // Sound, film, three-dimensional scenes.
                self.file.note(Reason::Unsupported);
                let media = self.file.get(dictionary, b"RichMediaContent");
                self.name_tree(media.dictionary().and_then(|media| media.get(b"Assets")));
            }
        }
    }

    /// What it looks like, in the state that it is in.
    fn appearance(&mut self, annotation: &Dictionary, resources: &Dictionary) -> String {
        let appearances = self.file.get(annotation, b"AP");
        let Some(normal) = appearances.dictionary().map(|appearances| self.file.get(appearances, b"N")) else { return String::new() };
        let chosen = if normal.stream().is_some() {
            Some(normal)
        } else {
            let state = self.file.get(annotation, b"AS");
            normal.dictionary().zip(state.name()).map(|(states, state)| self.file.get(states, state))
        };
        let Some(form) = chosen.as_deref().and_then(Object::stream) else { return String::new() };
        let mut walk = Walk::new(self.file, self.gathered);
        walk.form(form, resources, Matrix::IDENTITY);
        walk.text()
    }

    /// Comments, titles, and the values of fields, which a field may have from the one above it.
    fn told(&self, annotation: &Dictionary) -> Vec<String> {
        let mut texts = Vec::new();
        let mut above = Some(annotation.clone());
        for _ in 0..FIELDS {
            let Some(field) = above else { break };
            for key in [b"Contents".as_slice(), b"Subj", b"TU", b"V"] {
                let value = self.file.get(&field, key);
                let strings = value.array().unwrap_or(std::slice::from_ref(&*value));
                texts.extend(strings.iter().take(MOST).filter_map(|text| self.file.resolve(text).string().map(text_string)));
                texts.extend(value.stream().map(|stream| text_string(&self.file.decode(stream).octets)));
            }
            above = self.file.get(&field, b"Parent").dictionary().cloned();
        }
        texts.retain(|text| !text.trim().is_empty());
        texts.dedup();
        texts
    }

    /// Where it leads, or that it runs a program.
    pub(super) fn action(&mut self, action: Option<&Dictionary>, depth: usize) {
        let Some(action) = action else { return };
        let address = self.file.get(action, b"URI");
        if let Some(address) = address.string() {
            self.gathered.links.push_str(text_string(address).trim());
            self.gathered.links.push('\n');
        }
        self.gathered.has_program |= action.is(b"S", b"JavaScript") || action.is(b"S", b"Launch") || action.get(b"JS").is_some();
        if depth < FIELDS {
            let next = self.file.get(action, b"Next");
            self.action(next.dictionary(), depth + 1);
        }
    }
}
