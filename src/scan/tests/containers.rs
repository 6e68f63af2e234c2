//! The small archives of `tests/samples/containers`, as attachments: each holds the same words, and some have a lock.

use super::*;
use crate::corpus;

const WORDS: &str = "amber heron by the river";
const KEY: &str = "heron42";

/// The samples by name.
pub fn samples() -> Vec<(String, Vec<u8>)> {
    let samples = corpus::samples("containers");
    assert!(samples.len() >= 40, "only {} samples were found", samples.len());
    samples
}

fn has_lock(name: &str) -> bool {
    ["locked", "hidden", "aes", "zipcrypto"].iter().any(|lock| name.contains(lock))
}

fn with_words(words: &str, name: &str, octets: &[u8]) -> String {
    with_files(&[(name, octets)]).replace("see these", words)
}

#[test]
fn what_is_packed_in_any_common_way_is_read() {
    for (name, octets) in samples().into_iter().filter(|(name, _)| !has_lock(name) && !name.contains("sparse")) {
        let seen = see(with_files(&[(&name, &octets)]));
        assert_eq!(seen.incomplete, [], "{name}");
        assert!(seen.says(WORDS), "{name}");
        let is_archive = !name.contains("txt.");
        assert_eq!(seen.texts.iter().any(|(at, _)| at.starts_with("file-name 2/")), is_archive, "{name}");
    }
}

#[test]
fn the_holes_of_a_sparse_file_are_there() {
    let (name, octets) = samples().into_iter().find(|(name, _)| name.contains("sparse")).unwrap();
    let seen = see(with_files(&[(&name, &octets)]));
    assert_eq!(seen.files[1], ("2/1".to_owned(), Some("sparse.bin".to_owned()), "application/octet-stream", 200 << 10));
}

#[test]
fn a_lock_whose_key_the_message_names_is_opened_and_noted() {
    for (name, octets) in samples().into_iter().filter(|(name, _)| has_lock(name)) {
        let open = see(with_words(&format!("the password is {KEY}. Thanks"), &name, &octets));
        assert_eq!(open.incomplete, [], "{name}");
        assert!(open.says(WORDS), "{name}");
        assert_eq!(open.defects, [Defect::PasswordInMessage], "{name}");
        for words in ["no key", "the password is heron43", "password: wren"] {
            let shut = see(with_words(words, &name, &octets));
            assert!(!shut.says(WORDS) && !shut.incomplete.is_empty(), "{name}: {words}");
            assert!(shut.incomplete.iter().all(|(_, reason)| *reason == Reason::EncryptedArchive), "{name}: {:?}", shut.incomplete);
        }
    }
}

#[test]
fn the_key_may_stand_in_the_message_that_is_attached_with_the_archive() {
    let (_, locked) = samples().into_iter().find(|(name, _)| name == "plan.aes.zip").unwrap();
    let inner = with_words(&format!("Password: {KEY}"), "plan.zip", &locked);
    let seen = see(with_files(&[("fwd.eml", inner.as_bytes())]));
    assert!(seen.says(WORDS) && seen.incomplete.is_empty(), "{:?}", seen.incomplete);
}

#[test]
fn members_that_an_archive_does_not_list_are_told() {
    let whole = zip_of(&[("a.txt", b"amber"), ("b/", b"heron"), ("nested.zip", &zip_of(&[("c.txt", b"wren")]))]);
    let seen = see(with_files(&[("a.zip", &whole)]));
    assert_eq!(seen.incomplete, []);
    assert!(seen.says("heron"), "a folder with octets of its own is read");
    // How many lines the directory has stands 12 octets before the end, twice (APPNOTE, 4.3.16).
    let counted = |count: u8| {
        let mut changed = whole.clone();
        let at = changed.len() - 14;
        (changed[at], changed[at + 2]) = (count, count);
        changed
    };
    for (what, changed) in [
        ("fewer lines", counted(2)),
        ("no lines", counted(0)),
        ("one archive behind another", [whole.clone(), zip_of(&[("d.txt", b"robin")])].concat()),
    ] {
        assert!(see(with_files(&[("a.zip", &changed)])).lacks("2", Reason::Damaged), "{what}");
    }
}

#[test]
fn archives_that_break_off_or_turn_are_damaged_and_never_whole() {
    let mut changes = Changes(0x2545_f491_4f6c_dd1d);
    let mut tried = 0;
    let without_end = |name: &str| name.contains("sparse") || name.contains("txt.Z");
    for (name, octets) in samples().into_iter().filter(|(name, _)| !without_end(name)) {
        for _ in 0..40 {
            let mut octets = octets.clone();
            octets.truncate(changes.below(octets.len()));
            if octets.len() < 16 {
                continue;
            }
            let seen = see(with_words(&format!("the password is {KEY}"), &name, &octets));
            // A tar may end where its last member does, and packed text is text where its mark is cut off.
            let is_read = seen.says("391 392 393 394 395 396 397 398 399 400");
            assert!(is_read || !seen.incomplete.is_empty(), "{name} cut to {}", octets.len());
            tried += 1;
        }
    }
    assert!(tried > 1_200, "{tried}");
}

#[test]
fn an_archive_behind_another_file_is_opened() {
    let jpeg = include_bytes!("../../../tests/pictures/baseline-444.jpg");
    let mut tried = 0;
    for (name, octets) in samples().into_iter().filter(|(name, _)| [".rar", ".7z"].iter().any(|end| name.ends_with(end))) {
        let seen = see(with_words(&format!("the password is {KEY}"), "a.jpg", &[jpeg, octets.as_slice()].concat()));
        assert!(seen.says(WORDS), "{name}: {:?}", seen.incomplete);
        assert!(seen.defects.contains(&Defect::MislabelledType), "{name}");
        tried += 1;
    }
    assert!(tried > 10, "{tried}");
    assert_eq!(see(with_files(&[("a.jpg", jpeg)])).defects, []);
    let cut = see(with_files(&[("a.jpg", &[jpeg, b"7z\xbc\xaf\x27\x1c\0\x04".as_slice()].concat())]));
    assert!(cut.lacks("2/1", Reason::Damaged), "{:?}", cut.incomplete);
}

#[test]
fn a_tar_archive_behind_the_end_of_another_is_read() {
    let (_, first) = samples().into_iter().find(|(name, _)| name == "plan.ustar.tar").unwrap();
    let mut second = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_ustar();
    header.set_size(5);
    second.append_data(&mut header, "b.txt", b"robin".as_slice()).unwrap();
    let seen = see(with_files(&[("a.tar", &[first, second.into_inner().unwrap()].concat())]));
    assert!(seen.says(WORDS) && seen.says("robin"));
    assert_eq!(seen.incomplete, []);
}

#[test]
fn what_stands_behind_the_last_brace_of_a_document_is_a_file() {
    let document = b"{\\rtf1 heron}".as_slice();
    let behind = |octets: &[u8]| see(with_files(&[("a.rtf", &[document, octets].concat())]));
    let packed = behind(&[b"\r\n".as_slice(), &zip_of(&[("a.txt", b"amber")])].concat());
    assert!(packed.says("heron") && packed.says("amber"));
    assert!(behind(b"words").says("words"));
    assert!(behind(b"\0\x01\x02\x03\x04\x05\x06\x07\x08").lacks("2/1", Reason::Unsupported));
    let nothing = behind(b"\r\n\0\x1a");
    assert_eq!((nothing.files.len(), nothing.incomplete), (1, vec![]));
}
