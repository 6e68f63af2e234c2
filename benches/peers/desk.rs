//! A desk with its cases and its people, and a browser in front of it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use argon2::password_hash::{PasswordHasher, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use mailwarden::case::{AttachmentLine, BodyText, Envelope, PlaceState, Sheet, Text};
use mailwarden::casebook::{Casebook, Ends, New};
use mailwarden::desk::{Credentials, NewAccount, Role};
use mailwarden::finding::{Action, Audience, Category, Concern, Field, Level, Location};
use mailwarden::journal::{Actor, InstanceKey};
use mailwarden::mail::{Arrival, FolderName, Place, Uid, UidValidity};
use mailwarden::vault::{Member, MemberIdentity, Vault};
use tempfile::TempDir;

use super::{Result, folder, stop};

const PASSWORD: &str = "correct horse battery";
/// Octets of the bodies of a text, as many as one holds.
const BODIES: usize = 8;
const BODY: usize = 64 << 10;

/// How people come to it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// Plain HTTP, as a proxy speaks it.
    Proxy,
    /// Its own TLS, for a browser.
    Tls,
}

/// A desk of its own on the first core.
pub struct Desk {
    folder: TempDir,
    process: Child,
    book: Casebook,
    port: u16,
}

/// Somebody who has signed in.
pub struct Reader {
    port: u16,
    number: usize,
    cookie: String,
}

impl Drop for Desk {
    fn drop(&mut self) {
        stop(&mut self.process);
    }
}

