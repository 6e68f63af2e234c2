//! The daemon as it runs for months: signals, reloads, servers that come and go.

mod support;

use std::fs;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use mailwarden::case::PlaceState;
use mailwarden::casebook::{NewNotice, Trouble};
use mailwarden::finding::{Audience, Category, Reason};
use mailwarden::journal::Actor;
use mailwarden::watch::Status;
use support::dovecot::Dovecot;
use support::folders::Folders;
use support::odd::{HANG_UP, Odd};
use support::running::{Running, eventually, until_cases, within};
use support::smtp::Smtp;
use support::warden::{CRY_FOR_HELP, FLAGGED, HELD, Warden, message, rule};

const AMBER: &str = "amber@school.example";
const SENDER: &str = "sender@school.example";
/// For what is tried again and again, after 2, 4, 8 and 16 seconds.
const AFTER_SOME_TRIES: Duration = Duration::from_mins(2);

#[test]
fn mail_is_judged_as_it_arrives_and_sigterm_ends_the_daemon_in_good_order() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    // Without its news, this mailbox would be polled once an hour.
    warden.configure("interval = \"1h\"\n");
    let running = Running::start(&warden);
    dovecot.deliver(AMBER, message("help", CRY_FOR_HELP).as_slice());
    until_cases(&warden, 1);
    eventually("the notice", || (smtp.messages().len() == 1).then_some(()));
    assert!(running.stop().success());
    assert!(warden.command("journal verify").output().expect("the program").status.success());
}

#[test]
fn the_daemon_goes_behind_all_else_unless_whoever_starts_it_chose_otherwise() {
    use rustix::process::getpriority_process;
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    warden.configure("interval = \"1h\"\n");
    let running = Running::start(&warden);
    let chosen = getpriority_process(None).unwrap();
    assert_eq!(getpriority_process(Some(running.pid())).unwrap(), if chosen == 0 { 10 } else { chosen });
}

#[test]
fn a_hold_brings_the_other_mailboxes_forward_so_that_every_copy_goes_within_seconds() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER, SENDER]);
    warden.configure("interval = \"1h\"\nidle = false\n");
    let running = Running::start(&warden);
    // The copy in the sender's mailbox first: the daemon learns of it only through the other.
    dovecot.deliver(SENDER, message("held", HELD).as_slice());
    dovecot.deliver(AMBER, message("held", HELD).as_slice());
    running.signal(rustix::process::Signal::HUP);
    eventually("both copies", || {
        let cases = warden.cases();
        (cases.len() == 1 && cases[0].places.len() == 2 && cases[0].places.iter().all(|place| place.state == PlaceState::Removed))
            .then_some(())
    });
    assert!(running.stop().success());
}

#[test]
fn a_broken_rule_leaves_the_old_rules_in_force_and_a_mended_one_takes_their_place() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    let running = Running::start(&warden);
    let before = running.until("a rule set", |_| true).rule_set;
    let file = warden.path().join("rules/violence/test.toml");

    fs::write(&file, rule("violence", "x").replace("fire = ", "fire = = ")).expect("a rule");
    running.signal(rustix::process::Signal::HUP);
    let refused = running.until("a refusal", |status| !status.refused.is_empty());
    assert!(refused.refused[0].contains("rules/violence/test.toml:12"), "{:?}", refused.refused);
    assert_eq!(refused.rule_set, before);
    dovecot.deliver(AMBER, message("held", HELD).as_slice());
    until_cases(&warden, 1);
    eventually("the technician's notice", || {
        let letters = smtp.messages();
        letters.iter().any(|letter| String::from_utf8_lossy(letter).contains("rules-refused")).then_some(())
    });

    fs::write(&file, rule("violence", "otherword")).expect("a rule");
    running.signal(rustix::process::Signal::HUP);
    let mended = running.until("new rules", |status| status.rule_set != before);
    assert!(mended.refused.is_empty());
    dovecot.deliver(AMBER, message("held", "otherword").as_slice());
    until_cases(&warden, 2);
    assert!(running.stop().success());
}

