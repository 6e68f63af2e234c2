//! The door: picks the role, and turns failure into an exit code.

use std::process::ExitCode;

use tokio_rustls::rustls::crypto::ring;

fn main() -> ExitCode {
    // A second provider in one process is a mistake of ours, and the first one stays.
    let _ = ring::default_provider().install_default();
    mailwarden::cli::run(std::env::args_os())
}
