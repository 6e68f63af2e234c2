//! The inflections of an English word, as they are spelt: `keep~` stands for `keep`, `keeps`, `keeping` and so on.
//!
//! Every form is written out when the rule is compiled, so that a text is compared with whole words alone. Irregular
//! forms (`kept`) are terms of their own.

/// Nouns whose plural ends in `ves`.
const VES: [&str; 14] = ["calf", "elf", "half", "hoof", "knife", "leaf", "life", "loaf", "scarf", "self", "shelf", "thief", "wife", "wolf"];

/// All forms of a word in small letters: itself, its plural and third person, its past, its `-ing`, its possessive.
pub fn forms(word: &str) -> Vec<String> {
    let mut forms = vec![word.to_owned(), format!("{word}'s")];
    let mut add = |stem: &str, ending: &str| forms.push(format!("{stem}{ending}"));
    let letters: Vec<char> = word.chars().collect();
    let behind = |places: usize| letters.len().checked_sub(places).and_then(|at| letters.get(at)).copied();
    let (last, before) = (behind(1).unwrap_or_default(), behind(2));
    let shorter = &word[..word.len() - last.len_utf8()];
    let doubled = format!("{word}{last}");
    let doubling = doubling(&letters);

    let hisses = matches!(last, 's' | 'x' | 'z') || word.ends_with("ch") || word.ends_with("sh");
    let after_consonant = before.is_some_and(|letter| !is_vowel(letter));
    match last {
        'y' if after_consonant => add(shorter, "ies"),
        'o' if after_consonant => ["s", "es"].iter().for_each(|ending| add(word, ending)),
        _ if hisses => add(word, "es"),
        _ => add(word, "s"),
    }
    if hisses && doubling != Doubling::Never {
        add(&doubled, "es");
    }
    if VES.contains(&word) {
        add(word.trim_end_matches('e').trim_end_matches('f'), "ves");
    }
    match last {
        'e' => {
            add(word, "d");
            match before {
                Some('i') => add(&shorter[..shorter.len() - 1], "ying"),
                Some('e' | 'o' | 'y') => add(word, "ing"),
                _ => add(shorter, "ing"),
            }
            // Ageing and bingeing are spelt with their e and without.
            if before == Some('g') {
                add(word, "ing");
            }
        }
        'y' if after_consonant => {
            add(shorter, "ied");
            add(word, "ing");
        }
        // Panicking, trafficked.
        'c' if before == Some('i') => ["ked", "king"].iter().for_each(|ending| add(word, ending)),
        _ => {
            if doubling != Doubling::Always {
                add(word, "ed");
                add(word, "ing");
            }
            if doubling != Doubling::Never {
                add(&doubled, "ed");
                add(&doubled, "ing");
            }
        }
    }
    forms
}

/// Whether the last consonant is written twice before `-ed` and `-ing`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doubling {
    Always,
    /// It depends on the stress, or on the side of the ocean: `travelled`, `visited`.
    Maybe,
    Never,
}

/// One consonant after one vowel is doubled, in a word of one syllable.
fn doubling(letters: &[char]) -> Doubling {
    let [.., vowel, last] = letters else { return Doubling::Never };
    if is_vowel(*last) || matches!(last, 'w' | 'x' | 'y' | 'h') || !is_vowel(*vowel) {
        return Doubling::Never;
    }
    let before = &letters[..letters.len() - 2];
    if before.last().is_some_and(|letter| is_vowel(*letter)) && !before.ends_with(&['q', 'u']) {
        return Doubling::Never;
    }
    let further_syllable = before.iter().enumerate().any(|(at, letter)| is_syllable(&before[..at], *letter));
    if further_syllable || matches!(last, 's' | 'z') { Doubling::Maybe } else { Doubling::Always }
}

/// The u of `quit` makes none.
fn is_syllable(before: &[char], letter: char) -> bool {
    (is_vowel(letter) && !(letter == 'u' && before.ends_with(&['q']))) || (letter == 'y' && !before.is_empty())
}

/// A letter with an accent is one.
fn is_vowel(letter: char) -> bool {
    matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u') || !letter.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regular_english_words_are_spelt_as_the_dictionary_spells_them() {
        for (word, expected) in [
            ("keep", "keep keep's keeps keeped keeping"),
            ("cut", "cut cut's cuts cutted cutting"),
            ("cry", "cry cry's cries cried crying"),
            ("play", "play play's plays played playing"),
            ("make", "make make's makes maked making"),
            ("age", "age age's ages aged aging ageing"),
            ("see", "see see's sees seed seeing"),
            ("die", "die die's dies died dying"),
            ("stab", "stab stab's stabs stabbed stabbing"),
            ("kiss", "kiss kiss's kisses kissed kissing"),
            ("box", "box box's boxes boxed boxing"),
            ("watch", "watch watch's watches watched watching"),
            ("panic", "panic panic's panics panicked panicking"),
            ("quit", "quit quit's quits quitted quitting"),
            ("beat", "beat beat's beats beated beating"),
            ("show", "show show's shows showed showing"),
            ("knife", "knife knife's knifes knives knifed knifing"),
            ("leaf", "leaf leaf's leafs leaves leafed leafing"),
            ("go", "go go's gos goes goed going"),
            ("quiz", "quiz quiz's quizes quizzes quized quizing quizzed quizzing"),
            ("café", "café café's cafés caféed caféing"),
        ] {
            assert_eq!(forms(word).join(" "), expected);
        }
    }

    #[test]
    fn where_the_stress_decides_both_spellings_are_found() {
        for (word, found) in
            [("travel", "travelled"), ("travel", "traveling"), ("visit", "visited"), ("regret", "regretting"), ("bus", "busses")]
        {
            assert!(forms(word).iter().any(|form| form == found), "{word}: {found}");
        }
        assert!(!forms("hop").iter().any(|form| form == "hoping"));
        assert!(!forms("stab").iter().any(|form| form == "stabing"));
    }
}
