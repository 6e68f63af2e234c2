//! From the name of a directory to a stream that may be trusted with a password, and between it and the client of LDAP a measure.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig};

use super::ber::{is_extended_success, message};
use super::error::DirectoryError;
use crate::config::{Directory, Security};
use crate::watch::imap;

/// All answers together, in octets: a hundred thousand entries.
const MOST: usize = 256 << 20;
/// "Let us speak TLS from here on" (RFC 4511, 4.14): message 1, an extended request of that name.
const START_TLS: &[u8] = b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037";

/// What protects a conversation.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Connects, and protects the connection as the configuration wants it.
///
/// # Errors
/// When the directory is out of reach, or is not what its certificate should say.
pub(super) async fn reach(directory: &Directory) -> Result<Stream, DirectoryError> {
    let Directory { host, port, .. } = directory;
    let unknown = |kind| DirectoryError::Resolve { host: host.clone(), kind };
    let addresses: Vec<SocketAddr> = lookup_host((&**host, *port)).await.map_err(|error| unknown(error.kind()))?.collect();
    if addresses.is_empty() {
        return Err(unknown(io::ErrorKind::NotFound));
    }
    if directory.security == Security::Plaintext && !addresses.iter().all(|address| address.ip().is_loopback()) {
        return Err(DirectoryError::PlaintextRefused { host: host.clone() });
    }
    let mut tcp = TcpStream::connect(&*addresses).await.map_err(|error| unreachable(directory, error.kind()))?;
    match directory.security {
        Security::Plaintext => Ok(Stream::Plain(tcp)),
        Security::StartTls => {
            start_tls(directory, &mut tcp).await?;
            encrypt(directory, tcp).await
        }
        Security::Tls => encrypt(directory, tcp).await,
    }
}

async fn start_tls(directory: &Directory, tcp: &mut TcpStream) -> Result<(), DirectoryError> {
    let lost = |error: io::Error| match error.kind() {
        io::ErrorKind::InvalidData => DirectoryError::Malformed("it is not LDAP"),
        kind => unreachable(directory, kind),
    };
    tcp.write_all(START_TLS).await.map_err(lost)?;
    // Nothing behind the answer is read: what was sent ahead of TLS is taken for a part of it, and is none.
    let answer = message(tcp).await.map_err(lost)?.unwrap_or_default();
    if is_extended_success(&answer) { Ok(()) } else { Err(no_tls(directory, "it does not offer StartTLS")) }
}

async fn encrypt(directory: &Directory, tcp: TcpStream) -> Result<Stream, DirectoryError> {
    let name = ServerName::try_from(directory.host.clone()).map_err(|error| no_tls(directory, &error.to_string()))?;
    let tls = TlsConnector::from(trust(directory)?).connect(name, tcp).await;
    tls.map(|tls| Stream::Tls(Box::new(tls))).map_err(|error| match error.get_ref() {
        Some(inner) if inner.is::<rustls::Error>() => no_tls(directory, &error.to_string()),
        _ => unreachable(directory, error.kind()),
    })
}

fn trust(directory: &Directory) -> Result<Arc<ClientConfig>, DirectoryError> {
    Ok(match &directory.ca_file {
        Some(file) => imap::trust_file(file)?,
        None => imap::trust_system()?,
    })
}

fn unreachable(directory: &Directory, kind: io::ErrorKind) -> DirectoryError {
    DirectoryError::Connect { host: directory.host.clone(), port: directory.port, kind }
}

fn no_tls(directory: &Directory, why: &str) -> DirectoryError {
    DirectoryError::Tls { host: directory.host.clone(), why: why.to_owned() }
}

/// Passes on what either side says, until one of them ends: the directory's answers one by one, and none that is not measured.
///
/// # Errors
/// At the first answer that may not be passed on.
pub(super) async fn relay(outside: Stream, inside: UnixStream) -> Result<(), DirectoryError> {
    match outside {
        Stream::Plain(outside) => between(outside, inside).await,
        Stream::Tls(outside) => between(*outside, inside).await,
    }
}

async fn between(outside: impl AsyncRead + AsyncWrite, inside: UnixStream) -> Result<(), DirectoryError> {
    let (mut answers, mut questions) = tokio::io::split(outside);
    let (mut asked, mut told) = inside.into_split();
    let answering = async {
        let mut octets = 0;
        loop {
            match message(&mut answers).await {
                Ok(Some(message)) => {
                    octets += message.len();
                    if octets > MOST {
                        return Err(DirectoryError::Malformed("the answers have no end"));
                    }
                    if told.write_all(&message).await.is_err() {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    return Err(DirectoryError::Malformed("it is not LDAP, or no answer that is ever due"));
                }
                // What is missing is missed by whoever waits for it.
                Ok(None) | Err(_) => return Ok(()),
            }
        }
    };
    tokio::select! {
        answered = answering => answered,
        _ = tokio::io::copy(&mut asked, &mut questions) => Ok(()),
    }
}
