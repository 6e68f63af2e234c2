//! Words that carry a trick: where they stand in the folded view, and which words of the terms they may be.
//!
//! Only what no ordinary word does counts as a trick: letters mixed with digits, with signs or with letters
//! of other scripts, letters one by one, letters far too often. What it spells must be a word of a term to the letter.

use std::ops::Range;

use super::gate::Gate;
use super::letters::{too_often, turned};
use super::lexicon::{FEWEST_LETTERS, Lexicon};
use super::pieces::{self, Gap, LONGEST_PART, Piece, WIDEST_GAP};

/// One disguise is read as so many words at most.
pub const MOST_READINGS: usize = 3;
/// What stands without white space is cut into pieces of so many octets, and so is a row of letters: neither takes much memory.
const LONGEST_CHUNK: usize = 4_096;
/// Of a word some of whose letters are starred out.
const LONGEST_STARRED: usize = 24;

/// One word, or letters in a row, in disguise.
#[derive(Debug, PartialEq, Eq)]
pub struct Disguise {
    /// Octets of the folded view.
    pub span: Range<usize>,
    keys: [u32; MOST_READINGS],
    count: usize,
}

impl Disguise {
    fn new(span: Range<usize>, key: u32) -> Self {
        Self { span, keys: [key; MOST_READINGS], count: 1 }
    }

    /// What it may be, by the keys of the lexicon; never empty.
    pub fn readings(&self) -> &[u32] {
        &self.keys[..self.count]
    }

    fn add(&mut self, key: u32) {
        if self.count < MOST_READINGS && !self.readings().contains(&key) {
            self.keys[self.count] = key;
            self.count += 1;
        }
    }
}

/// All disguises of a folded view, in order, none over another.
pub fn find(view: &str, lexicon: &Lexicon) -> Vec<Disguise> {
    let mut reader = Reader { view, lexicon, codes: Vec::new(), pieces: Vec::new(), run: Vec::new(), gap: Gap::Apart, found: Vec::new() };
    let mut gate = Gate::new(view.as_bytes());
    let mut at = 0;
    while let Some(odd) = gate.next(at) {
        at = reader.read(at, odd).max(odd + 1);
    }
    let mut found = reader.found;
    found.sort_by_key(|disguise| (disguise.span.start, usize::MAX - disguise.span.end));
    let mut end = 0;
    found.retain(|disguise| {
        let apart = disguise.span.start >= end;
        end = end.max(disguise.span.end);
        apart
    });
    found
}

struct Reader<'a> {
    view: &'a str,
    lexicon: &'a Lexicon,
    codes: Vec<u8>,
    /// Of one chunk between white space.
    pieces: Vec<Piece>,
    /// Short pieces in a row, across white space.
    run: Vec<Piece>,
    /// What stands between the pieces of the run.
    gap: Gap,
    found: Vec<Disguise>,
}

