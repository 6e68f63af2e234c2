//! Messages and folders that move while they are looked at, and a server that ends in the middle of a word.

mod support;

use mailwarden::case::PlaceState;
use mailwarden::finding::Category;
use support::dovecot::Dovecot;
use support::folders::Folders;
use support::smtp::Smtp;
use support::warden::{FLAGGED, HELD, Warden, message};

const AMBER: &str = "amber@school.example";

/// A school with one mailbox at a server where things move.
struct School {
    warden: Warden,
    server: Folders,
    _others: (Dovecot, Smtp),
}

impl School {
    fn new(folders: &[&str]) -> Self {
        let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
        let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
        let server = Folders::start(folders);
        warden.also_watch("moving", server.port, "password");
        Self { warden, server, _others: (dovecot, smtp) }
    }

    /// Of every copy of every case: what it is about, the folder, and what became of it.
    fn places(&self) -> Vec<(Category, String, PlaceState)> {
        let cases = self.warden.cases();
        let each =
            cases.iter().flat_map(|case| case.places.iter().map(|place| (case.row.category, place.place.folder.0.clone(), place.state)));
        each.collect()
    }

    /// A round in which something goes wrong; it is told of.
    fn fail(&self, trouble: &str) {
        let done = self.warden.once(None);
        let told = String::from_utf8_lossy(&self.warden.command("status").output().expect("the program").stdout).into_owned();
        assert!(done.status.code() == Some(1) && told.contains(trouble), "{told}{}", String::from_utf8_lossy(&done.stderr));
    }
}

#[test]
fn a_message_that_is_moved_between_listing_and_fetching_is_judged_where_it_went() {
    // One folder is looked at before INBOX, the other behind it.
    for to in ["Archive", "Sorted"] {
        let school = School::new(&["Archive", "Sorted"]);
        school.warden.poll();
        school.server.deliver("INBOX", &message("held", HELD));
        school.server.before("UID FETCH 1 (UID BODY", move |store| {
            store.move_all("INBOX", to);
            None
        });
        school.warden.poll();
        assert!(school.server.has_come_to_pass());
        school.warden.poll();
        assert_eq!(school.places(), [(Category::Violence, to.to_owned(), PlaceState::Removed)]);
        assert!(school.server.messages(to).is_empty());
    }
}

#[test]
fn a_folder_that_is_renamed_between_two_commands_keeps_no_other_from_being_read_and_is_read_under_its_new_name() {
    let school = School::new(&["Before"]);
    school.warden.poll();
    school.server.deliver("Before", &message("held", HELD));
    school.server.deliver("INBOX", &message("flagged", FLAGGED));
    school.server.before("EXAMINE \"Before\"", |store| {
        store.rename("Before", "Behind");
        None
    });
    school.fail("the server does not open `Before`");
    assert_eq!(school.places(), [(Category::Bullying, "INBOX".to_owned(), PlaceState::Delivered)]);
    school.warden.poll();
    assert_eq!(school.places()[1], (Category::Violence, "Behind".to_owned(), PlaceState::Removed));
}

#[test]
fn a_folder_that_is_renamed_between_sealing_and_removing_keeps_nothing_and_leaves_no_copy_on_its_way_out() {
    let school = School::new(&["Before"]);
    school.warden.poll();
    school.server.deliver("Before", &message("held", HELD));
    school.server.before("SELECT \"Before\"", |store| {
        store.rename("Before", "Behind");
        None
    });
    school.fail("the server does not open `Before`");
    assert_eq!(school.places(), [(Category::Violence, "Before".to_owned(), PlaceState::Sealed)]);
    school.warden.poll();
    assert!(school.server.messages("Behind").is_empty());
    let expected = [("Before", PlaceState::Superseded), ("Behind", PlaceState::Removed)];
    assert_eq!(school.places(), expected.map(|(folder, state)| (Category::Violence, folder.to_owned(), state)));
}

#[test]
fn a_bye_in_the_middle_of_a_fetch_costs_no_message_and_blames_none() {
    let first = message("flagged", FLAGGED);
    let begun = format!("* 1 FETCH (UID 1 BODY[] {{{}}}\r\n{})\r\n", first.len(), String::from_utf8_lossy(&first));
    for (ending, trouble) in [
        ("* BYE [UNAVAILABLE] back soon\r\n", "the server asks to slow down: [UNAVAILABLE]"),
        ("* BYE going down\r\n", "the server ended the session"),
        ("* 2 FETCH (UID 2 BODY[] {400}\r\nFrom: half", "the connection was lost during `UID FETCH`"),
    ] {
        let school = School::new(&[]);
        school.warden.poll();
        school.server.deliver("INBOX", &first);
        school.server.deliver("INBOX", &message("held", HELD));
        let said = format!("{begun}{ending}").into_bytes();
        school.server.before("UID FETCH 1:2 (UID BODY", move |_| Some(said));
        school.fail(trouble);
        school.warden.poll();
        let expected = [(Category::Bullying, PlaceState::Delivered), (Category::Violence, PlaceState::Removed)];
        assert_eq!(school.places(), expected.map(|(category, state)| (category, "INBOX".to_owned(), state)), "{trouble}");
    }
}

#[test]
fn a_message_that_its_owner_gets_back_from_the_servers_own_bin_is_taken_out_again() {
    // Exchange keeps what is expunged in Recoverable Items for two weeks, where its owner finds it and IMAP does not.
    let school = School::new(&["Deleted Items"]);
    school.warden.poll();
    let held = message("held", HELD);
    school.server.deliver("INBOX", &held);
    school.warden.poll();
    for folder in ["INBOX", "Deleted Items"] {
        school.server.deliver(folder, &held);
        school.warden.poll();
    }
    let removed = |folder: &str| (Category::Violence, folder.to_owned(), PlaceState::Removed);
    assert_eq!(school.places(), [removed("INBOX"), removed("INBOX"), removed("Deleted Items")]);
    assert_eq!(school.warden.cases().len(), 1, "it is one case, and nobody is told of it as of another");
    assert!(["INBOX", "Deleted Items"].iter().all(|folder| school.server.messages(folder).is_empty()));
}
