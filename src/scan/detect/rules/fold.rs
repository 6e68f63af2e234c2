//! The folded view of a text: what a reader sees, written the one way that rules are matched against, with
//! the way back to the octets of the original.
//!
//! Unicode is brought to NFKC and to small letters, curly quotes and long dashes to those of a keyboard;
//! what nobody sees is left out. ASCII stays as it is, capitals too: the matchers do not tell them apart.

use std::borrow::Cow;
use std::iter;
use std::ops::Range;
use std::sync::OnceLock;

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

pub struct Folded<'a> {
    original: &'a str,
    view: Cow<'a, str>,
    /// Where pieces begin, in the view and in the original, ascending in both; none where the two are the
    /// same. A piece as long in the one as in the other is mapped octet by octet, any other as a whole.
    pieces: Vec<(u32, u32)>,
}

impl<'a> Folded<'a> {
    pub fn new(text: &'a str) -> Self {
        if text.is_ascii() {
            return Self { original: text, view: Cow::Borrowed(text), pieces: Vec::new() };
        }
        let mut folding = Folding { view: String::with_capacity(text.len()), pieces: Vec::new(), in_step: false };
        let mut rest = 0;
        while rest < text.len() {
            rest = folding.take(text, rest);
        }
        Self { original: text, view: Cow::Owned(folding.view), pieces: folding.pieces }
    }

    pub fn view(&self) -> &str {
        &self.view
    }

    /// The octets of the original behind a range of the view, widened to whole characters.
    pub fn original(&self, view: &Range<usize>) -> Range<usize> {
        if self.pieces.is_empty() {
            return view.clone();
        }
        let (start, _) = self.locate(view.start);
        let (_, end) = self.locate(view.end.saturating_sub(1).max(view.start));
        self.original.floor_char_boundary(start)..self.original.ceil_char_boundary(end)
    }

    /// Where the octet at `at` of the view begins and ends in the original.
    fn locate(&self, at: usize) -> (usize, usize) {
        let next = self.pieces.partition_point(|(view, _)| *view as usize <= at);
        let (view, original) = self.pieces[next - 1];
        let (view, original) = (view as usize, original as usize);
        let (view_end, original_end) =
            self.pieces.get(next).map_or((self.view.len(), self.original.len()), |(view, original)| (*view as usize, *original as usize));
        if view_end - view == original_end - original { (original + at - view, original + at - view + 1) } else { (original, original_end) }
    }
}

/// A term as it is looked for: folded, in small letters, one space wherever there was white space.
pub fn fold_term(term: &str) -> String {
    let folded = Folded::new(term);
    folded.view.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase()
}

struct Folding {
    view: String,
    pieces: Vec<(u32, u32)>,
    /// The last piece is as long in the view as in the original.
    in_step: bool,
}

impl Folding {
    /// Folds from `start` on as much as belongs together; says where it ends.
    fn take(&mut self, text: &str, start: usize) -> usize {
        let before = self.view.len();
        let end = match plain_run(&text[start..]) {
            0 => self.take_cluster(text, start),
            plain => {
                self.view.push_str(&text[start..start + plain]);
                start + plain
            }
        };
        let in_step = self.view.len() - before == end - start;
        if !(in_step && self.in_step) {
            self.pieces.push((offset(before), offset(start)));
        }
        self.in_step = in_step;
        end
    }

    /// What is shown backwards, as it is shown; all of it is one piece.
    fn take_backwards(&mut self, text: &str, start: usize) -> usize {
        let shown = &text[start + RIGHT_TO_LEFT.len_utf8()..];
        let length = shown.find(['\u{202c}', '\u{202d}', RIGHT_TO_LEFT, '\n']).unwrap_or(shown.len());
        shown[..length].chars().rev().for_each(|c| iter::once(c).nfkc().for_each(|c| fold_character(c, &mut self.view)));
        start + RIGHT_TO_LEFT.len_utf8() + length
    }

    /// A character and the marks upon it.
    fn take_cluster(&mut self, text: &str, start: usize) -> usize {
        let mut characters = text[start..].char_indices();
        let Some((_, first)) = characters.next() else { return text.len() };
        if first == RIGHT_TO_LEFT {
            return self.take_backwards(text, start);
        }
        let unmarked = |next: char| next.is_ascii() || settled(next).is_some();
        if let Some(folded) = settled(first)
            && characters.clone().next().is_none_or(|(_, next)| unmarked(next))
        {
            self.view.push(folded);
            return start + first.len_utf8();
        }
        let end = characters.find(|(_, c)| !is_combining_mark(*c)).map_or(text.len(), |(at, _)| start + at);
        let alone = end - start == first.len_utf8();
        if alone && (keyboard(first).is_some() || is_nfkc_quick(iter::once(first)) == IsNormalized::Yes) {
            fold_character(first, &mut self.view);
        } else {
            text[start..end].nfkc().for_each(|c| fold_character(c, &mut self.view));
        }
        end
    }
}

/// From here on letters are shown backwards, until a direction ends or the line does.
const RIGHT_TO_LEFT: char = '\u{202e}';

