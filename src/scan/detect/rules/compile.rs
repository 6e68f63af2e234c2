//! From a rule as it is written to a rule as it is meant, with every fault of the file at once.

use std::iter;
use std::path::Path;

use jiff::civil::Date;
use toml::Spanned;

use super::circumstances::{read_conditions, read_date};
use super::expression::Expression;
use super::faults::{Faults, Source, of_file};
use super::fold::fold_term;
use super::form::{Evasion, ExampleForm, Expect, Picture, RuleForm, SignalForm};
use super::signal::{Signal, read_number, read_signal};
use super::terms::{MAX_TERMS, Terms, WordLists, read_terms};
use super::wording::Wording;
use crate::fault::{At, Fault};
use crate::finding::{Category, Conditions, Field, Level, Reach, RuleFacts, RuleId, RuleVersion, Stage};
use crate::scan::detect::version;
use crate::wire::SourceFile;
use crate::written::{self, Misfit};

/// Of a rule's file, in octets.
const MAX_FILE: usize = 2 << 20;
/// Of signals, of regexes, of what adjusts a score: each may be looked at once for every other.
const MAX_TABLES: usize = 200;
const MAX_EXAMPLES: usize = 1_000;
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
    pub stage: Stage,
    pub evasion: Evasion,
    /// Empty for everywhere.
    pub fields: Vec<Field>,
    /// For whom and when it counts: judged outside the cage.
    pub conditions: Conditions,
    /// What else the message must carry.
    pub picture: Option<Picture>,
    /// In the order of the file; a signal is known by its place here.
    pub signals: Vec<Signal>,
    /// Without those that have lapsed.
    pub exceptions: Terms,
    pub fire: Expression,
    /// Before it is adjusted; 0 to 100.
    pub score: u16,
    pub adjustments: Vec<Adjustment>,
    /// As it is written, for whoever asks why.
    pub wording: Wording,
    pub examples: Vec<Example>,
    /// What `rules check` refuses although it compiles.
    pub objections: Vec<Fault>,
    /// The terms of each signal as they are written, folded; those of lists left out.
    pub written: Vec<Vec<String>>,
    pub id_at: At,
    pub fire_at: At,
    pub signals_at: Vec<At>,
    /// What `rules check` says aloud and lets pass.
    pub notes: Vec<Fault>,
}

impl Rule {
    /// What the daemon needs to know of it.
    pub fn facts(&self) -> RuleFacts {
        let reach = Reach { stage: self.stage, conditions: self.conditions.clone() };
        let (id, title) = (self.id.clone(), self.title.clone());
        RuleFacts { id, version: self.version, title, category: self.category, level: self.level, reach }
    }
}

/// By what the score is more or less when this holds.
#[derive(Clone)]
pub struct Adjustment {
    pub when: Expression,
    /// -100 to 100.
    pub add: i16,
}

#[derive(Clone)]
pub struct Example {
    pub form: ExampleForm,
    pub at: At,
}

/// Compiles one file. Exceptions that ended before `today` do not come into force.
///
/// # Errors
/// All faults that can be told without mending one of them first.
pub fn compile(file: &SourceFile, lists: &WordLists, today: Date) -> Result<Rule, Vec<Fault>> {
    let name = name_by_path(&file.path);
    if file.octets.len() > MAX_FILE {
        let why = format!("the file has {} octets, {MAX_FILE} are allowed", file.octets.len());
        return Err(vec![of_file(&name, &file.path, why, "split it into several rules, or write its terms into a list")]);
    }
    let text = match std::str::from_utf8(&file.octets) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let line = file.octets[..error.valid_up_to()].split(|octet| *octet == b'\n').count();
            let hint = "save it again as UTF-8; a letter with an accent stands in this line, as a rule";
            let fault = of_file(&name, &file.path, "the file is not UTF-8".to_owned(), hint);
            return Err(vec![Fault { at: Some(At::line(&file.path, line)), ..fault }]);
        }
    };
    let source = Source::new(&file.path, text);
    let mut faults = Faults::of(&source, &name);
    let written = written::read::<RuleForm>(text, &["nobody@school.example"]);
    for Misfit { offset, why, hint } in written.misfits {
        faults.tell(&(offset..offset), why, hint.unwrap_or_else(|| "rules/README.md lists the keys of a rule".to_owned()));
    }
    let Some(form) = written.form else { return Err(faults.told()) };
    if has_too_many(&form, &mut faults) {
        return Err(faults.told());
    }
    read(&form, faults, &file.octets, lists, today)
}

