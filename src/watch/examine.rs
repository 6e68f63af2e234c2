//! Fetching and examining side by side: while one parcel is examined, the next messages arrive.

use tokio::task::JoinSet;

use super::Trouble;
use super::imap::{ImapError, Listed};
use super::round::Round;
use super::visit::Visit;
use crate::casebook::{Casebook, Keyed};
use crate::finding::Report;
use crate::mail::{Address, Private, Uid};
use crate::wire::Message;
use crate::worker::{Packed, Packer, Permit, PoolError};

/// What came of fetching and examining a batch.
#[derive(Default)]
pub struct Examined {
    /// In the order of their numbers.
    pub messages: Vec<(Uid, Keyed, Met)>,
    pub oversized: Vec<Uid>,
    pub missing: Vec<Uid>,
}

impl Examined {
    fn extend(&mut self, more: Self) {
        self.messages.extend(more.messages);
        self.oversized.extend(more.oversized);
        self.missing.extend(more.missing);
    }
}

/// What became of a message that was fetched.
pub enum Met {
    /// It was judged in this mailbox before.
    Known,
    /// Nothing was found and everything was read: clear under any policy, and already forgotten but for who sent it.
    Clear(Option<Private<Address>>),
    Told(Box<(Message, Report)>),
}

impl Round<'_> {
    /// Fetches a batch; each message is examined while the next ones arrive.
    pub async fn examine(&mut self, visit: &Visit<'_>, batch: &[Listed]) -> Result<Examined, Trouble> {
        let mailbox = &self.watched.mailbox.address;
        let (pool, pulse) = (&self.daemon.pool, &self.daemon.pulse);
        let (worker, allowed) = (self.worker(), self.allowed_for(batch));
        let mut packer = Packer::new(pool.parcel());
        let mut examining = JoinSet::new();
        let mut examined = Examined::default();
        let mut fetch = self.session.fetch(&visit.selected, batch)?;
        loop {
            let next = fetch.next().await?;
            let last = next.is_none();
            self.came += usize::from(!last);
            let parcel = match next {
                Some((uid, message)) => packer.add(uid, message),
                None => packer.rest(),
            };
            if let Some(parcel) = parcel {
                let fresh = self.daemon.shelf.book(|book| fresh(book, mailbox, parcel, &mut examined.messages))?;
                // Awaited here, so that no more is fetched than may wait for a worker.
                pulse.at_rest(&worker);
                let permit = pool.permit_for(self.standing, &fresh.1).await;
                pulse.at_work(&worker, allowed);
                examining.spawn(examine(permit, fresh));
            }
            if last {
                break;
            }
        }
        examined.missing.extend_from_slice(fetch.missing());
        examined.oversized.extend_from_slice(fetch.oversized());
        while let Some(done) = examining.join_next().await {
            pulse.at_work(&worker, allowed);
            match done {
                Ok(done) => examined.messages.extend(done?),
                Err(failed) => std::panic::resume_unwind(failed.into_panic()),
            }
        }
        examined.messages.sort_by_key(|(uid, ..)| *uid);
        Ok(examined)
    }

    /// As [`Round::examine`], when the server says NO or BAD to a batch for the sake of a single message: that one is missing then.
    /// When it hands over none of several, nor any other, they are not to blame.
    pub async fn one_by_one(&mut self, visit: &Visit<'_>, batch: &[Listed]) -> Result<Examined, Trouble> {
        let mut examined = Examined::default();
        let mut refused = Vec::new();
        for alone in batch.chunks(1) {
            match self.examine(visit, alone).await {
                Ok(one) => examined.extend(one),
                Err(Trouble::Imap(error @ (ImapError::Bad { .. } | ImapError::No { .. }))) if self.session.is_in_step() => {
                    refused.push((alone[0].uid, error));
                }
                Err(trouble) => return Err(trouble),
            }
        }
        if refused.len() == batch.len() && !self.vouch(visit, batch).await? && batch.len() > 1 {
            return refused.pop().map_or(Ok(examined), |(_, error)| Err(error.into()));
        }
        examined.missing.extend(refused.into_iter().map(|(uid, _)| uid));
        Ok(examined)
    }
}

/// Keys the messages of a parcel, and takes out those that were judged in this mailbox before.
fn fresh(
    book: &Casebook,
    mailbox: &Address,
    (uids, messages): Packed<Uid>,
    met: &mut Vec<(Uid, Keyed, Met)>,
) -> Result<Packed<(Uid, Keyed)>, Trouble> {
    let keys: Vec<_> = messages.iter().map(|message| book.key_message(&message.digest())).collect();
    let known = book.knows(mailbox, &keys)?;
    let mut fresh = Packed::default();
    for (((uid, key), known), message) in uids.into_iter().zip(keys).zip(known).zip(messages) {
        if known {
            met.push((uid, key, Met::Known));
        } else {
            fresh.0.push((uid, key));
            fresh.1.push(message);
        }
    }
    Ok(fresh)
}

async fn examine(permit: Permit, (numbers, messages): Packed<(Uid, Keyed)>) -> Result<Vec<(Uid, Keyed, Met)>, PoolError> {
    let reports = permit.examine(&messages, false).await?;
    let met = numbers.into_iter().zip(messages.into_iter().zip(reports)).map(|((uid, key), (message, report))| {
        let clear = report.findings.is_empty() && report.incomplete.is_empty();
        (uid, key, if clear { Met::Clear(report.sender) } else { Met::Told(Box::new((message, report))) })
    });
    Ok(met.collect())
}
