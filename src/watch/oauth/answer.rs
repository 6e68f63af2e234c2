//! What a token endpoint says, of which only what is known by heart goes on (RFC 6749, 5).

use std::time::Duration;

use serde::Deserialize;

use crate::config::Secret;

/// How long a token lives whose issuer does not say.
const UNSAID: Duration = Duration::from_mins(5);
/// The longest life that is believed, and the longest token, in octets.
const LONGEST_LIFE: Duration = Duration::from_hours(24);
const LONGEST_TOKEN: usize = 16 << 10;

const WORDS: [&str; 11] = [
    "access_denied",
    "interaction_required",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
];

#[derive(Deserialize)]
struct Answer {
    access_token: Option<String>,
    token_type: Option<String>,
    expires_in: Option<Seconds>,
    error: Option<String>,
    #[serde(default)]
    error_codes: Vec<u64>,
}

/// Some write the number as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(u64),
    Text(String),
}

/// What was made of it.
pub(super) enum Said {
    Token(Secret, Duration),
    No { error: &'static str, code: Option<u64> },
    Nonsense(&'static str),
}

pub(super) fn read(octets: &[u8]) -> Said {
    let Ok(answer) = serde_json::from_slice::<Answer>(octets) else { return Said::Nonsense("it is not the JSON of a token endpoint") };
    if let Some(error) = answer.error {
        let known = WORDS.into_iter().find(|word| *word == error);
        return Said::No { error: known.unwrap_or("for a reason of its own"), code: answer.error_codes.first().copied() };
    }
    let Some(token) = answer.access_token else { return Said::Nonsense("there is no token in it") };
    if token.is_empty() || token.len() > LONGEST_TOKEN || !token.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Said::Nonsense("its token is none that could be shown to a server");
    }
    if answer.token_type.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
        return Said::Nonsense("its token is not of the kind `Bearer`");
    }
    let life = match answer.expires_in {
        Some(Seconds::Number(seconds)) => Some(seconds),
        Some(Seconds::Text(text)) => text.parse().ok(),
        None => None,
    };
    Said::Token(Secret::new(token), life.map_or(UNSAID, Duration::from_secs).min(LONGEST_LIFE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(json: &str) -> String {
        match read(json.as_bytes()) {
            Said::Token(token, life) => format!("{} for {}", token.expose(), life.as_secs()),
            Said::No { error, code } => format!("no: {error} {code:?}"),
            Said::Nonsense(why) => why.to_owned(),
        }
    }

    #[test]
    fn a_token_comes_with_its_life() {
        assert_eq!(said(r#"{"token_type":"Bearer","expires_in":3599,"ext_expires_in":3599,"access_token":"abc"}"#), "abc for 3599");
        assert_eq!(said(r#"{"token_type":"bearer","expires_in":"60","access_token":"abc"}"#), "abc for 60");
        assert_eq!(said(r#"{"access_token":"abc"}"#), "abc for 300");
        assert_eq!(said(r#"{"access_token":"abc","expires_in":18446744073709551615}"#), "abc for 86400");
    }

    #[test]
    fn a_no_is_told_by_word_and_number_and_nothing_of_its_text_is() {
        let text = r#"{"error":"invalid_client","error_description":"AADSTS7000222: CANARY","error_codes":[7000222],"trace_id":"x"}"#;
        assert_eq!(said(text), "no: invalid_client Some(7000222)");
        assert_eq!(said(r#"{"error":"CANARY"}"#), "no: for a reason of its own None");
    }

    #[test]
    fn what_is_no_answer_yields_no_token() {
        for (text, why) in [
            ("<html>Sign in to the network</html>", "it is not the JSON of a token endpoint"),
            ("", "it is not the JSON of a token endpoint"),
            ("[1]", "it is not the JSON of a token endpoint"),
            (r#"{"access_token":{"CANARY":1}}"#, "it is not the JSON of a token endpoint"),
            ("{}", "there is no token in it"),
            (r#"{"access_token":""}"#, "its token is none that could be shown to a server"),
            (r#"{"access_token":"a\r\nw2 DELETE INBOX"}"#, "its token is none that could be shown to a server"),
            (r#"{"access_token":"abc","token_type":"mac"}"#, "its token is not of the kind `Bearer`"),
        ] {
            assert_eq!(said(text), why, "{text}");
        }
        assert_eq!(
            said(&format!(r#"{{"access_token":"{}"}}"#, "a".repeat(LONGEST_TOKEN + 1))),
            "its token is none that could be shown to a server"
        );
        let nested = "[".repeat(100_000);
        assert_eq!(said(&nested), "it is not the JSON of a token endpoint", "nothing nests without end");
    }
}
