//! What issuers hand out: one digest a line, tables, and the JSON of hasher-matcher-actioner, NCMEC, Project VIC and MISP.

use std::collections::BTreeSet;

use memchr::memmem;
use serde_json::Value;

use crate::scan::detect::{DigestKind, MIN_QUALITY};

/// Names of the key or column beside which a digest stands, whatever its kind.
const VALUES: [&str; 8] = ["signal_value", "value", "hash", "hashvalue", "hash_value", "signal", "indicator", "digest"];
/// Names of the key that says of which kind the digest beside it is.
const KINDS: [&str; 6] = ["signal_type", "type", "hash_type", "hashtype", "indicator_type", "kind"];
/// What is left out is told of so many lines.
const MAX_TOLD: usize = 20;
/// Bits of a PDQ that are set: half of them are above the median, and a picture with little in it has many that are equal.
const LIKELY_BITS: std::ops::RangeInclusive<u32> = 64..=192;

/// The digests of one kind in a file.
#[derive(Default)]
pub struct Issued {
    pub digests: BTreeSet<Vec<u8>>,
    /// How often a digest stood there once more.
    pub repeated: usize,
    /// No digests at all.
    pub malformed: usize,
    /// Digests of nothing.
    pub useless: usize,
    /// The first of both.
    pub left_out: Vec<LeftOut>,
}

/// A digest that is not taken over.
pub struct LeftOut {
    pub line: usize,
    pub why: String,
}

impl Issued {
    /// Reads a file of whatever format it is.
    ///
    /// # Errors
    /// The line, and what is wrong with a file that is of none.
    pub fn read(octets: &[u8], kind: DigestKind) -> Result<Self, (usize, String)> {
        let line_of = |at: usize| memchr::memchr_iter(b'\n', &octets[..at]).count() + 1;
        let text = std::str::from_utf8(octets).map_err(|error| (line_of(error.valid_up_to()), "the file is not text".to_owned()))?;
        let text = text.trim_start_matches('\u{feff}');
        let mut issued = Self::default();
        if text.trim_start().starts_with(['{', '[']) {
            // Either one value, or one a line.
            for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
                let value = value.map_err(|error| (error.line(), format!("the JSON ends or breaks off here: {error}")))?;
                issued.value(&value, kind, text);
            }
        } else {
            issued.table(text, kind);
        }
        Ok(issued)
    }

    /// One digest a line, or a table whose header names a column of that kind.
    fn table(&mut self, text: &str, kind: DigestKind) {
        let mut lines =
            text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#')).peekable();
        let Some((_, first)) = lines.peek() else { return };
        let separator = [',', ';', '\t'].into_iter().find(|separator| first.contains(*separator));
        let names: Vec<_> = fields(first, separator).iter().map(|name| name.to_ascii_lowercase()).collect();
        let column = |wanted: &[&str]| names.iter().position(|name| wanted.contains(&name.as_str()));
        let named = column(&[kind.as_str()]).or_else(|| column(&VALUES));
        let quality = column(&["quality"]);
        if named.is_some() {
            lines.next();
        }
        for (at, line) in lines {
            let fields = fields(line.split('#').next().unwrap_or_default(), separator);
            let quality = quality.and_then(|column| fields.get(column)?.parse().ok());
            self.add(fields.get(named.unwrap_or(0)).map_or("", String::as_str), quality, kind, || at + 1);
        }
    }

    /// Every object that has a key of that kind, or says that what it holds is of that kind.
    fn value(&mut self, value: &Value, kind: DigestKind, text: &str) {
        // A value lies no deeper than the parser goes, which is 128.
        match value {
            Value::Array(values) => {
                for value in values {
                    self.value(value, kind, text);
                }
            }
            Value::Object(object) => {
                let get = |names: &[&str]| {
                    let found = object.iter().find(|(key, _)| names.contains(&key.to_ascii_lowercase().as_str()));
                    found.map(|(_, value)| value)
                };
                let says = get(&KINDS).and_then(Value::as_str).map(str::to_ascii_lowercase);
                let of_kind = says.is_some_and(|says| says.split(['|', '_', '-']).any(|part| part == kind.as_str()));
                let own = get(&[kind.as_str()]).or_else(|| get(&VALUES).filter(|_| of_kind)).and_then(Value::as_str);
                if let Some(digest) = own {
                    let quality = get(&["quality"]).and_then(Value::as_u64).and_then(|quality| u8::try_from(quality).ok());
                    // A value does not know where it stood, and is looked for only where that is to be told.
                    let line = || {
                        let at = memmem::find(text.as_bytes(), digest.as_bytes()).unwrap_or(0);
                        text[..at].matches('\n').count() + 1
                    };
                    // MISP writes `filename|md5`.
                    self.add(digest.rsplit('|').next().unwrap_or_default(), quality, kind, line);
                }
                for value in object.values() {
                    self.value(value, kind, text);
                }
            }
            _ => {}
        }
    }

    fn add(&mut self, digest: &str, quality: Option<u8>, kind: DigestKind, line: impl Fn() -> usize) {
        let octets = hex::decode(digest.trim()).ok().filter(|octets| octets.len() == kind.octets());
        let Some(octets) = octets else {
            let why = format!("not {} hex digits, as a digest of kind {} has", kind.octets() * 2, kind.as_str());
            return self.leave_out(line, why, true);
        };
        let bits = octets.iter().map(|octet| octet.count_ones()).sum::<u32>();
        let useless = match quality {
            _ if bits == 0 => Some("all zero: nothing was hashed".to_owned()),
            Some(quality) if quality < MIN_QUALITY => {
                Some(format!("of quality {quality}, and below {MIN_QUALITY} too many pictures are alike"))
            }
            _ if kind == DigestKind::Pdq && !LIKELY_BITS.contains(&bits) => {
                Some(format!("{bits} of 256 bits are set, as in an empty picture"))
            }
            _ => None,
        };
        match useless {
            Some(why) => self.leave_out(line, why, false),
            None => self.repeated += usize::from(!self.digests.insert(octets)),
        }
    }

    fn leave_out(&mut self, line: impl Fn() -> usize, why: String, is_malformed: bool) {
        self.malformed += usize::from(is_malformed);
        self.useless += usize::from(!is_malformed);
        if self.left_out.len() < MAX_TOLD {
            self.left_out.push(LeftOut { line: line(), why });
        }
    }
}

