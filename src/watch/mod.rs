//! The process with the passwords: fetches mail, has it examined by others, and acts on the verdicts.
//!
//! It holds public keys only, parses no header, and keeps nothing of clean mail but a cursor, a keyed digest
//! and a count. The mailbox is the queue: a crash and a shutdown are the same event.

mod backoff;
mod blame;
mod board;
mod connect;
pub mod coverage;
mod decisions;
mod destroy;
pub mod doctor;
mod examine;
mod gate;
pub mod imap;
mod ledger;
mod mailbox;
mod notice;
mod oauth;
mod openings;
mod pulse;
mod put_back;
mod quarantine;
mod registry;
mod roster;
mod round;
mod second_look;
mod shelf;
mod start;
mod tell;
mod trouble;
mod verdict;
mod visit;

use std::collections::HashMap;
use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::casebook;
use crate::config::{Config, Watched};
use crate::fault::Fault;
use crate::journal::{Actor, Event};
use crate::mail::Address;
use crate::worker::{Nursery, Pool, StartError};
use gate::Gate;
use imap::Session;
use ledger::Ledger;
use pulse::Pulse;
use registry::Registry;
use shelf::Shelf;

pub use board::{Board, MailboxStatus, Status};
pub use connect::{connect, trust};
pub use notice::try_out as try_notices;
pub use oauth::{TokenError, Tokens};
pub use put_back::{PutBack, put_back};
pub use start::{Options, StartFailure, alone, open_shelf, start};
pub use trouble::Trouble;

/// How often the board is written to its file, and the watchdog told that all is well.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Everything that the rounds share.
pub struct Daemon {
    /// Kept for as long as anything is sealed or removed.
    _alone: File,
    config: RwLock<Arc<Config>>,
    options: Options,
    shelf: Shelf,
    pool: Pool,
    registry: Registry,
    gates: Mutex<HashMap<String, Arc<Gate>>>,
    tokens: Tokens,
    board: Board,
    ledger: Ledger,
    pulse: Pulse,
    /// Rung when there is a new notice.
    outbox: Notify,
    stop: watch::Sender<bool>,
}

impl Daemon {
    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn watched(&self, address: &Address) -> Option<Watched> {
        self.config().mailboxes.iter().find(|watched| watched.mailbox.address == *address).cloned()
    }

    async fn connect(&self, watched: &Watched) -> Result<Session, Trouble> {
        let tls = self.gate(watched).tls(&watched.server)?;
        connect::connect(watched, &self.config().watch, tls, &self.tokens).await
    }

