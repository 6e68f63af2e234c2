//! The second factor once more, before what cannot be undone, lets somebody in or lets a message out: a session that somebody took over
//! does not suffice.

use super::Review;
use super::answer::Refusal;
use super::attempts::Caller;
use super::guard::Visit;
use crate::journal::Event;

impl Review {
    /// Takes the field `passkey` of a form, or its field `code`: what was not shown before.
    ///
    /// # Errors
    /// `Shown`, where it is neither hers nor of now; each miss is written down, and who guesses waits longer and longer.
    pub fn step_up(&self, visit: &Visit) -> Result<(), Refusal> {
        let (account, now) = (&visit.visitor()?.account, Self::now());
        let name = &account.name;
        let signed = self.signed(now, Some(account), &visit.asked.form)?;
        let caller = match &signed {
            Some(signed) => Caller::Passkey(signed.credential.clone()),
            None => Caller::SignedIn(visit.visitor()?.form_token.clone()),
        };
        if !self.attempts.begin(now, name, &caller) {
            return Err(Refusal::TooOften);
        }
        let known = self.desk().credentials(name)?;
        let factor = known.and_then(|(_, credentials)| self.factor(now, &credentials, &visit.asked.form, signed));
        if let Some(factor) = factor
            && self.desk().showed(account, &factor)?
        {
            self.attempts.succeeded(name, &caller);
            return Ok(());
        }
        self.desk().note(now, &account.actor(), &Event::SignInRefused { why: "second factor".to_owned(), times: 1 })?;
        let told = "That code is not the one of now, or it was used already. Nothing was changed. Please wait for the next six digits of your \
                    app, go back, and type them; or use your passkey. If both are lost, ask the technician for a new invitation.";
        Err(Refusal::unfit(told))
    }
}
