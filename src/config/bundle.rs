//! Gathers the rules and lists of the directories that are named, as octets: they are parsed inside the cage.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Zoned;

use super::{Config, Scan, State};
use crate::fault::{At, Fault};
use crate::wire::{Bundle, CompiledList, Model, Shared, SourceFile};

/// The most octets that one file may have: no rule and no list that a person made comes near.
const MAX_FILE: u64 = 64 << 20;
/// Of a model: thrice that of the one that is known.
const MAX_MODEL: u64 = 256 << 20;
/// Of a compiled list: 40 million hashes.
const MAX_COMPILED: u64 = 4 << 30;
/// How many directories may lie within each other.
const MAX_DEPTH: usize = 8;

impl Config {
    /// Every rule and every list of digests: the directories in the order of the configuration, so that a later one's
    /// rule replaces an earlier one's, and the files of each in the order of their paths.
    ///
    /// # Errors
    /// Every directory and file that cannot be read, and that there is no rule at all.
    pub fn bundle(&self) -> Result<Bundle, Vec<Fault>> {
        bundle(Some(&self.file), &self.scan.rules, self.scan.hashsets.as_deref(), self.meaning.as_deref())
    }

    pub fn named(&self) -> Named {
        Named { file: self.file.clone(), scan: self.scan.clone(), meaning: self.meaning.clone(), state: self.state.clone() }
    }
}

/// What a configuration names beside itself: it can be looked at whatever else is wrong with the configuration.
pub struct Named {
    pub file: PathBuf,
    pub scan: Scan,
    pub meaning: Option<PathBuf>,
    pub state: State,
}

impl Named {
    /// As [`Config::bundle`]: what could be gathered, and every fault.
    pub fn bundle(&self) -> (Bundle, Vec<Fault>) {
        gathered(Some(&self.file), &self.scan.rules, self.scan.hashsets.as_deref(), self.meaning.as_deref())
    }
}

/// As [`Config::bundle`], of directories that the configuration in `file` names, or somebody at the command line.
///
/// # Errors
/// As [`Config::bundle`].
pub fn bundle(file: Option<&Path>, rules: &[PathBuf], hashsets: Option<&Path>, model: Option<&Path>) -> Result<Bundle, Vec<Fault>> {
    let (bundle, faults) = gathered(file, rules, hashsets, model);
    if faults.is_empty() { Ok(bundle) } else { Err(faults) }
}

fn gathered(file: Option<&Path>, rules: &[PathBuf], hashsets: Option<&Path>, model: Option<&Path>) -> (Bundle, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut bundle = Bundle { today: Zoned::now().date(), ..Bundle::default() };
    for directory in rules {
        for file in gather(directory, "rules", &is_of_rules, &mut faults) {
            let among = match () {
                () if is_rule(&file.path) => &mut bundle.rules,
                () if is_weights(&file.path) => &mut bundle.weights,
                () if is_meaning(&file.path) => &mut bundle.meaning,
                () => &mut bundle.word_lists,
            };
            among.push(file);
        }
    }
    if let Some(directory) = hashsets {
        gather_lists(directory, &mut bundle, &mut faults);
    }
    match model.map(read_model).transpose() {
        Ok(model) => bundle.model = model,
        Err(fault) => faults.push(fault),
    }
    if bundle.rules.is_empty() && faults.is_empty() {
        faults.push(Fault {
            what: "there is no rule".to_owned(),
            at: file.map(At::file),
            why: match rules {
                [] if file.is_none() => "there is neither a directory `rules` here nor /usr/share/mailwarden/rules".to_owned(),
                [] => "beside the configuration there is neither `rules` nor `local-rules`".to_owned(),
                directories => {
                    let names: Vec<String> = directories.iter().map(|directory| directory.display().to_string()).collect();
                    format!("no file ends in `.toml` in {}", names.join(", "))
                }
            },
            hint: match file {
                Some(_) => "name the rules that came with mailwarden: `rules = [\"/usr/share/mailwarden/rules\"]` in [scan]".to_owned(),
                None => "name the directory of the rules that came with mailwarden, or a configuration with `--config`".to_owned(),
            },
        });
    }
    (bundle, faults)
}

