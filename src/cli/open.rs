//! `mailwarden open`: shows the sheet and the text of a case to a person with a key and a reason.

use std::io::Read;

use clap::Args;
use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::key_holder::{Admission, KeyHolder};
use super::shelf::Shelf;
use super::{Failure, Output};
use crate::case::{Codename, Sheet, Text};
use crate::casebook::SealedObject;
use crate::journal::Event;
use crate::vault::{AudienceIdentity, Vault};

/// The largest sheet or text that is read, in octets; those that are made stay below a megabyte.
const LARGEST: u64 = 8 << 20;

/// Show a case: who wrote what to whom, as text, and why it matched.
///
/// That you looked, and your reason, are written to the journal before anything is shown. Pictures and attachments are
/// never shown.
#[derive(Debug, Args)]
pub(super) struct Open {
    /// The case, as the notice names it.
    codename: Codename,
    /// Open no more than what matched, a few words on either side, and who wrote to whom.
    #[arg(long)]
    excerpt: bool,
    #[command(flatten)]
    holder: KeyHolder,
}

impl Open {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let holder = &self.holder;
        let shelf = Shelf::open(&holder.config.load()?)?;
        let facts = shelf.case_not_destroyed(&self.codename)?;
        let Shelf { vault, book } = shelf;
        let (case, codename) = (facts.row.id, facts.row.codename);
        let Some(sheet) = facts.sheet else {
            let hint = format!("`mailwarden cases show {codename}` tells all that is known of it");
            return Err(Failure::world(format!("{codename} has no sheet"), &"it is a case of facts alone", hint));
        };
        let text = facts.text.filter(|_| !self.excerpt);
        let object = SealedObject::names([Some(sheet), text]);
        match KeyHolder::admission(&holder.presented()?, &vault, &facts.row.audiences)? {
            Admission::Admitted { who, key, .. } => {
                let (excerpt, reason) = (self.excerpt, holder.reason.as_str().to_owned());
                book.note(Timestamp::now(), &who, &Event::Viewed { case, codename, object, excerpt, reason })?;
                let sheet: Sheet = read(&vault, &sheet, &key)?;
                for line in sheet.to_text().lines() {
                    out.line(line)?;
                }
                let text = match text {
                    Some(text) => read(&vault, &text, &key)?,
                    None if excerpt => Text::default(),
                    // Of a case from before the text was sealed by itself.
                    None => Text { bodies: sheet.bodies },
                };
                for line in text.to_text().lines() {
                    out.line(line)?;
                }
                Ok(())
            }
            Admission::Refused { who } => {
                book.note(Timestamp::now(), &who, &Event::ViewRefused { case, codename, object })?;
                Err(KeyHolder::not_hers(&self.codename, &facts.row.audiences))
            }
        }
    }
}

/// A sheet or a text, when it is the one that was recorded: another one could have been sealed by anybody.
fn read<T: DeserializeOwned>(vault: &Vault, sealed: &SealedObject, key: &AudienceIdentity) -> Result<T, Failure> {
    let _ = vault.confirm(&sealed.object, &sealed.ciphertext_sha256)?;
    let mut octets = Vec::new();
    let unreadable = |why: &dyn ToString| Failure::world("what is sealed of it cannot be read", why, "restore the vault from the backup");
    vault.unseal(&sealed.object, key)?.take(LARGEST).read_to_end(&mut octets).map_err(|error| unreadable(&error))?;
    // What the parser says could quote the message.
    serde_json::from_slice(&octets).map_err(|_| unreadable(&"it is from another version of mailwarden"))
}
