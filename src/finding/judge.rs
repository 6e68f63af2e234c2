//! From what was found to what is done: a pure function of the findings, the policy and the circumstances.

use std::collections::BTreeMap;

use super::{Action, Actions, Audience, Category, Finding, Incomplete, Level, Recipient, RuleId, RuleVersion};

/// What the school has decided beyond the defaults of [`Category`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How many points of score, all rules of one category taken together, make a concern. 1 to 100.
    threshold: u16,
    actions: BTreeMap<Category, Action>,
}

impl Default for Policy {
    fn default() -> Self {
        Self { threshold: 50, actions: BTreeMap::new() }
    }
}

/// The school asked for less than a category's floor, or for a cry for help to be held.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoosensPolicy {
    #[error("a message of category `{0}` is a cry for help: it is always delivered")]
    DelaysCryForHelp(Category),
    #[error("`{0}` cannot be loosened to `{1}`")]
    Loosens(Category, Action),
}

impl Policy {
    pub fn new(threshold: u16) -> Self {
        Self { threshold: threshold.clamp(1, 100), ..Self::default() }
    }

    /// Replaces the default action of a category, words and material alike.
    ///
    /// # Errors
    /// When the category is marked `!` and `action` is milder than its default, or stricter than delivery
    /// for a cry for help.
    pub fn set(&mut self, category: Category, action: Action) -> Result<(), LoosensPolicy> {
        if category.cry_for_help() && action != Action::Pass {
            return Err(LoosensPolicy::DelaysCryForHelp(category));
        }
        if category.fixed() && action < category.actions().talk {
            return Err(LoosensPolicy::Loosens(category, action));
        }
        self.actions.insert(category, action);
        Ok(())
    }

    /// In points of score.
    pub fn threshold(&self) -> u16 {
        self.threshold
    }

    fn actions(&self, category: Category) -> Actions {
        self.actions.get(&category).map_or_else(|| category.actions(), |action| Actions::all(*action))
    }
}

/// What is known of a message besides its content.
#[derive(Clone, Copy, Debug, Default)]
pub struct Circumstances<'a> {
    /// The sender has no address in the school's domains.
    pub sender_outside: bool,
    /// This copy lies in a safeguarding mailbox: it is delivered, never held.
    pub to_safeguarding: bool,
    /// Rules that a person has already found wrong on this very content.
    pub waived: &'a [(RuleId, RuleVersion)],
}

/// What is to be done with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Clear,
    /// Delivered, and a case is opened.
    Flag(Concern),
    /// Sealed and removed.
    Hold(Concern),
    /// Delivered, nothing found in what could be read, and not everything could be.
    Incomplete(Vec<Incomplete>),
}

impl Verdict {
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Flag(_) => "flag",
            Self::Hold(_) => "hold",
            Self::Incomplete(_) => "incomplete",
        }
    }
}

/// Why a message is not clear. There is at least one finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Concern {
    /// The gravest of the categories found: it names the case.
    pub category: Category,
    pub level: Level,
    pub action: Action,
    /// Every category that reached the threshold, gravest first.
    pub categories: Vec<Category>,
    pub findings: Vec<Finding>,
    pub incomplete: Vec<Incomplete>,
}

impl Concern {
    /// To whom the sheet is sealed.
    pub fn sheet_audiences(&self) -> Vec<Audience> {
        self.each_once(Category::audiences)
    }

    /// Who is told.
    pub fn recipients(&self) -> Vec<Recipient> {
        self.each_once(Category::recipients)
    }

    /// What the categories say, together. Concerns about staff are for their superiors alone (D6): theirs
    /// displaces all others.
    fn each_once<T: Copy + Ord + 'static>(&self, of: impl Fn(Category) -> &'static [T]) -> Vec<T> {
        for superior in [Category::HeadConcern, Category::StaffConcern] {
            if self.categories.contains(&superior) {
                return of(superior).to_vec();
            }
        }
        let mut all: Vec<_> = self.categories.iter().flat_map(|category| of(*category)).copied().collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// To whom the message itself is sealed when it is held.
    pub fn message_audiences(&self) -> Vec<Audience> {
        if self.action == Action::Withhold { vec![Audience::Evidence] } else { self.sheet_audiences() }
    }
}

