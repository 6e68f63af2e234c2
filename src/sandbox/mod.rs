//! The cage around every process that reads what a stranger wrote: no file, no network, no other program.
//!
//! Three walls, each of which holds alone what it can: seccomp (required), landlock (as far as the kernel
//! has it) and resource limits. This is the one room that may hold `unsafe`: a cage is made of system calls.
#![allow(unsafe_code)]

#[cfg(feature = "faults")]
pub mod attacks;
mod landlock;
mod mapped;
mod pass;
mod process;
mod seccomp;
mod tray;

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use mapped::Mapped;
pub use pass::{receive, send, send_all};
pub use process::{Fork, end, fork, give_memory_back, leave, take_channel, until_alone};
pub use tray::{Tray, TrayView};

/// Proof that this process is caged, or that somebody said `--allow-uncaged`: only [`enter`] makes one.
#[derive(Debug)]
pub struct Caged(());

/// How strong the cage is on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cage {
    /// Seccomp, and landlock with the ABI that kernel and program share; `None` on a kernel without it.
    Enforced { landlock: Option<u8> },
    /// This kernel gives no seccomp filter, and the technician allowed to go on without.
    Uncaged,
}

/// What one scan process may use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Address space in octets. What the rules take before the first message is held to half of it, so
    /// that a worker always finds as much again.
    pub memory: u64,
    /// What is shared with every other scan process, in octets of address space: compiled lists. Not part of `memory`.
    pub shared: u64,
    /// Processor time for each message that a worker may serve, in whole seconds, at least 1. The third
    /// line only: the deadline of one message is kept outside the cage.
    pub cpu: Duration,
}

/// Why there is no cage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum CageError {
    #[error("the kernel refused the landlock domain: {0}")]
    Landlock(String),
    #[error("the kernel refused to harden the scan process: {0}")]
    Process(String),
    #[error("the kernel refused the seccomp filter: {0}")]
    Seccomp(String),
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 512 << 20, shared: 0, cpu: Duration::from_secs(20) }
    }
}

impl fmt::Display for Cage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enforced { landlock: Some(abi) } => write!(f, "seccomp, landlock ABI {abi}"),
            Self::Enforced { landlock: None } => f.write_str("seccomp, no landlock"),
            Self::Uncaged => f.write_str("NONE: --allow-uncaged"),
        }
    }
}

#[cfg(test)]
impl Caged {
    /// For tests of parsers, which run on samples of our own.
    pub fn for_tests() -> Self {
        Self(())
    }
}

/// Locks this process in for good; `messages` says how many it is to serve.
///
/// The order matters. Landlock binds one thread (before its ABI 8), so it comes while there is one; threads
/// come before seccomp, so `clone` is not on the list; seccomp comes last, because it bars all of the above.
/// A worker inherits its nursery's landlock domain by `fork` and enters one of its own below it, so that it
/// can signal neither the nursery nor its siblings.
///
/// # Errors
/// When the kernel refuses a wall, unless it is seccomp and `allow_uncaged` is set.
pub fn enter(limits: Limits, messages: u32, allow_uncaged: bool, start_threads: impl FnOnce()) -> Result<(Caged, Cage), CageError> {
    process::harden().map_err(|e| CageError::Process(e.to_string()))?;
    process::die_with_parent().map_err(|e| CageError::Process(e.to_string()))?;
    process::keep_memory();
    let cpu = limits.cpu.as_secs().max(1).saturating_mul(u64::from(messages.max(1)));
    process::limit(RESERVED + limits.shared + limits.memory, 0, cpu).map_err(|e| CageError::Process(e.to_string()))?;
    let landlock = landlock::grant_nothing()?;
    start_threads();
    let cage = locked(seccomp::worker(), landlock, allow_uncaged)?;
    Ok((Caged(()), cage))
}

/// Locks the nursery in: the worker's cage, and beyond it only what starting, ending and caging workers needs.
///
/// The filter and the landlock domain are inherited by every worker; what a worker adds can only be narrower.
///
/// # Errors
/// As [`enter`].
pub fn enter_nursery(limits: Limits, allow_uncaged: bool) -> Result<Cage, CageError> {
    process::harden().map_err(|e| CageError::Process(e.to_string()))?;
    process::outlast_the_terminal();
    let half = limits.memory / 2;
    let cpu = limits.cpu.as_secs().max(1).saturating_mul(NURSERY_LIFE);
    process::limit(RESERVED + limits.shared + half, half, cpu).map_err(|e| CageError::Process(e.to_string()))?;
    let landlock = landlock::grant_nothing()?;
    locked(seccomp::nursery(), landlock, allow_uncaged)
}

/// Address space in octets that glibc sets aside for the heaps of a thread, 64 MiB each and twice as much for a moment, and
/// that is no memory until it is written to.
const RESERVED: u64 = 192 << 20;

/// In messages: a nursery compiles once and then forks, at half a millisecond each, for months.
const NURSERY_LIFE: u64 = 1 << 20;

fn locked(seccomp: Result<(), CageError>, landlock: Option<u8>, allow_uncaged: bool) -> Result<Cage, CageError> {
    match seccomp {
        Ok(()) => Ok(Cage::Enforced { landlock }),
        Err(_) if allow_uncaged => Ok(Cage::Uncaged),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_wall_is_said_aloud() {
        assert_eq!(Cage::Enforced { landlock: Some(7) }.to_string(), "seccomp, landlock ABI 7");
        assert_eq!(Cage::Enforced { landlock: None }.to_string(), "seccomp, no landlock");
        assert_eq!(Cage::Uncaged.to_string(), "NONE: --allow-uncaged");
    }

    #[test]
    fn without_seccomp_there_is_no_cage_unless_somebody_allowed_it() {
        let refused = || Err(CageError::Seccomp("function not implemented".to_owned()));
        assert_eq!(locked(refused(), Some(7), true), Ok(Cage::Uncaged));
        assert_eq!(locked(refused(), Some(7), false), Err(CageError::Seccomp("function not implemented".to_owned())));
    }
}
