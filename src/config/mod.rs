//! The configuration: read from one TOML file, every fault told at once, and turned into what is meant.

mod accounts;
mod bundle;
mod clock;
mod directory;
mod directory_list;
mod export;
mod issuer;
mod kind;
mod list_import;
mod mailbox_list;
mod password;
mod read;
mod review;
mod sections;
mod settings;
mod signing_key;
mod spreadsheet;
mod table;
mod trust;
mod unwatched;
mod week;

pub use bundle::{Named, bundle, hash_lists};
pub use clock::SchoolClock;
pub use directory::{Attributes, Directory, Group, People};
pub use directory_list::{DirectoryList, Found, Searched};
pub use list_import::{ListImport, Listed, Taken};
pub use password::{Password, Secret, certificate};
pub use settings::{
    Contact, Grant, History, Issuer, Login, Notice, Review, Scan, School, Security, Server, SmtpLogin, State, Tls, TokenMechanism, Watch,
    Watched,
};
pub use signing_key::{ServiceAccount, Unfit, first_certificate, rsa_key};
pub use trust::roots;
pub use unwatched::Unwatched;
pub use week::{Week, monday};

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use crate::fault::Fault;
use crate::finding::{HoldLimit, Party, Person, Policy, Recipient, Report, Standing};
use crate::mail::{Address, Private, Role};

/// A configuration without a fault that would keep mailwarden from its work.
#[derive(Clone, Debug)]
pub struct Config {
    /// The file it was read from, as it was named.
    pub file: PathBuf,
    pub school: School,
    pub state: State,
    /// What is watched, in the order of the file. At least one, unless a directory is still to be asked.
    pub mailboxes: Vec<Watched>,
    /// Where among them each address stands.
    places: HashMap<Address, usize>,
    /// Who knows of further mailboxes.
    pub directory: Option<Directory>,
    pub watch: Watch,
    pub scan: Scan,
    /// The folder of the model that says what sentences mean, where there is to be one.
    pub meaning: Option<PathBuf>,
    pub policy: Policy,
    /// When a rule holds too much, and only flags from then on.
    pub hold_limit: HoldLimit,
    pub notice: Notice,
    /// The desk in the browser, where there is to be one.
    pub review: Option<Review>,
    /// In the order of the file. There is a `dsl` and a `technician`.
    pub contacts: Vec<Contact>,
    /// What is wrong and can be survived: the mailboxes of these lines are not watched, the others are.
    pub faults: Vec<Fault>,
    /// Whose lines those are.
    pub unwatched: Unwatched,
}

impl Config {
    /// The people who stand for a recipient, in the order in which they are told.
    pub fn contacts_of(&self, recipient: Recipient) -> impl Iterator<Item = &Contact> {
        self.contacts.iter().filter(move |contact| contact.recipient == recipient)
    }

    /// The mailbox of an address.
    pub fn watched(&self, address: &Address) -> Option<&Watched> {
        self.mailboxes.get(*self.places.get(address)?)
    }

    /// What the list of mailboxes says of an address.
    pub fn person(&self, address: &Address) -> Person {
        let listed = self.watched(address).map(|own| &own.mailbox);
        let standing = match listed {
            Some(mailbox) => Standing::Is(Party::Role(mailbox.role)),
            None if self.school.owns(address) => Standing::Unlisted,
            None => Standing::Is(Party::Outside),
        };
        Person { address: Some(address.clone()), standing, group: listed.map(|mailbox| mailbox.group.clone()) }
    }

    /// The two ends of a message: whom its header names, and in whose mailbox it lies, if that is known. A message
    /// without a sender is from outside.
    pub fn correspondents(&self, report: &Report, mailbox: Option<&Address>) -> (Person, Vec<Person>) {
        let outside = Person { standing: Standing::Is(Party::Outside), ..Person::default() };
        let sender = report.sender.as_ref().map(Private::expose);
        let named = report.recipients.iter().map(Private::expose);
        let recipients: BTreeSet<_> = named.chain(mailbox.filter(|mailbox| Some(*mailbox) != sender)).collect();
        (sender.map_or(outside, |sender| self.person(sender)), recipients.into_iter().map(|address| self.person(address)).collect())
    }

    /// Whether mail to this address is delivered, never held (D17): it is a safeguarding mailbox or the DSL's own.
    pub fn is_safeguarding(&self, address: &Address) -> bool {
        self.contacts_of(Recipient::Dsl).any(|contact| contact.address == *address)
            || self.watched(address).is_some_and(|own| own.mailbox.role == Role::Safeguarding)
    }
}
