//! What every command begins with that looks into files by itself: the rules, the lists and the cage.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use clap::Args;

use super::Failure;
use crate::config::{self, Config};
use crate::watch;
use crate::wire::Bundle;
use crate::worker::{CageOptions, Nursery, Pool};

/// Where the package puts what is used unless somebody names another place.
const SHARED: &str = "/usr/share/mailwarden";
/// For one message, unless a configuration says otherwise.
const DEADLINE: Duration = Duration::from_secs(30);
/// The largest message or file that is looked into, unless a configuration says otherwise. In octets.
pub const LARGEST: u64 = 150 << 20;

#[derive(Clone, Debug, Args)]
pub(super) struct CageArgs {
    /// Go on although this kernel cannot cage the scan processes.
    #[arg(long)]
    pub allow_uncaged: bool,
}

/// Whose rules and lists are used.
#[derive(Clone, Debug, Args)]
pub(super) struct Sources {
    /// Use the rules, the lists and the policy of this configuration.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The directory of lists of digests. Without it the configuration's; or `hashsets` here, else the package's.
    #[arg(long, value_name = "DIR")]
    hashsets: Option<PathBuf>,
    /// The folder of a model that says what sentences mean. Without it the configuration's, if that names one.
    #[arg(long, value_name = "FOLDER")]
    meaning: Option<PathBuf>,
    #[command(flatten)]
    cage: CageArgs,
}

/// Everything that a pool of caged workers is started from.
pub(super) struct Caged {
    /// `None` when nobody named one.
    pub config: Option<Config>,
    pub bundle: Bundle,
    /// The directories that the rules of it come from.
    pub rules: Vec<PathBuf>,
    pub options: CageOptions,
    workers: usize,
    deadline: Duration,
}

impl Sources {
    /// `rules`: the directories that were named, if any.
    ///
    /// # Errors
    /// Every fault of the configuration, and every directory that cannot be read.
    pub fn open(self, rules: Vec<PathBuf>) -> Result<Caged, Failure> {
        let config = self.config.as_deref().map(Config::load).transpose().map_err(Failure::config)?;
        let scan = config.as_ref().map(|config| &config.scan);
        let rules = match scan {
            _ if !rules.is_empty() => rules,
            Some(scan) => scan.rules.clone(),
            None => here_or_shared("rules").into_iter().collect(),
        };
        let hashsets = self.hashsets.or_else(|| scan.map_or_else(|| here_or_shared("hashsets"), |scan| scan.hashsets.clone()));
        let meaning = self.meaning.or_else(|| config.as_ref()?.meaning.clone());
        let file = config.as_ref().map(|config| config.file.as_path());
        let bundle = config::bundle(file, &rules, hashsets.as_deref(), meaning.as_deref()).map_err(Failure::config)?;
        let caged = match config {
            None => Caged::bare(bundle, &self.cage),
            Some(config) => Caged::of(config, bundle, &self.cage),
        };
        Ok(Caged { rules, ..caged })
    }
}

impl Caged {
    /// Without a configuration: as many workers as there are cores.
    pub fn bare(bundle: Bundle, cage: &CageArgs) -> Self {
        Self {
            config: None,
            bundle,
            rules: Vec::new(),
            options: CageOptions { allow_uncaged: cage.allow_uncaged, ..CageOptions::default() },
            workers: thread::available_parallelism().map_or(1, NonZeroUsize::get),
            deadline: DEADLINE,
        }
    }

    /// As the daemon is started from that configuration.
    pub fn of(config: Config, bundle: Bundle, cage: &CageArgs) -> Self {
        Self {
            options: watch::Options { allow_uncaged: cage.allow_uncaged }.cage(&config),
            workers: config.scan.workers.get(),
            deadline: config.scan.deadline,
            config: Some(config),
            ..Self::bare(bundle, cage)
        }
    }

    /// # Errors
    /// When a rule or a list has a fault, or there is no cage.
    pub async fn pool(&self) -> Result<Pool, Failure> {
        let nursery = Nursery::start(&self.bundle, &self.options).await?;
        Ok(Pool::new(nursery, self.workers, self.deadline))
    }

    /// The largest message that is looked into, in octets.
    pub fn largest(&self) -> u64 {
        self.config.as_ref().map_or(LARGEST, |config| config.watch.max_message)
    }
}

/// Runs a command that speaks to caged processes. One thread: its work is to hand over, and threads would do so at
/// the price of waking each other.
///
/// # Errors
/// The command's own.
pub(super) fn block_on<T>(command: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime
        .map_err(|error| Failure::world("the command does not start", &error, "look at the limits of processes and memory"))?
        .block_on(command)
}

fn here_or_shared(name: &str) -> Option<PathBuf> {
    [PathBuf::from(name), Path::new(SHARED).join(name)].into_iter().find(|directory| directory.is_dir())
}
