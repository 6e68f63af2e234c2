//! What the daemon and the nursery of its workers say to each other: one order, one answer, in turn.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// The first argument of a process that is to be a nursery.
pub const NURSERY_ROLE: &str = "scan-nursery";

/// From the daemon to the nursery. The first is `Check`, `Compile`, `Learn` or `Test`; it is answered by two frames, what cage there is
/// (`Result<Cage, CageError>`) and what became of the bundle (`Compiled`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    /// Compile, and hold every rule against its own examples. Beside it travels the bundle as a sealed memory file;
    /// there are no further orders.
    Check,
    /// Beside it travels the bundle as a sealed memory file. It is compiled as it is on that day, whatever day it was gathered.
    Compile { today: Date },
    /// Kill this worker if it still runs, and say how it ended.
    End { worker: u32 },
    /// Learn weights. Beside it travel the lessons as a sealed memory file; answered by the weights as they are written
    /// (`Result<Learnt, Vec<Fault>>`) in place of `Compiled`, and there are no further orders.
    Learn,
    /// Start a worker. Beside it travels the socket on which the worker is to serve.
    Fork,
    /// As `Check`, answered with every rule and its examples (`Result<Vec<Tested>, Vec<Fault>>`) in place of `Compiled`.
    Test,
}

/// What the nursery did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Done {
    /// The worker's wait status, as `waitpid` gives it.
    Ended {
        status: i32,
    },
    /// The kernel's error number.
    Failed {
        errno: i32,
    },
    Forked {
        worker: u32,
    },
}
