//! Octets packed as one stream: gzip, bzip2, xz and their like, unpacked as far as an allowance goes.

use std::io::{self, Read};
use std::time::Instant;

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use lzma_rust2::{LzmaReader, XzReader, lzma_get_memory_usage_by_props};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use super::lzw;
use crate::finding::Reason;

/// Of what a stream refers back to, in octets: the most that the common packers write by themselves. A stream that asks for
/// more is not read.
pub const WINDOW: usize = 64 << 20;
/// The same as the readers of LZMA want it, with room for their tables.
pub const WINDOW_KIB: usize = (WINDOW >> 10) + (4 << 10);

/// A way to pack one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    Bzip2,
    /// Unix compress.
    Compress,
    Gzip,
    /// As it stands alone in a file.
    Lzma,
    Xz,
    Zstd,
}

/// How much may come out of one stream, and until when.
#[derive(Clone, Copy)]
pub struct Allowance {
    /// In octets.
    pub most: u64,
    pub until: Instant,
}

/// What came out of one stream.
pub struct Unpacked {
    /// As much as could be had.
    pub octets: Vec<u8>,
    /// Why it is not all.
    pub failure: Option<Reason>,
}

impl Unpacked {
    pub fn nothing(reason: Reason) -> Self {
        Self { octets: Vec::new(), failure: Some(reason) }
    }
}

impl Allowance {
    /// Reads to the end, or as far as this goes.
    pub fn drain(self, mut source: impl Read) -> Unpacked {
        const PIECE: u64 = 256 << 10;
        let mut octets = Vec::new();
        loop {
            let failure = match source.by_ref().take(PIECE.min(self.most - octets.len() as u64)).read_to_end(&mut octets) {
                Ok(0) => return end(source, octets),
                Ok(_) if Instant::now() >= self.until => Reason::Budget,
                Ok(_) => continue,
                Err(error) => reason(&error),
            };
            return Unpacked { octets, failure: Some(failure) };
        }
    }
}

/// Nothing more came, or there was no more room: one octet further tells which.
fn end(mut source: impl Read, octets: Vec<u8>) -> Unpacked {
    let failure = match source.read(&mut [0]) {
        Ok(0) => None,
        Ok(_) => Some(Reason::Budget),
        Err(error) => Some(reason(&error)),
    };
    Unpacked { octets, failure }
}

/// Unpacks one stream, and those of the same kind that follow it without a gap.
pub fn unpack(codec: Codec, packed: &[u8], allowance: Allowance) -> Unpacked {
    let limit = u32::try_from(WINDOW_KIB).unwrap_or(u32::MAX);
    match codec {
        Codec::Bzip2 => allowance.drain(MultiBzDecoder::new(packed)),
        Codec::Compress => lzw::unpack(packed, allowance),
        Codec::Gzip => allowance.drain(MultiGzDecoder::new(packed)),
        Codec::Lzma => match LzmaReader::new_mem_limit(packed, limit, None) {
            Ok(reader) => allowance.drain(reader),
            Err(error) => Unpacked::nothing(reason(&error)),
        },
        Codec::Xz => allowance.drain(XzReader::new_mem_limit(packed, true, limit)),
        Codec::Zstd => allowance.drain(Frames { rest: packed, frame: None }),
    }
}

/// LZMA as zip packs it (APPNOTE, 5.8): a version, the properties, and the size in octets elsewhere.
pub fn zip_lzma(packed: &[u8], size: u64, allowance: Allowance) -> Unpacked {
    let [_, _, 5, 0, properties, a, b, c, d, data @ ..] = packed else { return Unpacked::nothing(Reason::Damaged) };
    let window = u32::from_le_bytes([*a, *b, *c, *d]);
    match lzma_get_memory_usage_by_props(window, *properties) {
        Ok(memory) if memory as usize > WINDOW_KIB => return Unpacked::nothing(Reason::Budget),
        Ok(_) => {}
        Err(error) => return Unpacked::nothing(reason(&error)),
    }
    match LzmaReader::new_with_props(data, size, *properties, window, None) {
        Ok(reader) => allowance.drain(reader),
        Err(error) => Unpacked::nothing(reason(&error)),
    }
}

/// Frames of Zstandard, one behind the other (RFC 8878, 3.1).
struct Frames<'p> {
    rest: &'p [u8],
    frame: Option<StreamingDecoder<&'p [u8], FrameDecoder>>,
}

impl Frames<'_> {
    /// Steps over one that holds data of other programs; false where there is none.
    fn skip(&mut self) -> io::Result<bool> {
        let [0x50..=0x5f, 0x2a, 0x4d, 0x18, length @ ..] = self.rest else { return Ok(false) };
        let (length, data) = length.split_first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
        let length = u32::from_le_bytes(*length) as usize;
        self.rest = data.get(length..).ok_or(io::ErrorKind::UnexpectedEof)?;
        Ok(true)
    }
}

impl Read for Frames<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let read = frame.read(buffer)?;
                if read > 0 {
                    return Ok(read);
                }
                self.rest = frame.get_ref();
                self.frame = None;
            }
            if self.rest.is_empty() {
                return Ok(0);
            }
            if !self.skip()? {
                let frame = StreamingDecoder::new_with_max_window_size(self.rest, WINDOW as u64);
                self.frame = Some(frame.map_err(|_| io::ErrorKind::InvalidData)?);
            }
        }
    }
}

/// What a failure of a reader means for the message.
fn reason(error: &io::Error) -> Reason {
    match error.kind() {
        io::ErrorKind::OutOfMemory => Reason::Budget,
        io::ErrorKind::Unsupported => Reason::Unsupported,
        _ => Reason::Damaged,
    }
}
