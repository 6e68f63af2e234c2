//! A message as Outlook saves it: a compound file with a stream for each property and a storage for each attachment.
//!
//! Source: [MS-OXMSG].

use std::collections::BTreeMap;
use std::ops::Bound;
use std::time::Instant;

use super::{PROPERTIES, Voice, attach, kind, property, say, say_rtf, text, voice};
use crate::finding::Reason;
use crate::scan::budget;
use crate::scan::extract::compound::{Compound, Stream};
use crate::scan::extract::members::{Member, Members};
use crate::scan::extract::ole;

/// Names in the storage of a message begin so, whatever they hold (2.2); and what Outlook keeps for itself beside them.
const OWN: [&str; 2] = ["__", "Olk10SideProps_"];
const STREAM: &str = "__substg1.0_";
const ATTACHMENT: &str = "__attach_version1.0_";
/// Of one entry in the stream of properties (2.4.2.1): a tag, flags and the value. The header before them is half of one, or
/// as long as two (2.4.1).
const ENTRY: usize = 16;
/// Of a name or a table of properties, in octets.
const SHORT: u64 = 1 << 16;

pub fn read(octets: &[u8], members: &mut Members<'_, '_, '_>) {
    let Some(file) = Compound::open(octets) else { return members.lacks(Reason::Damaged) };
    let mut storages: BTreeMap<&str, Vec<&Stream>> = BTreeMap::new();
    for stream in file.streams() {
        storages.entry(&stream.storage).or_default().push(stream);
    }
    let is_empty = !file.streams().iter().any(|stream| stream.name.starts_with(STREAM));
    if is_empty {
        members.lacks(Reason::Damaged);
    }
    if file.is_cut_short() {
        members.lacks(Reason::Budget);
    }
    // Another program's document beside the message, or behind a storage that no message has.
    let is_own = |stream: &Stream| {
        let name = if stream.storage.is_empty() { &stream.name } else { &stream.storage };
        OWN.iter().any(|start| name.starts_with(start))
    };
    if !file.streams().iter().all(is_own) {
        members.lacks(Reason::Unsupported);
    }
    Walk { file: &file, storages, members }.message("", None, 0);
}

struct Walk<'a, 'x, 'r, 'f, 'i> {
    file: &'a Compound<'a>,
    /// The streams by the storage that they lie in.
    storages: BTreeMap<&'a str, Vec<&'a Stream>>,
    members: &'x mut Members<'r, 'f, 'i>,
}

/// A stream that holds one value.
struct Property<'a> {
    id: u16,
    kind: u16,
    stream: &'a Stream,
}

impl<'a> Walk<'a, '_, '_, '_, '_> {
    /// A message with all that it carries; `codepage` is that of the message around it.
    fn message(&mut self, storage: &str, codepage: Option<u32>, depth: u8) {
        let codepage = self.codepage(storage).or(codepage);
        for property in self.properties(storage) {
            let Some(octets) = self.stream(property.stream) else { continue };
            match voice(property.id) {
                Voice::Said => say(property.kind, &octets, codepage, self.members),
                Voice::SaidInRtf => say_rtf(&octets, self.members),
                Voice::Attached | Voice::Names(_) | Voice::None => {}
            }
        }
        for attachment in self.within(storage, ATTACHMENT) {
            self.attachment(attachment, codepage, depth);
        }
    }

    fn attachment(&mut self, storage: &str, codepage: Option<u32>, depth: u8) {
        let mut name: Option<(u8, String)> = None;
        let mut data = None;
        for property in self.properties(storage) {
            match voice(property.id) {
                Voice::Attached => data = self.stream(property.stream),
                Voice::Names(rank) if name.as_ref().is_none_or(|(known, _)| *known < rank) => {
                    name = self.short(property.stream).map(|octets| (rank, text(property.kind, &octets, codepage)));
                }
                // It lies elsewhere; where, is written here.
                Voice::Said => {
                    if let Some(octets) = self.stream(property.stream) {
                        say(property.kind, &octets, codepage, self.members);
                    }
                }
                _ => {}
            }
        }
        let name = name.map(|(_, name)| name);
        if let Some(data) = data {
            attach(name.clone(), &data, self.members);
        }
        for object in self.within(storage, STREAM) {
            self.object(name.clone(), object, codepage, depth);
        }
    }

