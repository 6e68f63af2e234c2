//! Guarantee 3: a word in any part of a message is found in no log, status, notice, error, core dump, database or URL.
//!
//! Every place of many messages holds a word of its own. The daemon and the commands meet them all, told to say
//! everything, beside servers that quote mail where they should not. Then every word is looked for in all that was
//! written down, in every form that it could have been given.

mod planted;
mod search;
#[path = "../support/mod.rs"]
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use jiff::civil::Date;
use mailwarden::casebook::SealedObject;
use mailwarden::finding::Action;
use mailwarden::watch::Board;
use planted::{Garden, READ};
use rustix::process::{Pid, Signal, kill_process};
use search::Search;
use support::dovecot::{Dovecot, PASSWORD};
use support::odd::{Odd, Quoting};
use support::warden::{CRY_FOR_HELP, HELD, Warden, rule};

const AMBER: &str = "amber@school.example";
/// Made-up words, by what the rules of this test do about them.
const FLAGGED_AT_ONCE: &str = "brackenshaw";
const WITHHELD: &str = "mistlethorpe";
const NOTHING: &str = "tea at four";
/// What a message can do to the process that reads it.
const ATTACKS: [&str; 9] =
    ["early-exit", "lying-content", "loop", "memory-bomb", "no-answer", "panic", "reply-flood", "segv", "stack-overflow"];
/// For two tries of every message that stalls, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_mins(4);
/// What of a message its sheet and its text show.
const SHOWN: usize = READ.len() - 1 + 5;

/// A message that was delivered, and the numbers of its words.
struct Delivered {
    octets: Vec<u8>,
    words: BTreeSet<usize>,
}

/// Everything that was written down, by where.
type Written = BTreeMap<String, Vec<u8>>;

#[test]
fn no_word_of_a_message_is_found_outside_of_the_vault() {
    let mut garden = Garden::new();
    let smtp = Quoting::start(garden.plant("refusals of the SMTP server"));
    let dovecot = Dovecot::start();
    let warden = Warden::telling(&dovecot, smtp.port, &[AMBER]);
    let odd = odd_servers(&mut garden);
    configure(&warden, &mut garden, &odd);
    let delivered = messages(&mut garden);
    assert!(delivered.len() >= 30 && garden.canaries.len() >= 1_000, "{} words are no test", garden.canaries.len());
    let search = Search::new(garden.canaries.iter().map(|canary| canary.word.as_str()));
    for message in &delivered {
        assert_eq!(search.found_in(&message.octets), message.words, "the search is blind to a form that a message uses");
    }

    let mut written = Written::new();
    watch_all(&warden, &dovecot, &delivered, &smtp, &odd, &mut written);
    all_is_in_the_vault(&warden, &search, &delivered);
    ask_everything(&warden, &dovecot, &delivered, &mut written);
    for (number, letter) in smtp.letters().into_iter().enumerate() {
        written.insert(format!("notice {number}"), letter);
    }
    read_files(&warden.path().join("state"), &mut written);
    read_files(&warden.path().join("tmp"), &mut written);
    no_core_is_dumped(&warden, &mut written);

    let leaks: Vec<_> = written.iter().filter_map(|(place, octets)| leak(place, octets, &search, &garden)).collect();
    let octets: usize = written.values().map(Vec::len).sum();
    eprintln!(
        "{} words of {} messages, looked for in {octets} octets of {} places: found in {}",
        garden.canaries.len(),
        delivered.len(),
        written.len(),
        leaks.len()
    );
    assert!(leaks.is_empty(), "{}", leaks.join("\n"));
}

