//! The whole way of a message, with a real Dovecot and a real SMTP server.

mod support;

use std::fs;

use mailwarden::case::PlaceState;
use mailwarden::casebook::ReadOnly;
use mailwarden::finding::{Action, Category};
use support::dovecot::Dovecot;
use support::smtp::Smtp;
use support::warden::{CRY_FOR_HELP, FLAGGED, HELD, Warden, message, rule};

const AMBER: &str = "amber@school.example";
const HERON: &str = "heron@school.example";

fn subjects(dovecot: &Dovecot, mailbox: &str) -> Vec<String> {
    let mut subjects: Vec<_> = dovecot
        .files(mailbox)
        .iter()
        .map(|file| {
            let text = String::from_utf8(fs::read(file).expect("a message")).expect("made-up text");
            text.lines().find_map(|line| line.strip_prefix("Subject: ")).expect("a subject").to_owned()
        })
        .collect();
    subjects.sort();
    subjects
}

#[test]
fn what_is_to_be_held_is_sealed_removed_and_told_of_and_the_rest_stays() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    warden.poll();
    for (subject, text) in [("clear", "see you at lunch"), ("held", HELD), ("flagged", FLAGGED), ("help", CRY_FOR_HELP)] {
        dovecot.deliver(AMBER, &message(subject, text)[..]);
    }
    warden.poll();

    assert_eq!(subjects(&dovecot, AMBER), ["clear", "flagged", "help"]);
    let unseen = dovecot.files(AMBER).iter().all(|file| !file.to_string_lossy().ends_with('S'));
    assert!(unseen, "a message was marked as seen");
    let mut cases = warden.cases();
    cases.sort_by_key(|case| case.row.category);
    let found: Vec<_> = cases.iter().map(|case| (case.row.category, case.row.action, case.places[0].state)).collect();
    assert_eq!(
        found,
        [
            (Category::Suicide, Action::Pass, PlaceState::Delivered),
            (Category::Bullying, Action::Flag, PlaceState::Delivered),
            (Category::Violence, Action::Hold, PlaceState::Removed),
        ]
    );
    let sealed = cases[2].places[0].object.expect("a sealed message");
    assert_eq!(warden.unseal(&sealed.object).expect("it opens"), message("held", HELD));

    // Suicide is level 5 and told at once; the other two wait for the digest.
    let letters = smtp.messages();
    assert_eq!(letters.len(), 1);
    let letter = String::from_utf8(letters[0].clone()).expect("a plain letter");
    assert!(letter.contains(cases[0].row.codename.as_str()) && letter.contains("intent or plan of suicide"), "{letter}");
    for word in [CRY_FOR_HELP, "Sender", "sender@", "amber@", "help"] {
        assert!(!letter.contains(word), "the notice says `{word}`:\n{letter}");
    }

    warden.poll();
    assert_eq!(warden.cases().len(), 3, "a second round finds nothing new");
}

#[test]
fn copies_of_one_message_fold_into_one_case_whatever_servers_write_above_them() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER, HERON]);
    warden.poll();
    let copy = message("held", HELD);
    dovecot.deliver(AMBER, &copy[..]);
    dovecot.deliver(HERON, &[b"Received: from somewhere\r\n".as_slice(), &copy].concat()[..]);
    dovecot.deliver(HERON, &message("held", &format!("{HELD} again"))[..]);
    warden.poll();

    let cases = warden.cases();
    let mut places: Vec<_> = cases.iter().map(|case| case.places.len()).collect();
    places.sort_unstable();
    assert_eq!(places, [1, 2], "a Message-ID folds nothing, the same content does");
    assert!(cases.iter().flat_map(|case| &case.places).all(|place| place.state == PlaceState::Removed && place.object.is_some()));
    assert!(subjects(&dovecot, AMBER).is_empty() && subjects(&dovecot, HERON).is_empty());
}

