//! `mailwarden scan --tree`: what a message is made of, and what was read of it.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::messages::Found;
use super::place;
use crate::cli::Output;
use crate::finding::{Branch, Defect, Incomplete, Tree};

const HEADER: [&str; 6] = ["part", "declared", "is", "octets", "time", "unread"];

#[derive(Serialize)]
struct Line<'a> {
    path: String,
    #[serde(flatten)]
    tree: &'a Tree,
}

/// # Errors
/// When the output cannot be written.
pub fn tell(found: &Found, tree: &Tree, json: bool, out: &mut Output) -> io::Result<()> {
    if json {
        return out.json(&Line { path: place(found), tree });
    }
    out.line(&place(found))?;
    let mut unread: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for Incomplete { part, reason } in &tree.incomplete {
        unread.entry(part).or_default().push(reason.as_str());
    }
    let mut rows: Vec<_> = tree.branches.iter().map(|branch| row(branch, unread.remove(branch.part.as_str()))).collect();
    // Of what was not even looked at, and of what lies between the parts.
    rows.extend(unread.into_iter().map(|(part, reasons)| {
        let part = if part.is_empty() { "message".to_owned() } else { indented(part) };
        [part, String::new(), String::new(), String::new(), String::new(), reasons.join(", ")]
    }));
    out.table(HEADER, &rows)?;
    let defects: Vec<_> = tree.defects.iter().map(|defect| Defect::as_str(*defect)).collect();
    if !defects.is_empty() {
        out.line(&format!("odd: {}", defects.join(", ")))?;
    }
    for (location, text) in &tree.texts {
        out.line(&format!("\n[{location}]\n{}", shown(text)))?;
    }
    out.line("")
}

fn row(branch: &Branch, unread: Option<Vec<&str>>) -> [String; 6] {
    let name = branch.name.as_ref().map(|name| format!(" {}", shown(name)));
    [
        format!("{}{}", indented(&branch.part), name.unwrap_or_default()),
        shown(&branch.declared),
        branch.media_type.clone(),
        branch.octets.to_string(),
        format!("{:.1} ms", branch.took.as_secs_f64() * 1000.0),
        unread.unwrap_or_default().join(", "),
    ]
}

/// As deep as the part lies.
fn indented(part: &str) -> String {
    format!("{}{part}", "  ".repeat(part.matches(['.', '/']).count()))
}

/// Words that do nothing to the terminal.
fn shown(text: &str) -> String {
    text.replace(|c: char| c.is_control() && !matches!(c, '\n' | '\t'), "\u{fffd}")
}
