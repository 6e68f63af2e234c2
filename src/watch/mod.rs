//! The process with the passwords: fetches mail, has it examined by others, and acts on the verdicts.
//!
//! It holds public keys only, parses no header, and keeps nothing of clean mail but a cursor, a keyed digest
//! and a count. The mailbox is the queue: a crash and a shutdown are the same event.

mod admissions;
mod backlog;
mod backoff;
mod blame;
mod board;
mod connect;
pub mod coverage;
mod decisions;
mod destroy;
pub mod directory;
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
mod room;
mod roster;
mod round;
mod seats;
mod second_look;
mod shelf;
mod start;
mod tell;
mod trouble;
mod turns;
mod verdict;
mod visit;

use std::fs::File;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::{Timestamp, Zoned};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::casebook;
use crate::config::{Config, Watched};
use crate::fault::Fault;
use crate::journal::{Actor, Event};
use crate::mail::Address;
use crate::vault::{Recipients, Unusable};
use crate::worker::{Nursery, Pool, StartError};
use directory::DirectoryError;
use gate::{Gate, Gates};
use imap::Session;
use ledger::Ledger;
use pulse::Pulse;
use registry::{Joined, Registry};
use room::Room;
use shelf::Shelf;
use turns::Patience;

pub use backlog::{Backlog, FolderLeft};
pub use board::{Amiss, Board, MailboxStatus, ServerStatus, Status};
pub use connect::{connect, connect_patiently, trust};
pub use notice::try_out as try_notices;
pub use oauth::{TokenError, Tokens};
pub use put_back::{PutBack, put_back};
pub use start::{Options, StartFailure, alone, open_shelf, start};
pub use trouble::Trouble;
pub use turns::Turns;

/// How often the board is written to its file, and the watchdog told that all is well.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// How often the daemon looks whether it is another day.
const DAY_CHECK: Duration = Duration::from_mins(1);

/// What a reload puts in force, all at once.
struct Change {
    config: Config,
    /// What came of asking the directory who is there.
    followed: Result<(), DirectoryError>,
    nursery: Nursery,
    recipients: Recipients,
}

/// Everything that the rounds share.
pub struct Daemon {
    /// Kept for as long as anything is sealed or removed.
    _alone: File,
    config: RwLock<Arc<Config>>,
    options: Options,
    shelf: Shelf,
    pool: Pool,
    registry: Registry,
    gates: Gates,
    tokens: Tokens,
    board: Board,
    ledger: Ledger,
    pulse: Pulse,
    room: Room,
    /// Rung when there is a new notice.
    outbox: Notify,
    stop: watch::Sender<bool>,
}

impl Daemon {
    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn watched(&self, address: &Address) -> Option<Watched> {
        self.config().watched(address).cloned()
    }

    async fn connect(&self, watched: &Watched) -> Result<Session, Trouble> {
        let tls = self.gate(watched).tls(&watched.server)?;
        connect::connect(watched, &self.config().watch, tls, &self.tokens).await
    }

    fn gate(&self, watched: &Watched) -> Arc<Gate> {
        self.gates.of(&watched.server)
    }

