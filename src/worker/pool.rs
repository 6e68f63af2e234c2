//! As many workers as may be at work at once: kept warm, replaced when lost, all of the nursery in force.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::civil::Date;
use tokio::time::Instant;

use super::Loss;
use super::answer::Claim;
use super::errand::ForkError;
use super::nursery::{Nursery, StartError};
use super::one::{Failure, Worker};
use super::turns::{Place, Standing, Turn, Turns};
use crate::finding::{Explained, Fingerprint, Incomplete, Reason, Report, Sighting, Tree};
use crate::sandbox::Cage;
use crate::wire::{Message, Request, RuleSet};

/// Of messages that fit into one parcel.
const MAX_PARCEL: usize = 32;

/// Messages are examined through this. It never fails because of a message, only because of the machine.
/// A clone is the same pool.
#[derive(Clone)]
pub struct Pool {
    state: Arc<Mutex<State>>,
    turns: Turns,
    restart: Arc<tokio::sync::Mutex<()>>,
    /// For one message and one try.
    deadline: Duration,
}

struct State {
    nursery: Arc<Nursery>,
    /// Workers of `nursery` that wait for a message.
    idle: Vec<Worker>,
    losses: BTreeMap<Loss, u64>,
}

/// The right to have one parcel of messages examined: held before more is fetched, it bounds the memory.
pub struct Permit {
    pool: Pool,
    standing: Standing,
    place: Place,
}

/// A parcel whose turn has come.
struct AtWork {
    pool: Pool,
    standing: Standing,
    turn: Turn,
}

