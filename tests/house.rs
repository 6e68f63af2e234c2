//! Keeps the house in order: floors, barred paths, `unsafe` in one room, a sentence at the head of every file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

/// The rooms of each floor, lowest first. A room uses the rooms of lower floors, and of its own floor those that stand
/// before it, so that no two use each other.
const FLOORS: [&[&str]; 5] = [
    &["mail", "finding", "case", "fault", "steps", "written", "corpus"],
    &["wire", "config", "sandbox", "journal"],
    &["vault", "casebook", "desk", "evidence", "worker"],
    &["review", "scan", "watch"],
    &["cli"],
];
/// The floor whose rooms do not know each other at all: the processes.
const APART: usize = 3;
/// What the rooms of the processes may not name: the caged one has no files and no network, and the desk opens neither
/// mailboxes nor what is sealed.
const BARRED: [(&str, &[&str]); 2] = [("review", &["async_imap", "age"]), ("scan", &["std::fs", "std::net", "tokio"])];
/// Readers of hostile formats: only the caged room names them. (`tar` is not among them: packages of evidence are written with it.)
const CAGED: [&str; 19] = [
    "bzip2",
    "cfb",
    "flate2",
    "heifer_hevc_dec",
    "heifer_isobmff",
    "html5gum",
    "image",
    "img_hash",
    "lzma_rust2",
    "lzxd",
    "mail_parser",
    "quick_xml",
    "rars",
    "re_rav1d",
    "ruzstd",
    "sevenz_rust2",
    "tiff",
    "weezl",
    "zip",
];
/// What lies at the top, beside dotfiles and what is built.
const TOP: [&str; 16] = [
    "CHANGELOG.md",
    "Cargo.lock",
    "Cargo.toml",
    "Makefile",
    "README.md",
    "askama.toml",
    "benches",
    "clippy.toml",
    "deny.toml",
    "docs",
    "hashsets",
    "rules",
    "rustfmt.toml",
    "src",
    "systemd",
    "tests",
];
const EMPTY_NAMES: [&str; 8] = ["common", "helper", "helpers", "manager", "misc", "service", "util", "utils"];
const MOST_LINES: usize = 500;

/// A source file, and its text without comments, strings and tests.
struct Source {
    path: PathBuf,
    text: String,
    code: String,
}

