//! Whom to trust: the certificates of the operating system, or one file of the school's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

use crate::config::roots;

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("no usable certificate in {}: {why}", file.display())]
    File { file: PathBuf, why: String },
    #[error("TLS cannot be set up: {0}")]
    Provider(#[from] rustls::Error),
    /// Install the package `ca-certificates`, or name a file.
    #[error("the operating system offers no trusted certificate")]
    SystemEmpty,
}

/// Trusts what the operating system trusts, the authorities of a school's own proxy included.
///
/// # Errors
/// When there is not one certificate to trust.
pub fn trust_system() -> Result<Arc<ClientConfig>, TlsError> {
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 { Err(TlsError::SystemEmpty) } else { configure(roots) }
}

/// Trusts the certificates of one PEM file and nothing else.
///
/// # Errors
/// When the file cannot be read or holds no certificate.
pub fn trust_file(file: &Path) -> Result<Arc<ClientConfig>, TlsError> {
    configure(roots(file).map_err(|why| TlsError::File { file: file.to_owned(), why })?)
}

fn configure(roots: RootCertStore) -> Result<Arc<ClientConfig>, TlsError> {
    // Named here and not installed for the whole process, so that no order of start-up can matter.
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_named() {
        let empty = tempfile::NamedTempFile::new().unwrap();
        let error = trust_file(empty.path()).unwrap_err().to_string();
        assert_eq!(error, format!("no usable certificate in {}: there is no certificate (PEM) in it", empty.path().display()));
    }
}
