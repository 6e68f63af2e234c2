//! Admitting a key to an audience: the browser of somebody who can open the audience's key seals it to a colleague whose
//! fingerprint is confirmed. What arrives here opens for that colleague alone; the service takes it over.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};

use super::answer::{Answer, Refusal};
use super::guard::Visit;
use super::words::visible;
use super::{Review, sight};
use crate::case::Codename;
use crate::casebook::Filter;
use crate::desk::{Account, AccountId, NewAdmission, Status};
use crate::finding::Audience;
use crate::vault::{Member, Recipient, VaultError};

/// A ring of a few hundred members.
const LONGEST: usize = 32 << 10;
/// How an age file begins that is sealed to an age recipient first.
const BEGINS: &[u8] = b"age-encryption.org/v1\n-> X25519 ";

pub fn admit(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let (account, form) = (&visit.visitor()?.account, &visit.asked.form);
    let audience = sight::opens(account.role).ok_or(Refusal::NotFound)?;
    let whose = form.text("account").parse().map(AccountId).map_err(|_| Refusal::Malformed)?;
    if whose == account.id {
        return Err(unfit("Nobody admits her own key. Please ask a colleague who opens these cases."));
    }
    let colleague = review.desk().account(whose)?.filter(|colleague| sight::opens(colleague.role) == Some(audience));
    let keys = colleague.as_ref().and_then(|colleague| colleague.keys.as_ref());
    let (Some(colleague), Some(keys)) = (&colleague, keys) else { return Err(changed()) };
    if !keys.confirmed || keys.recipient != form.text("recipient") {
        return Err(changed());
    }
    let members = review.members(audience)?;
    let is_member = |key: &str| members.iter().any(|member| member.recipient.to_string() == key);
    if !account.keys.as_ref().is_some_and(|own| is_member(&own.recipient)) {
        return Err(unfit("Only whose own key opens these cases admits another. Please have a colleague admit yours first."));
    }
    // Her ring would be put in the place of one that opens.
    if is_member(&keys.recipient) {
        return Err(changed());
    }
    let ring = review.vault.ring();
    if fingerprint_of(&ring.ciphertext(audience)?) != form.text("ring") {
        return Err(changed());
    }
    let wrapped = BASE64.decode(form.text("wrapped")).ok().filter(|octets| is_for_one(octets)).ok_or(Refusal::Malformed)?;
    if let Some(codename) = review.open_case_about(account, colleague, audience)? {
        let told = format!(
            "{} is a party to {codename}, which is open, and her key would open what is sealed of it. Please close that case first, or \
             have another colleague admitted.",
            visible(&colleague.name)
        );
        return Err(unfit(&told));
    }
    review.step_up(visit)?;
    let audience_key = ring.recipient(audience)?.to_string();
    let new = NewAdmission { whose, audience, audience_key: &audience_key, recipient: &keys.recipient, wrapped: &wrapped };
    if review.desk().admit(Review::now(), account, &new)? { Ok(Answer::Json("{}".to_owned())) } else { Err(changed()) }
}

/// By which a page knows the ring again that it was made from.
pub fn fingerprint_of(ring: &[u8]) -> String {
    hex::encode(Sha256::digest(ring))
}

impl Review {
    /// An open case that both have to do with: one deals with it, and the other is a party to it.
    fn open_case_about(&self, deals: &Account, party: &Account, audience: Audience) -> Result<Option<Codename>, Refusal> {
        let book = self.casebook()?;
        let (mine, hers) = (self.involvement(&book, deals)?, self.involvement(&book, party)?);
        let rows = sight::seen(&book, deals, &mine, &Filter { undecided: true, ..Filter::default() })?;
        let stands = self.desk().stands(rows.iter().map(|row| row.id))?;
        let is_open = |case| stands.get(&case).is_none_or(|stand| stand.status != Status::Closed);
        let found = rows.into_iter().find(|row| {
            row.audiences.contains(&audience)
                && is_open(row.id)
                && sight::is_for(party.role, row.category, &row.audiences)
                && !sight::sees(party, row, &hers)
        });
        Ok(found.map(|row| row.codename))
    }

    /// Who is a member, as far as the service has written down for people to read.
    ///
    /// # Errors
    /// When the vault is out of reach.
    pub fn members(&self, audience: Audience) -> Result<Vec<Member>, Refusal> {
        match self.vault.ring().listed(audience) {
            Err(VaultError::NoRing { .. }) => Ok(Vec::new()),
            members => Ok(members?),
        }
    }

    /// Forgets what was sealed for members whom the service has admitted by now, or never will.
    ///
    /// # Errors
    /// When the vault or the desk refuses.
    pub fn forget_admissions(&self) -> Result<(), Refusal> {
        let ring = self.vault.ring();
        let waiting = self.desk().admissions()?;
        for admission in waiting {
            let recipient: Option<Recipient> = admission.recipient.parse().ok();
            let own = recipient.as_ref().map(|recipient| ring.ciphertext_of(admission.audience, recipient)).transpose()?.flatten();
            let is_listed = ring.listed(admission.audience)?.iter().any(|member| Some(&member.recipient) == recipient.as_ref());
            let outlived = ring.recipient(admission.audience)?.to_string() != admission.audience_key;
            if outlived || (is_listed && own.as_ref() == Some(&admission.wrapped)) {
                self.desk().forget_admission(admission.id)?;
            }
        }
        Ok(())
    }
}

/// Whether it is an age file with one X25519 recipient, and no other of any kind.
fn is_for_one(octets: &[u8]) -> bool {
    let stanzas = octets.windows(4).take_while(|line| *line != b"\n---").filter(|line| *line == b"\n-> ").count();
    octets.len() <= LONGEST && octets.starts_with(BEGINS) && stanzas == 1
}

fn changed() -> Refusal {
    unfit(
        "The key or the audience is not as this page showed it any more. Nothing was changed. Please load the page Keys again, and look once more.",
    )
}

fn unfit(told: &str) -> Refusal {
    Refusal::Shown(StatusCode::UNPROCESSABLE_ENTITY, told.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_is_sealed_to_one_member_and_to_nothing_else() {
        let head = "age-encryption.org/v1\n-> X25519 abc\nbody\n";
        assert!(is_for_one(format!("{head}--- mac\n\n-> in the ciphertext").as_bytes()));
        for other in [
            format!("{head}-> X25519 def\nbody\n--- mac\n"),
            "age-encryption.org/v1\n-> scrypt abc 18\nbody\n--- mac\n".to_owned(),
            "# mailwarden audience: dsl\nAGE-SECRET-KEY-1QQQ\n".to_owned(),
            format!("{head}--- mac\n{}", "x".repeat(40_000)),
            String::new(),
        ] {
            assert!(!is_for_one(other.as_bytes()), "{}", &other[..other.len().min(80)]);
        }
    }
}
