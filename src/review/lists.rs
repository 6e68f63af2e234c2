//! What is done with a list as a whole: its conditions are kept under a name, and what is ticked on it is taken in hand.

use std::fmt::Write;

use super::Review;
use super::answer::{Answer, Refusal};
use super::form::Form;
use super::guard::Visit;
use super::queue::{PAGE, Seen, View};
use crate::case::visible;
use crate::desk::{AccountId, Deed, Done, KeptList, MOST_KEPT, Status};
use crate::finding::{Category, Level};

/// In characters.
const LONGEST_NAME: usize = 40;

/// Which cases a list shows, and from which on.
pub struct Conditions {
    pub view: View,
    pub category: Option<Category>,
    /// In small letters; empty: any.
    pub search: String,
    /// Whose they are: those of a colleague who is away are taken over together. It is not kept with a list.
    pub owner: Option<AccountId>,
    pub from: usize,
}

impl Conditions {
    /// As an address or a form has them. What is unknown is left out.
    pub fn of(form: &Form) -> Self {
        Self {
            view: View::ALL.into_iter().find(|view| view.as_str() == form.text("view")).unwrap_or(View::Open),
            category: form.text("category").parse().ok(),
            search: form.text("search").to_lowercase().chars().take(60).collect(),
            owner: form.text("owner").parse().ok().map(AccountId),
            from: form.text("from").parse().unwrap_or(0),
        }
    }

    pub fn hold(&self, seen: &Seen) -> bool {
        self.category.is_none_or(|category| category == seen.row.category)
            && self.owner.is_none_or(|owner| seen.stand.owner == Some(owner))
            && (self.search.is_empty() || seen.row.codename.as_str().contains(&self.search.replace(' ', "-")))
    }

    /// The address of the list, from another line on.
    pub fn link(&self, from: usize) -> String {
        let mut link = format!("/queue?view={}", self.view.as_str());
        if from > 0 {
            let _ = write!(link, "&from={from}");
        }
        if let Some(category) = self.category {
            let _ = write!(link, "&category={category}");
        }
        if let Some(AccountId(owner)) = self.owner {
            let _ = write!(link, "&owner={owner}");
        }
        if !self.search.is_empty() {
            let _ = write!(link, "&search={}", form_urlencoded::byte_serialize(self.search.as_bytes()).collect::<String>());
        }
        link
    }
}

/// The address of a list that somebody keeps.
pub fn link_to(list: &KeptList) -> String {
    let view = View::ALL.into_iter().find(|view| view.as_str() == list.view).unwrap_or(View::Open);
    Conditions { view, category: list.category.parse().ok(), search: list.search.clone(), owner: None, from: 0 }.link(0)
}

impl Seen {
    /// Whether it may be taken in hand with others at once: nobody has it yet, or the colleague whose cases are asked for, and it is none
    /// of the most urgent, which are opened one by one.
    pub fn may_be_ticked(&self, of: Option<AccountId>) -> bool {
        let hers = of.is_some() && self.stand.owner == of && self.stand.status != Status::Closed;
        self.row.level < Level::Now && (hers || of.is_none() && self.stand.status == Status::New)
    }
}

pub fn keep(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let (account, form) = (&visit.visitor()?.account, &visit.asked.form);
    let name = form.text("name");
    if name.is_empty() || name.chars().count() > LONGEST_NAME || visible(name) != name {
        return Err(Refusal::unfit("Please give the list a name of 1 to 40 characters."));
    }
    let Conditions { view, category, search, .. } = Conditions::of(form);
    let category = category.map_or("", Category::code).to_owned();
    let list = KeptList { name: name.to_owned(), view: view.as_str().to_owned(), category, search };
    if review.desk().keep_list(account, &list)? {
        Ok(Answer::See(link_to(&list)))
    } else {
        Err(Refusal::unfit(format!("You keep {MOST_KEPT} lists already. Please drop one of them first.")))
    }
}

pub fn drop(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    review.desk().drop_list(&visit.visitor()?.account, visit.asked.form.text("name"))?;
    Ok(Answer::See("/queue".to_owned()))
}

/// Takes what is ticked in hand. All of it is looked at before the first is taken; no more can be ticked than one page shows.
pub fn acknowledge(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let (account, form, now) = (&visit.visitor()?.account, &visit.asked.form, Review::now());
    let ticked: Vec<_> = form.all("case").collect();
    match ticked.len() {
        0 => return Err(Refusal::unfit("Please tick the cases first that you take in hand.")),
        1..=PAGE => {}
        _ => return Err(Refusal::Malformed),
    }
    let seen = review.seen_by(account, now)?;
    let find = |codename: &&str| seen.iter().find(|seen| seen.row.codename.as_str() == *codename);
    let cases = ticked.iter().map(find).collect::<Option<Vec<_>>>().ok_or(Refusal::NotFound)?;
    if let Some(urgent) = cases.iter().find(|seen| seen.row.level >= Level::Now) {
        let told = format!("{} is too urgent to be taken in hand with others. Please open it. Nothing was changed.", urgent.row.codename);
        return Err(Refusal::unfit(told));
    }
    let conditions = Conditions::of(form);
    // What somebody has taken meanwhile is in hand already.
    for Seen { row, .. } in cases.into_iter().filter(|seen| seen.may_be_ticked(conditions.owner)) {
        let done = Done { case: row.id, codename: &row.codename, deed: Deed::Acknowledge, words: "", to: None, until: None, keys: &[] };
        review.desk().done(now, account, &done)?;
    }
    Ok(Answer::See(conditions.link(conditions.from)))
}
