//! What rules cost: ours against Vectorscan, mail by mail, and on texts that are written to be slow.
//!
//! The engine is reached as the worker reaches it, by `Detectors`: folded views, disguises, offsets, evaluation and all.

#![allow(clippy::cast_precision_loss, reason = "no figure has more than three digits")]

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use mailwarden::config;
use mailwarden::finding::{Field, Location};
use mailwarden::scan::TextExtract;
use mailwarden::scan::detect::{Detectors, check};
use mailwarden::wire::{Bundle, SourceFile};
use rustix::time::{ClockId, clock_gettime};

#[allow(dead_code, reason = "each bench uses its share")]
mod peers;

use peers::figure::{Unit, median, note, spread, take, tell};
use peers::vectorscan::{CASELESS, DOT_ALL, NAME, Vectorscan};
use peers::{Result, cpu, mails};

const ROUNDS: usize = 7;
/// Octets that one round goes through: enough for half a second or so.
const ROUND: usize = 150_000_000;
/// Processor time and memory that compiling may take.
const COMPILE_LIMIT_MS: f64 = 1_000.0;
const TERMS_LIMIT_MS: f64 = 100.0;
const TERMS_LIMIT_MB: f64 = 16.0;
/// The slowest text may not be slower, in megabytes a second.
const NASTY_LIMIT: f64 = 20.0;
/// Texts that the search for the slowest one tries.
const TRIES: usize = 600;
/// What stands between the words of the rules.
const TRICKS: [&str; 16] = [
    "k1ll",
    "n.u.d.e",
    "s e x",
    "f**k",
    "loooser",
    "\u{43a}\u{456}ll",
    "\u{1f602}",
    "\u{e9}",
    ">",
    "\n",
    ".",
    "?",
    "12",
    "2026",
    "\u{a3}5",
    "@",
];
const SHIPPED_LIMIT: f64 = 100.0;

fn main() -> ExitCode {
    take(&[
        ("rules.compile-memory", compile_memory),
        ("rules.compile-terms", compile_terms),
        ("rules.compile", compile),
        ("rules.terms-100", || terms(100)),
        ("rules.terms-1000", || terms(1_000)),
        ("rules.terms-10000", || terms(10_000)),
        ("rules.spam-regexes", spam_regexes),
        ("rules.shipped", shipped),
        ("rules.nasty", nasty),
        ("rules.slowest", slowest),
    ])
}

/// Terms alone, without the views that undo letter tricks: Vectorscan has none.
fn terms(count: usize) -> Result<()> {
    let terms = mails::terms_of(count)?;
    let patterns: Vec<_> = terms.iter().map(|term| (CASELESS, word(term))).collect();
    against(&format!("rules.terms-{count}"), &bundle(vec![rule(0, "evasion = \"none\"", &[("terms", &terms)])]), &patterns)
}

/// Regexes of `SpamAssassin`'s rules that have fixed letters, each a rule of its own.
fn spam_regexes() -> Result<()> {
    let regexes = usable_regexes()?;
    note(&format!("{} regexes", regexes.len()));
    let rules = regexes.iter().zip(0..).map(|((_, regex), number)| rule(number, "", &[("regex", std::slice::from_ref(regex))])).collect();
    against("rules.spam-regexes", &bundle(rules), &regexes.iter().map(|(flags, regex)| (*flags, bare(regex))).collect::<Vec<_>>())
}

/// All that is shipped, in all views, against the same terms and regexes as bare patterns.
fn shipped() -> Result<()> {
    let bundle = config::bundle(None, &["rules".into()], None, None).map_err(|faults| faults[0].to_string())?;
    against("rules.shipped", &bundle, &patterns_of(&bundle)?)
}

fn against(name: &str, bundle: &Bundle, patterns: &[(u32, String)]) -> Result<()> {
    let texts = mails::texts()?;
    let detectors = detectors(bundle)?;
    let vectorscan = Vectorscan::get()?;
    let mut scanner = vectorscan.as_ref().map(|vectorscan| vectorscan.start(patterns, &texts)).transpose()?;
    if let Some(scanner) = &scanner {
        note(&format!("{NAME}: {} patterns, milliseconds, octets and patterns left out: {:?}", patterns.len(), scanner.compiled));
    }
    let extracts: Vec<_> = texts.iter().map(|text| extract(text)).collect();
    let octets: usize = texts.iter().map(String::len).sum();
    let times = ROUND.div_ceil(octets);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (used, found) = pass(&detectors, &extracts, times)?;
        ours.push(rate(octets * times, used));
        note(&format!("ours: {found} finds, {:.0} MB/s", rate(octets * times, used)));
        if let Some(scanner) = &mut scanner {
            let (used, matches) = scanner.scan(times.div_ceil(4))?;
            theirs.push(rate(octets * times.div_ceil(4), used));
            note(&format!("theirs: {matches} matches, {:.0} MB/s", rate(octets * times.div_ceil(4), used)));
        }
    }
    note(&format!("megabytes per cpu-second, ours {}, theirs {}", spread(&ours), spread(&theirs)));
    if name == "rules.shipped" {
        tell("rules.shipped-speed", Unit::Rate("MB/cpu-s"), median(ours.clone()), Some(("limit", SHIPPED_LIMIT)));
    }
    tell(name, Unit::Rate("MB/cpu-s"), median(ours), median(theirs).map(|rate| (NAME, rate)));
    Ok(())
}

