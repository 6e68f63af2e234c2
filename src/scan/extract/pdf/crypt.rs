//! Encrypted PDF (ISO 32000-1, 7.6; ISO 32000-2, 7.6.4): opened where the password is empty or known.

use std::borrow::Cow;

use aes::cipher::generic_array::GenericArray;
use aes::cipher::{BlockDecrypt, BlockEncrypt, KeyInit};
use md5::{Digest, Md5};
use sha2::{Sha256, Sha384, Sha512};

use super::file::File;
use super::object::{Dictionary, Id, Object, Stream};
use crate::finding::Reason;

/// A password is needed, and it is not known.
#[derive(Debug)]
pub struct Locked;

/// Fills a password up to 32 octets (7.6.3.3, algorithm 2).
const PADDING: [u8; 32] =
    *b"\x28\xbf\x4e\x5e\x4e\x75\x8a\x41\x64\x00\x4e\x56\xff\xfa\x01\x08\x2e\x2e\x00\xb6\xd0\x68\x3e\x80\x2f\x0c\xa9\xfe\x64\x53\x69\x7a";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    /// Octets are as they are.
    None,
    Rc4,
    Aes128,
    Aes256,
}

pub struct Key {
    octets: Vec<u8>,
    strings: Method,
    streams: Method,
    /// Of attached files.
    files: Method,
    metadata: bool,
}

/// What the encryption dictionary says.
struct Terms<'d> {
    revision: usize,
    /// Of the key, in octets.
    length: usize,
    owner: &'d [u8],
    user: &'d [u8],
    permissions: [u8; 4],
    metadata: bool,
    id: &'d [u8],
}

impl Key {
    /// The key of a file, by the first of the passwords that opens it; the empty one is tried first.
    ///
    /// # Errors
    /// [`Locked`], also where the way of encrypting is not the standard's.
    pub fn find<'p>(
        file: &File<'_>,
        encryption: &Dictionary,
        id: &[u8],
        passwords: impl Iterator<Item = &'p [u8]>,
    ) -> Result<Self, Locked> {
        let number = |key: &[u8]| file.get(encryption, key).number();
        let strings: [_; 4] = [b"O".as_slice(), b"U", b"OE", b"UE"].map(|key| file.get(encryption, key));
        let [owner, user, owner_key, user_key] = strings.each_ref().map(|value| value.string().unwrap_or_default());
        let version = file.get(encryption, b"V").count().unwrap_or(0);
        let metadata = *file.get(encryption, b"EncryptMetadata") != Object::Bool(false);
        #[allow(clippy::cast_possible_truncation, reason = "32 bits, written with a sign or without")]
        let permissions = (number(b"P").unwrap_or(0.0) as i64 as i32).to_le_bytes();
        let (strings, streams) = match version {
            1 | 2 => (Method::Rc4, Method::Rc4),
            4 | 5 => (method(file, encryption, b"StrF"), method(file, encryption, b"StmF")),
            _ => return Err(Locked),
        };
        let length = match version {
            1 => 5,
            4 => 16,
            // In bits; in octets by some writers.
            _ => file.get(encryption, b"Length").count().map_or(5, |bits| if bits >= 40 { bits / 8 } else { bits }).clamp(5, 16),
        };
        let terms = Terms { revision: file.get(encryption, b"R").count().unwrap_or(0), length, owner, user, permissions, metadata, id };
        let found = std::iter::once(b"".as_slice()).chain(passwords).find_map(|password| {
            if version == 5 {
                terms.long_key(password, owner_key, user_key)
            } else {
                terms.short_key(password).or_else(|| terms.short_key(&terms.user_password(password)))
            }
        });
        // Where only attached files are locked, the rest is read without a key.
        let files = if encryption.get(b"EFF").is_some() { method(file, encryption, b"EFF") } else { streams };
        match found {
            Some(octets) => Ok(Self { octets, strings, streams, files, metadata }),
            None if strings == Method::None && streams == Method::None => {
                Ok(Self { octets: Vec::new(), strings, streams, files, metadata })
            }
            None => Err(Locked),
        }
    }

    pub fn unlock_stream<'b>(&self, octets: &'b [u8], stream: &Stream, file: &File<'_>) -> Cow<'b, [u8]> {
        let filter = stream.dictionary.get(b"Filter").map(|filter| file.resolve(filter));
        let own_filter = filter.as_deref().is_some_and(|filter| {
            filter.name() == Some(b"Crypt")
                || filter.array().is_some_and(|filters| filters.first().and_then(Object::name) == Some(b"Crypt"))
        });
        let method = if stream.dictionary.is(b"Type", b"EmbeddedFile") { self.files } else { self.streams };
        if method != Method::None && self.octets.is_empty() {
            file.note(Reason::EncryptedDocument);
            return Cow::Borrowed(&[]);
        }
        // A filter of its own is `Identity` in all but files made up to be odd.
        if method == Method::None || own_filter || !self.metadata && stream.dictionary.is(b"Type", b"Metadata") {
            return Cow::Borrowed(octets);
        }
        Cow::Owned(self.undo(method, octets, stream.id))
    }

    pub fn unlock_strings(&self, object: &mut Object, id: Id) {
        match object {
            _ if self.strings == Method::None => {}
            Object::String(string) => *string = self.undo(self.strings, string, id).into(),
            Object::Array(values) => values.iter_mut().for_each(|value| self.unlock_strings(value, id)),
            Object::Dictionary(dictionary) => dictionary.values_mut().for_each(|value| self.unlock_strings(value, id)),
            _ => {}
        }
    }

    fn undo(&self, method: Method, octets: &[u8], id: Id) -> Vec<u8> {
        match method {
            Method::None => octets.to_vec(),
            Method::Rc4 => rc4(&self.object_key(id, b""), octets),
            Method::Aes128 => aes_cbc(&self.object_key(id, b"sAlT"), octets),
            Method::Aes256 => aes_cbc(&self.octets, octets),
        }
    }

    /// Algorithm 1.
    fn object_key(&self, id: Id, salt: &[u8]) -> Vec<u8> {
        let mut hash = Md5::new();
        hash.update(&self.octets);
        hash.update(&id.number.to_le_bytes()[..3]);
        hash.update(id.generation.to_le_bytes());
        hash.update(salt);
        hash.finalize()[..(self.octets.len() + 5).min(16)].to_vec()
    }
}

