//! A mail server with folders in which something happens at a given moment: between two commands, or in place of an answer.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};

use super::gmail::is_in;
use super::odd::{locked, serve, talk};

/// What happens before a command is answered. Octets are said in place of the answer, and then it hangs up.
type Twist = Box<dyn FnOnce(&mut Store) -> Option<Vec<u8>> + Send>;

pub struct Folders {
    pub port: u16,
    store: Arc<Mutex<Store>>,
}

#[derive(Default)]
pub struct Store {
    folders: BTreeMap<String, Folder>,
    /// With what the command begins that each waits for.
    twists: Vec<(&'static str, Twist)>,
    /// How many may be signed in, and what others are told; unless somebody says so, all may.
    room: Option<(usize, &'static str)>,
    signed_in: usize,
    most_signed_in: usize,
    refused: usize,
    idle_hangs: bool,
}

#[derive(Default)]
struct Folder {
    validity: u32,
    last: u32,
    messages: BTreeMap<u32, Vec<u8>>,
    deleted: BTreeSet<u32>,
}

/// One client's session.
#[derive(Default)]
struct Seat {
    signed_in: bool,
    open: String,
    /// The tag of its IDLE.
    idling: String,
}

impl Folders {
    /// With these folders besides INBOX.
    pub fn start(folders: &[&str]) -> Self {
        let mut store = Store::default();
        for name in folders.iter().chain(&["INBOX"]) {
            store.folders.insert((*name).to_owned(), Folder { validity: 7, ..Folder::default() });
        }
        let store = Arc::new(Mutex::new(store));
        let shared = Arc::clone(&store);
        let port = serve(move |client| {
            let mut seat = Seat::default();
            let said = talk(client, b"* OK ready\r\n", |line, says| locked(&shared).answer(line, &mut seat, says));
            if seat.signed_in {
                locked(&shared).signed_in -= 1;
            }
            said
        });
        Self { port, store }
    }

    /// A message arrives.
    pub fn deliver(&self, folder: &str, octets: &[u8]) {
        locked(&self.store).put(folder, octets.to_vec());
    }

    /// Before the next command that begins so is answered, this happens.
    pub fn before(&self, command: &'static str, twist: impl FnOnce(&mut Store) -> Option<Vec<u8>> + Send + 'static) {
        locked(&self.store).twists.push((command, Box::new(twist)));
    }

    /// From now on so many may be signed in, and others are told this in place of OK.
    pub fn limit(&self, room: usize, refusal: &'static str) {
        locked(&self.store).room = Some((room, refusal));
    }

    /// From now on whoever idles hears nothing more.
    pub fn hang_in_idle(&self) {
        locked(&self.store).idle_hangs = true;
    }

    /// The messages of a folder.
    pub fn messages(&self, folder: &str) -> Vec<Vec<u8>> {
        locked(&self.store).folders.get(folder).map(|folder| folder.messages.values().cloned().collect()).unwrap_or_default()
    }

    /// How many sign-ins were refused so far.
    pub fn refused(&self) -> usize {
        locked(&self.store).refused
    }

    /// The most that were ever signed in at once.
    pub fn most_signed_in(&self) -> usize {
        locked(&self.store).most_signed_in
    }

    /// Whether everything that was to happen has happened.
    pub fn has_come_to_pass(&self) -> bool {
        locked(&self.store).twists.is_empty()
    }
}

impl Store {
    pub fn put(&mut self, folder: &str, octets: Vec<u8>) {
        let folder = self.folders.get_mut(folder).expect("a folder");
        folder.last += 1;
        folder.messages.insert(folder.last, octets);
    }

    /// Moves all messages of a folder into another.
    pub fn move_all(&mut self, from: &str, to: &str) {
        let messages = std::mem::take(&mut self.folders.get_mut(from).expect("a folder").messages);
        for octets in messages.into_values() {
            self.put(to, octets);
        }
    }

    /// The folder keeps its messages and their numbers.
    pub fn rename(&mut self, from: &str, to: &str) {
        let folder = self.folders.remove(from).expect("a folder");
        self.folders.insert(to.to_owned(), folder);
    }

    fn answer(&mut self, line: &str, seat: &mut Seat, says: &mut TcpStream) -> io::Result<()> {
        let (tag, command) = line.split_once(' ').unwrap_or(("", line));
        if let Some(at) = self.twists.iter().position(|(begins, _)| command.starts_with(begins)) {
            let (_, twist) = self.twists.remove(at);
            if let Some(octets) = twist(self) {
                says.write_all(&octets)?;
                return says.shutdown(Shutdown::Both);
            }
        }
        // It tells of nothing while a client idles; and where an IDLE hangs, not even of its end.
        if command == "IDLE" {
            tag.clone_into(&mut seat.idling);
            return says.write_all(b"+ idling\r\n");
        }
        if line == "DONE" {
            return if self.idle_hangs { Ok(()) } else { write!(says, "{} OK done\r\n", seat.idling) };
        }
        let mut said = Vec::new();
        let verdict = self.carry_out(command, seat, &mut said)?;
        write!(said, "{tag} {verdict}\r\n")?;
        says.write_all(&said)
    }

    /// Says what is due before the last line, and returns that line without its tag.
    fn carry_out(&mut self, command: &str, seat: &mut Seat, said: &mut Vec<u8>) -> io::Result<&'static str> {
        const GONE: &str = "NO [NONEXISTENT] no such folder";
        const DONE: &str = "OK done";
        let named = command.split('"').nth(1).unwrap_or_default();
        let words: Vec<&str> = command.split(' ').collect();
        match words[..] {
            ["LOGIN", ..] => match self.room {
                Some((room, refusal)) if self.signed_in >= room => {
                    self.refused += 1;
                    return Ok(refusal);
                }
                _ => {
                    (seat.signed_in, self.signed_in) = (true, self.signed_in + 1);
                    self.most_signed_in = self.most_signed_in.max(self.signed_in);
                    return Ok("OK [CAPABILITY IMAP4rev1 UIDPLUS IDLE] in");
                }
            },
            ["LOGOUT"] => self.signed_in -= usize::from(std::mem::take(&mut seat.signed_in)),
            ["LIST", ..] => {
                for name in self.folders.keys() {
                    write!(said, "* LIST () \"/\" \"{name}\"\r\n")?;
                }
            }
            ["STATUS", ..] => {
                let Some(folder) = self.folders.get(named) else { return Ok(GONE) };
                let (validity, next, count) = (folder.validity, folder.last + 1, folder.messages.len());
                write!(said, "* STATUS \"{named}\" (UIDVALIDITY {validity} UIDNEXT {next} MESSAGES {count})\r\n")?;
            }
            ["SELECT" | "EXAMINE", ..] => {
                let Some(folder) = self.folders.get(named) else { return Ok(GONE) };
                named.clone_into(&mut seat.open);
                let (validity, next, count) = (folder.validity, folder.last + 1, folder.messages.len());
                write!(said, "* {count} EXISTS\r\n* OK [UIDVALIDITY {validity}] x\r\n* OK [UIDNEXT {next}] x\r\n")?;
            }
            ["UID", verb, set, ..] => {
                let Some(folder) = self.folders.get_mut(&seat.open) else { return Ok(GONE) };
                folder.about_messages(verb, set, command, said)?;
            }
            _ => {}
        }
        Ok(DONE)
    }
}

impl Folder {
    fn about_messages(&mut self, verb: &str, set: &str, command: &str, said: &mut Vec<u8>) -> io::Result<()> {
        match verb {
            "FETCH" => {
                for (number, (uid, octets)) in self.messages.iter().enumerate().filter(|(_, (uid, _))| is_in(set, **uid)) {
                    write!(said, "* {} FETCH (UID {uid}", number + 1)?;
                    if command.contains("FLAGS") {
                        write!(said, " FLAGS ({})", if self.deleted.contains(uid) { "\\Deleted" } else { "" })?;
                    }
                    if command.contains("RFC822.SIZE") {
                        write!(said, " RFC822.SIZE {} INTERNALDATE \"21-Nov-2026 10:00:00 +0000\"", octets.len())?;
                    }
                    if command.contains("BODY.PEEK[]") {
                        write!(said, " BODY[] {{{}}}\r\n", octets.len())?;
                        said.extend_from_slice(octets);
                    }
                    said.extend_from_slice(b")\r\n");
                }
            }
            "SEARCH" => {
                let set = command.rsplit(' ').next().unwrap_or_default();
                let found: Vec<_> = self.messages.keys().filter(|uid| is_in(set, **uid)).map(|uid| format!(" {uid}")).collect();
                write!(said, "* SEARCH{}\r\n", found.concat())?;
            }
            "STORE" => self.deleted.extend(self.messages.keys().filter(|uid| is_in(set, **uid))),
            "EXPUNGE" => self.messages.retain(|uid, _| !(is_in(set, *uid) && self.deleted.contains(uid))),
            _ => {}
        }
        Ok(())
    }
}
