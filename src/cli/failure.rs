//! How a command fails: what is told, and with which exit code.

use std::io;

use crate::fault::Fault;

/// Exit codes, after `sysexits.h`: 0 is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// A disk, a server or a missing permission.
    World = 1,
    /// The command line makes no sense.
    Usage = 64,
    /// Something that a person wrote: the configuration, a rule, a list.
    Config = 78,
}

/// Ends a command. Everything that is wrong is told at once, in four lines each.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub faults: Vec<Fault>,
}

impl Failure {
    pub fn config(faults: Vec<Fault>) -> Self {
        Self { exit: Exit::Config, faults }
    }

    /// The world failed: in a few words what, why, and what to do now.
    pub fn world(what: impl Into<String>, why: &dyn ToString, hint: impl Into<String>) -> Self {
        let fault = Fault { what: what.into(), at: None, why: why.to_string(), hint: hint.into() };
        Self { exit: Exit::World, faults: vec![fault] }
    }
}

/// Whoever read the output has gone, or the disk that it goes to is full.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self { exit: Exit::World, faults: Vec::new() },
            _ => Self::world("the output cannot be written", &error, "make room where it goes to"),
        }
    }
}
