//! From a line of the configuration to an open session.

use std::sync::Arc;

use tokio_rustls::rustls::ClientConfig;

use super::Trouble;
use super::imap::{self, Limits, Session, TlsError};
use crate::config::{Login, Password, Server, Watch, Watched};

/// Whom the connections to a server trust.
///
/// # Errors
/// When there is no certificate to trust.
pub fn trust(server: &Server) -> Result<Arc<ClientConfig>, TlsError> {
    match &server.ca_file {
        Some(file) => imap::trust_file(file),
        None => imap::trust_system(),
    }
}

/// Connects and logs in. The password is read anew, so that a changed one needs no restart.
///
/// # Errors
/// Whatever keeps this mailbox, or its whole server, out of reach.
pub async fn connect(watched: &Watched, watch: &Watch, tls: Arc<ClientConfig>) -> Result<Session, Trouble> {
    let server = &watched.server;
    let limits = Limits { large: watch.large_message, message: watch.max_message, ..Limits::default() };
    let server = imap::Server { host: server.host.clone(), port: server.port, security: server.security, tls, limits };
    let secret = |password: &Password| password.read().map_err(Trouble::Password);
    let login = match &watched.login {
        Login::Own { user, password } => imap::Login::Password { user: user.clone(), password: secret(password)? },
        Login::Master { user, master, separator, password } => {
            imap::Login::Master { user: user.clone(), master: master.clone(), separator: separator.clone(), password: secret(password)? }
        }
    };
    let mut session = Session::connect(&server).await?;
    session.login(&login).await?;
    Ok(session)
}
