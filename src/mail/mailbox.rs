//! Whose mailbox it is, and where in it a message lies.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The address of a mailbox, in lower case.
///
/// Of a watched mailbox it is a fact that the technician knows. An address found inside a message is
/// content and travels as `Private<Address>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a mail address")]
pub struct InvalidAddress(pub String);

impl Address {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands behind the last `@`.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let well_formed = text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
            && text.len() <= 320
            && !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ','));
        if well_formed { Ok(Self(text.to_lowercase())) } else { Err(InvalidAddress(text.to_owned())) }
    }
}

impl TryFrom<String> for Address {
    type Error = InvalidAddress;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the people behind a mailbox are to the school. Infants share class addresses (D19), so a mailbox
/// has a role and a group, not necessarily a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    Governor,
    Pupil,
    /// Mail to and in it is delivered, never held (D17).
    Safeguarding,
    Shared,
    Staff,
}

impl Role {
    pub const ALL: [Self; 5] = [Self::Governor, Self::Pupil, Self::Safeguarding, Self::Shared, Self::Staff];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Governor => "governor",
            Self::Pupil => "pupil",
            Self::Safeguarding => "safeguarding",
            Self::Shared => "shared",
            Self::Staff => "staff",
        }
    }
}

impl FromStr for Role {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(())
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A mailbox that is watched.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mailbox {
    pub address: Address,
    /// The school's own word for a set of mailboxes: `year-7`, `staff`, `governors`.
    pub group: String,
    pub role: Role,
}

/// The name of a folder as people read it: decoded from modified UTF-7 (RFC 3501, 5.1.3).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FolderName(pub String);

impl fmt::Display for FolderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A message's number within one folder and one `UidValidity` (RFC 9051, 2.3.1.1). Never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uid(pub NonZeroU32);

impl Uid {
    pub fn new(value: u32) -> Option<Self> {
        NonZeroU32::new(value).map(Self)
    }

    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The generation of a folder's numbering: when it changes, every `Uid` known of the folder is void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UidValidity(pub u32);

/// How far a folder has been judged: every message below `next` has a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    pub uidvalidity: UidValidity,
    /// The lowest UID that may still be unjudged; 1 in a folder never seen.
    pub next: u32,
    /// Messages below this UID were there when the folder, or its numbering, was met. Those among them that are older than
    /// the first look into the mailbox are its history: what is found in them pages nobody.
    pub history: u32,
}

/// Where one copy of a message lies, or lay.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    pub mailbox: Address,
    pub folder: FolderName,
    pub uidvalidity: UidValidity,
    pub uid: Uid,
}

/// What the server says of one message besides its octets: all that is needed to put it back as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// Flags as the server names them, `\Recent` left out: `\Seen`, `\Answered`, `$Forwarded`.
    pub flags: Vec<String>,
    /// INTERNALDATE, in seconds since 1970 UTC.
    pub internal_date: i64,
    /// RFC822.SIZE in octets, as the server claims it.
    pub size: u64,
}

impl Arrival {
    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.iter().any(|own| own.eq_ignore_ascii_case(flag))
    }

    pub fn forwarded(&self) -> bool {
        self.has_flag("$Forwarded") || self.has_flag("Forwarded")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_in_lower_case_and_knows_its_domain() {
        let address: Address = " Amber.Heron@School.Example ".parse().unwrap();
        assert_eq!(address.as_str(), "amber.heron@school.example");
        assert_eq!(address.domain(), "school.example");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "amber", "@school.example", "amber@", "a b@school.example", "<a@school.example>", "a@b,c@d"] {
            assert!(text.parse::<Address>().is_err(), "{text:?}");
        }
    }
}
