//! `mailwarden hashes import`: a new list, or a new issue of one, put in the place of the old as a whole.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Zoned;
use minisign_verify::{PublicKey, Signature};

use super::NEW_FILE;
use super::issued::Issued;
use super::ordinary::Ordinary;
use crate::cli::replace::replace;
use crate::cli::{Exit, Failure, Output};
use crate::fault::{At, Fault};
use crate::finding::Stage;
use crate::scan::detect::{Compiled, Description, DigestKind, compile_list};
use crate::wire::Shared;

/// Between two issues of a list no more than this share of its entries comes and goes, unless somebody says so.
const MAX_CHANGE: f64 = 0.2;
/// Of the lines of a file this share may be no digests; with more of them it is another kind of file.
const MAX_MALFORMED: f64 = 0.01;

/// Read a list from its issuer, and put it in the place of the old one.
///
/// The list is described in `hashsets/NAME.toml` (hashsets/README.md). Digests of no use are left out and told by line. The old list
/// stays when anything is wrong: the signature, the format, a change of more than a fifth, or a match with an ordinary picture.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The description of the list; what is compiled is put beside it.
    #[arg(long, value_name = "hashsets/NAME.toml")]
    list: PathBuf,
    /// The minisign signature of FILE. Default: `FILE.minisig`.
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// Take a list of which more than a fifth has changed, without asking.
    #[arg(long)]
    accept_change: bool,
    /// What the issuer handed out: one digest a line, CSV, or JSON.
    file: PathBuf,
}

impl Import {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let octets =
            fs::read(&self.list).map_err(|error| stays(&self.list, None, error.to_string(), "write the description of the list first"))?;
        let description = Description::read(&self.list, &octets).map_err(Failure::config)?;
        let kind = description.kind();
        let issue = fs::read(&self.file).map_err(|error| stays(&self.file, None, error.to_string(), "correct the path"))?;
        self.verify(&description, &issue)?;
        let issued = Issued::read(&issue, kind)
            .map_err(|(line, why)| stays(&self.file, Some(line), why, "ask the issuer for the file anew: part of it may be missing"))?;
        for left in &issued.left_out {
            out.line(&format!("left out: {}:{}: {}", self.file.display(), left.line, left.why))?;
        }
        self.is_a_list(&issued, kind)?;
        self.is_harmless(&issued, kind)?;

