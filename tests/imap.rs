//! The IMAP client against a real Dovecot.

mod support;

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use mailwarden::config::{Secret, Security};
use mailwarden::mail::{FolderName, Uid};
use mailwarden::watch::imap::{
    Folder, IdleEnd, ImapError, Limits, Listed, Login, Selected, Server, Session, SpecialUse, UidSet, trust_file, trust_system,
};
use support::dovecot::{Dovecot, MASTER, MASTER_PASSWORD, PASSWORD};

const USER: &str = "amber@school.example";

fn server(dovecot: &Dovecot, security: Security) -> Server {
    let port = if security == Security::Tls { dovecot.imaps } else { dovecot.imap };
    let tls = trust_file(&dovecot.authority()).expect("the authority of the test");
    Server { host: "localhost".to_owned(), port, security, tls, limits: Limits::default() }
}

fn login(user: &str) -> Login {
    Login::Password { user: user.to_owned(), password: Secret::new(PASSWORD.to_owned()) }
}

async fn session(dovecot: &Dovecot, user: &str) -> Session {
    let mut session = Session::connect(&server(dovecot, Security::Tls)).await.expect("a connection");
    session.login(&login(user)).await.expect("a login");
    session
}

async fn inbox(session: &mut Session) -> (Selected, Vec<Listed>) {
    let selected = session.select(&Folder::inbox()).await.expect("an INBOX");
    let listed = session.listing(&selected, &UidSet::from(1)).await.expect("a listing");
    (selected, listed)
}

fn message(subject: &str, octets: usize) -> Vec<u8> {
    let mut message = format!("From: heron@school.example\r\nTo: {USER}\r\nSubject: {subject}\r\n\r\n").into_bytes();
    while message.len() + 2 < octets {
        let line = (octets - message.len() - 2).min(76);
        message.extend(std::iter::repeat_n(b"nestling"[message.len() % 8], line));
        message.extend_from_slice(b"\r\n");
    }
    message
}

#[tokio::test]
async fn a_user_a_master_and_nobody_else_log_in_over_every_kind_of_connection() {
    let dovecot = Dovecot::start();
    for security in [Security::Plaintext, Security::StartTls, Security::Tls] {
        for who in [
            login(USER),
            Login::Master {
                user: USER.to_owned(),
                master: MASTER.to_owned(),
                separator: "*".to_owned(),
                password: Secret::new(MASTER_PASSWORD.to_owned()),
            },
        ] {
            let mut session = Session::connect(&server(&dovecot, security)).await.expect("a connection");
            session.login(&who).await.expect("a login");
            let can = session.capabilities();
            assert!(
                can.uidplus && can.idle && can.list_status && can.special_use && can.list_extended && can.literal_plus && can.condstore
            );
            session.noop().await.expect("a session");
            session.logout().await;
        }
        for password in ["wrong", "wr\u{f6}ng", ""] {
            let mut session = Session::connect(&server(&dovecot, security)).await.expect("a connection");
            let wrong = Login::Password { user: USER.to_owned(), password: Secret::new(password.to_owned()) };
            let error = session.login(&wrong).await.expect_err("a refusal");
            assert!(matches!(&error, ImapError::LoginRefused { .. }), "{error}");
        }
        let mut session = Session::connect(&server(&dovecot, security)).await.expect("a connection");
        let broken = Login::Password { user: USER.to_owned(), password: Secret::new("a\r\nb".to_owned()) };
        let error = session.login(&broken).await.expect_err("a refusal");
        assert!(matches!(error, ImapError::Unspeakable { command: "LOGIN" }), "{error}");
        session.login(&login(USER)).await.expect("nothing of it was sent");
    }
}

