//! A nursery from outside: started with a bundle, asked for workers, and startable again from the same bundle.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use serde::de::DeserializeOwned;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::errand::{self, Errand, ForkError};
use super::line::{Line, LineError};
use super::one::Worker;
use super::{CageOptions, Loss};
use crate::fault::Fault;
use crate::finding::{Report, RulesInForce};
use crate::sandbox::{Cage, CageError};
use crate::wire::{self, Bundle, Compiled, Learnt, Lessons, Message, Order, Parcel, Request, RuleSet, Tested};

/// For compiling every rule and reading every list.
const START_DEADLINE: Duration = Duration::from_mins(1);
/// For going through all samples many times.
const LEARN_DEADLINE: Duration = Duration::from_hours(1);
/// What a nursery's first worker examines before the nursery is relied upon.
const TRIAL: &[u8] = b"Subject: trial\r\n\r\nThis message tries the cage.\r\n";

/// A running nursery. It ends when this and all of its workers are dropped.
pub struct Nursery {
    errands: mpsc::UnboundedSender<Errand>,
    cage: Cage,
    rule_set: RuleSet,
    rules: RulesInForce,
    bundle: Arc<Message>,
    /// Of which the bundle is compiled.
    today: Date,
    options: CageOptions,
}

/// Rules and lists without a fault.
pub struct Ready {
    pub set: RuleSet,
    /// Empty where the rules were checked.
    pub rules: RulesInForce,
    /// What may stay as it is, and is said aloud; only where the rules were checked.
    pub notes: Vec<Fault>,
}

/// Why there is no nursery.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Rules or lists have faults: all of them, each with its place.
    #[error("the rules have {} faults", .0.len())]
    Refused(Vec<Fault>),
    #[error(transparent)]
    World(#[from] World),
}

