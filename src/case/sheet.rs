//! The sheet and the text: all that a person may ever see of a message. Plain text, names, types, sizes, digests and why
//! it matched; no picture, no HTML, no thumbnail.
//!
//! They are sealed apart, so that whoever is handed the sheet has no more of the bodies than the words around a match.

use serde::{Deserialize, Serialize};

use crate::finding::{Field, Kind, Location, RuleId};

/// The excerpt: from whom to whom, what is attached, and why it matched. Made in the cage, sealed unread, shown as text. It has no
/// `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheet {
    /// `None` in the facts-only form.
    pub envelope: Option<Envelope>,
    /// Of a case from before the text was sealed by itself: what now is in [`Text`]. Empty in every sheet that is made since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bodies: Vec<BodyText>,
    pub attachments: Vec<AttachmentLine>,
    pub passages: Vec<Passage>,
}

/// The whole text. Made, sealed and shown as the sheet is.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// In the order of the message.
    pub bodies: Vec<BodyText>,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    pub from: Vec<String>,
    pub to: Vec<String>,
    pub cc: Vec<String>,
    pub subject: String,
    /// As written in the header.
    pub date: String,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BodyText {
    pub location: Location,
    pub text: String,
    /// The text is longer than what is kept of one (64 KiB a body, 512 KiB in all).
    pub shortened: bool,
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachmentLine {
    pub part: String,
    /// `None` in the facts-only form: a file name is content.
    pub name: Option<String>,
    /// As sniffed from the octets, not as declared.
    pub media_type: String,
    /// In octets, decoded.
    pub size: u64,
    /// SHA-256 in hex.
    pub sha256: String,
}

/// Why it matched.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passage {
    pub rule: RuleId,
    /// The rule's sentence in plain English.
    pub title: String,
    pub kind: Kind,
    pub location: Location,
    /// The matched words with a few on either side, for `Kind::Text`; empty in the facts-only form, and where the passages before it
    /// have shown as much of the text as an excerpt may.
    pub before: String,
    pub matched: String,
    pub after: String,
    /// Bits between the picture and the list's entry, for `Kind::Picture`.
    pub distance: Option<u32>,
}

impl Sheet {
    /// The form for withheld categories: what it is, nothing of what it says.
    #[must_use]
    pub fn facts_only(&self) -> Self {
        Self {
            envelope: None,
            bodies: Vec::new(),
            attachments: self.attachments.iter().map(|line| AttachmentLine { name: None, ..line.clone() }).collect(),
            passages: self
                .passages
                .iter()
                .map(|p| Passage { before: String::new(), matched: String::new(), after: String::new(), ..p.clone() })
                .collect(),
        }
    }

    /// The excerpt as lines for a terminal. Control, bidirectional and zero-width characters are shown as `\u{..}`, so
    /// that no message can draw on the reader's screen.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        let mut line = |text: &str| {
            out.push_str(text);
            out.push('\n');
        };
        for p in &self.passages {
            line(&format!("why       {} ({}), in {}", visible(&p.title), p.rule, p.location));
            if p.kind == Kind::Text && !p.matched.is_empty() {
                line(&format!("          …{}[{}]{}…", visible(&p.before), visible(&p.matched), visible(&p.after)));
            }
            if let Some(distance) = p.distance {
                line(&format!("          {distance} of 256 bits from the list's entry"));
            }
        }
        if let Some(envelope) = &self.envelope {
            for (name, value) in [
                ("from", envelope.from.join(", ")),
                ("to", envelope.to.join(", ")),
                ("cc", envelope.cc.join(", ")),
                ("date", envelope.date.clone()),
                ("subject", envelope.subject.clone()),
            ] {
                line(&format!("{name:<9} {}", visible(&value)));
            }
        }
        for a in &self.attachments {
            line(&format!("attached  {} {} {} octets sha256 {}", a.part, visible(&a.media_type), a.size, a.sha256));
            if let Some(name) = &a.name {
                line(&format!("          named {}", visible(name)));
            }
        }
        out
    }
}

impl Text {
    /// As [`Sheet::to_text`].
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        let mut line = |text: &str| {
            out.push_str(text);
            out.push('\n');
        };
        for body in &self.bodies {
            let hidden = if body.location.field == Field::HiddenText { ", which its reader does not see" } else { "" };
            line("");
            line(&format!("text of {}{hidden}:", body.location));
            for text in body.text.lines() {
                line(&format!("  | {}", visible(text)));
            }
            if body.shortened {
                line("  (shortened)");
            }
        }
        out
    }
}

/// Replaces what a terminal would act upon, and what a reader cannot see, by its code point.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let unseen = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
        if c == '\t' {
            out.push(' ');
        } else if c.is_control() || unseen {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        let location = Location { part: "1".to_owned(), field: Field::Body, place: None };
        Sheet {
            envelope: Some(Envelope {
                from: vec!["CANARY-FROM".to_owned()],
                to: vec!["CANARY-TO".to_owned()],
                cc: Vec::new(),
                subject: "CANARY-SUBJECT\u{202e}\u{1b}[2J".to_owned(),
                date: "CANARY-DATE".to_owned(),
            }),
            bodies: vec![body()],
            attachments: vec![AttachmentLine {
                part: "2".to_owned(),
                name: Some("CANARY-NAME".to_owned()),
                media_type: "image/png".to_owned(),
                size: 12,
                sha256: "ab".to_owned(),
            }],
            passages: vec![Passage {
                rule: "bullying.test".parse().unwrap(),
                title: "A test".to_owned(),
                kind: Kind::Text,
                location,
                before: "CANARY-BEFORE".to_owned(),
                matched: "CANARY-MATCH".to_owned(),
                after: "CANARY-AFTER".to_owned(),
                distance: None,
            }],
        }
    }

    fn body() -> BodyText {
        let location = Location { part: "1".to_owned(), field: Field::Body, place: None };
        BodyText { location, text: "CANARY-BODY\r\nsecond\u{202e}\u{1b}[2J".to_owned(), shortened: true }
    }

    #[test]
    fn the_facts_only_form_holds_no_content() {
        let facts = sheet().facts_only();
        assert!(!serde_json::to_string(&facts).unwrap().contains("CANARY"));
        assert!(facts.to_text().contains("image/png 12 octets"));
    }

    #[test]
    fn no_message_can_draw_on_the_readers_screen() {
        let (sheet, text) = (sheet().to_text(), Text { bodies: vec![body()] }.to_text());
        assert!(sheet.contains("CANARY-SUBJECT\\u{202e}\\u{1b}[2J"), "{sheet}");
        assert!(text.contains("  | second\\u{202e}\\u{1b}[2J\n  (shortened)\n"), "{text}");
        assert!(![sheet, text].concat().chars().any(|c| c.is_control() && c != '\n'));
    }

    #[test]
    fn the_lines_of_an_excerpt_hold_no_body_even_where_the_sheet_of_an_older_case_does() {
        let older = sheet();
        let read: Sheet = serde_json::from_slice(&serde_json::to_vec(&older).unwrap()).unwrap();
        assert!(read.bodies == [body()], "an older case opens as it did");
        assert!(!read.to_text().contains("CANARY-BODY") && read.to_text().contains("CANARY-MATCH"));
        let newer = serde_json::to_string(&Sheet { bodies: Vec::new(), ..older }).unwrap();
        assert!(!newer.contains("bodies"), "{newer}");
        assert!(serde_json::from_str::<Sheet>(&newer).unwrap().bodies.is_empty());
    }
}
