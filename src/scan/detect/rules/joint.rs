//! A subject and a body read as one text: half of a threat may stand in the one, half in the other.

use crate::finding::{Field, Location};
use crate::scan::extract::TextExtract;

/// Between the two: a sentence ends there.
const BETWEEN: &str = "\n\n";

/// The two as one text.
pub fn join(subject: &TextExtract, body: &TextExtract) -> String {
    [&subject.text, BETWEEN, &body.text].concat()
}

/// Whether a text is a body of the message that a subject is of, and not of one attached to it.
pub fn belongs(subject: &Location, body: &Location) -> bool {
    let Some(below) = body.part.strip_prefix(subject.part.as_str()) else { return false };
    let (edge, below) = below.strip_prefix('/').map_or((below.is_empty() || subject.part.is_empty(), below), |below| (true, below));
    subject.field == Field::Subject && body.field == Field::Body && edge && !below.contains('/')
}

/// A find in the joined text as one in the subject: without the subject there would be none.
pub fn within_subject(subject: &TextExtract, span: (usize, usize)) -> (usize, usize) {
    let end = subject.text.len();
    (span.0.min(end), span.1.min(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_goes_with_the_bodies_of_its_own_message() {
        let location = |part: &str, field| Location { part: part.to_owned(), field, place: None };
        let goes = |subject: &str, body: &str| belongs(&location(subject, Field::Subject), &location(body, Field::Body));
        for (subject, body) in [("", ""), ("", "1"), ("", "1.2"), ("2", "2"), ("2", "2/1"), ("2/3", "2/3/1.1")] {
            assert!(goes(subject, body), "{subject} {body}");
        }
        for (subject, body) in [("", "2/1"), ("2", "1"), ("2", "21"), ("2", "2/3/1"), ("2", "2.1")] {
            assert!(!goes(subject, body), "{subject} {body}");
        }
        assert!(!belongs(&location("", Field::Subject), &location("1", Field::AttachmentText)));
    }
}
