//! Messages with a word of its own in every part of each.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// Where a rule looks: a message can be caught by each of them alone.
pub const READ: [&str; 15] = [
    "subject",
    "plain body",
    "visible html",
    "hidden html",
    "alternative text",
    "link text",
    "name of an attachment",
    "text of an attachment",
    "text of an attachment in UTF-16",
    "name of a zip member",
    "text of a zip member",
    "text of a docx",
    "subject of a nested message",
    "body of a nested message",
    "preamble",
];

/// A word, and where it was planted.
pub struct Canary {
    pub word: String,
    pub planted: String,
}

/// Every word that was ever planted, none of them twice.
pub struct Garden {
    pub canaries: Vec<Canary>,
    run: u64,
}

impl Garden {
    pub fn new() -> Self {
        let mut run = [0; 8];
        getrandom::fill(&mut run).expect("randomness");
        Self { canaries: Vec::new(), run: u64::from_le_bytes(run) >> 24 }
    }

    /// Letters and digits only, so that it can stand anywhere.
    pub fn plant(&mut self, planted: impl Into<String>) -> String {
        let word = format!("cnry{:04}x{:010x}", self.canaries.len(), self.run);
        self.canaries.push(Canary { word: word.clone(), planted: planted.into() });
        word
    }

    /// A message with a word in every place, and behind it the `trigger` in those places that are `triggered`. `first` are
    /// its first lines.
    pub fn message(&mut self, name: &str, first: &str, trigger: &str, triggered: &[&str]) -> Vec<u8> {
        let mut at = |place: &'static str| {
            let word = self.plant(format!("{place} of `{name}`"));
            if triggered.contains(&place) { format!("{word} {trigger}") } else { word }
        };
        let boundary = at("boundary");
        let mut text = first.to_owned();
        for (field, value) in [
            ("Received", format!("from somewhere ({}) by here", at("trace field"))),
            ("From", format!("{} <{}@school.example>", at("sender name"), at("sender address"))),
            ("To", format!("{} <amber@school.example>, {}@school.example", at("recipient name"), at("recipient address"))),
            ("Cc", format!("{} <{}@elsewhere.example>", at("copy name"), at("copy address"))),
            ("Reply-To", format!("{}@elsewhere.example", at("reply address"))),
            ("List-Unsubscribe", format!("<https://elsewhere.example/{}>", at("list address"))),
            ("Subject", at("subject")),
            ("Date", format!("Mon, 16 Nov 2026 10:00:00 +0000 ({})", at("date comment"))),
            ("Message-ID", format!("<{}@school.example>", at("message id"))),
            ("X-Unknown", at("unknown field")),
            ("MIME-Version", "1.0".to_owned()),
            ("Content-Type", format!("multipart/mixed; boundary=\"{boundary}\"")),
        ] {
            let _ = write!(text, "{field}: {value}\r\n");
        }
        let _ = write!(text, "\r\n{}\r\n", at("preamble"));
        let html = format!(
            "<!-- {} --><p class=\"{}\">{}</p><p style=\"display:none\">{}</p><img alt=\"{}\"><a href=\"https://elsewhere.example/{}\">{}</a>",
            at("html comment"),
            at("html class"),
            at("visible html"),
            at("hidden html"),
            at("alternative text"),
            at("link"),
            at("link text"),
        );
        let utf16: Vec<u8> = at("text of an attachment in UTF-16").encode_utf16().flat_map(u16::to_le_bytes).collect();
        let nested = format!(
            "From: {}@elsewhere.example\r\nTo: {}@elsewhere.example\r\nSubject: {}\r\nDate: Mon, 16 Nov 2026 09:00:00 +0000 ({})\r\n\
             Message-ID: <{}@elsewhere.example>\r\nX-Unknown: {}\r\n\r\n{}\r\n",
            at("sender of a nested message"),
            at("recipient of a nested message"),
            at("subject of a nested message"),
            at("date comment of a nested message"),
            at("message id of a nested message"),
            at("unknown field of a nested message"),
            at("body of a nested message"),
        );
        let parts: [(String, Vec<u8>); 9] = [
            ("Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable".to_owned(), quoted_printable(&at("plain body"))),
            ("Content-Type: text/html".to_owned(), html.into_bytes()),
            (
                format!(
                    "Content-Type: text/plain; charset=utf-8; x={}\r\nContent-ID: <{}@x>\r\nContent-Description: {}\r\n\
                     Content-Disposition: attachment; filename=\"{}.txt\"\r\nContent-Transfer-Encoding: base64",
                    at("content type parameter"),
                    at("content id"),
                    at("content description"),
                    at("name of an attachment"),
                ),
                base64(at("text of an attachment").as_bytes()),
            ),
            (
                "Content-Type: text/plain; charset=utf-16le\r\nContent-Disposition: attachment; filename=\"wide.txt\"\r\n\
                 Content-Transfer-Encoding: base64"
                    .to_owned(),
                base64(&utf16),
            ),
            (
                attachment("application/zip", "some.zip"),
                base64(&zip(&[(&format!("{}.txt", at("name of a zip member")), &at("text of a zip member"))], &at("comment of a zip"))),
            ),
            (
                attachment("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "some.docx"),
                base64(&docx(&at("text of a docx"), &at("name of a docx author"))),
            ),
            (attachment("image/jpeg", "some.jpg"), base64(&jpeg(&at("picture comment of a jpeg"), &at("exif of a jpeg")))),
            (attachment("image/png", "some.png"), base64(&png(&at("text chunk of a png")))),
            ("Content-Type: message/rfc822".to_owned(), nested.into_bytes()),
        ];
        let mut message = text.into_bytes();
        for (header, body) in parts {
            message.extend_from_slice(format!("--{boundary}\r\n{header}\r\n\r\n").as_bytes());
            message.extend_from_slice(&body);
            message.extend_from_slice(b"\r\n");
        }
        message.extend_from_slice(format!("--{boundary}\r\nContent-Type: text/plain; charset={}\r\n\r\nx\r\n", at("charset")).as_bytes());
        message.extend_from_slice(format!("--{boundary}--\r\n{}\r\n", at("epilogue")).as_bytes());
        message
    }
}

