//! The package itself: a tar of what is sealed, a manifest that is signed, the chronology, and how to open it all.
//!
//! What stands in the clear are facts, as `cases show` tells them. What people wrote in their own words, and digests of what is
//! sealed, are sealed themselves.

use std::fmt::Write;
use std::io;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::casebook::{CaseFacts, FindingFacts, PlaceFacts, PlaceId};
use crate::finding::Audience;
use crate::journal::{Entry, Signer};
use crate::vault::{HandedOver, Receiver, Vault};

const CHRONOLOGY: &str = "chronology.json.age";

/// All that goes into a package.
pub(super) struct Package<'a> {
    pub school: &'a str,
    pub made_by: &'a str,
    pub made_at: Timestamp,
    pub facts: &'a CaseFacts,
    pub copies: Vec<Copy>,
    pub chronicle: Chronicle,
    pub sealing: Sealing<'a>,
}

/// A sealed copy of the message.
pub(super) struct Copy {
    pub place: PlaceId,
    pub file: String,
    pub octets: Vec<u8>,
    /// Of what is sealed in it, where it was opened on the way.
    pub sha256: Option<[u8; 32]>,
}

/// What the journals say of the case.
pub(super) struct Chronicle {
    pub entries: Vec<Entry>,
    /// Of the service's journal; the first broken one where it is not whole.
    pub lines: u64,
    pub whole: bool,
}

/// For whom the package is sealed.
pub(super) enum Sealing<'a> {
    Anew { receiver: &'a Receiver, told: String },
    AsItIs { audiences: Vec<Audience> },
}

/// A file of the package.
struct File {
    name: String,
    octets: Vec<u8>,
}

impl Package<'_> {
    /// Signs and packs everything.
    ///
    /// # Errors
    /// When a ring cannot be read, or the chronology cannot be sealed.
    pub fn tar(&self, vault: &Vault, signer: &Signer) -> io::Result<Vec<u8>> {
        let mut files: Vec<_> = self.copies.iter().map(|copy| File { name: copy.file.clone(), octets: copy.octets.clone() }).collect();
        files.push(File { name: CHRONOLOGY.to_owned(), octets: self.chronology(vault)? });
        files.extend(self.rings(vault)?);
        let manifest = format!("{}\n", serde_json::to_string_pretty(&self.manifest(&files))?).into_bytes();
        let comment = format!("mailwarden evidence {} {}", self.facts.row.codename, self.made_at);
        files.push(File { name: "manifest.json.minisig".to_owned(), octets: signer.sign(&manifest, &comment).into_bytes() });
        files.push(File { name: "manifest.json".to_owned(), octets: manifest });
        files.push(File { name: "README.txt".to_owned(), octets: self.readme(vault, signer).into_bytes() });
        let sums: Vec<_> = files.iter().map(|file| format!("{}  {}", sha256(&file.octets), file.name)).collect();
        files.push(File { name: "SHA256SUMS".to_owned(), octets: format!("{}\n", sums.join("\n")).into_bytes() });
        files.reverse();
        self.packed(&files)
    }

    fn packed(&self, files: &[File]) -> io::Result<Vec<u8>> {
        let mut tar = tar::Builder::new(Vec::new());
        for File { name, octets } in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(octets.len() as u64);
            header.set_mode(0o444);
            header.set_mtime(self.made_at.as_second().try_into().unwrap_or(0));
            tar.append_data(&mut header, format!("{}/{name}", self.facts.row.codename), &octets[..])?;
        }
        tar.into_inner()
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

    /// What the members of an audience open, to open with it what was sealed to all of them.
    fn rings(&self, vault: &Vault) -> io::Result<Vec<File>> {
        let ring = |audience: Audience| {
            let octets = vault.ring().ciphertext(audience).map_err(io::Error::other)?;
            Ok(File { name: format!("ring-{audience}.age"), octets })
        };
        self.with_rings(vault).into_iter().map(ring).collect()
    }

    /// The audiences whose key is wrapped to members. That of another is the file which its holder has.
    fn with_rings(&self, vault: &Vault) -> Vec<Audience> {
        let Sealing::AsItIs { audiences } = &self.sealing else { return Vec::new() };
        audiences.iter().copied().filter(|audience| !vault.ring().is_kept_elsewhere(*audience)).collect()
    }

    fn manifest(&self, files: &[File]) -> Manifest<'_> {
        let row = &self.facts.row;
        Manifest {
            format: "mailwarden evidence 1",
            program: concat!("mailwarden ", env!("CARGO_PKG_VERSION")),
            school: self.school,
            made_at: self.made_at,
            made_by: self.made_by,
            sealed_for: self.sealing.told(),
            case: row.codename.as_str(),
            category: row.category.code(),
            level: row.level.to_string(),
            action: row.action.to_string(),
            opened_at: row.opened_at,
            rule_set: &self.facts.rule_set,
            findings: self.facts.findings.iter().map(Found::of).collect(),
            copies: self.facts.places.iter().map(|place| self.copy(place)).collect(),
            journal: Journal { lines: self.chronicle.lines, whole: self.chronicle.whole },
            files: files
                .iter()
                .map(|file| Listed { name: file.name.clone(), size: file.octets.len(), sha256: sha256(&file.octets) })
                .collect(),
        }
    }

    fn copy(&self, place: &PlaceFacts) -> CopyFacts {
        CopyFacts {
            file: self.copies.iter().find(|copy| copy.place == place.id).map(|copy| copy.file.clone()),
            mailbox: place.place.mailbox.to_string(),
            folder: place.place.folder.0.clone(),
            uidvalidity: place.place.uidvalidity.0,
            uid: place.place.uid.get(),
            arrived_at: Timestamp::from_second(place.arrival.internal_date).ok(),
            flags: place.arrival.flags.clone(),
            found_at: place.found_at,
            state: place.state.as_str(),
            settled_at: place.settled_at,
            object: place.object.map(|sealed| sealed.object.to_string()),
            object_sha256: place.object.map(|sealed| hex::encode(sealed.ciphertext_sha256)),
        }
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
            "\n   message-N.eml is the message with every octet as it lay in the mailbox.\n   chronology.json says who did what and when, and holds the SHA-256 of each message.\n",
        );
        if !self.with_rings(vault).is_empty() {
            text.push_str("   audience.key opens every case of that audience: delete it when you are done.\n");
        }
        text.push_str("\n3. manifest.json says where each copy was found and when, what matched, and what became of it.\n");
        text
    }
}

