//! Destroying, against a real Dovecot: what is sealed goes when it was decided and not before, by whoever may, and whatever
//! step a crash comes before, it can be finished.

mod support;

use std::cell::RefCell;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use age::secrecy::ExposeSecret as _;
use age_core::format::{FileKey, Stanza};
use jiff::Timestamp;
use mailwarden::case::{NotBack, PlaceState};
use mailwarden::casebook::CaseFacts;
use mailwarden::desk::{Account, AccountId, Deed, Desk, Done, NewAccount, ReleasedKey, Role};
use mailwarden::finding::{Action, Audience};
use mailwarden::journal::{Actor, Event};
use mailwarden::mail::FolderName;
use mailwarden::steps::DESTROY_STEPS;
use mailwarden::vault::{MemberIdentity, ObjectId};
use mailwarden::watch::imap::{Folder, UidSet};
use support::dovecot::Dovecot;
use support::said;
use support::smtp::Smtp;
use support::warden::{HELD, Warden, message};

const AMBER: &str = "amber@school.example";
const REASON: &str = "CANARY: the police confirmed it";
const KILL: i32 = 9;

/// A school whose rules have taken a message out, and whose desk has two people.
struct School {
    dovecot: Dovecot,
    warden: Warden,
    _smtp: Smtp,
}

impl School {
    /// `action` is what is done about the message: `hold` or `withhold`.
    async fn having(action: &str) -> Self {
        let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
        let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
        fs::create_dir(warden.path().join("desk")).expect("a folder");
        let text = fs::read_to_string(warden.config()).expect("a configuration");
        let text = text.replace("violence = \"hold\"", &format!("violence = \"{action}\""));
        let desk = "\n[review]\nhost = \"localhost\"\ndirectory = \"desk\"\n";
        fs::write(warden.config(), format!("{text}{desk}")).expect("a configuration");
        let school = Self { dovecot, warden, _smtp: smtp };
        let inbox = Folder::named(&FolderName("INBOX".to_owned()));
        let octets = message("held", HELD);
        school
            .dovecot
            .session(AMBER)
            .await
            .append(&inbox, &[], 1_580_702_706, octets.len() as u64, &octets[..])
            .await
            .expect("room for a message");
        school.warden.poll();
        assert_eq!(school.case().places[0].state, PlaceState::Removed);
        assert_eq!(school.warden.objects().len(), school.sealed());
        school
    }

    /// How many objects are sealed of the case: the message, its sheet and, unless it is withheld, its text.
    fn sealed(&self) -> usize {
        if self.case().row.action == Action::Withhold { 2 } else { 3 }
    }

    /// How many messages lie in the mailbox.
    async fn lying(&self) -> usize {
        let mut session = self.dovecot.session(AMBER).await;
        let inbox = session.examine(&Folder::named(&FolderName("INBOX".to_owned()))).await.expect("a folder");
        session.listing(&inbox, &UidSet::from(1)).await.expect("a listing").len()
    }

    fn case(&self) -> CaseFacts {
        self.warden.cases().remove(0)
    }

    fn destroy(&self, keys: &[&Path], stop_before: Option<&str>) -> Output {
        let mut command = self.warden.command("destroy");
        command.arg(self.case().row.codename.as_str()).args(["--reason", REASON, "--no-agency-needs-it"]);
        for (option, key) in ["--identity", "--second"].into_iter().zip(keys) {
            command.arg(option).arg(key);
        }
        if let Some(step) = stop_before {
            command.env("MAILWARDEN_STOP_BEFORE", step);
        }
        command.output().expect("the program")
    }

    fn desk(&self) -> Desk {
        Desk::open(&self.warden.path().join("desk")).expect("a desk")
    }

    /// Somebody with an account at the desk.
    fn account(&self, name: &str, role: Role) -> Account {
        let new = NewAccount { name: name.to_owned(), role, addresses: Vec::new() };
        let _ = self.desk().invite(Timestamp::now(), &Actor::Program, &new).expect("an account");
        self.desk().accounts().expect("accounts").into_iter().find(|account| account.name == name).expect("the account")
    }

