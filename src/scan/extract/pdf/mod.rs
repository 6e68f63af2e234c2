//! PDF (ISO 32000-1): the words of its pages, notes and forms, where its links lead, its pictures and the files in it.

mod annotation;
mod cmap;
mod content;
mod crypt;
mod encoding;
mod file;
mod filter;
mod font;
mod layout;
mod metrics;
mod object;
mod picture;

use std::borrow::Cow;
use std::collections::HashSet;
use std::rc::Rc;

pub use self::filter::inflate;

use self::content::Walk;
use self::file::File;
use self::font::Font;
use self::layout::Matrix;
use self::object::{Dictionary, Id, Object, Stream};
use self::picture::Picture;
use super::members::{Member, Members};
use super::{Item, Reader, Words};
use crate::finding::{Defect, Field, Layer, Place, Reason, Unit};
use crate::scan::parse::charset_text;

/// Pages and branches of the page tree.
const NODES: usize = 50_000;
/// Branches of a page tree inside one another, and of a tree of names.
const DEPTH: usize = 32;
/// Files that are looked for inside one file.
const FILES: usize = 2_000;

/// What comes to light besides words.
#[derive(Default)]
pub struct Gathered {
    pictures: Vec<Stream>,
    inline_pictures: Vec<InlinePicture>,
    /// Attached files, with the names that they were given.
    files: Vec<(Option<String>, Stream)>,
    /// One a line.
    links: String,
    has_program: bool,
    is_scanned: bool,
    /// By the number of the font's object.
    fonts: Vec<(u32, Rc<Font>)>,
    seen_pictures: HashSet<u32>,
    seen_files: HashSet<u32>,
    open_forms: HashSet<u32>,
}

/// A picture that is written out among the operators.
pub struct InlinePicture {
    dictionary: Dictionary,
    octets: Box<[u8]>,
    /// What the name of its colour space stands for there.
    space: Option<Object>,
}

pub fn read(reader: &mut Reader<'_>, item: &Item<'_>) {
    let Some(most) = reader.budget.open() else { return reader.extracts.incomplete(&item.part, Reason::Budget) };
    let Ok(file) = File::open(&item.octets, most, std::iter::empty()) else {
        return reader.extracts.incomplete(&item.part, Reason::EncryptedDocument);
    };
    let mut gathered = Gathered::default();
    let words = Document { file: &file, gathered: &mut gathered }.words();
    reader.extracts.words(item.location(Field::AttachmentText), words);
    reader.extracts.text(item.location(Field::Link), Cow::Owned(std::mem::take(&mut gathered.links)));
    members(reader, item, &file, &gathered, most);

    for reason in file.trouble() {
        reader.extracts.incomplete(&item.part, reason);
    }
    let defects = [(gathered.is_scanned, Defect::ScannedPage), (gathered.has_program, Defect::Program)];
    reader.extracts.defects.extend(defects.into_iter().filter_map(|(is_so, defect)| is_so.then_some(defect)));
}

/// Pictures and attached files, as members of this one, which took up to `most` octets to find.
fn members(reader: &mut Reader<'_>, item: &Item<'_>, file: &File<'_>, gathered: &Gathered, most: u64) {
    let mut members = Members::of(reader, item);
    let mut member = |name: Option<&str>, octets: Vec<u8>| {
        if !members.hold(Member::file(name.map(str::to_owned), octets, None)) {
            file.note(Reason::Budget);
        }
    };
    let of_streams = gathered.pictures.iter().map(|stream| picture::of_stream(file, stream));
    for picture in of_streams.chain(gathered.inline_pictures.iter().map(|inline| picture::of_inline(file, inline))) {
        match picture {
            Picture::File(octets) => member(None, octets),
            Picture::Ornament => {}
            Picture::OverBudget => file.note(Reason::Budget),
            Picture::Damaged => file.note(Reason::Damaged),
            Picture::Unsupported => file.note(Reason::Unsupported),
        }
    }
    for (name, stream) in &gathered.files {
        let decoded = file.decode(stream);
        if decoded.codec.is_some() {
            file.note(Reason::Unsupported);
        }
        if decoded.octets.is_empty() {
            continue;
        }
        member(name.as_deref(), decoded.octets);
    }
    members.pay(most - file.room());
    members.finish();
}

struct Document<'d, 'b> {
    file: &'d File<'b>,
    gathered: &'d mut Gathered,
}

