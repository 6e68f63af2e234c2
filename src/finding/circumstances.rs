//! What is known of a message besides its content: who writes to whom, when, and what a person has decided before.

use std::time::Duration;

use jiff::civil::Date;

use super::{Hours, Party, RuleId, RuleVersion};
use crate::mail::Address;

/// Of what is not known, every condition of a rule is taken to hold.
#[derive(Clone, Default)]
pub struct Circumstances<'a> {
    /// The sender has no address in the school's domains.
    pub sender_outside: bool,
    /// This copy lies in a safeguarding mailbox: it is delivered, never held.
    pub to_safeguarding: bool,
    /// Rules that a person has already found wrong on this very content.
    pub waived: &'a [(RuleId, RuleVersion)],
    /// Rules that have held too much: they flag.
    pub fallen: &'a [(RuleId, RuleVersion)],
    pub sender: Person,
    /// Whom the message names, and in whose mailbox it lies.
    pub recipients: Vec<Person>,
    /// Whether no earlier message from the sender to this mailbox is known.
    pub first_contact: Option<bool>,
    /// When the message arrived, by the school's clock.
    pub hours: Option<Hours>,
    /// Since the message arrived.
    pub age: Option<Duration>,
    /// By the school's clock: exceptions end.
    pub today: Date,
}

/// One end of a message. It has no `Debug`: the address is content.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Person {
    pub address: Option<Address>,
    pub standing: Standing,
    /// The school's own word: `year-7`.
    pub group: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has said who is who.
    #[default]
    Unknown,
    /// An address of the school that is not in its list of mailboxes.
    Unlisted,
    Is(Party),
}

impl Standing {
    /// As the facts of a case name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Unlisted => "unlisted",
            Self::Is(party) => party.as_str(),
        }
    }

    pub fn may_be(self, party: Party) -> bool {
        match self {
            Self::Unknown => true,
            Self::Unlisted => false,
            Self::Is(known) => known == party,
        }
    }

    /// Whether the address may be outside of the school's domains, and whether it may be within.
    pub(super) fn may_be_outside_or_within(self) -> (bool, bool) {
        match self {
            Self::Unknown => (true, true),
            Self::Is(Party::Outside) => (true, false),
            Self::Unlisted | Self::Is(_) => (false, true),
        }
    }
}
