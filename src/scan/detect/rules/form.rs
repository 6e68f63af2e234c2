//! A rule as it is written: the keys of its file and nothing else.

use serde::Deserialize;
use toml::Spanned;
use toml::value::Datetime;

use crate::finding::{Direction, Field, Hours, Party, Stage};
use crate::mail::Address;

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
    pub stage: Stage,
    #[serde(default)]
    pub evasion: Evasion,
    /// Where it looks; everywhere unless said.
    pub fields: Option<Spanned<Vec<Spanned<Field>>>>,
    /// When somebody should look at the rule again.
    pub review: Option<Spanned<Datetime>>,
    pub who: Option<Spanned<WhoForm>>,
    pub when: Option<Spanned<WhenForm>>,
    pub with: Option<WithForm>,
    #[serde(default)]
    pub signal: Vec<SignalForm>,
    pub decide: DecideForm,
    #[serde(default)]
    pub adjust: Vec<AdjustForm>,
    #[serde(default)]
    pub except_phrase: Vec<ExceptPhraseForm>,
    #[serde(default)]
    pub exception: Vec<ExceptionForm>,
    #[serde(default)]
    pub example: Vec<Spanned<ExampleForm>>,
    #[serde(default)]
    pub history: Vec<HistoryForm>,
}

/// Which views of a text a rule is matched against.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Evasion {
    /// Also those that undo tricks with letters.
    #[default]
    Letters,
    /// The plain folded view alone.
    None,
}

/// For whom the rule counts: every key that is given must hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhoForm {
    pub sender: Option<Spanned<Vec<Party>>>,
    pub recipient: Option<Spanned<Vec<Party>>>,
    pub pairs: Option<Spanned<Vec<(Party, Party)>>>,
    pub direction: Option<Spanned<Vec<Direction>>>,
    pub group: Option<Spanned<Vec<Spanned<String>>>>,
    pub first_contact: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhenForm {
    pub hours: Option<Hours>,
    /// `30d`, `12h`.
    pub max_age: Option<Spanned<String>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WithForm {
    pub picture: Picture,
}

/// What else the message must carry.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Picture {
    Any,
    /// One that is on a list.
    Listed,
}

/// Something to look for. Exactly one of `terms` (or `lists`, or both), `regex`, `near` and `count` says what.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalForm {
    pub name: Spanned<String>,
    pub terms: Option<Spanned<Vec<Spanned<String>>>>,
    pub lists: Option<Spanned<Vec<Spanned<String>>>>,
    pub regex: Option<Spanned<Vec<Spanned<String>>>>,
    /// What a find of a regex must also be right by.
    pub check: Option<Spanned<CheckDigits>>,
    pub near: Option<NearForm>,
    pub count: Option<CountForm>,
    /// `false` says aloud that the regexes have no fixed letters to look for first, and cost more.
    pub needs_literal: Option<bool>,
}

/// How the check digits of a number are reckoned.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
pub enum CheckDigits {
    #[serde(rename = "iban")]
    Iban,
    #[serde(rename = "luhn")]
    Luhn,
    #[serde(rename = "mod11-nhs")]
    Nhs,
    #[serde(rename = "upn")]
    Upn,
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
    /// No sentence ends between them.
    #[serde(default)]
    pub same_sentence: bool,
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
    /// 0 to 100.
    pub score: Spanned<i64>,
}

/// What the score is more or less by.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdjustForm {
    /// As `fire`.
    pub when: Spanned<String>,
    /// -100 to 100, and not 0.
    pub add: Spanned<i64>,
    pub because: Spanned<String>,
}

/// Phrases whose words do not count: other finds that overlap them are dropped.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExceptPhraseForm {
    pub terms: Option<Spanned<Vec<Spanned<String>>>>,
    pub lists: Option<Spanned<Vec<Spanned<String>>>>,
    pub reason: Spanned<String>,
    /// The last day on which it applies.
    pub until: Option<Spanned<Datetime>>,
}

/// People for whom the rule does not count.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExceptionForm {
    pub when: Spanned<ExceptionWhenForm>,
    pub reason: Spanned<String>,
    pub by: Spanned<String>,
    pub until: Spanned<Datetime>,
}

/// Every key that is given must hold.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExceptionWhenForm {
    pub sender: Option<Address>,
    pub recipient: Option<Address>,
    pub sender_domain: Option<Spanned<String>>,
    pub recipient_domain: Option<Spanned<String>>,
    pub group: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExampleForm {
    pub expect: Expect,
    #[serde(default)]
    pub text: String,
    pub subject: Option<String>,
    /// Where `text` stands; the rule's first field unless said, and not where `subject` stands.
    pub field: Option<Field>,
    /// Unless said, `[who]` and `[when]` hold.
    pub sender: Option<Party>,
    pub recipient: Option<Party>,
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