/// A crypt filter by the name that stands under `key`.
fn method(file: &File<'_>, encryption: &Dictionary, key: &[u8]) -> Method {
    let name = file.get(encryption, key);
    let filters = file.get(encryption, b"CF");
    let filter = name.name().and_then(|name| Some(file.get(filters.dictionary()?, name)));
    let way = filter.as_ref().and_then(|filter| Some(file.get(filter.dictionary()?, b"CFM")));
    match way.as_ref().and_then(|way| way.name()) {
        Some(b"V2") => Method::Rc4,
        Some(b"AESV2") => Method::Aes128,
        Some(b"AESV3") => Method::Aes256,
        _ => Method::None,
    }
}

impl Terms<'_> {
    /// Algorithms 2, 4, 5 and 6: the key where this is the user's password.
    fn short_key(&self, password: &[u8]) -> Option<Vec<u8>> {
        let mut hash = Md5::new();
        hash.update(padded(password));
        hash.update(self.owner.get(..32)?);
        hash.update(self.permissions);
        hash.update(self.id);
        if self.revision >= 4 && !self.metadata {
            hash.update([0xff; 4]);
        }
        let mut key = hash.finalize().to_vec();
        if self.revision >= 3 {
            for _ in 0..50 {
                key = Md5::digest(&key[..self.length]).to_vec();
            }
        }
        key.truncate(self.length);
        let is_it = if self.revision == 2 {
            rc4(&key, &PADDING) == self.user.get(..32)?
        } else {
            let first = Md5::new().chain_update(PADDING).chain_update(self.id).finalize().to_vec();
            let proof = (0..20).fold(first, |proof, round| rc4(&key.iter().map(|octet| octet ^ round).collect::<Vec<_>>(), &proof));
            proof == self.user.get(..16)?
        };
        is_it.then_some(key)
    }

    /// Algorithm 7: the user's password, if this is the owner's.
    fn user_password(&self, password: &[u8]) -> Vec<u8> {
        let mut key = Md5::digest(padded(password)).to_vec();
        if self.revision >= 3 {
            for _ in 0..50 {
                key = Md5::digest(&key).to_vec();
            }
        }
        key.truncate(self.length);
        let rounds = if self.revision == 2 { 1 } else { 20 };
        let sealed = self.owner[..self.owner.len().min(32)].to_vec();
        (0..rounds).rev().fold(sealed, |sealed, round| rc4(&key.iter().map(|octet| octet ^ round).collect::<Vec<_>>(), &sealed))
    }

    /// Algorithm 2.A: of 256 bits, in a file of version 5.
    fn long_key(&self, password: &[u8], owner_key: &[u8], user_key: &[u8]) -> Option<Vec<u8>> {
        let password = &password[..password.len().min(127)];
        let user = self.user.get(..48)?;
        for (proof, sealed, with) in [(user, user_key, b"".as_slice()), (self.owner.get(..48)?, owner_key, user)] {
            if self.hash(password, &proof[32..40], with) == proof[..32] {
                let key = self.hash(password, &proof[40..48], with);
                return Some(aes_blocks(&key, &[0; 16], sealed.get(..32)?));
            }
        }
        None
    }

    /// Algorithm 2.B; the plain SHA-256 of revision 5 is its beginning.
    fn hash(&self, password: &[u8], salt: &[u8], with: &[u8]) -> Vec<u8> {
        let mut key = Sha256::new().chain_update(password).chain_update(salt).chain_update(with).finalize().to_vec();
        if self.revision < 6 {
            return key;
        }
        let mut round = 0;
        loop {
            let mut block = [password, &key, with].concat().repeat(64);
            aes_128_encrypt(&key[..16], &key[16..32], &mut block);
            key = match block[..16].iter().map(|octet| u32::from(*octet)).sum::<u32>() % 3 {
                0 => Sha256::digest(&block).to_vec(),
                1 => Sha384::digest(&block).to_vec(),
                _ => Sha512::digest(&block).to_vec(),
            };
            round += 1;
            if round >= 64 && block.last().is_none_or(|last| u32::from(*last) + 32 <= round) {
                key.truncate(32);
                return key;
            }
        }
    }
}

