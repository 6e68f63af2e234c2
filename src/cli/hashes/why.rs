//! `mailwarden hashes why`: why lists know a picture, or do not.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::civil::Date;
use serde::Serialize;

use super::{Lists, explained, remedy};
use crate::cli::caged::{self, CageArgs, Caged, LARGEST};
use crate::cli::{Exit, Failure, Output, octets};
use crate::fault::{At, Fault};
use crate::finding::{Cost, NearEntry, Reason, RuleId, Sighting};
use crate::scan::detect::MIN_QUALITY;
use crate::worker::Pool;

/// Say why lists know pictures, or do not: the nearest entries, how far they are, in which variant, and what it cost.
///
/// The files are decoded in the same cage as pictures of messages, and nothing of what they show is told. Of an entry its list
/// and its number are told, and never its digest. Lists that are only tested are compared too. Name pictures of your own: what
/// may be on a list is for nobody to keep as a file.
#[derive(Debug, Args)]
pub(super) struct Why {
    /// Print one JSON object a file.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lists: Lists,
    #[command(flatten)]
    cage: CageArgs,
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Line<'s> {
    path: String,
    media_type: &'s str,
    octets: u64,
    width: Option<u32>,
    height: Option<u32>,
    orientation: Option<u8>,
    frames: u32,
    compared: u32,
    quality: u8,
    /// What the judgement rests on.
    looked_at: &'static str,
    incomplete: Option<Reason>,
    /// In milliseconds.
    cost: Took,
    nearest: Vec<Near<'s>>,
}

#[derive(Serialize)]
struct Took {
    judging: f64,
    decoding: f64,
    comparing: f64,
}

#[derive(Serialize)]
struct Near<'s> {
    list: &'s RuleId,
    version: String,
    entry: u32,
    distance: u32,
    most: u32,
    is_match: bool,
    change: String,
    frame: u32,
    snoozed_until: Option<Date>,
}

impl Why {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let mut bundle = self.lists.bundle()?;
        bundle.tested_too = true;
        let mut faults = Vec::new();
        caged::block_on(async {
            let pool = Caged::bare(bundle, &self.cage).pool().await?;
            for path in &self.files {
                match look(path, &pool).await? {
                    Err(fault) => faults.push(fault),
                    Ok((sighting, octets)) => {
                        let line = Line::of(path, octets, &sighting);
                        if self.json { out.json(&line)? } else { line.tell(out)? }
                    }
                }
            }
            Ok(())
        })?;
        if faults.is_empty() { Ok(()) } else { Err(Failure { exit: Exit::World, faults }) }
    }
}

/// What was seen of a file, and its size in octets; or why nothing was.
async fn look(path: &Path, pool: &Pool) -> Result<Result<(Sighting, u64), Fault>, Failure> {
    let unseen = |why: String, hint: &str| {
        let what = "a file cannot be looked at".to_owned();
        Ok(Err(Fault { what, at: Some(At::file(path)), why, hint: hint.to_owned() }))
    };
    let file = match octets::open(path).and_then(|file| octets::whole(file, LARGEST)) {
        Err(error) => return unseen(error.to_string(), "correct the path, or run the command as a user who may read it"),
        Ok(None) => return unseen(format!("{}: {}", Reason::Budget, explained(Reason::Budget)), remedy(Reason::Budget)),
        Ok(Some(file)) => file,
    };
    match pool.permit().await.sighting(&file).await? {
        Err(reason) => unseen(format!("{reason}: {}", explained(reason)), remedy(reason)),
        Ok(sighting) => Ok(Ok((sighting, file.size()))),
    }
}

impl<'s> Line<'s> {
    fn of(path: &Path, octets: u64, sighting: &'s Sighting) -> Self {
        let Cost { judging, decoding, comparing } = sighting.cost;
        Self {
            path: path.to_string_lossy().into_owned(),
            media_type: &sighting.media_type,
            octets,
            width: sighting.size.map(|(width, _)| width),
            height: sighting.size.map(|(_, height)| height),
            orientation: sighting.orientation,
            frames: sighting.frames,
            compared: sighting.compared,
            quality: sighting.quality,
            looked_at: sighting.detail.as_str(),
            incomplete: sighting.incomplete,
            cost: Took { judging: milliseconds(judging), decoding: milliseconds(decoding), comparing: milliseconds(comparing) },
            nearest: sighting.nearest.iter().map(Near::of).collect(),
        }
    }

    fn tell(&self, out: &mut Output) -> Result<(), Failure> {
        let size = self.width.zip(self.height).map_or_else(String::new, |(width, height)| format!(", {width} x {height} pixels"));
        out.line(&format!("{}: {}, {} octets{size}", self.path, self.media_type, self.octets))?;
        let mut line = |name: &str, text: String| out.line(&format!("  {name:<11} {text}"));
        if let Some(orientation) = self.orientation {
            line("orientation", format!("{orientation}; compared as stored"))?;
        }
        let says_nothing = if self.frames > 0 && self.quality < MIN_QUALITY { ": too little to compare" } else { "" };
        line("quality", format!("{} of 100{says_nothing}", self.quality))?;
        line("frames", format!("{} decoded, {} differ from the one before and were compared", self.frames, self.compared))?;
        line("judged by", self.looked_at.to_owned())?;
        if let Some(reason) = self.incomplete {
            line("not read", format!("{reason}: {}", explained(reason)))?;
        }
        let Took { judging, decoding, comparing } = self.cost;
        line("cost", format!("{judging:.1} ms to judge it; {decoding:.1} ms for all pixels, {comparing:.1} ms for every variant"))?;
        if self.nearest.is_empty() {
            line("nearest", "no list has an entry near it".to_owned())?;
        } else {
            let rows: Vec<_> = self.nearest.iter().map(Near::row).collect();
            out.table(["list", "entry", "bits apart", "says", "frame", "variant", "version"], &rows)?;
        }
        Ok(out.line("")?)
    }
}

impl<'s> Near<'s> {
    fn of(near: &'s NearEntry) -> Self {
        let NearEntry { list, version, entry, distance, most, change, frame, snoozed } = near;
        Self {
            list,
            version: version.to_string(),
            entry: *entry,
            distance: *distance,
            most: *most,
            is_match: near.is_match(),
            change: change.to_string(),
            frame: *frame,
            snoozed_until: *snoozed,
        }
    }

    fn row(&self) -> [String; 7] {
        let says = match self.snoozed_until {
            Some(until) => format!("snoozed until {until}"),
            None if self.is_match => "match".to_owned(),
            None => "near".to_owned(),
        };
        let bits = format!("{} of {}", self.distance, self.most);
        let (list, entry, frame) = (self.list.to_string(), self.entry.to_string(), self.frame.to_string());
        [list, entry, bits, says, frame, self.change.clone(), self.version.clone()]
    }
}

/// To the hundredth.
#[expect(clippy::cast_precision_loss, reason = "no file is looked at for weeks")]
fn milliseconds(nanoseconds: u64) -> f64 {
    (nanoseconds as f64 / 1e4).round() / 100.0
}
