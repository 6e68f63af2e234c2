//! Putting a message back, as it was.

use std::io::Read;

use async_imap::imap_proto::rfc4315::UidSetMember;
use async_imap::imap_proto::{Response, ResponseCode};

use super::error::ImapError;
use super::folders::Folder;
use super::session::Session;
use super::text::internal_date;
use crate::mail::{Uid, UidValidity};

const APPEND: &str = "APPEND";
const CHUNK: usize = 64 << 10;

/// Where a message came to lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub uidvalidity: UidValidity,
    pub uid: Uid,
}

impl Session {
    /// Adds a message of exactly `size` octets to a folder, with the flags and the date (in seconds since
    /// 1970) that it had. Without UIDPLUS nobody learns where it came to lie.
    ///
    /// # Errors
    /// [`ImapError::No`] when the folder is gone or full; [`ImapError::Memory`] when the octets end early,
    /// in which case the server keeps nothing.
    pub async fn append(
        &mut self,
        folder: &Folder,
        flags: &[String],
        date: i64,
        size: u64,
        mut octets: impl Read + Send,
    ) -> Result<Option<Appended>, ImapError> {
        let folder = folder.quoted(APPEND)?;
        let flags: Vec<_> = flags.iter().map(String::as_str).filter(|flag| is_flag(flag)).collect();
        let line = format!("{} {folder} ({}) \"{}\" {{{size}}}\r\n", self.stamp(APPEND, size)?, flags.join(" "), internal_date(date));
        self.write(line.as_bytes()).await?;
        self.continuation().await?;
        let mut left = size;
        let mut chunk = vec![0; CHUNK];
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            octets.read_exact(&mut chunk[..room]).map_err(|error| ImapError::Memory(error.kind()))?;
            self.write(&chunk[..room]).await?;
            left -= room as u64;
        }
        self.write(b"\r\n").await?;
        let mut place = None;
        while let Some(told) = self.next(place_in).await? {
            place = told.or(place);
        }
        Ok(place)
    }
}

fn place_in(response: &Response<'_>) -> Option<Appended> {
    let Response::Done { outcome, .. } = response else { return None };
    let Some(ResponseCode::AppendUid(uidvalidity, uids)) = &outcome.code else { return None };
    let uid = match uids.first()? {
        UidSetMember::Uid(uid) => *uid,
        UidSetMember::UidRange(range) => *range.start(),
    };
    Some(Appended { uidvalidity: UidValidity(*uidvalidity), uid: Uid::new(uid)? })
}

/// A flag that can be set: an atom, and not `\Recent`, which is the server's own.
fn is_flag(flag: &str) -> bool {
    let name = flag.strip_prefix('\\').unwrap_or(flag);
    !name.is_empty()
        && !flag.eq_ignore_ascii_case("\\Recent")
        && name.bytes().all(|octet| octet.is_ascii_graphic() && !b"(){%*\"\\]".contains(&octet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_atom_is_a_flag() {
        for flag in ["\\Seen", "$Forwarded", "Junk"] {
            assert!(is_flag(flag), "{flag}");
        }
        for flag in ["\\Recent", "", "\\", "a b", "a)\r\nw2 DELETE INBOX", "\\*"] {
            assert!(!is_flag(flag), "{flag}");
        }
    }
}
