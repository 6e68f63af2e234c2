//! For whom and when a rule counts. A caged worker knows neither: this is judged outside.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Circumstances, Person, Standing};
use crate::mail::{Address, Role};

/// One end of a message, as a rule speaks of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Party {
    /// Not of the school's domains.
    Outside,
    /// A mailbox of the list, by its role.
    Role(Role),
}

impl Party {
    /// As rules write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Outside => "outside",
            Self::Role(role) => role.as_str(),
        }
    }

    pub fn all() -> impl Iterator<Item = Self> + Clone {
        Role::ALL.into_iter().map(Self::Role).chain([Self::Outside])
    }
}

impl FromStr for Party {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = || Self::all().map(Self::as_str).collect::<Vec<_>>().join(", ");
        Self::all().find(|party| party.as_str() == text).ok_or_else(|| format!("`{text}` is nobody: write one of {}", known()))
    }
}

impl TryFrom<String> for Party {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Party> for String {
    fn from(party: Party) -> Self {
        party.as_str().to_owned()
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Over the fence of the school's domains, or within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// From outside to the school.
    Inbound,
    /// From the school to the school.
    Internal,
    /// From the school to outside.
    Outbound,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hours {
    OutsideSchool,
    School,
}

/// `[who]`, `[when]` and every `[[exception]]` of a rule. Without any, the rule counts for everybody and always.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    pub who: Who,
    pub when: When,
    pub exceptions: Vec<Exception>,
}

/// Why a rule does not count for a message although its words stand there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptOut {
    ByException { until: Date },
    ByWhen,
    ByWho,
}

impl fmt::Display for KeptOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByException { until } => write!(f, "an [[exception]] until {until}"),
            Self::ByWhen => f.write_str("its [when]"),
            Self::ByWho => f.write_str("its [who]"),
        }
    }
}

/// Every key that is given must hold; of a list, any one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    pub sender: Vec<Party>,
    pub recipient: Vec<Party>,
    /// Sender and recipient.
    pub pairs: Vec<(Party, Party)>,
    pub direction: Vec<Direction>,
    /// Of the sender or of any recipient.
    pub group: Vec<String>,
    /// Whether an earlier message from this sender to this mailbox is unknown.
    pub first_contact: Option<bool>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    pub hours: Option<Hours>,
    /// Of the message.
    pub max_age: Option<Duration>,
}

/// People for whom the rule does not count. Every key that is given must hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    pub sender: Option<Address>,
    pub recipient: Option<Address>,
    /// In small letters.
    pub sender_domain: Option<String>,
    pub recipient_domain: Option<String>,
    pub group: Option<String>,
    /// The last day on which it applies.
    pub until: Date,
}

impl Conditions {
    /// Whether the rule counts under these circumstances.
    pub fn hold(&self, circumstances: &Circumstances<'_>) -> bool {
        self.keep_out(circumstances).is_none()
    }

    /// What keeps the rule from counting under these circumstances.
    pub fn keep_out(&self, circumstances: &Circumstances<'_>) -> Option<KeptOut> {
        if !self.who.holds(circumstances) {
            return Some(KeptOut::ByWho);
        }
        if !self.when.holds(circumstances) {
            return Some(KeptOut::ByWhen);
        }
        let exception = self.exceptions.iter().find(|exception| exception.applies(circumstances))?;
        Some(KeptOut::ByException { until: exception.until })
    }

    /// Whether they ask for what nobody knows of a message in a file: when it arrived and whether its sender is new; and,
    /// unless the people are known, who they are.
    pub fn ask_beyond(&self, people_are_known: bool) -> bool {
        let of_people = Who { first_contact: None, ..self.who.clone() } != Who::default();
        self.when != When::default() || self.who.first_contact.is_some() || (of_people && !people_are_known)
    }
}

impl Who {
    fn holds(&self, circumstances: &Circumstances<'_>) -> bool {
        let Circumstances { sender, recipients, first_contact, .. } = circumstances;
        let any = |parties: &[Party], person: &Person| parties.iter().any(|party| person.standing.may_be(*party));
        let in_group =
            |person: &Person| person.standing == Standing::Unknown || person.group.as_ref().is_some_and(|own| self.group.contains(own));
        (self.sender.is_empty() || any(&self.sender, sender))
            && (self.recipient.is_empty() || recipients.iter().any(|recipient| any(&self.recipient, recipient)))
            && (self.pairs.is_empty()
                || self
                    .pairs
                    .iter()
                    .any(|(from, to)| sender.standing.may_be(*from) && recipients.iter().any(|recipient| recipient.standing.may_be(*to))))
            && (self.direction.is_empty() || self.direction.iter().any(|direction| direction.may_be(sender, recipients)))
            && (self.group.is_empty() || in_group(sender) || recipients.iter().any(in_group))
            && (self.first_contact.is_none() || first_contact.is_none() || self.first_contact == *first_contact)
    }
}

impl Direction {
    fn may_be(self, sender: &Person, recipients: &[Person]) -> bool {
        let (from_outside, from_within) = sender.standing.may_be_outside_or_within();
        let to = || recipients.iter().map(|recipient| recipient.standing.may_be_outside_or_within());
        match self {
            Self::Inbound => from_outside,
            Self::Internal => from_within && to().any(|(_, within)| within),
            Self::Outbound => from_within && to().any(|(outside, _)| outside),
        }
    }
}

impl When {
    fn holds(&self, circumstances: &Circumstances<'_>) -> bool {
        let hours = self.hours.is_none() || circumstances.hours.is_none() || self.hours == circumstances.hours;
        let young = self.max_age.zip(circumstances.age).is_none_or(|(most, age)| age <= most);
        hours && young
    }
}

