//! The second factor, whichever it is: six digits of an app, or the answer of a passkey.

use jiff::Timestamp;

use super::answer::Refusal;
use super::form::Form;
use super::webauthn::{Assertion, Place};
use super::{Review, totp};
use crate::desk::{Account, Credentials, Factor};

/// A challenge of the desk, as a passkey of hers has signed it.
pub struct Signed {
    pub credential: Vec<u8>,
    uses: u32,
    challenge: Vec<u8>,
}

/// Whether a form has a passkey in the place of a code.
pub fn shows_passkey(form: &Form) -> bool {
    !form.text("passkey").is_empty()
}

impl Review {
    /// What a form shows: what was [`Self::signed`] in its field `passkey`, or else in its field `code`; `None` where it is not hers and
    /// of now. Whether it was shown before is for the desk to say.
    pub fn factor(&self, now: Timestamp, known: &Credentials, form: &Form, signed: Option<Signed>) -> Option<Factor> {
        if !shows_passkey(form) {
            return totp::step_of(&known.totp, form.text("code"), now).map(Factor::Code);
        }
        let Signed { credential, uses, .. } = signed.filter(|signed| self.use_up(now, &signed.challenge))?;
        Some(Factor::Passkey { credential, uses })
    }

    /// What a passkey of hers has signed in the field `passkey`, whether or not it was shown before. Looked for whether or not there is
    /// such an account: how long it takes says nothing of that.
    ///
    /// # Errors
    /// When the desk's file is out of reach.
    pub fn signed(&self, now: Timestamp, account: Option<&Account>, form: &Form) -> Result<Option<Signed>, Refusal> {
        let Some(assertion) = Assertion::parse(form.text("passkey")) else { return Ok(None) };
        let Some(challenge) = assertion.challenge().filter(|challenge| self.is_ours(now, challenge)) else { return Ok(None) };
        let Some((owner, passkey)) = self.desk().passkey(&assertion.credential)? else { return Ok(None) };
        let uses = assertion.verified(&passkey.public_key, &self.place());
        let uses = uses.filter(|_| account.is_some_and(|account| account.id == owner));
        Ok(uses.map(|uses| Signed { credential: assertion.credential, uses, challenge }))
    }

    /// For which passkeys are made here.
    pub fn place(&self) -> Place {
        Place { host: self.settings.host.clone(), origin: self.settings.origin() }
    }
}
