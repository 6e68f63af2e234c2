//! Whether a regex may match around a literal of it, told from the few octets on either side: most literals stand where none
//! does, and it is never asked.
//!
//! Each side is a nondeterministic automaton whose states are the bits of one number; what lies further from the literal than it
//! has states for is taken for a match. It may say yes to no match, and never no to one.
//! Source: Navarro and Raffinot, "Flexible Pattern Matching in Strings", 2002, 5.4: Glushkov's automaton.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use regex_automata::nfa::thompson::{self, NFA, State, Transition, WhichCaptures};
use regex_automata::util::look::{LookMatcher, LookSet};
use regex_automata::util::primitives::StateID;
use regex_syntax::hir::Hir;

/// The regex may match.
const MATCH: u64 = 1 << 63;
const MOST_PLACES: usize = 63;
/// Octets on one side that are looked at: it bounds the time.
const FURTHEST: usize = 32;
/// Of an automaton that is looked into, in octets.
const LARGEST: usize = 1 << 17;
/// States of it that are gone through for one side: it bounds the time that compiling takes.
const MOST_STEPS: usize = 8_000;

/// Whether the regex may match around one of its literals.
#[derive(Clone, Debug)]
pub struct Surroundings {
    sides: Arc<Sides>,
    /// How what stands behind the literal begins.
    first: Next,
}

/// Of all literals that begin at one place of an expression.
#[derive(Debug)]
struct Sides {
    before: Side,
    first: Next,
    behind: Side,
}

/// The surroundings of these literals, each of which begins what matches `behind` where `before` ends.
pub fn surroundings(before: &Hir, behind: &Hir, literals: &[Vec<u8>]) -> Vec<Surroundings> {
    let (before, mut first) = Side::of(before, true, &[Vec::new()]);
    let (behind, firsts) = Side::of(behind, false, literals);
    let sides = Arc::new(Sides { before, first: first.remove(0), behind });
    firsts.into_iter().map(|first| Surroundings { sides: Arc::clone(&sides), first }).collect()
}

impl Surroundings {
    /// Looks at a bounded number of octets on either side of the literal.
    #[inline]
    pub fn may_match(&self, text: &[u8], literal: &Range<usize>) -> bool {
        let Sides { before, first, behind } = &*self.sides;
        before.may_match(first, text, literal.start) && behind.may_match(&self.first, text, literal.end)
    }
}

/// What must stand on one side of a literal: a way through it is one of the regex's. Small letters stand for both.
#[derive(Debug)]
struct Side {
    places: Box<[Place]>,
    backwards: bool,
}

/// One octet of a way.
#[derive(Debug)]
struct Place {
    /// A bit for each octet that may stand there.
    octets: [u64; 4],
    next: Next,
}

/// Where a way may go on.
#[derive(Clone, Debug, Default)]
struct Next {
    /// The bits of places, and [`MATCH`].
    free: u64,
    /// The same, where assertions hold.
    bound: Vec<(LookSet, u64)>,
}

impl Side {
    /// What matches the expression behind each of these literals, which are its beginning; and how that begins.
    fn of(hir: &Hir, backwards: bool, literals: &[Vec<u8>]) -> (Self, Vec<Next>) {
        let config = thompson::Config::new().utf8(false).reverse(backwards).which_captures(WhichCaptures::None);
        let Ok(nfa) = thompson::Compiler::new().configure(config.nfa_size_limit(Some(LARGEST))).build_from_hir(hir) else {
            return (Self { places: Box::default(), backwards }, vec![Next::all(); literals.len()]);
        };
        let mut ways = Ways { nfa: &nfa, known: Vec::new(), steps: 0 };
        let firsts = literals.iter().map(|literal| ways.behind(literal)).collect();
        let mut places = Vec::new();
        while let Some((state, to)) = ways.known.get(places.len()).copied() {
            places.push(Place { octets: octets(nfa.state(state), to), next: ways.next(&BTreeSet::from([to])) });
        }
        (Self { places: places.into(), backwards }, firsts)
    }

    /// Whether a way leads from `at`, an edge of the literal, to a match or too far to tell.
    #[inline]
    fn may_match(&self, first: &Next, text: &[u8], mut at: usize) -> bool {
        let mut active = first.at(text, at, self.backwards);
        for _ in 0..FURTHEST {
            if active & MATCH != 0 {
                return true;
            }
            let octet = if self.backwards { at.checked_sub(1).and_then(|at| text.get(at)) } else { text.get(at) };
            let (Some(octet), true) = (octet, active != 0) else { return false };
            at = if self.backwards { at - 1 } else { at + 1 };
            let mut next = 0;
            while active != 0 {
                let place = &self.places[active.trailing_zeros() as usize];
                if place.octets[usize::from(octet >> 6)] >> (octet & 63) & 1 == 1 {
                    next |= place.next.at(text, at, self.backwards);
                }
                active &= active - 1;
            }
            active = next;
        }
        active != 0
    }
}

