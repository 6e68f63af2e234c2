//! Keys of people: made in their browsers, kept here as only a passphrase opens them, confirmed by somebody else, and then
//! admitted to their audience.

use askama::Template;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD as BASE64URL};

use super::answer::{Answer, Refusal, page};
use super::guard::{Visit, Visitor};
use super::sealed::rings;
use super::words::visible;
use super::{Review, admit, sight};
use crate::desk::{Account, AccountId, Admission, Keys};
use crate::finding::Audience;
use crate::vault::{Recipient, VaultError};

/// A wrapped key is a few hundred octets.
const LONGEST: usize = 4_096;
const ARMOUR: (&str, &str) = ("-----BEGIN AGE ENCRYPTED FILE-----", "-----END AGE ENCRYPTED FILE-----");
/// How an age file begins that a passphrase opens, and nothing else does.
const BEGINS: &[u8] = b"age-encryption.org/v1\n-> scrypt ";

#[derive(Template)]
#[template(path = "keys.html")]
struct Page<'a> {
    visitor: &'a Visitor,
    school: &'a str,
    audience: &'static str,
    own: Option<Own>,
    /// Whose fingerprints are to be compared.
    others: Vec<Other>,
    /// Whose are confirmed, for her to admit.
    to_admit: Vec<Other>,
    /// The same, for those of other audiences to admit.
    elsewhere: Vec<Other>,
    members: Vec<(String, String)>,
    /// Her key, as her passphrase opens it, and as her passkeys do.
    wrapped: &'a str,
    by_passkey: Vec<(String, String)>,
    /// What her browser opens to admit somebody, as base64; what it is known by; and the public half of what is in it.
    rings: String,
    ring: String,
    audience_key: String,
}

struct Own {
    fingerprint: String,
    stage: Stage,
}

/// How far a key is on its way to open anything.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Unconfirmed,
    Confirmed,
    /// Somebody has sealed to it; the service takes that over within seconds.
    Admitted,
    Member,
}

/// Somebody else's key.
struct Other {
    id: i64,
    name: String,
    /// As her account has it.
    exact: String,
    role: &'static str,
    recipient: String,
    fingerprint: String,
    audience: &'static str,
    stage: Stage,
}

pub fn show(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let visitor = visit.visitor()?;
    let audience = sight::opens(visitor.account.role).ok_or(Refusal::NotFound)?;
    review.viewed(visitor, "/keys")?;
    review.forget_admissions()?;
    let keys =
        review.desk().accounts()?.into_iter().filter_map(|account| Some((sight::opens(account.role)?, account.keys.clone()?, account)));
    let (mut own, mut others, mut to_admit, mut elsewhere) = (None, Vec::new(), Vec::new(), Vec::new());
    for (theirs, keys, account) in keys {
        let (stage, fingerprint) = (review.stage(theirs, &account, &keys)?, fingerprint(&keys.recipient));
        if account.id == visitor.account.id {
            own = Some(Own { fingerprint, stage });
            continue;
        }
        let other = Other {
            id: account.id.0,
            name: visible(&account.name),
            exact: account.name,
            role: account.role.title(),
            recipient: keys.recipient,
            fingerprint,
            audience: theirs.as_str(),
            stage,
        };
        match stage {
            Stage::Unconfirmed => others.push(other),
            Stage::Confirmed | Stage::Admitted if theirs == audience => to_admit.push(other),
            Stage::Confirmed | Stage::Admitted => elsewhere.push(other),
            Stage::Member => {}
        }
    }
    let (rings, ring, audience_key) = match review.vault.ring().recipient(audience) {
        Ok(key) => {
            let ring = review.vault.ring().ciphertext(audience)?;
            (rings(review, &visitor.account, audience)?.join(" "), admit::fingerprint_of(&ring), key.to_string())
        }
        Err(VaultError::NoRing { .. }) => <_>::default(),
        Err(error) => return Err(error.into()),
    };
    page(&Page {
        visitor,
        school: &review.config.school.name,
        audience: audience.as_str(),
        own,
        others,
        to_admit,
        elsewhere,
        members: review.members(audience)?.iter().map(|member| (visible(&member.name), member.recipient.fingerprint())).collect(),
        wrapped: visitor.account.keys.as_ref().map_or("", |keys| keys.wrapped.as_str()),
        by_passkey: review.wrapped_for_passkeys(&visitor.account)?,
        rings,
        ring,
        audience_key,
    })
}

