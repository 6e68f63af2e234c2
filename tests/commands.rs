//! The commands that look: status, cases, open and the journal, over records that no mail server was needed for.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use jiff::Timestamp;
use mailwarden::case::{BodyText, Codename, Envelope, Passage, PlaceState, Sheet, Text};
use mailwarden::casebook::{Casebook, Ends, Judged, Learnt, New, NewNotice, Outcome, Party, Progress, Trouble};
use mailwarden::finding::{Action, Audience, Category, Concern, Field, Finding, Incomplete, Kind, Level, Location, Reason, RuleVersion};
use mailwarden::journal::{Actor, Event, InstanceKey};
use mailwarden::mail::{Address, Arrival, Cursor, FolderName, Place, Role, Uid, UidValidity};
use mailwarden::vault::Vault;
use mailwarden::watch::{Backlog, FolderLeft, MailboxStatus, Status};
use mailwarden::wire::RuleSet;
use support::school::{School, err, out};

const AMBER: &str = "amber@willowbrook.example";
const REASON: &str = "CANARY: her tutor asked";

/// 2026-03-02 09:15 in London, and so many minutes later.
fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_772_442_900 + 60 * minutes).expect("a moment")
}

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

/// A school with its keys and one held case.
struct Desk {
    school: School,
    book: Casebook,
    codename: Codename,
}

impl Desk {
    fn new() -> Self {
        let school = School::new();
        assert_eq!(school.init().status.code(), Some(0));
        let state = school.path().join("state");
        let key = InstanceKey::read(&state.join("instance.key")).expect("an instance key");
        let book = Casebook::open(&state.join("casebook.db"), key).expect("a casebook");
        let vault = Vault::open(&state.join("vault")).expect("a vault");
        let codename = record(&book, &vault, 1, Some(sheet()), Some(text()));
        Self { school, book, codename }
    }

    /// A command about the case.
    fn on_case(&self, arguments: &[&str]) -> std::process::Output {
        let arguments: Vec<_> = arguments.iter().map(|word| if *word == "CASE" { self.codename.as_str() } else { word }).collect();
        self.school.run_here(&arguments)
    }

    fn state(&self) -> std::path::PathBuf {
        self.school.path().join("state")
    }

    /// The notices that are still due.
    fn send_notices(&self) {
        for notice in self.book.due(Timestamp::now()).expect("notices") {
            self.book.delivered(at(121), notice.id).expect("a notice");
        }
    }

    /// A daemon that wrote its board just now; `change` makes it another.
    fn board(&self, change: impl FnOnce(&mut Status)) {
        let amber = MailboxStatus {
            group: "year-7".to_owned(),
            role: Role::Pupil,
            folders: 4,
            last_poll: Some(at(20)),
            oldest_unscanned: None,
            failing_since: None,
            trouble: None,
            polled_only_until: None,
            backlog: None,
        };
        let mut status = Status {
            pid: std::process::id(),
            started: at(0),
            written: Timestamp::now(),
            rule_set: RuleSet { id: "0123456789abcdef".to_owned(), rules: 120, terms: 3_400, list_entries: 2, examples: 480 },
            cage: "seccomp, landlock ABI 4".to_owned(),
            refused: Vec::new(),
            troubles: BTreeMap::new(),
            servers: BTreeMap::new(),
            mailboxes: BTreeMap::from([(address(AMBER), amber)]),
        };
        change(&mut status);
        fs::write(self.state().join("status.json"), serde_json::to_vec(&status).expect("JSON")).expect("a status file");
    }

    /// What a command says, against the file of that name: what differs from run to run has a name in it.
    fn assert_golden(&self, golden: &str, arguments: &[&str]) {
        let output = self.on_case(arguments);
        let object = self.book.case(&self.codename).expect("a casebook").expect("the case").places[0]
            .object
            .expect("a sealed message")
            .object
            .to_string();
        let process = format!("process {}", std::process::id());
        let changing = [(self.codename.as_str(), "CODENAME"), (&object, "OBJECT"), (&process, "process PID")];
        let said = changing.iter().fold(out(&output), |said, (changes, name)| said.replace(changes, name));
        let path = format!("tests/commands/{golden}.txt");
        if std::env::var_os("MAILWARDEN_BLESS").is_some() {
            fs::write(&path, &said).expect("a golden file");
        }
        assert_eq!(said, fs::read_to_string(&path).expect("a golden file"), "{path}, {}", err(&output));
    }
}

