//! Keys as `age` knows them: a recipient is the public half, an identity the private one.

use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;
use std::str::FromStr;

use age::secrecy::{ExposeSecret, SecretString};
use age::x25519;
use sha2::{Digest, Sha256};

use super::VaultError;
use super::file;

/// A public key, `age1…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(pub(super) x25519::Recipient);

impl Recipient {
    /// For people to compare by voice: 80 bits of SHA-256, as five groups of five digits.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.to_string());
        let groups = digest[..10].chunks_exact(2).map(|two| format!("{:05}", u16::from_be_bytes([two[0], two[1]])));
        groups.collect::<Vec<_>>().join(" ")
    }
}

impl FromStr for Recipient {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.trim().parse().map(Self).map_err(|_| format!("`{text}` is not an age recipient (`age1…`)"))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Somebody who can open what is sealed to an audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// As she is named in the journal: 1 to 100 characters, none of them a control character or `=`.
    pub name: String,
    pub recipient: Recipient,
}

impl FromStr for Member {
    type Err = String;

    /// `Name=age1…`
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, recipient) = text.rsplit_once('=').ok_or_else(|| format!("`{text}` is not `Name=age1…`"))?;
        let name = name.trim();
        if name.is_empty() || name.chars().count() > 100 || name.chars().any(char::is_control) {
            return Err(format!("`{}` is not a name of 1 to 100 characters", name.escape_debug()));
        }
        Ok(Self { name: name.to_owned(), recipient: recipient.parse()? })
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.recipient)
    }
}

/// A person's own private key: it opens the rings that she is a member of. No `Debug`; wiped when dropped.
pub struct MemberIdentity(pub(super) x25519::Identity);

impl MemberIdentity {
    pub fn generate() -> Self {
        Self(x25519::Identity::generate())
    }

    /// Reads an identity file as `age-keygen` writes it.
    ///
    /// # Errors
    /// `NotAKey` where there is not exactly one X25519 identity in it.
    pub fn read(path: &Path) -> Result<Self, VaultError> {
        Self::read_from(fs::File::open(path).map_err(VaultError::io(path))?, path)
    }

    /// As [`MemberIdentity::read`], from what is open already. `path` is what errors call it.
    ///
    /// # Errors
    /// As [`MemberIdentity::read`].
    pub fn read_from(from: impl Read, path: &Path) -> Result<Self, VaultError> {
        let not_a_key = |Misfit { line, why }| VaultError::NotAKey { path: path.to_owned(), line, why };
        let text = match io::read_to_string(from) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(not_a_key(NOT_TEXT)),
            read => SecretString::from(read.map_err(VaultError::io(path))?),
        };
        identity_in(text.expose_secret()).map(Self).map_err(not_a_key)
    }

    /// Writes a new identity file, mode 0600, as `age-keygen` would.
    ///
    /// # Errors
    /// When there is such a file already.
    pub fn write(&self, path: &Path) -> Result<(), VaultError> {
        let write = || -> io::Result<()> {
            let mut file = file::create(path)?;
            self.write_to(&mut file)?;
            file.sync_all()
        };
        write().map_err(VaultError::io(path))
    }

    /// The lines of an identity file, to where they are kept.
    ///
    /// # Errors
    /// When they cannot be written there.
    pub fn write_to(&self, mut to: impl Write) -> io::Result<()> {
        writeln!(to, "# public key: {}\n{}", self.0.to_public(), self.0.to_string().expose_secret())
    }

    pub fn recipient(&self) -> Recipient {
        Recipient(self.0.to_public())
    }
}

/// The private key of an audience, out of its ring: it opens what is sealed to the audience. No `Debug`; wiped
/// when dropped.
pub struct AudienceIdentity(pub(super) x25519::Identity);

/// What opens a sealed object.
pub trait Opens {
    fn identity(&self) -> &dyn age::Identity;
}

impl Opens for AudienceIdentity {
    fn identity(&self) -> &dyn age::Identity {
        &self.0
    }
}

/// Why a file is no file of one key. What stands there is not repeated: it may be a private key in the wrong file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    /// From 1; `None` where it is no single line.
    pub line: Option<usize>,
    pub why: &'static str,
}

pub(super) const NOT_TEXT: Misfit = Misfit { line: None, why: "it is not text" };

/// The one identity in a text whose other lines are comments.
pub(super) fn identity_in(text: &str) -> Result<x25519::Identity, Misfit> {
    only_one(
        text,
        ["there is no private key in it", "not a private key of age (`AGE-SECRET-KEY-1…`)", "a second key, where one is expected"],
    )
}

/// The one recipient in a text whose other lines are comments.
pub(super) fn recipient_in(text: &str) -> Result<Recipient, Misfit> {
    only_one(text, ["there is no public key in it", "not a public key of age (`age1…`)", "a second key, where one is expected"])
}

fn only_one<T: FromStr>(text: &str, [none, other, second]: [&'static str; 3]) -> Result<T, Misfit> {
    let lines = (1..).zip(text.lines().map(str::trim));
    let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let (number, written) = lines.next().ok_or(Misfit { line: None, why: none })?;
    let read = written.parse().map_err(|_| Misfit { line: Some(number), why: other })?;
    lines.next().map_or(Ok(read), |(number, _)| Err(Misfit { line: Some(number), why: second }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_read_as_it_is_written() {
        let member = Member { name: "Ann Example".to_owned(), recipient: MemberIdentity::generate().recipient() };
        assert_eq!(member.to_string().parse(), Ok(member));
    }

    #[test]
    fn what_is_no_member_is_refused_and_the_reason_names_it() {
        assert_eq!("Ann".parse::<Member>().unwrap_err(), "`Ann` is not `Name=age1…`");
        assert_eq!("Ann=age1x".parse::<Member>().unwrap_err(), "`age1x` is not an age recipient (`age1…`)");
        assert_eq!("A\nB=age1x".parse::<Member>().unwrap_err(), "`A\\nB` is not a name of 1 to 100 characters");
    }

    #[test]
    fn a_fingerprint_is_five_groups_of_five_digits_of_the_digest() {
        // printf age1… | sha256sum: c9b8 7e8f …
        let known = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
        let digest = hex::encode(Sha256::digest(known));
        let expected: Vec<_> = (0..5).map(|at| format!("{:05}", u16::from_str_radix(&digest[4 * at..4 * at + 4], 16).unwrap())).collect();
        assert_eq!(known.parse::<Recipient>().unwrap().fingerprint(), expected.join(" "));
    }

    #[test]
    fn what_is_no_file_of_one_key_is_refused_with_the_line_and_without_what_stands_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let key = MemberIdentity::generate().0.to_string();
        let key = key.expose_secret();
        let refused = |octets: &[u8]| {
            fs::write(&path, octets).unwrap();
            match MemberIdentity::read(&path) {
                Err(VaultError::NotAKey { path: named, line, why }) if named == path => (line, why),
                Err(error) => panic!("{error}"),
                Ok(_) => panic!("a key"),
            }
        };
        assert_eq!(refused(b"# nothing\n"), (None, "there is no private key in it"));
        assert_eq!(refused(b"# mine\n\nAGE-SECRET"), (Some(3), "not a private key of age (`AGE-SECRET-KEY-1…`)"));
        assert_eq!(refused(format!("{key}\n{key}\n").as_bytes()), (Some(2), "a second key, where one is expected"));
        assert_eq!(refused(b"\xff\xfe"), (None, "it is not text"));
        assert_eq!(recipient_in(key).unwrap_err(), Misfit { line: Some(1), why: "not a public key of age (`age1…`)" });
    }
}
