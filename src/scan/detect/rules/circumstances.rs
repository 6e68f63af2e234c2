//! Reads for whom and when a rule counts: `[who]`, `[when]` and `[[exception]]`.

use std::time::Duration;

use jiff::civil::Date;
use toml::Spanned;
use toml::value::Datetime;

use super::faults::Faults;
use super::form::{ExceptionForm, RuleForm, WhenForm, WhoForm};
use crate::finding::{Conditions, Direction, Exception, Party, When, Who};

/// Of `max_age`, in days.
const OLDEST: u64 = 3_660;

pub fn read_conditions(form: &RuleForm, faults: &mut Faults<'_>) -> Conditions {
    Conditions {
        who: form.who.as_ref().map(|who| read_who(who, faults)).unwrap_or_default(),
        when: form.when.as_ref().map(|when| read_when(when, faults)).unwrap_or_default(),
        exceptions: form.exception.iter().filter_map(|exception| read_exception(exception, faults)).collect(),
    }
}

fn read_who(form: &Spanned<WhoForm>, faults: &mut Faults<'_>) -> Who {
    let who = form.get_ref();
    let read = Who {
        sender: read_list(who.sender.as_ref(), faults),
        recipient: read_list(who.recipient.as_ref(), faults),
        pairs: read_list(who.pairs.as_ref(), faults),
        direction: read_list(who.direction.as_ref(), faults),
        group: read_list(who.group.as_ref(), faults).into_iter().map(Spanned::into_inner).collect(),
        first_contact: who.first_contact,
    };
    if let WhoForm { sender: None, recipient: None, pairs: None, direction: None, group: None, first_contact: None } = who {
        faults.at(form, "[who] says nothing", "name a sender, a recipient, pairs, a direction or a group, or leave the table out");
    }
    for group in who.group.iter().flat_map(Spanned::get_ref).filter(|group| group.get_ref().trim().is_empty()) {
        faults.at(group, "a group without a name", "write it as in the list of mailboxes: \"year-7\"");
    }
    if contradicts(&read) {
        faults.at(form, "no message has such a sender, recipient and direction at once", "take one of the keys out, or widen it");
    }
    read
}

/// A list that nothing is in would never hold.
fn read_list<T: Clone>(list: Option<&Spanned<Vec<T>>>, faults: &mut Faults<'_>) -> Vec<T> {
    let Some(list) = list else { return Vec::new() };
    if list.get_ref().is_empty() {
        faults.at(list, "the list is empty: the rule would count for nobody", "name somebody, or leave the key out");
    }
    list.get_ref().clone()
}

/// Whether there is no sender with whom every key could hold. A message has several recipients: what one key says of
/// them need not be said of the same one.
fn contradicts(who: &Who) -> bool {
    let any_pair = |sender: Party, holds: &dyn Fn((Party, Party)) -> bool| Party::all().any(|recipient| holds((sender, recipient)));
    !Party::all().any(|sender| {
        (who.sender.is_empty() || who.sender.contains(&sender))
            && (who.pairs.is_empty() || any_pair(sender, &|pair| who.pairs.contains(&pair)))
            && (who.direction.is_empty() || any_pair(sender, &|pair| who.direction.contains(&direction_of(pair))))
    })
}

/// Two outsiders who write to each other in a mailbox of the school: inbound.
fn direction_of((sender, recipient): (Party, Party)) -> Direction {
    match (sender, recipient) {
        (Party::Outside, _) => Direction::Inbound,
        (_, Party::Outside) => Direction::Outbound,
        _ => Direction::Internal,
    }
}

fn read_when(form: &Spanned<WhenForm>, faults: &mut Faults<'_>) -> When {
    let when = form.get_ref();
    if when.hours.is_none() && when.max_age.is_none() {
        faults.at(form, "[when] says nothing", "write `hours` or `max_age`, or leave the table out");
    }
    When { hours: when.hours, max_age: when.max_age.as_ref().and_then(|age| read_age(age, faults)) }
}

/// `30d`, `12h`.
fn read_age(age: &Spanned<String>, faults: &mut Faults<'_>) -> Option<Duration> {
    let written = age.get_ref();
    let hours = match written.split_at_checked(written.len().saturating_sub(1)) {
        Some((number, "d")) => number.parse::<u64>().ok().and_then(|days| days.checked_mul(24)),
        Some((number, "h")) => number.parse::<u64>().ok(),
        _ => None,
    };
    let age_read = hours.filter(|hours| (1..=OLDEST * 24).contains(hours)).map(Duration::from_hours);
    if age_read.is_none() {
        faults.at(age, format!("`{written}` is no age"), format!("write days or hours, up to {OLDEST} days: \"30d\", \"12h\""));
    }
    age_read
}

fn read_exception(form: &ExceptionForm, faults: &mut Faults<'_>) -> Option<Exception> {
    for (text, hint) in [(&form.reason, "say why these people are excepted"), (&form.by, "say who decided it")] {
        if text.get_ref().trim().is_empty() {
            faults.at(text, "it is empty", hint);
        }
    }
    let when = form.when.get_ref();
    let mut domain = |domain: &Option<Spanned<String>>| {
        let domain = domain.as_ref()?;
        if domain.get_ref().is_empty() || domain.get_ref().contains(['@', ' ', '/', '*']) {
            faults.at(
                domain,
                format!("`{}` is not a domain", domain.get_ref()),
                "write what stands behind the @ of an address: \"club.example\"",
            );
        }
        Some(domain.get_ref().to_lowercase())
    };
    let (sender_domain, recipient_domain) = (domain(&when.sender_domain), domain(&when.recipient_domain));
    let exception = Exception {
        sender: when.sender.clone(),
        recipient: when.recipient.clone(),
        sender_domain,
        recipient_domain,
        group: when.group.clone(),
        until: read_date(&form.until, faults)?,
    };
    let Exception { sender: None, recipient: None, sender_domain: None, recipient_domain: None, group: None, .. } = &exception else {
        return Some(exception);
    };
    faults.at(&form.when, "it excepts everybody", "name a sender, a recipient, a domain or a group");
    None
}

/// A day of the calendar.
pub fn read_date(written: &Spanned<Datetime>, faults: &mut Faults<'_>) -> Option<Date> {
    let date = written.get_ref().date.and_then(|date| {
        let year = i16::try_from(date.year).ok()?;
        Date::new(year, i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?).ok()
    });
    if date.is_none() {
        faults.at(written, "a date is missing", "write it as 2026-11-21, without quotes");
    }
    date
}
