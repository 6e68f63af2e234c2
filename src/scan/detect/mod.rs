//! What in a text or a file is a concern: rules for words, lists of digests and lists of pictures.

mod digests;
mod learnt;
mod lists;
mod lookup;
mod meaning;
mod pictures;
mod rules;
mod teller;

use std::path::Path;
use std::time::Instant;

use sha2::{Digest, Sha256};

use crate::fault::Fault;
use crate::finding::{
    Cost, Field, Finding, Fingerprint, Kind, Location, PictureFact, Reason, RuleFacts, RuleVersion, Sighting, Stage, Trace,
};
use crate::scan::budget::PICTURES_TIME;
use crate::scan::extract::{FileExtract, TextExtract};
use crate::wire::{Bundle, Learnt, Lessons, RuleSet, Tested};

use digests::DigestLists;
use learnt::Weights;
use lists::HEADER;
use meaning::Meaning;
use pictures::PictureLists;
use rules::{Picture, Rule, RuleBook};

pub use learnt::letters;
pub use lists::{APART, Compiled, Description, DigestKind, SNOOZED, Snooze, Snoozes, TooMuch};
pub use lookup::{ListStat, NamedList, PdqList, alike, distance, list, list_stats, lookup};
pub use pictures::{MAX_DISTANCE, MIN_QUALITY, compile_list};

/// Compiled rules and lists. Immutable; any number of threads may ask it.
pub struct Detectors {
    rules: RuleBook,
    learnt: Option<Weights>,
    /// Only where there are weights of words too: the two are mixed.
    meaning: Option<Meaning>,
    digests: DigestLists,
    pictures: PictureLists,
    set: RuleSet,
    facts: Vec<RuleFacts>,
}

/// One find: what goes into the report, and what only the sheet may say.
pub struct Match {
    pub finding: Finding,
    /// The rule's sentence in plain English, or the name of the list.
    pub title: String,
    /// Octets of the original text, on the edges of characters; `None` for files.
    pub span: Option<(usize, usize)>,
    /// Bits between a picture and the entry of the list.
    pub distance: Option<u32>,
    /// Further places in the same text that speak for it.
    pub further: Vec<(usize, usize)>,
    /// How far its rule has come; lists do whatever their category may.
    pub stage: Stage,
    /// What else the message must carry, or this is no find.
    pub with: Option<Picture>,
}

impl Match {
    /// Whether the message carries what the rule asks for besides its words.
    pub fn is_complete(&self, any_picture: bool, listed_picture: bool) -> bool {
        match self.with {
            None => true,
            Some(Picture::Any) => any_picture,
            Some(Picture::Listed) => listed_picture,
        }
    }
}

/// What is to be said of one file.
pub struct FileReport {
    pub matches: Vec<Match>,
    pub is_picture: bool,
    /// `None` for files that are no pictures.
    pub picture: Option<PictureFact>,
    pub incomplete: Option<Reason>,
}

impl Detectors {
    /// Compiles a bundle.
    ///
    /// # Errors
    /// Every fault of every file; nothing of the bundle is in force then.
    pub fn compile(bundle: &Bundle) -> Result<Self, Vec<Fault>> {
        let lowest = if bundle.tested_too { Stage::Tested } else { Stage::Shadow };
        let rules = rules::compile_all(bundle);
        let lists = lists::read_all(&bundle.hash_lists, &bundle.compiled_lists, bundle.today, lowest);
        let learnt = bundle.weights.last().map(Weights::read).transpose();
        let meaning = bundle.model.as_ref().map(|model| match &learnt {
            Ok(learnt) => Meaning::open(model, bundle.meaning.last(), learnt.as_ref()).map_err(|fault| vec![fault]),
            Err(_) => Err(Meaning::look(model, bundle.meaning.last())),
        });
        let (((rules, lists), learnt), meaning) = both(both(both(rules, lists), learnt), meaning.transpose())?;
        let examples = rules.iter().map(|rule| rule.examples.len()).sum();
        let running = rules.iter().filter(|rule| rule.stage >= lowest).map(Rule::facts);
        let running = running.chain(learnt.iter().flat_map(Weights::facts)).chain(meaning.iter().flat_map(Meaning::facts));
        let facts = running.chain(lists.iter().map(|list| list.source.facts())).collect();
        let rules = RuleBook::new(rules, lowest);
        let list_entries = lists.iter().map(|list| list.digests.count()).sum();
        let set = RuleSet { id: bundle_id(bundle), rules: rules.rules(), terms: rules.terms(), examples, list_entries };
        Ok(Self { rules, learnt, meaning, digests: DigestLists::new(&lists), pictures: PictureLists::new(lists), set, facts })
    }

    pub fn rule_set(&self) -> RuleSet {
        self.set.clone()
    }