impl Next {
    /// Too far to tell.
    fn all() -> Self {
        Self { free: MATCH, bound: Vec::new() }
    }

    #[inline]
    fn at(&self, text: &[u8], at: usize, backwards: bool) -> u64 {
        if self.bound.is_empty() {
            return self.free;
        }
        let holds = |looks: &LookSet| {
            // An automaton that goes backwards asks for what it sees, which is the other way round.
            looks.iter().all(|look| LookMatcher::new().matches(if backwards { look.reversed() } else { look }, text, at))
        };
        self.bound.iter().filter(|(looks, _)| holds(looks)).fold(self.free, |bits, (_, more)| bits | more)
    }

    fn add(&mut self, looks: LookSet, bit: u64) {
        if looks.is_empty() {
            self.free |= bit;
        } else if let Some((_, bits)) = self.bound.iter_mut().find(|(other, _)| *other == looks) {
            *bits |= bit;
        } else {
            self.bound.push((looks, bit));
        }
    }
}

/// The ways through an automaton.
struct Ways<'n> {
    nfa: &'n NFA,
    /// Each place as a state that takes an octet, and the state to which that leads.
    known: Vec<(StateID, StateID)>,
    steps: usize,
}

impl Ways<'_> {
    /// Where ways go on that have taken the literal; assertions within it are left out.
    fn behind(&mut self, literal: &[u8]) -> Next {
        let mut from = BTreeSet::from([self.nfa.start_anchored()]);
        for letter in literal {
            if self.steps > MOST_STEPS {
                return Next::all();
            }
            let either = [*letter, letter.to_ascii_uppercase()];
            let taking = self.ends(&from).into_iter().flat_map(|(state, _)| transitions(self.nfa.state(state)));
            from = taking.filter(|(start, end, _)| either.iter().any(|octet| (start..=end).contains(&octet))).map(|(.., to)| to).collect();
        }
        self.next(&from)
    }

    /// The places, each with a number, that come next.
    fn next(&mut self, from: &BTreeSet<StateID>) -> Next {
        if self.steps > MOST_STEPS {
            return Next::all();
        }
        let mut next = Next::default();
        for (state, looks) in self.ends(from) {
            if matches!(self.nfa.state(state), State::Match { .. }) {
                next.add(looks, MATCH);
            }
            for (.., to) in transitions(self.nfa.state(state)) {
                let number = self.known.iter().position(|known| *known == (state, to)).unwrap_or(self.known.len());
                if number == self.known.len() && number < MOST_PLACES {
                    self.known.push((state, to));
                }
                next.add(looks, if number < MOST_PLACES { 1 << number } else { MATCH });
            }
        }
        next
    }

    /// The states that take an octet, or match, and can be reached without one; and where which assertions hold.
    fn ends(&mut self, from: &BTreeSet<StateID>) -> Vec<(StateID, LookSet)> {
        let mut ends = Vec::new();
        let mut seen = BTreeSet::new();
        let mut left: Vec<_> = from.iter().map(|state| (*state, LookSet::empty())).collect();
        while let Some((state, looks)) = left.pop() {
            if !seen.insert((state, looks.bits)) {
                continue;
            }
            self.steps += 1;
            match self.nfa.state(state) {
                State::Look { look, next } => left.push((*next, looks.insert(*look))),
                State::Union { alternates } => left.extend(alternates.iter().map(|next| (*next, looks))),
                State::BinaryUnion { alt1, alt2 } => left.extend([(*alt1, looks), (*alt2, looks)]),
                State::Capture { next, .. } => left.push((*next, looks)),
                State::Fail => {}
                State::ByteRange { .. } | State::Sparse(_) | State::Dense(_) | State::Match { .. } => ends.push((state, looks)),
            }
        }
        ends
    }
}

/// From which octet to which a state takes them, and where that leads.
fn transitions(state: &State) -> Vec<(u8, u8, StateID)> {
    let of = |transition: &Transition| (transition.start, transition.end, transition.next);
    match state {
        State::ByteRange { trans } => vec![of(trans)],
        State::Sparse(sparse) => sparse.transitions.iter().map(of).collect(),
        State::Dense(dense) => {
            let some = (0..=u8::MAX).zip(&dense.transitions).filter(|(_, to)| **to != StateID::ZERO);
            some.map(|(octet, to)| (octet, octet, *to)).collect()
        }
        _ => Vec::new(),
    }
}

