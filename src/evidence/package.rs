//! The package itself: a tar of files, and what each of them is made of.
//!
//! What stands in the clear are facts, as `cases show` tells them. What people wrote in their own words, and digests of what is
//! sealed, are sealed themselves.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use jiff::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Chronicle;
use super::manifest::Manifest;
use crate::casebook::{CaseFacts, PlaceId};
use crate::finding::Audience;
use crate::journal::Signer;
use crate::vault::{HandedOver, Receiver, Vault};

const CHRONOLOGY: &str = "chronology.json.age";
const KEY: &str = "key.age";

/// All that goes into a package.
pub struct Package<'a> {
    pub school: &'a str,
    pub made_by: &'a str,
    pub made_at: Timestamp,
    pub facts: &'a CaseFacts,
    pub copies: Vec<Copy>,
    pub chronicle: Chronicle,
    pub sealing: Sealing<'a>,
}

/// A sealed copy of the message.
pub struct Copy {
    pub place: PlaceId,
    pub file: String,
    pub octets: Vec<u8>,
    /// Of what is sealed in it, where it was opened on the way.
    pub sha256: Option<[u8; 32]>,
}

/// For whom the package is sealed.
pub enum Sealing<'a> {
    /// Each copy was sealed anew for the receiver, and the chronology is.
    Anew {
        receiver: &'a Receiver,
        /// As the manifest names it.
        told: String,
        /// The receiver's key where it was made for this package alone: an age identity that a passphrase opens.
        key: Option<&'a str>,
    },
    /// Each copy is as it lies in the vault, and the rings of these go along.
    AsItIs { audiences: Vec<Audience> },
}

/// A file of the package.
pub(super) struct File<'a> {
    pub name: String,
    pub octets: Cow<'a, [u8]>,
}

/// Counts and digests what is written through it.
pub struct Tally<W> {
    out: W,
    pub octets: u64,
    sha256: Sha256,
}