#[test]
fn an_answer_is_a_case_of_its_own_in_the_conversation_of_what_it_answers() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    warden.poll();
    for (id, subject, text) in
        [("first@a.example", "asked", FLAGGED), ("other@a.example", "elsewhere", FLAGGED), ("second@a.example", "asked", HELD)]
    {
        let letter = String::from_utf8(message(subject, text)).expect("made-up text").replace("always-the-same@school.example", id);
        let answers = if id.starts_with("second") { "In-Reply-To: <first@a.example>\r\n" } else { "" };
        dovecot.deliver(AMBER, format!("{answers}{letter}").as_bytes());
    }
    warden.poll();
    let (cases, book) = (warden.cases(), ReadOnly::open(&warden.state().join("casebook.db")).expect("the casebook"));
    let mut together: Vec<_> =
        cases.iter().map(|case| (case.row.category, book.of_the_same_thread(case.row.id).expect("others").len())).collect();
    together.sort_unstable();
    assert_eq!(together, [(Category::Bullying, 0), (Category::Bullying, 1), (Category::Violence, 1)]);
}

#[test]
fn a_copy_that_is_found_at_the_same_moment_leaves_no_sheet_or_text_that_nobody_knows() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let mailboxes: Vec<_> = (0..12).map(|number| format!("pupil{number}@school.example")).collect();
    let warden = Warden::new(&dovecot, &smtp, &mailboxes.iter().map(String::as_str).collect::<Vec<_>>());
    warden.poll();
    for round in 0..3 {
        for mailbox in &mailboxes {
            dovecot.deliver(mailbox, &message(&format!("flagged {round}"), FLAGGED)[..]);
        }
        warden.poll();
    }
    assert_eq!(warden.cases().iter().map(|case| case.places.len()).collect::<Vec<_>>(), [12, 12, 12]);
    assert_eq!(warden.objects().len(), 6, "more than 64 strangers, and the daemon does not start again");
}

#[test]
fn mail_that_was_there_before_pages_nobody_and_can_be_left_alone() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let scanning = Warden::new(&dovecot, &smtp, &[AMBER]);
    dovecot.deliver(AMBER, &message("help", CRY_FOR_HELP)[..]);
    scanning.poll();
    assert!(scanning.cases()[0].row.backscan);
    assert!(smtp.messages().is_empty(), "a first look at old mail paged somebody");

    let skipping = Warden::new(&dovecot, &smtp, &[AMBER]);
    skipping.configure("history = \"skip\"\nidle = false\n");
    skipping.poll();
    dovecot.deliver(AMBER, &message("new", CRY_FOR_HELP)[..]);
    skipping.poll();
    assert_eq!(skipping.cases().len(), 1);
    assert_eq!(smtp.messages().len(), 1);
}

#[test]
fn a_folder_that_is_numbered_anew_is_neither_skipped_nor_told_of_twice() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    warden.poll();
    dovecot.deliver(AMBER, &message("flagged", FLAGGED)[..]);
    warden.poll();
    dovecot.renumber(AMBER);
    dovecot.deliver(AMBER, &message("held", HELD)[..]);
    warden.poll();

    let categories: Vec<_> = warden.cases().iter().map(|case| (case.row.category, case.places.len())).collect();
    assert_eq!(categories, [(Category::Bullying, 1), (Category::Violence, 1)]);
    assert_eq!(subjects(&dovecot, AMBER), ["flagged"]);
}

#[test]
fn a_folder_that_is_renamed_is_neither_skipped_nor_told_of_twice() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    dovecot.say(AMBER, &["CREATE old"]);
    warden.poll();
    dovecot.deliver(AMBER, &message("one", FLAGGED)[..]);
    dovecot.say(AMBER, &["SELECT INBOX", "MOVE 1 old"]);
    warden.poll();
    dovecot.deliver(AMBER, &message("two", &format!("{FLAGGED} again"))[..]);
    dovecot.say(AMBER, &["RENAME old new", "SELECT INBOX", "MOVE 1 new"]);
    warden.poll();
    let places: Vec<_> = warden.cases().iter().map(|case| (case.places.len(), case.places[0].place.folder.0.clone())).collect();
    assert_eq!(places, [(1, "old".to_owned()), (1, "new".to_owned())]);
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date().to_string();
    let proof = warden.command("coverage").args(["--date", &today]).output().expect("the program");
    assert!(proof.status.success(), "{}", String::from_utf8_lossy(&proof.stdout));
}

