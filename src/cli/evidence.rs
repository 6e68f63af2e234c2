//! `mailwarden evidence`: what is sealed of a case, as a package for the police.

use std::path::{Path, PathBuf};
use std::{fs, io};

use clap::Args;
use jiff::Timestamp;
use tempfile::NamedTempFile;

use super::key_holder::{Admission, KeyHolder};
use super::shelf::Shelf;
use super::{Failure, Output};
use crate::case::Codename;
use crate::casebook::{CaseFacts, CasebookError};
use crate::config::Config;
use crate::desk::Deeds;
use crate::evidence::{Chronicle, Copy, Journal, Package, Sealing, Tally};
use crate::journal::{self, Event, JournalError};
use crate::vault::{AudienceIdentity, HandedOver, ObjectId, Passphrase, Receiver, Recipient, Vault, VaultError};

/// Make a package of a case for the police: its sealed messages, a signed manifest and the chronology.
///
/// With --to or --passphrase-file each message is sealed anew for the officer, who opens it with the stock `age`; nothing of it is
/// written down in between, and no key of the school's leaves. With --as-sealed the messages are handed over as they lie in the
/// vault, for the holder of the school's key to open in the officer's presence: so what is withheld leaves without the evidence key
/// ever coming near this machine. That the package is made, for whom, and your reason are written to the journal first.
#[derive(Debug, Args)]
pub(super) struct Evidence {
    /// The case, as the notice names it.
    codename: Codename,
    #[command(flatten)]
    holder: KeyHolder,
    #[command(flatten)]
    officer: Officer,
    /// The package to make, mode 0600. It must not be there yet.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Officer {
    /// The officer's public key.
    #[arg(long, value_name = "age1…")]
    to: Option<Recipient>,
    /// A file with a passphrase of 16 characters or more, which the officer is told by another way.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// As it lies in the vault.
    #[arg(long)]
    as_sealed: bool,
}

impl Evidence {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let config = self.holder.config.load()?;
        let shelf = Shelf::open(&config)?;
        let facts = shelf.case_not_destroyed(&self.codename)?;
        let (case, codename) = (facts.row.id, facts.row.codename.clone());
        let objects: Vec<_> = facts.places.iter().filter_map(|copy| copy.object).map(|sealed| sealed.object.to_string()).collect();
        if objects.is_empty() {
            let hint = "ask the technician to keep the mailbox as it is, and the police how they want it";
            return Err(Failure::world(format!("no message of {codename} is sealed"), &"it was delivered, and lies in its mailbox", hint));
        }
        // What can go wrong before anything is written down goes wrong first.
        let (receiver, draft) = (self.officer.receiver()?, draft(&self.out)?);
        let audiences = if receiver.is_some() { facts.message_audiences() } else { facts.custodians() };
        let (who, keys) = match KeyHolder::admission(&self.holder.presented()?, &shelf.vault, &audiences)? {
            Admission::Admitted { who, key, mut others } => {
                others.insert(0, key);
                (who, others)
            }
            Admission::Refused { who } => {
                let refused = KeyHolder::not_hers(&codename, &audiences);
                shelf.book.note(Timestamp::now(), &who, &Event::EvidenceRefused { case, codename })?;
                return Err(refused);
            }
        };
        let made =
            Event::EvidencePackaged { case, codename, objects, to: self.officer.told(), reason: self.holder.reason.as_str().to_owned() };
        shelf.book.note(Timestamp::now(), &who, &made)?;

        let sealing = match &receiver {
            Some(receiver) => Sealing::Anew { receiver, told: self.officer.told(), key: None },
            None => Sealing::AsItIs { audiences: facts.message_audiences() },
        };
        let package = Package {
            school: &config.school.name,
            made_by: who.name(),
            made_at: Timestamp::now(),
            copies: copies(&facts, &shelf, receiver.as_ref(), &keys)?,
            chronicle: chronicle(&facts, &config, &shelf)?,
            sealing,
            facts: &facts,
        };
        let signer = shelf.book.signer();
        let (octets, sha256) =
            keep(draft, &self.out, |draft| package.write(&shelf.vault, &signer, draft)).map_err(|error| not_made(&error))?;
        out.line(&format!("{}: {octets} octets, sha256 {sha256}", self.out.display()))?;
        out.line(&format!("signed with {}", signer.public_key()))?;
        Ok(out.line("read both lines to the officer by telephone; README.txt in the package says how to open it")?)
    }
}

impl Officer {
    fn receiver(&self) -> Result<Option<Receiver>, Failure> {
        if let Some(path) = &self.passphrase_file {
            let unfit = |why: &dyn ToString| {
                Failure::world(
                    format!("{} holds no passphrase", path.display()),
                    why,
                    "let it be generated, and kept apart from the package",
                )
            };
            let text = fs::read_to_string(path).map_err(|error| unfit(&error))?;
            return Ok(Some(Receiver::Passphrase(Passphrase::new(&text).map_err(|why| unfit(&why))?)));
        }
        Ok(self.to.clone().map(Receiver::Key))
    }

