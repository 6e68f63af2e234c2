//! What every command does first, because each may come to hold a message, a sheet or a password: sees to it that none
//! of them is written down when the program fails.

use std::panic;

use rustix::process::{DumpableBehavior, set_dumpable_behavior};

/// No core dump and no debugger of the same user's, and panics that tell where and not of what.
///
/// A limit on the size of core dumps would not do: the kernel asks for none where they go to a program.
pub(super) fn keep() {
    panic::set_hook(Box::new(|panic| {
        let at = panic.location().map(ToString::to_string);
        // Its text could quote what it stumbled over.
        tracing::error!(at, "a panic, whose words are left out");
    }));
    if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
        tracing::warn!(%error, "a core dump of this process could hold mail");
    }
}
