//! What people do to letters so that a program does not read them: ten made-up tricks.

use std::fmt::Write;

/// Shorter words are left as they are: letters of theirs that are spaced out are everybody's.
const SHORTEST: usize = 4;

/// One way to write a word so that people still read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trick {
    Accents,
    Digits,
    Dots,
    FullWidth,
    Hyphens,
    LookAlikes,
    SoftHyphens,
    Spaces,
    Stretched,
    ZeroWidth,
}

impl Trick {
    pub const ALL: [Self; 10] = [
        Self::Accents,
        Self::Digits,
        Self::Dots,
        Self::FullWidth,
        Self::Hyphens,
        Self::LookAlikes,
        Self::SoftHyphens,
        Self::Spaces,
        Self::Stretched,
        Self::ZeroWidth,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Self::Accents => "accents on vowels",
            Self::Digits => "digits for letters",
            Self::Dots => "a dot behind every letter",
            Self::FullWidth => "wide letters",
            Self::Hyphens => "a hyphen behind every letter",
            Self::LookAlikes => "Cyrillic letters that look alike",
            Self::SoftHyphens => "soft hyphens",
            Self::Spaces => "a space behind every letter",
            Self::Stretched => "vowels three times over",
            Self::ZeroWidth => "joiners without width",
        }
    }

    /// Every word of a text, disguised.
    pub fn disguise(self, text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(start) = rest.find(char::is_alphabetic) {
            let end = rest[start..].find(|c: char| !c.is_alphabetic()).map_or(rest.len(), |length| start + length);
            let word = &rest[start..end];
            out.push_str(&rest[..start]);
            if word.chars().count() < SHORTEST {
                out.push_str(word);
            } else {
                self.disguise_word(word, &mut out);
            }
            rest = &rest[end..];
        }
        out + rest
    }

    fn disguise_word(self, word: &str, out: &mut String) {
        let last = word.chars().count() - 1;
        for (at, letter) in word.chars().enumerate() {
            out.push(self.letter(letter));
            let vowel = matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u' | 'A' | 'E' | 'I' | 'O' | 'U');
            let behind = match self {
                Self::Accents if vowel => "\u{301}",
                Self::Dots if at < last => ".",
                Self::Hyphens if at < last => "-",
                Self::SoftHyphens if at < last => "\u{ad}",
                Self::Spaces if at < last => " ",
                Self::ZeroWidth if at < last => "\u{200d}",
                Self::Stretched if vowel => {
                    let _ = write!(out, "{letter}{letter}");
                    ""
                }
                _ => "",
            };
            out.push_str(behind);
        }
    }

    fn letter(self, letter: char) -> char {
        match (self, letter.to_ascii_lowercase()) {
            (Self::Digits, 'a') => '4',
            (Self::Digits, 'e') => '3',
            (Self::Digits, 'i') => '1',
            (Self::Digits, 'o') => '0',
            (Self::Digits, 's') => '5',
            (Self::LookAlikes, 'a') => '\u{430}',
            (Self::LookAlikes, 'c') => '\u{441}',
            (Self::LookAlikes, 'e') => '\u{435}',
            (Self::LookAlikes, 'i') => '\u{456}',
            (Self::LookAlikes, 'o') => '\u{43e}',
            (Self::LookAlikes, 'p') => '\u{440}',
            (Self::LookAlikes, 'x') => '\u{445}',
            (Self::LookAlikes, 'y') => '\u{443}',
            (Self::FullWidth, _) if letter.is_ascii_graphic() => char::from_u32(letter as u32 + 0xfee0).unwrap_or(letter),
            _ => letter,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_trick_changes_long_words_and_no_short_one() {
        let disguised = |trick: Trick| trick.disguise("my homework, done");
        assert_eq!(disguised(Trick::Digits), "my h0m3w0rk, d0n3");
        assert_eq!(disguised(Trick::Spaces), "my h o m e w o r k, d o n e");
        assert_eq!(disguised(Trick::Stretched), "my hooomeeewooork, doooneee");
        assert_eq!(disguised(Trick::FullWidth), "my ｈｏｍｅｗｏｒｋ, ｄｏｎｅ");
        let all: std::collections::BTreeSet<_> = Trick::ALL.map(disguised).into_iter().collect();
        assert_eq!(all.len(), Trick::ALL.len());
        assert!(all.iter().all(|text| text.starts_with("my ") && *text != "my homework, done"), "{all:?}");
    }
}
