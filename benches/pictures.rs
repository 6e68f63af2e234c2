//! What pictures cost and how surely they are found: ours against the hasher and the index of hasher-matcher-actioner.

#![allow(clippy::cast_precision_loss, reason = "no figure has more than three digits")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use mailwarden::finding::Opinions;
use mailwarden::scan::FileExtract;
use mailwarden::scan::detect::{Detectors, DigestKind, MAX_DISTANCE, MIN_QUALITY, PdqList, compile_list, distance, pdq};
use mailwarden::wire::{Bundle, SourceFile};
use rustix::time::{ClockId, clock_gettime};

#[allow(dead_code, reason = "each bench uses its share")]
mod peers;

use peers::figure::{Unit, median, note, take, tell};
use peers::python::Python;
use peers::{Result, folder, present};

const HMA: &str = "threatexchange";
/// What figures without a peer are held to: bits, and parts of a hundred.
const AGREEMENT_LIMIT: f64 = 10.0;
const RECALL_LIMIT: f64 = 82.0;
const OWN_LIST_LIMIT: f64 = 92.0;
/// Half of them near to an entry.
const QUERIES: usize = 200;
const ROUNDS: usize = 3;

fn main() -> ExitCode {
    take(&[
        ("pictures.jpeg-baseline", || hashing("baseline")),
        ("pictures.jpeg-progressive", || hashing("progressive")),
        ("pictures.search-1m", || searching("1m", 1_000_000)),
        ("pictures.search-10m", || searching("10m", 10_000_000)),
        ("pictures.recall", recall),
    ])
}

/// Those of the folder that `MAILWARDEN_PHOTOGRAPHS` names, else what Debian's desktops bring.
fn photographs() -> Result<Vec<String>> {
    let named = std::env::var_os("MAILWARDEN_PHOTOGRAPHS").map(PathBuf::from);
    let folders = named.map_or_else(
        || {
            present("/usr/share/lxqt/wallpapers", &["lxqt-themes"]);
            present("/usr/share/backgrounds/mate/nature", &["mate-backgrounds"]);
            present("/usr/share/backgrounds/2004default.jpg", &["lomiri-wallpapers-16.04", "lomiri-wallpapers-20.04"]);
            ["/usr/share/lxqt/wallpapers", "/usr/share/backgrounds/mate/nature", "/usr/share/backgrounds"].map(PathBuf::from).to_vec()
        },
        |folder| vec![folder],
    );
    let mut found = Vec::new();
    for entry in folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "jpg") && !path.is_symlink() {
            found.push(path.to_string_lossy().into_owned());
        }
    }
    found.sort();
    if found.len() < 10 {
        Err(format!("only {} photographs: name a folder of them in MAILWARDEN_PHOTOGRAPHS", found.len()).into())
    } else {
        Ok(found)
    }
}