#[test]
fn a_server_that_is_gone_is_named_and_nothing_is_lost_when_it_comes_back() {
    let (mut dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    let running = Running::start(&warden);
    dovecot.stop();
    running.until("a server out of reach", |status| {
        status
            .mailboxes
            .values()
            .any(|mailbox| mailbox.trouble.as_ref().is_some_and(|trouble| trouble.contains("no connection to localhost")))
    });
    dovecot.restart();
    dovecot.deliver(AMBER, message("help", CRY_FOR_HELP).as_slice());
    until_cases(&warden, 1);
    running.until("no trouble", |status| status.mailboxes.values().all(|mailbox| mailbox.trouble.is_none()));
    assert!(running.stop().success());
}

#[test]
fn a_message_of_60_mb_is_fetched_examined_and_sealed_without_passing_through_the_daemons_memory() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    let running = Running::start(&warden);
    let peak = || {
        let status = fs::read_to_string(format!("/proc/{}/status", running.pid().as_raw_nonzero())).expect("a process of ours");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a peak");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("kilobytes")
    };
    let before = peak();
    let mut letter = format!(
        "From: {SENDER}\r\nTo: {AMBER}\r\nSubject: held\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
         --b\r\n\r\n{HELD}\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    );
    let line = format!("{}\r\n", "A".repeat(76));
    letter.push_str(&line.repeat((60 << 20) / line.len()));
    letter.push_str("--b--\r\n");
    dovecot.deliver(AMBER, letter.as_bytes());
    until_cases(&warden, 1);
    eventually("the removal", || (warden.cases()[0].places[0].state == PlaceState::Removed).then_some(()));
    let grown = peak().saturating_sub(before);
    eprintln!("{grown} kB more at the peak, for {} octets", letter.len());
    assert!(grown < 15_000, "the peak has grown by {grown} kB for a message of {} octets", letter.len());
    assert!(running.stop().success());
}

#[test]
fn a_second_daemon_is_refused_before_it_sweeps_away_what_the_first_has_just_sealed() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    let running = Running::start(&warden);
    // As it lies there between its sealing and its record.
    let sealed = warden.vault().seal(|| &b"the only copy"[..], &[Audience::Dsl]).expect("a sealed message");
    let second = warden.once(None);
    let told = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(1), "{told}");
    assert!(told.contains("another mailwarden watches"), "{told}");
    assert_eq!(warden.unseal(sealed.object()).as_deref(), Some(&b"the only copy"[..]), "it was swept away");
    assert!(running.stop().success());
    warden.poll();
}

/// Two messages in the folder of an odd server.
const TWO: &[u8] = b"* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 3] x\r\nTAG OK done\r\n";

/// How its server describes a message.
fn described(uid: u32) -> String {
    format!("* {uid} FETCH (UID {uid} FLAGS () RFC822.SIZE 200 INTERNALDATE \"16-Nov-2026 10:00:00 +0000\")\r\n")
}

fn listed() -> Vec<u8> {
    format!("{}{}TAG OK done\r\n", described(1), described(2)).into_bytes()
}

fn fetched(messages: &[(u32, &str)]) -> Vec<u8> {
    let each = messages.iter().map(|(uid, text)| {
        let message = String::from_utf8(message("odd", text)).expect("made-up text");
        format!("* {uid} FETCH (UID {uid} BODY[] {{{}}}\r\n{message})\r\n", message.len())
    });
    format!("{}TAG OK done\r\n", each.collect::<String>()).into_bytes()
}

/// How far the INBOX of the odd server is judged.
fn judged(warden: &Warden) -> u32 {
    let mailbox = "odd@school.example".parse().expect("an address");
    warden.book().cursors(&mailbox).expect("cursors").first().map_or(0, |(_, cursor)| cursor.next)
}

/// Exchange, of a message that it cannot convert; and it refuses the whole command.
#[test]
fn a_message_that_its_server_refuses_to_hand_over_keeps_no_other_from_being_judged() {
    one_message_is_refused(b"TAG NO The message could not be converted\r\n");
}