impl Desk {
    /// Without any case.
    pub fn open(binary: &Path, door: Door) -> Result<Self> {
        let folder = folder()?;
        let at = folder.path();
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        fs::create_dir(at.join("desk"))?;
        let (host, behind_proxy) = if door == Door::Proxy { ("desk.example", true) } else { ("localhost", false) };
        let desk = format!(
            "[review]\nhost = \"{host}\"\nlisten = \"127.0.0.1:{port}\"\nbehind_proxy = {behind_proxy}\ndirectory = \"desk\"\n{CONTACTS}"
        );
        fs::write(at.join("mailwarden.toml"), format!("{CONFIG}{desk}"))?;
        let book = Casebook::open(&at.join("casebook.db"), InstanceKey::create(&at.join("instance.key"))?)?;
        let mut command = Command::new("taskset");
        let process = command.args(["-c", "0"]).arg(binary).args(["review", "--config"]).arg(at.join("mailwarden.toml")).spawn()?;
        let desk = Self { folder, process, book, port };
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if began.elapsed() > Duration::from_secs(20) {
                return Err("the desk does not listen".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(desk)
    }

    /// Cases of every category and level, none of them decided.
    pub fn fill(&self, cases: u32) -> Result<()> {
        let numbers: Vec<_> = (1..=cases).map(|number| (number, concern(number, Action::Flag), place(number))).collect();
        for some in numbers.chunks(500) {
            self.book.record_all(some.iter().map(|(number, concern, place)| self.new_case(*number, concern, place)))?;
        }
        Ok(())
    }

    /// A case of which a message of so many octets is held, with a text that holds all that one may.
    pub fn hold(&self, octets: usize) -> Result<String> {
        let vault = Vault::open(&self.folder.path().join("vault"))?;
        let identity = MemberIdentity::generate();
        identity.write(&self.key())?;
        vault.ring().create(Audience::Dsl, &[Member { name: "Robin Finch".to_owned(), recipient: identity.recipient() }])?;
        let message = vec![b'm'; octets];
        let (sheet, text) = (serde_json::to_vec(&sheet())?, serde_json::to_vec(&text())?);
        let seal = |octets: &[u8]| vault.seal(|| octets, &[Audience::Dsl]);
        let (sheet, text, message) = (seal(&sheet)?, seal(&text)?, seal(&message)?);
        let (concern, place) = (concern(1, Action::Hold), place(1));
        let new = New { sheet: Some(&sheet), text: Some(&text), message_object: Some(&message), ..self.new_case(1, &concern, &place) };
        let recorded = self.book.record(&new)?;
        self.book.settle(Timestamp::now(), &Actor::Program, recorded.place, PlaceState::Removed)?;
        Ok(recorded.codename.to_string())
    }

    fn new_case<'a>(&self, number: u32, concern: &'a Concern, place: &'a Place) -> New<'a> {
        let mut digest = [0; 32];
        digest[..4].copy_from_slice(&number.to_be_bytes());
        New {
            content: self.book.key_content(&digest, &[0; 32]),
            message: self.book.key_message(&digest),
            place,
            arrival: &ARRIVAL,
            found_at: Timestamp::now(),
            concern,
            level: concern.level,
            parties: &[],
            thread: &[],
            ends: &ENDS,
            audiences: &[Audience::Dsl],
            sheet: None,
            text: None,
            message_object: None,
            rule_set: "0123456789abcdef",
            notices: &[],
            backscan: false,
        }
    }

    /// One more person, who signs in from an address of her own. Her password is weighed lightly: the figures are about pages.
    pub fn reader(&self, number: usize) -> Result<Reader> {
        let desk = mailwarden::desk::Desk::open(&self.folder.path().join("desk"))?;
        let name = format!("Reader {number}");
        let new = NewAccount { name: name.clone(), role: Role::Dsl, addresses: Vec::new() };
        let link = desk.invite(Timestamp::now(), &Actor::Program, &new)?;
        let secret = desk.invited(Timestamp::now(), link.expose())?.ok_or("nobody is invited")?.totp;
        let light = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).map_err(|error| error.to_string())?);
        let salt = SaltString::encode_b64(&[7; 16]).map_err(|error| error.to_string())?;
        let hash = light.hash_password(PASSWORD.as_bytes(), &salt).map_err(|error| error.to_string())?;
        let proved = Credentials { password: hash.to_string(), totp: secret.clone(), totp_step: 0 };
        desk.accept(Timestamp::now(), link.expose(), &proved)?;
        let mut reader = Reader { port: self.port, number, cookie: String::new() };
        let form = format!("name={}&password={}&code={}", name.replace(' ', "+"), PASSWORD.replace(' ', "+"), code(&secret));
        let told = reader.ask("POST", "/sign-in", &form)?;
        let cookie = told.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next()).ok_or("nobody is let in")?;
        cookie.clone_into(&mut reader.cookie);
        Ok(reader)
    }

    /// The most that was resident at once.
    pub fn most_memory_mib(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        Ok(kib.ok_or("the desk is gone")? / 1_024.0)
    }

    /// Milliseconds of several rounds, by what took them.
    pub fn browser(&self, codename: &str, octets: usize) -> Result<serde_json::Value> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let (work, scripts) = (self.folder.path().join("browser"), self.folder.path().join("script"));
        copy(&root.join("tests/browser"), &work)?;
        copy(&root.join("src/review/script"), &scripts)?;
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--silent"]).current_dir(&work))?;
        run(Command::new("npm").args(["ci", "--no-audit", "--no-fund", "--silent"]).current_dir(&scripts))?;
        let bundled = ["age-encryption", "--bundle", "--format=iife", "--global-name=age", "--log-level=warning", "--outfile=age.js"];
        run(Command::new(scripts.join("node_modules/.bin/esbuild")).args(bundled).current_dir(&scripts))?;
        let invited = mailwarden::desk::Desk::open(&self.folder.path().join("desk"))?;
        let new = NewAccount { name: "Robin Finch".to_owned(), role: Role::Dsl, addresses: Vec::new() };
        let link = invited.invite(Timestamp::now(), &Actor::Program, &new)?;
        let origin = format!("https://localhost:{}", self.port);
        let told = serde_json::json!({
            "origin": origin, "invitation": format!("{origin}/invitation/{}", link.expose()), "key": self.key(),
            "codename": codename, "octets": octets, "age": scripts.join("age.js"),
        });
        let said = run(Command::new("node").arg("unseal.mjs").current_dir(&work).env("DESK", told.to_string()))?;
        Ok(serde_json::from_str(said.lines().last().unwrap_or_default())?)
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("robin.key")
    }
}

impl Reader {
    pub fn get(&self, path: &str) -> Result<String> {
        self.ask("GET", path, "")
    }

