//! Pictures in messages: those that stand in drawings, and what is told when not every frame of one is looked at.

use flate2::Compression;
use flate2::write::GzEncoder;
use image::codecs::gif::GifEncoder;
use image::{DynamicImage, Frame, Rgba, RgbaImage};

use super::*;

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