#[test]
fn a_message_that_its_server_cannot_be_asked_for_keeps_no_other_from_being_judged() {
    one_message_is_refused(b"TAG BAD Internal error\r\n");
}

fn one_message_is_refused(refusal: &[u8]) {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    let odd = Odd::start(vec![
        ("EXAMINE", TWO.to_vec()),
        ("RFC822.SIZE", listed()),
        ("UID FETCH 2 (UID BODY", fetched(&[(2, FLAGGED)])),
        ("BODY.PEEK", refusal.to_vec()),
    ]);
    warden.also_watch("odd", odd.port, "password");
    let running = Running::start(&warden);
    until_cases(&warden, 2);
    eventually("the folder judged to its end", || (judged(&warden) == 3).then_some(()));
    let mut cases = warden.cases();
    cases.sort_by_key(|case| case.row.category);
    assert_eq!(cases.iter().map(|case| case.row.category).collect::<Vec<_>>(), [Category::Bullying, Category::Incomplete]);
    assert_eq!(cases[1].incomplete[0].reason, Reason::Unfetched);
    assert!(running.stop().success());
}

#[test]
fn a_folder_of_which_nothing_is_handed_over_waits_and_is_not_given_up_message_by_message() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    let odd = Odd::start(vec![("EXAMINE", TWO.to_vec()), ("RFC822.SIZE", listed()), ("BODY.PEEK", b"TAG NO [SERVERBUG] x\r\n".to_vec())]);
    warden.also_watch("odd", odd.port, "password");
    let running = Running::of(&warden, warden.start().expect("the program"));
    let failing = |status: &Status| status.mailboxes.values().find_map(|it| it.trouble.clone().zip(it.failing_since));
    let first = failing(&running.until("a trouble", |status| failing(status).is_some()));
    assert!(first.as_ref().is_some_and(|(trouble, _)| trouble.contains("`UID FETCH` was refused: [SERVERBUG]")), "{first:?}");
    // Each round asks for both at once and for each alone.
    eventually("three rounds", || (odd.given("BODY.PEEK") >= 9).then_some(()));
    assert_eq!(failing(&running.until("the board", |_| true)), first, "a round went well in between");
    assert_eq!((judged(&warden), warden.cases().len()), (1, 0));
    assert!(running.stop().success());
}

/// The server dies of the second of three messages.
fn dies_of_the_second() -> Odd {
    let three = described(1) + &described(2).replace("200", "300") + &described(3) + "TAG OK done\r\n";
    Odd::start(vec![
        ("EXAMINE", b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 4] x\r\nTAG OK done\r\n".to_vec()),
        ("STATUS", b"* STATUS \"INBOX\" (UIDVALIDITY 7 UIDNEXT 4 MESSAGES 3)\r\nTAG OK done\r\n".to_vec()),
        ("RFC822.SIZE", three.into_bytes()),
        ("UID FETCH 1 (UID BODY", fetched(&[(1, FLAGGED)])),
        ("UID FETCH 3 (UID BODY", fetched(&[(3, CRY_FOR_HELP)])),
        ("BODY.PEEK", HANG_UP.to_vec()),
    ])
}

#[test]
fn a_message_of_which_its_server_dies_is_passed_over_and_asked_for_again_later() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    let odd = dies_of_the_second();
    warden.also_watch("odd", odd.port, "password");
    let running = Running::of(&warden, warden.start().expect("the program"));
    within(AFTER_SOME_TRIES, "the folder judged to its end", || (judged(&warden) == 4).then_some(()));
    let categories = || warden.cases().iter().map(|case| case.row.category).collect::<Vec<_>>();
    assert_eq!(categories(), [Category::Bullying, Category::Incomplete, Category::Suicide]);
    assert_eq!(warden.cases()[1].incomplete[0].reason, Reason::Unanswered);
    running.until("a mailbox that is well", |status| status.mailboxes.values().all(|mailbox| mailbox.trouble.is_none()));

    odd.answer("BODY.PEEK", fetched(&[(2, &format!("{FLAGGED} again"))]));
    running.signal(rustix::process::Signal::HUP);
    eventually("the message judged after all", || (warden.cases()[1].places[0].state == PlaceState::Superseded).then_some(()));
    assert_eq!(categories(), [Category::Bullying, Category::Incomplete, Category::Suicide, Category::Bullying]);
    assert!(running.stop().success());
}

