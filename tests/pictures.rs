//! PDQ against the hashes of the reference implementation, and against hostile files.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::borrow::Cow;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use image::codecs::gif::GifEncoder;
use image::{DynamicImage, Frame, ImageFormat, Rgb, RgbImage};
use mailwarden::finding::{Kind, Reason};
use mailwarden::scan::FileExtract;
use mailwarden::scan::detect::{Detectors, FileReport, MAX_DISTANCE, MIN_QUALITY, fingerprint};
use mailwarden::wire::{Bundle, SourceFile};

/// Rules of conformance of the PDQ reference: within so many bits.
const CONFORMANT: u32 = 10;

#[test]
fn every_picture_of_the_reference_has_the_hash_of_the_reference() {
    let folder = corpus().join("pictures");
    let Ok(vectors) = std::fs::read_to_string(folder.join("vectors.tsv")) else {
        eprintln!("NOT TESTED: no {}; set MAILWARDEN_CORPUS to the folder of test data", folder.join("vectors.tsv").display());
        return;
    };
    let mut distances = Vec::new();
    for line in vectors.lines().filter(|line| !line.starts_with('#')) {
        let [file, full_size, _, quality] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("a line of four columns: {line}") };
        let found = fingerprint(&std::fs::read(folder.join(file)).unwrap());
        let pdq = found.pdq.unwrap_or_else(|| panic!("{file} is not decoded"));
        let distance = distance(pdq, hex::decode(full_size).unwrap().try_into().unwrap());
        eprintln!("{distance:3} bits, quality {:3} and {quality:>3}: {file}", found.quality);
        assert!(distance <= CONFORMANT || quality.parse::<u8>().unwrap() < MIN_QUALITY, "{file} is {distance} bits off");
        distances.push(distance);
    }
    assert!(distances.len() >= 20, "only {} pictures", distances.len());
}

#[test]
fn a_generated_picture_has_the_hash_that_it_always_had() {
    for (seed, golden) in [
        (1, "e7b6fdf6e53724b625731786d9a4deb027a44bee42d91a641a340e037007a26b"),
        (2, "a4b4e18464a790b6a1491bd964506d4bc30f99e6dbac99ce0e17f7cf1463e633"),
        (3, "cbcf8481b4e949cdf9d80cd17f947004be31602c27efda7b0cf768d3882696d2"),
    ] {
        let found = fingerprint(&png(&texture(seed, 400, 300).into()));
        // Cosines are a matter of the machine, to the last bit.
        let distance = distance(found.pdq.unwrap(), hex::decode(golden).unwrap().try_into().unwrap());
        assert!(distance <= 2 && found.quality == 100, "texture {seed}: {distance} bits off, quality {}", found.quality);
    }
}

/// Palettes, print colours, 1, 2, 4 and 16 bits, grey, transparency, and every kind of JPEG that the quick reader takes.
#[test]
fn every_format_gives_the_hash_of_its_twin_in_colour() {
    let folder = Path::new("tests/pictures");
    let expected = std::fs::read_to_string(folder.join("expected.tsv")).unwrap();
    let lines: Vec<_> = expected.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(lines.len() >= 32, "only {} pictures", lines.len());
    for line in lines {
        let (file, expected) = line.split_once('\t').unwrap_or_else(|| panic!("a line of two columns: {line}"));
        let found = fingerprint(&std::fs::read(folder.join(file)).unwrap());
        let pdq = found.pdq.unwrap_or_else(|| panic!("{file}: {:?}", found.incomplete));
        let distance = distance(pdq, hex::decode(expected).unwrap().try_into().unwrap());
        // Large JPEGs are read by their lowest frequencies; everything else is decoded, and exact.
        let is_lossy = ["avif", "heic", "jpg"].iter().any(|lossy| Path::new(file).extension() == Some(lossy.as_ref()));
        let most = if is_lossy { CONFORMANT } else { 0 };
        assert!(distance <= most, "{file} is {distance} bits off");
    }
}

