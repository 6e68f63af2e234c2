//! Content streams (ISO 32000-1, 7.8.2): the operators that draw text and pictures, followed along.

use std::rc::Rc;

use memchr::memmem;

use super::file::File;
use super::font::Font;
use super::layout::{Drawn, Layout, Matrix};
use super::object::{Dictionary, Lexeme, Lexer, Object, is_space};
use super::{Gathered, InlinePicture};
use crate::finding::Reason;
use crate::scan::budget;

/// Forms inside one another.
const DEPTH: usize = 12;
/// Graphics states that are kept at a time.
const STATES: usize = 256;
/// Operands that an operator may have; the last ones count.
const OPERANDS: usize = 64;
/// What a form, a font or a picture that is written out in place costs of the budget besides its octets.
const PLACE_COST: usize = 1 << 10;
/// Fonts that are kept at a time.
const FONTS: usize = 256;

#[derive(Clone)]
struct State {
    ctm: Matrix,
    font: Option<Rc<Font>>,
    size: f64,
    character_spacing: f64,
    word_spacing: f64,
    /// Horizontal scaling; 1 is none.
    scale: f64,
    leading: f64,
    rise: f64,
}

impl State {
    fn at(ctm: Matrix) -> Self {
        Self { ctm, font: None, size: 0.0, character_spacing: 0.0, word_spacing: 0.0, scale: 1.0, leading: 0.0, rise: 0.0 }
    }
}

/// Follows the content streams of one file.
pub struct Walk<'w, 'b> {
    pub file: &'w File<'b>,
    pub gathered: &'w mut Gathered,
    fallback: Option<Rc<Font>>,
    depth: usize,
    layout: Layout,
    /// Marked content, and whether its text is told in its place.
    marked: Vec<bool>,
    /// Anything was drawn that is text.
    pub has_text: bool,
    pub has_picture: bool,
}

impl<'w, 'b> Walk<'w, 'b> {
    pub fn new(file: &'w File<'b>, gathered: &'w mut Gathered) -> Self {
        Self {
            file,
            gathered,
            fallback: None,
            depth: 0,
            layout: Layout::default(),
            marked: Vec::new(),
            has_text: false,
            has_picture: false,
        }
    }

    /// What the content says, in the order in which it is drawn.
    pub fn text_of(&mut self, content: &[u8], resources: &Dictionary, ctm: Matrix) -> String {
        self.run(content, resources, ctm);
        self.text()
    }

    /// What was drawn so far.
    pub fn text(&mut self) -> String {
        std::mem::take(&mut self.layout).into_text()
    }

    /// The font of text that names none which is there.
    pub fn fall_back_on(&mut self, font: &Object) {
        self.fallback = self.font_of(font);
    }

    fn run(&mut self, content: &[u8], resources: &Dictionary, ctm: Matrix) {
        if self.depth == DEPTH || !self.file.spend(content.len() + PLACE_COST) {
            return self.file.note(Reason::Budget);
        }
        self.depth += 1;
        let marks = self.marked.len();
        let mut run = Run { resources, states: Vec::new(), state: State::at(ctm), text: Matrix::IDENTITY, line: Matrix::IDENTITY };
        let mut lexer = Lexer::new(content, 0);
        let mut operands: Vec<Object> = Vec::new();
        loop {
            match lexer.next() {
                Lexeme::Object(object) => {
                    if operands.len() == OPERANDS {
                        operands.remove(0);
                    }
                    operands.push(object);
                }
                Lexeme::Word(b"BI") => {
                    self.inline_picture(content, &mut lexer, resources);
                    operands.clear();
                }
                Lexeme::Word(word) => {
                    self.operator(&mut run, word, &operands);
                    operands.clear();
                    lexer.refill();
                }
                Lexeme::ArrayEnd | Lexeme::DictionaryEnd => {}
                Lexeme::End => break,
            }
            if self.layout.len() > budget::TEXT_OCTETS {
                self.file.note(Reason::Budget);
                break;
            }
        }
        if lexer.is_exhausted() {
            self.file.note(Reason::Budget);
        }
        self.marked.truncate(marks);
        self.depth -= 1;
    }

