//! One member of a zip archive: unlocked with what the message itself gives as a password, and unpacked by its method.

use std::io::Cursor;
use std::ops::Range;

use flate2::Crc;
use zip::read::OwnedZipFileEntry;
use zip::result::ZipError;
use zip::{CompressionMethod, read::ZipReadOptions};

use crate::finding::Reason;
use crate::scan::extract::stream::{self, Allowance, Codec, Unpacked, WINDOW};

/// Of the header in front of a member, without its name and its extra fields (APPNOTE, 4.3.7).
const LOCAL_HEADER: usize = 30;

/// What came of a locked member.
pub enum Unlocked {
    /// With the key of this index.
    By(usize, Unpacked),
    No(Unpacked),
}

/// A key fits where all that it unlocks is whole: of the old cipher, one wrong key in 256 opens the member to rubbish.
pub fn unlock(entry: &OwnedZipFileEntry, archive: &[u8], allowance: Allowance, keys: &[String]) -> Unlocked {
    for (index, key) in keys.iter().enumerate() {
        let unpacked = with_key(entry, archive, allowance, Some(key.as_bytes()));
        if matches!(unpacked.failure, None | Some(Reason::Budget)) {
            return Unlocked::By(index, unpacked);
        }
    }
    Unlocked::No(Unpacked::nothing(Reason::EncryptedArchive))
}

/// As much of a member without a lock as the allowance lets through.
pub fn inflate(entry: &OwnedZipFileEntry, archive: &[u8], allowance: Allowance) -> Unpacked {
    let method = entry.compression();
    let unpacked = match packed(entry, archive).and_then(|packed| archive.get(packed)) {
        Some(packed) if method == CompressionMethod::LZMA => stream::zip_lzma(packed, entry.size(), allowance),
        Some(packed) if method == CompressionMethod::XZ => stream::unpack(Codec::Xz, packed, allowance),
        Some(packed) if method == CompressionMethod::ZSTD || method == CompressionMethod::ZSTD_DEPRECATED => {
            stream::unpack(Codec::Zstd, packed, allowance)
        }
        Some(packed) if method == CompressionMethod::PPMD && ppmd_window(packed) > WINDOW => Unpacked::nothing(Reason::Budget),
        _ => return with_key(entry, archive, allowance, None),
    };
    verified(unpacked, entry.crc32())
}

fn with_key(entry: &OwnedZipFileEntry, archive: &[u8], allowance: Allowance, key: Option<&[u8]>) -> Unpacked {
    let mut source = Cursor::new(archive);
    match entry.as_ref().with_reader(&mut source, ZipReadOptions::new().password(key)) {
        Ok(file) => allowance.drain(file),
        Err(error) => Unpacked::nothing(reason(&error)),
    }
}

/// Where the octets of a member are as they are stored.
pub fn packed(entry: &OwnedZipFileEntry, archive: &[u8]) -> Option<Range<usize>> {
    let header = usize::try_from(entry.header_start()).ok()?;
    let local = archive.get(header..)?;
    let &[name, more_of_name, extra, more_of_extra] = local.get(LOCAL_HEADER - 4..LOCAL_HEADER)? else { return None };
    let behind = u16::from_le_bytes([name, more_of_name]) as usize + u16::from_le_bytes([extra, more_of_extra]) as usize;
    let start = header + LOCAL_HEADER + behind;
    let end = start.checked_add(usize::try_from(entry.compressed_size()).ok()?)?;
    (end <= archive.len()).then_some(start..end)
}

/// In octets (APPNOTE, 5.10).
fn ppmd_window(packed: &[u8]) -> usize {
    packed.first_chunk().map_or(0, |parameters| ((usize::from(u16::from_le_bytes(*parameters)) >> 4 & 0xff) + 1) << 20)
}

fn verified(unpacked: Unpacked, crc32: u32) -> Unpacked {
    let mut crc = Crc::new();
    crc.update(&unpacked.octets);
    let failure = unpacked.failure.or((crc.sum() != crc32).then_some(Reason::Damaged));
    Unpacked { failure, ..unpacked }
}

pub fn reason(error: &ZipError) -> Reason {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) | ZipError::InvalidPassword => Reason::EncryptedArchive,
        ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => Reason::Unsupported,
        _ => Reason::Damaged,
    }
}
