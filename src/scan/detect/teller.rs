//! How a model that was learnt tells what it finds: as a rule of each of its categories, such as `scam.learnt`.

use std::sync::Arc;

use super::Match;
use super::rules::quote;
use crate::finding::{Category, Conditions, Finding, Kind, Reach, RuleFacts, RuleId, RuleVersion, Sentence, SignalTrace, Stage, Trace};
use crate::scan::extract::TextExtract;

/// What all finds of one model have in common.
pub struct Teller {
    /// What stands behind the category in the name of the rule.
    pub name: &'static str,
    pub title: Sentence,
    pub version: RuleVersion,
    pub stage: Stage,
}

/// Octets of a text, on the edges of characters.
type Span = (usize, usize);

impl Teller {
    /// What a worker may say was found by the model.
    pub fn facts(&self, categories: &[Category]) -> Vec<RuleFacts> {
        let reach = Reach { stage: self.stage, conditions: Conditions::default() };
        let of = |category: &Category| {
            let (id, title) = (self.rule(*category)?, self.title.as_str().to_owned());
            Some(RuleFacts { id, version: self.version, title, category: *category, level: None, reach: reach.clone() })
        };
        categories.iter().filter_map(of).collect()
    }

    /// A find in one text; `spans` are the places that speak for it, the weightiest first.
    pub fn as_match(&self, category: Category, score: u16, text: &TextExtract, spans: &[Span]) -> Option<Match> {
        let span = spans.first().copied().unwrap_or_default();
        let finding = Finding {
            rule: self.rule(category)?,
            version: self.version,
            category,
            level: None,
            score,
            kind: Kind::Text,
            location: text.location_at(span.0),
            reach: Arc::default(),
        };
        let further = spans.iter().skip(1).copied().collect();
        Some(Match {
            finding,
            title: self.title.as_str().to_owned(),
            span: Some(span),
            further,
            distance: None,
            stage: self.stage,
            with: None,
        })
    }

    /// Why it is found or, without a `score`, how far from it the text is. Of each span, what it is called.
    pub fn as_trace(
        &self,
        category: Category,
        points: u16,
        score: Option<u16>,
        text: &TextExtract,
        said: impl Iterator<Item = (Span, String)>,
    ) -> Option<Trace> {
        let mut at = None;
        let signal = |((start, end), name)| {
            at.get_or_insert(start);
            SignalTrace { name, holds: true, quotes: vec![quote(&text.text, start..end, false)], places: 1 }
        };
        let signals = said.map(signal).collect();
        Some(Trace {
            rule: self.rule(category)?,
            version: self.version,
            title: self.title.as_str().to_owned(),
            category,
            stage: self.stage,
            location: text.location_at(at.unwrap_or_default()),
            base: points,
            score,
            fire: "what was learnt from samples".to_owned(),
            signals,
            adjustments: Vec::new(),
            excepted: Vec::new(),
            without: Vec::new(),
            with: Vec::new(),
            cost: 0,
        })
    }

    fn rule(&self, category: Category) -> Option<RuleId> {
        format!("{category}.{}", self.name).parse().ok()
    }
}