fn attachment(kind: &str, name: &str) -> String {
    format!("Content-Type: {kind}\r\nContent-Disposition: attachment; filename=\"{name}\"\r\nContent-Transfer-Encoding: base64")
}

/// With a soft line break in the middle of the word.
fn quoted_printable(text: &str) -> Vec<u8> {
    let (before, after) = text.split_at(text.len() / 3);
    format!("{before}=\r\n{after}").into_bytes()
}

fn base64(octets: &[u8]) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut letters = Vec::new();
    for three in octets.chunks(3) {
        let bits = three.iter().fold(0_u32, |bits, octet| bits << 8 | u32::from(*octet)) << (8 * (3 - three.len()));
        let four = (0..4).map(|letter| if letter <= three.len() { LETTERS[(bits >> (18 - 6 * letter) & 63) as usize] } else { b'=' });
        letters.extend(four);
    }
    letters.chunks(76).flat_map(|line| [line, b"\r\n"].concat()).collect()
}

/// Stored and not deflated, so that the words can be found in what was sealed.
fn zip(members: &[(&str, &str)], comment: &str) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.set_comment(comment).expect("a short comment");
    for (name, text) in members {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(CompressionMethod::Stored)).expect("a member");
        zip.write_all(text.as_bytes()).expect("its octets");
    }
    zip.finish().expect("an archive").into_inner()
}

fn docx(text: &str, author: &str) -> Vec<u8> {
    const KIND: &str = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml";
    let types = format!(
        "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\
         <Override PartName=\"/word/document.xml\" ContentType=\"{KIND}\"/></Types>"
    );
    let document = format!(
        "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p>\
         </w:body></w:document>"
    );
    let core = format!("<coreProperties><creator>{author}</creator></coreProperties>");
    zip(&[("[Content_Types].xml", &types), ("word/document.xml", &document), ("docProps/core.xml", &core)], "")
}

fn picture() -> image::RgbImage {
    image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([x, y, x ^ y].map(|value| u8::try_from(value * 4).unwrap_or(u8::MAX))))
}

fn jpeg(comment: &str, exif: &str) -> Vec<u8> {
    let mut plain = Vec::new();
    picture().write_with_encoder(JpegEncoder::new(&mut plain)).expect("a picture");
    let segment = |kind: u8, octets: &[u8]| {
        let length = u16::try_from(octets.len() + 2).expect("a short segment").to_be_bytes();
        [&[0xff, kind], &length[..], octets].concat()
    };
    // One entry, ImageDescription, whose text lies behind it.
    let count = u8::try_from(exif.len() + 1).expect("a short text");
    let tiff =
        [&b"Exif\0\0II*\0\x08\0\0\0\x01\0\x0e\x01\x02\0"[..], &[count, 0, 0, 0], b"\x1a\0\0\0\0\0\0\0", exif.as_bytes(), b"\0"].concat();
    let (start, rest) = plain.split_at(2);
    [start, &segment(0xe1, &tiff), &segment(0xfe, comment.as_bytes()), rest].concat()
}

fn png(text: &str) -> Vec<u8> {
    const END: usize = 12;
    let mut plain = Vec::new();
    picture().write_with_encoder(PngEncoder::new(&mut plain)).expect("a picture");
    let chunk = [b"tEXtComment\0", text.as_bytes()].concat();
    let length = u32::try_from(chunk.len() - 4).expect("a short chunk").to_be_bytes();
    let (before, end) = plain.split_at(plain.len() - END);
    [before, &length, &chunk, &crc32(&chunk).to_be_bytes(), end].concat()
}

/// Source: RFC 2083, 15.
fn crc32(octets: &[u8]) -> u32 {
    !octets.iter().fold(u32::MAX, |crc, octet| {
        (0..8).fold(crc ^ u32::from(*octet), |crc, _| if crc & 1 == 1 { 0xedb8_8320 ^ crc >> 1 } else { crc >> 1 })
    })
}
