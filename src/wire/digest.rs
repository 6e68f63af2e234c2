//! By what a message is known: digests of all its octets and of those behind its header, in one pass.

use std::io::Write;

/// BLAKE3 costs a third of SHA-256. Plain digests stay in memory: what is kept is keyed (`casebook`).
pub type Digest = [u8; 32];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// Of the digests of header and body: no octet is read twice for it.
    pub whole: Digest,
    /// Of what follows the first empty line: the same for every copy, whatever trace fields servers add.
    pub body: Digest,
}

/// Takes the octets of one message, however they are cut into pieces.
#[derive(Default)]
pub struct Digester {
    header: blake3::Hasher,
    body: blake3::Hasher,
    is_body: bool,
    /// Octets of the current header line, CR left out.
    line: usize,
}

impl Digester {
    pub fn update(&mut self, octets: &[u8]) {
        let mut start = 0;
        while !self.is_body && start < octets.len() {
            let found = memchr::memchr(b'\n', &octets[start..]);
            let end = found.map_or(octets.len(), |at| start + at + 1);
            let line = &octets[start..end];
            self.line += line.iter().filter(|octet| !matches!(octet, b'\r' | b'\n')).count();
            self.is_body = found.is_some() && self.line == 0;
            if found.is_some() {
                self.line = 0;
            }
            start = end;
        }
        self.header.update(&octets[..start]);
        self.body.update(&octets[start..]);
    }

    pub fn finish(&self) -> Digests {
        let (header, body) = (self.header.finalize(), self.body.finalize());
        let whole = blake3::Hasher::new().update(header.as_bytes()).update(body.as_bytes()).finalize();
        Digests { whole: whole.into(), body: body.into() }
    }
}

impl Write for Digester {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.update(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
