//! What the desk costs: a queue of ten thousand cases, and two hundred readers at once, over the HTTP that a proxy would speak to it.

#![allow(clippy::cast_precision_loss, reason = "no figure has more than three digits")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitCode};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};
use jiff::Timestamp;
use mailwarden::casebook::{Casebook, Ends, New};
use mailwarden::finding::{Action, Audience, Category, Concern, Level};
use mailwarden::journal::InstanceKey;
use mailwarden::mail::{Arrival, FolderName, Place, Uid, UidValidity};
use tempfile::TempDir;

#[allow(dead_code, reason = "each bench uses its share")]
mod peers;

use peers::figure::{Unit, median, note, spread, take, tell};
use peers::ours::binary;
use peers::{Result, folder, stop};

const CASES: u32 = 10_000;
const ROUNDS: usize = 15;
const READERS: usize = 200;
/// Milliseconds that the queue page may take on the server, and kilobytes that it may have.
const QUEUE_LIMIT: f64 = 50.0;
const SIZE_LIMIT: f64 = 100.0;
const PASSWORD: &str = "correct horse battery";
const PORT: u16 = 18_443;

fn main() -> ExitCode {
    take(&[("desk.queue", queue), ("desk.readers", readers)])
}

/// The first page of the queue, from its request to its last octet.
fn queue() -> Result<()> {
    let Some(desk) = Desk::open()? else {
        tell("desk.queue", Unit::Cost("ms"), None, Some(("limit", QUEUE_LIMIT)));
        return Ok(());
    };
    let mut times = Vec::new();
    let mut size = 0;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let page = desk.get("/queue")?;
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
        if !page.contains(&format!("{CASES} in this list")) {
            return Err("the page does not show every case".into());
        }
        size = page.len();
    }
    note(&format!("desk.queue: {} ms for {CASES} cases", spread(&times)));
    tell("desk.queue", Unit::Cost("ms"), median(times), Some(("limit", QUEUE_LIMIT)));
    tell("desk.queue-size", Unit::Cost("kB"), Some(size as f64 / 1_000.0), Some(("limit", SIZE_LIMIT)));
    Ok(())
}

