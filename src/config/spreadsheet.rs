//! What spreadsheets and school systems save as CSV (RFC 4180): in which encoding, cut by what, and quoted how.

use super::kind::wrong;
use super::table::Wrong;

/// A quoted field may run over so many lines of the file; a quote that is still open then was a slip.
const LONGEST: usize = 20;
/// What Windows-1252 puts where Latin-1 has controls, from 0x80 on; NUL where it has nothing.
const WINDOWS: [char; 32] = [
    '\u{20ac}', '\0', '\u{201a}', '\u{192}', '\u{201e}', '\u{2026}', '\u{2020}', '\u{2021}', '\u{2c6}', '\u{2030}', '\u{160}', '\u{2039}',
    '\u{152}', '\0', '\u{17d}', '\0', '\0', '\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{2022}', '\u{2013}', '\u{2014}', '\u{2dc}',
    '\u{2122}', '\u{161}', '\u{203a}', '\u{153}', '\0', '\u{17e}', '\u{178}',
];
const SAVE_ANEW: &str = "save the list as \"CSV UTF-8\"";

/// A line of a file, or why it cannot be read.
pub(super) type Read = Result<String, Wrong>;
/// In which order the two octets of a unit of UTF-16 stand.
type Order = fn([u8; 2]) -> u16;

/// The lines of a file in UTF-8 or UTF-16; a line that is not UTF-8 is read by `otherwise`.
pub(super) fn lines(octets: &[u8], otherwise: fn(&[u8]) -> Read) -> Vec<Read> {
    let (order, octets) = order(octets);
    let Some(order) = order else {
        let line = |line: &[u8]| String::from_utf8(line.to_vec()).or_else(|_| otherwise(line));
        return octets.split(|octet| *octet == b'\n').map(|octets| line(octets.strip_suffix(b"\r").unwrap_or(octets))).collect();
    };
    let units: Vec<u16> = octets.chunks_exact(2).map(|pair| order([pair[0], pair[1]])).collect();
    let told = |line: &str| {
        let broken = line.contains(char::REPLACEMENT_CHARACTER);
        if broken { Err(wrong("it is not UTF-16", SAVE_ANEW)) } else { Ok(line.to_owned()) }
    };
    String::from_utf16_lossy(&units).lines().map(told).collect()
}

/// Of a file that is UTF-16, by its mark or by the zeros beside the plain letters of its header; and what is left without the mark.
fn order(octets: &[u8]) -> (Option<Order>, &[u8]) {
    match octets {
        [0xff, 0xfe, rest @ ..] => (Some(u16::from_le_bytes), rest),
        [0xfe, 0xff, rest @ ..] => (Some(u16::from_be_bytes), rest),
        [letter, 0, ..] if *letter != 0 => (Some(u16::from_le_bytes), octets),
        [0, letter, ..] if *letter != 0 => (Some(u16::from_be_bytes), octets),
        octets => (None, octets.strip_prefix("\u{feff}".as_bytes()).unwrap_or(octets)),
    }
}

/// For a file that people keep: what it is to be in.
pub(super) fn utf8_alone(_line: &[u8]) -> Read {
    Err(wrong("it is not UTF-8", SAVE_ANEW))
}

/// For a file that a program wrote.
pub(super) fn windows_1252(line: &[u8]) -> Read {
    let letter = |octet: &u8| match octet {
        0x80..=0x9f => Some(WINDOWS[usize::from(octet - 0x80)]).filter(|letter| *letter != '\0'),
        octet => Some(char::from(*octet)),
    };
    line.iter().map(letter).collect::<Option<String>>().ok_or_else(|| wrong("it is neither UTF-8 nor Windows-1252", SAVE_ANEW))
}

pub(super) fn says_something(line: &str) -> bool {
    !line.trim_matches([' ', ',', ';', '\t']).is_empty() && !line.starts_with('#')
}

/// A spreadsheet writes what its country writes: the header shows what that is.
pub(super) fn separator(header: &str) -> char {
    [',', ';', '\t'].into_iter().max_by_key(|separator| (header.matches(*separator).count(), *separator == ',')).unwrap_or(',')
}

/// The fields of one line, without the spaces and quotes around them.
pub(super) fn fields(line: &str, separator: char) -> Result<Vec<String>, Wrong> {
    match Cut::of(line, separator) {
        Cut { open: true, .. } => {
            Err(wrong("a double quote is opened and not closed", "close it, or write it twice to mean the character"))
        }
        Cut { fields, .. } => Ok(fields),
    }
}

/// The fields of the first of these lines, and of those behind it that a quoted field of at most `most` runs over; and how many these are.
pub(super) fn record(lines: &[Read], separator: char, most: usize) -> (Result<Vec<String>, Wrong>, usize) {
    let first = match lines.first() {
        Some(Ok(first)) => first,
        Some(Err(wrong)) => return (Err(wrong.clone()), 1),
        None => return (Ok(Vec::new()), 1),
    };
    let mut text = first.clone();
    for next in lines.iter().skip(1).take(LONGEST) {
        let (Cut { open: true, .. }, Ok(next)) = (Cut::of(&text, separator), next) else { break };
        text = format!("{text}\n{next}");
    }
    // A quote that the next line's first closes was a slip: then that line is one of its own.
    match Cut::of(&text, separator) {
        Cut { fields, open: false, clean: true } if fields.len() <= most => (Ok(fields), text.matches('\n').count() + 1),
        _ => (fields(first, separator), 1),
    }
}