/// Messages of every verdict, one for each place that a rule looks at, and one for each way to end a scan process.
fn messages(garden: &mut Garden) -> Vec<Delivered> {
    let mut delivered = Vec::new();
    let mut deliver = |name: &str, first: &str, trigger, triggered: &[&str]| {
        let before = garden.canaries.len();
        let octets = garden.message(name, first, trigger, triggered);
        delivered.push(Delivered { octets, words: (before..garden.canaries.len()).collect() });
    };
    deliver("clear", "", NOTHING, &READ);
    for (name, trigger) in [("held", HELD), ("withheld", WITHHELD), ("flagged", FLAGGED_AT_ONCE), ("help", CRY_FOR_HELP)] {
        deliver(name, "", trigger, &READ);
    }
    for place in READ {
        deliver(place, "", FLAGGED_AT_ONCE, &[place]);
    }
    for place in ["plain body", "text of a zip member"] {
        deliver(&format!("held for its {place}"), "", HELD, &[place]);
    }
    for attack in ATTACKS {
        deliver(attack, &format!("X-Mailwarden-Attack: {attack}\r\n"), FLAGGED_AT_ONCE, &READ);
    }
    // Damaged, locked or of no known kind: what cannot be read whole.
    for (name, kind, octets) in [
        ("damaged", "application/zip", &b"PK\x03\x04"[..]),
        ("a video", "video/mp4", b"\0\0\0\x18ftypmp42"),
        ("broken document", "application/pdf", b"%PDF-1.7\n"),
        ("unknown", "image/vnd.adobe.photoshop", b"8BPS\0\x01"),
    ] {
        let before = garden.canaries.len();
        let word = garden.plant(format!("octets of `{name}`"));
        let subject = garden.plant(format!("subject of `{name}`"));
        let header = format!("From: a@school.example\r\nSubject: {subject}\r\nContent-Type: {kind}; name=\"{subject}.x\"\r\n\r\n");
        let octets = [header.as_bytes(), octets, word.as_bytes(), b"\r\n"].concat();
        delivered.push(Delivered { octets, words: (before..garden.canaries.len()).collect() });
    }
    delivered
}

/// Mail servers that quote the mail, or the password, where nobody asked for it.
fn odd_servers(garden: &mut Garden) -> Vec<Odd> {
    let mut word = |planted: &str| garden.plant(format!("{planted} of a mail server"));
    let quoted = |word: String, before: &str, after: &str| format!("{before}{word}{after}").into_bytes();
    let letter = format!("Subject: {}\r\n\r\n{HELD}\r\n", word("letter"));
    let handed_over =
        format!("* 1 FETCH (UID 1 BODY[] {{{}}}\r\n{letter})\r\n* NO {}\r\nTAG OK done\r\n", letter.len(), word("untagged NO"));
    vec![
        Odd::start(vec![("LOGIN", quoted(word("NO to LOGIN"), "TAG NO [AUTHENTICATIONFAILED] no ", " with correct-horse\r\n"))]),
        Odd::start(vec![("LIST", quoted(word("BYE"), "* BYE last was ", "\r\n"))]),
        Odd::start(vec![("LIST", quoted(word("code"), "TAG NO [", "] no\r\n"))]),
        Odd::start(vec![("EXAMINE", quoted(word("NO to EXAMINE"), "TAG NO [SERVERBUG] index of ", "\r\n"))]),
        Odd::start(vec![("STATUS", quoted(word("BAD to STATUS"), "TAG BAD ", " stands there\r\n"))]),
        Odd::start(vec![(
            "LIST",
            [b"* METADATA \"", word("what the parser panics on").as_bytes(), b"\xff\" /shared/x\r\nTAG NO\r\n"].concat(),
        )]),
        Odd::start(vec![
            ("RFC822.SIZE", quoted(word("listing"), "* 1 FETCH (UID 1 INTERNALDATE NIL ENVELOPE (\"", "\"))\r\nTAG OK done\r\n")),
            ("BODY.PEEK", quoted(word("FETCH"), "* 1 FETCH (UID 1 BODY[] {3}\r\nabc ", " junk\r\nTAG OK done\r\n")),
        ]),
        Odd::start(vec![("BODY.PEEK", quoted(word("NO to FETCH"), "TAG NO cannot convert `", "`\r\n"))]),
        Odd::start(vec![("BODY.PEEK", quoted(word("BAD to FETCH"), "TAG BAD ", "\r\n"))]),
        Odd::start(vec![("BODY.PEEK", quoted(word("octets cut short"), "* 1 FETCH (UID 1 BODY[] {99999999}\r\n", "\r\n"))]),
        Odd::start(vec![
            ("BODY.PEEK", handed_over.into_bytes()),
            ("UID STORE", quoted(word("NO to STORE"), "* OK [ALERT] \u{e9}\r\nTAG NO [NOPERM] `", "` stays\r\n")),
        ]),
    ]
}

