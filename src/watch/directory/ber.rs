//! Measures what a directory sends before the client of LDAP reads it: that client puts its trust in lengths, and goes as deep as they lead.
//!
//! Source: RFC 4511, 5.1: definite lengths alone; X.690 for the rest.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// A message of LDAP is an entry with few attributes: in octets.
pub(super) const LARGEST: usize = 1 << 20;
/// Elements within elements. An entry has 5, a control 3.
const DEEPEST: usize = 12;
const SEQUENCE: u8 = 0x30;
const OCTET_STRING: u8 = 0x04;
const CONTROLS: u8 = 0xa0;
const CONSTRUCTED: u8 = 0x20;
/// A tag that goes on in the next octet.
const LONG_TAG: u8 = 0x1f;

/// The next message, whole; `None` where the connection ends between two.
///
/// # Errors
/// What is no message of LDAP, or too large for one, is `InvalidData`.
pub(super) async fn message(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut octets = Vec::new();
    if stream.take(2).read_to_end(&mut octets).await? == 0 {
        return Ok(None);
    }
    let &[SEQUENCE, first] = &*octets else { return Err(invalid("it is not LDAP")) };
    let mut length = usize::from(first);
    if first >= 0x80 {
        let count = usize::from(first & 0x7f);
        if !(1..=4).contains(&count) {
            return Err(invalid("a length that nobody writes"));
        }
        length = 0;
        for _ in 0..count {
            let octet = stream.read_u8().await?;
            octets.push(octet);
            length = length << 8 | usize::from(octet);
        }
    }
    if length > LARGEST {
        return Err(invalid("one answer is too large"));
    }
    let begin = octets.len();
    octets.resize(begin + length, 0);
    stream.read_exact(&mut octets[begin..]).await?;
    if !is_message(&octets[begin..]) {
        return Err(invalid("lengths that do not fit, or too deep"));
    }
    Ok(Some(octets))
}

/// Whether an answer to an extended request is a success (RFC 4511, 4.12).
pub(super) fn is_extended_success(message: &[u8]) -> bool {
    let Some((SEQUENCE, content, [])) = element(message) else { return false };
    let Some((_number, _, rest)) = element(content) else { return false };
    let Some((0x78, response, _)) = element(rest) else { return false };
    matches!(element(response), Some((0x0a, [0], _)))
}

fn invalid(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// A message without its head: a number, an operation, and perhaps controls, in whose values BER lies packed.
fn is_message(content: &[u8]) -> bool {
    let mut rest = content;
    while !rest.is_empty() {
        let Some((tag, inner, after)) = element(rest) else { return false };
        if !is_shallow(tag, inner, DEEPEST) || (tag == CONTROLS && !are_shallow_controls(inner)) {
            return false;
        }
        rest = after;
    }
    !content.is_empty()
}

fn are_shallow_controls(mut controls: &[u8]) -> bool {
    while let Some((_, mut control, after)) = element(controls) {
        while let Some((tag, value, next)) = element(control) {
            // What is no BER, such as the name of a control, is not read as such either.
            let packed = if tag == OCTET_STRING { element(value) } else { None };
            if packed.is_some_and(|(tag, inner, _)| !is_shallow(tag, inner, DEEPEST)) {
                return false;
            }
            control = next;
        }
        controls = after;
    }
    true
}

/// Whether all within an element is measured rightly, and no deeper than that.
fn is_shallow(tag: u8, mut content: &[u8], depth: usize) -> bool {
    if tag & CONSTRUCTED == 0 {
        return true;
    }
    while !content.is_empty() {
        let Some((tag, inner, after)) = element(content) else { return false };
        if depth == 0 || !is_shallow(tag, inner, depth - 1) {
            return false;
        }
        content = after;
    }
    true
}

/// The first element: its tag, its content, and what comes behind it.
fn element(octets: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = octets.split_first()?;
    let (&first, mut rest) = rest.split_first()?;
    if tag & LONG_TAG == LONG_TAG {
        return None;
    }
    let mut length = usize::from(first);
    if first >= 0x80 {
        let count = usize::from(first & 0x7f);
        let (octets, after) = rest.split_at_checked(count).filter(|_| (1..=4).contains(&count))?;
        length = octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet));
        rest = after;
    }
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In so many sequences, one within the other.
    fn nested(depth: usize) -> Vec<u8> {
        (0..depth).fold(Vec::new(), |inner, _| sequence(SEQUENCE, &inner))
    }

    fn sequence(tag: u8, content: &[u8]) -> Vec<u8> {
        let mut octets = vec![tag, 0x84];
        octets.extend(u32::try_from(content.len()).unwrap().to_be_bytes());
        octets.extend(content);
        octets
    }

    async fn read(octets: &[u8]) -> Result<Option<usize>, String> {
        let mut rest = octets;
        message(&mut rest).await.map(|message| message.map(|message| message.len())).map_err(|error| error.to_string())
    }

    #[tokio::test]
    async fn an_answer_is_read_whole_and_nothing_behind_it() {
        let done = [&[SEQUENCE, 0x0c, 0x02, 1, 1, 0x65, 0x07, 0x0a, 1, 0, 4, 0, 4, 0][..], b"more"].concat();
        let mut rest = &done[..];
        assert_eq!(message(&mut rest).await.unwrap().unwrap(), done[..14]);
        assert_eq!(rest, b"more");
        assert_eq!(read(&[]).await, Ok(None));
    }

    #[tokio::test]
    async fn what_is_too_large_too_deep_or_measured_wrongly_is_refused_before_it_is_read() {
        let refused = |octets: Vec<u8>| async move { read(&octets).await.unwrap_err() };
        assert_eq!(refused(b"HTTP/1.1 400 Bad Request\r\n".to_vec()).await, "it is not LDAP");
        assert_eq!(refused(vec![SEQUENCE, 0x80, 0, 0]).await, "a length that nobody writes");
        assert_eq!(refused(vec![SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff]).await, "one answer is too large");
        assert_eq!(refused(sequence(SEQUENCE, &nested(5_000))).await, "lengths that do not fit, or too deep");
        assert_eq!(refused(vec![SEQUENCE, 3, SEQUENCE, 7, 0]).await, "lengths that do not fit, or too deep");
        let control = sequence(SEQUENCE, &[&[OCTET_STRING, 1, b'1'][..], &sequence(OCTET_STRING, &nested(5_000))].concat());
        let with_control = sequence(SEQUENCE, &[&[2, 1, 1][..], &sequence(CONTROLS, &control)].concat());
        assert_eq!(refused(with_control).await, "lengths that do not fit, or too deep");
        assert!(read(&sequence(SEQUENCE, &nested(DEEPEST))).await.is_ok());
    }

    #[tokio::test]
    async fn a_connection_that_ends_within_an_answer_is_an_error() {
        assert!(read(&[SEQUENCE, 5, 2, 1]).await.is_err());
        assert!(read(&[SEQUENCE]).await.is_err());
    }

    #[test]
    fn tls_begins_after_a_yes_alone() {
        let answer = |code| [SEQUENCE, 0x0c, 2, 1, 1, 0x78, 7, 0x0a, 1, code, 4, 0, 4, 0];
        assert!(is_extended_success(&answer(0)));
        assert!(!is_extended_success(&answer(2)) && !is_extended_success(b""));
    }
}