    /// Judges all that there is in every mailbox, and sends what is due.
    ///
    /// # Errors
    /// How much is amiss after that.
    pub async fn once(self: &Arc<Self>) -> Result<(), Amiss> {
        roster::tell_of_faults(self);
        room::look(self);
        let mut rounds = JoinSet::new();
        let mut mailboxes = self.config().mailboxes.clone();
        roster::longest_unseen_first(self, &mut mailboxes, |watched| &watched.mailbox.address);
        for watched in mailboxes {
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
        match self.board.amiss() {
            Amiss { mailboxes: 0, troubles: 0 } => Ok(()),
            amiss => Err(amiss),
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
        let (mut postman, mut clerk) = (None, None);
        let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
        let mut heartbeat = tokio::time::interval(HEARTBEAT);
        let mut entries = tokio::time::interval_at(tokio::time::Instant::now() + ledger::ENTRY, ledger::ENTRY);
        let mut days = tokio::time::interval(DAY_CHECK);
        loop {
            tokio::select! {
                _ = heartbeat.tick() => {
                    self.watch_all(&mut posts);
                    postman.get_or_insert_with(|| posts.spawn(notice::run(Arc::clone(self))).id());
                    clerk.get_or_insert_with(|| posts.spawn(decisions::run(Arc::clone(self))).id());
                    self.beat();
                }
                _ = entries.tick() => ledger::enter(self).await,
                _ = days.tick() => self.turn_to_today().await,
                _ = hup.recv() => {
                    self.reload().await;
                    self.watch_all(&mut posts);
                    self.registry.bring_all_forward();
                }
                // A panic ends one round, never the watch. Who has panicked begins anew with the next heartbeat.
                Some(Err(panic)) = posts.join_next() => {
                    for (who, of) in [(&mut postman, "notices"), (&mut clerk, "desk")] {
                        if who.take_if(|id| *id == panic.id()).is_some() {
                            self.board.trouble(of, Some("it ended in a panic, see the log".to_owned()));
                        }
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

    /// Starts watching whoever has joined, or was left alone after a panic. Leavers notice by themselves.
    fn watch_all(self: &Arc<Self>, posts: &mut JoinSet<()>) {
        let config = self.config();
        let joining = config.mailboxes.iter().map(|watched| &watched.mailbox);
        let mut joining: Vec<_> = joining.filter_map(|mailbox| Some((mailbox, self.registry.join(&mailbox.address)?))).collect();
        if joining.len() > 1 {
            roster::longest_unseen_first(self, &mut joining, |(mailbox, _)| &mailbox.address);
        }
        for (mailbox, Joined { bell, has_fallen }) in joining {
            if has_fallen {
                let (daemon, mailbox) = (Arc::clone(self), mailbox.address.clone());
                // On its own: it may be the telling that panics.
                posts.spawn(async move { tell::trouble(&daemon, casebook::Trouble::RoundPanics, Some(&mailbox)) });
            }
            self.board.watching(mailbox);
            self.ledger.watching(&mailbox.address);
            posts.spawn(mailbox::keep_watching(Arc::clone(self), mailbox.address.clone(), bell));
        }
    }

    /// Says that all is well, to whoever reads the board and to systemd, as long as it is.
    fn beat(&self) {
        let stuck = self.pulse.stuck();
        room::look(self);
        self.board.servers(self.gates.told());
        self.board.trouble("stuck", stuck.as_ref().map(|worker| format!("{worker} does not come on")));
        if let Err(error) = self.board.write() {
            tracing::error!(%error, "the status file cannot be written");
        }
        match stuck {
            // Also when nothing can be written: to be ended and started anew makes no room on a disk.
            None => drop(sd_notify::notify(&[sd_notify::NotifyState::Watchdog])),
            Some(worker) => tracing::error!(%worker, "it does not come on: the watchdog is not fed"),
        }
    }

    /// Puts a changed configuration, changed rules and lists in force, all or none of them.
    async fn reload(&self) {
        match self.prepare().await {
            Ok(Change { mut config, followed, nursery, recipients }) => {
                let rule_set = nursery.rule_set().clone();
                self.board.rules(rule_set.clone(), nursery.cage().to_string());
                let came = self.shelf.book(|book| book.rules_came(Timestamp::now(), nursery.rules()));
                self.board.trouble("casebook", came.err().map(|error| error.to_string()));
                self.pool.replace(nursery);
                self.shelf.seal_to(recipients);
                let before = self.config();
                // Whom a directory would have named that says nothing, nobody can say.
                config.unwatched.nameless |= followed.is_err();
                config.keep_watching(&before);
                *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                roster::changed(self, &before, &self.config());
                roster::tell_of_faults(self);
                directory::tell_of(self, &followed);
                self.gates.forget();
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

    /// Rules and lists as they are today: an exception, a list or a snooze that ended yesterday is in force no more. The files
    /// are those that were read last, not what somebody may be writing.
    async fn turn_to_today(&self) {
        match self.pool.turn_to(Zoned::now().date()).await {
            Ok(false) => self.board.trouble("day", None),
            Ok(true) => {
                let rule_set = self.pool.rule_set();
                self.board.trouble("day", None);
                self.board.rules_today(rule_set.clone());
                tracing::info!(rule_set = %rule_set.id, "rules and lists are in force as they are today");
                self.note(&start::in_force(&rule_set));
            }
            Err(error) => {
                tracing::error!(%error, "rules and lists stay in force as they were yesterday; tried again in a minute");
                self.board.trouble("day", Some(format!("rules and lists are in force as they were yesterday: {error}")));
            }
        }
    }

    /// Reads anew all that a change consists of.
    async fn prepare(&self) -> Result<Change, Vec<Fault>> {
        let unstarted = |what: &str, error: &dyn ToString| Fault {
            what: what.to_owned(),
            at: None,
            why: error.to_string(),
            hint: "run `mailwarden check`".to_owned(),
        };
        let recipients = Recipients::read(&self.shelf.vault().ring()).map_err(|unusable| match unusable {
            Unusable::Faults(faults) => faults,
            Unusable::World(error) => vec![unstarted("the keys cannot be read", &error)],
        });
        let (config, recipients) = match (Config::load(&self.config().file), recipients) {
            (Ok(config), Ok(recipients)) => (config, recipients),
            (config, recipients) => return Err([config.err(), recipients.err()].into_iter().flatten().flatten().collect()),
        };
        let (config, followed) = directory::follow(config).await?;
        if config.mailboxes.is_empty() {
            return Err(vec![directory::names_nobody(&followed)]);
        }
        let nursery = Nursery::start(&config.bundle()?, &self.options.cage(&config)).await.map_err(|error| match error {
            StartError::Refused(faults) => faults,
            StartError::World(error) => vec![unstarted("the scan processes do not start", &error)],
        })?;
        Ok(Change { config, followed, nursery, recipients })
    }

    fn note(&self, event: &Event) {
        let noted = self.shelf.book(|book| book.note(Timestamp::now(), &Actor::Program, event));
        self.board.trouble("casebook", noted.err().map(|error| error.to_string()));
    }
}
