//! What the parts of a package have to do with one another (ECMA-376, part 2, 6.5): which leads to which, and what leads out.

use std::collections::{BTreeMap, HashMap};

use super::Found;
use super::markup::{Piece, walk};

/// By the part that the relations are of: identifier and the name of the part that it leads to.
pub struct Relations(HashMap<String, Vec<(String, String)>>);

impl Relations {
    /// Reads all relations; what leads out of the package is kept as a link.
    pub fn of(parts: &BTreeMap<String, Vec<u8>>, found: &mut Found) -> Self {
        let mut relations: HashMap<String, Vec<(String, String)>> = HashMap::new();
        for (name, octets) in parts {
            let Some((folder, file)) = name.split_once("_rels/").and_then(|(folder, file)| Some((folder, file.strip_suffix(".rels")?)))
            else {
                continue;
            };
            let own = relations.entry(format!("{folder}{file}")).or_default();
            walk(octets, |piece| {
                if let Piece::Start("Relationship", attributes) = piece {
                    let target = attributes.get("Target").unwrap_or_default();
                    if attributes.get("TargetMode").as_deref() == Some("External") {
                        found.link(&target);
                    } else {
                        own.push((attributes.get("Id").unwrap_or_default(), absolute(folder, &target)));
                    }
                }
            });
        }
        Self(relations)
    }

    /// The part that an identifier in another part stands for.
    pub fn target(&self, part: &str, id: &str) -> Option<&str> {
        self.all(part).find(|(own, _)| *own == id).map(|(_, target)| target)
    }

    /// Identifiers and parts that a part leads to.
    pub fn all(&self, part: &str) -> impl Iterator<Item = (&str, &str)> {
        self.0.get(part).into_iter().flatten().map(|(id, target)| (id.as_str(), target.as_str()))
    }
}

/// `../media/x` seen from `ppt/slides/` is `ppt/media/x`.
fn absolute(folder: &str, target: &str) -> String {
    if let Some(absolute) = target.strip_prefix('/') {
        return absolute.to_owned();
    }
    let mut steps: Vec<_> = folder.split('/').filter(|step| !step.is_empty()).collect();
    for step in target.split('/') {
        match step {
            ".." => drop(steps.pop()),
            "." | "" => {}
            step => steps.push(step),
        }
    }
    steps.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_seen_from_where_they_are_named() {
        assert_eq!(absolute("ppt/slides/", "../notesSlides/n1.xml"), "ppt/notesSlides/n1.xml");
        assert_eq!(absolute("xl/", "worksheets/sheet1.xml"), "xl/worksheets/sheet1.xml");
        assert_eq!(absolute("xl/", "/xl/sheet.xml"), "xl/sheet.xml");
    }
}
