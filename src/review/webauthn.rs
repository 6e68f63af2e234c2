//! What a passkey answers, and whether it is the one that is known. Source: W3C Web Authentication Level 3, 7.1 and 7.2.
//!
//! Attestation is not asked for: a passkey is added by somebody who is signed in, and what its maker says of it decides nothing
//! here. So there is no CBOR to be read: the browser hands the public key over as `SubjectPublicKeyInfo`, and what is signed is
//! compared octet by octet.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::signature::{ECDSA_P256_SHA256_ASN1, ED25519, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Somebody was there, and the authenticator made sure of who: by a fingerprint, a face or a number.
const PRESENT_AND_VERIFIED: u8 = 0b101;
const WITH_CREDENTIAL: u8 = 1 << 6;
/// SHA-256 of the host, flags and counter.
const HEAD: usize = 37;
/// The authenticator's model and the length of the credential's name.
const MODEL: usize = 16;
/// In octets: an authenticator may choose any name up to here.
const LONGEST_CREDENTIAL: usize = 1_023;

/// How a `SubjectPublicKeyInfo` begins, and who verifies with the octets behind it: P-256, Ed25519, RSA of 2,048 bits.
/// Source: RFC 5480, RFC 8410, RFC 8017.
const KINDS: [(&[u8], usize, &dyn VerificationAlgorithm); 3] = [
    (
        b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00",
        65,
        &ECDSA_P256_SHA256_ASN1,
    ),
    (b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 32, &ED25519),
    (b"\x30\x82\x01\x22\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x82\x01\x0f\x00", 270, &RSA_PKCS1_2048_8192_SHA256),
];

/// Where a passkey is for.
pub struct Place {
    pub host: String,
    /// `https://host:port`
    pub origin: String,
}

/// What comes from `navigator.credentials.get`.
pub struct Assertion {
    pub credential: Vec<u8>,
    authenticator_data: Vec<u8>,
    client_data: Vec<u8>,
    signature: Vec<u8>,
}

/// What comes from `navigator.credentials.create`.
pub struct Registration {
    pub credential: Vec<u8>,
    authenticator_data: Vec<u8>,
    client_data: Vec<u8>,
    /// `SubjectPublicKeyInfo`, DER, of a kind that is understood.
    pub public_key: Vec<u8>,
}

#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: bool,
}

impl Assertion {
    /// Four pieces of base64url with dots between them, as the script of the desk sends it.
    pub fn parse(text: &str) -> Option<Self> {
        let [credential, authenticator_data, client_data, signature] = pieces(text)?;
        Some(Self { credential, authenticator_data, client_data, signature })
    }

    /// What was to be signed; whether it was ours to hand out is for the caller to say.
    pub fn challenge(&self) -> Option<Vec<u8>> {
        challenge(&self.client_data)
    }

    /// How often the passkey was used by its own count, where it is signed by this public key and for this place.
    pub fn verified(&self, public_key: &[u8], place: &Place) -> Option<u32> {
        let uses = told(&self.authenticator_data, &self.client_data, "webauthn.get", place)?;
        let mut signed = self.authenticator_data.clone();
        signed.extend(Sha256::digest(&self.client_data));
        verifier(public_key)?.verify(&signed, &self.signature).ok().map(|()| uses)
    }
}

impl Registration {
    /// As [`Assertion::parse`].
    pub fn parse(text: &str) -> Option<Self> {
        let [credential, authenticator_data, client_data, public_key] = pieces(text)?;
        Some(Self { credential, authenticator_data, client_data, public_key })
    }

    /// As [`Assertion::challenge`].
    pub fn challenge(&self) -> Option<Vec<u8>> {
        challenge(&self.client_data)
    }

    /// Its first count, where it was made for this place, and holds a key that can be understood.
    pub fn verified(&self, place: &Place) -> Option<u32> {
        let uses = told(&self.authenticator_data, &self.client_data, "webauthn.create", place)?;
        verifier(&self.public_key)?;
        let named = self.authenticator_data.get(HEAD + MODEL..)?;
        let (length, named) = named.split_at_checked(2)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let fits = self.authenticator_data[HEAD - 5] & WITH_CREDENTIAL != 0
            && (1..=LONGEST_CREDENTIAL).contains(&length)
            && named.get(..length) == Some(&self.credential);
        fits.then_some(uses)
    }
}

/// What both say of where and how they were made: the count.
fn told(authenticator_data: &[u8], client_data: &[u8], kind: &str, place: &Place) -> Option<u32> {
    let client: ClientData = serde_json::from_slice(client_data).ok()?;
    let head = authenticator_data.get(..HEAD)?;
    let here = client.kind == kind && client.origin == place.origin && !client.cross_origin;
    let ours = head[..32] == Sha256::digest(&place.host)[..] && head[32] & PRESENT_AND_VERIFIED == PRESENT_AND_VERIFIED;
    (here && ours).then(|| u32::from_be_bytes([head[33], head[34], head[35], head[36]]))
}

fn challenge(client_data: &[u8]) -> Option<Vec<u8>> {
    BASE64URL.decode(serde_json::from_slice::<ClientData>(client_data).ok()?.challenge).ok()
}

fn verifier(public_key: &[u8]) -> Option<UnparsedPublicKey<&[u8]>> {
    KINDS.iter().find_map(|(begins, length, algorithm)| {
        let key = public_key.strip_prefix(*begins).filter(|key| key.len() == *length)?;
        Some(UnparsedPublicKey::new(*algorithm, key))
    })
}

fn pieces<const N: usize>(text: &str) -> Option<[Vec<u8>; N]> {
    let decoded: Option<Vec<_>> = text.split('.').map(|piece| BASE64URL.decode(piece).ok()).collect();
    decoded?.try_into().ok()
}

#[cfg(test)]
mod tests;
