//! A mail server that takes every letter and throws it away, and one that plays a school of quiet mailboxes.

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt};

use super::Result;

/// Takes letters (RFC 5321), and notes when each was taken.
pub struct Letters {
    pub port: u16,
    taken: Arc<Mutex<Vec<Instant>>>,
}

impl Letters {
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let taken: Arc<Mutex<Vec<Instant>>> = Arc::default();
        let noted = Arc::clone(&taken);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let noted = Arc::clone(&noted);
                thread::spawn(move || take(client, &noted));
            }
        });
        Ok(Self { port, taken })
    }

    pub fn taken(&self) -> Vec<Instant> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn take(mut client: TcpStream, noted: &Mutex<Vec<Instant>>) -> Option<()> {
    client.write_all(b"220 sink\r\n").ok()?;
    let mut lines = BufReader::new(client.try_clone().ok()?).lines();
    while let Some(Ok(line)) = lines.next() {
        let answer = match line.split(' ').next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "DATA" => {
                client.write_all(b"354 go on\r\n").ok()?;
                while lines.next()?.ok()? != "." {}
                noted.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
                "250 taken"
            }
            "QUIT" => "221 bye",
            _ => "250 well",
        };
        write!(client, "{answer}\r\n").ok()?;
    }
    Some(())
}

/// What the clients of a played server have done so far.
#[derive(Default)]
pub struct Asked {
    pub logins: AtomicU64,
    pub looks: AtomicU64,
}

/// Plays mailboxes with two folders in which nothing happens, as many as sign in, in plain text.
pub fn quiet_mailboxes() -> Result<(u16, Arc<Asked>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let asked: Arc<Asked> = Arc::default();
    let counted = Arc::clone(&asked);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    thread::spawn(move || {
        runtime.block_on(async move {
            let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
            while let Ok((client, _)) = listener.accept().await {
                let counted = Arc::clone(&counted);
                tokio::spawn(async move { play(client, &counted).await.ok() });
            }
        });
    });
    Ok((port, asked))
}

async fn play(client: tokio::net::TcpStream, asked: &Asked) -> std::io::Result<()> {
    const FOLDER: &str = "(UIDVALIDITY 7 UIDNEXT 1 MESSAGES 0)";
    client.set_nodelay(true)?;
    let (hears, mut says) = client.into_split();
    // Twenty thousand of them: no more room than a command needs.
    let mut hears = tokio::io::BufReader::with_capacity(256, hears).lines();
    let mut idling = String::new();
    says.write_all(b"* OK ready\r\n").await?;
    while let Some(line) = hears.next_line().await? {
        let (tag, command) = line.split_once(' ').unwrap_or(("", &line));
        let answer = match command.split(' ').next().unwrap_or_default() {
            "LOGIN" => {
                asked.logins.fetch_add(1, Ordering::Relaxed);
                format!("{tag} OK [CAPABILITY IMAP4rev1 IDLE LIST-EXTENDED LIST-STATUS MOVE SPECIAL-USE UIDPLUS UNSELECT] in\r\n")
            }
            "LIST" => {
                asked.looks.fetch_add(1, Ordering::Relaxed);
                let folder = |name: &str| format!("* LIST () \"/\" {name}\r\n* STATUS {name} {FOLDER}\r\n");
                format!("{}{}{tag} OK done\r\n", folder("INBOX"), folder("Sent"))
            }
            "EXAMINE" | "SELECT" => format!("* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 1] x\r\n{tag} OK done\r\n"),
            "IDLE" => {
                tag.clone_into(&mut idling);
                "+ idling\r\n".to_owned()
            }
            "LOGOUT" => return says.write_all(format!("* BYE\r\n{tag} OK done\r\n").as_bytes()).await,
            _ if line == "DONE" => format!("{idling} OK done\r\n"),
            _ => format!("{tag} OK done\r\n"),
        };
        says.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}
