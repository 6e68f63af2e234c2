//! From a name to a stream that may be trusted with a password.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig};

use super::error::{ImapError, printable};
use super::limits::Limits;
use super::read_ahead::ReadAhead;
use crate::config::Security;

/// Name, TCP and TLS together may take this long.
const CONNECT: Duration = Duration::from_secs(15);
/// After such a silence the kernel asks whether the other end is still there.
const SILENCE: Duration = Duration::from_mins(1);
/// Octets that a server may say before TLS.
const LONGEST_PREAMBLE: usize = 8 << 10;

/// A mail server, and how to speak to it.
#[derive(Clone)]
pub struct Server {
    pub host: String,
    /// Usually 993 with [`Security::Tls`], 143 otherwise.
    pub port: u16,
    pub security: Security,
    /// Whom to trust: [`super::trust_system`] or [`super::trust_file`].
    pub tls: Arc<ClientConfig>,
    pub limits: Limits,
}

/// What protects a conversation.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<ReadAhead<TcpStream>>>),
}

/// A stream, and whether the greeting is still to be read from it.
pub(super) struct Reached {
    pub(super) stream: Stream,
    pub(super) greeted: bool,
}

pub(super) async fn reach(server: &Server) -> Result<Reached, ImapError> {
    timeout(CONNECT, server.reach()).await.unwrap_or(Err(server.unreachable(io::ErrorKind::TimedOut)))
}

impl Server {
    async fn reach(&self) -> Result<Reached, ImapError> {
        let addresses = self.resolve().await?;
        if self.security == Security::Plaintext && !addresses.iter().all(|address| address.ip().is_loopback()) {
            return Err(ImapError::PlaintextRefused { host: self.host.clone() });
        }
        let mut tcp = TcpStream::connect(&*addresses).await.map_err(|error| self.unreachable(error.kind()))?;
        tcp.set_nodelay(true).and_then(|()| keep_alive(&tcp)).map_err(|error| self.unreachable(error.kind()))?;
        match self.security {
            Security::Plaintext => Ok(Reached { stream: Stream::Plain(tcp), greeted: false }),
            Security::StartTls => {
                self.start_tls(&mut tcp).await?;
                Ok(Reached { stream: self.encrypt(tcp).await?, greeted: true })
            }
            Security::Tls => Ok(Reached { stream: self.encrypt(tcp).await?, greeted: false }),
        }
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, ImapError> {
        let unknown = |kind| ImapError::Resolve { host: self.host.clone(), kind };
        let addresses: Vec<_> = lookup_host((&*self.host, self.port)).await.map_err(|error| unknown(error.kind()))?.collect();
        if addresses.is_empty() { Err(unknown(io::ErrorKind::NotFound)) } else { Ok(addresses) }
    }

    async fn encrypt(&self, tcp: TcpStream) -> Result<Stream, ImapError> {
        let name = ServerName::try_from(self.host.clone()).map_err(|error| self.no_tls(&error.to_string()))?;
        let tls = TlsConnector::from(Arc::clone(&self.tls)).connect(name, ReadAhead::new(tcp)).await;
        tls.map(|tls| Stream::Tls(Box::new(tls))).map_err(|error| match error.get_ref() {
            Some(inner) if inner.is::<rustls::Error>() => self.no_tls(&error.to_string()),
            // A line that broke in the middle of the handshake says nothing about certificates.
            _ => self.unreachable(error.kind()),
        })
    }

    /// Asks for TLS in the three lines that travel in the open, and believes none of them further than that.
    async fn start_tls(&self, tcp: &mut TcpStream) -> Result<(), ImapError> {
        let greeting = self.open_line(tcp).await?;
        if !greeting.starts_with("* OK") {
            // PREAUTH among them: it would end in a session that TLS never protected.
            return Err(self.no_greeting(&greeting));
        }
        tcp.write_all(b"s STARTTLS\r\n").await.map_err(|error| self.unreachable(error.kind()))?;
        let answer = self.open_line(tcp).await?;
        if answer.starts_with("s OK") { Ok(()) } else { Err(self.no_tls(&answer)) }
    }

    /// One line, with nothing behind it: whatever follows would be taken for something said under TLS.
    async fn open_line(&self, tcp: &mut TcpStream) -> Result<String, ImapError> {
        let mut said = Vec::new();
        while said.len() < LONGEST_PREAMBLE {
            if tcp.read_buf(&mut said).await.map_err(|error| self.unreachable(error.kind()))? == 0 {
                return Err(self.unreachable(io::ErrorKind::UnexpectedEof));
            }
            match memchr::memchr(b'\n', &said) {
                Some(end) if end + 1 == said.len() => return Ok(String::from_utf8_lossy(&said).trim_end().to_owned()),
                Some(_) => return Err(self.no_tls("the server sent more than was due before TLS began")),
                None => {}
            }
        }
        Err(self.no_greeting("a line without end"))
    }

    fn unreachable(&self, kind: io::ErrorKind) -> ImapError {
        ImapError::Connect { host: self.host.clone(), port: self.port, kind }
    }

    fn no_tls(&self, why: &str) -> ImapError {
        ImapError::Tls { host: self.host.clone(), why: printable(why) }
    }

    pub(super) fn no_greeting(&self, text: &str) -> ImapError {
        ImapError::Greeting { host: self.host.clone(), port: self.port, text: printable(text) }
    }
}

/// An idle session must learn that the other end is gone, though neither has anything to say.
fn keep_alive(tcp: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(tcp, true)?;
    sockopt::set_tcp_keepidle(tcp, SILENCE)?;
    sockopt::set_tcp_keepintvl(tcp, SILENCE)?;
    Ok(())
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_read(cx, buffer),
            Self::Tls(tls) => Pin::new(tls).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_write(cx, octets),
            Self::Tls(tls) => Pin::new(tls).poll_write(cx, octets),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_flush(cx),
            Self::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(tcp) => Pin::new(tcp).poll_shutdown(cx),
            Self::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
        }
    }
}
