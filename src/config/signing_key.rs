//! The keys that sign for an application, as their files hold them: that of a certificate (PEM), or of a service account (JSON).

use std::path::Path;

use ring::signature::RsaKeyPair;
use serde::Deserialize;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::password::certificate;
use super::{Grant, Password};
use crate::fault::{At, Fault};

/// Why nothing can be signed. None of it names what the file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    Certificate,
    Key,
    KeyFile,
    Randomness,
}

impl Unfit {
    fn why(self) -> &'static str {
        match self {
            Self::Certificate => "there is no certificate (PEM) in it",
            Self::Key => "there is no RSA private key (PEM) of 2048 bits or more in it",
            Self::KeyFile => "it is not the key file (JSON) of a service account",
            Self::Randomness => "the system has no randomness to sign with",
        }
    }

    /// As it is told of an issuer with this secret, and this certificate if it has one.
    pub fn fault(self, secret: &Password, certificate: Option<&Path>) -> Fault {
        let (place, at) = match (self, certificate, secret) {
            (Self::Certificate, Some(file), _) => (file.display().to_string(), Some(At::file(file))),
            (_, _, Password::File(file)) => (secret.to_string(), Some(At::file(file))),
            (_, _, Password::Credential(_)) => (secret.to_string(), None),
        };
        Fault {
            what: format!("no token can be asked for with {place}"),
            at,
            why: self.why().to_owned(),
            hint: "correct [[oauth]], or put the right file in its place".to_owned(),
        }
    }
}

/// The key file of a service account, as Google hands it out.
pub struct ServiceAccount {
    pub email: String,
    pub key: RsaKeyPair,
    pub key_id: Option<String>,
}

impl ServiceAccount {
    /// # Errors
    /// `KeyFile`, and `Key` for the key in it.
    pub fn from_json(text: &str) -> Result<Self, Unfit> {
        #[derive(Deserialize)]
        struct KeyFile {
            client_email: String,
            private_key: String,
            private_key_id: Option<String>,
        }

        let KeyFile { client_email, private_key, private_key_id } = serde_json::from_str(text).map_err(|_| Unfit::KeyFile)?;
        Ok(Self { email: client_email, key: rsa_key(&private_key)?, key_id: private_key_id })
    }
}

/// # Errors
/// `Key`.
pub fn rsa_key(pem: &str) -> Result<RsaKeyPair, Unfit> {
    let pair = match PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| Unfit::Key)? {
        PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(key) => RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()),
        _ => return Err(Unfit::Key),
    };
    pair.map_err(|_| Unfit::Key)
}

/// The first certificate of a PEM file.
///
/// # Errors
/// `Certificate`.
pub fn first_certificate(pem: &str) -> Result<CertificateDer<'static>, Unfit> {
    CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| Unfit::Certificate)
}

/// Whether a token could be asked for with what the files hold now.
///
/// # Errors
/// With what is wrong with them.
pub(super) fn check(grant: &Grant, secret: &Password) -> Result<(), Fault> {
    match grant {
        Grant::ClientSecret { .. } => Ok(()),
        Grant::ClientCertificate { certificate: file, .. } => {
            let unfit = |unfit: Unfit| unfit.fault(secret, Some(file));
            first_certificate(&certificate(file)?).map_err(unfit)?;
            rsa_key(secret.read_key()?.expose()).map(drop).map_err(unfit)
        }
        Grant::ServiceAccount => {
            ServiceAccount::from_json(secret.read_key()?.expose()).map(drop).map_err(|unfit| unfit.fault(secret, None))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_that_signs_nothing_is_named_before_anybody_is_asked() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            path
        };
        let key = Password::File(file("key", "-----BEGIN PRIVATE KEY-----\nbm8ga2V5\n-----END PRIVATE KEY-----\n"));
        let no_json = Password::File(file("json", "{}"));
        let certificate = |name, text| Grant::ClientCertificate { client: "c".to_owned(), certificate: file(name, text) };
        let whole = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (grant, secret, named, unfit) in [
            (certificate("none.pem", "none"), &key, "none.pem", Unfit::Certificate),
            (certificate("whole.pem", whole), &key, "key", Unfit::Key),
            (Grant::ServiceAccount, &no_json, "json", Unfit::KeyFile),
        ] {
            let fault = check(&grant, secret).unwrap_err();
            assert_eq!((fault.at.unwrap(), fault.why.as_str()), (At::file(folder.path().join(named)), unfit.why()));
        }
        let client = Grant::ClientSecret { client: "c".to_owned() };
        assert!(check(&client, &no_json).is_ok(), "any word may be a secret");
    }
}