impl Sealing<'_> {
    fn told(&self) -> String {
        match self {
            Self::Anew { told, .. } => told.clone(),
            Self::AsItIs { audiences } => {
                let names = audiences.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
                format!("{names}, as in the vault")
            }
        }
    }
}

/// In hex.
pub(super) fn sha256(octets: &[u8]) -> String {
    hex::encode(Sha256::digest(octets))
}

#[derive(Serialize)]
struct Manifest<'a> {
    format: &'static str,
    program: &'static str,
    school: &'a str,
    made_at: Timestamp,
    made_by: &'a str,
    sealed_for: String,
    case: &'a str,
    category: &'static str,
    level: String,
    action: String,
    opened_at: Timestamp,
    rule_set: &'a str,
    findings: Vec<Found>,
    copies: Vec<CopyFacts>,
    journal: Journal,
    files: Vec<Listed>,
}

#[derive(Serialize)]
struct Found {
    rule: String,
    version: String,
    category: &'static str,
    kind: &'static str,
    location: String,
}

#[derive(Serialize)]
struct CopyFacts {
    file: Option<String>,
    mailbox: String,
    folder: String,
    uidvalidity: u32,
    uid: u32,
    arrived_at: Option<Timestamp>,
    flags: Vec<String>,
    found_at: Timestamp,
    state: &'static str,
    settled_at: Option<Timestamp>,
    object: Option<String>,
    object_sha256: Option<String>,
}

/// Of the service: how many lines it had, and whether each was as it was written.
#[derive(Serialize)]
struct Journal {
    lines: u64,
    whole: bool,
}

#[derive(Serialize)]
struct Listed {
    name: String,
    size: usize,
    sha256: String,
}

impl Found {
    fn of(found: &FindingFacts) -> Self {
        Self {
            rule: found.rule.to_string(),
            version: found.version.to_string(),
            category: found.category.code(),
            kind: found.kind.as_str(),
            location: found.location.to_string(),
        }
    }
}
