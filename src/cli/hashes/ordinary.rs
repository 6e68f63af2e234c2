//! Pictures that everybody has: no list may hold one.

use crate::scan::detect::alike;

/// PDQ of ordinary photographs and paintings.
const ORDINARY: &str = include_str!("ordinary.txt");

pub struct Ordinary(Vec<Vec<u8>>);

impl Ordinary {
    pub fn new() -> Self {
        Self(ORDINARY.lines().filter(|line| !line.starts_with('#')).filter_map(|line| hex::decode(line).ok()).collect())
    }

    /// Whether a PDQ hash is that of one of them.
    pub fn has(&self, digest: &[u8]) -> bool {
        self.0.iter().any(|ordinary| alike(digest, ordinary))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_hash_and_is_known() {
        let lines: Vec<_> = ORDINARY.lines().filter(|line| !line.starts_with('#')).collect();
        let ordinary = Ordinary::new();
        assert!(lines.len() > 50 && lines.len() == ordinary.0.len());
        assert!(ordinary.0.iter().all(|digest| digest.len() == 32 && ordinary.has(digest)));
        assert!(!ordinary.has(&[0x0f; 32]) && !ordinary.has(&[]));
    }
}
