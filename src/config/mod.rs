//! The configuration: read from one TOML file, every fault told at once, and turned into what is meant.

mod clock;
mod password;
mod settings;

pub use clock::SchoolClock;
pub use password::{Password, Secret};
pub use settings::{Contact, History, Login, Notice, Scan, School, Security, Server, SmtpLogin, State, Watch, Watched};

use std::path::PathBuf;

use crate::fault::Fault;
use crate::finding::{Policy, Recipient};

/// A configuration without a fault that would keep mailwarden from its work.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from, as it was named.
    pub file: PathBuf,
    pub school: School,
    pub state: State,
    /// What is watched, in the order of the file. At least one.
    pub mailboxes: Vec<Watched>,
    pub watch: Watch,
    pub scan: Scan,
    pub policy: Policy,
    pub notice: Notice,
    /// In the order of the file. There is a `dsl` and a `technician`.
    pub contacts: Vec<Contact>,
    /// What is wrong and can be survived: the mailboxes of these lines are not watched, the others are.
    pub faults: Vec<Fault>,
}

impl Config {
    /// The people who stand for a recipient, in the order in which they are told.
    pub fn contacts_of(&self, recipient: Recipient) -> impl Iterator<Item = &Contact> {
        self.contacts.iter().filter(move |contact| contact.recipient == recipient)
    }
}
