//! Signed statements of who asks (RFC 7523): the key stays here, and only what it signed is sent.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::config::{ServiceAccount, Unfit, first_certificate, rsa_key};

/// How long a statement is good for. Google allows no more than an hour.
const GOOD_FOR: Duration = Duration::from_mins(10);

/// That a service account asks in the name of a user.
///
/// Source: developers.google.com/identity/protocols/oauth2/service-account
pub(super) fn of_service_account(key_file: &str, user: &str, scope: &str, audience: &str, now: Timestamp) -> Result<String, Unfit> {
    let ServiceAccount { email, key, key_id } = ServiceAccount::from_json(key_file)?;
    let mut header = json!({ "alg": "RS256", "typ": "JWT" });
    if let Some(id) = key_id {
        header["kid"] = Value::String(id);
    }
    let claims = json!({
        "iss": email, "sub": user, "scope": scope, "aud": audience,
        "iat": now.as_second(), "exp": end(now),
    });
    sign(&header, &claims, &key, &RSA_PKCS1_SHA256)
}

/// That a client asks which has the key of a certificate.
///
/// Source: learn.microsoft.com/entra/identity-platform/certificate-credentials
pub(super) fn of_certificate(certificate: &str, key: &str, client: &str, audience: &str, now: Timestamp) -> Result<String, Unfit> {
    let thumbprint = URL_SAFE_NO_PAD.encode(Sha256::digest(&first_certificate(certificate)?));
    let mut id = [0; 16];
    getrandom::fill(&mut id).map_err(|_| Unfit::Randomness)?;
    let header = json!({ "alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint });
    let claims = json!({
        "iss": client, "sub": client, "aud": audience, "jti": hex::encode(id),
        "iat": now.as_second(), "nbf": now.as_second(), "exp": end(now),
    });
    sign(&header, &claims, &rsa_key(key)?, &RSA_PSS_SHA256)
}

fn end(now: Timestamp) -> i64 {
    now.as_second().saturating_add_unsigned(GOOD_FOR.as_secs())
}

/// A JWT (RFC 7519).
fn sign(header: &Value, claims: &Value, pair: &RsaKeyPair, encoding: &'static dyn RsaEncoding) -> Result<String, Unfit> {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let signed = format!("{header}.{claims}");
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(encoding, &SystemRandom::new(), signed.as_bytes(), &mut signature).map_err(|_| Unfit::Randomness)?;
    Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