fn sheet() -> Sheet {
    let location = Location { part: "1".to_owned(), field: Field::Body, place: None };
    Sheet {
        envelope: Some(Envelope {
            from: vec!["Canary Sender <canary-sender@willowbrook.example>".to_owned()],
            to: vec!["canary-recipient@willowbrook.example".to_owned()],
            cc: Vec::new(),
            subject: "canary-subject".to_owned(),
            date: "Mon, 2 Mar 2026 08:15:00 +0000".to_owned(),
        }),
        bodies: Vec::new(),
        attachments: Vec::new(),
        passages: vec![Passage {
            rule: "violence.test".parse().expect("a rule"),
            title: "Canary words of a test".to_owned(),
            kind: Kind::Text,
            location,
            before: "canary-before".to_owned(),
            matched: "canary-match".to_owned(),
            after: "canary-after".to_owned(),
            distance: None,
        }],
    }
}

fn text() -> Text {
    let location = Location { part: "1".to_owned(), field: Field::Body, place: None };
    Text { bodies: vec![BodyText { location, text: "canary-body".to_owned(), shortened: false }] }
}

/// A case about a message that was seen and forwarded within an hour, and then held.
fn record(book: &Casebook, vault: &Vault, content: u8, sheet: Option<Sheet>, text: Option<Text>) -> Codename {
    let category = Category::Violence;
    let finding = Finding {
        rule: "violence.test".parse().expect("a rule"),
        version: RuleVersion([3; 8]),
        category,
        level: None,
        score: 80,
        kind: Kind::Text,
        location: Location { part: "1".to_owned(), field: Field::Body, place: None },
        reach: Arc::default(),
    };
    let concern = Concern {
        category,
        level: Level::Day,
        action: Action::Hold,
        categories: vec![category],
        findings: vec![finding],
        incomplete: vec![Incomplete { part: "2".to_owned(), reason: Reason::EncryptedArchive }],
    };
    let seal = |octets: Vec<u8>| vault.seal(|| octets.as_slice(), &[Audience::Dsl]).expect("a sealed object");
    let sheet = sheet.map(|sheet| seal(serde_json::to_vec(&sheet).expect("JSON")));
    let text = text.map(|text| seal(serde_json::to_vec(&text).expect("JSON")));
    let message = vault.seal(|| &b"Subject: canary-subject\r\n\r\ncanary-body\r\n"[..], &[Audience::Dsl]).expect("a sealed message");
    let place = Place {
        mailbox: address(AMBER),
        folder: FolderName("INBOX".to_owned()),
        uidvalidity: UidValidity(9),
        uid: Uid::new(7).expect("a number"),
    };
    let new = New {
        content: book.key_content(&[content; 32], &[2; 32]),
        message: book.key_message(&[3; 32]),
        place: &place,
        arrival: &Arrival { flags: vec!["\\Seen".to_owned(), "$Forwarded".to_owned()], internal_date: at(-60).as_second(), size: 38 },
        found_at: at(0),
        concern: &concern,
        level: Level::SameDay,
        parties: &[
            (book.key_address(&address("canary-sender@willowbrook.example")), Party::Sender),
            (book.key_address(&address("canary-recipient@willowbrook.example")), Party::Recipient),
        ],
        thread: &[],
        ends: &Ends { sender: "pupil".to_owned(), recipients: vec!["pupil".to_owned()] },
        audiences: &[Audience::Dsl],
        sheet: sheet.as_ref(),
        text: text.as_ref(),
        message_object: Some(&message),
        rule_set: "0123456789abcdef",
        notices: &[
            NewNotice { to: address("dsl@willowbrook.example"), rank: 0, not_before: at(0) },
            NewNotice { to: address("dsl@willowbrook.example"), rank: 1, not_before: at(120) },
        ],
        backscan: false,
    };
    let recorded = book.record(&new).expect("a case");
    book.settle(at(1), &Actor::Program, recorded.place, PlaceState::Removed).expect("a place");
    for notice in book.due(at(1)).expect("notices") {
        book.delivered(at(1), notice.id).expect("a notice");
    }
    recorded.codename
}

