//! What it costs to read a document, offline: `mailwarden scan` of messages with one attachment each, against the tools that
//! people turn documents into text with.

#![allow(clippy::cast_precision_loss, reason = "no figure has more than three digits")]

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

#[allow(dead_code, reason = "each bench uses its share")]
mod peers;

use peers::figure::{Unit, median, note, spread, take, tell};
use peers::ours::{School, Wish, binary};
use peers::{Result, cpu, folder, mails, present};

const ROUNDS: usize = 5;
/// Of one pile, in files: enough for a second or so, beside which the start of our processes is little.
const PILE: usize = 600;

fn main() -> ExitCode {
    take(&[
        ("extract.pdf", || measure(&Figure { name: "extract.pdf", folder: "pdf", kind: "pdf", least: 0, peer: PDFTOTEXT })),
        ("extract.pdf-long", || {
            measure(&Figure { name: "extract.pdf-long", folder: "pdf", kind: "pdf", least: 200 << 10, peer: PDFTOTEXT })
        }),
        ("extract.doc", || measure(&Figure { name: "extract.doc", folder: "office", kind: "doc", least: 0, peer: ANTIWORD })),
        ("extract.xls", || measure(&Figure { name: "extract.xls", folder: "office", kind: "xls", least: 0, peer: XLS2CSV })),
        ("extract.docx", || measure(&Figure { name: "extract.docx", folder: "office", kind: "docx", least: 0, peer: DOCX })),
        ("extract.xlsx", || measure(&Figure { name: "extract.xlsx", folder: "office", kind: "xlsx", least: 0, peer: XLSX })),
    ])
}

const PDFTOTEXT: Peer =
    Peer { name: "pdftotext", at: "/usr/bin/pdftotext", package: "poppler-utils", how: How::EachFile("pdftotext \"$1\" -") };
const ANTIWORD: Peer = Peer { name: "antiword", at: "/usr/bin/antiword", package: "antiword", how: How::EachFile("antiword \"$1\"") };
const XLS2CSV: Peer = Peer { name: "xls2csv", at: "/usr/bin/xls2csv", package: "catdoc", how: How::EachFile("xls2csv \"$1\"") };
const DOCX: Peer = Peer {
    name: "python-docx",
    at: "/usr/lib/python3/dist-packages/docx",
    package: "python3-docx",
    how: How::Python("import docx\ndef read(path):\n    for p in docx.Document(path).paragraphs: p.text\n"),
};
const XLSX: Peer = Peer {
    name: "openpyxl",
    at: "/usr/lib/python3/dist-packages/openpyxl",
    package: "python3-openpyxl",
    how: How::Python(
        "import openpyxl\ndef read(path):\n    for s in openpyxl.load_workbook(path, data_only=True).worksheets:\n        for r in s.iter_rows(values_only=True): list(r)\n",
    ),
};

struct Peer {
    name: &'static str,
    /// What is there once it is installed.
    at: &'static str,
    package: &'static str,
    how: How,
}

