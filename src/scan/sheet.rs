//! Makes the sheet and the text of a message in which something was found: all of it that a person will see.

use std::cmp::Reverse;
use std::iter;

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::detect::Match;
use super::excerpt::{Excerpts, Place};
use super::extract::{FileExtract, TextExtract};
use super::parse::Mail;
use crate::case::{AttachmentLine, BodyText, Envelope, Passage, Sheet, Text};
use crate::finding::{Field, SheetOctets, Sheets};

/// Of one body, in octets of JSON.
const BODY: usize = 64 << 10;
/// Of the sheet, and of the text.
const SHEET: usize = 512 << 10;
/// Names of fields and all that is not free text, of one entry.
const FRAME: usize = 300;
const PASSAGES: usize = 200;
const ATTACHMENTS: usize = 500;
const CORRESPONDENTS: usize = 200;
/// Of a name, an address, a subject, a matched passage.
const PHRASE: usize = 1_000;

/// What a sheet says of one file.
pub fn attachment_line(file: &FileExtract<'_>) -> AttachmentLine {
    AttachmentLine {
        part: file.part.clone(),
        name: file.name.clone(),
        media_type: file.media_type.to_owned(),
        size: file.octets.len() as u64,
        sha256: hex::encode(Sha256::digest(&file.octets)),
    }
}

/// The sheet in both forms, and the text. A match comes with the index of its text.
pub fn sheets(mail: Option<&Mail<'_>>, texts: &[TextExtract], matched: &[(Option<usize>, Match)], lines: Vec<AttachmentLine>) -> Sheets {
    let mut room = Room(SHEET);
    // Why it matched comes first: it must not fall victim to the rest.
    let passages = passages(texts, matched, &mut room);
    let attachments = lines.into_iter().take(ATTACHMENTS).map_while(|line| room.attachment(line)).collect();
    let envelope = mail.map(|mail| room.envelope(mail.envelope()));
    let sheet = Sheet { envelope, bodies: Vec::new(), attachments, passages };
    let mut room = Room(SHEET - FRAME);
    let bodies = texts
        .iter()
        .filter(|text| matches!(text.location.field, Field::Body | Field::HiddenText))
        .map_while(|text| room.body(text))
        .collect();
    Sheets { facts: octets(&sheet.facts_only()), excerpt: octets(&sheet), text: octets(&Text { bodies }) }
}

/// Where there is no room for more than the facts.
pub fn without_words(facts: &SheetOctets) -> Sheets {
    Sheets { facts: facts.clone(), excerpt: facts.clone(), text: octets(&Text::default()) }
}

fn octets(made: &impl Serialize) -> SheetOctets {
    SheetOctets(serde_json::to_vec(made).expect("it is plain data"))
}

/// The gravest first.
fn passages(texts: &[TextExtract], matched: &[(Option<usize>, Match)], room: &mut Room) -> Vec<Passage> {
    let mut matched: Vec<_> = matched.iter().collect();
    matched.sort_by_key(|(_, found)| Reverse(found.finding.score));
    let each = matched.into_iter().flat_map(|(text, found)| {
        let spans = iter::once(found.span).chain(found.further.iter().copied().map(Some));
        spans.map(move |span| (found, (*text, span)))
    });
    let (found, places): (Vec<&Match>, Vec<Place>) = each.take(PASSAGES).unzip();
    let words = Excerpts::of(texts).around(&places);
    found.into_iter().zip(words).map_while(|(found, words)| room.passage(found, words)).collect()
}

/// What is left of a sheet or a text, in octets of JSON.
struct Room(usize);

impl Room {
    fn frame(&mut self) -> Option<()> {
        self.0 = self.0.checked_sub(FRAME)?;
        Some(())
    }

    /// As much of the text as there is room for, `most` octets of JSON at most.
    fn cut(&mut self, text: &str, most: usize) -> String {
        let most = most.min(self.0);
        let mut cost = 0;
        let fits = text.char_indices().find(|&(_, c)| {
            cost += json_len(c);
            cost > most
        });
        let kept = fits.map_or(text, |(end, c)| {
            cost -= json_len(c);
            &text[..end]
        });
        self.0 -= cost;
        kept.to_owned()
    }

    fn passage(&mut self, found: &Match, (before, matched, after): (&str, &str, &str)) -> Option<Passage> {
        self.frame()?;
        let finding = &found.finding;
        Some(Passage {
            rule: finding.rule.clone(),
            title: self.cut(&found.title, PHRASE),
            kind: finding.kind,
            location: finding.location.clone(),
            before: self.cut(before, PHRASE),
            matched: self.cut(matched, PHRASE),
            after: self.cut(after, PHRASE),
            distance: found.distance,
        })
    }

    fn attachment(&mut self, line: AttachmentLine) -> Option<AttachmentLine> {
        self.frame()?;
        Some(AttachmentLine { name: line.name.map(|name| self.cut(&name, PHRASE)), ..line })
    }

