//! A caged scan process seen from outside: started, asked, held to a deadline and put down.
//!
//! The daemon starts one nursery, in which the rules are compiled; the nursery forks workers; a worker
//! examines messages, one at a time. No word of a worker's is logged: what went wrong is a [`Loss`].

mod answer;
mod errand;
mod line;
mod nursery;
mod one;
mod parcel;
mod pool;
mod turns;

use std::fmt;
use std::path::PathBuf;

pub use errand::ForkError;
pub use line::LineError;
pub use nursery::{Nursery, Ready, StartError, World};
pub use parcel::{Packed, Packer};
pub use pool::{Permit, Pool, PoolError};
pub use turns::Standing;

use crate::finding::Reason;
use crate::sandbox::Limits;

/// How the scan processes are to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CageOptions {
    /// Go on without seccomp where the kernel has none; said aloud by `Cage`.
    pub allow_uncaged: bool,
    pub limits: Limits,
    /// Of one worker; 1 unless a single message is to be fast rather than many.
    pub threads: usize,
    /// A worker is replaced after so many messages, at least 1: a captured one can lie about few.
    pub messages_per_worker: u32,
    /// This program. `/proc/self/exe` stays the same program when an update replaces the file.
    pub executable: PathBuf,
    /// For tests of the other walls.
    #[cfg(feature = "faults")]
    pub without_seccomp: bool,
}

impl Default for CageOptions {
    fn default() -> Self {
        Self {
            allow_uncaged: false,
            limits: Limits::default(),
            threads: 1,
            messages_per_worker: 64,
            executable: "/proc/self/exe".into(),
            #[cfg(feature = "faults")]
            without_seccomp: false,
        }
    }
}

/// How a worker was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Loss {
    /// It sent what no worker of ours sends.
    Babbled,
    /// It had not answered when its time was over.
    Deadline,
    /// It ended by itself, with this code, before it had answered.
    Exit(i32),
    /// The examination panicked.
    Panicked,
    /// The kernel ended it: 31 (`SIGSYS`) is the cage, 6 (`SIGABRT`) memory, 11 (`SIGSEGV`) stack or address.
    Signal(i32),
    /// Its nursery was lost, and it with it.
    WithNursery,
}

impl Loss {
    pub fn reason(self) -> Reason {
        if self == Self::Deadline { Reason::Deadline } else { Reason::WorkerDied }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Babbled => f.write_str("sent what no scan process of ours sends"),
            Self::Deadline => f.write_str("missed its deadline"),
            Self::Exit(code) => write!(f, "ended with exit code {code}"),
            Self::Panicked => f.write_str("panicked"),
            Self::Signal(libc::SIGSYS) => f.write_str("was ended by its cage (SIGSYS)"),
            Self::Signal(libc::SIGABRT) => f.write_str("ran out of memory (SIGABRT)"),
            Self::Signal(signal) => write!(f, "was ended by signal {signal}"),
            Self::WithNursery => f.write_str("was lost with the process that started it"),
        }
    }
}