    /// A message inside the message, or what another program keeps.
    fn object(&mut self, name: Option<String>, storage: &str, codepage: Option<u32>, depth: u8) {
        if depth >= budget::CONTAINER_DEPTH {
            return self.members.lacks(Reason::Budget);
        }
        if self.file.find(storage, PROPERTIES).is_some() {
            return self.message(storage, codepage, depth + 1);
        }
        if let Some(name) = name
            && self.members.open().is_some()
        {
            self.members.add(Member::file(Some(name), &[], None));
        }
        let streams: Vec<_> = self.below(storage).flat_map(|(_, streams)| streams).copied().collect();
        for stream in streams {
            let Some(octets) = self.stream(stream) else { continue };
            if stream.name.eq_ignore_ascii_case("\u{1}ole10native") {
                let native = ole::native_stream(&octets);
                attach(native.name, &native.octets, self.members);
            } else {
                attach(Some(stream.name.clone()), &octets, self.members);
            }
        }
    }

    /// As much as there is; where that is not all, the message is incomplete.
    fn stream(&mut self, stream: &Stream) -> Option<Vec<u8>> {
        let allowance = self.members.glance();
        if stream.size > allowance.most || Instant::now() >= allowance.until {
            self.members.lacks(Reason::Budget);
            return None;
        }
        let read = self.file.read(stream);
        if !read.is_whole {
            self.members.lacks(Reason::Damaged);
        }
        Some(read.octets)
    }

    fn short(&mut self, stream: &Stream) -> Option<Vec<u8>> {
        if stream.size > SHORT {
            self.members.lacks(Reason::Budget);
            return None;
        }
        self.stream(stream)
    }

    fn properties(&self, storage: &str) -> Vec<Property<'a>> {
        let property = |stream: &'a Stream| {
            let number = u32::from_str_radix(stream.name.strip_prefix(STREAM)?, 16).ok()?;
            Some(Property { id: u16::try_from(number >> 16).ok()?, kind: u16::try_from(number & 0xffff).ok()?, stream })
        };
        let streams = self.storages.get(storage).into_iter().flatten();
        streams.filter_map(|stream| property(stream)).filter(|property| !matches!(voice(property.id), Voice::None)).collect()
    }

    /// The storages in this one that begin so, with a slash at the end of each.
    fn within(&self, storage: &str, prefix: &str) -> Vec<&'a str> {
        let paths = self.below(storage).filter_map(|(path, _)| {
            let inner = &path[storage.len()..];
            inner.starts_with(prefix).then(|| &path[..storage.len() + inner.find('/').map_or(inner.len(), |slash| slash + 1)])
        });
        let mut paths: Vec<_> = paths.collect();
        paths.dedup();
        paths
    }

    /// A storage and all that lie inside it.
    fn below(&self, storage: &str) -> impl Iterator<Item = (&'a str, &Vec<&'a Stream>)> {
        let from = (Bound::Included(storage), Bound::Unbounded);
        self.storages.range::<str, _>(from).map(|(path, streams)| (*path, streams)).take_while(move |(path, _)| path.starts_with(storage))
    }

    /// Of the strings that are not in Unicode.
    fn codepage(&mut self, storage: &str) -> Option<u32> {
        let octets = self.short(self.file.find(storage, PROPERTIES)?)?;
        let entries = octets.get(octets.len() % ENTRY..)?;
        let wanted = |id: u16| {
            let tag = (u32::from(id) << 16 | u32::from(kind::INTEGER32)).to_le_bytes();
            let entry = entries.chunks_exact(ENTRY).find(|entry| entry.starts_with(&tag))?;
            Some(u32::from_le_bytes(entry[8..12].try_into().ok()?))
        };
        wanted(property::MESSAGE_CODEPAGE).or_else(|| wanted(property::INTERNET_CODEPAGE))
    }
}
