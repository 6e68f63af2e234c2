//! The words that a regular expression spells, so that they are known in disguise too.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Spellings of one part that are followed: more make no words, but noise.
const MOST: usize = 200;
/// Letters of a class that each make a spelling of their own.
const LARGEST_CLASS: usize = 6;
/// Stands for whatever is not known; words are cut off at it.
const UNKNOWN: char = '\0';

/// Words and phrases in small letters, each of which some match holds.
pub fn spellings(hir: &Hir) -> Vec<String> {
    let spelt = spell(hir);
    let fragments = spelt.iter().flat_map(|spelling| spelling.split(UNKNOWN));
    // What touches something unknown may be half a word: the edges of a fragment are words where nothing is cut off.
    let mut words: Vec<String> = fragments.map(|fragment| fragment.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    words.retain(|words| words.len() > 1);
    words.sort_unstable();
    words.dedup();
    words
}

fn spell(hir: &Hir) -> Vec<String> {
    let known = match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => vec![String::new()],
        HirKind::Literal(literal) => vec![literal.0.iter().map(|octet| letter(*octet)).collect()],
        HirKind::Class(class) => of_class(class),
        HirKind::Capture(capture) => spell(&capture.sub),
        HirKind::Repetition(repetition) => {
            let once = spell(&repetition.sub);
            let is_gap = once.iter().all(|spelling| spelling.trim().is_empty());
            let behind = if repetition.max == Some(1) || is_gap { "" } else { "\0" };
            let some = once.iter().map(|spelling| format!("{spelling}{behind}"));
            if repetition.min == 0 { some.chain([String::new()]).collect() } else { some.collect() }
        }
        HirKind::Alternation(branches) => branches.iter().flat_map(spell).collect(),
        HirKind::Concat(parts) => parts.iter().fold(vec![String::new()], |begun, part| {
            let next = spell(part);
            if begun.len() * next.len() > MOST {
                return begun
                    .into_iter()
                    .map(|spelling| spelling + "\0")
                    .chain(next.into_iter().map(|spelling| format!("\0{spelling}")))
                    .collect();
            }
            begun.iter().flat_map(|begun| next.iter().map(move |next| format!("{begun}{next}"))).collect()
        }),
    };
    if known.len() > MOST { vec![UNKNOWN.to_string()] } else { known }
}

fn of_class(class: &Class) -> Vec<String> {
    let Class::Bytes(class) = class else { return vec![UNKNOWN.to_string()] };
    let octets: Vec<u8> = class.ranges().iter().flat_map(|range| range.start()..=range.end()).take(256).collect();
    let gaps = octets.iter().any(u8::is_ascii_whitespace);
    let mut letters: Vec<u8> = octets.iter().map(u8::to_ascii_lowercase).collect();
    letters.sort_unstable();
    letters.dedup();
    match letters.len() {
        _ if gaps && octets.len() <= LARGEST_CLASS + 2 => vec![" ".to_owned()],
        ..=LARGEST_CLASS => letters.into_iter().map(|octet| letter(octet).to_string()).collect(),
        _ => vec![UNKNOWN.to_string()],
    }
}

fn letter(octet: u8) -> char {
    if octet.is_ascii_alphabetic() || octet == b'\'' { octet.to_ascii_lowercase() as char } else { ' ' }
}

#[cfg(test)]
mod tests {
    use regex_syntax::ParserBuilder;

    use super::*;

    fn spelt(expression: &str) -> Vec<String> {
        spellings(&ParserBuilder::new().unicode(false).utf8(false).build().parse(expression).unwrap())
    }

    #[test]
    fn a_regex_spells_the_words_of_its_matches() {
        assert_eq!(spelt(r"\bred fox(?:es)?\b"), ["red fox", "red foxes"]);
        assert_eq!(spelt(r"(?:hen|cock)\s+[a-z]+ly"), ["cock", "hen", "ly"]);
        assert_eq!(spelt(r"gr[ae]y\d"), ["gray", "grey"]);
        assert_eq!(spelt(r"\d{3}"), [""; 0]);
    }

    #[test]
    fn an_expression_of_very_many_spellings_is_cut_into_parts() {
        let many = format!("(?:{})", (0..20).map(|number| format!("w{}", "a".repeat(number + 2))).collect::<Vec<_>>().join("|"));
        let words = spelt(&format!("{many} {many} {many}"));
        assert!(words.contains(&"waa".to_owned()) && words.len() < 5 * MOST, "{}", words.len());
    }
}
