//! The second factor, whichever it is: six digits of an app, or the answer of a passkey.

use jiff::Timestamp;

use super::answer::Refusal;
use super::form::Form;
use super::webauthn::{Assertion, Place};
use super::{Review, totp};
use crate::desk::{Account, Credentials, Factor};

impl Review {
    /// What a form shows in its field `passkey`, or else in its field `code`; `None` where it is not hers and of now. Whether it
    /// was shown before is for the desk to say.
    ///
    /// # Errors
    /// When the desk's file is out of reach.
    pub fn factor(&self, now: Timestamp, account: &Account, known: &Credentials, form: &Form) -> Result<Option<Factor>, Refusal> {
        if form.text("passkey").is_empty() {
            let seconds = now.as_second().try_into().unwrap_or(0);
            return Ok(totp::step_of(&known.totp, form.text("code"), seconds).map(Factor::Code));
        }
        let Some(assertion) = Assertion::parse(form.text("passkey")) else { return Ok(None) };
        let passkeys = self.desk().passkeys(account)?;
        let known = passkeys.iter().find(|passkey| passkey.credential == assertion.credential);
        let uses = known.and_then(|passkey| assertion.verified(&passkey.public_key, &self.place()));
        let challenge = assertion.challenge().filter(|challenge| self.is_ours(now, challenge));
        Ok(match (uses, challenge) {
            (Some(uses), Some(challenge)) if self.use_up(now, &challenge) => {
                Some(Factor::Passkey { credential: assertion.credential, uses })
            }
            _ => None,
        })
    }

    /// For which passkeys are made here.
    pub fn place(&self) -> Place {
        Place { host: self.settings.host.clone(), origin: self.settings.origin() }
    }
}
