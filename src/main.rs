//! The door: picks the role of this process, and turns failure into an exit code.

use std::process::ExitCode;

use mailwarden::{cli, scan, wire};
use tokio_rustls::rustls::crypto::ring;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|role| role == wire::NURSERY_ROLE) {
        scan::nursery::run()
    }
    // A second provider in one process is a mistake of ours, and the first one stays.
    let _ = ring::default_provider().install_default();
    cli::run(std::env::args_os())
}
