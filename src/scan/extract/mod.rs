//! From the leaves of a message to what can be searched: texts and files, however deep they lie.

mod alternatives;
mod archive;
mod calendar;
mod compound;
mod flowed;
mod html;
mod lzw;
mod mailbox;
mod members;
mod office;
mod ole;
mod ooxml;
mod outlook;
mod packed;
mod passwords;
mod pdf;
mod rtf;
mod shortcut;
mod signed;
mod sniff;
mod stream;
mod text;
mod words;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use self::sniff::{Family, Sniffed};
use self::stream::Allowance;
use self::words::Words;
use super::budget::{self, Budget};
use super::parse::{Contents, Declared, Leaf, Mail, may_hold_file};
use crate::finding::{Branch, Defect, Field, Incomplete, Location, Place, Reason};

pub use self::alternatives::differ as alternatives_differ;
pub use self::passwords::given as passwords_given;

/// Words, and where they stand.
pub struct TextExtract {
    pub location: Location,
    pub text: String,
    /// Where in the text each place of a document begins, in octets and in order.
    pub places: Vec<(usize, Place)>,
}

impl TextExtract {
    /// The location of what stands at an octet of the text.
    pub fn location_at(&self, at: usize) -> Location {
        let behind = self.places.partition_point(|(start, _)| *start <= at);
        let place = behind.checked_sub(1).map(|before| self.places[before].1);
        Location { place, ..self.location.clone() }
    }
}

/// A file: an attachment, a member of an archive, a picture inside a document.
pub struct FileExtract<'a> {
    pub part: String,
    pub octets: Cow<'a, [u8]>,
    /// As the sender named it.
    pub name: Option<String>,
    /// As sniffed from the octets.
    pub media_type: &'static str,
    /// A picture in a format that can be decoded.
    pub is_picture: bool,
}

/// What came to light besides files, which are handed on one by one and never gathered.
#[derive(Default)]
pub struct Extracts {
    pub texts: Vec<TextExtract>,
    pub incomplete: Vec<Incomplete>,
    pub defects: Vec<Defect>,
    /// Leaves and members that were looked at.
    pub parts: u32,
    /// The same one by one, where a tree was asked for.
    pub branches: Vec<Branch>,
}

impl Extracts {
    pub fn append(&mut self, mut other: Self) {
        self.texts.append(&mut other.texts);
        self.incomplete.append(&mut other.incomplete);
        self.defects.append(&mut other.defects);
        self.parts += other.parts;
        self.branches.append(&mut other.branches);
    }

    /// What a message holds besides its leaves: subjects, and words between the parts.
    pub fn loose_ends(&mut self, contents: &mut Contents<'_>) {
        self.incomplete.append(&mut contents.incomplete);
        self.defects.append(&mut contents.defects);
        for (part, subject) in contents.subjects.drain(..) {
            self.text(Location { part, field: Field::Subject, place: None }, Cow::Borrowed(subject));
        }
        for (part, text) in contents.stray.drain(..) {
            self.text(Location { part, field: Field::HiddenText, place: None }, Cow::Owned(text));
        }
    }

    fn incomplete(&mut self, part: &str, reason: Reason) {
        self.incomplete.push(Incomplete { part: part.to_owned(), reason });
    }

    /// Words to be searched, as many as are searched of one text; nothing where there are none. NUL is dropped,
    /// as those who show the text drop it.
    fn text(&mut self, location: Location, text: Cow<'_, str>) {
        if text.trim_ascii().is_empty() {
            return;
        }
        let text = if memchr::memchr(0, text.as_bytes()).is_some() { text.replace('\0', "") } else { text.into_owned() };
        self.push(TextExtract { location, text, places: Vec::new() });
    }

    /// The same for words with their places; whoever gathers them leaves NUL out.
    fn words(&mut self, location: Location, words: Words) {
        if !words.text.trim_ascii().is_empty() {
            self.push(TextExtract { location, text: words.text, places: words.places });
        }
    }