impl Document<'_, '_> {
    fn words(&mut self) -> Words {
        let mut words = Words::default();
        let pages = self.pages();
        if pages.is_empty() {
            self.file.note(Reason::Damaged);
        }
        let mut read = HashSet::new();
        for (index, page) in pages.iter().enumerate() {
            self.page(page, Place::of(Unit::Page, index + 1), &mut words, &mut read);
        }
        if self.file.was_searched() {
            words.begin(Place::of(Unit::Page, 0));
            self.loose_streams(&mut words, &read);
        }
        words.begin(Place::of(Unit::Document, 0).in_layer(Layer::Properties));
        if let Some(catalog) = self.file.catalog() {
            self.catalog(catalog.dictionary(), &mut words);
        }
        for key in [b"Title".as_slice(), b"Subject", b"Keywords", b"Author"] {
            let info = self.file.info();
            let value = info.as_deref().and_then(Object::dictionary).map(|info| self.file.get(info, key));
            words.line(&value.as_deref().and_then(Object::string).map(text_string).unwrap_or_default());
        }
        words
    }

    /// The pages in order, each with the resources that it inherits.
    fn pages(&mut self) -> Vec<Page> {
        let mut pages = Vec::new();
        let mut seen = HashSet::new();
        let mut open = vec![];
        if let Some(catalog) = self.file.catalog() {
            open.extend(catalog.dictionary().and_then(|catalog| catalog.get(b"Pages").cloned()).map(|root| (root, None, 0)));
        }
        while let Some((node, inherited, depth)) = open.pop() {
            if let Object::Reference(id) = node
                && !seen.insert(id.number)
            {
                continue;
            }
            let object = self.file.resolve(&node).share();
            let Some(dictionary) = object.dictionary() else {
                self.file.note(Reason::Damaged);
                continue;
            };
            if seen.len() > NODES || depth > DEPTH {
                self.file.note(Reason::Budget);
                break;
            }
            let resources = dictionary.get(b"Resources").map(|own| self.file.resolve(own).share()).or(inherited);
            let kids = self.file.get(dictionary, b"Kids");
            match kids.array() {
                Some(kids) => open.extend(kids.iter().rev().map(|kid| (kid.clone(), resources.clone(), depth + 1))),
                None => pages.push(Page { object, resources }),
            }
        }
        if self.file.was_searched() {
            for number in self.file.numbers().into_iter().filter(|number| !seen.contains(number)) {
                let object = self.file.object(number);
                if let Some(page) = object.dictionary().filter(|page| page.is(b"Type", b"Page")) {
                    let resources = page.get(b"Resources").map(|own| self.file.resolve(own).share());
                    pages.push(Page { object: Rc::clone(&object), resources });
                }
            }
        }
        pages
    }

    fn page(&mut self, page: &Page, place: Place, words: &mut Words, read: &mut HashSet<u32>) {
        let Some(dictionary) = page.object.dictionary() else { return };
        let empty = Dictionary::default();
        let resources = page.resources.as_deref().and_then(Object::dictionary).unwrap_or(&empty);
        let content = self.contents(dictionary, read);
        let mut walk = Walk::new(self.file, self.gathered);
        let text = walk.text_of(&content, resources, Matrix::IDENTITY);
        let (has_text, has_picture) = (walk.has_text, walk.has_picture);
        self.gathered.is_scanned |= has_picture && !has_text;
        words.begin(place);
        words.line(&text);
        words.begin(place.in_layer(Layer::Comments));
        self.annotations(dictionary, resources, &text, words);
        self.attached(dictionary);
    }

    /// The content of a page in one piece: an operator may be cut where one stream ends (7.8.2).
    fn contents(&mut self, page: &Dictionary, read: &mut HashSet<u32>) -> Vec<u8> {
        let mut content = Vec::new();
        let contents = self.file.get(page, b"Contents");
        let streams = contents.array().unwrap_or(std::slice::from_ref(&*contents));
        for stream in streams {
            let stream = self.file.resolve(stream);
            let Some(stream) = stream.stream() else { continue };
            read.insert(stream.id.number);
            let decoded = self.file.decode(stream);
            if decoded.codec.is_some() {
                self.file.note(Reason::Unsupported);
            }
            content.extend_from_slice(&decoded.octets);
            content.push(b'\n');
        }
        content
    }

    /// Of a damaged file: whatever draws text and belongs to no page, by a font that is guessed.
    fn loose_streams(&mut self, words: &mut Words, read: &HashSet<u32>) {
        let font = Object::Dictionary(Dictionary::of(b"BaseFont", Object::Name(b"Helvetica"[..].into())));
        for number in self.file.numbers().into_iter().filter(|number| !read.contains(number)) {
            let object = self.file.object(number);
            let Some(stream) = object.stream() else { continue };
            let dictionary = &stream.dictionary;
            if [b"Type".as_slice(), b"Subtype", b"Length1", b"FunctionType", b"N"].iter().any(|key| dictionary.get(key).is_some()) {
                continue;
            }
            let content = self.file.decode(stream).octets;
            if memchr::memmem::find(&content, b"BT").is_none() || memchr::memmem::find(&content, b"begincmap").is_some() {
                continue;
            }
            let mut walk = Walk::new(self.file, self.gathered);
            walk.fall_back_on(&font);
            let text = walk.text_of(&content, &Dictionary::default(), Matrix::IDENTITY);
            words.line(&text);
        }
    }