fn seen(book: &Casebook, mailbox: &str, outcomes: &[Outcome]) {
    let judged = outcomes
        .iter()
        .map(|outcome| Judged { uid: Uid::new(1).expect("a number"), message: None, outcome: *outcome, unread: None })
        .collect();
    let cursor = Cursor { uidvalidity: UidValidity(9), next: 8, history: 1 };
    let progress =
        Progress { mailbox: address(mailbox), folder: FolderName("INBOX".to_owned()), cursor, judged, learnt: Learnt::default() };
    book.progress(Timestamp::now(), &[progress]).expect("a cursor");
}

#[test]
fn a_case_is_told_in_its_facts() {
    let desk = Desk::new();
    desk.assert_golden("cases-list", &["cases", "list"]);
    desk.assert_golden("cases-list-json", &["cases", "list", "--json"]);
    desk.assert_golden("cases-show", &["cases", "show", "CASE"]);
    desk.assert_golden("journal-show", &["journal", "show", "--last", "4"]);
}

#[test]
fn all_is_well_when_the_daemon_runs_and_nothing_fails() {
    let desk = Desk::new();
    desk.board(|_| ());
    desk.send_notices();
    seen(&desk.book, AMBER, &[Outcome::Clear, Outcome::Held, Outcome::Incomplete, Outcome::Known]);
    desk.assert_golden("status", &["status"]);
    assert_eq!(desk.school.run_here(&["status"]).status.code(), Some(0));
    let told: serde_json::Value = serde_json::from_slice(&desk.school.run_here(&["status", "--json"]).stdout).unwrap();
    assert_eq!((&told["well"], &told["running"]), (&true.into(), &true.into()));
    assert_eq!(told["daemon"]["rule_set"]["rules"], 120);
    assert_eq!(told["mailboxes"][0]["today"], serde_json::json!({"seen": 4, "scanned": 3, "incomplete": 1, "flagged": 0, "held": 1}));
}

#[test]
fn whatever_fails_is_told_and_makes_the_exit_code_1() {
    let desk = Desk::new();
    let fails = |named: &str| {
        let output = desk.school.run_here(&["status"]);
        assert_eq!(output.status.code(), Some(1), "{named}: {}", out(&output));
        assert!(out(&output).contains(named) && err(&output).is_empty(), "{named}: {}{}", out(&output), err(&output));
    };
    fails("NOT RUNNING  it has never run with this state");
    desk.board(|_| ());
    fails("notices  1 not delivered, the oldest was due 2026-03-02 11:15");
    desk.send_notices();
    assert_eq!(desk.school.run_here(&["status"]).status.code(), Some(0), "nothing fails any more");

    desk.board(|status| status.written = at(30));
    fails("NOT RUNNING  its last sign of life is of 2026-03-02 09:45");
    let mut gone = Command::new("true").spawn().unwrap();
    let pid = gone.id();
    gone.wait().unwrap();
    desk.board(|status| status.pid = pid);
    fails("NOT RUNNING");
    desk.board(|status| status.refused = vec!["error: there is no rule\n  why: none".to_owned()]);
    fails("refused  error: there is no rule\n           why: none");
    desk.board(|status| drop(status.troubles.insert("notices".to_owned(), "not delivered: refused (550)".to_owned())));
    fails("trouble  notices: not delivered: refused (550)");
    desk.board(|status| {
        let amber = status.mailboxes.values_mut().next().unwrap();
        (amber.failing_since, amber.trouble) = (Some(at(5)), Some("login refused: no".to_owned()));
    });
    fails("\t2026-03-02 09:20\namber@willowbrook.example: login refused: no\n");

    desk.board(|status| {
        let amber = status.mailboxes.values_mut().next().unwrap();
        let left = [("INBOX", 47_000), ("Sent", 1_000)];
        let folders = left.map(|(name, left)| FolderLeft { folder: FolderName(name.to_owned()), left }).to_vec();
        amber.backlog = Some(Backlog { since: at(0), done: 52_000, left: 48_000, per_second: 200.0, folders });
        let mut heron = amber.clone();
        heron.backlog = Some(Backlog { since: at(0), done: 0, left: 100_000, per_second: 0.0, folders: Vec::new() });
        status.mailboxes.insert(address("heron@willowbrook.example"), heron);
    });
    let told = desk.school.run_here(&["status"]);
    assert_eq!(told.status.code(), Some(0), "a backlog is no failure: {}", err(&told));
    for line in [
        "backlog  2 mailboxes: 26 % is judged, 148000 messages left, 200.0 a second, 12 min left\n",
        "heron@willowbrook.example: 0 % of its backlog is judged, 100000 messages left, 0.0 a second, nothing comes on\n\
         amber@willowbrook.example: 52 % of its backlog is judged, 48000 messages left, 200.0 a second, 4 min left\n\
         amber@willowbrook.example: messages left, by folder: INBOX 47000, Sent 1000\n",
    ] {
        assert!(out(&told).contains(line), "{}", out(&told));
    }
    let json = out(&desk.school.run_here(&["status", "--json"]));
    let folders = "[{\"folder\":\"INBOX\",\"left\":47000},{\"folder\":\"Sent\",\"left\":1000}]";
    let going = format!("\"left\":48000,\"per_second\":200.0,\"folders\":{folders},\"percent\":52,\"seconds_left\":240");
    assert!(json.contains(&going), "{json}");

    desk.board(|_| ());
    desk.book.record_system(at(0), Trouble::MailboxUnreachable, Some(&address("left@willowbrook.example")), &[]).unwrap();
    assert_eq!(desk.school.run_here(&["status"]).status.code(), Some(0), "it is watched no more");
    desk.book.record_system(at(0), Trouble::MailboxKeepsMessages, Some(&address(AMBER)), &[]).unwrap();
    fails("trouble  mailbox-keeps-messages of amber@willowbrook.example, since 2026-03-02 09:15");
}

