//! The desk in a real browser, beside a real mail server: from an invitation to a message that is back in its mailbox, and
//! what a message can do to whoever opens it.

#[path = "browser/alone.rs"]
mod alone;
#[path = "browser/forged.rs"]
mod forged;
#[path = "browser/states.rs"]
mod states;
mod support;

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use forged::Forged;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use mailwarden::case::{Codename, PlaceState};
use mailwarden::casebook::{CaseFacts, Ends, New};
use mailwarden::finding::{Action, Audience, Category, Concern, Field, Finding, Kind, Location, RuleVersion};
use mailwarden::journal::Actor;
use mailwarden::mail::{Address, Arrival, FolderName, Place, Uid, UidValidity};
use mailwarden::vault::Vault;
use mailwarden::watch::imap::{Folder, UidSet};
use support::dovecot::Dovecot;
use support::smtp::Smtp;
use support::warden::{FLAGGED, HELD, Warden, rule};
use support::{end, free_port, require};

const AMBER: &str = "amber@school.example";
const LEAD: &str = "lead@school.example";
const HEAD: &str = "head@school.example";
const DEPUTY: &str = "heron@school.example";
/// It stands in what is sealed, and nowhere before it is opened.
const CANARY: &str = "CANARY-SUBJECT";
/// How long the daemon may take to judge what lies there.
const PATIENCE: Duration = Duration::from_mins(1);
/// What would run, load or show if it were anything but text.
const MARKUP: &str = "<script>document.title='pwned'</script><img src=\"https://evil.example/x.png\" onerror=\"document.title='pwned'\">\
    <svg onload=\"document.title='pwned'\"><iframe srcdoc=\"<b>x</b>\"></iframe><a href=\"javascript:document.title='pwned'\">x</a>\
    <style>*{display:none}</style><base href=\"https://evil.example/\"><meta http-equiv=\"refresh\" content=\"0;url=https://evil.example/\">\
    </pre></main></body>{{7*7}}${7*7}&lt;b&gt;\\u003cb\\u003e";
/// What turns the writing round, hides, breaks lines or moves a cursor.
const MARKS: &str =
    "\u{202e}gnp.exe\u{202c}\u{2066}\u{2069}\u{200b}\u{ad}\u{feff}\u{2028}\u{2029}\u{1b}[2J\u{1b}]0;pwned\u{7}\u{8}\u{9b}\u{fffb}\u{e0041}";

/// A school whose desk is open, with a mail server beside it.
struct School {
    dovecot: Dovecot,
    warden: Warden,
    origin: String,
    _smtp: Smtp,
    _review: Process,
}

/// Ends with the test, however it ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}

