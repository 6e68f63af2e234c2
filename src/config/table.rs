//! Reads TOML tables key by key and remembers every fault on the way, so that all are told at once.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::fault::{At, Fault};
use crate::written::did_you_mean;

/// A file that is being read, and what was found wrong with it.
pub(super) struct Source<'t> {
    pub path: &'t Path,
    pub text: &'t str,
    faults: RefCell<Vec<Fault>>,
    passwords: Passwords,
}

/// What a process may do with the passwords that the file names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passwords {
    LeftAlone,
    Tried,
}

/// One table of the file. Keys that nobody asks for are faults.
pub(super) struct Table<'t> {
    /// As it stands in the file: `[school]`, `[[server]]`; empty for the file itself.
    name: &'static str,
    entries: &'t DeTable<'t>,
    span: Range<usize>,
    source: &'t Source<'t>,
    asked: RefCell<BTreeSet<&'t str>>,
}

/// A value together with the place where it stands.
pub(super) struct Placed<T> {
    pub value: T,
    pub at: At,
}

/// Why a value cannot be used, and what to write instead.
#[derive(Clone)]
pub(super) struct Wrong {
    pub why: String,
    pub hint: String,
}

impl<'t> Source<'t> {
    pub fn new(path: &'t Path, text: &'t str, passwords: Passwords) -> Self {
        Self { path, text, faults: RefCell::default(), passwords }
    }

    pub fn tell(&self, fault: Fault) {
        self.faults.borrow_mut().push(fault);
    }

    pub fn at(&self, span: &Range<usize>) -> At {
        At::offset(self.path, self.text, span.start)
    }

    /// Every fault, in the order of the file.
    pub fn into_faults(self) -> Vec<Fault> {
        let mut faults = self.faults.into_inner();
        faults.sort_by(|a, b| a.at.cmp(&b.at));
        faults
    }
}

impl<'t> Table<'t> {
    pub fn whole_file(source: &'t Source<'t>, entries: &'t Spanned<DeTable<'t>>) -> Self {
        Self::new("", entries.get_ref(), entries.span(), source)
    }

    fn new(name: &'static str, entries: &'t DeTable<'t>, span: Range<usize>, source: &'t Source<'t>) -> Self {
        Self { name, entries, span, source, asked: RefCell::default() }
    }

    /// The place of the table's header, or the file.
    pub fn at(&self) -> At {
        if self.name.is_empty() { At::file(self.path()) } else { self.source.at(&self.span) }
    }

