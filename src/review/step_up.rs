//! The second factor once more, before what cannot be undone: a session that somebody took over does not suffice.

use super::answer::Refusal;
use super::attempts::Caller;
use super::guard::Visit;
use super::{Review, totp};
use crate::journal::Event;

impl Review {
    /// Takes the field `code` of a form: six digits that were not used before.
    ///
    /// # Errors
    /// `Shown`, where it is not the code of now; each miss is written down, and who guesses waits longer and longer.
    pub fn step_up(&self, visit: &Visit) -> Result<(), Refusal> {
        let (account, now) = (&visit.visitor()?.account, Self::now());
        let name = &account.name;
        if !self.attempts.allowed(now, name, Caller::Known, visit.asked.from) {
            return Err(Refusal::TooOften);
        }
        let known = self.desk().credentials(name)?;
        let seconds = now.as_second().try_into().unwrap_or(0);
        let step = known.and_then(|(_, credentials)| totp::step_of(&credentials.totp, visit.asked.form.text("code"), seconds));
        if let Some(step) = step
            && self.desk().showed_code(account, step)?
        {
            self.attempts.succeeded(name, Caller::Known);
            return Ok(());
        }
        self.attempts.missed(now, name, Caller::Known);
        self.desk().note(now, &account.actor(), &Event::SignInRefused { why: "second factor".to_owned() })?;
        let told = "That code is not the one of now, or it was used already. Nothing was changed. Please wait for the next six digits of your \
                    app, go back, and type them.";
        Err(Refusal::unfit(told))
    }
}
