//! Pictures in messages: those that stand in drawings, and what is told when not every frame of one is looked at.

use flate2::Compression;
use flate2::write::GzEncoder;
use image::codecs::gif::GifEncoder;
use image::{DynamicImage, Frame, Rgba, RgbaImage};

use super::*;
use crate::wire::SourceFile;

fn with_picture(markup: &str) -> String {
    markup.replace("PICTURE", &format!("data:image/png;base64,{}", base64_of(PICTURE).replace("\r\n", "")))
}

fn packed(octets: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(octets).unwrap();
    encoder.finish().unwrap()
}

fn pictures(seen: &Seen) -> Vec<&str> {
    seen.files
        .iter()
        .filter(|(_, _, media_type, size)| *media_type == "image/png" && *size == PICTURE.len())
        .map(|(part, ..)| part.as_str())
        .collect()
}

#[test]
fn a_picture_in_a_drawing_is_a_file_packed_or_not() {
    let drawing = with_picture("<?xml version=\"1.0\"?>\n<!-- made by hand --><svg><image href=\"PICTURE\"/></svg>");
    let seen = see(with_files(&[("a.svg", drawing.as_bytes()), ("b.svgz", &packed(drawing.as_bytes()))]));
    assert_eq!(pictures(&seen), ["2/1", "3/1/1"]);
    assert_eq!((seen.incomplete, seen.defects), (vec![], vec![]));
    let declared = see(format!("Content-Type: image/svg+xml\r\nContent-Disposition: attachment\r\n\r\n{drawing}"));
    assert_eq!(pictures(&declared), ["1/1"]);
}

#[test]
fn a_picture_in_a_drawing_in_a_document_or_in_a_drawing_is_a_file() {
    let drawing = with_picture("<svg><style>a{fill:url('PICTURE')}</style></svg>");
    let docx = zip_of(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("word/document.xml", b"<w:p><w:t>amber</w:t></w:p>"),
        ("word/media/image1.svg", drawing.as_bytes()),
    ]);
    let seen = see(with_files(&[("a.docx", &docx)]));
    assert_eq!(pictures(&seen).len(), 1, "{:?}", seen.files);
    assert_eq!(seen.text("attachment-text 2"), "amber");
    let nested = format!("<svg><image href=\"data:image/svg+xml;base64,{}\"/></svg>", base64_of(drawing.as_bytes()).replace("\r\n", ""));
    assert_eq!(pictures(&see(with_files(&[("b.svg", nested.as_bytes())]))), ["2/1/1"]);
}

#[test]
fn a_picture_behind_an_entity_is_a_file_and_what_grows_without_end_is_told() {
    let entity = with_picture("<!DOCTYPE svg [<!ENTITY p \"PICTURE\">]><svg><image href=\"&p;\"/></svg>");
    assert_eq!(pictures(&see(with_files(&[("a.svg", entity.as_bytes())]))), ["2/1"]);
    let endless = "<!DOCTYPE svg [<!ENTITY a \"&a;&a;\">]><svg><text>&a;</text></svg>";
    assert!(see(with_files(&[("a.svg", endless.as_bytes())])).lacks("2", Reason::Budget));
}

#[test]
fn a_message_with_a_frame_that_is_not_looked_at_is_incomplete() {
    let moving = |frames: u8| {
        let mut octets = Vec::new();
        let mut encoder = GifEncoder::new_with_speed(&mut octets, 30);
        for number in 0..=frames {
            let frame = RgbaImage::from_pixel(8, 8, Rgba([number, 255 - number, 7, 255]));
            (0..2).for_each(|_| encoder.encode_frame(Frame::new(frame.clone())).unwrap());
        }
        drop(encoder);
        report(with_files(&[("a.gif", &octets)])).incomplete
    };
    assert_eq!(moving(249), [], "500 frames");
    assert_eq!(moving(250), [Incomplete { part: "2".to_owned(), reason: Reason::Budget }], "502 frames");
    let mut whole = Vec::new();
    DynamicImage::new_rgb8(20, 20).write_to(&mut Cursor::new(&mut whole), image::ImageFormat::Png).unwrap();
    let damaged = report(with_files(&[("a.png", &whole[..whole.len() / 2])])).incomplete;
    assert_eq!(damaged, [Incomplete { part: "2".to_owned(), reason: Reason::Damaged }]);
}

