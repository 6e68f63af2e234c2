//! Which object lies where in a PDF: the cross-reference (ISO 32000-1, 7.5.4 and 7.5.8), object streams, and what is
//! found by searching where the cross-reference is missing or wrong.

mod cross_reference;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::ops::Deref;
use std::rc::Rc;

use memchr::memmem;

use super::crypt::{Key, Locked};
use super::filter::{self, Decoded};
use super::object::{Dictionary, Id, Lexeme, Lexer, Object, Stream};
use crate::finding::Reason;

/// References to references.
const REFERENCES: usize = 32;
/// What an object costs of the budget for as long as it is in memory, in octets.
const OBJECT_COST: usize = 48;
/// Trailers that are looked at where the cross-reference is damaged.
const TRAILERS: usize = 64;
/// Octets at the end of a file in which the mark of its end is looked for first.
const TAIL: usize = 1 << 10;
/// Objects of one file.
const MOST_OBJECTS: usize = 2_000_000;

#[derive(Clone, Copy)]
enum Place {
    At(usize),
    In { stream: u32, index: usize },
}

pub struct File<'b> {
    octets: &'b [u8],
    places: RefCell<HashMap<u32, Place>>,
    trailer: Dictionary,
    key: Option<Key>,
    kept: RefCell<HashMap<u32, Rc<Object>>>,
    /// Object streams, decoded, each with where its objects begin.
    streams: RefCell<HashMap<u32, Rc<ObjectStream>>>,
    /// Where `endstream` stands.
    stream_ends: RefCell<Option<Vec<usize>>>,
    searched: Cell<bool>,
    /// Objects that are being read because another one needs them.
    depth: Cell<usize>,
    /// Why the file was not read whole.
    trouble: RefCell<BTreeSet<Reason>>,
    /// Octets that may still be decoded or walked through.
    room: Cell<u64>,
}

/// An object where it lies, or one that a reference led to.
pub enum Held<'o> {
    Own(&'o Object),
    Shared(Rc<Object>),
}

impl Held<'_> {
    pub fn share(self) -> Rc<Object> {
        match self {
            Self::Own(object) => Rc::new(object.clone()),
            Self::Shared(object) => object,
        }
    }
}

impl Deref for Held<'_> {
    type Target = Object;

    fn deref(&self) -> &Object {
        match self {
            Self::Own(object) => object,
            Self::Shared(object) => object,
        }
    }
}

#[derive(Default)]
struct ObjectStream {
    octets: Vec<u8>,
    /// Number of each object, and where it begins.
    objects: Vec<(u32, usize)>,
}