/// 10,000 terms and all regexes.
fn compile() -> Result<()> {
    let mut rules = vec![rule(0, "", &[("terms", &mails::terms_of(10_000)?)])];
    rules.extend(usable_regexes()?.iter().zip(1..).map(|((_, regex), number)| rule(number, "", &[("regex", std::slice::from_ref(regex))])));
    tell("rules.compile", Unit::Cost("cpu-ms"), compiled(&bundle(rules))?, Some(("limit", COMPILE_LIMIT_MS)));
    Ok(())
}

fn compile_terms() -> Result<()> {
    let bundle = bundle(vec![rule(0, "", &[("terms", &mails::terms_of(10_000)?)])]);
    tell("rules.compile-terms", Unit::Cost("cpu-ms"), compiled(&bundle)?, Some(("limit", TERMS_LIMIT_MS)));
    Ok(())
}

/// What 10,000 terms hold of memory, once compiled.
fn compile_memory() -> Result<()> {
    let bundle = bundle(vec![rule(0, "", &[("terms", &mails::terms_of(10_000)?)])]);
    let before = cpu::memory(std::process::id())?;
    let detectors = detectors(&bundle)?;
    let held = cpu::memory(std::process::id())?.saturating_sub(before) as f64 / 1e6;
    drop(detectors);
    tell("rules.compile-memory", Unit::Cost("MB"), Some(held), Some(("limit", TERMS_LIMIT_MB)));
    Ok(())
}

fn compiled(bundle: &Bundle) -> Result<Option<f64>> {
    let mut costs = Vec::new();
    for _ in 0..ROUNDS {
        let started = now();
        detectors(bundle)?;
        costs.push(now().saturating_sub(started).as_secs_f64() * 1e3);
    }
    note(&format!("milliseconds of processor time {}", spread(&costs)));
    Ok(median(costs))
}

/// The shipped rules on the text that they are slowest on.
fn nasty() -> Result<()> {
    let detectors = detectors(&config::bundle(None, &["rules".into()], None, None).map_err(|faults| faults[0].to_string())?)?;
    let mut slowest = f64::INFINITY;
    for (name, text) in peers::nasty::texts() {
        let octets = text.len();
        let extracts = [extract(&text)];
        let mut rates = Vec::new();
        for _ in 0..3 {
            let (used, _) = pass(&detectors, &extracts, 1)?;
            rates.push(rate(octets, used));
        }
        let rate = median(rates).unwrap_or(0.0);
        note(&format!("{name}: {rate:.0} MB/s"));
        slowest = slowest.min(rate);
    }
    tell("rules.nasty", Unit::Rate("MB/cpu-s"), Some(slowest), Some(("limit", NASTY_LIMIT)));
    Ok(())
}

/// The shipped rules on the slowest text that a search through their own words, and tricks with letters, comes upon.
fn slowest() -> Result<()> {
    let bundle = config::bundle(None, &["rules".into()], None, None).map_err(|faults| faults[0].to_string())?;
    let detectors = detectors(&bundle)?;
    let mut fragments: Vec<String> = Vec::new();
    for file in &bundle.rules {
        let words = std::str::from_utf8(&file.octets)?.split(|letter: char| !letter.is_alphanumeric() && letter != '\'');
        fragments.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
    }
    fragments.sort_unstable();
    fragments.dedup();
    fragments.extend(TRICKS.iter().cycle().take(fragments.len() / 4).map(|trick| (*trick).to_owned()));
    let rate = |text: &str| pass(&detectors, &[extract(text)], 2).map_or(0.0, |(used, _)| rate(2 * text.len(), used));
    let (slowest, text) = peers::nasty::search(&fragments, TRIES, rate);
    note(&format!("again and again: {text:?}"));
    tell("rules.slowest", Unit::Rate("MB/cpu-s"), Some(slowest), Some(("limit", NASTY_LIMIT)));
    Ok(())
}

