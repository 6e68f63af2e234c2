//! `mailwarden hashes import`: what is put in force, what is refused, and that the old list stays then.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Of the key that `tests/lists/issue.txt` is signed with; the private half was thrown away.
const KEY: &str = "RWSE5io/WdQleJlN9WlsR/2dWMM+GCqfoyU+T9/hsPhonvjCklYb9pf8";
const ENTRIES: [&str; 3] = [
    "e7b6fdf6e53724b625731786d9a4deb027a44bee42d91a641a340e037007a26b",
    "a4b4e18464a790b6a1491bd964506d4bc30f99e6dbac99ce0e17f7cf1463e633",
    "cbcf8481b4e949cdf9d80cd17f947004be31602c27efda7b0cf768d3882696d2",
];

struct Office {
    folder: TempDir,
}

impl Office {
    /// With the description of a list of PDQ hashes.
    fn with(key: &str) -> Self {
        let office = Self { folder: tempfile::tempdir().unwrap() };
        office.describe(&format!("name = \"Made up\"\ncategory = \"known-image\"\nkind = \"pdq\"\n{key}\n"));
        office
    }

    fn describe(&self, text: &str) {
        fs::write(self.path("made-up.toml"), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn import(&self, issue: &str, more: &[&str]) -> Output {
        fs::write(self.path("issue.txt.in"), issue).unwrap();
        self.import_file(&self.path("issue.txt.in"), more)
    }

    fn import_file(&self, file: &std::path::Path, more: &[&str]) -> Output {
        let mut command = program();
        command.args(["hashes", "import", "--list"]).arg(self.path("made-up.toml")).args(more).arg(file);
        command.output().unwrap()
    }

    fn compiled(&self) -> Option<Vec<u8>> {
        fs::read(self.path("made-up.digests")).ok()
    }

    /// On its own directory of lists.
    fn run(&self, command: &str, arguments: &[&str]) -> Output {
        // What was handed in lies beside the lists; a real one does not.
        let _ = fs::remove_file(self.path("issue.txt.in"));
        program().args(["hashes", command, "--hashsets"]).arg(self.folder.path()).args(arguments).output().unwrap()
    }
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_mailwarden"))
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn a_list_is_imported_looked_into_and_matched_within_its_distance() {
    let office = Office::with("key = \"none\"");
    let issue =
        format!("pdq,quality\n{},100\n{},100\n{},100\n{},100\n{},20\n", ENTRIES[0], ENTRIES[1], ENTRIES[2], ENTRIES[0], "5".repeat(64));
    let output = office.import(&issue, &[]);
    assert!(output.status.success(), "{}", told(&output));
    let said = told(&output);
    assert!(said.contains("Made up: 3 entries, 3 new, 0 gone; left out: 1 repeated, 1 of no use, 0 malformed"), "{said}");
    assert!(said.contains(":6: of quality 20, and below 50 too many pictures are alike"), "{said}");
    let stat = office.run("stat", &[]);
    assert!(told(&stat).contains("known-image.made-up\tMade up\tpdq\t3\t"), "{}", told(&stat));
    // Three bits off.
    let near = ENTRIES[1].replacen("a4", "a3", 1);
    assert_eq!(told(&office.run("lookup", &[&near])), "known-image.made-up\t3\n");
    let far = office.run("lookup", &[&"0f".repeat(32)]);
    assert!(
        !far.status.success() && told(&far).contains("no list knows the digest") && told(&far).contains("hint: name the directory"),
        "{}",
        told(&far)
    );
}

#[test]
fn the_old_list_stays_when_anything_is_wrong() {
    let office = Office::with("key = \"none\"");
    let entries: Vec<_> = (0..10_u8).map(|number| hex::encode([0x5a ^ number, 0x35].repeat(16))).collect();
    assert!(office.import(&entries.join("\n"), &[]).status.success());
    let old = office.compiled().unwrap();
    for (name, issue, why) in [
        ("a third is gone", entries[..7].join("\n"), "of 10 entries 3 are gone, and 0 are new"),
        ("nothing is left", "\n# empty\n".to_owned(), "no digest of kind pdq is in it"),
        ("of another kind", "900150983cd24fb0d6963f7d28e17f72\n".to_owned(), "no digest of kind pdq is in it"),
        ("a tenth is malformed", format!("{}\nnonsense\n", entries.join("\n")), "1 of its 11 digests are malformed"),
        ("breaks off", "[{\"pdq\": \"".to_owned(), "the JSON ends or breaks off here"),
        ("an ordinary picture", format!("{}\n{}", entries.join("\n"), ordinary()), "matches an ordinary picture"),
    ] {
        let output = office.import(&issue, &[]);
        assert_eq!(output.status.code(), Some(78), "{name}");
        let said = told(&output);
        assert!(said.contains("error: the list is not imported, and the old one stays") && said.contains(why), "{name}: {said}");
        assert_eq!(office.compiled().as_ref(), Some(&old), "{name}");
    }
    assert!(office.import(&entries[..7].join("\n"), &["--accept-change"]).status.success(), "somebody says that it may");
    assert_ne!(office.compiled(), Some(old));
    let left: Vec<_> = fs::read_dir(office.folder.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 3, "no draft stays behind: {left:?}");
}

#[test]
fn a_list_that_ought_to_be_signed_is_taken_with_its_signature_alone() {
    let issue = PathBuf::from("tests/lists/issue.txt");
    let office = Office::with(&format!("key = \"{KEY}\""));
    let output = office.import_file(&issue, &[]);
    assert!(output.status.success(), "{}", told(&output));
    let changed =
        office.import(&fs::read_to_string(&issue).unwrap().replace("e7b6", "e7b7"), &["--signature", "tests/lists/issue.txt.minisig"]);
    assert!(told(&changed).contains("the signature is not that of this file"), "{}", told(&changed));
    assert!(told(&office.import("x", &[])).contains("there is no signature to be read"), "no signature");
    assert!(told(&Office::with("").import_file(&issue, &[])).contains("the description names no key"));
    assert!(told(&Office::with("key = \"RWx\"").import_file(&issue, &[])).contains("`key` is no minisign public key"));
}

#[test]
fn a_list_of_a_kind_that_cannot_be_computed_is_refused_with_the_reason() {
    let office = Office::with("");
    office.describe("name = \"x\"\ncategory = \"known-image\"\nkind = \"photodna\"\nkey = \"none\"\n");
    let said = told(&office.import("00", &[]));
    assert!(said.contains("PhotoDNA is licensed by Microsoft and cannot be computed here, so a list of it finds nothing"), "{said}");
    office.describe("name = \"x\"\ncategory = \"nonsense\"\nkind = \"pdq\"\n");
    let said = told(&office.import("00", &[]));
    assert!(said.contains("made-up.toml:2") && said.contains("`nonsense` is not a category"), "{said}");
}

#[test]
fn two_hashes_are_compared() {
    let output = program().args(["hashes", "compare", ENTRIES[0], ENTRIES[0]]).output().unwrap();
    assert_eq!(told(&output), "0 bits apart: the same picture\n");
    let output = program().args(["hashes", "compare", ENTRIES[0], ENTRIES[1]]).output().unwrap();
    assert!(told(&output).ends_with("bits apart: different pictures\n"), "{}", told(&output));
    assert_eq!(program().args(["hashes", "compare", "ab", "cd"]).output().unwrap().status.code(), Some(64));
}

fn ordinary() -> String {
    let all = fs::read_to_string("src/cli/hashes/ordinary.txt").unwrap();
    all.lines().nth(1).unwrap().to_owned()
}
