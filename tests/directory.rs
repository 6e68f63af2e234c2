//! Who has a mailbox, as a real directory says it: asked in full, followed at every reload, and not believed when it falls silent.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Output};
use std::time::{Duration, Instant};

use mailwarden::casebook::Trouble;
use mailwarden::config::Config;
use mailwarden::journal::Event;
use mailwarden::watch::{Board, Status};
use rustix::process::{Pid, Signal, kill_process};
use support::dovecot::{Dovecot, PASSWORD as MAIL_PASSWORD};
use support::free_port;
use support::school::{School, err, out};
use support::slapd::{PASSWORD, READER, Slapd, WITHOUT_PAGES};
use support::smtp::Smtp;
use support::warden::{FLAGGED, Warden, message};

const SOON: Duration = Duration::from_mins(1);
const PUPILS: &str = "[[directory.people]]\nrole = \"pupil\"\nbase = \"ou=Pupils,dc=school,dc=example\"\nfilter = \"(objectClass=inetOrgPerson)\"\ngroup_by = \"departmentnumber\"\n";
const STAFF: &str = "[[directory.people]]\nrole = \"staff\"\nbase = \"ou=Staff,dc=school,dc=example\"\nfilter = \"(objectClass=inetOrgPerson)\"\ngroup = \"teachers\"\n";

/// How a directory is asked.
struct Asking<'a> {
    port: u16,
    security: &'a str,
    user: &'a str,
    password: &'a str,
    further: &'a str,
}

impl Asking<'_> {
    fn of(slapd: &Slapd) -> Self {
        Self { port: slapd.ldap, security: "plaintext", user: READER, password: PASSWORD, further: "" }
    }

    /// An installation without a mail server, whose mailboxes are those that these searches find.
    fn school(&self, searches: &str) -> School {
        let school = School::new();
        let at = school.path();
        fs::create_dir(at.join("state")).expect("a state");
        let password = at.join("directory-password");
        fs::write(&password, self.password).expect("a password");
        fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).expect("a private file");
        let text = fs::read_to_string(at.join("mailwarden.toml")).expect("a configuration");
        let text = text.replace("[\"willowbrook.example\"]", "[\"willowbrook.example\", \"school.example\"]");
        let Asking { port, security, user, further, .. } = self;
        let directory = format!(
            "[directory]\nhost = \"localhost\"\nport = {port}\nsecurity = \"{security}\"\nuser = \"{user}\"\npassword_file = \"directory-password\"\n{further}\n"
        );
        fs::write(at.join("mailwarden.toml"), format!("{text}\n{directory}\n{searches}")).expect("a configuration");
        school
    }
}

fn refresh(school: &School, option: &[&str]) -> Output {
    school.run_here(&[&["mailboxes", "refresh"], option].concat())
}

/// What is watched besides `amber@willowbrook.example`: address, group and role.
fn watched(school: &School) -> Vec<String> {
    let config = Config::load(&school.path().join("mailwarden.toml")).expect("a configuration");
    assert!(config.faults.is_empty(), "{:?}", config.faults);
    let told = config.mailboxes.iter().map(|own| format!("{} {} {}", own.mailbox.address, own.mailbox.group, own.mailbox.role));
    told.filter(|line| !line.starts_with("amber@")).collect()
}

#[test]
fn a_whole_school_is_found_page_by_page_with_groups_and_roles() {
    let slapd = Slapd::start_with(&[("year-7", 700), ("year-8", 501)]);
    slapd.add_staff("heron");
    slapd.add_staff("finch");
    slapd.make_group("leadership", &["finch"]);
    let leaders = "[[directory.people]]\nrole = \"governor\"\nbase = \"dc=school,dc=example\"\nfilter = \"(memberOf=cn=leadership,ou=Groups,dc=school,dc=example)\"\n";
    let school = Asking { further: "login = \"uid\"", ..Asking::of(&slapd) }.school(&format!("{leaders}{PUPILS}{STAFF}"));
    let checked = school.run_here(&["check"]);
    assert!(out(&checked).contains(" who has a mailbox, as it said last; "), "{}{}", out(&checked), err(&checked));
    let done = refresh(&school, &[]);
    assert!(done.status.success(), "{}", err(&done));
    let told = out(&done);
    for line in
        ["1\tgovernor\t1\t0\t1\t", "2\tpupil\t1201\t0\t1201\t", "3\tstaff\t2\t0\t1\t", "1203 join, 0 leave, 0 change, 0 stay as they are"]
    {
        assert!(told.contains(line), "{line}\n{}", &told[..told.len().min(500)]);
    }
    let watched = watched(&school);
    assert_eq!(watched.len(), 1203);
    let count = |end: &str| watched.iter().filter(|line| line.ends_with(end)).count();
    assert_eq!((count(" year-7 pupil"), count(" year-8 pupil")), (700, 501));
    assert_eq!((count("heron@school.example teachers staff"), count("finch@school.example governor governor")), (1, 1));
    let list = fs::read_to_string(school.path().join("state/directory.csv")).expect("a list");
    assert!(list.contains("p1@school.example,year-7,pupil,,u1") || list.contains("p1@school.example,year-7,pupil,u1"), "{}", &list[..200]);
    let again = out(&refresh(&school, &[]));
    assert!(again.contains("0 join, 0 leave, 0 change, 1203 stay as they are") && !again.contains("is written"), "{again}");
}