/// Adds to the configuration what this test needs beyond the ordinary, passwords that are words among it.
fn configure(warden: &Warden, garden: &mut Garden, odd: &[Odd]) {
    for (category, word) in [("threat", FLAGGED_AT_ONCE), ("grooming", WITHHELD)] {
        fs::create_dir_all(warden.path().join("rules").join(category)).expect("a folder");
        fs::write(warden.path().join(format!("rules/{category}/test.toml")), rule(category, word)).expect("a rule");
    }
    for (file, planted) in [("smtp-password", "password for SMTP"), ("odd-password", "password for IMAP")] {
        fs::write(warden.path().join(file), garden.plant(planted)).expect("a password file");
        fs::set_permissions(warden.path().join(file), fs::Permissions::from_mode(0o600)).expect("a private file");
    }
    let config = fs::read_to_string(warden.config())
        .expect("a configuration")
        .replace("[scan]\n", "[scan]\ndeadline = \"5s\"\n")
        .replace("violence = \"hold\"\n", "violence = \"hold\"\ngrooming = \"withhold\"\n")
        .replace(
            "[notice]\n",
            "[notice]\nuser = \"mailwarden\"\npassword_file = \"smtp-password\"\nlink = \"https://dsl.example/{codename}\"\n",
        );
    fs::write(warden.config(), config).expect("a configuration");
    for (number, server) in odd.iter().enumerate() {
        warden.also_watch(&format!("odd{number}"), server.port, "odd-password");
    }
    for folder in ["tmp", "crash"] {
        fs::create_dir(warden.path().join(folder)).expect("a folder");
    }
}

/// Has everything judged, and keeps what the daemon says and what the kernel tells of it and its children meanwhile.
fn watch_all(warden: &Warden, dovecot: &Dovecot, delivered: &[Delivered], smtp: &Quoting, odd: &[Odd], written: &mut Written) {
    let mut daemon = Daemon::start(warden, "first");
    daemon.until(warden, "the first poll", written, || polled(warden));
    for message in delivered {
        dovecot.deliver(AMBER, &message.octets[..]);
    }
    daemon.until(warden, "every message judged and every oddity met", written, || {
        seen(warden) >= delivered.len()
            && smtp.letters().len() >= 3
            && smtp.refused() == 3
            && odd.iter().all(|server| server.not_given().is_empty())
    });
    // While the troubles are at hand.
    for command in ["status -vv", "status -vv --json"] {
        run(warden, command, &[], written);
    }
    daemon.signal(Signal::TERM);
    assert!(daemon.child.wait().expect("a process of ours").success());
    assert!(daemon.said(warden).contains("a panic, whose words are left out"), "nothing panicked:\n{}", daemon.said(warden));
    read_files(&warden.path().join("first"), written);
}

fn polled(warden: &Warden) -> bool {
    let status = Board::read(&warden.path().join("state")).ok();
    status.is_some_and(|status| status.mailboxes.iter().any(|(address, it)| address.as_str() == AMBER && it.last_poll.is_some()))
}

/// How many messages of the ordinary mailbox were judged.
fn seen(warden: &Warden) -> usize {
    let days = warden.book().counts(Date::MIN).expect("counts");
    let seen: u64 = days.iter().filter(|row| row.mailbox.as_str() == AMBER).map(|row| row.counts.seen).sum();
    usize::try_from(seen).expect("few messages")
}

