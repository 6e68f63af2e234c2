//! Pictures that look like one on a list.

mod decode;
mod gradient;
mod luma;
mod pdq;

use image::DynamicImage;

use super::Match;
use super::lists::{DigestKind, List, Source};
use crate::finding::{Kind, Location, Reason};

use pdq::{Hash, Pdq};

/// Two pictures with PDQ hashes at most this many bits apart are the same picture.
pub const MAX_DISTANCE: u32 = 31;
/// A picture of lower quality looks like too many others.
pub const MIN_QUALITY: u8 = 50;

/// Every list of perceptual hashes.
pub struct PictureLists {
    lists: Vec<PictureList>,
}

struct PictureList {
    kind: DigestKind,
    hashes: Vec<Hash>,
    source: Source,
}

/// What is to be said of one picture.
pub struct Looked {
    pub matches: Vec<Match>,
    /// Of the first frame, as stored: whatever EXIF says, it is not turned. `None` for a damaged picture.
    pub pdq: Option<Pdq>,
    pub incomplete: Option<Reason>,
}

/// The hash of the first frame of a picture, and why there is none or were no more frames.
pub fn pdq_of(octets: &[u8]) -> (Option<Pdq>, Option<Reason>) {
    let decoded = decode::decode(octets);
    let pdq = decoded.frames.first().filter(|_| decoded.incomplete != Some(Reason::Damaged)).map(Pdq::of);
    (pdq, decoded.incomplete)
}

impl PictureLists {
    /// Takes the lists of pictures; those of exact digests are passed over.
    pub fn new(lists: Vec<List>) -> Self {
        let ours = lists.into_iter().filter(|list| matches!(list.kind, DigestKind::Gradient16 | DigestKind::Pdq));
        let lists = ours.map(|list| PictureList {
            kind: list.kind,
            hashes: list.digests.into_iter().filter_map(|digest| digest.try_into().ok()).map(Hash::from_octets).collect(),
            source: list.source,
        });
        Self { lists: lists.collect() }
    }

    pub fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Looks at every frame of a picture; one match for every list that knows one of them.
    pub fn look(&self, octets: &[u8], location: &Location) -> Looked {
        let decoded = decode::decode(octets);
        let hashed: Vec<_> = decoded.frames.iter().map(|frame| (frame, Pdq::of(frame))).collect();
        let telling: Vec<_> = hashed.iter().filter(|(_, pdq)| pdq.quality >= MIN_QUALITY).collect();
        let matches = self.lists.iter().filter_map(|list| {
            let distance = telling.iter().filter_map(|(frame, pdq)| list.nearest(frame, pdq)).min()?;
            Some(list.source.as_match(Kind::Picture, location, Some(distance)))
        });
        let matches = matches.collect();
        // A damaged picture is matched by what can be seen of it; what the decoder made up for the rest is told as no hash.
        let whole = decoded.incomplete != Some(Reason::Damaged);
        let pdq = hashed.first().filter(|_| whole).map(|(_, pdq)| *pdq);
        Looked { matches, pdq, incomplete: decoded.incomplete }
    }
}

impl PictureList {
    /// The distance of the nearest entry, where it is near enough.
    fn nearest(&self, frame: &DynamicImage, pdq: &Pdq) -> Option<u32> {
        match self.kind {
            DigestKind::Pdq => self.nearest_of(&pdq.dihedral(), MAX_DISTANCE),
            _ => self.nearest_of(&[Hash::from_octets(gradient::gradient16(frame)?)], gradient::MAX_DISTANCE),
        }
    }

    fn nearest_of(&self, wanted: &[Hash], most: u32) -> Option<u32> {
        let distances = self.hashes.iter().flat_map(|entry| wanted.iter().map(|hash| hash.distance(entry)));
        distances.min().filter(|distance| *distance <= most)
    }
}
