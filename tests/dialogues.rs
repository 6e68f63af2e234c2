//! Everything that mail servers have been seen to do wrong, and what the IMAP client makes of it: a file of
//! `tests/dialogues` each.
//!
//! ```text
//! # What the server does.
//! begin: select            how far a dialogue without surprises goes first: nothing, login, examine, select
//! offer: UIDPLUS IDLE      what the server can do
//! do: fetch 101:24 102:24  the deed
//! expect: …                what it comes to
//! --
//! C: w3 UID FETCH 101:102 (UID BODY.PEEK[])
//! S: …
//! ```

mod support;

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use mailwarden::config::{Secret, Security, TokenMechanism};
use mailwarden::mail::{Arrival, FolderName, Uid};
use mailwarden::watch::imap::{
    Folder, FolderStatus, FrameLimits, IdleEnd, ImapError, Limits, Listed, Login, Sasl, Selected, Server, Session, UidSet,
};
use support::script::{Step, play};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

/// What a server must never make the client repeat in an error: it stands for the content of a message.
const CANARY: &str = "canary";

const LIMITS: Limits = Limits {
    command: Duration::from_secs(4),
    silence: Duration::from_secs(2),
    slowest: 1 << 10,
    idle: Duration::from_secs(1),
    idle_end: Duration::from_millis(800),
    large: 64,
    part: 32,
    message: 100,
    frame: FrameLimits { line: 8 << 10, literal: 1000 },
};

#[tokio::test]
async fn every_misbehaviour_comes_to_what_its_dialogue_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/dialogues");
    let mut dialogues = JoinSet::new();
    for entry in fs::read_dir(folder).expect("tests/dialogues") {
        let path = entry.expect("a dialogue").path();
        dialogues.spawn(async move {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let dialogue = Dialogue::read(&path).map_err(|why| format!("{name}: {why}"))?;
            dialogue.hold().await.map_err(|why| format!("{name}: {why}"))
        });
    }
    let held = dialogues.join_all().await;
    let failures: Vec<String> = held.iter().filter_map(|outcome| outcome.clone().err()).collect();
    assert!(held.len() >= 25, "only {} dialogues", held.len());
    assert!(failures.is_empty(), "{} of {} dialogues:\n{}", failures.len(), held.len(), failures.join("\n"));
}

#[derive(Default)]
struct Dialogue {
    begin: String,
    offer: String,
    security: String,
    deeds: Vec<String>,
    expected: Vec<String>,
    steps: Vec<Step>,
}

impl Dialogue {
    fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path).map_err(|error: io::Error| error.to_string())?;
        let (head, lines) = text.split_once("\n--\n").ok_or("no line `--`")?;
        let mut dialogue = Self::default();
        for line in head.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (key, value) = line.split_once(": ").ok_or(line)?;
            match key {
                "begin" => value.clone_into(&mut dialogue.begin),
                "do" => dialogue.deeds.push(value.to_owned()),
                "expect" => dialogue.expected.push(value.to_owned()),
                "offer" => value.clone_into(&mut dialogue.offer),
                "security" => value.clone_into(&mut dialogue.security),
                _ => return Err(line.to_owned()),
            }
        }
        let mut lines_before = String::new();
        if !dialogue.begin.is_empty() {
            let _ = write!(
                lines_before,
                "S: * OK ready\nC: w1 LOGIN \"amber\" \"pass\"\nS: w1 OK [CAPABILITY IMAP4rev1 {}] in\n",
                dialogue.offer
            );
        }
        if ["examine", "select"].contains(&&*dialogue.begin) {
            let command = dialogue.begin.to_uppercase();
            let _ = write!(lines_before, "C: w2 {command} \"INBOX\"\nS: * 5 EXISTS\nS: * OK [UIDVALIDITY 7]\nS: w2 OK done\n");
        }
        if dialogue.deeds.is_empty() || dialogue.deeds.len() != dialogue.expected.len() {
            return Err("every deed comes to something".to_owned());
        }
        let lines = lines_before.lines().chain(lines.lines());
        dialogue.steps = lines.filter(|line| !line.is_empty()).map(Step::parse).collect::<Result<_, _>>()?;
        Ok(dialogue)
    }

    async fn hold(self) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        let steps = self.steps;
        let server = tokio::spawn(async move {
            let (client, _) = listener.accept().await.map_err(|error| error.to_string())?;
            play(client, steps).await
        });
        let mut client = Client { port, starttls: self.security == "starttls", session: None, selected: None };
        for deed in ["connect", "login", &format!("{} INBOX", self.begin)].iter().take(match &*self.begin {
            "" => 0,
            "login" => 2,
            _ => 3,
        }) {
            client.act(deed).await.map_err(|error| format!("{deed}: {error}"))?;
        }
        for (deed, expected) in self.deeds.iter().zip(&self.expected) {
            let outcome = client.act(deed).await.unwrap_or_else(|error| tell(&error));
            let outcome = outcome.replace(&format!(":{port}"), ":PORT");
            if outcome.contains(CANARY) {
                return Err(format!("`{deed}` tells what it must not: {outcome}"));
            }
            if outcome != *expected {
                return Err(format!("`{deed}` came to\n    {outcome}\n  and not\n    {expected}"));
            }
        }
        drop(client);
        server.await.map_err(|error| error.to_string())?
    }
}

