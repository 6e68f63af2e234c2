//! A made-up school, so that it is known who writes to whom, and samples as messages of its people.

use std::fs;
use std::io;

use crate::cli::Failure;
use crate::config::Config;
use crate::finding::{Party, Policy};
use crate::mail::Role;
use crate::wire::Message;

const CONFIGURATION: &str = r#"
[school]
name = "Willowbrook School"
domains = ["willowbrook.example"]
[[server]]
host = "imap.willowbrook.example"
master_user = "warden"
credential = "imap-password"
[mailboxes]
file = "mailboxes.csv"
[notice]
from = "mailwarden@willowbrook.example"
smtp_host = "smtp.willowbrook.example"
[[contact]]
recipient = "dsl"
name = "Robin Finch"
address = "safeguarding@willowbrook.example"
[[contact]]
recipient = "technician"
name = "Jay Martin"
address = "it@willowbrook.example"
"#;

const MAILBOXES: &str = "address,group,role
amber@willowbrook.example,year-8,pupil
ben@willowbrook.example,year-8,pupil
carol.teal@willowbrook.example,staff,staff
dan.wren@willowbrook.example,staff,staff
eve.lark@willowbrook.example,governors,governor
frank.rook@willowbrook.example,governors,governor
office@willowbrook.example,office,shared
class-1a@willowbrook.example,year-1,shared
safeguarding@willowbrook.example,safeguarding,safeguarding
deputy@willowbrook.example,safeguarding,safeguarding
";

fn as_sender(party: Party) -> &'static str {
    match party {
        Party::Outside => "sam@elsewhere.example",
        Party::Role(Role::Governor) => "eve.lark@willowbrook.example",
        Party::Role(Role::Pupil) => "amber@willowbrook.example",
        Party::Role(Role::Safeguarding) => "safeguarding@willowbrook.example",
        Party::Role(Role::Shared) => "office@willowbrook.example",
        Party::Role(Role::Staff) => "carol.teal@willowbrook.example",
    }
}

/// Somebody else of the same kind.
fn as_recipient(party: Party) -> &'static str {
    match party {
        Party::Outside => "kim@abroad.example",
        Party::Role(Role::Governor) => "frank.rook@willowbrook.example",
        Party::Role(Role::Pupil) => "ben@willowbrook.example",
        Party::Role(Role::Safeguarding) => "deputy@willowbrook.example",
        Party::Role(Role::Shared) => "class-1a@willowbrook.example",
        Party::Role(Role::Staff) => "dan.wren@willowbrook.example",
    }
}

/// The configuration of the made-up school, under this policy.
///
/// # Errors
/// When there is no room for its two files.
pub fn configuration(policy: Policy) -> Result<Config, Failure> {
    let no_room = |error: io::Error| Failure::world("the made-up school cannot be written", &error, "make room in the temporary folder");
    let folder = tempfile::tempdir().map_err(no_room)?;
    let file = folder.path().join("mailwarden.toml");
    fs::write(&file, CONFIGURATION).map_err(no_room)?;
    fs::write(folder.path().join("mailboxes.csv"), MAILBOXES).map_err(no_room)?;
    let mut config = Config::load(&file).map_err(Failure::config)?;
    config.policy = policy;
    Ok(config)
}

/// A message as a mail program writes it (RFC 5322, RFC 6532).
///
/// # Errors
/// When memory is short.
pub fn message(sender: Party, recipient: Party, subject: &str, text: &str) -> io::Result<Message> {
    let subject = subject.replace(['\r', '\n'], " ");
    let (from, to) = (as_sender(sender), as_recipient(recipient));
    Message::from_octets(
        format!(
            "From: {from}\r\nTo: {to}\r\nSubject: {subject}\r\nDate: Mon, 2 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n{}\r\n",
            text.replace("\r\n", "\n").replace('\n', "\r\n")
        )
        .as_bytes(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_of_the_school_has_the_role_that_is_said() {
        let config = configuration(Policy::new(70)).ok().unwrap();
        assert_eq!((config.policy, config.mailboxes.len()), (Policy::new(70), 10));
        for party in Party::all() {
            let role = match party {
                Party::Outside => None,
                Party::Role(role) => Some(role),
            };
            for address in [as_sender(party), as_recipient(party)] {
                let watched = config.mailboxes.iter().find(|watched| watched.mailbox.address.as_str() == address);
                assert_eq!(watched.map(|watched| watched.mailbox.role), role, "{address}");
            }
        }
    }
}