    /// The value of a key, or `None` when it is absent or wrong.
    pub fn optional<T>(&self, key: &'static str, kind: impl FnOnce(&DeValue<'t>) -> Result<T, Wrong>) -> Option<T> {
        self.placed(key, kind).map(|placed| placed.value)
    }

    /// As `optional`, with the place of the value for a later check.
    pub fn placed<T>(&self, key: &'static str, kind: impl FnOnce(&DeValue<'t>) -> Result<T, Wrong>) -> Option<Placed<T>> {
        let value = self.lookup(key)?;
        let at = self.source.at(&value.span());
        match kind(value.get_ref()) {
            Ok(value) => Some(Placed { value, at }),
            Err(wrong) => {
                self.tell(format!("`{key}`{} cannot be used", self.of_table()), at, wrong);
                None
            }
        }
    }

    /// As `optional`; that it is absent is a fault, and `example` says what to write.
    pub fn required<T>(&self, key: &'static str, example: &str, kind: impl FnOnce(&DeValue<'t>) -> Result<T, Wrong>) -> Option<T> {
        if !self.has(key) {
            let why = "it has no default".to_owned();
            self.tell(format!("`{key}`{} is missing", self.of_table()), self.at(), Wrong { why, hint: format!("add `{key} = {example}`") });
            return None;
        }
        self.optional(key, kind)
    }

    /// Reads a table within this one; one that is absent is read as an empty one.
    pub fn section<T>(&self, key: &'static str, name: &'static str, read: impl FnOnce(&Table<'_>) -> T) -> Option<T> {
        let Some(value) = self.lookup(key) else {
            let nothing = DeTable::new();
            return Some(read(&Table::new(name, &nothing, self.span.clone(), self.source)));
        };
        match value.get_ref() {
            DeValue::Table(entries) => Some(Table::new(name, entries, value.span(), self.source).read(read)),
            other => {
                let hint = format!("write {name} in a line of its own, and its keys below it");
                self.wrong_shape(key, name, other, value.span(), hint);
                None
            }
        }
    }

    /// As `section`; that it is absent is a fault.
    pub fn required_section<T>(&self, key: &'static str, name: &'static str, read: impl FnOnce(&Table<'_>) -> T) -> Option<T> {
        if self.has(key) {
            return self.section(key, name, read);
        }
        let why = "some of its keys have no default".to_owned();
        self.tell(
            format!("{name} is missing"),
            self.at(),
            Wrong { why, hint: "docs/technician.md shows a whole configuration".to_owned() },
        );
        None
    }

    /// Reads every table of an array of tables; none when it is absent.
    pub fn each(&self, key: &'static str, name: &'static str, mut read: impl FnMut(&Table<'_>)) {
        let Some(value) = self.lookup(key) else { return };
        let hint = format!("write {name} with two brackets, once for each, and its keys below it");
        let DeValue::Array(items) = value.get_ref() else {
            return self.wrong_shape(key, name, value.get_ref(), value.span(), hint);
        };
        for item in items {
            match item.get_ref() {
                DeValue::Table(entries) => Table::new(name, entries, item.span(), self.source).read(&mut read),
                other => self.wrong_shape(key, name, other, item.span(), hint.clone()),
            }
        }
    }

    /// Every key and value, for a table whose keys are data.
    pub fn entries(&self) -> impl Iterator<Item = (Placed<&'t str>, Placed<&'t DeValue<'t>>)> + '_ {
        self.asked.borrow_mut().extend(self.entries.keys().map(|key| key.get_ref().as_ref()));
        self.entries.iter().map(|(key, value)| {
            (
                Placed { value: key.get_ref().as_ref(), at: self.source.at(&key.span()) },
                Placed { value: value.get_ref(), at: self.source.at(&value.span()) },
            )
        })
    }

    /// The file that this table stands in.
    pub fn path(&self) -> &'t Path {
        self.source.path
    }

    /// A path as it is meant: relative to the directory of the file.
    pub fn beside(&self, written: &str) -> PathBuf {
        self.path().parent().unwrap_or(Path::new("")).join(written)
    }

    pub fn has(&self, key: &'static str) -> bool {
        self.lookup(key).is_some()
    }

    pub fn passwords(&self) -> Passwords {
        self.source.passwords
    }

    /// Tells of a fault that lies elsewhere: in a file that the table names.
    pub fn tell_of(&self, fault: Fault) {
        self.source.tell(fault);
    }

    pub fn tell(&self, what: String, at: At, wrong: Wrong) {
        self.source.tell(Fault { what, at: Some(at), why: wrong.why, hint: wrong.hint });
    }

    /// Reads, then tells of the keys that were not asked for.
    pub fn read<T>(self, read: impl FnOnce(&Self) -> T) -> T {
        let result = read(&self);
        let asked = self.asked.borrow();
        for key in self.entries.keys().filter(|key| !asked.contains(key.get_ref().as_ref())) {
            let written = key.get_ref().as_ref();
            let hint = if written == "password" {
                "write the password into a file of its own, mode 0600, and name it with `password_file`".to_owned()
            } else {
                did_you_mean(written, asked.iter().copied())
            };
            let why = match self.name {
                "" => "there is no such section".to_owned(),
                name => format!("there is no such key in {name}"),
            };
            self.tell(format!("`{written}` is unknown"), self.source.at(&key.span()), Wrong { why, hint });
        }
        drop(asked);
        result
    }

    fn lookup(&self, key: &'static str) -> Option<&'t Spanned<DeValue<'t>>> {
        self.asked.borrow_mut().insert(key);
        self.entries.get(key)
    }

    fn wrong_shape(&self, key: &str, name: &str, found: &DeValue<'_>, span: Range<usize>, hint: String) {
        let why = format!("expected {name}, found {}", article(found));
        self.tell(format!("`{key}`{} cannot be used", self.of_table()), self.source.at(&span), Wrong { why, hint });
    }

    fn of_table(&self) -> String {
        if self.name.is_empty() { String::new() } else { format!(" of {}", self.name) }
    }
}

/// What a value is, for people: `a string`, `an integer`.
pub(super) fn article(value: &DeValue<'_>) -> String {
    let kind = value.type_str();
    let article = if kind.starts_with(['a', 'i']) { "an" } else { "a" };
    format!("{article} {kind}")
}
