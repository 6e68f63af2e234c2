//! PDF made up here, object by object, and what is read of it.

use super::*;

/// A file of these objects, numbered from 1; the first is the catalog.
fn pdf_of(objects: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut file = b"%PDF-1.7\n".to_vec();
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(file.len());
        file.extend_from_slice(format!("{} 0 obj\n", index + 1).as_bytes());
        file.extend_from_slice(object.as_ref());
        file.extend_from_slice(b"\nendobj\n");
    }
    let start = file.len();
    file.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).as_bytes());
    for at in places {
        file.extend_from_slice(format!("{at:010} 00000 n \n").as_bytes());
    }
    file.extend_from_slice(
        format!("trailer\n<</Size {}/Root 1 0 R/Info<</Title(wren)>>>>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1).as_bytes(),
    );
    file
}

fn stream(dictionary: &str, octets: &[u8]) -> Vec<u8> {
    [format!("<<{dictionary}/Length {}>>\nstream\n", octets.len()).as_bytes(), octets, b"\nendstream"].concat()
}

/// One page with this content, and these objects from number 6 on.
fn page(content: &str, entries: &str, more: &[Vec<u8>]) -> Vec<u8> {
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R/Names<</EmbeddedFiles<</Names[(a)9 0 R]>>>>>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1/Resources<</Font<</F 5 0 R>>/XObject<</X 6 0 R>>>>>>".to_vec(),
        format!("<</Type/Page/Parent 2 0 R/Contents 4 0 R{entries}>>").into_bytes(),
        stream("", content.as_bytes()),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>".to_vec(),
    ];
    objects.extend_from_slice(more);
    pdf_of(&objects)
}

fn see_pdf(pdf: &[u8]) -> Seen {
    see(with_files(&[("a.pdf", pdf)]))
}

const WORDS: &str = "BT /F 12 Tf 72 700 Td [(am) -20 (ber) -500 (heron)] TJ 0 -14 Td (caf\\351) Tj ET";

#[test]
fn words_of_a_page_are_told_by_their_gaps_and_placed_on_it() {
    let seen = see_pdf(&page(WORDS, "", &[]));
    assert_eq!(seen.text("attachment-text 2"), "amber heron\ncaf\u{e9}\nwren");
    assert_eq!(seen.incomplete, []);
    let mail = with_files(&[("a.pdf", &page(WORDS, "", &[]))]);
    let (extracts, _) = read(Mail::parse(mail.as_bytes()).as_ref(), mail.as_bytes(), |_| ());
    let text = extracts.texts.iter().find(|text| text.text.contains("heron")).unwrap();
    let at = |word: &str| text.location_at(text.text.find(word).unwrap()).to_string();
    assert_eq!((at("heron").as_str(), at("wren").as_str()), ("attachment-text 2, page 1", "attachment-text 2, document, properties"));
}

#[test]
fn notes_links_pictures_and_attached_files_are_found() {
    let note = "/Annots[<</Subtype/Text/Contents(a note)>><</Subtype/Link/A<</S/URI/URI(https://wren.example/)>>>>]";
    let more = [
        stream("/Subtype/Image/Width 16/Height 16/BitsPerComponent 8/ColorSpace/DeviceGray", &[7; 256]),
        stream("/Type/EmbeddedFile", b"amber in the attached file"),
        b"null".to_vec(),
        b"<</UF(note.txt)/EF<</F 7 0 R>>>>".to_vec(),
    ];
    let seen = see_pdf(&page("q /X Do Q", note, &more));
    assert!(seen.says("a note") && seen.says("amber in the attached file"));
    assert_eq!(seen.text("link 2"), "https://wren.example/");
    let files: Vec<_> = seen.files.iter().map(|(part, name, kind, _)| (part.as_str(), name.as_deref(), *kind)).collect();
    let pdf = ("2", Some("a.pdf"), "application/pdf");
    assert_eq!(files, [pdf, ("2/1", None, "image/tiff"), ("2/2", Some("note.txt"), "text/plain")]);
    assert_eq!((seen.incomplete, seen.defects), (vec![], vec![Defect::ScannedPage]));
}

#[test]
fn a_damaged_cross_reference_hides_nothing_and_is_said() {
    let pdf = page(WORDS, "", &[]);
    let end = pdf.windows(4).position(|four| four == b"xref").unwrap();
    let moved = [b"%PDF-1.7\n%".as_slice(), &[b' '; 99], b"\n", &pdf[9..]].concat();
    for damaged in [&pdf[..end], &moved] {
        let seen = see_pdf(damaged);
        assert!(seen.says("amber heron"), "{:?}", seen.texts);
        assert_eq!(seen.incomplete, [("2".to_owned(), Reason::Damaged)]);
    }
    // Without any page the words are found all the same.
    let content = [b"%PDF-1.7\n4 0 obj\n".as_slice(), &stream("", WORDS.as_bytes())].concat();
    let seen = see_pdf(&content);
    assert!(seen.says("amber") && seen.lacks("2", Reason::Damaged));
}

#[test]
fn what_cannot_be_read_of_a_pdf_is_said() {
    let unmapped = stream("/Subtype/Image/Width 16/Height 16/Filter/JBIG2Decode", b"none of this");
    assert!(see_pdf(&page("/X Do", "", &[unmapped])).lacks("2", Reason::Unsupported));
    let film = "/Annots[<</Subtype/RichMedia>>]";
    assert!(see_pdf(&page(WORDS, film, &[])).lacks("2", Reason::Unsupported));
    let mut locked = page(WORDS, "", &[]);
    let at = locked.windows(5).position(|five| five == b"/Info").unwrap();
    let encryption =
        b"/Encrypt<</Filter/Standard/V 2/R 3/Length 128/P -4/O(0123456789abcdef0123456789abcdef)/U(0123456789abcdef0123456789abcdef)>>";
    locked.splice(at..at, encryption.iter().copied());
    assert_eq!(see_pdf(&locked).incomplete, [("2".to_owned(), Reason::EncryptedDocument)]);
}

#[test]
fn loops_and_bombs_in_a_pdf_end() {
    let itself = stream("/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 6 0 R>>>>", b"/X Do /X Do");
    assert_eq!(see_pdf(&page("/X Do", "", &[itself])).incomplete, []);
    let long = stream("/Length 6 0 R", b"q");
    assert_eq!(see_pdf(&page("/X Do", "", &[long])).incomplete, []);
    // Ten forms, each of which draws the next one ten times.
    let bomb: Vec<_> = (6..16)
        .map(|number| stream(&format!("/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X {} 0 R>>>>", number + 1), &b"/X Do ".repeat(10)))
        .collect();
    assert!(see_pdf(&page("/X Do", "", &bomb)).lacks("2", Reason::Budget));
    let kids = b"<</Type/Pages/Kids[2 0 R 2 0 R]>>".to_vec();
    let seen = see_pdf(&pdf_of(&[b"<</Type/Catalog/Pages 2 0 R>>".to_vec(), kids]));
    assert_eq!(seen.incomplete, [("2".to_owned(), Reason::Damaged)]);
}
