//! Keys of people: made in their browsers, kept here as only a passphrase opens them, and confirmed by somebody else.

use askama::Template;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE_NO_PAD as BASE64URL};
use sha2::{Digest, Sha256};

use super::answer::{Answer, Refusal, page};
use super::guard::{Visit, Visitor};
use super::words::visible;
use super::{Review, sight};
use crate::desk::{Account, AccountId};
use crate::vault::Recipient;

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
    others: Vec<Other>,
    confirmed: Vec<Other>,
}

struct Own {
    fingerprint: String,
    confirmed: bool,
}

/// Somebody else's key.
struct Other {
    id: i64,
    name: String,
    role: &'static str,
    recipient: String,
    fingerprint: String,
    audience: &'static str,
}

pub fn show(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let visitor = visit.visitor()?;
    let accounts = review.desk().accounts()?;
    let others: Vec<_> =
        accounts.iter().filter(|account| account.id != visitor.account.id && sight::opens(account.role).is_some()).collect();
    let keys = |confirmed: bool| {
        let some = others.iter().filter_map(|account| Some((account, account.keys.as_ref().filter(|keys| keys.confirmed == confirmed)?)));
        some.map(|(account, keys)| Other {
            id: account.id.0,
            name: visible(&account.name),
            role: account.role.title(),
            recipient: keys.recipient.clone(),
            fingerprint: fingerprint(&keys.recipient),
            audience: sight::opens(account.role).map_or("", |audience| audience.as_str()),
        })
        .collect()
    };
    let own = visitor.account.keys.as_ref();
    page(&Page {
        visitor,
        school: &review.config.school.name,
        audience: sight::opens(visitor.account.role).map_or("", |audience| audience.as_str()),
        own: own.map(|keys| Own { fingerprint: fingerprint(&keys.recipient), confirmed: keys.confirmed }),
        others: keys(false),
        confirmed: keys(true),
    })
}

impl Review {
    /// Her key, as each of her passkeys opens it that can: the passkey's name, in base64url, and the file.
    ///
    /// # Errors
    /// When the desk's file is out of reach.
    pub fn wrapped_for_passkeys(&self, account: &Account) -> Result<Vec<(String, String)>, Refusal> {
        let passkeys = self.desk().passkeys(account)?;
        Ok(passkeys.into_iter().filter_map(|passkey| Some((BASE64URL.encode(&passkey.credential), passkey.wrapped?))).collect())
    }
}

/// Keeps a key that a browser has made. The private half comes wrapped, or is refused.
pub fn keep(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let (account, form) = (&visit.visitor()?.account, &visit.asked.form);
    let (recipient, wrapped) = (form.text("recipient"), form.text("wrapped"));
    if recipient.parse::<Recipient>().is_err() || !is_wrapped(wrapped) {
        return Err(Refusal::Malformed);
    }
    review.desk().keep_keys(Review::now(), account, recipient, wrapped)?;
    Ok(Answer::Json("{}".to_owned()))
}

/// Somebody else has compared the fingerprint with its owner. What was seen is what is confirmed.
pub fn confirm(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let (account, form) = (&visit.visitor()?.account, &visit.asked.form);
    let whose = form.text("account").parse().map(AccountId).map_err(|_| Refusal::Malformed)?;
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

/// Short enough to be read out on the telephone: 80 bits.
fn fingerprint(recipient: &str) -> String {
    let digest = hex::encode(&Sha256::digest(recipient)[..10]);
    digest.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
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
