//! Windows cabinets: a folder is unpacked once, and its files are pieces of it.
//!
//! Source: [MS-CAB].

use std::time::Instant;

use flate2::{Decompress, FlushDecompress, Status};
use lzxd::{Lzxd, WindowSize};
use memchr::memchr;

use crate::finding::Reason;
use crate::scan::extract::members::{Member, Members};
use crate::scan::extract::stream::{Allowance, Unpacked};

/// Of one block of data, unpacked (2.3).
const BLOCK: usize = 32 << 10;
/// Indices of folders above this say that a file began in another cabinet or ends in one (2.4).
const OTHER_CABINET: u16 = 0xfffd;

/// Reads forward through octets; nothing where they end.
#[derive(Clone, Copy)]
struct Cut<'a>(&'a [u8]);

impl<'a> Cut<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<usize> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?) as usize)
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let text = self.take(memchr(0, self.0)?)?;
        self.take(1)?;
        Some(text)
    }
}

struct Folder {
    data: usize,
    blocks: u16,
    kind: u16,
}

struct File<'a> {
    size: usize,
    at: usize,
    folder: u16,
    name: &'a [u8],
}

struct Cabinet<'a> {
    octets: &'a [u8],
    folders: Vec<Folder>,
    files: Vec<File<'a>>,
    /// Octets of other programs in each block.
    reserved: usize,
}

pub fn read(octets: &[u8], members: &mut Members<'_, '_, '_>) {
    let Some(cabinet) = Cabinet::of(octets) else { return members.lacks(Reason::Damaged) };
    for (index, folder) in cabinet.folders.iter().enumerate() {
        let Some(allowance) = members.open() else { return };
        let unpacked = cabinet.unpack(folder, allowance);
        for file in cabinet.files.iter().filter(|file| usize::from(file.folder) == index) {
            if members.open().is_none() {
                return;
            }
            let octets = unpacked.octets.get(file.at..).unwrap_or_default();
            let octets = octets.get(..file.size).unwrap_or(octets);
            let failure = if octets.len() == file.size { None } else { Some(unpacked.failure.unwrap_or(Reason::Damaged)) };
            members.add(Member::file(Some(name(file)), octets.to_vec(), failure));
        }
        if let Some(reason) = unpacked.failure {
            members.lacks(reason);
        }
    }
    for file in cabinet.files.iter().filter(|file| usize::from(file.folder) >= cabinet.folders.len()) {
        if members.open().is_none() {
            return;
        }
        let reason = if file.folder >= OTHER_CABINET { Reason::Unsupported } else { Reason::Damaged };
        members.add(Member::file(Some(name(file)), &[], Some(reason)));
    }
}

fn name(file: &File<'_>) -> String {
    String::from_utf8_lossy(file.name).into_owned()
}