/// The octets by which a state leads to another, letters in either case.
fn octets(state: &State, to: StateID) -> [u64; 4] {
    let mut bits = [0; 4];
    for (start, end, _) in transitions(state).into_iter().filter(|(.., next)| *next == to) {
        for octet in (start..=end).flat_map(|octet| [octet, octet.to_ascii_lowercase(), octet.to_ascii_uppercase()]) {
            bits[usize::from(octet >> 6)] |= 1 << (octet & 63);
        }
    }
    bits
}

#[cfg(test)]
mod tests {
    use regex_automata::meta::Regex;
    use regex_automata::util::syntax;
    use regex_automata::{Anchored, Input};
    use regex_syntax::ParserBuilder;

    use super::*;

    fn hir(expression: &str) -> Hir {
        ParserBuilder::new().unicode(false).utf8(false).build().parse(expression).unwrap()
    }

    fn behind(expression: &str, literal: &str, text: &str) -> bool {
        let (side, firsts) = Side::of(&hir(expression), false, &[literal.as_bytes().to_vec()]);
        side.may_match(&firsts[0], text.as_bytes(), text.find(literal).unwrap() + literal.len())
    }

    fn before(expression: &str, text: &str, at: usize) -> bool {
        let (side, firsts) = Side::of(&hir(expression), true, &[Vec::new()]);
        side.may_match(&firsts[0], text.as_bytes(), at)
    }

    #[test]
    fn a_literal_is_passed_over_where_the_regex_cannot_match() {
        assert!(behind(r"hen\b", "hen", "a hen."));
        assert!(!behind(r"hen\b", "hen", "a hens"));
        assert!(behind(r"hens?(?: [A-Z]{2,4})\d", "hen", "a hens abc1"));
        assert!(!behind(r"hens?(?: [A-Z]{2,4})\d", "hen", "a hens abcde1"));
        assert!(behind(r"(?:hen|henna) x", "hen", "henna x"));
        assert!(before(r"\b\d+ ?", "x 12 hen", 5) && before(r"\b", "hen", 0));
        assert!(!before(r"\b\d+ ?", "x12 hen", 4) && !before(r"\b", "ahen", 1));
        assert!(before("^a", "ahen", 1) && !before("^a", "aahen", 2));
    }

    #[test]
    fn what_lies_too_far_away_is_taken_for_a_match() {
        let text = format!("hen{}", "a".repeat(300));
        assert!(behind(r"hen[a-z]*\d", "hen", &text), "more octets than are looked at");
        assert!(!behind(r"hen[b-z]*\d", "hen", &text));
        assert!(behind(r"hen[a-z]{100}[A-Z]{100}\d", "hen", &text));
        assert!(behind(r"hen(?:[a-z]{600}){600}", "hen", "hen"), "an automaton larger than is built");
    }

    #[test]
    fn it_never_says_no_to_a_match() {
        let expressions = [
            r"\bhen\d",
            r"(?:hen|hens) ?(?:[a-h]{1,3}|\W)+\d",
            r"[^a]{0,4}\Bs?",
            r"(?m)^a?\b ?",
            r"a*(?:\bhen$|\Bhen)",
            r"(?:ab|b\d|[^\d])\b{start}h",
            r"(?s)hen.{2,70}s",
        ];
        let config = syntax::Config::new().unicode(false).utf8(false).case_insensitive(true);
        let compiled = expressions.map(|expression| {
            let regex = Regex::builder().syntax(config).build(expression).unwrap();
            (regex, Side::of(&hir(expression), false, &[Vec::new()]), Side::of(&hir(expression), true, &[Vec::new()]))
        });
        let syllables = ["hen", "HEN", "a", "b", "1", " ", "s", "\n", "ab"];
        let mut seed = 5_u64;
        for _ in 0..200 {
            let text: String = (0..10)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    syllables[(seed >> 33) as usize % syllables.len()]
                })
                .collect();
            for ((regex, behind, before), start) in
                compiled.iter().flat_map(|compiled| (0..=text.len()).map(move |start| (compiled, start)))
            {
                if regex.is_match(Input::new(&text).range(start..).anchored(Anchored::Yes)) {
                    assert!(behind.0.may_match(&behind.1[0], text.as_bytes(), start), "{regex:?} {text:?} {start}");
                }
                if let Some(found) = regex.find(Input::new(&text).range(start..)) {
                    assert!(before.0.may_match(&before.1[0], text.as_bytes(), found.end()), "{regex:?} {text:?} {found:?}");
                }
            }
        }
    }
}