/// The lists of a directory alone.
///
/// # Errors
/// When the directory, or a file in it, cannot be read.
pub fn hash_lists(directory: &Path) -> Result<Bundle, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut bundle = Bundle { today: Zoned::now().date(), ..Bundle::default() };
    gather_lists(directory, &mut bundle, &mut faults);
    if faults.is_empty() { Ok(bundle) } else { Err(faults) }
}

fn gather_lists(directory: &Path, bundle: &mut Bundle, faults: &mut Vec<Fault>) {
    let is_list = |path: &Path| path.file_stem() != Some(OsStr::new("README"));
    let lists = gather(directory, "hashsets", &is_list, faults);
    let (compiled, lists): (Vec<_>, Vec<_>) = lists.into_iter().partition(|file| is_compiled(&file.path));
    bundle.hash_lists.extend(lists);
    let shared = |SourceFile { path, octets }| CompiledList { path, octets: Shared::of(octets) };
    bundle.compiled_lists.extend(compiled.into_iter().map(shared));
}

/// A model of what sentences mean, from the folder that holds its files. What is in them is looked at inside the cage.
///
/// # Errors
/// When one of its files cannot be read.
fn read_model(folder: &Path) -> Result<Model, Fault> {
    let file = |name: &str| {
        let path = folder.join(name);
        read(&path).map(Shared::of).map_err(|error| Fault {
            what: "the model of meaning cannot be read".to_owned(),
            at: Some(At::file(path)),
            why: error.to_string(),
            hint: "docs/technician.md, \"Meaning\", says how to fetch it; without [meaning] mailwarden works without".to_owned(),
        })
    };
    Ok(Model { path: folder.to_owned(), weights: file("model.safetensors")?, vocabulary: file("vocab.txt")? })
}

/// What `mailwarden hashes import` writes.
fn is_compiled(path: &Path) -> bool {
    path.extension() == Some(OsStr::new("digests"))
}

fn is_of_rules(path: &Path) -> bool {
    is_rule(path) || is_word_list(path) || is_weights(path) || is_meaning(path)
}

fn is_rule(path: &Path) -> bool {
    path.extension() == Some(OsStr::new("toml"))
}

/// Words that rules share: `lists/<name>.txt`.
fn is_word_list(path: &Path) -> bool {
    path.extension() == Some(OsStr::new("txt")) && path.parent().and_then(Path::file_name) == Some(OsStr::new("lists"))
}

/// What was learnt from samples of their words.
fn is_weights(path: &Path) -> bool {
    path.ends_with("weights/learnt.txt")
}

/// What was learnt from samples of what they mean.
fn is_meaning(path: &Path) -> bool {
    path.ends_with("weights/meaning.txt")
}

/// The wanted files below a directory that `key` of `[scan]` names.
fn gather(directory: &Path, key: &str, wanted: &dyn Fn(&Path) -> bool, faults: &mut Vec<Fault>) -> Vec<SourceFile> {
    let mut paths = Vec::new();
    if let Err((path, error)) = walk(directory, MAX_DEPTH, &mut paths) {
        faults.push(Fault {
            what: format!("a directory of `{key}` cannot be read"),
            at: Some(At::file(path)),
            why: error.to_string(),
            hint: format!("name another directory (`{key}` of [scan]), or let the user that runs mailwarden read this one"),
        });
        return Vec::new();
    }
    paths.retain(|path| wanted(path));
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        match read(&path) {
            Ok(octets) => files.push(SourceFile { path, octets }),
            Err(error) => faults.push(Fault {
                what: format!("a file of `{key}` cannot be read"),
                at: Some(At::file(path)),
                why: error.to_string(),
                hint: "let the user that runs mailwarden read it, or remove it".to_owned(),
            }),
        }
    }
    files
}