/// Processor time of JPEGs of 12 megapixels, and how far the hashes are from those of all pixels.
fn hashing(kind: &str) -> Result<()> {
    let Some(python) = Python::get() else {
        tell(&format!("pictures.jpeg-{kind}"), Unit::Cost("cpu-ms"), None, None);
        return Ok(());
    };
    let photographs = photographs()?;
    let sources: Vec<_> = photographs.iter().step_by(photographs.len().div_ceil(12).max(1)).map(String::as_str).collect();
    let made = folder()?;
    let made_path = made.path().to_string_lossy().into_owned();
    python.run("pictures_hash.py", &[&["make", &made_path], &sources[..]].concat())?;
    let mut paths: Vec<_> = fs::read_dir(made.path())?.flatten().map(|entry| entry.path().to_string_lossy().into_owned()).collect();
    paths.retain(|path| path.contains(kind));
    paths.sort();
    let told = python.run("pictures_hash.py", &[&["hash"], &paths.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat())?;
    let (mut ours, mut theirs, mut farthest) = (Vec::new(), Vec::new(), 0);
    for (path, line) in paths.iter().zip(told.lines()) {
        let [digest, quality, seconds] = line.split(' ').collect::<Vec<_>>()[..] else {
            return Err(format!("a line of three: {line}").into());
        };
        theirs.push(seconds.parse::<f64>()? * 1e3);
        let octets = fs::read(path)?;
        let mut of_picture = Vec::new();
        let mut found = None;
        for _ in 0..ROUNDS {
            let start = cpu();
            found = pdq(&octets);
            of_picture.push((cpu() - start) * 1e3);
        }
        ours.extend(median(of_picture));
        let (own, _) = found.ok_or("a picture has no hash")?;
        let expected = hex::decode(digest)?.try_into().map_err(|_| "a hash of 64 digits")?;
        if quality.parse::<u8>()? >= MIN_QUALITY {
            farthest = farthest.max(distance(own, expected));
        }
    }
    note(&format!("{} pictures, the farthest hash is {farthest} bits off", ours.len()));
    tell("pictures.agreement", Unit::Cost("bits"), Some(f64::from(farthest.max(1))), Some(("limit", AGREEMENT_LIMIT)));
    tell(&format!("pictures.jpeg-{kind}"), Unit::Cost("cpu-ms"), median(ours), median(theirs).map(|time| (HMA, time)));
    Ok(())
}

/// Every hash within 31 bits, of queries that are near to an entry and of others.
fn searching(size: &str, count: usize) -> Result<()> {
    let mut random = Random(42);
    let entries: Vec<Vec<u8>> = (0..count).map(|_| random.hash().to_vec()).collect();
    let queries: Vec<[u8; 32]> = (0..QUERIES)
        .map(|number| {
            let mut query = random.hash();
            if number % 2 == 0 {
                query.copy_from_slice(&entries[random.below(count)]);
                for _ in 0..random.below(28) {
                    query[random.below(32)] ^= 1 << random.below(8);
                }
            }
            query
        })
        .collect();
    let here = folder()?;
    let [entries_path, queries_path] = ["entries", "queries"].map(|name| here.path().join(name));
    fs::write(&entries_path, entries.concat())?;
    fs::write(&queries_path, queries.concat())?;
    let start = cpu();
    let list = compile_list(DigestKind::Pdq, entries);
    let octets = list.octets();
    note(&format!("ours built in {:.2} cpu-s, {} MB", (cpu() - start), octets.len() / 1_000_000));
    let memory = octets.len() as f64;
    // As in the cage, where the octets lie in memory already: nothing is read.
    let start = cpu();
    let list = PdqList::open(octets).ok_or("a list")?;
    let opened = (cpu() - start) * 1e3;
    let (mut times, mut found) = (Vec::new(), 0);
    for _ in 0..2 {
        times.clear();
        found = 0;
        for query in &queries {
            let start = cpu();
            let near = list.within(*query, 31);
            times.push((cpu() - start) * 1e6);
            found += near.len();
        }
    }
    let told =
        Python::get().map(|python| python.run("pictures_search.py", &[&entries_path.to_string_lossy(), &queries_path.to_string_lossy()]));
    let told = told.transpose()?.unwrap_or_default();
    let theirs: BTreeMap<&str, (f64, usize)> = told
        .lines()
        .filter_map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
            [name, value, found] => Some((name, (value.parse().ok()?, found.parse().ok()?))),
            _ => None,
        })
        .collect();
    if let Some((_, expected)) = theirs.get("multi").filter(|(_, expected)| *expected != found) {
        return Err(format!("of {QUERIES} queries ours finds {found}, and theirs {expected}").into());
    }
    note(&format!("{QUERIES} queries: both find {found}"));
    let ours = median(times);
    let peer = |name: &str, scale: f64| theirs.get(name).map(|(value, _)| ("faiss", value * scale));
    tell(&format!("pictures.search-{size}"), Unit::Cost("cpu-us"), ours, peer("multi", 1e6));
    tell(&format!("pictures.search-flat-{size}"), Unit::Cost("cpu-us"), ours, peer("flat", 1e6));
    tell(&format!("pictures.index-memory-{size}"), Unit::Cost("MB"), Some(memory / 1e6), peer("memory", 1e-6));
    tell(&format!("pictures.index-open-{size}"), Unit::Cost("cpu-ms"), Some(opened), peer("open", 1e3));
    Ok(())
}

