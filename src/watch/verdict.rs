//! From a report to what is done about it.

use super::Trouble;
use super::quarantine::{self, Caught, Sealed};
use super::round::Round;
use crate::casebook::Outcome;
use crate::finding::{Circumstances, Field, Verdict, judge};
use crate::mail::Role;

/// What is left to do about a batch when each of its messages has a verdict.
#[derive(Default)]
pub struct Followed {
    /// To be removed.
    pub held: Vec<Sealed>,
    /// To be noted.
    pub unread: Vec<Caught>,
}

impl Round<'_> {
    /// What a message was found to be, turned into what is done about it.
    pub async fn act(&self, caught: Caught, followed: &mut Followed) -> Result<Outcome, Trouble> {
        let (recorded, outcome) = match self.verdict(&caught)? {
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
                let (recorded, sealed) = quarantine::seal(self.daemon, caught, concern).await?;
                followed.held.push(sealed);
                // The other copies lie in the mailboxes of the people named, and in the sender's Sent folder.
                self.daemon.registry.bring_forward(named.iter().filter(|address| *address != self.mailbox()));
                (recorded, Outcome::Held)
            }
        };
        tracing::info!(mailbox = %self.mailbox(), case = %recorded.codename, folded = recorded.folded, ?outcome, "case");
        self.daemon.outbox.notify_one();
        Ok(outcome)
    }

    fn verdict(&self, caught: &Caught) -> Result<Verdict, Trouble> {
        let config = self.daemon.config();
        let report = &caught.report;
        let body = caught.message.body_digest();
        let (ours, waived) = self.daemon.shelf.book(|book| -> Result<_, Trouble> {
            // A letter is known by its body: of what stands above that, anybody may be the author.
            let in_body = !report.findings.is_empty() && report.findings.iter().all(|found| found.location.field == Field::Body);
            let ours = in_body && book.is_ours(&book.key_letter(&body))?;
            Ok((ours, book.waived(&book.key_content(&body, &report.origin))?))
        })?;
        if ours {
            // A notice names its category: without this, it would be the next case.
            return Ok(Verdict::Clear);
        }
        let circumstances = Circumstances {
            sender_outside: report.sender.as_ref().is_none_or(|sender| !config.school.owns(sender.expose())),
            // The copy that she receives, not every copy of what names her: else a sender could keep anything in a
            // pupil's mailbox by writing her address beside it.
            to_safeguarding: self.watched.mailbox.role == Role::Safeguarding || config.is_safeguarding(self.mailbox()),
            waived: &waived,
        };
        Ok(judge(&report.findings, &report.incomplete, &config.policy, &circumstances))
    }
}
