//! A TOML file as somebody wrote it: read into a form, with everything in it that does not fit the form.
//!
//! Whoever reads into a form stops at the first thing that does not fit. So that all are told at once, what does not fit is mended
//! as it was probably meant, or by something that fits, and the file is read on. What was put in stands at [`MENDED`]: what is said
//! of it later is a consequence, and nobody's fault.

mod nearest;

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Error, ValueDeserializer};
use toml::value::Datetime;

pub use nearest::{did_you_mean, nearest};

/// Where everything stands that was put in to read on, in octets of the text: no text is as long.
pub const MENDED: usize = usize::MAX;
/// Of one file: after that many, it is not mended any more.
const MAX_MENDED: usize = 50;
/// The most octets that are read again, over all readings of one file: a long file full of faults is not worth a minute.
const MAX_READ_AGAIN: usize = 8 << 20;

/// Something that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Where it begins, in octets of the text.
    pub offset: usize,
    pub why: String,
    /// What was probably meant.
    pub hint: Option<String>,
}

/// What came of reading a file into a form.
pub struct Written<'t, T> {
    /// `None` where it is not TOML, or could not be mended.
    pub form: Option<T>,
    /// In the order of the file.
    pub misfits: Vec<Misfit>,
    root: Spanned<DeValue<'t>>,
}

impl<T> Written<'_, T> {
    /// Where the value of this key begins, in octets of the text; the beginning of the file where there is none, and [`MENDED`]
    /// where anything in it was mended.
    pub fn place(&self, key: &str) -> usize {
        self.root.get_ref().get(key).map_or(0, place)
    }

    /// As [`Written::place`], of one of several tables of that name, counted from 0.
    pub fn place_of(&self, key: &str, number: usize) -> usize {
        self.root.get_ref().get(key).and_then(|tables| tables.get_ref().get(number)).map_or(0, place)
    }
}

fn place(value: &Spanned<DeValue<'_>>) -> usize {
    let within = match value.get_ref() {
        DeValue::Array(items) => items.iter().map(place).max(),
        DeValue::Table(entries) => entries.values().map(place).max(),
        _ => None,
    };
    if within == Some(MENDED) { MENDED } else { value.span().start }
}

/// The tables of a text.
///
/// # Errors
/// Every place where it is not TOML, in the order of the text.
pub fn tables(text: &str) -> Result<Spanned<DeTable<'_>>, Vec<Misfit>> {
    let (entries, broken) = DeTable::parse_recoverable(text);
    if broken.is_empty() { Ok(entries) } else { Err(sorted(broken.iter().map(Misfit::of).collect())) }
}

/// Reads a text into a form. `words` are strings that fit where the form asks for one of a kind: an address, a name.
pub fn read<'t, T: DeserializeOwned>(text: &'t str, words: &'static [&'static str]) -> Written<'t, T> {
    let root = |entries: Spanned<DeTable<'t>>| Spanned::new(entries.span(), DeValue::Table(entries.into_inner()));
    let entries = match tables(text) {
        Ok(entries) => entries,
        Err(misfits) => return Written { form: None, misfits, root: root(Spanned::new(0..0, DeTable::new())) },
    };
    let mut draft = Draft { root: root(entries), words, size: text.len().max(1), left: MAX_READ_AGAIN.max(text.len()) };
    let mut misfits: Vec<Misfit> = Vec::new();
    let form = loop {
        match draft.read() {
            Ok(form) => break Some(form),
            Err(error) => {
                if error.span().is_none_or(|span| span.start != MENDED) {
                    misfits.push(Misfit::of(&error));
                }
                if misfits.len() >= MAX_MENDED || !draft.mend::<T>(&error) {
                    break None;
                }
            }
        }
    };
    Written { form, misfits: sorted(misfits), root: draft.root }
}

fn sorted(mut misfits: Vec<Misfit>) -> Vec<Misfit> {
    misfits.sort_by_key(|misfit| misfit.offset);
    misfits
}

impl Misfit {
    fn of(error: &Error) -> Self {
        let offset = error.span().map_or(0, |span| span.start);
        let hint = unknown_key(error).and_then(|(written, known)| nearest(written, &known)).map(|meant| format!("did you mean `{meant}`?"));
        Self { offset, why: error.message().to_owned(), hint }
    }
}