    fn push(&mut self, mut extract: TextExtract) {
        let text = &mut extract.text;
        if text.len() > budget::TEXT_OCTETS {
            text.truncate(text.floor_char_boundary(budget::TEXT_OCTETS));
            self.incomplete(&extract.location.part, Reason::Budget);
        }
        self.texts.push(extract);
    }
}

/// A leaf of the message, or a member of a container, and what it was found to be.
pub struct Item<'a> {
    part: String,
    name: Option<Cow<'a, str>>,
    octets: Cow<'a, [u8]>,
    declared: Declared<'a>,
    is_body: bool,
    is_mislabelled: bool,
    /// Read as words, and too odd to be no more than that.
    is_opaque: bool,
    sniffed: Sniffed,
    /// What a text is as well.
    besides: Option<Family>,
    /// Where in it an archive other than zip begins.
    packed_behind: Option<usize>,
    /// How many containers are around it.
    depth: u8,
}

impl<'a> Item<'a> {
    pub fn of_leaf(leaf: Leaf<'a>) -> Self {
        let sniffed = sniff::sniff(&leaf.octets, leaf.declared);
        let is_words = matches!(sniffed.family, Family::Calendar | Family::Html | Family::Text);
        let is_text = sniffed.family == Family::Text && leaf.declared.is_text();
        Self {
            is_opaque: is_words && !sniff::reads_as_text(&leaf.octets, leaf.declared.charset),
            besides: is_text.then(|| sniff::besides(&leaf.octets)).flatten(),
            packed_behind: sniff::packed_behind(&leaf.octets, sniffed.family),
            part: leaf.part,
            name: leaf.name.map(Cow::Borrowed),
            declared: leaf.declared,
            is_body: leaf.is_body && sniffed.family.is_words(),
            is_mislabelled: sniff::is_mislabelled(sniffed, leaf.declared),
            sniffed,
            octets: leaf.octets,
            depth: 0,
        }
    }

    /// Member `number`, counted from 1, of this container.
    fn member<'m>(&self, number: usize, name: Option<Cow<'m, str>>, octets: Cow<'m, [u8]>) -> Item<'m> {
        let leaf = Leaf { part: format!("{}/{number}", self.part), octets, name: None, declared: Declared::default(), is_body: false };
        Item { name, depth: self.depth + 1, ..Item::of_leaf(leaf) }
    }

    /// Its size where further files may come out of it, 0 for what is no container.
    pub fn container_size(&self) -> usize {
        let holds_file = || self.sniffed.family == Family::Text && may_hold_file(&self.octets);
        let is_container = self.sniffed.family.is_container() || self.besides.is_some() || self.packed_behind.is_some();
        if is_container || holds_file() || self.hides_archive() { self.octets.len() } else { 0 }
    }

    /// Words only, for which no other core need be woken.
    pub fn is_light(&self) -> bool {
        self.is_body
    }

    /// A file that begins as one thing and ends as an archive.
    fn hides_archive(&self) -> bool {
        !self.is_body && self.sniffed.family != Family::Archive && sniff::has_archive_behind(&self.octets)
    }

    /// As those see it who look at files.
    pub fn as_file(&self) -> FileExtract<'_> {
        FileExtract {
            part: self.part.clone(),
            octets: Cow::Borrowed(&self.octets),
            name: self.name.as_deref().map(str::to_owned),
            media_type: self.sniffed.media_type,
            is_picture: self.sniffed.family == Family::Picture,
        }
    }

    /// `text/html`; empty where nothing is declared.
    fn declared_type(&self) -> String {
        let Declared { kind, subtype, .. } = self.declared;
        if kind.is_empty() { String::new() } else { format!("{kind}/{subtype}") }
    }

    fn location(&self, field: Field) -> Location {
        Location { part: self.part.clone(), field, place: None }
    }

    fn text_field(&self) -> Field {
        if self.is_body { Field::Body } else { Field::AttachmentText }
    }
}

