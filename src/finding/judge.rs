//! From what was found to what is done: a pure function of the findings, the policy and the circumstances.

use std::collections::{BTreeMap, BTreeSet};

use super::{Action, Actions, Audience, Category, Circumstances, Finding, Incomplete, Level, Recipient, RuleId, RuleVersion, Stage};

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

    /// Whether findings of one category are enough.
    fn is_concern(&self, found: &[&Finding]) -> bool {
        !found.is_empty() && found.iter().map(|finding| u32::from(finding.score)).sum::<u32>() >= u32::from(self.threshold)
    }

    fn actions(&self, category: Category) -> Actions {
        self.actions.get(&category).map_or_else(|| category.actions(), |action| Actions::all(*action))
    }
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
    /// To whom the sheet and the text are sealed.
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
    for finding in counting(findings, circumstances).filter(|finding| finding.reach.stage >= Stage::Flag) {
        by_category.entry(finding.category).or_default().push(finding);
    }
    by_category.retain(|_, found| policy.is_concern(found));

    let mut weighed: Vec<(Level, u32, Action, Category)> = by_category
        .iter()
        .map(|(category, found)| {
            let level = found.iter().filter_map(|f| f.level).chain([category.level()]).max().unwrap_or_else(|| category.level());
            let points = found.iter().map(|finding| u32::from(finding.score)).sum();
            (level, points, action_for(found, *category, policy, circumstances), *category)
        })
        .collect();
    // Gravest first: the level, then how much speaks for it, then the order of the list.
    weighed.sort_by(|a, b| (b.0, b.1).cmp(&(a.0, a.1)).then(a.3.cmp(&b.3)));

    let Some(&(level, .., category)) = weighed.first() else {
        return if incomplete.is_empty() { Verdict::Clear } else { Verdict::Incomplete(incomplete.to_vec()) };
    };
    let deliver = circumstances.to_safeguarding || weighed.iter().any(|(.., category)| category.cry_for_help());
    let strictest = weighed.iter().map(|(_, _, action, _)| *action).max().unwrap_or(Action::Pass);
    let action = if deliver { strictest.min(Action::Flag) } else { strictest };
    let concern = Concern {
        category,
        level,
        action,
        categories: weighed.iter().map(|(.., category)| *category).collect(),
        findings: by_category.into_values().flatten().cloned().collect(),
        incomplete: incomplete.to_vec(),
    };
    if action >= Action::Hold { Verdict::Hold(concern) } else { Verdict::Flag(concern) }
}

/// The rules in the shadow that fired, each once: they are counted, and nothing else comes of them.
pub fn shadows<'f>(findings: &'f [Finding], circumstances: &Circumstances<'_>) -> BTreeSet<(&'f RuleId, RuleVersion)> {
    let shadows = counting(findings, circumstances).filter(|finding| finding.reach.stage == Stage::Shadow);
    shadows.map(|finding| (&finding.rule, finding.version)).collect()
}

/// Those that count for these people, at this time, and that nobody has found wrong.
fn counting<'f>(findings: &'f [Finding], circumstances: &Circumstances<'_>) -> impl Iterator<Item = &'f Finding> {
    let waived =
        |finding: &Finding| circumstances.waived.iter().any(|(rule, version)| *rule == finding.rule && *version == finding.version);
    findings.iter().filter(move |finding| !waived(finding) && finding.reach.conditions.hold(circumstances))
}