/// What a letter is folded to where that is one character, whatever stands beside it; most are, and what they are is kept.
fn settled(character: char) -> Option<char> {
    const PAGE: usize = 256;
    static TABLE: [OnceLock<Box<[Option<char>; PAGE]>>; 0x11_0000 / PAGE] = [const { OnceLock::new() }; 0x11_0000 / PAGE];
    let point = character as usize;
    let page = TABLE[point / PAGE].get_or_init(|| {
        let mut page = Box::new([None; PAGE]);
        for (low, settled) in page.iter_mut().enumerate() {
            let character = u32::try_from(point / PAGE * PAGE + low).ok().and_then(char::from_u32);
            *settled = character
                .filter(|c| c.is_alphanumeric() && is_nfkc_quick(iter::once(*c)) == IsNormalized::Yes && !is_combining_mark(*c))
                .and_then(|c| {
                    let mut folded = String::new();
                    fold_character(c, &mut folded);
                    let mut folded = folded.chars();
                    folded.next().filter(|_| folded.next().is_none())
                });
        }
        page
    });
    page[point % PAGE]
}

/// How many octets of ASCII stand at the beginning, less the letter that a mark follows.
fn plain_run(text: &str) -> usize {
    let (chunks, _) = text.as_bytes().as_chunks::<32>();
    let whole = chunks.iter().take_while(|chunk| chunk.is_ascii()).count() * 32;
    let Some(plain) = text.bytes().skip(whole).position(|octet| !octet.is_ascii()) else { return text.len() };
    let plain = whole + plain;
    let marked = text[plain..].chars().next().is_some_and(is_combining_mark);
    if marked { plain.saturating_sub(1) } else { plain }
}

fn fold_character(character: char, view: &mut String) {
    match character {
        'ß' => view.push_str("ss"),
        'ς' => view.push('σ'),
        _ if character.is_ascii() => view.push(character),
        _ if is_invisible(character) => {}
        _ if character.is_alphanumeric() => view.extend(character.to_lowercase()),
        _ if is_combining_mark(character) || is_currency(character) => view.push(character),
        _ if character.is_whitespace() => view.push(' '),
        _ => match keyboard(character) {
            Some(key) => view.push(key),
            // Any other sign is a word of its own: an emoji beside a word does not hide the word.
            None => view.extend([' ', character, ' ']),
        },
    }
}

/// The key for a sign that typesetters have more kinds of.
fn keyboard(character: char) -> Option<char> {
    match character {
        '\u{2018}'..='\u{201b}' | '\u{2032}' | '\u{b4}' | '\u{2bc}' => Some('\''),
        '\u{201c}'..='\u{201f}' | '\u{ab}' | '\u{bb}' | '\u{2033}' => Some('"'),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => Some('-'),
        _ => None,
    }
}

fn is_currency(character: char) -> bool {
    matches!(character, '\u{a2}'..='\u{a5}' | '\u{e3f}' | '\u{20a0}'..='\u{20cf}')
}

/// Soft hyphens, zero widths, directions, variation selectors, tags.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// Texts are at most 16 MiB; one of more than 4 GiB would be matched, and its spans cut short.
fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(text: &str) -> String {
        Folded::new(text).view.to_lowercase()
    }

    #[test]
    fn what_reads_the_same_folds_the_same() {
        assert_eq!(view("don\u{2019}t \u{201c}go\u{201d} \u{2014} e\u{301}"), "don't \"go\" - é");
        assert_eq!(view("ｋｉｌｌ y\u{200b}o\u{ad}u\u{a0}now"), "kill you now");
        assert_eq!(view("STRASSE Straße É"), "strasse strasse é");
        assert_eq!(view("\u{ab}x\u{bb} \u{b4}"), "\"x\" '");
    }

    #[test]
    fn a_sign_is_a_word_and_a_currency_is_not() {
        assert_eq!(fold_term("  Go\u{1f602}now  £5 "), "go \u{1f602} now £5");
    }

    #[test]
    fn a_match_in_the_view_is_the_same_words_in_the_original() {
        for (text, needle, expected) in [
            ("say ki\u{200b}ll now", "kill", "ki\u{200b}ll"),
            ("\u{201c}kill\u{201d}", "kill", "kill"),
            ("éé kill é", "kill", "kill"),
            ("x ﬃ kill", "ffi", "ﬃ"),
            ("a\u{301}b kill\u{200b}", "kill", "kill"),
            ("\u{1f602}kill\u{1f602}", "kill", "kill"),
            ("a \u{202e}llik\u{202c} b", "kill", "\u{202e}llik"),
            ("kill \u{202e}x", "kill", "kill"),
        ] {
            let folded = Folded::new(text);
            let at = folded.view.find(needle).unwrap();
            assert_eq!(&text[folded.original(&(at..at + needle.len()))], expected);
        }
    }

    #[test]
    fn every_offset_maps_to_whole_characters_in_order() {
        let alphabet: Vec<char> = "ab \u{e9}\u{301}\u{200b}ﬃß\u{1f602}Яя漢\u{3099}\u{fdfa}\u{202e}\n\u{2019}İ\u{ad}£".chars().collect();
        let mut seed = 7_u64;
        for _ in 0..2_000 {
            let text: String = (0..12)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    alphabet[(seed >> 33) as usize % alphabet.len()]
                })
                .collect();
            let folded = Folded::new(&text);
            let mut last = 0;
            for start in 0..folded.view.len() {
                let original = folded.original(&(start..start + 1));
                assert!(text.get(original.clone()).is_some(), "{text:?} {start}");
                assert!(original.start >= last && !original.is_empty(), "{text:?} {start}");
                last = original.start;
            }
            assert_eq!(folded.original(&(0..folded.view.len())).end > last, !folded.view.is_empty());
        }
    }
}