/// Reads items within a budget.
pub struct Reader<'f> {
    budget: Budget,
    until: Instant,
    /// What the message gives as passwords, the likeliest first.
    passwords: Vec<String>,
    as_tree: bool,
    each_file: &'f mut dyn FnMut(&FileExtract<'_>),
    extracts: Extracts,
}

impl<'f> Reader<'f> {
    /// `each_file` sees every file once, while its octets are in memory.
    pub fn new(budget: Budget, passwords: Vec<String>, as_tree: bool, each_file: &'f mut dyn FnMut(&FileExtract<'_>)) -> Self {
        Self { budget, until: Instant::now() + budget.time(), passwords, as_tree, each_file, extracts: Extracts::default() }
    }

    pub fn into_extracts(self) -> Extracts {
        self.extracts
    }

    /// An item with all that lies inside it.
    pub fn read(&mut self, item: &Item<'_>) {
        let began = Instant::now();
        self.read_inside(item);
        if self.as_tree {
            self.extracts.branches.push(Branch {
                part: item.part.clone(),
                declared: item.declared_type(),
                media_type: item.sniffed.media_type.to_owned(),
                octets: item.octets.len() as u64,
                took: began.elapsed(),
                name: item.name.as_deref().map(str::to_owned),
            });
        }
    }

    fn read_inside(&mut self, item: &Item<'_>) {
        self.name(item);
        if item.is_mislabelled {
            self.extracts.defects.push(Defect::MislabelledType);
        }
        if !item.is_body || item.is_opaque {
            let began = Instant::now();
            (self.each_file)(&item.as_file());
            // Who looks at files keeps a time of his own: heavy pictures take none from the words behind them.
            self.until += began.elapsed();
        }
        if item.is_opaque {
            self.extracts.incomplete(&item.part, Reason::Unsupported);
        }
        if item.depth >= budget::CONTAINER_DEPTH && item.container_size() > 0 {
            if item.besides.is_some() {
                text::read(self, item);
            }
            return self.extracts.incomplete(&item.part, Reason::Budget);
        }
        if item.hides_archive() {
            self.extracts.defects.push(Defect::MislabelledType);
            archive::read(self, item);
        }
        if let Some(start) = item.packed_behind {
            self.extracts.defects.push(Defect::MislabelledType);
            self.behind(item, 1, &item.octets[start..]);
        }
        match item.sniffed.family {
            Family::Archive => self.guarded(item, archive::read),
            Family::Calendar => calendar::read(self, item),
            Family::Html => html::read(self, item),
            Family::Mail => self.mail(item),
            Family::Mailbox => mailbox::read(self, item),
            Family::Outlook(wrapping) => self.guarded(item, |reader, item| outlook::read(reader, item, wrapping)),
            Family::Nothing | Family::Picture => {}
            Family::Pdf => self.guarded(item, pdf::read),
            Family::Office => self.guarded(item, office::read),
            Family::Rtf => self.guarded(item, rtf::read),
            Family::Shortcut => shortcut::read(self, item),
            Family::Packed(packing) => self.guarded(item, |reader, item| packed::read(reader, item, packing)),
            Family::Signed => signed::read(self, item),
            Family::Text => self.text(item),
            Family::Unread(reason) => self.extracts.incomplete(&item.part, reason),
        }
    }

    /// What stands behind the end of an item, as a file of its own.
    fn behind(&mut self, item: &Item<'_>, number: usize, octets: &[u8]) {
        if self.budget.take(octets.len()) {
            self.read(&item.member(number, None, Cow::Borrowed(octets)));
        } else {
            self.extracts.incomplete(&item.part, Reason::Budget);
        }
    }

    /// Containers that lie side by side, the small first, each within its share of what is left: a bomb takes nothing from the
    /// others, and what one of them leaves is there for the next.
    fn unfold(&mut self, mut items: Vec<Item<'_>>) {
        items.sort_by_key(Item::container_size);
        let sizes: Vec<_> = items.iter().map(Item::container_size).collect();
        let now = Instant::now();
        let whole = self.budget.within(self.until.saturating_duration_since(now));
        let shares = whole.shares(&sizes);
        self.budget = shares.iter().fold(whole, |left, share| left.without(*share));
        self.until = now + self.budget.time();
        for (item, share) in items.iter().zip(shares) {
            self.budget = self.budget.with(share);
            self.until += share.time();
            self.read(item);
        }
    }

    /// Reads one file: a fault of its reader costs that, and not the rest of the message. Tests are to see it.
    fn guarded(&mut self, item: &Item<'_>, read: impl FnOnce(&mut Self, &Item<'_>)) {
        if cfg!(test) {
            return read(self, item);
        }
        if catch_unwind(AssertUnwindSafe(|| read(self, item))).is_err() {
            self.extracts.incomplete(&item.part, Reason::Damaged);
        }
    }

    /// Takes a member whose size shows only while it is unpacked; `None` where there is no room for one.
    fn open(&mut self) -> Option<Allowance> {
        if Instant::now() >= self.until {
            return None;
        }
        Some(Allowance { most: self.budget.open()?, until: self.until })
    }

    /// What may be unpacked on trial, to see whether a key fits: nothing is taken for it.
    fn glance(&self) -> Allowance {
        Allowance { most: self.budget.half(), until: self.until }
    }

    /// Of an item that cannot be opened at least the name.
    fn name(&mut self, item: &Item<'_>) {
        self.extracts.parts += 1;
        if let Some(name) = &item.name {
            self.extracts.text(item.location(Field::FileName), Cow::Borrowed(name));
        }
    }

    /// As it stands there, and as what it may be shown as besides.
    fn text(&mut self, item: &Item<'_>) {
        text::read(self, item);
        match item.besides {
            Some(Family::Html) => html::read(self, item),
            Some(Family::Mail) => self.mail(item),
            _ => {}
        }
    }

    /// A message that was attached as a file.
    fn mail(&mut self, item: &Item<'_>) {
        let Some(mail) = Mail::parse(&item.octets) else { return text::read(self, item) };
        let mut contents = mail.contents(&mut self.budget);
        let inside = |part: &str| if part.is_empty() { item.part.clone() } else { format!("{}/{part}", item.part) };
        contents.subjects.iter_mut().for_each(|(part, _)| *part = inside(part));
        contents.stray.iter_mut().for_each(|(part, _)| *part = inside(part));
        contents.alternatives.iter_mut().flatten().for_each(|part| *part = inside(part));
        contents.incomplete.iter_mut().for_each(|incomplete| incomplete.part = inside(&incomplete.part));
        let before = self.extracts.texts.len();
        self.extracts.loose_ends(&mut contents);
        let inner = contents.leaves.into_iter().map(|mut leaf| {
            leaf.part = inside(&leaf.part);
            Item { depth: item.depth + 1, ..Item::of_leaf(leaf) }
        });
        // What is said comes before what is sent along: it may name the password.
        let (said, sent): (Vec<_>, Vec<_>) = inner.partition(Item::is_light);
        for item in &said {
            self.read(item);
        }
        let (unfolding, plain): (Vec<_>, Vec<_>) = sent.into_iter().partition(|item| item.container_size() > 0);
        if !unfolding.is_empty() {
            self.passwords.extend(passwords::given(&self.extracts.texts[before..]));
        }
        for item in &plain {
            self.read(item);
        }
        self.unfold(unfolding);
        if alternatives::differ(&self.extracts.texts[before..], &contents.alternatives) {
            self.extracts.defects.push(Defect::DifferingAlternatives);
        }
    }
}
