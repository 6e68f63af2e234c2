//! What the daemon knows of a rule: workers name rules, and are told what these are by nobody but the bundle.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Category, Conditions, Finding, Level, RuleId, RuleVersion, Sentence, Stage};

/// How far a rule goes, and for whom and when it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    pub stage: Stage,
    pub conditions: Conditions,
}

impl Default for Reach {
    fn default() -> Self {
        Self { stage: Stage::Hold, conditions: Conditions::default() }
    }
}

/// A rule or a list of digests that is in force, without what it looks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFacts {
    pub id: RuleId,
    pub version: RuleVersion,
    /// As it is written; a school's own may name a child.
    pub title: String,
    pub category: Category,
    pub level: Option<Level>,
    pub reach: Reach,
}

/// All that are in force.
#[derive(Clone, Debug, Default)]
pub struct RulesInForce(BTreeMap<RuleId, (RuleFacts, Arc<Reach>)>);

impl RulesInForce {
    /// Whether a rule is in force in this very version.
    pub fn has(&self, rule: &RuleId, version: RuleVersion) -> bool {
        self.0.get(rule).is_some_and(|(facts, _)| facts.version == version)
    }

    /// What they say of themselves, where everybody may read it.
    pub fn sentences(&self) -> impl Iterator<Item = (&RuleId, RuleVersion, Sentence)> {
        self.0.values().filter_map(|(facts, _)| Some((&facts.id, facts.version, Sentence::shipped(&facts.title)?)))
    }

    /// Completes a finding as a worker claims it; `None` where it is of no rule in force, or says of it what is not so.
    pub fn recognise(&self, claimed: Finding) -> Option<Finding> {
        let (facts, reach) = self.0.get(&claimed.rule)?;
        let so = (facts.version, facts.category, facts.level) == (claimed.version, claimed.category, claimed.level);
        so.then(|| Finding { reach: Arc::clone(reach), ..claimed })
    }
}

impl FromIterator<RuleFacts> for RulesInForce {
    fn from_iter<I: IntoIterator<Item = RuleFacts>>(facts: I) -> Self {
        Self(facts.into_iter().map(|facts| (facts.id.clone(), (facts.clone(), Arc::new(facts.reach)))).collect())
    }
}