    fn told(&self) -> String {
        match (&self.to, &self.passphrase_file) {
            (Some(recipient), _) => recipient.to_string(),
            (None, Some(_)) => "a passphrase".to_owned(),
            (None, None) => "as it was sealed".to_owned(),
        }
    }
}

/// Each sealed copy, as it goes into the package. What lies in the vault must be what was recorded.
fn copies(facts: &CaseFacts, shelf: &Shelf, receiver: Option<&Receiver>, keys: &[AudienceIdentity]) -> Result<Vec<Copy>, Failure> {
    let Shelf { vault, book } = shelf;
    let sealed = facts.places.iter().filter_map(|copy| copy.object.map(|sealed| (copy, sealed)));
    sealed
        .zip(1..)
        .map(|((copy, sealed), number)| {
            let _ = vault.confirm(&sealed.object, &sealed.ciphertext_sha256)?;
            let file = format!("message-{number}.eml.age");
            let Some(receiver) = receiver else {
                return Ok(Copy { place: copy.id, file, octets: vault.ciphertext(&sealed.object)?, sha256: None });
            };
            let handed = handed_over(vault, &sealed.object, receiver, keys, facts)?;
            if !book.is_message(copy.id, &handed.measure.digest)? {
                let why = "what is sealed is not what was found there";
                return Err(Failure::world(
                    "the package is not made",
                    &why,
                    "keep a copy of the state directory, and restore the vault from the backup",
                ));
            }
            Ok(Copy { place: copy.id, file, octets: handed.octets, sha256: Some(handed.content_sha256) })
        })
        .collect()
}

/// By whichever of her keys opens it.
fn handed_over(
    vault: &Vault,
    object: &ObjectId,
    receiver: &Receiver,
    keys: &[AudienceIdentity],
    facts: &CaseFacts,
) -> Result<HandedOver, Failure> {
    for key in keys {
        match vault.hand_over(object, key, receiver) {
            Err(VaultError::WrongIdentity { .. }) => {}
            handed => return Ok(handed?),
        }
    }
    let hint = "make the package with --as-sealed, and let each open what is for her";
    Err(Failure::world(format!("a copy of {} is sealed to others", facts.row.codename), &"your key does not open it", hint))
}

/// What both journals say of the case, oldest first, and whether anybody touched them.
fn chronicle(facts: &CaseFacts, config: &Config, shelf: &Shelf) -> Result<Chronicle, Failure> {
    let of = "service";
    let journal = match shelf.book.verify_journal() {
        Ok(verified) => Journal { of, lines: verified.entries, whole: true },
        Err(CasebookError::Journal(JournalError::Broken(broken))) => Journal { of, lines: broken.seq, whole: false },
        Err(error) => return Err(error.into()),
    };
    let (first, last) = (Timestamp::MIN, Timestamp::MAX);
    let mut entries = journal::lines_within(first, last, |before, limit| shelf.book.journal_before(before, limit))?;
    let told = |error| {
        Failure::world(
            "the journal of the desk cannot be read",
            &error,
            "run the command as a user who may read the desk's folder, and try again",
        )
    };
    if let Some(settings) = &config.review
        && let Some(desk) = Deeds::open(&settings.directory).map_err(told)?
    {
        entries.extend(journal::lines_within(first, last, |before, limit| desk.journal_before(before, limit)).map_err(told)?);
    }
    Ok(Chronicle::of(facts.row.id, entries, journal))
}

/// The package takes its name when it is whole.
fn draft(out: &Path) -> Result<NamedTempFile, Failure> {
    if out.exists() {
        return Err(Failure::world(format!("{} is there already", out.display()), &"no package is written over", "name another file"));
    }
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    NamedTempFile::new_in(folder).map_err(|error| not_made(&error))
}

/// Answers with how many octets it has, and their SHA-256.
fn keep(
    draft: NamedTempFile,
    out: &Path,
    write: impl FnOnce(&mut Tally<io::BufWriter<NamedTempFile>>) -> io::Result<()>,
) -> io::Result<(u64, String)> {
    let mut tally = Tally::of(io::BufWriter::new(draft));
    write(&mut tally)?;
    let octets = tally.octets;
    let (draft, sha256) = tally.finish();
    let draft = draft.into_inner().map_err(io::IntoInnerError::into_error)?;
    draft.as_file().sync_all()?;
    draft.persist_noclobber(out)?;
    Ok((octets, sha256))
}

fn not_made(error: &io::Error) -> Failure {
    Failure::world("the package cannot be made", error, "make room, and type the command again")
}
