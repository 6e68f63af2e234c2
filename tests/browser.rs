//! The desk in a real browser, beside a real mail server: from an invitation to a message that is back in its mailbox.

mod support;

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use mailwarden::casebook::CaseFacts;
use mailwarden::config::{Secret, Security};
use mailwarden::finding::{Action, Category};
use mailwarden::mail::FolderName;
use mailwarden::watch::imap::{Folder, Limits, Login, Server, Session, UidSet, trust_file};
use support::dovecot::{Dovecot, PASSWORD};
use support::smtp::Smtp;
use support::warden::{FLAGGED, HELD, Warden, rule};
use support::{end, free_port, require};

const AMBER: &str = "amber@school.example";
const LEAD: &str = "lead@school.example";
const DEPUTY: &str = "heron@school.example";
/// It stands in what is sealed, and nowhere before it is opened.
const CANARY: &str = "CANARY-SUBJECT";
/// How long the daemon may take to judge what lies there.
const PATIENCE: Duration = Duration::from_mins(1);

/// Ends with the test, however it ends.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        end(&mut self.0);
    }
}

#[tokio::test]
async fn people_work_at_the_desk_in_a_browser_and_a_released_message_is_back() {
    let chromium = require("chromium", "chromium");
    let node = require("node", "nodejs");
    require("npm", "npm");
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER, DEPUTY]);
    let port = free_port();
    let at = warden.path();
    fs::create_dir(at.join("desk")).unwrap();
    let text = fs::read_to_string(warden.config()).unwrap();
    // Far from now: what is to be done today can be put off for half an hour.
    let digest = if Timestamp::now().to_zoned(TimeZone::get("Europe/London").unwrap()).hour() < 12 { "20:00" } else { "06:00" };
    let text = text.replace("[school]\n", &format!("[school]\ndigest_at = \"{digest}\"\n"));
    let desk = format!("{text}\n[review]\nhost = \"localhost\"\nlisten = \"127.0.0.1:{port}\"\ndirectory = \"desk\"\n");
    fs::write(warden.config(), desk).unwrap();
    fs::create_dir_all(at.join("rules/hate")).unwrap();
    fs::write(at.join("rules/hate/test.toml"), rule("hate", "sorrelwing")).unwrap();

    let held = hostile(HELD);
    put(&dovecot, AMBER, &held).await;
    put(&dovecot, AMBER, &letter("sender@school.example", AMBER, FLAGGED)).await;
    put(&dovecot, AMBER, &letter(DEPUTY, AMBER, "sorrelwing")).await;
    let origin = format!("https://localhost:{port}");
    let _review = Process(warden.command("review").spawn().unwrap());
    wait_until("the desk listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
    let invite = |name: &str, role: &str, address: &str| {
        let invited = warden.command("accounts invite").args(["--name", name, "--role", role, "--address", address]).output().unwrap();
        assert!(invited.status.success(), "{}", String::from_utf8_lossy(&invited.stderr));
        String::from_utf8(invited.stdout).unwrap().trim().to_owned()
    };
    let (lead, deputy) = (invite("Robin Finch", "dsl", LEAD), invite("Kim Linnet", "deputy", DEPUTY));
    let head = invite("Sam Wren", "head", "head@school.example");
    let _watch = Process(warden.command("run").stderr(Stdio::null()).spawn().unwrap());
    wait_until("three cases are open", || warden.cases().len() == 3);
    wait_until("the held message is gone", || case(&warden, Category::Violence).places[0].state.as_str() == "removed");
    assert_eq!(lying(&dovecot, AMBER).await.len(), 2);

    let modules = tempfile::tempdir().unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    for file in ["desk.mjs", "package.json", "package-lock.json"] {
        fs::copy(here.join(file), modules.path().join(file)).unwrap();
    }
    let installed = Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--silent"]).current_dir(modules.path()).output().unwrap();
    assert!(installed.status.success(), "npm ci: {}", String::from_utf8_lossy(&installed.stderr));
    let told = serde_json::json!({
        "origin": origin,
        "invitations": { "lead": lead, "deputy": deputy, "head": head },
        "key": warden.identity(),
        "held": case(&warden, Category::Violence).row.codename.as_str(),
        "flagged": case(&warden, Category::Bullying).row.codename.as_str(),
        "about": case(&warden, Category::Hate).row.codename.as_str(),
        "canary": CANARY,
        "pictures": std::env::var("DESK_PICTURES").ok(),
    });
    let worked = Command::new(node)
        .arg("desk.mjs")
        .current_dir(modules.path())
        .env("DESK", told.to_string())
        .env("CHROMIUM", chromium)
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&worked.stdout), String::from_utf8_lossy(&worked.stderr));
    assert!(worked.status.success() && said.contains("looks, no violation"), "{said}");

    let lying = lying(&dovecot, AMBER).await;
    assert!(lying.len() == 3 && lying.contains(&held), "the very message is back");
    assert!(case(&warden, Category::Violence).released.is_some_and(|(_, who)| who == "Robin Finch"));
    assert!(case(&warden, Category::Bullying).released.is_some(), "what was decided without script was carried out");
}

fn case(warden: &Warden, category: Category) -> CaseFacts {
    let found = warden.cases().into_iter().find(|case| case.row.category == category).expect("a case of that category");
    assert_eq!(found.row.action >= Action::Hold, category == Category::Violence);
    found
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

/// A message that would like to be more than text: markup, marks that turn or hide the writing, and a line without an end.
fn hostile(word: &str) -> Vec<u8> {
    let markup = "<script>document.title='pwned'</script><img src=\"https://evil.example/x.png\" onerror=\"alert(1)\"><a href=\"javascript:alert(2)\">x</a>";
    let long = "long ".repeat(200_000);
    format!(
        "From: \"<b>Sender</b>\" <sender@school.example>\r\nTo: {AMBER}\r\nSubject: {CANARY} <script>alert(3)</script>\r\n\
         Date: Mon, 16 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
         the {word} of it {markup}\r\nturned \u{202e}round\u{202c} and hid\u{200b}den\r\n{long}\r\n"
    )
    .into_bytes()
}

async fn session(dovecot: &Dovecot, user: &str) -> Session {
    let tls = trust_file(&dovecot.authority()).expect("the authority of the test");
    let server = Server { host: "localhost".to_owned(), port: dovecot.imaps, security: Security::Tls, tls, limits: Limits::default() };
    let mut session = Session::connect(&server).await.expect("a connection");
    session.login(&Login::Password { user: user.to_owned(), password: Secret::new(PASSWORD.to_owned()) }).await.expect("a login");
    session
}

async fn put(dovecot: &Dovecot, user: &str, octets: &[u8]) {
    let inbox = Folder::named(&FolderName("INBOX".to_owned()));
    session(dovecot, user).await.append(&inbox, &[], 1_580_702_706, octets.len() as u64, octets).await.expect("room for a message");
}

async fn lying(dovecot: &Dovecot, user: &str) -> Vec<Vec<u8>> {
    use std::io::Read;
    let mut session = session(dovecot, user).await;
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
