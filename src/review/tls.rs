//! The certificate of the desk: its own, or the school's.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest, Sha256};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::serve::ServeError;
use crate::config::{Review as Settings, Tls};

/// How connections are encrypted, and the fingerprint of the certificate; `None` behind a proxy.
pub struct Door {
    pub acceptor: Option<TlsAcceptor>,
    /// SHA-256 of the certificate, for people to compare with what their browser shows.
    pub fingerprint: Option<String>,
}

/// # Errors
/// When the certificate or its key cannot be read, made or used together.
pub fn door(settings: &Settings) -> Result<Door, ServeError> {
    let (certificate, key) = match &settings.tls {
        Tls::Proxy => return Ok(Door { acceptor: None, fingerprint: None }),
        Tls::Given { certificate, key } => (certificate.clone(), key.clone()),
        Tls::Own => own(settings).map_err(|error| ServeError::Certificate(settings.directory.clone(), error.to_string()))?,
    };
    let faulty = |path: &Path, why: String| ServeError::Certificate(path.to_owned(), why);
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(&certificate).and_then(Iterator::collect).map_err(|error| faulty(&certificate, error.to_string()))?;
    let Some(first) = chain.first() else { return Err(faulty(&certificate, "there is no certificate in it".to_owned())) };
    let fingerprint =
        hex::encode_upper(Sha256::digest(first)).as_bytes().chunks(2).map(String::from_utf8_lossy).collect::<Vec<_>>().join(":");
    let private = PrivateKeyDer::from_pem_file(&key).map_err(|error| faulty(&key, error.to_string()))?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| faulty(&certificate, error.to_string()))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Door { acceptor: Some(TlsAcceptor::from(Arc::new(config))), fingerprint: Some(fingerprint) })
}

/// A certificate that the desk signs itself, made once: browsers ask about it once, and remember it by its fingerprint.
fn own(settings: &Settings) -> io::Result<(PathBuf, PathBuf)> {
    let (certificate, key) = (settings.directory.join("own-certificate.pem"), settings.directory.join("own-key.pem"));
    if certificate.exists() && key.exists() {
        return Ok((certificate, key));
    }
    let made = rcgen::generate_simple_self_signed([settings.host.clone()]).map_err(io::Error::other)?;
    let write = |path: &Path, text: &str| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write(&key, &made.signing_key.serialize_pem())?;
    // Last, and as a whole: with it there, both are.
    let draft = settings.directory.join("own-certificate.pem.new");
    write(&draft, &made.cert.pem())?;
    fs::rename(draft, &certificate)?;
    Ok((certificate, key))
}
