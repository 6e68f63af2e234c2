//! What is likely a mistake in rules that compile: told by `rules check`, and refused by its `--strict`.

use std::collections::BTreeMap;

use super::compile::Rule;
use super::evaluate;
use super::form::Expect;
use super::signal::Signal;
use super::words;
use crate::fault::{At, Fault};
use crate::finding::{Category, Field, Stage};

/// Alone, such a word says nothing.
const COMMON: &str = "about after again all alone always angry another anyone ask away baby back bad bed best big bit black blood boy \
    boys break bring call child children class come cool crazy cut date day days dead deal die door down drink drop drug drugs eat end \
    even ever every face fall family feel fight find fire fit food free friend friends fun game games girl girls give going good great \
    group gun guy guys hand happy hard hate head help here hit hold home hot house hurt idea job join joke just kid kids kill kiss knife \
    know last late leave left life like line little live look lost love make man many match maybe meet message mind miss money more \
    mother move much music name need never new news next nice night nobody nothing now number old only open pain people phone photo \
    pick picture place plan play please point pot private problem pull push put race read ready real right room run sad safe same save \
    say school secret see send sex shoot shot show shut sick side sister sit sleep small smoke someone something soon sorry speak stay \
    still stop story stuff talk teacher tell thing things think throw time today together told tonight try turn ugly under use very \
    video wait walk want war watch water way week weird well white win woman women word work world worry wrong year years young";
/// A word of fewer letters is part of too many others, and of too many names.
const SHORTEST: usize = 4;
/// A score that is a concern without anything else, unless the policy says otherwise.
const CONCERN: u16 = 50;
/// Of terms that one note names.
const NAMED: usize = 5;
/// Signals of which every combination is tried.
const MOST_TRIED: usize = 14;
/// Examples of what a rule must let pass, before it may act.
const FEWEST_NO_MATCH: usize = 3;

/// What there is to say of these rules.
pub fn look_over(rules: &[Rule]) -> Vec<Fault> {
    let alone = rules.iter().flat_map(look_at);
    alone.chain(told_twice(rules)).collect()
}

fn look_at(rule: &Rule) -> Vec<Fault> {
    let mut notes = Vec::new();
    let mut say = |at: &At, why: String, hint: &str| notes.push(note(rule, at, why, hint));
    if never_fires(rule) {
        say(&rule.fire_at, "`fire` can never hold, whatever is found".to_owned(), "take out the signals that exclude each other");
    }
    for (place, (written, at)) in rule.written.iter().zip(&rule.signals_at).enumerate() {
        if let Some(named) = naming(written.iter().filter(|term| rule.exceptions.iter().any(|phrase| holds(term, phrase)))) {
            say(
                at,
                format!("an exception is part of {named}: always excepted, never found"),
                "make the exception longer, or take the term out",
            );
        }
        // Where distance counts, a longer phrase leaves fewer words between.
        let is_measured = rule.signals.iter().any(|other| matches!(other, Signal::Near { .. }) && other.speaks_of(place));
        let shadowed =
            written.iter().filter(|_| !is_measured).filter(|term| written.iter().any(|other| other != *term && holds(term, other)));
        if let Some(named) = naming(shadowed) {
            say(at, format!("a shorter term of the signal finds {named} already"), "take the longer term out");
        }
    }
    for (place, at) in rule.signals_at.iter().enumerate().filter(|(place, _)| fires_alone(rule, *place) && rule.score >= CONCERN) {
        let broad = rule.written[place].iter().filter(|term| is_broad(term));
        if let Some(named) = naming(broad) {
            say(at, format!("{named} alone would make a concern"), "ask for a second signal, lower the score, or write a phrase");
        }
    }
    if evaluate::could_fire(rule, &|_| false) {
        say(
            &rule.fire_at,
            "its regexes run over every text: nothing that is looked for first has to be there".to_owned(),
            "join them with `and` to a signal of terms",
        );
    }
    let passes = rule.examples.iter().filter(|example| example.form.expect == Expect::NoMatch).count();
    if rule.stage >= Stage::Flag && passes < FEWEST_NO_MATCH {
        let why = format!("examples with `expect = \"no-match\"`: {passes}, and the rule already opens cases");
        say(&rule.id_at, why, "add what is ordinary and looks like it: a lesson, a set book, sport, news");
    }
    notes
}

