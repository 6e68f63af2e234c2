//! What mailboxes cost, over a real IMAP server and over one that plays 20,000: a backlog, quiet mailboxes, many of them, and how soon what must
//! not be read is gone.

#![allow(clippy::cast_precision_loss, reason = "no figure has more than three digits")]

mod arrival;
mod backlog;
mod crowd;
mod flight;
#[allow(dead_code, reason = "each bench uses its share")]
#[path = "../peers/mod.rs"]
mod peers;
mod quiet;

use std::process::ExitCode;

fn main() -> ExitCode {
    peers::figure::take(&[
        ("mailbox.backlog", backlog::school_day),
        ("mailbox.backlog-text", backlog::text),
        ("mailbox.poll", quiet::poll),
        ("mailbox.idle-memory", quiet::idle_memory),
        ("mailbox.idle-time", quiet::idle_time),
        ("mailbox.many", crowd::poll),
        ("mailbox.held-idle", arrival::with_idle),
        ("mailbox.held-polled", arrival::polled),
        ("mailbox.large", flight::large),
    ])
}
