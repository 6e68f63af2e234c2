//! What is told of the messages that were scanned: an object each for programs, a table of the worst for people.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use serde::Serialize;

use super::messages::Found;
use crate::cli::Output;
use crate::cli::offline::Judgement;
use crate::cli::progress::{Progress, counted};
use crate::finding::{Category, Incomplete, Kind, Level, Location, Report, RuleId, Stage, Verdict};

/// Gathers what the table says, or tells each message at once.
pub struct Account {
    json: bool,
    clear: u64,
    flagged: u64,
    held: u64,
    incomplete: u64,
    rows: Vec<Row>,
    /// Rules that count for some people or at some times only, taken to be these.
    granted: BTreeSet<RuleId>,
    progress: Progress,
}

/// A message that is not clear.
struct Row {
    severity: Level,
    verdict: &'static str,
    path: String,
    category: Category,
    why: String,
}

#[derive(Serialize)]
struct Line<'a> {
    path: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    number: Option<u64>,
    verdict: &'static str,
    /// By which rules and lists.
    rule_set: &'a str,
    category: Option<Category>,
    severity: Option<Level>,
    findings: Vec<FindingLine<'a>>,
    pictures: Vec<PictureLine<'a>>,
    incomplete: &'a [Incomplete],
    parts: u32,
}

#[derive(Serialize)]
struct FindingLine<'a> {
    rule: &'a RuleId,
    category: Category,
    location: &'a Location,
    kind: Kind,
    /// Where the rule may do less than its category.
    #[serde(skip_serializing_if = "Option::is_none")]
    stage: Option<Stage>,
}

#[derive(Serialize)]
struct PictureLine<'a> {
    part: &'a str,
    sha256: String,
    pdq: Option<String>,
    quality: u8,
    r#match: Option<MatchLine<'a>>,
}

/// The nearest entry of any list.
#[derive(Serialize)]
struct MatchLine<'a> {
    list: &'a RuleId,
    /// In bits.
    distance: u32,
}

impl Account {
    pub fn new(json: bool) -> Self {
        Self {
            json,
            clear: 0,
            flagged: 0,
            held: 0,
            incomplete: 0,
            rows: Vec::new(),
            granted: BTreeSet::new(),
            progress: Progress::new(json),
        }
    }

    pub fn messages(&self) -> u64 {
        self.clear + self.flagged + self.held + self.incomplete
    }

    /// # Errors
    /// When the output cannot be written.
    pub fn tell(&mut self, found: &Found, report: &Report, judged: &Judgement, rule_set: &str, out: &mut Output) -> io::Result<()> {
        let verdict = &judged.verdict;
        self.granted.extend(judged.granted.iter().cloned());
        *match verdict {
            Verdict::Clear => &mut self.clear,
            Verdict::Flag(_) => &mut self.flagged,
            Verdict::Hold(_) => &mut self.held,
            Verdict::Incomplete(_) => &mut self.incomplete,
        } += 1;
        let gravest = gravest(verdict);
        if self.json {
            out.json(&line(found, report, verdict, rule_set))?;
        } else if let Some((category, severity)) = gravest {
            self.rows.push(Row { severity, verdict: verdict.as_str(), path: place(found), category, why: why(verdict) });
        }
        self.progress.show(self.messages());
        Ok(())
    }

    /// The table and the counts.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn close(mut self, out: &mut Output) -> io::Result<()> {
        self.progress.wipe();
        if self.json {
            return Ok(());
        }
        self.rows.sort_by(|one, other| one.rank().cmp(&other.rank()));
        let counts = format!(
            "{}: {} held, {} flagged, {} incomplete, {} clear",
            counted(self.messages()),
            self.held,
            self.flagged,
            self.incomplete,
            self.clear
        );
        if !self.rows.is_empty() {
            let rows: Vec<_> = self.rows.into_iter().map(Row::cells).collect();
            out.table(["message", "verdict", "category", "level", "why"], &rows)?;
        }
        out.line(&counts)?;
        if self.granted.is_empty() {
            return Ok(());
        }
        let rules: Vec<_> = self.granted.iter().map(RuleId::as_str).collect();
        out.line(&format!(
            "taken for granted, where a file does not tell: the people and the time that these rules ask for: {}",
            rules.join(", ")
        ))
    }
}

impl Row {
    /// The worst first: what is urgent, then what is held, and what could not be read behind all that was found.
    fn rank(&self) -> impl Ord + use<'_> {
        (self.category == Category::Incomplete, Reverse(self.severity), self.verdict != "hold", &self.path)
    }

    fn cells(self) -> [String; 5] {
        [self.path, self.verdict.to_owned(), self.category.to_string(), u8::from(self.severity).to_string(), self.why]
    }
}

fn line<'a>(found: &'a Found, report: &'a Report, verdict: &Verdict, rule_set: &'a str) -> Line<'a> {
    let gravest = gravest(verdict);
    let findings = report.findings.iter().map(|finding| FindingLine {
        rule: &finding.rule,
        category: finding.category,
        location: &finding.location,
        kind: finding.kind,
        stage: Some(finding.reach.stage).filter(|stage| *stage != Stage::Hold),
    });
    let pictures = report.pictures.iter().map(|picture| PictureLine {
        part: &picture.part,
        sha256: hex::encode(picture.sha256),
        pdq: picture.pdq.map(hex::encode),
        quality: picture.quality,
        r#match: picture.matched.as_ref().map(|(list, distance)| MatchLine { list, distance: *distance }),
    });
    Line {
        path: found.path.to_string_lossy(),
        number: found.number,
        verdict: verdict.as_str(),
        rule_set,
        category: gravest.map(|(category, _)| category),
        severity: gravest.map(|(_, level)| level),
        findings: findings.collect(),
        pictures: pictures.collect(),
        incomplete: &report.incomplete,
        parts: report.parts,
    }
}

fn gravest(verdict: &Verdict) -> Option<(Category, Level)> {
    match verdict {
        Verdict::Clear => None,
        Verdict::Flag(concern) | Verdict::Hold(concern) => Some((concern.category, concern.level)),
        Verdict::Incomplete(_) => Some((Category::Incomplete, Category::Incomplete.level())),
    }
}

/// The rules that made it a concern, or the reasons why it was not read; never what stands in the message.
fn why(verdict: &Verdict) -> String {
    let mut reasons: Vec<String> = match verdict {
        Verdict::Clear => Vec::new(),
        Verdict::Flag(concern) | Verdict::Hold(concern) => concern.findings.iter().map(|finding| finding.rule.to_string()).collect(),
        Verdict::Incomplete(incomplete) => incomplete.iter().map(|unread| unread.reason.to_string()).collect(),
    };
    reasons.sort();
    reasons.dedup();
    reasons.join(", ")
}

/// A message's path, and its number in that file.
pub fn place(found: &Found) -> String {
    let path = shown(&found.path);
    found.number.map_or(path.clone(), |number| format!("{path}:{number}"))
}

/// A name that does nothing to the terminal.
pub fn shown(path: &Path) -> String {
    path.to_string_lossy().replace(char::is_control, "\u{fffd}")
}