/// Decides. Deterministic: the same input gives the same verdict after a crash.
pub fn judge(findings: &[Finding], incomplete: &[Incomplete], policy: &Policy, circumstances: &Circumstances<'_>) -> Verdict {
    let mut by_category: BTreeMap<Category, Vec<&Finding>> = BTreeMap::new();
    for finding in findings.iter().filter(|f| !waived(f, circumstances)) {
        by_category.entry(finding.category).or_default().push(finding);
    }
    by_category.retain(|_, found| found.iter().map(|f| u32::from(f.score)).sum::<u32>() >= u32::from(policy.threshold));

    let mut weighed: Vec<(Level, Action, Category)> = by_category
        .iter()
        .map(|(category, found)| {
            let level = found.iter().filter_map(|f| f.level).chain([category.level()]).max().unwrap_or_else(|| category.level());
            (level, action_for(found, policy.actions(*category), circumstances), *category)
        })
        .collect();
    // Gravest first: the level, then what is done, then the order of the list.
    weighed.sort_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then(a.2.cmp(&b.2)));

    let Some(&(level, _, category)) = weighed.first() else {
        return if incomplete.is_empty() { Verdict::Clear } else { Verdict::Incomplete(incomplete.to_vec()) };
    };
    let deliver = circumstances.to_safeguarding || weighed.iter().any(|(_, _, category)| category.cry_for_help());
    let strictest = weighed.iter().map(|(_, action, _)| *action).max().unwrap_or(Action::Pass);
    let action = if deliver { strictest.min(Action::Flag) } else { strictest };
    let concern = Concern {
        category,
        level,
        action,
        categories: weighed.iter().map(|(_, _, category)| *category).collect(),
        findings: by_category.into_values().flatten().cloned().collect(),
        incomplete: incomplete.to_vec(),
    };
    if action >= Action::Hold { Verdict::Hold(concern) } else { Verdict::Flag(concern) }
}

fn waived(finding: &Finding, circumstances: &Circumstances<'_>) -> bool {
    circumstances.waived.iter().any(|(rule, version)| *rule == finding.rule && *version == finding.version)
}

