//! Texts that are written to make a matcher slow, about a megabyte each.

/// What is said again and again, and a name for it.
const FLOODS: [(&str, &str); 24] = [
    ("one term", "kill yourself "),
    ("one word of many terms", "you "),
    ("an excepted phrase", "dying of laughter "),
    ("two signals side by side", "secret don't tell meet me alone "),
    ("letters one by one", "k i l l y o u r s e l f "),
    ("one letter by itself", "a "),
    ("dotted letters", "k.i.l.l.y.o.u.r.s.e.l.f."),
    ("look-alikes", "\u{43a}\u{456}ll \u{443}\u{43e}u\u{433}s\u{435}lf "),
    ("nothing but look-alikes", "\u{430}\u{435}\u{43e}\u{440}\u{441}\u{445}"),
    ("leetspeak", "k1ll y0ur53lf "),
    ("digits and letters", "1a2b3c4d5e6f "),
    ("digits", "0123456789"),
    ("telephone numbers", "07700 900123 "),
    ("one letter over and over", "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"),
    ("words with one letter too often", "kiiiill yourseeeelf "),
    ("stars", "k*ll f**k sh*t "),
    ("quote marks", "> > > > "),
    ("apostrophes", "\u{2019}don\u{2019}t\u{2018} "),
    ("emoji", "\u{1f602}\u{1f52a}"),
    ("emoji letters", "\u{1f1f0}\u{1f1ee}\u{1f1f1}\u{1f1f1}"),
    ("marks upon marks", "k\u{301}\u{302}\u{303}i\u{304}l\u{305}l\u{336}"),
    ("hyphens", "a-b-c-d-"),
    ("mail addresses", "a@b "),
    ("chinese", "\u{6f22}\u{5b57}\u{6f22}"),
];
const LENGTH: usize = 1 << 20;

pub fn texts() -> Vec<(&'static str, String)> {
    FLOODS.iter().map(|(name, flood)| (*name, flood.repeat(LENGTH / flood.len()))).collect()
}

/// Of a text that is tried, in octets.
const TRIED: usize = 60_000;
/// The slowest so far, from which the search goes on.
const KEPT: usize = 8;
/// Fragments that are said again and again.
const MOST_FRAGMENTS: usize = 40;

/// Of so many texts the one with the lowest `rate`, and what it says again and again: each is made of the fragments of one of
/// the slowest so far, a few of them changed. The same in every run.
pub fn search(fragments: &[String], tries: usize, mut rate: impl FnMut(&str) -> f64) -> (f64, String) {
    let mut dice = 0x5eed_u64;
    let mut roll = |sides: usize| super::mails::roll(&mut dice, sides);
    let mut slowest: Vec<(f64, Vec<usize>)> = Vec::new();
    for _ in 0..tries {
        let afresh = slowest.len() < KEPT || roll(4) == 0;
        let mut said = if afresh { vec![roll(fragments.len())] } else { slowest[roll(slowest.len())].1.clone() };
        for _ in 0..=roll(3) {
            let at = roll(said.len());
            match roll(4) {
                0 if said.len() > 1 => drop(said.remove(at)),
                1 => said[at] = roll(fragments.len()),
                _ => said.insert(at, roll(fragments.len())),
            }
        }
        said.truncate(MOST_FRAGMENTS);
        slowest.push((rate(&text(fragments, &said).repeat(TRIED / text(fragments, &said).len() + 1)), said));
        slowest.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        slowest.truncate(KEPT);
    }
    let (rate, said) = &slowest[0];
    (*rate, text(fragments, said))
}

fn text(fragments: &[String], said: &[usize]) -> String {
    said.iter().flat_map(|place| [fragments[*place].as_str(), " "]).collect()
}
