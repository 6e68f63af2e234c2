//! Pictures that look like one on a list.

mod av1;
mod decode;
mod header;
mod heif;
mod hevc;
mod ico;
mod index;
mod jpeg;
mod luma;
mod opinion;
mod pdq;
mod plane;
mod png;
mod sighting;
mod tiff;
mod variants;

use super::Match;
use super::lists::{Compiled, DigestKind, List, Source, compile};
use crate::finding::{Kind, Location, Opinions, Reason};
use crate::wire::Shared;

pub use index::Index;
use opinion::Opinion;
pub use pdq::Hash;
use pdq::Pdq;
use plane::Plane;
use variants::{SAMPLES, Variant, variants};

/// Two pictures with PDQ hashes at most this many bits apart are the same picture.
pub const MAX_DISTANCE: u32 = 31;
/// A picture of lower quality looks like too many others.
pub const MIN_QUALITY: u8 = 50;
/// So many bits the hash of the lowest frequencies may be off: nearer than that to the threshold, all pixels decide.
const DOUBT: u32 = 10;

/// Two frames of a moving picture whose hashes are at most this many bits apart show the same.
const SAME_FRAME: u32 = 4;

/// Every list of perceptual hashes.
pub struct PictureLists {
    sources: Vec<Source>,
    /// Each with the number of its source, as are those below.
    pdq: Vec<(Index, usize)>,
    opinions: Vec<(Opinion, Vec<Hash>, usize)>,
}

/// What is to be said of one picture.
pub struct Looked {
    pub matches: Vec<Match>,
    /// The first frame, as stored: whatever EXIF says, it is not turned. `None` for a damaged picture.
    pub first: Option<Sight>,
    pub incomplete: Option<Reason>,
}

/// One picture as it is searched for.
pub struct Sight {
    pub pdq: Pdq,
    plane: Plane,
}

/// The hash of the first frame of a picture, and why there is none or were no more frames.
pub fn pdq_of(octets: &[u8]) -> (Option<Pdq>, Option<Reason>) {
    if let Some(plane) = jpeg::plane(octets) {
        return (Some(Pdq::of(&plane)), None);
    }
    let mut first = None;
    let incomplete = decode::decode(octets, &mut |frame| {
        first.get_or_insert_with(|| Pdq::of(frame));
    });
    (first.filter(|_| incomplete != Some(Reason::Damaged)), incomplete)
}

impl Sight {
    /// For whoever makes a school's own list. `None` where the picture is too much like others.
    pub fn opinions(&self) -> Option<Opinions> {
        let of = |opinion: Opinion| Some(opinion.of(&self.plane)?.to_octets());
        let is_telling = self.pdq.quality >= MIN_QUALITY;
        is_telling.then(|| Some(Opinions { dct16: of(Opinion::Dct16)?, gradient16: of(Opinion::Gradient16)? })).flatten()
    }
}

impl PictureLists {
    /// Takes the lists of pictures; those of exact digests are passed over.
    pub fn new(lists: Vec<List>) -> Self {
        let mut all = Self { sources: Vec::new(), pdq: Vec::new(), opinions: Vec::new() };
        for list in lists {
            let source = all.sources.len();
            match list.kind() {
                // Whatever is wrong with a compiled list was told when the lists were read.
                DigestKind::Pdq => all.pdq.extend(Index::open(&list.digests).map(|index| (index, source))),
                DigestKind::Dct16 => all.opinions.push((Opinion::Dct16, hashes(&list), source)),
                DigestKind::Gradient16 => all.opinions.push((Opinion::Gradient16, hashes(&list), source)),
                DigestKind::Md5 | DigestKind::Sha1 | DigestKind::Sha256 => continue,
            }
            all.sources.push(list.source);
        }
        all
    }

    pub fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Looks at every frame of a picture; one match for every list that knows one of them.
    pub fn look(&self, octets: &[u8], location: &Location) -> Looked {
        if let Some((sight, nearest)) = self.glance(octets) {
            return Looked { matches: self.matches(&nearest, location), first: Some(sight), incomplete: None };
        }
        let mut nearest = vec![None; self.sources.len()];
        let (mut first, mut last) = (None, None);
        let incomplete = decode::decode(octets, &mut |frame| {
            let pdq = Pdq::of(frame);
            // A frame that looks like the one before is not searched for again.
            if last.is_none_or(|last: Hash| last.distance(&pdq.hash) > SAME_FRAME) {
                last = Some(pdq.hash);
                let sight = Sight { pdq, plane: Plane::of(frame, SAMPLES) };
                keep_least(&mut nearest, self.nearest(&sight, MAX_DISTANCE));
                first.get_or_insert(sight);
            }
        });
        // A damaged picture is matched by what can be seen of it; what the decoder made up for the rest is told as no hash.
        let first = first.filter(|_| incomplete != Some(Reason::Damaged));
        Looked { matches: self.matches(&nearest, location), first, incomplete }
    }

