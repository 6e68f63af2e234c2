//! Archives and packed files other than zip: which reader opens which, and what they share.

mod cabinet;
mod rar;
mod sevenzip;
mod tape;

use flate2::read::GzDecoder;

use super::members::{Member, Members};
use super::stream::{self, Codec};
use super::{Item, Reader};

/// How files are packed together, or one by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    Cabinet,
    Rar,
    SevenZip,
    Stream(Codec),
    Tape,
}

pub fn read(reader: &mut Reader<'_>, item: &Item<'_>, packing: Packing) {
    let octets: &[u8] = &item.octets;
    let mut members = Members::of(reader, item);
    match packing {
        Packing::Cabinet => cabinet::read(octets, &mut members),
        Packing::Rar => rar::read(octets, &mut members),
        Packing::SevenZip => sevenzip::read(octets, &mut members),
        Packing::Stream(codec) => single(codec, octets, &mut members),
        Packing::Tape => tape::read(octets, &mut members),
    }
    members.finish();
}

/// A stream has one member. Only gzip writes its name down.
fn single(codec: Codec, octets: &[u8], members: &mut Members<'_, '_, '_>) {
    let Some(allowance) = members.open() else { return };
    let unpacked = stream::unpack(codec, octets, allowance);
    let header = (codec == Codec::Gzip).then(|| GzDecoder::new(octets));
    let name = header.and_then(|decoder| Some(String::from_utf8_lossy(decoder.header()?.filename()?).into_owned()));
    members.add(Member::file(name, unpacked.octets, unpacked.failure));
}
