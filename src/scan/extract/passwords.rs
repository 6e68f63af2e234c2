//! What a message gives as the password of what it carries: tried on its archives, since whoever reads the message would.

use super::TextExtract;

/// Candidates in one message. Each costs a key derivation, of up to a tenth of a second.
const MOST: usize = 24;
/// Of one candidate, in characters.
const LONGEST: usize = 64;
const SHORTEST: usize = 3;
/// Words that announce one, in small letters.
const SIGNS: [&str; 12] = [
    "password",
    "passwort",
    "passcode",
    "pass code",
    "pass word",
    "passphrase",
    "pass phrase",
    "pwd",
    "pass",
    "pin",
    "mot de passe",
    "contrase\u{f1}a",
];
const QUOTES: [(char, char); 6] =
    [('"', '"'), ('\'', '\''), ('`', '`'), ('\u{201c}', '\u{201d}'), ('\u{2018}', '\u{2019}'), ('\u{ab}', '\u{bb}')];

/// The likeliest first.
pub fn given<'t>(texts: impl IntoIterator<Item = &'t TextExtract>) -> Vec<String> {
    let mut found = Candidates(Vec::new());
    for text in texts {
        let mut lines = text.text.lines().map(str::trim).filter(|line| !line.is_empty()).peekable();
        while let Some(line) = lines.next() {
            if let Some((before, behind)) = around_sign(line) {
                found.on_line(before, behind, lines.peek().copied());
            }
            if found.0.len() >= MOST {
                return found.0;
            }
        }
    }
    found.0
}

/// What stands before the first word that announces a password, and what behind it.
fn around_sign(line: &str) -> Option<(&str, &str)> {
    let small = line.to_ascii_lowercase();
    let is_word = |octet: Option<&u8>| octet.is_some_and(u8::is_ascii_alphanumeric);
    SIGNS.iter().find_map(|sign| {
        small.match_indices(sign).find_map(|(at, _)| {
            let end = at + sign.len();
            let octets = small.as_bytes();
            let stands_alone = !is_word(at.checked_sub(1).and_then(|before| octets.get(before))) && !is_word(octets.get(end));
            stands_alone.then(|| (&line[..at], &line[end..]))
        })
    })
}

struct Candidates(Vec<String>);

impl Candidates {
    fn on_line(&mut self, before: &str, behind: &str, next: Option<&str>) {
        for (open, close) in QUOTES {
            if let Some((word, _)) = behind.split_once(open).and_then(|(_, rest)| rest.split_once(close)) {
                self.add(word);
            }
        }
        let said = [": ", "=", ":", " is ", " was ", " - ", " \u{2013} "].iter().filter_map(|sign| Some(behind.split_once(sign)?.1.trim()));
        for said in said {
            self.add(said.split_whitespace().next().unwrap_or_default());
            self.add(said);
        }
        if !behind.contains(char::is_alphanumeric)
            && let Some(next) = next
        {
            self.add(next);
            self.add_each(next);
        }
        self.add_each(behind);
        self.add_each(before);
    }

    fn add_each(&mut self, words: &str) {
        for word in words.split_whitespace() {
            self.add(word);
        }
    }

    /// As it stands, and without the marks around it.
    fn add(&mut self, word: &str) {
        let word = word.trim().trim_start_matches([':', '=', '-', '\u{2013}']).trim_start();
        let inside = word.trim_matches(|c: char| "\"'`()[]<>{}*_\u{201c}\u{201d}\u{2018}\u{2019}\u{ab}\u{bb}".contains(c));
        for word in [inside.trim_end_matches(['.', ',', ';', ':', '!', '?', ')']), inside, word] {
            let is_new = !self.0.iter().any(|known| known == word);
            if is_new && self.0.len() < MOST && (SHORTEST..=LONGEST).contains(&word.chars().count()) {
                self.0.push(word.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Field, Location};

    fn given_in(text: &str) -> Vec<String> {
        given(&[TextExtract {
            location: Location { part: "1".to_owned(), field: Field::Body, place: None },
            text: text.to_owned(),
            places: Vec::new(),
        }])
    }

    #[test]
    fn a_password_is_found_however_it_is_said() {
        for text in [
            "Password: heron42",
            "hello\nthe password is heron42.\nbye",
            "PASSWORD = \"heron42\"",
            "The passcode for the file was \u{2018}heron42\u{2019}!",
            "password:\n\n  heron42\n",
            "(pw: x) use heron42 as the password",
            "the zip pass is heron42",
            "pin-heron42",
        ] {
            assert!(given_in(text).iter().any(|word| word == "heron42"), "{text}: {:?}", given_in(text));
        }
        assert_eq!(given_in("Password: heron42 amber")[..2], ["heron42", "heron42 amber"]);
    }

    #[test]
    fn a_message_that_gives_none_costs_nothing() {
        assert_eq!(given_in("we pin the notices to the wall\ncompass points\npassing by"), given_in("we pin the notices to the wall"));
        assert!(given_in("compass points\nspinning").is_empty());
        assert_eq!(given_in(&"password heron wren amber robin\n".repeat(1_000)).len(), 4);
        let many: Vec<_> = (0..1_000).map(|number| format!("password {number:04}")).collect();
        assert_eq!(given_in(&many.join("\n")).len(), MOST);
    }
}