fn action_for(found: &[&Finding], actions: Actions, circumstances: &Circumstances<'_>) -> Action {
    let by_what = found
        .iter()
        .map(|finding| if finding.location.field.is_material() { actions.material } else { actions.talk })
        .max()
        .unwrap_or(Action::Pass);
    if circumstances.sender_outside { by_what.max(actions.from_outside) } else { by_what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Field, Kind, Location, Reason};

    fn finding(category: Category, score: u16, field: Field) -> Finding {
        Finding {
            rule: format!("{category}.test").parse().unwrap(),
            version: RuleVersion([1; 8]),
            category,
            level: None,
            score,
            kind: Kind::Text,
            location: Location { part: "1".to_owned(), field },
        }
    }

    fn judged(findings: &[Finding], circumstances: &Circumstances<'_>) -> Verdict {
        judge(findings, &[], &Policy::default(), circumstances)
    }

    fn concern(verdict: Verdict) -> Concern {
        match verdict {
            Verdict::Flag(concern) | Verdict::Hold(concern) => concern,
            other => panic!("no concern: {other:?}"),
        }
    }

    #[test]
    fn nothing_found_is_clear_only_when_everything_was_read() {
        let unread = [Incomplete { part: "2".to_owned(), reason: Reason::EncryptedArchive }];
        assert_eq!(judged(&[], &Circumstances::default()), Verdict::Clear);
        let verdict = judge(&[], &unread, &Policy::default(), &Circumstances::default());
        assert_eq!(verdict, Verdict::Incomplete(unread.to_vec()));
    }

    #[test]
    fn weak_signals_of_one_category_add_up_and_of_two_do_not() {
        let one = finding(Category::Bullying, 30, Field::Body);
        let other = finding(Category::Hate, 30, Field::Body);
        assert_eq!(judged(&[one.clone(), other], &Circumstances::default()), Verdict::Clear);
        assert_eq!(concern(judged(&[one.clone(), one], &Circumstances::default())).category, Category::Bullying);
    }

    #[test]
    fn a_cry_for_help_is_delivered_even_beside_something_that_would_be_held() {
        let found = [finding(Category::Suicide, 80, Field::Body), finding(Category::Violence, 80, Field::Attachment)];
        let verdict = judged(&found, &Circumstances { sender_outside: true, ..Circumstances::default() });
        assert!(matches!(&verdict, Verdict::Flag(c) if c.category == Category::Suicide && c.level == Level::Now), "{verdict:?}");
    }

    #[test]
    fn a_message_to_the_safeguarding_lead_is_delivered() {
        let found = [finding(Category::Violence, 80, Field::Attachment)];
        assert!(matches!(judged(&found, &Circumstances::default()), Verdict::Hold(_)));
        assert!(matches!(judged(&found, &Circumstances { to_safeguarding: true, ..Circumstances::default() }), Verdict::Flag(_)));
    }

    #[test]
    fn talk_is_flagged_where_material_is_held() {
        assert!(matches!(judged(&[finding(Category::SexualContent, 80, Field::Body)], &Circumstances::default()), Verdict::Flag(_)));
        assert!(matches!(judged(&[finding(Category::SexualContent, 80, Field::Attachment)], &Circumstances::default()), Verdict::Hold(_)));
    }

    #[test]
    fn grooming_from_outside_is_held_and_from_inside_flagged() {
        let found = [finding(Category::Grooming, 80, Field::Body)];
        assert!(matches!(judged(&found, &Circumstances::default()), Verdict::Flag(_)));
        assert!(matches!(judged(&found, &Circumstances { sender_outside: true, ..Circumstances::default() }), Verdict::Hold(_)));
    }

    #[test]
    fn a_withheld_message_is_sealed_to_the_evidence_key_and_its_sheet_is_not() {
        let concern = concern(judged(&[finding(Category::KnownImage, 100, Field::Attachment)], &Circumstances::default()));
        assert_eq!(concern.message_audiences(), [Audience::Evidence]);
        assert_eq!(concern.sheet_audiences(), [Audience::Dsl, Audience::Head]);
    }

    #[test]
    fn a_concern_about_staff_is_for_the_head_alone_whatever_else_was_found() {
        let found = [finding(Category::StaffConcern, 80, Field::Body), finding(Category::Threat, 80, Field::Body)];
        assert_eq!(concern(judged(&found, &Circumstances::default())).sheet_audiences(), [Audience::Head]);
    }

    #[test]
    fn what_a_person_has_waived_is_not_caught_again_by_the_same_version() {
        let found = [finding(Category::Violence, 80, Field::Attachment)];
        let waived = [(found[0].rule.clone(), found[0].version)];
        assert_eq!(judged(&found, &Circumstances { waived: &waived, ..Circumstances::default() }), Verdict::Clear);
        let older = [(found[0].rule.clone(), RuleVersion([2; 8]))];
        assert!(matches!(judged(&found, &Circumstances { waived: &older, ..Circumstances::default() }), Verdict::Hold(_)));
    }

    #[test]
    fn the_policy_can_be_tightened_and_its_floors_cannot_be_loosened() {
        let mut policy = Policy::default();
        assert_eq!(policy.set(Category::Bullying, Action::Hold), Ok(()));
        assert_eq!(policy.set(Category::KnownImage, Action::Flag), Err(LoosensPolicy::Loosens(Category::KnownImage, Action::Flag)));
        assert_eq!(policy.set(Category::Suicide, Action::Hold), Err(LoosensPolicy::DelaysCryForHelp(Category::Suicide)));
        let verdict = judge(&[finding(Category::Bullying, 80, Field::Body)], &[], &policy, &Circumstances::default());
        assert!(matches!(verdict, Verdict::Hold(_)));
    }
}
