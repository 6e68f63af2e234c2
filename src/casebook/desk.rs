//! What the tests of this room start from: an empty casebook beside a vault with one audience.

use std::sync::Arc;

use jiff::Timestamp;
use tempfile::TempDir;

use super::{Casebook, Ends, Keyed, New, NewNotice, Recorded};
use crate::finding::{Action, Audience, Category, Concern, Field, Finding, Incomplete, Kind, Level, Location, Reason, RuleVersion};
use crate::journal::InstanceKey;
use crate::mail::{Address, Arrival, FolderName, Place, Uid, UidValidity};
use crate::vault::{Member, MemberIdentity, Receipt, Vault};

pub struct Desk {
    pub folder: TempDir,
    pub key: InstanceKey,
    pub vault: Vault,
    /// The one member of the audience.
    pub member: MemberIdentity,
    pub book: Casebook,
    pub arrival: Arrival,
    ends: Ends,
    place: Place,
}

impl Desk {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let key = InstanceKey::random().unwrap();
        let vault = Vault::open(&folder.path().join("vault")).unwrap();
        let member = MemberIdentity::generate();
        let recipient = member.recipient();
        vault.ring().create(Audience::Dsl, &[Member { name: "Ann Example".to_owned(), recipient }]).unwrap();
        let book = Casebook::open(&folder.path().join("casebook.db"), key.clone()).unwrap();
        let arrival = Arrival { flags: vec!["\\Seen".to_owned(), "$Forwarded".to_owned()], internal_date: 1_000, size: 2_000 };
        let ends = Ends { sender: "pupil".to_owned(), recipients: vec!["pupil".to_owned(), "staff".to_owned()] };
        Self { folder, key, vault, member, book, arrival, ends, place: place("zoe", 1) }
    }

    /// Another connection to the same casebook, as a command would open it.
    pub fn again(&self) -> Casebook {
        Casebook::open(&self.folder.path().join("casebook.db"), self.key.clone()).unwrap()
    }

    pub fn sealed(&self) -> Receipt {
        self.seal("sealed")
    }

    pub fn seal(&self, text: &str) -> Receipt {
        self.vault.seal(|| text.as_bytes(), &[Audience::Dsl]).unwrap()
    }

    /// Any number as a digest.
    pub fn content(&self, number: u8) -> Keyed {
        self.book.key_content(&[number; 32], &[0; 32])
    }

    pub fn message(&self, number: u8) -> Keyed {
        self.book.key_message(&[number; 32])
    }

    pub fn record(&self, content: u8, place: &Place, concern: &Concern, object: Option<&Receipt>) -> Recorded {
        self.record_with(content, place, concern, object, &[])
    }

    pub fn record_with(&self, content: u8, place: &Place, concern: &Concern, object: Option<&Receipt>, notices: &[NewNotice]) -> Recorded {
        self.book.record(&New { place, message_object: object, notices, ..self.plain(content, concern) }).unwrap()
    }

    /// A flagged message in a mailbox of its own.
    pub fn plain<'a>(&'a self, content: u8, concern: &'a Concern) -> New<'a> {
        New {
            content: self.content(content),
            message: self.message(content),
            place: &self.place,
            arrival: &self.arrival,
            found_at: at(4_600),
            concern,
            level: concern.level,
            parties: &[],
            thread: &[],
            ends: &self.ends,
            audiences: &[Audience::Dsl],
            sheet: None,
            text: None,
            message_object: None,
            rule_set: "0123456789abcdef",
            notices: &[],
            backscan: false,
        }
    }
}

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub fn address(local: &str) -> Address {
    format!("{local}@school.example").parse().unwrap()
}

pub fn place(mailbox: &str, uid: u32) -> Place {
    Place { mailbox: address(mailbox), folder: FolderName("INBOX".to_owned()), uidvalidity: UidValidity(9), uid: Uid::new(uid).unwrap() }
}

pub fn notice(to: &str, rank: u32, not_before: i64) -> NewNotice {
    NewNotice { to: address(to), rank, not_before: at(not_before) }
}

pub fn concern(level: Level, action: Action) -> Concern {
    Concern {
        category: Category::Bullying,
        level,
        action,
        categories: vec![Category::Bullying],
        findings: vec![Finding {
            rule: "bullying.test".parse().unwrap(),
            version: RuleVersion([3; 8]),
            category: Category::Bullying,
            level: None,
            score: 80,
            kind: Kind::Text,
            location: Location { part: "1.2".to_owned(), field: Field::HiddenText, place: None },
            reach: Arc::default(),
        }],
        incomplete: vec![Incomplete { part: "2".to_owned(), reason: Reason::EncryptedArchive }],
    }
}