#[test]
fn the_kind_of_pixels_does_not_change_the_hash() {
    let picture = DynamicImage::from(texture(4, 320, 240));
    let grey = DynamicImage::from(picture.to_luma8());
    let reference = fingerprint(&png(&picture)).pdq;
    assert!(reference.is_some());
    for (name, same) in [
        ("with alpha", DynamicImage::from(picture.to_rgba8())),
        ("of 16 bits", DynamicImage::from(picture.to_rgb16())),
        ("of 16 bits with alpha", DynamicImage::from(picture.to_rgba16())),
    ] {
        assert_eq!(fingerprint(&png(&same)).pdq, reference, "{name}");
    }
    let reference = fingerprint(&png(&grey)).pdq;
    for (name, same) in [("grey as colour", DynamicImage::from(grey.to_rgb8())), ("grey of 16 bits", DynamicImage::from(grey.to_luma16()))]
    {
        assert_eq!(fingerprint(&png(&same)).pdq, reference, "{name}");
    }
    let mut bitmap = Vec::new();
    picture.to_rgb8().write_to(&mut Cursor::new(&mut bitmap), ImageFormat::Bmp).unwrap();
    assert_eq!(fingerprint(&bitmap).pdq, fingerprint(&png(&picture)).pdq, "as a bitmap");
}

#[test]
fn a_listed_picture_is_found_turned_mirrored_resized_and_as_a_frame_and_another_is_not() {
    let listed = DynamicImage::from(texture(5, 400, 300));
    let detectors = list("pdq", &hex::encode(fingerprint(&png(&listed)).pdq.unwrap()));
    for (name, copy) in [
        ("itself", listed.clone()),
        ("mirrored", listed.fliph()),
        ("upside down", listed.flipv()),
        ("turned once", listed.rotate90()),
        ("turned twice", listed.rotate180()),
        ("turned thrice", listed.rotate270()),
        ("turned and mirrored", listed.rotate90().fliph()),
        ("turned and upside down", listed.rotate90().flipv()),
        ("smaller", listed.thumbnail(200, 150)),
    ] {
        let report = file(&detectors, &png(&copy));
        assert_eq!(report.matches.len(), 1, "{name}");
        assert_eq!((report.matches[0].finding.kind, report.matches[0].finding.rule.as_str()), (Kind::Picture, "known-image.own"), "{name}");
        assert_eq!(report.picture.unwrap().matched.map(|(_, distance)| distance), report.matches[0].distance, "{name}");
    }
    assert_eq!(file(&detectors, &gif(&[texture(6, 400, 300), texture(5, 400, 300)])).matches.len(), 1, "the second frame");
    assert!(file(&detectors, &png(&texture(6, 400, 300).into())).matches.is_empty());
}

#[test]
fn a_listed_picture_is_found_cropped_framed_and_inverted() {
    let picture = texture(5, 400, 300);
    let detectors = list("pdq", &hex::encode(fingerprint(&png(&picture.clone().into())).pdq.unwrap()));
    let mut framed = RgbImage::from_pixel(460, 520, Rgb([255, 255, 255]));
    image::imageops::replace(&mut framed, &picture, 30, 120);
    let mut inverted = DynamicImage::from(picture.clone());
    inverted.invert();
    let found = [
        ("cropped", DynamicImage::from(picture.clone()).crop_imm(10, 7, 380, 285)),
        ("framed", framed.clone().into()),
        ("framed and mirrored", DynamicImage::from(framed).fliph()),
        ("inverted", inverted),
    ];
    for (name, copy) in found {
        assert_eq!(file(&detectors, &png(&copy)).matches.len(), 1, "{name}");
    }
    assert!(file(&detectors, &png(&DynamicImage::from(picture).crop_imm(150, 100, 200, 150))).matches.is_empty(), "a small part");
}

#[test]
fn a_picture_of_too_little_detail_matches_nothing() {
    let flat = png(&DynamicImage::new_rgb8(300, 300));
    let found = fingerprint(&flat);
    assert!(found.quality < MIN_QUALITY, "{}", found.quality);
    assert!(file(&list("pdq", &hex::encode(found.pdq.unwrap())), &flat).matches.is_empty());
}

#[test]
fn a_large_photograph_is_found_by_its_lowest_frequencies() {
    let listed = std::fs::read("tests/pictures/large-progressive.jpg").unwrap();
    let small = image::load_from_memory(&listed).unwrap().thumbnail(400, 400);
    let detectors = list("pdq", &hex::encode(fingerprint(&png(&small)).pdq.unwrap()));
    let found = file(&detectors, &listed).matches;
    assert_eq!(found.len(), 1);
    assert!(found[0].distance.is_some_and(|distance| distance <= MAX_DISTANCE), "{:?}", found[0].distance);
    // Its first scan is that same picture; all that is shown of it is another.
    assert!(file(&detectors, &std::fs::read("tests/pictures/two-pictures.jpg").unwrap()).matches.is_empty());
}

