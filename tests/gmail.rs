//! Mail at Gmail, where a folder is a label: what is held goes from all of them, and from the Trash.

mod support;

use mailwarden::case::PlaceState;
use support::dovecot::Dovecot;
use support::gmail::{ALL, Gmail, INBOX, TRASH};
use support::smtp::Smtp;
use support::warden::{HELD, Warden, message};

#[test]
fn what_is_held_goes_from_every_label_and_from_the_trash_and_the_rest_stays() {
    let (dovecot, smtp, gmail) = (Dovecot::start(), Smtp::start(), Gmail::start());
    let warden = Warden::new(&dovecot, &smtp, &["amber@school.example"]);
    warden.also_watch("gmail", gmail.port, "password");
    warden.poll();
    let (ordinary, held, also_held) = (message("one", "see you"), message("two", HELD), message("three", &format!("{HELD} again")));
    for octets in [&held, &ordinary, &also_held] {
        gmail.deliver(octets);
    }
    warden.poll();
    assert_eq!([INBOX, ALL, TRASH].map(|folder| gmail.messages(folder)), [vec![ordinary.clone()], vec![ordinary], vec![]]);
    let cases = warden.cases();
    let states: Vec<_> = cases.iter().flat_map(|case| &case.places).map(|place| place.state).collect();
    assert_eq!((cases.len(), states), (2, vec![PlaceState::Removed; 2]));
    assert_eq!(warden.unseal(&cases[0].places[0].object.expect("a sealed message").object), Some(held));
    let told = smtp.messages().into_iter().filter_map(|letter| String::from_utf8(letter).ok());
    assert!(!told.into_iter().any(|letter| letter.contains("mailbox-keeps-messages")));
}
