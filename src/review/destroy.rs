//! Destroying what is sealed of a case: decided here, after the confirmation that no agency needs it (D4), by two people where
//! one does not suffice; the service carries it out.

use super::answer::{Answer, Refusal};
use super::decide::check_words;
use super::guard::Visit;
use super::{Review, sight};
use crate::case::PlaceState;
use crate::casebook::CaseFacts;
use crate::desk::{Account, AccountId, Deed, DeedRow, DeskError, Done, Stand, Status};

const ASK_ANEW: &str =
    "Whoever asked for this may not decide about the case any more. Please ask anew: then another colleague has to agree.";

/// What somebody may do about what is sealed of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Nothing is sealed, or not to her.
    None,
    /// Not as the case stands; and why.
    NotYet(&'static str),
    /// One person decides.
    Alone,
    /// It takes two, and she may be the first.
    Ask,
    /// She has asked, and another is to agree.
    Asked,
    /// Whoever has asked may decide about it no more; and what to do.
    AskAnew(&'static str),
    /// This colleague has asked.
    Agree(AccountId),
}

impl Way {
    /// Of somebody who sees the case. `stand` is that of [`Review::seen`], `on_its_way` that of [`Review::on_its_way`], `asker_may` that
    /// of [`Review::asker_may`].
    pub fn of(account: &Account, facts: &CaseFacts, stand: &Stand, on_its_way: Option<Deed>, asker_may: bool) -> Self {
        if sight::opens_sheet(account, &facts.row).is_none() || facts.sealed_objects().is_empty() {
            return Self::None;
        }
        match (on_its_way, stand.destroy_asked_by) {
            (Some(Deed::Destroy), _) => Self::NotYet("It is being destroyed: please look again in a minute."),
            (Some(_), _) => Self::NotYet("The message is being put back. What is sealed can be destroyed when it is."),
            _ if facts.has_copy_in(PlaceState::Sealed) => Self::NotYet(
                "A copy of the message is still on its way out of its mailbox. What is sealed can be destroyed when it is out.",
            ),
            _ if stand.status != Status::Closed => {
                Self::NotYet("Nothing is destroyed of a case that is open. Close it first, when nobody needs it any more.")
            }
            _ if !facts.row.takes_two() => Self::Alone,
            (_, None) => Self::Ask,
            (_, Some(asker)) if asker == account.id => Self::Asked,
            (_, Some(_)) if !asker_may => Self::AskAnew(ASK_ANEW),
            (_, Some(asker)) => Self::Agree(asker),
        }
    }
}

impl Review {
    /// Whether the colleague who asked to have it destroyed could ask for it today: her account may have been closed since, or she may
    /// have become a party to the case. Two people decide only where both still may.
    ///
    /// # Errors
    /// When the casebook or the desk refuses.
    pub fn asker_may(&self, facts: &CaseFacts, stand: &Stand) -> Result<bool, Refusal> {
        let Some(asker) = stand.destroy_asked_by else { return Ok(false) };
        let Some(asker) = self.desk().account(asker)? else { return Ok(false) };
        let involved = sight::involvement(&self.casebook()?, &asker, &self.config)?;
        let sees = involved.is_some_and(|involved| sight::sees(&asker, &facts.row, &involved));
        Ok(sees && sight::opens_sheet(&asker, &facts.row).is_some())
    }

    /// What was decided about what is sealed, and whether it is carried out or not: its release, as long as a copy is not back, or
    /// its end.
    ///
    /// # Errors
    /// When the casebook or the desk refuses.
    pub fn on_its_way(&self, facts: &CaseFacts) -> Result<Option<Deed>, Refusal> {
        let history = self.desk().history(facts.row.id)?;
        self.on_its_way_by(facts, &history)
    }

    /// As [`Review::on_its_way`], for whoever has read the case's history.
    ///
    /// # Errors
    /// When the casebook refuses.
    pub fn on_its_way_by(&self, facts: &CaseFacts, history: &[DeedRow]) -> Result<Option<Deed>, Refusal> {
        if facts.destroyed.is_some() {
            return Ok(Some(Deed::Destroy));
        }
        let done = self.casebook()?.desk_progress()?;
        let mut waiting = history.iter().rev().filter(|row| row.id > done).map(|row| row.deed);
        let decided = waiting.find(|deed| matches!(deed, Deed::Destroy | Deed::Release));
        Ok(decided.or_else(|| facts.is_going_back().then_some(Deed::Release)))
    }
}

pub fn destroy(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let account = &visit.visitor()?.account;
    let facts = review.case_for(account, visit.name("codename"))?;
    // The pastoral lead and the data protection officer see facts, and decide nothing of this.
    sight::opens_sheet(account, &facts.row).ok_or(Refusal::NotFound)?;
    let (case, codename, form) = (facts.row.id, &facts.row.codename, &visit.asked.form);
    let deed: Deed = form.text("deed").parse().map_err(|()| Refusal::Malformed)?;
    let stand = review.desk().stand(case)?;
    let stand = review.seen(&stand, facts.row.clone()).stand;
    let way = Way::of(account, &facts, &stand, review.on_its_way(&facts)?, review.asker_may(&facts, &stand)?);
    match (way, deed) {
        (Way::None, _) => return Err(Refusal::unfit("Nothing of it is sealed: there is nothing to destroy.")),
        (Way::NotYet(why), _) | (Way::AskAnew(why), Deed::Destroy) => return Err(Refusal::unfit(why)),
        (Way::Alone | Way::Agree(_), Deed::Destroy)
        | (Way::Ask | Way::AskAnew(_), Deed::AskDestroy)
        | (Way::Asked | Way::AskAnew(_) | Way::Agree(_), Deed::Keep) => {}
        (Way::Ask | Way::Asked, Deed::Destroy) => return Err(Refusal::unfit("This case takes two people: a colleague has to agree.")),
        (_, Deed::AskDestroy | Deed::Keep) => {
            return Err(Refusal::unfit("Somebody has changed this case meanwhile. Please look at it again."));
        }
        _ => return Err(Refusal::Malformed),
    }
    let words = form.text("words");
    check_words(deed, words)?;
    if deed != Deed::Keep {
        if form.text("confirmed") != "yes" {
            return Err(Refusal::unfit(
                "Please confirm first that no agency needs it any more, and tick the box that says so. Nothing was changed.",
            ));
        }
        review.step_up(visit)?;
    }
    let to = if deed == Deed::Destroy { stand.destroy_asked_by } else { None };
    match review.desk().done(Review::now(), account, &Done { case, codename, deed, words, to, until: None, keys: &[] }) {
        Err(DeskError::Changed) => Err(Refusal::unfit("Somebody has changed this case meanwhile. Please look at it again.")),
        done => {
            done?;
            Ok(Answer::See(format!("/case/{codename}")))
        }
    }
}