struct Client {
    port: u16,
    starttls: bool,
    session: Option<Session>,
    selected: Option<Selected>,
}

impl Client {
    async fn act(&mut self, deed: &str) -> Result<String, ImapError> {
        let (verb, rest) = deed.split_once(' ').unwrap_or((deed, ""));
        if verb == "connect" {
            self.session = Some(Session::connect(&self.server()).await?);
            return Ok("connected".to_owned());
        }
        let session = self.session.as_mut().expect("`connect` comes first");
        let uids = || rest.split(' ').filter_map(|uid| Uid::new(uid.parse().ok()?));
        match verb {
            "login" => {
                let password = Secret::new("pass".to_owned());
                session.login(&Login::Password { user: "amber".to_owned(), password }).await?;
                return Ok(signed_in(session));
            }
            "token" => {
                let mechanism = if rest == "oauthbearer" { TokenMechanism::OAuthBearer } else { TokenMechanism::XOAuth2 };
                let token = Secret::new("token".to_owned());
                session.login(&Login::Sasl(Sasl::Token { user: "amber".to_owned(), token, mechanism })).await?;
                return Ok(signed_in(session));
            }
            "plain" => {
                let password = Secret::new("pass".to_owned());
                session
                    .login(&Login::Sasl(Sasl::Plain { name: "warden".to_owned(), instead_of: Some("amber".to_owned()), password }))
                    .await?;
                return Ok(signed_in(session));
            }
            "list" => {
                let tell = |folder: Folder| {
                    let special = folder.special_use.map(|special| format!(" {special:?}")).unwrap_or_default();
                    format!("{}{special}{}", folder.name, if folder.selectable { "" } else { " (closed)" })
                };
                return Ok(session.list().await?.into_iter().map(tell).collect::<Vec<_>>().join(", "));
            }
            "status" => {
                let folders: Vec<Folder> = rest.split(' ').map(|name| Folder::named(&FolderName(name.to_owned()))).collect();
                return Ok(session.status(&folders).await?.into_iter().map(numbers).collect::<Vec<_>>().join("; "));
            }
            "survey" => {
                let tell = |(folder, status): (Folder, _)| format!("{}: {}", folder.name, numbers(status));
                return Ok(session.survey().await?.into_iter().map(tell).collect::<Vec<_>>().join("; "));
            }
            "noop" => return session.noop().await.map(|()| "done".to_owned()),
            "append" => {
                let flags = ["\\Seen".to_owned(), "\\Recent".to_owned()];
                let placed = session.append(&Folder::inbox(), &flags, 0, 5, rest.as_bytes()).await?;
                return Ok(placed.map_or("somewhere".to_owned(), |place| format!("{} {}", place.uidvalidity.0, place.uid)));
            }
            "examine" | "select" => {
                let folder = Folder::named(&FolderName(rest.to_owned()));
                let opened = if verb == "select" { session.select(&folder).await? } else { session.examine(&folder).await? };
                let told = format!("{} messages, next {:?}, validity {}", opened.exists, opened.uidnext, opened.uidvalidity.0);
                let told = if opened.read_only { told + ", read-only" } else { told };
                self.selected.get_or_insert(opened);
                return Ok(told);
            }
            _ => {}
        }
        let selected = self.selected.as_ref().expect("`select` comes first");
        let first = uids().next();
        match (verb, first) {
            ("delete", Some(uid)) => session.store_deleted(selected, uid).await.map(|()| "done".to_owned()),
            ("expunge", Some(uid)) => session.expunge(selected, uid).await.map(|()| "done".to_owned()),
            ("arrived", Some(uid)) => {
                let day = "2026-11-21".parse().expect("a day");
                let told: Vec<_> =
                    session.arrived_on(selected, &UidSet::from(uid.get()), day).await?.iter().map(ToString::to_string).collect();
                Ok(if told.is_empty() { "nothing".to_owned() } else { told.join(" ") })
            }
            ("trash", Some(uid)) => session.remove_labels_and_message(selected, uid).await.map(|()| "done".to_owned()),
            ("gone", Some(uid)) => session.is_gone(selected, uid).await.map(|gone| if gone { "gone" } else { "still there" }.to_owned()),
            ("listing", Some(uid)) => {
                let tell = |one: Listed| {
                    format!("{} ({}) {} octets at {}", one.uid, one.arrival.flags.join(" "), one.arrival.size, one.arrival.internal_date)
                };
                let told: Vec<_> = session.listing(selected, &UidSet::from(uid.get())).await?.into_iter().map(tell).collect();
                Ok(if told.is_empty() { "nothing".to_owned() } else { told.join("; ") })
            }
            ("idle", _) => {
                let until = tokio::time::sleep(Duration::from_millis(rest.parse().expect("milliseconds")));
                session.idle(selected, until).await.map(|end| if end == IdleEnd::News { "news" } else { "deadline" }.to_owned())
            }
            ("fetch", _) => fetch(session, selected, rest).await,
            _ => panic!("`{deed}` is no deed"),
        }
    }