/// What failed outside of the rules.
#[derive(Debug, thiserror::Error)]
pub enum World {
    #[error("no cage, so nothing is scanned: {0}")]
    Cage(#[from] CageError),
    #[error("the scan process was not ready within {} seconds", .0.as_secs())]
    Deadline(Duration),
    #[error("the scan process ended while it compiled the rules ({0})")]
    Ended(ExitStatus),
    #[error("the scan process did not start: {0}")]
    Line(#[from] LineError),
    #[error("no memory for the rules: {0}")]
    Memory(#[source] io::Error),
    #[error("cannot run `{executable}` as scan process: {source}")]
    Spawn { executable: PathBuf, source: io::Error },
    #[error("the first scan process {0}")]
    Trial(Loss),
    #[error(transparent)]
    Worker(#[from] ForkError),
}

impl Nursery {
    /// Starts a nursery, has it compile `bundle`, and has its first worker examine a message of our own: a
    /// nursery that is returned has been seen to work on this machine.
    ///
    /// # Errors
    /// When the bundle has faults, or the machine gives no process or no cage.
    pub async fn start(bundle: &Bundle, options: &CageOptions) -> Result<Self, StartError> {
        let today = bundle.today;
        let (bundle, options) = sealed(bundle, options)?;
        Self::start_sealed(Arc::new(bundle), today, options).await
    }

    /// Has a nursery of its own compile `bundle` and hold every rule against its own examples: what would be in force,
    /// and what there is to say about it.
    ///
    /// # Errors
    /// As [`Nursery::start`]; an example that fails is a fault of its rule.
    pub async fn check(bundle: &Bundle, options: &CageOptions) -> Result<Ready, StartError> {
        let (bundle, options) = sealed(bundle, options)?;
        let (_child, _line, _cage, compiled) = spawn_with(Order::Check, &bundle, START_DEADLINE, &options).await?;
        ready(compiled)
    }

    /// Has a nursery of its own hold every rule of `bundle` against its own examples, and say so rule by rule.
    ///
    /// # Errors
    /// As [`Nursery::start`]; examples that fail are in the answer.
    pub async fn test(bundle: &Bundle, options: &CageOptions) -> Result<Vec<Tested>, StartError> {
        let (bundle, options) = sealed(bundle, options)?;
        let (_child, _line, _cage, tested) = spawn_with::<Result<_, _>>(Order::Test, &bundle, START_DEADLINE, &options).await?;
        tested.map_err(StartError::Refused)
    }

    /// Has a nursery of its own learn weights, and gives them as they are written into their files.
    ///
    /// # Errors
    /// As [`Nursery::start`]; a model that cannot be used is a fault.
    pub async fn learn(lessons: &Lessons, options: &CageOptions) -> Result<Learnt, StartError> {
        let mut options = options.clone();
        options.limits.shared = lessons.shared_octets();
        let lessons = lessons.seal().map_err(World::Memory)?;
        let (_child, _line, _cage, learnt) = spawn_with::<Result<_, _>>(Order::Learn, &lessons, LEARN_DEADLINE, &options).await?;
        learnt.map_err(StartError::Refused)
    }

    /// # Errors
    /// As [`Nursery::start`].
    pub(super) async fn again(&self) -> Result<Self, StartError> {
        self.on(self.today).await
    }

    /// Of the same bundle, as it is on that day.
    ///
    /// # Errors
    /// As [`Nursery::start`].
    pub(super) async fn on(&self, today: Date) -> Result<Self, StartError> {
        Self::start_sealed(Arc::clone(&self.bundle), today, self.options.clone()).await
    }

    pub(super) fn today(&self) -> Date {
        self.today
    }

    pub fn rule_set(&self) -> &RuleSet {
        &self.rule_set
    }

    /// What its workers may say was found.
    pub fn rules(&self) -> &RulesInForce {
        &self.rules
    }

    pub fn cage(&self) -> &Cage {
        &self.cage
    }

    pub(super) fn messages_per_worker(&self) -> u32 {
        self.options.messages_per_worker.max(1)
    }

    /// Forks a worker that serves on `socket`, and gives its number.
    pub(super) async fn fork(&self, socket: OwnedFd) -> Result<u32, ForkError> {
        let (forked, answer) = oneshot::channel();
        self.errands.send(Errand::Fork { socket, forked }).map_err(|_| ForkError::NurseryGone)?;
        Ok(answer.await.map_err(|_| ForkError::NurseryGone)??)
    }

    /// Ends a worker, whether it still runs or not, without waiting for it.
    pub(super) fn end(&self, worker: u32) {
        let _ = self.errands.send(Errand::End { worker, ended: None });
    }

    /// Ends a worker and says how it ended; `None` when the nursery is gone, and the worker with it.
    pub(super) async fn ended(&self, worker: u32) -> Option<ExitStatus> {
        let (ended, answer) = oneshot::channel();
        self.errands.send(Errand::End { worker, ended: Some(ended) }).ok()?;
        answer.await.ok()
    }

    async fn start_sealed(bundle: Arc<Message>, today: Date, options: CageOptions) -> Result<Self, StartError> {
        let (child, line, cage, compiled) = spawn_with(Order::Compile { today }, &bundle, START_DEADLINE, &options).await?;
        let Ready { set: rule_set, rules, .. } = ready(compiled)?;
        let (errands, queue) = mpsc::unbounded_channel();
        tokio::spawn(errand::attend(child, line, queue));
        let nursery = Arc::new(Self { errands, cage, rule_set, rules, bundle, today, options });
        trial(&nursery).await?;
        // The trial's worker is gone, and with it the only other holder.
        Arc::into_inner(nursery).ok_or_else(|| World::Worker(ForkError::NurseryGone).into())
    }
}

/// A bundle as it travels, and the room that its lists take beside what a scan process may use up.
fn sealed(bundle: &Bundle, options: &CageOptions) -> Result<(Message, CageOptions), World> {
    let mut options = options.clone();
    options.limits.shared = bundle.shared_octets();
    Ok((bundle.seal().map_err(World::Memory)?, options))
}

/// Starts a nursery with its first order, and waits for what it says of the bundle.
async fn spawn_with<T: DeserializeOwned>(
    first: Order,
    bundle: &Message,
    deadline: Duration,
    options: &CageOptions,
) -> Result<(Child, Line, Cage, T), StartError> {
    let (mut line, far) = Line::pair().map_err(|source| World::Spawn { executable: options.executable.clone(), source })?;
    let mut child = spawn(far.into(), options)?;
    let answered = timeout(deadline, hand_over(&mut line, first, bundle)).await.map_err(|_| World::Deadline(deadline))?;
    match answered {
        Err(StartError::World(World::Line(LineError::Closed))) => Err(ended(&mut child).await.into()),
        Err(error) => Err(error),
        Ok((cage, answer)) => Ok((child, line, cage, answer)),
    }
}

/// It is killed with its handle, so that none is left when starting fails half-way; and it ends when the
/// channel closes. It is not told to die with its parent, which would be the one thread that happened to start it.
fn spawn(channel: OwnedFd, options: &CageOptions) -> Result<Child, World> {
    let mut command = Command::new(&options.executable);
    command
        .arg(wire::NURSERY_ROLE)
        .arg(options.limits.memory.to_string())
        .arg(options.limits.shared.to_string())
        .arg(options.limits.cpu.as_secs().to_string())
        .arg(options.threads.to_string())
        .arg(options.messages_per_worker.max(1).to_string())
        .arg(options.allow_uncaged.to_string());
    #[cfg(feature = "faults")]
    if options.without_seccomp {
        command.arg("without-seccomp");
    }
    command
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(channel))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| World::Spawn { executable: options.executable.clone(), source })
}

async fn hand_over<T: DeserializeOwned>(line: &mut Line, first: Order, bundle: &Message) -> Result<(Cage, T), StartError> {
    let parcel = Parcel::of(std::slice::from_ref(bundle)).map_err(World::Memory)?;
    line.say(&first, Some(parcel.as_fd())).await.map_err(World::Line)?;
    let cage = line.hear::<Result<Cage, CageError>>().await.map_err(World::Line)?.map_err(World::Cage)?;
    Ok((cage, line.hear().await.map_err(World::Line)?))
}

fn ready(compiled: Compiled) -> Result<Ready, StartError> {
    match compiled {
        Compiled::Ready { set, rules, notes } => Ok(Ready { set, rules: rules.into_iter().collect(), notes }),
        Compiled::Refused(faults) => Err(StartError::Refused(faults)),
    }
}

/// How a nursery ended that closed its channel; killed if it closed that alone.
async fn ended(child: &mut Child) -> World {
    match timeout(Duration::from_secs(1), child.wait()).await {
        Ok(Ok(status)) => World::Ended(status),
        _ => World::Line(LineError::Closed),
    }
}

async fn trial(nursery: &Arc<Nursery>) -> Result<(), World> {
    let message = [Message::from_octets(TRIAL).map_err(World::Memory)?];
    let request = Request::Messages { want_facts: false, sizes: vec![TRIAL.len() as u64] };
    let mut worker = Worker::fork(Arc::clone(nursery)).await?;
    match worker.ask::<Vec<Report>>(&message, &request, Instant::now() + START_DEADLINE).await.map_err(World::Memory)? {
        Ok(_) => Ok(()),
        Err(failure) => Err(World::Trial(worker.lost(failure).await)),
    }
}
