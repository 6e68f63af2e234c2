//! What can be told of a line of IMAP without trusting a parser with it.

use std::panic;

use async_imap::imap_proto::{ParseResult, Response};

use crate::mail::Uid;

/// Parentheses within parentheses: what is asked for here needs two, and `imap-proto` recurses.
const DEEPEST: usize = 8;

/// A tagged response, a continuation, or an untagged one that is only for people to read.
pub(super) fn is_status(line: &[u8]) -> bool {
    let Some(untagged) = line.strip_prefix(b"* ") else { return true };
    let word = untagged.split(u8::is_ascii_whitespace).next().unwrap_or_default();
    [&b"OK"[..], b"NO", b"BAD", b"BYE", b"PREAUTH"].iter().any(|status| word.eq_ignore_ascii_case(status))
}

pub(super) fn is_fetch(line: &[u8]) -> bool {
    let mut words = line.split(|octet| *octet == b' ');
    words.next() == Some(b"*")
        && words.next().is_some_and(|number| number.iter().all(u8::is_ascii_digit))
        && words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"FETCH"))
}

/// As [`is_fetch`], for a line too odd to be sure.
pub(super) fn is_about_a_message(line: &[u8]) -> bool {
    line.split(u8::is_ascii_whitespace).nth(2).is_some_and(|word| word.eq_ignore_ascii_case(b"FETCH"))
}

/// The number behind the word `UID`, wherever that stands.
pub(super) fn uid_in(line: &[u8]) -> Option<Uid> {
    let mut words = line.split(|octet| !octet.is_ascii_alphanumeric()).skip_while(|word| !word.eq_ignore_ascii_case(b"UID"));
    let number = words.nth(1)?;
    Uid::new(std::str::from_utf8(number).ok()?.parse().ok()?)
}

/// Printable ASCII only: `imap-proto` cuts such text by octets and panics between those of one character.
pub(super) fn make_plain(line: &mut [u8]) {
    let text = line.strip_suffix(b"\r\n").map_or(line.len(), <[u8]>::len);
    for octet in &mut line[..text] {
        if *octet != b' ' && !octet.is_ascii_graphic() {
            *octet = b'?';
        }
    }
}

/// The length that a line announces for the literal behind it.
pub(super) fn literal(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"\n")?;
    let announced = line.strip_suffix(b"\r").unwrap_or(line).strip_suffix(b"}")?;
    let digits = &announced[announced.iter().rposition(|&octet| octet == b'{')? + 1..];
    let digits = digits.strip_suffix(b"+").unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(std::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX))
}

/// Whether what follows is a whole message: `BODY[] `, or a piece of one.
pub(super) fn ends_in_body(line: &[u8]) -> bool {
    const BODY: &[u8] = b"BODY[]";
    let Some(section) = line.strip_suffix(b" ") else { return false };
    let whole = section.strip_suffix(b">").and_then(|piece| Some(&piece[..piece.iter().rposition(|&octet| octet == b'<')?]));
    let section = whole.unwrap_or(section);
    section.len() > BODY.len()
        && section[section.len() - BODY.len()..].eq_ignore_ascii_case(BODY)
        && matches!(section[section.len() - BODY.len() - 1], b' ' | b'(')
}

/// Whether `imap-proto` takes it for exactly one response, and survives it.
pub(super) fn is_readable(response: &[u8]) -> bool {
    survives(response, |parsed| matches!(parsed, Ok((rest, _)) if rest.is_empty()))
}

/// Whether it is the beginning of a response, and `imap-proto` survives it.
pub(super) fn is_beginning(response: &[u8]) -> bool {
    survives(response, |parsed| parsed.is_err_and(|error| error.is_incomplete()))
}

/// What is known to end the process or to panic is not tried; what else panics is caught.
fn survives(response: &[u8], judge: fn(ParseResult<'_>) -> bool) -> bool {
    if is_fetch(response) && (nesting(response) > DEEPEST || is_undated(response)) {
        return false;
    }
    panic::catch_unwind(|| judge(Response::parse(response))).unwrap_or(false)
}

fn is_undated(response: &[u8]) -> bool {
    const UNDATED: &[u8] = b"INTERNALDATE NIL";
    response.windows(UNDATED.len()).any(|octets| octets.eq_ignore_ascii_case(UNDATED))
}

fn nesting(response: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for octet in response {
        match octet {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_for_people_and_everything_else_is_data() {
        for line in [&b"* OK hi\r\n"[..], b"* bye {3}\r\n", b"w1 OK done\r\n", b"+ \r\n", b"* BAD\r\n"] {
            assert!(is_status(line));
        }
        for line in [&b"* OKAY\r\n"[..], b"* 1 FETCH (UID 1)\r\n", b"* LIST () NIL OK\r\n"] {
            assert!(!is_status(line));
        }
    }

    #[test]
    fn a_literal_is_announced_at_the_end_of_a_line() {
        for (line, length) in [
            ("* 1 FETCH (BODY[] {5}\r\n", Some(5)),
            ("{12+}\r\n", Some(12)),
            ("~{7}\n", Some(7)),
            ("{5} \r\n", None),
            ("{}\r\n", None),
            ("{-1}\r\n", None),
            ("5}\r\n", None),
            ("{5}", None),
        ] {
            assert_eq!(literal(line.as_bytes()), length, "{line:?}");
        }
    }

    #[test]
    fn a_message_is_told_from_a_part_of_it() {
        for line in [&b"* 1 FETCH (BODY[] "[..], b"* 1 FETCH (UID 1 body[] ", b" BODY[]<1024> "] {
            assert!(ends_in_body(line), "{}", String::from_utf8_lossy(line));
        }
        for line in
            [&b"* 1 FETCH (BODY[HEADER] "[..], b"* 1 FETCH (X-BODY[] ", b"* 1 FETCH (BODY[]", b"BODY[] ", b"* 1 FETCH (BODY[TEXT]<0> "]
        {
            assert!(!ends_in_body(line), "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn what_makes_the_parser_panic_is_merely_unreadable() {
        assert!(is_readable(b"* 1 FETCH (UID 1)\r\n"));
        assert!(!is_readable(b"* 1 FETCH (INTERNALDATE NIL)\r\n"));
        assert!(!is_readable(format!("* 1 FETCH (BODYSTRUCTURE {}", "(".repeat(100_000)).as_bytes()));
        assert!(!is_readable(b"* 3 EXISTS\r\n* 4 EXISTS\r\n"), "one at a time");
    }

    #[test]
    fn the_beginning_of_a_response_is_judged_as_far_as_it_goes() {
        assert!(is_beginning(b"* 1 FETCH (UID 1 BODY[] {0}\r\n"));
        assert!(!is_beginning(b"* 1 FETCH (INTERNALDATE NIL BODY[] {0}\r\n"));
        assert!(!is_beginning(format!("* 1 FETCH (BODYSTRUCTURE {} {{0}}\r\n", "(".repeat(100_000)).as_bytes()));
        assert!(!is_beginning(b"* 1 FETCH (UID 1)\r\n"), "that is all of it");
    }

    #[test]
    fn a_line_beyond_the_parser_still_says_which_message_it_is_about() {
        let line = b"* 4 FETCH (INTERNALDATE NIL UID 84 FLAGS ())\r\n";
        assert!(is_about_a_message(line));
        assert_eq!(uid_in(line), Uid::new(84));
        assert_eq!(uid_in(b"* 4 FETCH (FLAGS ())\r\n"), None);
        assert!(!is_about_a_message(b"* NAMESPACE ((\"\" \"/\")) NIL NIL\r\n"));
    }
}
