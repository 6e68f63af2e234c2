//! Starting the daemon: everything that can fail does so here, before the first mailbox is opened.

use std::fs::File;
use std::sync::{Arc, RwLock};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tokio::sync::{Notify, watch};

use super::board::Board;
use super::gate::Gates;
use super::ledger::Ledger;
use super::oauth::Tokens;
use super::pulse::Pulse;
use super::registry::Registry;
use super::room::Room;
use super::shelf::Shelf;
use super::{Daemon, directory};
use crate::casebook::{self, Casebook, CasebookError};
use crate::config::{Config, State};
use crate::fault::Fault;
use crate::journal::{Actor, Event, InstanceKey};
use crate::sandbox::Limits;
use crate::vault::{Recipients, Unusable, Vault, VaultError};
use crate::wire::RuleSet;
use crate::worker::{CageOptions, Nursery, Pool, StartError, World};

/// What was typed at the command line.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub allow_uncaged: bool,
}

impl Options {
    pub fn cage(self, config: &Config) -> CageOptions {
        CageOptions {
            allow_uncaged: self.allow_uncaged,
            limits: Limits { memory: config.scan.memory, shared: 0, cpu: config.scan.deadline },
            threads: config.scan.threads.get(),
            messages_per_worker: u32::try_from(config.scan.messages_per_worker.get()).unwrap_or(u32::MAX),
            ..CageOptions::default()
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum StartFailure {
    #[error("another mailwarden watches with the state in {}", .0.display())]
    Another(std::path::PathBuf),
    #[error(transparent)]
    Casebook(#[from] CasebookError),
    #[error("{}", .0.what)]
    Directory(Fault),
    /// Told one by one, as they stand.
    #[error("{} faults", .0.len())]
    Faults(Vec<Fault>),
    #[error("{}: {source}. `mailwarden init` makes what is missing", path.display())]
    Key { path: std::path::PathBuf, source: std::io::Error },
    #[error(transparent)]
    Scan(#[from] World),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// Opens the shelf, sweeps what a crash has left, and starts the scan processes.
///
/// # Errors
/// Before anything is watched.
pub async fn start(config: Config, options: Options) -> Result<Arc<Daemon>, StartFailure> {
    let (config, followed) = directory::follow(config).await.map_err(StartFailure::Faults)?;
    if config.mailboxes.is_empty() {
        return Err(StartFailure::Directory(directory::names_nobody(&followed)));
    }
    let bundle = config.bundle().map_err(StartFailure::Faults)?;
    // While the rules are compiled, which another process does.
    let state = config.state.clone();
    let shelf = tokio::task::spawn_blocking(move || Ok((alone(&state)?, open_shelf(&state)?)));
    let nursery = Nursery::start(&bundle, &options.cage(&config)).await.map_err(|error| match error {
        StartError::Refused(faults) => StartFailure::Faults(faults),
        StartError::World(error) => error.into(),
    })?;
    let opened: Result<_, StartFailure> = shelf.await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()));
    let (alone, (vault, book)) = opened?;
    let recipients = Recipients::read(&vault.ring()).map_err(|unusable| match unusable {
        Unusable::Faults(faults) => StartFailure::Faults(faults),
        Unusable::World(error) => error.into(),
    })?;
    let swept = vault.sweep(|object| book.known_object(object).unwrap_or(true))?;
    let now = Timestamp::now();
    book.note(now, &Actor::Program, &Event::Started { version: env!("CARGO_PKG_VERSION").to_owned() })?;
    book.note(now, &Actor::Program, &in_force(nursery.rule_set()))?;
    book.rules_came(now, nursery.rules())?;
    // They compile: what was refused before the last stop is refused no more.
    book.system_over(now, casebook::Trouble::RulesRefused, None)?;
    if swept.drafts + swept.objects > 0 {
        book.note(now, &Actor::Program, &Event::Swept { drafts: swept.drafts, objects: swept.objects })?;
    }
    let board = Board::new(Board::path(&config.state.directory), nursery.rule_set().clone(), nursery.cage().to_string());
    tracing::info!(cage = %nursery.cage(), rule_set = %nursery.rule_set().id, mailboxes = config.mailboxes.len(), "watching");
    let daemon = Arc::new(Daemon {
        _alone: alone,
        options,
        shelf: Shelf::new(vault, recipients, book),
        pool: Pool::new(nursery, config.scan.workers.get(), config.scan.deadline),
        registry: Registry::default(),
        gates: Gates::default(),
        tokens: Tokens::default(),
        board,
        ledger: Ledger::default(),
        pulse: Pulse::default(),
        room: Room::default(),
        outbox: Notify::new(),
        stop: watch::Sender::new(false),
        config: RwLock::new(Arc::new(config)),
    });
    directory::tell_of(&daemon, &followed);
    Ok(daemon)
}

/// The lock that one daemon holds as long as it runs, and a second does not get: it would sweep away what the first has
/// sealed and is yet to record, and the first would remove the only copy from the mailbox.
///
/// # Errors
/// `Another` while a daemon runs; `Key` before `mailwarden init`.
pub fn alone(state: &State) -> Result<File, StartFailure> {
    let path = state.instance_key();
    let lock = File::open(&path).and_then(|file| match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(Errno::WOULDBLOCK) => Ok(None),
        locked => Ok(Some(locked.map(|()| file)?)),
    });
    match lock {
        Ok(Some(file)) => Ok(file),
        Ok(None) => Err(StartFailure::Another(state.directory.clone())),
        Err(source) => Err(StartFailure::Key { path, source }),
    }
}

/// The vault and the casebook, which commands use beside the daemon.
///
/// # Errors
/// `Key` before `mailwarden init`, or for another user; else what the vault and the casebook refuse with.
pub fn open_shelf(state: &State) -> Result<(Vault, Casebook), StartFailure> {
    let path = state.instance_key();
    let key = InstanceKey::read(&path).map_err(|source| StartFailure::Key { path, source })?;
    Ok((Vault::open(&state.vault())?, Casebook::open(&state.casebook(), key)?))
}

pub fn in_force(rule_set: &RuleSet) -> Event {
    Event::RulesInForce { rule_set: rule_set.id.clone(), rules: rule_set.rules, terms: rule_set.terms, list_entries: rule_set.list_entries }
}