    fn catalog(&mut self, catalog: Option<&Dictionary>, words: &mut Words) {
        let Some(catalog) = catalog else { return };
        let names = self.file.get(catalog, b"Names");
        if let Some(names) = names.dictionary() {
            self.gathered.has_program |= names.get(b"JavaScript").is_some();
            self.name_tree(names.get(b"EmbeddedFiles"));
        }
        let action = self.file.get(catalog, b"OpenAction");
        self.action(action.dictionary(), DEPTH);
        self.attached(catalog);
        let form = self.file.get(catalog, b"AcroForm");
        if let Some(form) = form.dictionary() {
            let xfa = self.file.get(form, b"XFA");
            for packet in xfa.array().unwrap_or(std::slice::from_ref(&*xfa)) {
                self.keep_file(None, &self.file.resolve(packet));
            }
        }
        self.outline(&self.file.get(catalog, b"Outlines"), words);
    }

    /// The titles of the bookmarks.
    fn outline(&mut self, outlines: &Object, words: &mut Words) {
        let mut open: Vec<Object> = outlines.dictionary().and_then(|outlines| outlines.get(b"First").cloned()).into_iter().collect();
        let mut seen = HashSet::new();
        while let Some(entry) = open.pop() {
            if let Object::Reference(Id { number, .. }) = entry
                && (!seen.insert(number) || seen.len() > NODES)
            {
                continue;
            }
            let object = self.file.resolve(&entry);
            let Some(dictionary) = object.dictionary() else { continue };
            words.line(&self.file.get(dictionary, b"Title").string().map(text_string).unwrap_or_default());
            let action = self.file.get(dictionary, b"A");
            self.action(action.dictionary(), DEPTH);
            for key in [b"Next".as_slice(), b"First"] {
                open.extend(dictionary.get(key).filter(|next| matches!(next, Object::Reference(_))).cloned());
            }
        }
    }

    /// Attached files by their names (7.9.6, 7.11.4).
    fn name_tree(&mut self, root: Option<&Object>) {
        let mut open: Vec<(Object, usize)> = root.cloned().map(|root| (root, 0)).into_iter().collect();
        let mut nodes = 0;
        while let Some((node, depth)) = open.pop() {
            nodes += 1;
            if nodes > NODES || depth > DEPTH {
                return self.file.note(Reason::Budget);
            }
            let object = self.file.resolve(&node);
            let Some(dictionary) = object.dictionary() else { continue };
            let names = self.file.get(dictionary, b"Names");
            for pair in names.array().unwrap_or_default().chunks_exact(2) {
                let specification = self.file.resolve(&pair[1]);
                self.file_specification(&specification);
            }
            let kids = self.file.get(dictionary, b"Kids");
            open.extend(kids.array().unwrap_or_default().iter().map(|kid| (kid.clone(), depth + 1)));
        }
    }

    /// Files that belong to a page or to the whole (ISO 32000-2, 14.13).
    fn attached(&mut self, owner: &Dictionary) {
        let files = self.file.get(owner, b"AF");
        for specification in files.array().unwrap_or_default() {
            let specification = self.file.resolve(specification);
            self.file_specification(&specification);
        }
    }

    fn file_specification(&mut self, specification: &Object) {
        let Some(dictionary) = specification.dictionary() else { return };
        let name = [b"UF".as_slice(), b"F", b"Desc"].iter().find_map(|key| self.file.get(dictionary, key).string().map(text_string));
        let embedded = self.file.get(dictionary, b"EF");
        let Some(embedded) = embedded.dictionary() else { return };
        let mut streams: Vec<_> = embedded.iter().map(|(_, stream)| self.file.resolve(stream)).collect();
        streams.truncate(4);
        for stream in streams {
            self.keep_file(name.clone(), &stream);
        }
    }

    fn keep_file(&mut self, name: Option<String>, object: &Object) {
        let Some(stream) = object.stream() else { return };
        if self.gathered.files.len() == FILES {
            return self.file.note(Reason::Budget);
        }
        if self.gathered.seen_files.insert(stream.id.number) {
            self.gathered.files.push((name, stream.clone()));
        }
    }
}

struct Page {
    object: Rc<Object>,
    resources: Option<Rc<Object>>,
}

/// A string that is meant for people (7.9.2.2): UTF-16 or UTF-8 with their marks, or an encoding much like windows-1252.
pub fn text_string(octets: &[u8]) -> String {
    let label = if octets.starts_with(b"\xfe\xff") || octets.starts_with(b"\xff\xfe") || octets.starts_with(b"\xef\xbb\xbf") {
        None
    } else {
        Some("windows-1252")
    };
    let text = charset_text(octets, label).0;
    text.trim_start_matches('\u{feff}').to_owned()
}
