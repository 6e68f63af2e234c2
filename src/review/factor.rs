//! The second factor, whichever it is: six digits of an app, or the answer of a passkey.

use jiff::Timestamp;

use super::answer::Refusal;
use super::form::Form;
use super::webauthn::{Assertion, Place};
use super::{Review, totp};
use crate::desk::{Account, AccountId, Credentials, Factor};

/// By whose passkey a challenge of the desk was signed.
pub struct Signed {
    pub account: AccountId,
    pub credential: Vec<u8>,
    uses: u32,
    challenge: Vec<u8>,
}

/// Whether a form has a passkey in the place of a code.
pub fn shows_passkey(form: &Form) -> bool {
    !form.text("passkey").is_empty()
}

impl Review {
    /// What a form shows in its field `passkey`, or else in its field `code`; `None` where it is not hers and of now. Whether it
    /// was shown before is for the desk to say.
    ///
    /// # Errors
    /// When the desk's file is out of reach.
    pub fn factor(&self, now: Timestamp, account: &Account, known: &Credentials, form: &Form) -> Result<Option<Factor>, Refusal> {
        if !shows_passkey(form) {
            let seconds = now.as_second().try_into().unwrap_or(0);
            return Ok(totp::step_of(&known.totp, form.text("code"), seconds).map(Factor::Code));
        }
        let signed = self.signed(now, form)?.filter(|signed| signed.account == account.id && self.use_up(now, &signed.challenge));
        Ok(signed.map(|Signed { credential, uses, .. }| Factor::Passkey { credential, uses }))
    }

    /// What some passkey of the desk has signed in the field `passkey`, whether or not it was shown before.
    ///
    /// # Errors
    /// When the desk's file is out of reach.
    pub fn signed(&self, now: Timestamp, form: &Form) -> Result<Option<Signed>, Refusal> {
        let Some(assertion) = Assertion::parse(form.text("passkey")) else { return Ok(None) };
        let Some(challenge) = assertion.challenge().filter(|challenge| self.is_ours(now, challenge)) else { return Ok(None) };
        let Some((account, passkey)) = self.desk().passkey(&assertion.credential)? else { return Ok(None) };
        let uses = assertion.verified(&passkey.public_key, &self.place());
        Ok(uses.map(|uses| Signed { account, credential: assertion.credential, uses, challenge }))
    }

    /// For which passkeys are made here.
    pub fn place(&self) -> Place {
        Place { host: self.settings.host.clone(), origin: self.settings.origin() }
    }
}
