//! What can go wrong with a directory, a variant a remedy. Never a word that the directory chose.

use std::io;
use std::path::PathBuf;

use crate::fault::Fault;
use crate::watch::imap::TlsError;

/// Parts of Active Directory's words on a sign-in that it refuses, and what they mean.
const REFUSALS: [(&str, &str); 8] = [
    ("data 525", "there is no such user"),
    ("data 52e", "the password is wrong"),
    ("data 530", "the account may not sign in at this time of day"),
    ("data 531", "the account may not sign in from this machine"),
    ("data 532", "the password has expired"),
    ("data 533", "the account is disabled"),
    ("data 773", "the password has to be changed first"),
    ("data 775", "the account is locked"),
];

#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// The configuration has changed under our hands.
    #[error("the configuration has {} faults", .0.len())]
    Config(Vec<Fault>),
    #[error("no connection to {host}:{port}: {kind}")]
    Connect { host: String, port: u16, kind: io::ErrorKind },
    #[error("{0}")]
    Doubtful(String),
    /// It would be another list: whoever is missing in the answer would be watched no more.
    #[error("the answer to `{filter}` is not whole: {why}")]
    Incomplete { filter: String, why: &'static str },
    /// Not LDAP, or more of it than there are people in the world.
    #[error("it answers what cannot be read: {0}")]
    Malformed(&'static str),
    #[error("{}: {}", .0.what, .0.why)]
    Password(Fault),
    /// Passwords and addresses would travel in the open.
    #[error("{host} is not this machine, and without TLS only this machine is spoken to")]
    PlaintextRefused { host: String },
    #[error("`{filter}` below `{base}` is refused: {why}")]
    Search { filter: String, base: String, why: &'static str },
    #[error("{host} has no address: {kind}")]
    Resolve { host: String, kind: io::ErrorKind },
    #[error("the sign-in is refused: {0}")]
    SignIn(&'static str),
    #[error("it does not answer in time")]
    Timeout,
    #[error("no TLS with {host}: {why}")]
    Tls { host: String, why: String },
    #[error(transparent)]
    Trust(#[from] TlsError),
    #[error("`{}` cannot be written: {source}", file.display())]
    Unwritable { file: PathBuf, source: io::Error },
}

impl DirectoryError {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        let remedy = match self {
            Self::Config(_) => "`mailwarden check` names each",
            Self::Connect { .. } => "allow the connection; correct `host`, `port` and `security` of [directory]",
            Self::Doubtful(_) => {
                "look whether the searches of [directory] find whom they should: `mailwarden mailboxes refresh --dry-run`; where it is right, `mailwarden mailboxes refresh --yes`"
            }
            Self::Incomplete { .. } => {
                "let the directory show all of it to this account, page by page (RFC 2696), or make the search smaller"
            }
            Self::Malformed(_) => "correct `host`, `port` and `security` of [directory]: it is to be a directory that speaks LDAP",
            Self::Password(fault) => return fault.hint.clone(),
            Self::PlaintextRefused { .. } => "write `security = \"tls\"` or \"starttls\"",
            Self::Search { .. } => "correct `base` and `filter` of [[directory.people]], or let the account read there",
            Self::Resolve { .. } => "correct `host` of [directory]; try `getent hosts NAME`",
            Self::SignIn(_) => "correct `user` of [directory] and its password, or unlock the account",
            Self::Timeout => "look whether the directory is well, and ask it again: `systemctl reload mailwarden`",
            Self::Tls { .. } => "correct `host` or `ca_file` of [directory]; look at the clock",
            Self::Trust(_) => "install the package `ca-certificates`, or name `ca_file` in [directory]",
            Self::Unwritable { .. } => "type the command as the user of the service; make room",
        };
        remedy.to_owned()
    }
}

/// Why a sign-in was refused, from the number of the answer (RFC 4511, appendix A) and what Active Directory writes behind it.
pub(super) fn refusal(code: u32, text: &str) -> &'static str {
    let told = REFUSALS.iter().find(|(sign, _)| text.contains(sign)).map(|(_, meaning)| *meaning);
    told.unwrap_or(match code {
        // Active Directory's word for a search before any sign-in.
        1 => "it answers nobody without a sign-in",
        7 => "it takes no passwords",
        8 | 13 => "it wants the connection to be protected",
        32 | 34 => "the name is not that of an entry",
        48 => "it does not take nobody's word",
        49 => "the name or the password is wrong",
        50 => "the account has no right to it",
        51 | 52 => "it is busy, or about to stop",
        53 => "it is not willing to",
        _ => "for a reason of its own",
    })
}

/// Why a search brings less than all that there is, or nothing.
pub(super) fn shortfall(filter: &str, base: &str, code: u32, text: &str) -> DirectoryError {
    let why = match code {
        3 => "it took too long",
        4 => "the directory shows only so many at once",
        10 => "another server has the rest",
        11 => "the directory has set a limit",
        51 | 52 => "it is busy, or about to stop",
        32 => return DirectoryError::Search { filter: filter.to_owned(), base: base.to_owned(), why: "there is no such entry" },
        _ => return DirectoryError::Search { filter: filter.to_owned(), base: base.to_owned(), why: refusal(code, text) },
    };
    DirectoryError::Incomplete { filter: filter.to_owned(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn active_directory_says_in_its_own_words_why_a_sign_in_is_refused_and_they_are_not_passed_on() {
        let text = "80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data 775, v3839 CANARY";
        assert_eq!(refusal(49, text), "the account is locked");
        assert_eq!(refusal(49, "CANARY"), "the name or the password is wrong");
    }

    #[test]
    fn an_answer_that_was_cut_short_is_not_the_whole_of_it() {
        for (code, expected) in [(3, "took too long"), (4, "only so many"), (10, "another server"), (11, "a limit"), (51, "busy")] {
            let told = shortfall("(a=b)", "DC=x", code, "CANARY").to_string();
            assert!(told.contains(expected) && told.contains("is not whole") && !told.contains("CANARY"), "{told}");
        }
        assert!(matches!(shortfall("(a=b)", "DC=x", 32, ""), DirectoryError::Search { why: "there is no such entry", .. }));
    }
}
