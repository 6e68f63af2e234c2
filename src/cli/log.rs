//! The log: our own events, to standard error.

use std::{env, io};

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, time};
use tracing_subscriber::prelude::*;

/// Only our own events are logged: a library may name what it reads, and what it reads is somebody's mail.
pub(super) fn to_stderr(verbose: u8) {
    let level = match verbose {
        0 => Level::INFO,
        1 => Level::DEBUG,
        _ => Level::TRACE,
    };
    let ours = tracing_subscriber::registry().with(Targets::new().with_target(env!("CARGO_CRATE_NAME"), level));
    let lines = fmt::layer().with_writer(io::stderr).with_target(false).with_ansi(false);
    // systemd sets this where it keeps the log, and puts its own time before each line.
    if env::var_os("JOURNAL_STREAM").is_some() {
        ours.with(lines.without_time()).init();
    } else {
        ours.with(lines.with_timer(time::SystemTime)).init();
    }
}