    fn envelope(&mut self, envelope: Envelope) -> Envelope {
        let mut each = |people: Vec<String>| people.iter().take(CORRESPONDENTS).map(|person| self.cut(person, PHRASE)).collect();
        let (from, to, cc) = (each(envelope.from), each(envelope.to), each(envelope.cc));
        Envelope { from, to, cc, subject: self.cut(&envelope.subject, PHRASE), date: self.cut(&envelope.date, PHRASE) }
    }

    fn body(&mut self, body: &TextExtract) -> Option<BodyText> {
        self.frame()?;
        let text = self.cut(&body.text, BODY);
        Some(BodyText { location: body.location.clone(), shortened: text.len() < body.text.len(), text })
    }
}

/// In octets, as `serde_json` writes it.
fn json_len(c: char) -> usize {
    match c {
        '"' | '\\' | '\n' | '\r' | '\t' => 2,
        c if c.is_ascii_control() => 6,
        c => c.len_utf8(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    use crate::finding::{Category, Finding, Kind, Location, RuleVersion, Stage};

    fn text(field: Field, text: String) -> TextExtract {
        TextExtract { location: Location { part: "1".to_owned(), field, place: None }, text, places: Vec::new() }
    }

    fn found(span: (usize, usize), score: u16) -> Match {
        Match {
            finding: Finding {
                rule: format!("bullying.score-{score}").parse().unwrap(),
                version: RuleVersion([0; 8]),
                category: Category::Bullying,
                level: None,
                score,
                kind: Kind::Text,
                location: Location { part: "1".to_owned(), field: Field::Body, place: None },
                reach: Arc::default(),
            },
            title: "A test".to_owned(),
            span: Some(span),
            further: Vec::new(),
            distance: None,
            stage: Stage::Hold,
            with: None,
        }
    }

    fn excerpt(sheets: &Sheets) -> Sheet {
        serde_json::from_slice(&sheets.excerpt.0).unwrap()
    }

    #[test]
    fn a_match_is_shown_with_sixty_characters_on_either_side() {
        let words = format!("{}heron{}", "\u{e9}".repeat(1_000), "\u{1f426}".repeat(1_000));
        let sheets = sheets(None, &[text(Field::Body, words)], &[(Some(0), found((2_000, 2_005), 10))], Vec::new());
        let passage = &excerpt(&sheets).passages[0];
        assert_eq!(passage.before.chars().count(), 60);
        assert_eq!(passage.matched, "heron");
        assert_eq!(passage.after.chars().count(), 60);
    }

    #[test]
    fn every_place_that_speaks_for_a_match_is_shown() {
        let found = Match { further: vec![(6, 11)], ..found((0, 5), 10) };
        let sheets = sheets(None, &[text(Field::Body, "amber heron".to_owned())], &[(Some(0), found)], Vec::new());
        assert_eq!(excerpt(&sheets).passages.iter().map(|passage| passage.matched.as_str()).collect::<Vec<_>>(), ["amber", "heron"]);
    }

    #[test]
    fn the_gravest_match_comes_first() {
        let matched = [(Some(0), found((0, 1), 10)), (Some(0), found((0, 1), 90))];
        let sheets = sheets(None, &[text(Field::Body, "amber".to_owned())], &matched, Vec::new());
        assert_eq!(excerpt(&sheets).passages[0].rule.as_str(), "bullying.score-90");
    }

    #[test]
    fn a_sheet_of_anything_stays_within_its_size() {
        let texts: Vec<_> = (0..40).map(|_| text(Field::Body, "\u{1}\"\n\u{1f426}".repeat(50_000))).collect();
        let matched: Vec<_> = (0..500).map(|at| (Some(0), found((at * 7, at * 7 + 7_000), 10))).collect();
        let line = AttachmentLine {
            part: "2".to_owned(),
            name: Some("\u{1}".repeat(9_000)),
            media_type: "text/plain".to_owned(),
            size: 1,
            sha256: "ab".repeat(32),
        };
        let sheets = sheets(None, &texts, &matched, vec![line; 900]);
        for octets in [&sheets.excerpt, &sheets.text, &sheets.facts] {
            assert!(octets.0.len() <= SHEET, "{}", octets.0.len());
        }
        let text: Text = serde_json::from_slice(&sheets.text.0).unwrap();
        assert!(text.bodies.iter().all(|body| body.shortened) && text.bodies.len() > 2);
    }

    #[test]
    fn the_sheet_holds_no_body_and_the_text_holds_nothing_else() {
        let words = format!("amber heron {} CANARY {}", "tea ".repeat(40), "time ".repeat(40));
        let sheets = sheets(None, &[text(Field::Body, words.clone())], &[(Some(0), found((0, 11), 10))], Vec::new());
        let octets = |octets: &SheetOctets| String::from_utf8(octets.0.clone()).unwrap();
        assert!(octets(&sheets.excerpt).contains("amber heron") && !octets(&sheets.excerpt).contains("CANARY"));
        assert!(!octets(&sheets.facts).contains("amber"));
        let text: Text = serde_json::from_slice(&sheets.text.0).unwrap();
        assert_eq!(text.bodies[0].text, words);
        assert!(!octets(&sheets.text).contains("A test"), "why it matched stands in the sheet");
    }
}