#[tokio::test]
async fn a_server_that_nobody_vouches_for_learns_no_password() {
    let dovecot = Dovecot::start();
    let other = Dovecot::start();
    for security in [Security::StartTls, Security::Tls] {
        let stranger = Server { tls: trust_file(&other.authority()).expect("another authority"), ..server(&dovecot, security) };
        let error = Session::connect(&stranger).await.err().expect("a refusal");
        assert!(matches!(&error, ImapError::Tls { why, .. } if why.contains("certificate")), "{error}");
    }
    let elsewhere = Server { host: "ip6-localhost.invalid".to_owned(), ..server(&dovecot, Security::Tls) };
    let error = Session::connect(&elsewhere).await.err().expect("a refusal");
    assert!(matches!(error, ImapError::Resolve { .. }), "{error}");
}

#[tokio::test]
async fn another_machine_is_never_spoken_to_without_tls() {
    let Ok(tls) = trust_system() else { panic!("this test needs certificates: apt-get install --no-install-recommends ca-certificates") };
    // An address of RFC 5737, for documentation: nobody is there, and nobody is asked.
    let server =
        Server { host: "192.0.2.1".to_owned(), port: 143, security: Security::Plaintext, tls: Arc::clone(&tls), limits: Limits::default() };
    let error = Session::connect(&server).await.err().expect("a refusal");
    assert!(matches!(error, ImapError::PlaintextRefused { .. }), "{error}");
}

#[tokio::test]
async fn folders_are_listed_by_the_names_that_people_gave_them() {
    let dovecot = Dovecot::start();
    dovecot.deliver(USER, &*message("one", 500));
    let mut session = session(&dovecot, USER).await;
    for name in ["Hausaufgaben/Gel\u{f6}scht", "\u{65e5}\u{672c}\u{8a9e} & \u{1f600}", "a \"quoted\" name", "back\\slash"] {
        let folder = Folder::named(&FolderName(name.to_owned()));
        // APPEND names the folder when it is missing; Dovecot makes none, so the folder is made by hand.
        make_folder(&dovecot, &folder).await;
    }
    let folders = session.list().await.expect("folders");
    let mut names: Vec<&str> = folders.iter().map(|folder| folder.name.0.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "Hausaufgaben",
            "Hausaufgaben/Gel\u{f6}scht",
            "INBOX",
            "Junk",
            "Sent",
            "a \"quoted\" name",
            "back\\slash",
            "\u{65e5}\u{672c}\u{8a9e} & \u{1f600}",
        ]
    );
    for folder in &folders {
        let special = match folder.name.0.as_str() {
            "Sent" => Some(SpecialUse::Sent),
            "Junk" => Some(SpecialUse::Junk),
            _ => None,
        };
        assert_eq!(folder.special_use, special, "{}", folder.name);
        assert_eq!(folder.selectable, folder.name.0 != "Hausaufgaben", "{}", folder.name);
        if folder.selectable {
            let selected = session.examine(folder).await.expect("a folder that can be opened");
            assert!(selected.read_only);
        }
    }
    let selectable: Vec<Folder> = folders.into_iter().filter(|folder| folder.selectable).collect();
    let together = session.status(&selectable).await.expect("the numbers");
    for (folder, status) in selectable.iter().zip(&together) {
        let status = status.as_ref().expect("numbers for every folder");
        let selected = session.examine(folder).await.expect("a folder");
        assert_eq!(status.uidvalidity, selected.uidvalidity);
        assert_eq!((status.messages, Some(status.uidnext)), (selected.exists, selected.uidnext), "{}", folder.name);
        let alone = session.status(std::slice::from_ref(folder)).await.expect("the numbers");
        assert_eq!(alone, [Some(*status)]);
    }
}

/// Creates a folder by the hand of another client.
async fn make_folder(dovecot: &Dovecot, folder: &Folder) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut tcp = tokio::net::TcpStream::connect(("127.0.0.1", dovecot.imap)).await.expect("a connection");
    let name = folder.raw.replace('\\', "\\\\").replace('"', "\\\"");
    let script = format!("a LOGIN {USER} \"{PASSWORD}\"\r\nb CREATE \"{name}\"\r\nc LOGOUT\r\n");
    tcp.write_all(script.as_bytes()).await.expect("a script");
    let mut said = String::new();
    tcp.read_to_string(&mut said).await.expect("answers");
    assert!(said.contains("b OK"), "{said}");
}

