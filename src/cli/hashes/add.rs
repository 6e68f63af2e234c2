//! `mailwarden hashes add`: pictures of a held case onto the school's own list, by their fingerprints alone.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use super::NEW_FILE;
use super::ordinary::Ordinary;
use crate::case::{Codename, visible};
use crate::casebook::{CaseFacts, PlaceFacts};
use crate::cli::caged::{self, CageArgs, Caged, LARGEST};
use crate::cli::key_holder::{Admission, KeyHolder};
use crate::cli::replace::replace;
use crate::cli::shelf::Shelf;
use crate::cli::{Failure, Output, octets};
use crate::config;
use crate::finding::{Action, Category, PictureFact};
use crate::journal::Event;
use crate::scan::detect::{DigestKind, MIN_QUALITY, list_stats};
use crate::vault::{AudienceIdentity, VaultError};
use crate::wire::{Bundle, Message};

/// The way to a list that needs nothing sealed.
const FROM_A_FILE: &str = "let `mailwarden hashes compute` print the digests of a file of it, for a list in `hashsets`";

/// Put pictures of a held case onto the school's own list, so that they are known when they come again.
///
/// Fingerprints are kept, and no picture. Without `--picture` the pictures are numbered and told, and nothing is added: a school's
/// crest is a picture too, and a list that holds it finds every letter. That you looked, what you added, and your reason are
/// written to the journal.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// The case, as the notice names it.
    #[arg(long, value_name = "CODENAME")]
    case: Codename,
    /// A picture of it, by its number; may be repeated.
    #[arg(long = "picture", value_name = "NUMBER")]
    pictures: Vec<usize>,
    #[command(flatten)]
    holder: KeyHolder,
    #[command(flatten)]
    cage: CageArgs,
}

impl Add {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        let config = self.holder.config.load()?;
        let Some(hashsets) = config.scan.hashsets.clone() else {
            let hint = "make a directory `hashsets` beside the configuration, and name it as `hashsets` in [scan]";
            return Err(not_added(&"the configuration names no directory of lists", hint));
        };
        // A list that is broken already would take this one down with it.
        config::hash_lists(&hashsets).and_then(|bundle| list_stats(&bundle)).map_err(Failure::config)?;
        let shelf = Shelf::open(&config)?;
        let facts = shelf.case_not_destroyed(&self.case)?;
        let (case, codename, category) = (facts.row.id, facts.row.codename.clone(), facts.row.category);
        let Some((copy, object)) = facts.places.iter().find_map(|copy| Some((copy, copy.object?.object))) else {
            let why = if facts.row.action < Action::Hold { "its message was delivered" } else { "nothing of it is sealed" };
            return Err(not_added(&why, FROM_A_FILE));
        };
        let audiences = facts.message_audiences();
        let (who, keys) = match KeyHolder::admission(&self.holder.presented()?, &shelf.vault, &audiences)? {
            Admission::Admitted { who, key, mut others } => {
                others.insert(0, key);
                (who, others)
            }
            Admission::Refused { who } => {
                let refused = KeyHolder::not_hers(&codename, &audiences);
                shelf.book.note(Timestamp::now(), &who, &Event::ViewRefused { case, codename, object: object.to_string() })?;
                return Err(refused);
            }
        };
        let reason = self.holder.reason.as_str().to_owned();
        let viewed = Event::Viewed { case, codename: codename.clone(), object: object.to_string(), excerpt: false, reason: reason.clone() };
        shelf.book.note(Timestamp::now(), &who, &viewed)?;
        let message = unseal(&shelf, &facts, copy, &keys)?;
        let pictures = caged::block_on(async {
            let pool = Caged::of(config, Bundle::default(), &self.cage).pool().await?;
            Ok(pool.examine(&[message], true).await?.into_iter().flat_map(|report| report.pictures).collect::<Vec<_>>())
        })?;
        if self.pictures.is_empty() {
            return tell(&pictures, out);
        }
        let chosen = self.chosen(&pictures)?;
        let listed = Event::PicturesListed { case, codename: codename.clone(), pictures: chosen.len(), reason };
        shelf.book.note(Timestamp::now(), &who, &listed)?;
        for (kind, digests) in fingerprints(&chosen) {
            let path = own_list(&hashsets, category, kind);
            let added = add(&path, category, kind, &digests, &codename)
                .map_err(|error| not_added(&format!("{}: {error}", path.display()), "let this user write into the directory"))?;
            out.line(&format!("{}: {added} new", path.display()))?;
        }
        out.line("`systemctl reload mailwarden` puts it in force")?;
        Ok(())
    }

    /// # Errors
    /// When there is no picture of a number, or one that everybody has.
    fn chosen<'p>(&self, pictures: &'p [PictureFact]) -> Result<Vec<&'p PictureFact>, Failure> {
        let numbers: BTreeSet<_> = self.pictures.iter().copied().collect();
        let ordinary = Ordinary::new();
        let chosen = numbers.into_iter().map(|number| {
            let picture = number.checked_sub(1).and_then(|at| pictures.get(at));
            let picture = picture.ok_or_else(|| {
                not_added(&format!("it has no picture {number}"), "leave out `--picture`, and the pictures are numbered and told")
            })?;
            if picture.pdq.is_some_and(|pdq| ordinary.has(&pdq)) {
                return Err(not_added(&format!("picture {number} is one that everybody has"), "a list that holds it finds far too much"));
            }
            Ok(picture)
        });
        chosen.collect()
    }
}

