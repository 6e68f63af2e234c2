//! The faults of one file, told where they stand.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use crate::fault::{At, Excerpt, Fault};
use crate::written::MENDED;

/// Of one file: more are counted, not told.
const MAX_FAULTS: usize = 50;

/// The text of a file, and where its lines begin.
pub struct Source<'a> {
    pub path: &'a Path,
    pub text: &'a str,
    lines: Vec<usize>,
}

/// The faults of one file, as they are found: where they stand is looked up for those that are told.
pub struct Faults<'a> {
    pub source: &'a Source<'a>,
    rule: String,
    found: Vec<Found>,
}

struct Found {
    /// In octets of the text.
    offset: usize,
    why: String,
    hint: String,
}

impl<'a> Source<'a> {
    pub fn new(path: &'a Path, text: &'a str) -> Self {
        let lines = [0].into_iter().chain(memchr::memchr_iter(b'\n', text.as_bytes()).map(|end| end + 1)).collect();
        Self { path, text, lines }
    }

    /// The place of an octet offset, with what is written there.
    pub fn place(&self, offset: usize) -> At {
        let line = self.lines.partition_point(|start| *start <= offset).max(1);
        let start = self.lines[line - 1];
        let end = self.lines.get(line).map_or(self.text.len(), |next| next - 1);
        let excerpt = Excerpt::of(self.text.get(start..end).unwrap_or_default(), offset.saturating_sub(start));
        At { file: self.path.to_owned(), line: Some(line), column: excerpt.as_ref().map(Excerpt::column), excerpt: excerpt.map(Box::new) }
    }
}

impl<'a> Faults<'a> {
    pub fn of(source: &'a Source<'a>, rule: &str) -> Self {
        Self { source, rule: rule.to_owned(), found: Vec::new() }
    }

    /// For faults of another kind of the same file.
    pub fn aside(&self) -> Self {
        Self::of(self.source, &self.rule)
    }

    pub fn are_none(&self) -> bool {
        self.found.is_empty()
    }

    pub fn at<T>(&mut self, value: &Spanned<T>, why: impl Into<String>, hint: impl Into<String>) {
        self.tell(&value.span(), why, hint);
    }

    /// At an octet offset inside a string of the file, where it stands there as it is meant.
    pub fn inside(&mut self, value: &Spanned<String>, offset: usize, why: impl Into<String>, hint: impl Into<String>) {
        let span = value.span();
        let begins = self.source.text.get(span.clone()).and_then(|written| written.find(value.get_ref().as_str()));
        let start = begins.map_or(span.start, |begins| span.start + begins + offset);
        self.tell(&(start..span.end), why, hint);
    }

    /// A consequence of something that was told already is not told.
    pub fn tell(&mut self, span: &Range<usize>, why: impl Into<String>, hint: impl Into<String>) {
        if span.start == MENDED {
            return;
        }
        self.found.push(Found { offset: span.start, why: why.into(), hint: hint.into() });
    }

    /// In the order of the file; the first of them, and how many more there are.
    pub fn told(self) -> Vec<Fault> {
        let what = format!("rule `{}` does not compile", self.rule);
        self.told_as(&what)
    }

    pub fn told_as(mut self, what: &str) -> Vec<Fault> {
        self.found.sort_by_key(|found| found.offset);
        let untold = self.found.len().saturating_sub(MAX_FAULTS);
        let told = self.found.into_iter().take(MAX_FAULTS).map(|Found { offset, why, hint }| {
            let at = Some(self.source.place(offset));
            Fault { what: what.to_owned(), at, why, hint }
        });
        let mut told: Vec<_> = told.collect();
        if untold > 0 {
            told.push(of_file(&self.rule, self.source.path, format!("{untold} more faults"), "see to those above first"));
        }
        told
    }
}

/// A fault of a file as a whole.
pub fn of_file(rule: &str, path: &Path, why: String, hint: &str) -> Fault {
    Fault { what: format!("rule `{rule}` does not compile"), at: Some(At::file(path)), why, hint: hint.to_owned() }
}
