//! Office documents of every age, made up here, and what is read of them.

use super::*;

/// Streams of the root storage in a compound file (MS-CFB), each in sectors of its own.
pub fn compound_of(streams: &[(&str, &[u8])]) -> Vec<u8> {
    const SECTOR: usize = 512;
    const END: u32 = 0xffff_fffe;
    let mut fat = vec![0xffff_fffd_u32];
    let mut body = vec![0; SECTOR];
    let mut chain = |octets: &[u8], fat: &mut Vec<u32>| {
        let first = u32::try_from(fat.len()).unwrap();
        let sectors = octets.len().div_ceil(SECTOR).max(1);
        fat.extend((1..sectors).map(|next| first + u32::try_from(next).unwrap()));
        fat.push(END);
        body.extend_from_slice(octets);
        body.resize(body.len().next_multiple_of(SECTOR).max(SECTOR * fat.len()), 0);
        first
    };
    let mut entries = vec![entry("Root Entry", 5, 1, END, 0)];
    for (index, (name, octets)) in streams.iter().enumerate() {
        let first = chain(octets, &mut fat);
        let mut entry = entry(name, 2, u32::MAX, first, octets.len());
        let next = if index + 1 < streams.len() { u32::try_from(index + 2).unwrap() } else { u32::MAX };
        entry[72..76].copy_from_slice(&next.to_le_bytes());
        entries.push(entry);
    }
    let directory = chain(&entries.concat(), &mut fat);
    assert!(fat.len() <= SECTOR / 4, "one sector holds the table");
    let table: Vec<u8> = fat.iter().flat_map(|next| next.to_le_bytes()).collect();
    body[..table.len()].copy_from_slice(&table);
    body[table.len()..SECTOR].fill(0xff);

    let mut header = vec![0; 76];
    header[..8].copy_from_slice(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
    header[24..34].copy_from_slice(&[0x3e, 0, 3, 0, 0xfe, 0xff, 9, 0, 6, 0]);
    header[44] = 1;
    header[48..52].copy_from_slice(&directory.to_le_bytes());
    header[60..64].copy_from_slice(&END.to_le_bytes());
    header[68..72].copy_from_slice(&END.to_le_bytes());
    header.extend_from_slice(&[0; 4]);
    header.resize(SECTOR, 0xff);
    [header, body].concat()
}

fn entry(name: &str, kind: u8, child: u32, start: u32, size: usize) -> Vec<u8> {
    let mut entry: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let length = u16::try_from(entry.len() + 2).unwrap();
    entry.resize(128, 0);
    entry[64..66].copy_from_slice(&length.to_le_bytes());
    entry[66] = kind;
    entry[68..76].fill(0xff);
    entry[76..80].copy_from_slice(&child.to_le_bytes());
    entry[116..120].copy_from_slice(&start.to_le_bytes());
    entry[120..124].copy_from_slice(&u32::try_from(size).unwrap().to_le_bytes());
    entry
}

/// A document of one piece: main text, then a comment.
pub fn word(main: &str, comment: &str, flags: u16) -> Vec<u8> {
    let [document, table] = word_streams(main, comment, flags);
    compound_of(&[("WordDocument", &document), ("0Table", &table)])
}

/// The two streams of such a document.
pub fn word_streams(main: &str, comment: &str, flags: u16) -> [Vec<u8>; 2] {
    let text: Vec<u8> = format!("{main}{comment}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut document = vec![0; 1_024];
    document[..4].copy_from_slice(&[0xec, 0xa5, 0xc1, 0]);
    document[10..12].copy_from_slice(&flags.to_le_bytes());
    let mut long = |at: usize, value: usize| document[at..at + 4].copy_from_slice(&u32::try_from(value).unwrap().to_le_bytes());
    long(0x4c, main.encode_utf16().count());
    long(0x5c, comment.encode_utf16().count());
    let mut table = vec![2, 16, 0, 0, 0];
    table.extend([0, u32::try_from(text.len() / 2).unwrap()].iter().flat_map(|at| at.to_le_bytes()));
    table.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, 0]);
    long(0x1a6, table.len());
    document.extend_from_slice(&text);
    [document, table]
}

fn record(kind: u16, octets: &[u8]) -> Vec<u8> {
    [&kind.to_le_bytes(), &u16::try_from(octets.len()).unwrap().to_le_bytes()[..], octets].concat()
}