fn padded(password: &[u8]) -> Vec<u8> {
    password.iter().chain(&PADDING).take(32).copied().collect()
}

fn rc4(key: &[u8], octets: &[u8]) -> Vec<u8> {
    let mut state: Vec<u8> = (0..=255).collect();
    let mut other = 0_u8;
    for at in 0..256 {
        other = other.wrapping_add(state[at]).wrapping_add(key[at % key.len()]);
        state.swap(at, usize::from(other));
    }
    let (mut one, mut other) = (0_u8, 0_u8);
    let mut next = || {
        one = one.wrapping_add(1);
        other = other.wrapping_add(state[usize::from(one)]);
        state.swap(usize::from(one), usize::from(other));
        state[usize::from(state[usize::from(one)].wrapping_add(state[usize::from(other)]))]
    };
    octets.iter().map(|octet| octet ^ next()).collect()
}

/// The first block is the vector, and the last octet says how many were added to fill a block.
fn aes_cbc(key: &[u8], octets: &[u8]) -> Vec<u8> {
    let Some(vector) = octets.get(..16) else { return Vec::new() };
    let mut plain = aes_blocks(key, vector, &octets[16..]);
    let filled = plain.last().map_or(0, |last| usize::from(*last));
    if (1..=16).contains(&filled) {
        plain.truncate(plain.len() - filled);
    }
    plain
}

/// Whole blocks only.
fn aes_blocks(key: &[u8], vector: &[u8], octets: &[u8]) -> Vec<u8> {
    let mut plain = octets[..octets.len() / 16 * 16].to_vec();
    if let Ok(cipher) = aes::Aes128::new_from_slice(key) {
        plain.chunks_exact_mut(16).for_each(|block| cipher.decrypt_block(GenericArray::from_mut_slice(block)));
    } else if let Ok(cipher) = aes::Aes256::new_from_slice(key) {
        plain.chunks_exact_mut(16).for_each(|block| cipher.decrypt_block(GenericArray::from_mut_slice(block)));
    }
    let before = vector.iter().chain(octets);
    plain.iter_mut().zip(before).for_each(|(octet, before)| *octet ^= before);
    plain
}

fn aes_128_encrypt(key: &[u8], vector: &[u8], octets: &mut [u8]) {
    let cipher = aes::Aes128::new(GenericArray::from_slice(key));
    let mut before = vector.to_vec();
    for block in octets.chunks_exact_mut(16) {
        block.iter_mut().zip(&before).for_each(|(octet, before)| *octet ^= before);
        cipher.encrypt_block(GenericArray::from_mut_slice(block));
        before.copy_from_slice(block);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rc4_is_that_of_its_published_vectors() {
        assert_eq!(hex::encode_upper(rc4(b"Key", b"Plaintext")), "BBF316E8D940AF0AD3");
        assert_eq!(hex::encode_upper(rc4(b"Secret", b"Attack at dawn")), "45A01F645FC35B383552544B9BF5");
    }
}