#[test]
fn a_case_in_hand_is_no_longer_listed_as_open() {
    let desk = Desk::new();
    let listed = || out(&desk.school.run_here(&["cases", "list", "--open"]));
    assert!(listed().starts_with(desk.codename.as_str()));
    let done = desk.on_case(&["cases", "acknowledge", "CASE", "--by", "Robin Finch"]);
    assert_eq!(out(&done), format!("{} is acknowledged by Robin Finch\n", desk.codename));
    assert_eq!(listed(), "");
    let again = desk.on_case(&["cases", "acknowledge", "CASE", "--by", "Kit Wren"]);
    assert!(out(&again).contains("was acknowledged before, by Robin Finch (at the account "), "{}", out(&again));
    assert!(desk.book.due(Timestamp::now()).unwrap().is_empty(), "nobody else is told");
    let shown = out(&desk.on_case(&["cases", "show", "CASE"]));
    assert!(shown.contains("state     acknowledged") && shown.contains(" by Robin Finch (at the account "), "{shown}");
}

#[test]
fn opening_shows_the_sheet_and_nothing_but_the_sheet_after_it_was_written_down() {
    let desk = Desk::new();
    let opened = desk.on_case(&["open", "CASE", "--identity", "dsl.key", "--reason", REASON]);
    assert_eq!(out(&opened), sheet().to_text() + &text().to_text(), "{}", err(&opened));
    let last = desk.book.journal_end(1).unwrap().remove(0);
    assert_eq!(last.who, Actor::Member("dsl".to_owned()));
    assert!(matches!(last.event, Event::Viewed { codename, reason, .. } if codename == desk.codename && reason == REASON));
}

#[test]
fn a_key_can_come_from_standard_input() {
    let desk = Desk::new();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mailwarden"))
        .args(["open", desk.codename.as_str(), "--identity", "-", "--reason", REASON, "--config", "mailwarden.toml"])
        .current_dir(desk.school.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&fs::read(desk.school.path().join("dsl.key")).unwrap()).unwrap();
    assert_eq!(out(&child.wait_with_output().unwrap()), sheet().to_text() + &text().to_text());
}