#[test]
fn what_the_configuration_says_itself_goes_before_what_the_directory_says() {
    let slapd = Slapd::start_with(&[("year-7", 3)]);
    let school = Asking::of(&slapd).school(PUPILS);
    fs::write(school.path().join("mailboxes.csv"), "address,group,role\np2@school.example,prefects,safeguarding\n").expect("a list");
    let config = school.path().join("mailwarden.toml");
    let text = fs::read_to_string(&config).expect("a configuration");
    fs::write(&config, format!("{text}\n[mailboxes]\nfile = \"mailboxes.csv\"\n")).expect("a configuration");
    assert!(refresh(&school, &[]).status.success());
    assert_eq!(
        watched(&school),
        ["p2@school.example prefects safeguarding", "p1@school.example year-7 pupil", "p3@school.example year-7 pupil"]
    );
}

#[test]
fn an_address_that_is_not_the_schools_is_named_and_keeps_nobody_else_out() {
    let slapd = Slapd::start_with(&[("year-7", 2)]);
    let school = Asking::of(&slapd).school(PUPILS);
    let config = school.path().join("mailwarden.toml");
    slapd.add_staff("heron");
    let text = fs::read_to_string(&config).expect("a configuration");
    let at_home = text.replace("\"willowbrook.example\", \"school.example\"", "\"willowbrook.example\"");
    fs::write(&config, at_home).expect("a configuration");
    let done = refresh(&school, &["--dry-run"]);
    assert_eq!(done.status.code(), Some(78));
    let said = err(&done);
    assert!(said.contains("`cn=p1,ou=Pupils,dc=school,dc=example` of the directory is not watched"), "{said}");
    assert!(said.contains("`school.example` is not one of the school's domains"), "{said}");
    assert!(!school.path().join("state/directory.csv").exists());
}

#[test]
fn an_answer_by_which_many_would_leave_is_kept_only_when_somebody_says_so_and_an_empty_one_never() {
    let slapd = Slapd::start_with(&[("year-7", 40), ("year-8", 20)]);
    let school = Asking::of(&slapd).school(PUPILS);
    assert!(refresh(&school, &[]).status.success());
    let config = school.path().join("mailwarden.toml");
    let text = fs::read_to_string(&config).expect("a configuration");
    let only = |filter: &str| fs::write(&config, text.replace("(objectClass=inetOrgPerson)", filter)).expect("a configuration");

    only("(departmentNumber=year-7)");
    let refused = refresh(&school, &[]);
    assert_eq!(refused.status.code(), Some(1));
    let said = err(&refused);
    assert!(said.contains("20 of 60 mailboxes of `pupil` would be watched no more") && said.contains("--yes"), "{said}");
    assert_eq!(watched(&school).len(), 60, "the old list stays");
    assert!(refresh(&school, &["--yes"]).status.success());
    assert_eq!(watched(&school).len(), 40);

    only("(departmentNumber=year-9)");
    let refused = refresh(&school, &["--yes"]);
    assert!(err(&refused).contains("the directory names no mailbox at all"), "{}", err(&refused));
    assert_eq!(watched(&school).len(), 40, "the old list stays");
}