    /// A large JPEG by its lowest frequencies, where these leave no doubt.
    fn glance(&self, octets: &[u8]) -> Option<(Sight, Vec<Option<u32>>)> {
        let plane = jpeg::plane(octets)?;
        let sight = Sight { pdq: Pdq::of(&plane), plane: Plane::of(&plane, SAMPLES) };
        let nearest = self.nearest(&sight, MAX_DISTANCE + DOUBT);
        let is_doubtful = |distance: &u32| (MAX_DISTANCE + 1 - DOUBT..=MAX_DISTANCE + DOUBT).contains(distance);
        (!nearest.iter().flatten().any(is_doubtful)).then_some((sight, nearest))
    }

    fn matches(&self, nearest: &[Option<u32>], location: &Location) -> Vec<Match> {
        let near = self.sources.iter().zip(nearest).filter_map(|(source, distance)| Some((source, (*distance)?)));
        near.map(|(source, distance)| source.as_match(Kind::Picture, location, Some(distance))).collect()
    }

    /// For every list the distance of its nearest entry, where it is near enough; of PDQ within `most`.
    fn nearest(&self, sight: &Sight, most: u32) -> Vec<Option<u32>> {
        let mut nearest = vec![None; self.sources.len()];
        if sight.pdq.quality < MIN_QUALITY {
            return nearest;
        }
        self.search(&Variant::whole(&sight.pdq), most, &mut nearest);
        for (opinion, hashes, source) in &self.opinions {
            let own = opinion.of(&sight.plane);
            let awake = || hashes.iter().enumerate().filter(|(number, _)| self.is_awake(*source, *number));
            let distances = own.iter().flat_map(|own| awake().map(|(_, hash)| hash.distance(own)));
            nearest[*source] = distances.min().filter(|distance| *distance <= opinion.most());
        }
        // What is found as it is need not be cropped and turned.
        let mut variants = variants(&sight.plane);
        while !self.pdq.is_empty() && nearest.iter().all(Option::is_none) {
            let Some(variant) = variants.next() else { break };
            if variant.pdq.quality >= MIN_QUALITY {
                self.search(&variant, MAX_DISTANCE, &mut nearest);
            }
        }
        nearest
    }

    fn search(&self, variant: &Variant, most: u32, nearest: &mut [Option<u32>]) {
        for hash in variant.hashes() {
            for (index, source) in &self.pdq {
                index.within(&hash, most, |number, distance| {
                    if self.is_awake(*source, number) {
                        keep(&mut nearest[*source], distance);
                    }
                });
            }
        }
    }

    /// Whether an entry of a list is not passed over today.
    fn is_awake(&self, source: usize, number: usize) -> bool {
        !self.sources[source].snoozed.contains_key(&number)
    }
}

fn hashes(list: &List) -> Vec<Hash> {
    list.digests.digests().filter_map(|digest| digest.try_into().ok().map(Hash::from_octets)).collect()
}

/// The distance of the entry of a PDQ list that is nearest to a hash, where one is near enough.
pub fn nearest(list: &List, digest: &[u8]) -> Option<u32> {
    let wanted = Hash::from_octets(digest.try_into().ok()?);
    let mut nearest = None;
    Index::open(&list.digests)?.within(&wanted, MAX_DISTANCE, |_, distance| keep(&mut nearest, distance));
    nearest
}

/// Whether a compiled list is what it says it is.
pub fn is_whole(list: &Compiled) -> bool {
    Index::open(list).is_some()
}

/// A list of these digests, in whatever order they come. Each has as many octets as its kind asks for.
pub fn compile_list(kind: DigestKind, mut digests: Vec<Vec<u8>>) -> Compiled {
    digests.sort_unstable();
    digests.dedup();
    let octets = if kind == DigestKind::Pdq { index::build(&digests) } else { compile(kind, &digests) };
    Compiled::open(&Shared::of(octets), kind).expect("what was just compiled")
}

fn keep(kept: &mut Option<u32>, distance: u32) {
    *kept = Some(kept.map_or(distance, |kept| kept.min(distance)));
}

fn keep_least(kept: &mut [Option<u32>], others: Vec<Option<u32>>) {
    kept.iter_mut().zip(others).for_each(|(kept, other)| other.into_iter().for_each(|distance| keep(kept, distance)));
}