#[test]
fn while_a_server_hangs_up_on_every_message_none_of_them_is_to_blame() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    let odd = dies_of_the_second();
    for each in ["UID FETCH 1 (UID BODY", "UID FETCH 3 (UID BODY"] {
        odd.answer(each, HANG_UP.to_vec());
    }
    warden.also_watch("odd", odd.port, "password");
    let running = Running::of(&warden, warden.start().expect("the program"));
    let hung_up = || odd.given("UID FETCH 1 (UID BODY") + odd.given("UID FETCH 3 (UID BODY") + odd.given("BODY.PEEK");
    within(AFTER_SOME_TRIES, "five tries", || (hung_up() >= 5).then_some(()));
    assert_eq!((judged(&warden), warden.cases().len()), (1, 0));
    assert!(running.stop().success());
}

#[test]
fn a_message_that_cannot_be_removed_is_told_of_and_keeps_no_other_from_being_judged() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    // A mailbox in which the scanner may read and not delete.
    let odd = Odd::start(vec![
        ("EXAMINE", TWO.to_vec()),
        ("SELECT", TWO.to_vec()),
        ("RFC822.SIZE", listed()),
        ("BODY.PEEK", fetched(&[(1, HELD), (2, FLAGGED)])),
        ("UID STORE", b"TAG NO [NOPERM] no\r\n".to_vec()),
        ("UID FETCH 1 (UID FLAGS)", b"* 1 FETCH (UID 1 FLAGS ())\r\nTAG OK done\r\n".to_vec()),
    ]);
    warden.also_watch("odd", odd.port, "password");
    let running = Running::start(&warden);
    eventually("the folder judged to its end", || (judged(&warden) == 3).then_some(()));
    assert_eq!(
        warden.cases().iter().find_map(|case| Some(case.places[0].state).filter(|_| case.row.category == Category::Violence)),
        Some(PlaceState::Sealed)
    );
    eventually("the technician's notice", || {
        let letters = smtp.messages();
        letters.iter().any(|letter| String::from_utf8_lossy(letter).contains("mailbox-keeps-messages")).then_some(())
    });
    let case = warden.cases().into_iter().find(|case| case.row.category == Category::Violence).expect("the held message");
    warden.book().release(Timestamp::now(), &Actor::Member("Lead".to_owned()), case.row.id, "a lesson").expect("a decision");
    eventually("what is released stays where it is", || {
        warden.cases().iter().any(|case| case.places[0].state == PlaceState::Released).then_some(())
    });
    assert!(running.stop().success());
}

#[test]
fn a_message_that_arrives_while_another_is_held_is_judged_in_its_turn() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    let odd = Odd::start(vec![
        ("STATUS", b"* STATUS \"INBOX\" (UIDVALIDITY 7 UIDNEXT 3 MESSAGES 1)\r\nTAG OK done\r\n".to_vec()),
        // The folder is opened again to remove the first message, and by then the second is there.
        ("SELECT", TWO.to_vec()),
        ("UID FETCH 2:*", format!("{}TAG OK done\r\n", described(2)).into_bytes()),
        ("RFC822.SIZE", format!("{}TAG OK done\r\n", described(1)).into_bytes()),
        ("UID FETCH 2 (UID BODY", fetched(&[(2, FLAGGED)])),
        ("BODY.PEEK", fetched(&[(1, HELD)])),
    ]);
    warden.also_watch("odd", odd.port, "password");
    let running = Running::start(&warden);
    eventually("the folder judged to its end", || (judged(&warden) == 3).then_some(()));
    assert_eq!(odd.not_given(), [""; 0], "the second message was neither listed nor fetched");
    let mut categories: Vec<_> = warden.cases().iter().map(|case| case.row.category).collect();
    categories.sort();
    assert_eq!(categories, [Category::Bullying, Category::Violence]);
    assert!(running.stop().success());
}

