//! Cases that lie in the casebook as if the service had written them down, and what of them a captured scan process could make up.

use super::*;

/// One message, and what became of it.
pub struct Forged<'a> {
    pub number: u8,
    pub category: Category,
    pub action: Action,
    pub found_at: Timestamp,
    pub copies: u8,
    /// Where each copy lay.
    pub folder: &'a str,
    pub ends: Ends,
    /// What else the school did not write: the name of a part, and of a flag.
    pub stray: &'a str,
    pub sheet: &'a str,
    /// None where it is sealed as one with the sheet.
    pub text: Option<&'a str>,
}

impl Forged<'_> {
    pub fn flagged(number: u8, category: Category) -> Self {
        Self {
            number,
            category,
            action: Action::Flag,
            found_at: Timestamp::now(),
            copies: 1,
            folder: "INBOX",
            ends: Ends { sender: "pupil".to_owned(), recipients: vec!["pupil".to_owned()] },
            stray: "",
            sheet: "{}",
            text: None,
        }
    }
}

impl School {
    /// Answers with the codename.
    pub fn forge(&self, forged: &Forged<'_>) -> Codename {
        let (book, vault) = (self.warden.book(), Vault::open(&self.warden.state().join("vault")).expect("a vault"));
        let (number, category) = (forged.number, forged.category);
        let seal = |octets: &str| vault.seal(|| octets.as_bytes(), category.audiences()).expect("a sealed object");
        let (sheet, text) = (seal(forged.sheet), forged.text.map(seal));
        let message = (forged.action >= Action::Hold).then(|| seal("From: pupil"));
        let finding = Finding {
            rule: format!("{category}.test").parse().expect("a rule"),
            version: RuleVersion([3; 8]),
            category,
            level: None,
            score: 80,
            kind: Kind::Text,
            location: Location { part: format!("1.{}", forged.stray), field: Field::Body, place: None },
            reach: Arc::default(),
        };
        let concern = Concern {
            category,
            level: category.level(),
            action: forged.action,
            categories: vec![category],
            findings: vec![finding],
            incomplete: Vec::new(),
        };
        let place = |copy: u8| Place {
            mailbox: address(AMBER),
            folder: FolderName(forged.folder.to_owned()),
            uidvalidity: UidValidity(9),
            uid: Uid::new(u32::from(number) << 8 | u32::from(copy + 1)).expect("a number"),
        };
        let new = New {
            content: book.key_content(&[number; 32], &[2; 32]),
            message: book.key_message(&[number; 32]),
            place: &place(0),
            arrival: &Arrival {
                flags: vec![format!("$Forwarded{}", forged.stray)],
                internal_date: forged.found_at.as_second() - 3_600,
                size: 38,
            },
            found_at: forged.found_at,
            concern: &concern,
            level: category.level(),
            parties: &[],
            thread: &[],
            ends: &forged.ends,
            audiences: category.audiences(),
            sheet: Some(&sheet),
            text: text.as_ref(),
            message_object: message.as_ref(),
            rule_set: "0123456789abcdef",
            notices: &[],
            backscan: false,
        };
        let recorded = book.record(&new).expect("a case");
        let places = (1..forged.copies).map(|copy| book.record(&New { place: &place(copy), ..new }).expect("a copy").place);
        for place in std::iter::once(recorded.place).chain(places).filter(|_| message.is_some()) {
            book.settle(forged.found_at, &Actor::Program, place, PlaceState::Removed).expect("a place");
        }
        recorded.codename
    }
}