#[test]
fn mail_from_before_stays_left_alone_when_its_folder_is_numbered_anew() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    warden.configure("history = \"skip\"\nidle = false\n");
    dovecot.deliver(AMBER, &message("before", CRY_FOR_HELP)[..]);
    warden.poll();
    number_anew(&dovecot, &warden);
    assert_eq!(warden.cases().len(), 0, "it was there before, and nobody asked to see it");

    // Judged after all, it still pages nobody.
    warden.configure("idle = false\n");
    number_anew(&dovecot, &warden);
    assert!(warden.cases()[0].row.backscan && smtp.messages().is_empty());

    dovecot.deliver_in_an_hour(AMBER, &message("new", &format!("{CRY_FOR_HELP} now"))[..]);
    number_anew(&dovecot, &warden);
    assert!(!warden.cases()[1].row.backscan);
    assert_eq!(smtp.messages().len(), 1, "what came since is new under any number");
}

/// Polls until the folder is met under other numbers: Dovecot takes the second of the day for their validity.
fn number_anew(dovecot: &Dovecot, warden: &Warden) {
    let validity = || warden.book().cursors(&AMBER.parse().expect("an address")).expect("cursors")[0].1.uidvalidity;
    let before = validity();
    while validity() == before {
        dovecot.renumber(AMBER);
        warden.poll();
    }
}

#[test]
fn a_server_that_cannot_remove_one_message_keeps_it_and_the_case_says_so() {
    let dovecot = Dovecot::start_with("protocol imap {\n  imap_capability = IMAP4rev1\n}\n");
    let smtp = Smtp::start();
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    warden.poll();
    dovecot.deliver(AMBER, &message("held", HELD)[..]);
    warden.poll();

    assert_eq!(subjects(&dovecot, AMBER), ["held"]);
    assert_eq!(warden.cases()[0].places[0].state, PlaceState::LeftInMailbox);
    let told: Vec<_> = smtp.messages().into_iter().map(|letter| String::from_utf8(letter).expect("a plain letter")).collect();
    assert!(told.iter().any(|letter| letter.contains("mailbox-keeps-messages")), "{told:?}");
}

#[test]
fn one_sick_mailbox_delays_no_other() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &["wrong@school.example", AMBER]);
    let config = fs::read_to_string(warden.config()).expect("a configuration");
    fs::write(warden.path().join("other"), "no such password").expect("a password file");
    fs::set_permissions(warden.path().join("other"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a private file");
    fs::write(warden.config(), config.replacen("password_file = \"password\"", "password_file = \"other\"", 1)).expect("a configuration");
    dovecot.deliver(AMBER, &message("held", HELD)[..]);
    let done = warden.once(None);

    assert_eq!(done.status.code(), Some(1), "the sick one is a failure of the round");
    assert!(String::from_utf8_lossy(&done.stderr).contains("login refused"), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(subjects(&dovecot, AMBER).is_empty());
}

#[test]
fn a_notice_that_lands_in_a_watched_mailbox_is_not_the_next_case() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER, "lead@school.example"]);
    // A rule that every notice matches.
    fs::write(warden.path().join("rules/bullying/test.toml"), rule("bullying", "category")).expect("a rule");
    warden.poll();
    dovecot.deliver(AMBER, &message("help", CRY_FOR_HELP)[..]);
    warden.poll();
    let letters = smtp.messages();
    assert_eq!(letters.len(), 1);
    dovecot.deliver("lead@school.example", &letters[0][..]);
    warden.poll();
    assert_eq!(warden.cases().len(), 1);

    let (_, body) = std::str::from_utf8(&letters[0]).expect("a plain letter").split_once("\n\n").expect("a header");
    dovecot.deliver(AMBER, &message(CRY_FOR_HELP, &body.trim_end().replace('\n', "\r\n"))[..]);
    warden.poll();
    assert_eq!(warden.cases().len(), 2, "whoever has a notice could say what they like above it");
}

