//! The quick reader against the whole decoder, and what it leaves to it.

use super::super::decode::decode;
use super::super::pdq::Pdq;
use super::*;

/// What the rules of conformance allow, in bits.
const CONFORMANT: u32 = 10;

macro_rules! picture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pictures/", $name)).as_slice()
    };
}

fn detail_of(octets: &[u8]) -> Option<Detail> {
    detail(&Plan::read(octets)?)
}

#[test]
fn the_lowest_frequencies_give_the_hash_of_all_pixels() {
    for (name, octets, expected) in [
        ("4:2:0", picture!("baseline-420.jpg"), Detail::Quarters),
        ("4:2:2", picture!("baseline-422.jpg"), Detail::Quarters),
        ("4:4:4", picture!("baseline-444.jpg"), Detail::Quarters),
        ("restarts", picture!("restarts.jpg"), Detail::Quarters),
        ("grey", picture!("grey.jpg"), Detail::Quarters),
        ("large", picture!("large-baseline.jpg"), Detail::Mean),
        ("large and progressive", picture!("large-progressive.jpg"), Detail::Mean),
    ] {
        assert_eq!(detail_of(octets), Some(expected), "{name}");
        let quick = Pdq::of(&plane(octets).unwrap_or_else(|| panic!("{name} is left to the whole decoder")));
        let mut whole = None;
        assert_eq!(decode(octets, &mut |frame| whole = Some(Pdq::of(frame))), None, "{name}");
        let whole = whole.unwrap();
        let distance = quick.hash.distance(&whole.hash);
        assert!(distance <= CONFORMANT && quick.quality.abs_diff(whole.quality) <= 5, "{name}: {distance} bits");
    }
}

#[test]
fn what_is_unusual_is_left_to_the_whole_decoder() {
    assert!(plane(picture!("small-progressive.jpg")).is_none(), "its first scan has the means only");
    assert!(plane(picture!("print.jpg")).is_none(), "four colours");
    assert!(plane(picture!("two-pictures.jpg")).is_none(), "means of one picture, and then those of another");
    let whole = picture!("baseline-420.jpg");
    let red_first = [&whole[..2], b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0\0", &whole[2..]].concat();
    assert!(plane(&red_first).is_none(), "red, green and blue");
    let twelve_bits = replaced(whole, b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c");
    assert!(plane(&twelve_bits).is_none(), "samples of 12 bits");
    let scan = memchr::memmem::find(whole, b"\xff\xda").unwrap();
    let twice = [&whole[..whole.len() - 2], &whole[scan..]].concat();
    assert!(plane(&twice).is_none(), "the scan comes a second time");
    assert!(plane(&replaced(whole, b"\xff\xd9", b"\xff\xdb")).is_none(), "no end");
}

#[test]
fn a_file_that_is_cut_anywhere_has_no_plane() {
    for whole in [picture!("baseline-420.jpg"), picture!("restarts.jpg"), picture!("large-progressive.jpg")] {
        for length in (0..whole.len()).step_by(97) {
            assert!(plane(&whole[..length]).is_none(), "cut at {length}");
        }
    }
}

#[test]
fn a_restart_that_is_missing_is_not_read_past() {
    let whole = picture!("restarts.jpg");
    assert!(plane(&replaced(whole, b"\xff\xd3", b"")).is_none());
}

/// With the last place of `old` replaced.
fn replaced(octets: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let at = memchr::memmem::rfind(octets, old).unwrap();
    [&octets[..at], new, &octets[at + old.len()..]].concat()
}