/// How many of 31 changed copies of each picture are found, and how many match another one.
fn recall() -> Result<()> {
    let Some(python) = Python::get() else {
        tell("pictures.recall", Unit::Rate("%"), None, None);
        return Ok(());
    };
    let photographs = photographs()?;
    let made = folder()?;
    let made_path = made.path().to_string_lossy().into_owned();
    python.run("pictures_copies.py", &[&[made_path.as_str()], &photographs.iter().map(String::as_str).collect::<Vec<_>>()[..]].concat())?;
    let nothing = Detectors::compile(&Bundle::default()).map_err(|faults| faults[0].to_string())?;
    let mut originals = BTreeMap::new();
    let mut copies = Vec::new();
    for entry in fs::read_dir(made.path())?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let (number, copy) = name.split_once('~').ok_or("a name of two parts")?;
        let octets = fs::read(entry.path())?;
        if copy.starts_with("original") {
            let looked = nothing.file(&picture(&octets), true, in_a_minute()).picture;
            let listable = looked.and_then(|looked| Some((looked.pdq?, looked.opinions?)));
            originals.extend(listable.map(|hashes| (number.to_owned(), hashes)));
        } else {
            copies.push((number.to_owned(), copy.split('.').next().unwrap_or_default().to_owned(), octets));
        }
    }
    // One picture in several sizes would count as a false match.
    let mut listed: BTreeMap<String, ([u8; 32], Opinions)> = BTreeMap::new();
    for (number, (hash, opinions)) in originals {
        if listed.values().all(|(other, _)| distance(hash, *other) > MAX_DISTANCE) {
            listed.insert(number, (hash, opinions));
        }
    }
    copies.retain(|(number, _, _)| listed.contains_key(number));
    let with = |own_list: bool| {
        let mut files = Vec::new();
        for (number, (hash, opinions)) in &listed {
            files.push(list(&format!("p{number}"), "pdq", hash));
            for (kind, hash) in [("dct16", &opinions.dct16), ("gradient16", &opinions.gradient16)].into_iter().filter(|_| own_list) {
                files.push(list(&format!("{kind}-{number}"), kind, hash));
            }
        }
        Detectors::compile(&Bundle { hash_lists: files, ..Bundle::default() }).map_err(|faults| faults[0].to_string())
    };
    for (name, detectors, limit) in
        [("pictures.recall", with(false)?, RECALL_LIMIT), ("pictures.recall-own-list", with(true)?, OWN_LIST_LIMIT)]
    {
        let mut by_copy: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        let (mut found, mut wrong) = (0, 0);
        for (number, copy, octets) in &copies {
            let matches = detectors.file(&picture(octets), false, in_a_minute()).matches;
            let is_it = |rule: &str| rule.ends_with(&format!("p{number}")) || rule.ends_with(&format!("-{number}"));
            let hit = matches.iter().any(|found| is_it(found.finding.rule.as_str()));
            wrong += matches.iter().filter(|found| !is_it(found.finding.rule.as_str())).count();
            found += usize::from(hit);
            let of_copy = by_copy.entry(copy).or_default();
            *of_copy = (of_copy.0 + usize::from(hit), of_copy.1 + 1);
        }
        let rows: Vec<_> = by_copy.iter().map(|(copy, (hit, all))| format!("{copy} {:.0}", 100.0 * *hit as f64 / *all as f64)).collect();
        note(&format!("{}: {}", name, rows.join(", ")));
        note(&format!("{wrong} false matches in {} pairs", copies.len() * (listed.len() - 1)));
        if wrong > 0 {
            return Err(format!("{name}: {wrong} false matches").into());
        }
        tell(name, Unit::Rate("%"), Some(100.0 * found as f64 / copies.len().max(1) as f64), Some(("limit", limit)));
    }
    Ok(())
}

/// Long enough for one picture.
fn in_a_minute() -> Instant {
    Instant::now() + Duration::from_mins(1)
}

fn picture(octets: &[u8]) -> FileExtract<'_> {
    FileExtract { part: String::new(), octets: octets.into(), name: None, media_type: "image/jpeg", is_picture: true }
}

fn list(name: &str, kind: &str, hash: &[u8; 32]) -> SourceFile {
    let text = format!("# mailwarden list 1\n# name: {name}\n# category: known-image\n# kind: {kind}\n{}\n", hex::encode(hash));
    SourceFile { path: Path::new("hashsets").join(format!("{name}.txt")), octets: text.into_bytes() }
}

/// In seconds.
fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.word() % bound as u64).unwrap_or_default()
    }

    fn hash(&mut self) -> [u8; 32] {
        let mut hash = [0; 32];
        hash.chunks_exact_mut(8).for_each(|chunk| chunk.copy_from_slice(&self.word().to_le_bytes()));
        hash
    }
}
