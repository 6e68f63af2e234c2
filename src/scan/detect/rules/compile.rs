//! From a rule as it is written to a rule as it is meant, with every fault of the file at once.

use std::path::Path;

use super::expression::Expression;
use super::faults::Faults;
use super::form::{ExampleForm, Expect, RuleForm, Status};
use super::signal::{Signal, read_number, read_signal, read_terms};
use crate::fault::{At, Fault};
use crate::finding::{Category, Field, Level, RuleId, RuleVersion};
use crate::scan::detect::version;
use crate::wire::SourceFile;

/// Of a rule's file, in octets.
const MAX_FILE: usize = 10 << 20;
/// Of one file: more are counted, not told.
const MAX_FAULTS: usize = 50;
/// Of `fire`, in characters.
const MAX_EXPRESSION: usize = 1_000;

/// A rule as it is meant.
#[derive(Clone)]
pub struct Rule {
    pub id: RuleId,
    pub version: RuleVersion,
    pub title: String,
    pub category: Category,
    pub level: Option<Level>,
    pub live: bool,
    /// Empty for everywhere.
    pub fields: Vec<Field>,
    /// In the order of the file; a signal is known by its place here.
    pub signals: Vec<Signal>,
    /// Folded.
    pub exceptions: Vec<String>,
    pub fire: Expression,
    pub score: u16,
    pub examples: Vec<Example>,
    /// What `rules check` refuses although it compiles.
    pub objections: Vec<Fault>,
}

#[derive(Clone)]
pub struct Example {
    pub form: ExampleForm,
    pub at: At,
}

/// Compiles one file.
///
/// # Errors
/// All faults that can be told without mending one of them first.
pub fn compile(file: &SourceFile) -> Result<Rule, Vec<Fault>> {
    let name = name_by_path(&file.path);
    let mut faults = Faults { path: &file.path, text: "", rule: name.clone(), list: Vec::new() };
    if file.octets.len() > MAX_FILE {
        return Err(
            faults.alone(format!("the file has {} octets, {MAX_FILE} are allowed", file.octets.len()), "split it into several rules")
        );
    }
    faults.text = match std::str::from_utf8(&file.octets) {
        Ok(text) => text,
        Err(error) => {
            let line = file.octets[..error.valid_up_to()].split(|octet| *octet == b'\n').count();
            let at = Some(At::line(&file.path, line));
            let why = "the file is not UTF-8".to_owned();
            let hint = "save it again as UTF-8; a letter with an accent stands in this line, as a rule".to_owned();
            return Err(vec![Fault { what: format!("rule `{name}` does not compile"), at, why, hint }]);
        }
    };
    let form: RuleForm = match toml::from_str(faults.text) {
        Ok(form) => form,
        Err(error) => {
            faults.tell(&error.span().unwrap_or(0..0), error.message(), "rules/README.md lists the keys of a rule");
            return Err(faults.list);
        }
    };
    read(&form, faults, &file.octets)
}

fn read(form: &RuleForm, mut faults: Faults<'_>, octets: &[u8]) -> Result<Rule, Vec<Fault>> {
    if *form.schema.get_ref() != 1 {
        faults.at(&form.schema, "this version reads schema 1", "write `schema = 1`");
    }
    let id = read_id(form, &mut faults);
    let category = read_category(form, &mut faults);
    if !(8..=120).contains(&form.title.get_ref().chars().count()) {
        faults.at(&form.title, "a title has 8 to 120 characters", "write one plain sentence for the safeguarding lead");
    }
    let level = form.level.as_ref().and_then(|level| {
        let read = u8::try_from(*level.get_ref()).ok().and_then(|number| Level::try_from(number).ok());
        if read.is_none() {
            faults.at(level, "a level is 1 to 5", "leave the key out to keep the level of the category");
        }
        read
    });
    if let Some(fields) = form.fields.as_ref().filter(|fields| fields.get_ref().is_empty()) {
        faults.at(fields, "a rule that looks nowhere never fires", "leave the key out to look everywhere");
    }
    let signals: Vec<_> =
        form.signal.iter().enumerate().map(|(place, signal)| read_signal(signal, &form.signal[..place], &mut faults)).collect();
    let objections = object_to_bare_patterns(form, &signals, &faults);
    let fire = read_fire(form, &signals, &mut faults);
    let score = read_number(&form.decide.score, 1..=100, "a score", &mut faults);
    let mut exceptions = Vec::new();
    for phrase in &form.except_phrase {
        exceptions.extend(read_terms(&phrase.terms, &mut faults));
        if phrase.reason.get_ref().trim().is_empty() {
            faults.at(&phrase.reason, "an exception needs a reason", "say in a few words what false match it mends");
        }
    }
    let examples = read_examples(form, &mut faults);
    check_history(form, &mut faults);

    match (id, category, fire, signals.into_iter().collect::<Option<Vec<_>>>()) {
        (Some(id), Some(category), Some(fire), Some(signals)) if faults.list.is_empty() => Ok(Rule {
            id,
            version: version(octets),
            title: form.title.get_ref().clone(),
            category,
            level,
            live: form.status == Status::Live,
            fields: form.fields.as_ref().map(|fields| fields.get_ref().clone()).unwrap_or_default(),
            signals,
            exceptions,
            fire,
            score: u16::try_from(score).unwrap_or(100),
            examples,
            objections,
        }),
        _ => {
            faults.list.sort_by(|one, other| one.at.cmp(&other.at));
            let untold = faults.list.len().saturating_sub(MAX_FAULTS);
            faults.list.truncate(MAX_FAULTS);
            if untold > 0 {
                faults.list.extend(faults.alone(format!("{untold} more faults"), "see to those above first"));
            }
            Err(faults.list)
        }
    }
}