/// The other half of the proof: what is looked for is there, and the search finds it when it is opened.
fn all_is_in_the_vault(warden: &Warden, search: &Search, delivered: &[Delivered]) {
    let cases = warden.cases();
    let (mut sealed, mut whole, mut facts) = (0, 0, 0);
    for case in &cases {
        for object in case.places.iter().filter_map(|place| place.object) {
            let found = search.found_in(&warden.unseal(&object.object).expect("it opens"));
            sealed += usize::from(delivered.iter().any(|message| message.words == found));
        }
        let found_in = |sealed: SealedObject| search.found_in(&warden.unseal(&sealed.object).expect("it opens"));
        let Some(excerpt) = case.sheet.map(found_in) else { continue };
        let text = case.text.map(found_in);
        if case.row.action == Action::Withhold {
            assert!(excerpt.is_empty() && text.is_none(), "of what is withheld {} words are shown", excerpt.len());
            facts += 1;
            continue;
        }
        let text = text.expect("a text of whatever has a sheet");
        let shown: BTreeSet<_> = excerpt.union(&text).copied().collect();
        if delivered.iter().any(|message| shown.is_subset(&message.words) && shown.len() >= SHOWN) {
            whole += 1;
        }
    }
    assert_eq!((sealed, facts), (4, 1), "three held and one withheld");
    assert!(whole >= 3, "{whole} sheets show all that they should");
    let actions: BTreeSet<_> = cases.iter().map(|case| case.row.action).collect();
    assert_eq!(actions, BTreeSet::from([Action::Pass, Action::Flag, Action::Hold, Action::Withhold]));
    let unread = cases.iter().flat_map(|case| &case.incomplete).map(|unread| unread.reason.as_str()).collect::<BTreeSet<_>>();
    assert!(unread.is_superset(&BTreeSet::from(["damaged", "deadline", "worker-died", "video", "unsupported"])), "{unread:?}");
}

/// Every command that shows something, save for the one that shows a sheet.
fn ask_everything(warden: &Warden, dovecot: &Dovecot, delivered: &[Delivered], written: &mut Written) {
    for command in
        ["status -vv", "cases list -vv", "cases list -vv --json", "journal show -vv --last 100000", "journal verify -vv", "check -vv"]
    {
        run(warden, command, &[], written);
    }
    let files = warden.path().join("files");
    fs::create_dir(&files).expect("a folder");
    for (number, message) in delivered.iter().enumerate() {
        fs::write(files.join(format!("{number}.eml")), &message.octets).expect("a message");
    }
    run(warden, "scan -vv", &[&files], written);
    run(warden, "scan -vv --json", &[&files], written);
    run(warden, "hashes compute -vv --json", &dovecot.files(AMBER).iter().map(PathBuf::as_path).collect::<Vec<_>>(), written);
    let stranger = warden.path().join("stranger.key");
    mailwarden::vault::MemberIdentity::generate().write(&stranger).expect("a key file");
    for case in warden.cases() {
        let codename = case.row.codename.as_str();
        run(warden, &format!("cases show -vv {codename}"), &[], written);
        let lead = warden.identity();
        let [theirs, hers] =
            [&stranger, &lead].map(|key| [Path::new("--identity"), key, Path::new("--reason"), Path::new("a look in a test")]);
        for command in ["open", "release"] {
            run(warden, &format!("{command} -vv {codename}"), &theirs, written);
        }
        run(warden, &format!("release -vv {codename}"), &hers, written);
        let opened = output(warden, &format!("open -vv {codename}"), &hers);
        written.insert(format!("stderr of open {codename}"), opened.stderr);
    }
}

/// A daemon that is ended at its worst moment leaves nothing of what it had in memory.
fn no_core_is_dumped(warden: &Warden, written: &mut Written) {
    let mut daemon = Daemon::start(warden, "second");
    daemon.until(warden, "the first poll", written, || polled(warden));
    daemon.signal(Signal::ABORT);
    let ended = daemon.child.wait().expect("a process of ours");
    assert_eq!(ended.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!ended.core_dumped(), "the daemon left a core dump");
    read_files(&warden.path().join("second"), written);
    read_files(&warden.path().join("crash"), written);
}