/// The fields of a line; in quotation marks a separator is a letter.
fn fields(line: &str, separator: Option<char>) -> Vec<String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    for letter in line.chars() {
        match letter {
            '"' => quoted = !quoted,
            letter if Some(letter) == separator && !quoted => fields.push(String::new()),
            letter => fields.last_mut().expect("there is always one").push(letter),
        }
    }
    fields.into_iter().map(|field| field.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "d8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22";
    const B: &str = "a4b4e18464a790b6a1491bd964506d4bc30f99e6dbac99ce0e17f7cf1463e633";

    fn read(text: &str, kind: DigestKind) -> Vec<String> {
        Issued::read(text.as_bytes(), kind).unwrap_or_else(|(line, why)| panic!("{line}: {why}")).digests.iter().map(hex::encode).collect()
    }

    #[test]
    fn each_format_gives_its_digests() {
        let upper = A.to_uppercase();
        for (format, text) in [
            ("plain", format!("# of today\n{A} # a comment\n\n{B}\n{upper}\n")),
            ("a table", format!("id,quality,PDQ\n1,80,{A}\n2,99,\"{B}\"\n")),
            ("a table with semicolons", format!("\u{feff}name;hash\r\n\"a;b\";{A}\r\nc;{B}\r\n")),
            ("without a header", format!("{A},80\n{B},90\n")),
            (
                "hasher-matcher-actioner",
                format!(
                    r#"[{{"signal_type":"pdq","signal_value":"{A}"}},{{"signal_type":"video_md5","signal_value":"00"}},{{"signal_type":"pdq","signal_value":"{B}"}}]"#
                ),
            ),
            (
                "NCMEC",
                format!(
                    r#"{{"entries":{{"1":{{"member_id":4,"fingerprints":{{"md5":"aa","pdq":"{A}"}}}},"2":{{"fingerprints":{{"pdq":"{B}"}}}}}}}}"#
                ),
            ),
            ("lines of JSON", format!("{{\"type\":\"HASH_PDQ\",\"indicator\":\"{A}\"}}\n{{\"pdq\":\"{B}\",\"quality\":100}}\n")),
        ] {
            let mut found = read(&text, DigestKind::Pdq);
            found.sort();
            assert_eq!(found, [B, A], "{format}");
        }
        let md5 = "900150983cd24fb0d6963f7d28e17f72";
        let misp = format!(
            r#"{{"response":[{{"Event":{{"Attribute":[{{"type":"filename|md5","value":"x.jpg|{md5}"}},{{"type":"url","value":"y"}}]}}}}]}}"#
        );
        let vic = format!(r#"{{"odata.metadata":"x","value":[{{"MediaID":1,"Category":1,"MD5":"{md5}","SHA1":"00","PhotoDNA":"zz"}}]}}"#);
        assert_eq!(read(&misp, DigestKind::Md5), [md5]);
        assert_eq!(read(&vic, DigestKind::Md5), [md5]);
    }

    #[test]
    fn what_is_left_out_is_told_by_its_line() {
        let zero = "0".repeat(64);
        let flat = format!("{}1", "0".repeat(63));
        let text = format!("pdq,quality\n{A},40\n{zero},100\nnonsense,100\n{flat},100\n{B},100\n{B},100\n");
        let issued = Issued::read(text.as_bytes(), DigestKind::Pdq).unwrap_or_default();
        let told: Vec<_> = issued.left_out.iter().map(|left| (left.line, left.why.as_str())).collect();
        assert_eq!(
            told,
            [
                (2, "of quality 40, and below 50 too many pictures are alike"),
                (3, "all zero: nothing was hashed"),
                (4, "not 64 hex digits, as a digest of kind pdq has"),
                (5, "1 of 256 bits are set, as in an empty picture"),
            ]
        );
        assert_eq!((issued.digests.len(), issued.repeated, issued.malformed, issued.useless), (1, 1, 1, 3));
        let json = format!("[\n{{\"pdq\": \"{A}\"}},\n{{\"pdq\": \"zz\"}}\n]");
        assert_eq!(Issued::read(json.as_bytes(), DigestKind::Pdq).unwrap_or_default().left_out[0].line, 3);
    }

    #[test]
    fn a_file_that_breaks_off_is_no_list() {
        let broken = |text: &str| Issued::read(text.as_bytes(), DigestKind::Pdq).err().map(|(line, _)| line);
        assert_eq!(broken("[\n{\"pdq\": "), Some(2));
        assert_eq!(Issued::read(b"abc\n\xff", DigestKind::Pdq).err(), Some((2, "the file is not text".to_owned())));
        assert_eq!(broken(&"[".repeat(100_000)), Some(1));
    }
}
