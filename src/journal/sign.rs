//! The signature of this installation, as minisign has it: stock tools verify it, and nothing but the public key is needed.
//!
//! Source: the format of minisign (jedisct1.github.io/minisign), algorithm `Ed`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::signature::{Ed25519KeyPair, KeyPair};
use sha2::{Digest, Sha256};

use super::InstanceKey;

/// Ed25519 over the octets themselves.
const ALGORITHM: &[u8; 2] = b"Ed";

/// Signs what leaves the house in the name of this installation. It has no `Debug`.
pub struct Signer {
    pair: Ed25519KeyPair,
}

impl InstanceKey {
    /// The same for as long as the instance key is.
    pub fn signer(&self) -> Signer {
        let seed = self.mac("evidence signing key", &[]);
        Signer { pair: Ed25519KeyPair::from_seed_unchecked(&seed).expect("every seed of 32 octets is one") }
    }
}

impl Signer {
    /// As `minisign -P` takes it: `RW…`.
    pub fn public_key(&self) -> String {
        BASE64.encode([ALGORITHM.as_slice(), &self.id(), self.pair.public_key().as_ref()].concat())
    }

    /// A `.minisig` file for these octets. The comment is signed too; it is a single line.
    pub fn sign(&self, octets: &[u8], comment: &str) -> String {
        let comment = comment.replace(['\n', '\r'], " ");
        let signature = self.pair.sign(octets);
        let global = self.pair.sign(&[signature.as_ref(), comment.as_bytes()].concat());
        let line = BASE64.encode([ALGORITHM.as_slice(), &self.id(), signature.as_ref()].concat());
        format!("untrusted comment: signature of mailwarden\n{line}\ntrusted comment: {comment}\n{}\n", BASE64.encode(global.as_ref()))
    }

    fn id(&self) -> [u8; 8] {
        let digest = Sha256::digest(self.pair.public_key().as_ref());
        std::array::from_fn(|at| digest[at])
    }
}

#[cfg(test)]
mod tests {
    use minisign_verify::{PublicKey, Signature};

    use super::*;

    #[test]
    fn a_signature_verifies_and_breaks_with_any_change_of_what_was_signed_or_said() {
        let signer = InstanceKey::random().unwrap().signer();
        let key = PublicKey::from_base64(&signer.public_key()).unwrap();
        let told = signer.sign(b"manifest", "amber-heron-7\nmade up");
        let verifies =
            |octets: &[u8], told: &str| Signature::decode(told).is_ok_and(|signature| key.verify(octets, &signature, true).is_ok());
        assert!(verifies(b"manifest", &told), "{told}");
        assert!(!verifies(b"manifes7", &told));
        assert!(!verifies(b"manifest", &told.replace("amber", "ember")));
        let other = InstanceKey::random().unwrap().signer();
        assert!(!verifies(b"manifest", &other.sign(b"manifest", "amber-heron-7")));
    }

    #[test]
    fn the_key_is_the_same_as_long_as_the_instance_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("instance.key");
        let made = InstanceKey::create(&path).unwrap().signer().public_key();
        assert_eq!(InstanceKey::read(&path).unwrap().signer().public_key(), made);
        assert!(made.starts_with("RW"), "{made}");
    }
}