    /// The head and the body of an answer.
    fn ask(&self, method: &str, path: &str, form: &str) -> Result<String> {
        let Self { port, number, cookie } = self;
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, *port))?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: desk.example\r\nOrigin: https://desk.example\r\nX-Forwarded-For: 192.0.2.{}\r\n\
             Connection: close\r\nContent-Length: {}\r\nCookie: {cookie}\r\n\r\n{form}",
            number % 256,
            form.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = BufReader::new(stream);
        let mut status = String::new();
        answer.read_line(&mut status)?;
        let mut rest = String::new();
        answer.read_to_string(&mut rest)?;
        if status.contains(" 200 ") || status.contains(" 303 ") { Ok(rest) } else { Err(format!("{}: {rest}", status.trim()).into()) }
    }
}

fn run(command: &mut Command) -> Result<String> {
    let done = command.output()?;
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    if done.status.success() { Ok(said) } else { Err(format!("{command:?}: {said}{}", String::from_utf8_lossy(&done.stderr)).into()) }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for file in fs::read_dir(from)? {
        let file = file?;
        if file.file_type()?.is_file() {
            fs::copy(file.path(), to.join(file.file_name()))?;
        }
    }
    Ok(())
}

fn concern(number: u32, action: Action) -> Concern {
    Concern {
        category: Category::ALL[number as usize % Category::ALL.len()],
        level: Level::ALL[1 + number as usize % 4],
        action,
        categories: Vec::new(),
        findings: Vec::new(),
        incomplete: Vec::new(),
    }
}

fn place(number: u32) -> Place {
    let mailbox = format!("pupil{}@school.example", number % 1_000).parse().expect("an address");
    Place { mailbox, folder: FolderName("INBOX".to_owned()), uidvalidity: UidValidity(9), uid: Uid::new(number).expect("not 0") }
}

/// Words of many kinds: what is drawn is not one line of one letter.
fn text() -> Text {
    let location = || Location { part: "1".to_owned(), field: Field::Body, place: None };
    let text = "The quick brown fox jumps over the lazy dog, \u{e9}t\u{e9} and \u{200b}all.\n".repeat(BODY / 70);
    Text { bodies: (0..BODIES).map(|_| BodyText { location: location(), text: text.clone(), shortened: true }).collect() }
}

fn sheet() -> Sheet {
    Sheet {
        envelope: Some(Envelope {
            from: vec!["Ann <ann@school.example>".to_owned()],
            to: vec!["Ben <ben@school.example>".to_owned()],
            cc: Vec::new(),
            subject: "the trip".to_owned(),
            date: "Mon, 16 Nov 2026 10:00:00 +0000".to_owned(),
        }),
        bodies: Vec::new(),
        attachments: vec![AttachmentLine {
            part: "2".to_owned(),
            name: Some("trip.pdf".to_owned()),
            media_type: "application/pdf".to_owned(),
            size: 20 << 20,
            sha256: "ab".repeat(32),
        }],
        passages: Vec::new(),
    }
}

/// The code of now (RFC 6238).
fn code(secret: &[u8]) -> String {
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(&(Timestamp::now().as_second() / 30).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 15);
    let number = u32::from_be_bytes([digest[at], digest[at + 1], digest[at + 2], digest[at + 3]]) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

static ARRIVAL: Arrival = Arrival { flags: Vec::new(), internal_date: 1_000, size: 2_000 };
static ENDS: std::sync::LazyLock<Ends> =
    std::sync::LazyLock::new(|| Ends { sender: "pupil".to_owned(), recipients: vec!["pupil".to_owned(), "staff".to_owned()] });

const CONFIG: &str = r#"
[school]
name = "Willowbrook School"
domains = ["school.example"]
[state]
directory = "."
[[server]]
host = "localhost"
[[mailbox]]
address = "ann@school.example"
role = "pupil"
credential = "ann"
[notice]
from = "mailwarden@school.example"
smtp_host = "localhost"
"#;
const CONTACTS: &str = r#"
[[contact]]
recipient = "dsl"
name = "Robin Finch"
address = "dsl@school.example"
[[contact]]
recipient = "technician"
name = "Jay Martin"
address = "it@school.example"
"#;