    fn server(&self) -> Server {
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions();
        let tls = tls.expect("TLS").with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        let security = if self.starttls { Security::StartTls } else { Security::Plaintext };
        Server { host: "127.0.0.1".to_owned(), port: self.port, security, tls: Arc::new(tls), limits: LIMITS }
    }
}

fn numbers(status: Option<FolderStatus>) -> String {
    let tell = |known: FolderStatus| format!("{} messages, next {}, validity {}", known.messages, known.uidnext, known.uidvalidity.0);
    status.map_or("unknown".to_owned(), tell)
}

fn signed_in(session: &Session) -> String {
    let can = session.capabilities();
    format!("logged in, uidplus {}, idle {}, move {}", can.uidplus, can.idle, can.r#move)
}

/// Fetches `uid:size …`, and says what came of each.
async fn fetch(session: &mut Session, selected: &Selected, wanted: &str) -> Result<String, ImapError> {
    let listed: Vec<Listed> = wanted
        .split(' ')
        .map(|one| {
            let (uid, size) = one.split_once(':').expect("uid:size");
            let size = size.parse().expect("a size");
            let uid = Uid::new(uid.parse().expect("a number")).expect("above 0");
            Listed { uid, arrival: Arrival { flags: Vec::new(), internal_date: 0, size } }
        })
        .collect();
    let mut fetch = session.fetch(selected, &listed)?;
    let mut came = Vec::new();
    while let Some((uid, message)) = fetch.next().await? {
        came.push(format!("{uid} of {} octets", message.size()));
    }
    came.extend(fetch.missing().iter().map(|uid| format!("{uid} missing")));
    came.extend(fetch.oversized().iter().map(|uid| format!("{uid} oversized")));
    Ok(came.join(", "))
}

/// The variant of an error, and what a person reads.
fn tell(error: &ImapError) -> String {
    let variant: String = format!("{error:?}").chars().take_while(char::is_ascii_alphanumeric).collect();
    match error {
        ImapError::Throttled { retry_after: Some(time), .. } => format!("{variant} for {time:?}: {error}"),
        _ => format!("{variant}: {error}"),
    }
}
