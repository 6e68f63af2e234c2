//! A rule as it is written: the keys of its file and nothing else.

use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use crate::finding::Field;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleForm {
    /// 1 in this version.
    pub schema: Spanned<i64>,
    /// As the file is named: `category.name`.
    pub id: Spanned<String>,
    /// One sentence in plain English, for the safeguarding lead.
    pub title: Spanned<String>,
    pub category: Spanned<String>,
    /// Where it differs from the category's; 1 to 5.
    pub level: Option<Spanned<i64>>,
    pub status: Status,
    /// Where it looks; everywhere unless said.
    pub fields: Option<Spanned<Vec<Field>>>,
    #[serde(default)]
    pub signal: Vec<SignalForm>,
    pub decide: DecideForm,
    #[serde(default)]
    pub except_phrase: Vec<ExceptForm>,
    #[serde(default)]
    pub example: Vec<Spanned<ExampleForm>>,
    #[serde(default)]
    pub history: Vec<HistoryForm>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Compiled and tested by `rules check`, never fires.
    Draft,
    Live,
}

/// Something to look for. Exactly one of `terms`, `regex`, `near` and `count` says what.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalForm {
    pub name: Spanned<String>,
    pub terms: Option<Spanned<Vec<Spanned<String>>>>,
    pub regex: Option<Spanned<Vec<Spanned<String>>>>,
    pub near: Option<NearForm>,
    pub count: Option<CountForm>,
    /// `false` says aloud that the regexes have no fixed letters to look for first, and cost more.
    pub needs_literal: Option<bool>,
}

/// Two signals with few words between them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NearForm {
    pub a: Spanned<String>,
    pub b: Spanned<String>,
    /// The most words between them; 0 to 30.
    pub words: Spanned<i64>,
    /// `b` must follow `a`.
    #[serde(default)]
    pub ordered: bool,
}

/// Several finds of these signals, taken together.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CountForm {
    pub of: Vec<Spanned<String>>,
    /// 2 to 1,000.
    pub at_least: Spanned<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecideForm {
    /// Signal names with `and`, `or`, `not` and brackets.
    pub fire: Spanned<String>,
    /// 1 to 100.
    pub score: Spanned<i64>,
}

/// Phrases whose words do not count: other finds that overlap them are dropped.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExceptForm {
    pub terms: Spanned<Vec<Spanned<String>>>,
    pub reason: Spanned<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleForm {
    pub expect: Expect,
    pub text: String,
    pub why: Option<String>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    Match,
    NoMatch,
}

/// Who changed the rule, when and why (D9).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HistoryForm {
    pub date: Spanned<Datetime>,
    pub by: Spanned<String>,
    pub note: Spanned<String>,
}
