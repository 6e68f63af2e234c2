//! Mail in other wrappings than MIME: Outlook's, signatures, calendars, cards and mailboxes.

use cfb::CompoundFile;

use super::*;

fn tnef_attribute(level: u8, name: u16, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap().to_le_bytes();
    let sum = data.iter().fold(0_u16, |sum, octet| sum.wrapping_add(u16::from(*octet)));
    [&[level][..], &name.to_le_bytes(), &[0, 0], &length, data, &sum.to_le_bytes()].concat()
}

fn property(kind: u16, id: u16, value: &[u8]) -> Vec<u8> {
    let length = u32::try_from(value.len()).unwrap().to_le_bytes();
    let padding = vec![0; value.len().wrapping_neg() % 4];
    [&kind.to_le_bytes()[..], &id.to_le_bytes(), &1_u32.to_le_bytes(), &length, value, &padding].concat()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn winmail() -> Vec<u8> {
    let properties = [&2_u32.to_le_bytes()[..], &property(0x1f, 0x3707, &utf16("long name.txt\0")), &property(0x3, 0x3705, &[])].concat();
    // A property of fixed width has neither a count nor a length.
    let properties = [&properties[..properties.len() - 8], &[1, 0, 0, 0]].concat();
    [
        &0x223e_9f78_u32.to_le_bytes()[..],
        &[1, 0],
        &tnef_attribute(1, 0x9007, &1252_u32.to_le_bytes()),
        &tnef_attribute(1, 0x8004, b"caf\xe9\0"),
        &tnef_attribute(1, 0x800c, b"amber in the body\0"),
        &tnef_attribute(2, 0x9002, &[0; 14]),
        &tnef_attribute(2, 0x8010, b"SHORT.TXT\0"),
        &tnef_attribute(2, 0x800f, b"heron in the file\n"),
        &tnef_attribute(2, 0x9005, &properties),
        &tnef_attribute(2, 0x9002, &[0; 14]),
        &tnef_attribute(2, 0x8010, b"second.png\0"),
        &tnef_attribute(2, 0x800f, PICTURE),
    ]
    .concat()
}

fn saved_message() -> Vec<u8> {
    let mut file = CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    let mut write = |storage: &str, stream: &str, octets: &[u8]| {
        file.create_storage_all(storage).unwrap();
        file.create_stream(format!("{storage}/{stream}")).unwrap().write_all(octets).unwrap();
    };
    write("/", "__properties_version1.0", &[0; 32]);
    write("/", "__substg1.0_0037001F", &utf16("trip"));
    write("/", "__substg1.0_1000001F", &utf16("amber in the body"));
    write("/", "__substg1.0_10130102", b"<html><p>amber in the page");
    write("/__attach_version1.0_#00000000", "__substg1.0_3707001F", &utf16("plan.txt"));
    write("/__attach_version1.0_#00000000", "__substg1.0_37010102", b"heron in the file\n");
    let inner = "/__attach_version1.0_#00000001/__substg1.0_3701000D";
    write(inner, "__properties_version1.0", &[0; 24]);
    write(inner, "__substg1.0_1000001F", &utf16("wren in the message inside"));
    file.flush().unwrap();
    file.into_inner().into_inner()
}

#[test]
fn what_outlook_wraps_is_read() {
    let seen = see(with_files(&[("winmail.dat", &winmail())]));
    assert_eq!(seen.incomplete, []);
    for (location, text) in [
        ("body 2/1", "caf\u{e9}"),
        ("body 2/2", "amber in the body"),
        ("file-name 2/3", "long name.txt"),
        ("attachment-text 2/3", "heron in the file"),
        ("file-name 2/4", "second.png"),
    ] {
        assert_eq!(seen.text(location), text, "{location}");
    }
    assert_eq!(seen.files[2].2, "image/png");
    let mut broken = winmail();
    broken.truncate(broken.len() - 30);
    let seen = see(with_files(&[("winmail.dat", &broken)]));
    assert!(seen.lacks("2", Reason::Damaged) && seen.says("heron in the file"));
}

#[test]
fn a_message_that_outlook_saved_is_read_with_the_message_inside() {
    let seen = see(with_files(&[("trip.msg", &saved_message())]));
    assert_eq!(seen.incomplete, []);
    for words in ["amber in the body", "amber in the page", "plan.txt", "heron in the file", "wren in the message inside"] {
        assert!(seen.says(words), "{words}: {:?}", seen.texts);
    }
    assert!(seen.texts.iter().any(|(at, text)| at.starts_with("body 2/") && text == "amber in the body"), "{:?}", seen.texts);
}

#[test]
fn invitations_and_cards_give_their_words_and_their_photographs() {
    let invitation = "Content-Type: text/calendar; charset=utf-8\r\n\r\nBEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:am\r\n ber\\, heron\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let seen = see(invitation);
    assert!(seen.text("body 1").contains("amber, heron"));
    assert_eq!((seen.incomplete, seen.defects), (vec![], vec![]));
    let card = format!("BEGIN:VCARD\r\nN:Heron;Amber\r\nPHOTO;ENCODING=b:{}\r\nEND:VCARD\r\n", base64_of(PICTURE).replace("\r\n", "\r\n "));
    let seen = see(with_files(&[("amber.vcf", card.as_bytes())]));
    assert_eq!(seen.files[1], ("2/1".to_owned(), None, "image/png", PICTURE.len()));
    assert!(seen.says("Heron Amber"));
}

#[test]
fn every_message_of_an_attached_mailbox_is_opened() {
    let mailbox =
        format!("From a Mon Jan  1\r\nSubject: one\r\n\r\nwren\r\n\r\nFrom b Mon Jan  1\r\n{}", with_files(&[("a.txt", b"heron")]));
    let seen = see(with_files(&[("old.mbox", mailbox.as_bytes())]));
    for (location, text) in [("subject 2/1", "one"), ("body 2/1/1", "wren"), ("subject 2/2", "trip"), ("attachment-text 2/2/2", "heron")] {
        assert_eq!(seen.text(location), text, "{location}");
    }
}

#[test]
fn mail_inside_its_signature_is_opened() {
    let mail = b"Content-Type: text/plain\r\n\r\namber under seal";
    let wrapped = |tag: u8, value: &[u8]| [&[tag, u8::try_from(value.len()).unwrap()], value].concat();
    let oid = |last: &[u8]| wrapped(6, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07], last].concat());
    let inner = wrapped(0x30, &[oid(&[1]), wrapped(0xa0, &wrapped(4, mail))].concat());
    let signed = wrapped(0x30, &[wrapped(2, &[1]), wrapped(0x31, &[]), inner].concat());
    let octets = wrapped(0x30, &[oid(&[2]), wrapped(0xa0, &signed)].concat());
    let seen = see(with_files(&[("smime.p7m", &octets)]));
    assert_eq!((seen.text("body 2/1/1"), &*seen.incomplete), ("amber under seal", &[][..]));
}