impl School {
    fn open(mailboxes: &[&str]) -> Self {
        let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
        let warden = Warden::new(&dovecot, &smtp, mailboxes);
        let port = free_port();
        fs::create_dir(warden.path().join("desk")).expect("a folder");
        let text = fs::read_to_string(warden.config()).expect("a configuration");
        // Far from now: what is to be done today can be put off for half an hour.
        let digest =
            if Timestamp::now().to_zoned(TimeZone::get("Europe/London").expect("a time zone")).hour() < 12 { "20:00" } else { "06:00" };
        let text = text.replace("[school]\n", &format!("[school]\ndigest_at = \"{digest}\"\n"));
        let desk = format!("{text}\n[review]\nhost = \"localhost\"\nlisten = \"127.0.0.1:{port}\"\ndirectory = \"desk\"\n");
        fs::write(warden.config(), desk).expect("a configuration");
        let review = Process(warden.command("review").spawn().expect("the desk"));
        wait_until("the desk listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
        Self { dovecot, warden, origin: format!("https://localhost:{port}"), _smtp: smtp, _review: review }
    }

    /// The link of an invitation.
    fn invite(&self, name: &str, role: &str, address: &str) -> String {
        let invited = self
            .warden
            .command("accounts invite")
            .args(["--name", name, "--role", role, "--address", address])
            .output()
            .expect("the program");
        assert!(invited.status.success(), "{}", String::from_utf8_lossy(&invited.stderr));
        String::from_utf8(invited.stdout).expect("a link").trim().to_owned()
    }

    /// Runs a script in the browser, which ends it where it finds anything wrong.
    fn work(&self, script: &str, mut told: serde_json::Value) {
        let (chromium, node) = (require("chromium", "chromium"), require("node", "nodejs"));
        require("npm", "npm");
        let modules = tempfile::tempdir().expect("a folder");
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
        for file in [script, "visitor.mjs", "pages.tsv", "package.json", "package-lock.json"] {
            fs::copy(here.join(file), modules.path().join(file)).expect("a script");
        }
        let installed =
            Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--silent"]).current_dir(modules.path()).output().expect("npm");
        assert!(installed.status.success(), "npm ci: {}", String::from_utf8_lossy(&installed.stderr));
        told["origin"] = self.origin.clone().into();
        told["pictures"] = std::env::var("DESK_PICTURES").ok().into();
        let worked = Command::new(node)
            .arg(script)
            .current_dir(modules.path())
            .env("DESK", told.to_string())
            .env("CHROMIUM", chromium)
            .output()
            .expect("node");
        let said = format!("{}{}", String::from_utf8_lossy(&worked.stdout), String::from_utf8_lossy(&worked.stderr));
        assert!(worked.status.success() && said.contains("states, no violation"), "{said}");
    }

    fn case(&self, category: Category) -> CaseFacts {
        let found = self.warden.cases().into_iter().find(|case| case.row.category == category).expect("a case of that category");
        assert_eq!(found.row.action >= Action::Hold, category == Category::Violence);
        found
    }
}

#[tokio::test]
async fn people_work_at_the_desk_in_a_browser_and_a_released_message_is_back() {
    let school = School::open(&[AMBER, DEPUTY]);
    let (dovecot, warden) = (&school.dovecot, &school.warden);
    fs::create_dir_all(warden.path().join("rules/hate")).unwrap();
    let shipped = rule("hate", "sorrelwing").replace("A made-up word of the test", "Somebody is told to go back to another country");
    fs::write(warden.path().join("rules/hate/test.toml"), shipped).unwrap();
    let held = hostile(HELD);
    put(dovecot, AMBER, &held).await;
    put(dovecot, AMBER, &letter("sender@school.example", AMBER, FLAGGED)).await;
    put(dovecot, AMBER, &letter(DEPUTY, AMBER, "sorrelwing")).await;
    let (lead, deputy) = (school.invite("Robin Finch", "dsl", LEAD), school.invite("Kim Linnet", "deputy", DEPUTY));
    let head = school.invite("Sam Wren", "head", HEAD);
    let _watch = Process(warden.command("run").stderr(Stdio::null()).spawn().unwrap());
    wait_until("three cases are open", || warden.cases().len() == 3);
    wait_until("the held message is gone", || school.case(Category::Violence).places[0].state.as_str() == "removed");
    assert_eq!(lying(dovecot, AMBER).await.len(), 2);

    school.work(
        "desk.mjs",
        serde_json::json!({
            "invitations": { "lead": lead, "deputy": deputy, "head": head },
            "key": warden.identity(),
            "held": school.case(Category::Violence).row.codename.as_str(),
            "flagged": school.case(Category::Bullying).row.codename.as_str(),
            "about": school.case(Category::Hate).row.codename.as_str(),
            "tick": { "codename": school.case(Category::Hate).row.codename.as_str(), "category": "hate" },
            "canary": CANARY,
        }),
    );

    let lying = lying(dovecot, AMBER).await;
    assert!(lying.len() == 3 && lying.contains(&held), "the very message is back");
    assert!(school.case(Category::Violence).released.is_some_and(|(_, who)| who == "Robin Finch"));
    let decided = school.case(Category::Bullying);
    assert!(decided.released.is_some(), "what was decided without script was carried out");
    assert!(decided.destroyed.is_some_and(|(_, who)| who == "Robin Finch"), "and what was sealed of it is destroyed");
    for sealed in [decided.sheet, decided.text] {
        assert!(sealed.is_some_and(|sealed| warden.vault().ciphertext(&sealed.object).is_err()));
    }
}

#[tokio::test]
async fn an_officer_opens_what_was_made_in_a_browser_and_what_a_rule_held_wrongly_goes_back_at_once() {
    let school = School::open(&[AMBER]);
    let (dovecot, warden) = (&school.dovecot, &school.warden);
    let letters: Vec<_> = ["one", "two", "three"].map(|word| letter("sender@school.example", AMBER, &format!("{HELD} {word}"))).into();
    for letter in &letters {
        put(dovecot, AMBER, letter).await;
    }
    let invitation = school.invite("Robin Finch", "dsl", LEAD);
    let _watch = Process(warden.command("run").stderr(Stdio::null()).spawn().unwrap());
    let removed = || warden.cases().into_iter().filter(|case| case.places[0].state == PlaceState::Removed).count();
    wait_until("three messages are held", || removed() == letters.len());
    let cases = warden.cases();
    let codenames: Vec<_> = cases.iter().map(|case| case.row.codename.to_string()).collect();
    let officer = tempfile::tempdir().unwrap();
    require("age-keygen", "age");
    let types = |program: &str, arguments: &[&str]| {
        let done = Command::new(program).args(arguments).current_dir(officer.path()).output().expect("a program");
        assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("text")
    };
    types("age-keygen", &["-o", "officer.key"]);
    let recipient = types("age-keygen", &["-y", "officer.key"]).trim().to_owned();
    school.work(
        "police.mjs",
        serde_json::json!({
            "invitation": invitation, "key": warden.identity(), "cases": codenames, "officer": recipient, "folder": officer.path(),
        }),
    );

    let told: serde_json::Value = serde_json::from_slice(&fs::read(officer.path().join("told.json")).unwrap()).unwrap();
    for (codename, told) in codenames.iter().zip(told.as_array().unwrap()) {
        let tar = format!("{codename}.tar");
        assert!(types("sha256sum", &[&tar]).starts_with(told["SHA-256"].as_str().unwrap()), "the page says what was kept");
        types("tar", &["-xf", &tar]);
        types("sh", &["-c", &format!("cd {codename} && sha256sum --quiet -c SHA256SUMS")]);
        if let Some(passphrase) = told["Passphrase"].as_str() {
            let path = officer.path().join(codename).join("key.age");
            fs::write(officer.path().join("officer.key"), unwrapped(&fs::read_to_string(path).unwrap(), passphrase)).unwrap();
        }
        let message = format!("{codename}/message-1.eml");
        types("age", &["-d", "-i", "officer.key", "-o", &message, &format!("{message}.age")]);
        assert!(letters.contains(&fs::read(officer.path().join(message)).unwrap()), "every octet of it");
        let chronology = types("age", &["-d", "-i", "officer.key", &format!("{codename}/chronology.json.age")]);
        for word in ["case-opened", "evidence-packaged", "crime number 42/7", "Robin Finch"] {
            assert!(chronology.contains(word), "{word} in {chronology}");
        }
    }
    let back = || warden.cases().into_iter().filter(|case| case.places[0].state == PlaceState::Released).count();
    wait_until("every message is back", || back() == letters.len());
    assert_eq!(lying(dovecot, AMBER).await.len(), letters.len());
}

/// What a passphrase opens, as the officer's own tool does it after asking for it.
fn unwrapped(armoured: &str, passphrase: &str) -> Vec<u8> {
    use std::io::Read;
    let packed: String = armoured.lines().filter(|line| !line.starts_with('-')).collect();
    let identity = age::scrypt::Identity::new(age::secrecy::SecretString::from(passphrase.to_owned()));
    let octets = BASE64.decode(packed).expect("base64");
    let mut text = Vec::new();
    let opener = std::iter::once(&identity as &dyn age::Identity);
    age::Decryptor::new(&octets[..]).and_then(|file| file.decrypt(opener)).expect("a key").read_to_end(&mut text).expect("a key");
    text
}

#[tokio::test]
async fn a_key_is_made_confirmed_and_admitted_in_browsers_and_one_that_is_lost_loses_nothing() {
    let school = School::open(&[AMBER]);
    put(&school.dovecot, AMBER, &letter("sender@school.example", AMBER, FLAGGED)).await;
    let invitations = serde_json::json!({
        "lead": school.invite("Robin Finch", "dsl", LEAD),
        "deputy": school.invite("Kim Linnet", "deputy", DEPUTY),
        "head": school.invite("Sam Wren", "head", HEAD),
    });
    let _watch = Process(school.warden.command("run").stderr(Stdio::null()).spawn().unwrap());
    wait_until("a case is open", || school.warden.cases().len() == 1);
    let before = fs::read(school.warden.state().join("vault/ring/dsl.age")).unwrap();
    school.work(
        "keys.mjs",
        serde_json::json!({
            "invitations": invitations,
            "key": school.warden.identity(),
            "codename": school.case(Category::Bullying).row.codename.as_str(),
        }),
    );
    assert!(fs::read(school.warden.state().join("vault/ring/dsl.age")).unwrap() == before, "nothing that opened before was touched");
    let members = school.warden.vault().ring().listed(Audience::Dsl).unwrap();
    assert_eq!(members.into_iter().map(|member| member.name).collect::<Vec<_>>(), ["Lead", "Kim Linnet", "Robin Finch"]);
    for own in fs::read_dir(school.warden.state().join("vault/ring/dsl")).unwrap() {
        let text = fs::read(own.unwrap().path()).unwrap();
        assert!(text.starts_with(b"age-encryption.org/v1\n-> X25519 "), "wrapped, and nothing else");
    }
    let journal = school.warden.book().journal_end(100).unwrap();
    let added = journal.iter().filter(|line| matches!(line.event, mailwarden::journal::Event::MemberAdded { .. }));
    assert_eq!(added.map(|line| line.who.name()).collect::<Vec<_>>(), ["Robin Finch", "Kim Linnet"]);
}

#[tokio::test]
async fn nothing_of_a_message_runs_loads_or_draws_in_the_browser_of_whoever_opens_it() {
    let school = School::open(&[AMBER]);
    put(&school.dovecot, AMBER, &hostile(HELD)).await;
    school.warden.poll();
    school.warden.book().key_desk(&[LEAD, HEAD].map(address).into()).unwrap();
    let arrived = school.case(Category::Violence).row.codename.to_string();
    let hostile = format!("{MARKUP}{MARKS}");
    let whole = sheet(&hostile, &format!("{hostile} {}", "x".repeat(10 << 20)));
    // Each of these many would be an element of its own on the page.
    let unseen = sheet("\u{200b}", &"\u{200b}\u{202e}".repeat(1 << 20));
    let many =
        serde_json::json!({ "envelope": null, "bodies": [], "passages": [], "attachments": vec![whole["attachments"][1].clone(); 50_000] });
    let broken: Vec<String> = [
        serde_json::json!([]),
        serde_json::json!({ "__proto__": { "pwned": MARKUP }, "passages": MARKUP }),
        serde_json::json!({ "envelope": { "from": MARKUP }, "bodies": {}, "attachments": null, "passages": 7 }),
        serde_json::json!(MARKUP),
    ]
    .iter()
    .map(serde_json::Value::to_string)
    .chain([hostile.clone(), String::new()])
    .collect();
    let forge = |number, sheet: &str, text: Option<&str>| {
        let forged = Forged { folder: &hostile, stray: &hostile, sheet, text, ..Forged::flagged(number, Category::Bullying) };
        school.forge(&forged).to_string()
    };
    let forged: Vec<_> = [&whole, &unseen, &many]
        .into_iter()
        .map(serde_json::Value::to_string)
        .chain(broken)
        .zip(10..)
        .map(|(sheet, number)| forge(number, &sheet, None))
        .collect();
    let apart = |number, text: &str| forge(number, &sheet(&hostile, "").to_string(), Some(text));
    let text = serde_json::json!({ "bodies": whole["bodies"] }).to_string();
    let no_text: Vec<_> = ["[]", "{\"bodies\":7}", MARKUP, ""].into_iter().zip(30..).map(|(text, number)| apart(number, text)).collect();
    let names = ["lead", "head"].map(|who| format!("<img src=x onerror=alert(6)>{who}\u{202e}gnp"));
    school.work(
        "canary.mjs",
        serde_json::json!({
            "names": { "lead": names[0], "head": names[1] },
            "invitations": { "lead": school.invite(&names[0], "dsl", LEAD), "head": school.invite(&names[1], "head", HEAD) },
            "key": school.warden.identity(),
            "arrived": arrived,
            "whole": forged[0],
            "apart": apart(40, &text),
            "noText": no_text,
            "unseen": forged[1],
            "many": forged[2],
            "broken": forged[3..],
            "markup": MARKUP,
            "marks": MARKS,
        }),
    );
}

#[tokio::test]
async fn nothing_that_was_opened_outlives_the_session_or_a_quarter_of_an_hour_without_anybody() {
    let school = School::open(&[AMBER]);
    put(&school.dovecot, AMBER, &hostile(HELD)).await;
    school.warden.poll();
    school.warden.book().key_desk(&[address(LEAD)].into()).unwrap();
    school.work(
        "leaving.mjs",
        serde_json::json!({
            "invitation": school.invite("Robin Finch", "dsl", LEAD),
            "key": school.warden.identity(),
            "codename": school.case(Category::Violence).row.codename.as_str(),
            "canary": CANARY,
        }),
    );
}

#[tokio::test]
async fn what_goes_wrong_in_a_browser_is_told_in_one_kind_sentence_and_nothing_is_lost_by_it() {
    let school = School::open(&[AMBER]);
    put(&school.dovecot, AMBER, &hostile(HELD)).await;
    school.warden.poll();
    school.warden.book().key_desk(&[address(LEAD)].into()).unwrap();
    school.work(
        "mistakes.mjs",
        serde_json::json!({
            "invitation": school.invite("Robin Finch", "dsl", LEAD),
            "key": school.warden.identity(),
            "codename": school.case(Category::Violence).row.codename.as_str(),
            "canary": CANARY,
        }),
    );
}

/// A sheet every field of which holds the same, and one long body.
fn sheet(hostile: &str, body: &str) -> serde_json::Value {
    let location = serde_json::json!({ "part": hostile, "field": hostile, "place": hostile });
    serde_json::json!({
        "envelope": { "from": [hostile, "\u{5d0}\u{5d1}\u{5d2} <b@school.example>"], "to": [hostile], "cc": [hostile], "subject": hostile, "date": hostile },
        "bodies": [{ "location": location, "text": body, "shortened": false }],
        // Letters that run from right to left would take what stands behind them along.
        "attachments": [
            { "part": hostile, "name": hostile, "media_type": hostile, "size": hostile, "sha256": hostile },
            { "part": "2", "name": "\u{5d0}\u{5d1}\u{5d2}", "media_type": "image/png", "size": 7, "sha256": "ab" },
        ],
        "passages": [{
            "rule": hostile, "title": hostile, "kind": hostile, "location": location,
            "before": hostile, "matched": hostile, "after": hostile, "distance": hostile,
        }],
    })
}

fn address(text: &str) -> Address {
    text.parse().expect("an address")
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "not within a minute: {what}");
        // Another process has no event to wait for.
        thread::sleep(Duration::from_millis(100));
    }
}

