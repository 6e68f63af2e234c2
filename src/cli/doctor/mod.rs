//! `mailwarden doctor`: every step to every mailbox and all that they stand on, tried once, side by side.

mod premises;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use tokio::task::JoinSet;

use super::progress::Progress;
use super::{ConfigFile, Exit, Failure, Output};
use crate::config::{Config, Watched};
use crate::fault::Fault;
use crate::mail::Address;
use crate::watch::doctor::{Step, Walk, advise, walk};
use crate::watch::{self, Tokens, Turns};
use premises::Premise;

/// Mailboxes that are named where many fail alike.
const NAMED: usize = 5;

/// Try every step of the way into every mailbox, and say what fails, why most likely, and what mends it.
///
/// Each mailbox is signed in to, one of its messages is fetched and thrown away unread, and INBOX is opened as if to remove from it.
/// Nothing is removed, marked or sent. The exit code is 1 when anything fails.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    config: ConfigFile,
    /// One object, for programs.
    #[arg(long)]
    json: bool,
    /// These mailboxes alone.
    #[arg(value_name = "MAILBOX")]
    mailboxes: Vec<Address>,
}

#[derive(Serialize)]
struct Told<'a> {
    well: bool,
    premises: &'a [Premise],
    mailboxes: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    mailbox: &'a Address,
    server: &'a str,
    folders: usize,
    done: &'a [Step],
    failure: Option<Ailment<'a>>,
}

#[derive(Serialize)]
struct Ailment<'a> {
    step: Step,
    why: &'a str,
    cause: &'static str,
    remedy: &'static str,
}

impl Doctor {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let config = self.config.load()?;
        let wanted = self.wanted(&config)?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::world("nothing can be tried", &error, "look at the limits of processes and memory"))?;
        let (walks, premises) = runtime.block_on(async {
            let tokens = Arc::new(Tokens::default());
            let walks = walk_all(&config, wanted, &tokens, self.json).await;
            let premises = premises::look(&config, &tokens).await;
            (walks, premises)
        });
        let ailing = premises.iter().any(|premise| premise.failure.is_some()) || walks.iter().any(|walk| walk.failure.is_some());
        let well = !ailing && config.faults.is_empty();
        if self.json {
            out.json(&Told { well, premises: &premises, mailboxes: walks.iter().map(|walk| row(walk, &walks)).collect() })?;
        } else {
            print(&premises, &walks, out)?;
        }
        if well {
            return Ok(());
        }
        let told = config.faults.into_iter().chain(premises.into_iter().filter_map(Premise::into_fault)).chain(ailments(&walks));
        Err(Failure { exit: Exit::World, faults: if self.json { Vec::new() } else { told.collect() } })
    }

    fn wanted(&self, config: &Config) -> Result<Vec<Watched>, Failure> {
        if let Some(unknown) = self.mailboxes.iter().find(|address| config.watched(address).is_none()) {
            return Err(Failure::world(format!("{unknown} is not watched"), &"", "`mailwarden check` lists who is"));
        }
        let wanted = |own: &&Watched| self.mailboxes.is_empty() || self.mailboxes.contains(&own.mailbox.address);
        Ok(config.mailboxes.iter().filter(wanted).cloned().collect())
    }
}

/// As many at once as each server allows.
async fn walk_all(config: &Config, wanted: Vec<Watched>, tokens: &Arc<Tokens>, json: bool) -> Vec<Walk> {
    let (total, mut progress) = (wanted.len(), Progress::new(json));
    let (turns, mut trusts) = (Arc::new(Turns::beside(&config.state.directory)), HashMap::new());
    let mut walks = JoinSet::new();
    for (place, watched) in wanted.into_iter().enumerate() {
        let server = Arc::clone(&watched.server);
        let tls = trusts.entry(server.name.clone()).or_insert_with(|| watch::trust(&server).map_err(|error| error.to_string())).clone();
        let (turns, tokens, settings) = (Arc::clone(&turns), Arc::clone(tokens), config.watch.clone());
        walks.spawn(async move {
            let _turn = turns.turn(&server).await;
            let walked = match tls {
                Ok(tls) => walk(&watched, &settings, tls, &tokens).await,
                Err(why) => Walk::without_trust(&watched, why),
            };
            (place, walked)
        });
    }
    let mut walked = Vec::with_capacity(total);
    while let Some(done) = walks.join_next().await {
        walked.extend(done.ok());
        progress.show_text(&format!("{} of {total} mailboxes", walked.len()));
    }
    progress.wipe();
    walked.sort_by_key(|(place, _)| *place);
    walked.into_iter().map(|(_, walk)| walk).collect()
}