    /// What each rule and each list is, for whoever hears of its finds.
    pub fn facts(&self) -> Vec<RuleFacts> {
        self.facts.clone()
    }

    /// Matches texts, each by itself; the number says which of them. A rule fires at most once a text.
    pub fn texts(&self, texts: &[TextExtract]) -> Vec<(usize, Match)> {
        let mut matches = self.rules.texts(texts);
        if let Some(learnt) = &self.learnt {
            let opinion = learnt.opinion(texts);
            for (_, Match { finding, stage, .. }) in &mut matches {
                finding.score = learnt.second(&opinion, *stage, finding.category, finding.location.field, finding.score);
            }
            let beside = matches.iter().map(|(_, found)| (found.finding.category, found.stage, found.finding.score)).collect();
            matches.extend(learnt.matches(&opinion, texts, &beside));
            if let Some(meaning) = &self.meaning {
                let beside = matches.iter().map(|(_, found)| (found.finding.category, found.stage, found.finding.score)).collect();
                matches.extend(meaning.matches(&opinion, learnt, texts, &beside));
            }
        }
        matches
    }

    /// Why rules fire on these texts, or nearly do.
    pub fn traces(&self, texts: &[TextExtract]) -> Vec<Trace> {
        let mut traces = self.rules.traces(texts);
        if let Some(learnt) = &self.learnt {
            let begun = Instant::now();
            let opinion = learnt.opinion(texts);
            let cost = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
            learnt.explain(&opinion, cost, texts, &mut traces);
            if let Some(meaning) = &self.meaning {
                meaning.explain(&opinion, learnt, texts, &mut traces);
            }
        }
        traces
    }

    /// Matches a file by its octets, and a picture by its looks. Decodes pictures: only ever call this in the cage.
    ///
    /// Where no list of pictures is loaded and nobody asks for facts, no picture is decoded: there is nothing that it
    /// could be compared with, and a decoder that does not run cannot be attacked. None is begun after `until`: it is incomplete then.
    pub fn file(&self, file: &FileExtract<'_>, want_facts: bool, until: Instant) -> FileReport {
        let location = Location { part: file.part.clone(), field: Field::Attachment, place: None };
        let mut matches = self.digests.matches(&file.octets, &location);
        if !file.is_picture || (self.pictures.is_empty() && !want_facts) {
            return FileReport { matches, is_picture: file.is_picture, picture: None, incomplete: None };
        }
        if Instant::now() >= until {
            return FileReport { matches, is_picture: true, picture: None, incomplete: Some(Reason::Budget) };
        }
        let same = matches.first().map(|found| (found.finding.rule.clone(), 0));
        let looked = self.pictures.look(&file.octets, &location);
        let alike = looked.matches.iter().filter(|found| found.finding.kind == Kind::Picture);
        let alike = alike.filter_map(|found| Some((found.finding.rule.clone(), found.distance?))).min_by_key(|(_, distance)| *distance);
        matches.extend(looked.matches);
        let picture = PictureFact {
            part: file.part.clone(),
            sha256: Sha256::digest(&file.octets).into(),
            pdq: looked.first.as_ref().map(|sight| sight.pdq.hash.to_octets()),
            quality: looked.first.as_ref().map_or(0, |sight| sight.pdq.quality),
            opinions: looked.first.filter(|_| want_facts).and_then(|sight| sight.opinions()),
            matched: alike.or(same),
        };
        FileReport { matches, is_picture: true, picture: Some(picture), incomplete: looked.incomplete }
    }