#[test]
fn a_gradient_list_finds_a_picture_under_a_sticker() {
    let picture = texture(7, 400, 300);
    let mut stickered = picture.clone();
    (0..60).for_each(|x| (0..60).for_each(|y| stickered.put_pixel(x, y, Rgb([255, 255, 255]))));
    let hasher = img_hash::HasherConfig::new().hash_alg(img_hash::HashAlg::Gradient).hash_size(16, 16).to_hasher();
    let detectors = list("gradient16", &hex::encode(hasher.hash_image(&DynamicImage::from(picture)).as_bytes()));
    assert_eq!(file(&detectors, &png(&stickered.into())).matches.len(), 1);
    assert!(file(&detectors, &png(&texture(8, 400, 300).into())).matches.is_empty());
}

#[test]
fn what_cannot_be_decoded_is_incomplete_for_its_reason_and_has_no_hash() {
    let whole = png(&texture(9, 300, 200).into());
    let mut photograph = Vec::new();
    texture(9, 300, 200).write_to(&mut Cursor::new(&mut photograph), ImageFormat::Jpeg).unwrap();
    let web = std::fs::read("tests/pictures/web.avif").unwrap();
    let cases: [(&str, Vec<u8>, Reason); 8] = [
        ("a JPEG cut short", photograph[..photograph.len() * 9 / 10].to_vec(), Reason::Damaged),
        ("cut short", whole[..whole.len() / 2].to_vec(), Reason::Damaged),
        ("no picture", b"hello".to_vec(), Reason::Unsupported),
        ("a photograph of a telephone without the photograph", b"\0\0\0\x18ftypheic\0\0\0\0".to_vec(), Reason::Damaged),
        ("a picture of the web cut short", web[..web.len() * 2 / 3].to_vec(), Reason::Damaged),
        ("a picture of the web whose code is noise", [&web[..400], &[0x55; 5000][..]].concat(), Reason::Damaged),
        ("too many pixels", png_header(60_000, 60_000), Reason::Budget),
        ("a long strip", png_header(40_000, 10), Reason::Budget),
    ];
    let nothing = Detectors::compile(&Bundle::default()).unwrap_or_else(|_| panic!("an empty bundle compiles"));
    for (name, octets, reason) in cases {
        let report = file(&nothing, &octets);
        assert_eq!(report.incomplete, Some(reason), "{name}");
        assert_eq!(report.picture.unwrap().pdq, None, "{name}");
    }
}

#[test]
fn of_a_sequence_in_an_avif_the_first_picture_is_looked_at_and_the_rest_is_told() {
    let moving = std::fs::read("tests/pictures/moving.avif").unwrap();
    let listed = "32f1152e7a863d695f82a689386be9d746982026d3eda6d8c9a64a1f5e4b3e64";
    let report = file(&list("pdq", listed), &moving);
    assert_eq!((report.incomplete, report.matches.len()), (Some(Reason::Video), 1));
}

#[test]
fn every_frame_of_a_moving_picture_is_looked_at_within_its_budget_and_the_rest_is_told() {
    let frames: Vec<_> = (0..20).map(|seed| texture(seed, 80, 60)).collect();
    let listed = fingerprint(&png(&frames[19].clone().into())).pdq.unwrap();
    let detectors = list("pdq", &hex::encode(listed));
    let report = file(&detectors, &gif(&frames));
    assert_eq!((report.incomplete, report.matches.len()), (None, 1), "the last of twenty");
    let many: Vec<_> = (0..501).map(|shade: u32| RgbImage::from_pixel(8, 8, Rgb([u8::try_from(shade % 251).unwrap(); 3]))).collect();
    assert_eq!(file(&detectors, &gif(&many)).incomplete, Some(Reason::Budget));
    assert_eq!(file(&detectors, &gif(&many[..500])).incomplete, None);
}

/// Pictures that look alike in nothing but their size.
fn distinct(count: u32) -> Vec<RgbImage> {
    (0..count).map(|seed| texture(100 + seed, 80, 60)).collect()
}