impl Review {
    fn stage(&self, audience: Audience, account: &Account, keys: &Keys) -> Result<Stage, Refusal> {
        let admitted = |admission: &Admission| admission.whose == account.id && admission.recipient == keys.recipient;
        Ok(if self.members(audience)?.iter().any(|member| member.recipient.to_string() == keys.recipient) {
            Stage::Member
        } else if self.desk().admissions()?.iter().any(admitted) {
            Stage::Admitted
        } else if keys.confirmed {
            Stage::Confirmed
        } else {
            Stage::Unconfirmed
        })
    }

    /// Her key, as each of her passkeys opens it that can: the passkey's name, in base64url, and the file.
    ///
    /// # Errors
    /// When the desk's file is out of reach.
    pub fn wrapped_for_passkeys(&self, account: &Account) -> Result<Vec<(String, String)>, Refusal> {
        let passkeys = self.desk().passkeys(account)?;
        Ok(passkeys.into_iter().filter_map(|passkey| Some((BASE64URL.encode(&passkey.credential), passkey.wrapped?))).collect())
    }
}

/// Keeps a key that a browser has made, after a fresh second factor: whoever took over an open session would make one of her own.
/// The private half comes wrapped, or is refused.
pub fn keep(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let (account, form) = (&visit.visitor()?.account, &visit.asked.form);
    let (recipient, wrapped) = (form.text("recipient"), form.text("wrapped"));
    if recipient.parse::<Recipient>().is_err() || !is_wrapped(wrapped) {
        return Err(Refusal::Malformed);
    }
    review.step_up(visit)?;
    review.desk().keep_keys(Review::now(), account, recipient, wrapped)?;
    Ok(Answer::Json("{}".to_owned()))
}

/// Somebody else has compared the fingerprint with its owner, and shows a fresh second factor. What was seen is what is confirmed.
pub fn confirm(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let (account, form) = (&visit.visitor()?.account, &visit.asked.form);
    let whose = form.text("account").parse().map(AccountId).map_err(|_| Refusal::Malformed)?;
    review.step_up(visit)?;
    if review.desk().confirm_keys(Review::now(), account, whose, form.text("recipient"))? {
        Ok(Answer::See("/keys".to_owned()))
    } else {
        let told = "That key is not there any more, or it is your own. Please load the page again, and compare once more.";
        Err(Refusal::Shown(StatusCode::UNPROCESSABLE_ENTITY, told.to_owned()))
    }
}

/// Whether it is a private key that a passphrase opens, in armour.
pub fn is_wrapped(text: &str) -> bool {
    let inner = text.trim().strip_prefix(ARMOUR.0).and_then(|rest| rest.strip_suffix(ARMOUR.1)).filter(|_| text.len() <= LONGEST);
    let packed: Option<String> = inner.map(|base64| base64.split_ascii_whitespace().collect());
    packed.and_then(|base64| BASE64.decode(base64).ok()).is_some_and(|octets| octets.starts_with(BEGINS))
}

fn fingerprint(recipient: &str) -> String {
    recipient.parse().map_or_else(|_| "(damaged)".to_owned(), |recipient: Recipient| recipient.fingerprint())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_not_wrapped_by_a_passphrase_is_not_kept() {
        let armoured = |octets: &[u8]| format!("{}\n{}\n{}\n", ARMOUR.0, BASE64.encode(octets), ARMOUR.1);
        assert!(is_wrapped(&armoured(b"age-encryption.org/v1\n-> scrypt abc 18\n")));
        for other in [
            "AGE-SECRET-KEY-1QQQ".to_owned(),
            armoured(b"AGE-SECRET-KEY-1QQQ"),
            armoured(b"age-encryption.org/v1\n-> X25519 abc\n"),
            armoured(&[b"age-encryption.org/v1\n-> scrypt ".as_slice(), &[7; 5_000]].concat()),
            String::new(),
        ] {
            assert!(!is_wrapped(&other), "{other}");
        }
    }
}
