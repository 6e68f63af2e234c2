//! Servers that say what they should keep to themselves.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What a command holds, and the answer to it.
type Own = (&'static str, Vec<u8>);

/// In place of an answer.
pub const HANG_UP: &[u8] = b"hang up";

/// A mail server of one folder and one message that answers some commands in a way of its own.
pub struct Odd {
    pub port: u16,
    own: Arc<Mutex<Vec<Own>>>,
    /// How often each of its own answers was given.
    given: Arc<Mutex<BTreeMap<&'static str, usize>>>,
}

impl Odd {
    /// `own`: what a command holds, and the answer to it; `TAG` stands for its tag. To [`HANG_UP`] it hangs up.
    pub fn start(own: Vec<Own>) -> Self {
        let given: Arc<Mutex<BTreeMap<_, _>>> = Arc::new(Mutex::new(own.iter().map(|(command, _)| (*command, 0)).collect()));
        let own = Arc::new(Mutex::new(own));
        let (counted, answers) = (Arc::clone(&given), Arc::clone(&own));
        let port = serve(move |client| {
            talk(client, b"* OK ready\r\n", |line, says| {
                let (tag, command) = line.split_once(' ').unwrap_or(("", line));
                let answer = locked(&answers).iter().find(|(held, _)| command.contains(held)).cloned();
                if let Some((held, answer)) = answer {
                    *locked(&counted).entry(held).or_default() += 1;
                    if answer == HANG_UP {
                        return says.shutdown(Shutdown::Both);
                    }
                    return says.write_all(&replaced(&answer, tag));
                }
                says.write_all(&replaced(ordinary(command).as_bytes(), tag))
            })
        });
        Self { port, own, given }
    }

    /// Another answer to that command, from now on.
    pub fn answer(&self, command: &str, answer: Vec<u8>) {
        let mut own = locked(&self.own);
        own.iter_mut().find(|(held, _)| *held == command).expect("a command with an answer of its own").1 = answer;
    }

    /// How often it has answered that command in its own way.
    pub fn given(&self, command: &str) -> usize {
        locked(&self.given).get(command).copied().unwrap_or_default()
    }

    /// The commands that it never had occasion to answer in its own way.
    pub fn not_given(&self) -> Vec<&'static str> {
        locked(&self.given).iter().filter(|(_, times)| **times == 0).map(|(command, _)| *command).collect()
    }
}

fn ordinary(command: &str) -> &'static str {
    let answers = [
        ("LOGIN", "TAG OK [CAPABILITY IMAP4rev1 UIDPLUS] in\r\n"),
        ("LIST", "* LIST () \"/\" \"INBOX\"\r\nTAG OK done\r\n"),
        ("STATUS", "* STATUS \"INBOX\" (UIDVALIDITY 7 UIDNEXT 2 MESSAGES 1)\r\nTAG OK done\r\n"),
        ("EXAMINE", "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 2] x\r\nTAG OK [READ-ONLY] done\r\n"),
        ("SELECT", "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT 2] x\r\nTAG OK [READ-WRITE] done\r\n"),
        ("RFC822.SIZE", "* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 24 INTERNALDATE \"16-Nov-2026 10:00:00 +0000\")\r\nTAG OK done\r\n"),
    ];
    answers.into_iter().find(|(held, _)| command.contains(held)).map_or("TAG OK done\r\n", |(_, answer)| answer)
}

fn replaced(answer: &[u8], tag: &str) -> Vec<u8> {
    let mut said = Vec::new();
    let mut rest = answer;
    while let Some(at) = rest.windows(3).position(|three| three == b"TAG") {
        said.extend_from_slice(&rest[..at]);
        said.extend_from_slice(tag.as_bytes());
        rest = &rest[at + 3..];
    }
    said.extend_from_slice(rest);
    said
}

/// An SMTP server that quotes in its refusals whatever it was told: the first password, and the first two letters.
pub struct Quoting {
    pub port: u16,
    told: Arc<Mutex<Told>>,
}

#[derive(Default)]
struct Told {
    passwords: usize,
    refused: usize,
    letters: Vec<Vec<u8>>,
}

impl Quoting {
    /// `word` stands in every refusal.
    pub fn start(word: String) -> Self {
        let told: Arc<Mutex<Told>> = Arc::default();
        let heard = Arc::clone(&told);
        let port = serve(move |client| {
            let (mut letter, mut reading) = (Vec::new(), false);
            talk(client, b"220 quoting\r\n", |line, says| {
                if reading && line != "." {
                    letter.extend_from_slice(line.as_bytes());
                    letter.extend_from_slice(b"\r\n");
                    return Ok(());
                }
                let mut told = locked(&heard);
                let verb = line.split(' ').next().unwrap_or_default().to_uppercase();
                let answer = match verb.as_str() {
                    "." => {
                        reading = false;
                        let letter = std::mem::take(&mut letter);
                        if told.refused < 2 {
                            told.refused += 1;
                            let quoted = String::from_utf8_lossy(&letter).replace("\r\n", "\r\n554-");
                            format!("554-5.7.1 {word} is not wanted:\r\n554-{quoted}\r\n554 {word}\r\n")
                        } else {
                            told.letters.push(letter);
                            "250 taken\r\n".to_owned()
                        }
                    }
                    "AUTH" => {
                        told.passwords += 1;
                        if told.passwords == 1 { format!("535 5.7.8 {word}: {line}\r\n") } else { "235 in\r\n".to_owned() }
                    }
                    "DATA" => {
                        reading = true;
                        "354 go on\r\n".to_owned()
                    }
                    "EHLO" => "250-quoting\r\n250 AUTH PLAIN\r\n".to_owned(),
                    "QUIT" => "221 bye\r\n".to_owned(),
                    _ => "250 fine\r\n".to_owned(),
                };
                says.write_all(answer.as_bytes())
            })
        });
        Self { port, told }
    }

    /// Every letter that was accepted.
    pub fn letters(&self) -> Vec<Vec<u8>> {
        locked(&self.told).letters.clone()
    }

    pub fn refused(&self) -> usize {
        let told = locked(&self.told);
        told.refused + usize::from(told.passwords > 0)
    }
}

/// Answers every client in a thread of its own, for as long as the test runs.
pub(super) fn serve(each: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let port = listener.local_addr().expect("its number").port();
    let each = Arc::new(each);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let each = Arc::clone(&each);
            thread::spawn(move || each(client));
        }
    });
    port
}

pub(super) fn talk(client: TcpStream, greeting: &[u8], mut answer: impl FnMut(&str, &mut TcpStream) -> io::Result<()>) -> io::Result<()> {
    let mut says = client.try_clone()?;
    says.write_all(greeting)?;
    for line in BufReader::new(client).lines() {
        answer(&line?, &mut says)?;
    }
    Ok(())
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