/// The machine failed, not the message: it may be asked again later.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    #[error(transparent)]
    Fork(#[from] ForkError),
    #[error("no memory for messages on their way to the scan process: {0}")]
    Memory(#[source] io::Error),
    #[error("the scan process was lost and does not start again: {0}")]
    Restart(#[source] StartError),
}

impl Pool {
    /// At most `workers` messages are examined at once; each try of one ends `deadline` after it began.
    pub fn new(nursery: Nursery, workers: usize, deadline: Duration) -> Self {
        let state = State { nursery: Arc::new(nursery), idle: Vec::new(), losses: BTreeMap::new() };
        Self { state: Arc::new(Mutex::new(state)), turns: Turns::new(workers), restart: Arc::default(), deadline }
    }

    /// Waits until a worker is free.
    pub async fn permit(&self) -> Permit {
        let standing = Standing::default();
        Permit { place: self.turns.place_at_work(&standing).await, standing, pool: self.clone() }
    }

    /// Waits until these messages of a mailbox of this standing may wait for a worker; what becomes of them changes it. A large
    /// one does not wait in memory: it waits here until a worker is free.
    pub async fn permit_for(&self, standing: &Standing, messages: &[Message]) -> Permit {
        let is_small = messages.iter().all(|message| message.on_heap().is_some());
        let place = if is_small { self.turns.place(standing).await } else { self.turns.place_at_work(standing).await };
        Permit { pool: self.clone(), standing: standing.clone(), place }
    }

    /// How many small messages make a parcel: what a worker is asked for at once costs one turn of the scheduler.
    pub fn parcel(&self) -> usize {
        MAX_PARCEL.min(self.state().nursery.messages_per_worker() as usize)
    }

    /// Waits for a worker and has `messages` examined. Whatever a message does, there is a report: of one that
    /// ends two workers, or misses two deadlines, it says so.
    ///
    /// # Errors
    /// When the machine gives no scan process.
    pub async fn examine(&self, messages: &[Message], want_facts: bool) -> Result<Vec<Report>, PoolError> {
        self.permit().await.examine(messages, want_facts).await
    }

    /// Hot reload: from now on messages go to workers of `nursery`; those at work finish first.
    pub fn replace(&self, nursery: Nursery) {
        let old = self.state().install(Arc::new(nursery));
        drop(old);
    }

    /// The same rules and lists as they are on that day: what ends with a day ends then, and what begins begins. Says whether it
    /// is another day than theirs.
    ///
    /// # Errors
    /// When there is no nursery for it; the one in force stays then.
    pub async fn turn_to(&self, today: Date) -> Result<bool, StartError> {
        let _first = self.restart.lock().await;
        let before = Arc::clone(&self.state().nursery);
        if before.today() == today {
            return Ok(false);
        }
        self.succeed(&before, before.on(today).await?);
        Ok(true)
    }

    /// What the nursery in force has compiled.
    pub fn rule_set(&self) -> RuleSet {
        self.state().nursery.rule_set().clone()
    }

    pub fn cage(&self) -> Cage {
        *self.state().nursery.cage()
    }

    /// How many workers were lost, and how, since the start.
    pub fn losses(&self) -> BTreeMap<Loss, u64> {
        self.state().losses.clone()
    }

    /// A panic inside the lock is impossible short of exhausted memory, and leaves a state that is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn try_once<T: Claim>(&self, mut worker: Worker, messages: &[Message], request: &Request) -> Result<Result<T, Loss>, PoolError> {
        Ok(match worker.ask(messages, request, Instant::now() + self.deadline).await.map_err(PoolError::Memory)? {
            Ok(claim) => {
                self.keep(worker);
                Ok(claim)
            }
            Err(failure) => Err(self.lose(worker, failure).await),
        })
    }

    fn keep(&self, worker: Worker) {
        let mut state = self.state();
        if worker.may_serve(1, &state.nursery) {
            state.idle.push(worker);
        }
    }

    async fn lose(&self, worker: Worker, failure: Failure) -> Loss {
        let loss = worker.lost(failure).await;
        tracing::warn!(%loss, "a scan process ended with its message");
        *self.state().losses.entry(loss).or_default() += 1;
        loss
    }

    async fn fresh(&self) -> Result<Worker, PoolError> {
        let nursery = Arc::clone(&self.state().nursery);
        match Worker::fork(Arc::clone(&nursery)).await {
            Err(ForkError::NurseryGone) => Ok(Worker::fork(self.restarted(&nursery).await?).await?),
            forked => Ok(forked?),
        }
    }

    /// The nursery after `lost`: whoever notices first starts it, the others wait.
    async fn restarted(&self, lost: &Arc<Nursery>) -> Result<Arc<Nursery>, PoolError> {
        let _first = self.restart.lock().await;
        let in_force = || Arc::clone(&self.state().nursery);
        if !Arc::ptr_eq(&in_force(), lost) {
            return Ok(in_force());
        }
        tracing::warn!("the process that starts scan processes is gone, starting it again");
        self.succeed(lost, lost.again().await.map_err(PoolError::Restart)?);
        Ok(in_force())
    }

    /// Puts a nursery in the place of the one that it was started after; where a reload came first, that one stays.
    fn succeed(&self, before: &Arc<Nursery>, after: Nursery) {
        let idle = {
            let mut state = self.state();
            if Arc::ptr_eq(&state.nursery, before) { state.install(Arc::new(after)) } else { Vec::new() }
        };
        drop(idle);
    }
}

impl Permit {
    /// As [`Pool::examine`]. The reports are in the order of the messages.
    ///
    /// # Errors
    /// As [`Pool::examine`].
    pub async fn examine(self, messages: &[Message], want_facts: bool) -> Result<Vec<Report>, PoolError> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let mut at_work = self.turn().await;
        let loss = match at_work.ask(messages, &about(messages, want_facts)).await? {
            Ok(reports) => {
                at_work.standing.went_well();
                return Ok(reports);
            }
            Err(loss) => loss,
        };
        if loss == Loss::Deadline {
            at_work.standing.stalled();
        }
        // One of them did it, or an earlier message: each once more, alone.
        let mut reports = Vec::with_capacity(messages.len());
        for message in messages {
            if at_work.standing.stalls() && messages.len() > 1 {
                at_work = at_work.again().await;
            }
            let alone = std::slice::from_ref(message);
            let tried = at_work.ask_alone(alone, &about(alone, want_facts)).await?;
            if matches!(tried, Err(Loss::Deadline)) {
                at_work.standing.stalled();
            }
            reports.push(tried.map_or_else(|loss| Some(Report::unread(loss.reason())), |mut report: Vec<_>| report.pop()));
        }
        Ok(reports.into_iter().flatten().collect())
    }

    /// The digests of a file that lies in no message, or why there are none.
    ///
    /// # Errors
    /// As [`Pool::examine`].
    pub async fn fingerprint(self, file: &Message) -> Result<Result<Fingerprint, Reason>, PoolError> {
        self.about_file(file, &Request::File).await
    }

    /// Why lists know a file that lies in no message, or do not; or why that is not known.
    ///
    /// # Errors
    /// As [`Pool::examine`].
    pub async fn sighting(self, file: &Message) -> Result<Result<Sighting, Reason>, PoolError> {
        self.about_file(file, &Request::Sighting).await
    }

    async fn about_file<T>(self, file: &Message, request: &Request) -> Result<Result<T, Reason>, PoolError>
    where
        Result<T, Reason>: Claim,
    {
        let (file, at_work) = (std::slice::from_ref(file), self.turn().await);
        if let Ok(answer) = at_work.ask(file, request).await? {
            return Ok(answer);
        }
        let tried: Result<Result<_, _>, Loss> = at_work.ask_alone(file, request).await?;
        Ok(tried.map_err(Loss::reason).flatten())
    }

    /// What is found in a message of the asker's own, and why.
    ///
    /// # Errors
    /// As [`Pool::examine`].
    pub async fn explain(self, message: &Message) -> Result<Explained, PoolError> {
        let (message, at_work) = (std::slice::from_ref(message), self.turn().await);
        if let Ok(explained) = at_work.ask(message, &Request::Explain).await? {
            return Ok(explained);
        }
        let tried: Result<_, Loss> = at_work.ask_alone(message, &Request::Explain).await?;
        Ok(tried.unwrap_or_else(|loss| Explained { report: Report::unread(loss.reason()), traces: Vec::new() }))
    }

    /// What a message is made of; `with_text` for one of the asker's own.
    ///
    /// # Errors
    /// As [`Pool::examine`].
    pub async fn tree(self, message: &Message, with_text: bool) -> Result<Tree, PoolError> {
        let (message, at_work) = (std::slice::from_ref(message), self.turn().await);
        if let Ok(tree) = at_work.ask(message, &Request::Tree { with_text }).await? {
            return Ok(tree);
        }
        let tried: Result<_, Loss> = at_work.ask_alone(message, &Request::Tree { with_text }).await?;
        Ok(tried.unwrap_or_else(|loss| Tree::unread(Incomplete { part: String::new(), reason: loss.reason() })))
    }

    /// Waits until a worker is free.
    async fn turn(self) -> AtWork {
        let Self { pool, standing, place } = self;
        let turn = pool.turns.come(place, &standing).await;
        AtWork { pool, standing, turn }
    }
}

