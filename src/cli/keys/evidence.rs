//! The evidence key: made away from the server by the head teacher, whose public half alone the server takes.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use crate::cli::enrolment::Enrolment;
use crate::cli::shelf::{Shelf, operator};
use crate::cli::{ConfigFile, DEFAULT_CONFIG, Exit, Failure, Output};
use crate::fault::Fault;
use crate::finding::Audience;
use crate::journal::Event;
use crate::vault::MemberIdentity;

/// Make the evidence key, on a machine that is not the server, and print its public half with its fingerprint.
///
/// It opens what nobody at the school may look at, for the police. It needs no configuration and no network. Two people should be
/// present; what is made belongs into a sealed envelope, in a safe. If it is lost, what was sealed to it can never be opened again.
#[derive(Debug, Args)]
pub(super) struct Evidence {
    /// The file for the private half, mode 0600: on a stick, not on a disk. It must not be there yet.
    #[arg(required_unless_present = "sheet")]
    file: Option<PathBuf>,
    /// Print a sheet of paper with the private half on it, and write no file.
    #[arg(long, conflicts_with = "file")]
    sheet: bool,
}

/// Take the public half of the evidence key, on the server: what is withheld from now on is sealed to it.
///
/// What was sealed to an earlier key opens with that one alone, so keep both.
#[derive(Debug, Args)]
pub(super) struct Take {
    #[command(flatten)]
    config: ConfigFile,
    /// Where the key is kept, and its public half.
    #[arg(value_name = "evidence:NAME=age1…")]
    holder: Enrolment,
    /// The five groups of digits that `keys evidence` has printed, as the head teacher reads them out.
    #[arg(long, value_name = "DIGITS")]
    fingerprint: String,
}

impl Evidence {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        require_another_machine()?;
        let identity = MemberIdentity::generate();
        let recipient = identity.recipient();
        let (public, fingerprint) = (recipient.to_string(), recipient.fingerprint());
        match &self.file {
            Some(file) => {
                identity.write(file).map_err(|error| {
                    Failure::world("the evidence key cannot be written", &error, "name a file that is not there yet, on a stick that is")
                })?;
                out.line(&format!("private half  {}", file.display()))?;
            }
            None => out.line(&sheet(&identity, Timestamp::now()))?,
        }
        out.line(&format!("public half   {public}"))?;
        out.line(&format!("fingerprint   {fingerprint}"))?;
        out.line("")?;
        out.line("Give the technician the public half, by any way, and read the fingerprint out to her. She types, on the server:")?;
        Ok(out.line(&format!("mailwarden keys take \"evidence:Sealed envelope={public}\" --fingerprint \"{fingerprint}\""))?)
    }
}

impl Take {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        let Enrolment { audience, member } = self.holder;
        if audience != Audience::Evidence {
            let hint = format!("make the key of `{audience}` with `mailwarden init`, and let its members add others");
            return Err(unusable(
                format!("`{audience}` takes no key that was made elsewhere"),
                "its members open a ring, each with her own key",
                hint,
            ));
        }
        let fingerprint = member.recipient.fingerprint();
        if digits(&self.fingerprint) != digits(&fingerprint) {
            let why = format!("the fingerprint of this public half is {fingerprint}");
            let hint = "have the head teacher read it out once more; take nothing that differs in one digit".to_owned();
            return Err(unusable("the evidence key is not the one that was read out".to_owned(), &why, hint));
        }
        let Shelf { vault, book } = Shelf::open(&self.config.load()?)?;
        let (name, recipient) = (member.name.clone(), member.recipient.to_string());
        book.note(Timestamp::now(), &operator(), &Event::AudienceKeyTaken { audience, name, recipient })?;
        vault.ring().take(audience, member)?;
        Ok(out.line(&format!("what is withheld is sealed to the key {fingerprint} from now on; its private half was never here"))?)
    }
}

/// As far as a machine can tell what it is.
fn require_another_machine() -> Result<(), Failure> {
    if !Path::new(DEFAULT_CONFIG).exists() {
        return Ok(());
    }
    let hint = "type it on another computer, which has been off the network since it was started if you can";
    Err(Failure::world("the evidence key is not made here", &format!("this is the server: there is {DEFAULT_CONFIG}"), hint))
}

/// To be printed, or copied by hand.
fn sheet(identity: &MemberIdentity, made_at: Timestamp) -> String {
    let mut lines = Vec::new();
    // A vector takes every octet.
    let _ = identity.write_to(&mut lines);
    let mut text = String::from("EVIDENCE KEY. Keep this sheet in a sealed envelope, in a safe; there is no other copy.\n\n");
    let _ = writeln!(text, "# made {}", made_at.strftime("%Y-%m-%d"));
    text.push_str(&String::from_utf8_lossy(&lines));
    text.push_str(
        "\nIt opens what is withheld, for the police alone. To use it, type the line that begins with AGE-SECRET-KEY-1 into a file on\n\
         the officer's machine, and follow README.txt of the package. Lost, nothing that was sealed to it can be opened again.\n",
    );
    text
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

fn unusable(what: String, why: &str, hint: String) -> Failure {
    Failure { exit: Exit::Usage, faults: vec![Fault { what, at: None, why: why.to_owned(), hint }] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_is_a_key_file_once_its_words_are_left_out() {
        let identity = MemberIdentity::generate();
        let text = sheet(&identity, Timestamp::UNIX_EPOCH);
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with('#') || line.starts_with("AGE-SECRET-KEY-1")).collect();
        let again = MemberIdentity::read_from(lines.join("\n").as_bytes(), Path::new("sheet")).unwrap();
        assert!(again.recipient() == identity.recipient() && text.contains(&format!("# public key: {}", identity.recipient())));
    }
}