fn row<'a>(walk: &'a Walk, walks: &[Walk]) -> Row<'a> {
    let failure = walk.failure.as_ref().map(|(step, why)| {
        let advice = advise(walk.provider, *step, why, all_fail_at(*step, &walk.server, walks));
        Ailment { step: *step, why, cause: advice.cause, remedy: advice.remedy }
    });
    Row { mailbox: &walk.mailbox, server: &walk.server, folders: walk.folders, done: &walk.done, failure }
}

fn all_fail_at(step: Step, server: &str, walks: &[Walk]) -> bool {
    walks.iter().filter(|walk| walk.server == server).all(|walk| walk.failure.as_ref().is_some_and(|(at, _)| *at == step))
}

fn print(premises: &[Premise], walks: &[Walk], out: &mut Output) -> io::Result<()> {
    for premise in premises {
        let verdict = if premise.failure.is_some() { "FAILED" } else { "ok" };
        out.line(format!("{:<8} {verdict:<6}  {}", premise.name, premise.told).trim_end())?;
    }
    let header = ["mailbox", "server", "token", "resolve", "connect", "tls", "sign in", "list", "select", "fetch", "remove"];
    let rows: Vec<_> = walks
        .iter()
        .map(|walk| {
            let [token, resolve, connect, tls, sign_in, list, select, fetch, remove] = Step::ALL.map(|step| outcome(walk, step).to_owned());
            [walk.mailbox.to_string(), walk.server.clone(), token, resolve, connect, tls, sign_in, list, select, fetch, remove]
        })
        .collect();
    out.table(header, &rows)?;
    let ailing = walks.iter().filter(|walk| walk.failure.is_some()).count();
    out.line(&format!("{} mailboxes, {ailing} with a failing step", walks.len()))
}

fn outcome(walk: &Walk, step: Step) -> &'static str {
    match &walk.failure {
        Some((at, _)) if *at == step => "FAILED",
        _ if walk.done.contains(&step) => "ok",
        _ => "-",
    }
}

/// One fault for all mailboxes that fail alike.
fn ailments(walks: &[Walk]) -> Vec<Fault> {
    let mut alike: BTreeMap<(&str, Step, &str), Vec<&Walk>> = BTreeMap::new();
    for walk in walks {
        if let Some((step, why)) = &walk.failure {
            alike.entry((&walk.server, *step, why)).or_default().push(walk);
        }
    }
    let fault = |((server, step, why), ailing): ((&str, Step, &str), Vec<&Walk>)| {
        let of = walks.iter().filter(|walk| walk.server == server).count();
        let advice = advise(ailing[0].provider, step, why, all_fail_at(step, server, walks));
        let mut names: Vec<_> = ailing.iter().take(NAMED).map(|walk| walk.mailbox.to_string()).collect();
        if ailing.len() > NAMED {
            names.push(format!("and {} more", ailing.len() - NAMED));
        }
        Fault {
            what: format!("`{}` fails for {} of {of} mailboxes of `{server}`: {}", step.as_str(), ailing.len(), names.join(", ")),
            at: None,
            why: format!("{why}\nmost likely: {}", advice.cause),
            hint: advice.remedy.to_owned(),
        }
    };
    alike.into_iter().map(fault).collect()
}