    fn operator(&mut self, run: &mut Run<'_>, word: &[u8], operands: &[Object]) {
        let number = |place: usize| operands.get(place).and_then(Object::number).unwrap_or(0.0);
        let last = operands.len().saturating_sub(1);
        match word {
            b"q" if run.states.len() < STATES => run.states.push(run.state.clone()),
            b"Q" => run.state = run.states.pop().unwrap_or_else(|| run.state.clone()),
            b"cm" => run.state.ctm = matrix(operands).then(run.state.ctm),
            b"BT" => run.move_to(Matrix::IDENTITY),
            b"Tf" => {
                run.state.font = operands.first().and_then(Object::name).and_then(|name| self.font(run.resources, name));
                run.state.size = number(1);
            }
            b"Tc" => run.state.character_spacing = number(0),
            b"Tw" => run.state.word_spacing = number(0),
            b"Tz" => run.state.scale = number(0) / 100.0,
            b"TL" => run.state.leading = number(0),
            b"Ts" => run.state.rise = number(0),
            b"Td" => run.next_line(number(0), number(1)),
            b"TD" => {
                run.state.leading = -number(1);
                run.next_line(number(0), number(1));
            }
            b"Tm" => run.move_to(matrix(operands)),
            b"T*" => run.next_line(0.0, -run.state.leading),
            b"Tj" => self.show(run, &operands[last.min(operands.len())..]),
            b"TJ" => self.show(run, operands.last().and_then(Object::array).unwrap_or_default()),
            b"'" => {
                run.next_line(0.0, -run.state.leading);
                self.show(run, &operands[last.min(operands.len())..]);
            }
            b"\"" => {
                run.state.word_spacing = number(0);
                run.state.character_spacing = number(1);
                run.next_line(0.0, -run.state.leading);
                self.show(run, &operands[last.min(operands.len())..]);
            }
            b"Do" => self.external(run, operands.first().and_then(Object::name).unwrap_or_default()),
            b"gs" => self.graphics_state(run, operands.first().and_then(Object::name).unwrap_or_default()),
            b"BMC" | b"BDC" if self.marked.len() < STATES => self.begin_marked(run, operands),
            b"EMC" => drop(self.marked.pop()),
            _ => {}
        }
    }

    fn show(&mut self, run: &mut Run<'_>, pieces: &[Object]) {
        let Some(font) = run.state.font.clone().or_else(|| self.fallback.clone()) else {
            if pieces.iter().any(|piece| piece.string().is_some_and(|string| !string.is_empty())) {
                self.file.note(Reason::Damaged);
            }
            return;
        };
        let silent = self.marked.contains(&true);
        for piece in pieces {
            match piece {
                Object::Number(back) => {
                    let shift = -back / 1_000.0 * run.state.size;
                    run.advance(if font.is_vertical { (0.0, shift) } else { (shift * run.state.scale, 0.0) });
                }
                Object::String(string) => {
                    self.has_text |= !string.is_empty();
                    font.glyphs(string, |glyph| {
                        let spacing = run.state.character_spacing + if glyph.is_space { run.state.word_spacing } else { 0.0 };
                        let (start, size) = run.pen();
                        let step = if font.is_vertical {
                            (0.0, -run.state.size + spacing)
                        } else {
                            ((glyph.width * run.state.size + spacing) * run.state.scale, 0.0)
                        };
                        run.advance(step);
                        match glyph.text {
                            _ if silent => {}
                            Some(text) => self.layout.draw(&Drawn { text: &text, start, end: run.pen().0, size }),
                            // Nothing says what it stands for.
                            None => self.file.note(Reason::Unsupported),
                        }
                    });
                }
                _ => {}
            }
        }
    }

    fn font(&mut self, resources: &Dictionary, name: &[u8]) -> Option<Rc<Font>> {
        let fonts = self.file.get(resources, b"Font");
        self.font_of(fonts.dictionary()?.get(name)?)
    }

    fn font_of(&mut self, font: &Object) -> Option<Rc<Font>> {
        let number = if let Object::Reference(id) = font { Some(id.number) } else { None };
        if let Some((_, known)) = self.gathered.fonts.iter().find(|(own, _)| Some(*own) == number) {
            return Some(Rc::clone(known));
        }
        if number.is_none() && !self.file.spend(4 * PLACE_COST) {
            return None;
        }
        let read = Rc::new(Font::read(self.file, self.file.resolve(font).dictionary()?));
        if let Some(number) = number {
            if self.gathered.fonts.len() == FONTS {
                self.gathered.fonts.remove(0);
            }
            self.gathered.fonts.push((number, Rc::clone(&read)));
        }
        Some(read)
    }

    fn graphics_state(&mut self, run: &mut Run<'_>, name: &[u8]) {
        let states = self.file.get(run.resources, b"ExtGState");
        let state = states.dictionary().map(|states| self.file.get(states, name));
        let font = state.as_deref().and_then(Object::dictionary).map(|state| self.file.get(state, b"Font"));
        if let Some([font, size]) = font.as_deref().and_then(Object::array) {
            run.state.font = self.font_of(font);
            run.state.size = size.number().unwrap_or(0.0);
        }
    }

    /// A form or a picture.
    fn external(&mut self, run: &Run<'_>, name: &[u8]) {
        let objects = self.file.get(run.resources, b"XObject");
        let object = objects.dictionary().map(|objects| self.file.get(objects, name));
        let Some(stream) = object.as_deref().and_then(Object::stream) else { return };
        if stream.dictionary.is(b"Subtype", b"Image") {
            self.has_picture = true;
            if self.gathered.seen_pictures.insert(stream.id.number) {
                self.gathered.pictures.push(stream.clone());
            }
        } else if stream.dictionary.get(b"BBox").is_some() || stream.dictionary.is(b"Subtype", b"Form") {
            self.form(stream, run.resources, run.state.ctm);
        }
    }