    fn gate(&self, watched: &Watched) -> Arc<Gate> {
        let server = &watched.server;
        let mut gates = self.gates.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gates.entry(server.name.clone()).or_insert_with(|| Arc::new(Gate::new(server.connections.get()))))
    }

    /// Judges all that there is in every mailbox, and sends what is due.
    ///
    /// # Errors
    /// The number of mailboxes that could not be polled.
    pub async fn once(self: &Arc<Self>) -> Result<(), usize> {
        roster::tell_of_faults(self);
        let mut rounds = JoinSet::new();
        for watched in self.config().mailboxes.clone() {
            let daemon = Arc::clone(self);
            daemon.board.watching(&watched.mailbox);
            daemon.ledger.watching(&watched.mailbox.address);
            rounds.spawn(async move {
                let mut post = mailbox::Post::default();
                while post.poll(&daemon, &watched).await.is_zero() {}
            });
        }
        rounds.join_all().await;
        ledger::enter(self).await;
        let decided = decisions::carry_out(self, 0).await;
        self.board.trouble("desk", decided.err().map(|(_, trouble)| trouble.to_string()));
        openings::tell_or_show(self, &mut None).await;
        notice::send_due(self).await;
        let _ = self.board.write();
        match self.board.failing() {
            0 => Ok(()),
            failing => Err(failing),
        }
    }

    /// Watches until SIGTERM or SIGINT; SIGHUP reads configuration, rules and lists anew.
    ///
    /// # Errors
    /// When the kernel gives no signal handlers.
    pub async fn run(self: &Arc<Self>) -> std::io::Result<()> {
        let (mut term, mut int, mut hup) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?, signal(SignalKind::hangup())?);
        let mut posts = JoinSet::new();
        roster::tell_of_faults(self);
        self.watch_all(&mut posts);
        let mut postman = posts.spawn(notice::run(Arc::clone(self))).id();
        let mut clerk = posts.spawn(decisions::run(Arc::clone(self))).id();
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        let mut entries = tokio::time::interval_at(tokio::time::Instant::now() + ledger::ENTRY, ledger::ENTRY);
        loop {
            tokio::select! {
                _ = heartbeat.tick() => {
                    self.watch_all(&mut posts);
                    self.beat();
                }
                _ = entries.tick() => ledger::enter(self).await,
                _ = hup.recv() => {
                    self.reload().await;
                    self.watch_all(&mut posts);
                    self.registry.bring_all_forward();
                }
                // A panic ends one round, never the watch.
                Some(Err(panic)) = posts.join_next() => {
                    if panic.id() == postman {
                        postman = posts.spawn(notice::run(Arc::clone(self))).id();
                    } else if panic.id() == clerk {
                        clerk = posts.spawn(decisions::run(Arc::clone(self))).id();
                    }
                }
                _ = term.recv() => break,
                _ = int.recv() => break,
            }
        }
        tracing::info!("stopping: the rounds at work are finished first");
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
        self.stop.send_replace(true);
        while posts.join_next().await.is_some() {}
        ledger::enter(self).await;
        self.note(&Event::Stopped);
        let _ = self.board.write();
        Ok(())
    }

    /// Starts watching whoever has joined, or was left alone by a panic. Leavers notice by themselves.
    fn watch_all(self: &Arc<Self>, posts: &mut JoinSet<()>) {
        for watched in &self.config().mailboxes {
            let address = watched.mailbox.address.clone();
            if let Some(bell) = self.registry.join(&address) {
                self.board.watching(&watched.mailbox);
                self.ledger.watching(&address);
                posts.spawn(mailbox::keep_watching(Arc::clone(self), address, bell));
            }
        }
    }

    /// Says that all is well, to whoever reads the board and to systemd, as long as it is.
    fn beat(&self) {
        let stuck = self.pulse.stuck();
        self.board.trouble("stuck", stuck.as_ref().map(|worker| format!("{worker} does not come on")));
        match (self.board.write(), stuck) {
            (Ok(()), None) => {
                let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
            }
            (Ok(()), Some(worker)) => tracing::error!(%worker, "it does not come on: the watchdog is not fed"),
            (Err(error), _) => tracing::error!(%error, "the status file cannot be written"),
        }
    }

    /// Puts a changed configuration, changed rules and lists in force, all or none of them.
    async fn reload(&self) {
        match self.prepare().await {
            Ok((config, nursery)) => {
                let rule_set = nursery.rule_set().clone();
                self.board.rules(rule_set.clone(), nursery.cage().to_string());
                let came = self.shelf.book(|book| book.rules_came(Timestamp::now(), |rule, version| nursery.rules().has(rule, version)));
                self.board.trouble("casebook", came.err().map(|error| error.to_string()));
                self.pool.replace(nursery);
                let before = self.config();
                *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                roster::changed(self, &before, &self.config());
                roster::tell_of_faults(self);
                // Servers may have moved; rounds at work keep the gate that they came through.
                self.gates.lock().unwrap_or_else(PoisonError::into_inner).clear();
                self.tokens.forget();
                tracing::info!(rule_set = %rule_set.id, rules = rule_set.rules, "configuration and rules are in force");
                tell::trouble_over(self, casebook::Trouble::RulesRefused, None);
                self.note(&start::in_force(&rule_set));
            }
            Err(faults) => {
                tracing::error!(faults = faults.len(), "the change is refused, what was in force stays in force; see `mailwarden check`");
                self.board.refused(faults.iter().map(ToString::to_string).collect());
                tell::trouble(self, casebook::Trouble::RulesRefused, None);
                self.note(&Event::RulesRefused { faults: faults.len() });
            }
        }
    }

    async fn prepare(&self) -> Result<(Config, Nursery), Vec<Fault>> {
        let config = Config::load(&self.config().file)?;
        let nursery = Nursery::start(&config.bundle()?, &self.options.cage(&config)).await.map_err(|error| match error {
            StartError::Refused(faults) => faults,
            StartError::World(error) => vec![Fault {
                what: "the scan processes do not start".to_owned(),
                at: None,
                why: error.to_string(),
                hint: "run `mailwarden check`".to_owned(),
            }],
        })?;
        Ok((config, nursery))
    }

    fn note(&self, event: &Event) {
        let noted = self.shelf.book(|book| book.note(Timestamp::now(), &Actor::Program, event));
        self.board.trouble("casebook", noted.err().map(|error| error.to_string()));
    }
}
