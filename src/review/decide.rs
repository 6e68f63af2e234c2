//! What is done with a case: written down here, and carried out by the service, which reads it.

use super::Review;
use super::answer::{Answer, Refusal};
use super::guard::Visit;
use super::snooze;
use crate::casebook::CaseFacts;
use crate::desk::{AccountId, Deed, Done, Status};
use crate::finding::Action;

/// What somebody may write at once, in characters.
const LONGEST: usize = 2_000;
const SHORTEST_REASON: usize = 10;

pub fn decide(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let account = &visit.visitor()?.account;
    let facts = review.case_for(account, visit.name("codename"))?;
    let form = &visit.asked.form;
    let deed: Deed = form.text("deed").parse().map_err(|()| Refusal::Malformed)?;
    let words = form.text("words");
    check_words(deed, words)?;
    let to = match deed {
        Deed::Assign => Some(taker(review, &facts, form.text("to"))?),
        // They have pages of their own.
        deed if deed.is_of_the_sealed() => return Err(Refusal::Malformed),
        _ => None,
    };
    let (case, codename, now) = (facts.row.id, &facts.row.codename, Review::now());
    if deed == Deed::NoConcern || deed == Deed::FalseMatch {
        check_nothing_is_held(&facts)?;
    }
    let stand = review.desk().stand(case)?;
    let seen = review.seen(&stand, facts.row.clone());
    if deed == Deed::Reopen && seen.stand.status != Status::Closed {
        return Err(Refusal::unfit("It is open: there is nothing to open again."));
    }
    let until = match deed {
        Deed::Snooze => Some(snooze::chosen(&seen, form.text("until"), now, &review.config.school.clock)?),
        _ => None,
    };
    review.desk().done(now, account, &Done { case, codename, deed, words, to, until, keys: &[] })?;
    Ok(Answer::See(format!("/case/{codename}")))
}

/// As long as a message is held, the decision about it is to release it or to keep it.
fn check_nothing_is_held(facts: &CaseFacts) -> Result<(), Refusal> {
    match facts.row.action {
        Action::Hold if facts.released.is_none() => {
            Err(Refusal::unfit("Its message is held. Release it, which says why too, or decide that it is a concern and keep it."))
        }
        Action::Withhold => {
            Err(Refusal::unfit("Its message is withheld. Nobody at the school decides that alone: follow the advice on the page."))
        }
        _ => Ok(()),
    }
}

pub fn check_words(deed: Deed, words: &str) -> Result<(), Refusal> {
    let count = words.chars().count();
    if deed.needs_words() && count < SHORTEST_REASON {
        Err(Refusal::unfit(
            "Please say why in a few words, ten characters or more. They stand in the history for good, so leave out names.",
        ))
    } else if count > LONGEST {
        Err(Refusal::unfit("Please keep it below 2,000 characters; a longer account belongs into your safeguarding records."))
    } else {
        Ok(())
    }
}

/// Somebody who sees the case herself: nobody is handed what she may not know of.
fn taker(review: &Review, facts: &CaseFacts, chosen: &str) -> Result<AccountId, Refusal> {
    let chosen = chosen.parse().map(AccountId).map_err(|_| Refusal::unfit("Please choose to whom it goes."))?;
    let able = review.may_have(facts)?;
    able.iter()
        .find(|account| account.id == chosen)
        .map(|account| account.id)
        .ok_or_else(|| Refusal::unfit("Please choose somebody on the list."))
}
