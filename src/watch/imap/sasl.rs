//! Signing in by SASL: a name and its password in the place of another, or a token.

use async_imap::imap_proto::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::error::ImapError;
use super::login::Sasl;
use super::session::{Session, offered_in};

const COMMAND: &str = "AUTHENTICATE";

/// Why a token is refused: what the server says before it says no (RFC 7628, 3.2.2).
#[derive(Deserialize)]
struct Challenge {
    status: Status,
}

/// Microsoft and Google tell a status of HTTP where the standard has a word.
#[derive(Deserialize)]
#[serde(untagged)]
enum Status {
    Number(u16),
    Word(String),
}

impl Session {
    /// Signs in. The answer goes in a line of its own and not with the command: a token can be longer than a line of
    /// commands may be.
    pub(super) async fn authenticate(&mut self, sasl: &Sasl) -> Result<(), ImapError> {
        let (mechanism, answer) = (sasl.mechanism(), sasl.answer().ok_or(ImapError::Unspeakable { command: COMMAND })?);
        let line = format!("{} {mechanism}\r\n", self.stamp(COMMAND, 0)?);
        self.write(line.as_bytes()).await?;
        self.continuation().await?;
        self.write(format!("{}\r\n", STANDARD.encode(answer)).as_bytes()).await?;
        let (mut offered, mut refusal) = (None, None);
        loop {
            let step = self.next(|response| match response {
                Response::Continue(challenge) => Step::Challenged(challenge.information.as_deref().and_then(refusal_in)),
                other => Step::Told(offered_in(other)),
            });
            match step.await {
                Ok(Some(Step::Told(more))) => offered = more.or(offered),
                // It says no only after an answer to this, and waits for one for ever.
                Ok(Some(Step::Challenged(why))) if refusal.is_none() => {
                    refusal = Some(why);
                    self.write(b"\r\n").await?;
                }
                Ok(Some(Step::Challenged(_))) => return Err(ImapError::Malformed { command: COMMAND }),
                Ok(None) => break,
                Err(ImapError::LoginRefused { text }) => {
                    return Err(ImapError::LoginRefused { text: refusal.flatten().unwrap_or(text) });
                }
                Err(other) => return Err(other),
            }
        }
        self.learn(offered).await
    }
}

enum Step {
    Challenged(Option<String>),
    Told(Option<super::Capabilities>),
}

/// Of a challenge, a number or one of a few words: the rest of it is the server's to choose.
fn refusal_in(challenge: &str) -> Option<String> {
    const WORDS: [&str; 3] = ["insufficient_scope", "invalid_request", "invalid_token"];
    let octets = STANDARD.decode(challenge.trim()).ok()?;
    let text = match serde_json::from_slice::<Challenge>(&octets).ok()?.status {
        Status::Number(status) => status.to_string(),
        Status::Word(word) => match word.parse::<u16>() {
            Ok(status) => status.to_string(),
            Err(_) => WORDS.into_iter().find(|known| *known == word)?.to_owned(),
        },
    };
    Some(format!("the token is not accepted, status {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_challenge_the_status_is_told_and_nothing_else() {
        let told = |json: &str| refusal_in(&STANDARD.encode(json));
        let status = |status: &str| Some(format!("the token is not accepted, status {status}"));
        assert_eq!(told(r#"{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}"#), status("400"));
        assert_eq!(told(r#"{"status":401}"#), status("401"));
        assert_eq!(told(r#"{"status":"insufficient_scope"}"#), status("insufficient_scope"));
        assert_eq!(told(r#"{"status":"CANARY"}"#), None);
        assert_eq!(told("not JSON"), None);
        assert_eq!(refusal_in("not base64"), None);
    }
}
