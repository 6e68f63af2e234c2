//! The peer that downloads: async-imap and nothing else, each message's octets counted and let go.

use std::path::Path;
use std::sync::Arc;

use async_imap::imap_proto::{AttributeValue, Response, Status};
use async_imap::{Client, Session};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::ring};

use super::dovecot::{Dovecot, MASTER, PASSWORD, user};

/// Messages asked for in one `FETCH`.
const BATCH: usize = 50;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What came down.
#[derive(Default)]
pub struct Downloaded {
    pub messages: usize,
    pub octets: usize,
}

/// Downloads the INBOX of each of the first `users`, all at once, on a connection each.
pub fn download(server: &Dovecot, users: usize) -> Result<Downloaded> {
    let tls = trusting(&server.ca())?;
    let port = server.port;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let mut mailboxes: JoinSet<Result<Downloaded>> = (1..=users).map(|number| inbox(tls.clone(), port, user(number))).collect();
        let mut all = Downloaded::default();
        while let Some(one) = mailboxes.join_next().await {
            let one = one??;
            all = Downloaded { messages: all.messages + one.messages, octets: all.octets + one.octets };
        }
        Ok(all)
    })
}

fn trusting(ca: &Path) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca)?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider())).with_safe_default_protocol_versions()?;
    Ok(TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth())))
}

/// Another client of each of some users, who puts messages into INBOX.
pub struct Appending {
    runtime: tokio::runtime::Runtime,
    sessions: std::cell::RefCell<Vec<Session<TlsStream<TcpStream>>>>,
}

impl Appending {
    pub fn start(server: &Dovecot, users: usize) -> Result<Self> {
        let tls = trusting(&server.ca())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let sessions = runtime.block_on(async {
            let mut sessions = Vec::new();
            for number in 1..=users {
                sessions.push(sign_in(tls.clone(), server.port, user(number)).await?);
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(sessions)
        });
        Ok(Self { runtime, sessions: sessions?.into() })
    }

    /// Into the mailbox of that place among the users, from 0.
    pub fn append(&self, mailbox: usize, mail: impl AsRef<[u8]>) -> Result<()> {
        let mut sessions = self.sessions.borrow_mut();
        let session = sessions.get_mut(mailbox).ok_or("no such user")?;
        Ok(self.runtime.block_on(session.append("INBOX", None, None, mail))?)
    }
}

async fn sign_in(tls: TlsConnector, port: u16, user: String) -> Result<Session<TlsStream<TcpStream>>> {
    let tcp = TcpStream::connect(("127.0.0.1", port)).await?;
    tcp.set_nodelay(true)?;
    let mut client = Client::new(tls.connect(ServerName::try_from("localhost")?, tcp).await?);
    client.read_response().await?.ok_or("no greeting")?;
    Ok(client.login(format!("{user}*{MASTER}"), PASSWORD).await.map_err(|(error, _)| error)?)
}

async fn inbox(tls: TlsConnector, port: u16, user: String) -> Result<Downloaded> {
    let mut session = sign_in(tls, port, user).await?;
    let exists = usize::try_from(session.examine("INBOX").await?.exists)?;
    let mut all = Downloaded::default();
    for first in (1..=exists).step_by(BATCH) {
        let last = exists.min(first + BATCH - 1);
        fetch(&mut session, &format!("FETCH {first}:{last} (UID BODY.PEEK[])"), &mut all).await?;
    }
    session.logout().await?;
    Ok(all)
}

async fn fetch(session: &mut Session<TlsStream<TcpStream>>, command: &str, all: &mut Downloaded) -> Result<()> {
    let ours = session.run_command(command).await?;
    loop {
        let response = session.read_response().await?.ok_or("the server hung up")?;
        match response.parsed() {
            Response::Done { tag, status: Status::Ok, .. } if *tag == ours => return Ok(()),
            Response::Done { status, .. } => return Err(format!("the server answered {status:?}").into()),
            Response::Fetch(_, attributes) => {
                for attribute in attributes {
                    if let AttributeValue::BodySection { data: Some(octets), .. } = attribute {
                        all.messages += 1;
                        all.octets += octets.len();
                    }
                }
            }
            _ => {}
        }
    }
}
