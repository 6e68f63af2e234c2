//! For whom and when a rule counts. A caged worker knows neither: this is judged outside.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::mail::{Address, Role};

/// One end of a message, as a rule speaks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Party {
    /// Not of the school's domains.
    Outside,
    /// A mailbox of the list, by its role.
    Role(Role),
}

impl Party {
    /// As rules write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Outside => "outside",
            Self::Role(role) => role.as_str(),
        }
    }

    pub fn all() -> impl Iterator<Item = Self> + Clone {
        Role::ALL.into_iter().map(Self::Role).chain([Self::Outside])
    }
}

impl FromStr for Party {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = || Self::all().map(Self::as_str).collect::<Vec<_>>().join(", ");
        Self::all().find(|party| party.as_str() == text).ok_or_else(|| format!("`{text}` is nobody: write one of {}", known()))
    }
}

impl TryFrom<String> for Party {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Party> for String {
    fn from(party: Party) -> Self {
        party.as_str().to_owned()
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Over the fence of the school's domains, or within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From outside to the school.
    Inbound,
    /// From the school to the school.
    Internal,
    /// From the school to outside.
    Outbound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hours {
    OutsideSchool,
    School,
}

/// `[who]`, `[when]` and every `[[exception]]` of a rule. Without any, the rule counts for everybody and always.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    pub who: Who,
    pub when: When,
    pub exceptions: Vec<Exception>,
}

/// Every key that is given must hold; of a list, any one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    pub sender: Vec<Party>,
    pub recipient: Vec<Party>,
    /// Sender and recipient.
    pub pairs: Vec<(Party, Party)>,
    pub direction: Vec<Direction>,
    /// Of the sender or of any recipient.
    pub group: Vec<String>,
    /// Whether an earlier message from this sender to this mailbox is unknown.
    pub first_contact: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    pub hours: Option<Hours>,
    /// Of the message.
    pub max_age: Option<Duration>,
}

/// People for whom the rule does not count. Every key that is given must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    pub sender: Option<Address>,
    pub recipient: Option<Address>,
    /// In small letters.
    pub sender_domain: Option<String>,
    pub recipient_domain: Option<String>,
    pub group: Option<String>,
    /// The last day on which it applies.
    pub until: Date,
}