#[test]
fn an_excerpt_is_opened_without_the_text_and_written_down_as_one() {
    let desk = Desk::new();
    let facts = desk.book.case(&desk.codename).unwrap().unwrap();
    let (sheet_object, text_object) = (facts.sheet.unwrap().object, facts.text.unwrap().object);
    fs::remove_file(desk.state().join(format!("vault/objects/{}/{text_object}.age", &text_object.to_string()[..2]))).unwrap();
    let opened = desk.on_case(&["open", "CASE", "--excerpt", "--identity", "dsl.key", "--reason", REASON]);
    assert_eq!(out(&opened), sheet().to_text(), "{}", err(&opened));
    let last = desk.book.journal_end(1).unwrap().remove(0);
    assert!(matches!(last.event, Event::Viewed { object, excerpt: true, .. } if object == sheet_object.to_string()));
    let opened = desk.on_case(&["open", "CASE", "--identity", "dsl.key", "--reason", REASON]);
    assert!(!opened.status.success() && err(&opened).contains("restore this file from the backup"), "{}", err(&opened));
    let last = desk.book.journal_end(1).unwrap().remove(0);
    assert!(matches!(last.event, Event::Viewed { object, excerpt: false, .. } if object == format!("{sheet_object} {text_object}")));
}

#[test]
fn a_case_from_before_the_text_was_sealed_by_itself_opens_as_it_did() {
    let desk = Desk::new();
    let vault = Vault::open(&desk.state().join("vault")).unwrap();
    let older = Sheet { bodies: text().bodies, ..sheet() };
    let older = record(&desk.book, &vault, 2, Some(older), None);
    let open = |more: &[&str]| {
        let arguments = [&["open", older.as_str(), "--identity", "dsl.key", "--reason", REASON], more].concat();
        out(&desk.school.run_here(&arguments))
    };
    assert_eq!(open(&[]), sheet().to_text() + &text().to_text());
    assert_eq!(open(&["--excerpt"]), sheet().to_text());
}

#[test]
fn a_key_that_does_not_fit_shows_nothing_and_its_owner_is_written_down() {
    let desk = Desk::new();
    desk.school.member("dsl", "stranger");
    let refused = |key: &str| {
        let output = desk.on_case(&["open", "CASE", "--identity", key, "--reason", REASON]);
        assert_eq!((output.status.code(), out(&output)), (Some(1), String::new()));
        let told = format!("error: {} is for `dsl` to open; this key is not among theirs, so please ask one of them\n", desk.codename);
        assert_eq!(err(&output), told);
        let last = desk.book.journal_end(1).unwrap().remove(0);
        assert!(matches!(last.event, Event::ViewRefused { codename, .. } if codename == desk.codename));
        last.who
    };
    assert_eq!(refused("head.key"), Actor::Member("head".to_owned()));
    assert!(matches!(refused("stranger.key"), Actor::Operator(_)));
}

#[test]
fn nothing_is_opened_without_a_reason_and_nothing_is_written_down_then() {
    let desk = Desk::new();
    let lines = desk.book.verify_journal().unwrap();
    let output = desk.on_case(&["open", "CASE", "--identity", "dsl.key", "--reason", "because"]);
    assert_eq!((output.status.code(), out(&output)), (Some(64), String::new()));
    assert!(err(&output).contains("say in 10 characters or more why you do this"), "{}", err(&output));
    let output = desk.on_case(&["open", "CASE", "--identity", "absent.key", "--reason", REASON]);
    assert!(err(&output).contains("absent.key: No such file"), "{}", err(&output));
    assert_eq!(desk.book.verify_journal().unwrap(), lines);
}

#[test]
fn a_look_that_cannot_be_written_down_shows_nothing() {
    let desk = Desk::new();
    let casebook = rusqlite::Connection::open(desk.state().join("casebook.db")).unwrap();
    casebook.execute_batch("CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'no room'); END").unwrap();
    let output = desk.on_case(&["open", "CASE", "--identity", "dsl.key", "--reason", REASON]);
    assert_eq!((output.status.code(), out(&output)), (Some(1), String::new()));
    assert!(err(&output).contains("no room"), "{}", err(&output));
}