#[tokio::test]
async fn messages_are_fetched_octet_by_octet_and_stay_unseen() {
    let dovecot = Dovecot::start();
    let sent: Vec<Vec<u8>> = [1, 300, 5_000, 200_000].iter().map(|size| message(&format!("of {size}"), *size)).collect();
    for message in &sent {
        dovecot.deliver(USER, &**message);
    }
    let mut session = session(&dovecot, USER).await;
    let (selected, listed) = inbox(&mut session).await;
    assert_eq!(listed.iter().map(|one| one.arrival.size).collect::<Vec<_>>(), sent.iter().map(|one| one.len() as u64).collect::<Vec<_>>());
    let now = jiff::Timestamp::now().as_second();
    assert!(listed.iter().all(|one| (now - one.arrival.internal_date).abs() < 600 && one.arrival.flags.is_empty()), "{listed:?}");

    let absent = Listed { uid: Uid::new(4711).expect("a number"), arrival: listed[0].arrival.clone() };
    let wanted = [&listed[..], std::slice::from_ref(&absent)].concat();
    let mut fetch = session.fetch(&selected, &wanted).expect("a folder");
    let mut came = Vec::new();
    while let Some((uid, message)) = fetch.next().await.expect("a message") {
        let mut octets = Vec::new();
        message.reader().read_to_end(&mut octets).expect("octets");
        came.push((uid, octets));
    }
    assert_eq!((fetch.missing(), fetch.oversized()), (&[absent.uid][..], &[][..]));
    assert!(came == listed.iter().map(|one| one.uid).zip(sent).collect::<Vec<_>>(), "the octets are those that were delivered");

    session.logout().await;
    assert!(dovecot.files(USER).iter().all(|file| !file.to_string_lossy().ends_with('S')), "fetching has marked a message as seen");
}

#[tokio::test]
async fn a_message_far_larger_than_the_line_allows_is_told_and_comes_in_parts() {
    let dovecot = Dovecot::start();
    dovecot.deliver(USER, &*message("understated", 100_000));
    let mut server = server(&dovecot, Security::Tls);
    server.limits.frame.literal = 50_000;
    server.limits.part = 20_000;
    server.limits.large = 30_000;
    for (claimed, works) in [(10_000, false), (100_000, true)] {
        let mut session = Session::connect(&server).await.expect("a connection");
        session.login(&login(USER)).await.expect("a login");
        let (selected, mut listed) = inbox(&mut session).await;
        listed[0].arrival.size = claimed;
        let mut fetch = session.fetch(&selected, &listed).expect("a folder");
        match fetch.next().await {
            Ok(Some((_, message))) => assert!(works && message.size() == 100_000),
            Err(ImapError::LiteralTooLarge { uid, octets: 100_000, limit: 50_000, .. }) => assert!(!works && uid == Some(listed[0].uid)),
            _ => panic!("neither"),
        }
    }
}

#[tokio::test]
async fn removing_one_message_leaves_another_that_is_marked_as_deleted() {
    let dovecot = Dovecot::start();
    for subject in ["one", "two", "three"] {
        dovecot.deliver(USER, &*message(subject, 300));
    }
    let mut other = session(&dovecot, USER).await;
    let (others, listed) = inbox(&mut other).await;
    other.store_deleted(&others, listed[0].uid).await.expect("a mark by another client");

    let mut session = session(&dovecot, USER).await;
    let (selected, listed) = inbox(&mut session).await;
    let target = listed[1].uid;
    assert!(!session.is_gone(&selected, target).await.expect("an answer"));
    for _ in 0..2 {
        // Every step may be repeated.
        session.store_deleted(&selected, target).await.expect("a mark");
        session.expunge(&selected, target).await.expect("its end");
        assert!(session.is_gone(&selected, target).await.expect("an answer"));
    }
    let left = session.listing(&selected, &UidSet::from(1)).await.expect("a listing");
    assert_eq!(left.iter().map(|one| one.uid).collect::<Vec<_>>(), [listed[0].uid, listed[2].uid]);
    assert!(left[0].arrival.has_flag("\\Deleted"));

    let sent = session.examine(&Folder::named(&FolderName("Sent".to_owned()))).await.expect("another folder");
    let error = session.store_deleted(&selected, listed[2].uid).await.expect_err("a refusal");
    assert!(matches!(error, ImapError::NotSelected { .. }), "{error}");
    let error = session.store_deleted(&sent, listed[2].uid).await.expect_err("a refusal");
    assert!(matches!(error, ImapError::No { .. }), "{error}");
}

