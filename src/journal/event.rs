//! What the journal can say: one variant an event, facts only.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::case::{CaseId, Codename, NotBack, PlaceState};
use crate::finding::{Action, Audience, Category, Level, RuleId, Stage};
use crate::mail::{Address, Place};

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// Somebody at the desk, by the name of her account.
    Account(String),
    /// A member of an audience, by the name she was enrolled with.
    Member(String),
    /// Somebody at the command line without a member's key, by the name of the account.
    Operator(String),
    /// `mailwarden` itself.
    Program,
}

impl Actor {
    pub fn name(&self) -> &str {
        match self {
            Self::Account(name) | Self::Member(name) | Self::Operator(name) => name,
            Self::Program => "mailwarden",
        }
    }
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Event {
    AccountClosed {
        name: String,
    },
    Acknowledged {
        case: CaseId,
        codename: Codename,
    },
    /// Somebody is known by other mail addresses as a party to cases: these are hers from now on, and those are not.
    AddressesChanged {
        name: String,
        joined: Vec<Address>,
        left: Vec<Address>,
    },
    AudienceCreated {
        audience: Audience,
        members: Vec<String>,
    },
    /// What is sealed to an audience is sealed to a key from now on whose private half was made elsewhere.
    AudienceKeyTaken {
        audience: Audience,
        name: String,
        recipient: String,
    },
    CaseOpened {
        case: CaseId,
        codename: Codename,
        category: Category,
        level: Level,
        action: Action,
        rule_set: String,
        backscan: bool,
    },
    /// Somebody was handed what is sealed, for her browser to open: an excerpt, the full text with it, or the keys for a release or a
    /// package for the police. The reason is her own words.
    CiphertextServed {
        case: CaseId,
        codename: Codename,
        /// Each that was handed out, a space between them.
        object: String,
        depth: String,
        reason: String,
    },
    /// What somebody at the desk did with a case, and her own words for it.
    Deed {
        case: CaseId,
        codename: Codename,
        deed: String,
        words: String,
        /// For how long it was put off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// An entry of a list, by its number in that version of it, is passed over. The reason is the person's own words.
    EntrySnoozed {
        list: RuleId,
        version: String,
        entry: usize,
        until: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        second: Option<String>,
        reason: String,
    },
    /// A package of what is sealed is made for somebody outside: for an age recipient, a passphrase, or as it was sealed. The reason
    /// is the person's own words.
    EvidencePackaged {
        case: CaseId,
        codename: Codename,
        objects: Vec<String>,
        to: String,
        reason: String,
    },
    /// Somebody tried to make such a package, and her key does not open what is sealed.
    EvidenceRefused {
        case: CaseId,
        codename: Codename,
    },
    /// Somebody is shown the facts of a case.
    FactsViewed {
        case: CaseId,
        codename: Codename,
    },
    /// A decision, with the confirmation that no agency needs it any more (D4): what is sealed of a case is destroyed. By these
    /// people; the reason is their own words.
    Destroyed {
        case: CaseId,
        codename: Codename,
        by: Vec<String>,
        objects: Vec<String>,
        reason: String,
    },
    /// Somebody tried to have what is sealed destroyed, and her key does not open it.
    DestroyRefused {
        case: CaseId,
        codename: Codename,
    },
    /// Whoever holds the link of an invitation is shown a new secret for the second factor.
    InvitationOpened {
        name: String,
    },
    InvitationUsed {
        name: String,
    },
    Invited {
        name: String,
        role: String,
    },
    JournalViewed,
    /// Somebody who can open an audience has sealed its key to a colleague whose key is confirmed.
    KeyAdmitted {
        audience: Audience,
        name: String,
        recipient: String,
    },
    /// Somebody compared the fingerprint of a key with its owner.
    KeyConfirmed {
        name: String,
        recipient: String,
    },
    KeyMade {
        recipient: String,
    },
    /// Somebody is shown a list of cases.
    Listed {
        view: String,
        cases: usize,
    },
    /// A new configuration watches other mailboxes.
    MailboxesChanged {
        joined: usize,
        left: usize,
    },
    MemberAdded {
        audience: Audience,
        name: String,
        recipient: String,
    },
    /// A page that is not for whoever asked, or that there is not: the answer is the same.
    NotFound {
        page: String,
    },
    NoticeDelivered {
        notice: i64,
        case: Option<CaseId>,
    },
    /// A copy that was released is not back, and waiting does not mend it.
    NotPutBack {
        case: CaseId,
        place: Place,
        why: NotBack,
    },
    /// The headteacher is to be told what was opened in a week, by its Monday.
    OpeningsTold {
        week: String,
        cases: usize,
    },
    /// Somebody is shown who opened what in a week, by its Monday.
    OpeningsViewed {
        week: String,
    },
    /// Somebody is shown a page that is about no case.
    PageViewed {
        page: String,
    },
    /// Somebody has a passkey to sign in with, and perhaps to open her key with.
    PasskeyAdded {
        opens_key: bool,
    },
    PasskeyDropped,
    /// Fingerprints of pictures of a case went onto the school's own list. The reason is the person's own words.
    PicturesListed {
        case: CaseId,
        codename: Codename,
        pictures: usize,
        reason: String,
    },
    /// Another copy of the message of a case, or the first.
    PlaceFound {
        case: CaseId,
        place: Place,
        state: PlaceState,
        object: Option<String>,
    },
    PlaceSettled {
        case: CaseId,
        place: Place,
        state: PlaceState,
    },
    /// A decision: what was held goes back. The reason is the person's own words.
    Released {
        case: CaseId,
        codename: Codename,
        reason: String,
    },
    /// Somebody tried to release, and her key does not open what is held.
    ReleaseRefused {
        case: CaseId,
        codename: Codename,
    },
    /// What somebody who is signed in has sent was not taken.
    RequestRefused {
        page: String,
        why: String,
        /// As for `SignInRefused`.
        #[serde(default = "once", skip_serializing_if = "is_once")]
        times: u32,
    },
    /// A rule held more cases of a day than the policy allows, and only flags until it is another version.
    RuleFell {
        rule: RuleId,
        version: String,
        held: u64,
        scanned: u64,
    },
    /// The change register: a rule goes another way from now on. By whom, why, and with what measured effect.
    RuleStaged {
        rule: RuleId,
        from: Stage,
        to: Stage,
        old_version: String,
        new_version: String,
        by: String,
        note: String,
        effect: BTreeMap<String, u64>,
    },
    RulesInForce {
        rule_set: String,
        rules: usize,
        terms: usize,
        list_entries: usize,
    },
    RulesRefused {
        faults: usize,
    },
    SelfTested {
        passed: bool,
    },
    SignInRefused {
        why: String,
        /// How many the line stands for: what comes too often is written once a minute.
        #[serde(default = "once", skip_serializing_if = "is_once")]
        times: u32,
    },
    SignedIn,
    SignedOut,
    Started {
        version: String,
    },
    Stopped,
    /// Files in the vault that no row knew: their originals are still in the mailbox.
    Swept {
        drafts: usize,
        objects: usize,
    },
    TroubleBegan {
        trouble: String,
        mailbox: Option<String>,
    },
    TroubleOver {
        trouble: String,
        mailbox: Option<String>,
    },
    /// Somebody looked, and why (D3). The reason is the person's own words.
    Viewed {
        case: CaseId,
        codename: Codename,
        /// Each that was opened, a space between them.
        object: String,
        /// No more than what matched.
        #[serde(default, skip_serializing_if = "is_whole")]
        excerpt: bool,
        reason: String,
    },
    /// Somebody tried to look, and her key did not open it.
    ViewRefused {
        case: CaseId,
        codename: Codename,
        object: String,
    },
    Waived {
        case: CaseId,
        rules: Vec<RuleId>,
    },
}

impl Event {
    /// Which case it is about, if it is about one.
    pub fn case(&self) -> Option<CaseId> {
        match self {
            Self::Acknowledged { case, .. }
            | Self::CaseOpened { case, .. }
            | Self::CiphertextServed { case, .. }
            | Self::Deed { case, .. }
            | Self::Destroyed { case, .. }
            | Self::DestroyRefused { case, .. }
            | Self::EvidencePackaged { case, .. }
            | Self::EvidenceRefused { case, .. }
            | Self::FactsViewed { case, .. }
            | Self::NotPutBack { case, .. }
            | Self::PicturesListed { case, .. }
            | Self::PlaceFound { case, .. }
            | Self::PlaceSettled { case, .. }
            | Self::Released { case, .. }
            | Self::ReleaseRefused { case, .. }
            | Self::Viewed { case, .. }
            | Self::ViewRefused { case, .. }
            | Self::Waived { case, .. } => Some(*case),
            Self::NoticeDelivered { case, .. } => *case,
            Self::AccountClosed { .. }
            | Self::AddressesChanged { .. }
            | Self::AudienceCreated { .. }
            | Self::AudienceKeyTaken { .. }
            | Self::EntrySnoozed { .. }
            | Self::InvitationOpened { .. }
            | Self::InvitationUsed { .. }
            | Self::Invited { .. }
            | Self::JournalViewed
            | Self::KeyAdmitted { .. }
            | Self::KeyConfirmed { .. }
            | Self::KeyMade { .. }
            | Self::Listed { .. }
            | Self::MailboxesChanged { .. }
            | Self::MemberAdded { .. }
            | Self::NotFound { .. }
            | Self::OpeningsTold { .. }
            | Self::OpeningsViewed { .. }
            | Self::PageViewed { .. }
            | Self::PasskeyAdded { .. }
            | Self::PasskeyDropped
            | Self::RequestRefused { .. }
            | Self::RuleFell { .. }
            | Self::RuleStaged { .. }
            | Self::RulesInForce { .. }
            | Self::RulesRefused { .. }
            | Self::SelfTested { .. }
            | Self::SignInRefused { .. }
            | Self::SignedIn
            | Self::SignedOut
            | Self::Started { .. }
            | Self::Stopped
            | Self::Swept { .. }
            | Self::TroubleBegan { .. }
            | Self::TroubleOver { .. } => None,
        }
    }

    /// The same event without what a person typed: what the technician's commands show.
    #[must_use]
    pub fn without_reason(mut self) -> Self {
        if let Self::CiphertextServed { reason, .. }
        | Self::Deed { words: reason, .. }
        | Self::Destroyed { reason, .. }
        | Self::EntrySnoozed { reason, .. }
        | Self::EvidencePackaged { reason, .. }
        | Self::PicturesListed { reason, .. }
        | Self::Released { reason, .. }
        | Self::Viewed { reason, .. } = &mut self
        {
            reason.clear();
        }
        self
    }
}

fn once() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks in this way")]
fn is_once(times: &u32) -> bool {
    *times == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks in this way")]
fn is_whole(excerpt: &bool) -> bool {
    !excerpt
}

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// From 1, without a gap.
    pub seq: u64,
    pub at: Timestamp,
    pub who: Actor,
    pub event: Event,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_an_older_journal_is_one_and_reads_as_it_was_written() {
        let written = r#"{"event":"sign-in-refused","why":"wrong"}"#;
        let read: Event = serde_json::from_str(written).unwrap();
        assert_eq!(read, Event::SignInRefused { why: "wrong".to_owned(), times: 1 });
        assert_eq!(serde_json::to_string(&read).unwrap(), written);
        let many = serde_json::to_string(&Event::SignInRefused { why: "wrong".to_owned(), times: 500 }).unwrap();
        assert!(many.contains(r#""times":500"#), "{many}");
    }

    #[test]
    fn a_look_of_an_older_journal_was_at_the_whole_and_reads_as_it_was_written() {
        let written = r#"{"event":"viewed","case":1,"codename":"amber-heron-7","object":"ab","reason":"a tutor asked"}"#;
        let read: Event = serde_json::from_str(written).unwrap();
        assert!(matches!(read, Event::Viewed { excerpt: false, .. }));
        assert_eq!(serde_json::to_string(&read).unwrap(), written);
    }

    #[test]
    fn what_the_technician_is_shown_leaves_out_what_a_person_typed() {
        let codename: Codename = "amber-heron-7".parse().unwrap();
        let viewed = Event::Viewed { case: CaseId(1), codename, object: "ab".to_owned(), excerpt: false, reason: "CANARY".to_owned() };
        assert!(serde_json::to_string(&viewed).unwrap().contains("CANARY"));
        let shown = serde_json::to_string(&viewed.without_reason()).unwrap();
        assert!(shown.contains("amber-heron-7") && !shown.contains("CANARY"), "{shown}");
    }
}
