//! What can go wrong with a mail server, a variant a remedy. Never a word out of a message.

use std::io;
use std::time::Duration;

use crate::mail::Uid;

/// What a server says about itself before anybody has logged in is cut to this many characters.
const LONGEST_TEXT: usize = 200;
/// By which somebody signs in.
const SIGN_IN: [&str; 2] = ["AUTHENTICATE", "LOGIN"];

/// Please wait: RFC 5530 has codes for it, and the great providers have words.
const THROTTLES: [&str; 9] = [
    "[INUSE]",
    LIMIT,
    OVERQUOTA,
    "[THROTTLED]",
    // The more telling one first.
    UNAVAILABLE_FOR_NUMBER,
    UNAVAILABLE,
    MAXIMUM,
    "Request is throttled",
    SIMULTANEOUS,
];
/// What else of a server's words is passed on: the rest of the codes, and what a technician would look up.
const OTHERS: [&str; 19] = [
    "[ALREADYEXISTS]",
    "[AUTHENTICATIONFAILED]",
    "[AUTHORIZATIONFAILED]",
    "[CANNOT]",
    "[CLIENTBUG]",
    "[CONTACTADMIN]",
    "[CORRUPTION]",
    "[EXPIRED]",
    "[EXPUNGEISSUED]",
    "[NONEXISTENT]",
    "[NOPERM]",
    "[PRIVACYREQUIRED]",
    "[SERVERBUG]",
    "AUTHENTICATE failed",
    "Application-specific password required",
    NOT_CONNECTED,
    "Session invalidated - AccessTokenExpired",
    "Web login required",
    "Your account is not enabled for IMAP use",
];
const OVERQUOTA: &str = "[OVERQUOTA]";
const LIMIT: &str = "[LIMIT]";
const MAXIMUM: &str = "Maximum number of connections";
const SIMULTANEOUS: &str = "Too many simultaneous connections";
const UNAVAILABLE: &str = "[UNAVAILABLE]";
/// Dovecot's.
const UNAVAILABLE_FOR_NUMBER: &str = "[UNAVAILABLE] Maximum number of connections";
/// Exchange: the login went well and the mailbox is not to be had, for want of a licence or a permission.
const NOT_CONNECTED: &str = "User is authenticated but not connected";

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
    /// Of this message, if the server named it first: its size was understated.
    #[error("the answer to `{command}` holds {octets} octets in one piece, {limit} are allowed")]
    LiteralTooLarge { command: &'static str, uid: Option<Uid>, octets: u64, limit: u64 },
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

/// How a server says to who connects that it bears no more connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crowded {
    ItSays,
    /// It only says that it is unavailable, which may have other reasons.
    Perhaps,
}

impl ImapError {
    /// Whether a greeting or a login was refused for the number of connections.
    pub fn crowded(&self) -> Option<Crowded> {
        match self {
            Self::Throttled { text, .. } if [LIMIT, MAXIMUM, SIMULTANEOUS, UNAVAILABLE_FOR_NUMBER].contains(&&**text) => {
                Some(Crowded::ItSays)
            }
            Self::Throttled { text, .. } if text == UNAVAILABLE => Some(Crowded::Perhaps),
            _ => None,
        }
    }

    /// Whether the login went well and there is no mailbox behind it.
    pub fn is_mailbox_missing(&self) -> bool {
        matches!(self, Self::LoginRefused { text } if text == NOT_CONNECTED)
    }

    /// What a tagged NO means.
    pub(super) fn no(command: &'static str, text: &str) -> Self {
        // Of an APPEND it says that the mailbox is full.
        if is_throttle(text) && !(command == "APPEND" && begins(text, OVERQUOTA)) {
            return Self::throttled(text);
        }
        let text = passed_on(text);
        if SIGN_IN.contains(&command) { Self::LoginRefused { text } } else { Self::No { command, text } }
    }

    /// What a tagged BAD means.
    pub(super) fn bad(command: &'static str, text: &str) -> Self {
        if is_throttle(text) {
            return Self::throttled(text);
        }
        let refused = SIGN_IN.contains(&command) || begins(text, NOT_CONNECTED);
        let text = passed_on(text);
        if refused { Self::LoginRefused { text } } else { Self::Bad { command, text } }
    }

    pub(super) fn bye(text: &str) -> Self {
        if is_throttle(text) { Self::throttled(text) } else { Self::Bye { text: passed_on(text) } }
    }

    fn throttled(text: &str) -> Self {
        Self::Throttled { retry_after: backoff(text), text: passed_on(text) }
    }
}