/// The daemon, told to say everything and allowed to leave a core, with folders of its own.
struct Daemon {
    child: Child,
    name: &'static str,
}

impl Daemon {
    fn start(warden: &Warden, name: &'static str) -> Self {
        let run = warden.command("run -vv");
        let folder = warden.path().join(name);
        fs::create_dir(&folder).expect("a folder");
        let file = |name: &str| fs::File::create(folder.join(name)).expect("a file");
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "ulimit -c unlimited || ulimit -c $(ulimit -H -c); cd \"$0\" && exec \"$@\""]);
        command.arg(warden.path().join("crash")).arg(run.get_program()).args(run.get_args());
        command.env("TMPDIR", warden.path().join("tmp")).stdin(Stdio::null()).stdout(file("stdout")).stderr(file("stderr"));
        Self { child: command.spawn().expect("a shell"), name }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("a process of ours");
    }

    /// Looks at the daemon and its children until it is so far.
    fn until(&mut self, warden: &Warden, what: &str, written: &mut Written, so_far: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !so_far() {
            self.look(written);
            assert!(self.child.try_wait().expect("a process of ours").is_none(), "the daemon ended before {what}");
            assert!(Instant::now() < deadline, "not in time: {what}\n{}", self.said(warden));
            // A file and a table have no event to wait for.
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn said(&self, warden: &Warden) -> String {
        let log = fs::read(warden.path().join(self.name).join("stderr")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// What any process of this machine may be able to read of them.
    fn look(&self, written: &mut Written) {
        for process in family(self.child.id()) {
            for file in ["cmdline", "comm", "environ", "status"] {
                let read = fs::read(format!("/proc/{process}/{file}")).unwrap_or_default();
                written.entry(format!("{file} of the processes")).or_default().extend(read);
            }
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process, its children and theirs.
fn family(ancestor: u32) -> BTreeSet<u32> {
    let parent = |process: u32| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    let processes = fs::read_dir("/proc").into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let parents: BTreeMap<u32, u32> = processes.filter_map(|process| Some((process, parent(process)?))).collect();
    let descends = |process: &u32| std::iter::successors(Some(*process), |child| parents.get(child).copied()).any(|one| one == ancestor);
    parents.keys().copied().filter(descends).collect()
}

fn run(warden: &Warden, name: &str, arguments: &[&Path], written: &mut Written) {
    let Output { stdout, stderr, .. } = output(warden, name, arguments);
    let name = format!("`{name}` {}", written.len());
    written.insert(format!("stdout of {name}"), stdout);
    written.insert(format!("stderr of {name}"), stderr);
}

fn output(warden: &Warden, name: &str, arguments: &[&Path]) -> Output {
    let mut command = warden.command(name);
    command.args(arguments).env("TMPDIR", warden.path().join("tmp"));
    let output = command.output().expect("the program");
    assert!(!output.stdout.is_empty() || !output.stderr.is_empty(), "`{name}` says nothing");
    output
}

/// Every file of a folder, by its path: names can tell as well.
fn read_files(folder: &Path, written: &mut Written) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            read_files(&path, written);
        } else {
            written.insert(path.display().to_string(), fs::read(&path).expect("a file"));
        }
    }
}

fn leak(place: &str, octets: &[u8], search: &Search, garden: &Garden) -> Option<String> {
    let mut found = search.found_in(octets);
    found.extend(search.found_in(place.as_bytes()));
    let held = String::from_utf8_lossy(octets).contains(PASSWORD);
    if found.is_empty() && !held {
        return None;
    }
    let words: Vec<_> = found.iter().map(|number| garden.canaries[*number].planted.as_str()).collect();
    let password = if held { ", and the password" } else { "" };
    Some(format!("{place}: {}{password}", words.join(", ")))
}