/// The file as far as it was mended.
struct Draft<'t> {
    root: Spanned<DeValue<'t>>,
    words: &'static [&'static str],
    /// In octets of the text.
    size: usize,
    /// Octets that may be read again.
    left: usize,
}

impl<'t> Draft<'t> {
    fn read<T: DeserializeOwned>(&mut self) -> Result<T, Error> {
        self.left = self.left.saturating_sub(self.size);
        T::deserialize(ValueDeserializer::from(self.root.clone()))
    }

    /// Whether another reading comes further than this error.
    fn mend<T: DeserializeOwned>(&mut self, error: &Error) -> bool {
        let Some(span) = error.span() else { return false };
        if let Some((written, known)) = unknown_key(error) {
            return self.rename(&span, nearest(written, &known));
        }
        match missing_key(error) {
            Some(key) => {
                let key = key.to_owned();
                self.try_all::<T>(&|root, stand_in| match value_at(root, &span).map(Spanned::get_mut) {
                    Some(DeValue::Table(entries)) => {
                        entries.insert(mended(key.clone().into()), mended(stand_in));
                        true
                    }
                    _ => false,
                })
            }
            None => self.try_all::<T>(&|root, stand_in| match value_at(root, &span) {
                Some(value) => {
                    *value = mended(stand_in);
                    true
                }
                None => false,
            }),
        }
    }

    /// Gives an unknown key the name that was probably meant, or takes it out.
    fn rename(&mut self, span: &Range<usize>, meant: Option<&str>) -> bool {
        let Some(entries) = table_with(&mut self.root, span) else { return false };
        let Some(key) = entries.keys().find(|key| key.span() == *span).cloned() else { return false };
        let value = entries.remove(key.get_ref().as_ref());
        if let (Some(value), Some(meant)) = (value, meant.filter(|meant| !entries.contains_key(*meant))) {
            entries.insert(Spanned::new(key.span(), meant.to_owned().into()), value);
        }
        true
    }

    /// Puts in one thing after the other until one fits.
    fn try_all<T: DeserializeOwned>(&mut self, put: &dyn Fn(&mut Spanned<DeValue<'t>>, DeValue<'t>) -> bool) -> bool {
        let before = self.root.clone();
        let mut stand_ins =
            vec![DeValue::String("".into()), DeValue::Array(DeArray::new()), DeValue::Table(DeTable::new()), DeValue::Boolean(false)];
        stand_ins.extend(DeValue::parse("1").map(Spanned::into_inner));
        stand_ins.extend("2000-01-01".parse::<Datetime>().map(DeValue::Datetime));
        stand_ins.extend(self.words.iter().map(|word| DeValue::String((*word).into())));
        stand_ins.reverse();
        while let Some(stand_in) = stand_ins.pop() {
            let is_table = stand_in.is_table();
            if self.left < self.size || !put(&mut self.root, stand_in) {
                break;
            }
            let refused = match self.read::<T>() {
                Err(error) if error.span().is_some_and(|span| span.start == MENDED) => error,
                _ => return true,
            };
            if is_table && missing_key(&refused).is_some() {
                return true;
            }
            // The first of the words that fit.
            if let Some(word) = refused.message().strip_prefix("unknown variant ``, expected ").and_then(|rest| rest.split('`').nth(1)) {
                stand_ins.push(DeValue::String(word.to_owned().into()));
            }
            self.root = before.clone();
        }
        self.root = before;
        false
    }
}

fn mended<V>(value: V) -> Spanned<V> {
    Spanned::new(MENDED..MENDED, value)
}

/// The value that stands there.
fn value_at<'m, 't>(value: &'m mut Spanned<DeValue<'t>>, span: &Range<usize>) -> Option<&'m mut Spanned<DeValue<'t>>> {
    if value.span() == *span {
        return Some(value);
    }
    match value.get_mut() {
        DeValue::Array(items) => items.iter_mut().find_map(|item| value_at(item, span)),
        DeValue::Table(entries) => entries.iter_mut().find_map(|(_, item)| value_at(item, span)),
        _ => None,
    }
}

/// The table in which a key stands there.
fn table_with<'m, 't>(value: &'m mut Spanned<DeValue<'t>>, span: &Range<usize>) -> Option<&'m mut DeTable<'t>> {
    match value.get_mut() {
        DeValue::Array(items) => items.iter_mut().find_map(|item| table_with(item, span)),
        DeValue::Table(entries) => {
            if entries.keys().any(|key| key.span() == *span) {
                Some(entries)
            } else {
                entries.iter_mut().find_map(|(_, item)| table_with(item, span))
            }
        }
        _ => None,
    }
}