impl Package<'_> {
    /// Signs everything, and writes it as a tar. What is sealed is in memory once.
    ///
    /// # Errors
    /// When a ring cannot be read, the chronology cannot be sealed, or `out` takes no more.
    pub fn write(&self, vault: &Vault, signer: &Signer, out: impl io::Write) -> io::Result<()> {
        let mut files: Vec<_> =
            self.copies.iter().map(|copy| File { name: copy.file.clone(), octets: Cow::Borrowed(&copy.octets) }).collect();
        let mut add = |name: &str, octets: Vec<u8>| files.push(File { name: name.to_owned(), octets: Cow::Owned(octets) });
        add(CHRONOLOGY, self.chronology(vault)?);
        match &self.sealing {
            Sealing::Anew { key, .. } => key.iter().for_each(|key| add(KEY, key.as_bytes().to_vec())),
            // What the members of an audience open, to open with it what was sealed to all of them.
            Sealing::AsItIs { .. } => {
                for audience in self.with_rings(vault) {
                    add(&format!("ring-{audience}.age"), vault.ring().ciphertext(audience).map_err(io::Error::other)?);
                }
            }
        }
        let manifest = format!("{}\n", serde_json::to_string_pretty(&Manifest::of(self, &files))?).into_bytes();
        let comment = format!("mailwarden evidence {} {}", self.facts.row.codename, self.made_at);
        let mut add = |name: &str, octets: Vec<u8>| files.push(File { name: name.to_owned(), octets: Cow::Owned(octets) });
        add("manifest.json.minisig", signer.sign(&manifest, &comment).into_bytes());
        add("manifest.json", manifest);
        add("README.txt", self.readme(vault, signer).into_bytes());
        let sums: Vec<_> = files.iter().map(|file| format!("{}  {}", sha256(&file.octets), file.name)).collect();
        files.push(File { name: "SHA256SUMS".to_owned(), octets: Cow::Owned(format!("{}\n", sums.join("\n")).into_bytes()) });
        files.reverse();
        self.pack(&files, out)
    }

    fn pack(&self, files: &[File<'_>], out: impl io::Write) -> io::Result<()> {
        let mut tar = tar::Builder::new(out);
        for File { name, octets } in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(octets.len() as u64);
            header.set_mode(0o444);
            header.set_mtime(self.made_at.as_second().try_into().unwrap_or(0));
            tar.append_data(&mut header, format!("{}/{name}", self.facts.row.codename), &octets[..])?;
        }
        tar.finish()
    }

    /// Who did what and when, in people's own words, and the digests of what is sealed: for the receiver alone.
    fn chronology(&self, vault: &Vault) -> io::Result<Vec<u8>> {
        let known = self.copies.iter().filter_map(|copy| copy.sha256.map(|digest| (&copy.file, hex::encode(digest))));
        let messages: Vec<_> = known.map(|(file, sha256)| json!({ "file": file, "sha256": sha256 })).collect();
        let entries: Vec<_> =
            self.chronicle.entries.iter().map(|entry| json!({ "at": entry.at, "who": entry.who, "what": entry.event })).collect();
        let text = serde_json::to_vec_pretty(&json!({ "case": self.facts.row.codename, "messages": messages, "entries": entries }))?;
        let receiver = match &self.sealing {
            Sealing::Anew { receiver, .. } => return Ok(HandedOver::of(&text, receiver)?.octets),
            Sealing::AsItIs { audiences } => audiences.first().map(|audience| vault.ring().recipient(*audience)),
        };
        let recipient = receiver.ok_or_else(|| io::Error::other("nobody to seal to"))?.map_err(io::Error::other)?;
        Ok(HandedOver::of(&text, &Receiver::Key(recipient))?.octets)
    }

    /// The audiences whose key is wrapped to members. That of another is the file which its holder has.
    fn with_rings(&self, vault: &Vault) -> Vec<Audience> {
        let Sealing::AsItIs { audiences } = &self.sealing else { return Vec::new() };
        audiences.iter().copied().filter(|audience| !vault.ring().is_kept_elsewhere(*audience)).collect()
    }

    fn readme(&self, vault: &Vault, signer: &Signer) -> String {
        let mut text = format!(
            "Evidence of case {}, from {}\nMade {} by {} with mailwarden {}\n\n\
             THE MESSAGES MAY HOLD INDECENT IMAGES OF CHILDREN. Open them only where your own rules allow it.\n\n\
             1. That nothing was changed since:\n\n   sha256sum -c SHA256SUMS\n   minisign -Vm manifest.json -P {}\n\n   \
             Have the school read that key to you by telephone before you rely on it.\n\n\
             2. To open what is sealed, with age (https://age-encryption.org, in Debian the package `age`):\n\n",
            self.facts.row.codename,
            self.school,
            self.made_at.strftime("%Y-%m-%d %H:%M UTC"),
            self.made_by,
            env!("CARGO_PKG_VERSION"),
            signer.public_key(),
        );
        let (before, open) = match &self.sealing {
            Sealing::Anew { key: Some(_), .. } => {
                ("   Each line asks for the passphrase that the school tells you by telephone.\n\n".to_owned(), "age -d -i key.age")
            }
            Sealing::Anew { receiver: Receiver::Key(_), .. } => (String::new(), "age -d -i YOUR-KEY-FILE"),
            Sealing::Anew { receiver: Receiver::Passphrase(_), .. } => (String::new(), "age -d"),
            Sealing::AsItIs { .. } if self.with_rings(vault).is_empty() => {
                ("   With the evidence key, from its envelope, and on the officer's machine:\n\n".to_owned(), "age -d -i EVIDENCE-KEY-FILE")
            }
            Sealing::AsItIs { .. } => {
                let ring = |audience: Audience| format!("   age -d -i MEMBER-KEY-FILE -o audience.key ring-{audience}.age");
                let rings: Vec<_> = self.with_rings(vault).into_iter().map(ring).collect();
                (
                    format!(
                        "   A member of the audience opens its ring first, with her own key, and on her own machine:\n\n{}\n\n",
                        rings.join("\n")
                    ),
                    "age -d -i audience.key",
                )
            }
        };
        text.push_str(&before);
        for name in self.copies.iter().map(|copy| copy.file.as_str()).chain([CHRONOLOGY]) {
            let plain = name.strip_suffix(".age").unwrap_or(name);
            let _ = writeln!(text, "   {open} -o {plain} {name}");
        }
        text.push_str(
            "\n   message-N.eml is the message with every octet as it lay in the mailbox.\n   chronology.json says who did what and when",
        );
        let known = self.copies.iter().any(|copy| copy.sha256.is_some());
        text.push_str(if known { ", and holds the SHA-256 of each message.\n" } else { ".\n" });
        if !self.with_rings(vault).is_empty() {
            text.push_str("   audience.key opens every case of that audience: delete it when you are done.\n");
        }
        text.push_str("\n3. manifest.json says where each copy was found and when, what matched, and what became of it.\n");
        text
    }
}

impl Sealing<'_> {
    pub(super) fn told(&self) -> String {
        match self {
            Self::Anew { told, .. } => told.clone(),
            Self::AsItIs { audiences } => {
                let names = audiences.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
                format!("{names}, as in the vault")
            }
        }
    }
}

impl<W: io::Write> Tally<W> {
    pub fn of(out: W) -> Self {
        Self { out, octets: 0, sha256: Sha256::new() }
    }

    /// What was written to, and the SHA-256 of all of it, in hex.
    pub fn finish(self) -> (W, String) {
        (self.out, hex::encode(self.sha256.finalize()))
    }
}

impl<W: io::Write> io::Write for Tally<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.out.write(buffer)?;
        self.sha256.update(&buffer[..written]);
        self.octets += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// In hex.
pub(super) fn sha256(octets: &[u8]) -> String {
    hex::encode(Sha256::digest(octets))
}