impl Reader<'_> {
    /// Reads the chunk around an odd place, and the next ones while letters go on one by one; says where it stopped.
    fn read(&mut self, from: usize, odd: usize) -> usize {
        let octets = self.view.as_bytes();
        let begin = |at: usize| octets[from..at].iter().rposition(u8::is_ascii_whitespace).map_or(from, |space| from + space + 1);
        let mut start = begin(odd);
        // The first letter of a row may be the one before the first odd sign.
        if let Some(before) = octets[from..start].iter().rev().take(WIDEST_GAP).position(|octet| !octet.is_ascii_whitespace()) {
            let last = start - 1 - before;
            if begin(last) == last {
                start = last;
            }
        }
        loop {
            let most = self.view.floor_char_boundary(start + LONGEST_CHUNK);
            let end = octets[start..most].iter().position(u8::is_ascii_whitespace).map_or(most, |length| start + length);
            self.pieces.clear();
            if self.run.is_empty() {
                self.codes.clear();
            }
            if !is_link(&self.view[start..end]) {
                pieces::cut(self.view, start..end, &mut self.codes, &mut self.pieces);
            }
            self.read_pieces();
            let next = octets[end..].iter().position(|octet| !octet.is_ascii_whitespace()).map_or(octets.len(), |length| end + length);
            if end > odd && (self.run.is_empty() || self.run.len() > LONGEST_CHUNK || next - end > WIDEST_GAP || next == octets.len()) {
                let codes = std::mem::take(&mut self.codes);
                self.end_run(&codes);
                self.codes = codes;
                return end;
            }
            start = next;
        }
    }

    fn read_pieces(&mut self) {
        let pieces = std::mem::take(&mut self.pieces);
        let codes = std::mem::take(&mut self.codes);
        for (place, piece) in pieces.iter().enumerate() {
            self.read_piece(piece, &codes[piece.codes.clone()]);
            let gap = self.run.last().map_or(Gap::Apart, |last| Gap::between(last, piece, self.view));
            if gap == Gap::Apart || (self.run.len() > 1 && gap != self.gap) {
                let last = self.run.last().filter(|_| gap != Gap::Apart).cloned();
                self.end_run(&codes);
                self.run.extend(last);
            }
            self.gap = gap;
            if piece.codes.len() <= LONGEST_PART && !piece.foreign && !piece.codes.is_empty() {
                self.run.push(piece.clone());
            }
            let joint = place.checked_sub(1).and_then(|before| self.joint(&pieces[before], piece));
            let is_first = joint.is_none() || place < 2 || self.joint(&pieces[place - 2], &pieces[place - 1]) != joint;
            if let (Some(joint), true) = (joint, is_first) {
                let rest = pieces[place..]
                    .iter()
                    .zip(&pieces[place - 1..])
                    .take_while(|(one, before)| self.joint(before, one) == Some(joint))
                    .count();
                self.read_joined(&pieces[place - 1..place + rest], joint, &codes);
            }
        }
        self.pieces = pieces;
        self.codes = codes;
    }

    /// What joins two pieces to one word: a mark alone, or stars in the place of letters.
    fn joint(&self, before: &Piece, piece: &Piece) -> Option<(u8, usize)> {
        let gap = &self.view.as_bytes()[before.span.end..piece.span.start];
        let first = *gap.first()?;
        let same = gap.iter().all(|octet| *octet == first);
        let fits = match first {
            b'*' | b'#' => gap.len() <= 2,
            b'.' | b'-' | b'_' | b'~' => gap.len() == 1,
            _ => false,
        };
        (same && fits).then_some((first, gap.len()))
    }

    /// One word cut in two or more, or with letters starred out.
    fn read_joined(&mut self, pieces: &[Piece], (mark, wide): (u8, usize), codes: &[u8]) {
        let (first, last) = (&pieces[0], &pieces[pieces.len() - 1]);
        let length = pieces.iter().map(|piece| piece.codes.len()).sum::<usize>();
        if pieces.iter().any(|piece| piece.foreign || piece.codes.is_empty()) || length > LONGEST_STARRED {
            return;
        }
        let span = first.span.start..last.span.end;
        let parts: Vec<_> = pieces.iter().map(|piece| &codes[piece.codes.clone()]).collect();
        if wide == 1 && length >= FEWEST_LETTERS && pieces.iter().any(|piece| piece.codes.len() <= LONGEST_PART) {
            self.look_up(&parts.concat(), &span);
        }
        let stars = (pieces.len() - 1) * wide;
        if matches!(mark, b'*' | b'#') && stars <= 2 && length + stars >= FEWEST_LETTERS {
            let starred = parts.join(&b"*".repeat(wide)[..]);
            let lexicon = self.lexicon;
            lexicon.starred_words(&starred, |key| self.read_as(key, &span));
        }
    }

    fn read_piece(&mut self, piece: &Piece, codes: &[u8]) {
        if piece.foreign || codes.len() < 2 {
            return;
        }
        let disguised = piece.marked
            || piece.guises > 0
            || piece.mixes()
            || codes.chunk_by(|one, other| one == other).any(|run| run.len() >= too_often(run[0]));
        let alone = piece.guises > 0 && piece.native && piece.letters + piece.digits == 0 && !self.is_among_latin(&piece.span);
        if !disguised || alone {
            return;
        }
        self.look_up(codes, &piece.span);
        // Around a word these are what they are anywhere else.
        let text = &self.view[piece.span.clone()];
        let behind = text.len() - text.trim_end_matches(['!', '|', '+']).len();
        let before = text.len() - text.trim_start_matches(['!', '|', '+']).len();
        if before + behind > 0 && before + behind < codes.len() {
            self.look_up(&codes[before..codes.len() - behind], &(piece.span.start + before..piece.span.end - behind));
        }
        if piece.turned {
            let backwards: Option<Vec<u8>> =
                self.view[piece.span.clone()].chars().rev().map(|character| turned(character.to_ascii_lowercase())).collect();
            if let Some(codes) = backwards {
                self.look_up(&codes, &piece.span);
            }
        }
    }

    /// Whether the word before or behind is of Latin letters; also where there is neither.
    fn is_among_latin(&self, span: &Range<usize>) -> bool {
        let octets = self.view.as_bytes();
        let is_word = |octet: &&u8| octet.is_ascii_alphanumeric() || !octet.is_ascii();
        let before = octets[..span.start].iter().rev().take(WIDEST_GAP).find(is_word);
        let behind = octets[span.end..].iter().take(WIDEST_GAP).find(is_word);
        [before, behind].into_iter().flatten().any(u8::is_ascii) || (before.is_none() && behind.is_none())
    }

    fn end_run(&mut self, codes: &[u8]) {
        let mut run = std::mem::take(&mut self.run);
        self.read_run(&run, codes);
        run.clear();
        self.run = run;
    }

    fn read_run(&mut self, run: &[Piece], codes: &[u8]) {
        if run.iter().map(|piece| piece.codes.len()).sum::<usize>() < FEWEST_LETTERS {
            return;
        }
        let codes: Vec<u8> = run.iter().flat_map(|piece| codes[piece.codes.clone()].iter().copied()).collect();
        // Of every code: the place of its piece, where it is the last of it.
        let mut ends = vec![None; codes.len() + 1];
        let mut length = 0;
        for (place, piece) in run.iter().enumerate() {
            length += piece.codes.len();
            ends[length] = Some(place);
        }
        let (mut place, mut at) = (0, 0);
        while codes.len() - at >= FEWEST_LETTERS {
            let longest = self.lexicon.longest_at(&codes[at..], |end| ends[at + end].is_some());
            let reading = longest.and_then(|(key, end)| Some((key, end, ends[at + end]?)));
            match reading {
                Some((key, end, last)) if has_letters(&run[place..=last]) => {
                    self.found.push(Disguise::new(run[place].span.start..run[last].span.end, key));
                    at += end;
                    place = last + 1;
                }
                _ => {
                    at += run[place].codes.len();
                    place += 1;
                }
            }
        }
    }

    fn look_up(&mut self, codes: &[u8], span: &Range<usize>) {
        let lexicon = self.lexicon;
        lexicon.words(codes, |key| self.read_as(key, span));
    }

    fn read_as(&mut self, key: u32, span: &Range<usize>) {
        if self.lexicon.spelling(key).eq_ignore_ascii_case(&self.view[span.clone()]) {
            return;
        }
        match self.found.last_mut() {
            Some(last) if last.span == *span => last.add(key),
            _ => self.found.push(Disguise::new(span.clone(), key)),
        }
    }
}

