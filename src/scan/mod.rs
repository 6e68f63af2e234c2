//! The caged half: what a message holds, and what of it matters. No network, no files, and a clock only to stop by.

mod budget;
pub mod detect;
mod excerpt;
mod extract;
pub mod nursery;
mod parse;
mod sheet;

#[cfg(test)]
mod documents;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::{Duration, Instant};

use rayon::prelude::*;

use self::budget::{Budget, PICTURES_TIME};
use self::detect::{Detectors, Match};
use self::extract::{Extracts, Item, Reader};
use self::parse::{Contents, Declared, Leaf, Mail};
use crate::fault::Fault;
use crate::finding::{Defect, Explained, Fingerprint, Incomplete, PictureFact, Reason, Report, Sighting, Tree};
use crate::sandbox::Caged;
use crate::wire::{Learnt, Lesson, Lessons};

pub use self::extract::{FileExtract, TextExtract};

/// The most recipients, findings and unread parts that one report names: it has to fit into a frame of the wire.
const MOST: usize = 2_000;

/// A message of our own, with something for each reader that every school day needs.
const WARM_UP: &[u8] = include_bytes!("warm_up.eml");

/// Reads a message of our own, so that whatever is built once and kept is built now: before a process splits, for all that come
/// of it.
fn warm_up(detectors: &Detectors) {
    let _ = examination(WARM_UP, detectors, false, PICTURES_TIME);
}

/// Examines one message. It never fails: what cannot be read is in the report.
pub fn examine(_caged: &Caged, octets: &[u8], detectors: &Detectors, want_facts: bool) -> Report {
    examination(octets, detectors, want_facts, PICTURES_TIME)
}

fn examination(octets: &[u8], detectors: &Detectors, want_facts: bool, pictures_time: Duration) -> Report {
    let until = Instant::now() + pictures_time;
    let mail = Mail::parse(octets);
    let (mut extracts, files) = read(mail.as_ref(), octets, |file| detectors.file(file, want_facts, until));

    // Each with the index of the text that it was found in.
    let mut matched: Vec<_> = detectors.texts(&extracts.texts).into_iter().map(|(text, found)| (Some(text), found)).collect();
    let any_picture = files.iter().any(|(_, file)| file.is_picture);
    let listed_picture = files.iter().any(|(_, file)| file.is_picture && !file.matches.is_empty());
    matched.retain(|(_, found)| found.is_complete(any_picture, listed_picture));
    let mut pictures = Vec::new();
    for (part, file) in files {
        matched.extend(file.matches.into_iter().map(|found| (None, found)));
        extracts.incomplete.extend(file.incomplete.map(|reason| Incomplete { part, reason }));
        pictures.extend(file.picture.filter(|_| want_facts));
    }
    // Clear mail has no sheet, and is not read a second time for it; who asks for facts has the file itself.
    let sheets = (!matched.is_empty() && !want_facts).then(|| {
        let (_, lines) = read(mail.as_ref(), octets, sheet::attachment_line);
        sheet::sheets(mail.as_ref(), &extracts.texts, &matched, lines.into_iter().map(|(_, line)| line).collect())
    });

    Report { sheets, ..report(mail.as_ref(), extracts, matched, pictures) }
}

/// Examines one message of the asker's own, and says why.
pub fn explain(caged: &Caged, octets: &[u8], detectors: &Detectors) -> Explained {
    let report = examine(caged, octets, detectors, true);
    let (extracts, _) = read(Mail::parse(octets).as_ref(), octets, |_| ());
    Explained { traces: detectors.traces(&extracts.texts), report }
}

/// Learns weights, the ordinary mail among the lessons taken in as it is weighed later.
///
/// # Errors
/// A model that cannot be used.
pub fn learn(mut lessons: Lessons) -> Result<Learnt, Vec<Fault>> {
    for octets in std::mem::take(&mut lessons.mail) {
        let (extracts, _) = read(Mail::parse(&octets).as_ref(), &octets, |_| ());
        let samples = detect::letters(&extracts.texts).map(|letter| Lesson { text: letter.text, about: None, is_ordinary: true });
        lessons.samples.extend(samples);
    }
    detect::learn(&lessons)
}

/// What one message is made of. Without `with_text` nothing in it is the sender's word.
pub fn tree(_caged: &Caged, octets: &[u8], detectors: &Detectors, with_text: bool) -> Tree {
    // Pictures are decoded: only then is it known which of them can be, and how long that takes.
    let until = Instant::now() + PICTURES_TIME;
    let look = |file: &FileExtract<'_>| detectors.file(file, true, until).incomplete;
    let (mut extracts, files) = read_as(Mail::parse(octets).as_ref(), octets, true, look);
    let unread = files.into_iter().filter_map(|(part, reason)| Some(Incomplete { part, reason: reason? }));
    extracts.incomplete.extend(unread);
    let mut tree = Tree { branches: extracts.branches, incomplete: extracts.incomplete, defects: extracts.defects, texts: Vec::new() };
    tree.branches.sort_by_cached_key(|branch| numbers(&branch.part));
    tree.incomplete.sort();
    tree.incomplete.dedup();
    tree.defects.sort();
    tree.defects.dedup();
    if with_text {
        tree.texts = extracts.texts.into_iter().map(|text| (text.location, text.text)).collect();
    } else {
        for branch in &mut tree.branches {
            branch.name = None;
            branch.declared = parse::known_kind(&branch.declared).to_owned();
        }
    }
    tree
}

