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
