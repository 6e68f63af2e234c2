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
fn a_document_is_none_of_outlooks_for_a_name_that_stands_in_it() {
    let [document, table] = office::word_streams("amber in the document", "", 0);
    let mut file = CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    file.create_storage_all("/ObjectPool/_1").unwrap();
    let embedded = ("/ObjectPool/_1/__properties_version1.0", &[0; 32][..]);
    for (name, octets) in [("/WordDocument", &document[..]), ("/0Table", &table), embedded] {
        file.create_stream(name).unwrap().write_all(octets).unwrap();
    }
    file.flush().unwrap();
    let seen = see(with_files(&[("plan.doc", &file.into_inner().into_inner())]));
    assert!(seen.says("amber in the document"), "{seen:?}");
    let written = see(with_files(&[("plan.doc", &office::word("amber __properties_version1.0 EncryptedPackage", "", 0))]));
    assert!(written.says("amber __properties"), "{written:?}");
    assert_eq!(written.incomplete, []);
}

#[test]
fn a_message_of_outlooks_in_which_nothing_is_found_is_incomplete() {
    let empty = office::compound_of(&[("__properties_version1.0", &[0; 32])]);
    assert!(see(with_files(&[("a.msg", &empty)])).lacks("2", Reason::Damaged));
    let beside = office::compound_of(&[("__properties_version1.0", &[0; 32]), ("__substg1.0_1000001F", &utf16("wren")), ("Book", b"x")]);
    let seen = see(with_files(&[("a.msg", &beside)]));
    assert!(seen.says("wren") && seen.lacks("2", Reason::Unsupported), "{seen:?}");
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

#[test]
fn forms_of_one_text_that_say_different_things_are_both_read_and_noted() {
    let alternative = |plain: &str, html: &str| {
        format!(
            "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n{plain}\r\n\
             --b\r\nContent-Type: text/html\r\n\r\n<p>{html}</p>\r\n--b--\r\n"
        )
    };
    let river = "amber heron walks along this river every morning while seven small wrens watch from their wall";
    let lunch = "please bring lunch coats boots gloves hats money tickets letters pencils paper torch";
    assert_eq!(see(alternative(river, river)).defects, []);
    let differing = alternative(river, lunch);
    let seen = see(&differing);
    assert!(seen.says("seven small wrens") && seen.says("pencils paper"));
    assert_eq!(seen.defects, [Defect::DifferingAlternatives]);
    assert_eq!(see(with_files(&[("fwd.eml", differing.as_bytes())])).defects, [Defect::DifferingAlternatives]);
}

#[test]
fn a_word_that_was_broken_for_the_way_is_read_whole() {
    let flowed = "Content-Type: text/plain; format=flowed; delsp=yes\r\n\r\nam \r\nber heron\r\n";
    assert_eq!(see(flowed).text("body 1"), "amber heron");
}

#[test]
fn every_charset_that_the_web_knows_is_read() {
    for charset in [
        "big5",
        "euc-jp",
        "euc-kr",
        "gb18030",
        "gbk",
        "ibm866",
        "iso-2022-jp",
        "iso-8859-2",
        "iso-8859-3",
        "iso-8859-4",
        "iso-8859-5",
        "iso-8859-6",
        "iso-8859-7",
        "iso-8859-8",
        "iso-8859-10",
        "iso-8859-13",
        "iso-8859-14",
        "iso-8859-15",
        "iso-8859-16",
        "koi8-r",
        "koi8-u",
        "macintosh",
        "shift_jis",
        "utf-8",
        "windows-874",
        "windows-1250",
        "windows-1251",
        "windows-1252",
        "windows-1253",
        "windows-1254",
        "windows-1255",
        "windows-1256",
        "windows-1257",
        "windows-1258",
        "x-mac-cyrillic",
    ] {
        let seen = see(format!("Content-Type: text/plain; charset={charset}\r\n\r\namber heron"));
        assert_eq!((seen.text("body 1"), seen.defects.as_slice()), ("amber heron", &[][..]), "{charset}");
    }
    for (charset, octets, text) in [
        ("koi8-r", &b"\xd7\xcf\xd2\xcf\xce\xc1"[..], "\u{432}\u{43e}\u{440}\u{43e}\u{43d}\u{430}"),
        ("shift_jis", b"\x83\x54\x83\x4d", "\u{30b5}\u{30ae}"),
        ("iso-2022-jp", b"\x1b$B%5%.\x1b(B", "\u{30b5}\u{30ae}"),
        ("gbk", b"\xf0\xd8", "\u{9e6d}"),
        ("euc-kr", b"\xbb\xf5", "\u{c0c8}"),
        ("windows-1256", b"\xc8\xcc\xda", "\u{628}\u{62c}\u{639}"),
    ] {
        let seen = see([format!("Content-Type: text/plain; charset={charset}\r\n\r\n").as_bytes(), octets].concat());
        assert_eq!(seen.text("body 1"), text, "{charset}");
    }
}

#[test]
fn the_name_of_a_file_is_read_in_every_way_of_writing_it() {
    for written in [
        "filename=\"caf\u{e9}.txt\"",
        "filename*=utf-8''caf%C3%A9.txt",
        "filename*=iso-8859-1'en'caf%E9.txt",
        "filename*0*=utf-8''caf%C3; filename*1*=%A9; filename*2=.txt",
        "filename=\"=?utf-8?Q?caf=C3=A9.txt?=\"",
        "filename==?utf-8?B?Y2Fmw6kudHh0?=",
    ] {
        let seen = see(format!("Content-Type: text/plain\r\nContent-Disposition: attachment; {written}\r\n\r\nx"));
        assert_eq!(seen.text("file-name 1"), "caf\u{e9}.txt", "{written}");
    }
}

#[test]
fn what_is_said_elsewhere_is_said_to_be_unread() {
    for kind in ["message/partial; id=a; number=1; total=2", "message/external-body; access-type=URL; URL=\"https://heron.example/a\""] {
        let seen = see(format!("Content-Type: {kind}\r\n\r\nContent-Type: text/plain\r\n\r\nx"));
        assert!(seen.lacks("1", Reason::Unsupported), "{kind}: {:?}", seen.incomplete);
    }
}

#[test]
fn a_tree_says_of_a_picture_that_it_could_not_be_read() {
    let detectors = Detectors::compile(&Bundle::default()).unwrap_or_else(|_| panic!("an empty bundle compiles"));
    let tree = tree(&Caged::for_tests(), with_files(&[("a.png", PICTURE)]).as_bytes(), &detectors, false);
    assert_eq!(tree.branches.last().map(|branch| branch.media_type.as_str()), Some("image/png"));
    assert_eq!(tree.incomplete, [Incomplete { part: "2".to_owned(), reason: Reason::Damaged }]);
    assert!(!tree.has_words());
}

#[test]
fn a_message_names_its_conversation_by_digests_and_no_more_of_them_than_are_kept() {
    let thread = |header: &str| Mail::parse(format!("{header}\r\n\r\nbody").as_bytes()).unwrap().thread();
    let digest = |id: &str| <[u8; 32]>::from(Sha256::digest(id));
    let answer =
        "Message-ID: <c@b.example>\r\nIn-Reply-To: Your letter of Monday <b@b.example>\r\nReferences: <a@b.example>\r\n <b@\r\n b.example>";
    assert_eq!(thread(answer), ["c@b.example", "b@b.example", "a@b.example"].map(digest));
    assert_eq!(thread("Message-ID: no brackets\r\nIn-Reply-To: <>\r\nReferences: <<>>"), [] as [[u8; 32]; 0]);
    let marks = "\u{202e}\u{1}\0\u{7f}";
    assert_eq!(thread(&format!("Message-ID: <{marks}@b.example>")), [digest(&format!("{marks}@b.example"))]);
    assert_eq!(thread(&format!("Message-ID: <{}>", "x".repeat(10 << 20))).len(), 1);

    let many = (0..10_000).map(|number| format!("<{number}@b.example>")).collect::<Vec<_>>().join("\r\n ");
    let kept = thread(&format!("Message-ID: <own@b.example>\r\nIn-Reply-To: <9999@b.example>\r\nReferences: {many}"));
    let last = (9_981..9_999).rev().map(|number| format!("{number}@b.example"));
    let expected = ["own@b.example", "9999@b.example", "0@b.example"].map(str::to_owned).into_iter().chain(last);
    assert_eq!(kept, expected.map(|id| digest(&id)).collect::<Vec<_>>(), "its own, the answered, the first and the last");
}
