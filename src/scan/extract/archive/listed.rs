//! Whether an archive lists all that is in it: some programs go by the directory at its end, others by the headers that they meet.

use std::ops::Range;

use memchr::memmem::Finder;
use zip::read::OwnedZipFileEntry;

use super::inflate::packed;

/// Before each member, and before each line of the directory (APPNOTE, 4.3.7 and 4.3.12).
const SIGNATURES: [&[u8]; 2] = [b"PK\x03\x04", b"PK\x01\x02"];
/// A line of the directory without its name, its extra fields and its comment, in octets.
const LINE: usize = 46;

/// What the members that are listed take up, and the lines that list them.
#[derive(Default)]
pub struct Listed(Vec<Range<usize>>);

impl Listed {
    pub fn add(&mut self, entry: &OwnedZipFileEntry, archive: &[u8]) {
        let starts = (usize::try_from(entry.header_start()), usize::try_from(entry.central_header_start()));
        let (Ok(member), Ok(line)) = starts else { return };
        if let Some(packed) = packed(entry, archive) {
            self.0.push(member..packed.end);
        }
        if let Some(&[a, b, c, d, e, f]) = archive.get(line..).and_then(|line| line.get(LINE - 18..LINE - 12)) {
            let behind = [[a, b], [c, d], [e, f]].map(|length| usize::from(u16::from_le_bytes(length)));
            self.0.push(line..line + LINE + behind.iter().sum::<usize>());
        }
    }

    /// Looks for more of them between those that are listed. What stands before the first, where the archive is behind another file, is
    /// that file's.
    pub fn accounts_for(mut self, archive: &[u8]) -> bool {
        self.0.sort_unstable_by_key(|span| span.start);
        let signatures = SIGNATURES.map(Finder::new);
        let is_bare = |gap: &[u8]| signatures.iter().all(|signature| signature.find(gap).is_none());
        let is_behind = !SIGNATURES.iter().any(|signature| archive.starts_with(signature));
        let mut from = self.0.first().filter(|_| is_behind).map_or(0, |first| first.start);
        for Range { start, end } in self.0 {
            if !archive.get(from..start).is_none_or(is_bare) {
                return false;
            }
            from = from.max(end);
        }
        archive.get(from..).is_none_or(is_bare)
    }
}