    fn at_the_desk(&self, who: &Account, deed: Deed, to: Option<AccountId>) {
        let row = self.case().row;
        let done = Done { case: row.id, codename: &row.codename, deed, words: REASON, to, until: None, keys: &[] };
        self.desk().done(Timestamp::now(), who, &done).expect("a deed");
    }

    fn releases(&self, who: &Account, key: ReleasedKey) {
        let row = self.case().row;
        let done = Done { case: row.id, codename: &row.codename, deed: Deed::Release, words: REASON, to: None, until: None, keys: &[key] };
        self.desk().done(Timestamp::now(), who, &done).expect("a deed");
    }

    fn key_of(&self, object: &ObjectId) -> [u8; 16] {
        let vault = self.warden.vault();
        let member = identity(&fs::read_to_string(self.warden.identity()).expect("a key file"));
        let ring = vault.ring().ciphertext(Audience::Dsl).expect("a ring");
        let audience = identity(&String::from_utf8(age::decrypt(&member, &ring).expect("a member's ring")).expect("text"));
        let caught = Caught(&audience, RefCell::new(None));
        age::decrypt(&caught, &vault.ciphertext(object).expect("an object")).expect("it opens");
        caught.1.into_inner().expect("a key")
    }

    /// Why the copy is not back, and which release has failed. It is out of its mailbox all the same.
    fn not_back(&self) -> (Option<NotBack>, Option<i64>) {
        let facts = self.case();
        assert_eq!(facts.places[0].state, PlaceState::Removed);
        (facts.places[0].not_back, facts.row.not_back)
    }

    fn assert_untouched(&self, what: &str) {
        let case = self.case();
        assert_eq!((case.destroyed, case.places[0].state), (None, PlaceState::Removed), "{what}");
        assert_eq!(self.warden.objects().len(), self.sealed(), "{what}");
    }

    fn assert_destroyed_by(&self, people: &str, what: &str) {
        let case = self.case();
        assert_eq!(case.destroyed.as_ref().map(|(_, who)| who.as_str()), Some(people), "{what}");
        assert_eq!((case.places[0].state, self.warden.objects().len()), (PlaceState::Destroyed, 0), "{what}");
        let journal = self.warden.book().journal(1, 1_000).expect("a journal");
        let lines: Vec<_> = journal.into_iter().filter(|line| matches!(line.event, Event::Destroyed { .. })).collect();
        let [line] = &lines[..] else { panic!("{what}: {lines:?}") };
        assert!(
            matches!(&line.event, Event::Destroyed { objects, reason, .. } if objects.len() == self.sealed() && reason == REASON),
            "{line:?}"
        );
        assert!(!case.findings.is_empty(), "the facts stay");
    }
}

#[tokio::test]
async fn what_is_held_is_destroyed_by_one_person_and_its_facts_stay() {
    let school = School::having("hold").await;
    let lead = school.warden.identity();
    let told = format!("what was sealed of {} is destroyed; its facts stay\n", school.case().row.codename);
    for _ in 0..2 {
        assert_eq!(said(&school.destroy(&[&lead], None)), (Some(0), told.clone()));
        school.assert_destroyed_by("Lead", "typed twice");
    }
    let open = school
        .warden
        .command("open")
        .arg(school.case().row.codename.as_str())
        .arg("--identity")
        .arg(&lead)
        .args(["--reason", REASON])
        .output();
    let (code, told) = said(&open.unwrap());
    assert!(code == Some(1) && told.contains("is sealed any more") && told.contains("Lead had it destroyed"), "{told}");
    let release = school
        .warden
        .command("release")
        .arg(school.case().row.codename.as_str())
        .arg("--identity")
        .arg(&lead)
        .args(["--reason", REASON])
        .output();
    assert_eq!(said(&release.unwrap()).0, Some(1));
    let show = school.warden.command("cases show").arg(school.case().row.codename.as_str()).output().unwrap();
    assert!(String::from_utf8_lossy(&show.stdout).contains("destroyed "), "{show:?}");
    school.warden.poll();
    assert_eq!(school.lying().await, 0, "nothing comes back");
    let journal = school.warden.command("journal show").output().unwrap();
    let journal = String::from_utf8_lossy(&journal.stdout).into_owned();
    assert!(journal.contains("destroyed") && !journal.contains("CANARY"), "{journal}");
}

