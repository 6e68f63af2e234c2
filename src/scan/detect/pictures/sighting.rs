//! Which entries a picture is near to, in which variant, and what it costs to find that out: for whoever asks why.
//!
//! Unlike when it is judged, a picture is compared in every variant, whatever was found in the one before, and a little
//! further away than counts.

use std::time::{Duration, Instant};

use super::{MAX_DISTANCE, MIN_QUALITY, PictureLists, SAME_FRAME, SAMPLES, Sight, decode, header};
use super::{pdq::Hash, pdq::Pdq, plane::Plane, variants::Variant, variants::variants};
use crate::finding::{Change, Detail, NearEntry, Reason};

/// So many bits beyond the threshold an entry is still told. With it PDQ is searched as far as the index is of use.
const BEYOND: u32 = 12;
/// Entries that are told of each list.
const MOST_TOLD: usize = 5;

/// What was seen of a picture.
pub struct Seen {
    pub size: Option<(u32, u32)>,
    pub orientation: Option<u8>,
    pub detail: Detail,
    pub frames: u32,
    pub compared: u32,
    /// Of the first frame.
    pub quality: u8,
    pub nearest: Vec<NearEntry>,
    pub incomplete: Option<Reason>,
    pub decoding: Duration,
    pub comparing: Duration,
}

impl PictureLists {
    /// Looks at all pixels of every frame that differs from the one before.
    pub fn sighting(&self, octets: &[u8]) -> Seen {
        let header::Header { size, orientation } = header::read(octets);
        let (mut frames, mut compared, mut quality, mut shown) = (0, 0, None, None);
        let mut near = Near::of(self);
        let mut last = None;
        let mut comparing = Duration::ZERO;
        let began = Instant::now();
        let incomplete = decode::decode(octets, &mut |frame| {
            let arrived = Instant::now();
            frames += 1;
            shown.get_or_insert((frame.width(), frame.height()));
            let pdq = Pdq::of(frame);
            if last.is_none_or(|last: Hash| last.distance(&pdq.hash) > SAME_FRAME) {
                last = Some(pdq.hash);
                quality.get_or_insert(pdq.quality);
                compared += 1;
                near.compare(&Sight { pdq, plane: Plane::of(frame, SAMPLES) }, frames);
            }
            comparing += arrived.elapsed();
        });
        let decoding = began.elapsed().saturating_sub(comparing);
        let detail = match frames {
            _ if self.is_empty() => Detail::Nothing,
            _ if self.glance(octets).is_some() => Detail::Frequencies,
            0 => Detail::Nothing,
            _ => Detail::Pixels,
        };
        let (size, quality, nearest) = (shown.or(size), quality.unwrap_or(0), near.told());
        Seen { size, orientation, detail, frames, compared, quality, nearest, incomplete, decoding, comparing }
    }
}

/// The nearest entries of each list.
struct Near<'l> {
    lists: &'l PictureLists,
    /// In the order of the sources.
    told: Vec<Vec<NearEntry>>,
}

impl<'l> Near<'l> {
    fn of(lists: &'l PictureLists) -> Self {
        Self { lists, told: vec![Vec::new(); lists.sources.len()] }
    }

    fn compare(&mut self, sight: &Sight, frame: u32) {
        if sight.pdq.quality < MIN_QUALITY {
            return;
        }
        let lists = self.lists;
        if !lists.pdq.is_empty() {
            let whole = Variant::whole(&sight.pdq);
            for variant in std::iter::once(whole).chain(variants(&sight.plane)).filter(|variant| variant.pdq.quality >= MIN_QUALITY) {
                for (change, hash) in variant.changes() {
                    for (index, source) in &lists.pdq {
                        index.within(&hash, MAX_DISTANCE + BEYOND, |number, distance| {
                            self.offer(*source, number, (distance, MAX_DISTANCE), change, frame);
                        });
                    }
                }
            }
        }
        for (opinion, hashes, source) in &lists.opinions {
            let Some(own) = opinion.of(&sight.plane) else { continue };
            for (number, distance) in hashes.iter().map(|hash| hash.distance(&own)).enumerate() {
                if distance <= opinion.most() + BEYOND {
                    self.offer(*source, number, (distance, opinion.most()), Change::NONE, frame);
                }
            }
        }
    }

    /// Keeps an entry where it is among the nearest, and of one that came before the variant in which it is nearest.
    fn offer(&mut self, source: usize, number: usize, (distance, most): (u32, u32), change: Change, frame: u32) {
        let of = &self.lists.sources[source];
        let entry = u32::try_from(number + 1).unwrap_or(u32::MAX);
        let told = &mut self.told[source];
        if let Some(known) = told.iter_mut().find(|known| known.entry == entry) {
            if distance < known.distance {
                (known.distance, known.change, known.frame) = (distance, change, frame);
            }
        } else {
            let snoozed = of.snoozed.get(&number).copied();
            told.push(NearEntry { list: of.rule.clone(), version: of.version, entry, distance, most, change, frame, snoozed });
        }
        told.sort_by_key(|near| (near.distance, near.entry));
        told.truncate(MOST_TOLD);
    }