/// Of each kind of table that a file repeats: more than anybody writes, and less than what would take long.
fn has_too_many(form: &RuleForm, faults: &mut Faults<'_>) -> bool {
    let regexes = form.signal.iter().filter_map(|signal| signal.regex.as_ref()).map(|regexes| regexes.get_ref().len()).sum();
    let counts = [
        (form.signal.len(), MAX_TABLES, "[[signal]]"),
        (form.adjust.len(), MAX_TABLES, "[[adjust]]"),
        (form.except_phrase.len(), MAX_TABLES, "[[except_phrase]]"),
        (form.exception.len(), MAX_EXAMPLES, "[[exception]]"),
        (form.example.len(), MAX_EXAMPLES, "[[example]]"),
        (form.history.len(), MAX_EXAMPLES, "[[history]]"),
        (regexes, MAX_TABLES, "regexes"),
    ];
    let mut any = false;
    for (count, most, what) in counts.into_iter().filter(|(count, most, _)| count > most) {
        faults.at(&form.id, format!("{count} {what}, {most} are allowed"), "split it into several rules");
        any = true;
    }
    any
}

fn read(form: &RuleForm, mut faults: Faults<'_>, octets: &[u8], lists: &WordLists, today: Date) -> Result<Rule, Vec<Fault>> {
    let source = faults.source;
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
    let fields = read_fields(form, &mut faults);
    let conditions = read_conditions(form, &mut faults);
    let signals = read_signals(form, lists, &mut faults);
    let objections = object_to_bare_patterns(form, &signals, &faults);
    let (fire, adjustments) = read_decision(form, &signals, &mut faults);
    let score = read_number(&form.decide.score, 0..=100, "a score", &mut faults);
    if *form.decide.score.get_ref() == 0 && !form.adjust.iter().any(|adjust| *adjust.add.get_ref() > 0) {
        faults.at(&form.decide.score, "a score of 0 that nothing adds to is no finding", "raise it, or write [[adjust]] with `add`");
    }
    let mut notes = faults.aside();
    let exceptions = read_excepted_phrases(form, lists, today, &mut faults, &mut notes);
    note_what_is_past(form, &conditions, today, &mut faults, &mut notes);
    let examples = read_examples(form, &mut faults);
    check_history(form, &mut faults);

    match (id, category, fire, signals.into_iter().collect::<Option<Vec<_>>>()) {
        (Some(id), Some(category), Some(fire), Some(signals)) if faults.are_none() => Ok(Rule {
            id,
            version: version(iter::once(octets).chain(lists_of(form).filter_map(|name| lists.named(name)).map(|list| &*list.octets))),
            title: form.title.get_ref().clone(),
            category,
            level,
            stage: form.stage,
            evasion: form.evasion,
            fields,
            conditions,
            picture: form.with.map(|with| with.picture),
            signals,
            exceptions,
            fire,
            score,
            adjustments,
            wording: Wording::of(form),
            examples,
            objections,
            written: form.signal.iter().map(written_terms).collect(),
            id_at: source.place(form.id.span().start),
            fire_at: source.place(form.decide.fire.span().start),
            signals_at: form.signal.iter().map(|signal| source.place(signal.name.span().start)).collect(),
            notes: notes.told_as(&format!("rule `{}` wants a look", form.id.get_ref())),
        }),
        _ => Err(faults.told()),
    }
}

/// `<category>/<name>.toml` is the rule `category.name`.
pub fn name_by_path(path: &Path) -> String {
    let folder = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    format!("{folder}.{stem}")
}