/// Terms that make two rules of one category fire on the same word, so that it counts twice.
fn told_twice(rules: &[Rule]) -> Vec<Fault> {
    let mut known: BTreeMap<(Category, &[Field], &str), &Rule> = BTreeMap::new();
    let mut twice: BTreeMap<(usize, &str), Vec<&String>> = BTreeMap::new();
    for (number, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.stage.runs()) {
        for place in (0..rule.signals.len()).filter(|place| fires_alone(rule, *place)) {
            for term in &rule.written[place] {
                let first = *known.entry((rule.category, &rule.fields, term)).or_insert(rule);
                if first.id != rule.id {
                    twice.entry((number, first.id.as_str())).or_default().push(term);
                }
            }
        }
    }
    let notes = twice.into_iter().filter_map(|((number, first), terms)| {
        let rule = &rules[number];
        let why = format!("rule `{first}` fires on {} too: their scores add up", naming(terms.into_iter())?);
        Some(note(rule, &rule.id_at, why, "leave the term to one of the two"))
    });
    notes.collect()
}

fn note(rule: &Rule, at: &At, why: String, hint: &str) -> Fault {
    Fault { what: format!("rule `{}` wants a look", rule.id), at: Some(at.clone()), why, hint: hint.to_owned() }
}

/// Whether no combination of finds that can be makes `fire` hold.
fn never_fires(rule: &Rule) -> bool {
    let signals = rule.signals.len();
    if signals > MOST_TRIED {
        return false;
    }
    let found = |set: u32, signal: usize| set >> signal & 1 == 1;
    let can_be = |set: u32| {
        rule.signals.iter().enumerate().filter(|(place, _)| found(set, *place)).all(|(_, signal)| match signal {
            Signal::Terms(_) | Signal::Patterns { .. } => true,
            Signal::Near { a, b, .. } => found(set, *a) && found(set, *b),
            Signal::Count { of, .. } => of.iter().any(|signal| found(set, *signal)),
        })
    };
    !(0..1_u32 << signals).any(|set| can_be(set) && rule.fire.holds(&|signal| found(set, signal)))
}

/// Whether finds of this signal are enough.
fn fires_alone(rule: &Rule, place: usize) -> bool {
    matches!(rule.signals[place], Signal::Terms(_)) && rule.fire.holds(&|signal| signal == place)
}

fn is_broad(term: &str) -> bool {
    let alone = !term.contains(' ') && term.chars().all(char::is_alphanumeric);
    alone && (term.chars().count() < SHORTEST && term.is_ascii() || COMMON.split_whitespace().any(|word| word == term))
}

/// Whether every occurrence of `term` holds one of `phrase`.
fn holds(term: &str, phrase: &str) -> bool {
    term.match_indices(phrase).any(|(at, _)| {
        let edge = |octet: Option<&u8>| octet.is_none_or(|octet| !words::is_word(*octet) && *octet != b'\'');
        edge(term.as_bytes()[..at].last()) && edge(term.as_bytes().get(at + phrase.len()))
    })
}

