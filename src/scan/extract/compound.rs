//! Compound files (MS-CFB): the storages and streams in which the old Office formats keep everything.
//!
//! It never fails for damage inside: chains that break off or run in circles give what they gave so far.

use std::collections::HashSet;

/// The first octets of every compound file.
pub const MAGIC: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
/// Storages inside one another.
const DEPTH: usize = 16;
/// Entries of one directory that are looked at.
const MOST_ENTRIES: usize = 50_000;
const ENTRY: usize = 128;
/// The largest regular sector number (MS-CFB, 2.1).
const MAX_SECTOR: u32 = 0xffff_fffa;

pub struct Compound<'b> {
    octets: &'b [u8],
    sector: usize,
    fat: Vec<u32>,
    mini_fat: Vec<u32>,
    mini_stream: Vec<u8>,
    cutoff: u64,
    entries: Vec<Entry>,
    streams: Vec<Stream>,
    storages: Vec<String>,
    is_cut_short: bool,
}

struct Entry {
    name: String,
    kind: u8,
    left: usize,
    right: usize,
    child: usize,
    start: u32,
    size: u64,
}

/// One stream, by where it lies.
pub struct Stream {
    /// `ObjectPool/_1234/` with a slash at its end; empty for the root.
    pub storage: String,
    pub name: String,
    start: u32,
    /// In octets, as the file claims.
    pub size: u64,
}

/// What a stream holds, and whether that is all.
pub struct Octets {
    pub octets: Vec<u8>,
    pub is_whole: bool,
}

impl<'b> Compound<'b> {
    /// `None` where neither header nor directory can be made out.
    pub fn open(octets: &'b [u8]) -> Option<Self> {
        let shift = short(octets, 30)?;
        if !octets.starts_with(MAGIC) || !(9..=12).contains(&shift) {
            return None;
        }
        let mut file = Self {
            octets,
            sector: 1 << shift,
            fat: Vec::new(),
            mini_fat: Vec::new(),
            mini_stream: Vec::new(),
            cutoff: u64::from(long(octets, 56)?),
            entries: Vec::new(),
            streams: Vec::new(),
            storages: Vec::new(),
            is_cut_short: false,
        };
        file.fat = file.read_fat()?;
        file.mini_fat = longs(&file.chain(long(octets, 60)?, u64::MAX).octets);
        let directory = file.chain(long(octets, 48)?, u64::MAX).octets;
        file.is_cut_short = directory.len() / ENTRY > MOST_ENTRIES;
        file.entries = directory.chunks_exact(ENTRY).take(MOST_ENTRIES).map(entry).collect();
        let root = file.entries.first()?;
        let (start, size, child) = (root.start, root.size, root.child);
        file.mini_stream = file.chain(start, size).octets;
        file.list(child, "", 0, &mut HashSet::new());
        Some(file)
    }

    pub fn streams(&self) -> &[Stream] {
        &self.streams
    }

    /// Whether there is more in it than is listed: too many entries, or storages too deep inside one another.
    pub fn is_cut_short(&self) -> bool {
        self.is_cut_short
    }

    /// Whether there is a storage of this name, wherever it lies.
    pub fn has_storage(&self, name: &str) -> bool {
        self.storages.iter().any(|own| own.eq_ignore_ascii_case(name))
    }

    pub fn find(&self, storage: &str, name: &str) -> Option<&Stream> {
        self.streams.iter().find(|stream| stream.storage == storage && stream.name.eq_ignore_ascii_case(name))
    }

    pub fn read(&self, stream: &Stream) -> Octets {
        const MINI: usize = 64;
        if stream.size >= self.cutoff {
            return self.chain(stream.start, stream.size);
        }
        let mut octets = Vec::new();
        let mut at = stream.start;
        for _ in 0..self.mini_fat.len() {
            if octets.len() as u64 >= stream.size || at > MAX_SECTOR {
                break;
            }
            let start = at as usize * MINI;
            octets.extend_from_slice(self.mini_stream.get(start..).map_or(&[], |rest| &rest[..rest.len().min(MINI)]));
            at = self.mini_fat.get(at as usize).copied().unwrap_or(u32::MAX);
        }
        cut(octets, stream.size)
    }