/// A part as it is sorted: `10` behind `9`, and what lies in a part behind it.
fn numbers(part: &str) -> Vec<u32> {
    part.split(['.', '/']).map(|number| number.parse().unwrap_or_default()).collect()
}

/// The digests of one file that lies in no message.
pub fn examine_file(_caged: &Caged, octets: &[u8]) -> Fingerprint {
    detect::fingerprint(octets)
}

/// Why lists know one file that lies in no message, or do not.
pub fn sighting(_caged: &Caged, octets: &[u8], detectors: &Detectors) -> Sighting {
    let leaf = Leaf { part: String::new(), octets: Cow::Borrowed(octets), name: None, declared: Declared::default(), is_body: false };
    detectors.sighting(&Item::of_leaf(leaf).as_file())
}

fn report(mail: Option<&Mail<'_>>, mut extracts: Extracts, matched: Vec<(Option<usize>, Match)>, pictures: Vec<PictureFact>) -> Report {
    let mut recipients: Vec<_> = mail.into_iter().flat_map(Mail::recipients).take(MOST + 1).collect();
    let mut findings: Vec<_> = matched.into_iter().map(|(_, found)| found.finding).collect();
    if recipients.len() > MOST || findings.len() > MOST {
        extracts.incomplete.push(Incomplete { part: String::new(), reason: Reason::Budget });
    }
    recipients.truncate(MOST);
    findings.truncate(MOST);
    extracts.incomplete.sort();
    extracts.incomplete.dedup();
    extracts.incomplete.truncate(MOST);
    extracts.defects.sort();
    extracts.defects.dedup();
    let anything_to_tell = !findings.is_empty() || !extracts.incomplete.is_empty();
    Report {
        origin: mail.map_or([0; 32], Mail::origin),
        thread: mail.filter(|_| anything_to_tell).map(Mail::thread).unwrap_or_default(),
        sender: mail.and_then(Mail::sender),
        recipients,
        findings,
        incomplete: extracts.incomplete,
        defects: extracts.defects,
        parts: extracts.parts,
        pictures,
        sheets: None,
    }
}

/// Reads all of a message: what is in it, and what `each_file` says of every file beside its part, in the order of the message.
fn read<T: Send>(mail: Option<&Mail<'_>>, octets: &[u8], each_file: impl Fn(&FileExtract<'_>) -> T + Sync) -> (Extracts, Vec<(String, T)>) {
    read_as(mail, octets, false, each_file)
}

fn read_as<T: Send>(
    mail: Option<&Mail<'_>>,
    octets: &[u8],
    as_tree: bool,
    each_file: impl Fn(&FileExtract<'_>) -> T + Sync,
) -> (Extracts, Vec<(String, T)>) {
    let mut budget = Budget::MESSAGE;
    let mut contents = mail.map_or_else(|| headerless(octets), |mail| mail.contents(&mut budget));
    let mut extracts = Extracts::default();
    extracts.loose_ends(&mut contents);

    let items: Vec<_> = contents.leaves.into_iter().map(Item::of_leaf).collect();
    let sizes: Vec<_> = items.iter().map(Item::container_size).collect();
    let read_one = |item: &Item<'_>, share, passwords: Vec<String>| {
        let mut files = Vec::new();
        let mut keep = |file: &FileExtract<'_>| files.push((file.part.clone(), each_file(file)));
        let mut reader = Reader::new(share, passwords, as_tree, &mut keep);
        reader.read(item);
        (reader.into_extracts(), files)
    };
    // What is said comes before what is sent along: it may name the password.
    let shares = budget.shares(&sizes);
    let said = items.iter().zip(&shares).map(|(item, share)| item.is_light().then(|| read_one(item, *share, Vec::new())));
    let mut readings: Vec<_> = said.collect();
    let mut passwords = Vec::new();
    if items.iter().any(|item| !item.is_light() && item.container_size() > 0) {
        let texts = readings.iter().flatten().flat_map(|(reading, _)| &reading.texts);
        passwords = extract::passwords_given(extracts.texts.iter().chain(texts));
    }
    let sent = |(reading, (item, share)): (&mut Option<_>, (&Item<'_>, &Budget))| {
        reading.get_or_insert_with(|| read_one(item, *share, passwords.clone()));
    };
    if readings.iter().filter(|reading| reading.is_none()).count() > 1 {
        readings.iter_mut().zip(items.iter().zip(&shares)).collect::<Vec<_>>().into_par_iter().for_each(sent);
    } else {
        readings.iter_mut().zip(items.iter().zip(&shares)).for_each(sent);
    }

    let mut files = Vec::new();
    for (reading, mut own) in readings.into_iter().flatten() {
        extracts.append(reading);
        files.append(&mut own);
    }
    // Containers are read in an order of their own.
    files.sort_by_cached_key(|(part, _)| numbers(part));
    if extract::alternatives_differ(&extracts.texts, &contents.alternatives) {
        extracts.defects.push(Defect::DifferingAlternatives);
    }
    (extracts, files)
}

/// Octets that are no message are read as text, whatever they are.
fn headerless(octets: &[u8]) -> Contents<'_> {
    let declared = Declared { kind: "text", subtype: "plain", ..Declared::default() };
    let leaf = Leaf { part: String::new(), octets: Cow::Borrowed(octets), name: None, declared, is_body: true };
    Contents { leaves: vec![leaf], ..Contents::default() }
}
