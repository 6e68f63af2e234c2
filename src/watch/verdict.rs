//! From a report to what is done about it.

use std::time::Duration;

use jiff::Timestamp;

use super::quarantine::{self, Caught, Sealed};
use super::round::Round;
use super::{Trouble, tell};
use crate::casebook::{Keyed, Learnt, Outcome, Version};
use crate::finding::{Circumstances, Concern, Field, Kind, Stage, Verdict, judge, shadows};
use crate::mail::{Address, Role};

/// What is left to do about a batch when each of its messages has a verdict.
#[derive(Default)]
pub struct Followed {
    /// To be removed.
    pub held: Vec<Sealed>,
    /// To be noted.
    pub unread: Vec<Caught>,
    /// To be remembered with the cursor.
    pub learnt: Learnt,
}

impl Round<'_> {
    /// What a message was found to be, turned into what is done about it.
    pub async fn act(&self, caught: Caught, followed: &mut Followed) -> Result<Outcome, Trouble> {
        let (recorded, outcome) = match self.verdict(&caught, &mut followed.learnt)? {
            Verdict::Clear => return Ok(Outcome::Clear),
            Verdict::Incomplete(_) => {
                followed.unread.push(caught);
                return Ok(Outcome::Incomplete);
            }
            Verdict::Flag(concern) => {
                let recorded = quarantine::flag(self.daemon, caught, concern).await?;
                (recorded, Outcome::Flagged)
            }
            Verdict::Hold(concern) => {
                let named = caught.named();
                let holding = holding(&concern);
                let (recorded, sealed) = quarantine::seal(self.daemon, caught, concern).await?;
                followed.held.push(sealed);
                // The other copies lie in the mailboxes of the people named, and in the sender's Sent folder.
                self.daemon.registry.bring_forward(named.iter().filter(|address| *address != self.mailbox()));
                if !recorded.folded {
                    tell::holds(self.daemon, holding).await;
                }
                (recorded, Outcome::Held)
            }
        };
        tracing::info!(mailbox = %self.mailbox(), case = %recorded.codename, folded = recorded.folded, ?outcome, "case");
        self.daemon.outbox.notify_one();
        Ok(outcome)
    }

    fn verdict(&self, caught: &Caught, learnt: &mut Learnt) -> Result<Verdict, Trouble> {
        let config = self.daemon.config();
        let report = &caught.report;
        let body = caught.message.body_digest();
        let contact = report.sender.as_ref().and_then(|sender| self.contact(sender.expose()));
        let asks_for_contact = report.findings.iter().any(|found| found.reach.conditions.who.first_contact.is_some());
        let met_now = contact.is_some_and(|contact| !learnt.contacts.insert(contact));
        let (ours, waived, fallen, met_before) = self.daemon.shelf.book(|book| -> Result<_, Trouble> {
            // A letter is known by its body: of what stands above that, anybody may be the author.
            let in_body = !report.findings.is_empty() && report.findings.iter().all(|found| found.location.field == Field::Body);
            let ours = in_body && book.is_ours(&book.key_letter(&body))?;
            let met_before = match contact.filter(|_| asks_for_contact && !met_now) {
                Some(contact) => book.knows_contact(&contact)?,
                None => met_now,
            };
            Ok((ours, book.waived(&book.key_content(&body, &report.origin))?, book.fallen()?, met_before))
        })?;
        if ours {
            // A notice names its category: without this, it would be the next case.
            return Ok(Verdict::Clear);
        }
        let now = Timestamp::now();
        let arrived = Timestamp::from_second(caught.arrival.internal_date).unwrap_or(now);
        let (sender, recipients) = config.correspondents(report, Some(self.mailbox()));
        let circumstances = Circumstances {
            sender_outside: contact.is_some() || report.sender.is_none(),
            // The copy that she receives, not every copy of what names her: else a sender could keep anything in a
            // pupil's mailbox by writing her address beside it.
            to_safeguarding: self.watched.mailbox.role == Role::Safeguarding || config.is_safeguarding(self.mailbox()),
            waived: &waived,
            fallen: &fallen,
            sender,
            recipients,
            // Colleagues and classmates know each other.
            first_contact: Some(contact.is_some() && !met_before),
            hours: Some(config.school.clock.hours_at(arrived)),
            age: Some(Duration::try_from(now.duration_since(arrived)).unwrap_or_default()),
            today: config.school.clock.date_at(now),
        };
        for (rule, version) in shadows(&report.findings, &circumstances) {
            *learnt.shadows.entry((rule.clone(), version)).or_default() += 1;
        }
        Ok(judge(&report.findings, &report.incomplete, &config.policy, &circumstances))
    }

    /// The sender and this mailbox, where the sender is outside.
    pub fn contact(&self, sender: &Address) -> Option<Keyed> {
        let outside = !self.daemon.config().school.owns(sender);
        outside.then(|| self.daemon.shelf.book(|book| book.key_contact(sender, self.mailbox())))
    }
}

/// The rules of words that had a part in a hold: lists of known pictures never hold too much.
fn holding(concern: &Concern) -> Vec<Version> {
    let rules = concern.findings.iter().filter(|found| found.kind == Kind::Text && found.reach.stage == Stage::Hold);
    let mut rules: Vec<_> = rules.map(|found| (found.rule.clone(), found.version)).collect();
    rules.sort();
    rules.dedup();
    rules
}
