//! Messages from anywhere through the cage, and what the daemon would decide about each.

use jiff::Zoned;
use jiff::civil::Date;
use tokio::task::{JoinError, JoinSet};

use super::Failure;
use crate::config::Config;
use crate::finding::{Circumstances, Finding, KeptOut, Party, Person, Policy, Reason, Report, RuleId, Standing, Verdict, judge};
use crate::mail::{Address, Private};
use crate::wire::Message;
use crate::worker::{Packer, Pool, PoolError};

/// Parcels of messages and their reports, in one order.
type Examined<T> = Result<(Vec<T>, Vec<Report>), PoolError>;

/// Examines messages side by side, and tells of each as it is done: in no order. `None` is a message that is too large
/// to be read. No more is read than there are workers for.
///
/// # Errors
/// When the machine gives no scan process, or `tell` fails.
pub(super) async fn examine_each<T: Send + 'static>(
    pool: &Pool,
    want_facts: bool,
    messages: impl IntoIterator<Item = (T, Option<Message>)>,
    mut tell: impl FnMut(T, Report) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut messages = messages.into_iter();
    let mut packer = Packer::new(pool.parcel());
    let mut examining = JoinSet::new();
    loop {
        // Awaited here, so that no more is read before a worker is free for it.
        let permit = pool.permit().await;
        let mut parcel = None;
        while parcel.is_none() {
            match messages.next() {
                Some((known_by, Some(message))) => parcel = packer.add(known_by, message),
                Some((known_by, None)) => tell(known_by, Report::unread(Reason::Budget))?,
                None => break,
            }
        }
        let Some((known_by, parcel)) = parcel.or_else(|| packer.rest()) else { break };
        examining.spawn(async move { Ok::<_, PoolError>((known_by, permit.examine(&parcel, want_facts).await?)) });
        while let Some(done) = examining.try_join_next() {
            tell_all(done, &mut tell)?;
        }
    }
    while let Some(done) = examining.join_next().await {
        tell_all(done, &mut tell)?;
    }
    Ok(())
}

fn tell_all<T>(done: Result<Examined<T>, JoinError>, tell: &mut impl FnMut(T, Report) -> Result<(), Failure>) -> Result<(), Failure> {
    let (known_by, reports) = match done {
        Ok(examined) => examined?,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    };
    known_by.into_iter().zip(reports).try_for_each(|(known_by, report)| tell(known_by, report))
}

/// Decides as the daemon does, but for what it alone knows: in which mailbox a message lies, when it arrived, who has
/// written to it before, and what a person has waived. Without a configuration nobody is known at all. A condition on what
/// is not known is taken to hold: better a find too many than one that is kept quiet.
pub(super) struct Judge {
    config: Option<Config>,
    policy: Policy,
    today: Date,
}

/// A verdict, and what it rests upon.
pub(super) struct Judgement {
    pub verdict: Verdict,
    /// The rules that count for some people or at some times only, which were taken to be these.
    pub granted: Vec<RuleId>,
}

impl Judge {
    /// Without a configuration: the default policy, and every sender is taken to be at the school.
    pub fn new(config: Option<Config>) -> Self {
        let policy = config.as_ref().map_or_else(Policy::default, |config| config.policy.clone());
        Self { config, policy, today: Zoned::now().date() }
    }

    pub fn verdict(&self, report: &Report) -> Verdict {
        self.judgement(report).verdict
    }

    /// In points of score.
    pub fn threshold(&self) -> u16 {
        self.policy.threshold()
    }

    /// What keeps a find of this message from counting.
    pub fn kept_out(&self, report: &Report, finding: &Finding) -> Option<KeptOut> {
        finding.reach.conditions.keep_out(&self.circumstances(report))
    }

    pub fn judgement(&self, report: &Report) -> Judgement {
        let verdict = judge(&report.findings, &report.incomplete, &self.policy, &self.circumstances(report));
        let found = match &verdict {
            Verdict::Flag(concern) | Verdict::Hold(concern) => &*concern.findings,
            Verdict::Clear | Verdict::Incomplete(_) => &[],
        };
        let granted = found.iter().filter(|found| found.reach.conditions.ask_beyond(self.config.is_some()));
        Judgement { granted: granted.map(|found| found.rule.clone()).collect(), verdict }
    }

    fn circumstances(&self, report: &Report) -> Circumstances<'static> {
        let today = self.today;
        let Some(config) = &self.config else {
            let unknown = |address: &Private<Address>| Person { address: Some(address.expose().clone()), ..Person::default() };
            let sender = report.sender.as_ref().map(unknown).unwrap_or_default();
            return Circumstances {
                sender,
                recipients: report.recipients.iter().map(unknown).collect(),
                today,
                ..Circumstances::default()
            };
        };
        let (sender, recipients) = config.correspondents(report, None);
        let sender_outside = sender.standing == Standing::Is(Party::Outside);
        Circumstances { sender_outside, sender, recipients, today, ..Circumstances::default() }
    }
}