#[test]
fn a_case_that_is_not_there_and_one_without_a_sheet_are_said_to_be() {
    let desk = Desk::new();
    let vault = Vault::open(&desk.state().join("vault")).unwrap();
    let bare = record(&desk.book, &vault, 2, None, None);
    let output = desk.school.run_here(&["open", bare.as_str(), "--identity", "dsl.key", "--reason", REASON]);
    assert!(err(&output).starts_with(&format!("error: {bare} has no sheet\n")), "{}", err(&output));
    let unknown = if desk.codename.as_str() == "amber-wren-1" { "amber-wren-2" } else { "amber-wren-1" };
    let output = desk.school.run_here(&["cases", "show", unknown]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).starts_with(&format!("error: there is no case {unknown}\n")), "{}", err(&output));
}

#[test]
fn a_sheet_that_was_exchanged_is_not_shown() {
    let desk = Desk::new();
    let sealed = desk.book.case(&desk.codename).unwrap().unwrap().sheet.unwrap().object.to_string();
    let vault = Vault::open(&desk.state().join("vault")).unwrap();
    let forged = vault.seal(|| &b"{}"[..], &[Audience::Dsl]).unwrap().object().to_string();
    let path = |object: &str| desk.state().join("vault/objects").join(&object[..2]).join(format!("{object}.age"));
    fs::rename(path(&forged), path(&sealed)).unwrap();
    let output = desk.on_case(&["open", "CASE", "--identity", "dsl.key", "--reason", REASON]);
    assert_eq!((output.status.code(), out(&output)), (Some(1), String::new()));
    assert!(err(&output).contains("its octets are not those that were sealed"), "{}", err(&output));
}

#[test]
fn a_journal_that_was_touched_is_broken_at_the_line_that_was() {
    let desk = Desk::new();
    let lines = desk.book.verify_journal().unwrap().entries;
    let whole = desk.school.run_here(&["journal", "verify"]);
    assert_eq!((whole.status.code(), out(&whole)), (Some(0), format!("{lines} lines, unbroken\n")));
    let casebook = rusqlite::Connection::open(desk.state().join("casebook.db")).unwrap();
    casebook.execute_batch("DROP TRIGGER journal_lines_stand; UPDATE journal SET entry = entry || ' ' WHERE seq = 3").unwrap();
    let broken = desk.school.run_here(&["journal", "verify"]);
    assert_eq!((broken.status.code(), out(&broken)), (Some(1), String::new()));
    assert!(err(&broken).starts_with("error: the journal is broken at line 3\n  why: it was changed\n"), "{}", err(&broken));
}

#[test]
fn content_parties_and_reasons_are_told_by_no_command_that_looks() {
    let desk = Desk::new();
    desk.board(|_| ());
    let opened = desk.on_case(&["open", "CASE", "--identity", "dsl.key", "--reason", REASON]);
    assert!(out(&opened).contains("canary-match"), "the word that must be found");
    desk.on_case(&["open", "CASE", "--identity", "head.key", "--reason", REASON]);
    for command in [
        &["status"][..],
        &["status", "--json"],
        &["cases", "list"],
        &["cases", "list", "--json"],
        &["cases", "list", "--open"],
        &["cases", "show", "CASE"],
        &["journal", "show"],
        &["journal", "verify"],
    ] {
        let output = desk.on_case(&[command, &["-vv"]].concat());
        let told = format!("{}{}", out(&output), err(&output));
        assert!(!told.is_empty() && !told.to_lowercase().contains("canary"), "{command:?}: {told}");
    }
    let shown = out(&desk.school.run_here(&["journal", "show"]));
    assert!(shown.contains("\tviewed\t") && shown.contains("\tview-refused\t"), "{shown}");
}

#[test]
fn root_is_sent_away_from_a_state_that_is_another_users() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("NOT TESTED: only root can be root");
        return;
    }
    let desk = Desk::new();
    std::os::unix::fs::chown(desk.state(), Some(65_534), None).unwrap();
    let files = || fs::read_dir(desk.state()).unwrap().count();
    let before = files();
    for command in [&["status"][..], &["cases", "list"], &["journal", "verify"], &["keys", "list"], &["run", "--once"]] {
        let output = desk.school.run_here(command);
        assert_eq!(output.status.code(), Some(1), "{command:?}");
        assert!(
            err(&output).contains(" is not root's\n") && err(&output).contains("type `sudo -u nobody mailwarden …`"),
            "{}",
            err(&output)
        );
    }
    assert_eq!(files(), before);
}
