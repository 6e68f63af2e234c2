//! `mailwarden review`: the desk in the browser, a process and a user of its own.

use std::sync::Arc;

use clap::Args;
use listenfd::ListenFd;

use super::{ConfigFile, Failure, shelf};
use crate::config::{Config, Review as Settings};
use crate::desk::DeskError;
use crate::review::{Review as Desk, ServeError, serve};

/// Serve the safeguarding lead's desk to browsers.
///
/// It reads facts and sealed files, and has no password of any mailbox and no key that opens anything. It listens where
/// `[review]` says, or on the socket that systemd hands to it. Stops on SIGTERM and SIGINT.
#[derive(Debug, Args)]
pub(super) struct Review {
    #[command(flatten)]
    config: ConfigFile,
}

impl Review {
    pub fn run(&self) -> Result<(), Failure> {
        let (config, settings) = settings(&self.config)?;
        shelf::require_owner_of(&settings.directory)?;
        let desk = Arc::new(Desk::new(config, settings.clone())?);
        let handed = ListenFd::from_env().take_tcp_listener(0).map_err(|error| {
            Failure::world(
                "the socket that was handed over cannot be used",
                &error,
                "hand over a TCP socket: `ListenStream=` in a .socket unit",
            )
        })?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|error| Failure::world("the desk does not start", &error, "look at the limits of processes and memory"))?;
        let announce = |at: std::net::SocketAddr, fingerprint: Option<&str>| {
            tracing::info!(%at, origin = %settings.origin(), certificate = fingerprint.unwrap_or("the proxy's"), "the desk is open");
        };
        Ok(runtime.block_on(serve(desk, handed, announce))?)
    }
}

/// The configuration as the desk may read it, and its own section of it.
///
/// # Errors
/// Every fault of the file; that there is no `[review]`.
pub(super) fn settings(file: &ConfigFile) -> Result<(Config, Settings), Failure> {
    let config = Config::load_without_passwords(&file.config).map_err(Failure::config)?;
    let Some(settings) = config.review.clone() else {
        let hint = "add [review] with `host = \"safeguarding.school.example\"`; docs/technician.md shows a whole one";
        let mut failure = Failure::world("there is no desk", &"the configuration has no [review]", hint);
        failure.exit = super::Exit::Config;
        return Err(failure);
    };
    Ok((config, settings))
}

impl From<DeskError> for Failure {
    fn from(error: DeskError) -> Self {
        let hint = match &error {
            DeskError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                "make the directory that `directory` of [review] names"
            }
            DeskError::Io { .. } => "run the command as the user of the desk: `sudo -u mailwarden-review mailwarden …`",
            _ => "",
        };
        Self::world("the desk refuses", &error, hint)
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        let hint = match &error {
            ServeError::Certificate(..) => "name a certificate and its key, both PEM, that the user of the desk may read",
            ServeError::Listen(..) => "choose another address or port with `listen` of [review]",
            ServeError::Socket(_) => "",
        };
        Self::world("the desk does not open", &error, hint)
    }
}
