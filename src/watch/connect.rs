//! From a line of the configuration to an open session.

use std::sync::Arc;

use tokio_rustls::rustls::ClientConfig;

use super::Trouble;
use super::imap::{self, ImapError, Limits, Sasl, Session, TlsError};
use super::oauth::Tokens;
use super::turns::Patience;
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

/// Connects and signs in. The password is read anew, so that a changed one needs no restart.
///
/// # Errors
/// Whatever keeps this mailbox, or its whole server, out of reach.
pub async fn connect(watched: &Watched, watch: &Watch, tls: Arc<ClientConfig>, tokens: &Tokens) -> Result<Session, Trouble> {
    let server = server(watched, watch, tls);
    loop {
        let login = credentials(&watched.login, tokens).await?;
        // On the heap: a mailbox that is connected would keep room for it as long as it is watched.
        let mut session = Box::pin(Session::connect(&server)).await?;
        let Err(error) = session.login(&login).await else { return Ok(session) };
        // A token may have been withdrawn before its time: the next one is tried at once.
        match (&error, &watched.login, &login) {
            (ImapError::LoginRefused { .. }, Login::Token { user, issuer, .. }, imap::Login::Sasl(Sasl::Token { token, .. }))
                if tokens.refused(issuer, user, token).await => {}
            _ => return Err(error.into()),
        }
    }
}

/// As [`connect`], for a command beside a daemon: where the server bears no more connections, it is tried again for a while.
///
/// # Errors
/// As [`connect`].
pub async fn connect_patiently(watched: &Watched, watch: &Watch, tls: Arc<ClientConfig>, tokens: &Tokens) -> Result<Session, Trouble> {
    let mut patience = Patience::default();
    loop {
        let connected = connect(watched, watch, Arc::clone(&tls), tokens).await;
        if !patience.tries_again(connected.as_ref().err().and_then(Trouble::crowded)).await {
            return connected;
        }
    }
}

/// The server as the IMAP client knows it.
pub(super) fn server(watched: &Watched, watch: &Watch, tls: Arc<ClientConfig>) -> imap::Server {
    let Server { host, port, security, .. } = &*watched.server;
    let limits = Limits { large: watch.large_message, message: watch.max_message, ..Limits::default() };
    imap::Server { host: host.clone(), port: *port, security: *security, tls, limits }
}

/// What the mailbox opens to, secrets included.
///
/// # Errors
/// When a password cannot be read, or nobody gives a token.
pub(super) async fn credentials(login: &Login, tokens: &Tokens) -> Result<imap::Login, Trouble> {
    let secret = |password: &Password| password.read().map_err(Trouble::Password);
    Ok(match login {
        Login::Own { user, password } => imap::Login::Password { user: user.clone(), password: secret(password)? },
        Login::Master { user, master, separator, password } => {
            imap::Login::Master { user: user.clone(), master: master.clone(), separator: separator.clone(), password: secret(password)? }
        }
        Login::Plain { name, instead_of, password } => {
            imap::Login::Sasl(Sasl::Plain { name: name.clone(), instead_of: instead_of.clone(), password: secret(password)? })
        }
        Login::Token { user, issuer, mechanism } => {
            let token = tokens.token(issuer, user).await?;
            imap::Login::Sasl(Sasl::Token { user: user.clone(), token, mechanism: *mechanism })
        }
    })
}
