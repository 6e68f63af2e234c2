//! What a file is, by its octets and never by its name, and what is done with it: one table.

use memchr::memmem;

use super::compound::Compound;
use super::mailbox;
use super::outlook::{self, Wrapping};
use super::packed::Packing;
use super::shortcut;
use super::stream::Codec;
use crate::finding::Reason;
use crate::scan::parse::{Declared, charset_text};

/// What a file turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sniffed {
    pub media_type: &'static str,
    pub family: Family,
}

/// Who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Zip, and the office formats that are zip inside.
    Archive,
    /// An invitation or a contact card.
    Calendar,
    Html,
    /// A whole message with a header of its own.
    Mail,
    /// Many of them, one behind the other.
    Mailbox,
    /// Nothing in it can be read or seen: no octets, or a signature beside what it signs.
    Nothing,
    /// Documents in compound files: those of Office until 2003.
    Office,
    Outlook(Wrapping),
    /// Packed in another way than zip.
    Packed(Packing),
    Pdf,
    /// A format that is decoded and looked at.
    Picture,
    Rtf,
    /// It holds nothing but where something else lies.
    Shortcut,
    /// A message inside its signature.
    Signed,
    Text,
    Unread(Reason),
}

impl Family {
    /// What a message says may be of it.
    pub fn is_words(self) -> bool {
        matches!(self, Self::Calendar | Self::Html | Self::Nothing | Self::Text)
    }

    /// Reading it brings further files to light.
    pub fn is_container(self) -> bool {
        !matches!(self, Self::Nothing | Self::Picture | Self::Shortcut | Self::Text | Self::Unread(_))
    }
}

struct Magic {
    at: usize,
    octets: &'static [u8],
    is: Sniffed,
}

const fn magic(at: usize, octets: &'static [u8], media_type: &'static str, family: Family) -> Magic {
    Magic { at, octets, is: Sniffed { media_type, family } }
}

const fn stream(codec: Codec) -> Family {
    Family::Packed(Packing::Stream(codec))
}

const UNSUPPORTED: Family = Family::Unread(Reason::Unsupported);
const VIDEO: Family = Family::Unread(Reason::Video);

/// A drawing in XML.
pub const SVG: &str = "image/svg+xml";

