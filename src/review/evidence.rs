//! A package for the police. What is held is passed on behind headers that the browser of whoever opens it has made for the officer:
//! her key never comes here, and what is sealed is opened nowhere. What is withheld is passed on as it lies in the vault.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;

use super::answer::{Answer, Refusal};
use super::decide::check_words;
use super::guard::Visit;
use super::keys::is_wrapped;
use super::{Review, sealed, sight};
use crate::casebook::CaseFacts;
use crate::desk::{Account, Deed, DeskError, Done};
use crate::evidence::{Chronicle, Copy, Journal, Package, Sealing};
use crate::finding::Action;
use crate::journal::{self, Event, JournalError};
use crate::vault::{Header, ObjectId, Receiver, Recipient};

/// In octets: what a browser takes in one piece, and the desk has room for.
const LARGEST: u64 = 100 << 20;
/// Copies of the message. Her browser makes a header for each while a code of six digits is still the one of now; all of them fit into one form.
const MOST: usize = 2_000;

/// How a package of a case is made at the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// No message is sealed, or not to her.
    None,
    /// Behind headers for the officer, which her browser makes.
    Anew,
    /// As it lies in the vault: nobody at the school opens it.
    AsSealed,
}

impl Hand {
    /// Of somebody who sees the case. `on_its_way` is that of [`Review::on_its_way`].
    pub fn of(account: &Account, facts: &CaseFacts, on_its_way: Option<Deed>) -> Self {
        let hers = sight::opens_sheet(account, &facts.row).is_some();
        match facts.row.action {
            _ if !hers || messages(facts).is_empty() || on_its_way == Some(Deed::Destroy) => Self::None,
            Action::Withhold => Self::AsSealed,
            _ => Self::Anew,
        }
    }
}

/// The headers of the sealed messages: for her browser to make others of.
pub fn keys(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let (account, words) = (&visit.visitor()?.account, visit.asked.form.text("words"));
    let (facts, audience) = sealed::hers_to_open(review, account, visit.name("codename"))?;
    check_words(Deed::HandOver, words)?;
    let objects = messages(&facts);
    if objects.is_empty() {
        return Err(nothing());
    }
    check_size(review, &objects)?;
    sealed::handed(review, account, &facts, audience, &objects, "hand-over", words)
}

/// Makes the package, after a fresh second factor, and writes down that it is made and for whom first.
pub fn package(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let (account, form) = (&visit.visitor()?.account, &visit.asked.form);
    let facts = review.case_for(account, visit.name("codename"))?;
    sight::opens_sheet(account, &facts.row).ok_or(Refusal::NotFound)?;
    let objects = messages(&facts);
    let hand = Hand::of(account, &facts, review.on_its_way(&facts)?);
    if hand == Hand::None {
        return Err(nothing());
    }
    check_size(review, &objects)?;
    let to = if hand == Hand::Anew { Some(For::read(visit, &objects)?) } else { None };
    let words = form.text("words");
    check_words(Deed::HandOver, words)?;
    review.step_up(visit)?;

    // What is made is in memory: one at a time.
    let _one = review.packing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (case, codename, now) = (facts.row.id, &facts.row.codename, Review::now());
    let (objects, reason) = (objects.iter().map(ToString::to_string).collect(), words.to_owned());
    let told = to.as_ref().map_or_else(|| "as it was sealed".to_owned(), For::told);
    let event = Event::EvidencePackaged { case, codename: codename.clone(), objects, to: told.clone(), reason };
    review.desk().note(now, &account.actor(), &event)?;
    review.desk().done(now, account, &Done { case, codename, deed: Deed::HandOver, words, to: None, until: None, keys: &[] })?;
    let receiver = to.as_ref().map(|to| Receiver::Key(to.recipient.clone()));
    let sealing = match &receiver {
        Some(receiver) => Sealing::Anew { receiver, told, key: to.as_ref().and_then(|to| to.key.as_deref()) },
        None => Sealing::AsItIs { audiences: facts.message_audiences() },
    };
    let package = Package {
        school: &review.config.school.name,
        made_by: &account.name,
        made_at: now,
        copies: copies(review, &facts, to.as_ref())?,
        chronicle: chronicle(review, &facts)?,
        sealing,
        facts: &facts,
    };
    let signer = review.desk().signer();
    let mut octets = Vec::with_capacity(package.copies.iter().map(|copy| copy.octets.len()).sum());
    package.write(&review.vault, &signer, &mut octets).map_err(|error| Refusal::World(error.to_string()))?;
    Ok(Answer::File { name: format!("{codename}.tar"), media_type: "application/x-tar", octets })
}

/// Whether a browser can take a package of it: told before it is asked to seal anything.
fn check_size(review: &Review, objects: &[ObjectId]) -> Result<(), Refusal> {
    // Enough to know that there are too many: none of them is looked at.
    fits(objects.len(), 0)?;
    let sizes = objects.iter().map(|object| review.vault.size(object)).collect::<Result<Vec<_>, _>>()?;
    fits(objects.len(), sizes.into_iter().sum())
}