fn read_id(form: &RuleForm, faults: &mut Faults<'_>) -> Option<RuleId> {
    let expected = name_by_path(faults.source.path);
    match form.id.get_ref().parse() {
        Ok(_) if expected.ends_with(".learnt") => {
            faults.at(&form.id, "by this name finds of learnt weights are told", "name the rule, and its file, otherwise");
            None
        }
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
    let folder = name_by_path(faults.source.path);
    if folder.split('.').next() != Some(category.code()) {
        let why = format!("the category is `{category}`, and the file is `{folder}`");
        faults.at(&form.category, why, format!("move the file to the folder `{category}`, or change the category"));
    }
    Some(category)
}

fn read_fields(form: &RuleForm, faults: &mut Faults<'_>) -> Vec<Field> {
    let Some(fields) = &form.fields else { return Vec::new() };
    if fields.get_ref().is_empty() {
        faults.at(fields, "a rule that looks nowhere never fires", "leave the key out to look everywhere");
    }
    for field in fields.get_ref().iter().filter(|field| !Field::OF_WORDS.contains(field.get_ref())) {
        let known: Vec<_> = Field::OF_WORDS.into_iter().map(Field::as_str).collect();
        faults.at(field, format!("no words stand in `{}`", field.get_ref().as_str()), format!("one of {}", known.join(", ")));
    }
    fields.get_ref().iter().map(|field| *field.get_ref()).collect()
}

/// As many as there is room for: words with `~` and long lists soon make millions of terms.
fn read_signals(form: &RuleForm, lists: &WordLists, faults: &mut Faults<'_>) -> Vec<Option<Signal>> {
    let mut signals = Vec::new();
    let mut terms = 0;
    for (place, signal) in form.signal.iter().enumerate() {
        let read = read_signal(signal, &form.signal[..place], lists, faults);
        terms += if let Some(Signal::Terms(words)) = &read { words.count() } else { 0 };
        signals.push(read);
        if terms > MAX_TERMS {
            let why = format!("with this signal the rule has more than {MAX_TERMS} terms, inflections and lists counted");
            faults.at(&signal.name, why, "make several rules of it");
            break;
        }
    }
    signals
}

/// `fire`, and what adjusts the score; every signal has to speak in one of them.
fn read_decision(form: &RuleForm, signals: &[Option<Signal>], faults: &mut Faults<'_>) -> (Option<Expression>, Vec<Adjustment>) {
    let fire = read_expression(&form.decide.fire, form, faults);
    if fire.as_ref().is_some_and(|fire| fire.holds(&|_| false)) {
        let why = "it holds where nothing is found: the rule would fire on every message";
        faults.at(&form.decide.fire, why, "join every `not` to a signal with `and`");
    }
    let mut adjustments = Vec::new();
    for adjust in &form.adjust {
        let add = read_number(&adjust.add, -100..=100, "what is added", faults);
        if *adjust.add.get_ref() == 0 {
            faults.at(&adjust.add, "adding 0 changes nothing", "write a number, or take the [[adjust]] out");
        }
        if adjust.because.get_ref().trim().is_empty() {
            faults.at(&adjust.because, "it is empty", "say in a few words what makes it graver or milder");
        }
        adjustments.extend(read_expression(&adjust.when, form, faults).map(|when| Adjustment { when, add }));
    }
    if let Some(fire) = fire.as_ref().filter(|_| adjustments.len() == form.adjust.len()) {
        let named: Vec<_> = iter::once(fire).chain(adjustments.iter().map(|adjust| &adjust.when)).flat_map(Expression::names).collect();
        for (place, signal) in form.signal.iter().enumerate() {
            if !named.contains(&place) && !signals.iter().flatten().any(|other| other.speaks_of(place)) {
                faults.at(&signal.name, format!("signal `{}` is never used", signal.name.get_ref()), "name it in `fire`, or take it out");
            }
        }
    }
    (fire, adjustments)
}

fn read_expression(written: &Spanned<String>, form: &RuleForm, faults: &mut Faults<'_>) -> Option<Expression> {
    if written.get_ref().chars().count() > MAX_EXPRESSION {
        faults.at(written, format!("an expression of more than {MAX_EXPRESSION} characters"), "put terms together in fewer signals");
        return None;
    }
    let names: Vec<_> = form.signal.iter().map(|signal| signal.name.get_ref().as_str()).collect();
    Expression::read(written.get_ref(), &names)
        .inspect_err(|misread| {
            let hint =
                if names.is_empty() { "write a [[signal]] first".to_owned() } else { format!("the signals are {}", names.join(", ")) };
            faults.inside(written, misread.at, &misread.why, hint);
        })
        .ok()
}

fn read_excepted_phrases(form: &RuleForm, lists: &WordLists, today: Date, faults: &mut Faults<'_>, notes: &mut Faults<'_>) -> Terms {
    let mut exceptions = Terms::default();
    for phrase in &form.except_phrase {
        if phrase.terms.is_none() && phrase.lists.is_none() {
            faults.at(&phrase.reason, "the exception names no phrase", "write `terms` or `lists`");
        }
        if phrase.reason.get_ref().trim().is_empty() {
            faults.at(&phrase.reason, "an exception needs a reason", "say in a few words what false match it mends");
        }
        let terms = read_terms(phrase.terms.as_ref(), phrase.lists.as_ref(), lists, faults);
        match phrase.until.as_ref().and_then(|until| Some((until, read_date(until, faults)?))) {
            Some((until, day)) if day < today => {
                let why = format!("it applied until {day}, and no longer does");
                notes.at(until, why, "take the [[except_phrase]] out, or set another day");
            }
            _ => exceptions.extend(terms),
        }
    }
    exceptions
}

fn note_what_is_past(form: &RuleForm, conditions: &Conditions, today: Date, faults: &mut Faults<'_>, notes: &mut Faults<'_>) {
    for (written, exception) in form.exception.iter().zip(&conditions.exceptions).filter(|(_, exception)| exception.until < today) {
        let why = format!("it applied until {}, and no longer does", exception.until);
        notes.at(&written.until, why, "take the [[exception]] out, or set another day");
    }
    if let Some((review, day)) = form.review.as_ref().and_then(|review| Some((review, read_date(review, faults)?)))
        && day < today
    {
        notes.at(review, format!("it was to be reviewed by {day}"), "read it with the safeguarding lead, and set another day");
    }
}

fn written_terms(signal: &SignalForm) -> Vec<String> {
    signal.terms.iter().flat_map(Spanned::get_ref).map(|term| fold_term(term.get_ref())).collect()
}

/// The lists that a rule names.
fn lists_of(form: &RuleForm) -> impl Iterator<Item = &str> {
    let of_signals = form.signal.iter().filter_map(|signal| signal.lists.as_ref());
    let of_phrases = form.except_phrase.iter().filter_map(|phrase| phrase.lists.as_ref());
    of_signals.chain(of_phrases).flat_map(Spanned::get_ref).map(|name| name.get_ref().as_str())
}

fn read_examples(form: &RuleForm, faults: &mut Faults<'_>) -> Vec<Example> {
    for (expect, name) in [(Expect::Match, "match"), (Expect::NoMatch, "no-match")] {
        let count = form.example.iter().filter(|example| example.get_ref().expect == expect).count();
        if count < 2 {
            let why = format!("examples with `expect = \"{name}\"`: {count}, where two are the least");
            faults.tell(&form.id.span(), why, "a rule without examples cannot be trusted: add [[example]] with `expect` and `text`");
        }
    }
    form.example.iter().map(|example| Example { form: example.get_ref().clone(), at: faults.source.place(example.span().start) }).collect()
}

fn check_history(form: &RuleForm, faults: &mut Faults<'_>) {
    if form.history.is_empty() {
        faults.tell(&form.id.span(), "the rule has no history", "add [[history]] with `date`, `by` and `note`");
    }
    for entry in &form.history {
        read_date(&entry.date, faults);
        for text in [&entry.by, &entry.note].into_iter().filter(|text| text.get_ref().trim().is_empty()) {
            faults.at(text, "it is empty", "say who changed the rule, and why");
        }
    }
}

/// Regexes without fixed letters run over whole texts: the author must have meant that.
fn object_to_bare_patterns(form: &RuleForm, signals: &[Option<Signal>], faults: &Faults<'_>) -> Vec<Fault> {
    let mut objections = faults.aside();
    for (written, signal) in form.signal.iter().zip(signals) {
        let (Some(Signal::Patterns { patterns, .. }), Some(regexes), None | Some(true)) = (signal, &written.regex, written.needs_literal)
        else {
            continue;
        };
        for (_, regex) in patterns.iter().zip(regexes.get_ref()).filter(|(pattern, _)| pattern.is_bare) {
            let why = "the regex has no three fixed letters to look for first, and would run over every text";
            objections.at(regex, why, "add a fixed word to it, or say `needs_literal = false`");
        }
    }
    objections.told()
}