impl<'a> Cabinet<'a> {
    fn of(octets: &'a [u8]) -> Option<Self> {
        let mut cut = Cut(octets);
        cut.take(16)?;
        let files = cut.u32()?;
        cut.take(6)?;
        let (folder_count, file_count, flags) = (cut.u16()?, cut.u16()?, cut.u16()?);
        cut.take(4)?;
        let (mut in_folder, mut reserved) = (0, 0);
        if flags & 4 != 0 {
            let in_header = usize::from(cut.u16()?);
            let &[folder, block] = cut.take(2)? else { return None };
            (in_folder, reserved) = (usize::from(folder), usize::from(block));
            cut.take(in_header)?;
        }
        for _ in 0..2 * (flags & 3).count_ones() {
            cut.string()?;
        }
        let folder = |cut: &mut Cut<'_>| {
            let folder = Folder { data: cut.u32()?, blocks: cut.u16()?, kind: cut.u16()? };
            cut.take(in_folder)?;
            Some(folder)
        };
        let folders = (0..folder_count).map(|_| folder(&mut cut)).collect::<Option<_>>()?;
        let mut cut = Cut(octets.get(files..)?);
        let file = |cut: &mut Cut<'a>| {
            let (size, at, folder) = (cut.u32()?, cut.u32()?, cut.u16()?);
            cut.take(6)?;
            Some(File { size, at, folder, name: cut.string()? })
        };
        let files = (0..file_count).map(|_| file(&mut cut)).collect::<Option<_>>()?;
        Some(Self { octets, folders, files, reserved })
    }

    fn unpack(&self, folder: &Folder, allowance: Allowance) -> Unpacked {
        let mut octets = Vec::new();
        let failure = self.unpack_into(folder, &mut octets, allowance).err();
        Unpacked { octets, failure }
    }

    fn unpack_into(&self, folder: &Folder, out: &mut Vec<u8>, allowance: Allowance) -> Result<(), Reason> {
        let mut method = Method::of(folder.kind)?;
        let mut cut = Cut(self.octets.get(folder.data..).ok_or(Reason::Damaged)?);
        for _ in 0..folder.blocks {
            if out.len() as u64 + BLOCK as u64 > allowance.most || Instant::now() >= allowance.until {
                return Err(Reason::Budget);
            }
            let (packed, unpacked) = self.block(&mut cut).ok_or(Reason::Damaged)?;
            method.unpack(packed, unpacked, out).ok_or(Reason::Damaged)?;
        }
        Ok(())
    }

    /// The next block as it is packed, and its size when unpacked.
    fn block(&self, cut: &mut Cut<'a>) -> Option<(&'a [u8], usize)> {
        cut.take(4)?;
        let (packed, unpacked) = (usize::from(cut.u16()?), usize::from(cut.u16()?));
        cut.take(self.reserved)?;
        Some((cut.take(packed)?, unpacked)).filter(|(_, unpacked)| *unpacked <= BLOCK)
    }
}

/// How the blocks of a folder are packed (2.2).
enum Method {
    Stored,
    MsZip,
    Lzx(Box<Lzxd>),
}

impl Method {
    fn of(kind: u16) -> Result<Self, Reason> {
        match kind & 0xf {
            0 => Ok(Self::Stored),
            1 => Ok(Self::MsZip),
            3 => {
                let window = match kind >> 8 & 0x1f {
                    15 => WindowSize::KB32,
                    16 => WindowSize::KB64,
                    17 => WindowSize::KB128,
                    18 => WindowSize::KB256,
                    19 => WindowSize::KB512,
                    20 => WindowSize::MB1,
                    21 => WindowSize::MB2,
                    _ => return Err(Reason::Damaged),
                };
                Ok(Self::Lzx(Box::new(Lzxd::new(window))))
            }
            _ => Err(Reason::Unsupported),
        }
    }

    fn unpack(&mut self, packed: &[u8], size: usize, out: &mut Vec<u8>) -> Option<()> {
        match self {
            Self::Stored => out.extend_from_slice(packed),
            Self::MsZip => inflate(packed.strip_prefix(b"CK")?, size, out)?,
            Self::Lzx(state) => out.extend_from_slice(state.decompress_next(packed, size).ok()?),
        }
        Some(())
    }
}

/// A block of MSZIP may refer to what the one before it said ([MS-MCI] 2): the end of it is put in front again, as a
/// stored block of DEFLATE (RFC 1951, 3.2.4).
fn inflate(packed: &[u8], size: usize, out: &mut Vec<u8>) -> Option<()> {
    let mut state = Decompress::new(false);
    let before = &out[out.len().saturating_sub(BLOCK)..];
    let mut plain = Vec::with_capacity(before.len() + size);
    if !before.is_empty() {
        let length = u16::try_from(before.len()).ok()?;
        let header = [&[0][..], &length.to_le_bytes(), &(!length).to_le_bytes(), before].concat();
        state.decompress_vec(&header, &mut plain, FlushDecompress::Sync).ok()?;
    }
    let length = before.len();
    let status = state.decompress_vec(packed, &mut plain, FlushDecompress::Finish).ok()?;
    let block = plain.get(length..).filter(|block| status == Status::StreamEnd && block.len() == size)?;
    out.extend_from_slice(block);
    Some(())
}
