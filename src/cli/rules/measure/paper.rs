//! The measurement on paper: a page in Markdown for the auditor and for whoever changes rules.

use std::fmt::Write;

use super::Measured;
use super::figures::{AIMS, Figures, SetFigures};
use crate::finding::Category;

const HOW: &str = "\
Every sample is made a message of a made-up school, with a sender and a recipient of the role that it says, and examined by\n\
the program itself: in the same cage, by the same compiled rules and the same judgement as the daemon's. `clear` says it\n\
outright, `implied` hints at it, a `contrast` is harmless in words of the category (set books, lessons, idioms), and\n\
`ordinary` is any school day. `blind` samples were written without sight of the rules. Brackets hold 95 % intervals (Wilson).\n\
What is only counted (strong language, chain messages) and what could not be read is no alarm. When a message came and\n\
whether its sender is new is not known here: conditions on that are taken to hold. Letter tricks are played on\n\
the matched words of clear samples that are found as they stand. Weights are learnt from the `open` samples and from the sets\n\
whose names end in `-learnt`: what they show there is flattered. `held-out` samples are by the same writers, and are not learnt\n\
from.\n";

/// The whole page.
pub fn page(measured: &Measured) -> String {
    let mut page = format!(
        "# How good the rules are\n\nMeasured on {} with the rule set `{}` ({} rules, {} terms) by `make quality`.\n\n{HOW}",
        measured.day, measured.rule_set.id, measured.rule_set.rules, measured.rule_set.terms
    );
    for absent in &measured.absent {
        let _ = writeln!(page, "\n**Not measured:** {absent}.");
    }
    section(&mut page, "Aims", &["set", "figure", "aim", "measured", "standing"], &aims(measured));
    section(&mut page, "Rules and meaning", &["set", "figure", "aim", "rules alone", "rules and meaning"], &side_by_side(measured));
    for (name, set) in measured.sets.iter().filter(|(_, set)| set.has_categories()) {
        let header =
            ["category", "clear found, %", "implied found, %", "anything found, %", "contrasts flagged, ‰", "ordinary flagged, ‰", "held"];
        section(&mut page, &format!("Set `{name}`"), &header, &categories(set));
    }
    section(&mut page, "Letter tricks", &["set", "trick", "clear samples lost, points"], &tricks(measured));
    section(&mut page, "Wrong alarms by rule", &["set", "rule", "contrasts", "ordinary", "of these held"], &rules(measured));
    page
}

/// A row a set and aim.
pub fn aims(measured: &Measured) -> Vec<[String; 5]> {
    let mut rows = Vec::new();
    for (name, set) in &measured.sets {
        for aim in &AIMS {
            if let Some(share) = aim.figure(set) {
                let standing = aim.standing(share).as_str().to_owned();
                rows.push([name.clone(), aim.title.to_owned(), aim.bound(), share.per(aim.per).to_string(), standing]);
            }
        }
    }
    rows
}

/// A row a set and aim that both were measured by; none where there was no model.
pub fn side_by_side(measured: &Measured) -> Vec<[String; 5]> {
    let mut rows = Vec::new();
    for (name, with) in measured.with_meaning.iter().flatten() {
        let Some(alone) = measured.sets.get(name) else { continue };
        for aim in &AIMS {
            if let (Some(alone), Some(with)) = (aim.figure(alone), aim.figure(with)) {
                let [alone, with] = [alone, with].map(|share| share.per(aim.per).to_string());
                rows.push([name.clone(), aim.title.to_owned(), aim.bound(), alone, with]);
            }
        }
    }
    rows
}

/// A row a category, the whole set last.
pub fn categories(set: &SetFigures) -> Vec<[String; 7]> {
    let row = |name: &str, figures: &Figures| {
        [
            name.to_owned(),
            figures.clear.per(100.0).to_string(),
            figures.implied.per(100.0).to_string(),
            figures.any.per(100.0).to_string(),
            figures.contrast.per(1_000.0).to_string(),
            figures.ordinary.per(1_000.0).to_string(),
            if figures.held.of == 0 { "-".to_owned() } else { format!("{} of {}", figures.held.hits, figures.held.of) },
        ]
    };
    let each = set.categories.iter().map(|(category, figures)| row(category.map_or("none", Category::code), figures));
    let mut rows: Vec<_> = each.collect();
    if rows.len() > 1 {
        rows.push(row("all", &set.total));
    }
    rows
}

/// A row a set and trick.
pub fn tricks(measured: &Measured) -> Vec<[String; 3]> {
    let each = measured.sets.iter().flat_map(|(name, set)| set.lost.iter().map(move |(trick, lost)| (name, trick, lost)));
    each.map(|(name, trick, lost)| [name.clone(), (*trick).to_owned(), lost.per(100.0).to_string()]).collect()
}

/// A row a set and rule, the worst of a set first.
pub fn rules(measured: &Measured) -> Vec<[String; 5]> {
    let mut rows = Vec::new();
    for (name, set) in &measured.sets {
        let mut wrong: Vec<_> = set.by_rule.iter().collect();
        wrong.sort_by_key(|(rule, wrong)| (std::cmp::Reverse(wrong.contrast + wrong.ordinary), *rule));
        let told = wrong.into_iter().map(|(rule, wrong)| {
            [name.clone(), rule.to_string(), wrong.contrast.to_string(), wrong.ordinary.to_string(), wrong.held.to_string()]
        });
        rows.extend(told);
    }
    rows
}

fn section<const N: usize>(page: &mut String, title: &str, header: &[&str; N], rows: &[[String; N]]) {
    if rows.is_empty() {
        return;
    }
    let line = |cells: &[&str]| format!("| {} |\n", cells.join(" | "));
    let _ = write!(page, "\n## {title}\n\n{}{}", line(header), line(&["---"; N]));
    for row in rows {
        page.push_str(&line(&row.each_ref().map(String::as_str)));
    }
}