impl<'b> File<'b> {
    /// Finds the objects of a file. `room` is how many octets may be decoded of it.
    ///
    /// # Errors
    /// [`Locked`] where a password is needed and none of these is it.
    pub fn open<'p>(octets: &'b [u8], room: u64, passwords: impl Iterator<Item = &'p [u8]>) -> Result<Self, Locked> {
        // What stands before the header is not counted.
        let head = &octets[..octets.len().min(1 << 10)];
        let octets = &octets[memmem::find(head, b"%PDF-").unwrap_or(0)..];
        let mut file = Self {
            octets,
            places: RefCell::default(),
            trailer: Dictionary::default(),
            key: None,
            kept: RefCell::default(),
            streams: RefCell::default(),
            stream_ends: RefCell::default(),
            searched: Cell::new(false),
            depth: Cell::new(0),
            trouble: RefCell::default(),
            room: Cell::new(room),
        };
        if file.is_cut() {
            file.note(Reason::Damaged);
        }
        match file.cross_reference() {
            Some(trailer) => file.trailer = trailer,
            None => file.search(),
        }
        file.unlock(passwords)?;
        if file.catalog().is_none() && !file.searched.get() {
            file.search();
            file.unlock(std::iter::empty())?;
        }
        Ok(file)
    }

    /// Why the file was not read whole, so far.
    pub fn trouble(&self) -> Vec<Reason> {
        self.trouble.borrow().iter().copied().collect()
    }

    pub fn note(&self, reason: Reason) {
        self.trouble.borrow_mut().insert(reason);
    }

    /// Octets of the budget that are left.
    pub fn room(&self) -> u64 {
        self.room.get()
    }

    /// Takes octets of the budget for what is walked through; false, and noted, where there are not so many.
    pub fn spend(&self, octets: usize) -> bool {
        let left = self.room.get().checked_sub(octets as u64);
        self.room.set(left.unwrap_or(0));
        if left.is_none() {
            self.note(Reason::Budget);
        }
        left.is_some()
    }

    pub fn catalog(&self) -> Option<Held<'_>> {
        let catalog = self.resolve(self.trailer.get(b"Root")?);
        catalog.dictionary()?.get(b"Pages").is_some().then_some(catalog)
    }

    pub fn info(&self) -> Option<Held<'_>> {
        self.trailer.get(b"Info").map(|info| self.resolve(info))
    }

    /// The numbers of all objects, in order.
    pub fn numbers(&self) -> Vec<u32> {
        let mut numbers: Vec<_> = self.places.borrow().keys().copied().collect();
        numbers.sort_unstable();
        numbers
    }

    /// Looks for every object where the file was damaged: what no reference leads to may be a page whose parent is lost.
    pub fn was_searched(&self) -> bool {
        self.searched.get()
    }

    /// What a reference leads to, or the object itself; null where it leads nowhere.
    pub fn resolve<'o>(&self, object: &'o Object) -> Held<'o> {
        let Object::Reference(id) = object else { return Held::Own(object) };
        let mut id = *id;
        for _ in 0..REFERENCES {
            let found = self.load(id.number);
            match &*found {
                Object::Reference(next) => id = *next,
                _ => return Held::Shared(found),
            }
        }
        Held::Own(&Object::Null)
    }

    /// The value of a key, references followed; null where there is none.
    pub fn get<'d>(&self, dictionary: &'d Dictionary, key: &[u8]) -> Held<'d> {
        dictionary.get(key).map_or(Held::Own(&Object::Null), |value| self.resolve(value))
    }

    pub fn object(&self, number: u32) -> Rc<Object> {
        self.load(number)
    }

    fn load(&self, number: u32) -> Rc<Object> {
        if let Some(kept) = self.kept.borrow().get(&number) {
            return Rc::clone(kept);
        }
        if self.depth.get() == REFERENCES {
            return Rc::new(Object::Null);
        }
        // What leads back to itself finds nothing there.
        self.kept.borrow_mut().insert(number, Rc::new(Object::Null));
        self.depth.set(self.depth.get() + 1);
        let place = self.places.borrow().get(&number).copied();
        let loaded = match place {
            Some(Place::At(at)) => self.indirect(number, at).or_else(|| {
                // The cross-reference is wrong here, and so perhaps elsewhere.
                self.search_once().then(|| self.places.borrow().get(&number).copied()).flatten().and_then(|place| match place {
                    Place::At(at) => self.indirect(number, at),
                    Place::In { stream, index } => self.inside(number, stream, index),
                })
            }),
            Some(Place::In { stream, index }) => self.inside(number, stream, index),
            None => None,
        };
        self.depth.set(self.depth.get() - 1);
        let loaded = Rc::new(loaded.unwrap_or(Object::Null));
        self.kept.borrow_mut().insert(number, Rc::clone(&loaded));
        loaded
    }

    /// What was read from an octet on costs as much as it is long, and as it takes in memory.
    fn pay_for(&self, lexer: &Lexer<'_>, from: usize) {
        if lexer.is_exhausted() {
            self.note(Reason::Budget);
        }
        self.spend(lexer.at.saturating_sub(from) + lexer.count() * OBJECT_COST);
    }

    /// The object `number` that begins at this place; `None` where it does not.
    fn indirect(&self, number: u32, at: usize) -> Option<Object> {
        if self.room.get() == 0 {
            self.note(Reason::Budget);
            return None;
        }
        let mut lexer = Lexer::new(self.octets, at);
        let id = lexer.object_start().filter(|id| id.number == number)?;
        let mut object = lexer.object().unwrap_or(Object::Null);
        self.pay_for(&lexer, at);
        let is_cross_reference = object.dictionary().is_some_and(|dictionary| dictionary.is(b"Type", b"XRef"));
        if let Some(key) = self.key.as_ref().filter(|_| !is_cross_reference) {
            key.unlock_strings(&mut object, id);
        }
        let Object::Dictionary(dictionary) = object else { return Some(object) };
        let Some(start) = self.stream_start(&mut lexer) else { return Some(Object::Dictionary(dictionary)) };
        let end = self.stream_end(&dictionary, start);
        Some(Object::Stream(Stream { id, dictionary, start, end }))
    }

    fn stream_start(&self, lexer: &mut Lexer<'_>) -> Option<usize> {
        if !matches!(lexer.next(), Lexeme::Word(b"stream")) {
            return None;
        }
        let at = lexer.at;
        Some(match self.octets.get(at..)? {
            [b'\r', b'\n', ..] => at + 2,
            [b'\n' | b'\r', ..] => at + 1,
            _ => at,
        })
    }

    /// As the dictionary says if `endstream` follows there, or else where that stands next.
    fn stream_end(&self, dictionary: &Dictionary, start: usize) -> usize {
        let length = dictionary.get(b"Length").and_then(|length| self.resolve(length).count());
        let told = length.and_then(|length| start.checked_add(length)).filter(|end| *end <= self.octets.len());
        let is_end = |end: usize| {
            self.octets[end..]
                .iter()
                .take(4)
                .position(|octet| !octet.is_ascii_whitespace())
                .is_some_and(|gap| self.octets[end + gap..].starts_with(b"endstream"))
        };
        if let Some(end) = told.filter(|end| is_end(*end)) {
            return end;
        }
        let mut ends = self.stream_ends.borrow_mut();
        let ends = ends.get_or_insert_with(|| memmem::find_iter(self.octets, b"endstream").collect());
        let next = ends.get(ends.partition_point(|end| *end < start)).copied();
        next.unwrap_or_else(|| {
            self.note(Reason::Damaged);
            self.octets.len()
        })
    }

    fn inside(&self, number: u32, stream: u32, index: usize) -> Option<Object> {
        let stream = self.object_stream(stream)?;
        let place = stream.objects.get(index).filter(|(own, _)| *own == number);
        let (_, at) = place.or_else(|| stream.objects.iter().find(|(own, _)| *own == number))?;
        let mut lexer = Lexer::new(&stream.octets, *at);
        let object = lexer.object();
        self.pay_for(&lexer, *at);
        object
    }

    fn object_stream(&self, number: u32) -> Option<Rc<ObjectStream>> {
        if let Some(kept) = self.streams.borrow().get(&number) {
            return Some(Rc::clone(kept));
        }
        self.streams.borrow_mut().insert(number, Rc::default());
        // An object stream in an object stream is none.
        let Some(Place::At(at)) = self.places.borrow().get(&number).copied() else { return None };
        let object = self.indirect(number, at)?;
        let octets = self.decode(object.stream()?).octets;
        let first = object.dictionary()?.get(b"First")?.count()?;
        let mut lexer = Lexer::new(&octets, 0);
        let mut objects = Vec::new();
        while lexer.at < first {
            let Some((number, at)) = lexer.digits().zip(lexer.digits()) else { break };
            objects.push((u32::try_from(number).ok()?, first.saturating_add(usize::try_from(at).ok()?)));
        }
        let stream = Rc::new(ObjectStream { octets, objects });
        self.streams.borrow_mut().insert(number, Rc::clone(&stream));
        Some(stream)
    }

    /// The octets of a stream, unlocked and decoded as far as the budget goes and filters are known.
    pub fn decode(&self, stream: &Stream) -> Decoded {
        let decoded = filter::decode(self, &stream.dictionary, self.raw(stream), self.room.get());
        self.spend(decoded.octets.len());
        if decoded.is_damaged {
            self.note(Reason::Damaged);
        }
        if decoded.is_cut {
            self.note(Reason::Budget);
        }
        decoded
    }

    fn raw(&self, stream: &Stream) -> Cow<'b, [u8]> {
        let octets = &self.octets[stream.start.min(stream.end)..stream.end];
        match &self.key {
            Some(key) if !stream.dictionary.is(b"Type", b"XRef") => key.unlock_stream(octets, stream, self),
            _ => Cow::Borrowed(octets),
        }
    }

    fn unlock<'p>(&mut self, passwords: impl Iterator<Item = &'p [u8]>) -> Result<(), Locked> {
        let Some(encryption) = self.trailer.get(b"Encrypt") else { return Ok(()) };
        // Its strings are not encrypted themselves, and no key is known yet.
        let encryption = self.resolve(encryption);
        let id = self.trailer.get(b"ID").map(|id| self.resolve(id));
        let first = id.as_deref().and_then(Object::array).and_then(<[_]>::first).and_then(Object::string).unwrap_or_default();
        let Some(dictionary) = encryption.dictionary() else { return Ok(()) };
        let key = Key::find(self, dictionary, first, passwords)?;
        self.key = Some(key);
        // What was read before the key was known is read again.
        self.kept.borrow_mut().clear();
        self.streams.borrow_mut().clear();
        if self.searched.get() {
            self.find_objects();
        }
        Ok(())
    }

    /// Whether objects stand behind the last mark of an end: what changed the file last did not come to its own.
    fn is_cut(&self) -> bool {
        let end = last(self.octets, b"%%EOF").unwrap_or(0);
        memmem::find(&self.octets[end..], b" obj").is_some()
    }

    fn search_once(&self) -> bool {
        if self.searched.get() {
            return false;
        }
        self.find_objects();
        true
    }

    /// Finds the objects by their beginnings, and a trailer by its looks.
    fn search(&mut self) {
        self.kept.borrow_mut().clear();
        self.streams.borrow_mut().clear();
        self.places.borrow_mut().clear();
        self.find_objects();
        self.trailer = self.find_trailer();
    }

    /// The last of equal number counts: a file is changed by adding to it.
    fn find_objects(&self) {
        self.searched.set(true);
        self.note(Reason::Damaged);
        let starts: Vec<_> = memmem::find_iter(self.octets, b"obj").filter_map(|at| self.start_before(at)).take(MOST_OBJECTS).collect();
        let mut places: HashMap<u32, Place> = starts.iter().map(|(number, at)| (*number, Place::At(*at))).collect();
        self.places.borrow_mut().clone_from(&places);
        for (stream, at) in &starts {
            let head = &self.octets[*at..self.octets.len().min(at + 512)];
            if memmem::find(head, b"/ObjStm").is_none() || self.room.get() == 0 {
                continue;
            }
            let inside = self.object_stream(*stream).map(|stream| stream.objects.clone()).unwrap_or_default();
            for (index, (number, _)) in inside.into_iter().enumerate().take(MOST_OBJECTS) {
                places.entry(number).or_insert(Place::In { stream: *stream, index });
            }
        }
        *self.places.borrow_mut() = places;
    }

    /// The number of the object whose `obj` stands at this place, and where it begins.
    fn start_before(&self, at: usize) -> Option<(u32, usize)> {
        let before = &self.octets[at.saturating_sub(24)..at];
        let number = |text: &[u8]| {
            let text = text.trim_ascii_end();
            let digits = text.iter().rev().take_while(|octet| octet.is_ascii_digit()).count();
            (digits > 0).then(|| text.len() - digits)
        };
        let generation = number(before)?;
        let start = number(&before[..generation]).filter(|_| before[generation - 1].is_ascii_whitespace())?;
        let mut lexer = Lexer::new(self.octets, at - before.len() + start);
        let id = lexer.object_start()?;
        Some((id.number, at - before.len() + start))
    }

    fn find_trailer(&self) -> Dictionary {
        // The last one counts.
        let mut trailers = VecDeque::with_capacity(TRAILERS);
        for at in memmem::find_iter(self.octets, b"trailer") {
            trailers.truncate(TRAILERS - 1);
            trailers.push_front(at);
        }
        let read = |at: usize| Lexer::new(self.octets, at + b"trailer".len()).object()?.dictionary().cloned();
        let found = trailers.into_iter().filter_map(read).find(|trailer| trailer.get(b"Root").is_some());
        let mut best = found.unwrap_or_default();
        if best.get(b"Root").is_some() {
            return best;
        }
        for number in self.numbers() {
            let object = self.load(number);
            let Some(dictionary) = object.dictionary() else { continue };
            if dictionary.is(b"Type", b"XRef") && dictionary.get(b"Root").is_some() {
                best = dictionary.clone();
            }
            if dictionary.is(b"Type", b"Catalog") && best.get(b"Root").is_none() {
                best = Dictionary::of(b"Root", Object::Reference(Id { number, generation: 0 }));
            }
        }
        best
    }
}

/// Where `what` stands last. Searching all of it backwards would take ten times as long.
fn last(octets: &[u8], what: &[u8]) -> Option<usize> {
    let tail = octets.len().saturating_sub(TAIL);
    memmem::rfind(&octets[tail..], what).map(|at| tail + at).or_else(|| memmem::find_iter(octets, what).last())
}
