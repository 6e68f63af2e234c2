//! What can go wrong with a mail server, a variant a remedy. Never a word out of a message.

use std::io;
use std::time::Duration;

/// What a server says about itself is cut to this many characters.
const LONGEST_TEXT: usize = 200;

#[derive(Debug, thiserror::Error)]
pub enum ImapError {
    #[error("`{command}` was answered BAD: {text}")]
    Bad { command: &'static str, text: String },
    #[error("the server ended the session: {text}")]
    Bye { text: String },
    #[error("no connection to {host}:{port}: {kind}")]
    Connect { host: String, port: u16, kind: io::ErrorKind },
    #[error("the connection was lost during `{command}`")]
    ConnectionLost { command: &'static str },
    #[error("{host}:{port} does not greet as an IMAP server: {text}")]
    Greeting { host: String, port: u16, text: String },
    #[error("the answer to `{command}` holds {octets} octets in one piece, {limit} are allowed")]
    LiteralTooLarge { command: &'static str, octets: u64, limit: u64 },
    /// Wrong password, no such user, or no right to this mailbox.
    #[error("login refused: {text}")]
    LoginRefused { text: String },
    #[error("the answer to `{command}` cannot be read")]
    Malformed { command: &'static str },
    /// The memory of this machine, not the server: a message could not be kept.
    #[error("a message cannot be held in memory: {0}")]
    Memory(io::ErrorKind),
    #[error("`{command}` was refused: {text}")]
    No { command: &'static str, text: String },
    /// The folder that the caller means is not the one that is open.
    #[error("`{command}` was meant for a folder that is no longer selected")]
    NotSelected { command: &'static str },
    /// An earlier command was given up halfway: connect again.
    #[error("`{command}` cannot be sent, an earlier command was not answered in full")]
    OutOfStep { command: &'static str },
    /// Passwords and mail would travel in the open.
    #[error("{host} is not this machine, and without TLS only this machine is spoken to")]
    PlaintextRefused { host: String },
    #[error("{host} has no address: {kind}")]
    Resolve { host: String, kind: io::ErrorKind },
    /// Too many connections or too much traffic: wait, for this mailbox alone, and go on where it stopped.
    #[error("the server asks to slow down: {text}")]
    Throttled { retry_after: Option<Duration>, text: String },
    /// The server said that it did as it was told, and the message is there.
    #[error("`{command}` was answered with OK, and the message is still there")]
    StillThere { command: &'static str },
    #[error("`{command}` was not answered in time")]
    Timeout { command: &'static str },
    #[error("no TLS with {host}: {why}")]
    Tls { host: String, why: String },
    /// The server lacks what the command needs, and there is no safe substitute.
    #[error("`{command}` needs {capability}, which the server does not offer")]
    Unsupported { command: &'static str, capability: &'static str },
    /// A name or password holds an octet that IMAP cannot carry.
    #[error("`{command}` cannot carry a line break or a NUL in its arguments")]
    Unspeakable { command: &'static str },
}

impl ImapError {
    /// What a tagged NO means. Exchange says "throttled" and "not connected" in plain words only.
    pub(super) fn no(command: &'static str, text: &str) -> Self {
        let text = printable(text);
        if let Some(throttled) = throttled(&text) {
            return throttled;
        }
        if is_login(command) { Self::LoginRefused { text } } else { Self::No { command, text } }
    }

    /// What a tagged BAD means.
    pub(super) fn bad(command: &'static str, text: &str) -> Self {
        let text = printable(text);
        if let Some(throttled) = throttled(&text) {
            return throttled;
        }
        // The login went well and the mailbox is not to be had: no licence, no permission, no principal.
        if is_login(command) || contains(&text, "authenticated but not connected") {
            return Self::LoginRefused { text };
        }
        Self::Bad { command, text }
    }

    pub(super) fn bye(text: &str) -> Self {
        let text = printable(text);
        throttled(&text).unwrap_or(Self::Bye { text })
    }
}

fn is_login(command: &str) -> bool {
    command == "LOGIN"
}

fn throttled(text: &str) -> Option<ImapError> {
    const SIGNS: [&str; 7] = [
        "throttled",
        "[throttled]",
        "[limit]",
        "[overquota]",
        "[unavailable]",
        "too many simultaneous connections",
        "maximum number of connections",
    ];
    SIGNS.iter().any(|sign| contains(text, sign)).then(|| ImapError::Throttled { retry_after: backoff(text), text: text.to_owned() })
}

/// Exchange: `Request is throttled. Suggested Backoff Time: 92415 milliseconds`.
fn backoff(text: &str) -> Option<Duration> {
    let lower = text.to_ascii_lowercase();
    let (_, after) = lower.split_once("suggested backoff time:")?;
    let digits: String = after.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok().map(Duration::from_millis)
}

fn contains(text: &str, sign: &str) -> bool {
    text.to_ascii_lowercase().contains(sign)
}

/// Printable ASCII, at most [`LONGEST_TEXT`] of it: fit for a log and a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' }).take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exchange_says_throttled_in_plain_words_and_names_the_time() {
        let text = "Request is throttled. Suggested Backoff Time: 92415 milliseconds";
        for error in [ImapError::no("UID FETCH", text), ImapError::bad("UID FETCH", text), ImapError::bye(text)] {
            let ImapError::Throttled { retry_after, .. } = error else { panic!("{error}") };
            assert_eq!(retry_after, Some(Duration::from_millis(92_415)));
        }
    }

    #[test]
    fn too_many_connections_is_a_throttle_and_not_a_wrong_password() {
        for text in [
            "[ALERT] Too many simultaneous connections. (Failure)",
            "[UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
            "[OVERQUOTA] Account exceeded command or bandwidth limits.",
        ] {
            assert!(matches!(ImapError::no("LOGIN", text), ImapError::Throttled { retry_after: None, .. }), "{text}");
        }
        assert!(matches!(ImapError::no("LOGIN", "[AUTHENTICATIONFAILED] no"), ImapError::LoginRefused { .. }));
    }

    #[test]
    fn a_mailbox_without_a_licence_is_a_refused_login() {
        let error = ImapError::bad("SELECT", "User is authenticated but not connected.");
        assert!(matches!(error, ImapError::LoginRefused { .. }), "{error}");
    }

    #[test]
    fn what_a_server_says_is_cut_and_made_printable() {
        let text = printable(&format!("caf\u{e9}\x1b[2J{}", "x".repeat(500)));
        assert!(text.starts_with("caf??[2Jxxx"), "{text}");
        assert_eq!(text.len(), LONGEST_TEXT);
    }
}
