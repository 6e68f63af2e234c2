//! A mail server that keeps messages as Gmail does: folders are labels, and what is expunged from one stays in All Mail.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use super::odd::{locked, serve, talk};

pub const INBOX: &str = "INBOX";
pub const ALL: &str = "[Gmail]/All Mail";
pub const TRASH: &str = "[Gmail]/Trash";
const FOLDERS: [(&str, &str); 3] = [(INBOX, ""), (ALL, "\\All "), (TRASH, "\\Trash ")];

pub struct Gmail {
    pub port: u16,
    store: Arc<Mutex<Store>>,
}

#[derive(Default)]
struct Store {
    messages: BTreeMap<u64, Vec<u8>>,
    /// Which message lies in a folder under which number.
    places: BTreeMap<(&'static str, u32), u64>,
    deleted: BTreeSet<(&'static str, u32)>,
    next: BTreeMap<&'static str, u32>,
}

impl Gmail {
    pub fn start() -> Self {
        let store: Arc<Mutex<Store>> = Arc::default();
        let shared = Arc::clone(&store);
        let port = serve(move |client| {
            let mut open = INBOX;
            talk(client, b"* OK Gimap ready\r\n", |line, says| locked(&shared).answer(line, &mut open, says))
        });
        Self { port, store }
    }

    /// A message arrives: in INBOX, and so in All Mail.
    pub fn deliver(&self, octets: &[u8]) {
        let mut store = locked(&self.store);
        let id = 1_278_455_344_230_334_865 + store.messages.len() as u64;
        store.messages.insert(id, octets.to_vec());
        for folder in [INBOX, ALL] {
            store.put(folder, id);
        }
    }

    /// The messages of a folder.
    pub fn messages(&self, folder: &str) -> Vec<Vec<u8>> {
        let store = locked(&self.store);
        store.places.iter().filter(|((name, _), _)| *name == folder).map(|(_, id)| store.messages[id].clone()).collect()
    }
}

impl Store {
    fn put(&mut self, folder: &'static str, id: u64) {
        let next = self.next.entry(folder).or_insert(1);
        self.places.insert((folder, *next), id);
        *next += 1;
    }

    fn answer(&mut self, line: &str, open: &mut &'static str, says: &mut TcpStream) -> io::Result<()> {
        let (tag, command) = line.split_once(' ').unwrap_or(("", line));
        let named = || FOLDERS.iter().map(|(name, _)| *name).find(|name| command.contains(&format!("\"{name}\"")));
        let words: Vec<&str> = command.split(' ').collect();
        let mut said = Vec::new();
        match words[..] {
            ["LOGIN", ..] | ["CAPABILITY"] => said.extend_from_slice(b"* CAPABILITY IMAP4rev1 UIDPLUS MOVE X-GM-EXT-1\r\n"),
            ["LIST", ..] => {
                for (name, special) in FOLDERS {
                    write!(said, "* LIST ({special}\\HasNoChildren) \"/\" \"{name}\"\r\n")?;
                }
            }
            ["STATUS", ..] => {
                let name = named().expect("a folder");
                let (count, next) = (self.uids(name).len(), self.next.get(name).copied().unwrap_or(1));
                write!(said, "* STATUS \"{name}\" (UIDVALIDITY 7 UIDNEXT {next} MESSAGES {count})\r\n")?;
            }
            ["SELECT" | "EXAMINE", ..] => {
                *open = named().expect("a folder");
                let (count, next) = (self.uids(open).len(), self.next.get(*open).copied().unwrap_or(1));
                write!(said, "* {count} EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT {next}] x\r\n")?;
            }
            ["UID", "FETCH", set, ..] => self.fetch(open, set, command, &mut said)?,
            ["UID", "SEARCH", by, number, ..] => {
                let number: u64 = number.parse().expect("a number");
                let found = |uid: &u32| if by == "UID" { u64::from(*uid) == number } else { self.places[&(*open, *uid)] == number };
                let found: Vec<_> = self.uids(open).into_iter().filter(found).map(|uid| format!(" {uid}")).collect();
                write!(said, "* SEARCH{}\r\n", found.concat())?;
            }
            ["UID", "STORE", uid, ..] => drop(self.deleted.insert((*open, uid.parse().expect("a number")))),
            ["UID", "EXPUNGE", uid] => self.expunge(open, uid.parse().expect("a number")),
            ["UID", "MOVE", uid, ..] => {
                assert_eq!(named(), Some(TRASH), "{command}");
                let id = self.places[&(*open, uid.parse().expect("a number"))];
                self.places.retain(|_, other| *other != id);
                self.put(TRASH, id);
            }
            _ => {}
        }
        write!(said, "{tag} OK done\r\n")?;
        says.write_all(&said)
    }

    fn uids(&self, folder: &str) -> Vec<u32> {
        self.places.keys().filter(|(name, _)| *name == folder).map(|(_, uid)| *uid).collect()
    }

    fn fetch(&self, open: &'static str, set: &str, command: &str, said: &mut Vec<u8>) -> io::Result<()> {
        for (number, uid) in self.uids(open).into_iter().enumerate().filter(|(_, uid)| is_in(set, *uid)) {
            let id = self.places[&(open, uid)];
            let octets = &self.messages[&id];
            write!(said, "* {} FETCH (UID {uid}", number + 1)?;
            if command.contains("X-GM-MSGID") {
                write!(said, " X-GM-MSGID {id}")?;
            }
            if command.contains("FLAGS") {
                write!(said, " FLAGS ({})", if self.deleted.contains(&(open, uid)) { "\\Deleted" } else { "" })?;
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
        Ok(())
    }

    /// From the Trash a message goes; from All Mail it does not, and from any other folder it loses that label.
    fn expunge(&mut self, open: &'static str, uid: u32) {
        if open != ALL && self.deleted.contains(&(open, uid)) {
            self.places.remove(&(open, uid));
        }
    }
}

pub(super) fn is_in(set: &str, uid: u32) -> bool {
    let number = |text: &str| if text == "*" { u32::MAX } else { text.parse().expect("a number") };
    set.split(',').any(|range| match range.split_once(':') {
        Some((first, last)) => (number(first)..=number(last)).contains(&uid),
        None => number(range) == uid,
    })
}