/// Goes through all texts so many times: processor time, and finds of the last time.
fn pass(detectors: &Detectors, extracts: &[TextExtract], times: usize) -> Result<(Duration, usize)> {
    let started = now();
    let mut found = 0;
    for _ in 0..times {
        found = extracts.chunks(1).map(|text| detectors.texts(text).len()).sum();
    }
    Ok((now().checked_sub(started).ok_or("the clock went back")?, found))
}

fn detectors(bundle: &Bundle) -> Result<Detectors> {
    Detectors::compile(bundle).map_err(|faults| faults.first().map_or_else(String::new, ToString::to_string).into())
}

fn extract(text: &str) -> TextExtract {
    TextExtract { location: Location { part: "1".to_owned(), field: Field::Body, place: None }, text: text.to_owned(), places: Vec::new() }
}

fn now() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn rate(octets: usize, used: Duration) -> f64 {
    octets as f64 / used.as_secs_f64() / 1e6
}

fn bundle(rules: Vec<SourceFile>) -> Bundle {
    Bundle { rules, ..Bundle::default() }
}

/// A rule of one signal, which fires on it.
fn rule(number: usize, head: &str, signal: &[(&str, &[String])]) -> SourceFile {
    let lists: Vec<_> = signal
        .iter()
        .map(|(key, values)| format!("{key} = [{}]\n", values.iter().map(|value| quote(value)).collect::<Vec<_>>().join(", ")))
        .collect();
    let lists = lists.concat();
    let example = |expect: &str| format!("[[example]]\nexpect = \"{expect}\"\ntext = \"\"\n").repeat(2);
    let text = format!(
        "schema = 1\nid = \"scam.bench-{number}\"\ntitle = \"A rule of the bench\"\ncategory = \"scam\"\nstage = \"flag\"\n{head}\n[[signal]]\nname = \"a\"\n{lists}\
         [decide]\nfire = \"a\"\nscore = 50\n{}{}[[history]]\ndate = 2026-11-22\nby = \"bench\"\nnote = \"made for a measurement\"\n",
        example("match"),
        example("no-match")
    );
    SourceFile { path: format!("rules/scam/bench-{number}.toml").into(), octets: text.into_bytes() }
}

/// A TOML basic string.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// A term as a pattern: whole words, any inflection of a word that asks for it.
fn word(term: &str) -> String {
    let mut pattern = String::from(r"\b");
    for letter in term.chars() {
        match letter {
            '~' => pattern.push_str(r"\w*"),
            // A plain space, though ours finds a phrase over the end of a line as well: `\s+` would cost the peer two thirds of its speed.
            _ if letter.is_alphanumeric() || letter == ' ' => pattern.push(letter),
            _ => pattern.extend(['\\', letter]),
        }
    }
    if term.ends_with(char::is_alphanumeric) { pattern + r"\b" } else { pattern }
}

/// Regexes with fixed letters that both sides compile, with the flags of Vectorscan; ours begin with `(?s)` where a dot means everything.
fn usable_regexes() -> Result<Vec<(u32, String)>> {
    let mut usable = Vec::new();
    for (flags, regex) in mails::regexes()? {
        let regex = if flags.contains('s') { format!("(?s){regex}") } else { regex };
        let alone = bundle(vec![rule(0, "", &[("regex", std::slice::from_ref(&regex))])]);
        let has_letters = || check(&alone).err().is_some_and(|faults| !faults.iter().any(|fault| fault.why.contains("fixed letters")));
        if Detectors::compile(&alone).is_ok() && has_letters() {
            usable.push((CASELESS | if flags.contains('s') { DOT_ALL } else { 0 }, regex));
        }
    }
    Ok(usable)
}

fn bare(regex: &str) -> String {
    regex.trim_start_matches("(?s)").to_owned()
}

/// Every term and regex of a bundle.
fn patterns_of(bundle: &Bundle) -> Result<Vec<(u32, String)>> {
    let mut patterns = Vec::new();
    for file in &bundle.rules {
        let rule: toml::Table = toml::from_str(std::str::from_utf8(&file.octets)?)?;
        let tables = ["signal", "except_phrase"].iter().filter_map(|key| rule.get(*key)?.as_array()).flatten();
        for table in tables {
            let strings = |key: &str| table.get(key).and_then(toml::Value::as_array).into_iter().flatten().filter_map(toml::Value::as_str);
            patterns.extend(strings("terms").map(|term| (CASELESS, word(term))));
            patterns.extend(strings("regex").map(|regex| (CASELESS, regex.to_owned())));
            for name in strings("lists") {
                let list = Path::new("rules/lists").join(name).with_extension("txt");
                let text = fs::read_to_string(&list).map_err(|error| format!("{}: {error}", list.display()))?;
                let terms = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
                patterns.extend(terms.map(|term| (CASELESS, word(term))));
            }
        }
    }
    patterns.sort();
    patterns.dedup();
    Ok(patterns)
}