/// A workbook with one hidden sheet that has two shared strings and a number in its third row.
fn workbook() -> Vec<u8> {
    let cell = |column: u8, rest: &[u8]| [&[2, 0, column, 0, 0, 0], rest].concat();
    let stream = [
        record(0x0809, &[0, 6, 5, 0, 0, 0, 0, 0]),
        record(0x0085, &[&[0, 0, 0, 0, 1, 0, 5, 0], b"marks".as_slice()].concat()),
        record(0x00fc, &[&[2, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0], b"amber\x03\0\x01h\0e\0".as_slice()].concat()),
        record(0x003c, b"\x01r\0\x04\0\0wren"),
        record(0x000a, &[]),
        record(0x0809, &[0, 6, 16, 0, 0, 0, 0, 0]),
        record(0x00fd, &cell(0, &[0, 0, 0, 0])),
        record(0x00fd, &cell(1, &[1, 0, 0, 0])),
        record(0x0203, &cell(2, &1234.5_f64.to_le_bytes())),
        record(0x000a, &[]),
    ];
    compound_of(&[("Workbook", &stream.concat())])
}

fn see_file(name: &str, octets: &[u8]) -> Seen {
    see(with_files(&[(name, octets)]))
}

/// The places of these words in the only text that has them.
fn places(octets: &[u8], words: &[&str]) -> Vec<String> {
    let mail = with_files(&[("it", octets)]);
    let (extracts, _) = read(Mail::parse(mail.as_bytes()).as_ref(), mail.as_bytes(), |_| ());
    let place = |word: &&str| {
        let (text, at) = extracts.texts.iter().find_map(|text| Some((text, text.text.find(*word)?))).unwrap();
        text.location_at(at).to_string()
    };
    words.iter().map(place).collect()
}

#[test]
fn a_word_document_gives_its_text_and_its_comments() {
    let document = word("am\u{e9}ber\rheron \u{13}HYPERLINK \"https://wren.example/\"\u{14}here\u{15}", "a remark", 0);
    let seen = see_file("a.doc", &document);
    assert_eq!(seen.text("attachment-text 2"), "am\u{e9}ber\nheron here\na remark");
    assert_eq!(seen.text("link 2"), "https://wren.example/");
    assert_eq!(seen.incomplete, []);
    assert_eq!(places(&document, &["remark"]), ["attachment-text 2, document, comments"]);
    assert_eq!(see_file("a.doc", &word("amber", "", 0x100)).incomplete, [("2".to_owned(), Reason::EncryptedDocument)]);
}

#[test]
fn a_workbook_gives_its_cells_with_sheet_and_row() {
    let seen = see_file("a.xls", &workbook());
    let words: Vec<_> = seen.text("attachment-text 2").split_whitespace().collect();
    assert_eq!(words, ["marks", "amber", "her", "1234.5"]);
    assert_eq!(seen.incomplete, []);
    assert_eq!(places(&workbook(), &["amber"]), ["attachment-text 2, sheet 1 (hidden), row 3"]);
}

#[test]
fn a_compound_file_that_is_cut_or_unheard_of_is_said_to_be() {
    let document = word("amber heron", "", 0);
    let seen = see_file("a.doc", &document[..2_048]);
    assert!(seen.incomplete.iter().any(|(part, _)| part == "2"), "{seen:?}");
    let other = compound_of(&[("Something Else", b"amber")]);
    assert_eq!(see_file("a.xyz", &other).incomplete, [("2".to_owned(), Reason::Unsupported)]);
}

#[test]
fn rich_text_gives_its_words_and_its_files() {
    let rtf = b"{\\rtf1\\ansi am{\\b ber} caf\\'e9{\\v unseen}{\\object{\\*\\objdata 504b0506}}{\\pict\\pngblip 89504E470D0A1A0A}}";
    let seen = see_file("a.rtf", rtf);
    assert_eq!((seen.text("attachment-text 2"), seen.text("hidden-text 2")), ("amber caf\u{e9}", "unseen"));
    let files: Vec<_> = seen.files.iter().map(|(part, _, kind, _)| (part.as_str(), *kind)).collect();
    assert_eq!(files, [("2", "application/rtf"), ("2/1", "application/zip"), ("2/2", "image/png")]);
    assert!(see_file("a.rtf", b"{\\rtf1 amber").lacks("2", Reason::Damaged));
}