/// One rule, which finds a red heron.
const RULE: &str = r#"
    schema = 1
    id = "threat.test"
    title = "A made-up rule"
    category = "threat"
    stage = "hold"
    signal = [{ name = "a", terms = ["red heron"] }]
    [decide]
    fire = "a"
    score = 50
    [[example]]
    expect = "match"
    text = "the red heron"
    [[example]]
    expect = "match"
    text = "a red heron"
    [[example]]
    expect = "no-match"
    text = "a heron"
    [[example]]
    expect = "no-match"
    text = "red"
    [[history]]
    date = 2026-11-21
    by = "a test"
    note = "made up"
"#;

#[test]
fn when_the_time_for_pictures_is_over_words_and_digests_are_still_found_and_each_picture_is_told() {
    let mut picture = Vec::new();
    DynamicImage::new_rgb8(20, 20).write_to(&mut Cursor::new(&mut picture), image::ImageFormat::Png).unwrap();
    let list =
        format!("# mailwarden list 1\n# name: own\n# category: known-image\n# kind: sha256\n{}\n", hex::encode(Sha256::digest(&picture)));
    let bundle = Bundle {
        rules: vec![SourceFile { path: "rules/threat/test.toml".into(), octets: RULE.as_bytes().to_vec() }],
        hash_lists: vec![SourceFile { path: "hashsets/own.txt".into(), octets: list.into_bytes() }],
        ..Bundle::default()
    };
    let detectors = Detectors::compile(&bundle).unwrap_or_else(|faults| panic!("{}", faults[0]));
    let packed = zip_of(&[("a.png", &picture), ("b.txt", b"beware of the red heron")]);
    let mail = with_files(&[("c.png", &picture), ("d.zip", &packed), ("e.txt", b"a red heron again")]);
    let seen = |time: Duration| {
        let report = examination(mail.as_bytes(), &detectors, true, time);
        let mut found: Vec<_> = report.findings.iter().map(|found| found.location.part.clone()).collect();
        found.sort();
        let decoded: Vec<_> = report.pictures.into_iter().map(|picture| picture.part).collect();
        (found, decoded, report.incomplete)
    };
    let found: Vec<_> = ["2", "3/1", "3/2", "4"].map(str::to_owned).into();
    let of_time = |part: &str| Incomplete { part: part.to_owned(), reason: Reason::Budget };
    assert_eq!(seen(PICTURES_TIME), (found.clone(), vec!["2".to_owned(), "3/1".to_owned()], vec![]));
    assert_eq!(seen(Duration::ZERO), (found, vec![], vec![of_time("2"), of_time("3/1")]));
}

#[test]
fn looking_at_a_picture_takes_no_time_from_the_words_behind_it() {
    let packed = zip_of(&[("a.png", PICTURE), ("b.txt", b"a red heron")]);
    let declared = Declared::default();
    let leaf = Leaf { part: "2".to_owned(), octets: Cow::Borrowed(&packed), name: None, declared, is_body: false };
    // A tenth of the time of a message.
    let share = Budget::MESSAGE.shares(&[1; 10])[0];
    let mut look = |file: &FileExtract<'_>| {
        let began = Instant::now();
        while file.is_picture && began.elapsed() < share.time() {
            std::hint::spin_loop();
        }
    };
    let mut reader = Reader::new(share, Vec::new(), false, &mut look);
    reader.read(&Item::of_leaf(leaf));
    let extracts = reader.into_extracts();
    assert!(extracts.texts.iter().any(|text| text.text.contains("a red heron")));
    assert_eq!(extracts.incomplete, []);
}