#[test]
fn notices_that_stay_undelivered_are_a_trouble_until_they_are_delivered() {
    let dovecot = Dovecot::start();
    // Nothing listens there.
    let warden = Warden::telling(&dovecot, 1, &[AMBER]);
    let earlier = Timestamp::now().checked_sub(jiff::SignedDuration::from_mins(10)).expect("a moment");
    let notice = NewNotice { to: "technician@school.example".parse().expect("an address"), rank: 0, not_before: earlier };
    warden.book().record_system(earlier, Trouble::WorkersFail, None, &[notice]).expect("a trouble");
    let running = Running::start(&warden);
    let is_told = || warden.book().troubles().expect("troubles").iter().any(|episode| episode.trouble == Trouble::NoticeUndelivered);
    eventually("the trouble", || is_told().then_some(()));

    let in_an_hour = Timestamp::now().checked_add(jiff::SignedDuration::from_hours(1)).expect("a moment");
    for notice in warden.book().due(in_an_hour).expect("notices") {
        warden.book().delivered(Timestamp::now(), notice.id).expect("a notice");
    }
    eventually("its end", || (!is_told()).then_some(()));
    assert!(running.stop().success());
}

#[cfg(feature = "faults")]
#[test]
fn a_panic_ends_a_round_and_not_the_watch() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER, SENDER]);
    let mut command = warden.command("run");
    command.env("MAILWARDEN_PANIC_BEFORE", "remove.store").stderr(std::process::Stdio::piped());
    let running = Running::started(&warden, command.spawn().expect("the program"));
    dovecot.deliver(AMBER, message("held", HELD).as_slice());
    let panicked = |status: &Status| status.mailboxes.iter().any(|(_, it)| it.trouble.as_ref().is_some_and(|why| why.contains("panic")));
    let first = running.until("the panic on the board", panicked);
    running.until("another try", |status| status.written > first.written && panicked(status));
    dovecot.deliver(AMBER, message("help", CRY_FOR_HELP).as_slice());
    dovecot.deliver(SENDER, message("flagged", FLAGGED).as_slice());
    until_cases(&warden, 2);
    assert!(running.stop().success());
    // The same state, without the panic.
    warden.poll();
    assert_eq!(warden.cases().len(), 3);
    assert!(warden.cases().iter().flat_map(|case| &case.places).all(|place| place.state != PlaceState::Sealed));
}

#[cfg(feature = "faults")]
#[test]
fn what_is_sealed_and_cannot_be_recorded_does_not_pile_up_in_the_vault() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    warden.poll();
    dovecot.deliver(AMBER, message("held", HELD).as_slice());
    let mut command = warden.command("run");
    command.env("MAILWARDEN_PANIC_BEFORE", "record.commit").stderr(std::process::Stdio::piped());
    let running = Running::of(&warden, command.spawn().expect("the program"));
    let panicked = |status: &Status| status.mailboxes.values().any(|it| it.trouble.as_ref().is_some_and(|why| why.contains("panic")));
    let mut last = running.until("the panic on the board", panicked).written;
    for _ in 0..3 {
        last = running.until("another try", |status| status.written > last && panicked(status)).written;
    }
    drop(running);
    let left = warden.objects().len();
    assert!(left <= 3, "a message, its sheet and its text, when it was ended between the last of them and the row: {left}");
    warden.poll();
    assert_eq!((warden.cases().len(), warden.objects().len()), (1, 3));
}