fn slides() -> Vec<u8> {
    let relation = |id: &str, target: &str| format!("<Relationship Id=\"{id}\" Target=\"{target}\"/>");
    zip_of(&[
        ("[Content_Types].xml", b"<Types/>"),
        (
            "ppt/presentation.xml",
            br#"<p:presentation xmlns:r="r"><p:sldId id="256" r:id="b"/><p:sldId id="257" r:id="a"/></p:presentation>"#,
        ),
        (
            "ppt/_rels/presentation.xml.rels",
            format!("<R>{}{}</R>", relation("a", "slides/slide1.xml"), relation("b", "slides/slide2.xml")).as_bytes(),
        ),
        ("ppt/slides/slide1.xml", br#"<p:sld show="0"><a:p><a:t>am</a:t><a:t>ber</a:t></a:p></p:sld>"#),
        ("ppt/slides/slide2.xml", b"<p:sld><a:p><a:t>heron</a:t></a:p></p:sld>"),
        ("ppt/slides/_rels/slide1.xml.rels", format!("<R>{}</R>", relation("n", "../notesSlides/notesSlide7.xml")).as_bytes()),
        ("ppt/notesSlides/notesSlide7.xml", b"<p:notes><a:p><a:t>wren</a:t></a:p></p:notes>"),
        ("ppt/vbaProject.bin", &compound_of(&[("PROJECT", b"x")])),
    ])
}

#[test]
fn slides_are_counted_in_the_order_of_the_show() {
    let wanted = ["attachment-text 2, slide 1", "attachment-text 2, slide 2 (hidden)", "attachment-text 2, slide 2 (hidden), notes"];
    assert_eq!(places(&slides(), &["heron", "amber", "wren"]), wanted);
    assert!(see_file("a.pptm", &slides()).defects.contains(&Defect::Program));
}

#[test]
fn sheets_have_rows_and_documents_have_paragraphs() {
    let book = zip_of(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("xl/workbook.xml", br#"<w xmlns:r="r"><sheet name="kestrel" state="hidden" r:id="x"/></w>"#),
        ("xl/_rels/workbook.xml.rels", br#"<R><Relationship Id="x" Target="worksheets/sheet9.xml"/></R>"#),
        ("xl/sharedStrings.xml", b"<sst><si><t>amber</t></si><si><t>stale</t></si></sst>"),
        ("xl/worksheets/sheet9.xml", br#"<s><row r="7"><c t="s"><v>0</v></c><c><v>12</v></c></row></s>"#),
        ("xl/worksheets/_rels/sheet9.xml.rels", br#"<R><Relationship Id="c" Target="../comments1.xml"/></R>"#),
        ("xl/comments1.xml", b"<comments><comment><t>remark</t></comment></comments>"),
    ]);
    let wanted = ["document", "sheet 1 (hidden), row 7", "sheet 1 (hidden), comments", "document"]
        .map(|place| format!("attachment-text 2, {place}"));
    assert_eq!(places(&book, &["kestrel", "amber 12", "remark", "stale"]), wanted);

    let document = b"<w:document><w:p><w:t>one</w:t></w:p><w:p><w:r><w:t>amber</w:t></w:r><w:r><w:rPr><w:vanish/></w:rPr><w:t>unseen</w:t></w:r></w:p></w:document>";
    let docx = zip_of(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("word/document.xml", document),
        ("word/footnotes.xml", b"<w:footnotes><w:p><w:t>wren</w:t></w:p></w:footnotes>"),
        (
            "word/_rels/document.xml.rels",
            br#"<R><Relationship Id="l" TargetMode="External" Target="https://wren.example/?a=1&amp;b=2"/></R>"#,
        ),
    ]);
    assert_eq!(places(&docx, &["amber", "wren"]), ["attachment-text 2, paragraph 2", "attachment-text 2, document, footnotes"]);
    let seen = see_file("a.docx", &docx);
    assert_eq!((seen.text("hidden-text 2"), seen.text("link 2")), ("unseen", "https://wren.example/?a=1&b=2"));
}

#[test]
fn a_page_in_a_document_is_a_file_with_files_of_its_own() {
    let page = format!("<html><p>amber<img src=\"data:image/png;base64,{}\">", base64_of(PICTURE));
    let docx = zip_of(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("word/document.xml", b"<w:p><w:t>heron</w:t></w:p>"),
        ("word/afchunk.HTML", page.as_bytes()),
    ]);
    let seen = see_file("essay.docx", &docx);
    assert!(seen.says("amber") && seen.says("heron"));
    assert!(seen.files.iter().any(|(_, _, kind, _)| *kind == "image/png"), "{:?}", seen.files);
    assert_eq!(seen.incomplete, []);
}

#[test]
fn a_document_that_has_a_part_twice_may_be_another_to_its_reader() {
    let mut docx = zip_of(&[
        ("[Content_Types].xml", b"<Types/>"),
        ("word/document.xml", b"<w:p><w:t>heron</w:t></w:p>"),
        ("word/documenT.xml", b"<w:p><w:t>amber</w:t></w:p>"),
    ]);
    assert_eq!(see_file("essay.docx", &docx).incomplete, []);
    let name = b"word/documenT.xml";
    for at in 0..docx.len() - name.len() {
        if docx[at..].starts_with(name) {
            docx[at + name.len() - 5] = b't';
        }
    }
    assert_eq!(see_file("essay.docx", &docx).incomplete, [("2".to_owned(), Reason::Damaged)]);
}

#[test]
fn open_documents_and_books_are_read() {
    let content = b"<office:document-content><office:body><office:text><text:p>amber <text:span>he</text:span>ron<office:annotation><text:p>remark</text:p></office:annotation></text:p></office:text></office:body></office:document-content>";
    let odt = zip_of(&[("mimetype", b"application/vnd.oasis.opendocument.text"), ("content.xml", content)]);
    assert_eq!(places(&odt, &["amber heron", "remark"]), ["attachment-text 2, paragraph 1", "attachment-text 2, paragraph 1, comments"]);
    let manifest = b"<manifest:manifest><manifest:encryption-data/></manifest:manifest>";
    let locked = zip_of(&[("mimetype", b"application/vnd.oasis.opendocument.text"), ("META-INF/manifest.xml", manifest)]);
    assert!(see_file("a.odt", &locked).lacks("2", Reason::EncryptedDocument));
    let book = zip_of(&[
        ("mimetype", b"application/epub+zip"),
        ("OEBPS/one.xhtml", b"<?xml version=\"1.0\"?><html><body><p>kestrel</p></body></html>"),
    ]);
    assert_eq!(see_file("a.epub", &book).text("attachment-text 2/2"), "kestrel");
}

#[test]
fn a_document_of_an_unknown_kind_is_unread_with_a_program_in_it_too() {
    // The storage `VBA` and in it the stream `dir`, as they stand behind the streams of the root.
    let with_program = |streams: &[(&str, &[u8])]| {
        let streams = [streams, &[("VBA", b"".as_slice()), ("dir", b"attribute")]].concat();
        let mut file = compound_of(&streams);
        let named = |name: &str| name.encode_utf16().flat_map(u16::to_le_bytes).chain([0; 8]).collect::<Vec<_>>();
        let at = |file: &[u8], name: &str| file.windows(named(name).len()).position(|octets| octets == named(name)).unwrap();
        let (storage, stream) = (at(&file, "VBA"), at(&file, "dir"));
        let number = u32::try_from((stream - storage) / 128 + streams.len() - 1).unwrap();
        file[storage + 66] = 1;
        file[storage + 72..storage + 76].fill(0xff);
        file[storage + 76..storage + 80].copy_from_slice(&number.to_le_bytes());
        file
    };
    let drawing = see_file("a.vsd", &with_program(&[("VisioDocument", b"amber")]));
    assert_eq!((drawing.incomplete, drawing.defects), (vec![("2".to_owned(), Reason::Unsupported)], vec![Defect::Program]));
    let alone = see_file("vbaProject.bin", &with_program(&[("PROJECT", b"amber")]));
    assert_eq!((alone.incomplete, alone.defects), (vec![], vec![Defect::Program]));
}

#[test]
fn storages_too_deep_to_be_listed_are_told() {
    let [document, table] = word_streams("amber", "", 0);
    let nested = |levels: usize| {
        let names: Vec<_> = (0..levels).map(|level| format!("level{level}")).collect();
        let folders = names.iter().map(|name| (name.as_str(), b"".as_slice()));
        let streams: Vec<_> = [("WordDocument", document.as_slice()), ("0Table", &table)].into_iter().chain(folders).collect();
        let mut file = compound_of(&streams);
        for name in &names {
            let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).chain([0, 0]).collect();
            let at = file.windows(name.len()).position(|octets| octets == name).unwrap();
            // What was its neighbour now lies inside it.
            file[at + 66] = 1;
            file.copy_within(at + 72..at + 76, at + 76);
            file[at + 72..at + 76].fill(0xff);
        }
        see_file("a.doc", &file)
    };
    assert_eq!(nested(17).incomplete, []);
    let seen = nested(18);
    assert_eq!(seen.incomplete, [("2".to_owned(), Reason::Budget)]);
    assert!(seen.says("amber"));
}