#[test]
fn the_way_to_the_directory_is_protected_and_each_thing_that_is_wrong_with_it_is_named() {
    let slapd = Slapd::start_with(&[("year-7", 700)]);
    let authority = format!("ca_file = \"{}\"", slapd.authority().display());
    let said = |asking: &Asking<'_>| {
        let done = refresh(&asking.school(PUPILS), &["--dry-run"]);
        (done.status.code(), if done.status.success() { out(&done) } else { err(&done) })
    };
    let by = |security, port, further| Asking { port, security, further, ..Asking::of(&slapd) };
    for asking in [by("starttls", slapd.ldap, &*authority), by("tls", slapd.ldaps, &*authority)] {
        let (code, told) = said(&asking);
        assert!(code == Some(0) && told.contains("700 join"), "{}: {told}", asking.security);
    }
    for (asking, why) in [
        (by("starttls", slapd.ldap, ""), "no TLS with localhost: invalid peer certificate: UnknownIssuer"),
        (by("tls", slapd.ldaps, ""), "no TLS with localhost: invalid peer certificate: UnknownIssuer"),
        (by("tls", slapd.ldap, &*authority), "localhost"),
        (by("plaintext", free_port(), ""), "connection refused"),
        (Asking { password: "wrong", ..Asking::of(&slapd) }, "the sign-in is refused: the name or the password is wrong"),
        (
            Asking { user: "cn=nobody,dc=school,dc=example", ..Asking::of(&slapd) },
            "the sign-in is refused: the name or the password is wrong",
        ),
        (Asking { user: "nobody", ..Asking::of(&slapd) }, "the sign-in is refused: the name is not that of an entry"),
        (Asking { user: WITHOUT_PAGES, ..Asking::of(&slapd) }, "is not whole: "),
    ] {
        let (code, told) = said(&asking);
        assert!(code == Some(1) && told.contains(why) && told.contains("hint:"), "{why}: {code:?} {told}");
    }
    let base = PUPILS.replace("ou=Pupils", "ou=Pupil");
    let done = refresh(&Asking::of(&slapd).school(&base), &[]);
    assert!(err(&done).contains("below `ou=Pupil,dc=school,dc=example` is refused: there is no such entry"), "{}", err(&done));
}

#[test]
fn whatever_else_answers_in_the_place_of_a_directory_is_refused_and_takes_no_memory() {
    let deep: Vec<u8> = (0..200_000_u32).rev().flat_map(|depth| [&[0x30, 0x84][..], &(depth * 6).to_be_bytes()].concat()).collect();
    let endless = [&[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff][..], &vec![0; 1 << 16]].concat();
    // A message whose number is none, and whose operation is missing: the client of LDAP panics.
    let odd = [0x30, 0x02, 0x04, 0x00];
    for (answer, why) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "it is not LDAP"),
        (&deep, "it is not LDAP"),
        (&endless, "it is not LDAP"),
        (&odd, "it answers what cannot be read"),
        (b"", "the connection was lost"),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let answer = answer.to_vec();
        let playing = std::thread::spawn(move || {
            let (mut tcp, _) = listener.accept().expect("a connection");
            let mut asked = [0; 256];
            let _ = tcp.read(&mut asked);
            let _ = tcp.write_all(&answer);
        });
        let asking = Asking { port, security: "plaintext", user: READER, password: PASSWORD, further: "" };
        let done = refresh(&asking.school(PUPILS), &[]);
        playing.join().expect("the part is played");
        let said = err(&done);
        assert!(
            done.status.code() == Some(1) && said.contains(why) && said.contains("the old list of the directory stays"),
            "{why}: {said}"
        );
    }
}

/// A daemon that is ended with the test.
struct Running(Child);

impl Running {
    fn reload(&self) {
        kill_process(Pid::from_child(&self.0), Signal::HUP).expect("a process of ours");
    }

