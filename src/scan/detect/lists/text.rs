//! Lists of digests as they are written: a header of `# key: value` lines, then one digest a line.

use std::collections::BTreeMap;
use std::path::Path;

use super::{DigestKind, List, Source, fault};
use crate::fault::Fault;
use crate::finding::{Category, RuleId, Stage};
use crate::scan::detect::pictures::compile_list;
use crate::scan::detect::version;
use crate::wire::SourceFile;

const FIRST_LINE: &str = "# mailwarden list 1";
/// A file of another kind has a fault in every line: no more than these are told.
const MAX_FAULTS: usize = 20;

/// Reads a list. Every fault of it is told, at most 20.
pub fn read(file: &SourceFile) -> Result<List, Vec<Fault>> {
    let path = &file.path;
    let text = std::str::from_utf8(&file.octets).map_err(|error| {
        let line = file.octets[..error.valid_up_to()].split(|octet| *octet == b'\n').count();
        vec![fault(path, Some(line), "the file is not text", "a list is a text file of hex digits, one digest a line")]
    })?;
    let mut faults = Vec::new();
    if text.lines().next().map(str::trim_end) != Some(FIRST_LINE) {
        faults.push(fault(path, Some(1), format!("the first line is not `{FIRST_LINE}`"), "hashsets/README.md shows the header of a list"));
    }
    let header = Header::read(path, text, &mut faults);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let category = header.category.unwrap_or(Category::KnownImage);
    let rule = format!("{category}.{stem}").parse::<RuleId>();
    if let Err(why) = &rule {
        faults.push(fault(path, None, why.clone(), "name the file in small letters, digits and hyphens"));
    }
    let digests = header.kind.map(|kind| read_digests(path, text, kind, &mut faults)).unwrap_or_default();
    match (rule, header.kind) {
        (Ok(rule), Some(kind)) if faults.is_empty() => {
            let (name, score) = (header.name, header.score);
            let (version, level, stage, snoozed) = (version([&*file.octets]), None, header.stage, BTreeMap::new());
            let source = Source { rule, version, category, level, stage, name, score, snoozed };
            Ok(List { digests: compile_list(kind, digests), source, path: path.to_owned() })
        }
        _ => {
            let untold = faults.len().saturating_sub(MAX_FAULTS);
            faults.truncate(MAX_FAULTS);
            if untold > 0 {
                faults.push(fault(path, None, format!("{untold} more lines are wrong"), "see to the lines above first"));
            }
            Err(faults)
        }
    }
}

struct Header {
    name: String,
    category: Option<Category>,
    kind: Option<DigestKind>,
    score: u16,
    stage: Stage,
}

impl Header {
    /// The comment lines before the first digest.
    fn read(path: &Path, text: &str, faults: &mut Vec<Fault>) -> Self {
        let mut header = Self { name: String::new(), category: None, kind: None, score: 100, stage: Stage::Hold };
        let comments = text.lines().enumerate().map_while(|(at, line)| match line.trim().strip_prefix('#') {
            Some(comment) => Some((at + 1, comment)),
            None if line.trim().is_empty() => Some((at + 1, "")),
            None => None,
        });
        let mut told = Vec::new();
        for (line, comment) in comments {
            let Some((key, value)) = comment.split_once(':') else { continue };
            let (key, value) = (key.trim(), value.trim());
            match key {
                "name" => value.clone_into(&mut header.name),
                "category" => {
                    header.category = value.parse().ok();
                    if header.category.is_none() {
                        faults.push(fault(
                            path,
                            Some(line),
                            format!("`{value}` is not a category"),
                            "`known-image` is for lists of the police and of charities",
                        ));
                    }
                }
                "kind" => {
                    header.kind = DigestKind::ALL.into_iter().find(|kind| kind.as_str() == value);
                    if header.kind.is_none() {
                        let kinds = DigestKind::ALL.map(DigestKind::as_str).join(", ");
                        faults.push(fault(path, Some(line), format!("`{value}` is not a kind of digest"), &format!("one of {kinds}")));
                    }
                }
                "score" => match value.parse() {
                    Ok(score @ 1..=100) => header.score = score,
                    _ => faults.push(fault(path, Some(line), format!("`{value}` is no score"), "a score is 1 to 100")),
                },
                "stage" => {
                    header.stage = value.parse().unwrap_or_else(|()| {
                        let stages = Stage::ALL.map(Stage::as_str).join(", ");
                        faults.push(fault(path, Some(line), format!("`{value}` is no stage"), &format!("one of {stages}")));
                        Stage::Draft
                    });
                }
                _ => {}
            }
            told.push(key);
        }
        for key in ["name", "category", "kind"].into_iter().filter(|key| !told.contains(key)) {
            faults.push(fault(path, None, format!("the header has no line `# {key}: …`"), "hashsets/README.md shows the header of a list"));
        }
        header
    }
}