/// Every file below a directory, hidden ones left out.
fn walk(directory: &Path, depth: usize, paths: &mut Vec<PathBuf>) -> Result<(), (PathBuf, io::Error)> {
    let failed = |error| (directory.to_owned(), error);
    if depth == 0 {
        return Err(failed(io::Error::other("too many directories within each other")));
    }
    for entry in fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        if path.is_dir() {
            walk(&path, depth - 1, paths)?;
        } else {
            paths.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let size = fs::metadata(path)?.len();
    let most = match () {
        () if is_compiled(path) => MAX_COMPILED,
        () if path.extension() == Some(OsStr::new("safetensors")) => MAX_MODEL,
        () => MAX_FILE,
    };
    if size > most {
        return Err(io::Error::other(format!("it has {size} octets, and {most} are the most")));
    }
    fs::read(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the rules, of their lists, and of the lists of digests, that a folder of these files yields; or why
    /// it yields none.
    fn bundled(files: &[&str], rules: &[&str], hashsets: Option<&str>) -> Result<[Vec<String>; 4], Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        let rules: Vec<_> = rules.iter().map(|name| folder.path().join(name)).collect();
        let hashsets = hashsets.map(|name| folder.path().join(name));
        let names = |files: Vec<SourceFile>| {
            files.iter().map(|file| file.path.strip_prefix(folder.path()).unwrap().display().to_string()).collect::<Vec<_>>()
        };
        bundle(Some(Path::new("mailwarden.toml")), &rules, hashsets.as_deref(), None)
            .map(|bundle| [bundle.rules, bundle.word_lists, bundle.weights, bundle.hash_lists].map(names))
            .map_err(|faults| faults.into_iter().map(|fault| fault.what).collect())
    }

    #[test]
    fn rules_are_gathered_directory_by_directory_in_the_order_of_their_paths() {
        let files = [
            "rules/hate/b.toml",
            "rules/bullying/z.toml",
            "rules/README.md",
            "rules/.cache/x.toml",
            "rules/lists/places.txt",
            "rules/notes.txt",
            "rules/weights/learnt.txt",
            "rules/weights/notes.txt",
            "local/hate/b.toml",
            "local/lists/places.txt",
            "lists/a",
            "lists/README.md",
        ];
        let [rules, word_lists, weights, lists] = bundled(&files, &["rules", "local"], Some("lists")).unwrap();
        assert_eq!(rules, ["rules/bullying/z.toml", "rules/hate/b.toml", "local/hate/b.toml"]);
        assert_eq!(word_lists, ["rules/lists/places.txt", "local/lists/places.txt"]);
        assert_eq!((weights, lists), (vec!["rules/weights/learnt.txt".to_owned()], vec!["lists/a".to_owned()]));
    }

    #[test]
    fn directories_that_are_not_there_are_told_all_at_once() {
        let told = bundled(&["rules/a.toml"], &["rules", "local"], Some("lists")).unwrap_err();
        assert_eq!(told, ["a directory of `rules` cannot be read", "a directory of `hashsets` cannot be read"]);
    }

    #[test]
    fn a_model_is_both_of_its_files() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("model.safetensors"), "weights").unwrap();
        let fault = read_model(folder.path()).err().unwrap();
        assert_eq!(
            (fault.what.as_str(), fault.at),
            ("the model of meaning cannot be read", Some(At::file(folder.path().join("vocab.txt"))))
        );
        fs::write(folder.path().join("vocab.txt"), "words").unwrap();
        let model = read_model(folder.path()).unwrap_or_else(|fault| panic!("{fault}"));
        assert_eq!((&*model.weights, &*model.vocabulary), (b"weights".as_slice(), b"words".as_slice()));
    }

    #[test]
    fn a_bundle_without_a_rule_is_refused() {
        assert_eq!(bundled(&["rules/README.md"], &["rules"], None).unwrap_err(), ["there is no rule"]);
        assert_eq!(bundled(&[], &[], None).unwrap_err(), ["there is no rule"]);
    }
}