/// Two hundred people who ask for the queue at the same moment: how long the last of them waits, and nobody gets an error.
fn readers() -> Result<()> {
    let Some(desk) = Desk::open()? else {
        tell("desk.readers", Unit::Rate("pages/s"), None, None);
        return Ok(());
    };
    let failed = AtomicUsize::new(0);
    let began = Instant::now();
    thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                if !desk.get("/queue").is_ok_and(|page| page.contains("in this list")) {
                    failed.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    let failed = failed.into_inner();
    note(&format!("desk.readers: {READERS} at once, {failed} without an answer, the last after {seconds:.2} s"));
    if failed > 0 {
        return Err(format!("{failed} of {READERS} readers got no page").into());
    }
    tell("desk.readers", Unit::Rate("pages/s"), Some(READERS as f64 / seconds), None);
    Ok(())
}

/// A desk with its cases and one person who has signed in.
struct Desk {
    folder: TempDir,
    process: Child,
    cookie: String,
}

impl Drop for Desk {
    fn drop(&mut self) {
        stop(&mut self.process);
    }
}

impl Desk {
    fn open() -> Result<Option<Self>> {
        let Some(binary) = binary()? else { return Ok(None) };
        let folder = folder()?;
        let at = folder.path();
        fs::create_dir(at.join("desk"))?;
        fs::write(at.join("mailwarden.toml"), CONFIG)?;
        fill(at)?;
        let mut command = Command::new(&binary);
        let process = command.args(["review", "--config"]).arg(at.join("mailwarden.toml")).spawn()?;
        let mut desk = Self { folder, process, cookie: String::new() };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", PORT)).is_err() {
            if began.elapsed() > Duration::from_secs(20) {
                return Err("the desk does not listen".into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        let invited = Command::new(&binary)
            .args(["accounts", "invite", "--name", "Robin Finch", "--role", "dsl", "--address", "dsl@school.example", "--config"])
            .arg(desk.folder.path().join("mailwarden.toml"))
            .output()?;
        let link = String::from_utf8(invited.stdout)?;
        let path = format!("/invitation/{}", link.trim().rsplit('/').next().unwrap_or_default());
        let page = desk.get(&path)?;
        let secret = page.split("app: <span class=\"mono\">").nth(1).and_then(|rest| rest.split('<').next()).ok_or("no secret is shown")?;
        let code = code(secret);
        let password = PASSWORD.replace(' ', "+");
        desk.post(&path, &format!("password={password}&again={password}&code={code}"))?;
        let signed_in = desk.post("/sign-in", &format!("name=Robin+Finch&password={password}&code={code}"))?;
        let cookie = signed_in.lines().find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next()).ok_or("nobody is let in")?;
        cookie.clone_into(&mut desk.cookie);
        Ok(Some(desk))
    }

    fn get(&self, path: &str) -> Result<String> {
        ask(&format!("GET {path} HTTP/1.1\r\n{}\r\n", self.headers(0)))
    }

    fn post(&self, path: &str, form: &str) -> Result<String> {
        ask(&format!("POST {path} HTTP/1.1\r\n{}Origin: https://desk.example\r\n\r\n{form}", self.headers(form.len())))
    }

    fn headers(&self, length: usize) -> String {
        format!("Host: desk.example\r\nConnection: close\r\nContent-Length: {length}\r\nCookie: {}\r\n", self.cookie)
    }
}

/// The head and the body of an answer.
fn ask(request: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", PORT))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = BufReader::new(stream);
    let mut status = String::new();
    answer.read_line(&mut status)?;
    let mut rest = String::new();
    answer.read_to_string(&mut rest)?;
    if status.contains(" 200 ") || status.contains(" 303 ") { Ok(rest) } else { Err(format!("{}: {rest}", status.trim()).into()) }
}

/// Cases of every category and level, none of them decided.
fn fill(at: &Path) -> Result<()> {
    let key = InstanceKey::create(&at.join("instance.key"))?;
    let book = Casebook::open(&at.join("casebook.db"), key)?;
    let ends = Ends { sender: "pupil".to_owned(), recipients: vec!["pupil".to_owned(), "staff".to_owned()] };
    let arrival = Arrival { flags: Vec::new(), internal_date: 1_000, size: 2_000 };
    let concern = |number: u32| Concern {
        category: Category::ALL[number as usize % Category::ALL.len()],
        level: Level::ALL[1 + number as usize % 4],
        action: Action::Flag,
        categories: Vec::new(),
        findings: Vec::new(),
        incomplete: Vec::new(),
    };
    let numbers: Vec<_> = (1..=CASES).map(|number| (number, concern(number), place(number))).collect();
    for some in numbers.chunks(500) {
        book.record_all(some.iter().map(|(number, concern, place)| {
            let mut digest = [0; 32];
            digest[..4].copy_from_slice(&number.to_be_bytes());
            New {
                content: book.key_content(&digest, &[0; 32]),
                message: book.key_message(&digest),
                place,
                arrival: &arrival,
                found_at: Timestamp::now(),
                concern,
                level: concern.level,
                parties: &[],
                ends: &ends,
                audiences: &[Audience::Dsl],
                sheet: None,
                message_object: None,
                rule_set: "0123456789abcdef",
                notices: &[],
                backscan: false,
            }
        }))?;
    }
    Ok(book.key_desk(&["dsl@school.example".parse()?].into())?)
}

fn place(number: u32) -> Place {
    let mailbox = format!("pupil{}@school.example", number % 1_000).parse().expect("an address");
    Place { mailbox, folder: FolderName("INBOX".to_owned()), uidvalidity: UidValidity(9), uid: Uid::new(number).expect("not 0") }
}

/// The code of now (RFC 6238) for a secret as the page shows it.
fn code(base32: &str) -> String {
    let (mut secret, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for octet in base32.bytes().filter(|octet| *octet != b' ') {
        bits = bits << 5 | u32::from(if octet < b'A' { octet - b'2' + 26 } else { octet - b'A' });
        count += 5;
        if count >= 8 {
            count -= 8;
            secret.push(u8::try_from(bits >> count & 255).unwrap_or_default());
        }
    }
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&secret).expect("HMAC takes keys of any length");
    mac.update(&(Timestamp::now().as_second() / 30).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 15);
    let number = u32::from_be_bytes([digest[at], digest[at + 1], digest[at + 2], digest[at + 3]]) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

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
[review]
host = "desk.example"
listen = "127.0.0.1:18443"
behind_proxy = true
directory = "desk"
[[contact]]
recipient = "dsl"
name = "Robin Finch"
address = "dsl@school.example"
[[contact]]
recipient = "technician"
name = "Jay Martin"
address = "it@school.example"
"#;