/// A server may quote a message in its words, or the password that it has just refused. So only what is known by heart is
/// passed on, and only from the beginning: behind it stands what others have chosen.
fn passed_on(text: &str) -> String {
    let known = THROTTLES.into_iter().chain(OTHERS).find(|known| begins(text, known));
    known.unwrap_or("in words of its own").to_owned()
}

/// Only the beginning counts: behind it, a server may repeat the name of a folder, and that is for its owner to choose.
fn is_throttle(text: &str) -> bool {
    THROTTLES.iter().any(|sign| begins(text, sign))
}

fn begins(text: &str, sign: &str) -> bool {
    text.get(..sign.len()).is_some_and(|beginning| beginning.eq_ignore_ascii_case(sign))
}

/// Exchange: `Request is throttled. Suggested Backoff Time: 92415 milliseconds`.
fn backoff(text: &str) -> Option<Duration> {
    let (_, after) = text.split_once("Suggested Backoff Time: ")?;
    let (digits, _) = after.split_once(' ')?;
    digits.parse().ok().map(Duration::from_millis)
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
            "Too many simultaneous connections. (Failure)",
            "[UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
            "[OVERQUOTA] Account exceeded command or bandwidth limits.",
        ] {
            assert!(matches!(ImapError::no("LOGIN", text), ImapError::Throttled { retry_after: None, .. }), "{text}");
        }
        assert!(matches!(ImapError::no("LOGIN", "[AUTHENTICATIONFAILED] no"), ImapError::LoginRefused { .. }));
    }

    #[test]
    fn a_server_says_that_it_bears_no_more_or_that_it_may_not() {
        let crowded = |text: &str| ImapError::no("LOGIN", text).crowded();
        for text in [
            "[LIMIT] no more",
            "[UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
            "Maximum number of connections reached",
            "Too many simultaneous connections. (Failure)",
        ] {
            assert_eq!(crowded(text), Some(Crowded::ItSays), "{text}");
            assert_eq!(ImapError::bye(text).crowded(), Some(Crowded::ItSays), "a greeting: {text}");
        }
        assert_eq!(crowded("[UNAVAILABLE] Temporary authentication failure."), Some(Crowded::Perhaps));
        for text in ["[OVERQUOTA] Account exceeded command or bandwidth limits.", "Request is throttled", "[AUTHENTICATIONFAILED] [LIMIT]"]
        {
            assert_eq!(crowded(text), None, "{text}");
        }
    }

    #[test]
    fn a_folder_cannot_be_named_so_that_its_mailbox_is_left_alone() {
        let error = ImapError::no("EXAMINE", "[NONEXISTENT] no folder `[LIMIT] Request is throttled`");
        assert!(matches!(error, ImapError::No { .. }), "{error}");
    }

    #[test]
    fn a_full_mailbox_is_no_throttle() {
        assert!(matches!(ImapError::no("APPEND", "[OVERQUOTA] Quota exceeded"), ImapError::No { .. }));
    }

    #[test]
    fn a_mailbox_without_a_licence_is_a_refused_login() {
        let error = ImapError::bad("SELECT", "User is authenticated but not connected.");
        assert!(matches!(error, ImapError::LoginRefused { .. }) && error.is_mailbox_missing(), "{error}");
        assert!(!ImapError::no("LOGIN", "[AUTHENTICATIONFAILED] no").is_mailbox_missing());
    }

    #[test]
    fn what_a_server_says_in_words_of_its_own_is_not_passed_on() {
        for (text, told) in [
            ("[authenticationfailed] no such user with `CANARY`", "[AUTHENTICATIONFAILED]"),
            ("[CANARY] no", "in words of its own"),
            ("Subject: CANARY [SERVERBUG]", "in words of its own"),
            ("[LIMIT] CANARY", "[LIMIT]"),
        ] {
            for error in
                [ImapError::no("LOGIN", text), ImapError::no("UID FETCH", text), ImapError::bad("UID FETCH", text), ImapError::bye(text)]
            {
                let shown = format!("{error} {error:?}");
                assert!(shown.contains(told) && !shown.contains("CANARY"), "{shown}");
            }
        }
    }

    #[test]
    fn what_a_server_says_before_the_login_is_cut_and_made_printable() {
        let text = printable(&format!("caf\u{e9}\x1b[2J{}", "x".repeat(500)));
        assert!(text.starts_with("caf??[2Jxxx"), "{text}");
        assert_eq!(text.len(), LONGEST_TEXT);
    }
}