    fn stop(mut self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).expect("a process of ours");
        self.0.wait().expect("its end");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What the board says as soon as it says what is wanted: a file has no event to wait for.
fn until(warden: &Warden, what: &str, wanted: impl Fn(&Status) -> bool) {
    let deadline = Instant::now() + SOON;
    while !Board::read(warden.state()).is_ok_and(|status| wanted(&status)) {
        assert!(Instant::now() < deadline, "not within {SOON:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn is_watched(status: &Status, name: &str) -> bool {
    let mailbox = status.mailboxes.get(&format!("{name}@school.example").parse().expect("an address"));
    mailbox.is_some_and(|mailbox| mailbox.last_poll.is_some())
}

#[test]
fn joiners_and_leavers_are_picked_up_and_a_directory_that_is_down_takes_nobody_out_of_sight() {
    let (dovecot, smtp, mut slapd) = (Dovecot::start(), Smtp::start(), Slapd::start());
    let names: Vec<String> = (1..=12).map(|number| format!("teacher{number}")).collect();
    for name in &names {
        slapd.add_staff(name);
    }
    let warden = Warden::new(&dovecot, &smtp, &["amber@school.example"]);
    let private = |name: &str, content: &str| {
        fs::write(warden.path().join(name), content).expect("a file");
        fs::set_permissions(warden.path().join(name), fs::Permissions::from_mode(0o600)).expect("a private file");
    };
    private("directory-password", PASSWORD);
    private("master", support::dovecot::MASTER_PASSWORD);
    assert_ne!(MAIL_PASSWORD, support::dovecot::MASTER_PASSWORD);
    let text = fs::read_to_string(warden.config()).expect("a configuration");
    let text = text.split("\n[[mailbox]]").next().unwrap_or_default();
    let master = format!("name = \"main\"\nmaster_user = \"{}\"\npassword_file = \"master\"\n", support::dovecot::MASTER);
    let text = text.replacen("name = \"main\"\n", &master, 1);
    let directory = format!(
        "[directory]\nhost = \"localhost\"\nport = {}\nca_file = \"{}\"\nuser = \"{READER}\"\npassword_file = \"directory-password\"\n",
        slapd.ldaps,
        slapd.authority().display()
    );
    fs::write(warden.config(), format!("{text}\n{directory}\n{STAFF}")).expect("a configuration");

    // Without a list and without a directory there is nothing to watch.
    slapd.stop();
    let alone = warden.command("run").output().expect("the program");
    let said = err(&alone);
    assert!(alone.status.code() == Some(1) && said.contains("no mailbox is watched") && said.contains("connection refused"), "{said}");
    slapd.restart();
    let daemon = Running(warden.command("run").spawn().expect("the program"));
    until(&warden, "all are watched", |status| names.iter().all(|name| is_watched(status, name)));

    slapd.add_staff("wren");
    slapd.remove_staff(&["teacher12"]);
    dovecot.deliver("wren@school.example", &message("flagged", FLAGGED)[..]);
    daemon.reload();
    until(&warden, "wren joined and one left", |status| is_watched(status, "wren") && !is_watched(status, "teacher12"));
    assert_eq!(warden.cases().len(), 1, "the mail of who joined is judged");
    let journal = warden.book().journal(1, 1_000).expect("the journal");
    assert!(journal.iter().any(|entry| entry.event == Event::MailboxesChanged { joined: 1, left: 1 }));

    // Eleven of twelve gone: more likely an answer that was cut short.
    let most: Vec<&str> = names[..11].iter().map(String::as_str).collect();
    slapd.remove_staff(&most);
    daemon.reload();
    let told = |status: &Status, words: &str| status.troubles.get("directory").is_some_and(|told| told.contains(words));
    until(&warden, "the doubt is told of", |status| told(status, "11 of 12 mailboxes of `staff` would be watched no more"));
    let lasting =
        || warden.book().troubles().expect("troubles").into_iter().any(|episode| episode.trouble == Trouble::DirectoryNotFollowed);
    assert!(lasting() && Board::read(warden.state()).expect("a board").mailboxes.len() == 12);

    slapd.stop();
    daemon.reload();
    until(&warden, "the silence is told of", |status| told(status, "connection refused"));
    daemon.stop();
    let daemon = Running(warden.command("run").spawn().expect("the program"));
    until(&warden, "the list of old is watched after a restart", |status| is_watched(status, "wren") && told(status, "connection refused"));
    assert_eq!(Board::read(warden.state()).expect("a board").mailboxes.len(), 12);
    let status = warden.command("status").output().expect("the program");
    assert!(status.status.code() == Some(1) && out(&status).contains("directory-not-followed"), "{}", out(&status));
    let doctor = out(&warden.command("doctor").output().expect("the program"));
    assert!(doctor.contains("directory"), "{doctor}");

    slapd.restart();
    assert!(warden.command("mailboxes refresh --yes").output().expect("the program").status.success());
    daemon.reload();
    until(&warden, "one is left, and all is well", |status| status.mailboxes.len() == 1 && !status.troubles.contains_key("directory"));
    assert!(is_watched(&Board::read(warden.state()).expect("a board"), "wren") && !lasting());
    let doctor = out(&warden.command("doctor").output().expect("the program"));
    assert!(doctor.contains("names 1 mailboxes"), "{doctor}");
}
