//! `mailwarden open`: shows the sheet of a case to a person with a key and a reason.

use std::io::Read;

use clap::Args;
use jiff::Timestamp;

use super::key_holder::{Admission, KeyHolder};
use super::shelf::Shelf;
use super::{Failure, Output};
use crate::case::{Codename, Sheet};
use crate::casebook::SealedObject;
use crate::journal::Event;
use crate::vault::{AudienceIdentity, Vault};

/// The largest sheet that is read, in octets; those that are made stay below a megabyte.
const LARGEST_SHEET: u64 = 8 << 20;

/// Show the sheet of a case: who wrote what to whom, as text, and why it matched.
///
/// That you looked, and your reason, are written to the journal before anything is shown. Pictures and attachments are
/// never shown.
#[derive(Debug, Args)]
pub(super) struct Open {
    /// The case, as the notice names it.
    codename: Codename,
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
        let object = sheet.object.to_string();
        match KeyHolder::admission(&holder.presented()?, &vault, &facts.row.audiences)? {
            Admission::Admitted { who, key, .. } => {
                let reason = holder.reason.as_str().to_owned();
                book.note(Timestamp::now(), &who, &Event::Viewed { case, codename, object, reason })?;
                for line in read(&vault, &sheet, &key)?.to_text().lines() {
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

/// The sheet, when it is the one that was recorded: another one could have been sealed by anybody.
fn read(vault: &Vault, sealed: &SealedObject, key: &AudienceIdentity) -> Result<Sheet, Failure> {
    let _ = vault.confirm(&sealed.object, &sealed.ciphertext_sha256)?;
    let mut octets = Vec::new();
    let unreadable = |why: &dyn ToString| Failure::world("the sheet cannot be read", why, "restore the vault from the backup");
    vault.unseal(&sealed.object, key)?.take(LARGEST_SHEET).read_to_end(&mut octets).map_err(|error| unreadable(&error))?;
    // What the parser says could quote the sheet.
    serde_json::from_slice(&octets).map_err(|_| unreadable(&"it is from another version of mailwarden"))
}