fn read_digests(path: &Path, text: &str, kind: DigestKind, faults: &mut Vec<Fault>) -> Vec<Vec<u8>> {
    let mut digests = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let digest = line.split('#').next().unwrap_or_default().trim();
        if digest.is_empty() {
            continue;
        }
        match hex::decode(digest) {
            Ok(octets) if octets.len() == kind.octets() => digests.push(octets),
            _ => {
                let why = format!("not {} hex digits, as a digest of kind {} has", kind.octets() * 2, kind.as_str());
                faults.push(fault(path, Some(at + 1), why, "one digest a line; what follows a `#` is a comment"));
            }
        }
    }
    digests
}

#[cfg(test)]
mod tests {
    use super::super::read_all;
    use super::*;

    fn list(path: &str, text: &str) -> SourceFile {
        SourceFile { path: path.into(), octets: text.as_bytes().to_vec() }
    }

    fn faults(path: &str, text: &str) -> Vec<String> {
        let faults = read_all(&[list(path, text)], &[], jiff::civil::Date::default(), Stage::Shadow).err().unwrap_or_default();
        faults.into_iter().map(|fault| format!("{}: {}", fault.at.unwrap(), fault.why)).collect()
    }

    #[test]
    fn a_list_is_read_with_its_header_and_its_comments() {
        let text = "# mailwarden list 1\r\n# name: Example\r\n# category: sexual-content\r\n# kind: md5\r\n# score: 60\r\n\r\n\
                    D41D8CD98F00B204E9800998ECF8427E # the empty file\r\n";
        let lists =
            read_all(&[list("hashsets/own.txt", text), list("hashsets/README.md", "")], &[], jiff::civil::Date::default(), Stage::Shadow)
                .unwrap_or_default();
        assert_eq!(lists.len(), 1);
        assert_eq!((lists[0].kind(), lists[0].digests.count(), lists[0].source.score), (DigestKind::Md5, 1, 60));
        assert_eq!((lists[0].source.rule.as_str(), lists[0].source.name.as_str()), ("sexual-content.own", "Example"));
    }

    #[test]
    fn a_list_runs_from_the_stage_on_that_its_header_names() {
        let read = |stage: &str, lowest| {
            let text = format!("{FIRST_LINE}\n# name: x\n# category: scam\n# kind: md5\n# stage: {stage}\n");
            let lists = read_all(&[list("hashsets/a.txt", &text)], &[], jiff::civil::Date::default(), lowest).unwrap_or_default();
            lists.first().map(|list| list.source.stage)
        };
        assert_eq!([read("flag", Stage::Shadow), read("hold", Stage::Shadow)], [Some(Stage::Flag), Some(Stage::Hold)]);
        assert_eq!([read("tested", Stage::Shadow), read("tested", Stage::Tested)], [None, Some(Stage::Tested)]);
        let unknown = format!("{FIRST_LINE}\n# name: x\n# category: scam\n# kind: md5\n# stage: soon\n");
        assert_eq!(faults("hashsets/a.txt", &unknown), ["hashsets/a.txt:5: `soon` is no stage"]);
    }

    #[test]
    fn every_fault_of_a_list_is_told_with_its_line() {
        let text = "# mailwarden list 1\n# name: x\n# category: unknown\n# kind: sha1\n# score: 0\nabcd\nxyz\n";
        assert_eq!(
            faults("hashsets/a.txt", text),
            [
                "hashsets/a.txt:3: `unknown` is not a category",
                "hashsets/a.txt:5: `0` is no score",
                "hashsets/a.txt:6: not 40 hex digits, as a digest of kind sha1 has",
                "hashsets/a.txt:7: not 40 hex digits, as a digest of kind sha1 has",
            ]
        );
        assert_eq!(
            faults("hashsets/A b.txt", "abcd\n"),
            [
                "hashsets/A b.txt:1: the first line is not `# mailwarden list 1`",
                "hashsets/A b.txt: the header has no line `# name: …`",
                "hashsets/A b.txt: the header has no line `# category: …`",
                "hashsets/A b.txt: the header has no line `# kind: …`",
                "hashsets/A b.txt: `known-image.A b` is not `category.name` in small letters, digits and hyphens",
            ]
        );
    }

    #[test]
    fn a_file_of_another_kind_does_not_flood_the_reader() {
        let text = format!("{FIRST_LINE}\n# name: x\n# category: scam\n# kind: pdq\n{}", "nonsense\n".repeat(1_000));
        let faults = faults("hashsets/a.txt", &text);
        assert_eq!(faults.len(), MAX_FAULTS + 1);
        assert_eq!(faults[MAX_FAULTS], "hashsets/a.txt: 980 more lines are wrong");
    }
}
