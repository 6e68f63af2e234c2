//! The certificates that a connection trusts in the place of the system's, as a file of them holds them.

use std::path::Path;

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

/// Every certificate of a PEM file, each of which can be trusted.
///
/// # Errors
/// Why not, in words that name no file.
pub fn roots(file: &Path) -> Result<RootCertStore, String> {
    let octets = std::fs::read(file).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    for (certificate, number) in CertificateDer::pem_slice_iter(&octets).zip(1..) {
        // What the libraries say of it speaks of the certificate of a peer.
        let is_taken = certificate.is_ok_and(|certificate| roots.add(certificate).is_ok());
        if !is_taken {
            return Err(format!("certificate number {number} in it is damaged, or is none"));
        }
    }
    if roots.is_empty() { Err("there is no certificate (PEM) in it".to_owned()) } else { Ok(roots) }
}