/// Looked for is the last of them.
fn looked(frames: &[RgbImage], octets: &[u8]) -> (usize, Option<Reason>) {
    let listed = fingerprint(&png(&frames[frames.len() - 1].clone().into())).pdq.unwrap();
    let report = file(&list("pdq", &hex::encode(listed)), octets);
    (report.matches.len(), report.incomplete)
}

#[test]
fn every_frame_of_a_moving_png_or_webp_is_looked_at_and_one_too_many_is_told() {
    let frames = distinct(5);
    assert_eq!(looked(&frames, &moving_png(&frames)), (1, None));
    assert_eq!(looked(&frames, &moving_webp(&frames)), (1, None));
    let small: Vec<_> = (0..501).map(|shade: u32| RgbImage::from_pixel(8, 8, Rgb([u8::try_from(shade % 251).unwrap(); 3]))).collect();
    for moving in [moving_png, moving_webp] {
        assert_eq!(looked(&small, &moving(&small)).1, Some(Reason::Budget));
        assert_eq!(looked(&small, &moving(&small[..500])).1, None);
        // The last frame lacks its end.
        let cut = moving(&frames);
        let (_, incomplete) = looked(&frames, &cut[..cut.len() - 2_000]);
        assert_eq!(incomplete, Some(Reason::Damaged));
    }
}

#[test]
fn a_picture_that_comes_again_between_others_is_found_wherever_it_stands() {
    let pictures = distinct(3);
    let frames = [0, 1, 0, 2, 0].map(|number: usize| pictures[number].clone());
    let digest = hex::encode(fingerprint(&png(&pictures[2].clone().into())).pdq.unwrap());
    assert_eq!(file(&list("pdq", &digest), &gif(&frames)).matches.len(), 1);
}

#[test]
fn every_page_of_a_tiff_is_looked_at_and_one_too_many_is_told() {
    let pages = distinct(33);
    assert_eq!(looked(&pages[..32], &tiff_of(&pages[..32])), (1, None));
    let (_, incomplete) = looked(&pages, &tiff_of(&pages));
    assert_eq!(incomplete, Some(Reason::Budget));
}

#[test]
fn every_picture_of_an_icon_is_looked_at_and_one_too_many_is_told() {
    let pictures = distinct(6);
    let entries = |pictures: &[RgbImage]| -> Vec<Vec<u8>> {
        // A bitmap and a PNG by turns; the crate would look at one of them, and at no PNG without transparency.
        let entry =
            |(number, picture): (usize, &RgbImage)| if number % 2 == 0 { mask_bitmap(picture) } else { png(&picture.clone().into()) };
        pictures.iter().enumerate().map(entry).collect()
    };
    for last in 1..=6 {
        assert_eq!(looked(&pictures[..last], &icon(&entries(&pictures))), (1, None), "entry {last} of 6");
    }
    let many: Vec<_> = (0..65).map(|_| png(&DynamicImage::new_rgb8(16, 16))).collect();
    assert_eq!(looked(&pictures, &icon(&many)).1, Some(Reason::Budget));
    assert_eq!(looked(&pictures, &icon(&many[..64])).1, None);
    let mut cut = icon(&entries(&pictures));
    cut.truncate(cut.len() - 10);
    assert_eq!(looked(&pictures[..1], &cut), (1, Some(Reason::Damaged)), "the others are looked at all the same");
    assert_eq!(looked(&pictures, &icon(&[png_header(30_000, 30_000)])).1, Some(Reason::Budget));
    assert_eq!(looked(&pictures, &icon(&[])).1, Some(Reason::Damaged));
}

#[test]
fn every_page_of_a_scanned_document_is_looked_at() {
    let pages = std::fs::read("tests/pictures/pages.tif").unwrap();
    let last = std::fs::read("tests/pictures/last-page.png").unwrap();
    let detectors = list("pdq", &hex::encode(fingerprint(&last).pdq.unwrap()));
    let report = file(&detectors, &pages);
    assert_eq!((report.incomplete, report.matches.len()), (None, 1));
    assert_ne!(report.picture.unwrap().pdq, fingerprint(&last).pdq, "the first page is another");
}

