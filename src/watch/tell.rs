//! Who is told of a concern and when: from the concern, the people involved and the school's contacts.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Daemon, quarantine};
use crate::casebook::{self, CasebookError, NewNotice, Version};
use crate::config::Config;
use crate::finding::{Audience, Concern, Level, Recipient};
use crate::mail::Address;

/// The notices of a new case, each contact in turn: the next is told when the one before has not
/// acknowledged in time. Nobody who sent the message hears of it; their place is taken by their superior (D6).
///
/// What a first look at old mail finds pages nobody: it waits for the digest.
pub fn notices(
    concern: &Concern,
    level: Level,
    sender: Option<&Address>,
    config: &Config,
    now: Timestamp,
    backscan: bool,
) -> Vec<NewNotice> {
    let clock = &config.school.clock;
    let level = if backscan { level.min(Level::Day) } else { level };
    let Some(due) = clock.due(level, now) else { return Vec::new() };
    let patience = if level >= Level::SameDay { due.duration_since(now) } else { SignedDuration::from_hours(24) };

    let mut notices: Vec<NewNotice> = Vec::new();
    for recipient in concern.recipients() {
        let contacts = contacts(recipient, sender, config);
        for (rank, contact) in (0..).zip(contacts) {
            let first = if level >= Level::SameDay { now } else { due };
            let not_before = first.saturating_add(patience * rank).unwrap_or(Timestamp::MAX);
            match notices.iter_mut().find(|told| told.to == *contact) {
                Some(told) if told.not_before <= not_before => {}
                Some(told) => *told = NewNotice { to: contact.clone(), rank: rank.unsigned_abs(), not_before },
                None => notices.push(NewNotice { to: contact.clone(), rank: rank.unsigned_abs(), not_before }),
            }
        }
    }
    notices
}

/// To whom the sheet and the text are sealed when the sender belongs to the audience herself: her superior alone.
pub fn without_sender(audiences: Vec<Audience>, sender: Option<&Address>, config: &Config) -> Vec<Audience> {
    let is_sender = |recipient| config.contacts_of(recipient).any(|contact| Some(&contact.address) == sender);
    if is_sender(Recipient::Head) && audiences.contains(&Audience::Head) {
        vec![Audience::Chair]
    } else if is_sender(Recipient::Dsl) && audiences.contains(&Audience::Dsl) {
        vec![Audience::Head]
    } else {
        audiences
    }
}

/// The contacts of a recipient in their order. When the sender is one of them, or there are none, those of
/// the superior: nobody judges her own message, and no notice goes nowhere.
fn contacts<'a>(recipient: Recipient, sender: Option<&Address>, config: &'a Config) -> Vec<&'a Address> {
    let mut recipient = recipient;
    loop {
        let contacts: Vec<_> = config.contacts_of(recipient).map(|contact| &contact.address).collect();
        if !contacts.is_empty() && !contacts.iter().any(|contact| Some(*contact) == sender) {
            return contacts;
        }
        recipient = match recipient {
            Recipient::DataProtection | Recipient::Pastoral | Recipient::Technician => Recipient::Dsl,
            Recipient::Dsl => Recipient::Head,
            Recipient::Head => Recipient::Chair,
            // Nobody stands above the chair: then everybody on the list who did not send it.
            Recipient::Chair => return config.contacts.iter().map(|c| &c.address).filter(|a| Some(*a) != sender).take(1).collect(),
        };
    }
}

/// Trouble with the program or around it: told to every technician, once an episode.
pub fn trouble(daemon: &Daemon, trouble: casebook::Trouble, mailbox: Option<&Address>) {
    is_told(daemon, trouble, mailbox);
}

/// As [`trouble`]; says whether the casebook has taken it.
pub fn is_told(daemon: &Daemon, trouble: casebook::Trouble, mailbox: Option<&Address>) -> bool {
    let now = Timestamp::now();
    let notices: Vec<_> = daemon
        .config()
        .contacts_of(Recipient::Technician)
        .map(|contact| NewNotice { to: contact.address.clone(), rank: 0, not_before: now })
        .collect();
    let told = daemon.shelf.book(|book| book.record_system(now, trouble, mailbox, &notices));
    daemon.outbox.notify_one();
    is_taken(daemon, told)
}

/// The trouble has passed.
pub fn trouble_over(daemon: &Daemon, trouble: casebook::Trouble, mailbox: Option<&Address>) {
    is_over(daemon, trouble, mailbox);
}

/// As [`trouble_over`]; says whether the casebook has taken it.
pub fn is_over(daemon: &Daemon, trouble: casebook::Trouble, mailbox: Option<&Address>) -> bool {
    is_taken(daemon, daemon.shelf.book(|book| book.system_over(Timestamp::now(), trouble, mailbox)))
}

fn is_taken(daemon: &Daemon, entry: Result<bool, CasebookError>) -> bool {
    let taken = entry.is_ok();
    daemon.board.trouble("casebook", entry.err().map(|error| error.to_string()));
    taken
}

/// Rules have just held a message: one that holds too much falls, and the technician and the safeguarding lead hear of it.
pub async fn holds(daemon: &Arc<Daemon>, rules: Vec<Version>) {
    if rules.is_empty() {
        return;
    }
    let daemon = Arc::clone(daemon);
    let weighed = quarantine::blocking(move || {
        let (now, config) = (Timestamp::now(), daemon.config());
        let mut notices: Vec<NewNotice> = Vec::new();
        for contact in [Recipient::Technician, Recipient::Dsl].into_iter().flat_map(|recipient| config.contacts_of(recipient)) {
            if !notices.iter().any(|notice| notice.to == contact.address) {
                notices.push(NewNotice { to: contact.address.clone(), rank: 0, not_before: now });
            }
        }
        let fell = daemon.shelf.book(|book| book.weigh_holds(now, &rules, &config.hold_limit, &notices));
        for rule in fell.as_ref().into_iter().flatten() {
            tracing::warn!(%rule, "it holds too much, and only flags from now on");
        }
        daemon.board.trouble("casebook", fell.err().map(|error| error.to_string()));
        Ok(())
    });
    // It writes to the board what goes wrong.
    let _ = weighed.await;
}