    fn told(self) -> Vec<NearEntry> {
        self.told.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Cursor;

    use image::{DynamicImage, ImageFormat};

    use super::super::{compile_list, pdq_of};
    use super::*;
    use crate::finding::{Category, Field, Framing, Location, RuleVersion, Stage, Turn};
    use crate::scan::detect::lists::{DigestKind, List, Source};

    const PHOTOGRAPH: &[u8] = include_bytes!("../../../../tests/pictures/baseline-444.jpg");
    const LARGE: &[u8] = include_bytes!("../../../../tests/pictures/large-baseline.jpg");

    /// One list of PDQ hashes, of which entries are passed over.
    fn lists(hashes: Vec<[u8; 32]>, snoozed: &[usize]) -> PictureLists {
        let until = jiff::civil::Date::constant(2026, 12, 1);
        let source = Source {
            rule: "known-image.own".parse().unwrap(),
            version: RuleVersion([1; 8]),
            category: Category::KnownImage,
            level: None,
            stage: Stage::Hold,
            name: "Own".to_owned(),
            score: 100,
            snoozed: snoozed.iter().map(|number| (*number, until)).collect::<BTreeMap<_, _>>(),
        };
        PictureLists::new(vec![List {
            digests: compile_list(DigestKind::Pdq, hashes.into_iter().map(Vec::from).collect()),
            source,
            path: "hashsets/a.toml".into(),
        }])
    }

    fn pdq(octets: &[u8]) -> [u8; 32] {
        pdq_of(octets).0.unwrap().hash.to_octets()
    }

    /// The same hash with its first bits turned over.
    fn off(hash: [u8; 32], bits: usize) -> [u8; 32] {
        let mut other = hash;
        (0..bits).for_each(|bit| other[bit / 8] ^= 1 << (bit % 8));
        other
    }

    fn png(picture: &DynamicImage) -> Vec<u8> {
        let mut octets = Vec::new();
        picture.write_to(&mut Cursor::new(&mut octets), ImageFormat::Png).unwrap();
        octets
    }

    fn matches(lists: &PictureLists, octets: &[u8]) -> usize {
        let location = Location { part: "2".to_owned(), field: Field::Attachment, place: None };
        lists.look(octets, &location).matches.len()
    }

    #[test]
    fn an_entry_is_told_with_its_number_and_what_was_done_to_the_picture_for_it() {
        let lists = lists(vec![[0x0f; 32], pdq(PHOTOGRAPH), [0xf0; 32]], &[]);
        let number = {
            let mut all = [[0x0f; 32], pdq(PHOTOGRAPH), [0xf0; 32]];
            all.sort_unstable();
            u32::try_from(all.iter().position(|hash| *hash == pdq(PHOTOGRAPH)).unwrap() + 1).unwrap()
        };
        let whole = image::load_from_memory(PHOTOGRAPH).unwrap();
        for (picture, turn) in [
            (whole.clone(), Turn::None),
            (whole.fliph(), Turn::Mirrored),
            (whole.flipv(), Turn::UpsideDown),
            (whole.rotate180(), Turn::Half),
            (whole.rotate270(), Turn::Quarter),
            (whole.rotate90(), Turn::ThreeQuarters),
            (whole.rotate90().fliph(), Turn::OverDiagonal),
            (whole.rotate90().flipv(), Turn::OverOtherDiagonal),
        ] {
            let seen = lists.sighting(&png(&picture));
            let near = &seen.nearest[0];
            assert_eq!((near.entry, near.change.turn, near.change.framing, near.is_match()), (number, turn, Framing::Whole, true));
            assert_eq!((seen.size, seen.frames, seen.compared), (Some((picture.width(), picture.height())), 1, 1));
            assert_eq!(seen.detail, Detail::Pixels);
        }
        let mut inverted = whole;
        inverted.invert();
        assert!(lists.sighting(&png(&inverted)).nearest[0].change.inverted);
    }

    #[test]
    fn what_is_a_little_too_far_is_told_and_is_no_match() {
        let hash = pdq(PHOTOGRAPH);
        let told =
            |bits| lists(vec![off(hash, bits)], &[]).sighting(PHOTOGRAPH).nearest.first().map(|near| (near.distance, near.is_match()));
        assert_eq!((told(31), told(32)), (Some((31, true)), Some((32, false))));
        assert_eq!((told(43), told(44)), (Some((43, false)), None));
    }

    #[test]
    fn an_entry_that_is_passed_over_finds_nothing_and_says_so_and_its_neighbour_goes_on() {
        let hash = pdq(PHOTOGRAPH);
        let mut entries = [hash, off(hash, 5)];
        entries.sort_unstable();
        let first = lists(entries.to_vec(), &[0]);
        let near = first.sighting(PHOTOGRAPH).nearest;
        let asleep: Vec<_> = near.iter().map(|near| (near.entry, near.snoozed.is_some(), near.is_match())).collect();
        assert!(asleep.contains(&(1, true, false)) && asleep.contains(&(2, false, true)), "{asleep:?}");
        assert_eq!(matches(&first, PHOTOGRAPH), 1, "the other entry");
        assert_eq!(matches(&lists(entries.to_vec(), &[0, 1]), PHOTOGRAPH), 0);
        assert_eq!(matches(&lists(vec![pdq(LARGE)], &[0]), LARGE), 0, "by its lowest frequencies");
        assert_eq!(matches(&lists(vec![pdq(LARGE)], &[]), LARGE), 1);
    }

    #[test]
    fn how_a_picture_was_judged_is_told() {
        let seen = lists(vec![[0x0f; 32]], &[]).sighting(LARGE);
        assert_eq!((seen.detail, seen.incomplete), (Detail::Frequencies, None));
        let flat = png(&DynamicImage::new_rgb8(300, 300));
        let seen = lists(vec![pdq(&flat)], &[]).sighting(&flat);
        assert_eq!((seen.quality, seen.nearest.len()), (0, 0), "too little to compare");
        let seen = lists(vec![[0x0f; 32]], &[]).sighting(b"no picture");
        assert_eq!((seen.detail, seen.incomplete, seen.frames), (Detail::Nothing, Some(Reason::Unsupported), 0));
        assert_eq!(
            PictureLists::new(Vec::new()).sighting(PHOTOGRAPH).detail,
            Detail::Nothing,
            "without a list nothing is decoded to judge it"
        );
    }
}