fn letter(from: &str, to: &str, text: &str) -> Vec<u8> {
    format!("From: {from}\r\nTo: {to}\r\nSubject: hello\r\nDate: Mon, 16 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{text}@school.example>\r\n\r\n{text}\r\n")
        .into_bytes()
}

/// A message that would like to be more than text: in its subject, its names, its bodies and the names of its files, and with
/// a line without an end.
fn hostile(word: &str) -> Vec<u8> {
    let markup = "<script>document.title='pwned'</script><img src=\"https://evil.example/x.png\" onerror=\"alert(1)\"><a href=\"javascript:alert(2)\">x</a>";
    let long = "long ".repeat(200_000);
    format!(
        "From: \"<b>Sender</b>\" <sender@school.example>\r\nTo: {AMBER}\r\nSubject: {CANARY} <script>alert(3)</script>\r\n\
         Date: Mon, 16 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n\
         --x\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         the {word} of it {markup}\r\nturned \u{202e}round\u{202c} and hid\u{200b}den\r\n{long}\r\n\
         --x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<h1>{markup}</h1>\r\n\
         --x\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename*=utf-8''%3Cimg%20src%3Dx%20onerror%3Dalert%284%29%3E%E2%80%AEgnp.exe\r\n\r\n\
         no picture\r\n--x--\r\n"
    )
    .into_bytes()
}

async fn put(dovecot: &Dovecot, user: &str, octets: &[u8]) {
    let inbox = Folder::named(&FolderName("INBOX".to_owned()));
    dovecot.session(user).await.append(&inbox, &[], 1_580_702_706, octets.len() as u64, octets).await.expect("room for a message");
}

async fn lying(dovecot: &Dovecot, user: &str) -> Vec<Vec<u8>> {
    use std::io::Read;
    let mut session = dovecot.session(user).await;
    let selected = session.examine(&Folder::named(&FolderName("INBOX".to_owned()))).await.expect("a folder");
    let listed = session.listing(&selected, &UidSet::from(1)).await.expect("a listing");
    let mut found = Vec::new();
    let mut fetch = session.fetch(&selected, &listed).expect("an open folder");
    while let Some((_, message)) = fetch.next().await.expect("a message") {
        let mut octets = Vec::new();
        message.reader().read_to_end(&mut octets).expect("its octets");
        found.push(octets);
    }
    found
}
