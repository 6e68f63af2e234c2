//! What the other rooms fail with, as it is told: whose turn it is, where, why, and what to do now.

use std::io;
use std::path::Path;

use super::{Exit, Failure};
use crate::casebook::CasebookError;
use crate::fault::{At, Fault, remedy_of_file};
use crate::vault::VaultError;
use crate::watch::StartFailure;
use crate::worker::{PoolError, StartError, World};

impl From<VaultError> for Failure {
    fn from(error: VaultError) -> Self {
        // Who has no key yet made no mistake.
        if matches!(error, VaultError::NoRing { .. }) {
            let hint = error.remedy();
            return Self::world("the vault refuses", &error, hint);
        }
        error.into_fault().map_or_else(
            |error| {
                let hint = error.remedy();
                Self::world("the vault refuses", &error, hint)
            },
            |fault| Self::config(vec![fault]),
        )
    }
}

impl From<CasebookError> for Failure {
    fn from(error: CasebookError) -> Self {
        let hint = error.remedy();
        match error {
            CasebookError::WrongKey { path } => {
                let what = "the casebook and the instance key do not belong together".to_owned();
                let why = "it was made with another `instance.key` than the one that is there".to_owned();
                Self::config(vec![Fault { what, at: Some(At::file(path)), why, hint }])
            }
            error => Self::world("the casebook refuses", &error, hint),
        }
    }
}

impl From<StartFailure> for Failure {
    fn from(failure: StartFailure) -> Self {
        match failure {
            StartFailure::Another(_) => {
                Self::world("mailwarden does not start", &failure, "stop the other first; `mailwarden status` says which process it is")
            }
            StartFailure::Casebook(error) => error.into(),
            StartFailure::Directory(fault) => Self { exit: Exit::World, faults: vec![fault] },
            StartFailure::Faults(faults) => Self::config(faults),
            StartFailure::Key { path, source } => out_of_reach(&path, &source),
            StartFailure::Scan(error) => error.into(),
            StartFailure::Vault(error) => error.into(),
        }
    }
}

/// Of the folder of the state, or of the key of this installation in it.
pub(super) fn out_of_reach(path: &Path, error: &io::Error) -> Failure {
    let (exit, what, hint) = match error.kind() {
        io::ErrorKind::InvalidData => {
            let hint = "restore it from the backup: with another key neither the casebook nor the journal can be read";
            (Exit::Config, "the key of this installation cannot be used", hint)
        }
        io::ErrorKind::NotFound => {
            (Exit::World, "the state is out of reach", "run `mailwarden init` first, once, as the user of the service")
        }
        io::ErrorKind::PermissionDenied => {
            (Exit::World, "the state is out of reach", "run the command as the user of the service: `sudo -u mailwarden mailwarden …`")
        }
        _ => (Exit::World, "the state is out of reach", remedy_of_file(error)),
    };
    let fault = Fault { what: what.to_owned(), at: Some(At::file(path)), why: error.to_string(), hint: hint.to_owned() };
    Failure { exit, faults: vec![fault] }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error {
            StartError::Refused(faults) => Self::config(faults),
            StartError::World(error) => error.into(),
        }
    }
}

impl From<World> for Failure {
    fn from(error: World) -> Self {
        let hint = match &error {
            World::Cage(_) => "run on a kernel with seccomp, or type `--allow-uncaged`, which every status then says",
            World::Ended(_) => "raise `memory` of [scan]: it may be too small for the rules",
            World::Spawn { .. } => "reinstall mailwarden, and let its user run it",
            World::Trial(_) => "raise `memory` of [scan] if it is small; else the cage does not fit this kernel: see docs/technician.md",
            World::Deadline(_) | World::Line(_) | World::Memory(_) | World::Worker(_) => {
                "look at the load of this machine and at the limits of processes and memory, and try again"
            }
        };
        Self::world("the scan processes do not start", &error, hint)
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        Self::world("the scan processes failed", &error, "look at the limits of processes and memory, and try again")
    }
}