    /// Why lists know a file, or do not. Decodes pictures: only ever call this in the cage.
    pub fn sighting(&self, file: &FileExtract<'_>) -> Sighting {
        let began = Instant::now();
        let _ = self.file(file, false, began + PICTURES_TIME);
        let judging = began.elapsed();
        let seen = self.pictures.sighting(&file.octets);
        let mut nearest = self.digests.near(&file.octets);
        nearest.extend(seen.nearest);
        nearest.sort_by(|one, other| (one.distance, &one.list, one.entry).cmp(&(other.distance, &other.list, other.entry)));
        let [judging, decoding, comparing] =
            [judging, seen.decoding, seen.comparing].map(|took| u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        Sighting {
            media_type: file.media_type.to_owned(),
            size: seen.size,
            orientation: seen.orientation,
            frames: seen.frames,
            compared: seen.compared,
            quality: seen.quality,
            detail: seen.detail,
            incomplete: seen.incomplete,
            nearest,
            cost: Cost { judging, decoding, comparing },
        }
    }
}

/// What came of compiling a bundle and running every example of every rule.
pub struct Checked {
    pub set: RuleSet,
    /// What may stay as it is, and is said aloud.
    pub notes: Vec<Fault>,
}

/// Compiles a bundle and runs every example of every rule.
///
/// # Errors
/// Every fault and every example that fails; of a draft, an example that fails is a note.
pub fn check(bundle: &Bundle) -> Result<Checked, Vec<Fault>> {
    let set = Detectors::compile(bundle)?.rule_set();
    let rules = rules::compile_all(bundle)?;
    let mut notes = rules::look_over(&rules);
    let mut faults = Vec::new();
    for rule in rules {
        let failed = rules::run_examples(&rule);
        if rule.stage == Stage::Draft {
            notes.extend(failed);
        } else {
            faults.extend(failed);
        }
        faults.extend(rule.objections);
        notes.extend(rule.notes);
    }
    if faults.is_empty() { Ok(Checked { set, notes }) } else { Err(faults) }
}

/// Learns weights of words; and of meaning, where there is a model.
///
/// # Errors
/// A model that is not known.
pub fn learn(lessons: &Lessons) -> Result<Learnt, Vec<Fault>> {
    let (words, held_out) = learnt::learn(lessons);
    let meaning = lessons.model.as_ref().map(|model| meaning::learn(lessons, model, &held_out));
    Ok(Learnt { words, meaning: meaning.transpose().map_err(|fault| vec![fault])? })
}

/// Runs every example of every rule.
///
/// # Errors
/// Every fault of a rule or list that does not compile.
pub fn test(bundle: &Bundle) -> Result<Vec<Tested>, Vec<Fault>> {
    let tested = |rule: Rule| Tested {
        faults: rules::run_examples(&rule).into_iter().chain(rule.objections).collect(),
        rule: rule.id,
        version: rule.version,
        stage: rule.stage,
        examples: rule.examples.len(),
    };
    Ok(rules::compile_all(bundle)?.into_iter().map(tested).collect())
}

/// The PDQ hash of a picture and its quality, as it is judged. Decodes pictures: only ever call this in the cage.
pub fn pdq(octets: &[u8]) -> Option<([u8; 32], u8)> {
    pictures::pdq_of(octets).0.map(|pdq| (pdq.hash.to_octets(), pdq.quality))
}

/// The digests of a file. Decodes pictures: only ever call this in the cage.
pub fn fingerprint(octets: &[u8]) -> Fingerprint {
    let (pdq, incomplete) = pictures::pdq_of(octets);
    Fingerprint {
        pdq: pdq.map(|pdq| pdq.hash.to_octets()),
        quality: pdq.map_or(0, |pdq| pdq.quality),
        sha256: Sha256::digest(octets).into(),
        sha1: sha1::Sha1::digest(octets).into(),
        md5: md5::Md5::digest(octets).into(),
        incomplete,
    }
}

/// The first 8 octets of the SHA-256 of a file, and of the files that it names.
fn version<'o>(files: impl IntoIterator<Item = &'o [u8]>) -> RuleVersion {
    let mut hash = Sha256::new();
    files.into_iter().for_each(|octets| hash.update(octets));
    let mut first = [0; 8];
    first.copy_from_slice(&hash.finalize()[..8]);
    RuleVersion(first)
}

fn both<A, B>(one: Result<A, Vec<Fault>>, other: Result<B, Vec<Fault>>) -> Result<(A, B), Vec<Fault>> {
    match (one, other) {
        (Ok(one), Ok(other)) => Ok((one, other)),
        (one, other) => Err(one.err().into_iter().chain(other.err()).flatten().collect()),
    }
}

/// Lengths are hashed too: moving octets from one file to the next makes another bundle. Of a path the last two names
/// count: what is tried in one place and in force in another is the same.
fn bundle_id(bundle: &Bundle) -> String {
    let mut hash = Sha256::new();
    for files in [&bundle.rules, &bundle.word_lists, &bundle.weights, &bundle.hash_lists] {
        hash.update((files.len() as u64).to_be_bytes());
        for file in files {
            let name = file.path.file_name().unwrap_or_default().as_encoded_bytes();
            let folder = file.path.parent().and_then(Path::file_name).unwrap_or_default().as_encoded_bytes();
            for octets in [folder, name, &file.octets] {
                hash.update((octets.len() as u64).to_be_bytes());
                hash.update(octets);
            }
        }
    }
    if bundle.model.is_some() {
        // What is learnt names the model, whose digest is known.
        bundle.meaning.last().into_iter().for_each(|file| hash.update(&file.octets));
    }
    for list in &bundle.compiled_lists {
        hash.update(list.path.file_name().unwrap_or_default().as_encoded_bytes());
        // It names the digests that follow.
        hash.update(&list.octets[..list.octets.len().min(HEADER)]);
    }
    hex::encode(&hash.finalize()[..8])
}