#[test]
fn damage_anywhere_never_panics() {
    let picture = DynamicImage::from(texture(10, 60, 40));
    let mut formats = vec![png(&picture), gif(&[texture(1, 40, 30), texture(2, 40, 30)])];
    formats.push(icon(&[mask_bitmap(&texture(1, 40, 30)), png(&picture)]));
    for format in [ImageFormat::Jpeg, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::WebP] {
        let mut octets = Vec::new();
        picture.write_to(&mut Cursor::new(&mut octets), format).unwrap();
        formats.push(octets);
    }
    let mut seed = 11_u64;
    for octets in &formats {
        for _ in 0..200 {
            let mut damaged = octets.clone();
            for _ in 0..3 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let at = usize::try_from(seed >> 33).unwrap() % damaged.len();
                damaged[at] ^= u8::try_from((seed >> 24) & 0xff).unwrap();
            }
            fingerprint(&damaged);
        }
    }
}

/// A field of waves, patches and grain: as rich as a photograph, the same on every machine.
fn texture(seed: u32, width: u32, height: u32) -> RgbImage {
    let mut noise = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
    let mut random = move |below: u32| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 8) % below
    };
    let discs: Vec<[u32; 6]> =
        (0..40).map(|_| [random(width), random(height), 5 + random(width / 6), random(256), random(256), random(256)]).collect();
    RgbImage::from_fn(width, height, |x, y| {
        let inside = |disc: &&[u32; 6]| x.abs_diff(disc[0]).pow(2) + y.abs_diff(disc[1]).pow(2) < disc[2].pow(2);
        let [.., red, green, blue] = discs.iter().rfind(inside).copied().unwrap_or([0, 0, 0, x * 255 / width, y * 255 / height, 90]);
        Rgb([red, green, blue].map(|channel| u8::try_from((channel + random(16)).min(255)).unwrap()))
    })
}

fn png(picture: &DynamicImage) -> Vec<u8> {
    let mut octets = Vec::new();
    picture.write_to(&mut Cursor::new(&mut octets), ImageFormat::Png).unwrap();
    octets
}

fn gif(frames: &[RgbImage]) -> Vec<u8> {
    let mut octets = Vec::new();
    let frames = frames.iter().map(|frame| Frame::new(DynamicImage::from(frame.clone()).to_rgba8()));
    GifEncoder::new_with_speed(&mut octets, 30).encode_frames(frames).unwrap();
    octets
}

/// The chunks of a PNG: their kinds and what is in them.
fn chunks(png: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut chunks = Vec::new();
    let mut rest = &png[8..];
    while let Some((length, behind)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        chunks.push((&behind[..4], &behind[4..4 + length]));
        rest = &behind[4 + length + 4..];
    }
    chunks
}

/// Source: PNG (third edition), 11.3.6: the frames are PNGs of one size, put into one file.
fn moving_png(frames: &[RgbImage]) -> Vec<u8> {
    fn add(octets: &mut Vec<u8>, kind: &[u8], body: &[&[u8]]) {
        let whole = [&[kind][..], body].concat().concat();
        octets.extend(u32::try_from(whole.len() - 4).unwrap().to_be_bytes());
        octets.extend_from_slice(&whole);
        octets.extend(crc32(&whole).to_be_bytes());
    }
    let mut octets = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut sequence = 0_u32;
    let mut next = || {
        sequence += 1;
        (sequence - 1).to_be_bytes()
    };
    for (number, frame) in frames.iter().enumerate() {
        let still = png(&frame.clone().into());
        let chunks = chunks(&still);
        let of_kind = |wanted: &'static [u8]| chunks.iter().filter(move |(kind, _)| *kind == wanted).map(|(_, body)| *body);
        if number == 0 {
            add(&mut octets, b"IHDR", &of_kind(b"IHDR").collect::<Vec<_>>());
            add(&mut octets, b"acTL", &[&u32::try_from(frames.len()).unwrap().to_be_bytes(), &[0; 4]]);
        }
        let (width, height) = (frame.width().to_be_bytes(), frame.height().to_be_bytes());
        add(&mut octets, b"fcTL", &[&next(), &width, &height, &[0; 8], &[0, 1, 0, 10], &[0, 0]]);
        for data in of_kind(b"IDAT") {
            if number == 0 { add(&mut octets, b"IDAT", &[data]) } else { add(&mut octets, b"fdAT", &[&next(), data]) }
        }
    }
    add(&mut octets, b"IEND", &[]);
    octets
}