enum How {
    /// A process a file, as people run it.
    EachFile(&'static str),
    /// One interpreter for all files, with a function `read` for one.
    Python(&'static str),
}

struct Figure {
    name: &'static str,
    /// Of the corpus.
    folder: &'static str,
    /// How the names of its files end.
    kind: &'static str,
    /// Of one file, in octets.
    least: u64,
    peer: Peer,
}

/// Documents per second of processor time.
fn measure(figure: &Figure) -> Result<()> {
    const UNIT: Unit = Unit::Rate("documents/cpu-s");
    let has_peer = present(figure.peer.at, &[figure.peer.package]);
    let documents = documents(figure, has_peer)?;
    if documents.is_empty() {
        tell(figure.name, UNIT, None, None);
        return Ok(());
    }
    let pile = Pile::of(&documents, figure.kind)?;
    let school = binary()?.map(|binary| School::found(&binary, &mails::terms()?, &Wish::default())).transpose()?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        if let Some(school) = &school {
            ours.push(pile.count as f64 / scan(school, &pile)?.as_secs_f64());
        }
        if has_peer {
            theirs.push(pile.count as f64 / figure.peer.read(&pile)?.as_secs_f64());
        }
    }
    note(&format!("{}: {} documents, {} of them different", figure.name, pile.count, documents.len()));
    note(&format!("documents per cpu-second, ours {}, theirs {}", spread(&ours), spread(&theirs)));
    let peer = median(theirs).map(|theirs| (figure.peer.name, theirs));
    tell(figure.name, UNIT, median(ours), peer);
    Ok(())
}

/// Files of the corpus that the peer, too, can read.
fn documents(figure: &Figure, has_peer: bool) -> Result<Vec<Vec<u8>>> {
    let at = mails::corpus().join("corpus").join(figure.folder);
    if !at.is_dir() {
        note(&format!("{} is absent: there is nothing to measure {} with", at.display(), figure.name));
        return Ok(Vec::new());
    }
    let mut paths: Vec<_> = fs::read_dir(at)?.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|kind| kind == figure.kind));
    paths.retain(|path| fs::metadata(path).is_ok_and(|file| file.len() >= figure.least));
    paths.retain(|path| !has_peer || figure.peer.can_read(path));
    paths.sort();
    paths.iter().map(|path| Ok(fs::read(path)?)).collect()
}

/// The same documents many times over, as files and as messages.
struct Pile {
    files: TempDir,
    messages: TempDir,
    count: usize,
}

impl Pile {
    fn of(documents: &[Vec<u8>], kind: &str) -> Result<Self> {
        let pile = Self { files: folder()?, messages: folder()?, count: PILE.next_multiple_of(documents.len()) };
        for (number, document) in (0..pile.count).zip(documents.iter().cycle()) {
            fs::write(pile.files.path().join(format!("{number:04}.{kind}")), document)?;
            let header = "From: a@school.example\r\nSubject: it\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=it\r\n\
                Content-Transfer-Encoding: binary\r\n\r\n";
            fs::write(pile.messages.path().join(format!("{number:04}.eml")), [header.as_bytes(), document].concat())?;
        }
        Ok(pile)
    }
}

impl Peer {
    fn can_read(&self, path: &Path) -> bool {
        cpu::run(&mut self.command(&[path])).is_ok()
    }

    fn read(&self, pile: &Pile) -> Result<Duration> {
        let mut paths: Vec<_> =
            fs::read_dir(pile.files.path())?.map(|entry| entry.map(|entry| entry.path())).collect::<std::io::Result<_>>()?;
        paths.sort();
        let paths: Vec<_> = paths.iter().map(std::path::PathBuf::as_path).collect();
        Ok(cpu::run(&mut self.command(&paths))?.cpu)
    }

    fn command(&self, paths: &[&Path]) -> Command {
        let mut command = match self.how {
            How::EachFile(run) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("while [ $# -gt 0 ]; do {run} >/dev/null 2>&1 || exit 1; shift; done"), "sh"]);
                shell
            }
            How::Python(read) => {
                let mut python = Command::new("/usr/bin/python3");
                python.args(["-W", "ignore", "-c", &format!("import sys\n{read}\nfor path in sys.argv[1:]: read(path)")]);
                python
            }
        };
        command.args(paths);
        command
    }
}

/// # Errors
/// When a message was left out, or nothing of an attachment was read: a scan that did nothing is fast.
fn scan(school: &School, pile: &Pile) -> Result<Duration> {
    let ended = cpu::run(school.command("scan").arg("--json").arg(pile.messages.path()))?;
    let lines = ended.output.stdout.split(|octet| *octet == b'\n').filter(|line| !line.is_empty());
    let told: Vec<Value> = lines.map(serde_json::from_slice).collect::<std::result::Result<_, _>>()?;
    if told.len() != pile.count || told.iter().all(|message| message["parts"].as_u64().unwrap_or(0) == 0) {
        return Err(format!("mailwarden told of {} messages out of {}", told.len(), pile.count).into());
    }
    Ok(ended.cpu)
}