/// A line of these fields.
pub(super) fn line(fields: &[&str]) -> String {
    let quoted = |field: &&str| {
        let plain = !field.contains([',', ';', '\t', '"', '\r', '\n']) && !field.starts_with('#') && field.trim() == *field;
        if plain { (*field).to_owned() } else { format!("\"{}\"", field.replace('"', "\"\"")) }
    };
    fields.iter().map(quoted).collect::<Vec<_>>().join(",")
}

struct Cut {
    fields: Vec<String>,
    /// The last field is quoted, and its end is not in the text.
    open: bool,
    /// Nothing stands between the end of a quoted field and the next.
    clean: bool,
}

impl Cut {
    fn of(text: &str, separator: char) -> Self {
        let mut cut = Self { fields: vec![String::new()], open: false, clean: true };
        let mut closed = false;
        let mut characters = text.chars().peekable();
        while let Some(c) = characters.next() {
            let field = cut.fields.last_mut().expect("there is always a field");
            match c {
                '"' if cut.open && characters.next_if_eq(&'"').is_some() => field.push('"'),
                '"' if cut.open => (cut.open, closed) = (false, true),
                // Within a field it is a character like any other.
                '"' if !closed && field.trim().is_empty() => {
                    field.clear();
                    cut.open = true;
                }
                _ if c == separator && !cut.open => {
                    cut.fields.push(String::new());
                    closed = false;
                }
                _ => {
                    cut.clean &= !closed || c.is_whitespace();
                    field.push(c);
                }
            }
        }
        cut.fields.iter_mut().for_each(|field| *field = field.trim().to_owned());
        cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(line: &str) -> Vec<String> {
        fields(line, ',').ok().unwrap()
    }

    fn read(octets: &[u8], otherwise: fn(&[u8]) -> Read) -> Vec<Result<String, String>> {
        lines(octets, otherwise).into_iter().map(|line| line.map_err(|wrong| wrong.why)).collect()
    }

    #[test]
    fn a_line_is_cut_as_a_spreadsheet_wrote_it() {
        assert_eq!(cut("a@s.example, year-7 ,pupil"), ["a@s.example", "year-7", "pupil"]);
        assert_eq!(cut("\"a@s.example\",\"7, \"\"red\"\"\",,"), ["a@s.example", "7, \"red\"", "", ""]);
        assert_eq!(cut("Robert \"Bob\" Lark, \"7, red\" "), ["Robert \"Bob\" Lark", "7, red"]);
        assert_eq!(fields("a;\"b;c\"", ';').ok().unwrap(), ["a", "b;c"]);
        assert_eq!(fields("a,\"b", ',').err().unwrap().why, "a double quote is opened and not closed");
    }

    #[test]
    fn what_was_written_is_read_back() {
        for written in [["a@s.example", "7, \"red\"", ""], ["#1", " x ", "a;b"], ["", "", ""]] {
            let fields = cut(&line(&written));
            assert_eq!(fields, written.map(str::trim), "{written:?}");
        }
        assert!(line(&["#1"]).starts_with('"'), "a line that begins with # is a comment");
    }

    #[test]
    fn a_header_shows_what_separates_its_fields() {
        assert_eq!(["address,group;x,role", "address;group;role", "address\tgroup", "address"].map(separator), [',', ';', '\t', ',']);
    }

    #[test]
    fn a_quoted_field_may_hold_a_line_break_and_a_slip_swallows_no_other_line() {
        let taken = |text: &str| {
            let (fields, taken) = record(&lines(text.as_bytes(), utf8_alone), ',', 3);
            (fields.map_err(|wrong| wrong.why), taken)
        };
        let fields = ["a", "1 Elm Road\nTown", "pupil"].map(str::to_owned).to_vec();
        assert_eq!(taken("a,\"1 Elm Road\nTown\",pupil\nb,c,d"), (Ok(fields), 2));
        let slip = Err("a double quote is opened and not closed".to_owned());
        assert_eq!(taken("a,\"b,c\nd,e,f\ng,h,i"), (slip.clone(), 1));
        assert_eq!(taken("a,\"b,c\n\"d\",\"e\",f"), (slip.clone(), 1), "the quote of the next line closes nothing");
        assert_eq!(taken(&format!("a,\"b,c\n{}x\",y", "d,e,f\n".repeat(50))), (slip, 1));
    }

    #[test]
    fn a_line_in_another_encoding_is_named_and_the_others_are_read() {
        let latin = read(b"\xef\xbb\xbfaddress\r\nann\r\ncaf\xe9\r\nben", utf8_alone);
        assert_eq!(latin, [Ok("address".to_owned()), Ok("ann".to_owned()), Err("it is not UTF-8".to_owned()), Ok("ben".to_owned())]);
    }

    #[test]
    fn a_program_may_write_windows_1252_and_utf_8_into_one_file() {
        let told = read("Zo\u{eb}\n".as_bytes(), windows_1252);
        assert_eq!(told[0], Ok("Zo\u{eb}".to_owned()));
        let told = read(b"Zo\xeb \x80 O\x92Neill\nx\x81y", windows_1252);
        assert_eq!(told, [Ok("Zo\u{eb} \u{20ac} O\u{2019}Neill".to_owned()), Err("it is neither UTF-8 nor Windows-1252".to_owned())]);
    }

    #[test]
    fn utf_16_is_known_by_its_mark_and_without_one() {
        let wide = |text: &str, order: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(order).collect() };
        for text in ["\u{feff}address\r\ncaf\u{e9}", "address\r\ncaf\u{e9}"] {
            for order in [u16::to_le_bytes, u16::to_be_bytes] {
                assert_eq!(read(&wide(text, order), utf8_alone), [Ok("address".to_owned()), Ok("caf\u{e9}".to_owned())]);
            }
        }
    }
}