/// Source: RFC 9649, 2.7: the frames are pictures of one size without loss, put into one file.
fn moving_webp(frames: &[RgbImage]) -> Vec<u8> {
    fn chunk(kind: &[u8], body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap().to_le_bytes();
        [kind, &length, body, &vec![0; body.len() % 2]].concat()
    }
    let side = |side: u32| (side - 1).to_le_bytes()[..3].to_vec();
    let (width, height) = frames[0].dimensions();
    let mut body = b"WEBP".to_vec();
    // Bit 1 says that it moves.
    body.extend(chunk(b"VP8X", &[&[2, 0, 0, 0][..], &side(width), &side(height)].concat()));
    body.extend(chunk(b"ANIM", &[0; 6]));
    for frame in frames {
        let mut still = Vec::new();
        DynamicImage::from(frame.clone()).write_to(&mut Cursor::new(&mut still), ImageFormat::WebP).unwrap();
        let place = [&[0; 6][..], &side(width), &side(height), &[100, 0, 0], &[2]].concat();
        body.extend(chunk(b"ANMF", &[&place, &still[12..]].concat()));
    }
    chunk(b"RIFF", &body)
}

fn tiff_of(pages: &[RgbImage]) -> Vec<u8> {
    let mut octets = Cursor::new(Vec::new());
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut octets).unwrap();
    for page in pages {
        encoder.write_image::<tiff::encoder::colortype::RGB8>(page.width(), page.height(), page).unwrap();
    }
    octets.into_inner()
}

/// A bitmap of 24 bits as it stands in an icon: without the header of its file, and with an empty mask.
fn mask_bitmap(picture: &RgbImage) -> Vec<u8> {
    let mut file = Vec::new();
    picture.write_to(&mut Cursor::new(&mut file), ImageFormat::Bmp).unwrap();
    let pixels = u32::from_le_bytes(file[10..14].try_into().unwrap()) as usize;
    let mut header = file[14..14 + 40].to_vec();
    header[..4].copy_from_slice(&40_u32.to_le_bytes());
    header[8..12].copy_from_slice(&(2 * picture.height()).to_le_bytes());
    let mask = vec![0; (picture.width().div_ceil(32) * 4 * picture.height()) as usize];
    [&header[..], &file[pixels..], &mask].concat()
}

/// Of pictures of 80 by 60, or of what says to be so.
fn icon(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut octets = [&[0, 0, 1, 0][..], &u16::try_from(entries.len()).unwrap().to_le_bytes()].concat();
    let mut start = 6 + 16 * entries.len();
    for entry in entries {
        octets.extend([80, 60, 0, 0, 1, 0, 24, 0]);
        octets.extend(u32::try_from(entry.len()).unwrap().to_le_bytes());
        octets.extend(u32::try_from(start).unwrap().to_le_bytes());
        start += entry.len();
    }
    octets.extend(entries.concat());
    octets
}

/// A grey PNG that says to be of this size, and holds nothing.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut octets = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    octets.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
    octets.extend([8, 0, 0, 0, 0]);
    octets.extend(crc32(&octets[12..]).to_be_bytes());
    octets.extend(b"\0\0\0\x01IDAT\0");
    octets.extend(crc32(b"IDAT\0").to_be_bytes());
    octets
}

fn crc32(octets: &[u8]) -> u32 {
    !octets.iter().fold(!0_u32, |crc, octet| (0..8).fold(crc ^ u32::from(*octet), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1))))
}

fn list(kind: &str, digest: &str) -> Detectors {
    let octets = format!("# mailwarden list 1\n# name: Own\n# category: known-image\n# kind: {kind}\n{digest}\n").into_bytes();
    let bundle = Bundle { hash_lists: vec![SourceFile { path: "hashsets/own.txt".into(), octets }], ..Bundle::default() };
    Detectors::compile(&bundle).unwrap_or_else(|faults| panic!("{}", faults[0]))
}

fn file(detectors: &Detectors, octets: &[u8]) -> FileReport {
    let octets = Cow::Borrowed(octets);
    let file = FileExtract { part: "2".to_owned(), octets, name: None, media_type: "image/png", is_picture: true };
    detectors.file(&file, true, Instant::now() + Duration::from_mins(1))
}

fn distance(one: [u8; 32], other: [u8; 32]) -> u32 {
    one.iter().zip(other).map(|(one, other)| (one ^ other).count_ones()).sum()
}

fn corpus() -> PathBuf {
    std::env::var_os("MAILWARDEN_CORPUS").map_or_else(|| PathBuf::from("../shared"), PathBuf::from)
}