/// `<category>/<name>.toml` is the rule `category.name`.
pub fn name_by_path(path: &Path) -> String {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    format!("{folder}.{stem}")
}

fn read_id(form: &RuleForm, faults: &mut Faults<'_>) -> Option<RuleId> {
    let expected = name_by_path(faults.path);
    match form.id.get_ref().parse() {
        Ok(id) if *form.id.get_ref() == expected => Some(id),
        Ok(_) => {
            let why = format!("the id is `{}`, and the file is named for `{expected}`", form.id.get_ref());
            faults.at(&form.id, why, "name folder and file after the id, or change the id");
            None
        }
        Err(why) => {
            faults.at(&form.id, why, "write it as the folder and the file are named, with a full stop between");
            None
        }
    }
}

fn read_category(form: &RuleForm, faults: &mut Faults<'_>) -> Option<Category> {
    let Ok(category) = form.category.get_ref().parse::<Category>() else {
        let why = format!("`{}` is not a category", form.category.get_ref());
        let known: Vec<_> = Category::ALL.iter().map(|category| category.code()).collect();
        faults.at(&form.category, why, format!("one of {}", known.join(", ")));
        return None;
    };
    let folder = name_by_path(faults.path);
    if folder.split('.').next() != Some(category.code()) {
        let why = format!("the category is `{category}`, and the file is `{folder}`");
        faults.at(&form.category, why, format!("move the file to the folder `{category}`, or change the category"));
    }
    Some(category)
}

fn read_fire(form: &RuleForm, signals: &[Option<Signal>], faults: &mut Faults<'_>) -> Option<Expression> {
    let fire = &form.decide.fire;
    if fire.get_ref().chars().count() > MAX_EXPRESSION {
        faults.at(fire, format!("an expression of more than {MAX_EXPRESSION} characters"), "put terms together in fewer signals");
        return None;
    }
    let names: Vec<_> = form.signal.iter().map(|signal| signal.name.get_ref().as_str()).collect();
    let expression = match Expression::read(fire.get_ref(), &names) {
        Ok(expression) => expression,
        Err(misread) => {
            let hint =
                if names.is_empty() { "write a [[signal]] first".to_owned() } else { format!("the signals are {}", names.join(", ")) };
            faults.inside(fire, misread.at, misread.why, hint);
            return None;
        }
    };
    if expression.holds(&|_| false) {
        faults.at(fire, "it holds where nothing is found: the rule would fire on every message", "join every `not` to a signal with `and`");
    }
    for (place, signal) in form.signal.iter().enumerate() {
        let used = expression.names().contains(&place) || signals.iter().flatten().any(|other| other.speaks_of(place));
        if !used {
            faults.at(&signal.name, format!("signal `{}` is never used", signal.name.get_ref()), "name it in `fire`, or take it out");
        }
    }
    Some(expression)
}

fn read_examples(form: &RuleForm, faults: &mut Faults<'_>) -> Vec<Example> {
    for (expect, name) in [(Expect::Match, "match"), (Expect::NoMatch, "no-match")] {
        let count = form.example.iter().filter(|example| example.get_ref().expect == expect).count();
        if count < 2 {
            let why = format!("examples with `expect = \"{name}\"`: {count}, where two are the least");
            faults.tell(&form.id.span(), why, "a rule without examples cannot be trusted: add [[example]] with `expect` and `text`");
        }
    }
    form.example.iter().map(|example| Example { form: example.get_ref().clone(), at: faults.place(example.span().start) }).collect()
}

fn check_history(form: &RuleForm, faults: &mut Faults<'_>) {
    if form.history.is_empty() {
        faults.tell(&form.id.span(), "the rule has no history", "add [[history]] with `date`, `by` and `note`");
    }
    for entry in &form.history {
        if entry.date.get_ref().date.is_none() {
            faults.at(&entry.date, "a date is missing", "write it as 2026-11-21, without quotes");
        }
        for text in [&entry.by, &entry.note].into_iter().filter(|text| text.get_ref().trim().is_empty()) {
            faults.at(text, "it is empty", "say who changed the rule, and why");
        }
    }
}

/// Regexes without fixed letters run over whole texts: the author must have meant that.
fn object_to_bare_patterns(form: &RuleForm, signals: &[Option<Signal>], faults: &Faults<'_>) -> Vec<Fault> {
    let mut objections = Faults { path: faults.path, text: faults.text, rule: faults.rule.clone(), list: Vec::new() };
    for (written, signal) in form.signal.iter().zip(signals) {
        let (Some(Signal::Patterns(patterns)), Some(regexes), None | Some(true)) = (signal, &written.regex, written.needs_literal) else {
            continue;
        };
        for (_, regex) in patterns.iter().zip(regexes.get_ref()).filter(|(pattern, _)| pattern.literals.is_empty()) {
            let why = "the regex has no three fixed letters to look for first, and would run over every text";
            objections.at(regex, why, "add a fixed word to it, or say `needs_literal = false`");
        }
    }
    objections.list
}