impl AtWork {
    /// Lets others go first: each of many messages may stall for as long as the deadline allows. They are small, and wait in
    /// memory; a large one travels alone, and is not kept any longer.
    async fn again(self) -> Self {
        let Self { pool, standing, turn } = self;
        drop(turn);
        let turn = pool.turns.take(&standing).await;
        Self { pool, standing, turn }
    }

    /// Asks a worker that waits for a message, if there is one that may serve all of them.
    async fn ask<T: Claim>(&self, messages: &[Message], request: &Request) -> Result<Result<T, Loss>, PoolError> {
        let warm = {
            let mut state = self.pool.state();
            let state = &mut *state;
            state.idle.pop().filter(|worker| worker.may_serve(request.count(), &state.nursery))
        };
        match warm {
            Some(worker) => self.pool.try_once(worker, messages, request).await,
            None => self.ask_alone(messages, request).await,
        }
    }

    /// Asks a worker that has seen no other message.
    async fn ask_alone<T: Claim>(&self, messages: &[Message], request: &Request) -> Result<Result<T, Loss>, PoolError> {
        let fresh = self.pool.fresh().await?;
        self.pool.try_once(fresh, messages, request).await
    }
}

fn about(messages: &[Message], want_facts: bool) -> Request {
    Request::Messages { want_facts, sizes: messages.iter().map(Message::size).collect() }
}

impl State {
    /// Returns the idle workers of the nursery before, to be ended.
    fn install(&mut self, nursery: Arc<Nursery>) -> Vec<Worker> {
        self.nursery = nursery;
        std::mem::take(&mut self.idle)
    }
}
