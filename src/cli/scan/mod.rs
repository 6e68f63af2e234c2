//! `mailwarden scan`: messages from files, in the same cage and under the same rules as the daemon's.

mod account;
mod mbox;
mod messages;

use std::path::PathBuf;

use clap::Args;
use jiff::Zoned;
use tokio::task::{JoinError, JoinSet};

use self::account::{Account, shown};
use self::messages::{Found, Messages, Unreadable};
use super::caged::{self, Sources};
use super::{Exit, Failure, Output};
use crate::config::Config;
use crate::fault::Fault;
use crate::finding::{Circumstances, Person, Policy, Reason, Report, Verdict, judge};
use crate::mail::{Address, Private};
use crate::worker::{Packed, Packer, Pool, PoolError};

/// Of files that cannot be read: more than anybody reads.
const MOST_TOLD: usize = 20;

/// Examine messages in files: `.eml`, mbox, Maildir, or a folder of any of them.
///
/// Nothing is written, moved or sent. Every file of a folder counts as a message, hidden ones left out; those that
/// begin with a `From ` line hold many. The verdict is what the daemon's would be: with `--config` under that policy and
/// in that school, otherwise under the default policy, the sender taken to be at the school. Who writes to whom is looked
/// up in the mailboxes of the configuration. What cannot be known from a file - with no configuration who is who, and never
/// when a message arrived or whether it is a first contact - is taken to be as the rule asks, and the account says of which
/// rules.
///
/// The table lists what is not clear, the worst first. The exit code is 0 whatever the verdicts.
#[derive(Debug, Args)]
pub(super) struct Scan {
    /// Print one JSON object a message, as they are done.
    #[arg(long)]
    json: bool,
    /// A directory of rules; may be repeated. Without it the configuration's; or `rules` here, else the package's.
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    #[command(flatten)]
    sources: Sources,
    /// What to examine.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

/// A scan at work.
struct Offline<'a> {
    config: Option<Config>,
    policy: Policy,
    json: bool,
    account: Account,
    unreadable: Unreadables,
    out: &'a mut Output,
}

/// What could not be read, as far as it is told.
#[derive(Default)]
struct Unreadables {
    told: Vec<Fault>,
    untold: usize,
}

impl Scan {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        let caged = self.sources.open(self.rules)?;
        let messages = Messages::of(self.paths, caged.largest());
        caged::block_on(async {
            let pool = caged.pool().await?;
            let policy = caged.config.as_ref().map_or_else(Policy::default, |config| config.policy.clone());
            let account = Account::new(self.json);
            let unreadable = Unreadables::default();
            let mut offline = Offline { config: caged.config, policy, json: self.json, account, unreadable, out };
            let ended = offline.examine(&pool, messages).await;
            offline.close(ended)
        })
    }
}

/// A parcel of messages and their reports, in one order.
type Examined = Result<(Vec<Found>, Vec<Report>), PoolError>;

impl Offline<'_> {
    async fn examine(&mut self, pool: &Pool, mut messages: Messages) -> Result<(), Failure> {
        let mut packer = Packer::new(pool.parcel());
        let mut examining = JoinSet::new();
        loop {
            // Awaited here, so that no more is read before a worker is free for it.
            let permit = pool.permit().await;
            let Some((found, messages)) = self.next_parcel(&mut packer, &mut messages)? else { break };
            let want_facts = self.json;
            examining.spawn(async move { Ok::<_, PoolError>((found, permit.examine(&messages, want_facts).await?)) });
            while let Some(done) = examining.try_join_next() {
                self.tell_all(done)?;
            }
        }
        while let Some(done) = examining.join_next().await {
            self.tell_all(done)?;
        }
        Ok(())
    }

    /// Reads until a parcel is full or there is no more.
    fn next_parcel(&mut self, packer: &mut Packer<Found>, messages: &mut Messages) -> Result<Option<Packed<Found>>, Failure> {
        for next in messages {
            match next {
                Err(unreadable) => self.unreadable.add(&unreadable),
                Ok(mut found) => match found.message.take() {
                    Some(message) => {
                        if let Some(parcel) = packer.add(found, message) {
                            return Ok(Some(parcel));
                        }
                    }
                    None => self.tell(&found, &Report::unread(Reason::Budget))?,
                },
            }
        }
        Ok(packer.rest())
    }

    fn tell_all(&mut self, done: Result<Examined, JoinError>) -> Result<(), Failure> {
        let (found, reports) = match done {
            Ok(examined) => examined?,
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        };
        found.iter().zip(&reports).try_for_each(|(found, report)| self.tell(found, report))
    }

    fn tell(&mut self, found: &Found, report: &Report) -> Result<(), Failure> {
        let verdict = self.judge(report);
        Ok(self.account.tell(found, report, &verdict, self.out)?)
    }

    /// As the daemon does, but for what it alone knows: in which mailbox a message lies, when it arrived, who has written
    /// to it before, and what a person has waived. Without a configuration nobody is known at all. A condition on what is
    /// not known is taken to hold: better a find too many than a find that is kept quiet.
    fn judge(&mut self, report: &Report) -> Verdict {
        let mut circumstances = Circumstances { today: Zoned::now().date(), ..Circumstances::default() };
        match &self.config {
            Some(config) => {
                circumstances.sender_outside = report.sender.as_ref().is_none_or(|sender| !config.school.owns(sender.expose()));
                (circumstances.sender, circumstances.recipients) = config.correspondents(report, None);
            }
            None => {
                let unknown = |address: &Private<Address>| Person { address: Some(address.expose().clone()), ..Person::default() };
                circumstances.sender = report.sender.as_ref().map(unknown).unwrap_or_default();
                circumstances.recipients = report.recipients.iter().map(unknown).collect();
            }
        }
        let verdict = judge(&report.findings, &report.incomplete, &self.policy, &circumstances);
        if let Verdict::Flag(concern) | Verdict::Hold(concern) = &verdict {
            let taken = concern.findings.iter().filter(|found| found.reach.conditions.ask_beyond(self.config.is_some()));
            self.account.take_for_granted(taken.map(|found| &found.rule));
        }
        verdict
    }

    /// What was done is told, however it `ended`.
    fn close(self, ended: Result<(), Failure>) -> Result<(), Failure> {
        let scanned = self.account.messages();
        self.account.close(self.out)?;
        ended?;
        self.unreadable.into_failure(scanned)
    }
}

impl Unreadables {
    fn add(&mut self, Unreadable { path, error }: &Unreadable) {
        if self.told.len() == MOST_TOLD {
            self.untold += 1;
            return;
        }
        self.told.push(Fault {
            what: format!("`{}` cannot be read", shown(path)),
            at: None,
            why: error.to_string(),
            hint: "correct the path, or run the command as a user who may read it".to_owned(),
        });
    }

    /// Whoever asked for a scan must not take silence for a clear verdict.
    fn into_failure(mut self, scanned: u64) -> Result<(), Failure> {
        if self.untold > 0 {
            self.told.push(Fault {
                what: format!("{} more files or folders cannot be read", self.untold),
                at: None,
                why: "as above".to_owned(),
                hint: String::new(),
            });
        }
        if self.told.is_empty() && scanned == 0 {
            self.told.push(Fault {
                what: "there is no message".to_owned(),
                at: None,
                why: "in what was named there is no file, or only empty and hidden ones".to_owned(),
                hint: "name a message, an mbox file, a Maildir or a folder of messages".to_owned(),
            });
        }
        if self.told.is_empty() { Ok(()) } else { Err(Failure { exit: Exit::World, faults: self.told }) }
    }
}