/// Of an error of `serde`, the key that is unknown and those that are known.
fn unknown_key(error: &Error) -> Option<(&str, Vec<&str>)> {
    let rest = error.message().strip_prefix("unknown field `")?;
    let mut quoted = rest.split('`').step_by(2);
    Some((quoted.next()?, quoted.filter(|name| !name.is_empty()).collect()))
}

fn missing_key(error: &Error) -> Option<&str> {
    error.message().strip_prefix("missing field `")?.strip_suffix('`')
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        name: Spanned<String>,
        stage: Stage,
        since: Option<Datetime>,
        #[serde(default)]
        signal: Vec<Signal>,
        decide: Decide,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Stage {
        Draft,
        Hold,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Signal {
        name: Spanned<String>,
        terms: Option<Spanned<Vec<Spanned<String>>>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Decide {
        score: Spanned<u16>,
    }

    /// The form, and each misfit as `line: why; hint`.
    fn told(text: &str) -> (Option<Form>, Vec<String>) {
        let Written { form, misfits, .. } = read(text, &[]);
        let line = |offset: usize| text[..offset].matches('\n').count() + 1;
        let told =
            misfits.into_iter().map(|misfit| format!("{}: {}; {}", line(misfit.offset), misfit.why, misfit.hint.unwrap_or_default()));
        (form, told.collect())
    }

    #[test]
    fn everything_that_does_not_fit_is_told_and_the_rest_is_read_as_it_is_meant() {
        let (form, told) = told(
            "nmae = \"x\"\nstage = \"live\"\nsince = 5\n[[signal]]\nname = 5\nterm = [\"a\", 5, \"b\"]\nloud = true\n[[signal]]\nterms = \"c\"\n",
        );
        assert_eq!(
            told,
            [
                "1: unknown field `nmae`, expected one of `name`, `stage`, `since`, `signal`, `decide`; did you mean `name`?",
                "1: missing field `decide`; ",
                "2: unknown variant `live`, expected `draft` or `hold`; ",
                "3: invalid type: integer `5`, expected a TOML datetime; ",
                "5: invalid type: integer `5`, expected a string; ",
                "6: unknown field `term`, expected `name` or `terms`; did you mean `terms`?",
                "6: invalid type: integer `5`, expected a string; ",
                "7: unknown field `loud`, expected `name` or `terms`; ",
                "8: missing field `name`; ",
                "9: invalid type: string \"c\", expected a sequence; ",
            ]
        );
        let form = form.unwrap();
        assert_eq!((form.name.get_ref().as_str(), form.name.span()), ("x", 7..10));
        assert!(matches!(form.stage, Stage::Draft) && form.since.is_some());
        let terms = form.signal[0].terms.as_ref().unwrap().get_ref();
        let (places, terms): (Vec<_>, Vec<_>) = terms.iter().map(|term| (term.span().start == MENDED, term.get_ref().as_str())).unzip();
        assert_eq!((places, terms), (vec![false, true, false], vec!["a", "", "b"]));
        assert_eq!([form.signal[0].name.span().start, form.decide.score.span().start], [MENDED, MENDED]);
        assert!(matches!(form.signal[1].terms.as_ref().map(Spanned::span), Some(span) if span.start == MENDED));
    }

    #[test]
    fn what_is_no_toml_is_told_at_every_place_and_read_no_further() {
        let (form, told) = told("name = x\nstage = \"live\"\n[[signal]\n");
        assert!(form.is_none());
        let lines: Vec<_> = told.iter().map(|told| told.split(':').next().unwrap()).collect();
        assert_eq!(lines, ["1", "3"], "{told:?}");
    }

    #[test]
    fn mending_ends() {
        let many = (0..200).map(|number| format!("zz{number} = 1\n")).collect::<Vec<_>>().concat();
        assert_eq!(told(&many).1.len(), MAX_MENDED);
        let long = format!("name = \"x\"\nstage = 5\nzzzzz = \"{}\"\n", "x".repeat(MAX_READ_AGAIN));
        let (form, told) = told(&long);
        assert!(form.is_none() && told.len() == 1, "{}", told.len());
    }
}