        let compiled = self.list.with_extension("digests");
        let old = old(&compiled, kind)?;
        let (added, removed) = (issued.digests.difference(&old).count(), old.difference(&issued.digests).count());
        self.is_expected(&old, added, removed)?;
        let list = compile_list(kind, issued.digests.iter().cloned().collect());
        replace(&compiled, list.octets(), NEW_FILE)
            .map_err(|error| stays(&compiled, None, error.to_string(), "let this user write into the directory"))?;
        out.line(&format!(
            "{}: {} entries, {added} new, {removed} gone; left out: {} repeated, {} of no use, {} malformed",
            description.name,
            issued.digests.len(),
            issued.repeated,
            issued.useless,
            issued.malformed
        ))?;
        if !description.is_in_force(Zoned::now().date(), Stage::Shadow) {
            out.line("the list finds nothing yet: see `stage`, `valid_from` and `valid_until` in its description")?;
        }
        out.line("`systemctl reload mailwarden` puts it in force")?;
        Ok(())
    }

    /// # Errors
    /// When the file is not signed as the description says.
    fn verify(&self, description: &Description, issue: &[u8]) -> Result<(), Failure> {
        let Some(key) = &description.key else {
            let hint = "write the issuer's minisign key as `key = \"RW…\"`, or `key = \"none\"` where the list is never signed";
            return Err(stays(&self.list, None, "the description names no key", hint));
        };
        if key == "none" {
            return Ok(());
        }
        let key = PublicKey::from_base64(key)
            .map_err(|_| stays(&self.list, None, "`key` is no minisign public key", "copy the second line of the issuer's `.pub` file"))?;
        let path = self.signature.clone().unwrap_or_else(|| {
            let mut path = self.file.clone().into_os_string();
            path.push(".minisig");
            path.into()
        });
        let signature = Signature::from_file(&path).map_err(|error| {
            stays(
                &path,
                None,
                format!("there is no signature to be read: {error}"),
                "fetch it from the issuer, or name it with `--signature`",
            )
        })?;
        key.verify(issue, &signature, false).map_err(|error| {
            stays(
                &self.file,
                None,
                format!("the signature is not that of this file: {error}"),
                "fetch both from the issuer anew; never import a file that fails this",
            )
        })
    }

    /// # Errors
    /// When the file is hardly one of digests of that kind.
    fn is_a_list(&self, issued: &Issued, kind: DigestKind) -> Result<(), Failure> {
        let good = issued.digests.len() + issued.useless;
        if issued.digests.is_empty() {
            let why = format!("no digest of kind {} is in it", kind.as_str());
            return Err(stays(&self.file, None, why, "compare it with `kind` in the description"));
        }
        if share(issued.malformed, good + issued.malformed) > MAX_MALFORMED {
            let why = format!("{} of its {} digests are malformed", issued.malformed, good + issued.malformed);
            return Err(stays(&self.file, issued.left_out.first().map(|left| left.line), why, "ask the issuer for the file anew"));
        }
        Ok(())
    }

    /// # Errors
    /// When an entry would match a picture that everybody has.
    fn is_harmless(&self, issued: &Issued, kind: DigestKind) -> Result<(), Failure> {
        if kind != DigestKind::Pdq {
            return Ok(());
        }
        let ordinary = Ordinary::new();
        let hit = issued.digests.iter().find(|digest| ordinary.has(digest));
        match hit {
            None => Ok(()),
            Some(digest) => Err(stays(
                &self.file,
                None,
                format!("the entry {} matches an ordinary picture", hex::encode(digest)),
                "tell the issuer, and take the entry out of the file",
            )),
        }
    }

    /// # Errors
    /// When much has changed, and nobody says that it may.
    fn is_expected(&self, old: &BTreeSet<Vec<u8>>, added: usize, removed: usize) -> Result<(), Failure> {
        if old.is_empty() || self.accept_change || share(added.max(removed), old.len()) <= MAX_CHANGE {
            return Ok(());
        }
        let change = format!("of {} entries {removed} are gone, and {added} are new", old.len());
        if io::stdin().is_terminal() && agreed(&change).unwrap_or(false) {
            return Ok(());
        }
        Err(stays(&self.file, None, change, "ask the issuer; where it is right, say `--accept-change`"))
    }
}

/// # Errors
/// When what is there is no list of that kind.
fn old(compiled: &Path, kind: DigestKind) -> Result<BTreeSet<Vec<u8>>, Failure> {
    match fs::read(compiled) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(stays(compiled, None, error.to_string(), "let this user read it")),
        Ok(octets) => {
            let old = Compiled::open(&Shared::of(octets), kind);
            let hint = "give the list another name, or remove the file";
            let old = old.ok_or_else(|| stays(compiled, None, format!("it is no compiled list of kind {}", kind.as_str()), hint))?;
            Ok(old.digests().map(<[u8]>::to_vec).collect())
        }
    }
}

fn stays(path: &Path, line: Option<usize>, why: impl Into<String>, hint: &str) -> Failure {
    let what = "the list is not imported, and the old one stays".to_owned();
    let at = line.map_or_else(|| At::file(path), |line| At::line(path, line));
    Failure { exit: Exit::Config, faults: vec![Fault { what, at: Some(at), why: why.into(), hint: hint.to_owned() }] }
}

#[expect(clippy::cast_precision_loss, reason = "no list has 2^52 entries")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn agreed(change: &str) -> io::Result<bool> {
    write!(io::stderr(), "{change}. Import it nevertheless? [y/N] ")?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    Ok(answer.trim().eq_ignore_ascii_case("y"))
}