    /// Where a sector begins. The header takes the place of one.
    fn sector_at(&self, number: u32) -> &'b [u8] {
        let start = (number as usize + 1).saturating_mul(self.sector);
        self.octets.get(start..).map_or(&[], |rest| &rest[..rest.len().min(self.sector)])
    }

    fn read_fat(&self) -> Option<Vec<u32>> {
        let sectors = self.octets.len() / self.sector + 1;
        let mut places = longs(self.octets.get(76..512)?);
        let mut next = long(self.octets, 68)?;
        for _ in 0..sectors {
            let mut more = longs(self.sector_at(next));
            if next > MAX_SECTOR || more.len() < 2 {
                break;
            }
            next = more.pop()?;
            places.append(&mut more);
        }
        let places = places.into_iter().filter(|place| *place <= MAX_SECTOR).take(sectors);
        let mut fat = Vec::new();
        for place in places {
            fat.extend(longs(self.sector_at(place)));
        }
        Some(fat)
    }

    /// The sectors from this one on, `size` octets at most.
    fn chain(&self, start: u32, size: u64) -> Octets {
        let mut octets = Vec::new();
        let mut at = start;
        for _ in 0..=self.fat.len() {
            if octets.len() as u64 >= size || at > MAX_SECTOR {
                break;
            }
            octets.extend_from_slice(self.sector_at(at));
            at = self.fat.get(at as usize).copied().unwrap_or(u32::MAX);
        }
        cut(octets, size)
    }

    /// Lists a storage: its entries are a binary tree, which is walked without trusting it.
    fn list(&mut self, root: usize, storage: &str, depth: usize, seen: &mut HashSet<usize>) {
        let mut open = vec![root];
        let mut inner = Vec::new();
        while let Some(number) = open.pop() {
            let Some(entry) = self.entries.get(number) else { continue };
            if !seen.insert(number) {
                continue;
            }
            open.extend([entry.right, entry.left]);
            match entry.kind {
                1 => inner.push((entry.child, entry.name.clone())),
                2 => self.streams.push(Stream {
                    storage: storage.to_owned(),
                    name: entry.name.clone(),
                    start: entry.start,
                    size: entry.size,
                }),
                _ => {}
            }
        }
        for (child, name) in inner {
            if depth < DEPTH {
                self.list(child, &format!("{storage}{name}/"), depth + 1, seen);
            } else {
                self.is_cut_short |= self.entries.get(child).is_some();
            }
            self.storages.push(name);
        }
    }
}

fn cut(mut octets: Vec<u8>, size: u64) -> Octets {
    let is_whole = octets.len() as u64 >= size || size == u64::MAX;
    octets.truncate(usize::try_from(size).unwrap_or(usize::MAX));
    Octets { octets, is_whole }
}

fn entry(octets: &[u8]) -> Entry {
    let number = |at: usize| long(octets, at).unwrap_or(u32::MAX);
    let length = usize::from(short(octets, 64).unwrap_or(0)).clamp(2, 64);
    let units: Vec<u16> = octets[..length - 2].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    Entry {
        name: String::from_utf16_lossy(&units),
        kind: octets[66],
        left: number(68) as usize,
        right: number(72) as usize,
        child: number(76) as usize,
        start: number(116),
        // The upper half is not always cleared by writers of small sectors.
        size: u64::from(number(120)),
    }
}

/// A little-endian number of two octets.
pub fn short(octets: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(octets.get(at..)?.get(..2)?.try_into().ok()?))
}

/// A little-endian number of four octets.
pub fn long(octets: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(octets.get(at..)?.get(..4)?.try_into().ok()?))
}

fn longs(octets: &[u8]) -> Vec<u32> {
    octets.chunks_exact(4).map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]])).collect()
}

/// Little-endian UTF-16.
pub fn utf16(octets: &[u8]) -> String {
    let units = octets.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}