impl Exception {
    /// What is said of recipients must be true of every one: nobody becomes an exception by writing another address
    /// beside the first.
    fn applies(&self, circumstances: &Circumstances<'_>) -> bool {
        let Circumstances { sender, recipients, today, .. } = circumstances;
        let address_is = |wanted: &Address, person: &Person| person.address.as_ref() == Some(wanted);
        let domain_is = |wanted: &String, person: &Person| person.address.as_ref().is_some_and(|address| address.domain() == wanted);
        let every = |holds: &dyn Fn(&Person) -> bool| !recipients.is_empty() && recipients.iter().all(holds);
        *today <= self.until
            && self.sender.as_ref().is_none_or(|wanted| address_is(wanted, sender))
            && self.sender_domain.as_ref().is_none_or(|wanted| domain_is(wanted, sender))
            && self.recipient.as_ref().is_none_or(|wanted| every(&|person| address_is(wanted, person)))
            && self.recipient_domain.as_ref().is_none_or(|wanted| every(&|person| domain_is(wanted, person)))
            && self.group.as_ref().is_none_or(|wanted| {
                let is_in = |person: &Person| person.group.as_ref() == Some(wanted);
                is_in(sender) || every(&is_in)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUPIL: Standing = Standing::Is(Party::Role(Role::Pupil));
    const STAFF: Standing = Standing::Is(Party::Role(Role::Staff));
    const OUTSIDE: Standing = Standing::Is(Party::Outside);

    fn person(address: &str, standing: Standing, group: &str) -> Person {
        Person { address: Some(address.parse().unwrap()), standing, group: (!group.is_empty()).then(|| group.to_owned()) }
    }

    fn between(sender: Standing, recipients: &[Standing]) -> Circumstances<'static> {
        let recipients = recipients.iter().map(|standing| person("b@school.example", *standing, "year-7")).collect();
        Circumstances { sender: person("a@school.example", sender, "staff"), recipients, ..Circumstances::default() }
    }

    fn party(text: &str) -> Party {
        text.parse().unwrap()
    }

    #[test]
    fn every_key_of_who_must_hold_and_of_a_list_any_one() {
        let who = Who { sender: vec![party("staff"), party("outside")], recipient: vec![party("pupil")], ..Who::default() };
        assert!(who.holds(&between(STAFF, &[STAFF, PUPIL])));
        assert!(who.holds(&between(OUTSIDE, &[PUPIL])));
        assert!(!who.holds(&between(STAFF, &[STAFF])));
        assert!(!who.holds(&between(PUPIL, &[PUPIL])));
        assert!(!who.holds(&between(Standing::Unlisted, &[PUPIL])));
        assert!(who.holds(&between(Standing::Unknown, &[Standing::Unknown])), "nobody has said who is who");
    }

    #[test]
    fn pairs_are_of_one_sender_and_one_recipient() {
        let who = Who { pairs: vec![(party("staff"), party("pupil")), (party("outside"), party("staff"))], ..Who::default() };
        assert!(who.holds(&between(STAFF, &[OUTSIDE, PUPIL])));
        assert!(!who.holds(&between(STAFF, &[STAFF])));
    }

    #[test]
    fn a_direction_is_by_the_domains_of_the_school() {
        let to = |direction| Who { direction: vec![direction], ..Who::default() };
        assert!(to(Direction::Inbound).holds(&between(OUTSIDE, &[PUPIL])));
        assert!(to(Direction::Outbound).holds(&between(Standing::Unlisted, &[PUPIL, OUTSIDE])));
        assert!(to(Direction::Internal).holds(&between(PUPIL, &[Standing::Unlisted])));
        assert!(!to(Direction::Internal).holds(&between(OUTSIDE, &[PUPIL])));
        assert!(!to(Direction::Outbound).holds(&between(PUPIL, &[PUPIL])));
    }

    #[test]
    fn groups_first_contacts_hours_and_age_hold_where_they_are_not_known() {
        let mut circumstances = between(STAFF, &[PUPIL]);
        let who = |group: &str| Who { group: vec![group.to_owned()], ..Who::default() };
        assert!(who("year-7").holds(&circumstances) && who("staff").holds(&circumstances) && !who("year-8").holds(&circumstances));
        let first = Who { first_contact: Some(true), ..Who::default() };
        let when = When { hours: Some(Hours::OutsideSchool), max_age: Some(Duration::from_hours(24)) };
        assert!(first.holds(&circumstances) && when.holds(&circumstances));
        circumstances.first_contact = Some(false);
        circumstances.hours = Some(Hours::School);
        assert!(!first.holds(&circumstances) && !when.holds(&circumstances));
        circumstances.hours = Some(Hours::OutsideSchool);
        circumstances.age = Some(Duration::from_hours(25));
        assert!(!when.holds(&circumstances));
    }

    #[test]
    fn an_exception_ends_and_is_not_had_by_writing_an_address_beside_another() {
        let until = "2027-08-31".parse().unwrap();
        let exception = Exception { recipient: None, sender: None, sender_domain: None, recipient_domain: None, group: None, until };
        let coach = Exception { recipient: Some("coach@club.example".parse().unwrap()), ..exception.clone() };
        let alone = Circumstances { recipients: vec![person("coach@club.example", OUTSIDE, "")], today: until, ..between(PUPIL, &[]) };
        let mut beside = alone.clone();
        beside.recipients.push(person("b@elsewhere.example", OUTSIDE, ""));
        assert!(coach.applies(&alone) && !coach.applies(&beside));
        assert!(!coach.applies(&Circumstances { today: until.tomorrow().unwrap(), ..alone.clone() }));
        let domain =
            Exception { sender_domain: Some("school.example".to_owned()), recipient_domain: Some("club.example".to_owned()), ..exception };
        assert!(domain.applies(&alone) && !domain.applies(&beside));
    }
}