impl Source {
    /// `scan` for `src/scan/parse/mod.rs`; the file's own name for `src/fault.rs`.
    fn room(&self) -> String {
        let below = self.path.strip_prefix("src").unwrap_or(&self.path).with_extension("");
        below.iter().next().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The rooms that are named by `crate::…` paths, in groups as well: `crate::{fault::Fault, mail::{..}}`.
    fn rooms_named(&self) -> BTreeSet<String> {
        let mut rooms = BTreeSet::new();
        for (at, path) in self.code.match_indices("crate::") {
            let rest = &self.code[at + path.len()..];
            match rest.strip_prefix('{') {
                Some(group) => rooms.extend(heads(group)),
                None => rooms.extend(first_word(rest)),
            }
        }
        rooms
    }

    fn names(&self, path: &str) -> bool {
        let (crate_name, first) = path.split_once("::").unwrap_or((path, ""));
        word_places(&self.code, crate_name).any(|at| {
            let rest = &self.code[at + crate_name.len()..];
            match rest.strip_prefix("::") {
                None => first.is_empty() && is_imported(&self.code, at),
                Some(_) if first.is_empty() => true,
                Some(rest) => match rest.strip_prefix('{') {
                    Some(group) => heads(group).iter().any(|head| head == first),
                    None => first_word(rest).as_deref() == Some(first),
                },
            }
        })
    }
}

#[test]
fn a_room_uses_only_the_rooms_below_it() {
    let wrong: Vec<String> = sources()
        .iter()
        .flat_map(|source| {
            let own = source.room();
            let named = source.rooms_named();
            named
                .into_iter()
                .filter(move |other| !may_use(&own, other))
                .map(move |other| format!("{} uses `{other}`", source.path.display()))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_processes_do_not_name_what_is_barred_to_them() {
    let mut wrong = Vec::new();
    let mut in_the_cage = BTreeSet::new();
    for source in sources() {
        let named = |paths: &[&'static str]| paths.iter().copied().filter(|path| source.names(path)).collect::<Vec<_>>();
        let room = source.room();
        let mut barred: Vec<_> = BARRED.iter().filter(|(of, _)| *of == room).flat_map(|(_, paths)| named(paths)).collect();
        if room == "scan" {
            in_the_cage.extend(named(&CAGED));
        } else {
            barred.extend(named(&CAGED));
        }
        wrong.extend(barred.into_iter().map(|path| format!("{} names `{path}`", source.path.display())));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let idle: Vec<_> = CAGED.iter().filter(|path| !in_the_cage.contains(*path)).collect();
    assert!(idle.is_empty(), "named nowhere: {idle:?}");
}

#[test]
fn the_top_of_the_house_is_as_it_was_agreed() {
    let entries = fs::read_dir(".").unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut top: Vec<_> = entries.filter(|name| !name.starts_with('.') && name != "target").collect();
    top.sort();
    assert_eq!(top, TOP);
}

#[test]
fn unsafe_code_is_allowed_in_the_sandbox_alone() {
    let has_unsafe = |source: &Source| source.code.contains("unsafe_code") || word_places(&source.code, "unsafe").next().is_some();
    let wrong = paths_of(|source| source.room() != "sandbox" && has_unsafe(source));
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn every_file_says_first_what_it_is_for_and_is_not_too_long() {
    let wrong = paths_of(|source| !source.text.starts_with("//! ") || source.text.lines().count() > MOST_LINES);
    assert!(wrong.is_empty(), "no `//!` sentence, or more than {MOST_LINES} lines: {wrong:?}");
}

#[test]
fn no_module_has_a_name_that_says_nothing() {
    let wrong = paths_of(|source| source.path.with_extension("").iter().any(|part| EMPTY_NAMES.iter().any(|name| part == *name)));
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn the_library_lists_its_rooms_floor_by_floor() {
    let text = fs::read_to_string("src/lib.rs").unwrap();
    let floors: Vec<_> =
        text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).map(|room| (floor(room), room)).collect();
    assert!(!floors.is_empty(), "no room was found");
    let unknown: Vec<_> = floors.iter().filter(|(floor, _)| floor.is_none()).collect();
    assert!(unknown.is_empty(), "on no floor: {unknown:?}");
    assert!(floors.is_sorted_by_key(|(floor, _)| *floor), "{floors:?}");
}

#[test]
fn the_house_notices_what_it_forbids() {
    let source = |code: &str| Source { path: "src/scan/parse/mod.rs".into(), text: String::new(), code: bare(code) };
    assert_eq!(source("").room(), "scan");
    let named = source("use crate::{fault::Fault, mail::{Address, case}};\nuse crate::wire;\n// crate::vault\nlet x = \"crate::cli\";");
    assert_eq!(named.rooms_named().into_iter().collect::<Vec<_>>(), ["fault", "mail", "wire"]);
    for code in ["use std::fs;", "use std::{env, fs::File};", "std::fs::read(p)", "::std::fs::read(p)"] {
        assert!(source(code).names("std::fs"), "{code}");
    }
    for code in ["use std::fmt;", "my_std::fs()", "// std::fs", "std::ffi::fs", "#[cfg(test)]\nmod tests {\n use std::fs;\n}\n"] {
        assert!(!source(code).names("std::fs"), "{code}");
    }
    assert!(source("use tokio;").names("tokio") && source("tokio::spawn(x)").names("tokio"));
    assert!(!source("let image = 1; self.image(); tokio_util::x").names("image"));
    assert!(may_use("cli", "scan") && may_use("scan", "wire") && may_use("casebook", "vault") && may_use("scan", "scan"));
    assert!(!may_use("scan", "watch") && !may_use("watch", "scan") && !may_use("mail", "wire") && !may_use("vault", "casebook"));
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

fn may_use(own: &str, other: &str) -> bool {
    // The door sees every floor; `lib.rs` is the list of rooms itself.
    if own == other || ["lib", "main"].contains(&own) {
        return true;
    }
    match (floor(own), floor(other)) {
        (Some(here), Some(there)) if here == there && here != APART => {
            let place = |room| FLOORS[here].iter().position(|name| *name == room);
            place(other) < place(own)
        }
        (Some(here), Some(there)) => there < here,
        _ => false,
    }
}

fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    walk(Path::new("src"), &mut paths).expect("src can be read");
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("a source file can be read");
        let code = bare(&text);
        Source { path, text, code }
    };
    let sources: Vec<_> = paths.into_iter().map(read).collect();
    assert!(sources.len() > 10, "only {} files were found", sources.len());
    sources
}

fn paths_of(wanted: impl Fn(&Source) -> bool) -> Vec<PathBuf> {
    sources().into_iter().filter(|source| wanted(source)).map(|source| source.path).collect()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
    Ok(())
}

/// Code without comments, the content of strings, and the tests at the foot.
fn bare(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let mut code = String::with_capacity(text.len());
    for line in text.lines() {
        let mut quoted = false;
        let mut before = ' ';
        let mut characters = line.chars().peekable();
        while let Some(c) = characters.next() {
            match c {
                '\\' if quoted => drop(characters.next()),
                '"' if before != '\'' => quoted = !quoted,
                '/' if !quoted && characters.peek() == Some(&'/') => break,
                _ if quoted => {}
                _ => code.push(c),
            }
            before = c;
        }
        code.push('\n');
    }
    code
}

/// The first word of every path in a group, up to its closing brace.
fn heads(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                heads.extend(first_word(&group[start..at]));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    heads
}

fn first_word(text: &str) -> Option<String> {
    let word: String = text.trim_start().chars().take_while(|c| is_word(*c)).collect();
    (!word.is_empty()).then_some(word)
}

/// Where a word stands by itself.
fn word_places<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        let before = code[..*at].chars().next_back();
        let after = code[at + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

/// Whether the word at this place is what a `use` line begins with.
fn is_imported(code: &str, at: usize) -> bool {
    code[..at].trim_end().ends_with("use")
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