/// A few of these terms, for people; `None` where there are none.
fn naming<'t>(terms: impl Iterator<Item = &'t String>) -> Option<String> {
    let terms: Vec<_> = terms.collect();
    let named: Vec<_> = terms.iter().take(NAMED).map(|term| format!("`{term}`")).collect();
    let more = terms.len().saturating_sub(NAMED);
    match (named.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(named.join(", ")),
        (false, more) => Some(format!("{} and {more} more", named.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::compile_all;
    use super::*;
    use crate::wire::{Bundle, SourceFile};

    /// What is said of rules of one category, each of which is written as its signals and `fire`.
    fn said(rules: &[(&str, &str)]) -> Vec<String> {
        let passes = "[[example]]\nexpect = \"no-match\"\ntext = \"\"\n".repeat(3);
        let files = rules.iter().enumerate().map(|(number, (signals, fire))| {
            let text = format!(
                "schema = 1\nid = \"scam.r{number}\"\ntitle = \"A made-up rule\"\ncategory = \"scam\"\nstage = \"hold\"\n{signals}\n[decide]\n\
                 fire = \"{fire}\"\nscore = 50\n{passes}[[example]]\nexpect = \"match\"\ntext = \"\"\n[[example]]\nexpect = \"match\"\ntext = \"\"\n\
                 [[history]]\ndate = 2026-11-22\nby = \"a test\"\nnote = \"made up\"\n"
            );
            SourceFile { path: format!("rules/scam/r{number}.toml").into(), octets: text.into_bytes() }
        });
        let rules = compile_all(&Bundle { rules: files.collect(), ..Bundle::default() }).unwrap_or_else(|faults| panic!("{}", faults[0]));
        look_over(&rules).into_iter().map(|fault| fault.why).collect()
    }

    const FOX: &str = "[[signal]]\nname = \"a\"\nterms = [\"fox~ den\", \"heron\"]\n";
    const HEN: &str = "[[signal]]\nname = \"b\"\nterms = [\"hen house\"]\n";

    #[test]
    fn an_ordinary_rule_is_let_be() {
        assert_eq!(said(&[(FOX, "a"), (HEN, "b")]), [""; 0]);
    }

    #[test]
    fn a_rule_that_never_fires_is_told() {
        let both = [FOX, HEN].concat();
        let near = format!("{both}[[signal]]\nname = \"near\"\nnear = {{ a = \"a\", b = \"b\", words = 3 }}\n");
        let never = "`fire` can never hold, whatever is found";
        assert_eq!(said(&[(&both, "a and b and not a")]), [never]);
        assert_eq!(said(&[(&near, "near and not b")]), [never]);
        assert_eq!(said(&[(&near, "near and not (a and not b)")]), [""; 0]);
    }

    #[test]
    fn terms_that_find_nothing_of_their_own_are_told() {
        let shadowed = "[[signal]]\nname = \"a\"\nterms = [\"red fox\", \"the red fox\", \"red foxglove\"]\n";
        assert_eq!(said(&[(shadowed, "a")]), ["a shorter term of the signal finds `the red fox` already"]);
        let excepted = format!("{FOX}[[except_phrase]]\nterms = [\"heron\"]\nreason = \"birds\"\n");
        assert_eq!(said(&[(&excepted, "a")]), ["an exception is part of `heron`: always excepted, never found"]);
    }

    #[test]
    fn an_ordinary_word_that_is_enough_is_told() {
        let broad = "[[signal]]\nname = \"a\"\nterms = [\"kill\", \"cat\", \"kill him\", \"heron\"]\n";
        let told = said(&[(&broad.replace(", \"kill him\"", ""), "a")]);
        assert_eq!(told, ["`kill`, `cat` alone would make a concern"]);
        assert_eq!(said(&[(&format!("{}{HEN}", broad.replace(", \"kill him\"", "")), "a and b")]), [""; 0]);
    }

    #[test]
    fn a_term_of_two_rules_and_a_regex_over_everything_are_told() {
        assert_eq!(said(&[(FOX, "a"), (FOX, "a")]), ["rule `scam.r0` fires on `fox~ den`, `heron` too: their scores add up"]);
        let bare = "[[signal]]\nname = \"n\"\nregex = ['\\d{4}']\nneeds_literal = false\n";
        let told = said(&[(bare, "n")]);
        assert!(told.len() == 1 && told[0].starts_with("its regexes run over every text"), "{told:?}");
    }
}
