//! Tar archives: V7, ustar, pax and GNU, sparse files among them.

use tar::Archive;

use crate::finding::Reason;
use crate::scan::extract::members::{Member, Members};

pub fn read(octets: &[u8], members: &mut Members<'_, '_, '_>) {
    let mut archive = Archive::new(octets);
    // Some readers go on behind the blocks of zeros at its end, where another archive may stand.
    archive.set_ignore_zeros(true);
    let Ok(entries) = archive.entries() else { return members.lacks(Reason::Damaged) };
    for entry in entries {
        let Ok(mut entry) = entry else { return members.lacks(Reason::Damaged) };
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() || kind.is_pax_local_extensions() {
            continue;
        }
        let Some(allowance) = members.open() else { return };
        let unpacked = allowance.drain(&mut entry);
        members.add(Member::file(Some(name), unpacked.octets, unpacked.failure));
    }
}