/// What is done about a concern of one category. More than flagging takes rules that may do more, and enough of them.
fn action_for(found: &[&Finding], category: Category, policy: &Policy, circumstances: &Circumstances<'_>) -> Action {
    let actions = policy.actions(category);
    let has_fallen =
        |finding: &Finding| circumstances.fallen.iter().any(|(rule, version)| *rule == finding.rule && *version == finding.version);
    let may_hold: Vec<_> = found.iter().copied().filter(|finding| finding.reach.stage == Stage::Hold && !has_fallen(finding)).collect();
    let (decisive, most) = if policy.is_concern(&may_hold) { (&*may_hold, Action::Withhold) } else { (found, Action::Flag) };
    let by_what = decisive
        .iter()
        .map(|finding| if finding.location.field.is_material() { actions.material } else { actions.talk })
        .max()
        .unwrap_or(Action::Pass);
    let action = if circumstances.sender_outside { by_what.max(actions.from_outside) } else { by_what };
    action.min(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::slice;
    use std::sync::Arc;

    use crate::finding::{Conditions, Field, Kind, Location, Party, Person, Reach, Reason, Standing, Who};

    fn finding(category: Category, score: u16, field: Field) -> Finding {
        Finding {
            rule: format!("{category}.test").parse().unwrap(),
            version: RuleVersion([1; 8]),
            category,
            level: None,
            score,
            kind: Kind::Text,
            location: Location { part: "1".to_owned(), field, place: None },
            reach: Arc::default(),
        }
    }

    fn at_stage(stage: Stage, finding: Finding) -> Finding {
        Finding { reach: Arc::new(Reach { stage, ..Reach::default() }), ..finding }
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
    fn a_rule_in_the_shadow_is_counted_and_nothing_else() {
        let found = [at_stage(Stage::Shadow, finding(Category::Violence, 100, Field::Attachment))];
        let circumstances = Circumstances::default();
        assert_eq!(judged(&found, &circumstances), Verdict::Clear);
        assert_eq!(shadows(&found, &circumstances).into_iter().map(|(rule, _)| rule.as_str()).collect::<Vec<_>>(), ["violence.test"]);
        let beside = [found[0].clone(), finding(Category::Violence, 40, Field::Attachment)];
        assert_eq!(judged(&beside, &circumstances), Verdict::Clear, "it adds nothing to another rule");
    }

    #[test]
    fn a_rule_that_may_flag_holds_nothing_and_keeps_no_other_from_holding() {
        let flag = at_stage(Stage::Flag, finding(Category::Violence, 80, Field::Attachment));
        let hold = finding(Category::Violence, 80, Field::Attachment);
        let weak = finding(Category::Violence, 20, Field::Attachment);
        assert!(matches!(judged(slice::from_ref(&flag), &Circumstances::default()), Verdict::Flag(_)));
        assert!(matches!(judged(&[flag.clone(), weak], &Circumstances::default()), Verdict::Flag(_)));
        assert!(matches!(judged(&[flag, hold], &Circumstances::default()), Verdict::Hold(_)));
    }

    #[test]
    fn a_finding_counts_only_under_the_conditions_of_its_rule() {
        let who = Who { sender: vec![Party::Outside], ..Who::default() };
        let reach = Reach { conditions: Conditions { who, ..Conditions::default() }, ..Reach::default() };
        let found = [Finding { reach: Arc::new(reach), ..finding(Category::Bullying, 80, Field::Body) }];
        let sent_by = |standing| Circumstances { sender: Person { standing, ..Person::default() }, ..Circumstances::default() };
        assert!(matches!(judged(&found, &sent_by(Standing::Is(Party::Outside))), Verdict::Flag(_)));
        assert_eq!(judged(&found, &sent_by(Standing::Unlisted)), Verdict::Clear);
    }

    #[test]
    fn a_rule_that_has_held_too_much_flags_in_that_version_and_keeps_no_other_from_holding() {
        let mut found = vec![finding(Category::Violence, 80, Field::Attachment)];
        let fallen = [(found[0].rule.clone(), found[0].version)];
        let judged = |found: &[Finding], fallen| judged(found, &Circumstances { fallen, ..Circumstances::default() });
        assert!(matches!(judged(&found, &fallen), Verdict::Flag(_)));
        let older = [(found[0].rule.clone(), RuleVersion([2; 8]))];
        assert!(matches!(judged(&found, &older), Verdict::Hold(_)));
        found.push(Finding { rule: "violence.other".parse().unwrap(), ..found[0].clone() });
        assert!(matches!(judged(&found, &fallen), Verdict::Hold(_)));
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