#[test]
fn a_mailbox_that_moves_to_another_server_is_watched_there_after_a_reload() {
    let (old, new, smtp) = (Dovecot::start(), Dovecot::start(), Smtp::start());
    let warden = Warden::new(&old, &smtp, &[AMBER]);
    let running = Running::start(&warden);
    let config = fs::read_to_string(warden.config()).expect("a configuration");
    let moved = config
        .replace(&format!("port = {}", old.imaps), &format!("port = {}", new.imaps))
        .replace(&old.authority().display().to_string(), &new.authority().display().to_string());
    fs::write(warden.config(), moved).expect("a configuration");
    running.signal(rustix::process::Signal::HUP);
    new.deliver(AMBER, message("help", CRY_FOR_HELP).as_slice());
    until_cases(&warden, 1);
    assert!(running.stop().success());
}

#[test]
fn a_backlog_is_told_of_as_it_comes_on_and_no_more_when_it_is_done() {
    let (dovecot, smtp, server) = (Dovecot::start(), Smtp::start(), Folders::start(&[]));
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    warden.also_watch("full", server.port, "password");
    for number in 0..1_000 {
        server.deliver("INBOX", &message("clear", &format!("see you at lunch {number}")));
    }
    // The third of its batches comes when it has been looked at.
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    server.before("UID FETCH 401:600 (UID BODY", move |_| {
        let _ = wait.recv();
        None
    });
    let running = Running::of(&warden, warden.start().expect("the program"));
    let backlog = |status: &Status| status.mailboxes.values().find_map(|mailbox| mailbox.backlog.clone());
    let half_way = running.until("two batches judged", |status| backlog(status).is_some_and(|backlog| backlog.done == 400));
    let told = backlog(&half_way).expect("a backlog");
    assert_eq!((told.left, told.percent()), (600, 40));
    assert_eq!(told.folders.iter().map(|own| (&*own.folder.0, own.left)).collect::<Vec<_>>(), [("INBOX", 600)]);
    let status = String::from_utf8(warden.command("status").output().expect("the program").stdout).expect("text");
    assert!(status.contains("full@school.example: messages left, by folder: INBOX 600"), "{status}");
    drop(go_on);
    let done = running
        .until("all of it", |status| status.mailboxes.values().all(|mailbox| mailbox.last_poll.is_some()) && backlog(status).is_none());
    assert!(done.mailboxes.values().all(|mailbox| mailbox.oldest_unscanned.is_none()));
    assert!(running.stop().success());
}

#[test]
fn an_idle_that_hangs_in_silence_delays_nothing_beyond_the_interval_and_is_told_of() {
    let (dovecot, smtp, server) = (Dovecot::start(), Smtp::start(), Folders::start(&[]));
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    warden.configure("interval = \"1s\"\nidle = true\n");
    warden.also_watch("silent", server.port, "password");
    server.hang_in_idle();
    let running = Running::start(&warden);
    let begun = Instant::now();
    server.deliver("INBOX", &message("flagged", FLAGGED));
    until_cases(&warden, 1);
    assert!(begun.elapsed() < Duration::from_secs(20), "it waited for the end of an IDLE for {:?}", begun.elapsed());
    let silent = |status: &Status| status.mailboxes.values().any(|mailbox| mailbox.polled_only_until.is_some());
    let status = running.until("the silence on the board", silent);
    assert!(status.mailboxes.values().all(|mailbox| mailbox.trouble.is_none()), "it is polled, and that is enough");
    let told = warden.command("status").output().expect("the program");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("idle     1 mailboxes are only polled: "), "{told}");
    assert!(running.stop().success());
}

#[test]
fn a_mailbox_whose_inbox_is_left_out_is_polled_no_more_often_than_asked() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    warden.configure("interval = \"1h\"\nexcept_folders = [\"INBOX\"]\n");
    dovecot.deliver(AMBER, message("clear", "see you at lunch").as_slice());
    let running = Running::start(&warden);
    let last_poll = |status: &Status| status.mailboxes.values().next().and_then(|it| it.last_poll);
    let before = running.until("a poll", |status| last_poll(status).is_some());
    let after = running.until("the next sign of life", |status| status.written > before.written);
    assert_eq!(last_poll(&after), last_poll(&before));
    assert!(running.stop().success());
}
