//! A list as it is read where it lies: a header, then its digests, and of PDQ the index behind them.

use sha2::{Digest, Sha256};

use super::DigestKind;
use crate::wire::Shared;

const MAGIC: &[u8; 16] = b"mailwarden lists";
/// Of the header, in octets: the magic octets, the kind, 7 of 0, the count, the SHA-256 of the digests.
pub const HEADER: usize = 64;

/// Octets that begin with the header of a list of some kind.
#[derive(Clone)]
pub struct Compiled {
    kind: DigestKind,
    octets: Shared,
    count: usize,
    size: usize,
}

/// The octets of a list of exact digests, or the beginning of those of another: digests in order, each once.
pub fn compile(kind: DigestKind, digests: &[Vec<u8>]) -> Vec<u8> {
    let mut octets = Vec::with_capacity(HEADER + digests.len() * kind.octets());
    octets.extend_from_slice(MAGIC);
    octets.extend([number(kind), 0, 0, 0, 0, 0, 0, 0]);
    octets.extend((digests.len() as u64).to_le_bytes());
    octets.extend(digests.iter().fold(Sha256::new(), Sha256::chain_update).finalize());
    for digest in digests {
        octets.extend_from_slice(digest);
    }
    octets
}

impl Compiled {
    /// `None` where the octets are no list of that kind.
    pub fn open(octets: &Shared, kind: DigestKind) -> Option<Self> {
        let header = octets.first_chunk::<HEADER>()?;
        let count = usize::try_from(u64::from_le_bytes(*header[24..].first_chunk()?)).ok()?;
        let is_list = header.starts_with(MAGIC) && header[16] == number(kind);
        let compiled = Self { kind, count, size: kind.octets(), octets: octets.clone() };
        let length = count.checked_mul(compiled.size)?.checked_add(HEADER)?;
        (is_list && (octets.len() == length || kind == DigestKind::Pdq && octets.len() >= length)).then_some(compiled)
    }

    pub fn kind(&self) -> DigestKind {
        self.kind
    }

    pub fn count(&self) -> usize {
        self.count
    }

    pub fn octets(&self) -> &Shared {
        &self.octets
    }

    /// Which digests they are, and how many.
    pub fn header(&self) -> &[u8] {
        &self.octets[..HEADER]
    }

    pub fn digests(&self) -> impl Iterator<Item = &[u8]> {
        self.octets[HEADER..].chunks_exact(self.size).take(self.count)
    }

    /// Which of them the digest is, from 0; one of another length is none.
    pub fn position(&self, digest: &[u8]) -> Option<usize> {
        let at = |place: usize| &self.octets[HEADER + place * self.size..][..self.size];
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            if at(middle) < digest {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low < self.count && at(low) == digest).then_some(low)
    }
}

/// As it stands in the header; a number is never used anew.
fn number(kind: DigestKind) -> u8 {
    match kind {
        DigestKind::Pdq => 1,
        DigestKind::Md5 => 2,
        DigestKind::Sha1 => 3,
        DigestKind::Sha256 => 4,
        DigestKind::Gradient16 => 5,
        DigestKind::Dct16 => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiled_list_holds_what_was_compiled_and_nothing_else() {
        let digests: Vec<_> = (0..50_u8).map(|first| [&[first * 5][..], &[first; 15]].concat()).collect();
        let octets = compile(DigestKind::Md5, &digests);
        let list = Compiled::open(&Shared::of(octets.clone()), DigestKind::Md5).unwrap();
        assert_eq!(list.digests().collect::<Vec<_>>(), digests);
        assert!(digests.iter().enumerate().all(|(number, digest)| list.position(digest) == Some(number)));
        for absent in [&digests[3][..15], &[&digests[3][..], &[0]].concat(), &[1; 16], &[255; 16], &[0; 15]] {
            assert_eq!(list.position(absent), None);
        }
        assert!(Compiled::open(&Shared::of(octets.clone()), DigestKind::Sha1).is_none(), "of another kind");
        assert!(Compiled::open(&Shared::of(octets[..octets.len() - 1].to_vec()), DigestKind::Md5).is_none(), "cut");
        assert!(Compiled::open(&Shared::of(b"# mailwarden list 1".to_vec()), DigestKind::Md5).is_none());
    }
}
