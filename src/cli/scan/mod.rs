//! `mailwarden scan`: messages from files, in the same cage and under the same rules as the daemon's.

mod account;
mod mbox;
mod messages;
mod tree;

use std::path::PathBuf;

use clap::Args;

pub(super) use self::account::place;
use self::account::{Account, shown};
pub(super) use self::messages::{Found, Messages, Unreadable};
use super::caged::{self, Sources};
use super::offline::{self, Judge};
use super::{Exit, Failure, Output};
use crate::fault::Fault;
use crate::finding::{Incomplete, Reason, Tree};
use crate::wire::Message;

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
    /// Show what each message is made of instead of judging it: its parts, what they are, how large, what of them was not
    /// read and why, and how long each took. Nothing that somebody wrote is shown.
    #[arg(long)]
    tree: bool,
    /// With --tree, also every text and every name: for your own test files, never for a pupil's mail.
    #[arg(long, requires = "tree")]
    text: bool,
    /// A directory of rules; may be repeated. Without it the configuration's; or `rules` here, else the package's.
    #[arg(long, value_name = "DIR")]
    rules: Vec<PathBuf>,
    #[command(flatten)]
    sources: Sources,
    /// What to examine.
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<PathBuf>,
}

/// What could not be read, as far as it is told.
#[derive(Default)]
pub(super) struct Unreadables {
    told: Vec<Fault>,
    untold: usize,
}

impl Scan {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        let caged = self.sources.open(self.rules)?;
        let found = Messages::of(self.paths, caged.largest());
        if self.tree {
            return trees(&caged, found, self.text, self.json, out);
        }
        let mut account = Account::new(self.json);
        let mut unreadable = Unreadables::default();
        let ended = caged::block_on(async {
            let pool = caged.pool().await?;
            let judge = Judge::new(caged.config);
            let rule_set = pool.rule_set().id;
            let messages = unreadable.leave_out(found);
            offline::examine_each(&pool, self.json, messages, |found, report| {
                Ok(account.tell(&found, &report, &judge.judgement(&report), &rule_set, out)?)
            })
            .await
        });
        // What was done is told, however it ended.
        let scanned = account.messages();
        account.close(out)?;
        ended?;
        unreadable.into_failure(scanned)
    }
}

fn trees(caged: &caged::Caged, found: Messages, with_text: bool, json: bool, out: &mut Output) -> Result<(), Failure> {
    let mut unreadable = Unreadables::default();
    let mut told = 0;
    caged::block_on(async {
        let pool = caged.pool().await?;
        for (found, message) in unreadable.leave_out(found) {
            let tree = match message {
                Some(message) => pool.permit().await.tree(&message, with_text).await?,
                None => Tree::unread(Incomplete { part: String::new(), reason: Reason::Budget }),
            };
            tree::tell(&found, &tree, json, out)?;
            told += 1;
        }
        Ok(())
    })?;
    unreadable.into_failure(told)
}

impl Unreadables {
    /// The messages without those that cannot be read.
    pub fn leave_out(&mut self, messages: Messages) -> impl Iterator<Item = (Found, Option<Message>)> {
        messages.filter_map(|next| match next {
            Ok(mut found) => {
                let message = found.message.take();
                Some((found, message))
            }
            Err(unreadable) => {
                self.add(&unreadable);
                None
            }
        })
    }

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
    pub fn into_failure(mut self, scanned: u64) -> Result<(), Failure> {
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