#[tokio::test]
async fn without_the_confirmation_or_the_key_nothing_is_destroyed() {
    let school = School::having("hold").await;
    let lead = school.warden.identity();
    let codename = school.case().row.codename;
    let unconfirmed =
        school.warden.command("destroy").arg(codename.as_str()).arg("--identity").arg(&lead).args(["--reason", REASON]).output();
    let (code, told) = said(&unconfirmed.unwrap());
    assert!(code == Some(64) && told.contains("--no-agency-needs-it"), "{told}");
    school.assert_untouched("no confirmation");
    let (code, told) = said(&school.destroy(&[&school.warden.key("Head", Audience::Head)], None));
    assert!(code == Some(1) && told.contains("is for `dsl` to open"), "{told}");
    let last = school.warden.book().journal_end(1).unwrap().remove(0);
    assert!(matches!((&last.who, &last.event), (Actor::Member(name), Event::DestroyRefused { .. }) if name == "Head"), "{last:?}");
    school.assert_untouched("another's key");
}

#[tokio::test]
async fn what_is_withheld_takes_two_keys_of_two_people() {
    let school = School::having("withhold").await;
    let lead = school.warden.identity();
    let again = school.warden.path().join("again.key");
    fs::copy(&lead, &again).unwrap();
    let stranger = school.warden.path().join("stranger.key");
    MemberIdentity::generate().write(&stranger).unwrap();
    // The same name with another key is the same person.
    let renamed = school.warden.key("LEAD", Audience::Chair);
    for (keys, why) in [
        (vec![&lead], "by two people"),
        (vec![&lead, &again], "it is the first once more"),
        (vec![&lead, &stranger], "it is no member's"),
        (vec![&lead, &renamed], "by two people"),
    ] {
        let keys: Vec<&Path> = keys.into_iter().map(PathBuf::as_path).collect();
        let (code, told) = said(&school.destroy(&keys, None));
        assert!(code == Some(1) && told.contains(why), "{why}: {told}");
        school.assert_untouched(why);
    }
    let head = school.warden.key("Head", Audience::Head);
    assert_eq!(said(&school.destroy(&[&lead, &head], None)).0, Some(0));
    school.assert_destroyed_by("Lead and Head", "two people");
}

#[tokio::test]
async fn whatever_step_a_crash_comes_before_at_the_command_line_it_is_finished_and_never_half_decided() {
    for step in DESTROY_STEPS {
        let school = School::having("hold").await;
        let lead = school.warden.identity();
        assert_eq!(school.destroy(&[&lead], Some(step)).status.signal(), Some(KILL), "{step}");
        if step == "destroy.commit" {
            school.assert_untouched(step);
            school.warden.poll();
            school.assert_untouched(step);
            assert_eq!(said(&school.destroy(&[&lead], None)).0, Some(0));
        } else {
            assert!(school.case().destroyed.is_some(), "{step}: what is gone was decided before");
            // The service finishes it, with nobody at the command line.
            school.warden.poll();
        }
        school.assert_destroyed_by("Lead", step);
        assert_eq!(school.lying().await, 0, "{step}");
    }
}

#[tokio::test]
async fn what_was_decided_at_the_desk_is_carried_out_whatever_step_a_crash_comes_before() {
    for step in DESTROY_STEPS {
        let school = School::having("withhold").await;
        let (robin, kim) = (school.account("Robin Finch", Role::Dsl), school.account("Kim Linnet", Role::Deputy));
        school.at_the_desk(&robin, Deed::Close, None);
        school.at_the_desk(&robin, Deed::AskDestroy, None);
        school.warden.poll();
        school.assert_untouched("one has asked");
        school.at_the_desk(&kim, Deed::Destroy, Some(robin.id));
        assert_eq!(school.warden.once(Some(step)).status.signal(), Some(KILL), "{step}");
        school.warden.poll();
        school.assert_destroyed_by("Kim Linnet and Robin Finch", step);
        assert_eq!(school.warden.book().desk_progress().unwrap(), 3, "{step}");
    }
}