/// The table. Only marks that no ordinary text begins with.
const MAGICS: &[Magic] = &[
    magic(0, b"\xff\xd8\xff", "image/jpeg", Family::Picture),
    magic(0, b"\x89PNG\r\n\x1a\n", "image/png", Family::Picture),
    magic(0, b"GIF87a", "image/gif", Family::Picture),
    magic(0, b"GIF89a", "image/gif", Family::Picture),
    magic(0, b"II*\0", "image/tiff", Family::Picture),
    magic(0, b"MM\0*", "image/tiff", Family::Picture),
    magic(0, b"II+\0", "image/tiff", Family::Picture),
    magic(0, b"MM\0+", "image/tiff", Family::Picture),
    magic(0, b"\0\0\x01\0", "image/vnd.microsoft.icon", Family::Picture),
    magic(0, b"PK\x03\x04", "application/zip", Family::Archive),
    magic(0, b"PK\x05\x06", "application/zip", Family::Archive),
    magic(0, b"PK\x07\x08", "application/zip", Family::Archive),
    magic(0, b"8BPS", "image/vnd.adobe.photoshop", UNSUPPORTED),
    magic(0, b"\xff\x0a", "image/jxl", UNSUPPORTED),
    magic(0, b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl", UNSUPPORTED),
    magic(0, b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2", UNSUPPORTED),
    magic(0, b"\xd7\xcd\xc6\x9a", "image/wmf", UNSUPPORTED),
    magic(40, b" EMF", "image/emf", UNSUPPORTED),
    magic(0, b"%PDF-", "application/pdf", Family::Pdf),
    magic(0, b"%!PS", "application/postscript", UNSUPPORTED),
    magic(0, b"{\\rtf", "application/rtf", Family::Rtf),
    magic(0, shortcut::LINK, "application/x-ms-shortcut", Family::Shortcut),
    magic(0, shortcut::ADDRESS, "application/internet-shortcut", Family::Shortcut),
    magic(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage", Family::Office),
    magic(0, b"\x78\x9f\x3e\x22", "application/vnd.ms-tnef", Family::Outlook(Wrapping::Tnef)),
    magic(0, b"\x1f\x8b", "application/gzip", stream(Codec::Gzip)),
    magic(0, b"\x1f\x9d", "application/x-compress", stream(Codec::Compress)),
    magic(4, b"1AY&SY", "application/x-bzip2", stream(Codec::Bzip2)),
    magic(0, b"\xfd7zXZ\0", "application/x-xz", stream(Codec::Xz)),
    magic(0, b"\x28\xb5\x2f\xfd", "application/zstd", stream(Codec::Zstd)),
    magic(0, b"\x04\x22\x4d\x18", "application/x-lz4", UNSUPPORTED),
    magic(0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed", Family::Packed(Packing::SevenZip)),
    magic(0, b"Rar!\x1a\x07", "application/vnd.rar", Family::Packed(Packing::Rar)),
    magic(0, b"MSCF\0\0\0\0", "application/vnd.ms-cab-compressed", Family::Packed(Packing::Cabinet)),
    magic(257, b"ustar", "application/x-tar", Family::Packed(Packing::Tape)),
    magic(0, b"\x1a\x45\xdf\xa3", "video/x-matroska", VIDEO),
    magic(0, b"FLV\x01", "video/x-flv", VIDEO),
    magic(0, b"\0\0\x01\xba", "video/mpeg", VIDEO),
    magic(0, b"\0\0\x01\xb3", "video/mpeg", VIDEO),
    magic(0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf", VIDEO),
    magic(4, b"moov", "video/quicktime", VIDEO),
    magic(4, b"mdat", "video/quicktime", VIDEO),
    magic(0, b"OggS\0", "application/ogg", VIDEO),
    magic(0, b"-----BEGIN PGP MESSAGE-----", "application/pgp-encrypted", Family::Unread(Reason::EncryptedMessage)),
];

/// By the octets, as far as a declaration of text does not rule: what is declared as text is shown as text
/// unless it carries the mark of something else.
pub fn sniff(octets: &[u8], declared: Declared<'_>) -> Sniffed {
    if octets.is_empty() {
        return Sniffed { media_type: "application/x-empty", family: Family::Nothing };
    }
    marked(octets).unwrap_or_else(|| {
        let (media_type, family) = match () {
            () if declared.is("message", "partial") || declared.is("message", "external-body") => ("message/partial", UNSUPPORTED),
            () if mailbox::behind_start(octets).is_some_and(looks_like_mail) => ("application/mbox", Family::Mailbox),
            () if looks_like_calendar(octets) => ("text/calendar", Family::Calendar),
            () if declared.is("text", "html") => ("text/html", Family::Html),
            () if looks_like_drawing(octets) => (SVG, Family::Html),
            () if declared.is_text() => ("text/plain", Family::Text),
            () if memmem::find(&octets[..octets.len().min(1 << 10)], b"%PDF-").is_some() => ("application/pdf", Family::Pdf),
            () if !looks_like_text(octets) => ("application/octet-stream", UNSUPPORTED),
            () if looks_like_html(octets) => ("text/html", Family::Html),
            () if looks_like_mail(octets) => ("message/rfc822", Family::Mail),
            () => ("text/plain", Family::Text),
        };
        Sniffed { media_type, family }
    })
}

fn marked(octets: &[u8]) -> Option<Sniffed> {
    let by_table = MAGICS.iter().find(|magic| octets.get(magic.at..).is_some_and(|rest| rest.starts_with(magic.octets)));
    let is = match by_table.map(|magic| magic.is) {
        Some(Sniffed { media_type: "application/zip", family }) => Sniffed { media_type: zip_type(octets), family },
        Some(is @ Sniffed { media_type: "application/x-ole-storage", .. }) => compound(octets).unwrap_or(is),
        Some(is) => is,
        None => boxed(octets).or_else(|| signed_or_enveloped(octets))?,
    };
    Some(is)
}

/// The formats whose mark is not at one fixed place: RIFF, ISO media (ISO 14496-12), BMP, MPEG-TS.
fn boxed(octets: &[u8]) -> Option<Sniffed> {
    let riff = |kind: &[u8]| octets.starts_with(b"RIFF") && octets.get(8..12) == Some(kind);
    let brand = (octets.get(4..8) == Some(b"ftyp")).then(|| octets.get(8..12)).flatten();
    let is_bitmap = octets.starts_with(b"BM")
        && octets.get(6..10) == Some(&[0; 4])
        && matches!(octets.get(14..18), Some([12 | 40 | 52 | 56 | 64 | 108 | 124, 0, 0, 0]));
    let is_transport = [0, 188, 376].iter().all(|&at| octets.get(at) == Some(&0x47));
    let (media_type, family) = match () {
        () if riff(b"WEBP") => ("image/webp", Family::Picture),
        () if riff(b"AVI ") => ("video/x-msvideo", VIDEO),
        () if riff(b"WAVE") => ("audio/wav", UNSUPPORTED),
        () if is_bitmap => ("image/bmp", Family::Picture),
        () if is_old_tape(octets) => ("application/x-tar", Family::Packed(Packing::Tape)),
        () if is_lzma(octets) => ("application/x-lzma", stream(Codec::Lzma)),
        () if is_transport && !looks_like_text(octets) => ("video/mp2t", VIDEO),
        () => match brand? {
            b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => ("image/heic", Family::Picture),
            b"avif" | b"avis" => ("image/avif", Family::Picture),
            b"M4A " | b"M4B " => ("audio/mp4", UNSUPPORTED),
            _ => ("video/mp4", VIDEO),
        },
    };
    Some(Sniffed { media_type, family })
}

/// A tar archive from before there was a mark has a checksum, over a header in which it counts as spaces itself.
fn is_old_tape(octets: &[u8]) -> bool {
    let Some((header, _)) = octets.split_first_chunk::<512>() else { return false };
    let (before, rest) = header.split_at(148);
    let (field, behind) = rest.split_at(8);
    let sum: u32 = before.iter().chain(&[b' '; 8]).chain(behind).map(|octet| u32::from(*octet)).sum();
    let digits = str::from_utf8(field).map(|field| field.trim_matches([' ', '\0'])).unwrap_or_default();
    header[0] != 0 && u32::from_str_radix(digits, 8) == Ok(sum)
}

/// LZMA alone has no mark: the usual properties, a window that is a power of two, and a size that is not given or not absurd.
fn is_lzma(octets: &[u8]) -> bool {
    const MOST: u64 = 1 << 40;
    let Some((&[0x5d, a, b, c, d], size)) = octets.split_first_chunk() else { return false };
    let size = size.first_chunk().map_or(MOST, |size| u64::from_le_bytes(*size));
    u32::from_le_bytes([a, b, c, d]).is_power_of_two() && a == 0 && (size == u64::MAX || size < MOST)
}

/// Cryptographic Message Syntax (RFC 5652) in DER or BER: the object identifier of its content type stands
/// in the first octets.
fn signed_or_enveloped(octets: &[u8]) -> Option<Sniffed> {
    const PKCS7: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];
    // RFC 3274, 1.1.
    const COMPRESSED: &[u8] = &[0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x09];
    if octets.first() != Some(&0x30) {
        return None;
    }
    let head = &octets[..octets.len().min(128)];
    if memmem::find(head, COMPRESSED).is_some() {
        return Some(Sniffed { media_type: "application/pkcs7-mime", family: Family::Signed });
    }
    let at = memmem::find(head, PKCS7)? + PKCS7.len();
    let family = match head.get(at)? {
        // signedData around data (RFC 5652, 5.2): without octets of its own it is a signature and no more.
        2 => {
            let inner = memmem::find(&head[at..], PKCS7).map(|found| at + found);
            let is_detached = inner.is_some_and(|inner| {
                let (before, after) = (&head[..inner], head.get(inner + PKCS7.len() + 1..).unwrap_or_default());
                before.ends_with(&[0x30, 0x0b]) || before.ends_with(&[0x30, 0x80]) && after.starts_with(&[0, 0])
            });
            if is_detached { Family::Nothing } else { Family::Signed }
        }
        3 | 4 | 6 => Family::Unread(Reason::EncryptedMessage),
        _ => UNSUPPORTED,
    };
    Some(Sniffed { media_type: "application/pkcs7-mime", family })
}

/// Office formats are told apart by a name in the directory at the end of the archive.
fn zip_type(octets: &[u8]) -> &'static str {
    const NAMES: &[(&[u8], &str)] = &[
        (b"word/document", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (b"ppt/presentation", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
        (b"xl/workbook", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
        (b"[Content_Types].xml", "application/vnd.openxmlformats-package"),
    ];
    if octets.get(30..38) == Some(b"mimetype") {
        let is_book = octets.get(38..58) == Some(b"application/epub+zip");
        return if is_book { "application/epub+zip" } else { "application/vnd.oasis.opendocument" };
    }
    let directory = &octets[octets.len().saturating_sub(64 << 10)..];
    NAMES.iter().find(|(name, _)| memmem::find(directory, name).is_some()).map_or("application/zip", |(_, media_type)| media_type)
}

/// Compound files that are no document to be read, by what lies in their root: in an embedded object or in a text the same names
/// mean nothing.
fn compound(octets: &[u8]) -> Option<Sniffed> {
    let file = Compound::open(octets)?;
    let has = |name: &str| file.find("", name).is_some();
    match () {
        // MS-OFFCRYPTO, 1.3.3.
        () if has("EncryptedPackage") => {
            Some(Sniffed { media_type: "application/x-ole-storage", family: Family::Unread(Reason::EncryptedDocument) })
        }
        () if has(outlook::PROPERTIES) => {
            Some(Sniffed { media_type: "application/vnd.ms-outlook", family: Family::Outlook(Wrapping::CompoundFile) })
        }
        () => None,
    }
}

/// The end of a zip directory stands at the end of the octets, whatever they begin with.
pub fn has_archive_behind(octets: &[u8]) -> bool {
    const END: &[u8] = b"PK\x05\x06";
    let tail = &octets[octets.len().saturating_sub(22 + (64 << 10))..];
    // Forwards, though it is the last one that counts: only so does the library search with vector instructions.
    memmem::find_iter(tail, END).last().is_some_and(|at| tail.len() - at >= 22)
}

/// Where an archive begins behind a picture or a document, which ends before it: the programs that open such archives search for
/// their marks.
pub fn packed_behind(octets: &[u8], family: Family) -> Option<usize> {
    const MARKS: [&[u8]; 2] = [b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07"];
    let ends_before = matches!(family, Family::Pdf | Family::Picture);
    ends_before.then(|| MARKS.iter().filter_map(|mark| memmem::find(octets, mark)).min()).flatten()
}

/// Next to no control characters in any stretch of it, read in its charset. A few are passed over, as old programs write them.
pub fn reads_as_text(octets: &[u8], charset: Option<&str>) -> bool {
    const STRETCH: usize = 4 << 10;
    const FEW: usize = 4;
    let is_bearable = |odd: usize, length: usize| odd <= FEW + length / 100;
    if is_wide(octets, charset) {
        let characters: Vec<char> = charset_text(octets, charset).0.chars().collect();
        return characters.chunks(STRETCH).all(|stretch| is_bearable(stretch.iter().filter(|c| is_odd(**c)).count(), stretch.len()));
    }
    // Some charsets shift with 14, 15 and 27.
    let is_odd = |octet: &&u8| matches!(octet, 0..=8 | 11 | 16..=26 | 28..=31 | 127);
    octets.chunks(STRETCH).all(|stretch| is_bearable(stretch.iter().filter(is_odd).count(), stretch.len()))
}

/// Of more than one octet a character, NUL among them.
fn is_wide(octets: &[u8], charset: Option<&str>) -> bool {
    let starts = |label: &str, start: &str| label.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
    let is_declared =
        charset.is_some_and(|label| ["utf-16", "utf16", "utf-32", "ucs-2", "iso-10646-ucs"].iter().any(|wide| starts(label, wide)));
    is_declared || charset.is_none() && matches!(octets, [0xff, 0xfe, ..] | [0xfe, 0xff, ..])
}

/// Signs that chance makes of octets, and people next to never write.
fn is_odd(character: char) -> bool {
    matches!(character, '\0'..='\u{8}' | '\u{b}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{e000}'..='\u{f8ff}' | '\u{fffd}'..='\u{ffff}')
}

/// What a text is besides, by its first octets: some readers of mail show a page as one, and open a message by its name. A message
/// without a type or an encoding of its own says no more than its text.
pub fn besides(octets: &[u8]) -> Option<Family> {
    let has_field = |octets: &[u8]| {
        let mut lines = octets.split(|octet| *octet == b'\n').take_while(|line| !line.trim_ascii().is_empty());
        lines.any(|line| line.get(..9).is_some_and(|head| head.eq_ignore_ascii_case(b"content-t")))
    };
    match () {
        () if looks_like_html(octets) => Some(Family::Html),
        () if looks_like_mail(octets) && has_field(octets) => Some(Family::Mail),
        () => None,
    }
}

/// No NUL and next to no other control characters at the beginning and at the end, or UTF-16 with its mark.
fn looks_like_text(octets: &[u8]) -> bool {
    const PROBE: usize = 4 << 10;
    if matches!(octets, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        return reads_as_text(octets, None);
    }
    let head = &octets[..octets.len().min(PROBE)];
    let tail = if octets.len() > PROBE { &octets[octets.len() - PROBE..] } else { &[] };
    [head, tail].iter().all(|end| {
        let odd = end.iter().filter(|octet| matches!(octet, 1..=8 | 11 | 14..=26 | 28..=31 | 127)).count();
        !end.contains(&0) && odd * 100 <= end.len()
    })
}

fn looks_like_calendar(octets: &[u8]) -> bool {
    let octets = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets).trim_ascii_start();
    [&b"BEGIN:VCALENDAR"[..], b"BEGIN:VCARD"]
        .iter()
        .any(|start| octets.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)))
}

fn looks_like_html(octets: &[u8]) -> bool {
    const STARTS: &[&[u8]] = &[b"<!doctype html", b"<html", b"<head", b"<body", b"<svg", b"<?xml", b"<table", b"<div"];
    let octets = octets.strip_prefix(b"\xef\xbb\xbf").unwrap_or(octets).trim_ascii_start();
    STARTS.iter().any(|start| octets.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)))
}

/// Its first element is `svg`, whatever is said before that.
fn looks_like_drawing(octets: &[u8]) -> bool {
    const PROBE: usize = 64 << 10;
    let head = &octets[..octets.len().min(PROBE)];
    let narrow: Vec<u8>;
    let mut rest = match head {
        [0xff, 0xfe, wide @ ..] | [0xfe, 0xff, wide @ ..] => {
            narrow = wide.iter().copied().filter(|octet| *octet != 0).collect();
            narrow.as_slice()
        }
        _ => head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head),
    };
    loop {
        rest = rest.trim_ascii_start();
        let end: &[u8] = match rest {
            [b'<', b'?', ..] => b"?>",
            [b'<', b'!', b'-', b'-', ..] => b"-->",
            [b'<', b'!', kind @ ..] => return kind.get(..11).is_some_and(|kind| kind.eq_ignore_ascii_case(b"doctype svg")),
            [b'<', element @ ..] => {
                let name = element.split(|octet| octet.is_ascii_whitespace() || matches!(octet, b'>' | b'/')).next().unwrap_or_default();
                let local = name.rsplit(|octet| *octet == b':').next().unwrap_or_default();
                return local.eq_ignore_ascii_case(b"svg");
            }
            _ => return false,
        };
        let Some(found) = memmem::find(rest, end) else { return false };
        rest = &rest[found + end.len()..];
    }
}

/// Begins with a field that messages begin with, and has an empty line.
fn looks_like_mail(octets: &[u8]) -> bool {
    const FIELDS: &[&[u8]] = &[
        b"received:",
        b"return-path:",
        b"delivered-to:",
        b"from:",
        b"to:",
        b"subject:",
        b"date:",
        b"message-id:",
        b"mime-version:",
        b"content-type:",
        b"dkim-signature:",
        b"arc-seal:",
        b"x-",
    ];
    let begins = FIELDS.iter().any(|field| octets.get(..field.len()).is_some_and(|head| head.eq_ignore_ascii_case(field)));
    begins && (memmem::find(octets, b"\n\r\n").is_some() || memmem::find(octets, b"\n\n").is_some())
}

/// Whether the octets are something else than their sender says. `application/octet-stream` says nothing.
pub fn is_mislabelled(sniffed: Sniffed, declared: Declared<'_>) -> bool {
    if sniffed.family == Family::Nothing || declared.kind.is_empty() {
        return false;
    }
    let is_text = matches!(sniffed.family, Family::Calendar | Family::Html | Family::Mail | Family::Mailbox | Family::Text);
    let is_picture = sniffed.media_type.starts_with("image/") && !is_text;
    // SVG 2, 9.5: it may be packed.
    let is_drawing = is_text || sniffed.family == stream(Codec::Gzip);
    match declared.kind.to_ascii_lowercase().as_str() {
        "image" => !(is_picture || is_drawing && declared.is("image", "svg+xml")),
        "text" => !is_text && sniffed.family != Family::Unread(Reason::EncryptedMessage),
        "audio" | "video" => is_picture || is_text || sniffed.family == Family::Archive,
        "application" if declared.is("application", "pdf") => sniffed.media_type != "application/pdf",
        "application" => is_picture && !declared.is("application", "octet-stream"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(octets: &[u8]) -> Family {
        sniff(octets, Declared::default()).family
    }

    fn declared<'m>(kind: &'m str, subtype: &'m str) -> Declared<'m> {
        Declared { kind, subtype, ..Declared::default() }
    }

    #[test]
    fn text_is_not_taken_for_a_picture_for_its_first_letters() {
        for text in ["BM is what they call it, and it is forty octets long at least", "GGGG", "MZ", "II*", "ID3 tags", "PK is short"] {
            assert_eq!(family(text.as_bytes()), Family::Text, "{text}");
        }
    }

    #[test]
    fn a_drawing_is_known_by_its_first_element_alone() {
        let wide: Vec<u8> = "\u{feff}<svg/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for drawing in [
            &b"<svg>"[..],
            b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a drawing -->\n<svg xmlns='x'>",
            b"<!DOCTYPE svg PUBLIC 'x'>",
            b"<s:svg xmlns:s='x'/>",
            &wide,
        ] {
            assert_eq!(sniff(drawing, declared("text", "plain")).media_type, SVG);
            assert!(!is_mislabelled(sniff(drawing, Declared::default()), declared("image", "svg+xml")));
        }
        for other in [&b"<?xml version='1.0'?><feed/>"[..], b"<!doctype html><svg>", b"<svgs>", b"<html><svg>", b"<!-- svg", b"< svg>"] {
            assert_ne!(sniff(other, Declared::default()).media_type, SVG);
        }
        assert_eq!(sniff(b"<svg>", declared("text", "html")).media_type, "text/html", "a page that is a drawing");
    }

    #[test]
    fn what_is_declared_as_text_is_sniffed_nevertheless() {
        let sniffed = sniff(b"\x89PNG\r\n\x1a\n....", declared("text", "plain"));
        assert_eq!(sniffed.family, Family::Picture);
        assert!(is_mislabelled(sniffed, declared("text", "plain")));
        assert!(!is_mislabelled(sniffed, declared("application", "octet-stream")));
        assert_eq!(sniff(b"\0\x01\x02\x03 words", declared("text", "plain")).family, Family::Text);
    }

    #[test]
    fn a_detached_signature_hides_nothing_and_an_enveloped_message_does() {
        let signed =
            |inner: &[u8]| [b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02\xa0\x80\x30\x80\x02\x01\x01\x31\x00", inner].concat();
        assert_eq!(family(&signed(b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x82")), Family::Nothing);
        assert_eq!(family(&signed(b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\0\0")), Family::Nothing);
        assert_eq!(family(&signed(b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01\xa0\x80\x24")), Family::Signed);
        let enveloped = b"\x30\x82\x01\x00\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0\x82";
        assert_eq!(family(enveloped), Family::Unread(Reason::EncryptedMessage));
    }

    #[test]
    fn what_is_not_opened_is_named_as_such() {
        assert_eq!(family(b"\0\0\0\x18ftypmp42"), Family::Unread(Reason::Video));
        assert_eq!(family(&[0, 159, 146, 150, 0, 0]), UNSUPPORTED);
        assert_eq!(family(b""), Family::Nothing);
    }
}