/// Enough real letters for a row of them to be one word, not a version or a table.
fn has_letters(run: &[Piece]) -> bool {
    run.iter().filter(|piece| piece.letters + piece.guises > 0).count() * 3 > run.len()
}

/// Addresses of pages and people have their own rules, and are full of digits.
fn is_link(chunk: &str) -> bool {
    let octets = chunk.as_bytes();
    let mut from = 0;
    while let Some(at) = memchr::memchr2(b':', b'@', &octets[from..]).map(|at| from + at) {
        if octets[at] == b'@' {
            let host = chunk[at + 1..].split_once('.').map(|(label, _)| label.as_bytes());
            let is_label = |label: &[u8]| label.len() > 1 && label.iter().all(|octet| octet.is_ascii_alphanumeric() || *octet == b'-');
            return at > 0 && octets[at - 1].is_ascii_alphanumeric() && host.is_some_and(is_label);
        }
        if octets[at..].starts_with(b"://") {
            return true;
        }
        from = at + 1;
    }
    chunk.starts_with("www.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(terms: &[&str], text: &str) -> Vec<(String, String)> {
        let lexicon = Lexicon::new(terms.iter().copied());
        let disguises = find(text, &lexicon);
        disguises
            .iter()
            .flat_map(|found| {
                found
                    .readings()
                    .iter()
                    .map(|key| (text[found.span.clone()].to_owned(), lexicon.spelling(*key).to_owned()))
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    #[test]
    fn a_disguise_is_read_and_marked_whole() {
        for disguise in [
            "k1ll",
            "k!ll",
            "ki11er",
            "k.i.l.l",
            "k-i-l-l",
            "k_i_l_l",
            "k*i*l*l",
            "k i l l",
            "K  I  L  L",
            "k - i - l - l",
            "k\ni\nl\nl",
            "kiiiill",
            "kkkkill",
            "k\u{456}ll",
            "k\u{ed}ll",
            "k\u{336}i\u{336}l\u{336}l\u{336}",
            "\u{1d0b}\u{26a}\u{29f}\u{29f}",
            "k*ll",
            "k#ll",
            "ki-ll",
            "ki.ll",
            "k1-11",
            "\u{5df}\u{5df}\u{131}\u{29e}",
        ] {
            let text = format!("I will {disguise} it!");
            let expected = if disguise.contains("er") { "killer" } else { "kill" };
            assert_eq!(read(&["kill", "killer"], &text), [(disguise.to_owned(), expected.to_owned())], "{disguise}");
        }
    }

    #[test]
    fn letters_one_by_one_are_read_as_a_phrase_and_cut_out_of_their_row() {
        assert_eq!(
            read(&["kill yourself"], "I k i l l y o u r s e l f u"),
            [("k i l l y o u r s e l f".to_owned(), "kill yourself".to_owned())]
        );
        assert_eq!(read(&["kill yourself"], "k.i.l.l  y.o.u.r.s.e.l.f").len(), 2, "two disguises, side by side");
        assert_eq!(read(&["smit"], "Professor's M.I.T. lecture"), []);
    }

    #[test]
    fn what_is_full_of_digits_by_nature_is_no_word() {
        let terms = ["ball", "bail", "sail", "loam", "sales", "isle", "iota", "bass", "test", "seed", "base", "sell"];
        for text in [
            "BA11 5AB",
            "10am",
            "7e57 7357",
            "1.5.1.3",
            "5-4-1-1",
            "$4.50",
            "https://school.example/s3ll/7e5t",
            "s3ll@school.example",
            "www.b4se.example",
            "www.example.com/s.e.l.l",
            "1 5 1 3 a",
            "50s",
            "ab12cd34",
            "b455",
            "A4",
            "3D",
            "2026-11-22",
            "5e11",
            "0x5e11",
        ] {
            assert_eq!(read(&terms, text), [], "{text}");
        }
    }

    #[test]
    fn a_language_of_other_letters_is_no_disguise() {
        assert_eq!(read(&["pope", "cope"], "\u{43a}\u{438}\u{435}\u{432} \u{440}\u{43e}\u{440}\u{435} \u{434}\u{43e}\u{43c}"), []);
        assert_eq!(read(&["pope"], "the \u{440}\u{43e}\u{440}\u{435} of").len(), 1);
    }
}