/// By whichever of her keys opens it; and only what was found in that place.
fn unseal(shelf: &Shelf, facts: &CaseFacts, copy: &PlaceFacts, keys: &[AudienceIdentity]) -> Result<Message, Failure> {
    let object = copy.object.map(|sealed| sealed.object).ok_or_else(|| not_added(&"nothing of it is sealed", FROM_A_FILE))?;
    let unreadable = |why: &dyn ToString| not_added(why, "restore the vault from the backup");
    for key in keys {
        let sealed = match shelf.vault.unseal(&object, key) {
            Err(VaultError::WrongIdentity { .. }) => continue,
            sealed => sealed?,
        };
        let message = octets::whole(BufReader::with_capacity(octets::PIECE, sealed), LARGEST).map_err(|error| unreadable(&error))?;
        let message = message.ok_or_else(|| not_added(&"it is larger than what is looked into", FROM_A_FILE))?;
        if !shelf.book.is_message(copy.id, &message.digest())? {
            return Err(unreadable(&"what is sealed is not what was found"));
        }
        return Ok(message);
    }
    Err(KeyHolder::not_hers(&facts.row.codename, &facts.message_audiences()))
}

fn tell(pictures: &[PictureFact], out: &mut Output) -> Result<(), Failure> {
    if pictures.is_empty() {
        return Err(not_added(&"no picture of it could be read", "`mailwarden cases show` tells what was incomplete"));
    }
    let row = |(at, picture): (usize, &PictureFact)| {
        let found = picture.matched.as_ref().map_or("no list", |(rule, _)| rule.as_str());
        let again = if picture.quality < MIN_QUALITY { "the very file alone" } else { "what looks like it too" };
        [(at + 1).to_string(), visible(&picture.part), found.to_owned(), again.to_owned()]
    };
    let rows: Vec<_> = pictures.iter().enumerate().map(row).collect();
    out.table(["picture", "part", "known to", "would be found"], &rows)?;
    Ok(())
}

/// Of each kind that says something of one of the pictures.
fn fingerprints(pictures: &[&PictureFact]) -> Vec<(DigestKind, Vec<[u8; 32]>)> {
    let telling = || pictures.iter().filter(|picture| picture.quality >= MIN_QUALITY);
    let kinds = [
        (DigestKind::Sha256, pictures.iter().map(|picture| picture.sha256).collect()),
        (DigestKind::Pdq, telling().filter_map(|picture| picture.pdq).collect()),
        (DigestKind::Dct16, telling().filter_map(|picture| Some(picture.opinions?.dct16)).collect()),
        (DigestKind::Gradient16, telling().filter_map(|picture| Some(picture.opinions?.gradient16)).collect()),
    ];
    kinds.into_iter().filter(|(_, digests): &(_, Vec<_>)| !digests.is_empty()).collect()
}

/// A list has one category and one kind.
fn own_list(hashsets: &Path, category: Category, kind: DigestKind) -> PathBuf {
    hashsets.join(format!("ours-{category}-{}.txt", kind.as_str()))
}

/// Appends what is not there yet, each with the case that it comes from: so it can be found, and taken out by hand.
fn add(path: &Path, category: Category, kind: DigestKind, digests: &[[u8; 32]], codename: &Codename) -> io::Result<usize> {
    let mut text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            format!("# mailwarden list 1\n# name: Pictures of our own cases\n# category: {category}\n# kind: {}\n", kind.as_str())
        }
        read => read?,
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let mut added = 0;
    for digest in digests.iter().map(hex::encode) {
        if !text.lines().any(|line| line.trim_start().to_ascii_lowercase().starts_with(&digest)) {
            let _ = writeln!(text, "{digest}   # {codename}");
            added += 1;
        }
    }
    replace(path, text.as_bytes(), NEW_FILE)?;
    Ok(added)
}

fn not_added(why: &dyn ToString, hint: &str) -> Failure {
    Failure::world("no picture is added to a list", why, hint)
}
