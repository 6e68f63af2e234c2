//! The faults of one file, told where they stand.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use crate::fault::{At, Fault};

/// The faults of one file, as they are found.
pub struct Faults<'a> {
    pub path: &'a Path,
    pub text: &'a str,
    pub rule: String,
    pub list: Vec<Fault>,
}

impl<'a> Faults<'a> {
    /// For faults of another kind of the same file.
    pub fn aside(&self) -> Faults<'a> {
        Faults { path: self.path, text: self.text, rule: self.rule.clone(), list: Vec::new() }
    }

    pub fn at<T>(&mut self, value: &Spanned<T>, why: impl Into<String>, hint: impl Into<String>) {
        self.tell(&value.span(), why, hint);
    }

    /// At an octet offset inside a string of the file, where it stands there as it is meant.
    pub fn inside(&mut self, value: &Spanned<String>, offset: usize, why: impl Into<String>, hint: impl Into<String>) {
        let span = value.span();
        let begins = self.text.get(span.clone()).and_then(|written| written.find(value.get_ref().as_str()));
        let start = begins.map_or(span.start, |begins| span.start + begins + offset);
        self.tell(&(start..span.end), why, hint);
    }

    pub fn tell(&mut self, span: &Range<usize>, why: impl Into<String>, hint: impl Into<String>) {
        let at = Some(self.place(span.start));
        self.list.push(Fault { what: format!("rule `{}` does not compile", self.rule), at, why: why.into(), hint: hint.into() });
    }

    pub fn alone(&self, why: String, hint: &str) -> Vec<Fault> {
        vec![Fault { what: format!("rule `{}` does not compile", self.rule), at: Some(At::file(self.path)), why, hint: hint.to_owned() }]
    }

    pub fn place(&self, offset: usize) -> At {
        At::offset(self.path, self.text, offset)
    }
}