#[tokio::test]
async fn a_deed_of_one_person_does_not_destroy_what_takes_two_and_keeps_no_later_deed() {
    let school = School::having("withhold").await;
    let robin = school.account("Robin Finch", Role::Dsl);
    // As a desk would write it down that has been tampered with.
    school.at_the_desk(&robin, Deed::Destroy, None);
    school.warden.poll();
    school.assert_untouched("one person");
    assert_eq!(school.warden.book().desk_progress().unwrap(), 1);
}

#[tokio::test]
async fn nothing_is_destroyed_while_a_release_waits_at_the_desk() {
    let school = School::having("hold").await;
    let (robin, lead) = (school.account("Robin Finch", Role::Dsl), school.warden.identity());
    school.at_the_desk(&robin, Deed::Release, None);
    let (code, told) = said(&school.destroy(&[&lead], None));
    assert!(code == Some(1) && told.contains("was released, and not every copy is back"), "{told}");
    school.assert_untouched("a release waits");
    // Carried out without the key, it has put nothing back, and nothing more comes of it.
    school.warden.poll();
    assert_eq!(school.case().places[0].not_back, Some(NotBack::KeyMissing));
    assert_eq!(said(&school.destroy(&[&lead], None)).0, Some(0));
    school.assert_destroyed_by("Lead", "what cannot come back");
}

#[tokio::test]
async fn a_release_that_fails_for_good_is_told_with_its_reason_and_the_next_puts_the_message_back() {
    let mut school = School::having("hold").await;
    let robin = school.account("Robin Finch", Role::Dsl);
    let object = school.case().places[0].object.expect("an object").object;
    let key = school.key_of(&object);
    school.releases(&robin, ReleasedKey { object, key: [7; 16] });
    school.warden.poll();
    assert_eq!(school.not_back(), (Some(NotBack::KeyWrong), Some(1)), "another's key");

    let name = object.to_string();
    let path = school.warden.state().join(format!("vault/objects/{}/{name}.age", &name[..2]));
    let whole = fs::read(&path).expect("what is sealed");
    let mut damaged = whole.clone();
    *damaged.last_mut().expect("an octet") ^= 1;
    fs::write(&path, damaged).expect("a damaged object");
    school.releases(&robin, ReleasedKey { object, key });
    school.warden.poll();
    assert_eq!(school.not_back(), (Some(NotBack::Damaged), Some(2)), "a damaged object");
    assert_eq!((school.lying().await, school.warden.book().desk_progress().unwrap()), (0, 2), "nothing is tried for ever");
    let lines = school.warden.book().journal(1, 1_000).expect("a journal").into_iter();
    let told: Vec<_> = lines.filter_map(|line| if let Event::NotPutBack { why, .. } = line.event { Some(why) } else { None }).collect();
    assert_eq!(told, [NotBack::KeyWrong, NotBack::Damaged]);

    // The backup is back, and the mail server is away: that is waited for.
    fs::write(&path, whole).expect("the object of the backup");
    school.releases(&robin, ReleasedKey { object, key });
    school.dovecot.stop();
    for _ in 0..2 {
        assert!(!school.warden.once(None).status.success(), "the server is out of reach");
        assert_eq!((school.not_back(), school.warden.book().desk_progress().unwrap()), ((None, None), 2), "it is tried again");
    }
    school.dovecot.restart();
    school.warden.poll();
    assert_eq!((school.case().places[0].state, school.lying().await), (PlaceState::Released, 1));
    assert_eq!(school.warden.book().desk_progress().unwrap(), 3);
}

/// The key of one sealed message, as the browser of somebody who can open it reads it from its header.
struct Caught<'a>(&'a age::x25519::Identity, RefCell<Option<[u8; 16]>>);

impl age::Identity for Caught<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, age::DecryptError>> {
        let opened = self.0.unwrap_stanza(stanza);
        if let Some(Ok(key)) = &opened {
            *self.1.borrow_mut() = Some(*key.expose_secret());
        }
        opened
    }
}

/// The identity in the text of a key file or of a ring.
fn identity(text: &str) -> age::x25519::Identity {
    let line = text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).expect("a key");
    line.parse().expect("an identity")
}