    /// A form, drawn with this matrix; what it does not bring along it takes from around it.
    pub fn form(&mut self, form: &super::object::Stream, around: &Dictionary, ctm: Matrix) {
        if !self.gathered.open_forms.insert(form.id.number) {
            return;
        }
        let own = self.file.get(&form.dictionary, b"Matrix");
        let ctm = own.array().map_or(Matrix::IDENTITY, matrix).then(ctm);
        let resources = self.file.get(&form.dictionary, b"Resources");
        let content = self.file.decode(form).octets;
        self.run(&content, resources.dictionary().unwrap_or(around), ctm);
        self.gathered.open_forms.remove(&form.id.number);
    }

    /// Where the text of a marked piece is told, that is what it says (14.9.4).
    fn begin_marked(&mut self, run: &Run<'_>, operands: &[Object]) {
        let named = operands.get(1).and_then(Object::name).map(|name| {
            let properties = self.file.get(run.resources, b"Properties");
            properties.dictionary().map_or_else(|| Rc::new(Object::Null), |properties| self.file.get(properties, name).share())
        });
        let direct = operands.get(1).and_then(Object::dictionary);
        let told = direct.or(named.as_deref().and_then(Object::dictionary)).map(|properties| self.file.get(properties, b"ActualText"));
        let told = told.as_deref().and_then(Object::string).map(super::text_string);
        let silent = self.marked.contains(&true);
        if let Some(told) = told.as_ref().filter(|_| !silent) {
            let (start, size) = run.pen();
            self.layout.draw(&Drawn { text: told, start, end: (start.0 + size * 0.5, start.1), size });
        }
        self.marked.push(told.is_some());
    }

    /// Source: ISO 32000-1, 8.9.7.
    fn inline_picture(&mut self, content: &[u8], lexer: &mut Lexer<'_>, resources: &Dictionary) {
        let mut dictionary = Dictionary::default();
        loop {
            match lexer.next() {
                Lexeme::Object(Object::Name(key)) => match lexer.next() {
                    Lexeme::Object(value) => dictionary.push(key, value),
                    _ => return,
                },
                Lexeme::Word(b"ID") => break,
                _ => return,
            }
        }
        let start = (lexer.at + 1).min(content.len());
        let ends = memmem::find_iter(&content[start..], b"EI").find(|end| {
            let behind = content.get(start + end + 2);
            *end > 0 && is_space(content[start + end - 1]) && behind.is_none_or(|octet| is_space(*octet))
        });
        let end = start + ends.unwrap_or(content.len() - start);
        lexer.at = (end + 2).min(content.len());
        self.has_picture = true;
        if let Some(octets) = content.get(start..end.max(start)).filter(|octets| self.file.spend(octets.len() + PLACE_COST)) {
            let spaces = self.file.get(resources, b"ColorSpace");
            let name = [b"ColorSpace".as_slice(), b"CS"].iter().find_map(|key| dictionary.get(key)).and_then(Object::name);
            let space = name.and_then(|name| spaces.dictionary()?.get(name));
            let space = space.filter(|space| matches!(space, Object::Reference(_)) || self.file.spend(64 * PLACE_COST)).cloned();
            self.gathered.inline_pictures.push(InlinePicture { dictionary, octets: octets.into(), space });
        }
    }
}

/// One content stream on its way.
struct Run<'r> {
    resources: &'r Dictionary,
    states: Vec<State>,
    state: State,
    text: Matrix,
    line: Matrix,
}

impl Run<'_> {
    fn move_to(&mut self, to: Matrix) {
        self.text = to;
        self.line = to;
    }

    fn next_line(&mut self, x: f64, y: f64) {
        self.move_to(Matrix::shift(x, y).then(self.line));
    }

    fn advance(&mut self, (x, y): (f64, f64)) {
        self.text = Matrix::shift(x, y).then(self.text);
    }

    /// Where on the page the pen stands, and the size of what it writes there.
    fn pen(&self) -> ((f64, f64), f64) {
        let map = self.text.then(self.state.ctm);
        let (x, y) = map.apply(0.0, self.state.rise);
        let [_, _, c, d, _, _] = map.0;
        ((x, y), (self.state.size * c.hypot(d)).abs())
    }
}

fn matrix(operands: &[Object]) -> Matrix {
    let mut matrix = Matrix::IDENTITY;
    for (to, operand) in matrix.0.iter_mut().zip(operands) {
        *to = operand.number().unwrap_or(0.0);
    }
    matrix
}