#[test]
fn a_broken_rule_keeps_the_daemon_from_starting_and_says_where() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    fs::write(warden.path().join("rules/bullying/test.toml"), rule("bullying", "x").replace("schema = 1", "schema = 1\ncolour = 2"))
        .expect("a rule");
    let done = warden.once(None);
    let told = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(78), "{told}");
    assert!(told.contains("rules/bullying/test.toml:2") && told.contains("hint:"), "{told}");
}

#[test]
fn her_own_copy_is_delivered_and_naming_her_keeps_no_other() {
    const LEAD: &str = "lead@school.example";
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER, LEAD]);
    warden.poll();
    let to_both =
        String::from_utf8(message("held", HELD)).expect("made-up text").replace("To: amber@", "Cc: lead@school.example\r\nTo: amber@");
    for mailbox in [AMBER, LEAD] {
        dovecot.deliver(mailbox, to_both.as_bytes());
    }
    warden.poll();
    assert_eq!(subjects(&dovecot, LEAD), ["held"]);
    assert!(subjects(&dovecot, AMBER).is_empty(), "naming her kept the copy of somebody else");
}

#[test]
fn a_rule_counts_for_the_people_it_names_and_one_in_the_shadow_is_only_counted() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER, HERON]);
    let with = |category: &str, word: &str, keys: &str| {
        let text = rule(category, word).replacen("\n\n[[signal]]", &format!("\n{keys}\n\n[[signal]]"), 1);
        fs::write(warden.path().join(format!("rules/{category}/test.toml")), text).expect("a rule");
    };
    with("bullying", FLAGGED, "[who]\npairs = [[\"outside\", \"pupil\"]]\nfirst_contact = true");
    let shadow = fs::read_to_string(warden.path().join("rules/violence/test.toml")).expect("a rule").replace("\"hold\"", "\"shadow\"");
    fs::write(warden.path().join("rules/violence/test.toml"), shadow).expect("a rule");
    warden.poll();

    let from_outside = |subject: &str, text: &str| {
        let mail = String::from_utf8(message(subject, text)).expect("made-up text");
        mail.replace("sender@school.example", "sender@elsewhere.example").into_bytes()
    };
    dovecot.deliver(HERON, &message("of the school", FLAGGED)[..]);
    dovecot.deliver(HERON, &message("in the shadow", HELD)[..]);
    dovecot.deliver(AMBER, &from_outside("the first", "hello")[..]);
    dovecot.deliver(AMBER, &from_outside("the second", FLAGGED)[..]);
    dovecot.deliver(HERON, &from_outside("to another", FLAGGED)[..]);
    dovecot.deliver(HERON, &from_outside("again", FLAGGED)[..]);
    warden.poll();

    let cases = warden.cases();
    let found: Vec<_> = cases.iter().map(|case| (case.row.category, case.places[0].place.mailbox.as_str())).collect();
    assert_eq!(found, [(Category::Bullying, HERON)], "one sender of the school, one who had written before, and one who wrote twice");
    let shadows = warden.book().shadow_counts("2026-01-01".parse().expect("a day")).expect("counts");
    let shadows: Vec<_> = shadows.iter().map(|count| (count.rule.as_str(), count.messages)).collect();
    assert_eq!(shadows, [("violence.test", 1)]);
    assert_eq!(subjects(&dovecot, HERON).len(), 4, "nothing is held by a rule in the shadow");
}
