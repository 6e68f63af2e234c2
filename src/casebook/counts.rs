//! How many cases there are, for a reader who is told of no case: what is hidden from her is in no number either.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use super::column::{Json, parsed};
use super::{CaseRow, Filter, ReadOnly, Result, Standing, cases};
use crate::case::CaseId;
use crate::finding::{Action, Category, RuleId};

/// What came of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleCounts {
    /// What it said of itself in the newest of them; empty where its words do not come with mailwarden.
    pub sentence: String,
    pub rule: RuleId,
    /// In which it had a part.
    pub cases: u64,
    /// Of these, whose messages were sealed.
    pub held: u64,
    /// Of the held, that went back.
    pub put_back: u64,
}

/// Counts alone, most first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaseCounts {
    pub categories: Vec<(Category, u64)>,
    /// Whatever the versions of a rule.
    pub rules: Vec<RuleCounts>,
}

impl ReadOnly {
    /// Counts the cases that are in the numbers of a reader. There are no counts without a reader: where a category has one case, its
    /// number tells of that case.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn counts(&self, is_counted: impl Fn(&CaseRow) -> bool) -> Result<CaseCounts> {
        self.read(|conn| {
            let rows = cases::cases(conn, &Filter::default())?;
            let counted: HashMap<CaseId, CaseRow> = rows.into_iter().filter(is_counted).map(|row| (row.id, row)).collect();
            let mut categories: BTreeMap<Category, u64> = BTreeMap::new();
            for row in counted.values() {
                *categories.entry(row.category).or_default() += 1;
            }
            let of: Vec<_> = counted.keys().map(|case| case.0).collect();
            let mut rules: BTreeMap<RuleId, RuleCounts> = BTreeMap::new();
            let mut fired = conn.prepare_cached(
                "SELECT of_case, rule, max(sentence) AS sentence FROM finding LEFT JOIN sentence USING (rule, version)
                 WHERE of_case IN (SELECT value FROM json_each(?)) GROUP BY of_case, rule ORDER BY of_case DESC",
            )?;
            for found in fired
                .query_map([Json(of)], |row| Ok((CaseId(row.get("of_case")?), parsed::<RuleId>(row, "rule")?, row.get("sentence")?)))?
            {
                let (case, rule, sentence): (_, _, Option<String>) = found?;
                let Some(row) = counted.get(&case) else { continue };
                let held = row.action >= Action::Hold;
                let count =
                    rules.entry(rule.clone()).or_insert(RuleCounts { sentence: String::new(), rule, cases: 0, held: 0, put_back: 0 });
                if count.sentence.is_empty() {
                    count.sentence = sentence.unwrap_or_default();
                }
                count.cases += 1;
                count.held += u64::from(held);
                count.put_back += u64::from(held && row.standing == Standing::Released);
            }
            let (mut categories, mut rules): (Vec<_>, Vec<_>) = (categories.into_iter().collect(), rules.into_values().collect());
            categories.sort_by_key(|(_, cases)| Reverse(*cases));
            rules.sort_by_key(|rule| Reverse(rule.cases));
            Ok(CaseCounts { categories, rules })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, at, concern, place};
    use super::super::{Involvement, New, Party};
    use super::*;
    use crate::finding::{Audience, Level};
    use crate::journal::Actor;
    use crate::mail::Address;

    fn reading(desk: &Desk) -> ReadOnly {
        ReadOnly::open(&desk.folder.path().join("casebook.db")).unwrap()
    }

    #[test]
    fn rules_are_counted_by_case_with_what_they_held_and_what_of_that_went_back() {
        let desk = Desk::new();
        let (flag, hold) = (concern(Level::Day, Action::Flag), concern(Level::Day, Action::Hold));
        desk.record(1, &place("ann", 1), &flag, None);
        desk.record(2, &place("ann", 2), &hold, Some(&desk.sealed()));
        let wrong = desk.record(3, &place("ann", 3), &hold, Some(&desk.sealed()));
        desk.book.release(at(5), &Actor::Program, wrong.case, "a lesson").unwrap();
        let rule = RuleCounts { sentence: String::new(), rule: "bullying.test".parse().unwrap(), cases: 3, held: 2, put_back: 1 };
        let expected = CaseCounts { categories: vec![(Category::Bullying, 3)], rules: vec![rule] };
        assert_eq!(reading(&desk).counts(|_| true).unwrap(), expected);
    }

    #[test]
    fn what_is_hidden_from_the_reader_is_in_no_number() {
        let desk = Desk::new();
        let (bullying, mut about_the_head) = (concern(Level::Day, Action::Flag), concern(Level::Day, Action::Flag));
        about_the_head.category = Category::HeadConcern;
        about_the_head.findings[0].rule = "head-concern.test".parse().unwrap();
        let ann: Address = "ann@school.example".parse().unwrap();
        let parties = [(desk.book.key_address(&ann), Party::Sender)];
        desk.book.record(&New { parties: &parties, ..desk.plain(1, &bullying) }).unwrap();
        desk.book.record(&New { audiences: &[Audience::Chair], ..desk.plain(2, &about_the_head) }).unwrap();
        let seen = |involved: &Involvement, is_head| {
            let counts = reading(&desk).counts(|row| !involved.hides(row, is_head)).unwrap();
            let rules: Vec<_> = counts.rules.iter().map(|count| count.rule.to_string()).collect();
            (counts.categories.iter().map(|(category, _)| *category).collect::<Vec<_>>(), rules.join(" "))
        };
        let involved = desk.book.involvement_of(&ann).unwrap();
        assert_eq!(seen(&involved, false), (vec![Category::HeadConcern], "head-concern.test".to_owned()));
        assert_eq!(seen(&Involvement::default(), true), (vec![Category::Bullying], "bullying.test".to_owned()));
        assert_eq!(seen(&involved, true), (vec![], String::new()));
    }
}
