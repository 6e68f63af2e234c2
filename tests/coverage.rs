//! `mailwarden coverage`: a day is proven only when every message on the server was judged.

mod support;

use std::process::Output;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;
use support::dovecot::Dovecot;
use support::school::{err, out};
use support::smtp::Smtp;
use support::warden::{HELD, Warden, message};

const AMBER: &str = "amber@school.example";
const HERON: &str = "heron@school.example";
const DAY: u64 = 86_400;

/// Noon of yesterday, wherever the server thinks it is.
fn yesterday() -> (SystemTime, String) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
    let noon = now / DAY * DAY - DAY / 2;
    let date = jiff::Timestamp::from_second(noon.cast_signed()).expect("a time").to_zoned(jiff::tz::TimeZone::UTC).date();
    (UNIX_EPOCH + Duration::from_secs(noon), date.to_string())
}

fn coverage(warden: &Warden, date: &str) -> (Output, Value) {
    let output = warden.command("coverage --json").args(["--date", date]).output().expect("the program");
    let told = serde_json::from_str(&out(&output)).unwrap_or_default();
    (output, told)
}

#[test]
fn a_day_is_proven_when_all_that_is_there_was_judged_and_not_when_one_was_not() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER, HERON]);
    let (noon, date) = yesterday();
    for (mailbox, subject, text) in [(AMBER, "one", "hello"), (AMBER, "two", "see you"), (AMBER, "held", HELD), (HERON, "three", "bye")] {
        dovecot.deliver_at(mailbox, &message(subject, text)[..], noon);
    }
    warden.poll();
    let (output, told) = coverage(&warden, &date);
    let counts = |told: &Value| -> Vec<(u64, u64, usize)> {
        let rows = told["mailboxes"].as_array().expect("mailboxes").iter();
        rows.map(|row| {
            let number = |name: &str| row[name].as_u64().expect("a number");
            (number("on_server"), number("judged"), row["missing"].as_array().expect("a list").len())
        })
        .collect()
    };
    assert_eq!((output.status.code(), &told["proven"], counts(&told)), (Some(0), &Value::Bool(true), vec![(2, 2, 0), (1, 1, 0)]));

    // As a defect would leave it that moves the cursor past a message.
    let book = rusqlite::Connection::open(warden.state().join("casebook.db")).expect("the casebook");
    book.execute("DELETE FROM seen WHERE mailbox = (SELECT id FROM mailbox WHERE address = ?)", [HERON]).expect("a gap");
    let (output, told) = coverage(&warden, &date);
    assert_eq!((output.status.code(), &told["proven"], counts(&told)), (Some(1), &Value::Bool(false), vec![(2, 2, 0), (1, 0, 1)]));
    let output = warden.command("coverage").args(["--date", &date]).output().expect("the program");
    assert!(out(&output).contains(&format!("{HERON}: not judged: INBOX, number 1, arrived ")), "{}", out(&output));
    assert!(err(&output).contains(&format!("error: 1 messages of {date} in {HERON} were not judged")), "{}", err(&output));
}

#[test]
fn silence_proves_nothing() {
    let (mut dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    warden.poll();
    let output = warden.command("coverage --date 2001-02-03").output().expect("the program");
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).contains("error: nothing was compared\n  why: 1 mailboxes hold no message of 2001-02-03"), "{}", err(&output));
    dovecot.stop();
    let output = warden.command("coverage --date 2001-02-03").output().expect("the program");
    assert!(
        output.status.code() == Some(1) && err(&output).contains("error: amber@school.example could not be compared"),
        "{}",
        err(&output)
    );
}

#[test]
fn the_ledger_of_a_day_tells_how_a_mailbox_was_reached_and_what_was_not_read() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER, "wrong@school.example"]);
    let text = std::fs::read_to_string(warden.config()).expect("a configuration");
    let (first, second) = text.rsplit_once("password_file = \"password\"").expect("two mailboxes");
    std::fs::write(warden.path().join("other"), "not this").expect("a file");
    std::fs::set_permissions(warden.path().join("other"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a private file");
    std::fs::write(warden.config(), format!("{first}password_file = \"other\"{second}")).expect("a configuration");
    let unread = "MIME-Version: 1.0\r\nContent-Type: image/vnd.adobe.photoshop\r\nContent-Transfer-Encoding: base64\r\n\r\nOEJQUwAB\r\n";
    dovecot.deliver(AMBER, format!("From: a@school.example\r\nTo: b@school.example\r\n{unread}").as_bytes());
    assert_eq!(warden.once(None).status.code(), Some(1));
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let book = warden.book();
    let reach = book.reach(today).expect("the ledger");
    let of = |mailbox: &str| reach[&mailbox.parse().expect("an address")];
    assert!(of(AMBER).polls > 0 && of(AMBER).failures == 0 && of(AMBER).last_poll.is_some(), "{reach:?}");
    let wrong = of("wrong@school.example");
    assert_eq!((wrong.polls, wrong.failures, wrong.last_poll), (0, 1, None));
    let reasons: Vec<_> =
        book.unread(today).expect("the ledger").into_iter().map(|(mailbox, reasons)| (mailbox.to_string(), reasons)).collect();
    assert_eq!(reasons, [(AMBER.to_owned(), [(mailwarden::finding::Reason::Unsupported, 1)].into())]);
}