fn fits(copies: usize, octets: u64) -> Result<(), Refusal> {
    let what = if copies > MOST {
        format!("It has {copies} sealed copies, and a browser takes {MOST} at once")
    } else if octets > LARGEST {
        format!("It has {} MiB, and a browser takes {} at once", octets.div_ceil(1 << 20), LARGEST >> 20)
    } else {
        return Ok(());
    };
    let remedy = "Nothing was changed. Please have the technician type `mailwarden evidence` with you at the server: that takes them all.";
    Err(Refusal::unfit(format!("{what}. {remedy}")))
}

fn nothing() -> Refusal {
    Refusal::unfit("No message of it is sealed: there is nothing to hand over.")
}

/// For whom her browser has sealed it anew.
struct For {
    recipient: Recipient,
    /// The private half, as a passphrase opens it, where the key was made for this package alone.
    key: Option<String>,
    headers: HashMap<ObjectId, Header>,
}

impl For {
    /// Every header of these objects, and no other.
    fn read(visit: &Visit, objects: &[ObjectId]) -> Result<Self, Refusal> {
        let form = &visit.asked.form;
        let told = "That is no public key of age: one begins with age1. Nothing was changed. Please ask the officer for it once more, or leave the \
                    field empty for a passphrase.";
        let recipient = form.text("to").parse().map_err(|_| Refusal::unfit(told))?;
        let key = Some(form.text("key")).filter(|key| !key.is_empty()).map(ToOwned::to_owned);
        let headers: HashMap<_, _> =
            form.all("header").map(|text| header(text, objects)).collect::<Option<_>>().ok_or(Refusal::Malformed)?;
        if headers.len() != objects.len() || key.as_deref().is_some_and(|key| !is_wrapped(key)) {
            return Err(Refusal::Malformed);
        }
        Ok(Self { recipient, key, headers })
    }

    fn told(&self) -> String {
        if self.key.is_some() { "a key that a passphrase opens".to_owned() } else { self.recipient.to_string() }
    }
}

/// `object:header`, the first in hex, the other base64.
fn header(text: &str, of: &[ObjectId]) -> Option<(ObjectId, Header)> {
    let (object, octets) = text.split_once(':')?;
    let object = object.parse().ok().filter(|object| of.contains(object))?;
    Some((object, Header::of(BASE64.decode(octets).ok()?)?))
}

/// Every message that is sealed, each once.
fn messages(facts: &CaseFacts) -> Vec<ObjectId> {
    if facts.destroyed.is_some() {
        return Vec::new();
    }
    let mut objects: Vec<_> = facts.places.iter().filter_map(|copy| copy.object.map(|sealed| sealed.object)).collect();
    objects.sort_unstable();
    objects.dedup();
    objects
}

/// What lies in the vault must be what was recorded: another file could have been sealed by anybody who has the public key.
fn copies(review: &Review, facts: &CaseFacts, to: Option<&For>) -> Result<Vec<Copy>, Refusal> {
    let sealed = facts.places.iter().filter_map(|copy| copy.object.map(|sealed| (copy, sealed)));
    sealed
        .zip(1..)
        .map(|((copy, sealed), number)| {
            let _ = review.vault.confirm(&sealed.object, &sealed.ciphertext_sha256)?;
            let octets = match to {
                Some(to) => review.vault.behind(&sealed.object, to.headers.get(&sealed.object).ok_or(Refusal::Malformed)?)?,
                None => review.vault.ciphertext(&sealed.object)?,
            };
            Ok(Copy { place: copy.id, file: format!("message-{number}.eml.age"), octets, sha256: None })
        })
        .collect()
}

/// What both journals say of the case. That of the desk is the one whose chain can be verified here.
fn chronicle(review: &Review, facts: &CaseFacts) -> Result<Chronicle, Refusal> {
    let of = "desk";
    let chain = review.journal()?;
    let journal = match chain.verify() {
        Ok(verified) => Journal { of, lines: verified.entries, whole: true },
        Err(DeskError::Journal(JournalError::Broken(broken))) => Journal { of, lines: broken.seq, whole: false },
        Err(error) => return Err(error.into()),
    };
    let (first, last) = (Timestamp::MIN, Timestamp::MAX);
    let mut entries = journal::lines_within(first, last, |before, limit| chain.before(before, limit))?;
    let book = review.casebook()?;
    entries.extend(journal::lines_within(first, last, |before, limit| book.journal_before(before, limit))?);
    Ok(Chronicle::of(facts.row.id, entries, journal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_no_browser_takes_is_refused_with_its_bound_and_the_way_round_it() {
        assert!(fits(MOST, LARGEST).is_ok());
        for (copies, octets, told) in
            [(2_001, 0, "2001 sealed copies, and a browser takes 2000"), (1, LARGEST + 1, "101 MiB, and a browser takes 100")]
        {
            let Err(Refusal::Shown(_, why)) = fits(copies, octets) else { panic!("{told}") };
            assert!(why.contains(told) && why.contains("`mailwarden evidence`"), "{why}");
        }
    }
}