#[tokio::test]
async fn without_uidplus_no_message_is_touched() {
    let dovecot = Dovecot::start_with("protocol imap {\n  imap_capability = IMAP4rev1\n}");
    dovecot.deliver(USER, &*message("one", 300));
    dovecot.deliver(USER, &*message("two", 300));
    let mut session = session(&dovecot, USER).await;
    let (selected, listed) = inbox(&mut session).await;
    let error = session.store_deleted(&selected, listed[0].uid).await.expect_err("a refusal");
    assert!(matches!(error, ImapError::Unsupported { capability: "UIDPLUS", .. }), "{error}");
    let error = session.idle(&selected, std::future::ready(())).await.expect_err("a refusal");
    assert!(matches!(error, ImapError::Unsupported { capability: "IDLE", .. }), "{error}");
    let (_, listed) = inbox(&mut session).await;
    assert!(listed.iter().all(|one| one.arrival.flags.is_empty()), "{listed:?}");
    let folders = session.list().await.expect("folders");
    let numbers = session.status(&folders).await.expect("numbers, each by its own command");
    assert!(numbers.len() == 3 && numbers.iter().all(Option::is_some), "{numbers:?}");
}

#[tokio::test]
async fn a_message_is_put_back_as_it_was() {
    let dovecot = Dovecot::start();
    let octets = message("back again", 200_000);
    let mut session = session(&dovecot, USER).await;
    let flags = ["\\Seen", "$Forwarded", "\\Recent"].map(str::to_owned);
    let place = session.append(&Folder::inbox(), &flags, 1_000_000_000, octets.len() as u64, &octets[..]).await.expect("room");
    let place = place.expect("APPENDUID");
    let (selected, listed) = inbox(&mut session).await;
    assert_eq!((selected.uidvalidity, listed[0].uid), (place.uidvalidity, place.uid));
    let arrival = &listed[0].arrival;
    assert_eq!((arrival.internal_date, arrival.size), (1_000_000_000, octets.len() as u64));
    assert!(arrival.flags.len() == 2 && arrival.has_flag("\\seen") && arrival.forwarded(), "{:?}", arrival.flags);
    let mut fetch = session.fetch(&selected, &listed).expect("a folder");
    let (_, message) = fetch.next().await.expect("no failure").expect("a message");
    assert!(message.digest() == mailwarden::wire::Message::from_octets(&octets).expect("memory").digest());
    drop(fetch);
    assert!(!session.is_in_step(), "a fetch that was not taken to its end");
    let error = session.noop().await.expect_err("a refusal");
    assert!(matches!(error, ImapError::OutOfStep { command: "NOOP" }), "{error}");
}

#[tokio::test]
async fn idle_ends_when_mail_comes_or_when_it_is_told_to() {
    let dovecot = Dovecot::start_with("imap_idle_notify_interval = 1 sec\n");
    let mut session = session(&dovecot, USER).await;
    let (selected, _) = inbox(&mut session).await;
    let end = session.idle(&selected, tokio::time::sleep(Duration::from_millis(10))).await.expect("an end");
    assert_eq!(end, IdleEnd::Deadline);
    let arrives = async {
        dovecot.deliver(USER, &*message("news", 300));
        std::future::pending::<()>().await;
    };
    let end = session.idle(&selected, arrives).await.expect("an end");
    assert_eq!(end, IdleEnd::News);
    session.noop().await.expect("a session that goes on");
}
